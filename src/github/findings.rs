//! Findings read back from a SARIF file of our own: what reviews and check runs say.
//!
//! The file may come from the workflow of a fork, so it is held against the schema as far as it is read, its size is
//! limited, paths must stay in the repository, and an edit is applied to the lines that the file quotes, never to
//! a file on disk. Texts stay as they are: whoever shows them escapes them.
//! Source: SARIF 2.1.0; `report::sarif` writes these files.

mod log;

use std::collections::BTreeMap;

use crate::finding::{Change, Edit, Precision, Safety, Severity};
use crate::text::{FileKind, SourceFile, Span};

/// Largest file that is read, in bytes.
pub const MAX_BYTES: usize = 64 << 20;
/// Most results that are read: GitHub refuses more.
const MAX_RESULTS: usize = 25_000;
/// Results of a file from which the mildest may have been dropped.
const FULL: usize = 5_000;
/// Most bytes of code that a finding quotes, and that replace it.
const MAX_CODE: usize = 8_192;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is too large.
    #[error("the file is larger than {} MiB", MAX_BYTES >> 20)]
    Size,
    /// It is no JSON, or not of SARIF's shape.
    #[error("it is no SARIF file as `snakestone scan -o sarif=FILE` writes it: {0}")]
    Shape(#[from] serde_json::Error),
    /// It has the shape, but says what ours never do.
    #[error("it is no SARIF file as `snakestone scan -o sarif=FILE` writes it: {0}")]
    Content(String),
}

/// A finished scan.
pub struct Scan {
    /// Tells this scan from others of the same commit.
    pub(super) category: String,
    /// Whether it holds every finding of the scan: that came to its end, and nothing was dropped for size.
    pub(super) is_whole: bool,
    /// In the order of the file.
    pub(super) findings: Vec<Finding>,
}

/// A finding, as far as GitHub is told of it.
pub(super) struct Finding {
    pub(super) rule: String,
    /// What the rule finds, in a few words.
    pub(super) title: String,
    pub(super) severity: Severity,
    pub(super) precision: Option<Precision>,
    /// Relative to the repository's root.
    pub(super) path: String,
    pub(super) region: Region,
    /// What is wrong and what to do.
    pub(super) message: String,
    /// GitHub's hash of its line; empty where there is none.
    pub(super) line_hash: String,
    /// The code around it, as it was scanned.
    pub(super) quoted: Option<Quoted>,
    pub(super) fix: Option<Fix>,
}

/// Lines and columns on disk, from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Region {
    pub(super) first: u32,
    pub(super) last: u32,
    /// First column and the one after the last, in UTF-16 units.
    pub(super) columns: Option<(u32, u32)>,
}

/// What to change.
pub(super) struct Fix {
    pub(super) title: String,
    pub(super) safety: Safety,
    /// The edit, its spans in the quoted lines; absent where it reaches farther.
    pub(super) edit: Option<Edit>,
}

/// Lines of the scanned file.
pub(super) struct Quoted {
    /// Number of the first one in the scanned file.
    pub(super) first: u32,
    /// The lines as a file of their own.
    pub(super) file: SourceFile,
}

impl Scan {
    /// The worst severity found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// Reads the bytes of a SARIF file.
    ///
    /// # Errors
    /// If it is not one of ours.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        if bytes.len() > MAX_BYTES {
            return Err(ReadError::Size);
        }
        let log: log::Log = serde_json::from_slice(bytes)?;
        let refuse = |what: &str| ReadError::Content(what.to_owned());
        let [run] = <[log::Run; 1]>::try_from(log.runs).map_err(|_| refuse("`runs` must hold one run"))?;
        if log.version != "2.1.0" {
            return Err(refuse("`version` must be `2.1.0`"));
        }
        if run.tool.driver.name != "Snakestone" {
            return Err(refuse("`runs[0].tool.driver.name` must be `Snakestone`"));
        }
        if run.results.len() > MAX_RESULTS {
            return Err(refuse("`runs[0].results` holds more than 25,000 results"));
        }
        let rules: BTreeMap<&str, &log::Rule> =
            run.tool.driver.rules.iter().map(|rule| (rule.id.as_str(), rule)).collect();
        let mut findings = Vec::new();
        for (i, result) in run.results.iter().enumerate() {
            if result.suppressions.is_empty() {
                let read = finding(result, &rules);
                findings.push(
                    read.map_err(|what| ReadError::Content(format!("`runs[0].results[{i}]`: {what}")))?,
                );
            }
        }
        let is_successful = run.invocations.iter().all(|invocation| invocation.execution_successful);
        Ok(Self {
            category: run.automation_details.map_or_else(String::new, |details| details.id),
            is_whole: is_successful && run.results.len() < FULL,
            findings,
        })
    }
}

fn finding(result: &log::Result, rules: &BTreeMap<&str, &log::Rule>) -> Result<Finding, String> {
    let rule = rules.get(result.rule_id.as_str()).ok_or("its `ruleId` is none of the rules")?;
    let location = result.locations.first().ok_or("`locations` is empty")?;
    let physical = &location.physical_location;
    let path = path(&physical.artifact_location.uri).ok_or("its `uri` is no path within the repository")?;
    let quoted = physical.context_region.as_ref().map(quoted).transpose()?;
    let fix = result.fixes.first().map(|it| fix(it, physical, quoted.as_ref())).transpose()?;
    Ok(Finding {
        rule: rule.id.split('/').next().unwrap_or_default().to_owned(),
        title: rule.short_description.text.clone(),
        severity: severity(&rule.properties.security_severity)
            .ok_or("the `security-severity` of its rule is no number")?,
        precision: Precision::parse(&rule.properties.precision),
        path,
        region: region(&physical.region)?,
        message: plain(&result.message.text),
        line_hash: result.partial_fingerprints.primary_location_line_hash.clone(),
        quoted,
        fix,
    })
}

/// GitHub's bands.
fn severity(number: &str) -> Option<Severity> {
    let number: f64 = number.parse().ok()?;
    Some(match number {
        _ if number > 9.0 => Severity::Critical,
        _ if number >= 7.0 => Severity::High,
        _ if number >= 4.0 => Severity::Medium,
        _ => Severity::Low,
    })
}

fn region(region: &log::Region) -> Result<Region, String> {
    let first = region.start_line.filter(|&line| line > 0).ok_or("its region has no `startLine`")?;
    let last = region.end_line.unwrap_or(first);
    if last < first {
        return Err("its region ends before it begins".to_owned());
    }
    Ok(Region { first, last, columns: region.start_column.zip(region.end_column) })
}

/// The path that a relative URI reference means; `None` if it leads out of the repository.
fn path(uri: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(byte);
        }
    }
    let path = String::from_utf8(bytes).ok()?;
    let is_inside = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    (is_inside && !uri.contains(':')).then_some(path)
}

/// A message without its links and escapes.
/// Source: SARIF 2.1.0, section 3.11.6.
fn plain(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut chars = message.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            '[' => {}
            ']' => {
                let rest = chars.as_str();
                let target = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
                if let Some((id, behind)) = target
                    && id.bytes().all(|b| b.is_ascii_digit())
                {
                    chars = behind.chars();
                }
            }
            _ => out.push(c),
        }
    }
    out
}

fn quoted(context: &log::Region) -> Result<Quoted, String> {
    let first = region(context)?.first;
    let text = context.snippet.as_ref().ok_or("its `contextRegion` has no `snippet`")?.text.clone();
    if text.len() > MAX_CODE {
        return Err(format!("its `contextRegion` holds more than {MAX_CODE} bytes"));
    }
    Ok(Quoted { first, file: SourceFile::new("", FileKind::Module, false, text) })
}

fn fix(fix: &log::Fix, physical: &log::PhysicalLocation, quoted: Option<&Quoted>) -> Result<Fix, String> {
    let [change] = fix.artifact_changes.as_slice() else {
        return Err("its fix must change one file".to_owned());
    };
    if change.artifact_location.uri != physical.artifact_location.uri {
        return Err("its fix must change the file that it is in".to_owned());
    }
    let title = plain(&fix.description.text);
    let safety = if fix.properties.safety == Safety::Safe.name() { Safety::Safe } else { Safety::Suggest };
    let changes = quoted.and_then(|quoted| changes(quoted, &change.replacements));
    let edit = changes.map(|changes| Edit { safety, title: title.clone(), changes });
    Ok(Fix { title, safety, edit })
}

/// The replacements as changes of the quoted lines; `None` where they reach farther, overlap or are long.
fn changes(quoted: &Quoted, replacements: &[log::Replacement]) -> Option<Vec<Change>> {
    let offset = |line: u32, column: Option<u32>| {
        let line = line.checked_sub(quoted.first)?.checked_add(1)?;
        offset(&quoted.file, line, column?)
    };
    let mut changes = Vec::new();
    for replacement in replacements {
        let at = &replacement.deleted_region;
        let start = offset(at.start_line?, at.start_column)?;
        let end = offset(at.end_line.or(at.start_line)?, at.end_column)?;
        let text = replacement.inserted_content.as_ref().map_or("", |content| &content.text).to_owned();
        changes.push(Change { span: (start <= end).then(|| Span::new(start, end))?, text });
    }
    changes.sort_by_key(|change| change.span);
    let n_bytes: usize = changes.iter().map(|change| change.text.len()).sum();
    let overlap = changes.windows(2).any(|pair| pair[0].span.end > pair[1].span.start);
    (!overlap && n_bytes <= MAX_CODE).then_some(changes)
}

/// The offset of a column in UTF-16 units, which must be one of the line or the one behind its last.
fn offset(file: &SourceFile, line: u32, column: u32) -> Option<u32> {
    let span = (line <= file.n_lines()).then(|| file.line_span(line))?;
    let mut units = column.checked_sub(1)? as usize;
    let text = file.slice(span);
    let mut at = 0;
    for c in text.chars() {
        if units == 0 {
            break;
        }
        units = units.checked_sub(c.len_utf16())?;
        at += c.len_utf8();
    }
    (units == 0).then_some(span.start + u32::try_from(at).ok()?)
}

#[cfg(test)]
mod tests;
