//! An edit as a replacement of whole lines, as suggestions on pull requests are made.

use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::finding::Edit;
use crate::fix::apply;
use crate::text::{FileKind, SourceFile};

/// Most unchanged lines between changed ones that are taken along; what is farther apart is several places.
const MAX_GAP: usize = 3;

/// The replacement of consecutive whole lines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WholeLines {
    /// First line that is replaced, from 1.
    pub first: u32,
    /// Last line that is replaced.
    pub last: u32,
    /// What stands there afterwards: lines that `\n` parts, without the last line end.
    pub text: String,
    /// Whether the lines are deleted; an empty `text` is an empty line otherwise.
    pub deletes: bool,
}

/// The smallest replacement of whole lines that does what `edit` does.
///
/// `None` where it changes nothing, or several places far apart (as an import at the top of the file), and for
/// notebooks, whose lines are no lines of the file on disk.
#[must_use]
pub fn whole_lines(file: &SourceFile, edit: &Edit) -> Option<WholeLines> {
    if file.kind == FileKind::Notebook {
        return None;
    }
    let (start, end) = (edit.changes.first()?.span.start, edit.changes.last()?.span.end);
    // What is inserted replaces nothing: a line beside it is taken along.
    let first = file.line(start).max(2) - 1;
    let last_line = if file.text.ends_with(['\n', '\r']) { file.n_lines() - 1 } else { file.n_lines() };
    let region = (file.line_span(first).start as usize, file.text.len() - after(file, file.line(end)));
    let edited = apply(file, &edit.changes);
    let behind = file.text.len() - region.1;
    let old = lines(&file.text[region.0..region.1]);
    let new = lines(&edited[region.0..edited.len() - behind]);
    let ops = capture_diff_slices(Algorithm::Myers, &old, &new);
    let changed: Vec<_> = ops.iter().filter(|op| op.tag() != DiffTag::Equal).collect();
    if changed.windows(2).any(|pair| pair[1].old_range().start - pair[0].old_range().end > MAX_GAP) {
        return None;
    }
    let (head, tail) = (changed.first()?, changed.last()?);
    let (mut from, mut to) = (head.old_range().start, tail.old_range().end);
    let (mut new_from, mut new_to) = (head.new_range().start, tail.new_range().end);
    if from == to {
        let is_followed = first as usize + to <= last_line as usize && to < old.len();
        if is_followed {
            (to, new_to) = (to + 1, new_to + 1);
        } else {
            (from, new_from) = (from.checked_sub(1)?, new_from.checked_sub(1)?);
        }
    }
    let number = |index: usize| first + u32::try_from(index).expect("a line number fits");
    let text = new.get(new_from..new_to)?.join("\n");
    Some(WholeLines { first: number(from), last: number(to) - 1, text, deletes: new_from == new_to })
}

/// How many bytes stand behind line `line` and its line end.
fn after(file: &SourceFile, line: u32) -> usize {
    if line >= file.n_lines() { 0 } else { file.text.len() - file.line_span(line + 1).start as usize }
}

/// The lines of `text` without their ends; what follows the last line end is a line only where there is something.
fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        lines.push(&rest[..end]);
        let behind = &rest[end..];
        rest = behind.strip_prefix("\r\n").or(behind.get(1..)).unwrap_or_default();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{WholeLines, whole_lines};
    use crate::finding::{Change, Edit, Safety};
    use crate::text::{FileKind, Notebook, SourceFile, Span};

    fn edit(changes: &[(u32, u32, &str)]) -> Edit {
        let change = |&(start, end, text): &(u32, u32, &str)| Change {
            span: Span::new(start, end),
            text: text.to_owned(),
        };
        let changes = changes.iter().map(change).collect();
        Edit { safety: Safety::Safe, title: String::new(), changes }
    }

    fn shown(text: &str, changes: &[(u32, u32, &str)]) -> Option<(u32, u32, String, bool)> {
        let file = SourceFile::new("a.py", FileKind::Module, false, text.to_owned());
        let WholeLines { first, last, text, deletes } = whole_lines(&file, &edit(changes))?;
        Some((first, last, text, deletes))
    }

    fn is(first: u32, last: u32, text: &str) -> Option<(u32, u32, String, bool)> {
        Some((first, last, text.to_owned(), false))
    }

    #[test]
    fn the_lines_that_change_and_no_others_are_replaced() {
        let text = "a = 1\nf(a)\nb\nc\n";
        assert_eq!(shown(text, &[(9, 9, ", 2")]), is(2, 2, "f(a, 2)"));
        // A change may span lines of which it keeps some.
        assert_eq!(shown(text, &[(0, 12, "a = 1\ng(a)\nb")]), is(2, 2, "g(a)"));
        assert_eq!(shown(text, &[(6, 7, "g"), (13, 14, "x")]), is(2, 4, "g(a)\nb\nx"));
        assert_eq!(shown("x\r\ny\r\n", &[(3, 4, "z\nw")]), is(2, 2, "z\nw"));
        assert_eq!(shown("x\ny", &[(2, 3, "z")]), is(2, 2, "z"));
        assert_eq!(shown(text, &[(0, 1, "a")]), None);
    }

    #[test]
    fn what_is_inserted_takes_a_line_along() {
        assert_eq!(shown("a\nb\n", &[(0, 0, "import x\n")]), is(1, 1, "import x\na"));
        assert_eq!(shown("a\nb\n", &[(2, 2, "x\n")]), is(2, 2, "x\nb"));
        assert_eq!(shown("a\nb\n", &[(4, 4, "x\n")]), is(2, 2, "b\nx"));
        assert_eq!(shown("a\nb", &[(3, 3, "\nx")]), is(2, 2, "b\nx"));
        assert_eq!(shown("a\nb\n", &[(3, 3, "\n\n")]), is(2, 2, "b\n\n"));
    }

    #[test]
    fn lines_can_go() {
        assert_eq!(shown("a\nb\nc\n", &[(2, 4, "")]), Some((2, 2, String::new(), true)));
        assert_eq!(shown("a\nb\nc\n", &[(2, 3, "")]), is(2, 2, ""));
        assert_eq!(shown("a\nb\n", &[(1, 3, "")]), Some((2, 2, String::new(), true)));
    }

    #[test]
    fn places_far_apart_are_no_lines() {
        let far = "a\n1\n2\n3\n4\nb\n";
        assert_eq!(shown(far, &[(0, 1, "x"), (10, 11, "y")]), None);
        assert_eq!(shown(far, &[(0, 1, "x"), (8, 9, "y")]), is(1, 5, "x\n1\n2\n3\ny"));
    }

    #[test]
    fn a_notebook_has_no_lines_of_its_own() {
        let notebook = Notebook { text: "a\n".to_owned(), ..Notebook::default() };
        let file = SourceFile::of_notebook("a.ipynb", false, notebook);
        assert_eq!(whole_lines(&file, &edit(&[(0, 1, "b")])), None);
    }
}
