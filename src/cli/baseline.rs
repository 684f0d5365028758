//! `snakestone baseline`: known findings to a file, and out of it again.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;

use crate::baseline::{self, Entry};
use crate::cli::Code;
use crate::cli::args::{BaselineArgs, BaselineCommand};
use crate::cli::compare::{self, Scope};
use crate::cli::project::Project;
use crate::cli::scan::{self, How, Outcome};
use crate::config::Overrides;
use crate::discover;

/// Runs the command.
pub(super) fn run(command: &BaselineCommand) -> anyhow::Result<Code> {
    match command {
        BaselineCommand::Write(args) => write(args),
        BaselineCommand::Prune(args) => prune(args),
    }
}

fn write(args: &BaselineArgs) -> anyhow::Result<Code> {
    let outcome = outcome(args)?;
    let entries = baseline::entries(&outcome.findings, &outcome.files);
    save(&args.file, &entries)?;
    super::print(&format!("{} in `{}`\n", counted(entries.len()), args.file.display()));
    failed(&outcome)
}

fn prune(args: &BaselineArgs) -> anyhow::Result<Code> {
    let known = baseline::read(&args.file, &compare::text(&args.file)?)?;
    let outcome = outcome(args)?;
    // A file that could not be analyzed has its findings still.
    if !outcome.failures.is_empty() {
        return failed(&outcome);
    }
    let found = baseline::entries(&outcome.findings, &outcome.files);
    let compared = baseline::compare(&known, &found);
    // What is known stands as it is found now, so that code which moved is followed.
    let kept = found.into_iter().zip(&compared.new).map(|(mut entry, new)| {
        entry.identity.retain(|identity| !new.contains(identity));
        entry
    });
    let mut kept: Vec<Entry> = kept.filter(|entry| !entry.identity.is_empty()).collect();
    let scope = Scope::new(&outcome.root, &args.paths);
    let (gone, unseen): (Vec<&Entry>, Vec<&Entry>) =
        compared.gone.iter().map(|&at| &known[at]).partition(|entry| scope.has(entry, &outcome.settings));
    kept.extend(unseen.into_iter().cloned());
    save(&args.file, &kept)?;
    super::print(&format!(
        "{} fixed and dropped, {} left in `{}`\n",
        counted(gone.len()),
        kept.len(),
        args.file.display()
    ));
    Ok(Code::Clean)
}

fn outcome(args: &BaselineArgs) -> anyhow::Result<Outcome> {
    let root = scan::root(&args.paths)?;
    let project = Project::read(&root, args.config.as_deref())?;
    let settings = project.settings(&Overrides::default())?;
    let begun = Instant::now();
    let found =
        discover::discover(&root, &args.paths, &scan::selection(&settings, scan::tracked(&args.paths)))?;
    let how = How { begun, wants_stats: false, proves_edits: false };
    let mut outcome = scan::outcome_of(root, found, (&project, settings), &how)?;
    outcome.identify();
    Ok(outcome)
}

fn failed(outcome: &Outcome) -> anyhow::Result<Code> {
    let Some((path, message)) = outcome.failures.first() else { return Ok(Code::Clean) };
    anyhow::bail!("the scanner failed on `{path}`, please report this: {message}")
}

/// Writes the file whole or not at all.
fn save(path: &Path, entries: &[Entry]) -> anyhow::Result<()> {
    let what = || format!("cannot write `{}`", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".snakestone-").tempfile_in(folder).with_context(what)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).with_context(what)?;
    }
    file.write_all(baseline::write(entries.to_vec()).as_bytes()).with_context(what)?;
    file.persist(path).with_context(what)?;
    Ok(())
}

fn counted(n: usize) -> String {
    format!("{n} finding{}", if n == 1 { "" } else { "s" })
}
