//! Workflow commands: findings as annotations of a GitHub run, and log lines that cannot be taken for commands.
//!
//! The runner reads commands from everything a step prints, so a file name with a line feed could forge
//! annotations, masks, or stop commands; all text from scanned code is escaped here.
//! Source: `actions/runner`, `src/Runner.Common/ActionCommand.cs`; GitHub's documentation of workflow commands.

use crate::finding::{Finding, Severity};
use crate::report::Report;
use crate::report::place::Place;
use crate::report::wording::{self, counted, cut, visible};

/// Annotations of one type that GitHub keeps of a step.
const MAX_OF_TYPE: usize = 10;
/// Characters of a message that GitHub keeps.
const MAX_MESSAGE: usize = 4_096;

/// The types of annotation, worst first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Error,
    Warning,
    Notice,
}

impl Type {
    const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Notice];

    fn of(severity: Severity) -> Self {
        match severity {
            Severity::Low => Self::Notice,
            Severity::Medium => Self::Warning,
            Severity::High | Severity::Critical => Self::Error,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// The open findings as commands, one a line, where there is a base those that are new: of each type the worst ten,
/// which are those that GitHub keeps, and at the end how many have none.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    let mut n_shown = 0;
    for kind in Type::ALL {
        let mut findings: Vec<&Finding> =
            report.asked().filter(|finding| Type::of(finding.severity) == kind).collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings.truncate(MAX_OF_TYPE);
        n_shown += findings.len();
        for finding in findings {
            out.push_str(&command(report, kind, finding));
            out.push('\n');
        }
    }
    let n_left = report.asked().count() - n_shown;
    if n_left > 0 {
        let findings = counted(n_left, "finding");
        out.push_str(&format!(
            "{findings} not annotated: GitHub keeps {MAX_OF_TYPE} annotations of each type; the other reports list all\n"
        ));
    }
    out
}

/// `text` as an annotation of the run, without a place.
#[must_use]
pub fn notice(text: &str) -> String {
    format!("::notice title=Snakestone::{}\n", data(&cut(&visible(text), MAX_MESSAGE)))
}

/// As [`notice`], of what somebody should repair.
#[must_use]
pub fn warning(text: &str) -> String {
    format!("::warning title=Snakestone::{}\n", data(&cut(&visible(text), MAX_MESSAGE)))
}

fn command(report: &Report, kind: Type, finding: &Finding) -> String {
    let place = Place::of(report, finding.file, finding.span);
    let mut properties = format!("file={},line={}", property(place.path()), place.line());
    if place.has_columns() {
        properties.push_str(&format!(",endLine={}", place.end.line));
        if place.start.line == place.end.line {
            properties.push_str(&format!(",col={},endColumn={}", place.start.column, place.end.column));
        }
    }
    let title = property(&format!("{} ({})", finding.rule, finding.severity.name()));
    let what = visible(&wording::what(finding));
    let solution = visible(&wording::sentence(&finding.solution));
    let text = data(&cut(&format!("{what}\nDo: {solution}"), MAX_MESSAGE));
    format!("::{} {properties},title={title}::{text}", kind.name())
}

/// `text` as the data of a command. Line ends are kept, since the runner brings them back; `##[` is broken, though
/// the runner should not look for it in a command of the newer syntax.
fn data(text: &str) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    visible(&text).replace("##[", "# #[")
}

/// `text` as the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// One line for a workflow's log that is no command: control characters and line ends are made visible, `##[`
/// is broken, and it does not begin with `::`.
#[must_use]
pub fn neutralize(line: &str) -> String {
    let mut out = visible(line).replace("##[", "# #[");
    let blanks = out.len() - out.trim_start().len();
    if out[blanks..].starts_with("::") {
        out.insert(blanks + 1, ' ');
    }
    out
}

/// `text` for a step's output, its colors kept: lines that are commands, once the colors are gone, are neutralized.
#[must_use]
pub fn without_commands(text: &str) -> String {
    let line = |line: &str| {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        let plain = anstream::adapter::strip_str(line).to_string();
        let is_command =
            plain.contains("##[") || plain.contains('\r') || plain.trim_start().starts_with("::");
        if is_command { neutralize(&plain) + end } else { format!("{line}{end}") }
    };
    text.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{data, neutralize, property, without_commands};

    #[test]
    fn values_are_escaped_as_the_runner_unescapes_them() {
        assert_eq!(data("50%\r\na:b,c"), "50%25%0D%0Aa:b,c");
        assert_eq!(property("a:b,c%3A\n"), "a%3Ab%2Cc%253A%0A");
        assert_eq!(property("a\u{1b}[31m ##[error]\u{202e}"), "a\u{241b}[31m # #[error]\u{fffd}");
    }

    #[test]
    fn log_lines_are_no_commands() {
        assert_eq!(neutralize("a.py\n::error::x"), "a.py ::error::x");
        assert_eq!(neutralize(" \t::add-mask::x"), "  : :add-mask::x");
        assert_eq!(neutralize("x ##[error]y ###[z"), "x # #[error]y ## #[z");
        assert_eq!(neutralize("plain: a::b # [c]"), "plain: a::b # [c]");
    }

    #[test]
    fn printed_lines_keep_their_colors_unless_they_are_commands() {
        let red = "\u{1b}[31ma::b\u{1b}[0m\n\n  plain\tline";
        assert_eq!(without_commands(red), red);
        assert_eq!(without_commands("\u{1b}[1m::error::x\u{1b}[0m\n"), ": :error::x\n");
        assert_eq!(without_commands("a #\u{1b}[31m#[error]x\nb"), "a # #[error]x\nb");
        assert_eq!(without_commands("a\r::error::x"), "a ::error::x");
    }

    proptest! {
        #[test]
        fn no_text_becomes_a_command(text in "[#:\\[ \\t\\r\\n\u{2028}\u{85}\u{b}a]{0,12}") {
            let line = neutralize(&text);
            prop_assert!(!line.trim_start().starts_with("::"));
            prop_assert!(!line.contains("##["));
            prop_assert!(!line.contains(['\n', '\r']));
        }
    }
}
