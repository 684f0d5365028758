//! Where a value of the program comes from: a request, a remote call, the command line, the environment, a file, the
//! configuration, or an entry of a dict that the function is given.
//!
//! In: a part of a text, see [`parts`](super::parts). Out: its [`Source`], told backwards within the function through
//! items, loops, and calls that hand on what they are given. What other calls return is nobody's: they may check it.

use crate::flow::{Def, Point, definitions};
use crate::ir::{Body, BodyKind, Call, CallId, Const, LocalId, Op, Operand, ParamKind, Rvalue, Step};
use crate::rules::Context;
use crate::rules::facts::declared;
use crate::rules::facts::edits;
use crate::rules::facts::parts::{Part, Piece};
use crate::rules::facts::scope::{Receiver, assigned_once, receiver};
use crate::rules::facts::sources::{self, From};
use crate::rules::facts::steps::Steps;
use crate::text::Span;

/// Who chose a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    /// Somebody on another machine: a request, a message, a remote call.
    Remote,
    /// Who starts the program: arguments, environment.
    Machine,
    /// Who wrote a file.
    File,
    /// Who wrote the configuration.
    Config,
    /// The caller, in an entry of a dict; it may be missing.
    Entry {
        /// Read by `get`, which gives `None` for a missing key.
        by_get: bool,
    },
    /// The caller, as an argument of its own.
    Caller,
}

impl Who {
    /// Whether the value comes from outside of the program.
    pub(crate) fn is_outside(self) -> bool {
        !matches!(self, Self::Entry { .. } | Self::Caller)
    }

    /// How messages call it.
    pub(crate) fn named(self) -> &'static str {
        match self {
            Self::Remote => "another machine",
            Self::Machine => "whoever starts the program",
            Self::File => "a file",
            Self::Config => "the configuration",
            Self::Entry { .. } | Self::Caller => "the caller",
        }
    }
}

/// Where a value comes from.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Source {
    /// Who chose it.
    pub(crate) who: Who,
    /// The source of the place where it enters: `request.form["x"]`, `json.load(handle)`.
    pub(crate) entry: String,
    /// That place.
    pub(crate) span: Span,
    /// Whether it is one line, or a piece of one.
    pub(crate) is_line: bool,
}

/// Calls that hand on their first argument.
const HANDS_ON: &[&str] = &[
    "list",
    "tuple",
    "set",
    "sorted",
    "reversed",
    "enumerate",
    "iter",
    "next",
    "dict",
    "json.loads",
    "copy.copy",
    "copy.deepcopy",
    "yaml.safe_load",
    "oslo_serialization.jsonutils.loads",
];
/// Methods whose result is of what they are called on.
const OF_RECEIVER: &[&str] = &[
    "get",
    "pop",
    "items",
    "values",
    "copy",
    "strip",
    "rstrip",
    "lstrip",
    "split",
    "rsplit",
    "splitlines",
    "decode",
    "encode",
    "lower",
    "upper",
    "read",
    "readline",
    "readlines",
    "getlist",
];
/// Calls that read a file in a format.
const LOADERS: &[&str] = &[
    "json.load",
    "yaml.load",
    "yaml.full_load",
    "toml.load",
    "tomllib.load",
    "tomli.load",
    "csv.reader",
    "csv.DictReader",
    "oslo_serialization.jsonutils.load",
];
/// How far a value is followed.
const MAX_STEPS: u32 = 60;

/// Where `part` comes from; `None` if that is not seen, or if it has a type that says more than text.
pub(crate) fn source<'a>(context: &Context<'a>, part: &Part<'a>) -> Option<Source> {
    let home = context.other(part.home);
    if let Some(from) = sources::origin(&home, part) {
        return outer(&home, part, from);
    }
    match part.piece {
        Piece::Param(local) => param(&home, local),
        Piece::Load(place) => match place.base {
            Operand::Global(_) => of_config(&home, part),
            base => {
                let step = home.unit.paths.split(place.path).map(|(_, step)| step);
                let access = access(step?);
                let known = of_config(&home, part);
                known.or_else(|| follow(&home, base, part.at, (access, &Steps::new(MAX_STEPS))))
            }
        },
        Piece::Call(id) => made(&home, id, (None, &Steps::new(MAX_STEPS))),
        Piece::Global(_) => of_config(&home, part),
        Piece::Text(_) | Piece::Unknown => None,
    }
}

/// How messages show `part`: by its variable if there is one, else as it is written.
pub(crate) fn shown(context: &Context<'_>, part: &Part<'_>) -> String {
    match part.piece {
        Piece::Param(local) => context.other(part.home).local_name(local).to_owned(),
        _ if !part.var.is_empty() => part.var.to_owned(),
        _ => edits::brief(context, part.span, 60),
    }
}

/// How the last step reads an entry of a dict: by `get`, or by key.
type Access = Option<bool>;

fn access(step: Step) -> Access {
    matches!(step, Step::Item(Const::Str(_))).then_some(false)
}

fn found(context: &Context<'_>, who: Who, span: Span) -> Option<Source> {
    Some(Source { who, entry: edits::brief(context, span, 60), span, is_line: false })
}

/// What [`sources::origin`] told, unless the program gave it a type.
fn outer(context: &Context<'_>, part: &Part<'_>, from: From) -> Option<Source> {
    let who = match from {
        From::Remote => Who::Remote,
        From::Machine if declared::is_typed_argument(context, part) => return None,
        From::Machine => Who::Machine,
    };
    if let Piece::Param(local) = part.piece {
        let typed = context.body.param(local).is_some_and(|param| !is_text(context, param.annotation));
        return if typed { None } else { found(context, who, part.span) };
    }
    let is_line = part.path.contains(".split()") || part.path.contains(".splitlines()");
    found(context, who, part.span).map(|source| Source { is_line, ..source })
}

/// Whether an annotation, if there is one, says no more than that a value is text.
fn is_text(context: &Context<'_>, annotation: Option<crate::base::Symbol>) -> bool {
    annotation.is_none_or(|name| matches!(context.text(name), "str" | "typing.Text" | "typing.Any"))
}

/// A parameter itself.
fn param(context: &Context<'_>, local: LocalId) -> Option<Source> {
    let param = context.body.param(local)?;
    let span = context.body.locals[local].span;
    if declared::is_untyped_option(context, local) {
        return found(context, Who::Machine, span);
    }
    let plain =
        matches!(param.kind, ParamKind::Positional | ParamKind::PositionalOnly | ParamKind::KeywordOnly);
    let fits = plain && !is_own(context.body, local) && is_text(context, param.annotation);
    let is_function = matches!(context.body.kind, BodyKind::Function { .. });
    (fits && is_function).then(|| found(context, Who::Caller, span)).flatten()
}

/// Whether `local` is what a method calls `self` or `cls`.
fn is_own(body: &Body, local: LocalId) -> bool {
    body.class.is_some() && body.params.first().is_some_and(|first| first.local == local)
}

/// The source that `operand`, of which a part is taken, comes from.
fn follow(
    context: &Context<'_>,
    operand: Operand,
    at: Point,
    (access, steps): (Access, &Steps),
) -> Option<Source> {
    steps.take()?;
    let rest = (access, steps);
    let local = match operand {
        Operand::Local(local) => local,
        Operand::Global(name) => {
            let (id, point, value) = assigned_once(context, context.text(name))?;
            return follow(&context.other(id), value, point, rest);
        }
        Operand::Const(_) => return None,
    };
    definitions(context.body, context.cfg(), at, local).into_iter().find_map(|def| match def {
        Def::Entry => entry(context, local, access),
        Def::At(point) if point == at => None,
        Def::At(point) => step(context, point, rest),
    })
}

fn step(context: &Context<'_>, point: Point, (access, steps): (Access, &Steps)) -> Option<Source> {
    let inst = context.inst(point)?;
    match &inst.op {
        Op::Call(_, id) => made(context, *id, (access, steps)),
        Op::Await(_, value)
        | Op::Let(
            _,
            Rvalue::Use(value) | Rvalue::Enter(value) | Rvalue::Next(value) | Rvalue::Spread(value),
        ) => follow(context, *value, point, (access, steps)),
        Op::Let(to, Rvalue::Load(place)) => {
            let path = context.body.locals[*to].value.map_or("", |path| context.text(path));
            let piece = Piece::Load(*place);
            let part = Part { piece, span: inst.span, home: context.id, at: point, path, var: "" };
            match sources::origin(context, &part) {
                Some(from) => outer(context, &part, from),
                None => follow(context, place.base, point, (access, steps)),
            }
        }
        _ => None,
    }
}

/// What a call hands on or reads.
fn made(context: &Context<'_>, id: CallId, (access, steps): (Access, &Steps)) -> Option<Source> {
    let call = &context.body.calls[id];
    let at = context.point(id);
    let name = context.name(call);
    let piece = Piece::Call(id);
    let part = Part { piece, span: call.span, home: context.id, at, path: name, var: "" };
    if let Some(from) = sources::origin(context, &part) {
        return outer(context, &part, from);
    }
    steps.take()?;
    if HANDS_ON.contains(&name) {
        let first = call.positional(0)?.value;
        return follow(context, first, at, (access, steps));
    }
    if LOADERS.contains(&name) {
        return found(context, Who::File, call.span);
    }
    if name == "open" {
        return of_file(context, call, at);
    }
    let method = context.method(call);
    if !OF_RECEIVER.contains(&method) {
        return None;
    }
    let key = call.positional(0).is_some_and(|arg| arg.value.string().is_some());
    let access = match method {
        "get" if key && call.args.len() == 1 => access.or(Some(true)),
        "pop" if key && call.args.len() == 1 => access.or(Some(false)),
        // A default of its own: nothing is missing.
        "get" | "pop" if key => access.or(None),
        _ => access,
    };
    let source = match receiver(context, call)? {
        Receiver::Operand(value) => follow(context, value, at, (access, steps)),
        Receiver::Place(place) => follow(context, place.base, at, (access, steps)),
        Receiver::Global(name) => {
            let (id, point, value) = assigned_once(context, name)?;
            follow(&context.other(id), value, point, (access, steps))
        }
    }?;
    let is_line = source.is_line && method != "read" || splits_lines(context, call, at);
    Some(Source { is_line, ..source })
}

/// Whether a call takes lines apart.
fn splits_lines(context: &Context<'_>, call: &Call, at: Point) -> bool {
    let by = call.positional(0).map(|arg| match arg.value {
        Operand::Const(Const::Str(text) | Const::Bytes(text)) => Some(context.text(text)),
        value => context.string(value, at),
    });
    match context.method(call) {
        "split" | "rsplit" => by.is_none_or(|by| by.is_some_and(|by| by.contains('\n'))),
        "splitlines" => true,
        _ => false,
    }
}

/// A file that `open` opens, unless the kernel writes it.
fn of_file(context: &Context<'_>, call: &Call, at: Point) -> Option<Source> {
    let path = call.positional(0)?;
    let kernel = context.source(path.span);
    let of_kernel = |text: &str| text.contains("/proc/") || text.contains("/sys/");
    let by_variable = context.string(path.value, at).is_some_and(of_kernel);
    if by_variable || of_kernel(kernel) {
        return None;
    }
    found(context, Who::File, call.span).map(|source| Source { is_line: true, ..source })
}

/// A parameter of which something is taken.
fn entry(context: &Context<'_>, local: LocalId, access: Access) -> Option<Source> {
    let param = context.body.param(local)?;
    let span = context.body.locals[local].span;
    let at = Point::start(context.body.entry());
    let path = "";
    let part = Part { piece: Piece::Param(local), span, home: context.id, at, path, var: "" };
    if sources::origin(context, &part) == Some(From::Remote) {
        return found(context, Who::Remote, span);
    }
    let plain =
        matches!(param.kind, ParamKind::Positional | ParamKind::PositionalOnly | ParamKind::KeywordOnly);
    let is_dict = param.annotation.is_none_or(|name| {
        matches!(
            context.text(name),
            "dict" | "typing.Dict" | "typing.Mapping" | "typing.Any" | "collections.abc.Mapping"
        )
    });
    let by_get = access?;
    (plain && is_dict && !is_own(context.body, local))
        .then(|| found(context, Who::Entry { by_get }, span))
        .flatten()
}

/// `CONF.x`, where this file declares the option `x` as free text.
fn of_config(context: &Context<'_>, part: &Part<'_>) -> Option<Source> {
    let spelled = match part.piece {
        Piece::Global(name) => name,
        _ => context.source(part.span),
    };
    let (base, option) = spelled.rsplit_once('.')?;
    if !base.split('.').any(|word| matches!(word, "CONF" | "conf")) {
        return None;
    }
    declared::is_text_option(context, option).then(|| {
        let from = base.split('.').position(|word| matches!(word, "CONF" | "conf")).unwrap_or_default();
        let entry: Vec<&str> = spelled.split('.').skip(from).collect();
        Source { who: Who::Config, entry: entry.join("."), span: part.span, is_line: false }
    })
}
