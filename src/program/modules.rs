//! Which file a dotted module name means: packages, `src/` layouts, several roots, scripts beside each other.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::program::ModuleId;

/// Most files of one name that are compared each time it is imported.
const MAX_LOOKED_THROUGH: usize = 8;

/// The files of the program by the dotted names that imports may use for them.
pub(super) struct Modules {
    by_name: FxHashMap<String, Vec<ModuleId>>,
    /// Of names that many files have: the first of these below each beginning of their whole names.
    crowds: FxHashMap<String, FxHashMap<String, ModuleId>>,
    /// The first parts of those names: most paths are a library's and begin as none of them does.
    roots: FxHashSet<String>,
    /// The first parts of the names that files have below their packages.
    folders: FxHashSet<String>,
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
        let is_crowd = |(_, ids): &(&String, &Vec<ModuleId>)| ids.len() > MAX_LOOKED_THROUGH;
        let crowds = by_name.iter().filter(is_crowd).map(|(name, ids)| (name.clone(), firsts(ids, names)));
        let crowds = crowds.collect();
        let roots: FxHashSet<String> = by_name.keys().map(|name| root(name).to_owned()).collect();
        let below = names.iter().flat_map(|name| name.match_indices('.').map(|(dot, _)| &name[dot + 1..]));
        let folders = below.filter(|rest| rest.contains('.')).map(root);
        let folders = folders.filter(|name| !roots.contains(*name)).map(str::to_owned).collect();
        Self { by_name, crowds, roots, folders, own: names.to_vec() }
    }

    /// Whether a beginning of `path` may mean a file.
    pub(super) fn may_have(&self, path: &str) -> bool {
        self.roots.contains(root(path)) || self.folders.contains(root(path))
    }

    /// The file that the longest beginning of `path` means to the file `from`.
    pub(super) fn first(&self, path: &str, from: ModuleId) -> Option<ModuleId> {
        if !self.may_have(path) {
            return None;
        }
        beginnings(path).find_map(|head| self.find(head, from))
    }

    /// The file that `name` means to the file `from`: of several the nearest, then the first.
    pub(super) fn find(&self, name: &str, from: ModuleId) -> Option<ModuleId> {
        let Some(found) = self.by_name.get(name) else { return self.below(name, from) };
        let own = &self.own[from.index()];
        let (best, is_beside) = match self.crowds.get(name) {
            Some(firsts) => match beginnings(own).find_map(|begins| firsts.get(begins)) {
                Some(id) => (*id, true),
                None => (found[0], false),
            },
            None => {
                let near = |id: &ModuleId| {
                    let other = &self.own[id.index()];
                    other.split('.').zip(own.split('.')).take_while(|(a, b)| a == b).count()
                };
                let most = found.iter().map(near).max()?;
                (*found.iter().find(|id| near(id) == most)?, most > 0)
            }
        };
        // A lone file called like a library (`json.py` somewhere deep) is not what other folders import.
        let is_near = name.contains('.')
            || self.own[found[0].index()] == name
            || is_beside
            || own.matches('.').count() == 0;
        Some(best).filter(|_| is_near)
    }

    /// The one file that `name`, which no root has, means from one of the packages around `from`: that puts its own folder
    /// on `sys.path`.
    fn below(&self, name: &str, from: ModuleId) -> Option<ModuleId> {
        if !name.contains('.') || !self.folders.contains(root(name)) {
            return None;
        }
        let own = &self.own[from.index()];
        let inside = |package: &str| {
            let full = [package, ".", name].concat();
            self.by_name.get(&full)?.iter().find(|id| self.own[id.index()] == full).copied()
        };
        let mut found = own.rmatch_indices('.').filter_map(|(dot, _)| inside(&own[..dot]));
        let first = found.next();
        first.filter(|_| found.next().is_none())
    }
}

/// The first of `ids` below each beginning of their whole names.
fn firsts(ids: &[ModuleId], names: &[String]) -> FxHashMap<String, ModuleId> {
    let mut found: FxHashMap<String, ModuleId> = FxHashMap::default();
    for id in ids {
        for begins in beginnings(&names[id.index()]) {
            if !found.contains_key(begins) {
                found.insert(begins.to_owned(), *id);
            }
        }
    }
    found
}

/// A dotted name and what it begins with, the longest first.
fn beginnings(name: &str) -> impl Iterator<Item = &str> {
    std::iter::once(name).chain(name.rmatch_indices('.').map(|(dot, _)| &name[..dot]))
}

fn root(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Folders beside each other, each with a file of the same name, as in a folder of exercises.
    #[test]
    fn of_many_files_of_one_name_the_nearest_is_meant() {
        let mut names: Vec<String> = (0..40).map(|n| format!("a.case{n}.helpers")).collect();
        names.extend((0..40).map(|n| format!("a.case{n}.inner.app")));
        names.extend(["b.app".to_owned(), "app".to_owned()]);
        let modules = Modules::new(&names, &FxHashSet::default());
        assert!(modules.crowds.contains_key("helpers"));
        for n in 0..40 {
            let (helpers, app) = (ModuleId::new(n), ModuleId::new(40 + n));
            assert_eq!(modules.find("helpers", app), Some(helpers));
        }
        assert_eq!(modules.find("helpers", ModuleId::new(80)), None);
        assert_eq!(modules.find("helpers", ModuleId::new(81)), Some(ModuleId::new(0)));
    }

    /// Programs that put their own folders on `sys.path`, one of which has a folder of that name twice.
    #[test]
    fn a_folder_of_a_package_is_found_from_within_it() {
        let names = [
            "a.shop.core.x",
            "a.shop.main",
            "b.shop.core.x",
            "b.shop.core.main",
            "c.core.x",
            "c.d.core.x",
            "c.d.e.main",
        ];
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let packages =
            ["a", "a.shop", "a.shop.core", "b", "b.shop", "b.shop.core", "c", "c.core", "c.d", "c.d.core"];
        let modules = Modules::new(&names, &packages.into_iter().collect());
        let find = |name, from| modules.find(name, ModuleId::new(from)).map(|id| id.index());
        assert!(modules.may_have("core.x"));
        assert_eq!(find("core.x", 1), Some(0));
        assert_eq!(find("core.x", 3), Some(2));
        // Which of the two is meant nobody knows, and from elsewhere neither is.
        assert_eq!(find("core.x", 6), None);
        assert_eq!(find("core.main", 1), None);
        assert_eq!(find("core", 1), None);
    }
}
