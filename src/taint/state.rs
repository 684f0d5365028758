//! What is known at a point.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::base::Symbol;
use crate::ir::LocalId;
use crate::models::Kinds;
use crate::taint::value::{Label, Tree};

/// A variable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Var {
    Local(LocalId),
    Global(Symbol),
}

/// Values of variables, sorted; nothing is known of those that are absent.
#[derive(Clone, Default, Debug)]
pub(super) struct State {
    vars: Vec<(Var, Arc<Tree>)>,
    /// Kinds for which checks have shown an origin to be harmless, sorted by origin.
    cleared: Vec<(u32, Kinds)>,
}

impl State {
    pub(super) fn get(&self, var: Var) -> Option<&Arc<Tree>> {
        self.vars.binary_search_by_key(&var, |(known, _)| *known).ok().map(|at| &self.vars[at].1)
    }

    pub(super) fn set(&mut self, var: Var, tree: Arc<Tree>) {
        match self.vars.binary_search_by_key(&var, |(known, _)| *known) {
            Ok(at) if tree.is_plain() => drop(self.vars.remove(at)),
            Ok(at) => self.vars[at].1 = tree,
            Err(_) if tree.is_plain() => {}
            Err(at) => self.vars.insert(at, (var, tree)),
        }
    }

    /// Puts `new` in place of `old` in all variables that hold this very value.
    pub(super) fn replace(&mut self, old: &Arc<Tree>, new: &Arc<Tree>) {
        let holding = self.vars.iter_mut().filter(|(_, known)| Arc::ptr_eq(known, old));
        holding.for_each(|(_, known)| *known = Arc::clone(new));
    }

    /// The value of `var`, to be changed in place.
    pub(super) fn change(&mut self, var: Var, change: impl FnOnce(&mut Tree)) {
        let mut tree = self.get(var).cloned().unwrap_or_default();
        change(Arc::make_mut(&mut tree));
        self.set(var, tree);
    }

    pub(super) fn retain(&mut self, keep: impl Fn(Var) -> bool) {
        self.vars.retain(|(var, _)| keep(*var));
    }

    /// Whether a check has shown anything.
    pub(super) fn has_cleared(&self) -> bool {
        !self.cleared.is_empty()
    }

    /// The kinds for which `origin` is harmless here.
    pub(super) fn cleared(&self, origin: u32) -> Kinds {
        let at = self.cleared.binary_search_by_key(&origin, |(known, _)| *known);
        at.map_or(Kinds::NONE, |at| self.cleared[at].1)
    }

    pub(super) fn clear(&mut self, origin: u32, kinds: Kinds) {
        match self.cleared.binary_search_by_key(&origin, |(known, _)| *known) {
            Ok(at) => self.cleared[at].1 = self.cleared[at].1.with(kinds),
            Err(at) => self.cleared.insert(at, (origin, kinds)),
        }
    }

    /// Forgets what was shown of `origin`: it is read anew.
    pub(super) fn forget(&mut self, origin: u32) {
        self.cleared.retain(|(known, _)| *known != origin);
    }

    /// The origins whose taint some variable holds, parts of them included, with the kinds that are not cleared.
    fn held(&self, wholes: &FxHashMap<u32, u32>) -> FxHashMap<u32, Kinds> {
        let mut held: FxHashMap<u32, Kinds> = FxHashMap::default();
        let mut note = |label: &Label| {
            let chain = || std::iter::successors(Some(label.origin), |at| wholes.get(at).copied());
            let cleared = chain().fold(Kinds::NONE, |sum, at| sum.with(self.cleared(at)));
            for at in chain() {
                let kinds = held.entry(at).or_default();
                *kinds = kinds.with(label.kinds.without(cleared));
            }
        };
        self.vars.iter().for_each(|(_, tree)| tree.each_label(&mut note));
        held
    }

    /// Joins `other` in; returns whether anything grew. `wholes` tells which origin each origin is a part of.
    pub(super) fn join(&mut self, other: &Self, wholes: &FxHashMap<u32, u32>) -> bool {
        let mut grew = false;
        let before_join = if self.cleared == other.cleared { Self::default() } else { self.clone() };
        let (mut at, mut from) = (0, 0);
        while at < self.vars.len() || from < other.vars.len() {
            let order = match (self.vars.get(at), other.vars.get(from)) {
                (Some((a, _)), Some((b, _))) => a.cmp(b),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, _) => std::cmp::Ordering::Greater,
            };
            match order {
                std::cmp::Ordering::Equal => {
                    grew |= Tree::join_shared(&mut self.vars[at].1, &other.vars[from].1);
                    at += 1;
                    from += 1;
                }
                std::cmp::Ordering::Less => {
                    let loses = {
                        let tree = &self.vars[at].1;
                        tree.konst.is_some()
                            || tree.prefix.is_some()
                            || tree.ending.is_some()
                            || tree.cond.is_some()
                    };
                    if loses {
                        let tree = Arc::make_mut(&mut self.vars[at].1);
                        tree.forget_text();
                        grew = true;
                    }
                    at += 1;
                }
                std::cmp::Ordering::Greater => {
                    let (var, tree) = &other.vars[from];
                    let mut tree = Tree::clone(tree);
                    tree.forget_text();
                    if !tree.is_plain() {
                        self.vars.insert(at, (*var, Arc::new(tree)));
                        at += 1;
                        grew = true;
                    }
                    from += 1;
                }
            }
        }
        let before = self.cleared.len();
        let mut shrunk = false;
        if self.cleared == other.cleared {
            return grew;
        }
        // An origin that the other way does not hold is as harmless as it is on this one.
        let (here, there) = (before_join.held(wholes), other.held(wholes));
        let only =
            |(origin, kinds): &(u32, Kinds), own: &FxHashMap<u32, Kinds>, other: &FxHashMap<u32, Kinds>| {
                let open = other.get(origin).map_or(Kinds::NONE, |open| open.and(*kinds));
                open.is_empty() && own.contains_key(origin)
            };
        let kept: Vec<u32> =
            self.cleared.iter().filter(|at| only(at, &here, &there)).map(|(origin, _)| *origin).collect();
        let gained: Vec<(u32, Kinds)> =
            other.cleared.iter().filter(|at| only(at, &there, &here)).copied().collect();
        self.cleared.retain_mut(|(origin, kinds)| {
            if kept.contains(origin) {
                return true;
            }
            let both = kinds.and(other.cleared(*origin));
            shrunk |= both != *kinds;
            *kinds = both;
            !both.is_empty()
        });
        let lost = self.cleared.len() != before;
        for (origin, kinds) in gained {
            self.clear(origin, kinds);
        }
        grew | shrunk | lost
    }
}
