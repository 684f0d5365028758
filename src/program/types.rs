//! What libraries return, as far as it is told: `pathlib.Path().parent` is a `pathlib.Path()` again.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::IdVec;
use crate::define_id;

define_id!(/// An object of a library, by the value path that makes it: `sqlite3.connect()`.
    ObjectId);

/// Value paths of libraries that stand for shorter ones.
#[derive(Clone, Default)]
pub struct Types {
    shorter: FxHashMap<String, String>,
    /// Those whose attributes stand for it, whatever they are called: `pymongo.MongoClient().*`, by what stands before.
    any: FxHashMap<String, String>,
    /// The first names of the paths: most paths begin as none of them does.
    roots: FxHashSet<String>,
    /// The libraries of which something is known, by their first names.
    libraries: FxHashSet<String>,
    /// The names of arguments that change what is known of the objects that are made with them.
    settings: FxHashSet<String>,
    /// The objects of which something is known.
    objects: IdVec<ObjectId, String>,
    by_object: FxHashMap<String, ObjectId>,
}

impl Types {
    /// Notes that the value path `of` stands for `is`.
    pub fn add(&mut self, of: &str, is: &str) {
        self.roots.insert(root(of).to_owned());
        if let Some(object) = of.strip_suffix(".*") {
            self.any.insert(object.to_owned(), is.to_owned());
            return;
        }
        self.shorter.insert(of.to_owned(), is.to_owned());
    }

    /// Notes that something is known of what is at `path`.
    pub fn note(&mut self, path: &str) {
        self.libraries.insert(root(path).to_owned());
    }

    /// Notes that what an object is given as `name` where it is made changes what is known of it; of `parser.load` that is
    /// what the parser was given.
    pub fn note_setting(&mut self, name: &str) {
        let name = name.rsplit('.').next().unwrap_or(name);
        self.settings.insert(name.to_owned());
    }

    /// Whether it was noted that `name` changes what is known of an object.
    #[must_use]
    pub fn is_setting(&self, name: &str) -> bool {
        self.settings.contains(name)
    }

    /// Notes the objects that the value path of a call begins with.
    pub fn note_objects(&mut self, call: &str) {
        for (end, _) in call.match_indices(").") {
            let object = &call[..=end];
            if !object.starts_with('*') && !self.by_object.contains_key(object) {
                let id = self.objects.push(object.to_owned());
                self.by_object.insert(object.to_owned(), id);
            }
        }
    }

    /// The object that the value path `path` makes, which stands for no shorter one, if something is known of it.
    #[must_use]
    pub fn object(&self, path: &str) -> Option<ObjectId> {
        path.ends_with(')').then(|| self.by_object.get(path).copied())?
    }

    /// The value path of the method `name` of an object.
    #[must_use]
    pub fn method_of(&self, object: ObjectId, name: &str) -> String {
        let path = format!("{}.{name}", self.objects[object]);
        self.canonical(&path).unwrap_or(path)
    }

    /// Whether something is known of the library that `path` is of.
    #[must_use]
    pub fn is_library(&self, path: &str) -> bool {
        path.contains('.') && self.libraries.contains(root(path))
    }

    /// The value path that `path` stands for, beginnings first; `None` if that is `path` itself.
    #[must_use]
    pub fn canonical(&self, path: &str) -> Option<String> {
        /// Most replacements in one path; a pack may hold a circle.
        const MAX_STEPS: u32 = 16;
        if !self.roots.contains(root(path)) {
            return None;
        }
        let mut found: Option<String> = None;
        for _ in 0..MAX_STEPS {
            let text = found.as_deref().unwrap_or(path);
            let ends = text.char_indices().filter(|(_, c)| matches!(c, '.' | '(' | '[')).map(|(at, _)| at);
            let next = ends.chain([text.len()]).find_map(|end| {
                let (of, rest) = text.split_at(end);
                if let Some(is) = self.shorter.get(of) {
                    return Some([is, rest].concat());
                }
                let is = self.any.get(of)?;
                let name = rest.strip_prefix('.')?;
                let end = name.find(['.', '(', '['])?;
                // What is called is a method.
                (!name[end..].starts_with('(')).then(|| [is, &name[end..]].concat())
            });
            match next {
                Some(next) => found = Some(next),
                None => break,
            }
        }
        found
    }
}

fn root(path: &str) -> &str {
    path.find(['.', '(', '[']).map_or(path, |end| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::Types;

    #[test]
    fn beginnings_are_replaced_until_none_is_left() {
        let mut types = Types::default();
        types.add("pathlib.Path().parent", "pathlib.Path()");
        types.add("pathlib.Path.cwd()", "pathlib.Path()");
        let canonical = |path: &str| types.canonical(path);
        assert_eq!(canonical("pathlib.Path().parent.parent.open").as_deref(), Some("pathlib.Path().open"));
        assert_eq!(canonical("pathlib.Path.cwd().parent").as_deref(), Some("pathlib.Path()"));
        assert_eq!(canonical("pathlib.Path().parents"), None);
        assert_eq!(canonical("os.path.join()"), None);
    }

    #[test]
    fn an_attribute_stands_for_what_any_does_where_more_follows() {
        let mut types = Types::default();
        types.add("db.Client().*", "db.Client()[]");
        types.add("db.Client()[].*", "db.Client()[][]");
        let canonical = |path: &str| types.canonical(path);
        assert_eq!(canonical("db.Client().club.members.find").as_deref(), Some("db.Client()[][].find"));
        assert_eq!(canonical("db.Client()[].members.find").as_deref(), Some("db.Client()[][].find"));
        assert_eq!(canonical("db.Client().close"), None);
        assert_eq!(canonical("db.Client().make().x"), None);
    }

    #[test]
    fn a_circle_ends() {
        let mut types = Types::default();
        types.add("a.b()", "a.c()");
        types.add("a.c()", "a.b()");
        assert!(types.canonical("a.b().d").is_some());
    }
}
