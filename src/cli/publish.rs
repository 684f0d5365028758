//! The action's step after the scan: uploads the SARIF log, and says in one notice where that was not possible.
//!
//! Whatever happens here, the file stays where it was written, and findings alone decide the exit code, unless the
//! upload is required.

use std::collections::BTreeMap;

use crate::cli::job::Job;
use crate::github::client::encode;
use crate::github::event::{Event, Kind, Target};
use crate::github::failure::Failure;
use crate::github::upload::{self, Done, End, Upload, UploadError};

/// Whether to upload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// Where it can be.
    Auto,
    /// The run fails where it cannot be.
    Required,
    /// Not.
    Never,
}

/// What a reader of the run must know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Note {
    /// Whether somebody should repair something.
    pub(super) is_warning: bool,
    /// A sentence without a full stop.
    pub(super) text: String,
}

impl Note {
    pub(super) fn notice(text: String) -> Self {
        Self { is_warning: false, text }
    }

    pub(super) fn warning(text: String) -> Self {
        Self { is_warning: true, text }
    }
}

/// What became of the upload.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// For the log alone.
    pub(super) said: Vec<String>,
    /// At most one.
    pub(super) note: Option<Note>,
    /// Whether something that was required did not succeed.
    pub(super) has_failed: bool,
}

/// Uploads the log, if that is wished and can be.
pub(super) fn run(job: &mut Job, wish: Wish, log: &[u8]) -> Published {
    let failed =
        |note| Published { note: Some(note), has_failed: wish == Wish::Required, ..Published::default() };
    let not = |why: String| format!("the SARIF file was not uploaded: {why}");
    if wish == Wish::Never {
        return Published::default();
    }
    let event = match &job.event {
        Ok(Some(event)) => event.clone(),
        Ok(None) => return failed(Note::notice(not("this is no run of GitHub Actions".to_owned()))),
        Err(error) => return failed(Note::warning(not(error.to_string()))),
    };
    match upload(job, &event, log) {
        Ok(done) => {
            let (mut said, note) = of(&done);
            said.extend(done.said);
            Published { said, note, has_failed: false }
        }
        // There is nothing that could be required.
        Err(UploadError::Nowhere(why)) => {
            Published { note: Some(Note::notice(not(why.to_owned()))), ..Published::default() }
        }
        Err(error) => {
            let is_read_only = is_read_only(&event, job.surroundings.variables);
            let why = explain(&error, is_read_only);
            let text =
                not(format!("{why}. Everything else is as it would be; the file is the output `sarif-file`"));
            // That a setting is off, or a fork's token may only read, is how the repository is meant to be.
            let is_meant = matches!(&error, UploadError::Failure(Failure::NotEnabled { .. })) || is_read_only;
            failed(if is_meant { Note::notice(text) } else { Note::warning(text) })
        }
    }
}

fn upload(job: &mut Job, event: &Event, log: &[u8]) -> Result<Done, UploadError> {
    let target = event.target(job.analyzed());
    if let Target::Nowhere(why) = target {
        return Err(UploadError::Nowhere(why));
    }
    let root = job.root.to_string_lossy();
    let root: Vec<String> = root.split('/').map(encode).collect();
    let upload = Upload {
        repository: &event.repository,
        target,
        log,
        category: None,
        checkout_uri: Some(format!("file://{}/", root.join("/").trim_end_matches('/'))),
        began: job.began,
    };
    upload::run(job.requests.client()?, &upload)
}

/// What is said of an upload that succeeded.
pub(super) fn of(done: &Done) -> (Vec<String>, Option<Note>) {
    let results = if done.n_results == 1 { "result" } else { "results" };
    let what = format!("{} {results} for `{}`", done.n_results, done.git_ref);
    match done.end {
        End::Complete => (vec![format!("uploaded {what}")], None),
        End::Pending => (vec![format!("uploaded {what}; GitHub is still processing them")], None),
        End::NotedAsUnsuccessful => {
            let text = "the scan failed, which GitHub now shows as the state of the tool; it closes no alert"
                .to_owned();
            (Vec::new(), Some(Note::warning(text)))
        }
    }
}

/// Whether the run's token is meant to read alone.
fn is_read_only(event: &Event, variables: &BTreeMap<String, String>) -> bool {
    let is_of_fork = matches!(&event.kind, Kind::Pull(pull) if pull.is_fork);
    is_of_fork || variables.get("GITHUB_ACTOR").is_some_and(|actor| actor == "dependabot[bot]")
}

/// Why nothing was uploaded, and what to do.
fn explain(error: &UploadError, is_read_only: bool) -> String {
    if matches!(error, UploadError::Failure(Failure::Denied { .. })) && is_read_only {
        return "the token of a run for a fork or for Dependabot may only read; where its results are wanted, let a \
                step with `github/codeql-action/upload-sarif` follow, or upload in a second workflow on \
                `workflow_run` (README, \"Pull requests from forks\")"
            .to_owned();
    }
    let remedy = error.remedy();
    if remedy.is_empty() { error.to_string() } else { format!("{error}; {remedy}") }
}
