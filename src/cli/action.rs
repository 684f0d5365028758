//! The container action: inputs from the environment, the workspace in, SARIF file, summary, annotations and
//! outputs out.
//!
//! Source: GitHub's documentation of metadata syntax and workflow commands; the runner passes inputs as
//! `INPUT_<NAME>` with hyphens kept.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::cli::Code;
use crate::cli::args::{ColorArg, Format, Output};
use crate::cli::comparing::Comparing;
use crate::cli::output::Outputs;
use crate::cli::scan;
use crate::config::{Overrides, Tests};
use crate::finding::Severity;
use crate::report::{annotations, markdown, terminal};

/// Largest step summary, in bytes; the runner drops larger ones whole.
const MAX_SUMMARY: usize = markdown::MAX_BYTES;

/// An input that is not understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("input `{name}`: {message}")]
pub(super) struct InputError {
    pub(super) name: &'static str,
    pub(super) message: String,
}

/// The action's inputs.
#[derive(Debug)]
struct Inputs {
    path: PathBuf,
    config: Option<PathBuf>,
    exclude: Vec<String>,
    fail_on: Option<Option<Severity>>,
    minimum_severity: Option<Severity>,
    tests: Option<Tests>,
    sarif_file: PathBuf,
    category: String,
    comparing: Comparing,
    summary: Option<PathBuf>,
    outputs: Option<PathBuf>,
}

impl Inputs {
    /// Reads the inputs; empty ones count as absent, since the runner does not tell the two apart.
    fn read(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Self, InputError> {
        let text = |text: OsString| text.to_string_lossy().trim().to_owned();
        let all: BTreeMap<String, String> =
            variables.map(|(name, value)| (text(name), text(value))).collect();
        let get = |name: &str| all.get(name).filter(|value| !value.is_empty()).cloned();
        let severity = |name: &'static str, value: &str| {
            let message = format!("unknown severity `{value}`; known are low, medium, high, critical");
            Severity::parse(value).ok_or(InputError { name, message })
        };
        let fail_on = match get("INPUT_FAIL-ON").as_deref() {
            None => None,
            Some("none") => Some(None),
            Some(other) => Some(Some(severity("fail-on", other)?)),
        };
        let minimum =
            get("INPUT_MINIMUM-SEVERITY").map(|value| severity("minimum-severity", &value)).transpose()?;
        let tests = match get("INPUT_TESTS").as_deref() {
            None => None,
            Some("high") => Some(Tests::High),
            Some("all") => Some(Tests::All),
            Some("none") => Some(Tests::None),
            Some(other) => {
                let message = format!("unknown value `{other}`; known are high, all, none");
                return Err(InputError { name: "tests", message });
            }
        };
        Ok(Self {
            path: get("INPUT_PATH").map_or(PathBuf::from("."), PathBuf::from),
            config: get("INPUT_CONFIG").map(PathBuf::from),
            exclude: get("INPUT_EXCLUDE")
                .iter()
                .flat_map(|lines| lines.lines())
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .collect(),
            fail_on,
            minimum_severity: minimum,
            tests,
            sarif_file: get("INPUT_SARIF-FILE").map_or(PathBuf::from("snakestone.sarif"), PathBuf::from),
            category: get("INPUT_CATEGORY").unwrap_or("snakestone/".to_owned()),
            comparing: Comparing::read(&get)?,
            summary: get("GITHUB_STEP_SUMMARY").map(PathBuf::from),
            outputs: get("GITHUB_OUTPUT").map(PathBuf::from),
        })
    }
}

/// Runs the action in the current folder, which the runner makes the workspace.
pub(super) fn run(variables: impl Iterator<Item = (OsString, OsString)>) -> anyhow::Result<Code> {
    let inputs = Inputs::read(variables)?;
    let root = std::env::current_dir().context("cannot tell the workspace")?;
    let root = root.canonicalize().unwrap_or(root);
    let overrides = Overrides {
        exclude: inputs.exclude.clone(),
        fail_on: inputs.fail_on,
        minimum_severity: inputs.minimum_severity,
        tests: inputs.tests,
        ..Overrides::default()
    };
    let (base, note) = inputs.comparing.base(&root, std::slice::from_ref(&inputs.path), &inputs.category)?;
    let project = base.project(&root.join(&inputs.path), inputs.config.as_deref())?;
    let settings = project.settings(&overrides)?;
    let mut outcome = scan::outcome(root, std::slice::from_ref(&inputs.path), &project, settings)?;
    outcome.fails_on_existing = inputs.comparing.fails_on_existing;
    base.judge(&mut outcome, &project)?;
    outcome.summary.notes.extend(note.clone());
    outcome.identify();
    let code = outcome.code();
    let (report, root) = outcome.report();
    let writer = Outputs {
        root: &root,
        category: &inputs.category,
        is_successful: code != Code::Failed,
        color: ColorArg::Never,
    };
    let sarif = [Output { format: Format::Sarif, file: Some(inputs.sarif_file.clone()) }];
    let written = writer.write(&report, &sarif);
    let mut log = Vec::new();
    let mut plain = anstream::StripStream::new(&mut log);
    terminal::write(&report, &terminal::Options { width: 120, shows_time: true }, &mut plain)?;
    let mut out = std::io::stdout().lock();
    for line in String::from_utf8_lossy(&log).lines() {
        writeln!(out, "{}", annotations::neutralize(line))?;
    }
    out.write_all(annotations::render(&report).as_bytes())?;
    out.write_all(note.map(|note| annotations::notice(&note)).unwrap_or_default().as_bytes())?;
    if let Some(path) = &inputs.summary {
        append(path, &markdown::render(&report, MAX_SUMMARY))?;
    }
    if let Some(path) = &inputs.outputs {
        let sarif_file = inputs.sarif_file.to_string_lossy().into_owned();
        let n_findings = report.findings.len().to_string();
        let code = (code as u8).to_string();
        let n_new = report.asked().count().to_string();
        let values = [
            ("sarif-file", sarif_file),
            ("findings", n_findings),
            ("new-findings", n_new),
            ("exit-code", code),
        ];
        append(path, &values.iter().map(|(name, value)| assignment(name, value)).collect::<String>())?;
    }
    written?;
    Ok(code)
}

/// `name<<DELIMITER`, the value, and a delimiter that does not occur in it.
fn assignment(name: &str, value: &str) -> String {
    let mut delimiter = "SNAKESTONE_END".to_owned();
    while value.contains(&delimiter) {
        delimiter.push('_');
    }
    format!("{name}<<{delimiter}\n{value}\n{delimiter}\n")
}

fn append(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .with_context(|| format!("cannot open `{}`", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{Inputs, assignment};
    use crate::finding::Severity;

    fn read(variables: &[(&str, &str)]) -> Result<Inputs, String> {
        let all = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Inputs::read(all).map_err(|error| error.to_string())
    }

    #[test]
    fn inputs_keep_their_hyphens_and_empty_ones_are_absent() {
        let inputs =
            read(&[("INPUT_FAIL-ON", "high"), ("INPUT_EXCLUDE", "a/\n\n b/ "), ("INPUT_PATH", "")]).unwrap();
        assert_eq!(inputs.fail_on, Some(Some(Severity::High)));
        assert_eq!(inputs.exclude, ["a/", "b/"]);
        assert_eq!(inputs.path.to_str(), Some("."));
        assert_eq!(
            read(&[("INPUT_FAIL-ON", "hihg")]).unwrap_err(),
            "input `fail-on`: unknown severity `hihg`; known are low, medium, high, critical"
        );
    }

    #[test]
    fn a_value_cannot_end_its_own_assignment() {
        let text = assignment("path", "a\nSNAKESTONE_END\nfindings=0");
        assert_eq!(text, "path<<SNAKESTONE_END_\na\nSNAKESTONE_END\nfindings=0\nSNAKESTONE_END_\n");
    }
}
