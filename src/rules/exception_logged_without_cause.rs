//! Finds logs of a failure in a handler that say neither what the exception was nor where it came from.

use crate::finding::{Edit, Safety, Severity};
use crate::flow::{Exit, Point, Step, walk};
use crate::ir::{ArgKind, Call, CallId, Const, Op, Operand, RegionKind};
use crate::rules::facts::cause::Cause;
use crate::rules::facts::edits;
use crate::rules::facts::handlers::{Clause, clauses};
use crate::rules::facts::harmless::is_harmless;
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
            let call = &context.body.calls[id];
            if !cause.is_argument(call)
                && !is_told_apart(&clause, call, Some("errno"))
                && !cause_is_beside(&clause, &cause, id)
            {
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
    let lost = if clause.always_raises() { "stand in no line of it" } else { "are lost" };
    let message =
        format!("`{callee}` says that something failed and not why: {what} and its traceback {lost}");
    let instead = match context.method(call) {
        _ if logging::is_of_own_class(context, call) => String::new(),
        "error" if !has_exc_info(context, call) => {
            format!("write `{}.exception(…)` here, or ", context.receiver(call))
        }
        _ => "add `exc_info=True` here, or ".to_owned(),
    };
    let target = guarded(clause);
    let solution = format!(
        "{instead}put the exception into the message; to check, make {target} raise in a test and look for its text in the log"
    );
    let at = edits::method_span(context, call);
    let hit = Hit::new(at, message, solution)
        .edit(edit)
        .related(clause.region.head, "this clause has the exception");
    let kept = clause.always_raises()
        || raises_from(clause, id)
        || is_told_apart(clause, call, None)
        || !broad
        || shows_what_was_parsed(clause, call);
    if kept { hit.severity(Severity::Low) } else { hit }
}

/// Whether every way from the log call to the end of the clause raises.
fn raises_from(clause: &Clause<'_, '_>, id: CallId) -> bool {
    let context = clause.context;
    let inside = |block| clause.contains(block);
    let exits = walk(context.body, context.cfg(), context.point(id).next(), inside, |_, _| Step::Go);
    !exits.is_empty() && exits.iter().all(|exit| matches!(exit, Exit::Raise(_)))
}

/// Whether the log stands under a test of the exception, or of an attribute of it for one value or some that are written
/// there: its message speaks of that very case.
fn is_told_apart(clause: &Clause<'_, '_>, call: &Call, attribute: Option<&str>) -> bool {
    let context = clause.context;
    let name = clause.bound().map(|bound| match bound {
        Operand::Local(local) => context.local_name(local),
        Operand::Const(_) | Operand::Global(_) => "",
    });
    let Some(name) = name.filter(|name| !name.is_empty()) else { return false };
    let region = context.body.blocks[call.block].region;
    let mut around = context.body.enclosing(region).take_while(|id| *id != clause.id);
    around.any(|id| {
        let region = &context.body.regions[id];
        let head = context.source(region.head);
        let mut words = head.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let asks = |attribute: &str| {
            [" == ", " in (", " in {", " in ["]
                .iter()
                .any(|op| head.contains(&format!("{name}.{attribute}{op}")))
        };
        let is_one = attribute.is_none_or(asks);
        region.kind == RegionKind::Branch && is_one && words.any(|word| word == name)
    })
}

fn guarded(clause: &Clause<'_, '_>) -> String {
    let mut calls = clause.guarded_calls();
    let call = calls.find(|(_, call)| !is_harmless(clause.context, call));
    call.map_or_else(
        || "the guarded code".to_owned(),
        |(_, call)| format!("`{}`", edits::brief(clause.context, call.callee_span, 60)),
    )
}

/// Whether all that the `try` does is to convert texts, and the message shows one of them.
fn shows_what_was_parsed(clause: &Clause<'_, '_>, log: &Call) -> bool {
    let context = clause.context;
    let mut shown = false;
    for (_, call) in clause.guarded_calls() {
        if converts(context, call) {
            shown |= call.args.iter().any(|arg| shows(context, log, context.source(arg.span)));
        } else if !is_harmless(context, call) {
            return false;
        }
    }
    shown
}

/// Whether `source` stands in an argument of `log` by itself: `tgt`, `binding.profile` of `{"profile": binding.profile}`.
fn shows(context: &Context<'_>, log: &Call, source: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | '\'');
    let is_name = source.starts_with(|c: char| c.is_alphabetic() || c == '_');
    is_name
        && log.args.iter().any(|arg| {
            let text = context.source(arg.span);
            text.match_indices(source).any(|(at, _)| {
                !text[..at].ends_with(is_part) && !text[at + source.len()..].starts_with(is_part)
            })
        })
}

/// Whether `call` makes something else of a text and fails only for the text's sake, also where a project hands the
/// module on (`compat.ipaddress`).
fn converts(context: &Context<'_>, call: &Call) -> bool {
    let name = context.name(call);
    let last_two = name.rmatch_indices('.').nth(1).map_or(name, |(at, _)| &name[at + 1..]);
    let (module, function) = last_two.rsplit_once('.').unwrap_or(("", last_two));
    match module {
        "" => matches!(function, "int" | "float" | "bool" | "complex"),
        "re" => matches!(function, "compile" | "match" | "search" | "fullmatch" | "findall" | "sub"),
        "json" | "jsonutils" | "simplejson" | "orjson" | "ujson" => function == "loads",
        "yaml" => matches!(function, "load" | "safe_load" | "full_load"),
        "netaddr" => matches!(function, "IPAddress" | "IPNetwork" | "EUI"),
        "ipaddress" | "uuid" => true,
        "ast" => function == "literal_eval",
        "base64" => function.contains("decode"),
        "datetime" => matches!(function, "strptime" | "fromisoformat"),
        _ => false,
    }
}

fn has_exc_info(context: &Context<'_>, call: &Call) -> bool {
    call.args.iter().any(|arg| matches!(arg.kind, ArgKind::Keyword(name) if context.text(name) == "exc_info"))
}

/// Where loggers come from that have `exception` and take `exc_info`. What a project calls its logger may have neither.
const LOGGERS: &[&str] =
    &["logging.", "oslo_log.", "structlog.", "absl.logging.", "celery.utils.log.", "flask.", "loguru."];

/// `error(` becomes `exception(`; elsewhere `exc_info=True` goes in. Loguru takes no `exc_info`.
fn edit(context: &Context<'_>, call: &Call) -> Option<Edit> {
    if logging::is_of_own_class(context, call) {
        return None;
    }
    let is_known_logger = LOGGERS.iter().any(|start| context.name(call).starts_with(start));
    let safety = if is_known_logger { Safety::Safe } else { Safety::Suggest };
    let switched_off = call.args.iter().find(|arg| {
        matches!(arg.kind, ArgKind::Keyword(name) if context.text(name) == "exc_info")
            && matches!(arg.value, Operand::Const(Const::Bool(false) | Const::None))
    });
    if let Some(off) = switched_off {
        return Some(edits::replace(safety, "log the traceback", off.span, "exc_info=True"));
    }
    let is_known = |name| matches!(name, "exc_info" | "extra" | "stack_info" | "stacklevel");
    if call.args.iter().any(|arg| matches!(arg.kind, ArgKind::Keyword(name) if !is_known(context.text(name))))
    {
        return None;
    }
    if context.method(call) == "error" {
        let name = edits::method_span(context, call);
        return Some(edits::replace(safety, "log with the traceback", name, "exception"));
    }
    if context.name(call).starts_with("loguru.") || call.has_spread() {
        return None;
    }
    let change = edits::last_argument(context, call, "exc_info=True");
    Some(Edit { safety, title: "add `exc_info=True`".to_owned(), changes: vec![change] })
}
