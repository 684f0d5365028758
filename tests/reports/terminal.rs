//! The terminal's report and the manual page, with and without colors.

use std::io::Write;

use snakestone::report::{Report, explain, terminal};

use crate::fixture;

fn terminal(report: &Report, width: usize) -> String {
    let mut out = Vec::new();
    let options = terminal::Options { width, shows_time: false };
    terminal::write(report, &options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn plain(styled: &str) -> String {
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
