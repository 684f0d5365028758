//! What functions of Python's library put into what they are given, `print(text, file=pad)` and `json.dump(data, pad)`, and
//! what they take out: `next(items)`, `items.pop(0)`.

use std::sync::Arc;

use crate::ir::{Arg, ArgKind};
use crate::program::Meaning;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::secrets::without;
use crate::taint::state::State;
use crate::taint::texts::quoted;
use crate::taint::value::{Key, Konst, Tree, inner_key, is_inner, is_numbered};

impl Analyzer<'_, '_> {
    /// Puts what a call writes into what it writes to; what it returns, if it is one of these calls.
    pub(super) fn poured(&self, state: &mut State, site: &Site<'_>) -> Option<Arc<Tree>> {
        let at = |index| site.positional(index);
        let written = |tree: &Tree| Arc::new(Tree::labeled(tree.all()));
        match site.path {
            "print" => {
                let (_, pad) = self.named(site, "file")?;
                let given = site.call.args.iter().zip(&site.args);
                let mut text = Tree::default();
                for (_, tree) in given.filter(|(arg, _)| arg.kind == ArgKind::Positional) {
                    tree.all().iter().for_each(|label| {
                        text.add(label);
                    });
                }
                self.pour(state, pad, &Arc::new(text));
            }
            "json.dump" | "pickle.dump" | "yaml.dump" | "yaml.safe_dump" => {
                let (data, _) = at(0)?;
                let (_, pad) = at(1)?;
                let mut text = Tree::labeled(data.all());
                if site.path == "json.dump" {
                    text = quoted(&text);
                }
                text.store(&[inner_key()], data);
                self.pour(state, pad, &Arc::new(text));
            }
            "shutil.copyfileobj" => self.pour(state, at(1)?.1, &written(at(0)?.0)),
            "heapq.heappush" | "bisect.insort" => {
                let mut list = Tree::default();
                list.store(&[Key::Any], &without(at(1)?.0));
                self.pour(state, at(0)?.1, &Arc::new(list));
            }
            "random.shuffle" => {
                let (list, arg) = at(0)?;
                let shuffled = self.unordered(list);
                if let Some(var) = self.local_of(arg.value) {
                    state.set(var, shuffled);
                }
            }
            "configparser.ConfigParser().write" | "configparser.RawConfigParser().write" => {
                let conf = written(site.receiver.as_ref()?);
                self.pour(state, at(0)?.1, &conf);
            }
            "configparser.ConfigParser().read_string" | "configparser.RawConfigParser().read_string" => {
                let text = Arc::clone(at(0)?.0);
                let place = self.receiver_place(site.call)?;
                if let Some(var) = self.local_of(place.base) {
                    state.change(var, |tree| {
                        tree.join(&Tree::labeled(text.all()));
                    });
                }
            }
            "io.StringIO().getvalue"
            | "io.StringIO().read"
            | "io.BytesIO().getvalue"
            | "io.BytesIO().read" => {
                return site.receiver.clone();
            }
            "json.load" => {
                let (pad, _) = at(0)?;
                let inner = pad.fields.iter().find(|(key, _)| is_inner(key))?;
                return Some(Arc::clone(&inner.1));
            }
            _ => return None,
        }
        Some(Arc::default())
    }

    /// Adds `text` to what an argument holds; of the standard streams nothing is read back.
    fn pour(&self, state: &mut State, into: &Arg, text: &Arc<Tree>) {
        let is_stream =
            matches!(self.meaning(into.value), Some(Meaning::Outside(path)) if path.starts_with("sys.std"));
        if is_stream {
            return;
        }
        if let Some(var) = self.local_of(into.value).filter(|_| text.is_tainted()) {
            state.change(var, |tree| {
                tree.join(text);
            });
        }
    }

    /// A list whose order nobody knows.
    pub(super) fn unordered(&self, list: &Arc<Tree>) -> Arc<Tree> {
        let alike = |(key, _): &(Key, Arc<Tree>)| *key == Key::Any;
        if list.fields.iter().all(alike) {
            return Arc::clone(list);
        }
        let mut tree = Tree::labeled(list.labels.clone());
        tree.store(&[Key::Any], &without(&self.element(list)));
        Arc::new(tree)
    }

    /// What is taken out of an iterator, a list or a queue: each time it is another element.
    pub(super) fn taken_out(&self, state: &mut State, mut found: Arc<Tree>, site: &Site<'_>) -> Arc<Tree> {
        if found.is_tainted() {
            let key = Key::Item(Konst::Str(format!("\0taken {}", site.call.span.start).into()));
            let tree = Arc::make_mut(&mut found);
            tree.relabel(&|label| self.aspect_of(label, &key));
            tree.all().iter().for_each(|label| state.settle(label.origin));
        }
        found
    }

    /// `items.pop(0)`: what came behind `found` stands there now.
    pub(super) fn popped(
        &self,
        state: &mut State,
        site: &Site<'_>,
        list: &Arc<Tree>,
        found: Arc<Tree>,
    ) -> Arc<Tree> {
        self.fill(state, site, &[], &self.unordered(list));
        self.taken_out(state, found, site)
    }
}

/// Whether a key is a place in a list, and not one of a mapping.
pub(super) fn is_place(list: &Tree, key: &Key) -> bool {
    is_numbered(key) && list.fields.iter().all(|(known, _)| *known == Key::Any || is_numbered(known))
}
