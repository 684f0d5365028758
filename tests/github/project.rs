//! Scans of small projects, as the SARIF files that reviews are made from.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use snakestone::base::IdVec;
use snakestone::finding::Finding;
use snakestone::fix::Prover;
use snakestone::github::findings::Scan;
use snakestone::report::{Fingerprints, Report, Summary, sarif};
use snakestone::rules::{self, Judge};
use snakestone::text::{FileId, FileKind, SourceFile};

static JUDGE: LazyLock<Judge> = LazyLock::new(|| rules::judge(|_| true));

/// Files by path.
pub(crate) type Files = BTreeMap<String, String>;

/// What a scan of a project says.
pub(crate) struct Scanned {
    files: IdVec<FileId, SourceFile>,
    findings: Vec<Finding>,
    /// Files that do not parse.
    pub(crate) n_broken: usize,
}

/// Scans `files` by all rules and proves the edits.
pub(crate) fn scan(files: &Files) -> Scanned {
    scan_and(files, true)
}

/// Scans `files` by all rules, and proves the edits if that is wanted.
fn scan_and(files: &Files, proves: bool) -> Scanned {
    let file = |(path, text): (&String, &String)| {
        SourceFile::new(path.clone(), FileKind::Module, false, text.clone())
    };
    let files: IdVec<FileId, SourceFile> = files.iter().map(file).collect();
    let snakestone::scan::Scan { fronts, mut findings, .. } = snakestone::scan::scan(&files, &JUDGE, &|| ());
    if proves {
        Prover { files: &files, fronts: &fronts, judge: &JUDGE }.prove(&mut findings);
    }
    let n_broken = fronts.iter().filter(|front| !front.errors.is_empty()).count();
    Scanned { files, findings, n_broken }
}

impl Scanned {
    /// Rule, path and line of each finding.
    pub(crate) fn places(&self) -> Vec<(&str, &str, u32)> {
        let place = |finding: &Finding| {
            let file = &self.files[finding.file];
            (finding.rule, &*file.path, file.line(finding.span.start))
        };
        self.findings.iter().map(place).collect()
    }

    /// The SARIF file of the scan.
    pub(crate) fn sarif(&self, category: &str, is_successful: bool) -> Vec<u8> {
        let report = Report {
            files: &self.files,
            rules: rules::pages(),
            findings: self.findings.clone(),
            suppressed: Vec::new(),
            comparison: None,
            summary: Summary::default(),
        };
        let hashes = Fingerprints::of(&report, |_| None);
        let mut out = Vec::new();
        let options = sarif::Options { form: sarif::Form::Upload, category, is_successful };
        sarif::write(&report, &hashes, &options, &mut out).unwrap();
        out
    }
}

/// Functions with one `bare-except` each, named by `names`, as one file.
pub(crate) fn defects(names: &[&str]) -> String {
    let function = |name: &&str| {
        format!(
            "def {name}(device):\n    try:\n        device.{name}()\n    except:\n        raise Fault('{name}')\n\n\n"
        )
    };
    format!("class Fault(Exception):\n    pass\n\n\n{}", names.iter().map(function).collect::<String>())
}

/// The SARIF file of a scan of `files`, whose edits are not proven.
pub(crate) fn findings_of(files: &Files, is_successful: bool) -> Vec<u8> {
    scan_and(files, false).sarif("snakestone/", is_successful)
}

/// The findings of `text` as `a.py`, read back; their edits are known to hold.
pub(crate) fn findings(text: &str) -> Scan {
    let files = Files::from([("a.py".to_owned(), text.to_owned())]);
    Scan::read(&findings_of(&files, true)).unwrap()
}
