//! Summaries on demand: of a function for those of its parameters that a call gives taint, and of what it calls.
//!
//! What no call gives taint is never followed. A summary depends on the function, the parameters and the constants it
//! is made for and on nothing else, so that it does not matter which thread makes it, or when.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, Mutex};

use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::program::{CallGraph, FuncId, Program};
use crate::taint::body::{Context, analyze};
use crate::taint::limits::{MAX_APART, MAX_ROUNDS};
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
    pub(super) plain: Memo<PlainKey>,
    /// Summaries for given constants.
    pub(super) special: Memo<SpecialKey>,
}

/// A function, and the parameters that are given taint.
type PlainKey = (FuncId, Mask);

/// Functions that call each other, while they are summarized.
pub(super) struct Group<'c> {
    members: &'c [FuncId],
    /// Their summaries so far.
    summaries: RefCell<FxHashMap<PlainKey, Arc<Summary>>>,
    /// What was asked for.
    asked: RefCell<FxHashSet<PlainKey>>,
    /// What was asked for and is not begun.
    new: RefCell<Vec<PlainKey>>,
}

impl<'c> Group<'c> {
    /// A group of which `first` is to be summarized.
    fn new(members: &'c [FuncId], first: &[PlainKey]) -> Self {
        let summaries = first.iter().map(|key| (*key, Arc::default())).collect();
        let (asked, new) = (RefCell::default(), RefCell::default());
        Self { members, summaries: RefCell::new(summaries), asked, new }
    }

    /// The summary of a member so far.
    pub(super) fn get(&self, id: FuncId, mask: Mask) -> Option<Arc<Summary>> {
        let mut summaries = self.summaries.borrow_mut();
        let is_full = summaries.len() >= MAX_APART * MAX_APART;
        let key = (id, if is_full || is_wide(self.members) { Mask::ALL } else { mask });
        let known = summaries.get(&key).cloned();
        if known.is_none() && (is_wide(self.members) || !self.members.contains(&id)) {
            return None;
        }
        self.asked.borrow_mut().insert(key);
        Some(known.unwrap_or_else(|| {
            self.new.borrow_mut().push(key);
            Arc::clone(summaries.entry(key).or_default())
        }))
    }
}

/// A function that may call itself for what it is summarized for, meanwhile.
#[derive(Default)]
pub(super) struct Own {
    summary: RefCell<Arc<Summary>>,
    is_asked: Cell<bool>,
}

impl Own {
    /// Its summary so far.
    pub(super) fn get(&self) -> Arc<Summary> {
        self.is_asked.set(true);
        Arc::clone(&self.summary.borrow())
    }

    /// Its summary, `made` again until nothing changes.
    pub(super) fn settled(&self, made: impl Fn() -> Summary) -> Arc<Summary> {
        for _ in 0..MAX_ROUNDS {
            let next = made();
            let is_done = !self.is_asked.get() || self.summary.borrow().same(&next);
            self.summary.replace(Arc::new(next));
            if is_done {
                break;
            }
        }
        self.summary.take()
    }
}

/// Whether functions are so many that one summary for all parameters of each is less work than one for each call.
fn is_wide(members: &[FuncId]) -> bool {
    members.len() > MAX_APART
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

/// The summary of a function for the parameters in `mask`; for all where many functions call each other.
pub(super) fn summary<'w>(world: &'w World<'w, '_>, id: FuncId, mask: Mask) -> Arc<Summary> {
    let members = world.cycles.of(id);
    let key = (id, if members.is_some_and(is_wide) { Mask::ALL } else { mask });
    if let Some(known) = world.demands.plain.get(&key) {
        return known;
    }
    let Some(members) = members else {
        let made = analyze(world, id, &Context { mask, ..Context::default() });
        return world.demands.plain.insert(key, Arc::new(made));
    };
    if !is_wide(members) {
        // What else it takes is not kept: where another begins, that may be told otherwise.
        let made = settled(world, members, vec![key]).remove(&key);
        return world.demands.plain.insert(key, made.unwrap_or_default());
    }
    let mut found = Arc::default();
    for (other, made) in settled(world, members, members.iter().map(|id| (*id, Mask::ALL)).collect()) {
        let kept = world.demands.plain.insert(other, made);
        if other == key {
            found = kept;
        }
    }
    found
}

/// The summaries of functions that call each other, repeated until nothing changes.
fn settled(
    world: &World<'_, '_>,
    members: &[FuncId],
    mut keys: Vec<PlainKey>,
) -> FxHashMap<PlainKey, Arc<Summary>> {
    let group = Group::new(members, &keys);
    // Whom each asked when it was run last: nothing else can change what it does.
    let mut asked: FxHashMap<PlainKey, FxHashSet<PlainKey>> = FxHashMap::default();
    let mut stale: FxHashSet<PlainKey> = keys.iter().copied().collect();
    for _ in 0..MAX_ROUNDS {
        let mut at = 0;
        while let Some(key) = keys.get(at).copied() {
            at += 1;
            if !stale.remove(&key) {
                continue;
            }
            let context = Context { mask: key.1, group: Some(&group), ..Context::default() };
            let made = analyze(world, key.0, &context);
            asked.insert(key, group.asked.take());
            stale.extend(group.new.borrow().iter().copied());
            keys.append(&mut group.new.borrow_mut());
            let mut summaries = group.summaries.borrow_mut();
            if !summaries[&key].same(&made) {
                stale.extend(asked.iter().filter(|(_, asked)| asked.contains(&key)).map(|(key, _)| *key));
            }
            summaries.insert(key, Arc::new(made));
        }
        if stale.is_empty() {
            break;
        }
    }
    group.summaries.into_inner()
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
