//! Objects of libraries as values: by the value path that made one it is known what its methods are, wherever the program
//! hands it.

use std::sync::Arc;

use crate::base::Symbol;
use crate::ir::{Body, Call, Const, LocalId, Operand};
use crate::program::{ClassIx, Meaning, Module, ObjectId, Program, Settings};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::mappings::is_holder;
use crate::taint::value::{Key, Konst, Tree};
use crate::taint::world::{Known, World};

/// An object of a library with what it is set to, as [`Analyzer::made_with`] has it.
pub(super) fn made_of_library(program: &Program<'_>, object: ObjectId, settings: &Settings) -> Tree {
    let mut tree = Tree { object: Some(object), ..Tree::default() };
    let text = |symbol: Symbol| Konst::Str(program.text(symbol).into());
    for (name, value) in settings.named.iter().flatten() {
        let value = match value {
            Const::Str(symbol) => text(*symbol),
            Const::Bool(value) => Konst::Bool(*value),
            Const::Int(value) => Konst::Int(i64::from(*value)),
            Const::None | Const::Number(_) | Const::Bytes(_) | Const::Ellipsis => Konst::None,
        };
        tree.store(&[Key::Item(text(*name))], &Arc::new(Tree::konst(value)));
    }
    if let Some(media) = settings.media {
        tree.store(&[Key::Item(Konst::Str("content_type".into()))], &Arc::new(Tree::konst(text(media))));
    }
    tree
}

/// The locals of a body that are objects of libraries by their value paths, sorted.
pub(super) fn objects(world: &World<'_, '_>, module: &Module<'_>, body: &Body) -> Vec<(LocalId, ObjectId)> {
    let object = |value| object_at(world, module, value);
    body.locals.pairs().filter_map(|(local, data)| Some((local, object(data.value?)?))).collect()
}

/// The object of a library that a value path makes.
fn object_at(world: &World<'_, '_>, module: &Module<'_>, value: Symbol) -> Option<ObjectId> {
    match module.meaning(value) {
        Meaning::Outside(path) => world.models.types.object(path),
        _ => None,
    }
}

impl<'w> Analyzer<'w, '_> {
    /// The object of a library that a local is by its value path.
    pub(super) fn object_at(&self, local: LocalId) -> Option<ObjectId> {
        let at = self.objects.binary_search_by_key(&local, |(local, _)| *local).ok()?;
        Some(self.objects[at].1)
    }

    /// What is known of a method by the object of a library that it is called on, where names do not tell.
    pub(super) fn by_object(&self, call: &Call, known: &Known<'_>, receiver: &Tree) -> Option<Known<'w>> {
        let program = self.world.program;
        let is_open = call.name.is_none_or(|name| match self.module.meaning(name) {
            Meaning::Unknown => true,
            // What stands in a list or mapping of the program has a value path that leads nowhere.
            Meaning::Outside(path) => {
                let is_library = self.world.models.types.is_library(path);
                path.contains("[]") || is_holder(path) || !is_library || known.model.is_empty()
            }
            _ => false,
        });
        if !known.callees.is_empty() || !is_open {
            return None;
        }
        let method = self.module.unit.text(call.method);
        let inherited = |class: ClassIx| match program.method(class, self.module.global(call.method)) {
            Some(_) => None,
            None => program.library_path(class, method),
        };
        let path = match receiver.object.or_else(|| self.captured_object(call)) {
            Some(object) => self.world.models.types.method_of(object, method),
            None => receiver.classes().find_map(inherited)?,
        };
        Some(Known::at(self.world.models, path, method))
    }

    /// The object that a variable of the function around this one is, whose method is called.
    fn captured_object(&self, call: &Call) -> Option<ObjectId> {
        let Operand::Global(name) = call.callee.base else { return None };
        let unit = self.module.unit;
        let around = &unit.bodies[self.body.parent?];
        let variable = unit.text(name).strip_prefix(unit.text(around.name))?.strip_prefix(".<locals>.")?;
        let is_it = |name: Symbol| unit.text(name) == variable;
        let local = around.locals.iter().find(|local| local.name.is_some_and(is_it))?;
        object_at(self.world, self.module, local.value?)
    }

    /// The object that a call hands back as it was passed.
    pub(super) fn passed_object(site: &Site<'_>) -> Option<ObjectId> {
        let is_handed_back = matches!(site.path, "contextlib.closing" | "contextlib.aclosing")
            || matches!(site.method, "enter_context" | "enter_async_context");
        site.args.first().filter(|_| is_handed_back)?.object
    }
}
