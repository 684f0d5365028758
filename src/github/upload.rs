//! Uploading SARIF to code scanning: fit it, send it, and ask until it is processed.
//!
//! A log and where it belongs come in; what became of it goes out, with whose fault it is where nothing did. An upload
//! whose answer was lost is looked for among the analyses before it is sent again.
//! Source: GitHub's documentation of code scanning's interface; `github/codeql-action`, `src/upload-lib.ts`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use crate::github::client::{Call, Client, Repeat, encode};
use crate::github::event::{Repository, Target};
use crate::github::failure::{Failure, Fault};
use crate::github::fit::{self, Fit, Unfit};
use crate::github::pull::{self, NoPull};
use crate::github::wait::timestamp;

/// What uploading needs.
const PERMISSION: &str = "security-events: write";
/// Pauses before each question whether an upload is processed: at 5, 15, 35, 75 and 155 s.
const PAUSES: [u64; 5] = [5, 10, 20, 40, 80];
/// Pauses before each look for an upload whose answer was lost.
const LOOKS: [u64; 3] = [5, 10, 20];
/// How far GitHub's clock may be behind ours.
const SKEW: Duration = Duration::from_secs(60);

/// A log and where it belongs.
pub struct Upload<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The ref and commit, or how to find them.
    pub target: Target,
    /// The SARIF log.
    pub log: &'a [u8],
    /// Replaces the log's category.
    pub category: Option<&'a str>,
    /// The folder that was scanned, as `file:///github/workspace/`.
    pub checkout_uri: Option<String>,
    /// When the scan began, since 1970.
    pub began: Duration,
}

/// What became of an upload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// How it ended.
    pub end: End,
    /// Results in it.
    pub n_results: usize,
    /// Its ref.
    pub git_ref: String,
    /// What was left out, as sentences without a full stop.
    pub said: Vec<String>,
}

/// How an upload ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// GitHub shows it.
    Complete,
    /// GitHub is not done with it, which is no failure.
    Pending,
    /// It said that the scan had failed, and GitHub has noted that: no alert is closed.
    NotedAsUnsuccessful,
}

/// Why an upload came to nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UploadError {
    /// It belongs nowhere, which is as it should be.
    #[error("{0}")]
    Nowhere(&'static str),
    /// It is no SARIF that GitHub would take.
    #[error("the SARIF file is not one that GitHub takes: {0}")]
    Unfit(#[from] Unfit),
    /// The pull request that it belongs to is not to be told.
    #[error("{0}")]
    NoPull(#[from] NoPull),
    /// A request came to nothing.
    #[error("{0}")]
    Failure(#[from] Failure),
    /// GitHub took the file and found it wrong.
    #[error("GitHub refuses the file: {}", errors.join("; "))]
    Refused {
        /// GitHub's words.
        errors: Vec<String>,
        /// Who can repair it.
        fault: Fault,
    },
}

impl UploadError {
    /// Who can repair it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Nowhere(_) | Self::Unfit(_) | Self::NoPull(_) => Fault::Workflow,
            Self::Failure(failure) => failure.fault(),
            Self::Refused { fault, .. } => *fault,
        }
    }

    /// What to do, as a sentence without a full stop; nothing where nothing is to be done.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Nowhere(_) => String::new(),
            Self::Unfit(_) => "check the tool that wrote the file".to_owned(),
            Self::NoPull(NoPull::Several { .. }) => {
                "name one with `snakestone upload --ref refs/pull/NUMBER/head --sha HEAD`".to_owned()
            }
            Self::NoPull(_) => {
                "nothing is to be done if the pull request was closed or has newer commits".to_owned()
            }
            Self::Failure(failure) => failure.remedy(),
            Self::Refused { fault: Fault::Ours, .. } => {
                format!("please report this at {}/issues", env!("CARGO_PKG_REPOSITORY"))
            }
            Self::Refused { .. } => {
                "see GitHub's page on troubleshooting SARIF uploads; a category of its own for each scan of a commit, \
                 and stable paths, avoid most of this"
                    .to_owned()
            }
        }
    }
}

/// Uploads a log and waits until it is processed, or for at most 155 seconds.
///
/// # Errors
/// Where GitHub does not have the analysis in the end, or cannot be asked.
pub fn run(client: &mut Client, upload: &Upload) -> Result<Done, UploadError> {
    let (git_ref, sha) = match &upload.target {
        Target::Nowhere(why) => return Err(UploadError::Nowhere(why)),
        Target::At { git_ref, sha } => (git_ref.clone(), sha.clone()),
        Target::PullOf(run) => {
            let pull = pull::with_head(client, upload.repository, &run.head_sha, Some(run))??;
            (format!("refs/pull/{}/head", pull.number()), run.head_sha.clone())
        }
    };
    let log: Value = serde_json::from_slice(upload.log)
        .map_err(|_| Unfit::Lacks { at: "/".to_owned(), what: "no JSON" })?;
    let mut max_packed = fit::MAX_PACKED;
    let (fit, answer) = loop {
        let fit = fit::fit(log.clone(), upload.category, max_packed)?;
        match post(client, upload, &fit, (&git_ref, &sha)) {
            Ok(answer) => break (fit, answer),
            // A host with a lower limit than documented.
            Err(Failure::TooLarge) if max_packed > fit::MAX_PACKED / 8 => {
                max_packed = fit.packed.len().min(max_packed) / 2;
            }
            Err(failure) => return Err(failure.into()),
        }
    };
    let end = match answer.get("id").and_then(Value::as_str) {
        Some(id) => poll(client, upload.repository, id, fit.is_successful)?,
        None => End::Complete, // found among the analyses
    };
    Ok(Done { end, n_results: fit.n_results, git_ref, said: fit.said })
}

/// Sends the file. The answer is GitHub's, or empty if the file was found among the analyses.
fn post(client: &mut Client, upload: &Upload, fit: &Fit, at: (&str, &str)) -> Result<Value, Failure> {
    let (git_ref, sha) = at;
    let mut body = json!({
        "commit_sha": sha,
        "ref": git_ref,
        "sarif": STANDARD.encode(&fit.packed),
        "started_at": timestamp(upload.began),
        "tool_name": fit.tool,
    });
    if let Some(uri) = &upload.checkout_uri {
        body["checkout_uri"] = json!(uri);
    }
    let route = format!("{}/code-scanning/sarifs", upload.repository.route());
    let call = Call { method: &Method::POST, route: &route, body: Some(&body), permission: PERMISSION };
    let since = timestamp(client.now().saturating_sub(SKEW));
    let mut look = |client: &mut Client| look(client, upload.repository, fit, at, &since);
    client.send(call, Repeat::After(&mut look)).map_err(|failure| match failure {
        Failure::Invalid { status: 422, said } if said.contains("not found") => Failure::NotFound { said },
        other => other,
    })
}

/// Looks for the analysis of an upload whose answer was lost. One that is pending is not listed, so that it takes
/// some looks before it may be sent again; twice the same is one analysis for GitHub.
fn look(
    client: &mut Client,
    repository: &Repository,
    fit: &Fit,
    (git_ref, sha): (&str, &str),
    since: &str,
) -> Result<Option<Value>, Failure> {
    let route = format!(
        "{}/code-scanning/analyses?tool_name={}&ref={}",
        repository.route(),
        encode(&fit.tool),
        encode(git_ref)
    );
    for pause in LOOKS {
        client.wait(Duration::from_secs(pause))?;
        let analyses = client.list(&route, PERMISSION, 1)?;
        let is_it = |analysis: &Value| {
            let text = |key: &str| analysis.get(key).and_then(Value::as_str).unwrap_or("");
            text("commit_sha").eq_ignore_ascii_case(sha)
                && text("category").trim_end_matches('/') == fit.category
                && text("created_at") >= since
        };
        if analyses.iter().any(is_it) {
            return Ok(Some(json!({})));
        }
    }
    Ok(None)
}

/// Asks until the upload is processed.
fn poll(
    client: &mut Client,
    repository: &Repository,
    id: &str,
    is_successful: bool,
) -> Result<End, UploadError> {
    let route = format!("{}/code-scanning/sarifs/{}", repository.route(), encode(id));
    for pause in PAUSES {
        if client.wait(Duration::from_secs(pause)).is_err() {
            break;
        }
        let answer = match client.get(&route, PERMISSION) {
            Ok(answer) => answer,
            Err(failure @ Failure::Invalid { status: 400 | 410 | 422 | 451, .. }) => {
                return Err(failure.into());
            }
            Err(_) => continue, // 401, 403 and 404 were seen to pass
        };
        match answer.get("processing_status").and_then(Value::as_str) {
            Some("complete") => return Ok(End::Complete),
            Some("failed") => return judge(&answer, is_successful),
            _ => {}
        }
    }
    Ok(End::Pending)
}

/// What GitHub's errors say, sorted as upload-sarif does.
fn judge(answer: &Value, is_successful: bool) -> Result<End, UploadError> {
    let errors = answer.get("errors").and_then(Value::as_array).into_iter().flatten();
    let errors: Vec<String> =
        errors.map(|error| error.as_str().map_or_else(|| error.to_string(), str::to_owned)).collect();
    if !is_successful && errors.iter().all(|error| error.contains("unsuccessful execution")) {
        return Ok(End::NotedAsUnsuccessful);
    }
    let is_setting = |error: &String| {
        ["too many logical alerts", "multiple runs with the same category", "default setup is enabled"]
            .iter()
            .any(|words| error.contains(words))
    };
    let is_invalid = |error: &String| {
        let begins =
            ["rejecting SARIF", "locationFromSarifResult", "an invalid URI", "could not convert rules"];
        begins.iter().any(|words| error.starts_with(words))
            || error.contains("invalid security severity value")
            || error.contains("did not match the checkout URI scheme")
    };
    let fault = match () {
        () if errors.iter().any(is_setting) => Fault::Repository,
        () if errors.iter().any(is_invalid) => Fault::Ours,
        () => Fault::Passing,
    };
    Err(UploadError::Refused { errors, fault })
}
