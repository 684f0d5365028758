//! What a run of GitHub Actions is about: repository, ref, commit, pull request.
//!
//! The environment and `event.json` come in; both may say anything, so sizes, commits, refs and names are checked.
//! Nothing is asked of GitHub here.
//! Source: GitHub's documentation of events that trigger workflows and of webhook payloads.

mod payload;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::github::client::encode;
use payload::Payload;

/// A surrounding that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// A variable holds what it never holds.
    #[error("`{name}` is `{value}`, which is no {what}")]
    Variable {
        /// The variable, or the option that stands for it.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        what: &'static str,
    },
    /// The event's file cannot be read.
    #[error("cannot read the event `{}`: {why}", path.display())]
    File {
        /// `GITHUB_EVENT_PATH`.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The event lacks something.
    #[error("the event `{event}` does not say `{key}`")]
    Lacks {
        /// `GITHUB_EVENT_NAME`.
        event: String,
        /// A path into `event.json`.
        key: &'static str,
    },
}

/// A repository, by names that are safe in routes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repository {
    owner: String,
    name: String,
}

impl Repository {
    /// Reads `OWNER/NAME`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_safe = |part: &str| {
            let is_word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            (1..=100).contains(&part.len()) && part.bytes().all(is_word) && part.bytes().any(|b| b != b'.')
        };
        let (owner, name) = text.split_once('/')?;
        (is_safe(owner) && is_safe(name)).then(|| Self { owner: owner.to_owned(), name: name.to_owned() })
    }

    /// `/repos/OWNER/NAME`.
    #[must_use]
    pub fn route(&self) -> String {
        format!("/repos/{}/{}", self.owner, self.name)
    }
}

impl std::fmt::Display for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// A pull request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// The commit that is proposed.
    pub head_sha: String,
    /// The commit of the base branch when the event happened.
    pub base_sha: String,
    /// The base branch, without `refs/heads/`.
    pub base_ref: String,
    /// Whether the head lies in another repository, so that the token may only read.
    pub is_fork: bool,
}

/// The two ends of a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The last commit of its branch.
    pub head: String,
    /// Where the branch it goes into was.
    pub base: String,
    /// That branch, as `refs/heads/main`.
    pub base_ref: String,
}

/// The kinds of event that differ in what may be uploaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Push, schedule, dispatch, tag and all others: `GITHUB_REF` and `GITHUB_SHA` say it.
    Plain,
    /// A pull request, with a token that writes only if it is none of a fork.
    Pull(Pull),
    /// A pull request, in the context of its base: `GITHUB_SHA` is the base.
    PullTarget(Pull),
    /// A group of pull requests waits to be merged; its ref soon vanishes. A push to that ref does not tell the change.
    MergeQueue(Option<Change>),
    /// After another workflow, often one of a fork's pull request.
    WorkflowRun(Run),
}

/// The workflow run that an event is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// The commit it was about.
    pub head_sha: String,
    /// The branch that commit is on, in the repository below.
    pub head_branch: String,
    /// Owner of the repository of the branch; none if it has been deleted.
    pub head_owner: Option<String>,
    /// Whether it was about a pull request.
    pub is_of_pull: bool,
}

/// What a run is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// `GITHUB_REPOSITORY`.
    pub repository: Repository,
    /// `GITHUB_REF`.
    pub git_ref: String,
    /// `GITHUB_SHA`.
    pub sha: String,
    /// What happened.
    pub kind: Kind,
}

/// Where an analysis belongs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// To a ref and a commit.
    At {
        /// `refs/heads/…`, `refs/tags/…` or `refs/pull/…`.
        git_ref: String,
        /// The commit.
        sha: String,
    },
    /// To the pull request with this head, which only GitHub can tell.
    PullOf(Run),
    /// Nowhere, which is as it should be; why, as a sentence without a full stop.
    Nowhere(&'static str),
}

/// What was analyzed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Analyzed<'a> {
    /// The workspace, on which this commit is checked out, if that can be told.
    Checkout(Option<&'a str>),
    /// What the run that this event is about had checked out.
    ThatRun,
}

const OF_QUEUE: &str =
    "the ref of a merge queue vanishes with it; the branch is analyzed when the queue has merged";

impl Target {
    /// The ref and commit themselves, if code scanning keeps analyses there.
    #[must_use]
    pub fn of(git_ref: String, sha: String) -> Self {
        if is_queue(&git_ref) {
            Self::Nowhere(OF_QUEUE)
        } else if has_analyses(&git_ref) {
            Self::At { git_ref, sha }
        } else {
            Self::Nowhere("code scanning keeps analyses of branches, tags and pull requests alone")
        }
    }
}

impl Event {
    /// Reads the event that the environment names. `None` outside of GitHub Actions.
    ///
    /// # Errors
    /// Where a variable or the event's file is not as GitHub makes it.
    pub fn read(variables: &BTreeMap<String, String>) -> Result<Option<Self>, EventError> {
        let get = |name: &str| variables.get(name).map_or("", String::as_str);
        if get("GITHUB_REPOSITORY").is_empty() {
            return Ok(None);
        }
        let repository = repository("GITHUB_REPOSITORY", get("GITHUB_REPOSITORY"))?;
        let sha = commit("GITHUB_SHA", get("GITHUB_SHA"))?;
        let git_ref = reference("GITHUB_REF", get("GITHUB_REF"))?;
        let name = get("GITHUB_EVENT_NAME");
        let kind = match name {
            "pull_request" | "pull_request_review" | "pull_request_review_comment" => {
                Kind::Pull(Payload::read(name, variables)?.pull()?)
            }
            "pull_request_target" => Kind::PullTarget(Payload::read(name, variables)?.pull()?),
            "workflow_run" => Kind::WorkflowRun(Payload::read(name, variables)?.run()?),
            "merge_group" => Kind::MergeQueue(Some(Payload::read(name, variables)?.group()?)),
            _ if is_queue(&git_ref) => Kind::MergeQueue(None),
            _ => Kind::Plain,
        };
        Ok(Some(Self { repository, git_ref, sha, kind }))
    }

    /// The pull request, if the event is about one.
    #[must_use]
    pub fn pull(&self) -> Option<&Pull> {
        match &self.kind {
            Kind::Pull(pull) | Kind::PullTarget(pull) => Some(pull),
            Kind::Plain | Kind::MergeQueue(_) | Kind::WorkflowRun(_) => None,
        }
    }

    /// What the event proposes to merge, as far as it says.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        match &self.kind {
            Kind::Pull(pull) | Kind::PullTarget(pull) => Some(Change {
                head: pull.head_sha.clone(),
                base: pull.base_sha.clone(),
                base_ref: format!("refs/heads/{}", pull.base_ref),
            }),
            Kind::MergeQueue(change) => change.clone(),
            Kind::Plain | Kind::WorkflowRun(_) => None,
        }
    }

    /// Where an analysis of `analyzed` belongs.
    #[must_use]
    pub fn target(&self, analyzed: Analyzed) -> Target {
        let at = |git_ref: String, sha: &str| Target::At { git_ref, sha: sha.to_owned() };
        match &self.kind {
            Kind::MergeQueue(_) => Target::Nowhere(OF_QUEUE),
            Kind::PullTarget(_) => Target::Nowhere(
                "`pull_request_target` runs on the base commit, whose results are not those of the pull request; \
                 use `pull_request`",
            ),
            Kind::Pull(pull) => match analyzed {
                Analyzed::Checkout(Some(head)) if head == pull.head_sha && head != self.sha => {
                    at(format!("refs/pull/{}/head", pull.number), head)
                }
                Analyzed::Checkout(_) | Analyzed::ThatRun => {
                    at(format!("refs/pull/{}/merge", pull.number), &self.sha)
                }
            },
            Kind::WorkflowRun(run) => match analyzed {
                Analyzed::Checkout(head) if head != Some(&run.head_sha) => {
                    at(self.git_ref.clone(), &self.sha)
                }
                Analyzed::Checkout(_) | Analyzed::ThatRun if run.is_of_pull => Target::PullOf(run.clone()),
                Analyzed::Checkout(_) | Analyzed::ThatRun => {
                    at(format!("refs/heads/{}", run.head_branch), &run.head_sha)
                }
            },
            Kind::Plain => Target::of(self.git_ref.clone(), self.sha.clone()),
        }
    }
}

impl Run {
    /// The route that lists the open pull requests of its branch, among which that with its head is found.
    #[must_use]
    pub fn pulls_route(&self, repository: &Repository) -> Option<String> {
        let owner = encode(self.head_owner.as_deref()?);
        Some(format!("{}/pulls?state=open&head={owner}:{}", repository.route(), encode(&self.head_branch)))
    }
}

/// `OWNER/NAME` of the variable or option `name`.
///
/// # Errors
/// Where it is something else.
pub fn repository(name: &'static str, value: &str) -> Result<Repository, EventError> {
    let what = "repository (`OWNER/NAME`)";
    Repository::parse(value).ok_or_else(|| EventError::Variable { name, value: value.to_owned(), what })
}

/// The commit of the variable or option `name`.
///
/// # Errors
/// Where it is something else.
pub fn commit(name: &'static str, value: &str) -> Result<String, EventError> {
    let what = "commit (40 or 64 hexadecimal digits)";
    if is_commit(value) {
        Ok(value.to_lowercase())
    } else {
        Err(EventError::Variable { name, value: value.to_owned(), what })
    }
}

/// The ref of the variable or option `name`.
///
/// # Errors
/// Where it is no full name.
pub fn reference(name: &'static str, value: &str) -> Result<String, EventError> {
    let what = "ref (`refs/heads/NAME`)";
    if is_reference(value) {
        Ok(value.to_owned())
    } else {
        Err(EventError::Variable { name, value: value.to_owned(), what })
    }
}

pub(super) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_reference(text: &str) -> bool {
    let is_odd = |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    text.starts_with("refs/") && text.len() <= 1_024 && !text.contains(is_odd) && !text.contains("..")
}

/// Whether code scanning keeps analyses of the ref.
fn has_analyses(git_ref: &str) -> bool {
    ["refs/heads/", "refs/tags/", "refs/pull/"].iter().any(|prefix| git_ref.starts_with(prefix))
}

/// Whether the ref is one of a merge queue.
fn is_queue(git_ref: &str) -> bool {
    git_ref.starts_with("refs/heads/gh-readonly-queue/")
}
