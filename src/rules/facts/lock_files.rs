//! Where lock and pid files are created: by a lock library, or by `open` and `flock`.

use crate::flow::Point;
use crate::ir::{Arg, Body, Call, CallId, Op, Operand, Place, Rvalue};
use crate::rules::Context;
use crate::rules::facts::locks::{is_lock_file, path_lock};
use crate::rules::facts::modes::flags;
use crate::rules::facts::parts::{suffix, texts};
use crate::rules::facts::scope::{Receiver, receiver};

// --- files that are opened and locked ---

/// Whether `call` locks the file or descriptor that it is given.
pub(crate) fn locks_open_file(context: &Context<'_>, call: &Call) -> bool {
    matches!(
        context.name(call),
        "fcntl.flock"
            | "fcntl.lockf"
            | "portalocker.lock"
            | "portalocker.portalocker.lock"
            | "msvcrt.locking"
    )
}

/// The calls of this body that open a file which it locks later, with the call that locks.
pub(crate) fn locked_opens(context: &Context<'_>) -> Vec<(CallId, CallId)> {
    let mut found = Vec::new();
    for (id, call) in context.body.calls.pairs() {
        if !locks_open_file(context, call) {
            continue;
        }
        let Some(file) = call.positional(0) else { continue };
        let opens = opened(context, file.value, context.point(id), 8);
        found.extend(opens.map(|open| (open, id)));
    }
    found
}

/// The call that opened what `operand` is: `open`, `os.open`, `path.open`; `fdopen`, `fileno()` and attributes that
/// this body sets are looked through.
fn opened(context: &Context<'_>, operand: Operand, at: Point, depth: u32) -> Option<CallId> {
    let depth = depth.checked_sub(1)?;
    if let Some(place) = loaded(context, operand, at) {
        let spelled = context.spell(place);
        let (point, value) = context.insts().find_map(|(point, inst)| match &inst.op {
            Op::Store(to, value) if context.spell(*to) == spelled => Some((point, *value)),
            _ => None,
        })?;
        return opened(context, value, point, depth);
    }
    let id = context.made_by(operand, at)?;
    let call = &context.body.calls[id];
    let point = context.point(id);
    if context.name(call) == "os.fdopen" {
        return opened(context, call.positional(0)?.value, point, depth);
    }
    match context.method(call) {
        "fileno" => match receiver(context, call)? {
            Receiver::Operand(file) => opened(context, file, point, depth),
            Receiver::Place(place) => {
                let spelled = context.spell(place);
                let (point, value) = context.insts().find_map(|(point, inst)| match &inst.op {
                    Op::Store(to, value) if context.spell(*to) == spelled => Some((point, *value)),
                    _ => None,
                })?;
                opened(context, value, point, depth)
            }
            Receiver::Global(_) => None,
        },
        "open" => Some(id),
        _ => None,
    }
}

/// The place that `operand` was read from, copies looked through.
fn loaded(context: &Context<'_>, operand: Operand, at: Point) -> Option<Place> {
    match context.value(operand, at)? {
        Rvalue::Load(place) => Some(*place),
        _ => None,
    }
}

// --- paths of locks ---

/// How a path becomes a lock file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// A library makes the lock.
    Library,
    /// It is opened and locked by this call.
    Locked(CallId),
    /// It is opened for writing and ends like a lock or pid file.
    Named,
}

/// A path that a lock or pid file is created at.
pub(crate) struct PathUse<'a> {
    /// The call that makes the lock or opens the file.
    pub(crate) call: CallId,
    /// The argument.
    pub(crate) path: &'a Arg,
    /// How it is a lock.
    pub(crate) way: Way,
    /// Whether it ends like a pid file.
    pub(crate) is_pid: bool,
}

impl PathUse<'_> {
    /// What the file is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        if self.is_pid { "pid file" } else { "lock file" }
    }
}

/// The paths of lock and pid files that this body creates.
pub(crate) fn lock_paths<'a>(context: &Context<'a>) -> Vec<PathUse<'a>> {
    let body: &'a Body = context.body;
    let opens = |call: &Call| matches!(context.name(call), "open" | "io.open" | "os.open" | "codecs.open");
    let mut locked = None;
    let mut found = Vec::new();
    for (id, call) in body.calls.pairs() {
        if let Some(path) = path_lock(context, call) {
            let ways = texts(context, path.value, context.point(id));
            let is_pid = ways.iter().any(|way| suffix(way).ends_with(".pid"));
            found.push(PathUse { call: id, path, way: Way::Library, is_pid });
        } else if opens(call)
            && let Some(path) = call.positional(0)
        {
            let locked = locked.get_or_insert_with(|| locked_opens(context));
            let lock = locked.iter().find(|(open, _)| *open == id).map(|(_, lock)| *lock);
            if lock.is_none() && !writes(context, id, call) {
                continue;
            }
            let ways = texts(context, path.value, context.point(id));
            let is_pid = ways.iter().any(|way| suffix(way).ends_with(".pid"));
            match lock {
                Some(lock) => found.push(PathUse { call: id, path, way: Way::Locked(lock), is_pid }),
                None if is_lock_file(&ways) => {
                    found.push(PathUse { call: id, path, way: Way::Named, is_pid })
                }
                None => {}
            }
        }
    }
    found.retain(|lock| context.is_reachable(lock.call));
    found
}

/// Whether a call of `open` or `os.open` may create or write the file.
fn writes(context: &Context<'_>, id: CallId, call: &Call) -> bool {
    let at = context.point(id);
    if context.name(call) == "os.open" {
        let flags = context.arg(call, Some(1), "flags").and_then(|arg| flags(context, arg.value, at));
        return flags.is_some_and(|flags| flags.contains("O_CREAT"));
    }
    context.arg(call, Some(1), "mode").is_some_and(|mode| {
        let text = match mode.value {
            Operand::Const(crate::ir::Const::Str(text)) => Some(context.text(text)),
            value => context.string(value, at),
        };
        text.is_some_and(|text| text.contains(['w', 'a', 'x', '+']))
    })
}
