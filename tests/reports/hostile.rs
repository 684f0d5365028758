//! Scanned code is written by others, sometimes against us: nothing of it may move the terminal, forge a workflow
//! command, or become Markdown.

use snakestone::base::IdVec;
use snakestone::finding::{Change, Edit, Finding, Note, Safety, Severity, Suppression};
use snakestone::report::{
    Broken, Report, Skipped, Summary, annotations, explain, jsonl, markdown, sarif, terminal,
};
use snakestone::text::{FileId, FileKind, SourceFile, Span};

use crate::fixture;

const TEXT: &str = "\u{1b}[2J\u{9b}31m\r\n::error file=a.py::pwned\n##[error]x ![x](http://evil/y) @someone #123 <script>`|\\[l](2) \u{202e}";

fn files() -> IdVec<FileId, SourceFile> {
    let code = format!("x = '''{TEXT}'''\ny = 1\u{1b}[31m\u{0}\u{7f}\n");
    [SourceFile::new(format!("dir\n{TEXT}/x.py"), FileKind::Module, false, code)].into_iter().collect()
}

fn report<'a>(files: &'a IdVec<FileId, SourceFile>, pages: &'a [snakestone::rules::Page]) -> Report<'a> {
    let file = FileId::new(0);
    let end = u32::try_from(files[file].text.len()).unwrap();
    let whole = Span::new(0, end);
    let note = || Note { file, span: Span::new(end - 6, end - 1), caption: TEXT.to_owned() };
    let finding = Finding {
        function: TEXT.to_owned(),
        message: TEXT.to_owned(),
        solution: TEXT.to_owned(),
        edit: Some(Edit {
            safety: Safety::Safe,
            title: TEXT.to_owned(),
            changes: vec![Change { span: whole, text: TEXT.to_owned() }],
        }),
        related: vec![note()],
        trace: vec![note(), note()],
        foreign_marker: Some(TEXT.to_owned()),
        ..fixture::finding("bare-except", Severity::High, file, whole)
    };
    let suppressed = Suppression { reason: TEXT.to_owned(), marker: TEXT.to_owned() };
    Report {
        files,
        rules: pages,
        suppressed: vec![Finding { suppressed: Some(suppressed), ..finding.clone() }],
        findings: vec![finding],
        summary: Summary {
            n_files: 1,
            python2: vec![TEXT.to_owned()],
            skipped: vec![Skipped { path: TEXT.to_owned(), reason: TEXT.to_owned() }],
            broken: vec![Broken { path: TEXT.to_owned(), line: 1, message: TEXT.to_owned() }],
            limits: vec![(TEXT.to_owned(), 1)],
            ..Summary::default()
        },
        comparison: None,
    }
}

#[test]
fn the_terminal_gets_no_control_characters() {
    let (files, pages) = (files(), fixture::pages());
    let mut out = Vec::new();
    let options = terminal::Options { width: 80, shows_time: false };
    terminal::write(&report(&files, &pages), &options, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    // Our own styles are the only escapes, and they are all `ESC [ digits ; m`.
    for escape in text.split('\u{1b}').skip(1) {
        let code = escape.strip_prefix('[').and_then(|rest| rest.split_once('m')).unwrap().0;
        assert!(code.chars().all(|c| c.is_ascii_digit() || c == ';'), "{escape:?}");
    }
    let others = text.chars().filter(|&c| c.is_control() && c != '\n' && c != '\u{1b}');
    assert_eq!(others.collect::<String>(), "");
    assert!(!text.contains('\u{202e}'));
    for line in text.lines().map(annotations::neutralize) {
        assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{line}");
    }
}

#[test]
fn annotations_stay_one_line_each() {
    let (files, pages) = (files(), fixture::pages());
    let commands = annotations::render(&report(&files, &pages));
    assert_eq!(commands.lines().count(), 1, "{commands}");
    let (head, _) = commands.strip_prefix("::error file=").unwrap().split_once("::").unwrap();
    assert_eq!(head.matches(',').count(), 3, "{head}");
}

#[test]
fn markdown_stays_text() {
    let (files, pages) = (files(), fixture::pages());
    let summary = markdown::render(&report(&files, &pages), markdown::MAX_BYTES);
    for mark in ["<script", "![x]", "\n::", "\u{1b}", "\u{202e}", "](http:", "](2)"] {
        assert!(!summary.contains(mark), "{mark:?} in {summary}");
    }
    let without_code: String = summary
        .split("<code>")
        .map(|part| part.rsplit_once("</code>").map_or(part, |(_, text)| text))
        .collect();
    for mark in ["@someone", "#123", "&#35;123", "http://evil"] {
        assert!(!without_code.contains(mark), "{mark:?} in {without_code}");
    }
    let row = summary.lines().find(|line| line.contains("| high ")).unwrap();
    assert_eq!(row.matches('|').count(), 5, "{row}");
}

#[test]
fn json_lines_stay_lines_and_sarif_keeps_its_links() {
    let (files, pages) = (files(), fixture::pages());
    let report = report(&files, &pages);
    let hashes = fixture::hashes(&report);
    let mut lines = Vec::new();
    jsonl::write(&report, &hashes, &mut lines).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    assert_eq!(lines.lines().count(), 2);
    assert!(!lines.contains('\u{1b}'));
    let mut log = Vec::new();
    let options = sarif::Options { form: sarif::Form::Local, category: "x", is_successful: true };
    sarif::write(&report, &hashes, &options, &mut log).unwrap();
    std::fs::write(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile.sarif"), &log).unwrap();
    let log: serde_json::Value = serde_json::from_slice(&log).unwrap();
    let text = log["runs"][0]["results"][0]["message"]["text"].as_str().unwrap();
    assert!(text.contains(r"\\\[l\](2)") && text.ends_with("](1)."), "{text}");
    let uri =
        log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].clone();
    assert!(uri.as_str().unwrap().bytes().all(|b| b.is_ascii_graphic()), "{uri}");
}

#[test]
fn pages_are_ours_and_still_show_no_escapes_when_plain() {
    for page in fixture::pages() {
        assert!(!explain::text(&page).contains('\u{1b}'));
    }
}
