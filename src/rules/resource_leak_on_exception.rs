//! Finds descriptors, processes, directories, files and sockets that an exception leaves open.

use crate::finding::{Edit, Safety, Severity};
use crate::flow::{Point, Step, walk};
use crate::ir::{Call, CallId, Const, Inst, LocalId, Op, Operand, RegionId, RegionKind, StmtKind, operands};
use crate::rules::facts::escape::{Cause, Way, plain_region, ways_out_but};
use crate::rules::facts::harmless::may_fail;
use crate::rules::facts::resources::{Kind, Resource, is_assigned, loop_around, opened, resources};
use crate::rules::facts::{attempts, edits, program, wrap};
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule =
    Rule { page: include_str!("resource_leak_on_exception.md"), check: Check::Body(run) };

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    if !context.body.calls.iter().any(|call| opened(context, call).is_some()) || forks(context) {
        return;
    }
    let mut seen: Vec<(CallId, LocalId)> = Vec::new();
    for resource in resources(context) {
        if seen.iter().any(|(call, local)| *call == resource.call || *local == resource.local) {
            continue;
        }
        let hit = match resource.kind {
            Kind::Process => timed_out(context, &resource).or_else(|| left_open(context, &resource)),
            _ => left_open(context, &resource).or_else(|| retried(context, &resource)),
        };
        // At the end of a program everything is closed, but directories and processes stay.
        let ends =
            context.function_name() == "main" && !matches!(resource.kind, Kind::Process | Kind::Directory);
        if let Some(hit) = hit.filter(|_| !ends) {
            seen.push((resource.call, resource.local));
            hits.push(hit);
        }
    }
}

/// Whether the function goes on in two processes, each with its own copies.
fn forks(context: &Context<'_>) -> bool {
    context.body.calls.iter().any(|call| matches!(context.name(call), "os.fork" | "os.forkpty" | "pty.fork"))
}

/// Closed on the normal path, and passed by on another.
fn left_open(context: &Context<'_>, resource: &Resource) -> Option<Hit> {
    let closes = resource.closes(context);
    if closes.is_empty() || is_cared_for(context, &closes) {
        return None;
    }
    let mut reached: Vec<CallId> = Vec::new();
    walk(
        context.body,
        context.cfg(),
        resource.from,
        |_| true,
        |_, inst| match inst.op {
            Op::Call(_, id) if closes.contains(&id) => {
                reached.push(id);
                Step::Stop
            }
            _ if resource.is_handed_over_by(context, inst) => Step::Stop,
            _ => Step::Go,
        },
    );
    reached.sort_by_key(|id| context.body.calls[*id].span);
    let home = plain_region(context, resource.call);
    let close = *reached.iter().rev().find(|id| context.body.is_within(home, plain_region(context, **id)))?;
    let end = &context.body.calls[close];
    if resource.kind == Kind::Process && !matches!(context.method(end), "kill" | "terminate" | "send_signal")
    {
        return None;
    }
    let own = Operand::Local(resource.local);
    let stops = |_: Point, inst: &Inst| stops(context, resource, inst);
    let ways = ways_out_but(context, resource.from, stops, |value| value == own, None);
    let early = || ways.iter().filter(|way| way.cause != Cause::Return || way.span.start < end.span.end);
    // What is done with the resource itself fails more often than what is done beside it.
    let own_call = format!("{}.", resource.name(context));
    let way =
        *early().find(|way| context.source(way.span).starts_with(&own_call)).or_else(|| early().next())?;
    let hit = hit(context, resource, way, &closing(context, end));
    Some(hit.related(end.span, "the close on the normal path").edit(edit(context, resource, &closes)))
}

/// Whether a `finally` or a handler closes: somebody has thought of the other paths.
fn is_cared_for(context: &Context<'_>, closes: &[CallId]) -> bool {
    closes.iter().any(|id| {
        let region = context.body.blocks[context.body.calls[*id].block].region;
        context.body.enclosing(region).any(|at| {
            matches!(context.body.regions[at].kind, RegionKind::Finally(_) | RegionKind::Handler(_))
        })
    })
}

fn stops(context: &Context<'_>, resource: &Resource, inst: &Inst) -> bool {
    let closes = match inst.op {
        Op::Call(_, id) => resource.is_closed_by(context, &context.body.calls[id]),
        _ => false,
    };
    closes || resource.is_handed_over_by(context, inst)
}

/// A wait for a process that gives up and leaves it running.
fn timed_out(context: &Context<'_>, resource: &Resource) -> Option<Hit> {
    let body = context.body;
    let owned = context
        .insts()
        .all(|(_, inst)| !resource.is_handed_over_by(context, inst) || is_open(resource, inst));
    if !owned {
        return None;
    }
    let waits = body.calls.pairs().filter(|(id, call)| {
        matches!(context.method(call), "communicate" | "wait")
            && call.callee.base == Operand::Local(resource.local)
            && has_timeout(context, *id, call)
    });
    for (id, call) in waits {
        let point = context.point(id);
        let stops = |at: Point, inst: &Inst| at != point && stops(context, resource, inst);
        let own = Operand::Local(resource.local);
        let ways = ways_out_but(context, point, stops, |value| value == own, None);
        if let Some(way) = ways.iter().find(|way| way.cause == Cause::Failure && way.span == call.callee_span)
        {
            let name = resource.name(context);
            let wait = edits::brief(context, call.span, 60);
            let message = format!(
                "if `{wait}` times out (line {}), `{name}` goes on running",
                context.file.line(way.span.start)
            );
            let solution = format!(
                "catch `subprocess.TimeoutExpired`, call `{name}.kill()` and `{name}.wait()`, and raise again; to check, run a command that sleeps longer than the timeout and look for it afterwards"
            );
            return Some(
                Hit::new(body.calls[resource.call].callee_span, message, solution)
                    .severity(Severity::Medium)
                    .related(call.span, "gives up waiting, and nothing ends the process"),
            );
        }
    }
    None
}

fn is_open(resource: &Resource, inst: &Inst) -> bool {
    matches!(inst.op, Op::Call(_, id) if id == resource.call)
}

fn has_timeout(context: &Context<'_>, id: CallId, call: &Call) -> bool {
    let index = usize::from(context.method(call) == "communicate");
    context.arg(call, Some(index), "timeout").is_some_and(|arg| {
        context.constant(arg.value, context.point(id)) != Some(Const::None)
            && arg.value != Operand::Const(Const::None)
    })
}

/// Opened in every round of a loop that goes on after a failure, and left to the collector.
fn retried(context: &Context<'_>, resource: &Resource) -> Option<Hit> {
    if !matches!(resource.kind, Kind::Socket | Kind::Database | Kind::Descriptor | Kind::Session) {
        return None;
    }
    let region = loop_around(context, resource.call)?;
    let round = context.body.regions[region].entry;
    let closes = resource.closes(context);
    if is_cared_for(context, &closes) || !leaves_loop(context, resource, region) {
        return None;
    }
    let own = Operand::Local(resource.local);
    let stops = |_: Point, inst: &Inst| stops(context, resource, inst);
    let to_round = ways_out_but(context, resource.from, stops, |value| value == own, Some(round));
    let way = *to_round.iter().find(|way| way.cause == Cause::Failure)?;
    let name = resource.name(context);
    let close = match resource.kind {
        Kind::Descriptor => format!("os.close({name})"),
        _ => format!("{name}.close()"),
    };
    Some(hit(context, resource, way, &close))
}

/// Whether a success ends the loop with the resource in hand: that is what makes it a retry loop.
fn leaves_loop(context: &Context<'_>, resource: &Resource, region: RegionId) -> bool {
    let own = Operand::Local(resource.local);
    let body = context.body;
    let returned = body.blocks.iter().any(|block| {
        body.is_within(block.region, region)
            && matches!(block.end, crate::ir::Terminator::Return(value) if value == own)
    });
    let kept = || {
        context.insts().any(|(point, inst)| {
            body.is_within(body.blocks[point.block].region, region)
                && body.stmts[inst.stmt].kind == StmtKind::Return
                && operands(body, inst).contains(own)
        })
    };
    returned || kept()
}

/// How the resource is closed, as it is or should be spelled.
fn closing(context: &Context<'_>, end: &Call) -> String {
    edits::brief(context, end.span, 60)
}

fn hit(context: &Context<'_>, resource: &Resource, way: Way, close: &str) -> Hit {
    let call = &context.body.calls[resource.call];
    let name = resource.name(context);
    let how = match way.cause {
        Cause::Failure => format!("if `{}` raises", edits::brief(context, way.span, 60)),
        Cause::Raise => "when the exception is raised".to_owned(),
        Cause::Yield => "if the `with` block around this `yield` raises".to_owned(),
        Cause::Return => "on the early `return`".to_owned(),
    };
    let line = context.file.line(way.span.start);
    let (left, severity) = match resource.kind {
        Kind::Descriptor if ends_with_program(context) => {
            (format!("the descriptor `{name}` stays open"), Severity::Low)
        }
        Kind::Descriptor => (format!("the descriptor `{name}` stays open"), Severity::Medium),
        Kind::Directory => (format!("the directory `{name}` stays on the disk"), Severity::Medium),
        Kind::Process => (format!("`{name}` goes on running"), Severity::Medium),
        _ => (format!("`{name}` stays open until it is collected"), Severity::Low),
    };
    let message = format!("{how} (line {line}), `{close}` never runs and {left}");
    let solution = match (with_head(context, resource), resource.kind) {
        (Some(head), _) => format!("open it by `{}`", head.trim_end_matches(':')),
        (None, Kind::Database) => {
            format!("use `with contextlib.closing({}) as {name}`", edits::brief(context, call.span, 60))
        }
        (None, Kind::Directory) => {
            format!("use `with tempfile.TemporaryDirectory() as {name}`, or call `{close}` in a `finally`")
        }
        (None, _) => format!("begin a `try` right after this line and call `{close}` in its `finally`"),
    };
    let solution = format!(
        "{solution}; to check, let the line in between raise in a test run with `python -X dev -W error::ResourceWarning`"
    );
    Hit::new(call.callee_span, message, solution)
        .severity(severity)
        .related(way.span, "leads out past the close")
}

/// Whether what stays open here is closed by the end of the process: in a program, or where no path returns.
fn ends_with_program(context: &Context<'_>) -> bool {
    program::is_script(context) || attempts::always_raises(context, context.id)
}

/// `with open(…) as f:`, where what is opened closes itself at the end of `with`.
fn with_head(context: &Context<'_>, resource: &Resource) -> Option<String> {
    let call = &context.body.calls[resource.call];
    let source = context.source(call.span);
    let with = match resource.kind {
        Kind::File | Kind::Socket => "with",
        Kind::Session => "async with",
        _ => return None,
    };
    let fits = is_assigned(context, call) && !source.contains('\n');
    fits.then(|| format!("{with} {source} as {}:", resource.name(context)))
}

fn edit(context: &Context<'_>, resource: &Resource, closes: &[CallId]) -> Option<Edit> {
    let [close] = closes else { return None };
    let [first, last] = [resource.call, *close].map(|id| context.stmt(&context.body.calls[id]));
    let is_pair =
        matches!(context.name(&context.body.calls[resource.call]), "os.pipe" | "pty.openpty" | "os.openpty");
    if is_pair || resource.kind == Kind::Process || !context.insts().any(|(_, inst)| may_fail(context, inst))
    {
        return None;
    }
    let head = with_head(context, resource);
    let changes = wrap::enclose(context, first, last, head.as_deref())?;
    let title = match &head {
        Some(head) => format!("use `{}`", head.trim_end_matches(':')),
        None => "close in `finally`".to_owned(),
    };
    Some(Edit { safety: Safety::Suggest, title, changes })
}
