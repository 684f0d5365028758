//! Finds steps of a teardown that can fail and so skip the releases after them.

use crate::finding::{Edit, Severity};
use crate::flow::{Step, walk};
use crate::ir::{Call, CallId, Op, ParamKind, RegionId, RegionKind, StmtKind};
use crate::rules::facts::guards::{is_guarded, is_tested};
use crate::rules::facts::teardown::{can_fail, is_awaited, releases, stem, surely_fails};
use crate::rules::facts::{edits, wrap};
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;

pub(super) static RULE: Rule =
    Rule { page: include_str!("cleanup_step_skips_rest.md"), check: Check::Body(run) };

/// First words of functions that end the life of something.
const ENDS: &[&str] =
    &["close", "stop", "shutdown", "teardown", "cleanup", "disconnect", "unload", "dispose", "terminate"];

/// Words of functions that go on after they have ended something.
const GOES_ON: &[&str] = &["start", "restart", "reconnect", "connect", "reload"];

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    if context.body.calls.len() < 2 || !ends(context) {
        return;
    }
    let mut calls: Vec<(CallId, &Call)> = context.body.calls.pairs().collect();
    calls.sort_by_key(|(_, call)| call.span);
    let found = calls.into_iter().find_map(|(id, call)| {
        let severity = step(context, id)?;
        Some(hit(context, call, skipped(context, id, call)?).severity(severity))
    });
    hits.extend(found);
}

/// Whether the function's name says that it ends its object, or what it is given.
fn ends(context: &Context<'_>) -> bool {
    let name = context.function_name();
    if matches!(name, "__exit__" | "__aexit__") {
        return true;
    }
    let words = stem(name);
    if words.iter().any(|word| GOES_ON.contains(&word.as_str())) {
        return false;
    }
    let Some(first) = words.first() else { return false };
    let needs_nothing = || {
        context.body.params.iter().all(|param| {
            param.has_default
                || matches!(param.kind, ParamKind::Star | ParamKind::DoubleStar)
                || matches!(context.local_name(param.local), "self" | "cls")
        })
    };
    ENDS.contains(&first.as_str())
        || words.len() == 1 && matches!(first.as_str(), "delete" | "destroy") && needs_nothing()
}

/// How bad it is that `id` can fail for reasons of the outside world with nothing around it that catches; `None` if it
/// cannot. Of what is only known to be awaited, it is less certain.
fn step(context: &Context<'_>, id: CallId) -> Option<Severity> {
    let call = &context.body.calls[id];
    let body = context.body;
    let region = body.blocks[call.block].region;
    // Names tell what a call does, and not whether it handles its own failure.
    let severity = if surely_fails(context, id) || says_goodbye(context, call) {
        Severity::Medium
    } else if can_fail(context, id) || is_awaited_release(context, id) {
        Severity::Low
    } else {
        return None;
    };
    let is_handled = body.enclosing(region).any(|at| match body.regions[at].kind {
        RegionKind::Try(of) => !body.tries[of].handlers.is_empty(),
        RegionKind::Loop { .. } => true,
        _ => false,
    });
    let is_free = !is_handled
        && !is_guarded(context, region, body.root())
        && !is_tested(context, region, body.root())
        && context.is_reachable(id);
    is_free.then_some(severity)
}

/// `smtp.quit()`, `imap.logout()`.
fn says_goodbye(context: &Context<'_>, call: &Call) -> bool {
    matches!(stem(context.method(call))[..], [ref verb] if matches!(verb.as_str(), "quit" | "logout"))
        && !context.receiver(call).is_empty()
        && context.stmt(call).kind == StmtKind::Expr
        && context.callee(call).is_none()
}

/// An awaited release of something that other files define.
fn is_awaited_release(context: &Context<'_>, id: CallId) -> bool {
    const VERBS: &[&str] = &["stop", "close", "shutdown", "disconnect", "release", "terminate", "teardown"];
    let call = &context.body.calls[id];
    stem(context.method(call)).first().is_some_and(|first| VERBS.contains(&first.as_str()))
        && context.stmt(call).kind == StmtKind::Expr
        && !context.receiver(call).is_empty()
        && !context.receiver(call).starts_with("super(")
        && context.callee(call).is_none()
        && releases(context, id)
        && is_awaited(context, call)
}

/// The first release of something else on the paths after `id` that no `finally` keeps.
fn skipped<'a>(context: &Context<'a>, id: CallId, step: &Call) -> Option<&'a Call> {
    let body = context.body;
    let mut after: Vec<CallId> = Vec::new();
    walk(
        body,
        context.cfg(),
        context.point(id).next(),
        |_| true,
        |_, inst| {
            if let Op::Call(_, call) = inst.op
                && body.calls[call].span.start > step.span.end
            {
                after.push(call);
            }
            Step::Go
        },
    );
    after.sort_by_key(|call| body.calls[*call].span);
    let own = context.function_name().trim_matches('_');
    let found = after.into_iter().find(|&call| {
        let data = &body.calls[call];
        let is_super =
            context.receiver(data).starts_with("super(") && context.method(data).trim_matches('_') == own;
        let same = context.source(data.callee_span) == context.source(step.callee_span);
        (is_super || releases(context, call))
            && !same
            && !excludes(context, step, data)
            && !is_kept(context, step.span, body.blocks[data.block].region)
    });
    found.map(|call| &body.calls[call])
}

/// Whether what stands in `later` runs although `step` fails: in a `finally` of a statement around the step.
fn is_kept(context: &Context<'_>, step: Span, later: RegionId) -> bool {
    let body = context.body;
    body.enclosing(later).any(|at| match body.regions[at].kind {
        RegionKind::Finally(of) => {
            let of = &body.tries[of];
            of.span.contains(step) && !of.finally.is_some_and(|finally| finally.contains(step))
        }
        _ => false,
    })
}

/// Whether both stand in branches for different values of the same thing.
fn excludes(context: &Context<'_>, one: &Call, other: &Call) -> bool {
    let heads = |call: &Call| {
        let body = context.body;
        let branches = body.enclosing(body.blocks[call.block].region);
        let branches = branches.filter(|&at| body.regions[at].kind == RegionKind::Branch);
        let heads = branches.map(|at| context.source(body.regions[at].head));
        heads.filter_map(|head| head.trim_start_matches("el").split_once("==")).collect::<Vec<_>>()
    };
    let others = heads(other);
    heads(one).iter().any(|(left, right)| others.iter().any(|(l, r)| l == left && r != right))
}

fn hit(context: &Context<'_>, step: &Call, next: &Call) -> Hit {
    let name = edits::brief(context, step.callee_span, 60);
    let skipped = edits::brief(context, next.callee_span, 60);
    let message = format!("`{name}` can fail, and `{skipped}` is then skipped");
    let solution = format!(
        "run `{skipped}` in a `finally`, or put both on a `contextlib.ExitStack`; to check, let `{name}` raise in a test: `{skipped}` must have run"
    );
    Hit::new(step.callee_span, message, solution)
        .related(next.span, "is skipped when the step before fails")
        .edit(edit(context, step, next))
}

/// `try: step finally: …` where both are statements of one block.
fn edit(context: &Context<'_>, step: &Call, next: &Call) -> Option<Edit> {
    let first = context.stmt(step);
    let last = context
        .body
        .stmts_in(first.region)
        .map(|(_, stmt)| stmt)
        .find(|stmt| stmt.span.contains(next.span) && stmt.span.start > first.span.end)?;
    let between = first.span.end..=last.span.end;
    let leaves = context.body.stmts.iter().any(|stmt| {
        between.contains(&stmt.span.start)
            && matches!(
                stmt.kind,
                StmtKind::Return | StmtKind::Break | StmtKind::Continue | StmtKind::Definition
            )
    });
    let is_plain = first.kind == StmtKind::Expr && !leaves;
    is_plain.then(|| wrap::try_finally(context, "release in `finally`", first.span, last.span))?
}
