//! Pairs of acquire and release in one function.

use crate::ir::{Call, CallId, Operand, StmtKind};
use crate::rules::Context;
use crate::rules::facts::verbs::has_word;

/// What is acquired.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A lock object.
    Lock,
    /// A lock on a file.
    File,
    /// A setting of the process.
    State,
    /// An object that is started.
    Started,
}

/// An acquire and the releases that belong to it, wherever they stand.
pub(super) struct Pair {
    pub(super) kind: Kind,
    pub(super) acquire: CallId,
    /// What is acquired, as it is spelled.
    pub(super) what: String,
    pub(super) releases: Vec<CallId>,
}

/// Methods that acquire, each with those that release.
const METHODS: &[(&str, &[&str])] = &[
    ("acquire", &["release"]),
    ("lock", &["unlock"]),
    ("acquire_read", &["release_read", "release"]),
    ("acquire_write", &["release_write", "release"]),
    ("acquire_read_lock", &["release_read_lock", "release"]),
    ("acquire_write_lock", &["release_write_lock", "release"]),
];

/// Words of objects whose `stop` nobody misses.
const HARMLESS: &[&str] = &[
    "watch",
    "stopwatch",
    "timer",
    "clock",
    "progress",
    "spinner",
    "bar",
    "thread",
    "task",
    "timing",
    "event",
];

/// The pairs of a body, in source order.
pub(super) fn pairs(context: &Context<'_>) -> Vec<Pair> {
    let is_half = matches!(
        context.function_name(),
        "__enter__" | "__aenter__" | "acquire" | "lock" | "start" | "_acquire" | "_lock"
    );
    if context.body.calls.len() < 2 || is_half {
        return Vec::new();
    }
    let all = context.body.calls.pairs();
    let mut pairs: Vec<Pair> = all.filter_map(|(id, call)| pair(context, id, call)).collect();
    pairs.retain(|pair| !pair.releases.is_empty());
    pairs
}

fn pair(context: &Context<'_>, id: CallId, call: &Call) -> Option<Pair> {
    let name = context.name(call);
    match name {
        "os.chdir" | "os.umask" | "os.seteuid" | "os.setegid" | "gc.disable" if is_program(context) => None,
        "fcntl.flock" | "fcntl.lockf" => file(context, id, call),
        "os.chdir" => directory(context, id, call),
        "os.umask" => umask(context, id, call),
        "os.seteuid" | "os.setegid" | "os.setreuid" => identity(context, id, call),
        "gc.disable" => {
            Some(state(id, "the collector", matching(context, |_, other| context.name(other) == "gc.enable")))
        }
        _ => lock(context, id, call).or_else(|| started(context, id, call)),
    }
}

/// A function whose end is the end of the process has no need to put things back.
fn is_program(context: &Context<'_>) -> bool {
    matches!(context.function_name(), "main" | "_main" | "cli" | "")
}

fn state(acquire: CallId, what: &str, releases: Vec<CallId>) -> Pair {
    Pair { kind: Kind::State, acquire, what: what.to_owned(), releases }
}

/// The calls after the others that `fits` admits.
fn matching(context: &Context<'_>, fits: impl Fn(CallId, &Call) -> bool) -> Vec<CallId> {
    context.body.calls.pairs().filter(|(id, call)| fits(*id, call)).map(|(id, _)| id).collect()
}

fn lock(context: &Context<'_>, id: CallId, call: &Call) -> Option<Pair> {
    let method = context.method(call);
    let (_, ends) = METHODS.iter().find(|(begin, _)| *begin == method)?;
    let receiver = context.receiver(call);
    // `acquire(blocking=False)`, `acquire(timeout=…)` and a result that is looked at: the lock is only tried.
    if receiver.is_empty() || context.stmt(call).kind != StmtKind::Expr || is_tried(context, call) {
        return None;
    }
    let releases = matching(context, |_, other| {
        ends.contains(&context.method(other)) && context.receiver(other) == receiver
    });
    Some(Pair { kind: Kind::Lock, acquire: id, what: receiver.to_owned(), releases })
}

fn is_tried(context: &Context<'_>, call: &Call) -> bool {
    call.args.iter().any(|arg| {
        let text = context.source(arg.span);
        text.contains("timeout") || text.contains("blocking") || text == "False" || text == "0"
    })
}

fn file(context: &Context<'_>, id: CallId, call: &Call) -> Option<Pair> {
    let [handle, how] = &call.args[..] else { return None };
    let flags = context.source(how.span);
    let handle_text = context.source(handle.span);
    let what = handle_text.trim_end_matches(".fileno()");
    if !(flags.contains("LOCK_EX") || flags.contains("LOCK_SH")) || is_closed_anyway(context, id, call, what)
    {
        return None;
    }
    let releases = matching(context, |_, other| {
        let arg = |index: usize| other.args.get(index).map_or("", |arg| context.source(arg.span));
        match context.name(other) {
            "fcntl.flock" | "fcntl.lockf" => arg(0) == handle_text && arg(1).contains("LOCK_UN"),
            "os.close" => arg(0) == what,
            _ => context.method(other) == "close" && context.receiver(other) == what,
        }
    });
    let unlocks = releases.iter().any(|id| context.body.calls[*id].args.len() == 2);
    Some(Pair { kind: Kind::File, acquire: id, what: what.to_owned(), releases }).filter(|_| unlocks)
}

/// Whether the file object is closed when it dies or at the end of its `with`, which releases its lock.
fn is_closed_anyway(context: &Context<'_>, id: CallId, call: &Call, what: &str) -> bool {
    let point = context.point(id);
    let locals = call.args[0].value.local().into_iter();
    let named = context.body.locals.pairs().filter(|(local, _)| context.local_name(*local) == what);
    locals.chain(named.map(|(local, _)| local)).any(|local| {
        let made = context.made_by(Operand::Local(local), point);
        made.is_some_and(|made| {
            let made = &context.body.calls[made];
            context.name(made) != "os.open" && context.method(made).ends_with("open")
        })
    })
}

fn directory(context: &Context<'_>, id: CallId, call: &Call) -> Option<Pair> {
    let is_back = |id: CallId, call: &Call| {
        let arg = call.positional(0).map(|arg| arg.value);
        arg.and_then(|value| context.made_by(value, context.point(id))).is_some_and(|made| {
            matches!(
                context.name(&context.body.calls[made]),
                "os.getcwd" | "os.path.abspath" | "pathlib.Path.cwd"
            )
        })
    };
    if is_back(id, call) {
        return None;
    }
    let releases = matching(context, |id, other| context.name(other) == "os.chdir" && is_back(id, other));
    Some(state(id, "the working directory", releases))
}

fn umask(context: &Context<'_>, id: CallId, call: &Call) -> Option<Pair> {
    let releases = matching(context, |other_id, other| {
        let arg = other.positional(0).map(|arg| arg.value);
        context.name(other) == "os.umask"
            && arg.and_then(|value| context.made_by(value, context.point(other_id))) == Some(id)
    });
    (!call.args.is_empty()).then(|| state(id, "the umask", releases))
}

fn identity(context: &Context<'_>, id: CallId, call: &Call) -> Option<Pair> {
    let is_back = |id: CallId, call: &Call| {
        let arg = call.positional(0).map(|arg| arg.value);
        arg.and_then(|value| context.made_by(value, context.point(id))).is_some_and(|made| {
            let name = context.name(&context.body.calls[made]);
            matches!(name, "os.geteuid" | "os.getuid" | "os.getegid" | "os.getgid")
        })
    };
    if is_back(id, call) {
        return None;
    }
    let name = context.name(call);
    let releases = matching(context, |id, other| context.name(other) == name && is_back(id, other));
    Some(state(id, "the identity", releases))
}

/// `x.start()` … `x.stop()` on an object made here.
fn started(context: &Context<'_>, id: CallId, call: &Call) -> Option<Pair> {
    let receiver = context.receiver(call);
    let is_start = context.method(call) == "start" && context.stmt(call).kind == StmtKind::Expr;
    if !is_start || receiver.is_empty() || receiver.contains('.') || has_word(receiver, HARMLESS) {
        return None;
    }
    let base = call.callee.base;
    base.local()?;
    let made = &context.body.calls[context.made_by(base, context.point(id))?];
    let class = context.method(made);
    let is_made = class.starts_with(char::is_uppercase) || class == "patch";
    if !is_made || has_word(class, HARMLESS) {
        return None;
    }
    let releases =
        matching(context, |_, other| context.method(other) == "stop" && context.receiver(other) == receiver);
    Some(Pair { kind: Kind::Started, acquire: id, what: receiver.to_owned(), releases })
}
