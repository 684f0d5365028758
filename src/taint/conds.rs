//! What truth tells: of a value in each round of a loop, and of a flag that was set where something was shown.

use std::sync::Arc;

use crate::ir::LocalId;
use crate::models::Kinds;
use crate::taint::state::State;
use crate::taint::value::{Cond, Konst, Tree};

/// Origins with the kinds for which they are harmless.
pub(super) type Shown = Vec<(u32, Kinds)>;

/// Where a condition is `truth` in each round of the loop over `of`, `origin` is harmless for `kinds`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Each {
    pub(super) of: LocalId,
    pub(super) truth: bool,
    pub(super) origin: u32,
    pub(super) kinds: Kinds,
}

/// The constants over which a loop runs, or of which a value is one by the way that was taken.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Among {
    /// The element of the loop.
    pub(super) of: Option<LocalId>,
    pub(super) texts: Vec<Arc<str>>,
}

/// What the truth of a variable tells where two ways meet, of which each has shown something else: `found = True` behind
/// a check that passed, `found = False` elsewhere.
pub(super) fn met(left: (&State, &Tree), right: (&State, &Tree)) -> Option<Cond> {
    let is_open = |tree: &Tree| tree.konst.is_none() && !tree.labels.is_empty();
    let is_none = |tree: &Tree| tree.konst == Some(Konst::None);
    let is_text = |tree: &Tree| matches!(&tree.konst, Some(Konst::Str(text)) if !text.is_empty());
    let tells = |tree: &Tree, other: &Tree| match &tree.konst {
        Some(Konst::Bool(_)) => true,
        Some(Konst::None) => is_open(other) || is_text(other),
        // `error = "unknown unit"`
        Some(_) => is_text(tree) && is_none(other),
        None if is_open(tree) => is_none(other),
        None => true,
    };
    if !tells(left.1, right.1) || !tells(right.1, left.1) {
        return None;
    }
    let by = |truth: bool| {
        let sides = [left, right].map(|(state, tree)| {
            let is_other = tree.konst.as_ref().is_some_and(|konst| konst.is_true() != truth);
            (!is_other).then(|| after(state, tree, truth))
        });
        match sides {
            [Some(left), Some(right)] => both(&left, &right),
            [Some(only), None] | [None, Some(only)] => only,
            [None, None] => Vec::new(),
        }
    };
    let common = both(left.0.all_cleared(), right.0.all_cleared());
    let more = |(origin, kinds): &(u32, Kinds)| {
        let known = common.iter().find(|(known, _)| known == origin).map_or(Kinds::NONE, |(_, kinds)| *kinds);
        kinds.without(known) != Kinds::NONE
    };
    let cond = Cond { yes: by(true), no: by(false), ..Cond::default() };
    (cond.yes.iter().any(more) || cond.no.iter().any(more)).then_some(cond)
}

/// What is shown in `state` where `tree` is `truth`.
pub(super) fn after(state: &State, tree: &Tree, truth: bool) -> Shown {
    let mut shown = state.all_cleared().to_vec();
    if let Some(cond) = tree.cond.as_ref().filter(|cond| tree.labels.is_empty() && !cond.is_compared) {
        for (origin, kinds) in if truth { &cond.yes } else { &cond.no } {
            add(&mut shown, *origin, *kinds);
        }
    }
    shown
}

/// Adds what is shown of an origin.
pub(super) fn add(shown: &mut Shown, origin: u32, kinds: Kinds) {
    match shown.binary_search_by_key(&origin, |(known, _)| *known) {
        Ok(at) => shown[at].1 = shown[at].1.with(kinds),
        Err(at) => shown.insert(at, (origin, kinds)),
    }
}

/// What both have shown; both are sorted.
pub(super) fn both(left: &[(u32, Kinds)], right: &[(u32, Kinds)]) -> Shown {
    let other = |origin: u32| {
        let at = right.binary_search_by_key(&origin, |(known, _)| *known).ok()?;
        Some(right[at].1)
    };
    let common = left.iter().filter_map(|(origin, kinds)| Some((*origin, kinds.and(other(*origin)?))));
    common.filter(|(_, kinds)| *kinds != Kinds::NONE).collect()
}
