//! The end of the terminal's report: counts by rule and severity, what was not scanned, one line for all.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::Style;

use crate::finding::Severity;
use crate::report::Report;
use crate::report::explain::severity_style;
use crate::report::wording::{counted, grouped, visible};

const BOLD: Style = Style::new().bold();
/// Most paths listed of one kind; the others are counted.
const MAX_PATHS: usize = 10;

pub(super) fn write(report: &Report, shows_time: bool, out: &mut dyn Write) -> io::Result<()> {
    table(report, out)?;
    left_out(report, out)?;
    let summary = &report.summary;
    if shows_time {
        let seconds = summary.elapsed.as_secs_f64();
        writeln!(out, "{} scanned in {seconds:.1} s", counted(summary.n_lines, "line"))?;
    }
    let files = counted(summary.n_files, "file");
    if report.findings.is_empty() {
        return writeln!(out, "{BOLD}no findings{BOLD:#} in {files}");
    }
    let counts: Vec<String> = Severity::ALL
        .into_iter()
        .rev()
        .filter(|&severity| report.count(severity) > 0)
        .map(|severity| {
            let style = severity_style(severity);
            format!("{style}{} {}{style:#}", grouped(report.count(severity)), severity.name())
        })
        .collect();
    let findings = counted(report.findings.len(), "finding");
    writeln!(out, "{BOLD}{findings}{BOLD:#} ({}) in {files}", counts.join(", "))
}

/// One row a rule with findings, those with the worst and most first.
fn table(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut rows: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for finding in &report.findings {
        rows.entry(finding.rule).or_default()[3 - finding.severity as usize] += 1;
    }
    if rows.is_empty() {
        return Ok(());
    }
    let mut rows: Vec<(&str, [usize; 4])> = rows.into_iter().collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let width = rows.iter().map(|(rule, _)| rule.len()).max().unwrap_or(0).max("rule".len());
    writeln!(out, "{BOLD}{:width$}  critical    high  medium     low{BOLD:#}", "rule")?;
    for (rule, counts) in rows {
        write!(out, "{rule:width$}  ")?;
        for (count, column) in counts.into_iter().zip([8, 8, 8, 8]) {
            let cell = if count == 0 { "-".to_owned() } else { grouped(count) };
            write!(out, "{cell:>column$}")?;
        }
        writeln!(out)?;
    }
    writeln!(out)
}

/// What the reader could take for scanned and clean, and is not.
fn left_out(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let summary = &report.summary;
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for skipped in &summary.skipped {
        by_reason.entry(&skipped.reason).or_default().push(visible(&skipped.path));
    }
    for (reason, paths) in by_reason {
        list(out, &format!("skipped, {}", visible(reason)), &paths)?;
    }
    let python2: Vec<String> = summary.python2.iter().map(|path| visible(path)).collect();
    list(out, "Python 2, not scanned", &python2)?;
    let broken = summary.broken.iter();
    let broken: Vec<String> =
        broken.map(|it| format!("{}:{}: {}", visible(&it.path), it.line, visible(&it.message))).collect();
    list(out, "syntax errors, scanned as far as they parse", &broken)?;
    let mut counts = Vec::new();
    if !report.suppressed.is_empty() {
        counts.push(format!(
            "{} suppressed by markers in the code",
            counted(report.suppressed.len(), "finding")
        ));
    }
    if summary.hidden_in_tests > 0 {
        counts.push(format!("{} in test code not shown", counted(summary.hidden_in_tests, "finding")));
    }
    counts.extend(summary.notes.iter().map(|note| visible(note)));
    for (limit, n) in &summary.limits {
        counts.push(format!("limit reached {}: {}", counted(*n, "time"), visible(limit)));
    }
    for count in &counts {
        writeln!(out, "{count}")?;
    }
    if summary.skipped.len() + summary.python2.len() + broken.len() + counts.len() > 0 {
        writeln!(out)?;
    }
    Ok(())
}

fn list(out: &mut dyn Write, title: &str, items: &[String]) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    writeln!(out, "{title} ({}):", grouped(items.len()))?;
    for item in items.iter().take(MAX_PATHS) {
        writeln!(out, "  {item}")?;
    }
    if items.len() > MAX_PATHS {
        writeln!(out, "  and {} more", grouped(items.len() - MAX_PATHS))?;
    }
    Ok(())
}
