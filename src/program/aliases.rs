//! Names that stand for annotations, across files: `def show(user: deps.Reader)`.

use rustc_hash::FxHashMap;

use crate::base::{IdVec, Symbol};
use crate::ir::Alias;
use crate::program::{Module, ModuleId, Program};

/// The names of annotations, with the files that define them.
pub(super) type Aliases = FxHashMap<Symbol, (ModuleId, Alias)>;

/// The names of annotations of all files.
pub(super) fn aliases(modules: &IdVec<ModuleId, Module<'_>>) -> Aliases {
    let of = |(id, module): (ModuleId, &Module<'_>)| {
        let named = |alias: &Alias| (module.global(alias.name), (id, *alias));
        module.unit.aliases.iter().map(named).collect::<Vec<_>>()
    };
    modules.pairs().flat_map(of).collect()
}

impl Program<'_> {
    /// The file and the name that an annotation of the file `from` stands for an annotation by.
    #[must_use]
    pub fn alias(&self, from: ModuleId, annotation: Symbol) -> Option<(ModuleId, Alias)> {
        if self.aliases.is_empty() {
            return None;
        }
        let module = &self.modules[from];
        let known = self.aliases.get(&module.global(annotation));
        known.or_else(|| self.aliases.get(&self.variable(from, module.unit.text(annotation))?)).copied()
    }
}
