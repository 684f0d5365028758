//! Which calls write to a log, at which level, and with what of the exception.

use crate::flow::Point;
use crate::ir::{ArgKind, Call, CallId, Const, FnId, Operand};
use crate::rules::Context;
use crate::rules::facts::steps::Steps;

/// Level of a log call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum LogLevel {
    /// `debug`, `trace`.
    Debug,
    /// `info`, `success`, `notice`.
    Info,
    /// `warning`, `warn`.
    Warning,
    /// `error`, `exception`.
    Error,
    /// `critical`, `fatal`.
    Critical,
}

/// A call of a logger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Log {
    /// Its level.
    pub(crate) level: LogLevel,
    /// Whether the traceback of the handled exception goes with it.
    pub(crate) traceback: bool,
}

/// Depth to which functions of the same file are followed to the log calls in them.
const WRAPPER_DEPTH: u32 = 3;
/// Most functions that are looked at for that.
const MAX_STEPS: u32 = 200;

/// `call` as a log call, if it is one.
pub(crate) fn log(context: &Context<'_>, call: &Call) -> Option<Log> {
    let method = context.method(call);
    let level = match method {
        "debug" | "trace" => LogLevel::Debug,
        "info" | "success" | "notice" => LogLevel::Info,
        "warning" | "warn" => LogLevel::Warning,
        "error" | "exception" => LogLevel::Error,
        "critical" | "fatal" => LogLevel::Critical,
        "log" => level_of_argument(context, call)?,
        _ => return None,
    };
    if !is_logger(context, call) {
        return None;
    }
    let opened = context.source(call.callee_span).contains("opt(exception=");
    Some(Log {
        level,
        traceback: method == "exception" && !exc_info_is_off(context, call)
            || opened
            || has_exc_info(context, call),
    })
}

/// Whether `exc_info` or a variant of it (`exc_info_on_loglevel`) is passed and not certainly false.
fn has_exc_info(context: &Context<'_>, call: &Call) -> bool {
    exc_info(context, call).is_some_and(|value| !is_falsy(value))
}

fn exc_info_is_off(context: &Context<'_>, call: &Call) -> bool {
    exc_info(context, call).is_some_and(is_falsy)
}

fn exc_info(context: &Context<'_>, call: &Call) -> Option<Operand> {
    let named = |arg: &&crate::ir::Arg| matches!(arg.kind, ArgKind::Keyword(name) if context.text(name).starts_with("exc_info"));
    call.args.iter().find(named).map(|arg| arg.value)
}

fn is_falsy(value: Operand) -> bool {
    matches!(value, Operand::Const(Const::Bool(false) | Const::None | Const::Int(0)))
}

/// `LOG.log(logging.WARNING, …)`.
fn level_of_argument(context: &Context<'_>, call: &Call) -> Option<LogLevel> {
    let Operand::Global(name) = call.positional(0)?.value else { return None };
    match context.text(name).rsplit('.').next()? {
        "DEBUG" | "TRACE" => Some(LogLevel::Debug),
        "INFO" => Some(LogLevel::Info),
        "WARNING" | "WARN" => Some(LogLevel::Warning),
        "ERROR" => Some(LogLevel::Error),
        "CRITICAL" | "FATAL" => Some(LogLevel::Critical),
        _ => None,
    }
}

/// Whether the callee is a method of a logger: made by `getLogger` and its kin, the module `logging`, or of a
/// logger's name (`LOG`, `_LOGGER`, `self.log`).
fn is_logger(context: &Context<'_>, call: &Call) -> bool {
    let name = context.name(call);
    let (made, _) = name.rsplit_once('.').unwrap_or((name, ""));
    let by_value =
        ["getLogger()", "get_logger()", "getChild()", "LoggerAdapter()", "KeywordArgumentAdapter()"]
            .iter()
            .any(|maker| made.contains(maker))
            || matches!(made, "logging" | "loguru.logger" | "oslo_log.log");
    by_value || is_logger_name(context.receiver(call))
}

/// Whether the logger is of a class of this file that has nothing of a library: what it has, its block says, and that is no
/// `exception`.
pub(crate) fn is_of_own_class(context: &Context<'_>, call: &Call) -> bool {
    let made = context.name(call).rsplit_once('.').and_then(|(made, _)| made.strip_suffix("()"));
    let Some(made) = made else { return false };
    let unit = context.unit;
    let class = unit.classes.iter().find(|class| context.text(class.name) == made);
    class.is_some_and(|class| {
        let is_known = |base: &crate::base::Symbol| context.text(*base) == "object";
        let is_it = |(name, _): &(crate::base::Symbol, FnId)| context.text(*name) == "exception";
        class.bases.iter().all(is_known) && !class.methods.iter().any(is_it)
    })
}

/// Whether an expression is spelled as people spell loggers.
pub(crate) fn is_logger_name(receiver: &str) -> bool {
    let last =
        receiver.split('(').next().unwrap_or(receiver).trim_end_matches(".opt").trim_end_matches(".bind");
    let last = last.rsplit('.').next().unwrap_or(last).trim_matches('_').to_ascii_lowercase();
    matches!(last.as_str(), "log" | "logger" | "logging")
        || last.ends_with("_log")
        || last.ends_with("_logger")
}

/// Whether `call` tells somebody of a failure outside of a logger: prints it, warns, writes to standard error.
pub(crate) fn announces(context: &Context<'_>, call: &Call) -> bool {
    let name = context.name(call);
    let known = matches!(
        name,
        "print"
            | "warnings.warn"
            | "warnings.warn_explicit"
            | "sys.stderr.write"
            | "sys.stdout.write"
            | "syslog.syslog"
            | "click.echo"
            | "click.secho"
            | "sys.excepthook"
            | "pprint.pprint"
    ) || name.starts_with("traceback.print_");
    let by_method = matches!(
        context.method(call),
        "print_exc"
            | "print_exception"
            | "capture_exception"
            | "captureException"
            | "excepthook"
            | "handle_exception"
            | "log_exception"
            | "log_error"
            | "showwarning"
            | "notice_error"
            | "record_exception"
    );
    known || by_method
}

/// The most telling log call that a function of this file makes, on any path, functions it calls included.
pub(crate) fn logs_within(context: &Context<'_>, function: FnId) -> Option<Log> {
    within(context, function, WRAPPER_DEPTH, &Steps::new(MAX_STEPS))
}

fn within(context: &Context<'_>, function: FnId, depth: u32, steps: &Steps) -> Option<Log> {
    steps.take()?;
    let inner = context.other(function);
    let mut best: Option<Log> = None;
    for call in &inner.body.calls {
        let found = log(&inner, call).or_else(|| {
            let callee = inner.callee(call).filter(|callee| depth > 0 && *callee != function)?;
            within(context, callee, depth - 1, steps)
        });
        if let Some(found) = found {
            best = Some(best.map_or(found, |old| Log {
                level: old.level.max(found.level),
                traceback: old.traceback || found.traceback,
            }));
        }
    }
    best
}

/// The name of this module's logger (`LOG`), if it makes one at its top level.
pub(crate) fn module_logger<'a>(context: &Context<'a>) -> Option<&'a str> {
    let module = context.text(context.unit.module);
    let makes = |value: &str| value.ends_with("getLogger()") || value.ends_with("get_logger()");
    let mut loggers: Vec<&str> = context
        .unit
        .globals
        .iter()
        .filter(|(_, value)| makes(context.text(**value)))
        .map(|(name, _)| context.text(*name))
        .map(|name| name.strip_prefix(module).unwrap_or(name).trim_start_matches('.'))
        .collect();
    loggers.sort_unstable();
    loggers.first().copied()
}

/// Log calls with their points, of those that can be reached, in block order.
pub(crate) fn log_calls<'c>(context: &'c Context<'_>) -> impl Iterator<Item = (CallId, Point, Log)> + 'c {
    context
        .body
        .calls
        .pairs()
        .filter_map(|(id, call)| Some((id, log(context, call)?)))
        .filter(|(id, _)| context.is_reachable(*id))
        .map(|(id, log)| (id, context.point(id), log))
}
