//! What is known behind a test and behind a call: what a branch teaches, what a callee has shown of what it was given.

use std::sync::Arc;

use crate::ir::{BlockId, BodyKind, Call, Operand, Place};
use crate::models::Kinds;
use crate::taint::apply::Bound;
use crate::taint::body::Analyzer;
use crate::taint::state::{State, Var};
use crate::taint::summary::{Summary, Valid};
use crate::taint::value::{Cond, Konst, Label, Tree};

impl Analyzer<'_, '_> {
    /// Drops what nobody reads from `to` on; parameters are kept for what is stored into them.
    pub(super) fn forget_dead(&self, state: &mut State, to: BlockId) {
        state.retain(|var| match var {
            Var::Local(local) => {
                self.live.is_live(to, local)
                    || self.body.param(local).is_some()
                    || self.body.keys.binary_search(&local).is_ok()
                    || self.captured.iter().any(|(known, _)| *known == local)
                    || self.body.kind == BodyKind::Class
            }
            Var::Global(_) | Var::Raised => true,
        });
    }

    /// What a branch teaches.
    pub(super) fn learn(&self, state: &mut State, on: Operand, tree: &Arc<Tree>, truth: bool) {
        if let Some(cond) = &tree.cond {
            for (origin, kinds) in if truth { &cond.yes } else { &cond.no } {
                state.clear(*origin, *kinds);
            }
            for each in cond.each.iter().filter(|each| each.truth == truth) {
                state.show_in_round(each.of, each.origin, each.kinds);
            }
        }
        // Behind a test, the outcome of a comparison is known.
        if tree.cond.is_some() && tree.labels.is_empty() && tree.konst.is_none() {
            state.replace(tree, &Arc::new(Tree::konst(Konst::Bool(truth))));
        }
        // An empty value holds nothing.
        if !truth && let Operand::Local(local) = on {
            let is_text = tree.cond.is_none() && !tree.labels.is_empty();
            if is_text {
                if let ([label], true) = (&tree.labels[..], self.is_as_given(on)) {
                    state.clear(label.origin, Kinds::ALL);
                }
                state.set(Var::Local(local), Arc::default());
            }
        }
    }

    /// What a call shows of its arguments, and what its result tells of them.
    pub(super) fn tell(&self, state: &mut State, summary: &Summary, bound: &Bound, result: &mut Tree) {
        for part in &summary.parts_tell {
            let mut cond = Cond::default();
            for (list, to) in [(&part.if_true, &mut cond.yes), (&part.if_false, &mut cond.no)] {
                self.valid(list, bound, to);
            }
            let mut value = result.field(&part.key).map_or_else(Tree::default, |known| Tree::clone(known));
            value.cond = (!cond.is_empty()).then(|| Arc::new(cond));
            result.store(std::slice::from_ref(&part.key), &Arc::new(value));
        }
        let mut cond = Cond::default();
        for (list, to) in [(&summary.valid_if_true, &mut cond.yes), (&summary.valid_if_false, &mut cond.no)] {
            self.valid(list, bound, to);
        }
        if !cond.yes.is_empty() || !cond.no.is_empty() {
            result.cond = Some(Arc::new(cond));
        }
        for (param, path, kinds) in &summary.valid_after {
            if let Some(Some(arg)) = bound.get(*param) {
                let all = self.along(arg, path).all();
                all.iter().for_each(|label| state.clear(label.origin, met(label, *kinds)));
            }
        }
    }

    /// The origins here that a callee has shown to be harmless.
    fn valid(&self, list: &[Valid], bound: &Bound, to: &mut Vec<(u32, Kinds)>) {
        for (param, path, kinds) in list {
            let Some(Some(arg)) = bound.get(*param) else { continue };
            for label in self.along(arg, path).all() {
                let kinds = met(&label, *kinds).and(label.kinds);
                if !kinds.is_empty() {
                    to.push((label.origin, kinds));
                }
            }
        }
    }

    /// What a method is called on, where that is an attribute that says as much as the object: `urlsplit(url).hostname`.
    pub(super) fn seen_through(
        &self,
        state: &State,
        call: &Call,
        path: &str,
        receiver: Arc<Tree>,
    ) -> Arc<Tree> {
        let Some((object, _)) = path.rsplit_once('.') else { return receiver };
        if receiver.labels.is_empty() || !object.contains("().") {
            return receiver;
        }
        let (clears, keeps) = self.world.models.attribute(object);
        let whole = self
            .receiver_place(call)
            .filter(|_| keeps)
            .and_then(|place| Some(Place { path: self.module.unit.paths.split(place.path)?.0, ..place }));
        let Some(whole) = whole else { return receiver };
        let mut tree = Tree::labeled(self.load(state, whole, call.callee_span).all());
        for label in &mut tree.labels {
            label.kinds = label.kinds.without(clears);
        }
        Arc::new(tree)
    }
}

/// What a callee has shown of a value: one that it was given resolved is inside where it begins with a folder's name.
fn met(label: &Label, kinds: Kinds) -> Kinds {
    // What was looked up by a name may be `None` whatever the name is.
    let is_of_all = kinds.has(Kinds::BASED.with(Kinds::NOT_ROOTED));
    if is_of_all && !kinds.has(Kinds::TESTED) && label.kinds.has(Kinds::THROUGH_UNKNOWN) {
        return Kinds::NONE;
    }
    let is_inside = kinds.has(Kinds::BASED) && !label.kinds.has(Kinds::UNRESOLVED);
    if is_inside { kinds.with(Kinds::named("path").unwrap_or_default()) } else { kinds }
}
