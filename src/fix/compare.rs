//! Findings before and after an edit: is the one gone, and did no other come?

use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::Finding;
use crate::fix::apply::Edited;
use crate::fix::prove::Refusal;
use crate::text::Span;

/// Whether all of `targets` are gone from the findings `old` of a file, and `new` has no others.
///
/// What lies in the text that was put in has no place to be told by: there may be as many of a rule as were in the text
/// that it replaced.
pub(super) fn compare<'f>(
    edited: &Edited,
    targets: &[&Finding],
    old: impl Iterator<Item = &'f Finding>,
    new: impl Iterator<Item = &'f Finding>,
) -> Result<(), Refusal> {
    let mut old: FxHashSet<(&str, Span)> = old.map(|finding| (finding.rule, finding.span)).collect();
    let mut others: FxHashMap<&str, usize> = FxHashMap::default();
    for target in targets {
        old.remove(&(target.rule, target.span));
    }
    for finding in new {
        let known = edited.back(finding.span);
        if targets.iter().any(|target| known == Some(target.span) && finding.rule == target.rule) {
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
    let mut left = others.into_iter().filter(|(_, n)| *n > 0).map(|(rule, _)| rule).peekable();
    if left.peek().is_none() {
        return Ok(());
    }
    let is_target = |rule| targets.iter().any(|target| target.rule == rule);
    Err(if left.any(is_target) { Refusal::Stays } else { Refusal::Another })
}
