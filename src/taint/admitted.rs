//! What it tells that a value is among others, or was signed: lookups that did not raise, sets, digests made with a key.

use std::sync::Arc;

use crate::ir::{Operand, Place, RegionId, RegionKind, Step, Try};
use crate::models::Kinds;
use crate::program::Meaning;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::state::State;
use crate::taint::value::{Cond, Key, Konst, Tree};
use crate::text::Span;

impl Analyzer<'_, '_> {
    /// `PORTS[name]`: behind a lookup in a table whose keys are constants the name is one of these.
    pub(super) fn admit(&self, state: &mut State, place: Place, span: Span) {
        let Some((path, Step::Key(key))) = self.module.unit.paths.split(place.path) else { return };
        let key = self.value(state, key);
        if key.labels.iter().all(|label| label.kinds.is_empty()) || self.is_lenient(place.base) {
            return;
        }
        let table = self.load(state, Place { base: place.base, path }, span);
        if is_table(&table) || !table.is_tainted() && self.is_asked_for(span) {
            self.all_kinds(&key).into_iter().for_each(|(origin, kinds)| state.clear(origin, kinds));
        }
    }

    /// `PORTS.get(name)`: where it gives anything true the name is one of those of the table.
    pub(super) fn found_in(&self, site: &Site<'_>, table: &Tree, mut found: Arc<Tree>) -> Arc<Tree> {
        let is_nothing = |tree: &Tree| matches!(tree.konst, Some(Konst::None | Konst::Bool(false)));
        let is_default = site.positional(1).is_some_and(|(default, _)| !is_nothing(default));
        if let Some((key, _)) = site.positional(0)
            && site.method == "get"
            && !is_default
            && key.is_tainted()
            && is_table(table)
        {
            let cond = self.cond(Cond::if_true(self.all_kinds(key)));
            Arc::make_mut(&mut found).cond.clone_from(&cond.cond);
        }
        found
    }

    /// Whether who looks up at `span` is told that a key is not there: what outsiders have no hand in has its own keys.
    fn is_asked_for(&self, span: Span) -> bool {
        let is_told = |name: &str| matches!(name, "KeyError" | "LookupError");
        let tells = |id: &RegionId| match &self.body.regions[*id].kind {
            RegionKind::Handler(handler) => {
                handler.types.iter().any(|name| is_told(self.module.unit.text(*name)))
            }
            _ => false,
        };
        let holds = |each: &&Try| self.body.regions[each.body].block.contains(span);
        self.body.tries.iter().filter(holds).any(|each| each.handlers.iter().any(tells))
    }

    /// Whether a table may have an answer for what is not in it.
    fn is_lenient(&self, table: Operand) -> bool {
        let value = match table {
            Operand::Local(local) => self.body.locals[local].value,
            Operand::Global(name) => Some(name),
            Operand::Const(_) => None,
        };
        match value.map(|value| self.module.meaning(value)) {
            Some(Meaning::Outside(path)) => path.contains('(') && !path.ends_with("dict()"),
            Some(Meaning::Instance(_)) => true,
            _ => false,
        }
    }

    /// `set(values).issubset(ALLOWED)`, `set(values).difference(ALLOWED)`
    pub(super) fn among_all(&self, site: &Site<'_>, receiver: &Tree) -> Option<Arc<Tree>> {
        let other = site.positional(0)?.0;
        let is_open = |tree: &Tree| !tree.all().is_empty();
        Some(match site.method {
            "issubset" if !is_open(other) => self.cond(Cond::if_true(self.all_kinds(receiver))),
            "issuperset" if !is_open(receiver) => self.cond(Cond::if_true(self.all_kinds(other))),
            "difference" if !is_open(other) && is_open(receiver) => {
                let cond = Cond::if_false(self.all_kinds(receiver));
                Arc::new(Tree { cond: self.cond(cond).cond.clone(), ..receiver.clone() })
            }
            _ => return None,
        })
    }

    /// A digest made with a key that no outsider has: who sends the same one has it too, and knows what it was made of.
    pub(super) fn signature(&self, site: &Site<'_>) -> Option<Arc<Tree>> {
        if site.path.starts_with("hmac.new().") {
            let cond = site.receiver.as_ref()?.cond.clone();
            return Some(Arc::new(Tree { cond, ..Tree::default() }));
        }
        let key = site.positional(0).or_else(|| self.named(site, "key"))?.0;
        let given = site.positional(1).or_else(|| self.named(site, "msg"))?.0;
        key.all().is_empty().then(|| self.cond(Cond::if_equal(self.of_kinds(given, Kinds::ALL))))
    }
}

/// Whether a value is a table whose keys are constants.
fn is_table(tree: &Tree) -> bool {
    let is_constant = |(key, _): &(Key, Arc<Tree>)| match key {
        Key::Item(Konst::Str(text)) => !text.starts_with('\0'),
        Key::Item(_) => true,
        Key::Attr(_) | Key::Any => false,
    };
    tree.labels.is_empty()
        && tree.class.is_none()
        && !tree.fields.is_empty()
        && tree.fields.iter().all(is_constant)
}

/// What `struct.unpack` gives by a format of nothing but numbers.
pub(super) fn numbers(format: &Tree) -> Option<Arc<Tree>> {
    const NUMBERS: &str = "<>=!@ 0123456789xbBhHiIlLqQnNfdeP?";
    let is_of_numbers =
        matches!(&format.konst, Some(Konst::Str(format)) if format.chars().all(|c| NUMBERS.contains(c)));
    is_of_numbers.then(Arc::default)
}
