//! `snakestone review`: a SARIF file of ours and the surroundings in, a review of the pull request out; and the same
//! as a step of the action.
//!
//! The file may be an artifact of a fork's workflow: it is read as a stranger's, and which pull request it is about is
//! told by the event, the command line and GitHub alone. That a comment could not be written fails no run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;

use crate::cli::Code;
use crate::cli::args::ReviewArgs;
use crate::finding::Severity;
use crate::github::checks::{self, Conclusion};
use crate::github::client::{Client, Options, Token};
use crate::github::event::{self, Analyzed, Event, EventError, Repository};
use crate::github::failure::Failure;
use crate::github::findings::{MAX_BYTES, ReadError, Scan};
use crate::github::pull::Subject;
use crate::github::review::{self, Done};
use crate::github::wait::SystemClock;
use crate::report::annotations::neutralize;
use crate::report::wording::counted;

/// Wrong use of the command.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReviewError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is none of ours.
    #[error("cannot take `{}`: {error}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why.
        error: ReadError,
    },
    /// There is no token.
    #[error("there is no token; set `GITHUB_TOKEN` to one with `pull-requests: write`")]
    NoToken,
    /// The repository is not known.
    #[error("the repository is not known; pass `--repository OWNER/NAME` outside of GitHub Actions")]
    NoRepository,
    /// The commit is not known.
    #[error("the scanned commit is not known; pass `--sha SHA`, the head of the pull request")]
    NoCommit,
    /// The surroundings are not understood.
    #[error(transparent)]
    Event(#[from] EventError),
    /// GitHub cannot be reached at all.
    #[error("{0}; {remedy}", remedy = .0.remedy())]
    Setup(Failure),
}

/// Runs the command.
pub(super) fn run(args: &ReviewArgs) -> anyhow::Result<Code> {
    let variables: BTreeMap<String, String> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect();
    let told = review(args, &variables)?;
    let mut out = std::io::stderr().lock();
    for line in told {
        writeln!(out, "{}", neutralize(&line))?;
    }
    Ok(Code::Clean)
}

/// Reviews as `args` and `variables` say; returns what to tell.
fn review(args: &ReviewArgs, variables: &BTreeMap<String, String>) -> Result<Vec<String>, ReviewError> {
    let scan = read(args)?;
    let (repository, subject) = subject(args, variables)?;
    let token =
        variables.get("GITHUB_TOKEN").and_then(|token| Token::new(token)).ok_or(ReviewError::NoToken)?;
    let mut client =
        Client::new(&Options::of(variables), &token, Box::new(SystemClock)).map_err(ReviewError::Setup)?;
    let mut told = step(&mut client, &repository, &subject, &scan);
    if args.check_run {
        let worst = scan.worst().filter(|&worst| worst >= Severity::Medium);
        let conclusion = match (worst, scan.worst()) {
            (Some(_), _) => Conclusion::Failure,
            (None, Some(_)) => Conclusion::Neutral,
            (None, None) => Conclusion::Success,
        };
        told.push(check(&mut client, &repository, subject.head(), &scan, conclusion, variables));
    }
    Ok(told)
}

fn read(args: &ReviewArgs) -> Result<Scan, ReviewError> {
    let path = || args.file.clone();
    let mut bytes = Vec::new();
    let opened = File::open(&args.file).map(|file| file.take(MAX_BYTES as u64 + 1));
    opened
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(|error| ReviewError::File { path: path(), error })?;
    Scan::read(&bytes).map_err(|error| ReviewError::Content { path: path(), error })
}

/// What is reviewed: as the options say, and where they do not, as the event does.
fn subject(
    args: &ReviewArgs,
    variables: &BTreeMap<String, String>,
) -> Result<(Repository, Subject), ReviewError> {
    let event = Event::read(variables)?;
    let of_event = event.as_ref().and_then(|event| Subject::of(event, Analyzed::ThatRun));
    let repository = match (&args.repository, event) {
        (Some(repository), _) => event::repository("--repository", repository)?,
        (None, Some(event)) => event.repository,
        (None, None) => return Err(ReviewError::NoRepository),
    };
    let sha = args.sha.as_deref().map(|sha| event::commit("--sha", sha)).transpose()?;
    let subject = match (args.pull_request, sha, of_event) {
        (Some(number), Some(sha), _) => Subject::Number(number, sha),
        (Some(number), None, Some(subject)) => Subject::Number(number, subject.head().to_owned()),
        (None, Some(sha), _) => Subject::Head(sha),
        (None, None, Some(subject)) => subject,
        (_, None, None) => return Err(ReviewError::NoCommit),
    };
    Ok((repository, subject))
}

/// Reviews the pull request that `subject` means; returns what to tell, a sentence without its stop each.
pub(super) fn step(
    client: &mut Client,
    repository: &Repository,
    subject: &Subject,
    scan: &Scan,
) -> Vec<String> {
    let pull = match subject.find(client, repository) {
        Ok(Ok(pull)) => pull,
        Ok(Err(why)) => return vec![format!("no review: {why}")],
        Err(failure) => return vec![failed("no review", &failure)],
    };
    let Done { n_posted, n_standing, n_deleted, notices, failure } = review::run(client, &pull, scan);
    let mut told = notices;
    told.insert(
        0,
        format!(
            "review of pull request #{}: {} written, {n_standing} of an earlier run still hold, {n_deleted} deleted \
             since their finding is gone",
            pull.number(),
            counted(n_posted, "comment")
        ),
    );
    told.extend(failure.map(|failure| failed("the review is not whole", &failure)));
    told
}

/// Writes a check run; returns what to tell.
pub(super) fn check(
    client: &mut Client,
    repository: &Repository,
    sha: &str,
    scan: &Scan,
    conclusion: Conclusion,
    variables: &BTreeMap<String, String>,
) -> String {
    let get = |name: &str| variables.get(name).map_or("", String::as_str);
    let run = format!("{}-{}-{}", get("GITHUB_RUN_ID"), get("GITHUB_RUN_ATTEMPT"), client.now().as_nanos());
    let target = checks::Target { repository, sha, run: &run, conclusion };
    match checks::run(client, &target, scan) {
        Ok(n) => format!("check run with {}", counted(n, "annotation")),
        Err(failure) => failed("the check run is missing or not whole", &failure),
    }
}

/// What is told of a failure. Tokens that may only read are an everyday matter: those of forks are.
fn failed(what: &str, failure: &Failure) -> String {
    let remedy = match failure {
        Failure::Denied { .. } => format!(
            "{}, and for pull requests of forks, whose token may only read, run `snakestone review` in a workflow on \
             `workflow_run`, as the README shows",
            failure.remedy()
        ),
        _ => failure.remedy(),
    };
    format!("{what}: {failure}; {remedy}")
}
