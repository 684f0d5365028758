//! The real pages, as reports show them.

use std::fs;

use snakestone::report::{Report, Summary, explain, sarif};
use snakestone::rules::Page;

use crate::fixture;

/// Every page in `src/rules`, whether or not its code exists yet.
fn pages() -> Vec<Page> {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|suffix| suffix == "md"));
    paths.sort();
    let parse = |path: std::path::PathBuf| {
        let page = Page::parse(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(path.file_stem().unwrap().to_str().unwrap(), page.id.replace('-', "_"));
        page
    };
    paths.into_iter().map(parse).collect()
}

#[test]
fn every_page_can_be_explained_and_none_shows_its_markers() {
    for page in pages() {
        let shown = explain::terminal(&page, false);
        for marker in ["# find", "# ok\n", "# miss\n", "# noise\n", "```"] {
            assert!(!shown.contains(marker), "{}: {marker:?}", page.id);
        }
        let (title, short) = (page.title.chars().count(), page.short.chars().count());
        assert!((5..=100).contains(&title), "{}: a title of {title} characters", page.id);
        assert!((20..=300).contains(&short), "{}: a first sentence of {short} characters", page.id);
    }
}

/// Leaves the log for `tests/sarif/validate.py`.
#[test]
fn every_page_is_a_rule_of_the_log() {
    let (files, pages) = (fixture::files(), pages());
    let report = Report {
        files: &files,
        rules: &pages,
        findings: vec![],
        suppressed: vec![],
        summary: Summary::default(),
        comparison: None,
    };
    let mut out = Vec::new();
    let options = sarif::Options { form: sarif::Form::Upload, category: "snakestone", is_successful: true };
    sarif::write(&report, &fixture::hashes(&report), &options, &mut out).unwrap();
    fs::write(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages.sarif"), &out).unwrap();
    let log: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().len(), pages.len());
}
