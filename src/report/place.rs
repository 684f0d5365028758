//! Where a span is, as readers are told.

use crate::report::Report;
use crate::text::{FileId, FileKind, Position, SourceFile, Span};

/// A span with its file, in lines and columns of the file on disk.
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

    /// Whether columns of the decoded text are columns on disk: in a notebook, lines are JSON strings.
    pub(super) fn has_columns(&self) -> bool {
        self.file.kind != FileKind::Notebook
    }
}

/// An empty span shows nothing: the character behind it is taken in, unless the line ends there.
fn widened(file: &SourceFile, span: Span) -> Span {
    let behind = file.text.get(span.start as usize..).and_then(|text| text.chars().next());
    let width = behind.filter(|c| !matches!(c, '\n' | '\r')).map_or(0, char::len_utf8);
    Span::new(span.start, span.start + u32::try_from(width).expect("a character is four bytes at most"))
}
