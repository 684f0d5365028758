//! Of which classes values are by what annotations, `cast` and `isinstance` say, where the values themselves do not tell.

use rustc_hash::FxHashSet;

use crate::base::Symbol;
use crate::ir::{Op, Rvalue, Step};
use crate::program::{ClassIx, FuncId, Meaning, Module, Program, Settings, Thing};

impl Program<'_> {
    /// An object of what an annotation of a file names, if something is known of that.
    #[must_use]
    pub fn declared(&self, module: &Module<'_>, of: Symbol) -> Option<Thing> {
        match module.meaning(of) {
            Meaning::Class(class) => Some(Thing::Object(*class)),
            Meaning::Outside(path) if self.types.is_library(path) => {
                let path = format!("{path}()");
                let object = self.types.object(self.types.canonical(&path).as_deref().unwrap_or(&path))?;
                Some(Thing::Library(object, Settings::default()))
            }
            _ => None,
        }
    }

    /// The classes of the program that a function is told some values to be of.
    pub(super) fn declared_in(&self, id: FuncId) -> Vec<ClassIx> {
        let (module, _, body) = self.func(id);
        let class_of = |module: &Module<'_>, of: Symbol| match module.meaning(of) {
            Meaning::Class(class) => Some(*class),
            _ => None,
        };
        let told = body.typed.iter().map(|(_, of)| *of);
        let told = told.chain(body.casts.iter().map(|(_, of)| *of));
        let told = told.chain(body.asked.iter().map(|asked| asked.of));
        let mut found: Vec<ClassIx> = told.filter_map(|of| class_of(module, of)).collect();
        let above = self.class_of(id).map(|class| self.above(class)).unwrap_or_default();
        let typed = || above.iter().map(|class| &self.classes[*class]).filter(|info| !info.typed.is_empty());
        if typed().next().is_some() {
            let loads = body.blocks.iter().flat_map(|block| &block.insts).filter_map(|inst| match &inst.op {
                Op::Let(_, Rvalue::Load(place)) => Some(place.path),
                _ => None,
            });
            let paths = loads.chain(body.calls.iter().map(|call| call.callee.path));
            let names = paths.flat_map(|path| module.unit.paths.steps(path)).filter_map(|step| match step {
                Step::Attr(name) => Some(module.global(name)),
                _ => None,
            });
            let read: FxHashSet<Symbol> = names.collect();
            for info in typed() {
                let home = &self.modules[info.module];
                let read = info.typed.iter().filter(|(name, _)| read.contains(name));
                found.extend(read.filter_map(|(_, of)| class_of(home, *of)));
            }
        }
        found
    }
}
