//! Runs summaries of the program's own functions at their calls.

use std::rc::Rc;
use std::sync::Arc;

use crate::ir::{Operand, Param};
use crate::models::{Kinds, Threat};
use crate::program::{ClassIx, FuncId};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::declared::is_said;
use crate::taint::demand::Mask;
use crate::taint::limits::{MAX_HOPS, MAX_TOLD};
use crate::taint::secrets::kept_at;
use crate::taint::state::{State, Var};
use crate::taint::summary::{Cell, From, Hop, Port, Reach, Summary};
use crate::taint::typed::text_alone;
use crate::taint::value::{Callee, FuncRef, Hops, Key, Label, Tree};
use crate::taint::world::Opened;

/// The caption of a call that hands a value back.
pub(super) const BACK: &str = "it comes back from";

/// The arguments of a call by parameter.
pub(super) type Bound = Vec<Option<Arc<Tree>>>;

impl Analyzer<'_, '_> {
    /// What a call of one own function returns; `None` if it never returns.
    pub(super) fn run_own(&self, state: &mut State, site: &Site<'_>, func: &FuncRef) -> Option<Arc<Tree>> {
        let id = match &func.func {
            Callee::Own(id) => *id,
            Callee::Outside(path) => {
                let args = (!func.bound.is_empty()).then(|| [&func.bound[..], &site.args[..]].concat());
                return Some(self.run_outside(state, site, path, (args, func.named.as_ref())));
            }
            Callee::Class(class) => match self.constructor(*class) {
                Some(init) => init,
                None => {
                    return Some(self.record(site, *class).unwrap_or_else(|| self.instance(site, *class)));
                }
            },
        };
        if let (Callee::Own(_), Some(result)) = (&func.func, self.wrapped(state, site, (id, func))) {
            return result;
        }
        let made = match &func.func {
            Callee::Class(class) => Some(*class),
            _ => self.made_class(site, id),
        };
        let mut bound = self.bind_args(state, site, (id, &func.bound), made);
        self.bind_named(func, id, &mut bound);
        let Some(mut summary) = self.summary_for(id, &bound) else {
            return Some(self.unknown(&bound, made));
        };
        let own = bound.first().filter(|_| self.world.program.class_of(id).is_some());
        if own.and_then(Option::as_ref).is_some_and(|object| is_said(object)) {
            summary = Arc::new(summary.of_some_object());
        }
        let frame = func.frame.as_ref();
        let result = self.within(state, frame, |state| match made {
            Some(class) => self.made(state, site, &summary, (&bound, id), class),
            None => self.apply(state, site, &summary, &bound, id),
        });
        let mut result = result;
        self.as_generator(id, &bound, &mut result);
        (!summary.never_returns || self.is_only_started(site, id)).then_some(result)
    }

    /// What a function does with these arguments.
    pub(super) fn summary_for(&self, id: FuncId, bound: &Bound) -> Option<Arc<Summary>> {
        let known = self.summary(id, Mask::of(bound))?;
        Some(self.specialized(id, &known, bound).unwrap_or(known))
    }

    /// What a call gives of which nothing is known: perhaps what it was given, in an object that it makes surely.
    fn unknown(&self, bound: &Bound, made: Option<ClassIx>) -> Arc<Tree> {
        let mut tree = Tree { class: made, ..Tree::default() };
        let mark = if made.is_some() { Kinds::NONE } else { Kinds::THROUGH_UNKNOWN };
        bound.iter().flatten().flat_map(|arg| arg.all()).for_each(|label| {
            tree.add(&Label { kinds: label.kinds.without(Kinds::HIDDEN).with(mark), ..label });
        });
        Arc::new(tree)
    }

    pub(super) fn apply(
        &self,
        state: &mut State,
        site: &Site<'_>,
        summary: &Summary,
        bound: &Bound,
        func: FuncId,
    ) -> Arc<Tree> {
        site.known.opened.borrow_mut().clear();
        self.read_anew(state, site, summary, bound);
        let mut result = summary.shape.as_deref().cloned().unwrap_or_default();
        let given_part = summary.gives_part.as_ref();
        if let Some((param, at)) = given_part
            && let Some(Some(given)) = bound.get(*param)
        {
            let part = self.along(given, at);
            if !part.fields.is_empty() && part.is_tainted() {
                result.join(&self.passed(site, &part, BACK));
            }
        }
        for (path, from) in &summary.returns {
            let is_part = |(param, at): &(usize, Vec<Key>)| {
                path.is_empty()
                    && matches!(&from.port, Port::Param(own, known) if own == param && known == at)
                    && bound.get(*param).is_some_and(|given| {
                        given.as_ref().is_some_and(|given| !self.along(given, at).fields.is_empty())
                    })
            };
            if given_part.is_some_and(is_part) || self.is_from_outside(func, from, bound) {
                continue;
            }
            let labels = self.labels(state, from, bound, site, BACK);
            let is_held = |(key, param): &(Key, usize)| {
                path.first() == Some(key) && matches!(&from.port, Port::Param(own, _) if own == param)
            };
            if labels.is_empty()
                || summary.holds.iter().any(is_held)
                || self.is_merged(site, (path, from), bound, &mut result)
            {
                continue;
            }
            let mut part = Tree::default();
            let to = if path.is_empty() { &mut result } else { &mut part };
            labels.iter().for_each(|label| {
                to.add(label);
            });
            if !path.is_empty() {
                result.join_at(path, &part);
            }
        }
        self.hold(site, summary, bound, &mut result);
        if self.is_reporting() {
            for reach in &summary.reaches {
                self.extend_reach(state, site, reach, bound);
            }
        }
        self.replace(state, site, (summary, func), bound);
        self.effects(state, site, summary, bound, func);
        self.set_outer(state, site, summary, bound);
        if !summary.raises.is_empty() {
            self.throw(state, site, summary, bound);
        }
        // What is kept as it was given is kept with its parts told apart, by `replace`.
        let is_copied = |cell: &Cell, from: &From| match (cell, &from.port) {
            (Cell::Attr(_, name), Port::Param(own, at)) if at.is_empty() => {
                summary.copies.contains(&(0, Key::Attr(*name), *own))
            }
            _ => false,
        };
        for (cell, path, from) in &summary.keeps {
            if path.is_empty() && is_copied(cell, from) {
                continue;
            }
            let mut labels = self.labels(state, from, bound, site, "it is kept by");
            for hop in Hops::list(from.via.as_ref()) {
                labels.iter_mut().for_each(|label| *label = label.after(hop.clone()));
            }
            if !labels.is_empty() {
                self.leave(state, *cell, path, &Tree::labeled(labels));
            }
        }
        self.give_back(state, site, summary, bound, &mut result);
        self.tell(state, summary, bound, &mut result);
        Arc::new(result)
    }

    /// Whether taint is what other callers hand to a function: this one passes something else, and for a secret a constant.
    fn is_from_outside(&self, func: FuncId, from: &From, bound: &Bound) -> bool {
        let Port::Source(source) = &from.port else { return false };
        let (module, _, body) = self.world.program.func(func);
        let is_it = |param: &Param| body.locals[param.local].span == source.span;
        let at = body.params.iter().position(is_it).filter(|_| source.file == module.file);
        at.is_some_and(|at| match source.threat {
            Threat::Secret => matches!(bound.get(at), Some(Some(given)) if given.konst.is_some()),
            threat => threat != Threat::Detail,
        })
    }

    /// Puts what was passed for a parameter in place of a result that is the same object.
    fn give_back(&self, state: &State, site: &Site<'_>, summary: &Summary, bound: &Bound, result: &mut Tree) {
        if let Some((param, replaced)) = &summary.gives_back
            && let Some(given) = self.left_in(state, site, *param, bound)
        {
            let made = std::mem::replace(result, Tree::clone(&given));
            for key in replaced {
                let part = made.field(key).cloned().unwrap_or_default();
                result.store(std::slice::from_ref(key), &part);
            }
        }
    }

    /// What was passed for a parameter, as the callee leaves it.
    fn left_in(&self, state: &State, site: &Site<'_>, param: usize, bound: &Bound) -> Option<Arc<Tree>> {
        match self.operand_of(state, site, param, bound) {
            Some((base @ Operand::Local(_), path)) => Some(self.along(&self.value(state, base), &path)),
            _ => bound.get(param)?.clone(),
        }
    }

    /// The taint that a port of the callee stands for here.
    pub(super) fn labels(
        &self,
        state: &State,
        from: &From,
        bound: &Bound,
        site: &Site<'_>,
        caption: &'static str,
    ) -> Vec<Label> {
        let all = match &from.port {
            Port::Source(source) => {
                let hop = self.hop_at(site, BACK);
                let via = Some(Hops::after(from.via.as_ref(), hop));
                let origin = self.given_by(site, bound, Port::Source(Arc::clone(source)));
                return vec![Label { origin, kinds: from.kinds, via }];
            }
            Port::Param(index, path) => {
                let Some(Some(arg)) = bound.get(*index) else { return Vec::new() };
                let is_answer = caption == BACK && from.kinds.has(Kinds::THROUGH_UNKNOWN);
                if is_answer && path.is_empty() && self.is_exception(arg) {
                    return Vec::new();
                }
                self.opened(site, arg, path)
            }
            Port::Outer(name, path) => Rc::new(self.along(&self.outer(state, *name), path).all()),
        };
        if all.is_empty() {
            return Vec::new();
        }
        let hop = self.hop_at(site, caption);
        let marks = Kinds::THROUGH_UNKNOWN.with(Kinds::BEHIND);
        // What undoes an encoding brings back what was harmless; else that stays so.
        let may_matter = |label: &&Label| from.kinds.has(Kinds::DECODED) || !label.kinds.is_empty();
        all.iter()
            .filter(may_matter)
            .map(|label| {
                let kinds = self.kinds(state, label);
                let kinds = kinds.and(from.kinds).with(from.kinds.with(kinds).and(marks));
                let via = Some(Hops::after(label.via.as_ref(), hop.clone()));
                let mut label = Label { origin: label.origin, kinds, via };
                let is_open = !self.cleared(state, label.origin).is_checked();
                if from.kinds.has(Kinds::DECODED) && is_open {
                    self.decoded(&mut label, from.kinds.has(Kinds::UNQUOTED));
                    label.kinds = label.kinds.and(from.kinds.without(Kinds::DECODED.with(Kinds::UNQUOTED)));
                }
                label
            })
            .filter(|label| !label.kinds.is_empty())
            .collect()
    }

    /// All labels of the part at `path` of what is passed.
    pub(super) fn opened(&self, site: &Site<'_>, arg: &Arc<Tree>, path: &[Key]) -> Rc<Vec<Label>> {
        // Of what came from many places the parts are not told apart.
        let is_mixed = arg.labels.len() > MAX_TOLD && arg.fields.is_empty();
        let path = if is_mixed && !path.is_empty() { &[Key::Any][..] } else { path };
        let is_it = |known: &&Opened| Arc::ptr_eq(&known.0, arg) && known.1 == path;
        if let Some((.., labels)) = site.known.opened.borrow().iter().find(is_it) {
            return Rc::clone(labels);
        }
        let labels = if arg.is_tainted() { self.along(arg, path).all() } else { Vec::new() };
        let labels = Rc::new(labels);
        site.known.opened.borrow_mut().push((Arc::clone(arg), path.to_vec(), Rc::clone(&labels)));
        labels
    }

    /// The hop of a call; its words are made once.
    fn hop_at(&self, site: &Site<'_>, caption: &'static str) -> Hop {
        let mut hops = site.known.hops.borrow_mut();
        if let Some((_, hop)) = hops.iter().find(|(known, _)| *known == caption) {
            return hop.clone();
        }
        let text = format!("{caption} `{}`", self.spelled(site.call.callee_span));
        let is_back = caption == BACK;
        let hop = Hop { is_call: true, is_back, ..self.hop(site.call.span, text) };
        hops.push((caption, hop.clone()));
        hop
    }

    pub(super) fn along(&self, tree: &Arc<Tree>, path: &[Key]) -> Arc<Tree> {
        path.iter().fold(Arc::clone(tree), |at, key| self.part(&at, key))
    }

    /// What a variable of an enclosing function, or of this one, holds.
    pub(super) fn outer(&self, state: &State, name: crate::base::Symbol) -> Arc<Tree> {
        let program = self.world.program;
        let own = program.text(self.module.global(self.body.name));
        let text = program.text(name);
        if let Some(variable) = text.strip_prefix(own).and_then(|rest| rest.strip_prefix(".<locals>.")) {
            let local =
                self.body.locals.pairs().find(|(_, local)| {
                    local.name.is_some_and(|name| self.module.unit.text(name) == variable)
                });
            return local.map_or_else(Arc::default, |(id, _)| self.value(state, Operand::Local(id)));
        }
        if let Some(known) = state.get(Var::Global(name)) {
            return Arc::clone(known);
        }
        Arc::new(Tree::labeled(vec![self.label(Port::Outer(name, Vec::new()), None)]))
    }

    /// Hands a way to a sink up to this function's own ports, or reports that a source takes it.
    fn extend_reach(&self, state: &State, site: &Site<'_>, reach: &Reach, bound: &Bound) {
        if matches!(reach.port, Port::Source(_)) {
            return;
        }
        let shown = self.shown_whole(state, site, reach, bound);
        let reached = reach.kinds.without(shown);
        if shown != Kinds::NONE && reached.and(Kinds::HIDDEN).is_empty() {
            return;
        }
        let from = From { port: reach.port.clone(), kinds: reached, via: None };
        for label in self.labels(state, &from, bound, site, "it goes into") {
            // What only an object does harm with.
            if !label.kinds.has(reached.and(text_alone())) {
                continue;
            }
            let outward = self.outward(state, &label);
            let mut hops = Hops::list(outward.via.as_ref());
            hops.extend(reach.hops.iter().cloned());
            hops.truncate(MAX_HOPS);
            self.note(Reach {
                port: outward.port,
                kinds: label
                    .kinds
                    .and(reached)
                    .with(label.kinds.and(Kinds::THROUGH_UNKNOWN.with(Kinds::BEHIND)))
                    .with(outward.kinds.and(Kinds::DECODED.with(Kinds::UNQUOTED))),
                sink: Arc::clone(&reach.sink),
                hops,
            });
        }
    }

    /// Puts what is passed for parameters where what is returned holds them.
    fn hold(&self, site: &Site<'_>, summary: &Summary, bound: &Bound, result: &mut Tree) {
        for (key, param) in &summary.holds {
            if let Some(Some(given)) = bound.get(*param) {
                let part = self.passed(site, given, "it comes back from");
                result.store(std::slice::from_ref(key), &part);
            }
        }
    }

    /// What is passed for a parameter, one call further on its way.
    pub(super) fn passed(&self, site: &Site<'_>, given: &Arc<Tree>, caption: &'static str) -> Arc<Tree> {
        if !given.is_tainted() {
            return Arc::clone(given);
        }
        let mut part = Tree::clone(given);
        let hop = self.hop_at(site, caption);
        part.relabel(&|label| label.after(hop.clone()));
        Arc::new(part)
    }

    /// What the callee puts in place of parts of its arguments.
    fn replace(
        &self,
        state: &mut State,
        site: &Site<'_>,
        (summary, func): (&Summary, FuncId),
        bound: &Bound,
    ) {
        for (param, key) in &summary.replaces {
            let Some((base, before)) = self.operand_of(state, site, *param, bound) else { continue };
            let full = [&before[..], std::slice::from_ref(key)].concat();
            let Some((var, full)) = self.located(base, &full) else { continue };
            let holds = state.get(var).is_some_and(|tree| self.along(tree, &full).is_tainted());
            if holds {
                state.change(var, |tree| {
                    self.open(tree, &full);
                    tree.store(&full, &Arc::default());
                });
            }
        }
        for (param, key, other) in &summary.copies {
            let Some(Some(given)) = bound.get(*other) else { continue };
            if given.is_plain() {
                continue;
            }
            let part = kept_at(std::slice::from_ref(key), &self.passed(site, given, "it is kept by"));
            if let (0, Key::Attr(name), Some(class), false) =
                (*param, key, self.world.program.class_of(func), self.is_static(func))
            {
                let class = self.made_class(site, func).unwrap_or(class);
                self.leave(state, Cell::Attr(class, *name), &[], &part);
            }
            let Some((base, before)) = self.operand_of(state, site, *param, bound) else { continue };
            let full = [&before[..], std::slice::from_ref(key)].concat();
            if let Operand::Global(name) = base
                && let Some((symbol, path)) = self.outliving(name, &full)
            {
                self.leave(state, Cell::Global(symbol), &path, &part);
            }
            if let Some((var, full)) = self.located(base, &full) {
                state.change(var, |tree| {
                    self.open(tree, &full[..full.len().saturating_sub(1)]);
                    tree.store(&full, &part);
                });
            }
        }
    }

    /// What the callee stores into its arguments.
    fn effects(&self, state: &mut State, site: &Site<'_>, summary: &Summary, bound: &Bound, func: FuncId) {
        for (param, path, from) in &summary.effects {
            if self.is_from_outside(func, from, bound) {
                continue;
            }
            let is_copied = |(of, key, other): &(usize, Key, usize)| {
                of == param
                    && path.first() == Some(key)
                    && matches!(&from.port, Port::Param(own, _) if own == other)
            };
            if summary.copies.iter().any(is_copied) {
                continue;
            }
            let labels = self.labels(state, from, bound, site, "it is kept by");
            if labels.is_empty() {
                continue;
            }
            let mut part = Tree::default();
            labels.iter().for_each(|label| {
                part.add(label);
            });
            let part = Tree::clone(&kept_at(path, &Arc::new(part)));
            if let (0, [Key::Attr(name)], Some(class)) =
                (*param, &path[..], self.world.program.class_of(func))
                && !self.is_static(func)
            {
                let class = self.made_class(site, func).unwrap_or(class);
                self.leave(state, Cell::Attr(class, *name), &[], &part);
            }
            let Some(operand) = self.operand_of(state, site, *param, bound) else { continue };
            let part = match (&path[..], &from.port) {
                // The attributes of an object that are a mapping keep its parts apart.
                ([key], Port::Param(own, at)) if at.is_empty() && *key == self.dict_key() => {
                    let given = bound.get(*own).cloned().flatten().unwrap_or_default();
                    self.passed(site, &given, "it is kept by")
                }
                _ => Arc::new(part),
            };
            let (base, before) = operand;
            let full = [&before[..], &path[..]].concat();
            if let Operand::Global(name) = base
                && let Some((symbol, path)) = self.outliving(name, &full)
            {
                self.leave(state, Cell::Global(symbol), &path, &part);
            }
            if let Some((var, full)) = self.located(base, &full) {
                state.change(var, |tree| {
                    self.open(tree, &full);
                    tree.join_at(&full, &part);
                });
            }
        }
    }

    /// The variable that was passed for a parameter, and the path in it.
    pub(super) fn operand_of(
        &self,
        state: &State,
        site: &Site<'_>,
        param: usize,
        bound: &Bound,
    ) -> Option<(Operand, Vec<Key>)> {
        if let (0, Some(spot)) = (param, site.spot) {
            return Some(spot.clone());
        }
        if param == 0 && self.is_super(site) {
            let own = self.body.params.first()?;
            return Some((Operand::Local(own.local), Vec::new()));
        }
        let tree = bound.get(param)?.as_ref()?;
        if let Some(receiver) = &site.receiver
            && Arc::ptr_eq(receiver, tree)
        {
            let place = self.receiver_place(site.call)?;
            return Some((place.base, self.keys(state, place)));
        }
        match site.args.iter().position(|arg| Arc::ptr_eq(arg, tree)) {
            Some(at) => Some((site.call.args[at].value, Vec::new())),
            None => self.spot_within(state, site, tree),
        }
    }
}
