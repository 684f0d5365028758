//! Findings before and after an edit: is the one gone, and did no other come?

use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::Finding;
use crate::fix::apply::Edited;
use crate::fix::prove::Refusal;
use crate::text::Span;

/// Whether of the findings in a file `old` but `target` are left, and `new` has no others.
///
/// What lies in the text that was put in has no place to be told by: there may be as many of a rule as were in the text
/// that it replaced.
pub(super) fn compare<'f>(
    edited: &Edited,
    target: &Finding,
    old: impl Iterator<Item = &'f Finding>,
    new: impl Iterator<Item = &'f Finding>,
) -> Result<(), Refusal> {
    let mut old: FxHashSet<(&str, Span)> = old.map(|finding| (finding.rule, finding.span)).collect();
    let mut others: FxHashMap<&str, usize> = FxHashMap::default();
    old.remove(&(target.rule, target.span));
    for finding in new {
        let known = edited.back(finding.span);
        if known == Some(target.span) && finding.rule == target.rule {
            return Err(Refusal::Stays);
        }
        match known {
            Some(span) if !old.remove(&(finding.rule, span)) => return Err(Refusal::Another),
            Some(_) => {}
            None => *others.entry(finding.rule).or_default() += 1,
        }
    }
    let touched =
        |span: Span| edited.places.iter().any(|(_, old)| old.start <= span.end && span.start <= old.end);
    for (rule, span) in old {
        if touched(span)
            && let Some(n) = others.get_mut(rule)
        {
            *n = n.saturating_sub(1);
        }
    }
    match others.get(target.rule) {
        Some(1..) => Err(Refusal::Stays),
        _ if others.values().any(|n| *n > 0) => Err(Refusal::Another),
        _ => Ok(()),
    }
}
