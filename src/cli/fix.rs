//! `snakestone fix`: scan, choose proven edits, apply them until none is left, write, and say what was done.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;

use crate::base::IdVec;
use crate::cli::args::FixArgs;
use crate::cli::project::Project;
use crate::cli::{Code, scan, write};
use crate::config::{ConfigError, Overrides, Settings, nearest};
use crate::discover;
use crate::finding::{Finding, Safety};
use crate::fix::{self, Fixed};
use crate::git;
use crate::models::Threat;
use crate::report::{Report, Summary, fixes, terminal};
use crate::text::{FileId, FileKind, SourceFile};

/// Most files that a message names.
const MAX_LISTED: usize = 5;

/// Files that are to be changed and hold work that nothing else keeps.
#[derive(Debug, thiserror::Error)]
#[error(
    "nothing was changed: {} {} changes that are not committed; commit or stash them, or leave out `--require-clean`",
    listed(files), if files.len() == 1 { "has" } else { "have" }
)]
pub(super) struct UncommittedError {
    files: Vec<PathBuf>,
}

/// Runs the command.
pub(super) fn run(args: &FixArgs) -> anyhow::Result<Code> {
    let input = std::io::stdin();
    if args.interactive && !input.is_terminal() {
        let message =
            "standard input is no terminal to ask on; leave the option out, or look at `--diff` first"
                .to_owned();
        return Err(ConfigError::Option { option: "--interactive", message }.into());
    }
    run_with(args, input.lock())
}

/// Runs the command with `answers` to what it asks.
fn run_with(args: &FixArgs, answers: impl BufRead) -> anyhow::Result<Code> {
    let root = scan::root(&args.paths)?;
    if args.require_clean {
        git::dirty(&root, &[])?; // before anybody is asked anything
    }
    let project = Project::read(&root, args.config.as_deref())?;
    let ids = project.catalog.ids();
    known(&args.rules, &ids)?;
    let overrides =
        Overrides { exclude: args.exclude.clone(), threads: args.threads, ..Overrides::default() };
    let settings = project.settings(&overrides)?;
    let selection = scan::selection(&settings, scan::tracked(&args.paths));
    let found = discover::discover(&root, &args.paths, &selection)?;
    let pool = crate::scan::pool(settings.threads).context("cannot start worker threads")?;
    let judge = project.judge(&settings, |id| settings.runs(id))?;
    let mut files = pool.install(|| scan::load(&found)).0;
    if !judge.models().counted(Threat::Library).is_empty() {
        discover::mark_exported(&root, &mut files);
    }
    let before: IdVec<FileId, SourceFile> = files.iter().cloned().collect();
    let mut asker = args.interactive.then(|| Asker::new(answers));
    let mut wants = |files: &IdVec<FileId, SourceFile>, finding: &Finding| {
        admits(args, finding) && asker.as_mut().is_none_or(|asker| asker.wants(files, finding))
    };
    std::panic::set_hook(Box::new(|_| {})); // a panic costs one file, which is named
    let fixed = fix::fix(files, &judge, &settings, &ids, &mut wants, &pool);
    let _ = std::panic::take_hook();
    let changed = || before.pairs().filter(|(id, old)| old.text != fixed.files[*id].text);
    if args.require_clean {
        let paths: Vec<PathBuf> = changed().map(|(_, old)| PathBuf::from(&old.path)).collect();
        let files = git::dirty(&root, &paths)?;
        if !files.is_empty() {
            return Err(UncommittedError { files }.into());
        }
    }
    let mut refused: Vec<(String, String)> = Vec::new();
    let mut diff = Vec::new();
    for (id, old) in changed() {
        let new = &fixed.files[id];
        let done = if args.diff {
            write::diff(&root, old, &new.text).map(|bytes| diff.extend(bytes))
        } else {
            write::replace(&root, old, &new.text)
        };
        refused.extend(done.err().map(|reason| (old.path.clone(), reason)));
    }
    summary(args, &fixed, &refused, &diff)?;
    Ok(code(&fixed, &settings, !refused.is_empty()))
}

/// The first few of `files`, for a message.
fn listed(files: &[PathBuf]) -> String {
    let shown: Vec<String> =
        files.iter().take(MAX_LISTED).map(|file| format!("`{}`", file.display())).collect();
    match files.len().saturating_sub(MAX_LISTED) {
        0 => shown.join(", "),
        n => format!("{} and {n} more", shown.join(", ")),
    }
}

/// Refuses a rule that there is not.
fn known(rules: &[String], ids: &[&str]) -> Result<(), ConfigError> {
    let Some(name) = rules.iter().find(|name| !ids.contains(&name.as_str())) else { return Ok(()) };
    let hint = nearest(name, ids)
        .map_or("`snakestone rules` lists them".to_owned(), |id| format!("did you mean `{id}`?"));
    Err(ConfigError::Option { option: "--rule", message: format!("no rule is called `{name}`; {hint}") })
}

/// Whether the options ask for the edit of a finding.
fn admits(args: &FixArgs, finding: &Finding) -> bool {
    let is_asked = args.rules.is_empty() || args.rules.iter().any(|rule| rule == finding.rule);
    let safety = finding.edit.as_ref().map(|edit| edit.safety);
    is_asked && (args.with_suggested || safety == Some(Safety::Safe))
}

/// Prints the diff on standard output and the summary beside it; without a diff, the summary alone.
fn summary(args: &FixArgs, fixed: &Fixed, refused: &[(String, String)], diff: &[u8]) -> anyhow::Result<()> {
    let open = &fixed.last.settled.open;
    let is_notebook = |finding: &&Finding| fixed.files[finding.file].kind == FileKind::Notebook;
    let held = || open.iter().filter(|finding| finding.edit.is_some());
    let is_suggested = |finding: &&Finding| {
        finding.edit.as_ref().is_some_and(|edit| edit.safety == Safety::Suggest) && !is_notebook(finding)
    };
    let fixes = fixes::Fixes {
        files: &fixed.files,
        applied: &fixed.applied,
        is_dry: args.diff,
        refused,
        n_suggested: if args.with_suggested { 0 } else { held().filter(is_suggested).count() },
        n_in_notebooks: held().filter(is_notebook).count(),
        n_left: open.len(),
    };
    if args.diff {
        // A reader that went away (`| head`) is no failure.
        let _ = std::io::stdout().lock().write_all(diff);
        fixes::write(&fixes, &mut anstream::stderr())?;
    } else {
        let mut text = Vec::new();
        fixes::write(&fixes, &mut text)?;
        super::print(&String::from_utf8_lossy(&text));
    }
    Ok(())
}

fn code(fixed: &Fixed, settings: &Settings, has_refused: bool) -> Code {
    let fails = |finding: &Finding| settings.fail_on.is_some_and(|threshold| finding.severity >= threshold);
    if has_refused || fixed.last.fronts.iter().any(|front| front.failure.is_some()) {
        Code::Failed
    } else if fixed.last.settled.open.iter().any(fails) {
        Code::Findings
    } else {
        Code::Clean
    }
}

/// Asks for each edit, and remembers the answer: overlapping edits come back in the next round.
struct Asker<R> {
    answers: R,
    known: BTreeMap<(String, &'static str, String, String), bool>,
    /// What stands for all further questions.
    all: Option<bool>,
}

impl<R: BufRead> Asker<R> {
    fn new(answers: R) -> Self {
        Self { answers, known: BTreeMap::new(), all: None }
    }

    fn wants(&mut self, files: &IdVec<FileId, SourceFile>, finding: &Finding) -> bool {
        let path = files[finding.file].path.clone();
        let key = (path, finding.rule, finding.function.clone(), finding.message.clone());
        if let Some(answer) = self.known.get(&key).copied().or(self.all) {
            return answer;
        }
        let findings = vec![finding.clone()];
        let report = Report {
            files,
            rules: &[],
            findings,
            suppressed: Vec::new(),
            comparison: None,
            summary: Summary::default(),
        };
        let shown = terminal::finding(&report, finding, 120);
        let mut out = anstream::stderr();
        let _ = write!(out, "{shown}\n\n");
        let answer = self.ask(&mut out);
        self.known.insert(key, answer);
        answer
    }

    fn ask(&mut self, out: &mut dyn Write) -> bool {
        loop {
            let _ = write!(out, "apply this edit? y yes, n no, a all that follow, q none that follow: ");
            let _ = out.flush();
            let mut line = String::new();
            // The end of input is an answer too.
            let n = self.answers.read_line(&mut line).unwrap_or(0);
            match (n, line.trim().to_ascii_lowercase().as_str()) {
                (0, _) | (_, "q") => self.all = Some(false),
                (_, "a") => self.all = Some(true),
                (_, "y" | "yes") => return true,
                (_, "n" | "no") => return false,
                _ => {}
            }
            if let Some(all) = self.all {
                return all;
            }
        }
    }
}

#[cfg(test)]
mod tests;
