//! `snakestone upload`: a SARIF file of an earlier scan, to GitHub's code scanning.
//!
//! The file may come from somebody else's run: only its results are read, never where they belong.

use std::collections::BTreeMap;

use crate::cli::args::UploadArgs;
use crate::cli::usage::{self, UsageError};
use crate::cli::{Code, publish};
use crate::github::event::{self, Analyzed, Event, Repository, Target};
use crate::github::upload::{self, Upload, UploadError};
use crate::github::wait::{Clock, SystemClock};
use crate::report::annotations;

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 256 << 20;

/// Runs the command.
pub(super) fn run(args: &UploadArgs, variables: &BTreeMap<String, String>) -> anyhow::Result<Code> {
    let log = usage::read(&args.file, MAX_FILE)?;
    let (repository, target) = destination(args, variables)?;
    let mut client = usage::client(variables, "security-events: write")?;
    let upload = Upload {
        repository: &repository,
        target,
        log: &log,
        category: args.category.as_deref(),
        checkout_uri: None,
        began: SystemClock.now(),
    };
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
            Err(UsageError::Content { path: args.file.clone(), why: why.to_string() }.into())
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
    let missing = match named {
        None => UsageError::Missing { what: "the repository", option: "`--repository OWNER/NAME`" },
        Some(_) => UsageError::Missing { what: "the scanned commit", option: "`--ref` and `--sha`" },
    };
    let event = Event::read(variables)?.ok_or(missing)?;
    let target = target.unwrap_or_else(|| event.target(Analyzed::ThatRun));
    Ok((named.unwrap_or(event.repository), target))
}
