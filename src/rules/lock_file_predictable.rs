//! Finds lock and pid files with a known name in a directory that every user may write to.

use crate::flow::Point;
use crate::ir::{Arg, Call, CallId, Const, Operand};
use crate::rules::facts::edits;
use crate::rules::facts::environment;
use crate::rules::facts::lock_files::{PathUse, lock_paths};
use crate::rules::facts::locks::public_dir;
use crate::rules::facts::modes::mode;
use crate::rules::facts::parts::{Part, Piece, Text, spelled, texts, texts_of};
use crate::rules::facts::paths::path_argument;
use crate::rules::facts::verbs::has_word;
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule =
    Rule { page: include_str!("lock_file_predictable.md"), check: Check::Body(run) };

/// Words of calls whose results nobody guesses.
const UNKNOWABLE: &[&str] = &[
    "uuid",
    "uuid1",
    "uuid4",
    "random",
    "secrets",
    "token",
    "mkdtemp",
    "mkstemp",
    "mktemp",
    "urandom",
    "randint",
    "choice",
    "choices",
    "getrandbits",
];

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for lock in lock_paths(context) {
        hits.extend(judge(context, &lock));
    }
}

fn judge(context: &Context<'_>, lock: &PathUse<'_>) -> Option<Hit> {
    let at = context.point(lock.call);
    let ways = texts(context, lock.path.value, at);
    let (way, open) = ways.iter().find_map(|way| open_to_all(context, way).map(|open| (way, open)))?;
    let unknowable = |part: &Part<'_>| {
        !matches!(part.piece, Piece::Text(_))
            && (has_word(part.path, UNKNOWABLE) || has_word(context.source(part.span), UNKNOWABLE))
    };
    if way.iter().any(unknowable) {
        return None;
    }
    let made = own_directory(context, way, lock.call);
    if matches!(made, Made::Private) {
        return None;
    }
    Some(hit(context, lock, &open, &made))
}

/// How a path comes to lie where everybody may write.
struct Open {
    /// The directory or what names it, as it is spelled.
    dir: String,
    /// The environment variable or call that decides, where there is one.
    by: Option<String>,
}

/// Where a way leads, if that is a directory open to all.
fn open_to_all(context: &Context<'_>, way: &Text<'_>) -> Option<Open> {
    let user = way.iter().find_map(|part| user_name(context, part));
    if let Some(dir) = public_dir(context, way) {
        // Where the file system standard puts the locks of services.
        let is_standard = matches!(dir.as_str(), "/var/lock" | "/run/lock");
        return (!is_standard || user.is_some()).then_some(Open { dir, by: user });
    }
    let first = way.first()?;
    let variable = environment::variable(context, first)?;
    if matches!(variable.name, "TMPDIR" | "TEMP" | "TMP") {
        return Some(Open { dir: edits::brief(context, first.span, 60), by: Some(variable.name.to_owned()) });
    }
    let default = variable.default?;
    let ways = texts(&context.other(first.home), default, first.at);
    let dir = ways.iter().find_map(|way| public_dir(context, way))?;
    let is_standard = matches!(dir.as_str(), "/var/lock" | "/run/lock");
    (!is_standard).then(|| Open { dir, by: Some(variable.name.to_owned()) })
}

/// The user's name in a path, as it is spelled.
fn user_name(context: &Context<'_>, part: &Part<'_>) -> Option<String> {
    let by_call = matches!(part.path, "getpass.getuser" | "os.getlogin" | "os.getuid" | "os.geteuid");
    let by_variable = environment::variable(context, part)
        .is_some_and(|variable| matches!(variable.name, "USER" | "LOGNAME" | "USERNAME"));
    (by_call || by_variable).then(|| edits::brief(context, part.span, 60))
}

/// What this function does about the directory of a lock.
enum Made {
    /// It creates it for itself alone, or checks whose it is.
    Private,
    /// It creates it, or takes one that is there.
    TakenOver,
    /// Nothing.
    No,
}

/// Whether the function creates or checks a directory that the path of the lock lies in.
fn own_directory(context: &Context<'_>, way: &Text<'_>, lock: CallId) -> Made {
    let path = spelled(context, way);
    let mut made = Made::No;
    for (id, call) in context.body.calls.pairs() {
        let asks = matches!(context.method(call), "lstat" | "stat");
        let makes = matches!(context.method(call), "mkdir" | "makedirs");
        if id == lock || !(asks || makes) {
            continue;
        }
        let at = context.point(id);
        let Some(target) = path_argument(context, call) else { continue };
        let dirs = texts_of(context, target.value, at);
        let is_above = dirs.iter().any(|dir| {
            let dir = spelled(context, dir);
            path.strip_prefix(&dir).is_some_and(|rest| !dir.is_empty() && rest.starts_with('/'))
        });
        if !is_above {
            continue;
        }
        if asks && context.source(context.body.span).contains("st_uid") {
            return Made::Private;
        }
        if makes {
            if is_exclusive(context, call, at, target.is_receiver) {
                return Made::Private;
            }
            made = Made::TakenOver;
        }
    }
    made
}

/// Whether `call` makes a directory that did not exist, with no rights for others.
fn is_exclusive(context: &Context<'_>, call: &Call, at: Point, is_receiver: bool) -> bool {
    let tolerant = context
        .arg(call, Some(2), "exist_ok")
        .is_some_and(|arg| arg.value != Operand::Const(Const::Bool(false)));
    let arg = context.arg(call, Some(usize::from(!is_receiver)), "mode");
    let strict =
        arg.is_some_and(|arg: &Arg| mode(context, arg.value, at).is_none_or(|mode| mode & 0o022 == 0));
    !tolerant && strict
}

fn hit(context: &Context<'_>, lock: &PathUse<'_>, open: &Open, made: &Made) -> Hit {
    let call = &context.body.calls[lock.call];
    let path = edits::brief(context, lock.path.span, 80);
    let dir = &open.dir;
    let by = match &open.by {
        Some(by) if !path.contains(by.as_str()) => format!(", by `{by}`"),
        _ => String::new(),
    };
    let message = format!(
        "the {} `{path}` has a known name in `{dir}`{by}, where every user may create or hold it first",
        lock.kind()
    );
    let instead = match made {
        Made::TakenOver => {
            "create its directory with `os.mkdir(path, 0o700)`: `exist_ok` and a lax mode accept one that somebody \
             else made"
        }
        Made::Private | Made::No => {
            "put it into `$XDG_RUNTIME_DIR` (without a fall-back), `/run/<service>`, or a directory made by \
             `tempfile.mkdtemp()`"
        }
    };
    let solution = format!(
        "{instead}; to check, create the file as another user beforehand and start the program: it must not notice"
    );
    Hit::new(call.span, message, solution)
}
