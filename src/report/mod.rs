//! Reports: one view of a finished scan comes in; each format's file turns it into text.
//!
//! Nothing here scans, judges or writes files: `cli` decides which format goes where. Reports meant for
//! files are the same bytes for the same findings, on any machine and at any time.

pub mod annotations;
mod class;
pub mod explain;
pub mod fixes;
mod fingerprint;
pub mod jsonl;
pub mod markdown;
mod place;
pub mod sarif;
pub mod terminal;
pub(crate) mod wording;

pub use class::Class;
pub use fingerprint::{Fingerprint, Fingerprints};

use std::time::Duration;

use crate::base::IdVec;
use crate::finding::{Finding, Severity};
use crate::rules::Page;
use crate::text::{FileId, SourceFile};

/// A finished scan, as every format reads it.
pub struct Report<'a> {
    /// The scanned files, in path order.
    pub files: &'a IdVec<FileId, SourceFile>,
    /// The pages of the rules that ran, by id.
    pub rules: &'a [Page],
    /// What is to be acted on, in order of file, position and rule.
    pub findings: Vec<Finding>,
    /// What a marker in the code keeps silent, in the same order; `suppressed` is set in each.
    pub suppressed: Vec<Finding>,
    /// What was scanned and what was not.
    pub summary: Summary,
}

/// What was scanned and what was not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Files scanned, test code included.
    pub n_files: usize,
    /// Lines in them.
    pub n_lines: usize,
    /// Files among them that are test code.
    pub n_test_files: usize,
    /// Paths of Python 2 files, which are not scanned.
    pub python2: Vec<String>,
    /// Files and folders left out, with the reason.
    pub skipped: Vec<Skipped>,
    /// Files with a syntax error, which are scanned as far as they parse.
    pub broken: Vec<Broken>,
    /// Findings in test code that the settings for tests leave out.
    pub hidden_in_tests: usize,
    /// What else a reader must know of how the scan was made, as sentences.
    pub notes: Vec<String>,
    /// Limits of the analysis that were reached, and how often.
    pub limits: Vec<(String, usize)>,
    /// Wall-clock time of the scan. Shown on a terminal only: other reports must not change with it.
    pub elapsed: Duration,
}

/// A file or folder that was left out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Skipped {
    /// Its path, relative to the root of the scan.
    pub path: String,
    /// Why, as words that follow the path: "larger than 4 MB".
    pub reason: String,
}

/// A file with a syntax error.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Broken {
    /// Its path, relative to the root of the scan.
    pub path: String,
    /// Line of the first error, from 1.
    pub line: u32,
    /// What the parser says.
    pub message: String,
}

impl Report<'_> {
    /// The page of the rule called `id`.
    #[must_use]
    pub fn page(&self, id: &str) -> Option<&Page> {
        self.rules.iter().find(|page| page.id == id)
    }

    /// Number of open findings of `severity`.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}
