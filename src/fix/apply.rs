//! Changes go in, the text with them comes out.
//!
//! Rules write line feeds; the text gets the line ends of the place. Whether the outcome is any good is not asked here.

use crate::finding::Change;
use crate::text::SourceFile;

/// The text of `file` with `changes`, which are sorted and free of overlap.
#[must_use]
pub fn apply(file: &SourceFile, changes: &[Change]) -> String {
    let mut text =
        String::with_capacity(file.text.len() + changes.iter().map(|c| c.text.len()).sum::<usize>());
    let mut done = 0;
    for change in changes {
        let range = change.span.range();
        text.push_str(&file.text[done..range.start]);
        text.push_str(&with_line_ends(file, change));
        done = range.end;
    }
    text.push_str(&file.text[done..]);
    text
}

/// The text of a change, its line feeds as the line ends where it goes in.
pub(super) fn with_line_ends(file: &SourceFile, change: &Change) -> String {
    let end = line_end(file, file.line(change.span.start));
    if end == "\n" || !change.text.contains('\n') {
        return change.text.clone();
    }
    change.text.replace("\r\n", "\n").replace('\n', end)
}

/// What ends line `line`, or the one before where the file ends first.
fn line_end(file: &SourceFile, line: u32) -> &'static str {
    let behind = |line: u32| &file.text[file.line_span(line).end as usize..];
    let here = Some(behind(line)).filter(|text| !text.is_empty()).unwrap_or(behind(line.max(2) - 1));
    match here {
        _ if here.starts_with("\r\n") => "\r\n",
        _ if here.starts_with('\r') => "\r",
        _ => "\n",
    }
}

#[cfg(test)]
mod tests {
    use super::apply;
    use crate::finding::Change;
    use crate::text::{FileKind, SourceFile, Span};

    fn applied(text: &str, changes: &[(u32, u32, &str)]) -> String {
        let file = SourceFile::new("a.py", FileKind::Module, false, text.to_owned());
        let change = |&(start, end, text): &(u32, u32, &str)| Change {
            span: Span::new(start, end),
            text: text.to_owned(),
        };
        apply(&file, &changes.iter().map(change).collect::<Vec<_>>())
    }

    #[test]
    fn changes_are_carried_out_in_their_places() {
        assert_eq!(applied("a b c", &[(0, 1, "x"), (2, 2, "y "), (4, 5, "")]), "x y b ");
        assert_eq!(applied("", &[(0, 0, "x\n")]), "x\n");
    }

    #[test]
    fn line_ends_are_those_of_the_place() {
        assert_eq!(applied("a\r\nb\r\n", &[(3, 4, "x\n    y")]), "a\r\nx\r\n    y\r\n");
        assert_eq!(applied("a\r\nb", &[(3, 4, "x\ny\r\nz")]), "a\r\nx\r\ny\r\nz");
        assert_eq!(applied("a\rb\r", &[(2, 3, "x\ny")]), "a\rx\ry\r");
        assert_eq!(applied("a\nb\r\n", &[(0, 1, "x\ny")]), "x\ny\nb\r\n");
    }
}
