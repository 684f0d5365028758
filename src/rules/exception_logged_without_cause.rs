//! Finds logs of a failure in a handler that say neither what the exception was nor where it came from.

use crate::finding::{Edit, Safety, Severity};
use crate::flow::{Point, Step, walk};
use crate::ir::{ArgKind, Call, CallId, Const, Op, Operand, RegionKind};
use crate::rules::facts::cause::Cause;
use crate::rules::facts::edits;
use crate::rules::facts::handlers::{Clause, clauses};
use crate::rules::facts::logging::{self, LogLevel};
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule =
    Rule { page: include_str!("exception_logged_without_cause.md"), check: Check::Body(run) };

/// Narrower classes whose detail (code, path, output) is the point of the log.
const DETAILED: &[&str] = &[
    "OSError",
    "IOError",
    "EnvironmentError",
    "error",
    "CalledProcessError",
    "ProcessExecutionError",
    "RequestException",
    "RuntimeError",
];

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for clause in clauses(context) {
        let broad = clause.is_broad();
        let detailed = |name: &str| DETAILED.contains(&name.rsplit('.').next().unwrap_or(name));
        if !broad && !clause.type_names().all(detailed) {
            continue;
        }
        let logs: Vec<CallId> = poor_logs(&clause);
        if logs.is_empty() {
            continue;
        }
        let cause = Cause::new(clause);
        if cause.is_handed_on() {
            continue;
        }
        for id in logs {
            if !cause.is_argument(&context.body.calls[id]) && !cause_is_beside(&clause, &cause, id) {
                hits.push(hit(&clause, id, broad));
            }
        }
    }
}

/// Log calls at warning or above of this very clause, without a traceback.
fn poor_logs(clause: &Clause<'_, '_>) -> Vec<CallId> {
    let context = clause.context;
    clause
        .calls()
        .filter(|(_, call)| {
            logging::log(context, call).is_some_and(|log| log.level >= LogLevel::Warning && !log.traceback)
                && innermost(context, call) == Some(clause.id)
        })
        .map(|(id, _)| id)
        .collect()
}

/// The innermost `except` clause around `call`.
fn innermost(context: &Context<'_>, call: &Call) -> Option<crate::ir::RegionId> {
    let region = context.body.blocks[call.block].region;
    context.body.enclosing(region).find(|id| matches!(context.body.regions[*id].kind, RegionKind::Handler(_)))
}

/// Whether another call on the same way through the clause logs or prints the cause.
fn cause_is_beside(clause: &Clause<'_, '_>, cause: &Cause<'_, '_>, id: CallId) -> bool {
    let tells = |call: CallId| cause.is_logged_by(call) || prints(clause.context, call, cause);
    reaches(clause, clause.context.point(id).next(), tells)
        || clause.calls().any(|(other, _)| {
            tells(other) && reaches(clause, clause.context.point(other).next(), |call| call == id)
        })
}

fn prints(context: &Context<'_>, id: CallId, cause: &Cause<'_, '_>) -> bool {
    let call = &context.body.calls[id];
    if context.name(call).starts_with("traceback.print_") {
        return true;
    }
    let wrapped = context.callee(call).and_then(|callee| logging::logs_within(context, callee));
    wrapped.is_some_and(|log| log.traceback)
        || (logging::announces(context, call)
            && (cause.is_argument(call) || !matches!(context.name(call), "print")))
}

fn reaches(clause: &Clause<'_, '_>, from: Point, wanted: impl Fn(CallId) -> bool) -> bool {
    let context = clause.context;
    let mut found = false;
    walk(
        context.body,
        context.cfg(),
        from,
        |block| clause.contains(block),
        |_, inst| {
            found |= matches!(inst.op, Op::Call(_, call) if wanted(call));
            if found { Step::Stop } else { Step::Go }
        },
    );
    found
}

fn hit(clause: &Clause<'_, '_>, id: CallId, broad: bool) -> Hit {
    let context = clause.context;
    let call = &context.body.calls[id];
    let callee = context.source(call.callee_span);
    let edit = edit(context, call);
    let what = match clause.handler.types_span {
        Some(types) if !broad => format!("the `{}`", edits::brief(context, types, 60)),
        _ => "the exception".to_owned(),
    };
    let message =
        format!("`{callee}` says that something failed and not why: {what} and its traceback are lost");
    let instead = match context.method(call) {
        "error" if !has_exc_info(context, call) => {
            format!("write `{}.exception(…)` here", context.receiver(call))
        }
        _ => "add `exc_info=True` here".to_owned(),
    };
    let target = guarded(clause);
    let solution = format!(
        "{instead}, or put the exception into the message; to check, make {target} raise in a test and look for its text in the log"
    );
    let at = edits::method_span(context, call);
    let hit = Hit::new(at, message, solution)
        .edit(edit)
        .related(clause.region.head, "this clause has the exception");
    let kept = clause.always_raises() || !broad || shows_what_was_parsed(clause, call);
    if kept { hit.severity(Severity::Low) } else { hit }
}

fn guarded(clause: &Clause<'_, '_>) -> String {
    let call = clause.guarded_calls().last();
    call.map_or_else(
        || "the guarded code".to_owned(),
        |(_, call)| format!("`{}`", edits::brief(clause.context, call.callee_span, 60)),
    )
}

/// Whether the `try` holds one conversion and the message shows its argument.
fn shows_what_was_parsed(clause: &Clause<'_, '_>, log: &Call) -> bool {
    let mut calls = clause.guarded_calls();
    let (Some((_, only)), None) = (calls.next(), calls.next()) else { return false };
    let converts = matches!(
        clause.context.name(only),
        "int"
            | "float"
            | "json.loads"
            | "ipaddress.ip_address"
            | "ipaddress.ip_network"
            | "netaddr.IPAddress"
            | "uuid.UUID"
    );
    converts && only.args.iter().any(|arg| log.args.iter().any(|shown| shown.value == arg.value))
}

fn has_exc_info(context: &Context<'_>, call: &Call) -> bool {
    call.args.iter().any(|arg| matches!(arg.kind, ArgKind::Keyword(name) if context.text(name) == "exc_info"))
}

/// `error(` becomes `exception(`; elsewhere `exc_info=True` goes in. Loguru takes no `exc_info`.
fn edit(context: &Context<'_>, call: &Call) -> Option<Edit> {
    let switched_off = call.args.iter().find(|arg| {
        matches!(arg.kind, ArgKind::Keyword(name) if context.text(name) == "exc_info")
            && matches!(arg.value, Operand::Const(Const::Bool(false) | Const::None))
    });
    if let Some(off) = switched_off {
        return Some(edits::replace(Safety::Safe, "log the traceback", off.span, "exc_info=True"));
    }
    if context.method(call) == "error" {
        let name = edits::method_span(context, call);
        return Some(edits::replace(Safety::Safe, "log with the traceback", name, "exception"));
    }
    if context.name(call).starts_with("loguru.") || call.has_spread() {
        return None;
    }
    let change = edits::last_argument(context, call, "exc_info=True");
    Some(Edit { safety: Safety::Safe, title: "add `exc_info=True`".to_owned(), changes: vec![change] })
}
