//! `snakestone upload`: a SARIF file of an earlier scan, to GitHub's code scanning.
//!
//! The file may come from somebody else's run: only its results are read, never where they belong.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::cli::args::UploadArgs;
use crate::cli::{Code, publish};
use crate::github::client::{Client, Options, Token};
use crate::github::event::{self, Analyzed, Event, EventError, Repository, Target};
use crate::github::fit::Unfit;
use crate::github::upload::{self, Upload, UploadError};
use crate::github::wait::{Clock, SystemClock};
use crate::report::annotations;

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 256 << 20;

/// What the caller can repair.
#[derive(Debug, thiserror::Error)]
pub(super) enum UsageError {
    /// A variable or option.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The file.
    #[error("cannot read `{file}`: {why}")]
    File {
        /// Its name.
        file: String,
        /// Why.
        why: String,
    },
    /// No file that GitHub takes.
    #[error("`{file}` is not SARIF that GitHub takes: {why}")]
    Unfit {
        /// Its name.
        file: String,
        /// Why.
        why: Unfit,
    },
    /// No token.
    #[error(
        "there is no token; put one with `security-events: write` into the environment as `GITHUB_TOKEN`"
    )]
    NoToken,
    /// Nothing says where the file belongs.
    #[error("outside of GitHub Actions `{0}` must say where the file belongs")]
    NoTarget(&'static str),
}

/// Runs the command.
pub(super) fn run(args: &UploadArgs, variables: &BTreeMap<String, String>) -> anyhow::Result<Code> {
    let log = read(&args.file)?;
    let (repository, target) = destination(args, variables)?;
    let token =
        variables.get("GITHUB_TOKEN").and_then(|token| Token::new(token)).ok_or(UsageError::NoToken)?;
    let upload = Upload {
        repository: &repository,
        target,
        log: &log,
        category: args.category.as_deref(),
        checkout_uri: None,
        began: SystemClock.now(),
    };
    let mut client = Client::new(&Options::of(variables), &token, Box::new(SystemClock))?;
    match upload::run(&mut client, &upload) {
        Ok(done) => {
            let (mut said, note) = publish::of(&done);
            said.extend(note.map(|note| note.text));
            say(said.iter().chain(&done.said));
            Ok(Code::Clean)
        }
        Err(UploadError::Nowhere(why)) => {
            say([format!("nothing was uploaded: {why}")].iter());
            Ok(Code::Clean)
        }
        Err(UploadError::Unfit(why)) => {
            Err(UsageError::Unfit { file: args.file.display().to_string(), why }.into())
        }
        Err(error) => {
            let remedy = error.remedy();
            anyhow::bail!("cannot upload `{}`: {error}; {remedy}", args.file.display())
        }
    }
}

fn say<'a>(lines: impl Iterator<Item = &'a String>) {
    lines.for_each(|line| super::print(&format!("{}\n", annotations::neutralize(line))));
}

fn read(path: &Path) -> Result<Vec<u8>, UsageError> {
    let fails = |why: String| UsageError::File { file: path.display().to_string(), why };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| fails(error.to_string()))?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| fails(error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(fails(format!("it is larger than {} MiB", MAX_FILE >> 20)));
    }
    Ok(bytes)
}

/// Where the file belongs: as the options say, else as the run's event does.
fn destination(
    args: &UploadArgs,
    variables: &BTreeMap<String, String>,
) -> Result<(Repository, Target), UsageError> {
    let named = args.repository.as_deref().map(|name| event::repository("--repository", name)).transpose()?;
    let target = match (&args.git_ref, &args.sha) {
        (Some(git_ref), Some(sha)) => {
            Some(Target::of(event::reference("--ref", git_ref)?, event::commit("--sha", sha)?))
        }
        _ => None,
    };
    if let (Some(repository), Some(target)) = (&named, &target) {
        return Ok((repository.clone(), target.clone()));
    }
    let missing = if named.is_none() { "--repository" } else { "--ref` and `--sha" };
    let event = Event::read(variables)?.ok_or(UsageError::NoTarget(missing))?;
    let target = target.unwrap_or_else(|| event.target(Analyzed::ThatRun));
    Ok((named.unwrap_or(event.repository), target))
}
