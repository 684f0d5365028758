//! Strongly connected components.

use crate::base::IdVec;

/// The strongly connected components of what `from` lead to, each behind those that it leads to (Tarjan, "Depth-first
/// search and linear graph algorithms", 1972). There are `n` nodes; `succ` gives the next of a node by its number.
pub fn components<I: Copy + Eq + From<usize> + Into<usize>>(
    from: impl Iterator<Item = I>,
    n: usize,
    succ: impl Fn(I, usize) -> Option<I>,
) -> Vec<Vec<I>> {
    const NEW: u32 = u32::MAX;
    let mut index: IdVec<I, u32> = IdVec::filled(NEW, n);
    let mut low: IdVec<I, u32> = IdVec::filled(NEW, n);
    let mut on_stack: IdVec<I, bool> = IdVec::filled(false, n);
    let (mut stack, mut next, mut found) = (Vec::new(), 0, Vec::new());
    for root in from {
        if index[root] != NEW {
            continue;
        }
        let mut work = vec![(root, 0)];
        while let Some((at, child)) = work.pop() {
            if child == 0 {
                (index[at], low[at]) = (next, next);
                next += 1;
                stack.push(at);
                on_stack[at] = true;
            }
            if let Some(to) = succ(at, child) {
                work.push((at, child + 1));
                if index[to] == NEW {
                    work.push((to, 0));
                } else if on_stack[to] {
                    low[at] = low[at].min(index[to]);
                }
                continue;
            }
            if low[at] == index[at] {
                let begin = stack.iter().rposition(|other| *other == at).unwrap_or_default();
                let group: Vec<I> = stack.drain(begin..).collect();
                group.iter().for_each(|member| on_stack[*member] = false);
                found.push(group);
            }
            if let Some(&(parent, _)) = work.last() {
                low[parent] = low[parent].min(low[at]);
            }
        }
    }
    found
}
