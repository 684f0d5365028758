//! Finds temporary files whose names others know before they are there.

use crate::flow::Point;
use crate::ir::{ArgKind, Call, CallId, Operand};
use crate::rules::facts::edits;
use crate::rules::facts::lock_files::lock_paths;
use crate::rules::facts::locks::public_dir;
use crate::rules::facts::modes::flags;
use crate::rules::facts::parts::{Part, Piece, texts_of};
use crate::rules::facts::paths::path_argument;
use crate::rules::facts::scope::Receiver;
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;

pub(super) static RULE: Rule =
    Rule { page: include_str!("temporary_file_predictable.md"), check: Check::Body(run) };

const CHECK: &str = "to check, make a symbolic link of that name to a file of yours beforehand and start the program: \
                     the file must stay as it is";

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for (id, call) in context.body.calls.pairs() {
        if context.is_reachable(id) {
            hits.extend(named_only(context, id, call).or_else(|| written(context, id, call)));
        }
    }
}

/// `tempfile.mktemp()` gives a name and makes no file.
fn named_only(context: &Context<'_>, id: CallId, call: &Call) -> Option<Hit> {
    let name = context.name(call);
    if !matches!(name, "tempfile.mktemp" | "os.tempnam" | "os.tmpnam")
        || is_in_own_directory(context, id, call)
        || is_made_new(context, call)
    {
        return None;
    }
    let message = format!(
        "`{name}` gives a name and makes no file: until this program does, somebody else may make it, or a link to a \
         file of the user's"
    );
    let solution = format!(
        "use `tempfile.NamedTemporaryFile()` or `tempfile.mkstemp()`, which make the file, or `tempfile.mkdtemp()` \
         and a name within; {CHECK}"
    );
    Some(Hit::new(call.span, message, solution))
}

/// `mktemp(dir=…)` within a directory that `mkdtemp` has made.
fn is_in_own_directory(context: &Context<'_>, id: CallId, call: &Call) -> bool {
    let Some(dir) = context.arg(call, Some(2), "dir") else { return false };
    let Some(made) = context.made_by(dir.value, context.point(id)) else { return false };
    matches!(context.name(&context.body.calls[made]), "tempfile.mkdtemp" | "tempfile.TemporaryDirectory")
}

/// Whether the name is for something whose making fails where there is one already: `os.symlink(target, name)`.
fn is_made_new(context: &Context<'_>, call: &Call) -> bool {
    let is_it = |operand: Operand| {
        let local = operand.local();
        let made = || local.and_then(|local| context.body.locals[local].value);
        operand == Operand::Local(call.to)
            || local.is_some()
                && made()
                    .is_some_and(|value| context.text(value).strip_suffix("()") == Some(context.name(call)))
    };
    let makes = |other: &Call| {
        let index = match context.name(other) {
            "os.symlink" | "os.link" => 1,
            "os.mkfifo" | "os.mkdir" | "socket.socket().bind" => 0,
            _ => return false,
        };
        other.positional(index).is_some_and(|arg| is_it(arg.value))
    };
    context.body.calls.iter().any(makes)
}

/// `open("/tmp/state", "w")`
fn written(context: &Context<'_>, id: CallId, call: &Call) -> Option<Hit> {
    let at = context.point(id);
    let (value, span) = target(context, call, at)?;
    let ways = texts_of(context, value, at);
    let dir = ways.iter().find_map(|way| {
        let is_known = |part: &Part<'_>| match part.piece {
            Piece::Text(_) => true,
            _ => matches!(part.path, "os.getpid" | "getpass.getuser" | "os.getuid" | "tempfile.gettempdir"),
        };
        way.iter().all(is_known).then(|| public_dir(context, way)).flatten()
    })?;
    if lock_paths(context).iter().any(|lock| lock.call == id) {
        return None;
    }
    let path = edits::brief(context, span, 80);
    let message = format!(
        "the name of `{path}` in `{dir}` is known beforehand: another user may have made the file, or a link that \
         leads the write elsewhere"
    );
    let solution = format!(
        "use `tempfile.NamedTemporaryFile()` or a directory of the program's own (`tempfile.mkdtemp()`, \
         `$XDG_RUNTIME_DIR`), or open it with mode `x`; {CHECK}"
    );
    Some(Hit::new(span, message, solution))
}

/// What a call writes to, unless it makes sure that the file is new.
fn target<'a>(context: &Context<'a>, call: &'a Call, at: Point) -> Option<(Receiver<'a>, Span)> {
    let writes = |index: usize| {
        let mode = context.arg(call, Some(index), "mode");
        let text = mode.and_then(|arg| match arg.value.string() {
            Some(text) => Some(context.text(text)),
            None => context.string(arg.value, at),
        });
        text.is_some_and(|text| text.contains(['w', 'a', '+']) && !text.contains('x'))
    };
    let name = context.name(call);
    let first = call.args.first().filter(|arg| arg.kind == ArgKind::Positional);
    match (name, context.method(call)) {
        ("open" | "io.open" | "codecs.open", _) if writes(1) => {
            let arg = first.filter(|arg| !matches!(arg.value, Operand::Global(_)))?;
            Some((Receiver::Operand(arg.value), arg.span))
        }
        ("os.open", _) => {
            let arg = first?;
            let set = flags(context, call.positional(1)?.value, at)?;
            (set.contains("O_CREAT") && !set.contains("O_EXCL"))
                .then_some((Receiver::Operand(arg.value), arg.span))
        }
        (_, "write_text" | "write_bytes") if name.starts_with("pathlib.") => {
            let target = path_argument(context, call)?;
            Some((target.value, target.span))
        }
        (_, "open") if name.starts_with("pathlib.") && writes(0) => {
            let target = path_argument(context, call)?;
            Some((target.value, target.span))
        }
        _ => None,
    }
}
