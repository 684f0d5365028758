//! What stores reach that do harm: into headers, sessions, and attributes that are sent.

use std::sync::Arc;

use crate::ir::{Const, Operand, Place, Step};
use crate::models::Kinds;
use crate::program::Meaning;
use crate::taint::body::Analyzer;
use crate::taint::state::State;
use crate::taint::value::Tree;
use crate::text::Span;

impl Analyzer<'_, '_> {
    /// What a store into `base[key]` or `base.name` reaches: the headers of a reply, a session, the text of a reply.
    pub(super) fn meet_store(&self, state: &State, place: Place, value: &Arc<Tree>, span: Span) {
        let steps = self.steps(place);
        let Some((last, before)) = steps.split_last() else { return };
        let unit = self.module.unit;
        if matches!(last, Step::Attr(name) if !self.world.models.is_stored_as(unit.text(*name))) {
            return;
        }
        let mut path = match place.base {
            Operand::Local(local) => {
                match self.body.locals[local].value.map(|value| self.module.meaning(value)) {
                    Some(Meaning::Outside(path)) => path.to_string(),
                    _ => match self.response_path(local) {
                        Some(path) => path.to_owned(),
                        None => unit.text(self.body.locals[local].name.unwrap_or(self.body.name)).to_owned(),
                    },
                }
            }
            Operand::Global(name) => match self.module.meaning(name) {
                Meaning::Outside(path) => path.to_string(),
                _ => unit.text(name).to_owned(),
            },
            Operand::Const(_) => return,
        };
        for step in before {
            if let Step::Attr(name) = step {
                path.push('.');
                path.push_str(unit.text(*name));
            }
        }
        let of = path.len();
        match last {
            Step::Attr(name) => path.extend([".", unit.text(*name), "="]),
            Step::Item(_) | Step::Element | Step::Key(_) => path.push_str("[]="),
        }
        self.meet_stored(state, &path, (place, value), span);
        if let Step::Item(Const::Str(key)) = last {
            path.truncate(of);
            path.extend(["[", &unit.text(*key).to_ascii_lowercase(), "]="]);
            self.meet_stored(state, &path, (place, value), span);
        }
    }

    fn meet_stored(&self, state: &State, path: &str, (place, value): (Place, &Arc<Tree>), span: Span) {
        let last = path.rsplit('.').next().unwrap_or_default();
        for sink in self.world.models.sinks(path, last) {
            if sink.kinds == Kinds::named("html").unwrap_or_default() && !self.is_told_page(place.base) {
                continue;
            }
            let callee =
                path.trim_end_matches('=').trim_end_matches("[]").rsplit('.').next().unwrap_or_default();
            self.reach_at(state, (sink.kinds, callee), value, span);
            // Who chooses the name chooses what else it is taken for.
            let named = sink.kinds.and(named_kinds());
            if let (false, Some((_, Step::Key(key)))) =
                (named.is_empty(), self.module.unit.paths.split(place.path))
            {
                self.reach_at(state, (named, callee), &self.value(state, key), span);
            }
        }
    }
}

/// The kinds of harm that names do as well as what is stored under them: those of headers, those of sessions.
fn named_kinds() -> Kinds {
    let named = |name| Kinds::named(name).unwrap_or_default();
    named("header").with(named("trust"))
}
