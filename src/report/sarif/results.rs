//! Findings as results: one for each rule and line, since GitHub makes one alert of them anyway.

use rustc_hash::FxHashMap;

use crate::finding::{Edit, Finding, Note, Safety, Severity};
use crate::report::Report;
use crate::report::fingerprint::Fingerprints;
use crate::report::place::Place;
use crate::report::sarif::log::{self, Level, Location, NonEmpty};
use crate::report::sarif::rules::Rules;
use crate::report::wording::{self, visible};
use crate::text::{FileId, SourceFile, Span};

/// Most steps of a trace that GitHub keeps.
pub(super) const MAX_STEPS: usize = 1_000;
/// Most related locations of a result; GitHub keeps as many locations.
pub(super) const MAX_RELATED: usize = 100;
/// Most lines of code around a finding.
const MAX_CONTEXT_LINES: u32 = 40;
/// Most bytes of code around a finding.
const MAX_CONTEXT_BYTES: usize = 8_192;

/// What results are made from.
pub(super) struct View<'r, 'a> {
    pub(super) report: &'r Report<'a>,
    pub(super) hashes: &'r Fingerprints,
}

impl View<'_, '_> {
    fn location(&self, file: FileId, span: Span, id: Option<usize>, caption: Option<&str>) -> Location {
        let place = Place::of(self.report, file, span);
        log::location(&place, self.hashes.width(file, place.line()), id, caption)
    }
}

/// Findings of one rule and severity on one line, first one first.
pub(super) struct Group<'f> {
    pub(super) findings: Vec<&'f Finding>,
}

impl<'f> Group<'f> {
    fn first(&self) -> &'f Finding {
        self.findings[0]
    }
}

/// Joins what GitHub would join; keeps the order.
pub(super) fn group<'f>(report: &Report, findings: impl Iterator<Item = &'f Finding>) -> Vec<Group<'f>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: FxHashMap<(&str, Severity, FileId, u32, bool), usize> = FxHashMap::default();
    for finding in findings {
        let line = Place::of(report, finding.file, finding.span).line();
        let key = (finding.rule, finding.severity, finding.file, line, finding.suppressed.is_some());
        let at = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.findings.push(finding),
            None => groups.push(Group { findings: vec![finding] }),
        }
    }
    groups
}

/// Keeps at most `max` groups, open before suppressed and worse before milder, in their order; returns how many
/// were dropped.
pub(super) fn limit(groups: &mut Vec<Group>, max: usize) -> usize {
    let dropped = groups.len().saturating_sub(max);
    if dropped > 0 {
        let mut by_weight: Vec<usize> = (0..groups.len()).collect();
        let weight = |group: &Group| (group.first().suppressed.is_none(), group.first().severity);
        by_weight.sort_by(|&a, &b| weight(&groups[b]).cmp(&weight(&groups[a])).then(a.cmp(&b)));
        let mut keep = vec![false; groups.len()];
        by_weight[..max].iter().for_each(|&i| keep[i] = true);
        let mut kept = keep.into_iter();
        groups.retain(|_| kept.next().expect("one flag a group"));
    }
    dropped
}

/// One group as a result.
pub(super) fn result(view: &View, rules: &Rules, group: &Group) -> log::Result {
    let View { report, hashes } = *view;
    let finding = group.first();
    let place = Place::of(report, finding.file, finding.span);
    let (rule, index) = rules.entry(finding);
    let (text, related) = message(view, group);
    let mut at = view.location(finding.file, finding.span, None, None);
    log::name_function(&mut at, &finding.function);
    let edit = edit(group).filter(|_| place.has_columns());
    if let Some((lines, text)) = edit.as_ref().and_then(|edit| context(place.file, finding.span, edit)) {
        log::add_context(&mut at, lines, text);
    }
    let mut result = log::result(rule, index, Level::of(finding.severity), text, at);
    result.related_locations = NonEmpty::new(related).map(NonEmpty::into_vec);
    result.code_flows = flow(view, finding).map(|steps| vec![log::code_flow(steps)]);
    let fix = edit.and_then(|edit| {
        let changes: Vec<(Span, &str)> = edit.changes.iter().map(|c| (c.span, c.text.as_str())).collect();
        Some(log::fix(&visible(&edit.title), edit.safety, &place, NonEmpty::new(changes)?))
    });
    result.fixes = fix.map(|fix| vec![fix]);
    if let Some(hash) = hashes.line(finding.file, place.line()) {
        let entry = ("primaryLocationLineHash".to_owned(), hash.to_string());
        result.partial_fingerprints = Some([entry].into());
    }
    if let Some(suppression) = &finding.suppressed {
        let words = [suppression.marker.as_str(), suppression.reason.as_str()];
        let words: Vec<&str> = words.into_iter().filter(|words| !words.is_empty()).collect();
        result.suppressions = Some(vec![log::in_source(visible(&words.join(": ")))]);
    }
    result
}

/// The message with its links, and the locations they lead to.
fn message(view: &View, group: &Group) -> (String, Vec<Location>) {
    let first = group.first();
    let mut text = log::escape(&visible(&wording::what(first)));
    if !first.solution.is_empty() {
        text.push_str(&format!(" Do: {}", log::escape(&visible(&wording::sentence(&first.solution)))));
    }
    let mut related = Vec::new();
    let mut link = |lead: &str, file: FileId, span: Span, caption: &str| {
        if related.len() < MAX_RELATED {
            let id = related.len() + 1;
            let caption = visible(caption);
            text.push_str(&format!(" {lead}: [{}]({id}).", log::escape(&caption)));
            related.push(view.location(file, span, Some(id), Some(&caption)));
        }
    };
    for note in &first.related {
        link("See", note.file, note.span, &note.caption);
    }
    for other in &group.findings[1..] {
        link("Also", other.file, other.span, other.message.trim_end_matches('.'));
    }
    (text, related)
}

/// The way to the finding, ending at it; the middle is cut where it is too long.
fn flow(view: &View, finding: &Finding) -> Option<NonEmpty<Location>> {
    let last = finding.trace.last()?;
    let step = |note: &Note| view.location(note.file, note.span, None, Some(&visible(&note.caption)));
    let mut steps: Vec<Location> = finding.trace.iter().take(MAX_STEPS - 1).map(step).collect();
    if (last.file, last.span) != (finding.file, finding.span) {
        steps.push(view.location(finding.file, finding.span, None, Some(&visible(&finding.message))));
    } else if finding.trace.len() >= MAX_STEPS {
        steps.push(step(last));
    }
    NonEmpty::new(steps)
}

/// The whole lines around a finding and its edit, and one more on either side; of the finding alone where that is
/// too much, `None` where that is too much as well.
fn context<'f>(file: &'f SourceFile, span: Span, edit: &Edit) -> Option<((u32, u32), &'f str)> {
    let lines = |around: Span| {
        let first = file.line(around.start).saturating_sub(1).max(1);
        let last = (file.line(around.end) + 1).min(file.n_lines());
        let text = file.slice(file.line_span(first).to(file.line_span(last)));
        (last - first < MAX_CONTEXT_LINES && text.len() <= MAX_CONTEXT_BYTES).then_some(((first, last), text))
    };
    lines(edit.changes.iter().fold(span, |sum, change| sum.to(change.span))).or_else(|| lines(span))
}

/// The edits of a group as one, as far as they do not overlap.
fn edit(group: &Group) -> Option<Edit> {
    let mut edits = group.findings.iter().filter_map(|finding| finding.edit.as_ref());
    let mut all = edits.next()?.clone();
    for edit in edits {
        let apart = |a: Span, b: Span| a.end < b.start || b.end < a.start;
        if edit.changes.iter().all(|new| all.changes.iter().all(|old| apart(new.span, old.span))) {
            all.changes.extend(edit.changes.iter().cloned());
            if edit.safety == Safety::Suggest {
                all.safety = Safety::Suggest;
            }
        }
    }
    all.changes.sort_by_key(|change| change.span);
    Some(all)
}
