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
    /// Names that its block annotates, in order: the fields of a dataclass.
    pub fields: Vec<Symbol>,
    /// Those of them whose annotations hold nothing but text, numbers and lists of these.
    pub plain: Vec<Symbol>,
    /// Attributes with the classes that annotations give them, in source order.
    pub typed: Vec<(Symbol, Symbol)>,
    /// Methods by name, in source order.
    pub methods: Vec<(Symbol, FnId)>,
    /// Paths of the values of `self.attr`, where all assignments in the class agree.
    pub attrs: FxHashMap<Symbol, Symbol>,
}

/// A name of the module's own scope that stands for an annotation: `Reader = Annotated[User, Depends(user)]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Alias {
    /// Absolute dotted name.
    pub name: Symbol,
    /// What the annotation names, as for [`Param::annotation`](crate::ir::Param::annotation).
    pub of: Symbol,
    /// The annotation's source.
    pub span: Span,
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
    /// Variables of the module with the classes that annotations give them, in source order.
    pub typed: Vec<(Symbol, Symbol)>,
    /// Attributes that are assigned otherwise than in the constructor of an instance; sorted.
    pub assigned: Vec<Symbol>,
    /// Functions and classes' constructors by absolute dotted name.
    pub by_name: FxHashMap<Symbol, FnId>,
    /// Functions with others that have their names on other branches: `if old: def f(): … else: def f(): …`.
    pub branches: Vec<(FnId, FnId)>,
    /// Imported paths with the names of the functions that stand in for them where the import fails.
    pub stand_ins: FxHashMap<Symbol, Symbol>,
    /// Names that the module's own scope imports, with the absolute dotted path of each; in order of symbols.
    pub imports: Vec<(Symbol, Symbol)>,
    /// Names that stand for annotations, in source order.
    pub aliases: Vec<Alias>,
    /// Modules whose names a star import brings into the module's scope.
    pub stars: Vec<Symbol>,
}

impl Unit {
    /// The string behind `symbol`.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &str {
        &self.names[symbol]
    }

    /// The function of this file that a callee's value path means: `pkg.mod.f`, `pkg.mod.Class().method` (also
    /// inherited within the file), `pkg.mod.Class` for its `__init__`.
    #[must_use]
    pub fn function(&self, name: Symbol) -> Option<FnId> {
        if let Some(&id) = self.by_name.get(&name) {
            return Some(id);
        }
        let text = self.text(name);
        let (class, method) = match text.rsplit_once('.') {
            Some((class, method)) if class.ends_with("()") => (&class[..class.len() - 2], method),
            Some((class, method)) if self.class(class).is_some() => (class, method),
            _ => (text, "__init__"),
        };
        self.method(class, method, 0)
    }

    /// The class of this file with the absolute dotted name `name`.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<&Class> {
        self.classes.iter().find(|class| self.text(class.name) == name)
    }

    fn method(&self, class: &str, method: &str, depth: u32) -> Option<FnId> {
        let class = self.class(class)?;
        let own = class.methods.iter().rev().find(|(name, _)| self.text(*name) == method).map(|(_, id)| *id);
        own.or_else(|| {
            let mut bases = class.bases.iter().take(if depth < 8 { usize::MAX } else { 0 });
            bases.find_map(|base| self.method(self.text(*base), method, depth + 1))
        })
    }
}
