//! Which file a dotted module name means: packages, `src/` layouts, several roots, scripts beside each other.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::program::ModuleId;

/// The files of the program by the dotted names that imports may use for them.
pub(super) struct Modules {
    by_name: FxHashMap<String, Vec<ModuleId>>,
    /// The first parts of those names: most paths are a library's and begin as none of them does.
    roots: FxHashSet<String>,
    own: Vec<String>,
}

impl Modules {
    /// A table of modules by their dotted names from the scanned root; `packages` are the names of `__init__` files.
    ///
    /// A file is also known by the name it has from any root above it: a folder that is itself no package, or one with
    /// Django's `manage.py` in it.
    /// Source: Python's import system, "regular packages"; the folder above the topmost package is on `sys.path`.
    pub(super) fn new(names: &[String], packages: &FxHashSet<&str>) -> Self {
        // A script beside an `__init__` file, which puts its folder on `sys.path` all the same.
        let scripts: FxHashSet<&str> = names.iter().filter_map(|name| name.strip_suffix(".manage")).collect();
        let mut by_name: FxHashMap<String, Vec<ModuleId>> = FxHashMap::default();
        for (index, name) in names.iter().enumerate() {
            let id = ModuleId::new(index);
            by_name.entry(name.clone()).or_default().push(id);
            for (dot, _) in name.match_indices('.') {
                let (outer, rest) = (&name[..dot], &name[dot + 1..]);
                if !packages.contains(outer) || scripts.contains(outer) {
                    by_name.entry(rest.to_owned()).or_default().push(id);
                }
            }
        }
        let roots = by_name.keys().map(|name| root(name).to_owned()).collect();
        Self { by_name, roots, own: names.to_vec() }
    }

    /// Whether a beginning of `path` may mean a file.
    pub(super) fn may_have(&self, path: &str) -> bool {
        self.roots.contains(root(path))
    }

    /// The file that the longest beginning of `path` means to the file `from`.
    pub(super) fn first(&self, path: &str, from: ModuleId) -> Option<ModuleId> {
        if !self.may_have(path) {
            return None;
        }
        let dots = path.rmatch_indices('.').map(|(dot, _)| &path[..dot]);
        std::iter::once(path).chain(dots).find_map(|head| self.find(head, from))
    }

    /// The file that `name` means to the file `from`: of several the nearest, then the first.
    pub(super) fn find(&self, name: &str, from: ModuleId) -> Option<ModuleId> {
        let found = self.by_name.get(name)?;
        let own = &self.own[from.index()];
        let near = |id: &ModuleId| {
            let other = &self.own[id.index()];
            other.split('.').zip(own.split('.')).take_while(|(a, b)| a == b).count()
        };
        let best = found.iter().map(near).max()?;
        // A lone file called like a library (`json.py` somewhere deep) is not what other folders import.
        let is_near = name.contains('.')
            || self.own[found[0].index()] == name
            || best > 0
            || own.matches('.').count() == 0;
        found.iter().find(|id| near(id) == best).copied().filter(|_| is_near)
    }
}

fn root(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}
