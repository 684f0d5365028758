//! What code scanning knows of a branch: the log of its last analysis by this program.
//!
//! Source: GitHub's documentation of code scanning's interface.

use serde_json::Value;

use crate::github::client::{Client, encode};
use crate::github::event::Repository;
use crate::github::failure::Failure;

/// What reading needs.
const PERMISSION: &str = "security-events: read";

/// The SARIF of the last analysis of the branch `git_ref` in `category`, and the commit it is of; `None` if there is none.
///
/// # Errors
/// When GitHub does not answer as wanted.
pub fn latest(
    client: &mut Client,
    repository: &Repository,
    git_ref: &str,
    category: &str,
) -> Result<Option<(Value, String)>, Failure> {
    let route = format!("{}/code-scanning/analyses", repository.route());
    let query = format!("{route}?ref={}&tool_name=Snakestone&per_page=100", encode(git_ref));
    let Value::Array(analyses) = client.get(&query, PERMISSION)? else { return Err(Failure::Garbled) };
    let text = |analysis: &Value, key: &str| analysis[key].as_str().unwrap_or_default().to_owned();
    let is_ours = |analysis: &&Value| {
        let is_whole = text(analysis, "error").is_empty() && text(analysis, "ref") == git_ref;
        is_whole && text(analysis, "category").trim_end_matches('/') == category.trim_end_matches('/')
    };
    // The newest comes first.
    let Some(last) = analyses.iter().find(is_ours) else { return Ok(None) };
    let id = last["id"].as_u64().ok_or(Failure::Garbled)?;
    let log = client.get_as(&format!("{route}/{id}"), "application/sarif+json", PERMISSION)?;
    Ok(Some((log, text(last, "commit_sha"))))
}
