//! Finds file locks that one user names by a whole path and another by its last part.

use crate::finding::{Edit, Safety};
use crate::flow::{Def, Point, definitions};
use crate::ir::{Arg, Call, CallId, Const, LocalId, Op, Operand, Place, Rvalue, Step};
use crate::rules::facts::edits;
use crate::rules::facts::lock_names::{NamedLock, Scope, named_lock};
use crate::rules::facts::scope::{Receiver, assigned_once, receiver};
use crate::rules::facts::verbs::ends_with_word;
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;

pub(super) static RULE: Rule = Rule { page: include_str!("lock_name_from_path.md"), check: Check::Body(run) };

/// Last words of variables that hold a path.
const PATHS: &[&str] = &["path", "dir", "file", "folder", "directory"];

/// What a name of a lock is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    /// A whole path, as it came.
    Whole,
    /// A whole path that this function resolved.
    Resolved(&'static str),
    /// The last part of a path.
    Last,
    /// Anything else.
    Other,
}

/// A user of a lock.
struct User {
    shape: Shape,
    /// What tells the lock from others, as it is written.
    key: (String, String),
    span: Span,
    removes: bool,
}

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for (id, call) in context.body.calls.pairs() {
        let Some(lock) = file_lock(context, call) else { continue };
        if !context.is_reachable(id) {
            continue;
        }
        let Some(own) = user(context, id, &lock) else { continue };
        if !matches!(own.shape, Shape::Whole | Shape::Resolved(_)) {
            continue;
        }
        let others = others(context, &own);
        let last = others.iter().find(|other| other.shape == Shape::Last);
        let resolved = others
            .iter()
            .find(|other| own.shape == Shape::Whole && matches!(other.shape, Shape::Resolved(_)));
        if let Some(other) = last.or(resolved) {
            hits.push(hit(context, (call, lock.name), &own, other));
        }
    }
}

/// The lock between processes that `call` takes by a name that is not constant.
fn file_lock<'a>(context: &Context<'a>, call: &'a Call) -> Option<NamedLock<'a>> {
    let lock = named_lock(context, call)?;
    let is_file = lock.scope == Scope::Machine;
    (is_file && !matches!(lock.name.value, Operand::Const(_))).then_some(lock)
}

/// The other users of the same lock in this file.
fn others(context: &Context<'_>, own: &User) -> Vec<User> {
    let mut found = Vec::new();
    for id in context.unit.bodies.ids() {
        let body = context.other(id);
        for (id, call) in body.body.calls.pairs() {
            let Some(lock) = file_lock(&body, call) else { continue };
            found.extend(user(&body, id, &lock).filter(|user| user.key == own.key && user.span != own.span));
        }
    }
    found
}

/// The user of a lock at `id`; `None` where nothing but the name tells the lock from others.
fn user(context: &Context<'_>, id: CallId, lock: &NamedLock<'_>) -> Option<User> {
    let call = &context.body.calls[id];
    let at = context.point(id);
    let value = |arg: &Arg| {
        let source = context.source(arg.span);
        let source = source.split_once('=').map_or(source, |(_, value)| value).trim();
        match context.constant(arg.value, at).or(constant(arg.value)) {
            Some(Const::Str(text)) => context.text(text).to_owned(),
            _ => source.to_owned(),
        }
    };
    let prefix = match lock.prefix {
        Some(prefix) => value(prefix),
        None if lock.is_prefixed => own_prefix(context, call),
        None => String::new(),
    };
    let dir = lock.dir.map_or(String::new(), value);
    if prefix.is_empty() && dir.is_empty() {
        return None;
    }
    let shape = shape(context, lock.name.value, at, 12);
    Some(User { shape, key: (prefix, dir), span: lock.name.span, removes: lock.removes })
}

fn constant(operand: Operand) -> Option<Const> {
    match operand {
        Operand::Const(constant) => Some(constant),
        _ => None,
    }
}

/// The prefix that a function of `…_with_prefix` was made with, else its name.
fn own_prefix(context: &Context<'_>, call: &Call) -> String {
    let made_with = || {
        let Operand::Global(name) = call.callee.base else { return None };
        let (id, point, value) = assigned_once(context, context.text(name))?;
        let home = context.other(id);
        let made = &home.body.calls[home.made_by(value, point)?];
        Some(context.text(made.positional(0)?.value.string()?).to_owned())
    };
    made_with().unwrap_or_else(|| context.source(call.callee_span).to_owned())
}

// --- shapes ---

fn shape(context: &Context<'_>, operand: Operand, at: Point, depth: u32) -> Shape {
    let (Some(local), Some(depth)) = (operand.local(), depth.checked_sub(1)) else { return Shape::Other };
    let defs = definitions(context.body, context.cfg(), at, local);
    match defs[..] {
        [Def::Entry] if is_path_param(context, local) => Shape::Whole,
        [Def::At(point)] => {
            let Some(inst) = context.inst(point) else { return Shape::Other };
            match &inst.op {
                Op::Call(_, id) => made(context, &context.body.calls[*id], point, depth),
                Op::Let(_, Rvalue::Use(value)) => shape(context, *value, point, depth),
                Op::Let(_, Rvalue::Load(place)) => loaded(context, *place, point, depth),
                _ => Shape::Other,
            }
        }
        _ => Shape::Other,
    }
}

/// The shape of what a call returns.
fn made(context: &Context<'_>, call: &Call, at: Point, depth: u32) -> Shape {
    let resolved = |by| match call.positional(0) {
        Some(arg) if shape(context, arg.value, at, depth) == Shape::Last => Shape::Last,
        _ => Shape::Resolved(by),
    };
    match context.name(call) {
        "os.path.basename" => Shape::Last,
        "os.path.realpath" => resolved("os.path.realpath"),
        "os.path.abspath" => resolved("os.path.abspath"),
        "os.path.join" | "pathlib.Path" | "pathlib.PurePath" => Shape::Whole,
        "str" | "os.fspath" => {
            call.positional(0).map_or(Shape::Other, |arg| shape(context, arg.value, at, depth))
        }
        _ => match (receiver(context, call), context.method(call)) {
            (Some(Receiver::Operand(_)), "resolve" | "absolute") => Shape::Resolved("os.path.realpath"),
            (Some(Receiver::Operand(path)), "encode" | "as_posix" | "expanduser") => {
                shape(context, path, at, depth)
            }
            _ => Shape::Other,
        },
    }
}

/// The shape of an attribute or item.
fn loaded(context: &Context<'_>, place: Place, at: Point, depth: u32) -> Shape {
    let steps = context.unit.paths.steps(place.path);
    match steps[..] {
        [Step::Attr(name)] if context.text(name) == "name" => match shape(context, place.base, at, depth) {
            Shape::Whole | Shape::Resolved(_) => Shape::Last,
            Shape::Last | Shape::Other => Shape::Other,
        },
        [Step::Item(Const::Int(1 | -1))] => {
            let split = context
                .made_by(place.base, at)
                .is_some_and(|id| context.name(&context.body.calls[id]) == "os.path.split");
            if split { Shape::Last } else { Shape::Other }
        }
        [.., Step::Attr(name)] if ends_with_word(context.text(name), PATHS) => Shape::Whole,
        _ => Shape::Other,
    }
}

/// Whether a parameter is a path by its name or annotation.
fn is_path_param(context: &Context<'_>, local: LocalId) -> bool {
    let Some(param) = context.body.param(local) else { return false };
    let annotated = param
        .annotation
        .is_some_and(|annotation| matches!(context.text(annotation), "pathlib.Path" | "os.PathLike"));
    annotated || ends_with_word(context.local_name(local), PATHS) || is_used_as_path(context, local)
}

/// Whether `os` or `open` is given the parameter as a path.
fn is_used_as_path(context: &Context<'_>, local: LocalId) -> bool {
    context.body.calls.iter().any(|call| {
        let name = context.name(call);
        let takes = name == "open"
            || name.starts_with("shutil.")
            || name.starts_with("os.") && !matches!(name, "os.path.join" | "os.environ.get" | "os.getenv");
        takes && call.positional(0).is_some_and(|arg| arg.value == Operand::Local(local))
    })
}

// --- report ---

fn hit(context: &Context<'_>, (call, name): (&Call, &Arg), own: &User, other: &User) -> Hit {
    let source = edits::brief(context, name.span, 60);
    let theirs = edits::brief(context, other.span, 60);
    let line = context.file.line(other.span.start);
    let removal = if other.removes { " by `remove_external_lock_file`" } else { "" };
    let (by, function) = match other.shape {
        Shape::Resolved(function) => ("a resolved path", function),
        _ => ("the last part of a path", "os.path.basename"),
    };
    let what = if own.removes { "the file to remove" } else { "the file lock" };
    let callee = edits::brief(context, call.callee_span, 40);
    let message = format!(
        "{what} of `{callee}` is named by the whole path `{source}`, but in line {line}{removal} by {by} (`{theirs}`): \
         these are two files, and neither user keeps the other out"
    );
    let solution = format!(
        "name it `{function}({source})` here too, best by one function that all users of the lock call; to check, \
         print the name at each place for one file: they must be equal"
    );
    let edit = imports_os(context).then(|| {
        let value = context.source(name.span);
        let (keyword, value) = match name.kind {
            crate::ir::ArgKind::Keyword(_) => value.split_once('=').unwrap_or(("", value)),
            _ => ("", value),
        };
        let keyword = if keyword.is_empty() { String::new() } else { format!("{keyword}=") };
        let text = format!("{keyword}{function}({})", value.trim());
        Edit {
            safety: Safety::Suggest,
            title: "name the lock as its other users do".to_owned(),
            changes: vec![crate::finding::Change { span: name.span, text }],
        }
    });
    Hit::new(name.span, message, solution).edit(edit).related(other.span, format!("named by {by} here"))
}

/// Whether the file imports `os` under that name.
fn imports_os(context: &Context<'_>) -> bool {
    context.file.text.lines().any(|line| line.trim_end() == "import os")
}
