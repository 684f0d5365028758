//! What calls do by their names: whether they only compute or ask, or end the use of something.

use crate::base::words;
use crate::ir::{Call, Const, Operand};
use crate::rules::Context;
use crate::rules::facts::logging;
use crate::rules::facts::verbs;

/// Callees that compute, convert or look something up.
#[rustfmt::skip]
const ASKING: &[&str] = &[
    "__import__", "abs", "all", "any", "bool", "bytearray", "bytes", "callable", "chr", "complex", "dict",
    "dir", "enumerate", "filter", "float", "frozenset", "getattr", "hasattr", "hash", "hex", "id",
    "importlib.import_module", "int", "isinstance", "issubclass", "iter", "len", "list", "map", "max",
    "memoryview", "min", "next", "ord", "os.access", "os.cpu_count", "os.environ.get", "os.getcwd",
    "os.getenv", "os.getloadavg", "os.getpgid", "os.isatty", "os.listdir", "os.lstat", "os.readlink",
    "os.scandir", "os.sched_getaffinity", "os.stat", "os.confstr", "os.pathconf", "os.statvfs", "os.sysconf", "os.ttyname", "os.uname", "os.walk",
    "resource.getrlimit", "resource.getrusage",
    "range", "repr", "reversed", "round", "set", "shutil.disk_usage", "shutil.which", "socket.getfqdn",
    "socket.gethostname", "sorted", "str", "sum", "super", "tuple", "type", "vars", "zip",
];
/// Modules whose functions compute or look something up.
#[rustfmt::skip]
const ASKING_MODULES: &[&str] = &[
    "ast.", "base64.", "binascii.", "calendar.", "codecs.", "collections.", "colorsys.", "copy.", "curses.",
    "dataclasses.", "datetime.", "dateutil.", "decimal.", "difflib.", "email.", "enum.", "fnmatch.",
    "fractions.", "functools.", "grp.", "hashlib.", "html.", "importlib.metadata.", "inspect.",
    "ipaddress.", "itertools.", "json.", "keyword.", "linecache.", "locale.", "lxml.", "math.",
    "mimetypes.", "netaddr.", "numbers.", "operator.", "os.path.", "packaging.", "pkg_resources.",
    "platform.", "psutil.", "pwd.", "pytz.", "re.", "shlex.", "spwd.", "stat.", "statistics.", "string.",
    "struct.", "sysconfig.", "textwrap.", "tokenize.", "traceback.", "types.", "typing.", "unicodedata.",
    "random.", "urllib.parse.", "uuid.", "weakref.", "xml.", "zoneinfo.",
];
/// Methods of strings and mappings, wherever they are called.
#[rustfmt::skip]
const ASKING_METHODS: &[&str] = &[
    "as_dict", "astimezone", "bit_length", "copy", "decode", "digest", "encode", "endswith", "fetchall",
    "fetchone", "fileno", "first", "format", "group", "groupdict", "groups", "hexdigest", "index", "isatty",
    "isdigit", "isoformat", "items", "join", "keys", "lookup", "lower", "lstrip", "one", "partition",
    "replace", "rpartition", "rsplit", "rstrip", "scalar", "set_exception", "set_result", "split", "splitlines", "startswith", "strftime",
    "strip", "strptime", "tell", "timestamp", "title", "total_seconds", "upper", "values",
];
/// First words of names of functions that compute.
#[rustfmt::skip]
const COMPUTING_WORDS: &[&str] = &[
    "as", "compile", "convert", "decode", "format", "from", "fromstring", "normalize", "parse", "to",
    "unpack",
];
/// First words of names of functions that ask.
#[rustfmt::skip]
const ASKING_WORDS: &[&str] = &[
    "as", "calculate", "can", "check", "collect", "compile", "compute", "convert", "count", "decode",
    "describe", "deserialize", "detect", "determine", "discover", "dumps", "exists", "extract", "fetch",
    "find", "format", "from", "get", "gethostbyname", "guess", "has", "import", "info", "inspect", "is",
    "list", "load", "loads", "look", "lookup", "match", "normalize", "parse", "peek", "probe", "query",
    "read", "readline", "readlines", "resolve", "scan", "search", "serialize", "show", "stat", "status",
    "supports", "to", "unpack", "validate", "version",
];
/// Words of names of functions that end the use of something.
#[rustfmt::skip]
const ENDING: &[&str] = &[
    "abort", "aclose", "cancel", "cleanup", "close", "destroy", "detach", "disconnect", "dispose", "end", "endwin", "exit",
    "finalize", "flush", "join", "kill", "logout", "quit", "release", "reset", "rollback", "shutdown",
    "stop", "teardown", "terminate", "unload", "unregister", "unsubscribe",
];

/// Whether a failure of `call` leaves nothing half done: it converts, looks up, reads, or makes an object.
pub(crate) fn asks(context: &Context<'_>, call: &Call) -> bool {
    let method = context.method(call);
    if matches!(method, "open" | "fopen" | "open_text") {
        return opens_for_reading(context, call);
    }
    computes(context, call)
        || verbs::starts_with_word(method, ASKING_WORDS)
        || verbs::ends_with_word(method, &["match", "exists"])
        || logging::log(context, call).is_some()
}

/// Whether `call` only makes a value of others, without asking anything outside of the program but the system's own
/// tables.
pub(crate) fn computes(context: &Context<'_>, call: &Call) -> bool {
    let name = context.name(call);
    let method = context.method(call);
    ASKING.contains(&name)
        || name.starts_with("os.get")
        || in_asking_module(name)
        || ASKING_METHODS.contains(&method)
        || verbs::starts_with_word(method, COMPUTING_WORDS)
        || method.contains("_to_")
        || makes_object(method)
        || fills_own(context, call)
}

/// Whether `call` is one of the known functions that only make a value of others.
pub(crate) fn is_known_to_compute(context: &Context<'_>, call: &Call) -> bool {
    let name = context.name(call);
    ASKING.contains(&name) || in_asking_module(name)
}

/// Whether a value path is that of a function in one of [`ASKING_MODULES`]; of some also where a project hands the
/// module on (`compat.ipaddress.ip_network`).
fn in_asking_module(name: &str) -> bool {
    ASKING_MODULES.iter().any(|module| name.starts_with(module))
        || [".ipaddress.", ".json.", ".jsonutils.", ".netaddr."].iter().any(|module| name.contains(module))
}

/// `Name(…)`, `pkg.Name(…)`.
fn makes_object(method: &str) -> bool {
    let method = method.trim_start_matches('_');
    method.starts_with(|c: char| c.is_uppercase())
        && (method.contains(|c: char| c.is_lowercase()) || method.len() <= 3)
}

fn opens_for_reading(context: &Context<'_>, call: &Call) -> bool {
    match context.arg(call, Some(1), "mode").map(|arg| arg.value) {
        None => true,
        Some(Operand::Const(Const::Str(mode))) => !context.text(mode).contains(['w', 'a', 'x', '+']),
        Some(_) => false,
    }
}

/// `found.append(…)` on a list, set or dict of this function.
fn fills_own(context: &Context<'_>, call: &Call) -> bool {
    let fills = matches!(
        context.method(call),
        "append"
            | "appendleft"
            | "add"
            | "update"
            | "extend"
            | "insert"
            | "setdefault"
            | "pop"
            | "sort"
            | "discard"
    );
    let name = context.name(call);
    fills
        && call.callee.base.local().is_some()
        && !context.receiver(call).contains('.')
        && ["list().", "dict().", "set().", "collections.", "tuple().", "str()."]
            .iter()
            .any(|made| name.starts_with(made))
}

/// Whether a function of this name only tells something.
pub(crate) fn is_asking_name(name: &str) -> bool {
    verbs::starts_with_word(
        name,
        &["get", "list", "read", "find", "is", "has", "query", "show", "count", "describe", "detect"],
    )
}

/// Whether `call` ends the use of something, by its name.
pub(crate) fn ends(context: &Context<'_>, call: &Call) -> bool {
    let words = words(context.method(call));
    let is = |word: Option<&String>, among: &[&str]| word.is_some_and(|word| among.contains(&word.as_str()));
    is(words.first(), ENDING)
        || is(words.last(), ENDING)
        || is(words.first(), &["remove", "discard"])
            && is(words.last(), &["callback", "listener", "handler", "observer", "hook", "subscription"])
}

/// Whether the function is there to end something: `close`, `async_shutdown`, `__exit__`.
pub(crate) fn is_ending(context: &Context<'_>) -> bool {
    let words = words(context.function_name());
    words
        .iter()
        .any(|word| ENDING.contains(&word.as_str()) || matches!(word.as_str(), "aexit" | "del" | "delete"))
}
