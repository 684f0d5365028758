//! JSON lines: one object a finding, for scripts.
//!
//! Open findings come first, then suppressed ones, each in order of file and position. The fields are those of
//! `Row`, in this order; later versions may add fields, and never rename or drop one. Lines and columns count
//! from 1; columns count characters; an end is the place after the last character. In a notebook, lines are those of
//! the `.ipynb` file, and columns those of the cell's line.

use std::io::{self, Write};

use serde::Serialize;

use crate::finding::{Edit, Finding, Note, Suppression};
use crate::report::Report;
use crate::report::fingerprint::Fingerprints;
use crate::report::place::Place;
use crate::text::{FileId, Span};

/// A finding.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    /// Id of the rule.
    rule: &'a str,
    /// `low`, `medium`, `high` or `critical`.
    severity: &'a str,
    #[serde(flatten)]
    at: At<'a>,
    /// Qualified name of the function around it; empty at module level.
    function: &'a str,
    /// What is wrong.
    message: &'a str,
    /// What to do.
    solution: &'a str,
    /// The solution as replacements, or null.
    edit: Option<EditRow<'a>>,
    /// Further places, most important first.
    related: Vec<NoteRow<'a>>,
    /// The way from source to sink, source first.
    trace: Vec<NoteRow<'a>>,
    /// What keeps it silent, or null if it is open.
    suppressed: Option<SuppressionRow<'a>>,
    /// Another tool's marker on this line that does not silence a finding of this severity, or null.
    foreign_marker: Option<&'a str>,
    /// GitHub's hash of the line, or null.
    fingerprint: Option<String>,
}

/// A place.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct At<'a> {
    /// Relative to the root of the scan, `/`-separated.
    path: &'a str,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    /// Number of the cell, from 1; in notebooks only.
    #[serde(skip_serializing_if = "Option::is_none")]
    cell: Option<u32>,
    /// Line in the cell, from 1; in notebooks only.
    #[serde(skip_serializing_if = "Option::is_none")]
    cell_line: Option<u32>,
}

#[derive(Serialize)]
struct EditRow<'a> {
    /// `safe` keeps behavior, `suggest` is for review.
    safety: &'static str,
    title: &'a str,
    changes: Vec<ChangeRow<'a>>,
}

#[derive(Serialize)]
struct ChangeRow<'a> {
    #[serde(flatten)]
    at: At<'a>,
    /// What stands there afterwards.
    text: &'a str,
}

#[derive(Serialize)]
struct NoteRow<'a> {
    #[serde(flatten)]
    at: At<'a>,
    caption: &'a str,
}

#[derive(Serialize)]
struct SuppressionRow<'a> {
    /// The marker's own words.
    marker: &'a str,
    /// The reason it gives; empty if none.
    reason: &'a str,
}

/// Writes one line a finding.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, hashes: &Fingerprints, out: &mut dyn Write) -> io::Result<()> {
    for finding in report.findings.iter().chain(&report.suppressed) {
        serde_json::to_writer(&mut *out, &row(report, hashes, finding))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn row<'a>(report: &Report<'a>, hashes: &Fingerprints, finding: &'a Finding) -> Row<'a> {
    let place = Place::of(report, finding.file, finding.span);
    let note = |note: &'a Note| NoteRow { at: at(report, note.file, note.span), caption: &note.caption };
    let suppression = |it: &'a Suppression| SuppressionRow { marker: &it.marker, reason: &it.reason };
    Row {
        rule: finding.rule,
        severity: finding.severity.name(),
        at: at(report, finding.file, finding.span),
        function: &finding.function,
        message: &finding.message,
        solution: &finding.solution,
        edit: finding.edit.as_ref().map(|it| edit(report, finding.file, it)),
        related: finding.related.iter().map(note).collect(),
        trace: finding.trace.iter().map(note).collect(),
        suppressed: finding.suppressed.as_ref().map(suppression),
        foreign_marker: finding.foreign_marker.as_deref(),
        fingerprint: hashes.line(finding.file, place.line()).map(|hash| hash.to_string()),
    }
}

fn edit<'a>(report: &Report<'a>, file: FileId, edit: &'a Edit) -> EditRow<'a> {
    let change = |change: &'a crate::finding::Change| ChangeRow {
        at: exactly(report, file, change.span),
        text: &change.text,
    };
    EditRow {
        safety: edit.safety.name(),
        title: &edit.title,
        changes: edit.changes.iter().map(change).collect(),
    }
}

fn at<'a>(report: &Report<'a>, file: FileId, span: Span) -> At<'a> {
    from(&Place::of(report, file, span))
}

/// As [`at`], and an empty span stays empty: text is inserted there.
fn exactly<'a>(report: &Report<'a>, file: FileId, span: Span) -> At<'a> {
    from(&Place::exactly(report, file, span))
}

fn from<'a>(place: &Place<'a>) -> At<'a> {
    At {
        path: place.path(),
        line: place.line(),
        column: place.start.column,
        end_line: place.end_line(),
        end_column: place.end.column,
        cell: place.cell().map(|at| at.cell),
        cell_line: place.cell().map(|at| at.line),
    }
}
