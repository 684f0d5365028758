//! Whether a module of the program has what an edit takes from it.

use crate::base::IdVec;
use crate::scan::Front;
use crate::text::{FileId, SourceFile};

/// Whether `path`, an absolute dotted name that begins with what an import binds, may be there: `pkg.mod.name`.
///
/// What is no module of the program by its path from the root, or brings in names by a star or a function
/// `__getattr__`, is taken to have it.
pub(super) fn may_have(files: &IdVec<FileId, SourceFile>, fronts: &IdVec<FileId, Front>, path: &str) -> bool {
    let splits = path.rmatch_indices('.').map(|(dot, _)| (&path[..dot], &path[dot + 1..]));
    for (module, rest) in splits {
        let Some(id) = find(files, module) else { continue };
        let name = rest.split('.').next().unwrap_or(rest);
        return find(files, &format!("{module}.{name}")).is_some() || has(&fronts[id], name);
    }
    true
}

/// The file of the module called `name`.
fn find(files: &IdVec<FileId, SourceFile>, name: &str) -> Option<FileId> {
    let stem = name.replace('.', "/");
    let is_it = |path: &str| {
        let path = path.strip_prefix("src/").unwrap_or(path);
        let rest = path.strip_prefix(stem.as_str());
        matches!(rest, Some(".py" | ".pyi" | "/__init__.py" | "/__init__.pyi"))
    };
    files.pairs().find(|(_, file)| is_it(&file.path)).map(|(id, _)| id)
}

/// Whether the module's own scope binds `name`.
fn has(front: &Front, name: &str) -> bool {
    let Some(unit) = &front.unit else { return true };
    let module = unit.text(unit.module);
    let is_it = |path: &str| path.strip_prefix(module).and_then(|rest| rest.strip_prefix('.')) == Some(name);
    let is_dynamic = || {
        let getter = format!("{module}.__getattr__");
        !unit.stars.is_empty() || unit.by_name.keys().any(|path| unit.text(*path) == getter)
    };
    let top = unit.bodies.iter().next();
    unit.imports.iter().any(|(known, _)| unit.text(*known) == name)
        || unit.by_name.keys().any(|path| is_it(unit.text(*path)))
        || unit.classes.iter().any(|class| is_it(unit.text(class.name)))
        || top.is_some_and(|body| body.globals.iter().any(|path| is_it(unit.text(*path))))
        || is_dynamic()
}
