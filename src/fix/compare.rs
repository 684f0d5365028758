//! Findings before and after edits: are the ones gone, and did no other come?

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::Finding;
use crate::fix::apply::Edited;
use crate::fix::refusal::Refusal;
use crate::text::Span;

/// Whether all of `targets`, whose edits were carried out, are gone from the findings `old` of a file, and `new` has no
/// others.
///
/// What lies in the text that was put in has no place to be told by: there may be as many of a rule as were in the text
/// that the same edit replaced.
pub(super) fn compare<'f>(
    edited: &Edited<'_>,
    targets: &[&Finding],
    old: impl Iterator<Item = &'f Finding>,
    new: impl Iterator<Item = &'f Finding>,
) -> Result<(), Refusal> {
    let mut old: FxHashSet<(&str, Span)> = old.map(|finding| (finding.rule, finding.span)).collect();
    let gone: FxHashSet<(&str, Span)> = targets.iter().map(|target| (target.rule, target.span)).collect();
    old.retain(|finding| !gone.contains(finding));
    let owners = Owners::new(targets);
    let mut others: BTreeMap<(&str, usize), usize> = BTreeMap::new();
    for finding in new {
        let known = edited.back(finding.span);
        match known {
            Some(span) if gone.contains(&(finding.rule, span)) => return Err(Refusal::Stays),
            Some(span) if !old.remove(&(finding.rule, span)) => return Err(Refusal::Another),
            Some(_) => {}
            None => {
                let place = touched(edited, finding.span).next().map_or(0, |old| owners.of(old));
                *others.entry((finding.rule, place)).or_default() += 1;
            }
        }
    }
    let mut left: Vec<(&str, Span)> = old.into_iter().collect();
    left.sort_unstable();
    for (rule, span) in left {
        let places = edited.places.iter().map(|(_, old)| *old);
        let mut owner =
            places.filter(|old| old.start <= span.end && span.start <= old.end).map(|old| owners.of(old));
        if let Some(key) = owner.find(|owner| others.get(&(rule, *owner)).is_some_and(|n| *n > 0)) {
            *others.entry((rule, key)).or_default() -= 1;
        }
    }
    let left: Vec<(&str, usize)> = others.into_iter().filter(|(_, n)| *n > 0).map(|(key, _)| key).collect();
    if left.is_empty() {
        return Ok(());
    }
    let is_target = |(rule, _): &(&str, usize)| targets.iter().any(|target| target.rule == *rule);
    Err(if left.iter().any(is_target) { Refusal::Stays } else { Refusal::Another })
}

/// What was replaced by the text that `span` touches.
fn touched(edited: &Edited<'_>, span: Span) -> impl Iterator<Item = Span> {
    let first = edited.places.partition_point(|(new, _)| new.end <= span.start);
    edited.places[first..]
        .iter()
        .take_while(move |(new, _)| new.start < span.end.max(span.start + 1))
        .map(|(_, old)| *old)
}

/// Which of the targets' edits replaces what.
struct Owners(FxHashMap<Span, usize>);

impl Owners {
    fn new(targets: &[&Finding]) -> Self {
        let mut owners = FxHashMap::default();
        for (index, target) in targets.iter().enumerate() {
            for change in target.edit.iter().flat_map(|edit| &edit.changes) {
                owners.entry(change.span).or_insert(index);
            }
        }
        Self(owners)
    }

    fn of(&self, replaced: Span) -> usize {
        self.0.get(&replaced).copied().unwrap_or_default()
    }
}
