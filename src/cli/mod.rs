//! The command line and the container action: arguments in, reports and an exit code out.
//!
//! Every failure becomes a message and a code here; nothing below this module prints or exits.

mod action;
mod args;
mod output;
mod progress;
mod scan;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use clap::{CommandFactory, Parser};

use crate::config::{ConfigError, nearest};
use crate::discover::DiscoverError;
use crate::report::explain;
use crate::rules::{self, Page};
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
        Command::Explain { rule } => show(&rule),
        Command::Rules => list(),
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

fn show(id: &str) -> ExitCode {
    let pages = rules::pages();
    let Some(page) = pages.iter().find(|page| page.id == id) else {
        let ids: Vec<&str> = pages.iter().map(|page| page.id).collect();
        let hint = nearest(id, &ids)
            .map_or("`snakestone rules` lists them".to_owned(), |id| format!("did you mean `{id}`?"));
        let _ = writeln!(std::io::stderr(), "error: no rule is called `{id}`; {hint}");
        return Code::Usage.into();
    };
    let is_styled = std::io::stdout().is_terminal();
    print(&explain::terminal(page, is_styled))
}

fn list() -> ExitCode {
    let width = rules::pages().iter().map(|page| page.id.len()).max().unwrap_or_default();
    let row = |page: &Page| {
        format!("{:width$}  {:8}  CWE-{:<5} {}\n", page.id, page.severity.name(), page.cwe[0], page.title)
    };
    print(&rules::pages().iter().map(row).collect::<String>())
}

/// Prints `text`; a reader that went away (`| head`) is no failure.
fn print(text: &str) -> ExitCode {
    let _ = stdout(ColorArg::Auto).write_all(text.as_bytes());
    Code::Clean.into()
}
