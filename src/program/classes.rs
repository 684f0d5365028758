//! The classes of the program: their bases, methods and attributes across files.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::Symbol;
use crate::program::calls::MAX_OVERRIDES;
use crate::program::resolve::is_property;
use crate::program::{ClassIx, FuncId, ModuleId, Program};

/// Most classes above or below one that are looked at.
const MAX_CLASSES: usize = 64;

/// A class.
pub struct ClassInfo {
    /// Its file.
    pub module: ModuleId,
    /// Its absolute dotted name.
    pub name: Symbol,
    /// The bases that the program defines, in order.
    pub bases: Vec<ClassIx>,
    /// The other bases, as value paths.
    pub outside: Vec<Box<str>>,
    /// The classes that name it as a base, in order.
    pub derived: Vec<ClassIx>,
    /// Names that its block annotates, in order.
    pub fields: Vec<Symbol>,
    /// Those of them that hold nothing but text, numbers and lists of these.
    pub plain: FxHashSet<Symbol>,
    /// What annotations name of its attributes, as its file has it.
    pub typed: FxHashMap<Symbol, Symbol>,
    /// Its own methods; the last definition of a name counts.
    pub methods: FxHashMap<Symbol, FuncId>,
    /// What assigns its properties.
    pub setters: FxHashMap<Symbol, FuncId>,
    /// Value paths of `self.attr`, as written in its file.
    pub attrs: FxHashMap<Symbol, Box<str>>,
    /// Itself and the classes above it, nearest first; filled when the bases are linked.
    pub(super) above: Box<[ClassIx]>,
    /// Itself and the classes below it.
    pub(super) below: Box<[ClassIx]>,
}

impl Program<'_> {
    /// The class and those above it, nearest first. Breadth first, which differs from Python's order only where a
    /// name is defined twice above.
    #[must_use]
    pub fn above(&self, class: ClassIx) -> &[ClassIx] {
        &self.classes[class].above
    }

    /// The class and those below it.
    #[must_use]
    pub fn below(&self, class: ClassIx) -> &[ClassIx] {
        &self.classes[class].below
    }

    /// Notes what stands above and below each class.
    pub(super) fn link_hierarchy(&mut self) {
        for class in self.classes.ids().collect::<Vec<_>>() {
            let above = self.reach(class, |class| &class.bases).into();
            let below = self.reach(class, |class| &class.derived).into();
            let info = &mut self.classes[class];
            (info.above, info.below) = (above, below);
        }
    }

    fn reach<'s>(&'s self, class: ClassIx, next: impl Fn(&'s ClassInfo) -> &'s Vec<ClassIx>) -> Vec<ClassIx> {
        let mut found = vec![class];
        let mut at = 0;
        while at < found.len() && found.len() < MAX_CLASSES {
            for other in next(&self.classes[found[at]]) {
                if !found.contains(other) {
                    found.push(*other);
                }
            }
            at += 1;
        }
        found
    }

    /// The method that an instance of `class` has under `name`.
    #[must_use]
    pub fn method(&self, class: ClassIx, name: Symbol) -> Option<FuncId> {
        self.above(class).iter().find_map(|class| self.classes[*class].methods.get(&name).copied())
    }

    /// The methods of classes below `class` that may run in place of its own, its own first; at most `limit`. Those of test
    /// code run in tests alone.
    #[must_use]
    pub fn overrides(&self, class: ClassIx, name: Symbol, limit: usize) -> Vec<FuncId> {
        let is_test = |class: ClassIx| self.modules[self.classes[class].module].is_test;
        let mut found: Vec<FuncId> = self.method(class, name).into_iter().collect();
        for below in self.below(class).iter().skip(1).filter(|below| !is_test(**below)) {
            if let Some(method) = self.classes[*below].methods.get(&name)
                && !found.contains(method)
                && found.len() < limit
            {
                found.push(*method);
            }
        }
        found
    }

    /// The properties that reading `name` of an instance of `class` may run.
    #[must_use]
    pub fn properties(&self, class: ClassIx, name: Symbol) -> Vec<FuncId> {
        if !self.properties.contains(&name) {
            return Vec::new();
        }
        let mut found = self.overrides(class, name, MAX_OVERRIDES);
        found.retain(|func| is_property(self, *func, self.func(*func).2));
        found
    }

    /// The methods by names that few classes have, test code and special methods aside.
    pub(super) fn rare_methods(&self) -> FxHashMap<Symbol, Vec<FuncId>> {
        const MAX_METHODS: usize = 2;
        let mut found: FxHashMap<Symbol, Vec<FuncId>> = FxHashMap::default();
        for class in self.classes.iter().filter(|class| !self.modules[class.module].is_test) {
            for (name, method) in
                class.methods.iter().filter(|(name, _)| !self.text(**name).starts_with("__"))
            {
                found.entry(*name).or_default().push(*method);
            }
        }
        found.retain(|_, methods| methods.len() <= MAX_METHODS);
        found
    }

    /// The names under which classes have properties.
    pub(super) fn property_names(&self) -> FxHashSet<Symbol> {
        let methods = self.classes.iter().flat_map(|class| &class.methods);
        methods
            .filter(|(_, func)| is_property(self, **func, self.func(**func).2))
            .map(|(name, _)| *name)
            .collect()
    }

    /// The first base outside of the program that is of a library of which something is known, else the first.
    #[must_use]
    pub fn library_base(&self, class: ClassIx) -> Option<&str> {
        let bases = self.outside_bases(class);
        bases.iter().copied().find(|base| self.types.is_library(base)).or(bases.first().copied())
    }

    /// The value path of a method of the class above that `text` names in a method of `class`, where that is a library's:
    /// `super().write`; of a constructor the class itself.
    #[must_use]
    pub fn above_path(&self, class: ClassIx, text: &str) -> Option<String> {
        self.library_path(class, text.strip_prefix("super().")?)
    }

    /// The value path of what instances of `class` have from a library under `name`; of the constructor the class itself.
    #[must_use]
    pub fn library_path(&self, class: ClassIx, name: &str) -> Option<String> {
        let base = self.library_base(class).filter(|base| self.types.is_library(base))?;
        let path = if name == "__init__" { base.to_owned() } else { format!("{base}().{name}") };
        Some(self.types.canonical(&path).unwrap_or(path))
    }

    /// Value paths of the bases outside of the program that an instance of `class` has, nearest first.
    #[must_use]
    pub fn outside_bases(&self, class: ClassIx) -> Vec<&str> {
        self.above(class)
            .iter()
            .flat_map(|class| self.classes[*class].outside.iter().map(|name| &**name))
            .collect()
    }
}
