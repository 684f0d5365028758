//! The command line and the container action: arguments in, reports and an exit code out.
//!
//! Every failure becomes a message and a code here; nothing below this module prints or exits.

mod action;
mod args;
mod baseline;
mod compare;
mod comparing;
mod event;
mod explain;
mod output;
mod progress;
mod project;
mod scan;

use std::io::Write;
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use clap::{CommandFactory, Parser};

use crate::baseline::BaselineError;
use crate::config::ConfigError;
use crate::discover::DiscoverError;
use crate::git::GitError;
use args::{Cli, ColorArg, Command};

/// What a run comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Code {
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
        return finish(action::run(std::env::vars_os()));
    }
    let cli = Cli::parse();
    match cli.command {
        Command::Scan(args) => finish(scan::run(&args)),
        Command::Baseline(command) => finish(baseline::run(&command)),
        Command::Explain(args) => finish(explain::run(&args)),
        Command::Rules { config } => finish(explain::list(config.as_deref())),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "snakestone", &mut std::io::stdout());
            Code::Clean.into()
        }
    }
}

/// The exit code of a run, its error told on standard error.
fn finish(result: anyhow::Result<Code>) -> ExitCode {
    let error = match result {
        Ok(code) => return code.into(),
        Err(error) => error,
    };
    let said = crate::report::annotations::neutralize(&format!("error: {error:#}"));
    let _ = writeln!(std::io::stderr(), "{said}");
    let is_usage = error.is::<ConfigError>()
        || error.is::<crate::models::PackError>()
        || error.is::<DiscoverError>()
        || error.is::<BaselineError>()
        || error.is::<GitError>()
        || error.is::<compare::QuestionError>()
        || error.is::<action::InputError>();
    if is_usage { Code::Usage.into() } else { Code::Failed.into() }
}

/// Standard output that is colored as asked.
fn stdout(color: ColorArg) -> AutoStream<std::io::Stdout> {
    let choice = match color {
        ColorArg::Auto => AutoStream::choice(&std::io::stdout()),
        ColorArg::Always => ColorChoice::Always,
        ColorArg::Never => ColorChoice::Never,
    };
    AutoStream::new(std::io::stdout(), choice)
}

/// Prints `text`; a reader that went away (`| head`) is no failure.
fn print(text: &str) {
    let _ = stdout(ColorArg::Auto).write_all(text.as_bytes());
}
