//! Findings and the diff of a pull request come in; comments on its lines go out, the worst first.
//!
//! A comment holds a suggestion where the edit is one replacement of whole lines that the diff shows as they were
//! scanned: all in one hunk, no deleted line in between, some of them added. Else the solution stands in words
//! on the finding's line, if that was added. What the pull request does not touch is not commented on. All text of
//! the scan is escaped but the suggested lines, which stand in a fence that they cannot end.
//! Source: GitHub's documentation of reviews and of incorporating feedback.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::finding::{Precision, Safety};
use crate::fix::{WholeLines, whole_lines};
use crate::github::findings::{Finding, Fix, Scan};
use crate::github::patch::Patch;
use crate::report::markdown::escape::{code, text};
use crate::report::wording::{counted, cut, visible};

/// Most comments of a pull request: with many more its page fails to load.
const MAX_COMMENTS: usize = 30;
/// Most findings that the review's body lists.
const MAX_LISTED: usize = 100;
/// Longest paragraph of a comment, in characters before they are escaped.
const MAX_TEXT: usize = 3_000;
/// Longest heading or entry of a list.
const MAX_LINE: usize = 300;
/// What a comment of ours ends in, with its id.
const MARKER: &str = "<!-- snakestone:v1 ";

/// Tells a comment from others: which scan it is of (two jobs may share a pull request), and what it proposes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Id {
    pub(super) scan: u64,
    pub(super) finding: u64,
}

impl Id {
    fn of(scan: &Scan, finding: &Finding, fix: &Fix) -> Self {
        let Finding { rule, path, line_hash, .. } = finding;
        let mut parts = vec![rule.as_str(), path, line_hash, &fix.title];
        parts.extend(fix.edit.iter().flat_map(|edit| edit.changes.iter().map(|change| change.text.as_str())));
        Self { scan: scan_id(scan), finding: hash(&parts) }
    }

    /// The id that the comment `body` ends in. Code within it cannot pass for one: it stands in a fence.
    pub(super) fn read(body: &str) -> Option<Self> {
        let line = body.trim_end().lines().next_back()?;
        let (scan, finding) = line.strip_prefix(MARKER)?.strip_suffix(" -->")?.split_once('-')?;
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        Some(Self { scan: number(scan)?, finding: number(finding)? })
    }
}

/// FNV-1a, with a byte between parts that UTF-8 does not use.
fn hash(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// A comment on lines of the head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Comment {
    pub(super) id: Id,
    path: String,
    first: u32,
    last: u32,
    body: String,
    /// Whether it holds a suggestion; else the solution is in words.
    suggests: bool,
}

impl Comment {
    /// `path:line`.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.path, self.last)
    }

    /// As the interface takes it: `start_line` for ranges only.
    pub(super) fn request(&self) -> Value {
        let mut out = json!({"path": self.path, "body": self.body, "line": self.last, "side": "RIGHT"});
        if self.first < self.last {
            out["start_line"] = self.first.into();
            out["start_side"] = "RIGHT".into();
        }
        out
    }
}

/// What to say of a pull request.
#[derive(Debug, Default)]
pub(super) struct Proposal {
    /// Worst first, at most thirty.
    pub(super) comments: Vec<Comment>,
    /// What there was no room for, a line each.
    rest: Vec<String>,
    /// Findings whose lines are not those scanned: the merge commit differs from the head there.
    pub(super) n_differing: usize,
    /// Findings in files whose diff GitHub does not give, since it is too large.
    pub(super) n_without_patch: usize,
}

/// What the ids of all comments of `scan` have in common.
pub(super) fn scan_id(scan: &Scan) -> u64 {
    hash(&[&scan.category])
}

/// The ids of all comments that the findings of `scan` could have, wherever the pull request has its lines.
pub(super) fn ids(scan: &Scan) -> BTreeSet<Id> {
    let with_fix = scan.findings.iter().filter_map(|finding| Some((finding, finding.fix.as_ref()?)));
    with_fix.map(|(finding, fix)| Id::of(scan, finding, fix)).collect()
}

/// What to say of the findings of `scan` that have an edit, in a pull request of `files`: their patches by path.
pub(super) fn propose(scan: &Scan, files: &BTreeMap<String, Option<Patch>>) -> Proposal {
    let mut out = Proposal::default();
    let mut placed = Vec::new();
    for finding in &scan.findings {
        let (Some(fix), Some(patch)) = (&finding.fix, files.get(&finding.path)) else { continue };
        let Some(patch) = patch else {
            out.n_without_patch += 1;
            continue;
        };
        match place(finding, fix, patch) {
            Place::Untouched => {}
            Place::Differs => out.n_differing += 1,
            Place::Lines(lines) => placed.push((finding, fix, Some(lines))),
            Place::Words => placed.push((finding, fix, None)),
        }
    }
    placed.sort_by_key(|(finding, _, lines)| {
        let first = lines.as_ref().map_or(finding.region.first, |lines| lines.first);
        (Reverse(finding.severity), Reverse(finding.precision), lines.is_none(), &finding.path, first)
    });
    let mut known = BTreeSet::new();
    for (finding, fix, lines) in placed {
        let id = Id::of(scan, finding, fix);
        if !known.insert(id) {
            continue;
        }
        if out.comments.len() == MAX_COMMENTS {
            out.rest.push(entry(finding));
            continue;
        }
        let own = (finding.region.first, finding.region.first);
        let (first, last) = lines.as_ref().map_or(own, |lines| (lines.first, lines.last));
        let body = comment(id, finding, fix, lines.as_ref());
        out.comments.push(Comment {
            id,
            path: finding.path.clone(),
            first,
            last,
            body,
            suggests: lines.is_some(),
        });
    }
    out
}

/// Where a finding's comment goes.
enum Place {
    /// Nowhere: the pull request changes none of its lines.
    Untouched,
    /// Nowhere: other text stands there than was scanned.
    Differs,
    /// On the lines that the suggestion replaces.
    Lines(WholeLines),
    /// On the finding's line.
    Words,
}

fn place(finding: &Finding, fix: &Fix, patch: &Patch) -> Place {
    let scanned = |number: u32| {
        let quoted = finding.quoted.as_ref()?;
        let line = number.checked_sub(quoted.first)?.checked_add(1)?;
        (line <= quoted.file.n_lines()).then(|| quoted.file.slice(quoted.file.line_span(line)))
    };
    let own = patch.line(finding.region.first);
    let is_own_added = own.is_some_and(|line| line.is_added);
    let lines = finding.quoted.as_ref().zip(fix.edit.as_ref()).and_then(|(quoted, edit)| {
        let lines = whole_lines(&quoted.file, edit)?;
        let number = |line: u32| quoted.first.checked_add(line)?.checked_sub(1);
        Some(WholeLines { first: number(lines.first)?, last: number(lines.last)?, ..lines })
    });
    let shown = lines.as_ref().and_then(|lines| patch.lines(lines.first, lines.last)).unwrap_or_default();
    if !is_own_added && !shown.iter().any(|line| line.is_added) {
        return Place::Untouched;
    }
    let fits = |line: &crate::github::patch::Line| scanned(line.number) == Some(line.text);
    if let Some(lines) = lines.filter(|lines| is_plain(&lines.text))
        && !shown.is_empty()
        && shown.iter().all(fits)
        && !shown[1..].iter().any(|line| line.follows_deletion)
    {
        return Place::Lines(lines);
    }
    match own {
        Some(line) if !fits(&line) => Place::Differs,
        Some(line) if line.is_added => Place::Words,
        _ => Place::Untouched,
    }
}

/// Whether a reader sees all of `text`: nothing in it reorders or hides what stands there.
fn is_plain(text: &str) -> bool {
    visible(text) == text.replace(['\n', '\t'], " ")
}

/// The body of a comment: what is wrong, what to do, the suggestion, how sure that is.
fn comment(id: Id, finding: &Finding, fix: &Fix, lines: Option<&WholeLines>) -> String {
    let mut out = format!(
        "**{}** · {} · {}\n\n",
        finding.severity.name(),
        code(&cut(&finding.rule, MAX_LINE)),
        text(&cut(&finding.title, MAX_LINE))
    );
    let (what, solution) = finding.message.split_once(" Do: ").unwrap_or((&finding.message, ""));
    out.push_str(&format!("{}\n\n", text(&cut(what, MAX_TEXT))));
    if !solution.is_empty() {
        out.push_str(&format!("**Do:** {}\n\n", text(&cut(solution, MAX_TEXT))));
    }
    let review = match fix.safety {
        Safety::Safe => "keeps what the program does",
        Safety::Suggest => "changes behavior: review it",
    };
    out.push_str(&format!("Edit: {} ({review}).\n\n", text(&cut(&fix.title, MAX_LINE))));
    if let Some(lines) = lines {
        let fence = fence(&lines.text);
        let end = if lines.deletes { "" } else { "\n" };
        out.push_str(&format!("{fence}suggestion\n{}{end}{fence}\n\n", lines.text));
    }
    let confidence = match finding.precision {
        Some(Precision::VeryHigh) => "findings of this rule are right by construction",
        Some(Precision::High) => "nearly all findings of this rule are right",
        Some(Precision::Medium) => "most findings of this rule are right",
        Some(Precision::Low) | None => {
            "about half of the findings of this rule are right: check before you commit"
        }
    };
    out.push_str(&format!(
        "<sub>Confidence: {confidence}.</sub>\n\n{MARKER}{:016x}-{:016x} -->",
        id.scan, id.finding
    ));
    out
}

/// More backticks than `text` has in a row, three at least.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

/// A finding as an entry of a list.
fn entry(finding: &Finding) -> String {
    let place = format!("{}:{}", finding.path, finding.region.first);
    let what = finding.message.split(" Do: ").next().unwrap_or_default();
    format!(
        "- **{}** {} {}: {}\n",
        finding.severity.name(),
        code(&cut(&finding.rule, MAX_LINE)),
        code(&cut(&place, MAX_LINE)),
        text(&cut(what, MAX_LINE))
    )
}

impl Proposal {
    /// The body of a review with `comments`. A scan of a pull request `from_fork` was made where its author decides
    /// what runs.
    pub(super) fn body(&self, comments: &[Comment], from_fork: bool) -> String {
        let n_suggestions = comments.iter().filter(|comment| comment.suggests).count();
        let n_words = comments.len() - n_suggestions;
        let mut said = Vec::new();
        if n_suggestions > 0 {
            said.push(counted(n_suggestions, "suggestion"));
        }
        if n_words > 0 {
            said.push(format!("{} in words", counted(n_words, "solution")));
        }
        let mut out =
            format!("**Snakestone** has {} for the lines of this pull request.\n", said.join(" and "));
        if from_fork {
            out.push_str(
                "\nThe scan ran in the pull request's own workflow: read its suggestions as a part of the \
                 contribution.\n",
            );
        }
        if !self.rest.is_empty() {
            out.push_str(&format!(
                "\n{} with a solution left for another review, which holds at most {MAX_COMMENTS} comments:\n",
                counted(self.rest.len(), "finding")
            ));
            self.rest.iter().take(MAX_LISTED).for_each(|entry| out.push_str(entry));
            if self.rest.len() > MAX_LISTED {
                out.push_str(&format!("- and {} more\n", self.rest.len() - MAX_LISTED));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests;
