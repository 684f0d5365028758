//! The open pull request that a commit is the head of.
//!
//! A repository and a commit come in, from the event or the command line and never from a file of results; GitHub is
//! asked which open pull request has that head.
//! Source: GitHub's documentation of the REST API for pull requests. It does not find commits of forks by
//! `commits/{sha}/pulls`, and `workflow_run` does not name the pull requests of forks, so that open ones are listed.

use serde_json::Value;

use crate::github::client::Client;
use crate::github::event::{Analyzed, Change, Event, Kind, Repository, Run, is_commit};
use crate::github::failure::Failure;

/// What the token needs.
const PERMISSION: &str = "pull-requests: read";
/// Pages of open pull requests that are looked through, latest change first.
const MAX_PAGES: usize = 10;

/// An open pull request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pull {
    repository: Repository,
    number: u64,
    head: String,
    /// Commit and branch that it is to be merged into.
    base: Option<(String, String)>,
    is_from_fork: bool,
}

/// Why no pull request takes what is to be said.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoPull {
    /// It is closed.
    #[error("pull request #{0} is closed")]
    Closed(u64),
    /// Somebody has pushed to it.
    #[error("pull request #{0} has another head by now, which has a run of its own")]
    Moved(u64),
    /// None has the head.
    #[error("no open pull request of `{repository}` has the head `{head}`")]
    None {
        /// Where it was looked for.
        repository: Repository,
        /// The commit.
        head: String,
    },
    /// Several have the head.
    #[error("several pull requests have the head `{head}`: {}", numbered(numbers))]
    Several {
        /// The commit.
        head: String,
        /// Their numbers.
        numbers: Vec<u64>,
    },
}

/// `#1, #2`.
fn numbered(numbers: &[u64]) -> String {
    numbers.iter().map(|number| format!("#{number}")).collect::<Vec<_>>().join(", ")
}

impl Pull {
    /// The repository that it is to be merged into.
    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The commit at its head.
    #[must_use]
    pub fn head(&self) -> &str {
        &self.head
    }

    /// What it proposes to merge, as far as GitHub says.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        let (base, branch) = self.base.clone()?;
        Some(Change { head: self.head.clone(), base, base_ref: format!("refs/heads/{branch}") })
    }

    /// Whether its head lies in another repository.
    #[must_use]
    pub fn is_from_fork(&self) -> bool {
        self.is_from_fork
    }

    /// The beginning of its routes.
    pub(super) fn route(&self) -> String {
        format!("{}/pulls/{}", self.repository.route(), self.number)
    }

    fn of(repository: &Repository, value: &Value) -> Option<Self> {
        let head = &value["head"];
        let from = head["repo"]["full_name"].as_str();
        let base = value["base"]["sha"].as_str().filter(|sha| is_commit(sha));
        let base = base.zip(value["base"]["ref"].as_str());
        Some(Self {
            repository: repository.clone(),
            number: value["number"].as_u64()?,
            head: head["sha"].as_str()?.to_owned(),
            base: base.map(|(sha, branch)| (sha.to_owned(), branch.to_owned())),
            is_from_fork: !from.is_some_and(|from| from.eq_ignore_ascii_case(&repository.to_string())),
        })
    }
}

/// Which pull request a scan is about, as far as its surroundings tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// The one with this number, if this is its head.
    Number(u64, String),
    /// The one with the head of this run.
    Of(Run),
    /// The one with this head.
    Head(String),
}

impl Subject {
    /// Which one a scan of `analyzed` is about, if any.
    #[must_use]
    pub fn of(event: &Event, analyzed: Analyzed) -> Option<Self> {
        let is_head = |head: &str| match analyzed {
            Analyzed::Checkout(checked_out) => checked_out == Some(head),
            Analyzed::ThatRun => true,
        };
        match &event.kind {
            // The merge commit or the head: what differs between them is found by its text.
            Kind::Pull(pull) => Some(Self::Number(pull.number, pull.head_sha.clone())),
            // The base, unless the head was checked out on purpose.
            Kind::PullTarget(pull) if is_head(&pull.head_sha) => {
                Some(Self::Number(pull.number, pull.head_sha.clone()))
            }
            Kind::WorkflowRun(run) if run.is_of_pull && is_head(&run.head_sha) => Some(Self::Of(run.clone())),
            Kind::PullTarget(_) | Kind::WorkflowRun(_) | Kind::Plain | Kind::MergeQueue(_) => None,
        }
    }

    /// The commit that was scanned, or the head behind it.
    #[must_use]
    pub fn head(&self) -> &str {
        match self {
            Self::Number(_, head) | Self::Head(head) => head,
            Self::Of(run) => &run.head_sha,
        }
    }

    /// Asks GitHub for it; or why there is none.
    ///
    /// # Errors
    /// When GitHub does not answer as wanted.
    pub fn find(
        &self,
        client: &mut Client,
        repository: &Repository,
    ) -> Result<Result<Pull, NoPull>, Failure> {
        match self {
            Self::Number(number, head) => with_number(client, repository, *number, head),
            Self::Of(run) => with_head(client, repository, &run.head_sha, Some(run)),
            Self::Head(head) => with_head(client, repository, head, None),
        }
    }
}

/// Reads pull request `number` of `repository`, if it is open and `head` is its head.
///
/// # Errors
/// When GitHub does not answer as wanted.
pub fn with_number(
    client: &mut Client,
    repository: &Repository,
    number: u64,
    head: &str,
) -> Result<Result<Pull, NoPull>, Failure> {
    let value = client.get(&format!("{}/pulls/{number}", repository.route()), PERMISSION)?;
    let pull = Pull::of(repository, &value).ok_or(Failure::Garbled)?;
    if value["state"] != "open" {
        return Ok(Err(NoPull::Closed(number)));
    }
    if pull.head != head {
        return Ok(Err(NoPull::Moved(number)));
    }
    Ok(Ok(pull))
}

/// The open pull request of `repository` whose head is `head`, which is that of `run` if there is one. Found by the
/// commit at GitHub, never by what a file says.
///
/// # Errors
/// When GitHub does not answer as wanted.
pub fn with_head(
    client: &mut Client,
    repository: &Repository,
    head: &str,
    run: Option<&Run>,
) -> Result<Result<Pull, NoPull>, Failure> {
    let mut found = Vec::new();
    if let Some(route) = run.and_then(|run| run.pulls_route(repository)) {
        look(client, repository, &route, 1, head, &mut found)?;
    }
    if found.is_empty() {
        let route = format!("{}/pulls?state=open&sort=updated&direction=desc", repository.route());
        look(client, repository, &route, MAX_PAGES, head, &mut found)?;
    }
    found.sort_by_key(Pull::number);
    found.dedup_by_key(|pull| pull.number);
    match <[Pull; 1]>::try_from(found) {
        Ok([pull]) => Ok(Ok(pull)),
        Err(found) if found.is_empty() => {
            Ok(Err(NoPull::None { repository: repository.clone(), head: head.to_owned() }))
        }
        Err(found) => {
            let numbers = found.iter().map(Pull::number).collect();
            Ok(Err(NoPull::Several { head: head.to_owned(), numbers }))
        }
    }
}

/// Adds those with `head` of the pull requests that `route` lists.
fn look(
    client: &mut Client,
    repository: &Repository,
    route: &str,
    max_pages: usize,
    head: &str,
    found: &mut Vec<Pull>,
) -> Result<(), Failure> {
    for page in 1..=max_pages {
        let answer = client.get(&format!("{route}&per_page=100&page={page}"), PERMISSION)?;
        let pulls = answer.as_array().ok_or(Failure::Garbled)?;
        let of_page = pulls.iter().filter_map(|pull| Pull::of(repository, pull));
        found.extend(of_page.filter(|pull| pull.head == head));
        if pulls.len() < 100 || !found.is_empty() {
            break;
        }
    }
    Ok(())
}
