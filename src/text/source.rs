//! One file of the scanned tree, decoded.

use crate::define_id;
use crate::text::{CellLine, Notebook, Span};

define_id!(/// A file of one scan, numbered in path order.
    FileId);

/// What a file is, which decides how it is parsed and whether it is reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileKind {
    /// A `.py` file, or a Python script without suffix.
    Module,
    /// A `.pyi` stub: read for names, never reported.
    Stub,
    /// A `.ipynb` notebook: its code cells, joined by line feeds.
    Notebook,
    /// A template that programs fill in: no Python, read for what it prints.
    Template,
}

/// A place as people count: lines and columns from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in UTF-16 code units, from 1, as SARIF and editors count.
    pub utf16: u32,
    /// Column in characters, from 1, as people count.
    pub column: u32,
}

/// A decoded source file. Spans everywhere are byte offsets into [`SourceFile::text`].
#[derive(Clone)]
pub struct SourceFile {
    /// Path relative to the root of the scan, `/`-separated.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Whether it is test code (`tests/`, `test_*.py`, `conftest.py`).
    pub is_test: bool,
    /// Whether it is part of an installable package, so that others can import it; set where that counts.
    pub is_exported: bool,
    /// Dotted name of the package that the root of the scan lies in; empty where it is in none.
    pub package: String,
    /// The decoded text, byte order mark removed.
    pub text: String,
    line_starts: Vec<u32>,
    cells: Vec<Span>,
    cell_lines: Vec<CellLine>,
}

impl SourceFile {
    /// A file with `text`; lines end at LF, CR or CRLF.
    #[must_use]
    pub fn new(path: impl Into<String>, kind: FileKind, is_test: bool, text: String) -> Self {
        let bytes = text.as_bytes();
        // Counting first is cheaper than growing.
        let mut line_starts = Vec::with_capacity(memchr::memchr_iter(b'\n', bytes).count() + 1);
        line_starts.push(0);
        for i in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            if bytes[i] == b'\n' || bytes.get(i + 1) != Some(&b'\n') {
                line_starts.push(u32::try_from(i + 1).expect("a source file is under 4 GiB"));
            }
        }
        Self {
            path: path.into(),
            kind,
            is_test,
            is_exported: false,
            package: String::new(),
            text,
            line_starts,
            cells: Vec::new(),
            cell_lines: Vec::new(),
        }
    }

    /// A notebook's file.
    #[must_use]
    pub fn of_notebook(path: impl Into<String>, is_test: bool, notebook: Notebook) -> Self {
        let mut file = Self::new(path, FileKind::Notebook, is_test, notebook.text);
        (file.cells, file.cell_lines) = (notebook.cells, notebook.lines);
        file
    }

    /// The extents of a notebook's code cells; empty for other files.
    #[must_use]
    pub fn cells(&self) -> &[Span] {
        &self.cells
    }

    /// Cell, line in it, and line of the `.ipynb` file that hold `line` (from 1) of a notebook's text.
    #[must_use]
    pub fn cell_line(&self, line: u32) -> Option<CellLine> {
        self.cell_lines.get(line.max(1) as usize - 1).copied()
    }

    /// The text under `span`.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        &self.text[span.range()]
    }

    /// Line number of `offset`, from 1.
    #[must_use]
    pub fn line(&self, offset: u32) -> u32 {
        let before = self.line_starts.partition_point(|&start| start <= offset);
        u32::try_from(before).expect("line count fits")
    }

    /// Number of lines; a final line feed begins one more, empty line.
    #[must_use]
    pub fn n_lines(&self) -> u32 {
        u32::try_from(self.line_starts.len()).expect("line count fits")
    }

    /// The span of line `line` (from 1) without its line end; empty beyond the last line.
    #[must_use]
    pub fn line_span(&self, line: u32) -> Span {
        let all = u32::try_from(self.text.len()).expect("a source file is under 4 GiB");
        let Some(&start) = self.line_starts.get(line.max(1) as usize - 1) else { return Span::empty(all) };
        let end = self.line_starts.get(line.max(1) as usize).copied().unwrap_or(all);
        let text = self.text[start as usize..end as usize].trim_end_matches(['\n', '\r']);
        Span::new(start, start + u32::try_from(text.len()).expect("fits"))
    }

    /// Line and columns of `offset`.
    #[must_use]
    pub fn position(&self, offset: u32) -> Position {
        let line = self.line(offset);
        let start = self.line_starts[line as usize - 1] as usize;
        let mut end = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[start..end];
        let count = |n: usize| u32::try_from(n + 1).expect("a line is under 4 GiB");
        Position { line, utf16: count(before.encode_utf16().count()), column: count(before.chars().count()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{FileKind, SourceFile};

    fn file(text: &str) -> SourceFile {
        SourceFile::new("a.py", FileKind::Module, false, text.to_owned())
    }

    #[test]
    fn lines_end_at_lf_cr_and_crlf() {
        let f = file("a\r\nb\rc\nd");
        assert_eq!(f.n_lines(), 4);
        assert_eq!((1..=5).map(|n| f.slice(f.line_span(n))).collect::<Vec<_>>(), ["a", "b", "c", "d", ""]);
    }

    #[test]
    fn columns_count_characters_and_utf16_units() {
        let f = file("x = '\u{1f40d}' + y\n");
        let at = f.position(u32::try_from(f.text.find('y').unwrap()).unwrap());
        assert_eq!((at.line, at.utf16, at.column), (1, 12, 11));
    }
}
