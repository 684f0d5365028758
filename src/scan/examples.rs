//! A page's examples, run: code with marks goes in, the lines that are not as their marks tell come out.

use std::collections::BTreeMap;

use crate::base::IdVec;
use crate::discover::exported;
use crate::finding::{Finding, Severity};
use crate::rules::{Case, Expectation, Judge};
use crate::scan::scan;
use crate::text::{FileId, FileKind, SourceFile};

/// A line of a page that is not as its mark tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Line of the page, from 1.
    pub line: u32,
    /// What is other than marked.
    pub what: String,
    /// The line's code.
    pub code: String,
}

/// The file that an example is: one of an installable package.
#[must_use]
pub fn example(case: &Case) -> SourceFile {
    let is_test = case.path.starts_with("tests/");
    let mut file = SourceFile::new(case.path.clone(), FileKind::Module, is_test, case.text.clone());
    file.is_exported = exported(&[""], &[&case.path]) == [true];
    file
}

/// The findings in a file alone, those in test code as the default settings show them; and what failed in it.
#[must_use]
pub fn findings(file: SourceFile, judge: &Judge) -> (SourceFile, Vec<Finding>, Option<String>) {
    let files: IdVec<FileId, SourceFile> = [file].into_iter().collect();
    let scan = scan(&files, judge, &|| ());
    let failure = scan.fronts.into_iter().find_map(|front| front.failure);
    let file = files.into_iter().next().expect("one went in");
    let shown =
        scan.findings.into_iter().filter(|finding| !file.is_test || finding.severity >= Severity::High);
    let shown = shown.collect();
    (file, shown, failure)
}

/// The lines of an example that are not as their marks tell.
#[must_use]
pub fn differences(case: &Case, judge: &Judge) -> Vec<Difference> {
    let (file, found, failure) = findings(example(case), judge);
    let difference = |line: u32, what: String| {
        let code = file.slice(file.line_span(line)).trim().to_owned();
        Difference { line: case.line + line - 1, what, code }
    };
    if let Some(failure) = failure {
        return vec![difference(1, format!("the scanner failed: {failure}"))];
    }
    let mut by_line: BTreeMap<u32, Vec<&Finding>> = BTreeMap::new();
    for finding in &found {
        by_line.entry(file.line(finding.span.start)).or_default().push(finding);
    }
    let mut differences = Vec::new();
    for (line, expectation) in &case.expectations {
        let here = by_line.remove(line).unwrap_or_default();
        differences.extend(wrong(expectation, &here).map(|what| difference(*line, what)));
    }
    for (line, here) in by_line {
        differences.push(difference(line, format!("unexpected: {}", here[0].message)));
    }
    differences.sort_by_key(|difference| difference.line);
    differences
}

/// What is other than `expectation` says of a line with the findings `here`.
fn wrong(expectation: &Expectation, here: &[&Finding]) -> Option<String> {
    let said =
        || here.iter().map(|f| format!("{} -- {}", f.message, f.solution)).collect::<Vec<_>>().join(" | ");
    match expectation {
        Expectation::Find(_) if here.is_empty() => Some("missed".to_owned()),
        Expectation::Find(text) => {
            let is_said = here.iter().any(|finding| says(finding, text));
            (!is_said).then(|| format!("`{text}` is not in: {}", said()))
        }
        Expectation::Ok => (!here.is_empty()).then(|| format!("false alarm: {}", said())),
        Expectation::Miss => (!here.is_empty()).then(|| "found now: make the miss a find".to_owned()),
        Expectation::Noise => here.is_empty().then(|| "silent now: make the noise an ok".to_owned()),
    }
}

/// A mark's text is one of a severity, or occurs in what the finding says.
fn says(finding: &Finding, text: &str) -> bool {
    if let Some(severity) = Severity::parse(text) {
        return finding.severity == severity;
    }
    let trace = finding.trace.iter().chain(&finding.related).map(|note| note.caption.as_str());
    trace.chain([finding.message.as_str(), finding.solution.as_str()]).any(|said| said.contains(text))
        || finding.edit.iter().any(|edit| edit.changes.iter().any(|change| change.text.contains(text)))
}
