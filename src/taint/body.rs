//! Follows taint through one body: blocks in order until nothing changes, then once more to see what reaches what.

use std::cell::RefCell;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::base::IdVec;
use crate::flow::{Cfg, Liveness};
use crate::ir::{BlockId, Body, BodyKind, FnId, Inst, LocalId, Op, Operand, Place, Rvalue, Step, Terminator};
use crate::models::Kinds;
use crate::program::{ClassIx, FuncId, Module};
use crate::taint::demand::{self, Mask};
use crate::taint::limits::{MAX_INSTS, MAX_VISITS};
use crate::taint::origins::Origin;
use crate::taint::state::{State, Var};
use crate::taint::summary::{Port, Summary};
use crate::taint::value::{Callee, Cond, FuncRef, Key, Konst, Label, Tree, literal};
use crate::taint::world::{Given, Known, World, known};
use crate::text::{SourceFile, Span};

pub(super) struct Analyzer<'w, 'a> {
    pub(super) world: &'w World<'w, 'a>,
    pub(super) module: &'w Module<'a>,
    pub(super) id: FuncId,
    pub(super) body: &'a Body,
    pub(super) class: Option<ClassIx>,
    pub(super) file: &'w SourceFile,
    pub(super) cfg: Cfg,
    /// What the summary is made for.
    pub(super) context: &'w Context<'w>,
    pub(super) origins: RefCell<Vec<Origin>>,
    pub(super) known_origins: RefCell<FxHashMap<Origin, u32>>,
    /// The origins of parts of what an origin is of.
    pub(super) parts: RefCell<FxHashMap<(u32, Key), u32>>,
    /// What an origin is a part of, or reads once more: what is shown of that holds for it too.
    pub(super) wholes: RefCell<FxHashMap<u32, u32>>,
    /// What is found; filled in the last pass.
    pub(super) out: RefCell<Summary>,
    pub(super) reporting: RefCell<bool>,
    pub(super) live: Liveness,
    /// What is known of each call.
    pub(super) calls: IdVec<crate::ir::CallId, Known<'w>>,
    /// Parameters whose values decide something.
    pub(super) tested: RefCell<Vec<usize>>,
}

/// What a summary is made for.
pub(super) struct Context<'c> {
    /// The parameters that are given taint.
    pub(super) mask: Mask,
    /// What the caller passes that decides something.
    pub(super) given: Vec<(usize, Given)>,
    /// The summaries of functions that it passes.
    pub(super) funcs: Vec<(FuncId, Arc<Summary>)>,
    /// How many such summaries it is in, one within the other.
    pub(super) depth: u32,
    /// The summaries so far of functions that call each other.
    pub(super) group: Option<&'c FxHashMap<FuncId, Arc<Summary>>>,
}

impl Default for Context<'_> {
    fn default() -> Self {
        Self { mask: Mask::NONE, given: Vec::new(), funcs: Vec::new(), depth: 0, group: None }
    }
}

/// The summary of a function.
pub(super) fn analyze<'w>(world: &'w World<'w, '_>, id: FuncId, context: &'w Context<'w>) -> Summary {
    let class = world.program.class_of(id);
    Analyzer::new(world, (id, class), context).map_or_else(Summary::default, Analyzer::run)
}

impl<'w, 'a> Analyzer<'w, 'a> {
    /// An analysis of a function, as a method of `class`; `None` where it is too long.
    pub(super) fn new(
        world: &'w World<'w, 'a>,
        (id, class): (FuncId, Option<ClassIx>),
        context: &'w Context<'w>,
    ) -> Option<Self> {
        let (module, _, body) = world.program.func(id);
        let n_insts: usize = body.blocks.iter().map(|block| block.insts.len()).sum();
        if n_insts > MAX_INSTS {
            return None;
        }
        let cfg = Cfg::new(body);
        Some(Self {
            world,
            module,
            id,
            body,
            class,
            file: &world.files[module.file],
            live: Liveness::new(body, &cfg),
            cfg,
            calls: known(world, (module, id), class, body),
            context,
            origins: RefCell::default(),
            known_origins: RefCell::default(),
            parts: RefCell::default(),
            wholes: RefCell::default(),
            out: RefCell::default(),
            reporting: RefCell::new(false),
            tested: RefCell::default(),
        })
    }

    fn run(self) -> Summary {
        let ins = self.solve();
        *self.reporting.borrow_mut() = true;
        let mut returned: Vec<(State, Tree, Operand)> = Vec::new();
        let mut yields = Tree::default();
        for &block in self.cfg.order() {
            let Some(mut state) = ins[block].clone() else { continue };
            let mut goes_on = true;
            for inst in &self.body.blocks[block].insts {
                goes_on = self.step(&mut state, inst);
                if !goes_on {
                    break;
                }
                if let Op::Yield(_, value, _) = inst.op {
                    let mut part = Tree::default();
                    part.store(&[Key::Any], &self.value(&state, value));
                    yields.join(&part);
                }
            }
            if let (true, Terminator::Return(value)) = (goes_on, &self.body.blocks[block].end) {
                let value = *value;
                let tree = self.value(&state, value);
                self.meet_return(&state, block, value, &tree);
                self.leave_instance(&state);
                returned.push((state, Tree::clone(&tree), value));
            }
        }
        self.finish(returned, yields)
    }

    /// The state in which the body returns.
    pub(super) fn end(&self) -> Option<State> {
        let ins = self.solve();
        let mut end: Option<State> = None;
        for &block in self.cfg.order() {
            let (Some(state), Terminator::Return(_)) = (&ins[block], &self.body.blocks[block].end) else {
                continue;
            };
            let mut state = state.clone();
            if !self.body.blocks[block].insts.iter().all(|inst| self.step(&mut state, inst)) {
                continue;
            }
            match &mut end {
                Some(known) => drop(known.join(&state, &self.wholes.borrow())),
                None => end = Some(state),
            }
        }
        end
    }

    /// The states before all blocks that are reached.
    fn solve(&self) -> IdVec<BlockId, Option<State>> {
        let n = self.body.blocks.len();
        let mut ins: IdVec<BlockId, Option<State>> = IdVec::filled(None, n);
        let mut visits: IdVec<BlockId, u32> = IdVec::filled(0, n);
        ins[self.body.entry()] = Some(self.entry());
        let order: Vec<BlockId> = self.cfg.order().to_vec();
        let mut rank: IdVec<BlockId, usize> = IdVec::filled(usize::MAX, n);
        order.iter().enumerate().for_each(|(at, block)| rank[*block] = at);
        let mut todo: std::collections::BTreeSet<usize> = [0].into_iter().collect();
        while let Some(at) = todo.pop_first() {
            let block = order[at];
            if visits[block] >= MAX_VISITS {
                continue;
            }
            visits[block] += 1;
            let Some(state) = ins[block].clone() else { continue };
            for (to, state) in self.block(block, state) {
                let grew = match &mut ins[to] {
                    Some(known) => known.join(&state, &self.wholes.borrow()),
                    slot => {
                        *slot = Some(state);
                        true
                    }
                };
                if grew && rank[to] != usize::MAX {
                    todo.insert(rank[to]);
                }
            }
        }
        ins
    }

    /// The states that `block` hands to its successors.
    fn block(&self, block: BlockId, mut state: State) -> Vec<(BlockId, State)> {
        let data = &self.body.blocks[block];
        let mut out: Vec<(BlockId, State)> = Vec::new();
        let unwinds = self.cfg.succs(block).iter().find(|edge| edge.unwind).map(|edge| edge.block);
        // What a handler sees is between what holds before the block and behind it.
        let mut raised: Option<State> =
            unwinds.filter(|_| data.insts.iter().any(crate::flow::may_raise)).map(|_| state.clone());
        for inst in &data.insts {
            if !self.step(&mut state, inst) {
                if let Some(raised) = &mut raised {
                    raised.join(&state, &self.wholes.borrow());
                }
                out.extend(unwinds.zip(raised));
                return out;
            }
        }
        if let (Some(to), Some(mut raised)) = (unwinds, raised) {
            raised.join(&state, &self.wholes.borrow());
            out.push((to, raised));
        }
        if matches!(data.end, Terminator::Raise { .. }) {
            out.extend(unwinds.map(|to| (to, state)));
            return out;
        }
        let ends: Vec<(BlockId, State)> = match data.end {
            Terminator::Branch { on, yes, no } => {
                let tree = self.value(&state, on);
                self.test(&tree);
                let decided = tree.konst.as_ref().map(crate::taint::value::Konst::is_true);
                let mut ends = Vec::new();
                for (to, truth) in [(yes, true), (no, false)] {
                    if decided.is_none_or(|decided| decided == truth) {
                        let mut state = state.clone();
                        self.learn(&mut state, on, &tree, truth);
                        ends.push((to, state));
                    }
                }
                ends
            }
            _ => data.successors().map(|to| (to, state.clone())).collect(),
        };
        for (to, mut state) in ends {
            self.forget_dead(&mut state, to);
            out.push((to, state));
        }
        out
    }

    /// Drops what nobody reads from `to` on; parameters are kept for what is stored into them.
    fn forget_dead(&self, state: &mut State, to: BlockId) {
        state.retain(|var| match var {
            Var::Local(local) => {
                self.live.is_live(to, local)
                    || self.body.param(local).is_some()
                    || self.body.kind == BodyKind::Class
            }
            Var::Global(_) => true,
        });
    }

    /// What a branch teaches.
    fn learn(&self, state: &mut State, on: Operand, tree: &Arc<Tree>, truth: bool) {
        if let Some(cond) = &tree.cond {
            for (origin, kinds) in if truth { &cond.yes } else { &cond.no } {
                state.clear(*origin, *kinds);
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
                state.set(Var::Local(local), Arc::default());
            }
        }
    }

    fn entry(&self) -> State {
        let mut state = State::default();
        for (index, param) in self.body.params.iter().enumerate() {
            let mut tree = Tree::default();
            let mut label = self.label(Port::Param(index, Vec::new()), None);
            if !self.context.mask.has(index) {
                // It tells what the parameter decides, and carries nothing.
                label.kinds = Kinds::NONE;
            }
            tree.add(&label);
            if let Some((threat, cleared)) = self.entry_source(index) {
                let span = self.body.locals[param.local].span;
                let name = param_name(self.module, self.body, param.local);
                let mut label = self.source(span, name, threat, "comes in here from outside");
                label.kinds = label.kinds.without(cleared);
                tree.add(&label);
            }
            if let Some(made) = self.injected(index) {
                tree.join(&made);
            }
            if index == 0 && self.class.is_some() {
                self.fill_self(&mut tree);
                tree.class = self.class.filter(|_| !self.is_static(self.id));
            }
            match self.context.given.iter().find(|(given, _)| *given == index) {
                Some((_, Given::Konst(konst))) => tree.konst = Some(konst.clone()),
                Some((_, Given::Parts(parts))) => {
                    for (key, konst) in parts {
                        tree.store(&[Key::Item(key.clone())], &Arc::new(Tree::konst(konst.clone())));
                    }
                }
                Some((_, Given::Func(func))) => tree.funcs = vec![FuncRef::new(func.clone())],
                None => {}
            }
            state.set(Var::Local(param.local), Arc::new(tree));
        }
        state
    }

    /// Runs one instruction; false if control does not come behind it.
    pub(super) fn step(&self, state: &mut State, inst: &Inst) -> bool {
        match &inst.op {
            Op::Let(to, value) => {
                let mut tree = self.rvalue(state, value, inst.span);
                if let Rvalue::Load(place) = value {
                    if let (false, Some(known)) =
                        (tree.labels.is_empty(), self.attribute(state, *to, *place, inst.span))
                    {
                        tree = known;
                    }
                    if let (true, Some(func)) =
                        (tree.funcs.is_empty(), self.bound_method(state, *to, *place, inst.span))
                    {
                        Arc::make_mut(&mut tree).funcs.push(func);
                    }
                }
                self.bind(state, *to, tree);
            }
            Op::Call(to, call) => {
                let result = self.call(state, *call);
                let Some(tree) = result else { return false };
                self.bind(state, *to, tree);
            }
            Op::Await(to, value) => {
                let tree = self.value(state, *value);
                self.bind(state, *to, tree);
            }
            Op::Yield(to, ..) => self.bind(state, *to, Arc::default()),
            Op::Store(place, value) => {
                if self.is_reporting() {
                    let tree = self.value_at(state, *value, inst.span);
                    self.meet_store(state, *place, &tree, inst.span);
                }
                self.store(state, *place, *value);
            }
            Op::Delete(place) => self.put(state, *place, &Arc::default()),
            Op::Exit(_) => {}
        }
        true
    }

    fn bind(&self, state: &mut State, to: LocalId, tree: Arc<Tree>) {
        // What a check has shown on this way holds for the copy on others too.
        let tree = self.without_cleared(state, tree);
        state.set(Var::Local(to), tree);
    }

    /// A value, without the kinds that checks have cleared.
    fn without_cleared(&self, state: &State, mut tree: Arc<Tree>) -> Arc<Tree> {
        let is_cleared =
            |label: &Label| label.kinds.without(self.cleared(state, label.origin)) != label.kinds;
        if state.has_cleared() && tree.labels.iter().any(is_cleared) {
            for label in &mut Arc::make_mut(&mut tree).labels {
                label.kinds = label.kinds.without(self.cleared(state, label.origin));
            }
        }
        tree
    }

    fn store(&self, state: &mut State, place: Place, value: Operand) {
        let tree = self.value(state, value);
        self.put(state, place, &tree);
        self.write_cell(state, place, &tree);
    }

    pub(super) fn put(&self, state: &mut State, place: Place, tree: &Arc<Tree>) {
        let path = self.keys(place);
        match place.base {
            Operand::Local(local) if path.is_empty() => self.bind(state, local, Arc::clone(tree)),
            Operand::Local(local) => state.change(Var::Local(local), |known| known.store(&path, tree)),
            Operand::Global(name) => {
                let var = Var::Global(self.module.global(name));
                state.change(var, |known| known.store(&path, tree));
            }
            Operand::Const(_) => {}
        }
    }

    /// The steps of a place, as keys.
    pub(super) fn keys(&self, place: Place) -> Vec<Key> {
        self.steps(place).into_iter().map(|step| crate::taint::value::key(self.module, step)).collect()
    }

    pub(super) fn steps(&self, place: Place) -> Vec<Step> {
        self.module.unit.paths.steps(place.path)
    }

    // --- values ---

    /// What a function does that this one calls, for the parameters in `mask`; `None` where that cannot be told.
    pub(super) fn summary(&self, id: FuncId, mask: Mask) -> Option<Arc<Summary>> {
        let given = self.context.funcs.iter().find(|(known, _)| *known == id);
        let own = self.context.group.and_then(|group| group.get(&id));
        if let Some(known) = own.or(given.map(|(_, summary)| summary)) {
            return Some(Arc::clone(known));
        }
        demand::is_below(self.world.graph, self.id, id).then(|| demand::summary(self.world, id, mask))
    }

    /// What an operand holds.
    pub(super) fn value(&self, state: &State, operand: Operand) -> Arc<Tree> {
        self.value_at(state, operand, Span::empty(0))
    }

    /// What an operand, read at `span`, holds.
    pub(super) fn value_at(&self, state: &State, operand: Operand, span: Span) -> Arc<Tree> {
        match operand {
            Operand::Const(constant) => {
                Arc::new(literal(self.module, constant).map_or_else(Tree::default, Tree::konst))
            }
            Operand::Local(local) => {
                let tree = state.get(Var::Local(local)).cloned().unwrap_or_default();
                self.without_cleared(state, tree)
            }
            Operand::Global(name) => self.global(state, name, span),
        }
    }

    pub(super) fn hop(&self, span: Span, caption: impl Into<Arc<str>>) -> crate::taint::summary::Hop {
        crate::taint::summary::Hop { file: self.module.file, span, caption: caption.into(), is_call: false }
    }

    /// The source under `span` on one line, shortened.
    pub(super) fn spelled(&self, span: Span) -> String {
        let text = self.file.slice(span).split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() <= 60 {
            return text;
        }
        let mut cut: String = text.chars().take(59).collect();
        cut.push('…');
        cut
    }

    pub(super) fn is_reporting(&self) -> bool {
        *self.reporting.borrow()
    }

    /// A function value.
    pub(super) fn func_value(&self, func: FuncId) -> Arc<Tree> {
        Arc::new(Tree::func(FuncRef::new(Callee::Own(func))))
    }

    /// The function of this file that `id` is.
    pub(super) fn own_func(&self, id: FnId) -> FuncId {
        self.world.program.of(self.module, id)
    }

    pub(super) fn cond(&self, cond: Cond) -> Arc<Tree> {
        let is_empty = cond.yes.is_empty() && cond.no.is_empty();
        if !is_empty {
            self.out.borrow_mut().checks = true;
        }
        Arc::new(Tree { cond: (!is_empty).then(|| Arc::new(cond)), ..Tree::default() })
    }
}

/// The name of a parameter.
pub(super) fn param_name(module: &Module<'_>, body: &Body, local: LocalId) -> String {
    body.locals[local].name.map_or_else(String::new, |name| module.unit.text(name).to_owned())
}
