//! The container action: inputs from the environment, the workspace in, SARIF file, summary, annotations and
//! outputs out.
//!
//! Source: GitHub's documentation of metadata syntax and workflow commands; the runner passes inputs as
//! `INPUT_<NAME>` with hyphens kept.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use crate::cli::args::{ColorArg, Format};
use crate::cli::output::Outputs;
use crate::cli::project::Project;
use crate::cli::publish::{self, Publication, Published, Wish};
use crate::cli::scan::{self, Outcome};
use crate::cli::{Code, Surroundings};
use crate::config::{Overrides, Tests};
use crate::finding::Severity;
use crate::github::client::Token;
use crate::report::{annotations, markdown, sarif, terminal};

/// Largest step summary, in bytes; the runner drops larger ones whole.
const MAX_SUMMARY: usize = markdown::MAX_BYTES;

/// An input that is not understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("input `{name}`: {message}")]
pub(super) struct InputError {
    name: &'static str,
    message: String,
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
    token: Option<Token>,
    upload: Wish,
    summary: Option<PathBuf>,
    outputs: Option<PathBuf>,
}

impl Inputs {
    /// Reads the inputs; empty ones count as absent, since the runner does not tell the two apart.
    fn read(variables: &BTreeMap<String, String>) -> Result<Self, InputError> {
        let get = |name: &str| {
            variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty()).map(str::to_owned)
        };
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
        let upload = match get("INPUT_UPLOAD").as_deref() {
            None | Some("auto") => Wish::Auto,
            Some("required") => Wish::Required,
            Some("never") => Wish::Never,
            Some(other) => {
                let message = format!("unknown value `{other}`; known are auto, required, never");
                return Err(InputError { name: "upload", message });
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
            token: get("INPUT_TOKEN").and_then(|token| Token::new(&token)),
            upload,
            summary: get("GITHUB_STEP_SUMMARY").map(PathBuf::from),
            outputs: get("GITHUB_OUTPUT").map(PathBuf::from),
        })
    }
}

/// Runs the action: scans, writes the SARIF file, uploads it, annotates, sums up, and only then decides.
pub(super) fn run(surroundings: &Surroundings, out: &mut dyn Write) -> anyhow::Result<Code> {
    let inputs = Inputs::read(surroundings.variables)?;
    let root = surroundings.folder.canonicalize().unwrap_or(surroundings.folder.to_owned());
    let began = (surroundings.clock)().now();
    let outcome = match scan(&inputs, &root) {
        Ok(outcome) => outcome,
        Err(error) => {
            let log = sarif::unsuccessful(&inputs.category);
            let written = write_below(&root, &inputs.sarif_file, &log);
            let published = publish(surroundings, &inputs, &root, (&log, began));
            say(&published, out)?;
            return Err(written.err().unwrap_or(error));
        }
    };
    finish(surroundings, &inputs, outcome, began, out)
}

fn scan(inputs: &Inputs, root: &Path) -> anyhow::Result<Outcome> {
    let overrides = Overrides {
        exclude: inputs.exclude.clone(),
        fail_on: inputs.fail_on,
        minimum_severity: inputs.minimum_severity,
        tests: inputs.tests,
        ..Overrides::default()
    };
    let path = root.join(&inputs.path);
    let config = inputs.config.as_ref().map(|config| root.join(config));
    let project = Project::read(&path, config.as_deref())?;
    let settings = project.settings(&overrides)?;
    scan::outcome(root.to_owned(), &[path], &project, settings)
}

/// Everything after the scan. Each step is tried whatever became of those before it.
fn finish(
    surroundings: &Surroundings,
    inputs: &Inputs,
    outcome: Outcome,
    began: Duration,
    out: &mut dyn Write,
) -> anyhow::Result<Code> {
    let code = outcome.code();
    let (mut report, root) = outcome.report();
    let is_successful = code != Code::Failed;
    let writer = Outputs { root: &root, category: &inputs.category, is_successful, color: ColorArg::Never };
    let log = writer.render(&report, Format::Sarif)?;
    let mut result = write_below(&root, &inputs.sarif_file, &log);
    result = result.and(tell(&report, out)); // first, since the upload may take minutes
    let published = publish(surroundings, inputs, &root, (&log, began));
    report.summary.notes.extend(published.note.iter().map(|note| note.text.clone()));
    result = result.and(say(&published, out));
    result = result.and(out.write_all(annotations::render(&report).as_bytes()).map_err(Into::into));
    let code = if published.has_failed { Code::Failed } else { code };
    if let Some(path) = &inputs.summary {
        result = result.and(append(path, &markdown::render(&report, MAX_SUMMARY)));
    }
    if let Some(path) = &inputs.outputs {
        let sarif_file = inputs.sarif_file.to_string_lossy().into_owned();
        let n_findings = report.findings.len().to_string();
        let code = (code as u8).to_string();
        let values = [("sarif-file", sarif_file), ("findings", n_findings), ("exit-code", code)];
        let text = values.iter().map(|(name, value)| assignment(name, value, &random())).collect::<String>();
        result = result.and(append(path, &text));
    }
    result.map(|()| code)
}

fn publish(
    surroundings: &Surroundings,
    inputs: &Inputs,
    root: &Path,
    (log, began): (&[u8], Duration),
) -> Published {
    let publication = Publication { wish: inputs.upload, token: inputs.token.as_ref(), log, began };
    publish::run(surroundings, root, &publication)
}

/// All findings, for the log.
fn tell(report: &crate::report::Report, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut log = Vec::new();
    let mut plain = anstream::StripStream::new(&mut log);
    terminal::write(report, &terminal::Options { width: 120, shows_time: true }, &mut plain)?;
    for line in String::from_utf8_lossy(&log).lines() {
        writeln!(out, "{}", annotations::neutralize(line))?;
    }
    Ok(())
}

/// What became of the upload.
fn say(published: &Published, out: &mut dyn Write) -> anyhow::Result<()> {
    for line in &published.said {
        writeln!(out, "{}", annotations::neutralize(line))?;
    }
    if let Some(note) = &published.note {
        let annotate = if note.is_warning { annotations::warning } else { annotations::notice };
        out.write_all(annotate(&note.text).as_bytes())?;
    }
    Ok(())
}

/// Writes a file that the inputs name. The scanned tree may hold symbolic links in its way, which would lead the
/// writing out of it: a relative path goes through none.
fn write_below(root: &Path, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let fails = || format!("cannot write `{}`", path.display());
    let mut at = root.to_owned();
    let mut parts = path.components().peekable();
    while let Some(part) = parts.next() {
        at.push(part);
        let is_link = path.is_relative() && at.symlink_metadata().is_ok_and(|about| about.is_symlink());
        match part {
            Component::Normal(_) if is_link && parts.peek().is_none() => {
                fs::remove_file(&at).with_context(fails)?;
            }
            Component::Normal(name) if is_link => {
                let name = name.to_string_lossy();
                anyhow::bail!("{}: `{name}` is a symbolic link; name a path without one", fails());
            }
            _ => {}
        }
    }
    if let Some(folder) = at.parent() {
        fs::create_dir_all(folder).with_context(fails)?;
    }
    fs::write(&at, bytes).with_context(fails)
}

/// Text that nobody can foresee.
fn random() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// `name<<DELIMITER`, the value, and the delimiter, which is `random` and does not occur in the value.
fn assignment(name: &str, value: &str, random: &str) -> String {
    let mut delimiter = format!("SNAKESTONE_{random}");
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
    use super::{Inputs, assignment, random};
    use crate::finding::Severity;

    fn read(variables: &[(&str, &str)]) -> Result<Inputs, String> {
        let all = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Inputs::read(&all.collect()).map_err(|error| error.to_string())
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
        assert_eq!(
            read(&[("INPUT_UPLOAD", "yes")]).unwrap_err(),
            "input `upload`: unknown value `yes`; known are auto, required, never"
        );
    }

    #[test]
    fn a_value_cannot_end_its_own_assignment() {
        let text = assignment("path", "a\nSNAKESTONE_1\nfindings=0", "1");
        assert_eq!(text, "path<<SNAKESTONE_1_\na\nSNAKESTONE_1\nfindings=0\nSNAKESTONE_1_\n");
        assert_ne!(random(), random());
    }
}
