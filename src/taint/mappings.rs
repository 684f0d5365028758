//! Mappings that are made of pairs, lists of pairs, lists of what is given.

use std::sync::Arc;

use crate::ir::ArgKind;
use crate::models::Kinds;
use crate::taint::apply::Bound;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::limits::MAX_FIELDS;
use crate::taint::rounds::each_key;
use crate::taint::secrets::{hidden, is_hidden};
use crate::taint::state::State;
use crate::taint::summary::{Port, Reach};
use crate::taint::value::{Key, Konst, Label, Tree, some_key};

impl Analyzer<'_, '_> {
    /// The kinds for which it is harmless that the callee writes what is passed: of a mapping that goes whole into a log
    /// the texts are literals there.
    pub(super) fn shown_whole(&self, state: &State, site: &Site<'_>, reach: &Reach, bound: &Bound) -> Kinds {
        let log = Kinds::named("log").unwrap_or_default();
        let Port::Param(index, path) = &reach.port else { return Kinds::NONE };
        if !path.is_empty() || !reach.kinds.has(log) {
            return Kinds::NONE;
        }
        let given = self.operand_of(state, site, *index, bound);
        let is_whole = given.is_some_and(|(operand, path)| path.is_empty() && self.is_mapping(operand, 3));
        if is_whole { log } else { Kinds::NONE }
    }

    /// `dict(pairs)`: what the second of each pair is stands under the first. A mapping stays what it is.
    pub(super) fn mapping(&self, of: &Tree) -> Tree {
        let is_item = |key: &Key| matches!(key, Key::Any | Key::Item(Konst::Int(_)));
        if of.fields.is_empty() || !of.fields.iter().all(|(key, _)| is_item(key)) {
            return of.clone();
        }
        let mut mapping =
            Tree::labeled(of.labels.iter().map(|label| self.deeper(label, &Key::Any)).collect());
        for (_, pair) in &of.fields {
            let key = self.part(pair, &Key::Item(Konst::Int(0)));
            let mut value = self.part(pair, &Key::Item(Konst::Int(1)));
            if pair.fields.is_empty() {
                // Of a mapping whose keys are not known it is the value itself.
                hidden(pair).iter().for_each(|label| {
                    Arc::make_mut(&mut value).add(label);
                });
            }
            let key = key.konst.clone().map_or(Key::Any, Key::Item);
            mapping.store(&[key], &value);
        }
        mapping
    }

    /// What a call makes of entries that it is given: a mapping, or an object whose attributes they are.
    pub(super) fn made_of(&self, site: &Site<'_>) -> Tree {
        let at = |index| site.positional(index).map(|(tree, _)| tree);
        let mut tree = match site.path {
            "dict.fromkeys" if site.positional(1).is_some() => {
                let mut tree = Tree::default();
                tree.store(&[Key::Any], at(1).unwrap_or(&Arc::default()));
                return tree;
            }
            // Keys without values: what is told of them is told of the whole.
            "dict.fromkeys" => {
                let keys = at(0).map_or_else(Tree::default, |keys| Tree::labeled(self.element(keys).all()));
                return Tree::clone(&crate::taint::secrets::without(&Arc::new(keys)));
            }
            "collections.defaultdict" => {
                let mut tree = at(1).map_or_else(Tree::default, |of| self.mapping(of));
                if !tree.fields.is_empty() {
                    // It has an answer for what is not in it.
                    tree.store(&[some_key()], &Arc::default());
                }
                tree
            }
            _ => at(0).map_or_else(Tree::default, |of| self.mapping(of)),
        };
        for (arg, value) in site.call.args.iter().zip(&site.args) {
            match arg.kind {
                ArgKind::Keyword(name) => {
                    tree.store(&[Key::Item(Konst::Str(self.module.unit.text(name).into()))], value);
                }
                ArgKind::DoubleStar => {
                    for (key, part) in &value.fields {
                        tree.store(std::slice::from_ref(key), part);
                    }
                    value.labels.iter().for_each(|label| {
                        tree.add(label);
                    });
                }
                ArgKind::Positional | ArgKind::Star => {}
            }
        }
        if site.path.ends_with("Namespace") { self.as_attributes(tree) } else { tree }
    }

    /// An object whose attributes are the entries of a mapping.
    fn as_attributes(&self, mapping: Tree) -> Tree {
        let attribute = |(key, part): &(Key, Arc<Tree>)| match key {
            Key::Item(Konst::Str(name)) => {
                Some((Key::Attr(self.world.program.symbol(name)?), Arc::clone(part)))
            }
            _ => None,
        };
        let mut object = Tree::labeled(mapping.labels.clone());
        for (key, part) in mapping.fields.iter().filter_map(attribute) {
            object.store(&[key], &part);
        }
        object
    }

    /// `mapping.items()`, `mapping.keys()`, `mapping.values()`
    pub(super) fn view(&self, method: &str, mapping: &Tree) -> Tree {
        let key = |label: &Label| {
            if is_hidden(label.kinds) || label.kinds.is_empty() {
                return label.clone();
            }
            let key = self.deeper(label, &keys_key());
            // What is shown of each that comes when it is iterated is shown of these.
            let each = self.deeper(label, &each_key()).origin;
            if ![label.origin, each].contains(&key.origin) {
                self.wholes.borrow_mut().remove(&key.origin);
                self.note_part(key.origin, each);
            }
            key
        };
        let keys = || Arc::new(Tree::labeled(mapping.labels.iter().map(key).collect()));
        let element = match method {
            "keys" => keys(),
            "values" => self.any_part(mapping),
            _ => Arc::new(Tree::list([keys(), self.any_part(mapping)])),
        };
        let mut list = Tree::default();
        list.store(&[Key::Any], &element);
        list
    }

    /// `zip(a, b)`: pairs of elements, told apart where one of the lists is known element by element.
    pub(super) fn zipped(&self, lists: &[Arc<Tree>]) -> Tree {
        let pair = |element: &dyn Fn(&Tree) -> Arc<Tree>| {
            Arc::new(Tree::list(lists.iter().map(|list| element(list)).collect::<Vec<_>>()))
        };
        // Of what is not known the length is 0.
        let count = lists.iter().filter_map(|list| list.exact_len()).filter(|count| *count > 0).min();
        match count.filter(|count| usize::try_from(*count).is_ok_and(|count| count <= MAX_FIELDS)) {
            Some(count) => {
                let at = |index| pair(&|list| self.part(list, &Key::Item(Konst::Int(index))));
                let from: Vec<&Tree> = lists.iter().map(|list| &**list).collect();
                Tree::list_of((0..count).map(at).collect::<Vec<_>>(), &from)
            }
            None => {
                let mut list = Tree::default();
                list.store(&[Key::Any], &pair(&|list| self.element(list)));
                list
            }
        }
    }

    /// `zip_longest(a, b, fillvalue=c)`: pairs of elements, of which each may be the one that fills up.
    pub(super) fn zipped_longest(&self, site: &Site<'_>) -> Tree {
        let given = site.call.args.iter().zip(&site.args);
        if given.clone().any(|(arg, _)| arg.kind == ArgKind::Star) {
            return self.zipped(&site.args);
        }
        let fill = self.named(site, "fillvalue").map(|(tree, _)| Arc::clone(tree)).unwrap_or_default();
        let lists = given.filter(|(arg, _)| arg.kind == ArgKind::Positional);
        let pair = lists.map(|(_, list)| {
            let mut element = Tree::clone(&self.element(list));
            element.join(&fill);
            Arc::new(element)
        });
        let pair = Arc::new(Tree::list(pair.collect::<Vec<_>>()));
        let mut list = Tree::default();
        list.store(&[Key::Any], &pair);
        list
    }

    /// `set(section, option, value)` and `get(section, option)` of a configuration.
    pub(super) fn configured(
        &self,
        state: &mut State,
        site: &Site<'_>,
        receiver: &Arc<Tree>,
    ) -> Option<Arc<Tree>> {
        let key =
            |index| site.positional(index).map(|(tree, _)| tree.konst.clone().map_or(Key::Any, Key::Item));
        match site.method {
            "set" => {
                let value = site.positional(2).map_or_else(Arc::default, |(tree, _)| Arc::clone(tree));
                self.fill(state, site, &[key(0)?, key(1)?], &value);
                Some(Arc::default())
            }
            "get" => {
                let mut found = self.part(&self.part(receiver, &key(0)?), &key(1)?);
                let unit = self.module.unit;
                for (arg, tree) in site.call.args.iter().zip(&site.args) {
                    if matches!(arg.kind, ArgKind::Keyword(name) if unit.text(name) == "fallback") {
                        Arc::make_mut(&mut found).join(tree);
                    }
                }
                Some(found)
            }
            "read_dict" => {
                let given = self.mapping(site.positional(0)?.0);
                self.gain(state, self.receiver_place(site.call)?, &given, site.call.span);
                Some(Arc::default())
            }
            "getint" | "getfloat" | "getboolean" => Some(Arc::default()),
            "add_section" => Some(Arc::default()),
            _ => None,
        }
    }

    /// `queue.get()`: what was put there first, where that is known.
    pub(super) fn taken(&self, state: &mut State, site: &Site<'_>, queue: &Arc<Tree>) -> Arc<Tree> {
        let Some(mut items) = queue.items().filter(|items| is_queue(site.path) && !items.is_empty()) else {
            return self.element(queue);
        };
        let first = items.remove(0);
        self.fill(state, site, &[], &Arc::new(Tree::list_of(items, &[queue])));
        first
    }

    /// `chain(a, b)`: the elements of one behind those of the other.
    pub(super) fn chained(&self, lists: &[Arc<Tree>]) -> Tree {
        let all: Option<Vec<Vec<Arc<Tree>>>> = lists.iter().map(|list| list.items()).collect();
        let from: Vec<&Tree> = lists.iter().map(|list| &**list).collect();
        match all.filter(|all| all.iter().flatten().count() <= MAX_FIELDS) {
            Some(all) => Tree::list_of(all.into_iter().flatten(), &from),
            None => {
                let mut list = Tree::default();
                lists.iter().for_each(|of| list.store(&[Key::Any], &self.element(of)));
                list
            }
        }
    }

    /// `ChainMap(a, b)`: the entries of the first that has them.
    pub(super) fn layered(mappings: &[Arc<Tree>]) -> Tree {
        let mut found = Tree::default();
        for mapping in mappings.iter().rev() {
            let is_exact =
                mapping.labels.is_empty() && !mapping.fields.iter().any(|(key, _)| *key == Key::Any);
            if is_exact {
                mapping.fields.iter().for_each(|(key, part)| found.store(std::slice::from_ref(key), part));
            } else {
                found.join(mapping);
            }
        }
        found
    }

    /// `gather(a, *others)`: a list of what is given, in order.
    pub(super) fn gathered(&self, site: &Site<'_>) -> Tree {
        let mut list = Tree::default();
        let mut next = Some(0);
        for (arg, value) in site.call.args.iter().zip(&site.args) {
            let values = match arg.kind {
                ArgKind::Positional => vec![Arc::clone(value)],
                ArgKind::Star => value.items().filter(|items| !items.is_empty()).unwrap_or_else(|| {
                    // Any number of them: what stands behind has no known place.
                    next = None;
                    vec![self.element(value)]
                }),
                ArgKind::Keyword(_) | ArgKind::DoubleStar => continue,
            };
            for value in values {
                list.store(&[next.map_or(Key::Any, |index| Key::Item(Konst::Int(index)))], &value);
                next = next.map(|index| index + 1);
            }
        }
        list
    }
}

/// The keys of a mapping, which are others than what stands under them; they have no parts that are told apart.
pub(super) fn keys_key() -> Key {
    Key::Item(Konst::Str(Arc::from("\0keys")))
}

/// Whether a method is one of a queue that gives first what it was given first, or of a `deque`.
pub(super) fn is_queue(path: &str) -> bool {
    const QUEUES: &[&str] = &[
        "collections.deque().",
        "queue.Queue().",
        "queue.SimpleQueue().",
        "asyncio.Queue().",
        "asyncio.queues.Queue().",
        "multiprocessing.Queue().",
        "multiprocessing.SimpleQueue().",
    ];
    QUEUES.iter().any(|queue| path.starts_with(queue))
}

/// Whether an object of a library is made to hold values: a queue, what belongs to a request or a thread.
pub(super) fn is_holder(path: &str) -> bool {
    const MODULES: &[&str] = &[
        "collections",
        "queue",
        "multiprocessing",
        "asyncio",
        "contextvars",
        "weakref",
        "types",
        "cachetools",
    ];
    const OBJECTS: &[&str] = &["flask.g", "quart.g", "threading.local()", "werkzeug.local.Local()"];
    let root = path.split(['.', '(', '[']).next().unwrap_or_default();
    // `list()`, `dict()`, `sorted()`
    let is_plain = path.split_once('(').is_some_and(|(made_by, _)| !made_by.contains('.'));
    let is_object = |object: &&str| {
        path.strip_prefix(*object).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    is_plain || MODULES.contains(&root) || OBJECTS.iter().any(is_object)
}
