//! Wrong use of the commands that speak with GitHub, and what they all read: a SARIF file and a token.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::github::client::{Client, Options, Token};
use crate::github::event::EventError;
use crate::github::failure::Failure;
use crate::github::wait::SystemClock;

/// What the caller can repair.
#[derive(Debug, thiserror::Error)]
pub(super) enum UsageError {
    /// A variable, an option, or the event.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The file cannot be read.
    #[error("cannot read `{}`: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The file is not what it should be.
    #[error("cannot take `{}`: {why}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// There is no token.
    #[error("there is no token; put one with `{0}` into the environment as `GITHUB_TOKEN`")]
    NoToken(&'static str),
    /// Nothing says what the file is about.
    #[error("{what} is not known; outside of GitHub Actions pass {option}")]
    Missing {
        /// What.
        what: &'static str,
        /// The options that say it, in backticks.
        option: &'static str,
    },
    /// GitHub cannot be reached at all.
    #[error("{0}; {remedy}", remedy = .0.remedy())]
    Setup(Failure),
}

/// The bytes of the file at `path`, of at most `max`.
pub(super) fn read(path: &Path, max: u64) -> Result<Vec<u8>, UsageError> {
    let fails = |why: String| UsageError::File { path: path.to_owned(), why };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| fails(error.to_string()))?;
    file.take(max + 1).read_to_end(&mut bytes).map_err(|error| fails(error.to_string()))?;
    if bytes.len() as u64 > max {
        return Err(fails(format!("it is larger than {} MiB", max >> 20)));
    }
    Ok(bytes)
}

/// A client with the token of `variables`, which needs `permission`.
pub(super) fn client(
    variables: &BTreeMap<String, String>,
    permission: &'static str,
) -> Result<Client, UsageError> {
    let token = variables.get("GITHUB_TOKEN").and_then(|token| Token::new(token));
    let token = token.ok_or(UsageError::NoToken(permission))?;
    Client::new(&Options::of(variables), &token, Box::new(SystemClock)).map_err(UsageError::Setup)
}
