//! Which tests decide whether control comes to a point.

use crate::flow::{Def, Exit, Point, Step, definitions, walk};
use crate::ir::{BlockId, CallId, Const, Op, Operand, Rvalue, Terminator};
use crate::python::ast::{CmpOp, UnaryOp};
use crate::rules::Context;
use crate::rules::facts::handlers::never_returns;

/// A test, `not` and `is None` taken off.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Test {
    /// The truth of what a call returns.
    Call(CallId),
    /// A comparison.
    Compare(CmpOp, Operand, Operand),
    /// The truth of another value.
    Truth(Operand),
}

/// A test that decides whether control comes to a point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decision {
    /// The test.
    pub(crate) test: Test,
    /// Where the tested value is made.
    pub(crate) at: Point,
    /// Whether the test holds when control comes to the point.
    pub(crate) holds: bool,
    /// Where control goes instead.
    pub(crate) otherwise: BlockId,
}

/// The tests on every path to `to` of which only one outcome leads there.
pub(crate) fn decisions(context: &Context<'_>, to: Point) -> Vec<Decision> {
    let mut found = Vec::new();
    for (block, data) in context.body.blocks.pairs() {
        let Terminator::Branch { on, yes, no } = data.end else { continue };
        if block == to.block
            || !context.cfg().is_reachable(block)
            || !context.dominators().dominates(block, to.block)
        {
            continue;
        }
        let holds = match (leads(context, yes, to), leads(context, no, to)) {
            (true, false) => true,
            (false, true) => false,
            (true, true) | (false, false) => continue,
        };
        let end = Point { block, index: data.insts.len() };
        let (test, at, negated) = untangle(context, on, end);
        let otherwise = if holds { no } else { yes };
        found.push(Decision { test, at, holds: holds != negated, otherwise });
    }
    found
}

/// Whether control may come from the start of `from` to the point, calls that never return left out.
fn leads(context: &Context<'_>, from: BlockId, to: Point) -> bool {
    let mut found = false;
    walk(
        context.body,
        context.cfg(),
        Point::start(from),
        |_| true,
        |point, inst| {
            found |= point == to;
            match &inst.op {
                Op::Call(_, id) if never_returns(context, &context.body.calls[*id]) => Step::Stop,
                _ => Step::Go,
            }
        },
    );
    found
}

/// Whether every way on from the start of `from` raises or ends the program.
pub(crate) fn always_raises(context: &Context<'_>, from: BlockId) -> bool {
    let exits = walk(
        context.body,
        context.cfg(),
        Point::start(from),
        |_| true,
        |_, inst| match &inst.op {
            Op::Call(_, id) if never_returns(context, &context.body.calls[*id]) => Step::Stop,
            _ => Step::Go,
        },
    );
    exits.iter().all(|exit| matches!(exit, Exit::Raise(_)))
}

/// The test behind a condition, and whether it is negated.
pub(crate) fn untangle(context: &Context<'_>, on: Operand, at: Point) -> (Test, Point, bool) {
    let (mut on, mut at, mut negated) = (on, at, false);
    for _ in 0..16 {
        let truth = (Test::Truth(on), at, negated);
        let Some(local) = on.local() else { return truth };
        let defs = definitions(context.body, context.cfg(), at, local);
        let [Def::At(point)] = defs[..] else { return truth };
        let Some(inst) = context.inst(point) else { return truth };
        match &inst.op {
            Op::Call(_, id) => return (Test::Call(*id), point, negated),
            Op::Let(_, Rvalue::Unary(UnaryOp::Not, value)) => {
                negated = !negated;
                (on, at) = (*value, point);
            }
            Op::Let(_, Rvalue::Use(value)) => (on, at) = (*value, point),
            Op::Let(
                _,
                Rvalue::Compare(op @ (CmpOp::Is | CmpOp::IsNot), value, Operand::Const(Const::None)),
            ) => {
                negated ^= *op == CmpOp::Is;
                (on, at) = (*value, point);
            }
            Op::Let(_, Rvalue::Compare(op, left, right)) => {
                return (Test::Compare(*op, *left, *right), point, negated);
            }
            _ => return truth,
        }
    }
    (Test::Truth(on), at, negated)
}
