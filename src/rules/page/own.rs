//! Pages of the scanned project: the same format, but flow rules only, and text that nobody of ours has read.
//!
//! What a page says is shown on terminals and in the logs of workflows, so it may hold nothing that steers them.

use crate::models::Vocabulary;
use crate::rules::page::{EditKind, Page, PageError, line_of};

impl Page {
    /// Reads a page of the scanned project, which the configuration names as `file`. It may name the kinds of
    /// `vocabulary`.
    ///
    /// # Errors
    /// The first thing its author has to change, with its line.
    pub fn own(file: &str, text: &str, vocabulary: &Vocabulary) -> Result<Self, PageError> {
        let text = text.replace("\r\n", "\n");
        harmless(&text)?;
        let page = Self::with_kinds(&text, vocabulary)?;
        let at = |key: &str| {
            let found = text.find(&format!("\n{key}:"));
            line_of(&text, found.map_or(0, |at| at + 1))
        };
        if page.flow.is_none() {
            let what = "a rule of your own follows data to a kind of sink; expected `flow: KIND`, as `flow: command`, \
                        and `message` and `solution`";
            return Err(PageError::new(at("id"), what));
        }
        if page.edit != EditKind::None {
            return Err(PageError::new(
                at("edit"),
                "a rule of your own offers no edits; expected `edit: none`",
            ));
        }
        Ok(Self { file: Some(file.to_owned()), ..page })
    }
}

/// Refuses characters that steer a terminal or reorder text, and lines that a workflow's log takes for commands.
fn harmless(text: &str) -> Result<(), PageError> {
    let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    let reorders = |c: char| {
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{e0000}'..='\u{e007f}')
    };
    if let Some((at, c)) = text.char_indices().find(|(_, c)| steers(*c) || reorders(*c)) {
        let what = format!("the character U+{:04X} is not shown as it stands; leave it out", u32::from(c));
        return Err(PageError::new(line_of(text, at), what));
    }
    let is_command = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
    if let Some((line, _)) = (1..).zip(text.lines()).find(|(_, line)| is_command(line)) {
        let what =
            "a log would take this line for a workflow command; do not begin it with `::`, nor write `##[`";
        return Err(PageError::new(line, what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Page;
    use crate::models::Vocabulary;

    const PAGE: &str = "---\nid: own-rule\nseverity: high\nprecision: high\ncwe: [840]\nedit: none\nflow: price\n\
        message: m\nsolution: s\n---\n# A title\n\nA paragraph.\n\n## Do this\nIt.\n";

    fn said(from: &str, to: &str) -> String {
        let mut vocabulary = Vocabulary::default();
        vocabulary.declare("price").unwrap();
        let page = Page::own("rules/own.md", &PAGE.replacen(from, to, 1), &vocabulary);
        page.map_or_else(|error| error.to_string(), |page| format!("{} {:?}", page.id, page.file))
    }

    #[test]
    fn a_page_of_the_project_is_a_flow_page_without_edits() {
        assert_eq!(said("", ""), "own-rule Some(\"rules/own.md\")");
        assert_eq!(said("\n", "\r\n"), "own-rule Some(\"rules/own.md\")");
        let no_flow = said("flow: price\nmessage: m\nsolution: s\n", "");
        assert!(no_flow.starts_with("line 2: a rule of your own follows data"), "{no_flow}");
        assert_eq!(said("none", "safe"), "line 6: a rule of your own offers no edits; expected `edit: none`");
        let unknown = said("price", "prize");
        assert!(unknown.starts_with("line 7: `flow` is `prize`; known kinds are command"), "{unknown}");
        assert!(unknown.ends_with(", price"), "{unknown}");
        assert_eq!(said("solution: s\n", ""), "line 7: a page with `flow` needs `message` and `solution`");
    }

    #[test]
    fn nothing_that_steers_a_terminal_or_a_log_is_taken() {
        let escape = said("title", "\u{1b}[2J");
        assert_eq!(escape, "line 11: the character U+001B is not shown as it stands; leave it out");
        assert!(said("paragraph", "\u{202e}").starts_with("line 13: the character U+202E"));
        assert!(said("It.", "  ::error::x").starts_with("line 16: a log would take"));
        assert!(said("It.", "a ##[error]x").starts_with("line 16: a log would take"));
    }
}
