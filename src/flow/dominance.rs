//! Dominators and post-dominators.
//!
//! Source: Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm", 2001.

use crate::flow::graph::may_unwind;
use crate::flow::{Cfg, Point};
use crate::ir::{BlockId, Body, Terminator};

/// A dominator tree over blocks, or its mirror over a virtual exit.
pub struct Dominators {
    /// Immediate dominator by block index; the root's is itself. The virtual exit has the last index.
    idom: Vec<Option<usize>>,
    /// Whether this is the mirror, in which later instructions of a block come first.
    is_post: bool,
}

impl Dominators {
    /// Whether every path from the entry to `b` (for post-dominators: from `b` to any exit) passes `a`.
    #[must_use]
    pub fn dominates(&self, a: BlockId, b: BlockId) -> bool {
        let mut at = b.index();
        loop {
            if at == a.index() {
                return true;
            }
            match self.idom[at] {
                Some(up) if up != at => at = up,
                Some(_) | None => return false,
            }
        }
    }

    /// As [`Dominators::dominates`], between instructions.
    #[must_use]
    pub fn dominates_point(&self, a: Point, b: Point) -> bool {
        if a.block == b.block {
            return if self.is_post { a.index >= b.index } else { a.index <= b.index };
        }
        self.dominates(a.block, b.block)
    }
}

/// Which blocks every path from the entry passes.
#[must_use]
pub fn dominators(body: &Body, cfg: &Cfg) -> Dominators {
    let order: Vec<usize> = cfg.order().iter().map(|block| block.index()).collect();
    let preds = |block: usize| -> Vec<usize> {
        cfg.preds(BlockId::new(block)).iter().map(|edge| edge.block.index()).collect()
    };
    Dominators { idom: immediate(body.blocks.len(), &order, preds), is_post: false }
}

/// Which blocks every path to a way out passes. Ways out are returns and, unless `only_normal`, exceptions that leave
/// the body; with `only_normal` exceptional edges do not exist.
#[must_use]
pub fn post_dominators(body: &Body, cfg: &Cfg, only_normal: bool) -> Dominators {
    let n = body.blocks.len();
    let exit = n;
    let mut preds: Vec<Vec<usize>> = vec![Vec::new(); n + 1]; // in the mirror: successors
    let mut succs: Vec<Vec<usize>> = vec![Vec::new(); n + 1]; // in the mirror: predecessors
    for &block in cfg.order() {
        for edge in cfg.succs(block).iter().filter(|edge| !(only_normal && edge.unwind)) {
            preds[block.index()].push(edge.block.index());
            succs[edge.block.index()].push(block.index());
        }
        let unwinds_out = body.blocks[block].unwind.is_none();
        let leaves = match body.blocks[block].end {
            Terminator::Return(_) => true,
            Terminator::Raise { .. } => only_normal || unwinds_out,
            _ => false,
        };
        if leaves || (!only_normal && unwinds_out && may_unwind(body, block)) {
            preds[block.index()].push(exit);
            succs[exit].push(block.index());
        }
    }
    let order = post_order_from(exit, &succs);
    Dominators { idom: immediate(n + 1, &order, |block| preds[block].clone()), is_post: true }
}

fn post_order_from(root: usize, succs: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; succs.len()];
    let mut order = Vec::new();
    let mut stack = vec![(root, 0)];
    seen[root] = true;
    while let Some((block, next)) = stack.pop() {
        match succs[block].get(next) {
            Some(&to) => {
                stack.push((block, next + 1));
                if !std::mem::replace(&mut seen[to], true) {
                    stack.push((to, 0));
                }
            }
            None => order.push(block),
        }
    }
    order.reverse();
    order
}

/// Immediate dominators; `order` is a reverse post-order that begins with the root.
fn immediate(n: usize, order: &[usize], preds: impl Fn(usize) -> Vec<usize>) -> Vec<Option<usize>> {
    let mut rank = vec![usize::MAX; n];
    for (i, &block) in order.iter().enumerate() {
        rank[block] = i;
    }
    let mut idom: Vec<Option<usize>> = vec![None; n];
    let Some(&root) = order.first() else { return idom };
    idom[root] = Some(root);
    let mut changed = true;
    while changed {
        changed = false;
        for &block in &order[1..] {
            let mut new: Option<usize> = None;
            for pred in preds(block) {
                if rank[pred] == usize::MAX || idom[pred].is_none() {
                    continue;
                }
                new = Some(new.map_or(pred, |other| meet(pred, other, &idom, &rank)));
            }
            if idom[block] != new {
                idom[block] = new;
                changed = true;
            }
        }
    }
    idom
}

fn meet(mut a: usize, mut b: usize, idom: &[Option<usize>], rank: &[usize]) -> usize {
    while a != b {
        while rank[a] > rank[b] {
            a = idom[a].expect("processed blocks have a dominator");
        }
        while rank[b] > rank[a] {
            b = idom[b].expect("processed blocks have a dominator");
        }
    }
    a
}
