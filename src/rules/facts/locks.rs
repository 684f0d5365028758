//! What makes or takes a lock, and which names and paths mean one.

use crate::base::words;
use crate::flow::Point;
use crate::ir::{Arg, Call, Op, Operand, Rvalue};
use crate::rules::Context;
use crate::rules::facts::edits;
use crate::rules::facts::parts::{Piece, Text, prefix, suffix, texts, texts_of};
use crate::rules::facts::scope::Receiver;

/// Words that tell of a lock or pid file or directory.
const WORDS: &[&str] = &[
    "lock",
    "locks",
    "lck",
    "pid",
    "pids",
    "lockdir",
    "lockdirs",
    "lockpath",
    "piddir",
    "lockfile",
    "lockfiles",
    "pidfile",
    "pidfiles",
    "pidpath",
];

/// Calls that make a lock of a file, whose first argument is its path.
/// Sources: documentation of filelock, fasteners, portalocker, locket, zc.lockfile, lockfile, python-daemon, flufl.lock.
const PATH_LOCKS: &[&str] = &[
    "filelock.FileLock",
    "filelock.SoftFileLock",
    "filelock.UnixFileLock",
    "filelock.AsyncFileLock",
    "filelock.ReadWriteLock",
    "fasteners.InterProcessLock",
    "fasteners.InterProcessReaderWriterLock",
    "fasteners.interprocess_locked",
    "fasteners.process_lock.InterProcessLock",
    "portalocker.Lock",
    "portalocker.RLock",
    "portalocker.utils.Lock",
    "locket.lock_file",
    "zc.lockfile.LockFile",
    "lockfile.LockFile",
    "lockfile.FileLock",
    "lockfile.MkdirLockFile",
    "lockfile.LinkLockFile",
    "lockfile.pidlockfile.PIDLockFile",
    "daemon.pidfile.PIDLockFile",
    "daemon.pidfile.TimeoutPIDLockFile",
    "flufl.lock.Lock",
];

/// Directories every user may write to; the last two on some systems only.
const PUBLIC: &[&str] = &["/tmp", "/var/tmp", "/dev/shm", "/var/lock", "/run/lock"];

/// Whether `name` has a word that tells of a lock or pid file or directory.
pub(crate) fn means_lock(name: &str) -> bool {
    words(name).iter().any(|word| WORDS.contains(&word.as_str()))
}

/// The last identifier of an expression's source: `lock_path` of `self.state.lock_path`, `pid` of `conf["pid"]`.
pub(crate) fn last_name(source: &str) -> &str {
    let source = source.trim_end_matches(['"', '\'', ']', ')', ' ']);
    source.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default()
}

/// Whether a path ends like a lock or pid file.
pub(crate) fn ends_like_lock(path: &str) -> bool {
    [".lock", ".lck", ".pid"].iter().any(|end| path.ends_with(end))
}

/// Whether some way to build the path ends like a lock or pid file.
pub(crate) fn is_lock_file(ways: &[Text<'_>]) -> bool {
    ways.iter().any(|way| ends_like_lock(&suffix(way)))
}

/// The argument that is the path of the lock file, if `call` makes such a lock.
pub(crate) fn path_lock<'a>(context: &Context<'a>, call: &'a Call) -> Option<&'a Arg> {
    if !context.method(call).contains("ock") || !PATH_LOCKS.contains(&context.name(call)) {
        return None;
    }
    call.positional(0).or_else(|| {
        let names = ["lock_file", "path", "filename", "pid_file", "lockfile"];
        names.iter().find_map(|name| context.arg(call, None, name))
    })
}

/// Whether `value`, spelled `source`, is the path of a directory for locks or pid files.
pub(crate) fn is_lock_dir<'a>(context: &Context<'a>, value: Receiver<'a>, source: &str, at: Point) -> bool {
    let is_name =
        source.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '"' | '\''));
    let name = last_name(source);
    if is_name && means_lock(name) {
        let words = words(name);
        return !words.iter().any(|word| {
            matches!(word.as_str(), "file" | "lockfile" | "pidfile" | "filename" | "id" | "fd" | "name")
        });
    }
    let ways = texts_of(context, value, at);
    ways.iter().any(|way| is_lock_dir_path(context, way)) || holds_locks(context, source, is_name)
}

/// A constant path with such a part, or a path whose last part is one, or the directory of a lock file.
fn is_lock_dir_path(context: &Context<'_>, way: &Text<'_>) -> bool {
    if let [part] = way[..] {
        match part.piece {
            Piece::Text(_) => {}
            Piece::Call(id) if part.home == context.id => {
                let call = &context.body.calls[id];
                return context.name(call) == "os.path.dirname"
                    && call.positional(0).is_some_and(|arg| means_lock(last_name(context.source(arg.span))));
            }
            _ => return false,
        }
    }
    let end = suffix(way);
    let is_constant = way.iter().all(|part| matches!(part.piece, Piece::Text(_)));
    let parts: Vec<&str> = end.split('/').filter(|part| !part.is_empty()).collect();
    let Some((last, before)) = parts.split_last() else { return false };
    if last.contains('.') || !is_constant && !end.contains('/') {
        return false;
    }
    let is_lock = |part: &&str| !part.contains('.') && means_lock(part);
    is_lock(last) || is_constant && before.iter().any(is_lock)
}

/// Whether this function builds the path of a lock file from the directory `source`.
fn holds_locks(context: &Context<'_>, source: &str, is_name: bool) -> bool {
    is_name
        && context.insts().any(|(point, inst)| {
            let reads = match &inst.op {
                Op::Call(_, id) => {
                    let call = &context.body.calls[*id];
                    matches!(context.name(call), "os.path.join" | "pathlib.Path")
                        && call.args.first().is_some_and(|arg| context.source(arg.span) == source)
                        && call.args.len() > 1
                }
                Op::Let(_, Rvalue::Binary(..) | Rvalue::Format(_)) => {
                    let text = context.source(inst.span);
                    text.strip_prefix(source).is_some_and(|rest| rest.trim_start().starts_with(['/', '+']))
                        || text.contains(&format!("{{{source}}}/"))
                }
                _ => false,
            };
            reads
                && crate::flow::defined(inst)
                    .is_some_and(|local| is_lock_file(&texts(context, Operand::Local(local), point.next())))
        })
}

/// Whether every way to build a path begins with a fresh temporary directory of this process.
pub(crate) fn is_own_temporary(context: &Context<'_>, ways: &[Text<'_>]) -> bool {
    let is_fresh = |way: &Text<'_>| {
        way.first().is_some_and(|part| match part.piece {
            Piece::Call(_) => matches!(
                part.path,
                "tempfile.mkdtemp" | "tempfile.TemporaryDirectory" | "tempfile.mkstemp" | "tempfile.mktemp"
            ),
            Piece::Load(_) => part.path.starts_with("tempfile.TemporaryDirectory()"),
            Piece::Param(_) => context.source(part.span).starts_with("tmp_path"),
            _ => false,
        })
    };
    !ways.is_empty() && ways.iter().all(is_fresh)
}

/// The directory every user may write to that a path lies in, as it is spelled: `/tmp`, `tempfile.gettempdir()`.
pub(crate) fn public_dir(context: &Context<'_>, way: &Text<'_>) -> Option<String> {
    let first = way.first()?;
    match first.piece {
        Piece::Text(_) => {
            let start = prefix(way);
            let lies_in = |dir: &&&str| {
                start.strip_prefix(**dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            PUBLIC.iter().find(lies_in).map(|dir| (*dir).to_owned())
        }
        Piece::Call(_) | Piece::Load(_) | Piece::Global(_) => {
            let by_name =
                matches!(first.path, "tempfile.gettempdir" | "tempfile.gettempdirb" | "tempfile.tempdir");
            by_name.then(|| edits::brief(context, first.span, 60))
        }
        Piece::Param(_) | Piece::Unknown => None,
    }
}
