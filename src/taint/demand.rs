//! Summaries on demand: of a function for those of its parameters that a call gives taint, and of what it calls.
//!
//! What no call gives taint is never followed. A summary depends on the function, the parameters and the constants it
//! is made for and on nothing else, so that it does not matter which thread makes it, or when.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, Mutex};

use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::program::{CallGraph, FuncId, Program};
use crate::taint::body::{Context, analyze};
use crate::taint::limits::MAX_ROUNDS;
use crate::taint::summary::Summary;
use crate::taint::value::Tree;
use crate::taint::world::{Given, World};

/// Parameters that are given taint: one bit each, the last for all from there on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Mask(u64);

impl Mask {
    /// No parameter.
    pub(super) const NONE: Self = Self(0);
    /// Each parameter.
    pub(super) const ALL: Self = Self(u64::MAX);

    /// The parameters that `bound` gives taint.
    pub(super) fn of(bound: &[Option<Arc<Tree>>]) -> Self {
        let is_tainted = |tree: &Option<Arc<Tree>>| tree.as_ref().is_some_and(|tree| tree.is_tainted());
        let bits = bound.iter().enumerate().filter(|(_, tree)| is_tainted(tree));
        Self(bits.fold(0, |mask, (index, _)| mask | Self::bit(index)))
    }

    /// Whether the parameter at `index` is one.
    pub(super) fn has(self, index: usize) -> bool {
        self.0 & Self::bit(index) != 0
    }

    fn bit(index: usize) -> u64 {
        1 << index.min(63)
    }
}

/// Summaries by what they were made for, in parts that threads seldom share.
pub(super) struct Memo<K> {
    shards: Vec<Mutex<FxHashMap<K, Arc<Summary>>>>,
}

impl<K: Hash + Eq> Default for Memo<K> {
    fn default() -> Self {
        const N_SHARDS: usize = 64;
        Self { shards: (0..N_SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl<K: Hash + Eq> Memo<K> {
    fn shard(&self, key: &K) -> &Mutex<FxHashMap<K, Arc<Summary>>> {
        let hash = FxBuildHasher.hash_one(key);
        // The high bits of this hash are the good ones.
        &self.shards[usize::try_from(hash >> 58).unwrap_or_default() % self.shards.len()]
    }

    pub(super) fn get(&self, key: &K) -> Option<Arc<Summary>> {
        self.shard(key).lock().ok()?.get(key).cloned()
    }

    /// Keeps a summary; the one that was there first stays.
    pub(super) fn insert(&self, key: K, summary: Arc<Summary>) -> Arc<Summary> {
        match self.shard(&key).lock() {
            Ok(mut shard) => Arc::clone(shard.entry(key).or_insert(summary)),
            Err(_) => summary,
        }
    }

    /// Forgets what `keep` does not tell to keep.
    pub(super) fn retain(&self, keep: impl Fn(&K) -> bool) {
        for shard in &self.shards {
            if let Ok(mut shard) = shard.lock() {
                shard.retain(|key, _| keep(key));
            }
        }
    }

    /// Hands all to `note`, in no order.
    pub(super) fn each(&self, mut note: impl FnMut(&K, &Summary)) {
        for shard in &self.shards {
            if let Ok(shard) = shard.lock() {
                shard.iter().for_each(|(key, summary)| note(key, summary));
            }
        }
    }
}

/// A function, the parameters that are given taint, what else its caller passes that decides something, and how deep the
/// caller itself is in such a summary.
pub(super) type SpecialKey = (FuncId, Mask, Vec<(usize, Given)>, u32);

/// What was summarized so far.
#[derive(Default)]
pub(super) struct Demands {
    pub(super) plain: Memo<(FuncId, Mask)>,
    /// Summaries for given constants.
    pub(super) special: Memo<SpecialKey>,
}

/// Functions that call each other, while they are summarized.
#[derive(Default)]
pub(super) struct Group {
    /// Their summaries so far.
    summaries: FxHashMap<FuncId, Arc<Summary>>,
    /// Those that were asked for.
    asked: RefCell<FxHashSet<FuncId>>,
}

impl Group {
    /// The summary of a member so far.
    pub(super) fn get(&self, id: FuncId) -> Option<&Arc<Summary>> {
        let known = self.summaries.get(&id)?;
        self.asked.borrow_mut().insert(id);
        Some(known)
    }
}

/// Groups of functions that call each other, by member.
#[derive(Default)]
pub(super) struct Cycles {
    groups: Vec<Vec<FuncId>>,
    by_member: FxHashMap<FuncId, usize>,
}

impl Cycles {
    pub(super) fn new(graph: &CallGraph) -> Self {
        let is_cycle = |group: &&Vec<FuncId>| match &group[..] {
            [only] => graph.callees[*only].binary_search(only).is_ok(),
            _ => true,
        };
        let cycles = graph.levels.iter().flatten().filter(is_cycle);
        let groups: Vec<Vec<FuncId>> = cycles.map(|group| callees_first(graph, group)).collect();
        let members = groups.iter().enumerate().flat_map(|(at, group)| group.iter().map(move |id| (*id, at)));
        Self { by_member: members.collect(), groups }
    }

    /// Whether a function may come to be called by itself.
    pub(super) fn has(&self, id: FuncId) -> bool {
        self.by_member.contains_key(&id)
    }

    fn of(&self, id: FuncId) -> Option<&[FuncId]> {
        self.by_member.get(&id).map(|at| &self.groups[*at][..])
    }
}

/// The members of a group, those that others call before these as far as may be: then few are run again.
fn callees_first(graph: &CallGraph, group: &[FuncId]) -> Vec<FuncId> {
    let (mut order, mut seen) = (Vec::with_capacity(group.len()), FxHashSet::default());
    for first in group {
        let mut todo = vec![(*first, 0)];
        while let Some((id, next)) = todo.pop() {
            if next == 0 && !seen.insert(id) {
                continue;
            }
            match graph.callees[id].get(next) {
                Some(callee) => {
                    todo.push((id, next + 1));
                    if group.binary_search(callee).is_ok() && !seen.contains(callee) {
                        todo.push((*callee, 0));
                    }
                }
                None => order.push(id),
            }
        }
    }
    order
}

/// The summary of a function for the parameters in `mask`; for all where functions call each other.
pub(super) fn summary<'w>(world: &'w World<'w, '_>, id: FuncId, mask: Mask) -> Arc<Summary> {
    let group = world.cycles.of(id);
    let key = (id, if group.is_some() { Mask::ALL } else { mask });
    if let Some(known) = world.demands.plain.get(&key) {
        return known;
    }
    let Some(group) = group else {
        let made = analyze(world, id, &Context { mask, ..Context::default() });
        return world.demands.plain.insert(key, Arc::new(made));
    };
    let mut found = Arc::default();
    for (member, made) in settled(world, group) {
        let kept = world.demands.plain.insert((member, Mask::ALL), made);
        if member == id {
            found = kept;
        }
    }
    found
}

/// The summaries of functions that call each other, repeated until nothing changes.
fn settled(world: &World<'_, '_>, members: &[FuncId]) -> FxHashMap<FuncId, Arc<Summary>> {
    let mut group = Group::default();
    group.summaries.extend(members.iter().map(|id| (*id, Arc::default())));
    // Whom each asked when it was run last: nothing else can change what it does.
    let mut asked: FxHashMap<FuncId, FxHashSet<FuncId>> = FxHashMap::default();
    let mut stale: FxHashSet<FuncId> = members.iter().copied().collect();
    for _ in 0..MAX_ROUNDS {
        for member in members {
            if !stale.remove(member) {
                continue;
            }
            let context = Context { mask: Mask::ALL, group: Some(&group), ..Context::default() };
            let made = analyze(world, *member, &context);
            asked.insert(*member, group.asked.take());
            if !group.summaries[member].same(&made) {
                stale.extend(asked.iter().filter(|(_, asked)| asked.contains(member)).map(|(id, _)| *id));
            }
            group.summaries.insert(*member, Arc::new(made));
        }
        if stale.is_empty() {
            break;
        }
    }
    group.summaries
}

/// Whether `id` may be called from `from` as far as names tell, or can certainly not call it, which rules out that each
/// waits for the other.
pub(super) fn is_below(graph: &CallGraph, from: FuncId, id: FuncId) -> bool {
    let is_lower = |(level, from)| level < from;
    graph.callees.get(from).is_some_and(|callees| callees.binary_search(&id).is_ok())
        || graph.level.get(id).zip(graph.level.get(from)).is_some_and(is_lower)
}

/// The functions that were looked at, each with whether it reads a cell that `fresh` tells.
pub(super) fn looked_at(
    demands: &Demands,
    program: &Program<'_>,
    fresh: impl Fn(&crate::taint::summary::Cell) -> bool,
) -> crate::base::IdVec<FuncId, Option<bool>> {
    let mut found = crate::base::IdVec::filled(None, program.n_funcs());
    demands.plain.each(|(id, _), summary| {
        let reads = summary.reads.iter().any(&fresh);
        found[*id] = Some(found[*id].unwrap_or(false) | reads);
    });
    found
}
