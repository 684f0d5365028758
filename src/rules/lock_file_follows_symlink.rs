//! Finds lock files that are created wherever a symbolic link at their path points.

use crate::finding::{Safety, Severity};
use crate::ir::{Arg, Call, CallId};
use crate::rules::facts::edits;
use crate::rules::facts::lock_files::locked_opens;
use crate::rules::facts::locks::{is_lock_file, is_own_temporary, last_name, means_lock, public_dir};
use crate::rules::facts::modes::flags;
use crate::rules::facts::parts::{Piece, Text, texts};
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule =
    Rule { page: include_str!("lock_file_follows_symlink.md"), check: Check::Body(run) };

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let opens = |call: &Call| context.name(call) == "os.open";
    if !context.body.calls.iter().any(opens) {
        return;
    }
    let locked = locked_opens(context);
    for (id, call) in context.body.calls.pairs() {
        if opens(call) && context.is_reachable(id) {
            let lock = locked.iter().find(|(open, _)| *open == id).map(|(_, lock)| *lock);
            hits.extend(judge(context, id, call, lock));
        }
    }
}

fn judge(context: &Context<'_>, id: CallId, call: &Call, lock: Option<CallId>) -> Option<Hit> {
    let path = context.arg(call, Some(0), "path")?;
    let flags_arg = context.arg(call, Some(1), "flags")?;
    let at = context.point(id);
    let flags = flags(context, flags_arg.value, at)?;
    let creates = flags.contains("O_CREAT");
    let truncates = flags.contains("O_TRUNC");
    if !creates && !truncates || flags.contains("O_EXCL") || flags.contains("O_NOFOLLOW") {
        return None;
    }
    if flags.contains("O_DIRECTORY") || flags.contains("O_TMPFILE") {
        return None;
    }
    let ways = texts(context, path.value, at);
    if is_own_temporary(context, &ways) || (lock.is_none() && !is_lock(context, path, &ways)) {
        return None;
    }
    Some(hit(context, call, (path, flags_arg), &ways, truncates))
}

/// Whether the path is that of a lock or pid file by its end or its name.
fn is_lock(context: &Context<'_>, path: &Arg, ways: &[Text<'_>]) -> bool {
    let is_device = ways.iter().flatten().any(|part| matches!(part.piece, Piece::Global(_)));
    let source = context.source(path.span);
    let is_name = source.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    is_lock_file(ways) || is_name && !is_device && means_lock(last_name(source))
}

fn hit(
    context: &Context<'_>,
    call: &Call,
    (path, flags): (&Arg, &Arg),
    ways: &[Text<'_>],
    truncates: bool,
) -> Hit {
    let name = edits::brief(context, path.span, 60);
    let spelled = edits::brief(context, flags.span, 60);
    let portable = ["import msvcrt", "sys.platform", "win32", "os.name"];
    let constant = if portable.iter().any(|word| context.file.text.contains(word)) {
        "getattr(os, \"O_NOFOLLOW\", 0)"
    } else {
        "os.O_NOFOLLOW"
    };
    let public = ways.iter().find_map(|way| public_dir(context, way));
    let place =
        public.as_ref().map_or(String::new(), |dir| format!(", and every user may put one into `{dir}`"));
    let (does, before) = if truncates {
        ("empties", "; leave `os.O_TRUNC` out and call `os.ftruncate(fd, 0)` once the lock is held")
    } else {
        ("creates or locks", "")
    };
    let message = format!(
        "opening the lock file `{name}` with `{spelled}` {does} whatever a symbolic link there points to{place}"
    );
    let solution = format!(
        "add `{constant}` to the flags{before}; to check, put a symbolic link at the path and see the open fail with \
         `ELOOP`"
    );
    let is_plain = context
        .source(flags.span)
        .chars()
        .all(|c| c.is_alphanumeric() || c.is_whitespace() || matches!(c, '_' | '.' | '|'));
    let by_name = context.source(call.callee_span) == "os.open" && is_plain;
    let edit = by_name.then(|| {
        let text = format!("{} | {constant}", context.source(flags.span));
        edits::replace(Safety::Safe, "do not follow a symbolic link", flags.span, text)
    });
    let severity = if truncates || public.is_some() { Severity::Medium } else { Severity::Low };
    Hit::new(call.span, message, solution).severity(severity).edit(edit)
}
