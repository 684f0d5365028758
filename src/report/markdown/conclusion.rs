//! The conclusion, in sentences: which classes dominate, where they concentrate, where to begin and why, and what
//! the scan says nothing about.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::finding::{Finding, Precision, Safety, Severity};
use crate::report::Report;
use crate::report::class::Class;
use crate::report::markdown::{escape, link};
use crate::report::place::Place;
use crate::report::wording::{self, counted, cut, grouped};

pub(super) fn render(report: &Report) -> String {
    let mut sentences = vec![total(report)];
    if !report.findings.is_empty() {
        sentences.push(classes(report));
        sentences.push(concentration(report));
        sentences.push(beginning(report));
        sentences.extend(edits(report));
    }
    sentences.push(unseen(report));
    format!("### Conclusion\n\n{}\n", sentences.join(" "))
}

fn total(report: &Report) -> String {
    let files = counted(report.summary.n_files, "file");
    if report.findings.is_empty() {
        return format!("The scan of {files} has no open finding.");
    }
    let counts = Severity::ALL.into_iter().rev().map(|severity| (report.count(severity), severity.name()));
    let counts = counts.filter(|(n, _)| *n > 0).map(|(n, name)| format!("{} {name}", grouped(n)));
    let findings = counted(report.findings.len(), "finding");
    format!("The scan of {files} has {findings}: {}.", list(&counts.collect::<Vec<_>>()))
}

/// Keys with their number of findings, most first.
fn ranked<'f, K: Ord>(findings: &'f [Finding], key: impl Fn(&'f Finding) -> K) -> Vec<(K, usize)> {
    let mut counts: BTreeMap<K, usize> = BTreeMap::new();
    for finding in findings {
        *counts.entry(key(finding)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, n)| Reverse(*n));
    counts
}

fn classes(report: &Report) -> String {
    let ranked = ranked(&report.findings, |finding| Class::of(finding.rule));
    let all = report.findings.len();
    let name = |class: Class| class.title().to_lowercase();
    let (first, n) = ranked[0];
    let mut out = match (n == all, n * 2 > all) {
        (true, _) => format!("All are of one class, **{}**", name(first)),
        (false, true) => {
            format!("Most are of the class **{}** ({} of {})", name(first), grouped(n), grouped(all))
        }
        (false, false) => {
            format!("The largest class is **{}** ({} of {})", name(first), grouped(n), grouped(all))
        }
    };
    let others: Vec<String> =
        ranked[1..].iter().take(2).map(|&(class, n)| format!("{} ({})", name(class), grouped(n))).collect();
    if !others.is_empty() {
        out.push_str(&format!(", followed by {}", list(&others)));
    }
    out + "."
}

fn concentration(report: &Report) -> String {
    let path = |finding: &Finding| report.files[finding.file].path.as_str();
    let files = ranked(&report.findings, path);
    let folders =
        ranked(&report.findings, |finding| path(finding).rsplit_once('/').map_or("", |(folder, _)| folder));
    if let [(file, _)] = files[..] {
        return format!("They are all in {}.", shown(file));
    }
    let named = |&(folder, n): &(&str, usize)| format!("{} ({})", shown(folder), grouped(n));
    let places: Vec<String> = folders.iter().take(3).map(named).collect();
    let mut out = match folders.len() {
        1 => format!("They are all in {}", shown(folders[0].0)),
        2 | 3 => format!("They are in {}", list(&places)),
        n => format!("They are spread over {} folders, most in {}", grouped(n), list(&places)),
    };
    if files[0].1 > 1 {
        out.push_str(&format!("; the file with the most is {} ({})", shown(files[0].0), grouped(files[0].1)));
    }
    out + "."
}

fn shown(path: &str) -> String {
    if path.is_empty() { "the top folder".to_owned() } else { escape::code(&cut(path, 200)) }
}

/// The worst finding of the rule that is most surely right; of these the first.
fn beginning(report: &Report) -> String {
    let precision =
        |finding: &Finding| report.page(finding.rule).map_or(Precision::Low, |page| page.precision);
    let weight = |finding: &&Finding| {
        (finding.is_new == Some(false), Reverse(finding.severity), Reverse(precision(finding)))
    };
    let first = report.findings.iter().min_by_key(weight).expect("called for findings only");
    let place = Place::of(report, first.file, first.span);
    let at = escape::code(&place.words(&cut(place.path(), 200)));
    let same =
        report.findings.iter().filter(|it| it.rule == first.rule && it.severity == first.severity).count();
    let rule = link(report, first.rule);
    let findings = if same == 1 {
        format!("the {} finding of {rule} at {at}", first.severity.name())
    } else {
        format!(
            "the {} findings of severity {} of {rule}, the first at {at}",
            grouped(same),
            first.severity.name()
        )
    };
    let why = match first.severity {
        Severity::Critical => "an outsider can take the machine there",
        Severity::High => "an outsider can exploit it",
        Severity::Medium => "it fails under ordinary errors or a likely misuse",
        Severity::Low => "nothing here is worse",
    };
    let sure = match precision(first) {
        Precision::VeryHigh | Precision::High => ", and the rule is rarely wrong",
        Precision::Medium | Precision::Low => "",
    };
    let solution = escape::text(&cut(&wording::sentence(&first.solution), 400));
    format!("Begin with {findings}, because {why}{sure}. There: {solution}")
}

fn edits(report: &Report) -> Option<String> {
    let with = |safety: Safety| {
        report.findings.iter().filter(|it| it.edit.as_ref().is_some_and(|edit| edit.safety == safety)).count()
    };
    let (safe, review) = (with(Safety::Safe), with(Safety::Suggest));
    let carries = |n: usize| if n == 1 { "carries" } else { "carry" };
    let safe_words = format!("{} {} an edit that keeps behavior", counted(safe, "finding"), carries(safe));
    let review_words = format!("{} {} one to review", grouped(review), carries(review));
    match (safe, review) {
        (0, 0) => None,
        (_, 0) => Some(format!("{safe_words}.")),
        (0, _) => Some(format!("{} {} an edit to review.", counted(review, "finding"), carries(review))),
        (_, _) => Some(format!("{safe_words}, {review_words}.")),
    }
}

fn unseen(report: &Report) -> String {
    let summary = &report.summary;
    let mut parts = Vec::new();
    if !summary.skipped.is_empty() {
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        summary.skipped.iter().for_each(|it| *reasons.entry(&it.reason).or_default() += 1);
        let reasons: Vec<String> = reasons
            .iter()
            .take(4)
            .map(|(reason, n)| format!("{} {}", grouped(*n), escape::text(reason)))
            .collect();
        let paths = counted(summary.skipped.len(), "path");
        parts.push(format!("{paths} skipped ({})", reasons.join(", ")));
    }
    if !summary.python2.is_empty() {
        parts.push(format!("{} of Python 2", counted(summary.python2.len(), "file")));
    }
    let mut out = if parts.is_empty() {
        "No file was left out".to_owned()
    } else {
        format!("Not scanned: {}", list(&parts))
    };
    if !summary.broken.is_empty() {
        let files = counted(summary.broken.len(), "file");
        out.push_str(&format!("; {files} with syntax errors scanned only as far as they parse"));
    }
    if summary.n_test_files > 0 {
        out.push_str(&format!("; {} of test code", counted(summary.n_test_files, "file")));
        if summary.hidden_in_tests > 0 {
            out.push_str(&format!(", {} there not shown", counted(summary.hidden_in_tests, "finding")));
        }
    }
    if !report.suppressed.is_empty() {
        let findings = counted(report.suppressed.len(), "finding");
        out.push_str(&format!("; {findings} silenced by markers in the code"));
    }
    if !summary.limits.is_empty() {
        let limits: Vec<String> = summary
            .limits
            .iter()
            .map(|(limit, n)| format!("{} ({})", escape::text(limit), counted(*n, "time")))
            .collect();
        out.push_str(&format!("; limits of the analysis reached: {}", limits.join(", ")));
    }
    out + "."
}

/// "a, b and c".
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
