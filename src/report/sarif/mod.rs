//! SARIF 2.1.0, for GitHub's code scanning and for editors.
//!
//! A report comes in, one log of one run goes out. What GitHub would refuse cannot be written (`log`), what it
//! would drop is dropped here, worst findings last, and counted. Reading SARIF is not done.
//! Source: GitHub's documentation of SARIF support; SARIF 2.1.0.

mod log;
mod results;
mod rules;

use std::io::{self, Write};

use crate::finding::Finding;
use crate::report::Report;
use crate::report::fingerprint::Fingerprints;

/// Who reads the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// GitHub: it would open an alert for each suppressed result, so there are none, and it keeps 5,000.
    Upload,
    /// Everyone else: suppressed results stay, marked as such.
    Local,
}

impl Form {
    /// Most results in one log. GitHub keeps 5,000 of an upload, and refuses a file with over 25,000.
    #[must_use]
    pub fn max_results(self) -> usize {
        match self {
            Self::Upload => 5_000,
            Self::Local => 25_000,
        }
    }
}

/// What a log says besides the findings.
pub struct Options<'a> {
    /// Who reads it.
    pub form: Form,
    /// Tells this scan from others of the same commit, as `snakestone` or `snakestone/backend`.
    pub category: &'a str,
    /// Whether the scan came to its end; GitHub closes no alert on the word of one that did not.
    pub is_successful: bool,
}

/// The log of a scan that came to nothing: without results, and not successful, so that GitHub closes no alert.
#[must_use]
pub fn unsuccessful(category: &str) -> Vec<u8> {
    let log = log::log(Vec::new(), Vec::new(), category, false);
    serde_json::to_vec(&log).expect("a log is JSON")
}

/// Writes `report` as SARIF and returns how many results were dropped for [`Form::max_results`].
///
/// # Errors
/// Those of `out`.
pub fn write(
    report: &Report,
    hashes: &Fingerprints,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<usize> {
    let suppressed: &[Finding] = match options.form {
        Form::Upload => &[],
        Form::Local => &report.suppressed,
    };
    let findings = || report.findings.iter().chain(suppressed);
    let mut groups = results::group(report, findings());
    let dropped = results::limit(&mut groups, options.form.max_results());
    let rules = rules::Rules::of(report, groups.iter().flat_map(|group| group.findings.iter().copied()));
    let view = results::View { report, hashes };
    let results = groups.iter().map(|group| results::result(&view, &rules, group)).collect();
    let log = log::log(rules.rules, results, options.category, options.is_successful);
    serde_json::to_writer(&mut *out, &log)?;
    out.write_all(b"\n")?;
    Ok(dropped)
}
