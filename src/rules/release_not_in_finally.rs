//! Finds locks and process-wide settings that are released on the normal path only.

mod pairs;

use crate::finding::{Edit, Safety, Severity};
use crate::flow::{Point, Step, walk};
use crate::ir::{CallId, Inst, Op, RegionKind};
use crate::rules::facts::escape::{Cause, Way, plain_region, ways_out};
use crate::rules::facts::{edits, program, wrap};
use crate::rules::{Check, Context, Hit, Rule};
use pairs::{Kind, Pair};

pub(super) static RULE: Rule =
    Rule { page: include_str!("release_not_in_finally.md"), check: Check::Body(run) };

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for pair in pairs::pairs(context) {
        if let Some(hit) = judge(context, &pair) {
            hits.push(hit);
        }
    }
}

fn judge(context: &Context<'_>, pair: &Pair) -> Option<Hit> {
    if !context.is_reachable(pair.acquire) || is_kept(context, pair) {
        return None;
    }
    let from = after(context, pair.acquire);
    let is_release = |inst: &Inst| matches!(inst.op, Op::Call(_, id) if pair.releases.contains(&id));
    let mut reached: Vec<CallId> = Vec::new();
    walk(
        context.body,
        context.cfg(),
        from,
        |_| true,
        |_, inst| match inst.op {
            Op::Call(_, id) if pair.releases.contains(&id) => {
                reached.push(id);
                Step::Stop
            }
            _ => Step::Go,
        },
    );
    // The release that the normal path has, on no condition that the acquire is not under too.
    let home = plain_region(context, pair.acquire);
    reached.sort_by_key(|id| context.body.calls[*id].span);
    let release =
        *reached.iter().rev().find(|id| context.body.is_within(home, plain_region(context, **id)))?;
    let end = context.body.calls[release].span.end;
    let is_early = |way: &&Way| way.cause != Cause::Return || way.span.start < end;
    let ways = ways_out(context, from, |_, inst| is_release(inst));
    let way = ways.iter().find(is_early)?;
    Some(hit(context, pair, release, *way))
}

/// Whether another hand releases: a `finally`, a nested function, a `with` around the thing.
fn is_kept(context: &Context<'_>, pair: &Pair) -> bool {
    let in_finally = pair.releases.iter().any(|id| {
        let region = context.body.blocks[context.body.calls[*id].block].region;
        context
            .body
            .enclosing(region)
            .any(|at| matches!(context.body.regions[at].kind, RegionKind::Finally(_)))
    });
    let call = &context.body.calls[pair.releases[0]];
    let text = context.source(call.callee_span);
    let in_nested = || {
        context
            .unit
            .bodies
            .iter()
            .any(|body| body.parent == Some(context.id) && context.source(body.span).contains(text))
    };
    in_finally || in_nested()
}

/// The point after `call` and its `await`.
fn after(context: &Context<'_>, call: CallId) -> Point {
    let next = context.point(call).next();
    let to = context.body.calls[call].to;
    match context.inst(next).map(|inst| &inst.op) {
        Some(Op::Await(_, value)) if value.local() == Some(to) => next.next(),
        _ => next,
    }
}

fn hit(context: &Context<'_>, pair: &Pair, release: CallId, way: Way) -> Hit {
    let call = &context.body.calls[pair.acquire];
    let back = &context.body.calls[release];
    let done = match pair.kind {
        Kind::Lock | Kind::Started => format!("`{}`", edits::brief(context, back.callee_span, 60)),
        Kind::File | Kind::State => format!("`{}`", edits::brief(context, back.span, 60)),
    };
    let how = match way.cause {
        Cause::Failure => format!("if `{}` raises", edits::brief(context, way.span, 60)),
        Cause::Raise => "when the exception is raised".to_owned(),
        Cause::Yield => "if the `with` block around this `yield` raises".to_owned(),
        Cause::Return => "on the early `return`".to_owned(),
    };
    let line = context.file.line(way.span.start);
    let left = match pair.kind {
        Kind::Lock | Kind::File => format!("`{}` stays locked", pair.what),
        Kind::State => "the process keeps the changed state".to_owned(),
        Kind::Started => format!("`{}` goes on running", pair.what),
    };
    let message = format!("{how} (line {line}), {done} never runs and {left}");
    let edit = edit(context, pair, release);
    let with = with_head(context, pair);
    let solution = match &with {
        Some(head) => format!("put what is between into `{head}`"),
        None => format!("begin a `try` right after this line and move {done} into its `finally`"),
    };
    let solution =
        format!("{solution}; to check, let the code in between raise, then acquire again with a timeout");
    let solution = match pair.kind {
        Kind::Lock | Kind::File => solution,
        Kind::State | Kind::Started => {
            format!(
                "begin a `try` right after this line and move {done} into its `finally`; to check, let the code in between raise in a test"
            )
        }
    };
    let hit = Hit::new(call.callee_span, message, solution)
        .related(way.span, "leads out past the release")
        .related(back.span, "the release on the normal path")
        .edit(edit);
    let ends = matches!(pair.kind, Kind::State | Kind::File) && program::is_script(context);
    if ends { hit.severity(Severity::Low) } else { hit }
}

/// `with lock` where the lock is known to be a context manager.
fn with_head(context: &Context<'_>, pair: &Pair) -> Option<String> {
    let call = &context.body.calls[pair.acquire];
    let name = context.name(call);
    const MAKERS: &[&str] = &["Lock()", "RLock()", "Condition()", "Semaphore()", "BoundedSemaphore()"];
    let made = name.strip_suffix(".acquire")?;
    let (module, class) = made.split_once('.')?;
    if !matches!(module, "threading" | "asyncio" | "multiprocessing") || !MAKERS.contains(&class) {
        return None;
    }
    let prefix = if module == "asyncio" { "async " } else { "" };
    (call.args.is_empty()).then(|| format!("{prefix}with {}:", pair.what))
}

/// `with lock:` around what is between, else `try: … finally: …`.
fn edit(context: &Context<'_>, pair: &Pair, release: CallId) -> Option<Edit> {
    if pair.releases.len() > 1 {
        return None;
    }
    let [first, last] = [pair.acquire, release].map(|id| context.stmt(&context.body.calls[id]));
    let head = with_head(context, pair);
    let changes = wrap::enclose(context, first, last, head.as_deref())?;
    let (safety, title) = match head {
        Some(head) => (Safety::Safe, format!("use `{}`", head.trim_end_matches(':'))),
        None => (Safety::Suggest, "release in `finally`".to_owned()),
    };
    Some(Edit { safety, title, changes })
}
