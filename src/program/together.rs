//! Which files run as one program: those of one package, and those of which one uses the other.
//!
//! A tree may hold many programs. What each keeps in an object of a library, such as `flask.g`, is its own.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::IdVec;
use crate::program::{Meaning, ModuleId, Program};
use crate::text::FileId;

/// The first file of the program that each file is part of.
#[derive(Default)]
pub(super) struct Together(FxHashMap<FileId, ModuleId>);

impl Together {
    /// `packages` are the names of `__init__` files.
    pub(super) fn new(program: &Program<'_>, packages: &FxHashSet<&str>) -> Self {
        let mut first: IdVec<ModuleId, ModuleId> = program.modules.ids().collect();
        let mut of_package: FxHashMap<&str, ModuleId> = FxHashMap::default();
        for (id, module) in program.modules.pairs() {
            let name = module.unit.text(module.unit.module);
            let outermost = name.match_indices('.').map(|(dot, _)| &name[..dot]).chain([name]);
            if let Some(package) = outermost.into_iter().find(|name| packages.contains(name)) {
                let other = *of_package.entry(package).or_insert(id);
                unite(&mut first, id, other);
            }
            let stars = module.unit.stars.iter();
            for path in module.unit.imports.iter().map(|(_, path)| path).chain(stars) {
                if let Some(other) = program.table.first(module.unit.text(*path), id) {
                    unite(&mut first, id, other);
                }
            }
            for meaning in module.meanings.iter().flatten() {
                let other = match **meaning {
                    Meaning::Module(other) => other,
                    Meaning::Function(func) | Meaning::Method(func, _) => program.module_of(func),
                    Meaning::Class(class) | Meaning::Instance(class) => program.classes[class].module,
                    Meaning::Outside(_) | Meaning::Unknown => continue,
                };
                unite(&mut first, id, other);
            }
        }
        let ids: Vec<ModuleId> = program.modules.ids().collect();
        Self(ids.into_iter().map(|id| (program.modules[id].file, root(&mut first, id))).collect())
    }

    /// Whether two files run as one program.
    pub(super) fn has(&self, one: FileId, other: FileId) -> bool {
        one == other || self.0.get(&one) == self.0.get(&other)
    }
}

/// The file that stands for all those united with `id`; shortens the way to it.
fn root(first: &mut IdVec<ModuleId, ModuleId>, mut id: ModuleId) -> ModuleId {
    while first[id] != id {
        first[id] = first[first[id]];
        id = first[id];
    }
    id
}

fn unite(first: &mut IdVec<ModuleId, ModuleId>, one: ModuleId, other: ModuleId) {
    let (one, other) = (root(first, one), root(first, other));
    first[one.max(other)] = one.min(other);
}
