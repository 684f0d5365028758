//! Ways out of a function that pass by a release.

use rustc_hash::FxHashSet;

use crate::flow::Point;
use crate::ir::{BlockId, CallId, Inst, Op, Operand, RegionId, RegionKind, StmtKind, Terminator};
use crate::rules::Context;
use crate::rules::facts::handlers::never_returns;
use crate::rules::facts::harmless::may_fail;
use crate::text::Span;

/// What leads out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Cause {
    /// A call, `await` or import that raises.
    Failure,
    /// A `raise` or `assert`.
    Raise,
    /// A `yield` of a context manager.
    Yield,
    /// An ordinary way to the end of the function.
    Return,
}

/// A way out of the function, and where it begins: the callee that fails, the statement that raises.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Way {
    /// Where it begins.
    pub(crate) span: Span,
    /// What leads out.
    pub(crate) cause: Cause,
}

/// The ways from `from` to the end of the function on which `stops` holds for no instruction, in source order; one
/// for each end. A `try` with handlers is taken to catch what its block raises.
pub(crate) fn ways_out(context: &Context<'_>, from: Point, stops: impl Fn(Point, &Inst) -> bool) -> Vec<Way> {
    ways_out_but(context, from, stops, |_| false, None)
}

/// As [`ways_out`], without the ends that return what `gives` admits; that a failure leads to `round` counts as an
/// end too.
pub(crate) fn ways_out_but(
    context: &Context<'_>,
    from: Point,
    stops: impl Fn(Point, &Inst) -> bool,
    gives: impl Fn(Operand) -> bool,
    round: Option<BlockId>,
) -> Vec<Way> {
    let body = context.body;
    let mut ways = Vec::new();
    let mut seen: FxHashSet<(BlockId, bool)> = FxHashSet::default();
    let mut todo: Vec<(Point, Option<Way>)> = vec![(from, None)];
    while let Some((point, origin)) = todo.pop() {
        let block = &body.blocks[point.block];
        if round == Some(point.block) && point.index == 0 {
            ways.extend(origin);
            continue;
        }
        let mut go = |to: BlockId, origin: Option<Way>, todo: &mut Vec<(Point, Option<Way>)>| {
            if seen.insert((to, origin.is_some())) {
                todo.push((Point::start(to), origin));
            }
        };
        let mut stopped = false;
        for (index, inst) in block.insts.iter().enumerate().skip(point.index) {
            let ends =
                matches!(inst.op, Op::Call(_, call) if never_returns(context, &context.body.calls[call]));
            if ends || stops(Point { block: point.block, index }, inst) {
                stopped = true;
                break;
            }
            if may_fail(context, inst) {
                let way = origin.unwrap_or_else(|| failure(context, inst));
                match block.unwind {
                    Some(to) => go(to, Some(way), &mut todo),
                    None => ways.push(way),
                }
            }
        }
        if stopped {
            continue;
        }
        match &block.end {
            Terminator::Return(value) if gives(*value) => {}
            Terminator::Return(_) => {
                ways.push(origin.unwrap_or_else(|| returning(context, point.block)));
            }
            // `sys.exit()` ends the process.
            Terminator::Raise { span, .. } if block.insts.last().is_some_and(|last| last.span == *span) => {}
            Terminator::Raise { span, .. } => {
                let way = origin.unwrap_or(Way { span: *span, cause: Cause::Raise });
                match block.unwind {
                    Some(to) => go(to, Some(way), &mut todo),
                    None => ways.push(way),
                }
            }
            _ => {
                for to in block.successors() {
                    go(to, origin, &mut todo);
                }
            }
        }
    }
    ways.sort_unstable();
    ways.dedup();
    ways
}

fn failure(context: &Context<'_>, inst: &Inst) -> Way {
    match &inst.op {
        Op::Call(_, call) => Way { span: context.body.calls[*call].callee_span, cause: Cause::Failure },
        Op::Await(_, value) => {
            let made = context.body.calls.iter().find(|call| value.local() == Some(call.to));
            Way { span: made.map_or(inst.span, |call| call.callee_span), cause: Cause::Failure }
        }
        Op::Yield(..) => Way { span: inst.span, cause: Cause::Yield },
        _ => Way { span: inst.span, cause: Cause::Failure },
    }
}

/// The `return` statement that ends `block`; empty where the function just ends.
fn returning(context: &Context<'_>, block: BlockId) -> Way {
    let region = context.body.blocks[block].region;
    let stmts = context.body.stmts_in(region).filter(|(_, stmt)| stmt.kind == StmtKind::Return);
    let span = stmts.last().map_or(Span::empty(context.body.span.end), |(_, stmt)| stmt.span);
    Way { span, cause: Cause::Return }
}

/// The region of `call`, blocks that always run looked through.
pub(crate) fn plain_region(context: &Context<'_>, call: CallId) -> RegionId {
    let body = context.body;
    let region = body.blocks[body.calls[call].block].region;
    let plain = |at: &RegionId| {
        matches!(body.regions[*at].kind, RegionKind::Try(_) | RegionKind::Else(_) | RegionKind::With(_))
    };
    body.enclosing(region).find(|at| !plain(at)).unwrap_or(body.root())
}
