//! What `fix` did, for people at a terminal.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::Style;

use crate::base::IdVec;
use crate::fix::Applied;
use crate::report::wording::{counted, visible};
use crate::text::{FileId, SourceFile};

const BOLD: Style = Style::new().bold();

/// What is told.
pub struct Fixes<'a> {
    /// The files.
    pub files: &'a IdVec<FileId, SourceFile>,
    /// The edits that were carried out.
    pub applied: &'a [Applied],
    /// Whether nothing is written.
    pub is_dry: bool,
    /// Files that were left as they are, with the reason.
    pub refused: &'a [(String, String)],
    /// Suggested edits that hold and were not asked for.
    pub n_suggested: usize,
    /// Edits in notebooks.
    pub n_in_notebooks: usize,
    /// Findings that are left.
    pub n_left: usize,
}

/// Writes one line for each edit, what was left, and one line for all.
///
/// # Errors
/// Those of `out`.
pub fn write(fixes: &Fixes, out: &mut dyn Write) -> io::Result<()> {
    let refused: BTreeMap<&str, &str> =
        fixes.refused.iter().map(|(path, reason)| (path.as_str(), reason.as_str())).collect();
    let path = |applied: &Applied| fixes.files[applied.file].path.as_str();
    let mut done: Vec<&Applied> =
        fixes.applied.iter().filter(|applied| !refused.contains_key(path(applied))).collect();
    done.sort_by_key(|applied| applied.file);
    for applied in &done {
        let Applied { line, rule, title, .. } = applied;
        writeln!(out, "{}:{line}: {} ({rule})", visible(path(applied)), visible(title))?;
    }
    for (path, reason) in &refused {
        writeln!(out, "left as it is: {}: {}", visible(path), visible(reason))?;
    }
    if fixes.n_in_notebooks > 0 {
        let edits = counted(fixes.n_in_notebooks, "edit");
        writeln!(out, "{edits} in notebooks left: `snakestone scan` shows them, make them in the notebook")?;
    }
    if fixes.n_suggested > 0 {
        let edits = counted(fixes.n_suggested, "suggested edit");
        writeln!(
            out,
            "{edits} left, which change behavior: `snakestone scan` shows them, `--unsafe` applies them"
        )?;
    }
    let mut files: Vec<FileId> = done.iter().map(|applied| applied.file).collect();
    files.dedup();
    let would = if fixes.is_dry { "would be applied" } else { "applied" };
    let (edits, files) = (counted(done.len(), "edit"), counted(files.len(), "file"));
    writeln!(out, "{BOLD}{edits}{BOLD:#} {would} in {files}, {} left", counted(fixes.n_left, "finding"))
}
