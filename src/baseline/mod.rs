//! What is new: findings now against those of a base, which is an earlier scan or a file that one has written.
//!
//! Findings come in and get an identity that survives edits around them; two lists of them go in, and out goes which of
//! the later ones the earlier list lacks. Nothing here scans or reads files.

mod code;
mod compare;
mod file;
mod identity;
mod renames;
mod sarif;

pub use compare::{Compared, compare};
pub use file::{BaselineError, read, write};
pub use identity::identify;
pub use renames::renames;

use crate::base::IdVec;
use crate::finding::{Finding, Identity};
use crate::text::{FileId, SourceFile};

/// The key in SARIF's `partialFingerprints` under which identities stand, separated by blanks.
pub const FINGERPRINT: &str = "snakestoneIdentity/v1";

/// A finding, as far as comparing needs it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Entry {
    /// Path of its file, relative to the root of the scan.
    pub path: String,
    /// Id of its rule.
    pub rule: String,
    /// Qualified name of the function around it, for those who read the file.
    pub function: String,
    /// One for each place its data comes from.
    pub identity: Vec<Identity>,
}

/// The entries of findings that have been identified, in their order.
#[must_use]
pub fn entries(findings: &[Finding], files: &IdVec<FileId, SourceFile>) -> Vec<Entry> {
    let entry = |finding: &Finding| Entry {
        path: files[finding.file].path.clone(),
        rule: finding.rule.to_owned(),
        function: finding.function.clone(),
        identity: finding.identity.clone(),
    };
    findings.iter().map(entry).collect()
}
