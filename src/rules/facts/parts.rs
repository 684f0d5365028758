//! What a text or path is put together from, told backwards within a function.
//!
//! In: an operand at a point. Out: per way it may be built, its parts from left to right. Concatenation, templates,
//! `os.path.join`, `pathlib` and copies are looked through; what is left is constant text, or the leaf it came from.

use crate::flow::{Def, Point, definitions};
use crate::ir::{ArgKind, Call, CallId, Const, FnId, LocalId, Op, Operand, Place, Rvalue};
use crate::python::ast::Operator;
use crate::rules::Context;
use crate::rules::facts::scope::{Receiver, assigned_once, receiver};
use crate::rules::facts::separators::{quotes_slashes, removes_separators};
use crate::rules::facts::templates::{Field, braces, percents};
use crate::text::Span;

/// Ways to build one value that are kept.
const MAX_WAYS: usize = 8;
/// Instructions looked at for one value.
const MAX_STEPS: usize = 300;
/// Calls whose result is their first argument, as far as parts are concerned.
const SAME: &[&str] = &[
    "str",
    "bytes",
    "os.fspath",
    "os.path.abspath",
    "os.path.realpath",
    "os.path.normpath",
    "os.path.expanduser",
    "os.path.expandvars",
    "six.text_type",
    "os.fsencode",
    "os.fsdecode",
];
/// Methods whose result is their receiver, as far as parts are concerned.
const KEEPS: &[&str] = &[
    "encode",
    "decode",
    "strip",
    "lstrip",
    "rstrip",
    "lower",
    "upper",
    "resolve",
    "absolute",
    "expanduser",
    "as_posix",
    "with_suffix",
];
/// Constructors of paths, which join their arguments.
const PATHS: &[&str] =
    &["os.path.join", "pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.PurePosixPath"];

/// What a part is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Piece<'a> {
    /// Constant text.
    Text(&'a str),
    /// What a call returned.
    Call(CallId),
    /// A parameter.
    Param(LocalId),
    /// An attribute or item.
    Load(Place),
    /// Something of the module or of another one, by dotted name.
    Global(&'a str),
    /// Anything else.
    Unknown,
}

/// One part of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    /// What it is.
    pub(crate) piece: Piece<'a>,
    /// Its place: the expression, or the parameter; empty for text.
    pub(crate) span: Span,
    /// The body it was met in.
    pub(crate) home: FnId,
    /// Where in it.
    pub(crate) at: Point,
    /// Value path of what it is, empty if unknown.
    pub(crate) path: &'a str,
    /// The variable nearest to the origin that holds this part alone.
    pub(crate) var: &'a str,
}

/// The parts of one way to build a value.
pub(crate) type Text<'a> = Vec<Part<'a>>;

/// The ways in which `operand` may have been built at `at`.
pub(crate) fn texts<'a>(context: &Context<'a>, operand: Operand, at: Point) -> Vec<Text<'a>> {
    let mut teller = Teller { steps: MAX_STEPS, open: Vec::new() };
    teller.operand(context, operand, at, Span::empty(0))
}

/// As [`texts`], for what a method is called on.
pub(crate) fn texts_of<'a>(context: &Context<'a>, value: Receiver<'a>, at: Point) -> Vec<Text<'a>> {
    let mut teller = Teller { steps: MAX_STEPS, open: Vec::new() };
    match value {
        Receiver::Operand(operand) => teller.operand(context, operand, at, Span::empty(0)),
        Receiver::Global(name) => teller.global(context, name, at, Span::empty(0)),
        Receiver::Place(place) => {
            let piece = Piece::Load(place);
            vec![vec![Part { piece, span: Span::empty(0), home: context.id, at, path: "", var: "" }]]
        }
    }
}

/// The constant text that a way begins with, up to the first part that is not constant.
pub(crate) fn prefix(text: &[Part<'_>]) -> String {
    let constant = text.iter().map_while(|part| match part.piece {
        Piece::Text(text) => Some(text),
        _ => None,
    });
    constant.collect()
}

/// The constant text that a way ends with.
pub(crate) fn suffix(text: &[Part<'_>]) -> String {
    let constant = text.iter().rev().map_while(|part| match part.piece {
        Piece::Text(text) => Some(text),
        _ => None,
    });
    let mut pieces: Vec<&str> = constant.collect();
    pieces.reverse();
    pieces.concat()
}

/// The way spelled out, parts that are not constant as their source; equal values have equal spellings.
pub(crate) fn spelled(context: &Context<'_>, text: &[Part<'_>]) -> String {
    let one = |part: &Part<'_>| match part.piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Global(name) => format!("{{{name}}}"),
        _ => {
            let words: String = context.source(part.span).split_whitespace().collect();
            format!("{{{words}}}")
        }
    };
    text.iter().map(one).collect()
}

struct Teller {
    steps: usize,
    /// Definitions being followed, against loops.
    open: Vec<(FnId, Point)>,
}

impl Teller {
    fn operand<'a>(
        &mut self,
        context: &Context<'a>,
        operand: Operand,
        at: Point,
        span: Span,
    ) -> Vec<Text<'a>> {
        let leaf = |piece| vec![vec![Part { piece, span, home: context.id, at, path: "", var: "" }]];
        if self.steps == 0 {
            return leaf(Piece::Unknown);
        }
        self.steps -= 1;
        match operand {
            Operand::Const(Const::Str(text) | Const::Bytes(text)) => leaf(Piece::Text(context.text(text))),
            Operand::Const(Const::None) => Vec::new(),
            Operand::Const(_) => leaf(Piece::Unknown),
            Operand::Global(name) => self.global(context, context.text(name), at, span),
            Operand::Local(local) => self.local(context, local, at),
        }
    }

    fn local<'a>(&mut self, context: &Context<'a>, local: LocalId, at: Point) -> Vec<Text<'a>> {
        let mut ways = Vec::new();
        for def in definitions(context.body, context.cfg(), at, local) {
            match def {
                Def::Entry if context.body.param(local).is_some() => {
                    ways.push(vec![param(context, local)]);
                }
                Def::Entry => {}
                Def::At(point) => {
                    if self.open.contains(&(context.id, point)) {
                        continue;
                    }
                    self.open.push((context.id, point));
                    ways.extend(self.inst(context, point));
                    self.open.pop();
                }
            }
            ways.truncate(MAX_WAYS);
        }
        let name = context.local_name(local);
        for way in &mut ways {
            if let [part] = &mut way[..]
                && part.var.is_empty()
            {
                part.var = name;
            }
        }
        ways
    }

    fn inst<'a>(&mut self, context: &Context<'a>, point: Point) -> Vec<Text<'a>> {
        let Some(inst) = context.inst(point) else { return Vec::new() };
        let leaf = |piece| {
            let path = crate::flow::defined(inst).and_then(|local| context.body.locals[local].value);
            let path = path.map_or("", |path| context.text(path));
            vec![vec![Part { piece, span: inst.span, home: context.id, at: point, path, var: "" }]]
        };
        let value = match &inst.op {
            Op::Call(_, id) => return self.call(context, *id, point, inst.span),
            Op::Await(_, value) => return self.operand(context, *value, point, inst.span),
            Op::Let(_, value) => value,
            _ => return leaf(Piece::Unknown),
        };
        match value {
            Rvalue::Use(value) | Rvalue::Enter(value) | Rvalue::Slice(value, _) => {
                self.operand(context, *value, point, inst.span)
            }
            Rvalue::Load(place) => leaf(Piece::Load(*place)),
            Rvalue::Format(items) => {
                let mut ways = vec![Vec::new()];
                for item in items {
                    ways = product(&ways, &self.operand(context, *item, point, inst.span));
                }
                ways
            }
            Rvalue::Binary(Operator::Add, left, right) => {
                let left = self.operand(context, *left, point, inst.span);
                product(&left, &self.operand(context, *right, point, inst.span))
            }
            Rvalue::Binary(Operator::Div, left, right) => {
                let left = self.operand(context, *left, point, inst.span);
                let right = self.operand(context, *right, point, inst.span);
                product(&product(&left, &constant(context, "/", point)), &right)
            }
            Rvalue::Binary(Operator::Mod, left, right) => self.percent(context, *left, *right, point),
            _ => leaf(Piece::Unknown),
        }
    }

    // --- calls ---

    fn call<'a>(&mut self, context: &Context<'a>, id: CallId, at: Point, span: Span) -> Vec<Text<'a>> {
        let call = &context.body.calls[id];
        let name = context.name(call);
        let leaf =
            vec![vec![Part { piece: Piece::Call(id), span, home: context.id, at, path: name, var: "" }]];
        let first = call.positional(0).map(|arg| (arg.value, arg.span));
        if PATHS.contains(&name) {
            return self.join(context, Vec::new(), call, at);
        }
        if SAME.contains(&name) || name == "urllib.parse.quote" && !quotes_slashes(context, call, at) {
            return first.map_or(leaf, |(value, span)| self.operand(context, value, at, span));
        }
        let Some(receiver) = receiver(context, call) else { return leaf };
        let method = context.method(call);
        if KEEPS.contains(&method) || method == "replace" && !removes_separators(context, call, at) {
            return self.receiver(context, receiver, call, at);
        }
        match method {
            "joinpath" => {
                let ways = self.receiver(context, receiver, call, at);
                self.join(context, ways, call, at)
            }
            "format" => self.format(context, receiver, call, at).unwrap_or(leaf),
            "join" => self.glue(context, receiver, call, at).unwrap_or(leaf),
            _ => leaf,
        }
    }

    fn receiver<'a>(
        &mut self,
        context: &Context<'a>,
        receiver: Receiver<'a>,
        call: &Call,
        at: Point,
    ) -> Vec<Text<'a>> {
        let text = context.receiver(call).len();
        let end = call.callee_span.start + u32::try_from(text).unwrap_or_default();
        let span = Span::new(call.callee_span.start, end);
        match receiver {
            Receiver::Operand(operand) => self.operand(context, operand, at, span),
            Receiver::Global(name) => self.global(context, name, at, span),
            Receiver::Place(place) => {
                let path = context.name(call).rsplit_once('.').map_or("", |(path, _)| path);
                vec![vec![Part { piece: Piece::Load(place), span, home: context.id, at, path, var: "" }]]
            }
        }
    }

    /// `ways` and the positional arguments of `call`, with slashes between.
    fn join<'a>(
        &mut self,
        context: &Context<'a>,
        ways: Vec<Text<'a>>,
        call: &Call,
        at: Point,
    ) -> Vec<Text<'a>> {
        let mut ways = ways;
        for arg in call.args.iter().filter(|arg| !matches!(arg.kind, ArgKind::Keyword(_))) {
            let next = match arg.kind {
                ArgKind::Positional => self.operand(context, arg.value, at, arg.span),
                _ => unknown(context, at, arg.span),
            };
            if ways.is_empty() {
                ways = next;
            } else {
                ways = product(&product(&ways, &constant(context, "/", at)), &next);
            }
        }
        if ways.is_empty() { unknown(context, at, call.span) } else { ways }
    }

    /// `template.format(…)`; `None` if the template is not constant.
    fn format<'a>(
        &mut self,
        context: &Context<'a>,
        receiver: Receiver<'a>,
        call: &Call,
        at: Point,
    ) -> Option<Vec<Text<'a>>> {
        let template = one_text(&self.receiver(context, receiver, call, at))?;
        let mut ways = vec![Vec::new()];
        for field in braces(template) {
            let arg = match field {
                Field::Text(text) => {
                    ways = product(&ways, &constant(context, text, at));
                    continue;
                }
                Field::Index(index) => call.positional(index),
                Field::Name(name) => call.args.iter().find(
                    |arg| matches!(arg.kind, ArgKind::Keyword(keyword) if context.text(keyword) == name),
                ),
                Field::Other => None,
            };
            let next = match arg {
                Some(arg) => self.operand(context, arg.value, at, arg.span),
                None => unknown(context, at, call.span),
            };
            ways = product(&ways, &next);
        }
        Some(ways)
    }

    /// `template % values`
    fn percent<'a>(
        &mut self,
        context: &Context<'a>,
        left: Operand,
        right: Operand,
        at: Point,
    ) -> Vec<Text<'a>> {
        let span = context.inst(at).map_or(Span::empty(0), |inst| inst.span);
        let Some(template) = one_text(&self.operand(context, left, at, span)) else {
            return unknown(context, at, span);
        };
        let values: Vec<Operand> = match context.value(right, at) {
            Some(Rvalue::Tuple(items)) => items.to_vec(),
            Some(Rvalue::Dict(_)) => Vec::new(),
            _ => vec![right],
        };
        let named = |name: &str| match context.value(right, at) {
            Some(Rvalue::Dict(items)) => items.iter().find_map(|(key, value)| {
                key.and_then(Operand::string).is_some_and(|key| context.text(key) == name).then_some(*value)
            }),
            _ => None,
        };
        let mut ways = vec![Vec::new()];
        for field in percents(template) {
            let next = match field {
                Field::Text(text) => constant(context, text, at),
                Field::Index(index) => match values.get(index) {
                    Some(value) => self.operand(context, *value, at, span),
                    None => unknown(context, at, span),
                },
                Field::Name(name) => match named(name) {
                    Some(value) => self.operand(context, value, at, span),
                    None => unknown(context, at, span),
                },
                Field::Other => unknown(context, at, span),
            };
            ways = product(&ways, &next);
        }
        ways
    }

    /// `"-".join([a, b])`; `None` if the items are not seen.
    fn glue<'a>(
        &mut self,
        context: &Context<'a>,
        receiver: Receiver<'a>,
        call: &Call,
        at: Point,
    ) -> Option<Vec<Text<'a>>> {
        let glue = one_text(&self.receiver(context, receiver, call, at))?;
        let items = match context.value(call.positional(0)?.value, at)? {
            Rvalue::List(items) | Rvalue::Tuple(items) => items,
            _ => return None,
        };
        let mut ways = vec![Vec::new()];
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                ways = product(&ways, &constant(context, glue, at));
            }
            ways = product(&ways, &self.operand(context, *item, at, call.span));
        }
        Some(ways)
    }

    // --- what lies outside of the body ---

    /// A variable of the module or of an enclosing function that is assigned once; else the name itself.
    fn global<'a>(&mut self, context: &Context<'a>, name: &'a str, at: Point, span: Span) -> Vec<Text<'a>> {
        let path = name;
        let leaf = || {
            let piece = Piece::Global(name);
            vec![vec![Part { piece, span, home: context.id, at, path, var: "" }]]
        };
        if self.steps == 0 {
            return leaf();
        }
        if let Some((id, point, value)) = assigned_once(context, name) {
            if self.open.contains(&(id, point)) {
                return leaf();
            }
            self.open.push((id, point));
            let ways = self.operand(&context.other(id), value, point, span);
            self.open.pop();
            return ways;
        }
        match enclosing_param(context, name) {
            Some(part) => vec![vec![part]],
            None => leaf(),
        }
    }
}

fn param<'a>(context: &Context<'a>, local: LocalId) -> Part<'a> {
    let span = context.body.locals[local].span;
    let path = context.body.locals[local].value.map_or("", |path| context.text(path));
    let at = Point::start(context.body.entry());
    Part { piece: Piece::Param(local), span, home: context.id, at, path, var: "" }
}

fn constant<'a>(context: &Context<'a>, text: &'a str, at: Point) -> Vec<Text<'a>> {
    let piece = Piece::Text(text);
    vec![vec![Part { piece, span: Span::empty(0), home: context.id, at, path: "", var: "" }]]
}

fn unknown<'a>(context: &Context<'a>, at: Point, span: Span) -> Vec<Text<'a>> {
    vec![vec![Part { piece: Piece::Unknown, span, home: context.id, at, path: "", var: "" }]]
}

fn product<'a>(left: &[Text<'a>], right: &[Text<'a>]) -> Vec<Text<'a>> {
    let both = left.iter().flat_map(|left| right.iter().map(move |right| [&left[..], &right[..]].concat()));
    both.take(MAX_WAYS).collect()
}

/// The text, where there is one way and it is constant in one piece.
fn one_text<'a>(ways: &[Text<'a>]) -> Option<&'a str> {
    match ways {
        [way] => match way[..] {
            [Part { piece: Piece::Text(text), .. }] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The parameter of an enclosing function that a nested one reads as `name`, where nothing else is assigned to it.
fn enclosing_param<'a>(context: &Context<'a>, name: &str) -> Option<Part<'a>> {
    let (function, variable) = name.rsplit_once(".<locals>.")?;
    let mut at = context.body.parent;
    while let Some(id) = at {
        let outer = context.other(id);
        if context.text(outer.body.name) == function {
            let params = outer.body.params.iter().map(|param| param.local);
            let local = params.into_iter().find(|local| outer.local_name(*local) == variable)?;
            let assigned = outer.insts().any(|(_, inst)| crate::flow::defined(inst) == Some(local));
            return (!assigned).then(|| Part { var: outer.local_name(local), ..param(&outer, local) });
        }
        at = outer.body.parent;
    }
    None
}
