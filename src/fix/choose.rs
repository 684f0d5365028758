//! Of the edits of one file, those that can be carried out together.

use std::collections::BTreeSet;

use crate::finding::{Change, Finding};
use crate::text::Span;

/// Findings in the order of their places, each of whose edits leaves the others' text alone, and all their changes.
#[derive(Default)]
pub(super) struct Chosen<'f> {
    pub(super) findings: Vec<&'f Finding>,
    changes: BTreeSet<Change>,
}

/// The first `max` of the findings in `wanted` whose edits get along: what several insert in one place (an import) goes
/// in once, and of edits that overlap the first one is taken.
pub(super) fn choose<'f>(wanted: &[&'f Finding], max: usize) -> Chosen<'f> {
    let mut chosen = Chosen::default();
    for finding in wanted {
        if chosen.findings.len() == max {
            break;
        }
        chosen.add(finding);
    }
    chosen
}

impl<'f> Chosen<'f> {
    /// Takes the edit of `finding` along, unless it touches one that is taken already.
    pub(super) fn add(&mut self, finding: &'f Finding) -> bool {
        let Some(edit) = &finding.edit else { return false };
        let is_new = |change: &&Change| !self.changes.contains(*change);
        if edit.changes.iter().filter(is_new).any(|change| self.clashes(change)) {
            return false;
        }
        self.changes.extend(edit.changes.iter().cloned());
        self.findings.push(finding);
        true
    }

    /// The changes, sorted and free of overlap.
    pub(super) fn changes(&self) -> Vec<Change> {
        self.changes.iter().cloned().collect()
    }

    /// Whether `change` touches one that is taken. Those are apart, so that the ones before a place end before it.
    fn clashes(&self, change: &Change) -> bool {
        let behind = Change { span: Span::empty(change.span.end + 1), text: String::new() };
        let mut near = self.changes.range(..behind).rev();
        near.by_ref()
            .take_while(|known| known.span.end >= change.span.start)
            .any(|known| !(known.span == change.span && is_lines(known) && is_lines(change)))
    }
}

/// Whether whole lines are inserted. Those that go in at one place do not clash: their order is that of their text.
fn is_lines(change: &Change) -> bool {
    change.span.start == change.span.end && change.text.ends_with('\n')
}
