//! Whether a value can come to a place without passing a check on the way.
//!
//! In: a part of a text, a goal, and a [`Judge`] that says what counts as a check. A check holds on the edge on which
//! it says so; a call that raises for bad values holds unless a handler of the failure leads on to the goal.

use rustc_hash::FxHashSet;

use crate::flow::{Point, defined};
use crate::ir::{BlockId, CallId, LocalId, Op, Operand, Place, RegionKind, Terminator};
use crate::rules::Context;
use crate::rules::facts::checks::same;
use crate::rules::facts::conditions::{Test, untangle};
use crate::rules::facts::handlers::never_returns;
use crate::rules::facts::parts::{Part, Piece, texts};
use crate::text::Span;

/// Says what checks a value.
pub(crate) trait Judge {
    /// The outcome of `test`, made at `at`, for which `part` is fine.
    fn test(&self, context: &Context<'_>, test: Test, at: Point, part: &Part<'_>) -> Option<Outcome>;
    /// Whether the call raises when `part` is not fine.
    fn raises(&self, context: &Context<'_>, call: CallId, part: &Part<'_>) -> bool;
}

/// For which outcome of a test a value is fine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// If it holds.
    Holds,
    /// If it does not.
    Fails,
    /// Not known; somebody looked at the value.
    Either,
}

/// Whether `part` can come to `goal`, or to a return if there is none, without a check.
pub(crate) fn comes_unchecked(
    context: &Context<'_>,
    part: &Part<'_>,
    goal: Option<Point>,
    judge: &impl Judge,
) -> bool {
    let entry = Point::start(context.body.entry());
    if part.home != context.id {
        return walk(context, part, entry, goal, (judge, &[]));
    }
    let known = walk(context, part, entry, Some(part.at), (judge, &[]));
    let carriers: Vec<LocalId> = context
        .body
        .locals
        .pairs()
        .filter(|(id, local)| {
            local.name.is_some() && context.local_name(*id) == part.var && !part.var.is_empty()
        })
        .map(|(id, _)| id)
        .collect();
    known && walk(context, part, part.at, goal, (judge, &carriers))
}

/// Whether `part`, an attribute that another method of the class sets, gets its value there without a check; true for
/// other parts.
pub(crate) fn is_set_unchecked(context: &Context<'_>, part: &Part<'_>, judge: &impl Judge) -> bool {
    let (Piece::Load(place), Some(class)) = (part.piece, context.class()) else { return true };
    let own = |body: &Context<'_>, place: Place| {
        let first = body.body.params.first();
        first.is_some_and(|first| place.base == Operand::Local(first.local))
    };
    if !own(context, place) {
        return true;
    }
    class.methods.iter().any(|(_, id)| {
        let setter = context.other(*id);
        setter.insts().any(|(point, inst)| match &inst.op {
            Op::Store(to, value) if to.path == place.path && own(&setter, *to) => {
                let ways = texts(&setter, *value, point);
                let known = |part: &&Part<'_>| !matches!(part.piece, Piece::Text(_) | Piece::Unknown);
                let piece = Piece::Load(*to);
                let set = Part { piece, span: Span::empty(0), home: *id, at: point, path: "", var: "" };
                comes_unchecked(&setter, &set, None, judge)
                    && ways
                        .iter()
                        .flatten()
                        .filter(known)
                        .any(|part| comes_unchecked(&setter, part, None, judge))
            }
            _ => false,
        })
    })
}

fn walk(
    context: &Context<'_>,
    part: &Part<'_>,
    from: Point,
    goal: Option<Point>,
    (judge, carriers): (&impl Judge, &[LocalId]),
) -> bool {
    let body = context.body;
    let mut seen: FxHashSet<BlockId> = FxHashSet::default();
    let mut todo = vec![from];
    while let Some(start) = todo.pop() {
        let block = &body.blocks[start.block];
        let mut goes_on = true;
        for (index, inst) in block.insts.iter().enumerate().skip(start.index) {
            let at = Point { block: start.block, index };
            if goal == Some(at) {
                return true;
            }
            if let Op::Call(_, id) = inst.op {
                if judge.raises(context, id, part) {
                    todo.extend(block.unwind.iter().flat_map(|to| handlers(context, *to, &mut seen)));
                    goes_on = false;
                } else if never_returns(context, &body.calls[id]) {
                    goes_on = false;
                }
            }
            // The variable gets another value, unless it is made of the part right there.
            let is_made = context.inst(part.at).is_some_and(|made| made.stmt == inst.stmt);
            let other = defined(inst).is_some_and(|local| {
                !is_made
                    && carriers.contains(&local)
                    && at > part.at
                    && !holds(context, local, at.next(), part)
            });
            if other || !goes_on {
                goes_on = false;
                break;
            }
        }
        if !goes_on {
            continue;
        }
        let end = Point { block: start.block, index: block.insts.len() };
        if goal == Some(end) || goal.is_none() && matches!(block.end, Terminator::Return(_)) {
            return true;
        }
        let next: Vec<BlockId> = match block.end {
            Terminator::Branch { on, yes, no } => {
                let (test, at, negated) = untangle(context, on, end);
                match judge.test(context, test, at, part) {
                    None => vec![yes, no],
                    Some(Outcome::Either) => Vec::new(),
                    Some(outcome) => {
                        let fine_if_true = (outcome == Outcome::Holds) != negated;
                        vec![if fine_if_true { no } else { yes }]
                    }
                }
            }
            Terminator::Raise { .. } => block.unwind.into_iter().collect(),
            _ => block.successors().collect(),
        };
        todo.extend(next.into_iter().filter(|to| seen.insert(*to)).map(Point::start));
    }
    false
}

/// Whether the variable holds `part` at `at`.
fn holds(context: &Context<'_>, local: LocalId, at: Point, part: &Part<'_>) -> bool {
    let ways = texts(context, Operand::Local(local), at);
    ways.iter().flatten().any(|other| same(context, other, part) && other.piece != Piece::Unknown)
}

/// Where control comes to when a check that stands before `to` raises: to the handlers that may catch it.
fn handlers(context: &Context<'_>, to: BlockId, seen: &mut FxHashSet<BlockId>) -> Vec<Point> {
    let body = context.body;
    let mut found = Vec::new();
    let mut at = Some(to);
    let mut passed: FxHashSet<BlockId> = FxHashSet::default();
    while let Some(block) = at.filter(|block| passed.insert(*block)) {
        let Terminator::Dispatch { handlers, catches_all } = &body.blocks[block].end else {
            if seen.insert(block) {
                found.push(Point::start(block));
            }
            break;
        };
        let fits = handlers.iter().filter(|handler| catches(context, **handler));
        found.extend(fits.filter(|handler| seen.insert(**handler)).map(|handler| Point::start(*handler)));
        at = if *catches_all { None } else { body.blocks[block].unwind };
    }
    found
}

/// Whether the handler that begins at `entry` may catch the failure of a check.
fn catches(context: &Context<'_>, entry: BlockId) -> bool {
    let region = &context.body.regions[context.body.blocks[entry].region];
    let RegionKind::Handler(handler) = &region.kind else { return true };
    handler.types.is_empty()
        || handler.types.iter().any(|name| {
            let name = context.text(*name);
            !matches!(
                name.rsplit('.').next().unwrap_or(name),
                "KeyError"
                    | "IndexError"
                    | "LookupError"
                    | "AttributeError"
                    | "ImportError"
                    | "FileNotFoundError"
                    | "PermissionError"
                    | "CalledProcessError"
                    | "ProcessExecutionError"
                    | "TimeoutExpired"
                    | "StopIteration"
            )
        })
}
