//! What is shown where a variable is false, or true, that is asked for once more: where a list of errors is empty, every
//! check has passed that adds to it; what was shown behind `if strict:` holds behind the next `if strict:`.
//!
//! A list is followed while it is one of the function's own, begins empty and only grows; whoever else adds to it does no
//! harm. What `extend` adds may be nothing. A flag is followed where it is given a value once.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::ir::{Block, Body, Inst, LocalId, Op, Operand, Rvalue, Step, Terminator};
use crate::models::Kinds;
use crate::program::Module;
use crate::python::ast::UnaryOp;
use crate::taint::body::Analyzer;
use crate::taint::conds::{Shown, add, both};
use crate::taint::state::{Round, State};
use crate::taint::value::{Cond, Tree};

/// Methods that certainly leave something in a list.
const FILLING: &[&str] = &["append", "add", "insert", "appendleft"];
/// Methods that may take something out.
const TAKING: &[&str] = &["clear", "pop", "remove", "popleft", "popitem", "discard"];

/// What is shown on the ways on which `of` is `truth`, beside what is shown on all; `None` where it is on none.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Way {
    of: LocalId,
    truth: bool,
    shown: Option<Shown>,
}

impl Way {
    /// The variable.
    pub(super) fn of(&self) -> LocalId {
        self.of
    }
}

/// The variables of a body whose truth tells something and is asked for.
#[derive(Default)]
pub(super) struct Flags {
    /// Lists that begin empty, and flags; sorted.
    of: Vec<(LocalId, IsList)>,
    /// What is another name of a list, or `not` one of them.
    named: FxHashMap<LocalId, (LocalId, IsNegated)>,
    /// Operands of `a and b` and `a or b` whose truth decides whether the next is asked, with what they all are.
    operands: Vec<(LocalId, LocalId)>,
}

type IsList = bool;
type IsNegated = bool;

impl Flags {
    pub(super) fn new(module: &Module<'_>, body: &Body) -> Self {
        let mut uses: FxHashMap<LocalId, Uses> = FxHashMap::default();
        let mut negated: FxHashMap<LocalId, LocalId> = FxHashMap::default();
        for inst in body.blocks.iter().flat_map(|block| &block.insts) {
            match &inst.op {
                Op::Let(to, value) if is_empty_list(value) => uses.entry(*to).or_default().is_list = true,
                Op::Let(to, Rvalue::Unary(UnaryOp::Not, Operand::Local(of))) => {
                    negated.insert(*to, *of);
                }
                _ => {}
            }
        }
        let mut tested: FxHashSet<LocalId> = FxHashSet::default();
        for block in body.blocks.iter() {
            if let Terminator::Branch { on: Operand::Local(on), .. } = block.end {
                let of = negated.get(&on).copied().unwrap_or(on);
                if !tested.insert(of) {
                    uses.entry(of).or_default();
                }
            }
        }
        let operands = operands(body);
        if uses.is_empty() && operands.is_empty() {
            return Self::default();
        }
        let mut all = count_uses(module, body, &mut uses);
        for (to, of) in other_names(body, &operands) {
            all.insert(to, (of, false));
        }
        let is_chain = |local: &LocalId| operands.iter().any(|(_, chain)| chain == local);
        let is_followed = |local: &LocalId| uses.get(local).is_some_and(Uses::are_followed);
        let is_followed = |of: &LocalId| is_followed(of) || is_chain(of);
        let leads = |of: &LocalId| is_followed(of) || all.get(of).is_some_and(|(of, _)| is_followed(of));
        let named = all.iter().filter(|(_, (of, _))| leads(of)).map(|(to, of)| (*to, *of)).collect();
        let mut of: Vec<(LocalId, IsList)> = uses
            .iter()
            .filter(|(_, uses)| uses.are_followed())
            .map(|(local, uses)| (*local, uses.is_list))
            .collect();
        of.extend(operands.iter().map(|(_, chain)| (*chain, false)));
        of.sort_unstable();
        of.dedup();
        Self { of, named, operands }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// The variable that `local` is or is another name of, and whether it is `not` that.
    fn root(&self, local: LocalId) -> (LocalId, IsNegated) {
        let (of, is_negated) = self.named.get(&local).copied().unwrap_or((local, false));
        let (of, twice) = self.named.get(&of).copied().unwrap_or((of, false));
        (of, is_negated != twice)
    }

    /// Whether a variable has another name, or something is `not` it.
    pub(super) fn is_named(&self, of: LocalId) -> bool {
        self.named.values().any(|(root, _)| *root == of)
    }

    /// The variable that is followed as `local`; whether it is a list.
    fn find(&self, local: LocalId) -> Option<(LocalId, IsList)> {
        let at = self.of.binary_search_by_key(&local, |(of, _)| *of).ok()?;
        Some(self.of[at])
    }
}

/// How a variable is used.
#[derive(Default)]
struct Uses {
    is_list: bool,
    n_defs: usize,
    grows: bool,
    changes: bool,
}

impl Uses {
    /// Whether what its truth tells can be followed: a list only grows, a flag stays as it is.
    fn are_followed(&self) -> bool {
        self.n_defs == 1 && !self.changes && self.grows == self.is_list
    }
}

/// Counts how variables are used; gives what is given one value, another name of one of them or `not` one.
fn count_uses(
    module: &Module<'_>,
    body: &Body,
    uses: &mut FxHashMap<LocalId, Uses>,
) -> FxHashMap<LocalId, (LocalId, IsNegated)> {
    let mut named: FxHashMap<LocalId, (LocalId, IsNegated)> = FxHashMap::default();
    let mut assigned: FxHashSet<LocalId> = body.params.iter().map(|param| param.local).collect();
    for param in &body.params {
        uses.entry(param.local).and_modify(|uses| uses.n_defs += 1);
    }
    for inst in body.blocks.iter().flat_map(|block| &block.insts) {
        match &inst.op {
            Op::Call(_, id) => {
                let call = &body.calls[*id];
                let known = call.callee.base.local().and_then(|base| uses.get_mut(&base));
                if let Some(uses) = known {
                    let method = module.unit.text(call.method);
                    uses.grows |= FILLING.contains(&method);
                    uses.changes |= TAKING.contains(&method);
                }
            }
            Op::Let(to, Rvalue::Use(Operand::Local(of))) if uses.get(of).is_some_and(|of| of.is_list) => {
                named.insert(*to, (*of, false));
            }
            Op::Let(to, Rvalue::Unary(UnaryOp::Not, Operand::Local(of))) => {
                named.insert(*to, (*of, true));
            }
            Op::Store(place, _) => {
                let known = place.base.local().and_then(|base| uses.get_mut(&base));
                known.into_iter().for_each(|uses| uses.grows = true);
            }
            Op::Delete(place) => {
                let known = place.base.local().and_then(|base| uses.get_mut(&base));
                known.into_iter().for_each(|uses| uses.changes = true);
            }
            _ => {}
        }
        if let Op::Let(to, _) | Op::Call(to, _) | Op::Await(to, _) | Op::Yield(to, ..) = inst.op {
            uses.entry(to).and_modify(|uses| uses.n_defs += 1);
            if !assigned.insert(to) {
                named.remove(&to);
            }
        }
    }
    named
}

/// The operands of chains of `and` and `or` but the last of each, with the chain.
fn operands(body: &Body) -> Vec<(LocalId, LocalId)> {
    let last = |block: &Block| match block.insts.last().map(|inst| &inst.op) {
        Some(Op::Let(to, Rvalue::Use(Operand::Local(of)))) => Some((*of, *to)),
        _ => None,
    };
    let operand = |block: &Block| match block.end {
        Terminator::Branch { on: Operand::Local(on), .. } => {
            last(block).filter(|(of, to)| *of == on && body.locals[*to].name.is_none())
        }
        _ => None,
    };
    body.blocks.iter().filter_map(operand).collect()
}

/// Variables that are given a chain and nothing else, with the chain.
fn other_names(body: &Body, operands: &[(LocalId, LocalId)]) -> Vec<(LocalId, LocalId)> {
    if operands.is_empty() {
        return Vec::new();
    }
    let sets = || body.blocks.iter().flat_map(|block| &block.insts).filter_map(defined_by);
    let name = |(to, of): (LocalId, Option<LocalId>)| {
        let of = of.filter(|of| operands.iter().any(|(_, chain)| chain == of))?;
        let is_chain = operands.iter().any(|(_, chain)| *chain == to);
        (!is_chain && sets().filter(|(other, _)| *other == to).count() == 1).then_some((to, of))
    };
    sets().filter_map(name).collect()
}

/// The local that an instruction gives a value, and the one whose value that is.
fn defined_by(inst: &Inst) -> Option<(LocalId, Option<LocalId>)> {
    match inst.op {
        Op::Let(to, Rvalue::Use(Operand::Local(of))) => Some((to, Some(of))),
        Op::Let(to, _) | Op::Call(to, _) | Op::Await(to, _) | Op::Yield(to, ..) => Some((to, None)),
        _ => None,
    }
}

fn is_empty_list(value: &Rvalue) -> bool {
    match value {
        Rvalue::List(items) => items.is_empty(),
        Rvalue::Dict(items) => items.is_empty(),
        _ => false,
    }
}

impl Analyzer<'_, '_> {
    /// The state with which a body begins: nothing is shown of its flags.
    pub(super) fn ask_params(&self, state: &mut State) {
        for param in &self.body.params {
            if self.flags.find(param.local).is_some() {
                state.begin_ways(param.local);
            }
        }
    }

    /// Notes what an instruction does to the variables whose truth is asked for.
    pub(super) fn ask(&self, state: &mut State, op: &Op) {
        match op {
            Op::Let(to, _) | Op::Await(to, _) | Op::Yield(to, ..) => self.begin_flag(state, *to),
            Op::Call(to, id) => {
                self.begin_flag(state, *to);
                let call = &self.body.calls[*id];
                let Some(base) = call.callee.base.local() else { return };
                let is_own = matches!(self.steps(call.callee)[..], [Step::Attr(_)]);
                if is_own && FILLING.contains(&self.module.unit.text(call.method)) {
                    self.fill_flag(state, base);
                }
            }
            Op::Store(place, _) => {
                let steps = self.steps(*place);
                if let ([Step::Item(_) | Step::Key(_) | Step::Element], Some(base)) =
                    (&steps[..], place.base.local())
                {
                    self.fill_flag(state, base);
                }
            }
            Op::Delete(_) | Op::Exit(_) => {}
        }
    }

    fn begin_flag(&self, state: &mut State, to: LocalId) {
        match self.flags.find(to) {
            Some((of, true)) => {
                state.begin_ways(of);
                state.rule_out(of, true);
            }
            Some((of, false)) => state.begin_ways(of),
            None => {}
        }
    }

    /// A list gains something.
    fn fill_flag(&self, state: &mut State, list: LocalId) {
        if let Some((list, true)) = self.flags.find(self.flags.root(list).0) {
            state.rule_out(list, false);
        }
    }

    /// Where `on` is `truth`: what is shown there, and what is ruled out.
    pub(super) fn answer(&self, state: &mut State, on: Operand, truth: bool) {
        let Some(on) = on.local().filter(|_| !self.flags.of.is_empty()) else { return };
        for (_, chain) in self.flags.operands.iter().filter(|(operand, _)| *operand == on) {
            state.rule_out(*chain, !truth);
        }
        let (of, is_negated) = self.flags.root(on);
        let Some((of, is_list)) = self.flags.find(of) else { return };
        let truth = truth != is_negated;
        for (origin, kinds) in state.shown_where(of, truth) {
            state.clear(origin, kinds);
        }
        // What else adds to a list is not seen.
        if !is_list || truth {
            state.rule_out(of, !truth);
        }
    }

    /// A value, with what its truth tells by the ways on which it is so.
    pub(super) fn with_ways(&self, state: &State, value: Operand, mut tree: Arc<Tree>) -> Arc<Tree> {
        let is_chain = value.local().is_some_and(|local| self.is_chain(local));
        if (tree.labels.is_empty() && tree.cond.is_none() || is_chain)
            && let Some(mut cond) = self.told_by_ways(state, value)
        {
            if let Some(known) = tree.cond.as_deref() {
                known.yes.iter().for_each(|(origin, kinds)| add(&mut cond.yes, *origin, *kinds));
                known.no.iter().for_each(|(origin, kinds)| add(&mut cond.no, *origin, *kinds));
                let (yes, no) = (std::mem::take(&mut cond.yes), std::mem::take(&mut cond.no));
                cond = Cond { yes, no, ..known.clone() };
            }
            Arc::make_mut(&mut tree).cond = Some(Arc::new(cond));
        }
        tree
    }

    /// Whether a local is what `a and b` or `a or b` gives, or `not` that.
    fn is_chain(&self, local: LocalId) -> bool {
        let (of, _) = self.flags.root(local);
        self.flags.operands.iter().any(|(_, chain)| *chain == of)
    }

    /// What the truth of a variable tells by the ways on which it is so.
    pub(super) fn told_by_ways(&self, state: &State, value: Operand) -> Option<Cond> {
        let local = value.local().filter(|_| !self.flags.of.is_empty())?;
        let (root, is_negated) = self.flags.root(local);
        let (of, _) = self.flags.find(root).filter(|_| !is_negated || self.is_chain(local))?;
        let cond = Cond {
            yes: state.shown_where(of, !is_negated),
            no: state.shown_where(of, is_negated),
            ..Cond::default()
        };
        (!cond.is_empty()).then_some(cond)
    }
}

impl State {
    /// A variable is given a value: nothing is shown by it.
    fn begin_ways(&mut self, of: LocalId) {
        self.ways.retain(|way| way.of != of);
        for truth in [false, true] {
            self.ways.push(Way { of, truth, shown: Some(Shown::new()) });
            // Each round gives it another.
            for round in &mut self.rounds {
                round.ways.retain(|way| way.of != of || way.truth != truth);
                round.ways.push(Way { of, truth, shown: Some(Shown::new()) });
            }
        }
        self.ways.sort_by_key(|way| (way.of, way.truth));
    }

    fn rule_out(&mut self, of: LocalId, truth: bool) {
        let known = self.ways.iter_mut().find(|way| way.of == of && way.truth == truth);
        known.into_iter().for_each(|way| way.shown = None);
    }

    fn shown_where(&self, of: LocalId, truth: bool) -> Shown {
        let known = self.ways.iter().find(|way| way.of == of && way.truth == truth);
        known.and_then(|way| way.shown.clone()).unwrap_or_default()
    }

    /// Forgets what is shown of an origin by the truth of a variable.
    pub(super) fn forget_ways(&mut self, origin: u32) {
        let shown = self.ways.iter_mut().filter_map(|way| way.shown.as_mut());
        shown.for_each(|shown| shown.retain(|(known, _)| *known != origin));
    }

    /// Joins in what is shown by the truth of variables on another way.
    pub(super) fn join_ways(&mut self, other: &Self) -> bool {
        let before = self.ways.len();
        let (mut ways, mut grew) = (std::mem::take(&mut self.ways), false);
        ways.retain_mut(|way| {
            let is_it = |other: &&Way| other.of == way.of && other.truth == way.truth;
            let Some(theirs) = other.ways.iter().find(is_it) else { return false };
            if way.shown == theirs.shown && self.all_cleared() == other.all_cleared() {
                return true;
            }
            let shown = match (&way.shown, &theirs.shown) {
                (Some(own), Some(theirs)) => Some(both(&on_way(self, own), &on_way(other, theirs))),
                (Some(own), None) => Some(on_way(self, own)),
                (None, Some(theirs)) => Some(on_way(other, theirs)),
                (None, None) => None,
            };
            grew |= shown != way.shown;
            way.shown = shown;
            true
        });
        self.ways = ways;
        grew | (self.ways.len() != before)
    }

    /// Ends a round: notes what it shows of its elements after which a variable is false, or true.
    pub(super) fn end_round_ways(&mut self, at: usize) {
        for way in self.ways.clone() {
            let round = &self.rounds[at];
            let is_it = |other: &Way| other.of == way.of && other.truth == way.truth;
            let Some(shown) = way.shown.as_ref().filter(|_| !round.ways.iter().any(is_it)) else { continue };
            let mut all = round.shown.clone();
            for (element, whole, kinds) in &round.elements {
                let own = shown.iter().find(|(origin, _)| origin == element).map(|(_, kinds)| *kinds);
                let kinds = own.unwrap_or_default().and(*kinds);
                if !kinds.is_empty() {
                    add(&mut all, *whole, kinds);
                }
            }
            self.rounds[at].ways.push(Way { shown: Some(all), ..way });
        }
    }

    /// Leaves a loop behind its last round.
    pub(super) fn end_rounds_ways(&mut self, round: &Round) {
        for of in &round.ways {
            let way = self.ways.iter_mut().find(|way| way.of == of.of && way.truth == of.truth);
            let Some(shown) = way.and_then(|way| way.shown.as_mut()) else { continue };
            of.shown.iter().flatten().for_each(|(origin, kinds)| add(shown, *origin, *kinds));
        }
    }
}

impl Round {
    /// Joins in what rounds show on another way; one on which a variable is something else has nothing against it.
    pub(super) fn join_ways(&mut self, other: &Self) -> bool {
        let mut grew = false;
        for theirs in &other.ways {
            match self.ways.iter_mut().find(|way| way.of == theirs.of && way.truth == theirs.truth) {
                Some(way) => {
                    let shown = way.shown.as_ref().zip(theirs.shown.as_ref()).map(|(a, b)| both(a, b));
                    grew |= shown != way.shown;
                    way.shown = shown;
                }
                None => {
                    self.ways.push(theirs.clone());
                    grew = true;
                }
            }
        }
        grew
    }
}

/// What is shown on a way, and where a variable is so on it.
fn on_way(state: &State, shown: &[(u32, Kinds)]) -> Shown {
    let mut all = state.all_cleared().to_vec();
    shown.iter().for_each(|(origin, kinds)| add(&mut all, *origin, *kinds));
    all
}
