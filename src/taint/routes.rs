//! What routes make of the parts of an address that they hand over: numbers, single components.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::models::Kinds;
use crate::program::{Meaning, Program};
use crate::taint::body::Analyzer;
use crate::taint::typed::text_alone;
use crate::taint::value::{Key, Konst, Label, Tree};

/// Routes by the parts of the address that they name.
pub(super) type Named = FxHashMap<Box<str>, Vec<Box<str>>>;

/// The texts of a program that look like routes, by the parts of the address that they name.
pub(super) fn named(program: &Program<'_>) -> Named {
    let mut found = Named::default();
    for module in program.modules.iter().filter(|module| !module.is_test) {
        for text in module.unit.names.iter().filter(|text| is_route(text)) {
            for name in names_in(text) {
                found.entry(name.into()).or_default().push(text.into());
            }
        }
    }
    found
}

/// Whether a text may be a route with names in it: `/files/<int:id>`, `^files/(?P<id>\d+)$`.
fn is_route(text: &str) -> bool {
    let is_plain = |text: &str| !text.contains("<locals>") && !text.contains("</");
    text.contains('<') && text.contains(['/', '^']) && is_plain(text) && !text.contains(char::is_whitespace)
}

/// What may be the names of the parts of an address in a route: `int` and `id` of `<int:id>`.
fn names_in(route: &str) -> impl Iterator<Item = &str> {
    route.split('<').skip(1).filter_map(|rest| rest.split('>').next()).flat_map(|part| {
        let last = part.rsplit_once(':').map(|(_, last)| last);
        [part.split(':').next(), last].into_iter().flatten()
    })
}

impl Analyzer<'_, '_> {
    /// The kinds for which the part of the address called `name` is harmless by the routes of this method, or of others of
    /// its class.
    pub(super) fn routed(&self, name: &str) -> Kinds {
        let methods = || {
            let class = self.class.into_iter().flat_map(|class| &self.world.program.classes[class].methods);
            class.filter_map(|(_, id)| self.world.callers.of(*id)).collect()
        };
        let called = self.world.callers.of(self.id).map_or_else(methods, |called| vec![called]);
        let by_route = called.is_empty() || called.iter().any(|called| called.by_route);
        let routes: Vec<Box<str>> =
            called.into_iter().flat_map(|called| called.routes.iter().cloned()).collect();
        self.converted((name, usize::MAX), (&routes, by_route))
    }

    /// The kinds for which a route makes the parameter harmless that it converts: `<int:name>`, `(?P<name>[0-9]+)`. Of a
    /// function whose own routes do not name it, and which gets nothing else, all routes count that do: tables of them are
    /// read by loops.
    pub(super) fn converted(
        &self,
        (name, position): (&str, usize),
        (routes, by_route): (&[Box<str>], bool),
    ) -> Kinds {
        let decorators = self.body.decorators.iter().map(|decorator| self.file.slice(decorator.span));
        let by_decorator = decorators.filter_map(|text| converted_by(text, (name, None)));
        let own = routes.iter().filter_map(|text| converted_by(text, (name, Some(position))));
        let told: Option<Kinds> = by_decorator.chain(own).reduce(Kinds::and);
        let named = || {
            let routes = self.world.callers.routes_naming(self.world.program, name).iter();
            routes.filter_map(|text| converted_by(text, (name, None))).reduce(Kinds::and)
        };
        told.or_else(|| if by_route { named() } else { None }).unwrap_or(Kinds::NONE)
    }

    /// Whether a route of this function names a part of the address so.
    pub(super) fn is_in_route(&self, name: &str, routes: &[Box<str>]) -> bool {
        let decorators = self.body.decorators.iter().map(|decorator| self.file.slice(decorator.span));
        let mut texts = decorators.chain(routes.iter().map(|route| &**route));
        texts.any(|text| names_in(text).any(|part| part == name))
    }

    /// Whether the address has no part called `name`: no route does that this function has, nor one elsewhere. What such
    /// a parameter gets is the program's own: `defaults={"kind": "plain"}`.
    pub(super) fn is_in_no_route(&self, name: &str, routes: &[Box<str>]) -> bool {
        let mut decorators = self.body.decorators.iter();
        let is_entry = |path: Option<&Meaning>| match path {
            Some(Meaning::Outside(path)) => {
                self.world.models.entry_by_decorator(path).is_some_and(|caller| caller.by_route)
            }
            _ => false,
        };
        let meaning = |name| self.module.meaning(name);
        // Other decorators may hand over what they will.
        let is_plain = decorators.all(|decorator| is_entry(decorator.name.map(meaning)));
        let texts = || {
            let decorators = self.body.decorators.iter().map(|decorator| self.file.slice(decorator.span));
            decorators.chain(routes.iter().map(|route| &**route))
        };
        let names_it = |text: &str| text.contains(&format!("{name}>")) || text.contains(&format!("<{name}"));
        // Groups without a name are handed over in order.
        let has_group = |text: &str| text.match_indices('(').any(|(at, _)| !text[at + 1..].starts_with('?'));
        is_plain
            && !routes.iter().any(|route| has_group(route))
            && texts().any(|text| text.contains('/'))
            && !texts().any(names_it)
            && self.world.callers.routes_naming(self.world.program, name).is_empty()
    }

    /// Tells apart in what `**kwargs` of a view holds the parts of the address that its routes convert.
    pub(super) fn as_named_parts(&self, routes: &[Box<str>], tree: &mut Tree) {
        let mut names: Vec<&str> =
            routes.iter().filter(|text| is_route(text)).flat_map(|text| names_in(text)).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let cleared = self.converted((name, usize::MAX), (routes, false));
            if cleared != Kinds::NONE {
                let key = Key::Item(Konst::Str(name.into()));
                let labels = tree.labels.iter().map(|label| self.deeper(label, &key));
                let labels = labels.map(|label| Label { kinds: label.kinds.without(cleared), ..label });
                let labels: Vec<Label> = labels.filter(|label| !label.kinds.is_empty()).collect();
                tree.store(&[key], &Arc::new(Tree::labeled(labels)));
            }
        }
    }
}

/// The kinds for which a route that names a parameter makes it harmless; `None` if it does not name it. Most converters
/// take one component of the address, and all of them text.
fn converted_by(route: &str, (name, position): (&str, Option<usize>)) -> Option<Kinds> {
    let named = route.split_once(&format!("(?P<{name}>")).map(|(_, rest)| rest);
    // Patterns with groups that have no names hand these over in order.
    let plain = || {
        let is_group = |at: &usize| !route[at + 1..].starts_with('?') && !route[..*at].ends_with('\\');
        let is_pattern = !route.contains(['<', '{']);
        let mut groups = route.match_indices('(').map(|(at, _)| at).filter(is_group);
        groups.nth(position?).filter(|_| is_pattern).map(|at| &route[at + 1..])
    };
    if let Some(rest) = named.or_else(plain) {
        let mut depth = 0_i32;
        let end = rest.find(|c| {
            depth += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            depth < 0
        })?;
        return Some(crate::taint::regex::admits_nothing_for(&rest[..end], "fullmatch").with(text_alone()));
    }
    // Flask and Django say `<int:name>`, Bottle `<name:int>`, Starlette `{name:int}`.
    for (open, close) in [('<', '>'), ('{', '}')] {
        for part in route.split(open).skip(1).filter_map(|part| part.split(close).next()) {
            let kind = match part.split_once(':') {
                None if part == name => "",
                Some((first, kind)) if first == name => kind,
                Some(_) if open == '<' => match part.rsplit_once(':') {
                    Some((kind, last)) if last == name => kind,
                    _ => continue,
                },
                _ => continue,
            };
            return Some(match kind {
                "int" | "float" | "uuid" | "slug" => Kinds::ALL,
                _ if kind.starts_with("any(") => Kinds::ALL,
                "" | "str" | "string" => Kinds::named("separator").unwrap_or_default().with(text_alone()),
                _ => text_alone(),
            });
        }
    }
    None
}
