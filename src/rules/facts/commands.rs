//! Command lines: their constant words, what is best-effort by nature, and what is looked at afterwards.

use rustc_hash::FxHashSet;

use crate::flow::Point;
use crate::ir::{ArgKind, Call, CallId, Const, LocalId, Operand, Rvalue};
use crate::rules::Context;
use crate::rules::facts::results::is_unread;

/// Programs whose failure changes nothing, by the last part of their path.
#[rustfmt::skip]
const HARMLESS: &[&str] = &[
    "arping", "ndsend", "clear", "reset", "cls", "tput", "stty", "xdg-open", "open", "notify-send", "logger", "wall",
    "journalctl", "less", "more", "man", "sync", "sleep", "echo", "true", "printf", "dmesg", "which", "whereis", "ps",
    "top", "vi", "vim", "nano", "emacs", "afplay", "aplay", "say", "beep", "figlet", "cat", "ls", "tail", "head",
    "pgrep", "uname", "hostname", "whoami", "id", "date", "uptime", "free", "df", "lsof", "sensors",
];
/// Two first words of commands whose failure changes nothing.
const HARMLESS_PAIRS: &[(&str, &str)] = &[
    ("udevadm", "settle"),
    ("udevadm", "trigger"),
    ("systemctl", "status"),
    ("systemctl", "reset-failed"),
    ("git", "status"),
    ("git", "log"),
    ("git", "diff"),
    ("git", "gc"),
    ("title", ""),
    ("systemctl", "show"),
];
/// Words that make a command remove something.
const REMOVING: &[&str] = &[
    "delete", "del", "remove", "rm", "destroy", "kill", "stop", "flush", "-D", "-X", "-F", "--delete",
    "unload", "purge",
];
/// Programs that remove or end something.
const REMOVERS: &[&str] = &[
    "rm",
    "rmdir",
    "unlink",
    "umount",
    "kill",
    "killall",
    "pkill",
    "taskkill",
    "rmmod",
    "kldunload",
    "ipset",
    "fuser",
];

/// The words of a command line that is passed to a call, in order; `None` for those that are not constant.
pub(crate) fn words<'a>(context: &Context<'a>, call: &'a Call, at: Point) -> Vec<Option<&'a str>> {
    let mut words = Vec::new();
    let named = ["args", "cmd", "command"].iter().find_map(|name| context.arg(call, None, name));
    let positional = call.args.iter().filter(|arg| arg.kind == ArgKind::Positional);
    for arg in positional.chain(named) {
        collect(context, arg.value, at, &mut words, 0);
    }
    words
}

fn collect<'a>(
    context: &Context<'a>,
    value: Operand,
    at: Point,
    words: &mut Vec<Option<&'a str>>,
    depth: u32,
) {
    if let Some(text) = value.string().map(|text| context.text(text)).or_else(|| context.string(value, at)) {
        words.extend(text.split_whitespace().map(Some));
        return;
    }
    match context.value(value, at) {
        Some(Rvalue::List(items) | Rvalue::Tuple(items)) if depth < 3 => {
            for item in items {
                collect(context, *item, at, words, depth + 1);
            }
        }
        Some(Rvalue::Binary(_, left, right)) if depth < 3 => {
            collect(context, *left, at, words, depth + 1);
            collect(context, *right, at, words, depth + 1);
        }
        Some(Rvalue::Format(parts)) if depth < 3 => {
            for part in parts {
                collect(context, *part, at, words, depth + 1);
            }
        }
        _ => words.push(None),
    }
}

/// Whether a failure of the command changes nothing, or happens before somebody's eyes.
pub(crate) fn is_best_effort(words: &[Option<&str>]) -> bool {
    let mut known = words.iter().map(|word| word.map(|word| word.rsplit('/').next().unwrap_or(word)));
    let first =
        known.find(|word| !matches!(word, Some("sudo" | "env" | "nice" | "ionice" | "timeout"))).flatten();
    let second = known.next().flatten();
    let asks_help =
        words.iter().flatten().any(|word| matches!(*word, "--help" | "-help" | "--version" | "||"));
    let first = first.unwrap_or_default();
    asks_help
        || HARMLESS.contains(&first)
        || HARMLESS_PAIRS.iter().any(|pair| (first, second.unwrap_or_default()) == *pair)
}

/// A program that the user chose, such as the editor.
pub(crate) fn is_users_program(context: &Context<'_>, call: &Call, at: Point) -> bool {
    let Some(arg) = call.args.first() else { return false };
    let maker = context.made_by(arg.value, at).map(|made| context.body.calls[made].callee_span);
    [Some(arg.span), maker].into_iter().flatten().any(|span| {
        let source = context.source(span).to_ascii_lowercase();
        ["editor", "pager", "browser", "viewer"].iter().any(|word| source.contains(word))
    })
}

/// Whether the command removes or ends something.
pub(crate) fn removes(words: &[Option<&str>]) -> bool {
    let mut known = words.iter().flatten().map(|word| word.rsplit('/').next().unwrap_or(word));
    let first = known.next().unwrap_or_default();
    REMOVERS.contains(&first) || known.any(|word| REMOVING.contains(&word))
}

/// The locals that the arguments of `call` are made of, displays and texts looked into.
pub(crate) fn ingredients(context: &Context<'_>, call: &Call, at: Point) -> FxHashSet<LocalId> {
    let mut found = FxHashSet::default();
    let mut todo: Vec<(Operand, u32)> = call.args.iter().map(|arg| (arg.value, 0)).collect();
    while let Some((value, depth)) = todo.pop() {
        let Some(local) = value.local() else { continue };
        if !context.local_name(local).is_empty() {
            found.insert(local);
        }
        if depth < 4
            && let Some(made) = context.value(value, at)
        {
            todo.extend(crate::ir::rvalue_operands(made).map(|part| (part, depth + 1)));
        } else if depth < 4
            && let Some(made) = context.made_by(value, at)
        {
            todo.extend(context.body.calls[made].args.iter().map(|arg| (arg.value, depth + 1)));
        }
    }
    found
}

/// Whether the outcome of `call` is looked at afterwards: a path of its arguments is tested or opened, or another
/// command that shares a word or a variable with it is asked and its answer read.
pub(crate) fn is_verified(context: &Context<'_>, id: CallId, asks: impl Fn(&Call) -> bool) -> bool {
    let call = &context.body.calls[id];
    let own = ingredients(context, call, context.point(id));
    let program = words(context, call, context.point(id)).first().copied().flatten();
    context.body.calls.pairs().filter(|(other, later)| *other != id && later.span.start > call.span.end).any(
        |(other, later)| {
            let at = context.point(other);
            let shares = || ingredients(context, later, at).iter().any(|local| own.contains(local));
            if looks_at_path(context, later) {
                return shares();
            }
            let same_program =
                || program.is_some() && words(context, later, at).first().copied().flatten() == program;
            asks(later) && !is_unread(context, other) && (shares() || same_program())
        },
    )
}

fn looks_at_path(context: &Context<'_>, call: &Call) -> bool {
    let name = context.name(call);
    name.starts_with("os.path.")
        || matches!(name, "open" | "os.stat" | "os.lstat" | "os.access" | "os.listdir")
        || matches!(context.method(call), "exists" | "is_file" | "is_dir" | "read_text" | "read_bytes")
}

/// Whether `call` is a command whose output tells something.
pub(crate) fn gives_output(context: &Context<'_>, call: &Call) -> bool {
    let name = context.name(call);
    matches!(name, "subprocess.getoutput" | "subprocess.check_output" | "subprocess.getstatusoutput")
        || name == "subprocess.run"
            && (context.arg(call, None, "capture_output").is_some()
                || context.arg(call, None, "stdout").is_some())
        || matches!(context.method(call), "execute" | "_execute")
}

/// Whether an argument is the constant that sends output nowhere.
pub(crate) fn is_nowhere(context: &Context<'_>, value: Operand) -> bool {
    match value {
        Operand::Global(name) => context.text(name).ends_with(".DEVNULL"),
        Operand::Const(Const::Int(-3)) => true,
        _ => false,
    }
}
