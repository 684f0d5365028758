//! JSON lines, the Markdown summary, and annotations.

use std::fmt::Write as _;

use serde_json::Value;
use snakestone::base::IdVec;
use snakestone::finding::{Finding, Severity};
use snakestone::report::{Class, Report, annotations, jsonl, markdown};
use snakestone::text::{FileId, FileKind, SourceFile, Span};

use crate::fixture;

fn json_lines(report: &Report) -> Vec<Value> {
    let mut out = Vec::new();
    jsonl::write(report, &fixture::hashes(report), &mut out).unwrap();
    String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_json_line_has_all_fields() {
    let (files, pages) = (fixture::files(), fixture::pages());
    let rows = json_lines(&fixture::report(&files, &pages));
    assert_eq!(rows.len(), 6);
    let shown: String = [0, 2, 5].iter().fold(String::new(), |mut out, &i: &usize| {
        writeln!(out, "{}", serde_json::to_string_pretty(&rows[i]).unwrap()).unwrap();
        out
    });
    insta::assert_snapshot!(shown);
}

#[test]
fn the_summary_ends_in_a_conclusion() {
    let (files, pages) = (fixture::files(), fixture::pages());
    insta::assert_snapshot!(markdown::render(&fixture::report(&files, &pages), markdown::MAX_BYTES));
}

#[test]
fn a_summary_without_findings_says_so() {
    let (files, pages) = (fixture::files(), fixture::pages());
    let mut report = fixture::report(&files, &pages);
    report.findings.clear();
    let summary = markdown::render(&report, markdown::MAX_BYTES);
    assert!(
        summary.contains("The scan of 2,080 files has no open finding. Not scanned: 2 paths skipped"),
        "{summary}"
    );
}

fn many(n: u32) -> (IdVec<FileId, SourceFile>, Vec<Finding>) {
    let text = "x = 1\n".repeat(n as usize);
    let files = [SourceFile::new("a.py", FileKind::Module, false, text)].into_iter().collect();
    let finding = |line: u32| {
        let severity = Severity::ALL[(line % 4) as usize];
        let span = Span::new(line * 6, line * 6 + 1);
        let message = format!("`x` is wrong {}", "<&|@".repeat(20));
        Finding { message, ..fixture::finding("bare-except", severity, FileId::new(0), span) }
    };
    (files, (0..n).map(finding).collect())
}

#[test]
fn a_long_summary_is_cut_from_the_mild_end_and_says_how_much() {
    let (_, pages) = (fixture::files(), fixture::pages());
    let (files, findings) = many(3_000);
    let report = Report {
        files: &files,
        rules: &pages,
        findings,
        suppressed: Vec::new(),
        summary: Default::default(),
        comparison: None,
    };
    let summary = markdown::render(&report, markdown::MAX_BYTES);
    assert!(
        summary.len() <= markdown::MAX_BYTES && summary.len() > markdown::MAX_BYTES - 1_500,
        "{}",
        summary.len()
    );
    let n_rows = summary.lines().filter(|line| line.starts_with("| <code>a.py")).count();
    assert!(summary.contains(&format!("\n{} findings more, none worse than these", comma(3_000 - n_rows))));
    assert!(summary.lines().filter(|line| line.contains("| critical ")).count() == 750);
    assert!(summary.trim_end().ends_with("No file was left out."));
}

fn comma(n: usize) -> String {
    if n < 1_000 { n.to_string() } else { format!("{},{:03}", n / 1_000, n % 1_000) }
}

#[test]
fn annotations_are_the_worst_ten_of_each_type() {
    let (_, pages) = (fixture::files(), fixture::pages());
    let (files, findings) = many(100);
    let report = Report {
        files: &files,
        rules: &pages,
        findings,
        suppressed: Vec::new(),
        summary: Default::default(),
        comparison: None,
    };
    let commands = annotations::render(&report);
    let of = |kind: &str| commands.lines().filter(|line| line.starts_with(&format!("::{kind} "))).count();
    assert_eq!((of("error"), of("warning"), of("notice")), (10, 10, 10));
    assert_eq!(commands.lines().filter(|line| line.contains("(critical)")).count(), 10);
    let last =
        "70 findings not annotated: GitHub keeps 10 annotations of each type; the other reports list all";
    assert_eq!(commands.lines().last().unwrap(), last);
}

#[test]
fn annotations_are_escaped() {
    let (files, pages) = (fixture::files(), fixture::pages());
    insta::assert_snapshot!(annotations::render(&fixture::report(&files, &pages)));
}

#[test]
fn a_message_is_cut_to_what_github_keeps() {
    let (files, pages) = (fixture::files(), fixture::pages());
    let mut report = fixture::report(&files, &pages);
    report.findings.truncate(1);
    report.findings[0].message = "%".repeat(10_000);
    let commands = annotations::render(&report);
    let text = commands.trim_end().rsplit("::").next().unwrap();
    assert_eq!(text.replace("%25", "%").chars().count(), 4_096);
}

#[test]
fn every_rule_with_a_page_has_a_class_of_the_founding_review() {
    let classes = ["bare-except", "process-status-ignored", "lock-path-traversal", "resource-not-closed"];
    assert_eq!(classes.map(Class::of), [Class::Exceptions, Class::Commands, Class::Locks, Class::Cleanup]);
    assert_eq!(Class::of("address-unvalidated"), Class::Network);
    assert_eq!(Class::of("sql-injection"), Class::Other);
}
