//! What routes make of the parts of an address that they hand over: numbers, single components.

use crate::models::Kinds;
use crate::taint::body::Analyzer;
use crate::taint::typed::text_alone;

impl Analyzer<'_, '_> {
    /// Whether all routes of the function make `name` a number or the like.
    pub(super) fn is_converted(&self, name: &str) -> bool {
        let Some(called) = self.world.callers.of(self.id) else { return false };
        self.converted((name, usize::MAX), &called.routes) == Kinds::ALL
    }

    /// The kinds for which a route makes the parameter harmless that it converts: `<int:name>`, `(?P<name>[0-9]+)`.
    pub(super) fn converted(&self, (name, position): (&str, usize), routes: &[Box<str>]) -> Kinds {
        let decorators = self.body.decorators.iter().map(|decorator| self.file.slice(decorator.span));
        let by_decorator = decorators.filter_map(|text| converted_by(text, (name, None)));
        let by_route = routes.iter().filter_map(|text| converted_by(text, (name, Some(position))));
        let told: Vec<Kinds> = by_decorator.chain(by_route).collect();
        match told.split_first() {
            Some((first, rest)) => rest.iter().fold(*first, |sum, kinds| sum.and(*kinds)),
            None => Kinds::NONE,
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
    // Flask and Django say `<int:name>`, Starlette `{name:int}`.
    for (open, close, is_kind_first) in [('<', '>', true), ('{', '}', false)] {
        for part in route.split(open).skip(1).filter_map(|part| part.split(close).next()) {
            let (kind, named) = match part.rsplit_once(':') {
                Some((kind, named)) if is_kind_first => (kind, named),
                Some((named, kind)) => (kind, named),
                None => ("", part),
            };
            if named == name {
                return Some(match kind {
                    "int" | "float" | "uuid" | "slug" => Kinds::ALL,
                    _ if kind.starts_with("any(") => Kinds::ALL,
                    "" | "str" | "string" => Kinds::named("separator").unwrap_or_default().with(text_alone()),
                    _ => text_alone(),
                });
            }
        }
    }
    None
}
