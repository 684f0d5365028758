//! Where chosen values go within a function, and from callers in the same file into its parameters.
//!
//! In: a body and a [`Policy`] that names the sources. Out: at every call and return, the origins of each operand.
//! A container is tainted by element, so that an overwritten key clears it; what an unknown call returns is unknown.
//! Values returned by functions, kept in attributes across functions, or aliased are deliberately not followed.

mod callers;
mod evaluate;
mod propagation;
mod value;

pub(crate) use callers::callers;
pub(crate) use value::State;

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::IdVec;
use crate::flow::{Analysis, defined, solve};
use crate::ir::{BlockId, Body, Call, Inst, LocalId, Op, Operand, Rvalue, Step, Terminator, operands};
use crate::rules::Context;
use crate::text::Span;
use callers::arguments;
use value::{Taint, Value};

/// Depth to which callers of callers are asked.
const CALLER_DEPTH: u32 = 2;

/// What a rule follows.
pub(crate) trait Policy {
    /// What kind of source it is.
    type Kind: Copy + PartialEq;
    /// Whether reading `name` (a variable, attribute or constant key) that nothing is known of gives a source.
    fn named(&self, context: &Context<'_>, name: &str) -> Option<Self::Kind>;
    /// Whether the argument for this parameter is one, whatever passes it.
    fn param(&self, context: &Context<'_>, index: usize) -> Option<Self::Kind>;
    /// Whether this call or caught exception is one.
    fn made(&self, context: &Context<'_>, op: &Op) -> Option<Self::Kind>;
    /// Whether the result of `call` is harmless whatever goes in.
    fn cleans(&self, context: &Context<'_>, call: &Call) -> bool;
    /// Whether this attribute or item of a source is still one.
    fn keeps(&self, context: &Context<'_>, step: Step) -> bool;
    /// Whether nothing matters where the flag `name` is true.
    fn guards(&self, name: &str) -> bool;
    /// Whether `body` may hold a source at all; false spares the analysis.
    fn may_hold(&self, context: &Context<'_>) -> bool;
}

/// Where a value comes from.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Origin<K> {
    /// Its place.
    pub(crate) span: Span,
    /// Its source text.
    pub(crate) text: String,
    /// What it is; `None` for a parameter that only its callers can tell of.
    pub(crate) kind: Option<K>,
    /// The parameter, where it is one.
    pub(crate) param: Option<usize>,
}

/// Origins, each with whether only a part of it is left.
pub(crate) type Found<K> = Vec<(Origin<K>, bool)>;

/// The flows of one body.
pub(crate) struct Flows<'c, 'a, P: Policy> {
    context: &'c Context<'a>,
    policy: &'c P,
    origins: RefCell<Vec<Origin<P::Kind>>>,
    states: IdVec<BlockId, Option<State>>,
    /// What callers pass, by parameter, once asked for.
    passed: OnceCell<Vec<Found<P::Kind>>>,
    /// Temporaries of which it matters that they are harmless.
    kept: FxHashSet<Operand>,
    /// How many callers of callers may be asked.
    depth: u32,
}

impl<'c, 'a, P: Policy> Flows<'c, 'a, P> {
    /// Follows the sources of `policy` through the body of `context`.
    pub(crate) fn new(context: &'c Context<'a>, policy: &'c P) -> Self {
        Self::with_depth(context, policy, CALLER_DEPTH)
    }

    fn with_depth(context: &'c Context<'a>, policy: &'c P, depth: u32) -> Self {
        let states = IdVec::filled(None, 0);
        let mut flows = Self {
            context,
            policy,
            origins: RefCell::default(),
            states,
            passed: OnceCell::new(),
            kept: kept(context.body),
            depth,
        };
        flows.states = solve(context.body, context.cfg(), &flows);
        flows
    }

    /// Shows each instruction that can be reached (`None`: the block's end) with the state before it.
    pub(crate) fn visit(&self, mut see: impl FnMut(BlockId, Option<&'a Inst>, &State)) {
        for &block in self.context.cfg().order() {
            let Some(mut state) = self.states[block].clone() else { continue };
            for inst in &self.context.body.blocks[block].insts {
                see(block, Some(inst), &state);
                self.step(&mut state, inst);
            }
            see(block, None, &state);
        }
    }

    /// The origins of what `operand` holds, elements included, each with whether only a part of it is left.
    pub(crate) fn origins(&self, state: &State, operand: Operand) -> Found<P::Kind> {
        let taints = self.value(state, operand).unwrap_or_default().all();
        let origins = self.origins.borrow();
        taints.iter().map(|taint| (origins[taint.origin].clone(), taint.part)).collect()
    }

    /// As [`Flows::origins`], parameters replaced by the sources that callers in this file pass for them.
    pub(crate) fn sources(&self, state: &State, operand: Operand) -> Found<P::Kind> {
        let mut sources = Vec::new();
        for (origin, part) in self.origins(state, operand) {
            match (origin.kind, origin.param) {
                (Some(_), _) => sources.push((origin, part)),
                (None, Some(param)) if self.depth > 0 => {
                    let passed = &self.passed.get_or_init(|| self.ask_callers())[param];
                    sources.extend(passed.iter().map(|(origin, rest)| (origin.clone(), part || *rest)));
                }
                (None, _) => {}
            }
        }
        sources
    }

    /// What callers in this file pass for each parameter.
    fn ask_callers(&self) -> Vec<Found<P::Kind>> {
        let mut passed = vec![Vec::new(); self.context.body.params.len()];
        for id in callers(self.context, self.context.id) {
            let caller = self.context.other(id);
            if !self.policy.may_hold(&caller) {
                continue;
            }
            let flows = Flows::with_depth(&caller, self.policy, self.depth - 1);
            flows.visit(|_, inst, state| {
                let Some(Inst { op: Op::Call(_, call), .. }) = inst else { return };
                let call = &caller.body.calls[*call];
                if caller.callee(call) != Some(self.context.id) {
                    return;
                }
                for (param, found) in passed.iter_mut().enumerate() {
                    for value in arguments(self.context, call, caller.name(call), param) {
                        found.extend(flows.sources(state, value));
                    }
                }
            });
        }
        passed
    }

    fn taint(&self, span: Span, kind: Option<P::Kind>, text: &str, param: Option<usize>) -> Vec<Taint> {
        let mut origins = self.origins.borrow_mut();
        let known = origins
            .iter()
            .position(|origin| origin.span == span && origin.param == param && origin.text == text);
        let origin = known.unwrap_or_else(|| {
            origins.push(Origin { span, text: text.to_owned(), kind, param });
            origins.len() - 1
        });
        vec![Taint { origin, part: false }]
    }

    fn source(&self, span: Span, kind: P::Kind) -> Value {
        let text = crate::rules::facts::edits::brief(self.context, span, 60);
        Value::whole(self.taint(span, Some(kind), &text, None))
    }
}

impl<P: Policy> Analysis for Flows<'_, '_, P> {
    type State = State;

    fn entry(&self, body: &Body) -> State {
        let mut state = State { held: FxHashMap::default(), unguarded: true };
        for (index, param) in body.params.iter().enumerate() {
            let name = self.context.local_name(param.local);
            let kind =
                self.policy.param(self.context, index).or_else(|| self.policy.named(self.context, name));
            let span = body.locals[param.local].span;
            let taints = self.taint(span, kind, name, Some(index));
            state.held.insert(Operand::Local(param.local), Rc::new(Value::whole(taints)));
        }
        state
    }

    fn step(&self, state: &mut State, inst: &Inst) {
        let made = if state.unguarded { self.policy.made(self.context, &inst.op) } else { None };
        let made = made.map(|kind| self.source(inst.span, kind));
        match &inst.op {
            Op::Let(to, value) => {
                let value = made.or_else(|| self.rvalue(state, value, inst.span));
                self.bind(state, Operand::Local(*to), value, inst.span);
            }
            Op::Call(to, call) => {
                let call = &self.context.body.calls[*call];
                let got = self.call(state, call);
                self.bind(state, Operand::Local(*to), made.or(got), inst.span);
            }
            Op::Await(to, value) => {
                let value = self.value(state, *value);
                self.bind(state, Operand::Local(*to), value, inst.span);
            }
            Op::Store(place, value) => {
                let value = self.value(state, *value);
                let path = self.steps(*place);
                if path.is_empty() {
                    self.bind(state, place.base, value, inst.span);
                } else {
                    let value = value.unwrap_or_default();
                    Rc::make_mut(state.held.entry(place.base).or_default()).store(&path, &value);
                }
            }
            Op::Delete(place) => {
                let path = self.steps(*place);
                Rc::make_mut(state.held.entry(place.base).or_default()).store(&path, &Value::default());
            }
            Op::Yield(to, ..) => drop(state.held.remove(&Operand::Local(*to))),
            Op::Exit(_) => {}
        }
    }

    /// Falsy values hide nothing; where a guard is true nothing matters.
    fn edge(&self, state: &mut State, from: BlockId, to: BlockId) {
        let Terminator::Branch { on, yes, no } = self.context.body.blocks[from].end else { return };
        if to == no && yes != no {
            state.held.insert(on, Rc::default());
            for inst in &self.context.body.blocks[from].insts {
                if let Op::Let(copy, Rvalue::Use(of)) = inst.op
                    && of == on
                {
                    state.held.insert(Operand::Local(copy), Rc::default());
                }
            }
        } else if to == yes && self.is_guard(from, on) {
            state.held.values_mut().for_each(|value| *value = Rc::default());
            state.unguarded = false;
        }
    }
}

/// The temporaries that another block than their own reads, or that a variable copies.
fn kept(body: &Body) -> FxHashSet<Operand> {
    let mut made: FxHashMap<LocalId, BlockId> = FxHashMap::default();
    let mut kept = FxHashSet::default();
    for (block, data) in body.blocks.pairs() {
        for inst in &data.insts {
            let copies = matches!(
                &inst.op,
                Op::Let(_, Rvalue::Use(_) | Rvalue::Enter(_)) | Op::Store(..) | Op::Await(..)
            );
            for operand in operands(body, inst) {
                let known = operand.local().and_then(|local| made.get(&local));
                if copies || known.is_some_and(|home| *home != block) {
                    kept.insert(operand);
                }
            }
            made.extend(defined(inst).map(|local| (local, block)));
        }
    }
    kept
}
