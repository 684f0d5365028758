//! What a value is where ways meet.

use std::sync::Arc;

use crate::program::ClassIx;
use crate::taint::body::Analyzer;
use crate::taint::conds::Among;
use crate::taint::limits::{MAX_FIELDS, MAX_LABELS};
use crate::taint::state::State;
use crate::taint::value::{Cond, Key, Konst, Label, Tree, add, is_numbered};

impl Tree {
    /// Joins `other` in; returns whether anything grew.
    pub(super) fn join(&mut self, other: &Self) -> bool {
        let mut grew = false;
        // `a and b` is true only where `b` is, `a or b` false only there.
        let told = |known: &Self, open: &Self| match (&known.konst, &open.cond) {
            (Some(Konst::Bool(truth)), Some(cond)) if known.cond.is_none() => Some(Arc::new(Cond {
                yes: if *truth { Vec::new() } else { cond.yes.clone() },
                no: if *truth { cond.no.clone() } else { Vec::new() },
                ..Cond::default()
            })),
            _ => None,
        };
        let told = told(self, other).or_else(|| told(other, self));
        grew |= self.join_known(other);
        // A part that only one side tells apart is, on the other, what the whole is; of what stands under any key the
        // whole itself tells.
        for (key, part) in &other.fields {
            match self.fields.binary_search_by(|(known, _)| known.cmp(key)) {
                Ok(at) => grew |= Self::join_shared(&mut self.fields[at].1, part),
                Err(at) if self.fields.len() < MAX_FIELDS => {
                    let mut new = Tree::clone(part);
                    self.labels.iter().filter(|_| *key != Key::Any).for_each(|label| {
                        new.add(label);
                    });
                    new.may = new.truths();
                    (new.konst, new.prefix, new.ending, new.among) = (None, None, None, None);
                    self.fields.insert(at, (key.clone(), Arc::new(new)));
                    self.ragged |= is_numbered(key);
                    grew = true;
                }
                Err(_) => part.all().iter().for_each(|label| grew |= add(&mut self.labels, label)),
            }
        }
        let mut ragged = self.ragged || other.ragged;
        for (key, part) in &mut self.fields {
            if other.fields.binary_search_by(|(known, _)| known.cmp(key)).is_err() {
                ragged |= is_numbered(key);
                let of_whole = other.labels.iter().filter(|_| *key != Key::Any);
                let fresh: Vec<&Label> = of_whole.filter(|label| !has(&part.labels, label)).collect();
                let loses = part.is_text_known();
                if !fresh.is_empty() || loses {
                    let part = Arc::make_mut(part);
                    fresh.into_iter().for_each(|label| {
                        part.add(label);
                    });
                    part.may = part.truths();
                    (part.konst, part.prefix, part.ending, part.among) = (None, None, None, None);
                    grew = true;
                }
            }
        }
        grew |= ragged != self.ragged;
        self.ragged = ragged;
        for label in &other.labels {
            grew |= self.add(label);
        }
        for func in &other.funcs {
            if !self.funcs.iter().any(|known| known.func == func.func) {
                self.funcs.push(func.clone());
                grew = true;
            }
        }
        let cond = told.or_else(|| self.cond.clone().filter(|_| self.cond == other.cond));
        grew |= cond != self.cond;
        self.cond = cond;
        grew
    }

    /// Joins what is known of the whole, taint aside; returns whether anything grew.
    fn join_known(&mut self, other: &Self) -> bool {
        let mut grew = false;
        let (own, theirs) = (self.truths(), other.truths());
        let truths = [own[0] | theirs[0], own[1] | theirs[1]];
        let among = self.met_among(other);
        grew |= among != self.among;
        self.among = among;
        let is_none = |tree: &Self| tree.konst == Some(Konst::None);
        let (was_none, joins_none) = (is_none(self), is_none(other));
        if self.konst != other.konst && self.konst.is_some() {
            let prefix = self.beginning().zip(other.beginning()).and_then(|(a, b)| common(a, b));
            (self.konst, self.prefix, self.ending) = (None, prefix, None);
            grew = true;
        } else if self.konst.is_none() && self.prefix.is_some() && self.prefix.as_deref() != other.beginning()
        {
            let prefix = self.beginning().zip(other.beginning()).and_then(|(a, b)| common(a, b));
            grew |= prefix != self.prefix;
            self.prefix = prefix;
        }
        if self.konst.is_none() && self.may != truths {
            self.may = truths;
            grew = true;
        }
        if self.class != other.class || other.maybe.is_some() && self.maybe != other.maybe {
            grew |= self.join_classes(other, was_none || joins_none);
        }
        if self.class != other.class && !joins_none {
            let class = other.class.filter(|_| was_none);
            grew |= class != self.class;
            self.class = class;
        }
        if let Some(object) = other.object.filter(|object| self.object.is_none_or(|known| *object < known)) {
            self.object = Some(object);
            grew = true;
        }
        if self.ending.is_some() && self.ending != other.ending {
            self.ending = None;
            grew = true;
        }
        grew
    }

    /// The texts of which it is one where it meets `other`, if those of both are known.
    fn met_among(&self, other: &Self) -> Option<Arc<Among>> {
        const MAX_AMONG: usize = 8;
        if self.among == other.among && (self.among.is_some() || self.konst == other.konst) {
            return self.among.clone();
        }
        let [own, theirs] = [self, other].map(|tree| match (&tree.konst, &tree.among) {
            (Some(Konst::Str(text)), _) => Some(std::slice::from_ref(text)),
            (None, Some(among)) if among.of.is_none() => Some(&among.texts[..]),
            _ => None,
        });
        let mut texts = [own?, theirs?].concat();
        texts.sort_unstable();
        texts.dedup();
        if self.among.as_ref().is_some_and(|known| known.texts == texts) {
            return self.among.clone();
        }
        (texts.len() <= MAX_AMONG).then(|| Arc::new(Among { of: None, texts }))
    }

    /// Notes the classes of which either may be an instance; `None` is one of none.
    fn join_classes(&mut self, other: &Self, is_none: bool) -> bool {
        const MAX_CLASSES: usize = 4;
        if is_none && self.maybe.is_none() && other.maybe.is_none() {
            return false;
        }
        let before = self.maybe.as_ref().map_or(0, |maybe| maybe.len());
        let mut all: Vec<ClassIx> = self.maybe.iter().flat_map(|maybe| maybe.iter().copied()).collect();
        for class in self.class.into_iter().chain(other.classes()) {
            if !all.contains(&class) && all.len() < MAX_CLASSES {
                all.push(class);
            }
        }
        let grew = all.len() != before;
        if grew {
            self.maybe = Some(Arc::new(all));
        }
        grew
    }

    /// Whether the classes of which `other` may be an instance are known here.
    fn has_classes(&self, other: &Self) -> bool {
        let is_known = |class: ClassIx| {
            self.class == Some(class) || self.maybe.as_ref().is_some_and(|maybe| maybe.contains(&class))
        };
        other.classes().all(is_known)
    }

    /// Tells apart in `tree` what `other` tells apart: where they meet, a part must stay a part of its whole. `part` gives
    /// a part of a value.
    pub(super) fn align(tree: &mut Arc<Self>, other: &Arc<Self>, part: &dyn Fn(&Self, &Key) -> Arc<Self>) {
        if !tree.is_coarser(other) {
            return;
        }
        for (key, theirs) in &other.fields {
            match tree.fields.binary_search_by(|(known, _)| known.cmp(key)) {
                Ok(at) if tree.fields[at].1.is_coarser(theirs) => {
                    Self::align(&mut Arc::make_mut(tree).fields[at].1, theirs, part);
                }
                Err(at) if tree.is_whole_of(key) => {
                    let mut own = part(tree, key);
                    Self::align(&mut own, theirs, part);
                    Arc::make_mut(tree).fields.insert(at, (key.clone(), own));
                }
                _ => {}
            }
        }
    }

    /// Whether `other` tells parts apart that are known here by their whole alone.
    pub(super) fn is_coarser(&self, other: &Self) -> bool {
        let has_taint = !self.labels.is_empty() || !self.fields.is_empty();
        has_taint
            && other.fields.iter().any(|(key, theirs)| match self.field(key) {
                Some(own) => !Arc::ptr_eq(own, theirs) && own.is_coarser(theirs),
                None => self.is_whole_of(key),
            })
    }

    fn is_whole_of(&self, key: &Key) -> bool {
        *key != Key::Any && !self.labels.is_empty() && self.fields.len() < MAX_FIELDS
    }

    /// As [`Tree::join`], for values that others hold too: they are copied only where something changes, since most
    /// joins bring nothing new.
    pub(super) fn join_shared(known: &mut Arc<Self>, other: &Arc<Self>) -> bool {
        !Arc::ptr_eq(known, other) && !known.absorbs(other) && Arc::make_mut(known).join(other)
    }

    /// Whether something is certain of its text.
    fn is_text_known(&self) -> bool {
        self.konst.is_some() || self.prefix.is_some() || self.ending.is_some() || self.among.is_some()
    }

    /// Whether joining `other` in certainly changes nothing.
    fn absorbs(&self, other: &Self) -> bool {
        let is_none = |tree: &Self| tree.konst == Some(Konst::None);
        let keeps_text = self.konst == other.konst && self.konst.is_some()
            || self.konst.is_none() && (self.prefix.is_none() || self.prefix.as_deref() == other.beginning());
        let keeps_class =
            self.class == other.class || is_none(other) || self.class.is_none() && !is_none(self);
        let keeps_class = keeps_class && self.has_classes(other);
        let keeps_cond =
            self.cond == other.cond || self.cond.is_none() && !matches!(self.konst, Some(Konst::Bool(_)));
        let covers = |labels: &[Label], label: &Label| {
            let known = labels.iter().find(|known| known.origin == label.origin);
            known.map_or(labels.len() >= MAX_LABELS, |known| known.kinds.has(label.kinds))
        };
        let find = |tree: &Self, key: &Key| tree.fields.binary_search_by(|(known, _)| known.cmp(key)).ok();
        let truths = (self.truths(), other.truths());
        let keeps_truths = self.konst.is_some() || (0..2).all(|at| truths.0[at] || !truths.1[at]);
        keeps_text
            && keeps_truths
            && keeps_class
            && keeps_cond
            && other.object.is_none_or(|object| self.object.is_some_and(|known| known <= object))
            && (self.ending.is_none() || self.ending == other.ending)
            && self.met_among(other) == self.among
            && (self.ragged || !other.ragged)
            && other.labels.iter().all(|label| covers(&self.labels, label))
            && other.funcs.iter().all(|func| self.funcs.iter().any(|known| known.func == func.func))
            && other.fields.iter().all(|(key, part)| {
                find(self, key).is_some_and(|at| {
                    let known = &self.fields[at].1;
                    Arc::ptr_eq(known, part) || known.absorbs(part)
                })
            })
            && self.fields.iter().all(|(key, part)| {
                find(other, key).is_some()
                    || (self.ragged || !is_numbered(key))
                        && !part.is_text_known()
                        && (*key == Key::Any || other.labels.iter().all(|label| has(&part.labels, label)))
            })
    }
}

fn has(labels: &[Label], label: &Label) -> bool {
    labels.iter().any(|known| known.origin == label.origin && known.kinds.has(label.kinds))
}

fn common(a: &str, b: &str) -> Option<Arc<str>> {
    let length: usize = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    (length > 0).then(|| a[..length].into())
}

impl Analyzer<'_, '_> {
    /// Joins in what one of several functions gives that a call may run, and the state it leaves.
    pub(super) fn join_way(&self, all: &mut Option<(Tree, State)>, tree: &Tree, state: State) {
        match all {
            Some((known, after)) => {
                let (one, other) = (known.classes().count(), tree.classes().count());
                match self.common_class(known.class, tree.class).filter(|_| one + other > 4) {
                    Some(class) => {
                        known.class = Some(class);
                        known.join(&Tree { class: Some(class), ..tree.clone() })
                    }
                    None => known.join(tree),
                };
                self.join(after, &state);
            }
            None => *all = Some((tree.clone(), state)),
        }
    }

    /// The nearest class of the program of which instances of two others are.
    fn common_class(&self, one: Option<ClassIx>, other: Option<ClassIx>) -> Option<ClassIx> {
        let (one, other) = one.zip(other).filter(|(one, other)| one != other)?;
        let others = self.world.program.above(other);
        self.world.program.above(one).iter().copied().find(|class| others.contains(class))
    }

    /// Joins another way's state in; returns whether anything grew.
    pub(super) fn join(&self, state: &mut State, other: &State) -> bool {
        let part = |tree: &Tree, key: &Key| self.part(tree, key);
        if let Some(aligned) = state.aligned(other, &part) {
            *state = aligned;
        }
        let aligned = other.aligned(state, &part);
        state.join(aligned.as_ref().unwrap_or(other), &self.wholes.borrow())
    }
}
