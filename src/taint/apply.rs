//! Runs summaries of the program's own functions at their calls.

use std::cell::RefCell;
use std::sync::Arc;

use crate::ir::{Arg, ArgKind, Operand};
use crate::models::Kinds;
use crate::program::{ClassIx, FuncId, Meaning};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::demand::Mask;
use crate::taint::limits::MAX_HOPS;
use crate::taint::mappings::is_holder;
use crate::taint::state::{State, Var};
use crate::taint::summary::{Cell, From, Hop, Port, Reach, Summary};
use crate::taint::value::{Callee, Cond, FuncRef, Hops, Key, Label, Tree, some_key};
use crate::taint::world::Known;

/// The arguments of a call by parameter.
pub(super) type Bound = Vec<Option<Arc<Tree>>>;

impl Analyzer<'_, '_> {
    /// What a call of one own function returns; `None` if it never returns.
    pub(super) fn run_own(&self, state: &mut State, site: &Site<'_>, func: &FuncRef) -> Option<Arc<Tree>> {
        let id = match &func.func {
            Callee::Own(id) => *id,
            Callee::Outside(path) => {
                let args = (!func.bound.is_empty()).then(|| [&func.bound[..], &site.args[..]].concat());
                return Some(self.run_outside(state, site, path, args));
            }
            Callee::Class(class) => match self.constructor(*class) {
                Some(init) => init,
                None => {
                    return Some(self.record(site, *class).unwrap_or_else(|| self.instance(site, *class)));
                }
            },
        };
        let made = match &func.func {
            Callee::Class(class) => Some(*class),
            _ => self.made_class(site, id),
        };
        let bound = self.bind_args(state, site, (id, &func.bound), made);
        let Some(summary) = self.summary_for(id, &bound) else {
            return Some(self.unknown(&bound));
        };
        let result = self.apply(state, site, &summary, &bound, id);
        if summary.never_returns {
            return None;
        }
        Some(match made {
            Some(class) => self.made(state, site, &summary, &bound, class),
            None => result,
        })
    }

    /// The class that the call makes an instance of by running `func`.
    fn made_class(&self, site: &Site<'_>, func: FuncId) -> Option<ClassIx> {
        let name = site.call.name?;
        match self.module.meaning(name) {
            Meaning::Class(class) => Some(*class),
            _ => None,
        }
        .filter(|_| self.world.program.class_of(func).is_some())
    }

    /// What a function does with these arguments.
    fn summary_for(&self, id: FuncId, bound: &Bound) -> Option<Arc<Summary>> {
        let known = self.summary(id, Mask::of(bound))?;
        Some(self.specialized(id, &known, bound).unwrap_or(known))
    }

    fn constructor(&self, class: ClassIx) -> Option<FuncId> {
        self.world.program.symbol("__init__").and_then(|name| self.world.program.method(class, name))
    }

    /// An instance of which no more is known than what it was made with.
    pub(super) fn instance(&self, site: &Site<'_>, class: ClassIx) -> Arc<Tree> {
        let mut tree = Tree { class: Some(class), ..Tree::default() };
        site.args.iter().flat_map(|arg| arg.all()).for_each(|label| {
            tree.add(&label);
        });
        Arc::new(tree)
    }

    fn unknown(&self, bound: &Bound) -> Arc<Tree> {
        let mut tree = Tree::default();
        bound.iter().flatten().flat_map(|arg| arg.all()).for_each(|label| {
            tree.add(&label);
        });
        Arc::new(tree)
    }

    // --- what a call does ---

    fn apply(
        &self,
        state: &mut State,
        site: &Site<'_>,
        summary: &Summary,
        bound: &Bound,
        func: FuncId,
    ) -> Arc<Tree> {
        let mut result = summary.shape.as_deref().cloned().unwrap_or_default();
        for (path, from) in &summary.returns {
            let labels = self.labels(state, from, bound, site, "it comes back from");
            if labels.is_empty() {
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
        if self.is_reporting() {
            for reach in &summary.reaches {
                self.extend_reach(state, site, reach, bound);
            }
        }
        self.effects(state, site, summary, bound, func);
        for (cell, path, from) in &summary.keeps {
            let labels = self.labels(state, from, bound, site, "it is kept by");
            if !labels.is_empty() {
                self.leave(state, *cell, path, &Tree::labeled(labels));
            }
        }
        let mut cond = Cond::default();
        for (list, to) in [(&summary.valid_if_true, &mut cond.yes), (&summary.valid_if_false, &mut cond.no)] {
            for (param, path, kinds) in list {
                if let Some(Some(arg)) = bound.get(*param) {
                    to.extend(self.of_kinds(&self.along(arg, path), *kinds));
                }
            }
        }
        if !cond.yes.is_empty() || !cond.no.is_empty() {
            result.cond = Some(Arc::new(cond));
        }
        for (param, path, kinds) in &summary.valid_after {
            if let Some(Some(arg)) = bound.get(*param) {
                self.along(arg, path).all().iter().for_each(|label| state.clear(label.origin, *kinds));
            }
        }
        Arc::new(result)
    }

    /// The taint that a port of the callee stands for here.
    fn labels(
        &self,
        state: &State,
        from: &From,
        bound: &Bound,
        site: &Site<'_>,
        caption: &'static str,
    ) -> Vec<Label> {
        let arg = match &from.port {
            Port::Source(source) => {
                let hop = self.hop_at(site, "it comes back from");
                let via = Some(Hops::after(from.via.as_ref(), hop));
                let label = self.label(Port::Source(Arc::clone(source)), via);
                return vec![Label { kinds: from.kinds, ..label }];
            }
            Port::Param(index, path) => {
                let Some(Some(arg)) = bound.get(*index) else { return Vec::new() };
                if !arg.is_tainted() {
                    return Vec::new();
                }
                self.along(arg, path)
            }
            Port::Outer(name, path) => self.along(&self.outer(state, *name), path),
        };
        let all = arg.all();
        if all.is_empty() {
            return Vec::new();
        }
        let hop = self.hop_at(site, caption);
        let marks = Kinds::THROUGH_UNKNOWN.with(Kinds::BEHIND);
        all.into_iter()
            .map(|label| {
                let kinds = self.kinds(state, &label);
                let kinds = kinds.and(from.kinds).with(from.kinds.with(kinds).and(marks));
                let via = Some(Hops::after(label.via.as_ref(), hop.clone()));
                let mut label = Label { origin: label.origin, kinds, via };
                if from.kinds.has(Kinds::DECODED) {
                    self.decoded(&mut label);
                    label.kinds = label.kinds.and(from.kinds.without(Kinds::DECODED));
                }
                label
            })
            .filter(|label| !label.kinds.is_empty())
            .collect()
    }

    /// The hop of a call; its words are made once.
    fn hop_at(&self, site: &Site<'_>, caption: &'static str) -> Hop {
        let mut hops = site.known.hops.borrow_mut();
        if let Some((_, hop)) = hops.iter().find(|(known, _)| *known == caption) {
            return hop.clone();
        }
        let text = format!("{caption} `{}`", self.spelled(site.call.callee_span));
        let hop = Hop { is_call: true, ..self.hop(site.call.span, text) };
        hops.push((caption, hop.clone()));
        hop
    }

    fn along(&self, tree: &Arc<Tree>, path: &[Key]) -> Arc<Tree> {
        path.iter().fold(Arc::clone(tree), |at, key| self.part(&at, key))
    }

    /// What a variable of an enclosing function, or of this one, holds.
    fn outer(&self, state: &State, name: crate::base::Symbol) -> Arc<Tree> {
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
        let from = From { port: reach.port.clone(), kinds: reach.kinds, via: None };
        if matches!(from.port, Port::Source(_)) {
            return;
        }
        for label in self.labels(state, &from, bound, site, "it goes into") {
            let outward = self.outward(state, &label);
            let mut hops = Hops::list(outward.via.as_ref());
            hops.extend(reach.hops.iter().cloned());
            hops.truncate(MAX_HOPS);
            self.note(Reach {
                port: outward.port,
                kinds: label
                    .kinds
                    .and(reach.kinds)
                    .with(label.kinds.and(Kinds::THROUGH_UNKNOWN.with(Kinds::BEHIND))),
                sink: Arc::clone(&reach.sink),
                hops,
            });
        }
    }

    /// What the callee stores into its arguments.
    fn effects(&self, state: &mut State, site: &Site<'_>, summary: &Summary, bound: &Bound, func: FuncId) {
        for (param, path, from) in &summary.effects {
            let labels = self.labels(state, from, bound, site, "it is kept by");
            if labels.is_empty() {
                continue;
            }
            let mut part = Tree::default();
            labels.iter().for_each(|label| {
                part.add(label);
            });
            if let (0, [Key::Attr(name)], Some(class)) =
                (*param, &path[..], self.world.program.class_of(func))
            {
                let class = self.made_class(site, func).unwrap_or(class);
                self.leave(state, Cell::Attr(class, *name), &[], &part);
            }
            let Some(operand) = self.operand_of(site, *param, bound) else { continue };
            let part = Arc::new(part);
            let (base, before) = operand;
            let full = [&before[..], &path[..]].concat();
            if let Operand::Global(name) = base
                && let Some(symbol) = self.outliving(name, &full)
            {
                self.leave(state, Cell::Global(symbol), &full, &part);
            }
            if let Some(var) = self.local_of(base) {
                state.change(var, |tree| {
                    tree.join_at(&full, &part);
                });
            }
        }
    }

    /// The variable that was passed for a parameter, and the path in it.
    fn operand_of(&self, site: &Site<'_>, param: usize, bound: &Bound) -> Option<(Operand, Vec<Key>)> {
        let tree = bound.get(param)?.as_ref()?;
        if let Some(receiver) = &site.receiver
            && Arc::ptr_eq(receiver, tree)
        {
            let place = self.receiver_place(site.call)?;
            return Some((place.base, self.keys(place)));
        }
        let at = site.args.iter().position(|arg| Arc::ptr_eq(arg, tree))?;
        Some((site.call.args[at].value, Vec::new()))
    }

    /// The instance that a constructor makes.
    fn made(
        &self,
        state: &State,
        site: &Site<'_>,
        summary: &Summary,
        bound: &Bound,
        class: ClassIx,
    ) -> Arc<Tree> {
        let mut tree = Tree { class: Some(class), ..Tree::default() };
        for (param, path, from) in &summary.effects {
            if *param == 0 {
                let labels = self.labels(state, from, bound, site, "it is kept by");
                let mut part = Tree::default();
                labels.iter().for_each(|label| {
                    part.add(label);
                });
                tree.join_at(path, &part);
            }
        }
        Arc::new(tree)
    }

    /// Leaves sources in a cell, at `path` in it.
    pub(super) fn leave(&self, state: &State, cell: Cell, path: &[Key], tree: &Tree) {
        let mut all: Vec<(Vec<Key>, Label)> =
            tree.labels.iter().map(|label| (path.to_vec(), label.clone())).collect();
        for (key, part) in &tree.fields {
            let deeper =
                if path.len() < 2 { [path, std::slice::from_ref(key)].concat() } else { path.to_vec() };
            all.extend(part.own().into_iter().map(|label| (deeper.clone(), label)));
        }
        for (path, label) in all.into_iter().filter(|(_, label)| !label.kinds.is_empty()) {
            let from = self.outward(state, &label);
            {
                let mut out = self.out.borrow_mut();
                let out = if matches!(from.port, Port::Source(_)) { &mut out.writes } else { &mut out.keeps };
                let is_known = out
                    .iter()
                    .any(|(known, at, other)| *known == cell && *at == path && other.port == from.port);
                if !is_known && out.len() < 32 {
                    out.push((cell, path, from));
                }
            }
        }
    }

    // --- function values ---

    /// Calls a function value with `args` in order.
    pub(super) fn run_with(
        &self,
        state: &mut State,
        site: &Site<'_>,
        func: &FuncRef,
        args: &[Arc<Tree>],
    ) -> Option<Arc<Tree>> {
        let id = match &func.func {
            Callee::Own(id) => *id,
            Callee::Outside(path) => {
                let all = [&func.bound[..], args].concat();
                return Some(self.run_outside(state, site, path, Some(all)));
            }
            Callee::Class(class) => self.constructor(*class)?,
        };
        let (_, _, body) = self.world.program.func(id);
        let mut bound: Bound = vec![None; body.params.len()];
        let is_method = body.class.is_some() && !self.is_static(id);
        let skip = usize::from(is_method && func.bound.is_empty());
        let all = func.bound.iter().chain(args);
        for (slot, tree) in bound.iter_mut().skip(skip).zip(all) {
            *slot = Some(Arc::clone(tree));
        }
        let summary = self.summary_for(id, &bound)?;
        let result = self.apply(state, site, &summary, &bound, id);
        (!summary.never_returns).then_some(result)
    }

    /// Calls what a library has at `path`, as the call at hand or, where they are given, with other arguments.
    fn run_outside(
        &self,
        state: &mut State,
        site: &Site<'_>,
        path: &str,
        args: Option<Vec<Arc<Tree>>>,
    ) -> Arc<Tree> {
        let mut call = site.call.clone();
        call.name = None;
        if let Some(args) = &args {
            // What is handed on stands where it is passed.
            let passed = |tree: &Arc<Tree>| {
                let given = || site.call.args.iter().zip(&site.args);
                let same = given().find(|(_, known)| Arc::ptr_eq(known, tree));
                let found = same.or_else(|| given().find(|(_, known)| known.is_tainted()));
                found.map_or(call.span, |(arg, _)| arg.span)
            };
            let value = Operand::Const(crate::ir::Const::None);
            let arg = |tree| Arg { kind: ArgKind::Positional, value, span: passed(tree) };
            call.args = args.iter().map(arg).collect();
        }
        let method = path.rsplit('.').next().unwrap_or(path);
        let model = self.world.models.call(path, method);
        let known = Known { path: path.to_owned(), callees: Vec::new(), model, hops: RefCell::default() };
        let args = args.unwrap_or_else(|| site.args.clone());
        let site = Site { call: &call, path, known: &known, method, receiver: None, args };
        if self.is_reporting() {
            self.meet(state, &site);
        }
        self.outside(state, &site)
    }

    /// Calls a function that was handed to one of which nothing is known: with what follows it (`submit(f, a, b)`),
    /// with `args=(a, b)`, else with all that was given beside it.
    pub(super) fn call_back(&self, state: &mut State, site: &Site<'_>, func: &FuncRef) -> Option<Arc<Tree>> {
        let given = site.call.args.iter().zip(&site.args);
        let after: Vec<Arc<Tree>> = given
            .clone()
            .filter(|(arg, _)| arg.kind == ArgKind::Positional)
            .map(|(_, tree)| tree)
            .skip_while(|tree| !tree.funcs.iter().any(|known| known.func == func.func))
            .skip(1)
            .cloned()
            .collect();
        if !after.is_empty() {
            return self.run_with(state, site, func, &after);
        }
        let named = given.clone().find(
            |(arg, _)| matches!(arg.kind, ArgKind::Keyword(name) if self.module.unit.text(name) == "args"),
        );
        if let Some(items) = named.and_then(|(_, tree)| tree.items()) {
            return self.run_with(state, site, func, &items);
        }
        let mut all = Tree::default();
        let others = site.args.iter().filter(|arg| arg.funcs.is_empty()).chain(&site.receiver);
        others.flat_map(|arg| arg.all()).for_each(|label| {
            all.add(&label);
        });
        let all = Arc::new(all);
        let count = match &func.func {
            Callee::Own(id) => self.world.program.func(*id).2.params.len(),
            Callee::Outside(_) | Callee::Class(_) => 1,
        };
        let args: Vec<Arc<Tree>> = (0..count).map(|_| Arc::clone(&all)).collect();
        self.run_with(state, site, func, &args)
    }

    pub(super) fn write_cell(&self, state: &State, place: crate::ir::Place, tree: &Arc<Tree>) {
        let steps: Vec<Key> = self.keys(place);
        let steps: Vec<Key> =
            steps.into_iter().map(|key| if key == Key::Any { some_key() } else { key }).collect();
        match (place.base, &steps[..]) {
            (Operand::Global(name), path) => {
                if let Some(symbol) = self.outliving(name, path) {
                    self.leave(state, Cell::Global(symbol), path, tree);
                }
            }
            // What a constructor leaves counts when it is through: it may still refuse it.
            (Operand::Local(local), [Key::Attr(name), rest @ ..])
                if self.is_self(local) && !self.is_constructor() =>
            {
                if let Some(class) = self.class {
                    self.leave(state, Cell::Attr(class, *name), rest, tree);
                }
            }
            _ => {}
        }
    }

    /// The variable behind a global name, if what is put at `at` in it comes out again elsewhere: one of the program's
    /// own, or one of those objects of libraries that are made to hold values.
    fn outliving(&self, name: crate::base::Symbol, at: &[Key]) -> Option<crate::base::Symbol> {
        match self.module.meaning(name) {
            Meaning::Class(class) => Some(self.world.program.classes[*class].name),
            Meaning::Outside(path) => {
                let attrs = at.iter().map_while(|key| match key {
                    Key::Attr(name) => Some(self.world.program.text(*name)),
                    Key::Item(_) | Key::Any => None,
                });
                let full = attrs.fold(path.to_string(), |path, attr| format!("{path}.{attr}"));
                is_holder(&full).then(|| self.module.global(name))
            }
            _ => Some(self.module.global(name)),
        }
    }

    fn is_constructor(&self) -> bool {
        self.class.is_some() && self.module.unit.text(self.body.name).ends_with(".__init__")
    }

    /// Leaves in the attributes of an instance what its constructor has set where it returns.
    pub(super) fn leave_instance(&self, state: &State) {
        let (Some(class), Some(own)) = (self.class, self.body.params.first()) else { return };
        let Some(tree) = state.get(Var::Local(own.local)).filter(|_| self.is_constructor()) else { return };
        for (key, part) in &tree.fields {
            if let Key::Attr(name) = key {
                self.leave(state, Cell::Attr(class, *name), &[], part);
            }
        }
    }
}
