//! Every rule page is its own test: its code blocks, its metadata, its edits.
//!
//! `RULE=<id> cargo test --test rules` runs one page.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use snakestone::finding::{Edit, Finding};
use snakestone::rules::{self, Case, Check, EditKind, Expectation, Judge, Page};
use snakestone::scan::{self, examples};
use snakestone::text::{FileKind, SourceFile};

/// The findings of `judge` in `file`; those in test code as the default settings show them.
fn findings(judge: &Judge, file: SourceFile) -> (SourceFile, Vec<Finding>) {
    let (file, found, failure) = examples::findings(file, judge);
    assert_eq!(failure, None);
    (file, found)
}

fn check_case(page: &Page, judge: &Judge, case: &Case, failures: &mut String) {
    for wrong in examples::differences(case, judge) {
        let _ = writeln!(failures, "{}.md:{}: {}\n    {}", page.id, wrong.line, wrong.what, wrong.code);
    }
    let (file, found) = findings(judge, examples::example(case));
    let mut fail = |line: u32, what: String| {
        let source = file.slice(file.line_span(line)).trim();
        let _ = writeln!(failures, "{}.md:{}: {what}\n    {source}", page.id, case.line + line - 1);
    };
    for finding in &found {
        let line = file.line(finding.span.start);
        if let Some(edit) = &finding.edit
            && let Err(why) = check_edit(judge, &file, finding, edit)
        {
            fail(line, format!("edit `{}`: {why}", edit.title));
        }
        if finding.message.is_empty() || finding.solution.is_empty() {
            fail(line, "a finding says what is wrong and what to do".to_owned());
        }
        if !finding.solution.contains("; to check, ") {
            fail(line, format!("the solution does not say how to check: {}", finding.solution));
        }
        if !names_code(&finding.solution, &file.text) {
            fail(line, format!("the solution names nothing of the code: {}", finding.solution));
        }
    }
}

/// Whether what stands between backticks in `solution` has a name that `code` has too.
fn names_code(solution: &str, code: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let all = text.split(|c: char| !is_word(c)).filter(|word| !word.is_empty());
        all.filter(|word| !word.starts_with(char::is_numeric)).map(str::to_owned).collect()
    };
    let known = words(code);
    solution.split('`').skip(1).step_by(2).flat_map(words).any(|word| known.contains(&word))
}

/// Applies `edit`: the file must parse as before, and this finding be gone without a new one of its rule.
fn check_edit(judge: &Judge, file: &SourceFile, finding: &Finding, edit: &Edit) -> Result<(), String> {
    let mut text = file.text.clone();
    for pair in edit.changes.windows(2) {
        if pair[0].span.end > pair[1].span.start {
            return Err("changes overlap or are not sorted".to_owned());
        }
    }
    for change in edit.changes.iter().rev() {
        text.replace_range(change.span.range(), &change.text);
    }
    let before = scan::front(file).errors.len();
    let edited = SourceFile::new(file.path.clone(), FileKind::Module, file.is_test, text);
    let errors = scan::front(&edited).errors;
    if errors.len() > before {
        return Err(format!("does not parse: {}", errors[0].message));
    }
    let count = |file: SourceFile| findings(judge, file).1.len();
    let original = SourceFile::new(file.path.clone(), FileKind::Module, file.is_test, file.text.clone());
    let (old, new) = (count(original), count(edited));
    if new >= old { Err(format!("the finding stays: {}", finding.message)) } else { Ok(()) }
}

fn check_page(page: &Page, failures: &mut String) {
    let judge = rules::judge(|id| id == page.id);
    let all =
        || page.cases.iter().flat_map(|case| case.expectations.iter().map(|(_, expectation)| expectation));
    let n_find = all().filter(|expectation| matches!(expectation, Expectation::Find(_))).count();
    let n_ok = all().filter(|expectation| **expectation == Expectation::Ok).count();
    if n_find == 0 || n_ok * 3 < n_find * 2 {
        let _ = writeln!(
            failures,
            "{}.md: {n_find} finds need two oks for every three, there are {n_ok}",
            page.id
        );
    }
    let mut edits = 0;
    for case in &page.cases {
        check_case(page, &judge, case, failures);
        edits += findings(&judge, examples::example(case))
            .1
            .iter()
            .filter(|finding| finding.edit.is_some())
            .count();
    }
    if (page.edit == EditKind::None) != (edits == 0) {
        let _ = writeln!(failures, "{}.md: `edit: {:?}` but {edits} findings offer one", page.id, page.edit);
    }
}

#[test]
fn pages_hold() {
    let only = std::env::var("RULE").ok();
    let mut failures = String::new();
    for (rule, page) in rules::RULES.iter().zip(rules::pages()) {
        let runs = !matches!(rule.check, Check::None);
        if runs && only.as_ref().is_none_or(|only| *only == page.id) {
            check_page(page, &mut failures);
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn every_page_has_its_rule() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .filter_map(|entry| {
            entry.unwrap().file_name().into_string().unwrap().strip_suffix(".md").map(str::to_owned)
        })
        .map(|name| name.replace('_', "-"))
        .collect();
    names.sort();
    let ids: Vec<&str> = rules::pages().iter().map(|page| page.id).collect();
    assert_eq!(ids, names, "`RULES` lists the pages beside it, sorted by id");
}
