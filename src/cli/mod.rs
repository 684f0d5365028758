//! The command line and the container action: arguments in, reports and an exit code out.
//!
//! Every failure becomes a message and a code here; nothing below this module prints or exits.

mod action;
mod args;
mod baseline;
mod compare;
mod comparing;
mod explain;
mod fix;
mod inputs;
mod job;
mod output;
mod progress;
mod project;
mod publish;
mod review;
mod scan;
mod upload;
mod usage;
mod write;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use anyhow::Context;
use clap::{CommandFactory, Parser};

use crate::baseline::BaselineError;
use crate::config::ConfigError;
use crate::discover::DiscoverError;
use crate::git::GitError;
use crate::github::wait::{Clock, SystemClock};
use crate::report::annotations;
use args::{Cli, ColorArg, Command};

/// What a run comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    /// Nothing to complain of.
    Clean = 0,
    /// Findings at or above the threshold.
    Findings = 1,
    /// The arguments or the configuration are not understood.
    Usage = 2,
    /// The analysis or a report failed.
    Failed = 3,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Runs the program on the process's arguments; in a container action without arguments, on its inputs.
#[must_use]
pub fn main() -> ExitCode {
    if std::env::args_os().len() <= 1 && std::env::var_os("GITHUB_ACTIONS").is_some() {
        let variables = variables();
        let folder = std::env::current_dir().context("cannot tell the workspace");
        return finish(folder.and_then(|folder| {
            action::run(
                &Surroundings {
                    variables: &variables,
                    folder: &folder,
                    clock: &|| Box::new(SystemClock),
                    request_time: None,
                },
                &mut std::io::stdout(),
            )
        }));
    }
    let cli = Cli::parse();
    match cli.command {
        Command::Scan(args) => finish(scan::run(&args)),
        Command::Upload(args) => finish(upload::run(&args, &variables())),
        Command::Review(args) => finish(review::run(&args, &variables())),
        Command::Fix(args) => finish(fix::run(&args)),
        Command::Baseline(command) => finish(baseline::run(&command)),
        Command::Explain(args) => finish(explain::run(&args)),
        Command::Rules { config } => finish(explain::list(config.as_deref())),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "snakestone", &mut std::io::stdout());
            Code::Clean.into()
        }
    }
}

/// What a run of the container action gets from outside.
pub struct Surroundings<'a> {
    /// The environment.
    pub variables: &'a BTreeMap<String, String>,
    /// The workspace.
    pub folder: &'a Path,
    /// What tells the time to requests.
    pub clock: &'a dyn Fn() -> Box<dyn Clock>,
    /// Time for one request, if not the usual one.
    pub request_time: Option<Duration>,
}

/// Runs the container action; `out` is what the runner reads.
///
/// # Errors
/// Where inputs or the configuration are not understood, or the scan or a report failed.
pub fn action(surroundings: &Surroundings, out: &mut dyn Write) -> anyhow::Result<Code> {
    action::run(surroundings, out)
}

fn variables() -> BTreeMap<String, String> {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

/// The exit code of a run, its error told on standard error.
fn finish(result: anyhow::Result<Code>) -> ExitCode {
    let error = match result {
        Ok(code) => return code.into(),
        Err(error) => error,
    };
    let said = annotations::neutralize(&format!("error: {error:#}"));
    let _ = writeln!(std::io::stderr(), "{said}");
    let is_usage = error.is::<ConfigError>()
        || error.is::<crate::models::PackError>()
        || error.is::<DiscoverError>()
        || error.is::<inputs::InputError>()
        || error.is::<usage::UsageError>()
        || error.is::<BaselineError>()
        || error.is::<GitError>()
        || error.is::<compare::QuestionError>()
        || error.is::<fix::UncommittedError>();
    if is_usage { Code::Usage.into() } else { Code::Failed.into() }
}

/// Prints `text` in color as asked, no line of it as a command of the runner; a reader that went away (`| head`) is
/// no failure.
fn print_in(color: ColorArg, text: &str) {
    let choice = match color {
        ColorArg::Auto => AutoStream::choice(&std::io::stdout()),
        ColorArg::Always => ColorChoice::Always,
        ColorArg::Never => ColorChoice::Never,
    };
    let mut out = AutoStream::new(std::io::stdout(), choice);
    let _ = out.write_all(annotations::without_commands(text).as_bytes()).and_then(|()| out.flush());
}

/// As [`print_in`], in color at a terminal.
fn print(text: &str) {
    print_in(ColorArg::Auto, text);
}
