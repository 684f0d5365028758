//! Which calls let go of something outside of the program and can fail at it.

use crate::base::words;
use crate::ir::{ArgKind, BodyKind, Call, CallId, Const, Op, Operand, RegionKind, StmtKind};
use crate::rules::Context;
use crate::rules::facts::guards::is_guarded;
use crate::rules::facts::steps::Steps;

/// Depth to which functions of the same file are followed.
const DEPTH: u32 = 2;
/// Most calls in them that are looked at.
const MAX_STEPS: u32 = 400;

/// Functions of the standard library, by value path.
const KNOWN: &[&str] = &[
    "os.unlink",
    "os.remove",
    "os.rmdir",
    "os.removedirs",
    "os.kill",
    "os.killpg",
    "shutil.rmtree",
    "subprocess.check_call",
];

/// Methods that destroy something outside whatever they are called on.
const STRONG: &[&str] =
    &["unplug", "unmount", "umount", "rmtree", "disconnect", "teardown", "tear_down", "terminate_connection"];

/// First words of methods that, with one of [`THINGS`], do so.
const STRONG_WITH_THING: &[&str] = &["delete", "del", "destroy", "detach", "unplug", "unmount", "umount"];

const THINGS: &[&str] = &[
    "device",
    "devices",
    "veth",
    "port",
    "ports",
    "interface",
    "interfaces",
    "route",
    "routes",
    "address",
    "addresses",
    "namespace",
    "netns",
    "bridge",
    "flow",
    "flows",
    "conntrack",
    "tunnel",
    "volume",
    "volumes",
    "attachment",
    "snapshot",
    "mount",
];

/// First words of methods that destroy something outside when their receiver is something outside.
const WEAK: &[&str] =
    &["delete", "destroy", "stop", "close", "cleanup", "detach", "release", "flush", "shutdown", "remove"];

/// Last words of the names in receivers that are something outside.
const OUTSIDE: &[&str] = &[
    "driver",
    "client",
    "api",
    "conn",
    "connection",
    "bridge",
    "device",
    "dev",
    "iface",
    "interface",
    "link",
    "router",
    "namespace",
    "netns",
    "server",
    "service",
    "container",
    "instance",
    "volume",
    "mount",
    "agent",
];

/// Last words of receivers that are in memory, or never fail to be told to stop.
const INSIDE: &[&str] = &[
    "cache", "list", "map", "dict", "set", "queue", "table", "registry", "pool", "signal", "signals",
    "timer", "task", "thread", "event", "logger", "log", "manifest", "parser", "buffer",
];

/// Last words of methods that remove something in memory.
const INSIDE_THING: &[&str] = &[
    "listener",
    "listeners",
    "callback",
    "callbacks",
    "timer",
    "task",
    "thread",
    "cache",
    "handler",
    "filter",
    "watcher",
    "observer",
    "entry",
    "event",
    "events",
    "subscription",
    "writer",
];

/// Value paths of receivers whose methods work in memory.
const IN_MEMORY: &[&str] =
    &["list()", "dict()", "set()", "collections.", "frozenset()", "queue.", "tuple()", "str()", "weakref."];

/// Whether a value path is that of something in memory, and not of an element of it.
pub(crate) fn is_in_memory(value: &str) -> bool {
    IN_MEMORY.iter().any(|made| value.starts_with(made)) && !value.ends_with("[]")
}

/// First words of methods that end the use of something.
const RELEASE: &[&str] = &[
    "close",
    "aclose",
    "release",
    "stop",
    "shutdown",
    "disconnect",
    "quit",
    "logout",
    "cleanup",
    "teardown",
    "destroy",
    "delete",
    "detach",
    "unplug",
    "unmount",
    "umount",
    "rmtree",
    "dispose",
    "terminate",
];

/// Whether `id` destroys something outside of the program and can fail at it; guards around it do not count.
pub(crate) fn can_fail(context: &Context<'_>, id: CallId) -> bool {
    at_depth(context, id, DEPTH, &Steps::new(MAX_STEPS))
}

/// Whether `id` ends the use of something, whether it can fail or not.
pub(crate) fn releases(context: &Context<'_>, id: CallId) -> bool {
    let call = &context.body.calls[id];
    let name = context.name(call);
    if matches!(name, "os.unlink" | "os.remove" | "os.rmdir" | "os.removedirs" | "shutil.rmtree") {
        return true;
    }
    let by_verb = stem(context.method(call)).first().is_some_and(|verb| RELEASE.contains(&verb.as_str()));
    if by_verb && !context.receiver(call).is_empty() {
        let receiver = Receiver::of(context, call);
        return !receiver.is_inside() && !receiver.is_row() && !is_nested(context, call);
    }
    can_fail(context, id)
}

/// The words of a function's name without `async` and `do` at its beginning.
pub(crate) fn stem(name: &str) -> Vec<String> {
    let mut words = words(name);
    while words.len() > 1 && matches!(words[0].as_str(), "async" | "do") {
        words.remove(0);
    }
    if words.len() > 1
        && matches!((words[0].as_str(), words[1].as_str()), ("clean", "up") | ("tear" | "shut", "down"))
    {
        let second = words.remove(1);
        words[0].push_str(&second);
    }
    words
}

/// Whether some `await` takes the result of `call`.
pub(crate) fn is_awaited(context: &Context<'_>, call: &Call) -> bool {
    context
        .insts()
        .any(|(_, inst)| matches!(inst.op, Op::Await(_, value) if value == Operand::Local(call.to)))
}

/// Whether `id` is known, not by its name alone, to work outside of the program and to raise when that fails: a
/// function of the standard library, a command whose status is checked, or a function of this file that runs one.
pub(crate) fn surely_fails(context: &Context<'_>, id: CallId) -> bool {
    surely(context, id, DEPTH, &Steps::new(MAX_STEPS))
}

fn surely(context: &Context<'_>, id: CallId, depth: u32, steps: &Steps) -> bool {
    let call = &context.body.calls[id];
    let name = context.name(call);
    let is_known = KNOWN.contains(&name)
        || name == "subprocess.run"
        || name.ends_with("utils.execute")
        || matches!(context.method(call), "execute" | "_execute") && runs_command(context, call);
    if is_known {
        return by_name(context, call);
    }
    let Some(callee) = context.callee(call).filter(|callee| depth > 0 && *callee != context.id) else {
        return false;
    };
    let inner = context.other(callee);
    inner.body.calls.pairs().any(|(id, call)| {
        let region = inner.body.blocks[call.block].region;
        steps.take().is_some()
            && surely(&inner, id, depth - 1, steps)
            && !is_guarded(&inner, region, inner.body.root())
    })
}

fn at_depth(context: &Context<'_>, id: CallId, depth: u32, steps: &Steps) -> bool {
    let call = &context.body.calls[id];
    match context.callee(call).map(|callee| context.other(callee)) {
        Some(inner) if !is_abstract(&inner) => {
            depth > 0
                && inner.id != context.id
                && inner.function_name() != "__init__"
                && !matches!(inner.body.kind, BodyKind::Function { is_generator: true, .. })
                && !is_nested(context, call)
                && fails_within(&inner, depth - 1, steps)
        }
        _ => by_name(context, call),
    }
}

/// Whether a function lets out the failure of a destroying call.
fn fails_within(inner: &Context<'_>, depth: u32, steps: &Steps) -> bool {
    inner.body.calls.pairs().any(|(id, call)| {
        let region = inner.body.blocks[call.block].region;
        steps.take().is_some()
            && at_depth(inner, id, depth, steps)
            && !is_guarded(inner, region, inner.body.root())
    })
}

fn is_abstract(inner: &Context<'_>) -> bool {
    let mut decorators = inner.body.decorators.iter().map(|decorator| inner.source(decorator.span));
    decorators.any(|decorator| decorator.ends_with("abstractmethod"))
        || inner.body.calls.len() < 2 && inner.source(inner.body.span).contains("raise NotImplementedError")
}

fn by_name(context: &Context<'_>, call: &Call) -> bool {
    by_verb(context, call)
        && !is_tolerant(context, call)
        && !is_nested(context, call)
        && !in_transaction(context, call)
        && (!context.method(call).starts_with("async_") || is_awaited(context, call))
}

fn by_verb(context: &Context<'_>, call: &Call) -> bool {
    let name = context.name(call);
    if KNOWN.contains(&name) {
        return true;
    }
    if name == "subprocess.run" {
        let check = context.arg(call, None, "check");
        return check.is_some_and(|arg| arg.value == Operand::Const(Const::Bool(true)));
    }
    let method = context.method(call);
    if matches!(method, "execute" | "_execute") {
        return runs_command(context, call);
    }
    let verb = stem(method);
    let Some(first) = verb.first().map(String::as_str) else { return false };
    let whole = verb.join("_");
    let strong = STRONG.contains(&whole.as_str())
        || STRONG_WITH_THING.contains(&first) && verb[1..].iter().any(|word| THINGS.contains(&word.as_str()))
        || matches!(whole.as_str(), "delete_ip_rule" | "del_ip_rule" | "delete_rule_priority");
    if !strong && (!WEAK.contains(&first) || whole == "remove") {
        return false;
    }
    if verb.last().is_some_and(|last| INSIDE_THING.contains(&last.as_str())) {
        return false;
    }
    let receiver = Receiver::of(context, call);
    if receiver.is_inside() || receiver.is_row() || is_local_function(context, call) {
        return false;
    }
    if first == "disconnect" && !call.args.is_empty() {
        return receiver.is_outside();
    }
    let ends_session = first == "close" && receiver.is_session() && !is_awaited(context, call);
    strong || receiver.is_outside() && !ends_session
}

/// Whether `call` is `execute(command)` of a module or object that runs commands and raises when they fail.
fn runs_command(context: &Context<'_>, call: &Call) -> bool {
    // A command whose output is used asks for something.
    if call.args.is_empty() || context.stmt(call).kind != StmtKind::Expr {
        return false;
    }
    let name = context.name(call);
    if name.ends_with("utils.execute") {
        return true;
    }
    let receiver = context.receiver(call).rsplit('.').next().unwrap_or_default();
    receiver.ends_with("utils") || matches!(receiver, "self" | "netns")
}

/// What stands before the last dot of a callee.
struct Receiver<'a> {
    text: &'a str,
    value: &'a str,
    words: Vec<String>,
    last_words: Vec<String>,
}

impl<'a> Receiver<'a> {
    fn of(context: &Context<'a>, call: &Call) -> Self {
        let text = context.receiver(call);
        let value = context.name(call).rsplit_once('.').map_or("", |(receiver, _)| receiver);
        let plain = without_brackets(text);
        let last_words = last_words(text);
        Self { text, value, words: words(&plain), last_words }
    }

    fn is_inside(&self) -> bool {
        let by_value = is_in_memory(self.value)
            || self.value.contains("signals.")
            || self.value.starts_with("threading.")
            || self.value.starts_with("io.");
        by_value || self.last_words.last().is_some_and(|last| INSIDE.contains(&last.as_str()))
    }

    /// Whether it is a row, a query or a session of a database.
    fn is_row(&self) -> bool {
        self.text.contains(".filter(")
            || self.words.iter().any(|word| {
                matches!(word.as_str(), "session" | "query" | "objects" | "db" | "dbapi" | "cursor" | "sql")
            })
    }

    /// Whether closing it only closes a socket of this process, unless it is awaited.
    fn is_session(&self) -> bool {
        let last = self.last_words.last().map_or("", String::as_str);
        matches!(last, "conn" | "connection" | "client" | "server" | "link")
    }

    fn is_outside(&self) -> bool {
        self.last_words.iter().any(|word| OUTSIDE.contains(&word.as_str()))
    }
}

/// The last word of each name of a dotted expression: `self.network_driver.ports[0]` is `self`, `driver`, `ports`.
pub(crate) fn last_words(text: &str) -> Vec<String> {
    without_brackets(text).split('.').filter_map(|part| words(part).pop()).collect()
}

/// `text` without what stands in its parentheses and brackets.
fn without_brackets(text: &str) -> String {
    let mut depth = 0_u32;
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}

/// Whether the callee is a bare local: a listener's remover, a callback.
fn is_local_function(context: &Context<'_>, call: &Call) -> bool {
    context.receiver(call).is_empty() && call.callee.base.local().is_some()
}

/// `ignore_errors=True`, `missing_ok=True`, `check=False`.
pub(crate) fn is_tolerant(context: &Context<'_>, call: &Call) -> bool {
    let by_name = call.args.iter().any(|arg| {
        let ArgKind::Keyword(name) = arg.kind else { return false };
        let off = matches!(arg.value, Operand::Const(Const::Bool(false) | Const::None));
        match context.text(name) {
            "ignore_errors" | "ignore_errno" | "missing_ok" | "ignore_missing" | "if_exists"
            | "ignore_not_found" | "onerror" | "onexc" => !off,
            "check" | "check_exit_code" | "raise_on_error" | "fail_on_error" => off,
            _ => false,
        }
    });
    by_name || context.name(call) == "shutil.rmtree" && call.positional(1).is_some()
}

/// Whether `call` is an argument of another call.
fn is_nested(context: &Context<'_>, call: &Call) -> bool {
    context.body.calls.iter().any(|outer| outer.args_span.contains(call.span))
}

/// Whether a failure undoes all that was done before: a database transaction.
fn in_transaction(context: &Context<'_>, call: &Call) -> bool {
    const WORDS: &[&str] =
        &["transaction", "atomic", "begin", "writer", "using", "savepoint", "subtransactions"];
    let names = |text: &str| words(text).iter().any(|word| WORDS.contains(&word.as_str()));
    let region = context.body.blocks[call.block].region;
    let by_with = context.body.enclosing(region).any(|region| match &context.body.regions[region].kind {
        RegionKind::With(with) => names(context.source(with.item)),
        _ => false,
    });
    by_with
        || context.body.decorators.iter().any(|decorator| names(context.source(decorator.span)))
        || context.file.path.split('/').any(|part| matches!(part, "db" | "migrations"))
}
