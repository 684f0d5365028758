//! What the methods of containers and texts do with what they are given.

use std::sync::Arc;

use crate::ir::{Arg, ArgKind};
use crate::models::Kinds;
use crate::program::{Meaning, SHOWN};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::conds::Among;
use crate::taint::connect::connector_key;
use crate::taint::entry::is_of_client;
use crate::taint::mappings::{is_holder, is_queue};
use crate::taint::poured::is_place;
use crate::taint::secrets::without;
use crate::taint::state::State;
use crate::taint::texts::{braces, join, text_of, unquoted};
use crate::taint::value::{Key, Konst, Tree};

impl Analyzer<'_, '_> {
    /// What a method of a container or text returns; `None` if it is none.
    #[expect(clippy::too_many_lines, reason = "a flat match, one arm a method")]
    pub(super) fn method(
        &self,
        state: &mut State,
        site: &Site<'_>,
        receiver: &Arc<Tree>,
    ) -> Option<Arc<Tree>> {
        let first = || site.positional(0).map(|(tree, _)| Arc::clone(tree));
        let key = || first().and_then(|tree| tree.konst.clone()).map_or(Key::Any, Key::Item);
        if let Some(found) = self
            .group(site, receiver)
            .or_else(|| Self::cut(site, receiver))
            .or_else(|| self.given_attributes(state, site, receiver))
        {
            return Some(found);
        }
        if site.path.starts_with("configparser.")
            && let Some(found) = self.configured(state, site, receiver)
        {
            return Some(found);
        }
        if site.method == "_replace" {
            return self.with_replaced(site, receiver);
        }
        match site.method {
            "count" | "find" | "rfind" | "index" | "rindex" | "endswith" | "start" | "end" | "span"
            | "isspace" | "istitle"
                if site.receiver.is_some() =>
            {
                let text = match &receiver.konst {
                    Some(Konst::Str(text)) => Some(text),
                    _ => None,
                };
                let given = first().and_then(|tree| tree.konst.clone());
                Some(match (site.method, text, given) {
                    ("find" | "rfind" | "count", None, Some(Konst::Str(part))) => {
                        let no = self.of_kinds(receiver, crate::taint::eval::without(&part));
                        self.cond(crate::taint::value::Cond::if_false(no))
                    }
                    ("endswith", Some(text), Some(Konst::Str(end))) => {
                        Arc::new(Tree::konst(Konst::Bool(text.ends_with(&*end))))
                    }
                    ("endswith", None, _) => self.ending_guard(site),
                    _ => Arc::default(),
                })
            }
            "startswith" if receiver.konst.is_some() => match (&receiver.konst, first()?.konst.clone()) {
                (Some(Konst::Str(text)), Some(Konst::Str(begin))) => {
                    Some(Arc::new(Tree::konst(Konst::Bool(text.starts_with(&*begin)))))
                }
                _ => None,
            },
            "pop" | "popleft" | "insert" | "reverse"
                if receiver.items().is_some_and(|items| !items.is_empty()) =>
            {
                let mut items = receiver.items()?;
                let length = items.len();
                let at = |index: i64| {
                    let index = if index < 0 { index + i64::try_from(length).ok()? } else { index };
                    usize::try_from(index).ok()
                };
                let given = first().map(|tree| tree.konst.clone());
                let taken = match (site.method, given) {
                    ("reverse", _) => {
                        items.reverse();
                        Arc::default()
                    }
                    ("popleft", _) => items.remove(0),
                    ("pop", None) => items.pop()?,
                    ("pop", Some(Some(Konst::Int(n)))) if at(n).is_some_and(|n| n < length) => {
                        items.remove(at(n)?)
                    }
                    ("insert", Some(Some(Konst::Int(n)))) => {
                        let index = at(n).unwrap_or(0).min(length);
                        items.insert(index, Arc::clone(site.positional(1)?.0));
                        Arc::default()
                    }
                    _ => return Some(self.element(receiver)),
                };
                self.fill(state, site, &[], &Arc::new(Tree::list_of(items, &[receiver])));
                Some(taken)
            }
            "get" | "pop" | "setdefault" if !site.call.args.is_empty() && !is_network(site) => {
                let of = self.file.slice(site.call.callee_span);
                let is_of_server = |key: &Key| matches!(key, Key::Item(Konst::Str(name)) if of.contains("META.") && !is_of_client(name));
                if self.is_number(site.call) || is_of_server(&key()) {
                    return Some(Arc::default());
                }
                let key = key();
                let default = site.positional(1).map(|(tree, _)| Arc::clone(tree));
                let is_there = receiver.fields.iter().any(|(known, _)| *known == key);
                let is_exact = receiver.labels.is_empty()
                    && key != Key::Any
                    && !receiver.fields.is_empty()
                    && !receiver.fields.iter().any(|(known, _)| *known == Key::Any);
                let found = match default.clone() {
                    Some(default) if !is_there && is_exact => default,
                    Some(default) if !is_there => {
                        let mut found = self.part(receiver, &key);
                        Arc::make_mut(&mut found).join(&default);
                        found
                    }
                    _ => self.part(receiver, &key),
                };
                if let ("setdefault", false, Some(default)) = (site.method, is_there, &default) {
                    // Under a key that is not known it adds the default to what is there.
                    let put = if key == Key::Any { default } else { &found };
                    self.fill(state, site, std::slice::from_ref(&key), put);
                }
                if site.method == "pop" && is_place(receiver, &key) {
                    return Some(self.popped(state, site, receiver, found));
                }
                if site.method == "pop" && key != Key::Any {
                    self.fill(state, site, &[key], &Arc::default());
                }
                Some(self.found_in(site, receiver, found))
            }
            // Which entry it is depends on the order in which they came.
            "popitem" if receiver.fields.iter().all(|(_, part)| part.is_tainted()) => {
                let keys = Arc::new(Tree::labeled(receiver.labels.clone()));
                Some(Arc::new(Tree::list([keys, self.any_part(receiver)])))
            }
            "get_nowait" if is_queue(site.path) => Some(self.taken(state, site, receiver)),
            "pop" | "popleft" | "popitem" | "get_nowait" => {
                Some(self.taken_out(state, self.element(receiver), site))
            }
            "get" if site.call.args.is_empty() && is_holder(site.path) => {
                Some(self.taken(state, site, receiver))
            }
            "set" if site.path == "contextvars.ContextVar().set" => {
                let mut held = Tree::default();
                held.store(&[Key::Any], &first()?);
                self.fill(state, site, &[], &Arc::new(held));
                Some(Arc::default())
            }
            "sort" if !receiver.fields.is_empty() => {
                let list = self.unordered(receiver);
                self.fill(state, site, &[], &list);
                Some(Arc::default())
            }
            "remove" if receiver.items().is_some_and(|items| !items.is_empty()) => {
                let items = receiver.items()?;
                let gone = first()?.konst.clone();
                let at = items.iter().position(|item| item.konst.is_some() && item.konst == gone);
                let before = &items[..at.unwrap_or(0)];
                // What stands before it may be the same.
                let list = match at.filter(|_| before.iter().all(|item| item.konst.is_some())) {
                    Some(at) => {
                        let left = items.iter().enumerate().filter(|(index, _)| *index != at);
                        let left: Vec<_> = left.map(|(_, item)| Arc::clone(item)).collect();
                        Arc::new(Tree::list_of(left, &[receiver]))
                    }
                    None => self.unordered(receiver),
                };
                self.fill(state, site, &[], &list);
                Some(Arc::default())
            }
            "append" | "add" | "appendleft" | "insert" | "put" | "put_nowait" | "push"
                if site.method.starts_with("append") || self.may_keep(site) =>
            {
                let index = usize::from(site.method == "insert");
                let (value, _) = site.positional(index)?;
                let is_list = site.method == "append" && site.path.starts_with("list()");
                let is_last = is_list || is_queue(site.path) && site.method != "appendleft";
                let key = match receiver.exact_len() {
                    Some(length) if is_last => Key::Item(Konst::Int(length)),
                    Some(_) if is_queue(site.path) => {
                        let items = std::iter::once(Arc::clone(value)).chain(receiver.items()?);
                        self.fill(state, site, &[], &Arc::new(Tree::list_of(items, &[receiver])));
                        return Some(Arc::default());
                    }
                    _ => Key::Any,
                };
                let value = Arc::clone(value);
                self.fill(state, site, &[key], &value);
                Some(Arc::default())
            }
            "extend" if receiver.items().is_some() && first().and_then(|tree| tree.items()).is_some() => {
                let given = first()?;
                let items = receiver.items()?.into_iter().chain(given.items()?);
                self.fill(state, site, &[], &Arc::new(Tree::list_of(items, &[receiver, &given])));
                Some(Arc::default())
            }
            "extend" | "update" => {
                let mut gained = Tree::default();
                for (arg, tree) in site.call.args.iter().zip(&site.args) {
                    match arg.kind {
                        ArgKind::Keyword(name) => {
                            let key = Key::Item(Konst::Str(self.module.unit.text(name).into()));
                            gained.store(&[key], tree);
                        }
                        _ if site.method == "extend" => gained.store(&[Key::Any], &self.element(tree)),
                        _ => {
                            gained.join(&self.mapping(tree));
                        }
                    }
                }
                self.gain(state, self.receiver_place(site.call)?, &gained, site.call.span);
                Some(Arc::default())
            }
            "mount" if let Some(adapter) = self.mounted(site) => {
                self.fill(state, site, &[connector_key("adapter")], &adapter);
                Some(Arc::default())
            }
            "clear" if site.call.args.is_empty() => {
                self.fill(state, site, &[], &Arc::default());
                Some(Arc::default())
            }
            "write" | "writelines"
                if site.path.starts_with("io.StringIO()") || site.path.starts_with("io.BytesIO()") =>
            {
                let value = first()?;
                let place = self.receiver_place(site.call)?;
                if let Some(var) = self.local_of(place.base) {
                    state.change(var, |tree| {
                        value.all().iter().for_each(|label| {
                            tree.add(label);
                        })
                    });
                }
                Some(Arc::default())
            }
            "items" | "keys" | "values" if site.call.args.is_empty() => {
                Some(Arc::new(self.view(site.method, receiver)))
            }
            // Of what was handed to an executor.
            "result" => Some(Arc::clone(receiver)),
            "copy" if site.call.args.is_empty() => Some(Arc::clone(receiver)),
            "format" => {
                let given = || site.call.args.iter().zip(&site.args);
                let is_plain = |arg: &Arg| {
                    matches!(arg.kind, ArgKind::Positional | ArgKind::Keyword(_) | ArgKind::DoubleStar)
                };
                let spread = given().find(|(arg, _)| arg.kind == ArgKind::DoubleStar).map(|(_, tree)| tree);
                if let (Some(Konst::Str(template)), true) =
                    (&receiver.konst, site.call.args.iter().all(is_plain))
                {
                    let positional: Vec<Arc<Tree>> = given()
                        .filter(|(arg, _)| arg.kind == ArgKind::Positional)
                        .map(|(_, tree)| self.shown(state, tree, SHOWN, site.call.span))
                        .collect();
                    let named = |name: &str| {
                        let found = self.named(site, name);
                        let found = found.map(|(tree, _)| self.shown(state, tree, SHOWN, site.call.span));
                        found
                            .or_else(|| spread.map(|all| self.part(all, &Key::Item(Konst::Str(name.into())))))
                    };
                    if let Some(text) = braces(template, &positional, &named) {
                        return Some(Arc::new(text));
                    }
                }
                let mut parts = vec![Arc::clone(receiver)];
                parts.extend(site.args.iter().cloned());
                let mut tree = text_of(&parts);
                (tree.konst, tree.ending) = (None, None);
                tree.prefix = receiver
                    .beginning()
                    .map(|text| text.split('{').next().unwrap_or_default())
                    .filter(|text| !text.is_empty())
                    .map(Into::into);
                Some(Arc::new(tree))
            }
            "format_map" => {
                let all = first()?;
                let Some(Konst::Str(template)) = &receiver.konst else { return None };
                let named = |name: &str| Some(self.part(&all, &Key::Item(Konst::Str(name.into()))));
                braces(template, &[], &named).map(Arc::new)
            }
            // What is in a set of constants too is one of these.
            "intersection" if is_constant(receiver) || first().is_some_and(|other| is_constant(&other)) => {
                Some(Arc::default())
            }
            "issubset" | "issuperset" | "difference" => self.among_all(site, receiver),
            "join" if receiver.labels.is_empty() || receiver.konst.is_some() => {
                let list = self.listed(state, &first()?);
                if let Some(items) = list.items().filter(|items| !items.is_empty()) {
                    return Some(Arc::new(join(receiver, &items)));
                }
                // Of a mapping whose keys are constants these are joined.
                let is_mapping = list.labels.is_empty()
                    && !list.fields.is_empty()
                    && list.fields.iter().all(
                        |(key, _)| matches!(key, Key::Item(Konst::Str(text)) if !text.starts_with('\0')),
                    );
                let mut tree = if is_mapping { Tree::default() } else { Tree::labeled(list.all()) };
                receiver.all().iter().for_each(|label| {
                    tree.add(label);
                });
                Some(Arc::new(tree))
            }
            "split" if site.call.args.is_empty() && receiver.beginning().is_some() => {
                Some(Arc::new(self.words(receiver)))
            }
            "replace" | "translate" => {
                let mut tree = Tree::labeled(receiver.all());
                if first().is_none_or(|old| old.konst.is_none()) {
                    // What is taken out may be the secret.
                    tree = Tree::clone(&without(&Arc::new(tree)));
                }
                if let Some((with, _)) = site.positional(1) {
                    with.all().iter().for_each(|label| {
                        tree.add(label);
                    });
                }
                let old = first().and_then(|tree| tree.konst.clone());
                let new = site.positional(1).and_then(|(tree, _)| tree.konst.clone());
                for label in &mut tree.labels {
                    label.kinds = unquoted(label.kinds);
                }
                if site.method == "translate" {
                    let clears = first().map_or(Kinds::NONE, |table| translated(&table));
                    for label in &mut tree.labels {
                        label.kinds = label.kinds.without(clears);
                    }
                } else if let Some(Konst::Str(old)) = old {
                    let new = match &new {
                        Some(Konst::Str(new)) => new,
                        _ => "",
                    };
                    if new.is_empty() && replaced(&old, new) == Kinds::NONE {
                        // What is taken out may have kept two halves of something dangerous apart.
                        let path = Kinds::named("path").unwrap_or_default();
                        for label in &mut tree.labels {
                            let cleared = self.cleared(state, label.origin);
                            if cleared.has(path) && !cleared.is_checked() {
                                self.decoded(label, false);
                            }
                        }
                    }
                    let clears = replaced(&old, new);
                    for label in &mut tree.labels {
                        label.kinds = label.kinds.without(clears);
                    }
                }
                Some(Arc::new(tree))
            }
            "splitlines" | "split" if is_lines(site, first().as_deref()) => {
                let mut tree = Tree::labeled(receiver.all());
                for label in &mut tree.labels {
                    label.kinds = label.kinds.without(replaced("\n", ""));
                }
                Some(Arc::new(tree))
            }
            "lower" | "upper" | "strip" | "lstrip" | "rstrip" | "title" | "casefold" | "encode"
            | "decode" => {
                let mut tree = Tree::labeled(receiver.all());
                if site.method.ends_with("strip") && !site.args.is_empty() {
                    tree.labels.iter_mut().for_each(|label| label.kinds = unquoted(label.kinds));
                }
                let given = first().and_then(|tree| tree.konst.clone());
                if let (Some(Konst::Str(given)), "strip" | "lstrip") = (&given, site.method)
                    && given.contains('/')
                {
                    self.unroot(state, &mut tree);
                }
                if let (Some(Konst::Str(given)), "strip" | "lstrip") = (&given, site.method)
                    && given.contains('/')
                    && receiver.beginning() == Some("/")
                {
                    // Of a path from the root in which no `..` is left, what stays leads down.
                    let path = Kinds::named("path").unwrap_or_default();
                    let resolved = tree.labels.iter_mut().filter(|label| !label.kinds.has(Kinds::UNRESOLVED));
                    resolved.for_each(|label| label.kinds = label.kinds.without(path));
                }
                if let (Some(Konst::Str(given)), "strip" | "lstrip") = (&given, site.method)
                    && given.contains('-')
                {
                    let argument = Kinds::named("argument").unwrap_or_default();
                    tree.labels.iter_mut().for_each(|label| label.kinds = label.kinds.without(argument));
                }
                if let (Some(Konst::Str(codec)), "decode") = (&given, site.method)
                    && matches!(
                        &**codec,
                        "unicode_escape"
                            | "unicode-escape"
                            | "raw_unicode_escape"
                            | "punycode"
                            | "idna"
                            | "rot13"
                            | "base64"
                            | "hex"
                    )
                {
                    tree.labels.iter_mut().for_each(|label| self.decoded(label, false));
                }
                if let (Some(Konst::Str(text)), true) = (&receiver.konst, site.call.args.is_empty()) {
                    tree.konst = match site.method {
                        "lower" | "casefold" => Some(Konst::Str(text.to_lowercase().into())),
                        "upper" => Some(Konst::Str(text.to_uppercase().into())),
                        "strip" => Some(Konst::Str(text.trim().into())),
                        "encode" | "decode" => Some(Konst::Str(Arc::clone(text))),
                        _ => None,
                    };
                }
                if let (Some(among), "strip") = (&receiver.among, site.method)
                    && site.call.args.is_empty()
                {
                    let texts = among.texts.iter().map(|text| text.trim().into()).collect();
                    tree.among = Some(Arc::new(Among { of: among.of, texts }));
                }
                Some(Arc::new(tree))
            }
            _ => None,
        }
    }

    /// Whether what is handed to `add` and the like comes out again: no session of a database gives back the rows that
    /// it was given.
    fn may_keep(&self, site: &Site<'_>) -> bool {
        let program = self.world.program;
        let is_row = |tree: &Arc<Tree>| {
            tree.class.is_some_and(|class| {
                program
                    .outside_bases(class)
                    .iter()
                    .any(|base| base.contains('.') && !base.starts_with("enum."))
            })
        };
        let is_library = match site.call.name.map(|name| self.module.meaning(name)) {
            Some(Meaning::Outside(path)) => !is_holder(path),
            _ => false,
        };
        !is_library && !site.args.first().is_some_and(is_row)
    }
}

/// Whether a value is a list or set of constants.
pub(super) fn is_constant(list: &Tree) -> bool {
    list.items().is_some_and(|items| !items.is_empty() && items.iter().all(|item| item.konst.is_some()))
}

/// Whether `get` and the like go over a network.
fn is_network(site: &Site<'_>) -> bool {
    ["requests", "httpx", "aiohttp", "urllib3"].iter().any(|module| site.path.starts_with(module))
}

/// Whether a text is taken apart at the ends of its lines, if not elsewhere too.
fn is_lines(site: &Site<'_>, at: Option<&Tree>) -> bool {
    let is_break =
        |tree: &Tree| matches!(&tree.konst, Some(Konst::Str(text)) if matches!(&**text, "\n" | "\r\n"));
    site.method == "splitlines" || at.is_none_or(is_break)
}

/// What a table for `str.translate` makes harmless: `{ord("<"): "\\u003C"}`.
fn translated(table: &Tree) -> Kinds {
    let clears = |(key, with): &(Key, Arc<Tree>)| {
        let old = match key {
            Key::Item(Konst::Str(old)) => old.to_string(),
            Key::Item(Konst::Int(code)) => char::from_u32(u32::try_from(*code).ok()?)?.to_string(),
            _ => return None,
        };
        let new = match &with.konst {
            Some(Konst::Str(new)) => new,
            _ => "",
        };
        Some(replaced(&old, new))
    };
    table.fields.iter().filter_map(clears).fold(Kinds::NONE, Kinds::with)
}

/// The kinds for which a text is harmless in which `old` was replaced by `new`.
pub(super) fn replaced(old: &str, new: &str) -> Kinds {
    let named =
        |names: &[&str]| names.iter().filter_map(|name| Kinds::named(name)).fold(Kinds::NONE, Kinds::with);
    match old {
        "\n" | "\r\n" | "\r" => named(&["header", "log"]),
        "/" => named(&["path"]),
        // A backslash before a quote ends nothing in SQL.
        "'" if !new.contains('\\') => named(&["sql-quoted"]),
        "<" => named(&["html"]),
        _ => Kinds::NONE,
    }
}
