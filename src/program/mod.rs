//! All files linked: modules, functions and classes of the whole program, what names mean across files, who calls whom.
//!
//! In: lowered files. Out: a [`Program`] that answers by id. It reads no source text and follows no values: what a
//! value path (`pkg.mod.Class().method`) means is told from imports, definitions, annotations and class hierarchy.

mod aliases;
mod calls;
mod classes;
mod declared;
mod decorated;
mod handed;
mod injected;
mod link;
mod makers;
mod modules;
mod names;
mod resolve;
mod settings;
mod special;
mod stats;
mod together;
mod types;
mod variables;

pub use calls::{CallGraph, Held};
pub use classes::ClassInfo;
pub use decorated::Applied;
pub use handed::Thing;
pub use link::link;
pub use makers::Maker;
pub use resolve::Meaning;
pub use settings::Settings;
pub use special::{ENTERED, LOOKED_UP, SHOWN, of_operator};
pub use stats::Stats;
pub use types::{ObjectId, Types};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::{IdVec, Interner, Symbol};
use crate::define_id;
use crate::ir::{Body, FnId, Unit};
use crate::text::FileId;

define_id!(/// A lowered file of the program, in the order of paths.
    ModuleId);
define_id!(/// A function, method, lambda, class block or module body of the program.
    FuncId);
define_id!(/// A class of the program.
    ClassIx);

/// A lowered file that is to be linked.
pub struct Input<'a> {
    /// The file.
    pub file: FileId,
    /// Its code.
    pub unit: &'a Unit,
    /// Whether it is an `__init__` file.
    pub is_package: bool,
    /// Whether it is test code: nobody outside calls it.
    pub is_test: bool,
    /// Whether who installs the package can import it.
    pub is_exported: bool,
}

/// One lowered file.
pub struct Module<'a> {
    /// Its code.
    pub unit: &'a Unit,
    /// Its file.
    pub file: FileId,
    /// Whether it is test code.
    pub is_test: bool,
    /// Whether who installs the package can import it.
    pub is_exported: bool,
    /// The program's symbol for each symbol of the file.
    names: Vec<Symbol>,
    /// What each of the file's symbols means as a value path, where it is used as one; filled while linking.
    meanings: Vec<Option<Box<Meaning>>>,
    /// The variables that other files hand on, by the file's symbols; filled while linking.
    renamed: FxHashMap<Symbol, Symbol>,
    /// The classes of objects of the program that are read by subscripts, by their value paths.
    subscripted: FxHashMap<Box<str>, ClassIx>,
    /// The classes that the file names, sorted.
    classes: Vec<ClassIx>,
    first: usize,
    first_class: usize,
}

/// The whole program.
pub struct Program<'a> {
    /// Its files.
    pub modules: IdVec<ModuleId, Module<'a>>,
    /// Its classes.
    pub classes: IdVec<ClassIx, ClassInfo>,
    funcs: IdVec<FuncId, (ModuleId, FnId)>,
    names: Interner,
    by_class: FxHashMap<(ModuleId, crate::ir::ClassId), ClassIx>,
    /// Names of properties.
    properties: FxHashSet<Symbol>,
    specials: special::Specials,
    /// The methods under each name that few classes have.
    rare: FxHashMap<Symbol, Vec<FuncId>>,
    /// The functions that run in place of decorated ones, with the names by which they know these.
    wrappers: FxHashMap<FuncId, (FuncId, Option<Symbol>)>,
    /// Functions with those that have their names on other branches.
    branches: FxHashMap<FuncId, Vec<FuncId>>,
    handed: handed::Handed,
    aliases: aliases::Aliases,
    makers: makers::Makers,
    table: modules::Modules,
    /// What is known of libraries.
    types: Types,
    bound: IdVec<ModuleId, resolve::Bound>,
    together: together::Together,
}

impl<'a> Program<'a> {
    /// The ids of all functions, files in order and functions in source order.
    pub fn funcs(&self) -> impl Iterator<Item = FuncId> + use<> {
        (0..self.funcs.len()).map(FuncId::new)
    }

    /// How many functions there are.
    #[must_use]
    pub fn n_funcs(&self) -> usize {
        self.funcs.len()
    }

    /// The file and the body of a function.
    #[must_use]
    pub fn func(&self, id: FuncId) -> (&Module<'a>, FnId, &'a Body) {
        let (module, body) = self.funcs[id];
        let module = &self.modules[module];
        (module, body, &module.unit.bodies[body])
    }

    /// The function of the program that is `body` in `module`.
    #[must_use]
    pub fn of(&self, module: &Module<'_>, body: FnId) -> FuncId {
        FuncId::new(module.first + body.index())
    }

    /// The module of a function.
    #[must_use]
    pub fn module_of(&self, id: FuncId) -> ModuleId {
        self.funcs[id].0
    }

    /// Whether two files run as one program, as far as they tell: the packages they are in, and what they use.
    #[must_use]
    pub fn are_together(&self, one: FileId, other: FileId) -> bool {
        self.together.has(one, other)
    }

    /// The functions that have the name of `id` on other branches.
    #[must_use]
    pub fn on_other_branches(&self, id: FuncId) -> &[FuncId] {
        self.branches.get(&id).map_or(&[], |others| others)
    }

    /// The class whose method a function is.
    #[must_use]
    pub fn class_of(&self, id: FuncId) -> Option<ClassIx> {
        let (module, body) = self.funcs[id];
        let class = self.modules[module].unit.bodies[body].class?;
        self.by_class.get(&(module, class)).copied()
    }

    /// The string behind a symbol of the program.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &str {
        self.names.text(symbol)
    }

    /// The program's symbol for `text`, if any file has it.
    #[must_use]
    pub fn symbol(&self, text: &str) -> Option<Symbol> {
        self.names.find(text)
    }
}

impl Module<'_> {
    /// The program's symbol for a symbol of this file.
    #[must_use]
    pub fn global(&self, symbol: Symbol) -> Symbol {
        self.names[symbol.index()]
    }

    /// The program's symbol for a variable that this file calls `symbol`: its name in the file that assigns it.
    #[must_use]
    pub fn variable(&self, symbol: Symbol) -> Symbol {
        self.renamed.get(&symbol).copied().unwrap_or_else(|| self.global(symbol))
    }

    /// Whether the file names a class.
    fn makes(&self, class: ClassIx) -> bool {
        self.classes.binary_search(&class).is_ok()
    }

    /// The symbol of this file for `text`, if it has one. It looks through all of them.
    #[must_use]
    pub fn symbol(&self, text: &str) -> Option<Symbol> {
        self.unit.names.iter().position(|known| known == text).map(Symbol::new)
    }

    /// What a symbol of this file means as a value path.
    #[must_use]
    pub fn meaning(&self, symbol: Symbol) -> &Meaning {
        self.meanings[symbol.index()].as_deref().unwrap_or(&Meaning::Unknown)
    }
}
