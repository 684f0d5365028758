//! A rule's page as text: for the terminal, and, without styles, wherever Markdown is not rendered.
//!
//! Understands what rule pages are written in - headings, paragraphs, lists, code blocks, code, bold, links -
//! and shows everything else as it stands.

use anstyle::{AnsiColor, Style};

use crate::finding::Severity;
use crate::rules::{EditKind, Page};

const WIDTH: usize = 90;
const HEADING: Style = Style::new().bold();
const STRONG: Style = Style::new().bold();
const CODE: Style = AnsiColor::Cyan.on_default();
const FAINT: Style = Style::new().dimmed();

/// The page for a terminal, wrapped: with ANSI styles, or, where none are wanted, with Markdown's own marks.
#[must_use]
pub fn terminal(page: &Page, is_styled: bool) -> String {
    let cwe = page.cwe.iter().map(|n| format!("CWE-{n}")).collect::<Vec<_>>().join(", ");
    let edit = match page.edit {
        EditKind::None => "none",
        EditKind::Safe => "safe",
        EditKind::Suggest => "for review",
        EditKind::Both => "safe, and for review",
    };
    let mut out = String::new();
    let mut writer = Writer { is_styled, width: WIDTH, out: &mut out };
    writer.styled(page.id, HEADING);
    writer.styled(&format!("  {}", page.severity.name()), severity_style(page.severity));
    writer.styled(&format!(", precision {}, {cwe}, edit: {edit}", page.precision.name()), FAINT);
    writer.out.push_str("\n\n");
    writer.markdown(&page.manual);
    writer.out.push('\n');
    let place = page.url().or_else(|| page.file.clone());
    writer.styled(&place.unwrap_or_default(), FAINT);
    out.push('\n');
    out
}

/// The page as plain text, one line a paragraph.
#[must_use]
pub fn text(page: &Page) -> String {
    let mut out = String::new();
    Writer { is_styled: false, width: usize::MAX, out: &mut out }.markdown(&page.manual);
    out
}

/// The color of a severity, everywhere on the terminal.
#[must_use]
pub fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Low => AnsiColor::Green.on_default().bold(),
        Severity::Medium => AnsiColor::Yellow.on_default().bold(),
        Severity::High => AnsiColor::Red.on_default().bold(),
        Severity::Critical => AnsiColor::Magenta.on_default().bold(),
    }
}

struct Writer<'a> {
    is_styled: bool,
    width: usize,
    out: &'a mut String,
}

/// Words with one style; no blank is within a run that was not within the Markdown's.
struct Run {
    text: String,
    style: Style,
}

impl Writer<'_> {
    fn markdown(&mut self, markdown: &str) {
        let mut lines = markdown.lines().peekable();
        while let Some(line) = lines.next() {
            if line.starts_with("```") {
                let ticks = line.len() - line.trim_start_matches('`').len();
                for code in lines.by_ref().take_while(|code| !code.starts_with(&line[..ticks])) {
                    let code = format!("    {code}");
                    self.styled(code.trim_end(), CODE);
                    self.out.push('\n');
                }
            } else if let Some(heading) =
                line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'))
            {
                let runs = self.inline(heading);
                let heading: String = runs.into_iter().map(|run| run.text).collect();
                self.styled(&heading, HEADING);
                self.out.push('\n');
            } else if line.trim().is_empty() || line.starts_with('|') {
                self.out.push_str(line.trim_end());
                self.out.push('\n');
            } else {
                let mut paragraph = line.to_owned();
                while let Some(more) = lines.next_if(|next| continues(next)) {
                    paragraph.push(' ');
                    paragraph.push_str(more.trim_start());
                }
                self.paragraph(&paragraph);
            }
        }
    }

    /// Wraps; what follows a list mark is indented as its first line.
    fn paragraph(&mut self, paragraph: &str) {
        let indent = paragraph.len() - paragraph.trim_start().len();
        let text = &paragraph[indent..];
        let mark = if is_item(text) { text.find(' ').map_or(0, |at| at + 1) } else { 0 };
        self.out.push_str(&paragraph[..indent + mark]);
        let margin = indent + mark;
        let mut column = margin;
        for word in words(self.inline(&text[mark..])) {
            let width: usize = word.iter().map(|run| run.text.chars().count()).sum();
            if column > margin && column + 1 + width > self.width {
                self.out.push('\n');
                self.out.push_str(&" ".repeat(margin));
                column = margin;
            } else if column > margin {
                self.out.push(' ');
                column += 1;
            }
            column += width;
            for run in word {
                self.styled(&run.text, run.style);
            }
        }
        self.out.push('\n');
    }

    fn styled(&mut self, text: &str, style: Style) {
        if self.is_styled && style != Style::new() {
            self.out.push_str(&format!("{style}{text}{style:#}"));
        } else {
            self.out.push_str(text);
        }
    }

    fn inline(&self, markdown: &str) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut rest = markdown;
        let mut style = Style::new();
        while let Some(at) = rest.find(['`', '*', '[', '<']) {
            runs.push(Run { text: rest[..at].to_owned(), style });
            let (mark, after) = rest[at..].split_at(1);
            rest = match mark {
                "`" => match after.split_once('`') {
                    Some((code, behind)) => {
                        let text = if self.is_styled { code.to_owned() } else { format!("`{code}`") };
                        runs.push(Run { text, style: CODE });
                        behind
                    }
                    None => literal(&mut runs, mark, after),
                },
                "*" if after.starts_with('*') => {
                    style = if style == STRONG { Style::new() } else { STRONG };
                    &after[1..]
                }
                "[" => match target(after) {
                    Some((words, url, behind)) => {
                        runs.extend(self.inline(words));
                        runs.push(Run { text: format!(" ({url})"), style: FAINT });
                        behind
                    }
                    None => literal(&mut runs, mark, after),
                },
                "<" if after.starts_with("https://") && after.contains('>') => {
                    let (url, behind) = after.split_once('>').expect("the guard saw it");
                    runs.push(Run { text: url.to_owned(), style: FAINT });
                    behind
                }
                _ => literal(&mut runs, mark, after),
            };
        }
        runs.push(Run { text: rest.to_owned(), style });
        runs
    }
}

fn literal<'a>(runs: &mut Vec<Run>, mark: &str, after: &'a str) -> &'a str {
    runs.push(Run { text: mark.to_owned(), style: Style::new() });
    after
}

/// Words, address and remainder of a link whose `[` was just read.
fn target(after: &str) -> Option<(&str, &str, &str)> {
    let (words, rest) = after.split_once("](")?;
    let (url, behind) = rest.split_once(')')?;
    (!words.contains('[') && !url.contains(' ')).then_some((words, url, behind))
}

/// Cuts runs at blanks; a word may be of several runs.
fn words(runs: Vec<Run>) -> Vec<Vec<Run>> {
    let mut words: Vec<Vec<Run>> = vec![Vec::new()];
    for run in runs {
        for (i, part) in run.text.split(' ').enumerate() {
            if i > 0 {
                words.push(Vec::new());
            }
            if !part.is_empty() {
                let word = words.last_mut().expect("begun with one");
                word.push(Run { text: part.to_owned(), style: run.style });
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn continues(line: &str) -> bool {
    let text = line.trim_start();
    !(text.is_empty() || is_item(text) || line.starts_with(['#', '|']) || line.starts_with("```"))
}

fn is_item(text: &str) -> bool {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    text.starts_with("- ")
        || text.starts_with("* ")
        || (digits.len() < text.len() && digits.starts_with(". "))
}
