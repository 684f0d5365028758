//! `snakestone review`: a SARIF file of ours and the surroundings in, a review of the pull request out; and the same
//! as a step of the action.
//!
//! The file may be an artifact of a fork's workflow: it is read as a stranger's, and which pull request it is about is
//! told by the event, the command line and GitHub alone. That a comment could not be written fails no run.

use std::collections::BTreeMap;

use crate::cli::Code;
use crate::cli::args::ReviewArgs;
use crate::cli::job::Job;
use crate::cli::publish::Note;
use crate::cli::usage::{self, UsageError};
use crate::finding::Severity;
use crate::github::checks::{self, Conclusion};
use crate::github::client::Client;
use crate::github::event::{self, Analyzed, Event, Repository};
use crate::github::failure::Failure;
use crate::github::findings::{MAX_BYTES, ReadError, Scan};
use crate::github::pull::{NoPull, Subject};
use crate::github::review;
use crate::report::annotations::neutralize;
use crate::report::wording::counted;

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
    /// The SARIF file.
    pub(super) log: &'a [u8],
    pub(super) conclusion: Conclusion,
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

/// Says in the pull request and on the commit what was found. Where there is nothing to say it in, nothing is told.
pub(super) fn publish(job: &mut Job, step: &Step) -> Reviewed {
    let mut reviewed = Reviewed::default();
    // A surrounding that is not understood was told of by the upload.
    let Ok(Some(event)) = job.event.clone() else { return reviewed };
    let subject = Subject::of(&event, job.analyzed()).filter(|_| step.wishes.review);
    if subject.is_none() && !step.wishes.check_run {
        return reviewed;
    }
    if let Err(note) = publish_on(job, (&event, subject.as_ref()), step, &mut reviewed) {
        reviewed.notes.push(note);
    }
    if step.is_told {
        reviewed.said.extend(reviewed.notes.drain(..).map(|note| note.text));
    }
    reviewed
}

fn publish_on(
    job: &mut Job,
    (event, subject): (&Event, Option<&Subject>),
    step: &Step,
    reviewed: &mut Reviewed,
) -> Result<(), Note> {
    let client = job.requests.client().map_err(|failure| failed("no review", &failure))?;
    let scan = Scan::read(step.log).map_err(|error| Note::warning(format!("no review: {error}")))?;
    if let Some(subject) = subject {
        review_of(client, &event.repository, subject, &scan, reviewed);
    }
    if step.wishes.check_run {
        // Of a pull request the head, where people look; without a review to write it is told by the event too.
        let head = event.pull().map_or(&event.sha, |pull| &pull.head_sha);
        let at = (&event.repository, head.as_str());
        check(client, at, (&scan, step.conclusion), job.surroundings.variables, reviewed);
    }
    Ok(())
}

/// Reviews as `args` and `variables` say.
fn review(args: &ReviewArgs, variables: &BTreeMap<String, String>) -> Result<Reviewed, UsageError> {
    let refuse = |why: ReadError| UsageError::Content { path: args.file.clone(), why: why.to_string() };
    let scan = Scan::read(&usage::read(&args.file, MAX_BYTES as u64)?).map_err(refuse)?;
    let (repository, subject) = subject(args, variables)?;
    let mut client = usage::client(variables, "pull-requests: write")?;
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

/// What is reviewed: as the options say, and where they do not, as the event does.
fn subject(
    args: &ReviewArgs,
    variables: &BTreeMap<String, String>,
) -> Result<(Repository, Subject), UsageError> {
    let missing = |what, option| UsageError::Missing { what, option };
    let event = Event::read(variables)?;
    let of_event = event.as_ref().and_then(|event| Subject::of(event, Analyzed::ThatRun));
    let repository = match (&args.repository, event) {
        (Some(repository), _) => event::repository("--repository", repository)?,
        (None, Some(event)) => event.repository,
        (None, None) => return Err(missing("the repository", "`--repository OWNER/NAME`")),
    };
    let sha = args.sha.as_deref().map(|sha| event::commit("--sha", sha)).transpose()?;
    let subject = match (args.pull_request, sha, of_event) {
        (Some(number), Some(sha), _) => Subject::Number(number, sha),
        (Some(number), None, Some(subject)) => Subject::Number(number, subject.head().to_owned()),
        (None, Some(sha), _) => Subject::Head(sha),
        (None, None, Some(subject)) => subject,
        (_, None, None) => {
            return Err(missing("the scanned commit", "`--sha SHA`, the head of the pull request"));
        }
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
        Ok(Err(why)) => {
            let hint =
                if matches!(why, NoPull::Several { .. }) { "; name one with `--pull-request`" } else { "" };
            return reviewed.notes.push(Note::notice(format!("no review: {why}{hint}")));
        }
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
    reviewed.notes.extend(done.notices.into_iter().map(Note::notice));
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

/// What is told of a failure. Tokens that may only read are an everyday matter: those of forks are.
fn failed(what: &str, failure: &Failure) -> Note {
    let remedy = failure.remedy();
    match failure {
        Failure::Denied { .. } => Note::notice(format!(
            "{what}: {failure}; {remedy}, and for pull requests from forks, whose token may only read, run \
             `snakestone review` in a workflow on `workflow_run`, as the README shows"
        )),
        _ => Note::warning(format!("{what}: {failure}; {remedy}")),
    }
}
