//! Of the edits of one file, those that can be carried out together.

use crate::finding::{Change, Finding};

/// Findings in the order of their places, each of whose edits leaves the others' text alone, and all their changes.
pub(super) struct Chosen<'f> {
    pub(super) findings: Vec<&'f Finding>,
    pub(super) changes: Vec<Change>,
}

/// The first `max` of the findings in `wanted` whose edits get along: what several insert in one place (an import) goes
/// in once, and of edits that overlap the first one is taken.
pub(super) fn choose<'f>(wanted: &[&'f Finding], max: usize) -> Chosen<'f> {
    let mut chosen = Chosen { findings: Vec::new(), changes: Vec::new() };
    for finding in wanted {
        let Some(edit) = &finding.edit else { continue };
        if chosen.findings.len() == max {
            break;
        }
        let new: Vec<&Change> =
            edit.changes.iter().filter(|change| !chosen.changes.contains(change)).collect();
        if new.iter().any(|change| chosen.changes.iter().any(|known| clash(known, change))) {
            continue;
        }
        chosen.changes.extend(new.into_iter().cloned());
        chosen.findings.push(finding);
    }
    chosen.changes.sort_by(|a, b| (a.span, &a.text).cmp(&(b.span, &b.text)));
    chosen
}

/// Whether two changes touch each other. Whole lines that go in at one place do not: their order is that of their text.
fn clash(a: &Change, b: &Change) -> bool {
    let is_lines = |change: &Change| change.span.start == change.span.end && change.text.ends_with('\n');
    let is_apart = a.span.end < b.span.start || b.span.end < a.span.start;
    !(is_apart || a.span == b.span && is_lines(a) && is_lines(b))
}
