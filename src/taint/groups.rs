//! Groups of regular expressions: what a part of a text holds that a pattern matched.

use std::sync::Arc;

use crate::models::Kinds;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::regex::{group_admits_nothing_for, group_names};
use crate::taint::state::State;
use crate::taint::value::{Cond, Key, Konst, Label, Tree};

impl Analyzer<'_, '_> {
    /// The pattern by which a call looks for matches, where it is constant.
    pub(super) fn sought(site: &Site<'_>) -> Option<Arc<Tree>> {
        let pattern = match site.path {
            "re.match" | "re.search" | "re.fullmatch" => Arc::clone(site.positional(0)?.0),
            "re.compile().match" | "re.compile().search" | "re.compile().fullmatch" => {
                Arc::clone(site.receiver.as_ref()?.field(&pattern_key())?)
            }
            _ => return None,
        };
        pattern.konst.is_some().then_some(pattern)
    }

    /// `match.group(…)`, `match.groups()`, `match.groupdict()`; `None` if the call is none of these.
    pub(super) fn group(&self, site: &Site<'_>, found: &Arc<Tree>) -> Option<Arc<Tree>> {
        if !matches!(site.method, "group" | "groups" | "groupdict") || found.labels.is_empty() {
            return None;
        }
        let pattern = match found.field(&pattern_key()).and_then(|pattern| pattern.konst.clone()) {
            Some(Konst::Str(pattern)) => Some(pattern),
            _ => None,
        };
        let pattern = pattern.as_deref();
        let one = |which: &Konst| Arc::new(self.group_text(found, pattern, which));
        Some(match site.method {
            "group" => {
                let asked: Vec<Arc<Tree>> =
                    site.args.iter().map(|asked| one(asked.konst.as_ref().unwrap_or(&Konst::None))).collect();
                match &asked[..] {
                    [] => one(&Konst::Int(0)),
                    [only] => Arc::clone(only),
                    _ => Arc::new(Tree::list(asked)),
                }
            }
            // Which groups there are is not known.
            "groups" | "groupdict" if pattern.map(group_names)?.is_empty() && pattern?.contains('(') => {
                let mut any = Tree::default();
                any.store(&[Key::Any], &one(&Konst::None));
                Arc::new(any)
            }
            "groups" => {
                let count = i64::try_from(pattern.map(group_names)?.len()).ok()?;
                Arc::new(Tree::list((1..=count).map(|index| one(&Konst::Int(index))).collect::<Vec<_>>()))
            }
            _ => {
                let mut mapping = Tree::default();
                for name in pattern.map(group_names)?.into_iter().flatten() {
                    let name = Konst::Str(name.into());
                    let text = one(&name);
                    mapping.store(&[Key::Item(name)], &text);
                }
                Arc::new(mapping)
            }
        })
    }

    /// A match: it says as much as its text, but for how parts of it begin.
    pub(super) fn as_match(
        &self,
        state: &State,
        found: &mut Tree,
        pattern: &Arc<Tree>,
        cond: Option<&mut Arc<Cond>>,
    ) {
        let of_beginnings = ["argument", "url", "redirect"];
        let of_beginnings =
            of_beginnings.iter().filter_map(|name| Kinds::named(name)).fold(Kinds::NONE, Kinds::with);
        let mut told: Vec<(u32, Kinds)> = Vec::new();
        for label in &mut found.labels {
            let whole = label.origin;
            label.kinds = self.kinds(state, label);
            label.origin = self.apart(whole, pattern_key());
            let known = cond.iter().flat_map(|cond| &cond.yes).filter(|(origin, _)| *origin == whole);
            told.extend(known.map(|(_, kinds)| (label.origin, kinds.without(of_beginnings))));
        }
        if let Some(cond) = cond {
            Arc::make_mut(cond).yes.extend(told);
        }
        found.store(&[pattern_key()], pattern);
    }

    /// An origin with the same port that checks of `id` do not cover.
    pub(super) fn apart(&self, id: u32, key: Key) -> u32 {
        let mut origin = self.origins.borrow()[id as usize].clone();
        if origin.part.last() != Some(&key) {
            origin.part.push(key);
        }
        self.origin(origin)
    }

    /// The text of one group.
    fn group_text(&self, found: &Tree, pattern: Option<&str>, which: &Konst) -> Tree {
        let by_pattern = pattern.map_or(Kinds::NONE, |pattern| group_admits_nothing_for(pattern, which));
        let text = |label: &Label| {
            let origin = self.apart(label.origin, Key::Item(which.clone()));
            self.note_part(origin, label.origin);
            Label { origin, kinds: label.kinds.without(by_pattern), via: label.via.clone() }
        };
        Tree::labeled(found.labels.iter().map(text).collect())
    }
}

/// Where a compiled pattern, and a match, keep the pattern.
pub(super) fn pattern_key() -> Key {
    Key::Item(Konst::Str("pattern".into()))
}
