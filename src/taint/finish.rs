//! Makes a summary of what one body was seen to do.

use std::sync::Arc;

use crate::ir::{BodyKind, LocalId, Operand, Rvalue};
use crate::models::{Kinds, Threat};
use crate::taint::body::Analyzer;
use crate::taint::state::{State, Var};
use crate::taint::summary::{From, PartTells, Port, Summary, Valid};
use crate::taint::value::{Key, Konst, Label, Tree, is_inner};

/// Deepest path at which parts of returned values are told apart.
const MAX_PATH: usize = 3;
/// Most such parts.
const MAX_PARTS: usize = 48;
/// Most parts of what is returned whose truth is looked at.
const MAX_FLAGS: usize = 4;

impl Analyzer<'_, '_> {
    /// The summary of the body, by what it returns.
    pub(super) fn finish(self, returned: Vec<(State, Tree, Operand)>, yields: Tree) -> Summary {
        let mut summary = std::mem::take(&mut *self.out.borrow_mut());
        summary.reads.sort_unstable();
        summary.reads.dedup();
        summary.tested = self.tested.take();
        summary.tested.sort_unstable();
        let is_generator = matches!(self.body.kind, BodyKind::Function { is_generator: true, .. });
        summary.never_returns = returned.is_empty() && !is_generator;
        let whole = State::default();
        if is_generator {
            self.flatten(&whole, &yields, &mut Vec::new(), &mut summary.returns);
        }
        summary.gives_back = self.given_back(&returned).filter(|_| !is_generator);
        summary.gives_part = self.given_part(&returned).filter(|_| !is_generator);
        let mut shape: Option<Tree> = None;
        for (state, tree, _) in &returned {
            let framed = self.with_frames(state, tree, 1);
            let tree = framed.as_ref().unwrap_or(tree);
            self.flatten(state, tree, &mut Vec::new(), &mut summary.returns);
            let own = tree.without_labels();
            match &mut shape {
                Some(known) => drop(known.join(&own)),
                None => shape = Some(own),
            }
        }
        let shape = if is_generator { Some(yields.without_labels()) } else { shape };
        summary.shape = shape.filter(|shape| !shape.is_plain()).map(Arc::new);
        let is_open = summary.shape.as_ref().is_none_or(|shape| shape.konst.is_none());
        summary.varies = is_open && !is_generator && !summary.tested.is_empty();
        for (index, param) in self.body.params.iter().enumerate() {
            for (state, ..) in &returned {
                if let Some(tree) = state.get(Var::Local(param.local)) {
                    let framed = self.with_frames(state, tree, 1);
                    self.effects_of(state, framed.as_ref().unwrap_or(tree), index, &mut summary);
                }
            }
        }
        returned.iter().for_each(|(state, ..)| self.outer_effects(state, &mut summary));
        summary.resets = self.outer_resets(returned.iter().map(|(state, ..)| state));
        self.kept_whole(&returned, &mut summary);
        self.validity(&returned, &mut summary);
        summary
    }

    /// The parameter that comes back on each way, by its name or another, and its parts that are others on each.
    fn given_back(&self, returned: &[(State, Tree, Operand)]) -> Option<(usize, Vec<Key>)> {
        let is_it = |(state, _, value): &(State, Tree, Operand), param: LocalId| match *value {
            Operand::Local(local) if local == param => true,
            Operand::Local(local) => {
                let (own, known) = (state.get(Var::Local(local)), state.get(Var::Local(param)));
                own.zip(known).is_some_and(|(own, known)| Arc::ptr_eq(own, known))
            }
            Operand::Global(_) | Operand::Const(_) => false,
        };
        let is_given = |param: LocalId| self.is_as_given(Operand::Local(param));
        let mut params = self.body.params.iter().map(|param| param.local);
        let index = params.position(|param| {
            !returned.is_empty() && is_given(param) && returned.iter().all(|way| is_it(way, param))
        })?;
        let trees: Vec<&Tree> = returned.iter().map(|(_, tree, _)| tree).collect();
        Some((index, self.replaced(index, &trees)))
    }

    /// The part of a parameter that comes back as it was given, on each way: `return self.rows[key]`.
    fn given_part(&self, returned: &[(State, Tree, Operand)]) -> Option<(usize, Vec<Key>)> {
        let read = |(state, tree, value): &(State, Tree, Operand)| {
            let local = value.local().filter(|local| self.body.locals[*local].name.is_none())?;
            let Rvalue::Load(place) = self.defined_by(local)? else { return None };
            let index =
                self.body.params.iter().position(|param| place.base == Operand::Local(param.local))?;
            let path = self.keys(state, *place);
            let is_own = |label: &Label| {
                let is_it = matches!(&self.origins.borrow()[label.origin as usize].port, Port::Param(own, at) if *own == index && *at == path);
                is_it && state.cleared(label.origin).is_empty()
            };
            let is_whole = !path.is_empty()
                && tree.fields.is_empty()
                && !tree.labels.is_empty()
                && tree.labels.iter().all(is_own);
            (is_whole && self.is_as_given(place.base)).then_some((index, path))
        };
        let mut ways = returned.iter().map(read);
        let first = ways.next()??;
        ways.all(|way| way.as_ref() == Some(&first)).then_some(first)
    }

    /// The parts of a parameter that hold nothing of what they held before, on each way.
    fn replaced(&self, index: usize, ways: &[&Tree]) -> Vec<Key> {
        let is_own = |label: &Label, key: &Key| match &self.origins.borrow()[label.origin as usize].port {
            Port::Param(param, path) => *param == index && path.first().is_none_or(|first| first == key),
            Port::Outer(..) | Port::Source(_) => false,
        };
        let is_new = |tree: &Tree, key: &Key| {
            tree.field(key).is_some_and(|part| !part.all().iter().any(|label| is_own(label, key)))
        };
        let keys = ways.first().into_iter().flat_map(|first| &first.fields).map(|(key, _)| key);
        let is_known = |key: &&Key| **key != Key::Any && !is_inner(key);
        keys.filter(is_known).filter(|key| ways.iter().all(|tree| is_new(tree, key))).cloned().collect()
    }

    /// Notes the parts of parameters, and of what is returned, that are a parameter or certainly something else.
    fn kept_whole(&self, returned: &[(State, Tree, Operand)], summary: &mut Summary) {
        let Some((state, first, _)) = returned.first() else { return };
        let params = || self.body.params.iter().enumerate();
        let is_param = |state: &State, local: LocalId, part: &Arc<Tree>| {
            state.get(Var::Local(local)).is_some_and(|known| Arc::ptr_eq(known, part) || is_same(known, part))
        };
        let is_key = |key: &Key| *key != Key::Any && !is_inner(key);
        for (key, part) in first.fields.iter().filter(|(key, _)| is_key(key)) {
            let is_it = |local: LocalId| {
                let held = |(state, tree, _): &(State, Tree, Operand)| {
                    tree.field(key).is_some_and(|part| is_param(state, local, part))
                };
                is_param(state, local, part) && returned.iter().all(held)
            };
            let param = params().find(|(_, param)| is_it(param.local));
            summary.holds.extend(param.map(|(param, _)| (key.clone(), param)));
        }
        for (index, param) in params() {
            let ways = returned
                .iter()
                .map(|(state, ..)| state.get(Var::Local(param.local)).map(|tree| (state, tree)));
            let Some(ways) = ways.collect::<Option<Vec<_>>>() else { continue };
            if !ways.iter().all(|(_, tree)| self.is_whole(tree, index)) || ways[0].1.fields.is_empty() {
                continue;
            }
            let trees: Vec<&Tree> = ways.iter().map(|(_, tree)| &***tree).collect();
            let replaced = self.replaced(index, &trees);
            for (key, part) in ways[0].1.fields.iter().filter(|(key, _)| is_key(key)) {
                let is_it = |local: LocalId| {
                    let held = |(state, tree): &(&State, &Arc<Tree>)| {
                        tree.field(key).is_some_and(|part| is_param(state, local, part))
                    };
                    is_param(ways[0].0, local, part) && ways.iter().all(held)
                };
                let other = params().find(|(other, param)| *other != index && is_it(param.local));
                summary.copies.extend(other.map(|(other, _)| (index, key.clone(), other)));
            }
            summary.replaces.extend(replaced.into_iter().map(|key| (index, key)));
        }
    }

    /// Whether a value is still what was passed for the parameter at `index`, its parts aside.
    fn is_whole(&self, tree: &Tree, index: usize) -> bool {
        let origins = self.origins.borrow();
        tree.labels.iter().any(|label| {
            matches!(&origins[label.origin as usize].port, Port::Param(own, path) if *own == index && path.is_empty())
        })
    }

    /// The taint in a value, by path.
    pub(super) fn flatten(
        &self,
        state: &State,
        tree: &Tree,
        path: &mut Vec<Key>,
        out: &mut Vec<(Vec<Key>, From)>,
    ) {
        for label in &tree.labels {
            let from = self.outward(state, label);
            // Who calls from within hands in something else than who calls from outside.
            let is_callers = matches!(&from.port, Port::Source(site) if site.threat == Threat::Library);
            if from.kinds.is_empty() || out.len() >= MAX_PARTS || is_callers {
                continue;
            }
            let is_same = |other: &From| other.port == from.port && other.kinds.as_decoded(from.kinds);
            match out.iter_mut().find(|(known, other)| known == path && is_same(other)) {
                Some((_, known)) => known.kinds = known.kinds.with(from.kinds),
                None => out.push((path.clone(), from)),
            }
        }
        if path.len() >= MAX_PATH {
            let mut rest = Tree::default();
            let parts = tree.fields.iter().filter(|(key, _)| !is_inner(key));
            parts.flat_map(|(_, part)| part.all()).for_each(|label| {
                rest.add(&label);
            });
            if !rest.labels.is_empty() {
                self.flatten(state, &rest, path, out);
            }
            return;
        }
        for (key, part) in &tree.fields {
            path.push(key.clone());
            self.flatten(state, part, path, out);
            path.pop();
        }
    }

    /// What was stored into what parameter `index` holds.
    fn effects_of(&self, state: &State, tree: &Tree, index: usize, summary: &mut Summary) {
        if !self.is_whole(tree, index) {
            return;
        }
        let mut found = Vec::new();
        for (key, part) in &tree.fields {
            self.flatten(state, part, &mut vec![key.clone()], &mut found);
        }
        for (path, from) in found {
            let own = matches!(&from.port, Port::Param(param, known) if *param == index && *known == path);
            let has = summary
                .effects
                .iter()
                .any(|(param, known, other)| *param == index && *known == path && other.port == from.port);
            if !own && !has && summary.effects.len() < MAX_PARTS {
                summary.effects.push((index, path, from));
            }
        }
    }

    /// For which kinds parameters and their parts are harmless after the function returned, or returned something true
    /// or false.
    fn validity<'r>(&self, returned: &'r [(State, Tree, Operand)], summary: &mut Summary) {
        if returned.is_empty() {
            return;
        }
        summary.checks |= returned.iter().any(|(state, tree, _)| state.has_cleared() || tree.cond.is_some());
        // A call that gives another kind of value has no such part.
        let keys: Vec<Key> = returned
            .first()
            .map(|(_, tree, _)| tree.fields.iter().take(MAX_FLAGS).map(|(key, _)| key.clone()).collect())
            .unwrap_or_default();
        let flags = keys.into_iter().filter_map(|key| {
            let part = |(state, tree, _): &'r (State, Tree, Operand)| Some((state, &**tree.field(&key)?));
            let parts: Option<Vec<Returned<'_>>> = returned.iter().map(part).collect();
            let is_flag = |(_, tree): &Returned<'_>| tells_truth(tree);
            Some((key.clone(), parts.filter(|parts| parts.iter().all(is_flag))?))
        });
        let flags: Vec<(Key, Vec<Returned<'_>>)> = flags.collect();
        let mut parts: Vec<PartTells> = flags
            .iter()
            .map(|(key, _)| PartTells { key: key.clone(), if_true: Vec::new(), if_false: Vec::new() })
            .collect();
        let whole: Vec<Returned<'_>> = returned.iter().map(|(state, tree, _)| (state, tree)).collect();
        for (id, origin) in (0..).zip(self.origins.borrow().iter()) {
            let Port::Param(index, path) = &origin.port else { continue };
            if origin.decoded > 0 || !origin.part.is_empty() {
                continue;
            }
            let note = |kinds: Kinds, list: &mut Vec<Valid>| {
                if !kinds.is_empty() {
                    list.push((*index, path.clone(), kinds));
                }
            };
            let [after, yes, no] = told(id, &whole);
            note(after, &mut summary.valid_after);
            note(yes, &mut summary.valid_if_true);
            note(no, &mut summary.valid_if_false);
            for ((_, values), part) in flags.iter().zip(&mut parts) {
                let [after, yes, no] = told(id, values);
                note(yes.without(after), &mut part.if_true);
                note(no.without(after), &mut part.if_false);
            }
        }
        parts.retain(|part| !part.if_true.is_empty() || !part.if_false.is_empty());
        summary.parts_tell = parts;
    }
}

/// A value that is returned, or a part of one, and the state in which it is.
type Returned<'r> = (&'r State, &'r Tree);

/// Whether the truth of a value may tell what was shown.
fn tells_truth(tree: &Tree) -> bool {
    tree.labels.is_empty() && (tree.cond.is_some() || matches!(tree.konst, Some(Konst::Bool(_))))
}

/// The kinds for which an origin is harmless after a return, a true and a false one; none where none is. Of ways that a
/// setting keeps apart each shows what the other does.
fn told(origin: u32, returned: &[Returned<'_>]) -> [Kinds; 3] {
    let shown = |(state, tree): &Returned<'_>, truth: bool| {
        let cleared = state.cleared(origin);
        let Some(cond) = tree.cond.as_ref().filter(|_| tree.konst.is_none()) else { return cleared };
        let own = if truth { &cond.yes } else { &cond.no }.iter().filter(|(known, _)| *known == origin);
        own.fold(cleared, |sum, (_, kinds)| sum.with(*kinds)).closed()
    };
    let may_be = |(_, tree): &Returned<'_>, truth: bool| {
        tree.konst.as_ref().is_none_or(|konst| konst.is_true() == truth)
    };
    let on_all = |ways: &dyn Fn(&Returned<'_>) -> bool, of: &dyn Fn(&Returned<'_>) -> Kinds| {
        let with_apart = |way: &Returned<'_>| {
            let apart = returned.iter().filter(|other| ways(other) && other.0.is_apart(way.0));
            apart.fold(of(way), |sum, other| sum.with(of(other)))
        };
        let all = returned.iter().filter(|way| ways(way)).map(with_apart);
        all.reduce(Kinds::and).unwrap_or(Kinds::NONE)
    };
    let by = |truth: bool| on_all(&|way| may_be(way, truth), &|way| shown(way, truth));
    [on_all(&|_| true, &|(state, _)| state.cleared(origin)), by(true), by(false)]
}

/// Whether two values are the same one, which came by different ways.
fn is_same(one: &Tree, other: &Tree) -> bool {
    let is_alike = |(a, b): (&Label, &Label)| a.origin == b.origin && a.kinds == b.kinds;
    one.fields.is_empty()
        && other.fields.is_empty()
        && !one.labels.is_empty()
        && one.labels.len() == other.labels.len()
        && one.labels.iter().zip(&other.labels).all(is_alike)
}
