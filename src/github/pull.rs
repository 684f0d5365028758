//! The pull request that a commit is the head of.
//!
//! A repository and a commit come in, from the event or the command line and never from a file of results; GitHub is
//! asked which open pull request has that head.
//! Source: GitHub's documentation of the REST API for pull requests. It does not find commits of forks by
//! `commits/{sha}/pulls`, and `workflow_run` does not name the pull requests of forks, so that open ones are listed.

use serde_json::Value;

use crate::github::client::Client;
use crate::github::failure::Failure;

/// What the token needs.
const PERMISSION: &str = "pull-requests: read";
/// Pages of open pull requests that are looked through, latest change first.
const MAX_PAGES: usize = 10;

/// An open pull request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pull {
    repository: String,
    number: u64,
    head: String,
    is_from_fork: bool,
}

impl Pull {
    /// `owner/name` of the repository that it is to be merged into.
    pub(super) fn repository(&self) -> &str {
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

    /// Whether its head lies in another repository.
    #[must_use]
    pub fn is_from_fork(&self) -> bool {
        self.is_from_fork
    }

    /// The beginning of its routes.
    pub(super) fn route(&self) -> String {
        format!("/repos/{}/pulls/{}", self.repository, self.number)
    }

    fn of(repository: &str, value: &Value) -> Option<Self> {
        let head = &value["head"];
        let from = head["repo"]["full_name"].as_str();
        Some(Self {
            repository: repository.to_owned(),
            number: value["number"].as_u64()?,
            head: head["sha"].as_str()?.to_owned(),
            is_from_fork: !from.is_some_and(|from| from.eq_ignore_ascii_case(repository)),
        })
    }
}

/// Reads pull request `number` of `repository`, which is `owner/name`; or why it takes no review of `head`.
///
/// # Errors
/// When GitHub does not answer as wanted.
pub fn with_number(
    client: &mut Client,
    repository: &str,
    number: u64,
    head: &str,
) -> Result<Result<Pull, String>, Failure> {
    let value = client.get(&format!("/repos/{repository}/pulls/{number}"), PERMISSION)?;
    let pull = Pull::of(repository, &value).ok_or(Failure::Garbled)?;
    if value["state"] != "open" {
        return Ok(Err(format!("pull request #{number} is closed, so that it gets no review")));
    }
    if pull.head != head {
        return Ok(Err(format!(
            "pull request #{number} has another head by now, so that this one gets no review; the run for the new \
             head writes it"
        )));
    }
    Ok(Ok(pull))
}

/// The open pull request of `repository` whose head is `head`; or why there is none to review.
///
/// # Errors
/// When GitHub does not answer as wanted.
pub fn with_head(client: &mut Client, repository: &str, head: &str) -> Result<Result<Pull, String>, Failure> {
    let mut found = Vec::new();
    for page in 1..=MAX_PAGES {
        let route = format!(
            "/repos/{repository}/pulls?state=open&sort=updated&direction=desc&per_page=100&page={page}"
        );
        let Value::Array(pulls) = client.get(&route, PERMISSION)? else { return Err(Failure::Garbled) };
        let of_page: Vec<Pull> = pulls.iter().filter_map(|pull| Pull::of(repository, pull)).collect();
        found.extend(of_page.into_iter().filter(|pull| pull.head == head));
        if pulls.len() < 100 || !found.is_empty() {
            break;
        }
    }
    found.sort_by_key(Pull::number);
    found.dedup();
    match <[Pull; 1]>::try_from(found) {
        Ok([pull]) => Ok(Ok(pull)),
        Err(found) if found.is_empty() => {
            Ok(Err(format!("no open pull request of `{repository}` has the head `{head}`")))
        }
        Err(found) => {
            let numbers: Vec<String> = found.iter().map(|pull| format!("#{}", pull.number)).collect();
            Ok(Err(format!(
                "several pull requests have the head `{head}`: {}; name one with `--pull-request`",
                numbers.join(", ")
            )))
        }
    }
}
