//! What is known at a point.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::base::Symbol;
use crate::ir::{BlockId, LocalId};
use crate::models::Kinds;
use crate::taint::conds::{Shown, add, both, met};
use crate::taint::sizes::bound;
use crate::taint::value::{Cond, Key, Label, Tree};
use crate::taint::ways::Way;

/// A variable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Var {
    /// The exception that is on its way out.
    Raised,
    Local(LocalId),
    Global(Symbol),
}

/// Values of variables, sorted; nothing is known of those that are absent.
#[derive(Clone, Default, Debug)]
pub(super) struct State {
    vars: Vec<(Var, Arc<Tree>)>,
    /// Kinds for which checks have shown an origin to be harmless, sorted by origin.
    cleared: Vec<(u32, Kinds)>,
    /// Loops that a round of has begun, by their element.
    pub(super) rounds: Vec<Round>,
    /// Branches by settings that were taken on this way.
    arms: Vec<(BlockId, bool)>,
    /// Origins that are harmless for what variables hold, since these hold none on the ways that have not shown it.
    unsure: Vec<u32>,
    /// What is shown where a variable is false, or true, which is asked for later.
    pub(super) ways: Vec<Way>,
}

/// An origin of an element, the origin of what it is an element of, and the kinds for which that is as harmless as
/// each of its elements is.
pub(super) type Element = (u32, u32, Kinds);

/// What the last round of a loop has shown, and so each.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Round {
    of: LocalId,
    /// The origins of the element, each with what it is shown of where it is shown of every element.
    pub(super) elements: Vec<Element>,
    /// What is shown where each round shows it.
    pub(super) shown: Shown,
    /// What the rounds show after which a variable is false, or true.
    pub(super) ways: Vec<Way>,
}

/// Origins whose taint is held, with their kinds, by origin.
#[derive(Default)]
struct Held(Vec<Option<Kinds>>);

impl Held {
    fn note(&mut self, origin: u32, kinds: Kinds) {
        let at = origin as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        self.0[at] = Some(self.0[at].unwrap_or_default().with(kinds));
    }

    fn get(&self, origin: u32) -> Option<Kinds> {
        self.0.get(origin as usize).copied().flatten()
    }

    fn pairs(&self) -> impl Iterator<Item = (u32, Kinds)> {
        (0..).zip(&self.0).filter_map(|(origin, kinds)| Some((origin, (*kinds)?)))
    }
}

impl State {
    pub(super) fn get(&self, var: Var) -> Option<&Arc<Tree>> {
        self.vars.binary_search_by_key(&var, |(known, _)| *known).ok().map(|at| &self.vars[at].1)
    }

    pub(super) fn set(&mut self, var: Var, mut tree: Arc<Tree>) {
        bound(&mut tree);
        match self.vars.binary_search_by_key(&var, |(known, _)| *known) {
            Ok(at) if tree.is_plain() => drop(self.vars.remove(at)),
            Ok(at) => self.vars[at].1 = tree,
            Err(_) if tree.is_plain() => {}
            Err(at) => self.vars.insert(at, (var, tree)),
        }
    }

    /// Tells apart what `other` tells apart of the same variables ([`Tree::align`]); `None` if that is so.
    pub(super) fn aligned(&self, other: &Self, part: &dyn Fn(&Tree, &Key) -> Arc<Tree>) -> Option<Self> {
        let mut aligned: Option<Self> = None;
        for (at, (var, tree)) in self.vars.iter().enumerate() {
            let Some(theirs) = other.get(*var).filter(|theirs| !theirs.fields.is_empty()) else { continue };
            if !Arc::ptr_eq(tree, theirs) && tree.is_coarser(theirs) {
                let aligned = aligned.get_or_insert_with(|| self.clone());
                Tree::align(&mut aligned.vars[at].1, theirs, part);
            }
        }
        aligned
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

    /// The origins that some variable holds for `kinds`.
    pub(super) fn origins_of(&self, kinds: Kinds) -> Vec<u32> {
        let mut found = Vec::new();
        let mut note = |label: &Label| {
            if label.kinds.has(kinds) && !found.contains(&label.origin) {
                found.push(label.origin);
            }
        };
        self.vars.iter().for_each(|(_, tree)| tree.each_label(&mut note));
        found
    }

    /// The variables outside of the body that it knows of.
    pub(super) fn outside(&self) -> impl Iterator<Item = (Symbol, &Arc<Tree>)> {
        self.vars.iter().rev().map_while(|(var, tree)| match var {
            Var::Global(name) => Some((*name, tree)),
            Var::Local(_) | Var::Raised => None,
        })
    }

    /// Whether it knows of variables outside of the body.
    pub(super) fn has_globals(&self) -> bool {
        matches!(self.vars.last(), Some((Var::Global(_), _)))
    }

    /// Whether a check has shown anything.
    pub(super) fn has_cleared(&self) -> bool {
        !self.cleared.is_empty()
    }

    /// All that checks have shown, sorted by origin.
    pub(super) fn all_cleared(&self) -> &[(u32, Kinds)] {
        &self.cleared
    }

    /// It, where nothing but `cleared` was shown.
    pub(super) fn showing(&self, cleared: Vec<(u32, Kinds)>) -> Self {
        Self { cleared, ..self.clone() }
    }

    /// The kinds for which `origin` is harmless here.
    pub(super) fn cleared(&self, origin: u32) -> Kinds {
        let at = self.cleared.binary_search_by_key(&origin, |(known, _)| *known);
        at.map_or(Kinds::NONE, |at| self.cleared[at].1)
    }

    pub(super) fn clear(&mut self, origin: u32, kinds: Kinds) {
        match self.cleared.binary_search_by_key(&origin, |(known, _)| *known) {
            Ok(at) => self.cleared[at].1 = self.cleared[at].1.with(kinds).closed(),
            Err(at) => self.cleared.insert(at, (origin, kinds)),
        }
    }

    /// Forgets what was shown of `origin`: it is read anew.
    pub(super) fn forget(&mut self, origin: u32) {
        self.cleared.retain(|(known, _)| *known != origin);
        self.unsure.retain(|known| *known != origin);
        self.forget_ways(origin);
    }

    /// Reads a value again: what not all ways have shown of its origins holds for the variables alone. `is_of` tells which
    /// origins these are.
    pub(super) fn read_again(&mut self, is_of: impl Fn(u32) -> bool) {
        let unsure: Vec<u32> = self.unsure.iter().copied().filter(|origin| is_of(*origin)).collect();
        unsure.into_iter().for_each(|origin| self.settle(origin));
    }

    /// Takes what is shown of `origin` from the values that hold it and forgets it.
    pub(super) fn settle(&mut self, origin: u32) {
        let cleared = self.cleared(origin);
        if cleared == Kinds::NONE {
            return self.forget_ways(origin);
        }
        let is_of = |label: &Label| label.origin == origin;
        for (_, tree) in self.vars.iter_mut().filter(|(_, tree)| tree.labels.iter().any(is_of)) {
            for label in Arc::make_mut(tree).labels.iter_mut().filter(|label| is_of(label)) {
                label.kinds = label.kinds.without(cleared);
            }
        }
        self.forget(origin);
    }

    /// Notes which way a branch by a setting went.
    pub(super) fn take_arm(&mut self, branch: BlockId, truth: bool) {
        self.arms.retain(|(known, _)| *known != branch);
        self.arms.push((branch, truth));
    }

    /// Whether a setting decides between the two ways.
    pub(super) fn is_apart(&self, other: &Self) -> bool {
        self.arms.iter().any(|(branch, truth)| other.arms.contains(&(*branch, !truth)))
    }

    /// Joins in what was shown on a way that a setting keeps apart: whoever sets the program up wants the check.
    fn join_apart(&mut self, other: &Self) {
        let is_both =
            |list: &[(BlockId, bool)], (branch, truth): &(BlockId, bool)| list.contains(&(*branch, !truth));
        let own = self.arms.clone();
        self.arms.retain(|arm| !is_both(&other.arms, arm));
        for arm in &other.arms {
            if !is_both(&own, arm) && !self.arms.contains(arm) {
                self.arms.push(*arm);
            }
        }
        other.cleared.iter().for_each(|(origin, kinds)| self.clear(*origin, *kinds));
    }

    /// Takes from the values what is shown here, and not by `other`.
    fn strip(&mut self, other: &[(u32, Kinds)], wholes: &FxHashMap<u32, u32>) {
        let own: Shown = self.cleared.iter().filter(|shown| !other.contains(shown)).copied().collect();
        if own.is_empty() {
            return;
        }
        let shown = |origin: u32| {
            let chain = std::iter::successors(Some(origin), |at| wholes.get(at).copied());
            chain.fold(Kinds::NONE, |sum, at| {
                let at = own.binary_search_by_key(&at, |(known, _)| *known);
                at.map_or(sum, |at| sum.with(own[at].1))
            })
        };
        for (_, tree) in &mut self.vars {
            let kept = |label: &Label| label.kinds.without(shown(label.origin));
            if tree.labels.iter().any(|label| kept(label) != label.kinds) {
                for label in &mut Arc::make_mut(tree).labels {
                    label.kinds = kept(label);
                }
            }
        }
    }

    /// Begins a round of the loop over `of`, whose element is of these origins.
    pub(super) fn begin_round(&mut self, of: LocalId, elements: Vec<Element>) {
        let round = Round { of, elements, shown: Shown::new(), ways: Vec::new() };
        match self.rounds.iter_mut().find(|round| round.of == of) {
            Some(known) => *known = round,
            None => self.rounds.push(round),
        }
    }

    /// Notes what is shown of `origin` where each round of the loop over `of` shows it.
    pub(super) fn show_in_round(&mut self, of: LocalId, origin: u32, kinds: Kinds) {
        if let Some(round) = self.rounds.iter_mut().find(|round| round.of == of) {
            add(&mut round.shown, origin, kinds);
        }
    }

    /// Ends a round: notes what is shown of its elements.
    pub(super) fn end_round(&mut self, of: LocalId) {
        let Some(at) = self.rounds.iter().position(|round| round.of == of) else { return };
        for (element, whole, kinds) in self.rounds[at].elements.clone() {
            let shown = self.cleared(element).and(kinds);
            if !shown.is_empty() {
                add(&mut self.rounds[at].shown, whole, shown);
            }
        }
        self.end_round_ways(at);
    }

    /// Leaves the loop over `of` behind its last round.
    pub(super) fn end_rounds(&mut self, of: LocalId) {
        if let Some(at) = self.rounds.iter().position(|round| round.of == of) {
            let round = self.rounds.remove(at);
            self.end_rounds_ways(&round);
            round.shown.into_iter().for_each(|(origin, kinds)| self.clear(origin, kinds));
        }
    }

    /// Leaves loops in which control is not any more.
    pub(super) fn keep_rounds(&mut self, is_in: impl Fn(LocalId) -> bool) {
        self.rounds.retain(|round| is_in(round.of));
    }

    /// Joins in the rounds of another way; one that has begun none of a loop has nothing against what is shown.
    fn join_rounds(&mut self, other: &Self) -> bool {
        let mut grew = false;
        for round in &other.rounds {
            match self.rounds.iter_mut().find(|known| known.of == round.of) {
                Some(known) => {
                    let shown = both(&known.shown, &round.shown);
                    grew |= shown != known.shown;
                    known.shown = shown;
                    grew |= known.join_ways(round);
                    for element in &round.elements {
                        if !known.elements.contains(element) {
                            known.elements.push(*element);
                            grew = true;
                        }
                    }
                }
                None => {
                    self.rounds.push(round.clone());
                    grew = true;
                }
            }
        }
        grew
    }

    /// The origins whose taint some variable holds, with their kinds.
    fn origins(&self) -> Held {
        let mut held = Held::default();
        self.vars
            .iter()
            .for_each(|(_, tree)| tree.each_label(&mut |label| held.note(label.origin, label.kinds)));
        held
    }

    /// Of [`State::origins`], those of what they are parts of included, with the kinds that are not cleared.
    fn held(&self, origins: &Held, wholes: &FxHashMap<u32, u32>) -> Held {
        let mut held = Held::default();
        for (origin, kinds) in origins.pairs() {
            let chain = || std::iter::successors(Some(origin), |at| wholes.get(at).copied());
            let open = kinds.without(chain().fold(Kinds::NONE, |sum, at| sum.with(self.cleared(at))));
            chain().for_each(|at| held.note(at, open));
        }
        held
    }

    /// Joins in what all variables hold on another way.
    fn join_vars(&mut self, other: &Self) -> bool {
        let mut grew = false;
        let (mut at, mut from) = (0, 0);
        while at < self.vars.len() || from < other.vars.len() {
            let order = match (self.vars.get(at), other.vars.get(from)) {
                (Some((a, _)), Some((b, _))) => a.cmp(b),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, _) => std::cmp::Ordering::Greater,
            };
            match order {
                std::cmp::Ordering::Equal => {
                    if !Arc::ptr_eq(&self.vars[at].1, &other.vars[from].1) {
                        grew |= self.join_var(at, other, from);
                    }
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
                            || tree.is_counted()
                    };
                    if loses {
                        let cond = met((self, &self.vars[at].1), (other, &Tree::default()));
                        let tree = Arc::make_mut(&mut self.vars[at].1);
                        tree.forget_text();
                        tree.may_lack();
                        tree.cond = cond.map(Arc::new);
                        grew = true;
                    }
                    at += 1;
                }
                std::cmp::Ordering::Greater => {
                    let (var, tree) = &other.vars[from];
                    let cond = met((self, &Tree::default()), (other, tree));
                    let mut tree = Tree::clone(tree);
                    tree.forget_text();
                    tree.may_lack();
                    tree.cond = cond.map(Arc::new);
                    if !tree.is_plain() {
                        self.vars.insert(at, (*var, Arc::new(tree)));
                        at += 1;
                        grew = true;
                    }
                    from += 1;
                }
            }
        }
        grew
    }

    /// Joins in what a variable holds on another way.
    fn join_var(&mut self, at: usize, other: &Self, from: usize) -> bool {
        let theirs = &other.vars[from].1;
        let cond = met((self, &self.vars[at].1), (other, theirs));
        let parts: Vec<(Key, Cond)> = if self.cleared == other.cleared {
            Vec::new()
        } else {
            let part = |(key, own): &(Key, Arc<Tree>)| {
                Some((key.clone(), met((self, own), (other, theirs.field(key)?))?))
            };
            self.vars[at].1.fields.iter().filter_map(part).collect()
        };
        if cond.is_none() && parts.is_empty() {
            return Tree::join_shared(&mut self.vars[at].1, theirs);
        }
        let tree = Arc::make_mut(&mut self.vars[at].1);
        let before = tree.cond.clone();
        let mut grew = tree.join(theirs);
        if let Some(cond) = cond {
            tree.cond = Some(Arc::new(cond));
            grew |= tree.cond != before;
        }
        for (key, cond) in parts {
            if let Ok(at) = tree.fields.binary_search_by(|(known, _)| known.cmp(&key)) {
                Arc::make_mut(&mut tree.fields[at].1).cond = Some(Arc::new(cond));
            }
        }
        grew
    }

    /// Joins `other` in; returns whether anything grew. `wholes` tells which origin each origin is a part of.
    pub(super) fn join(&mut self, other: &Self, wholes: &FxHashMap<u32, u32>) -> bool {
        let mut grew = self.join_rounds(other) | self.join_ways(other);
        let before_join = if self.cleared == other.cleared { Self::default() } else { self.clone() };
        // A value is as harmless as it is shown to be on its way.
        let stripped = (self.cleared != other.cleared && !self.is_apart(other)).then(|| {
            let open = self.cleared.clone();
            self.strip(&other.cleared, wholes);
            let mut other = other.clone();
            other.strip(&open, wholes);
            other
        });
        let other = stripped.as_ref().unwrap_or(other);
        grew |= self.join_vars(other);
        let before = self.cleared.len();
        let mut shrunk = false;
        if self.is_apart(other) {
            self.join_apart(other);
            return true;
        }
        self.arms.retain(|arm| other.arms.contains(arm));
        if self.cleared == other.cleared {
            return grew;
        }
        // An origin that the other way does not hold is as harmless as it is on this one; what holds the whole gives it.
        let none = FxHashMap::default();
        let both = |state: &Self| {
            let origins = state.origins();
            (state.held(&origins, wholes), state.held(&origins, &none))
        };
        let ((here, whole_here), (there, whole_there)) = (both(&before_join), both(other));
        let only = |(origin, kinds): &(u32, Kinds), own: &Held, other: &Held, whole: &Held| {
            let within = std::iter::successors(wholes.get(origin).copied(), |at| wholes.get(at).copied());
            let open = within.filter_map(|at| whole.get(at)).chain(other.get(*origin));
            open.fold(Kinds::NONE, Kinds::with).and(*kinds).is_empty() && own.get(*origin).is_some()
        };
        let kept: Vec<u32> = self
            .cleared
            .iter()
            .filter(|at| only(at, &here, &there, &whole_there))
            .map(|(origin, _)| *origin)
            .collect();
        let gained: Vec<(u32, Kinds)> =
            other.cleared.iter().filter(|at| only(at, &there, &here, &whole_here)).copied().collect();
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
        let n_unsure = self.unsure.len();
        let one_sided = kept.into_iter().chain(gained.iter().map(|(origin, _)| *origin));
        for origin in one_sided.chain(other.unsure.iter().copied()) {
            if !self.unsure.contains(&origin) {
                self.unsure.push(origin);
            }
        }
        for (origin, kinds) in gained {
            self.clear(origin, kinds);
        }
        grew | shrunk | lost | (self.unsure.len() != n_unsure)
    }
}
