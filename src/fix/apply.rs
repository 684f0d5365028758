//! Changes go in, the text with them comes out.
//!
//! Rules write line feeds; the text gets the line ends of the place. Whether the outcome is any good is not asked here.

use crate::finding::Change;
use crate::text::{FileKind, Notebook, SourceFile, Span};

/// The text of `file` with `changes`, which are sorted and free of overlap.
#[must_use]
pub fn apply(file: &SourceFile, changes: &[Change]) -> String {
    edit(file, changes).file.text
}

/// A file with changes, and the way back to what it was.
pub(super) struct Edited<'f> {
    pub(super) file: SourceFile,
    /// The file before.
    pub(super) old: &'f SourceFile,
    /// What was put in, with what it replaced, in order.
    pub(super) places: Vec<(Span, Span)>,
}

/// `file` with `changes`, which are sorted and free of overlap.
pub(super) fn edit<'f>(file: &'f SourceFile, changes: &[Change]) -> Edited<'f> {
    let longer = changes.iter().map(|change| change.text.len()).sum::<usize>();
    let mut text = String::with_capacity(file.text.len() + longer);
    let mut places = Vec::new();
    let mut done = 0;
    for change in changes {
        let range = change.span.range();
        text.push_str(&file.text[done..range.start]);
        let start = offset(text.len());
        text.push_str(&with_line_ends(file, change));
        places.push((Span::new(start, offset(text.len())), change.span));
        done = range.end;
    }
    text.push_str(&file.text[done..]);
    let empty = SourceFile::new("", file.kind, file.is_test, String::new());
    let mut edited = Edited { file: empty, old: file, places };
    edited.file = match file.kind {
        FileKind::Notebook => {
            let cells = file.cells().iter().map(|cell| edited.forward(*cell)).collect();
            SourceFile::of_notebook(&*file.path, file.is_test, Notebook { text, cells, lines: Vec::new() })
        }
        FileKind::Module | FileKind::Stub | FileKind::Template => {
            SourceFile::new(&*file.path, file.kind, file.is_test, text)
        }
    };
    edited.file.is_exported = file.is_exported;
    edited.file.package.clone_from(&file.package);
    edited
}

fn offset(n: usize) -> u32 {
    u32::try_from(n).expect("a source file is under 4 GiB")
}

impl Edited<'_> {
    /// Where a span of the file before is now; what was put in at its ends belongs to it.
    fn forward(&self, span: Span) -> Span {
        let shift = |at: u32, takes: bool| {
            let before = |(_, old): &&(Span, Span)| old.end < at || old.end == at && takes;
            self.places.iter().rev().find(before).map_or(at, |(new, old)| at - old.end + new.end)
        };
        Span::new(shift(span.start, false), shift(span.end, true))
    }

    /// Where a span was before; `None` where an end of it lies in what was put in.
    pub(super) fn back(&self, span: Span) -> Option<Span> {
        let starts_new = self.at(span.start).is_some_and(|(new, _)| new.start <= span.start);
        let ends_new = self.at(span.end.max(1) - 1).is_some_and(|(new, _)| new.start < span.end);
        let shift = |at: u32| {
            let n_before = self.places.partition_point(|(new, _)| new.end <= at);
            let before = n_before.checked_sub(1).map(|index| self.places[index]);
            before.map_or(at, |(new, old)| at - new.end + old.end)
        };
        let is_old = !starts_new && !ends_new;
        is_old.then(|| Span { start: shift(span.start), end: shift(span.end) })
    }

    /// Whether a span touches what was put in.
    pub(super) fn is_new(&self, span: Span) -> bool {
        self.at(span.start).is_some_and(|(new, _)| new.start < span.end)
    }

    /// What was put in around or behind an offset, with what it replaced.
    pub(super) fn at(&self, offset: u32) -> Option<(Span, Span)> {
        self.places.get(self.places.partition_point(|(new, _)| new.end <= offset)).copied()
    }
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
    use super::{apply, edit};
    use crate::finding::Change;
    use crate::text::{FileKind, Notebook, SourceFile, Span};

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
    fn places_lead_back() {
        let file = SourceFile::new("a.py", FileKind::Module, false, "ab cd ef".to_owned());
        let change = |start, end, text: &str| Change { span: Span::new(start, end), text: text.to_owned() };
        let edited = edit(&file, &[change(0, 0, "xx "), change(3, 5, "y"), change(6, 6, "")]);
        assert_eq!(edited.file.text, "xx ab y ef");
        let back = |start, end| edited.back(Span::new(start, end));
        assert_eq!((back(3, 5), back(8, 10)), (Some(Span::new(0, 2)), Some(Span::new(6, 8))));
        assert_eq!((back(6, 7), back(0, 5)), (None, None));
        assert_eq!(back(3, 10), Some(Span::new(0, 8)));
        assert!(edited.is_new(Span::new(5, 8)) && !edited.is_new(Span::new(3, 6)));
    }

    #[test]
    fn cells_of_a_notebook_move_along() {
        let cells = vec![Span::new(0, 1), Span::new(2, 3)];
        let notebook = Notebook { text: "a\nb\n".to_owned(), cells, lines: Vec::new() };
        let file = SourceFile::of_notebook("a.ipynb", false, notebook);
        let change = |at, text: &str| Change { span: Span::empty(at), text: text.to_owned() };
        let edited = edit(&file, &[change(0, "x\n"), change(1, "1"), change(2, "y")]).file;
        assert_eq!(
            edited.cells().iter().map(|cell| edited.slice(*cell)).collect::<Vec<_>>(),
            ["x\na1", "yb"]
        );
    }

    #[test]
    fn line_ends_are_those_of_the_place() {
        assert_eq!(applied("a\r\nb\r\n", &[(3, 4, "x\n    y")]), "a\r\nx\r\n    y\r\n");
        assert_eq!(applied("a\r\nb", &[(3, 4, "x\ny\r\nz")]), "a\r\nx\r\ny\r\nz");
        assert_eq!(applied("a\rb\r", &[(2, 3, "x\ny")]), "a\rx\ry\r");
        assert_eq!(applied("a\nb\r\n", &[(0, 1, "x\ny")]), "x\ny\nb\r\n");
    }
}
