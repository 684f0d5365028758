//! Where a span is, as readers are told.

use crate::report::Report;
use crate::text::{CellLine, FileId, FileKind, Position, SourceFile, Span};

/// A span with its file.
///
/// Positions are those of the decoded text. In a notebook that is not what lies on disk: a line of code is a
/// JSON string there, so lines are translated and columns have no meaning.
pub(super) struct Place<'a> {
    pub(super) file: &'a SourceFile,
    pub(super) start: Position,
    pub(super) end: Position,
}

impl<'a> Place<'a> {
    /// The place of `span`, of at least one character where the line has one.
    pub(super) fn of(report: &Report<'a>, file: FileId, span: Span) -> Self {
        let span = if span.start == span.end { widened(&report.files[file], span) } else { span };
        Self::exactly(report, file, span)
    }

    /// The place of `span` as it is.
    pub(super) fn exactly(report: &Report<'a>, file: FileId, span: Span) -> Self {
        let file = &report.files[file];
        Self { file, start: file.position(span.start), end: file.position(span.end) }
    }

    pub(super) fn path(&self) -> &'a str {
        &self.file.path
    }

    /// Whether lines and columns of the decoded text are those on disk.
    pub(super) fn has_columns(&self) -> bool {
        self.file.kind != FileKind::Notebook
    }

    /// First line on disk, from 1.
    pub(super) fn line(&self) -> u32 {
        self.on_disk(self.start.line)
    }

    /// Last line on disk, from 1.
    pub(super) fn end_line(&self) -> u32 {
        self.on_disk(self.end.line)
    }

    /// The cell of a notebook, and the line in it.
    pub(super) fn cell(&self) -> Option<CellLine> {
        self.file.cell_line(self.start.line)
    }

    /// `path:line`, and for a notebook the cell as well.
    pub(super) fn words(&self, path: &str) -> String {
        let cell = self.cell().map(|at| format!(" (cell {}, line {})", at.cell, at.line));
        format!("{path}:{}{}", self.line(), cell.unwrap_or_default())
    }

    fn on_disk(&self, line: u32) -> u32 {
        self.file.cell_line(line).map_or(line, |at| at.raw_line)
    }
}

/// An empty span shows nothing: the character behind it is taken in, unless the line ends there.
fn widened(file: &SourceFile, span: Span) -> Span {
    let behind = file.text.get(span.start as usize..).and_then(|text| text.chars().next());
    let width = behind.filter(|c| !matches!(c, '\n' | '\r')).map_or(0, char::len_utf8);
    Span::new(span.start, span.start + u32::try_from(width).expect("a character is four bytes at most"))
}
