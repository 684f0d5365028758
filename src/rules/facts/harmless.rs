//! Which instructions are not worth a `try`: they do not fail for reasons of the outside world.

use crate::flow::may_raise;
use crate::ir::{Call, Inst, Op, Operand, Rvalue};
use crate::rules::Context;
use crate::rules::facts::logging;
use crate::rules::facts::teardown::last_words;

/// Builtins and functions of the standard library, by value path.
const FUNCTIONS: &[&str] = &[
    "len",
    "str",
    "repr",
    "int",
    "float",
    "bool",
    "format",
    "isinstance",
    "issubclass",
    "hasattr",
    "getattr",
    "setattr",
    "print",
    "type",
    "id",
    "super",
    "list",
    "dict",
    "set",
    "tuple",
    "frozenset",
    "sorted",
    "reversed",
    "enumerate",
    "range",
    "zip",
    "min",
    "max",
    "sum",
    "any",
    "all",
    "abs",
    "round",
    "callable",
    "iter",
    "bytes",
    "bytearray",
    "object",
    "locals",
    "globals",
    "vars",
    "hash",
    "ord",
    "chr",
    "hex",
    "time.time",
    "time.monotonic",
    "time.perf_counter",
    "time.sleep",
    "os.getpid",
    "os.getcwd",
    "os.close",
    "os.umask",
    "os.geteuid",
    "os.getuid",
    "os.path.join",
    "os.path.basename",
    "os.path.dirname",
    "os.path.exists",
    "os.path.isfile",
    "os.path.isdir",
    "os.path.abspath",
    "os.path.normpath",
    "os.environ.get",
    "os.getenv",
    "sys.exc_info",
    "gc.collect",
    "gc.disable",
    "gc.enable",
    "threading.current_thread",
    "threading.get_ident",
    "uuid.uuid4",
    "copy.copy",
    "weakref.ref",
    "socket.gethostname",
    "collections.deque",
    "collections.OrderedDict",
    "collections.defaultdict",
    "functools.partial",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "socket.socket",
    "sys.exit",
    "os._exit",
    "os.abort",
    "exit",
    "quit",
    "threading.Thread",
    "threading.Event",
    "threading.Lock",
    "threading.RLock",
    "queue.Queue",
];

/// Methods of containers, texts, locks, events, sockets' settings.
const METHODS: &[&str] = &[
    "append",
    "appendleft",
    "add",
    "extend",
    "insert",
    "get",
    "pop",
    "popitem",
    "popleft",
    "discard",
    "remove",
    "clear",
    "update",
    "items",
    "keys",
    "values",
    "setdefault",
    "copy",
    "sort",
    "reverse",
    "count",
    "join",
    "split",
    "rsplit",
    "splitlines",
    "partition",
    "rpartition",
    "strip",
    "lstrip",
    "rstrip",
    "lower",
    "upper",
    "title",
    "format",
    "startswith",
    "endswith",
    "replace",
    "encode",
    "settimeout",
    "setblocking",
    "fileno",
    "setsockopt",
    "getsockname",
    "close",
    "cancel",
    "set",
    "is_set",
    "notify",
    "notify_all",
    "locked",
    "release",
    "unlock",
    "put_nowait",
    "is_alive",
    "poll",
    "tell",
    "total_seconds",
    "isoformat",
    "getvalue",
    "set_result",
    "set_exception",
    "add_done_callback",
    "done",
    "group",
    "groups",
    "groupdict",
    "isdigit",
    "isalpha",
    "isalnum",
    "isspace",
    "isnumeric",
];

/// Last words of receivers whose `get`, `update`, … go over the network or to a disk.
const REMOTE: &[&str] = &[
    "client",
    "api",
    "session",
    "driver",
    "requests",
    "http",
    "httpx",
    "conn",
    "connection",
    "db",
    "repo",
    "repository",
    "os",
    "shutil",
    "server",
    "service",
    "bucket",
    "container",
    "table",
    "cursor",
    "rpc",
];

/// Whether an instruction can raise for reasons that a caller must reckon with: calls, `await`, `yield`, imports.
/// Attributes, items and arithmetic are taken not to.
pub(crate) fn may_fail(context: &Context<'_>, inst: &Inst) -> bool {
    match &inst.op {
        Op::Call(_, call) => !is_harmless(context, &context.body.calls[*call]),
        Op::Await(..) => true,
        Op::Let(_, Rvalue::Opaque(parts)) => parts.is_empty() && may_raise(inst),
        Op::Yield(..) => is_context_manager(context),
        Op::Let(..) | Op::Store(..) | Op::Delete(_) | Op::Exit(_) => false,
    }
}

/// Whether this function is the generator of a context manager, into whose `yield` the `with` block raises.
pub(crate) fn is_context_manager(context: &Context<'_>) -> bool {
    context
        .body
        .decorators
        .iter()
        .any(|decorator| context.source(decorator.span).trim_end_matches("()").ends_with("contextmanager"))
}

/// Whether a call does not fail for reasons of the outside world.
pub(crate) fn is_harmless(context: &Context<'_>, call: &Call) -> bool {
    let name = context.name(call);
    if FUNCTIONS.contains(&name) || name.starts_with("traceback.") || logging::log(context, call).is_some() {
        return true;
    }
    if name.ends_with("Error") || name.ends_with("Exception") {
        return true;
    }
    let words = last_words(context.receiver(call));
    let is_pattern =
        words.last().is_some_and(|last| matches!(last.as_str(), "pattern" | "re" | "regex" | "regexp"));
    if is_pattern && matches!(context.method(call), "search" | "match" | "fullmatch" | "findall" | "sub") {
        return true;
    }
    if !METHODS.contains(&context.method(call)) || context.callee(call).is_some() {
        return false;
    }
    let is_module = matches!(call.callee.base, Operand::Global(base)
        if name.rsplit_once('.').is_some_and(|(outer, _)| outer == context.text(base)));
    let is_remote = words.last().is_some_and(|word| REMOTE.contains(&word.as_str()));
    let is_bare = context.receiver(call).is_empty();
    let reaches_out = is_remote && context.method(call) != "close"
        || is_module && matches!(context.method(call), "get" | "remove" | "copy" | "update");
    !is_bare && !reaches_out
}
