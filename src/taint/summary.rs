//! What one function does with taint, whoever calls it.

use std::sync::Arc;

use crate::base::Symbol;
use crate::finding::Severity;
use crate::models::{Kinds, Threat};
use crate::program::{ClassIx, FuncId};
use crate::taint::statement::Table;
use crate::taint::value::{Hops, Key, Tree};
use crate::templates::Why;
use crate::text::{FileId, Span};

/// A place on the way from source to sink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hop {
    /// Its file.
    pub file: FileId,
    /// Its span.
    pub span: Span,
    /// What happens there.
    pub caption: Arc<str>,
    /// Whether a call hands the value in or back there.
    pub is_call: bool,
    /// Whether a call hands it back there.
    pub is_back: bool,
}

/// A value that an outsider controls.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SourceSite {
    /// Its file.
    pub file: FileId,
    /// Where it is read.
    pub span: Span,
    /// Its spelling.
    pub text: String,
    /// Who controls it.
    pub threat: Threat,
}

/// Caption of the place where a text is put together.
pub const LONGER: &str = "it becomes part of a longer text here";

/// A call that does harm with an argument.
#[derive(PartialEq, Eq, Debug)]
pub struct SinkSite {
    /// Its file.
    pub file: FileId,
    /// The argument.
    pub span: Span,
    /// The callee as it is spelled.
    pub callee: String,
    /// The argument as it is spelled.
    pub value: String,
    /// The part of it that comes from outside, where it is put together there.
    pub part: Option<String>,
    /// The function around it.
    pub func: FuncId,
    /// Where the template prints it that the call fills in.
    pub printed: Option<Printed>,
    /// Whether it is the program itself that is started, and no text for a shell.
    pub is_program: bool,
    /// How grave it is at most, by the packs.
    pub at_most: Option<Severity>,
}

/// A place in a template that prints a value so that it may become more than text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Printed {
    /// `{{ … }}`, as it is spelled.
    pub text: String,
    /// The template's path.
    pub path: String,
    /// Why it is not harmless there.
    pub why: Why,
}

/// Where taint in a function begins, as its callers see it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Port {
    /// A parameter, or a part of it.
    Param(usize, Vec<Key>),
    /// A variable of an enclosing function.
    Outer(Symbol, Vec<Key>),
    /// A source in the function or below it.
    Source(Arc<SourceSite>),
}

/// Taint on its way out of a function.
#[derive(Clone, Debug)]
pub(super) struct From {
    pub(super) port: Port,
    pub(super) kinds: Kinds,
    pub(super) via: Option<Arc<Hops>>,
}

/// A way from a port to a sink.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    pub(super) port: Port,
    /// The kinds of the sink for which nothing on the way made it harmless; marks of the way.
    pub(super) kinds: Kinds,
    pub(super) sink: Arc<SinkSite>,
    pub(super) hops: Vec<Hop>,
}

/// A variable that outlives calls.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) enum Cell {
    /// A module's variable, or a class by its name.
    Global(Symbol),
    /// An attribute of the instances of a class.
    Attr(ClassIx, Symbol),
    /// All attributes of the instances of a class, where they are read.
    Instance(ClassIx),
    /// A table of a database.
    Table(Table),
}

/// A part of a parameter, and the kinds for which it is harmless.
pub(super) type Valid = (usize, Vec<Key>, Kinds);

/// A part of what a function returns, and what is harmless where that is true, and false.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct PartTells {
    pub(super) key: Key,
    pub(super) if_true: Vec<Valid>,
    pub(super) if_false: Vec<Valid>,
}

/// A source that was left in a cell: the path in it, the kinds, and the way there.
pub(super) type Left = (Vec<Key>, Arc<SourceSite>, Kinds, Option<Arc<Hops>>);

/// The sources that were left in cells.
pub(super) type Cells = rustc_hash::FxHashMap<Cell, Vec<Left>>;

/// What a function does.
#[derive(Clone, Default, Debug)]
pub(super) struct Summary {
    /// Taint in what it returns, by path.
    pub(super) returns: Vec<(Vec<Key>, From)>,
    /// The parameter that it certainly returns, as an object, and the parts that it has put something else in place of.
    pub(super) gives_back: Option<(usize, Vec<Key>)>,
    /// The part of a parameter that it certainly returns, as it was given.
    pub(super) gives_part: Option<(usize, Vec<Key>)>,
    /// Taint in the exceptions that leave it, by path, and what these are without taint.
    pub(super) raises: Vec<(Vec<Key>, From)>,
    pub(super) raised: Option<Arc<Tree>>,
    /// What it certainly returns, taint aside.
    pub(super) shape: Option<Arc<Tree>>,
    /// Taint that it stores into what a parameter holds, by path; also that a part is overwritten by what is harmless.
    pub(super) effects: Vec<(usize, Vec<Key>, From)>,
    /// Parts of parameters, by their keys, that hold something else afterwards, whatever it is.
    pub(super) replaces: Vec<(usize, Key)>,
    /// Parts of parameters, by their keys, that are another parameter afterwards, as an object.
    pub(super) copies: Vec<(usize, Key, usize)>,
    /// Parts of what it returns, by their keys, that are a parameter, as an object.
    pub(super) holds: Vec<(Key, usize)>,
    /// Taint that it leaves in variables of the functions around it, by path.
    pub(super) sets: Vec<(Symbol, Vec<Key>, From)>,
    /// Variables of the functions around it that hold something else afterwards, whatever it is.
    pub(super) resets: Vec<Symbol>,
    /// Ways to sinks.
    pub(super) reaches: Vec<Reach>,
    /// Parameters, or parts of them, that are harmless for some kinds where it returns something true, something false,
    /// or at all.
    pub(super) valid_if_true: Vec<Valid>,
    pub(super) valid_if_false: Vec<Valid>,
    pub(super) valid_after: Vec<Valid>,
    /// What the truth of a part of what it returns tells: `return False, "reason"`.
    pub(super) parts_tell: Vec<PartTells>,
    /// Whether no path returns.
    pub(super) never_returns: bool,
    /// Sources that it leaves in cells.
    pub(super) writes: Vec<(Cell, Vec<Key>, From)>,
    /// Parameters whose values decide something.
    pub(super) tested: Vec<usize>,
    /// Whether what a parameter is may decide which of several things comes back.
    pub(super) varies: bool,
    /// Whether it checks something on some way.
    pub(super) checks: bool,
    /// Whether such a value decides what a call does.
    pub(super) is_conditional: bool,
    /// What it leaves of its ports in cells.
    pub(super) keeps: Vec<(Cell, Vec<Key>, From)>,
    /// Cells that it reads.
    pub(super) reads: Vec<Cell>,
    /// Sources that reach sinks in it or below.
    pub(super) meetings: Vec<Reach>,
}

impl Summary {
    /// What a method does for an object of which no more is told than its class: what it keeps there, and what others have
    /// left there, is not told of this one.
    pub(super) fn of_some_object(&self) -> Self {
        let mut summary = self.clone();
        summary.returns.retain(|(_, from)| !matches!(from.port, Port::Source(_)));
        summary.effects.retain(|(param, ..)| *param != 0);
        summary.copies.retain(|(param, ..)| *param != 0);
        summary.keeps.retain(|(cell, ..)| !matches!(cell, Cell::Attr(..) | Cell::Instance(_)));
        summary
    }

    /// Whether a source comes back to the caller, or is put into what the caller passed.
    pub(super) fn hands_out(&self) -> bool {
        let is_source = |from: &From| matches!(from.port, Port::Source(_));
        self.returns.iter().any(|(_, from)| is_source(from))
            || self.effects.iter().any(|(_, _, from)| is_source(from))
    }

    /// Whether callers see the same; traces aside.
    pub(super) fn same(&self, other: &Self) -> bool {
        let from = |a: &From, b: &From| a.port == b.port && a.kinds == b.kinds;
        let reach = |a: &Reach, b: &Reach| a.port == b.port && a.kinds == b.kinds && a.sink == b.sink;
        self.returns.len() == other.returns.len()
            && self.effects.len() == other.effects.len()
            && self.reaches.len() == other.reaches.len()
            && self.meetings.len() == other.meetings.len()
            && self.writes.len() == other.writes.len()
            && self.keeps.len() == other.keeps.len()
            && self.shape.as_ref().map(|shape| &shape.konst) == other.shape.as_ref().map(|shape| &shape.konst)
            && self.gives_back == other.gives_back
            && self.gives_part == other.gives_part
            && self.replaces == other.replaces
            && self.copies == other.copies
            && self.holds == other.holds
            && self.resets == other.resets
            && self.raises.len() == other.raises.len()
            && self.sets.len() == other.sets.len()
            && self.never_returns == other.never_returns
            && self.valid_after == other.valid_after
            && self.valid_if_true == other.valid_if_true
            && self.valid_if_false == other.valid_if_false
            && self.parts_tell == other.parts_tell
            && self.returns.iter().zip(&other.returns).all(|(a, b)| a.0 == b.0 && from(&a.1, &b.1))
            && self
                .effects
                .iter()
                .zip(&other.effects)
                .all(|(a, b)| a.0 == b.0 && a.1 == b.1 && from(&a.2, &b.2))
            && self.reaches.iter().zip(&other.reaches).all(|(a, b)| reach(a, b))
    }
}
