//! The terminal's report and the manual page, with and without colors.

use std::io::Write;

use proptest::prelude::*;
use snakestone::base::IdVec;
use snakestone::finding::{Change, Edit, Finding, Note, Safety, Severity};
use snakestone::report::{Report, Summary, explain, terminal};
use snakestone::text::{FileId, FileKind, SourceFile, Span};

use crate::fixture;

fn terminal(report: &Report, width: usize) -> String {
    let mut out = Vec::new();
    let options = terminal::Options { width, shows_time: false };
    terminal::write(report, &options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

pub(crate) fn plain(styled: &str) -> String {
    let mut out = anstream::StripStream::new(Vec::new());
    out.write_all(styled.as_bytes()).unwrap();
    String::from_utf8(out.into_inner()).unwrap()
}

#[test]
fn findings_are_shown_with_their_source_and_solution() {
    let (files, pages) = (fixture::files(), fixture::pages());
    insta::assert_snapshot!(plain(&terminal(&fixture::report(&files, &pages), 100)));
}

#[test]
fn a_clean_scan_says_so() {
    let (files, pages) = (fixture::files(), fixture::pages());
    let mut report = fixture::report(&files, &pages);
    report.findings.clear();
    report.suppressed.clear();
    report.summary = snakestone::report::Summary { n_files: 1, ..Default::default() };
    assert_eq!(plain(&terminal(&report, 100)), "no findings in 1 file\n");
}

#[test]
fn a_page_is_shown_wrapped_and_plain() {
    let pages = fixture::pages();
    insta::assert_snapshot!(explain::terminal(&pages[0], false));
    assert!(!explain::terminal(&pages[0], false).contains('\u{1b}'));
    assert!(!explain::text(&pages[0]).contains('\u{1b}'));
    let styled = explain::terminal(&pages[0], true);
    assert!(styled.contains("\u{1b}[1mDo this\u{1b}[0m"), "{styled:?}");
    assert!(!plain(&styled).contains(['`', '\u{1b}']));
}

#[test]
fn a_very_long_line_is_cut_and_keeps_its_column() {
    let pages = fixture::pages();
    let text = format!("x = '{}' + secret\n", "ä".repeat(1_000_000));
    let files: IdVec<FileId, SourceFile> =
        [SourceFile::new("long.py", FileKind::Module, false, text)].into_iter().collect();
    let span = fixture::span(&files[FileId::new(0)], "secret", 0);
    let finding = fixture::finding("secret-in-log", Severity::High, FileId::new(0), span);
    let report = Report {
        files: &files,
        rules: &pages,
        findings: vec![finding],
        suppressed: Vec::new(),
        summary: Summary::default(),
        comparison: None,
    };
    let shown = plain(&terminal(&report, 100));
    assert!(
        shown.contains("long.py:1:1000010\n") && shown.contains("' + secret") && shown.contains("^^^^^^"),
        "{shown}"
    );
    assert!(shown.lines().all(|line| line.chars().count() <= 120), "{shown}");
}

#[test]
fn an_edit_over_several_lines_is_a_diff() {
    let pages = fixture::pages();
    let text = "def f(p):\r\n\tq = open(p)\r\n\tq.read()\r\n\tq.close()\r\n";
    let files: IdVec<FileId, SourceFile> =
        [SourceFile::new("f.py", FileKind::Module, false, text.to_owned())].into_iter().collect();
    let file = &files[FileId::new(0)];
    let change = |of: &str, to: &str| Change { span: fixture::span(file, of, 0), text: to.to_owned() };
    let changes = vec![
        change("q = open(p)", "with open(p) as q:"),
        change("q.read()", "\tq.read()"),
        change("\tq.close()\r\n", ""),
    ];
    let edit = Some(Edit { safety: Safety::Safe, title: "open it by `with`".to_owned(), changes });
    let at = fixture::span(file, "open", 0);
    let finding = Finding { edit, ..fixture::finding("secret-in-log", Severity::High, FileId::new(0), at) };
    let report = Report {
        files: &files,
        rules: &pages,
        findings: vec![finding],
        suppressed: Vec::new(),
        summary: Summary::default(),
        comparison: None,
    };
    insta::assert_snapshot!(plain(&terminal(&report, 100)));
}

proptest! {
    /// The renderer is given what rules compute from hostile code, and must not panic.
    #[test]
    fn any_spans_can_be_shown(
        text in "(a|b|=|\u{1f40d}|ä|\t|\r|\n|\r\n| |\u{0}|\u{1b}){0,60}",
        places in prop::collection::vec((0_u32..80, 0_u32..80), 1..5),
        new in "(x|\n|\t|ä|\r\n){0,8}",
    ) {
        let pages = fixture::pages();
        let files: IdVec<FileId, SourceFile> =
            [SourceFile::new("a.py", FileKind::Module, false, text)].into_iter().collect();
        let file = FileId::new(0);
        let source = &files[file].text;
        let boundary = |mut at: u32| {
            while !source.is_char_boundary((at as usize).min(source.len())) {
                at -= 1;
            }
            at.min(u32::try_from(source.len()).unwrap())
        };
        let span = |(a, b): (u32, u32)| Span::new(boundary(a.min(b)), boundary(a.max(b)));
        let notes: Vec<Note> = places.iter().map(|&at| Note { file, span: span(at), caption: "note".to_owned() }).collect();
        let mut changes: Vec<Change> = notes.iter().map(|note| Change { span: note.span, text: new.clone() }).collect();
        changes.sort_by_key(|change| change.span);
        changes.dedup_by(|next, last| next.span.start <= last.span.end);
        let finding = Finding {
            related: notes.clone(),
            trace: notes,
            edit: Some(Edit { safety: Safety::Suggest, title: "edit".to_owned(), changes }),
            ..fixture::finding("bare-except", Severity::Low, file, span(places[0]))
        };
        let report = Report {
            files: &files,
            rules: &pages,
            findings: vec![finding],
            suppressed: Vec::new(),
            summary: Summary::default(),
            comparison: None,
        };
        let shown = plain(&terminal(&report, 60));
        prop_assert!(shown.contains("low[bare-except]: Something is wrong."));
    }
}
