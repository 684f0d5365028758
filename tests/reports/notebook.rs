//! Findings in a notebook: people read cells, GitHub shows lines of the `.ipynb` file.

use snakestone::base::IdVec;
use snakestone::finding::{Change, Edit, Finding, Note, Safety, Severity};
use snakestone::report::{Fingerprints, Report, Summary, annotations, jsonl, markdown, sarif, terminal};
use snakestone::text::{FileId, SourceFile, Span, notebook};

use crate::fixture;
use crate::terminal::plain;

const JSON: &str = r##"{
 "cells": [
  {"cell_type": "markdown", "source": ["# naïve"], "metadata": {}},
  {"cell_type": "code", "source": [
    "import os\n",
    "host = '🐍'"
   ], "metadata": {}, "outputs": [], "execution_count": 1},
  {"cell_type": "code", "source": [
    "os.system(\n",
    "    'ping ' + host)"
   ], "metadata": {}, "outputs": [], "execution_count": 2}
 ],
 "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5
}
"##;

fn files() -> IdVec<FileId, SourceFile> {
    [SourceFile::of_notebook("lab/n 1.ipynb", false, notebook(JSON).unwrap())].into_iter().collect()
}

fn finding(files: &IdVec<FileId, SourceFile>) -> Finding {
    let file = FileId::new(0);
    let at = |text: &str, nth: usize| fixture::span(&files[file], text, nth);
    Finding {
        edit: Some(Edit {
            safety: Safety::Suggest,
            title: "raise".to_owned(),
            changes: vec![Change {
                span: Span::empty(at("os.system", 0).start),
                text: "status = ".to_owned(),
            }],
        }),
        related: vec![Note { file, span: at("host", 0), caption: "`host` is set here".to_owned() }],
        trace: vec![
            Note { file, span: at("host", 0), caption: "set".to_owned() },
            Note { file, span: at("host", 1), caption: "used".to_owned() },
        ],
        ..fixture::finding("command-status-ignored", Severity::Medium, file, at("os.system", 0))
    }
}

#[test]
fn a_notebook_is_shown_by_cell_and_reported_by_line_of_its_file() {
    let (files, pages) = (files(), fixture::pages());
    let findings = vec![finding(&files)];
    let report = Report {
        files: &files,
        rules: &pages,
        findings,
        suppressed: vec![],
        summary: Summary::default(),
        comparison: None,
    };
    let hashes = Fingerprints::of(&report, |_| Some(JSON.as_bytes().to_vec()));
    let mut shown = Vec::new();
    terminal::write(&report, &terminal::Options { width: 100, shows_time: false }, &mut shown).unwrap();
    let mut text = plain(&String::from_utf8(shown).unwrap());
    text.push_str("\n----\n");
    text.push_str(&annotations::render(&report));
    text.push_str("----\n");
    let mut row = Vec::new();
    jsonl::write(&report, &hashes, &mut row).unwrap();
    let row: serde_json::Value = serde_json::from_slice(&row).unwrap();
    text.push_str(&serde_json::to_string_pretty(&row).unwrap());
    insta::assert_snapshot!(text);
    assert!(markdown::render(&report, markdown::MAX_BYTES).contains("n 1.ipynb:9 &#40;cell 3, line 1&#41;"));
}

#[test]
fn sarif_takes_the_whole_line_of_the_file_and_offers_no_edit() {
    let (files, pages) = (files(), fixture::pages());
    let findings = vec![finding(&files)];
    let report = Report {
        files: &files,
        rules: &pages,
        findings,
        suppressed: vec![],
        summary: Summary::default(),
        comparison: None,
    };
    let hashes = Fingerprints::of(&report, |_| Some(JSON.as_bytes().to_vec()));
    let mut out = Vec::new();
    let options = sarif::Options { form: sarif::Form::Upload, category: "snakestone", is_successful: true };
    sarif::write(&report, &hashes, &options, &mut out).unwrap();
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(dir.join("notebook.sarif"), &out).unwrap();
    std::fs::create_dir_all(dir.join("root/lab")).unwrap();
    std::fs::write(dir.join("root/lab/n 1.ipynb"), JSON).unwrap();
    let log: serde_json::Value = serde_json::from_slice(&out).unwrap();
    let result = &log["runs"][0]["results"][0];
    let expected = serde_json::json!({"startLine": 9, "startColumn": 1, "endLine": 9, "endColumn": 20});
    assert_eq!(result["locations"][0]["physicalLocation"]["region"], expected);
    assert_eq!(JSON.lines().nth(8).unwrap(), r#"    "os.system(\n","#);
    let related = serde_json::json!({"startLine": 6, "startColumn": 1, "endLine": 6, "endColumn": 18});
    assert_eq!(result["relatedLocations"][0]["physicalLocation"]["region"], related);
    assert!(result["fixes"].is_null());
}
