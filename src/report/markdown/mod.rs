//! The scan as Markdown, for a job's summary: totals, classes, a table of findings, and a conclusion.
//!
//! Built like a review: what is wrong and what to do, then where to begin. Never longer than GitHub shows; the
//! mildest findings are cut first and counted.

mod conclusion;
pub(crate) mod escape;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::finding::{Finding, Severity};
use crate::report::Report;
use crate::report::class::Class;
use crate::report::place::Place;
use crate::report::wording::{self, counted, cut, grouped};
use crate::rules::Page;

/// Longest summary of a step that GitHub shows, in bytes; a longer one is dropped whole.
pub const MAX_BYTES: usize = 1_048_576;

/// Longest cell, in characters.
const MAX_CELL: usize = 600;
/// Most paths listed of one kind.
const MAX_PATHS: usize = 20;

/// The report in at most `max_bytes`, which must leave room for the totals: at least 64 KiB.
#[must_use]
pub fn render(report: &Report, max_bytes: usize) -> String {
    let mut out = head(report) + &notes(report);
    let tail = not_scanned(report) + &conclusion::render(report);
    table(report, max_bytes.saturating_sub(tail.len()), &mut out);
    out + &tail
}

fn head(report: &Report) -> String {
    let summary = &report.summary;
    let mut out =
        String::from("## Snakestone\n\n| Critical | High | Medium | Low | Suppressed | Files | Lines |\n");
    out.push_str("|---:|---:|---:|---:|---:|---:|---:|\n|");
    for severity in Severity::ALL.into_iter().rev() {
        out.push_str(&format!(" {} |", grouped(report.count(severity))));
    }
    for n in [report.suppressed.len(), summary.n_files, summary.n_lines] {
        out.push_str(&format!(" {} |", grouped(n)));
    }
    out.push_str("\n\n");
    for class in Class::ALL {
        let of_class = report.findings.iter().filter(|finding| Class::of(finding.rule) == class);
        let mut rules: BTreeMap<&str, (Severity, usize)> = BTreeMap::new();
        for finding in of_class {
            let entry = rules.entry(finding.rule).or_insert((finding.severity, 0));
            *entry = (entry.0.max(finding.severity), entry.1 + 1);
        }
        if rules.is_empty() {
            continue;
        }
        out.push_str(&format!("### {}\n\n", class.title()));
        let mut rules: Vec<_> = rules.into_iter().collect();
        rules.sort_by_key(|&(rule, (severity, n))| (Reverse(severity), Reverse(n), rule));
        for (rule, (severity, n)) in rules {
            let title =
                report.page(rule).map_or(String::new(), |page| format!(": {}", escape::text(&page.title)));
            let findings = counted(n, "finding");
            out.push_str(&format!(
                "- {}{title} ({findings}, up to {})\n",
                link(report, rule),
                severity.name()
            ));
        }
        out.push('\n');
    }
    out
}

/// What else a reader must know.
fn notes(report: &Report) -> String {
    report.summary.notes.iter().map(|note| format!("> {}\n\n", escape::text(note))).collect()
}

/// The rule's id, leading to its page.
fn link(report: &Report, rule: &str) -> String {
    match report.page(rule).and_then(Page::url) {
        Some(url) => format!("[`{rule}`]({url})"),
        None => escape::code(rule),
    }
}

/// The findings, worst first, as many as fit into `max_bytes` of `out`.
fn table(report: &Report, max_bytes: usize, out: &mut String) {
    if report.findings.is_empty() {
        return;
    }
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| Reverse(finding.severity));
    let reserve = 200;
    out.push_str("### Findings\n\n| Where | Rule | What | Do |\n|---|---|---|---|\n");
    let mut n_shown = 0;
    for finding in &findings {
        let row = row(report, finding);
        if out.len() + row.len() + reserve > max_bytes {
            break;
        }
        out.push_str(&row);
        n_shown += 1;
    }
    out.push('\n');
    if n_shown < findings.len() {
        let left = counted(findings.len() - n_shown, "finding");
        out.push_str(&format!("{left} more, none worse than these, not listed for lack of room.\n\n"));
    }
}

fn row(report: &Report, finding: &Finding) -> String {
    let place = Place::of(report, finding.file, finding.span);
    let at = escape::code(&place.words(&cut(place.path(), MAX_CELL)));
    let what = escape::text(&cut(&wording::what(finding), MAX_CELL));
    let solution = escape::text(&cut(&wording::sentence(&finding.solution), MAX_CELL));
    let rule = format!("{} {}", finding.severity.name(), link(report, finding.rule));
    format!("| {at} | {rule} | {what} | {solution} |\n")
}

/// Lists of what was not scanned, folded.
fn not_scanned(report: &Report) -> String {
    let summary = &report.summary;
    let skipped = summary.skipped.iter();
    let skipped =
        skipped.map(|it| format!("{}: {}", escape::code(&cut(&it.path, MAX_CELL)), escape::text(&it.reason)));
    let python2 = summary.python2.iter().map(|path| escape::code(&cut(path, MAX_CELL)));
    let broken = summary.broken.iter().map(|it| {
        let at = escape::code(&format!("{}:{}", cut(&it.path, MAX_CELL), it.line));
        format!("{at}: {}", escape::text(&cut(&it.message, MAX_CELL)))
    });
    let mut out = String::new();
    list("Skipped", &skipped.collect::<Vec<_>>(), &mut out);
    list("Python 2, not scanned", &python2.collect::<Vec<_>>(), &mut out);
    list("Syntax errors, scanned as far as they parse", &broken.collect::<Vec<_>>(), &mut out);
    out
}

fn list(title: &str, items: &[String], out: &mut String) {
    if items.is_empty() {
        return;
    }
    let n = grouped(items.len());
    out.push_str(&format!("<details><summary>{title} ({n})</summary>\n\n"));
    for item in items.iter().take(MAX_PATHS) {
        out.push_str(&format!("- {item}\n"));
    }
    if items.len() > MAX_PATHS {
        out.push_str(&format!("- and {} more\n", grouped(items.len() - MAX_PATHS)));
    }
    out.push_str("\n</details>\n\n");
}
