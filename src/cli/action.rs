//! The container action: inputs from the environment, the workspace in, SARIF file, summary, annotations and
//! outputs out.
//!
//! Source: GitHub's documentation of workflow commands.

use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::path::{Component, Path};

use anyhow::Context;

use crate::cli::args::{ColorArg, Format};
use crate::cli::inputs::Inputs;
use crate::cli::job::Job;
use crate::cli::output::Outputs;
use crate::cli::publish::{self, Note};
use crate::cli::review::{self, Step};
use crate::cli::scan::{self, Outcome};
use crate::cli::{Code, Surroundings};
use crate::github::checks::Conclusion;
use crate::report::{annotations, markdown, sarif, terminal};

/// Largest step summary, in bytes; the runner drops larger ones whole.
const MAX_SUMMARY: usize = markdown::MAX_BYTES;

/// Runs the action: scans, writes the SARIF file, uploads it, annotates, sums up, and only then decides.
pub(super) fn run(surroundings: &Surroundings, out: &mut dyn Write) -> anyhow::Result<Code> {
    let inputs = Inputs::read(surroundings.variables)?;
    let mut job = Job::new(surroundings, inputs.token.clone());
    let outcome = match scan(&mut job, &inputs) {
        Ok(outcome) => outcome,
        Err(error) => {
            let log = sarif::unsuccessful(&inputs.category);
            let written = write_below(&job.root, &inputs.sarif_file, &log);
            let published = publish::run(&mut job, inputs.upload, &log);
            say(&published.said, &published.note, out)?;
            return Err(written.err().unwrap_or(error));
        }
    };
    finish(&mut job, &inputs, outcome, out)
}

/// The scan, compared, and a note where it is compared with less than it should be.
fn scan(job: &mut Job, inputs: &Inputs) -> anyhow::Result<(Outcome, Option<String>)> {
    let path = job.root.join(&inputs.path);
    let config = inputs.config.as_ref().map(|config| job.root.join(config));
    let paths = std::slice::from_ref(&path);
    let (base, note) = inputs.comparing.base(job, paths, &inputs.category)?;
    let project = base.project(&path, config.as_deref())?;
    let settings = project.settings(&inputs.overrides)?;
    let mut outcome = scan::outcome(job.root.clone(), paths, &project, settings)?;
    outcome.fails_on_existing = inputs.comparing.fails_on_existing;
    base.judge(&mut outcome, &project)?;
    outcome.summary.notes.extend(note.clone());
    outcome.identify();
    Ok((outcome, note))
}

/// Everything after the scan. Each step is tried whatever became of those before it.
fn finish(
    job: &mut Job,
    inputs: &Inputs,
    (outcome, note): (Outcome, Option<String>),
    out: &mut dyn Write,
) -> anyhow::Result<Code> {
    let code = outcome.code();
    let (mut report, root) = outcome.report();
    let is_successful = code != Code::Failed;
    let writer = Outputs { root: &root, category: &inputs.category, is_successful, color: ColorArg::Never };
    let log = writer.render(&report, Format::Sarif)?;
    let mut result = write_below(&root, &inputs.sarif_file, &log);
    result = result.and(tell(&report, out)); // first, since the upload may take minutes
    let published = publish::run(job, inputs.upload, &log);
    report.summary.notes.extend(published.note.iter().map(|note| note.text.clone()));
    let step = Step {
        wishes: inputs.reviews,
        log: &log,
        conclusion: conclusion(code, report.findings.is_empty()),
        is_told: published.note.is_some(),
    };
    let reviewed = review::publish(job, &step);
    report.summary.notes.extend(reviewed.notes.iter().map(|note| note.text.clone()));
    result = result.and(say(&published.said, &published.note, out));
    result = result.and(say(&reviewed.said, &reviewed.notes, out));
    let note = note.map(|note| annotations::notice(&note)).unwrap_or_default();
    result = result.and(out.write_all(note.as_bytes()).map_err(Into::into));
    result = result.and(out.write_all(annotations::render(&report).as_bytes()).map_err(Into::into));
    let code = if published.has_failed { Code::Failed } else { code };
    if let Some(path) = &inputs.summary {
        result = result.and(append(path, &markdown::render(&report, MAX_SUMMARY)));
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
        let text = values.iter().map(|(name, value)| assignment(name, value, &random())).collect::<String>();
        result = result.and(append(path, &text));
    }
    result.map(|()| code)
}

/// What a check run shows of the whole.
fn conclusion(code: Code, is_empty: bool) -> Conclusion {
    match code {
        Code::Clean if is_empty => Conclusion::Success,
        Code::Clean => Conclusion::Neutral,
        Code::Findings | Code::Usage | Code::Failed => Conclusion::Failure,
    }
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

/// What became of the upload, and of the review.
fn say<'a>(
    said: &[String],
    notes: impl IntoIterator<Item = &'a Note>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    for line in said {
        writeln!(out, "{}", annotations::neutralize(line))?;
    }
    for note in notes {
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
    use super::{assignment, random};

    #[test]
    fn a_value_cannot_end_its_own_assignment() {
        let text = assignment("path", "a\nSNAKESTONE_1\nfindings=0", "1");
        assert_eq!(text, "path<<SNAKESTONE_1_\na\nSNAKESTONE_1\nfindings=0\nSNAKESTONE_1_\n");
        assert_ne!(random(), random());
    }
}
