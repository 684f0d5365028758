//! Whether a failure stays in: handlers that go on, managers that suppress, tests before.

use crate::flow::{MAX_CHAIN, Point, Step, walk};
use crate::ir::{FnId, Op, RegionId, RegionKind, With};
use crate::rules::Context;
use crate::rules::facts::handlers::{Clause, clauses};
use crate::rules::facts::verbs::has_word;

/// Whether a failure in `region` is caught before it leaves `limit`: by a handler that does not always raise again,
/// or by a context manager that suppresses it.
pub(crate) fn is_guarded(context: &Context<'_>, region: RegionId, limit: RegionId) -> bool {
    is_guarded_within(context, region, limit, MAX_CHAIN)
}

/// The same, through managers that use at most `depth` others.
fn is_guarded_within(context: &Context<'_>, region: RegionId, limit: RegionId, depth: u32) -> bool {
    let body = context.body;
    body.enclosing(region).take_while(|&at| at != limit).any(|at| match &body.regions[at].kind {
        RegionKind::Try(of) => body.tries[*of].handlers.iter().any(|&handler| goes_on(context, handler)),
        RegionKind::With(with) => suppresses(context, with, depth),
        _ => false,
    })
}

/// Whether some path of the handler region does not raise.
pub(crate) fn goes_on(context: &Context<'_>, handler: RegionId) -> bool {
    let clause = clauses(context).find(|clause| clause.id == handler);
    clause.is_some_and(|clause: Clause<'_, '_>| !clause.always_raises())
}

/// Whether the manager may swallow what its block raises.
fn suppresses(context: &Context<'_>, with: &With, depth: u32) -> bool {
    let Some(id) = with.call else { return false };
    let call = &context.body.calls[id];
    if context.name(call).ends_with("ExitStack") {
        return false;
    }
    if with.suppresses {
        return true;
    }
    match context.callee(call) {
        Some(callee) => depth.checked_sub(1).is_some_and(|depth| yields_guarded(context, callee, depth)),
        None => {
            let method = context.method(call);
            has_word(method, &["suppress", "suppressed", "ignore", "ignored", "ignoring", "swallow", "quiet"])
        }
    }
}

/// Whether a generator of this file catches what is raised at its `yield`.
fn yields_guarded(context: &Context<'_>, function: FnId, depth: u32) -> bool {
    let inner = context.other(function);
    inner.insts().any(|(point, inst)| {
        let region = inner.body.blocks[point.block].region;
        matches!(inst.op, Op::Yield(..)) && is_guarded_within(&inner, region, inner.body.root(), depth)
    })
}

/// Whether a branch around `region`, inside `limit`, tests that the thing exists.
pub(crate) fn is_tested(context: &Context<'_>, region: RegionId, limit: RegionId) -> bool {
    let body = context.body;
    body.enclosing(region).take_while(|&at| at != limit).any(|at| {
        let region = &body.regions[at];
        let head = context.source(region.head);
        region.kind == RegionKind::Branch
            && ["exists(", "isfile(", "isdir(", "islink(", "is_file(", "is_dir(", "is_mount(", "ismount("]
                .iter()
                .any(|test| head.contains(test))
    })
}

/// Whether some ordinary path from `from` comes back to the start of the loop `region` without leaving it.
pub(crate) fn comes_round(context: &Context<'_>, from: Point, region: RegionId) -> bool {
    let body = context.body;
    let entry = body.regions[region].entry;
    let round = std::cell::Cell::new(false);
    let within = |block| {
        round.set(round.get() || block == entry);
        block != entry && body.is_within(body.blocks[block].region, region)
    };
    walk(body, context.cfg(), from, within, |_, _| Step::Go);
    round.get()
}
