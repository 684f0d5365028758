//! One lowered file.

use rustc_hash::FxHashMap;

use crate::base::{IdVec, Names, Symbol};
use crate::define_id;
use crate::ir::{Body, Paths};
use crate::text::Span;

define_id!(/// A function, method, lambda, class block or module body of one file; 0 is the module.
    FnId);
define_id!(/// A class of one file.
    ClassId);

/// A class.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Class {
    /// Absolute dotted name.
    pub name: Symbol,
    /// The whole statement.
    pub span: Span,
    /// The name in it.
    pub name_span: Span,
    /// Resolved names of the bases.
    pub bases: Vec<Symbol>,
    /// The body that runs its block.
    pub body: FnId,
    /// Methods by name, in source order.
    pub methods: Vec<(Symbol, FnId)>,
    /// Paths of the values of `self.attr`, where all assignments in the class agree.
    pub attrs: FxHashMap<Symbol, Symbol>,
}

/// Everything one file defines and does.
pub struct Unit {
    /// Dotted name of the module.
    pub module: Symbol,
    /// Bodies in source order; the module's first.
    pub bodies: IdVec<FnId, Body>,
    /// Classes in source order.
    pub classes: IdVec<ClassId, Class>,
    /// Access paths.
    pub paths: Paths,
    /// Strings behind the symbols.
    pub names: Names,
    /// Paths of the values of module variables, where all assignments agree.
    pub globals: FxHashMap<Symbol, Symbol>,
    /// Functions and classes' constructors by absolute dotted name.
    pub by_name: FxHashMap<Symbol, FnId>,
}

impl Unit {
    /// The string behind `symbol`.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &str {
        &self.names[symbol]
    }
}
