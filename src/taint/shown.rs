//! What is known behind a test and behind a call: what a branch teaches, what a callee has shown of what it was given.

use std::sync::Arc;

use crate::ir::{BlockId, BodyKind, Call, Const, LocalId, Op, Operand, Place, Rvalue};
use crate::models::Kinds;
use crate::program::Meaning;
use crate::python::ast::CmpOp;
use crate::taint::apply::Bound;
use crate::taint::body::Analyzer;
use crate::taint::state::{State, Var};
use crate::taint::summary::{Port, Summary, Valid};
use crate::taint::value::{Cond, Key, Konst, Label, Tree};
use crate::text::Span;

/// What a test asks of a local.
enum Asked {
    /// Whether it is `None`, or whether it is not.
    None(bool),
    /// Whether it is a text.
    Text,
}

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
                    || self.views().iter().any(|(list, of)| *of == local && self.live.is_live(to, *list))
            }
            Var::Global(_) | Var::Raised => true,
        });
        state.ways.retain(|way| self.live.is_live(to, way.of()) || self.flags.is_named(way.of()));
    }

    /// What a branch teaches.
    pub(super) fn learn(&self, state: &mut State, on: Operand, tree: &Arc<Tree>, truth: bool) {
        if let Some(cond) = tree.cond.as_ref().filter(|cond| !cond.is_compared) {
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
        match self.asked_of(on) {
            // `None` holds nothing.
            Some((Asked::None(is), local)) if is == truth => {
                state.set(Var::Local(local), Arc::new(Tree::konst(Konst::None)));
            }
            // What is no text may be made of some.
            Some((Asked::Text, local)) if !truth => {
                state.change(Var::Local(local), |tree| self.as_parts(tree))
            }
            _ => {}
        }
        // An empty value holds nothing.
        if !truth && let Operand::Local(local) = on {
            let is_text = tree.cond.is_none() && !tree.labels.is_empty();
            if is_text {
                if let [label] = &tree.labels[..] {
                    state.clear(label.origin, self.harmless_empty(local, label));
                }
                state.set(Var::Local(local), Arc::default());
            }
        }
    }

    /// The local of which a test right before a branch asks whether it is `None`, or a text.
    fn asked_of(&self, on: Operand) -> Option<(Asked, LocalId)> {
        let test = on.local().filter(|local| self.body.locals[*local].name.is_none())?;
        let named =
            |operand: Operand| operand.local().filter(|local| self.body.locals[*local].name.is_some());
        match self.body.only_def(test)? {
            Op::Let(_, Rvalue::Compare(op, left, Operand::Const(Const::None))) => {
                let is = match op {
                    CmpOp::Is | CmpOp::Eq => true,
                    CmpOp::IsNot | CmpOp::NotEq => false,
                    _ => return None,
                };
                Some((Asked::None(is), named(*left)?))
            }
            Op::Call(_, id) => Some((Asked::Text, self.asked_for_text(&self.body.calls[*id])?)),
            _ => None,
        }
    }

    /// The local of which a call asks whether it is a text: `isinstance(x, str)`.
    fn asked_for_text(&self, call: &Call) -> Option<LocalId> {
        let name = call.name.map(|name| self.module.unit.text(name));
        let (of, kind) = (call.positional(0)?, call.positional(1)?);
        let local = of.value.local().filter(|local| self.body.locals[*local].name.is_some())?;
        (name == Some("isinstance") && self.file.slice(kind.span) == "str").then_some(local)
    }

    /// Tells what a value is made of apart from the value, of which it is shown that it is no text.
    fn as_parts(&self, tree: &mut Tree) {
        let key = Key::Item(Konst::Str("\0made of".into()));
        let apart = |label: &Label| Label { origin: self.apart(label.origin, key.clone()), ..label.clone() };
        let part = Tree::labeled(tree.labels.iter().map(apart).collect());
        if part.is_tainted() {
            tree.join_at(&[Key::Any], &part);
        }
    }

    /// The kinds for which an origin is harmless where a value of it is empty: all where that is all of it, requests where
    /// it is the host.
    fn harmless_empty(&self, local: LocalId, label: &Label) -> Kinds {
        if self.is_all_of(local, label, 3) {
            return Kinds::ALL;
        }
        let named = |names: &[&str]| {
            names.iter().filter_map(|name| Kinds::named(name)).fold(Kinds::NONE, Kinds::with)
        };
        match self.body.locals[local].value.map(|value| self.module.meaning(value)) {
            Some(Meaning::Outside(path)) => match path.as_ref() {
                "urllib.parse.urlparse().hostname" => named(&["url"]),
                "urllib.parse.urlparse().netloc" => named(&["url", "redirect"]),
                _ => Kinds::NONE,
            },
            _ => Kinds::NONE,
        }
    }

    /// Whether a local is all of what `label` began with: a parameter as the caller has passed it, the source itself,
    /// or either without blanks at its ends.
    fn is_all_of(&self, local: LocalId, label: &Label, depth: u32) -> bool {
        if self.is_as_given(Operand::Local(local)) {
            return true;
        }
        let insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        let mut defs = insts.filter(|inst| {
            matches!(inst.op, Op::Let(to, _) | Op::Call(to, _) | Op::Await(to, _) | Op::Yield(to, ..) if to == local)
        });
        let (Some(def), None) = (defs.next(), defs.next()) else { return false };
        let origin = self.origins.borrow()[label.origin as usize].clone();
        let is_source = |span: Span| {
            let is_whole = origin.part.is_empty() && origin.decoded == 0;
            is_whole && matches!(&origin.port, Port::Source(site) if site.span == span)
        };
        match &def.op {
            Op::Let(_, Rvalue::Use(Operand::Local(from))) if depth > 0 => {
                self.is_all_of(*from, label, depth - 1)
            }
            Op::Let(_, Rvalue::Load(_)) => is_source(def.span),
            Op::Call(_, id) => {
                let call = &self.body.calls[*id];
                let base = call.callee.base.local().filter(|_| self.steps(call.callee).len() == 1);
                let strips = call.args.is_empty() && self.module.unit.text(call.method) == "strip";
                is_source(call.span)
                    || strips && depth > 0 && base.is_some_and(|base| self.is_all_of(base, label, depth - 1))
            }
            _ => false,
        }
    }

    /// Whether a value is a table of the program's own settings in which something stands: whoever empties it wants no
    /// check.
    pub(super) fn is_filled_table(&self, on: Operand, tree: &Tree) -> bool {
        let is_own = |local: LocalId| {
            let mut insts = self.body.blocks.iter().flat_map(|block| &block.insts);
            insts.any(|inst| match inst.op {
                Op::Let(to, Rvalue::Use(Operand::Global(_))) => to == local,
                Op::Call(to, id) if to == local => {
                    let call = &self.body.calls[id];
                    let of = call.positional(0).map(|arg| arg.value);
                    let name = call.name.map(|name| self.module.unit.text(name));
                    name == Some("getattr") && matches!(of, Some(Operand::Global(_)))
                }
                _ => false,
            })
        };
        let is_constant = |(key, part): &(Key, Arc<Tree>)| {
            matches!(key, Key::Item(_)) && matches!(part.konst, Some(Konst::Str(_)))
        };
        let is_table =
            !tree.fields.is_empty() && tree.labels.is_empty() && tree.fields.iter().all(is_constant);
        is_table
            && match on {
                Operand::Global(_) => true,
                Operand::Local(local) => is_own(local),
                Operand::Const(_) => false,
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
