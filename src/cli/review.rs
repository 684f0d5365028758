//! `snakestone review`: a SARIF file of ours and the surroundings in, a review of the pull request out; and the same
//! as a step of the action.
//!
//! The file may be an artifact of a fork's workflow: it is read as a stranger's, and which pull request it is about is
//! told by the event, the command line and GitHub alone. That a comment could not be written fails no run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::args::ReviewArgs;
use crate::cli::publish::Note;
use crate::cli::{Code, Surroundings};
use crate::finding::Severity;
use crate::github::checks::{self, Conclusion};
use crate::github::client::{Client, Options, Token};
use crate::github::event::{self, Analyzed, Event, EventError, Repository};
use crate::github::failure::Failure;
use crate::github::findings::{MAX_BYTES, ReadError, Scan};
use crate::github::pull::Subject;
use crate::github::review;
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

/// What a review and a check run came to.
#[derive(Default)]
pub(super) struct Reviewed {
    /// For the log alone.
    pub(super) said: Vec<String>,
    /// What the reader of the run must know.
    pub(super) notes: Vec<Note>,
}

/// What the inputs of the action ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Wishes {
    /// A review of the pull request.
    pub(super) review: bool,
    /// A check run of the commit.
    pub(super) check_run: bool,
}

/// What the step of the action gets.
pub(super) struct Step<'a> {
    pub(super) wishes: Wishes,
    pub(super) token: Option<&'a Token>,
    /// The SARIF file.
    pub(super) log: &'a [u8],
    pub(super) conclusion: Conclusion,
    /// When the first request of the run was sent, since 1970: all of them share one budget.
    pub(super) began: Duration,
    /// Whether the reader knows of what went wrong already, so that more of it is for the log.
    pub(super) is_told: bool,
}

/// Runs the command.
pub(super) fn run(args: &ReviewArgs, variables: &BTreeMap<String, String>) -> anyhow::Result<Code> {
    let reviewed = review(args, variables)?;
    let notes = reviewed.notes.into_iter().map(|note| note.text);
    for line in reviewed.said.into_iter().chain(notes) {
        super::print(&format!("{}\n", neutralize(&line)));
    }
    Ok(Code::Clean)
}

/// Says in the pull request and on the commit what was found in `root`. Where there is nothing to say it in, nothing
/// is told.
pub(super) fn publish(surroundings: &Surroundings, root: &Path, step: &Step) -> Reviewed {
    let mut reviewed = Reviewed::default();
    // A surrounding that is not understood was told of by the upload.
    let Ok(Some(event)) = Event::read(surroundings.variables) else { return reviewed };
    let head = event::checked_out(root);
    let subject = Subject::of(&event, Analyzed::Checkout(head.as_deref())).filter(|_| step.wishes.review);
    if subject.is_none() && !step.wishes.check_run {
        return reviewed;
    }
    if let Err(note) = publish_on(surroundings, (&event, subject.as_ref()), step, &mut reviewed) {
        reviewed.notes.push(note);
    }
    if step.is_told {
        reviewed.said.extend(reviewed.notes.drain(..).map(|note| note.text));
    }
    reviewed
}

fn publish_on(
    surroundings: &Surroundings,
    (event, subject): (&Event, Option<&Subject>),
    step: &Step,
    reviewed: &mut Reviewed,
) -> Result<(), Note> {
    let token = step.token.ok_or_else(|| {
        notice(
            "no review: there is no token; leave the input `token` as it is, or set `review: never`"
                .to_owned(),
        )
    })?;
    let clock = (surroundings.clock)();
    let mut options = Options::of(surroundings.variables);
    options.budget = options.budget.saturating_sub(clock.now().saturating_sub(step.began));
    options.request_time = surroundings.request_time.unwrap_or(options.request_time);
    let mut client = Client::new(&options, token, clock).map_err(|failure| failed("no review", &failure))?;
    let scan = Scan::read(step.log).map_err(|error| warning(format!("no review: {error}")))?;
    if let Some(subject) = subject {
        review_of(&mut client, &event.repository, subject, &scan, reviewed);
    }
    if step.wishes.check_run {
        // Of a pull request the head, where people look; without a review to write it is told by the event too.
        let head = event.pull().map_or(&event.sha, |pull| &pull.head_sha);
        let at = (&event.repository, head.as_str());
        check(&mut client, at, (&scan, step.conclusion), surroundings.variables, reviewed);
    }
    Ok(())
}

/// Reviews as `args` and `variables` say.
fn review(args: &ReviewArgs, variables: &BTreeMap<String, String>) -> Result<Reviewed, ReviewError> {
    let scan = read(args)?;
    let (repository, subject) = subject(args, variables)?;
    let token =
        variables.get("GITHUB_TOKEN").and_then(|token| Token::new(token)).ok_or(ReviewError::NoToken)?;
    let client = Client::new(&Options::of(variables), &token, Box::new(SystemClock));
    let mut client = client.map_err(ReviewError::Setup)?;
    let mut reviewed = Reviewed::default();
    review_of(&mut client, &repository, &subject, &scan, &mut reviewed);
    if args.check_run {
        let conclusion = match scan.worst() {
            None => Conclusion::Success,
            Some(Severity::Low) => Conclusion::Neutral,
            Some(_) => Conclusion::Failure,
        };
        check(&mut client, (&repository, subject.head()), (&scan, conclusion), variables, &mut reviewed);
    }
    Ok(reviewed)
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

/// Reviews the pull request that `subject` means.
fn review_of(
    client: &mut Client,
    repository: &Repository,
    subject: &Subject,
    scan: &Scan,
    reviewed: &mut Reviewed,
) {
    let pull = match subject.find(client, repository) {
        Ok(Ok(pull)) => pull,
        Ok(Err(why)) => return reviewed.notes.push(notice(format!("no review: {why}"))),
        Err(failure) => return reviewed.notes.push(failed("no review", &failure)),
    };
    let done = review::run(client, &pull, scan);
    reviewed.said.push(format!(
        "review of pull request #{}: {} written, {} of an earlier run still hold, {} deleted since their finding is \
         gone",
        pull.number(),
        counted(done.n_posted, "comment"),
        done.n_standing,
        done.n_deleted
    ));
    reviewed.notes.extend(done.notices.into_iter().map(notice));
    reviewed.notes.extend(done.failure.map(|failure| failed("the review is not whole", &failure)));
}

/// Writes a check run of the commit `sha`.
fn check(
    client: &mut Client,
    (repository, sha): (&Repository, &str),
    (scan, conclusion): (&Scan, Conclusion),
    variables: &BTreeMap<String, String>,
    reviewed: &mut Reviewed,
) {
    let get = |name: &str| variables.get(name).map_or("", String::as_str);
    let run = format!("{}-{}-{}", get("GITHUB_RUN_ID"), get("GITHUB_RUN_ATTEMPT"), client.now().as_nanos());
    let target = checks::Target { repository, sha, run: &run, conclusion };
    match checks::run(client, &target, scan) {
        Ok(n) => reviewed.said.push(format!("check run with {}", counted(n, "annotation"))),
        Err(failure) => reviewed.notes.push(failed("the check run is missing or not whole", &failure)),
    }
}

fn notice(text: String) -> Note {
    Note { is_warning: false, text }
}

fn warning(text: String) -> Note {
    Note { is_warning: true, text }
}

/// What is told of a failure. Tokens that may only read are an everyday matter: those of forks are.
fn failed(what: &str, failure: &Failure) -> Note {
    let remedy = failure.remedy();
    match failure {
        Failure::Denied { .. } => notice(format!(
            "{what}: {failure}; {remedy}, and for pull requests from forks, whose token may only read, run \
             `snakestone review` in a workflow on `workflow_run`, as the README shows"
        )),
        _ => warning(format!("{what}: {failure}; {remedy}")),
    }
}
