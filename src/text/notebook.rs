//! Jupyter notebooks: the code cells as one text, and the way back to cells and to lines of the `.ipynb` file.
//!
//! Source: nbformat 4, "The Jupyter Notebook format".

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::text::Span;

/// Where a line of the joined text comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CellLine {
    /// Number of the cell in the notebook, from 1, cells of all kinds counted.
    pub cell: u32,
    /// Line in the cell, from 1.
    pub line: u32,
    /// Line of the `.ipynb` file that holds it, from 1.
    pub raw_line: u32,
}

/// The code of a notebook.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Notebook {
    /// Cell sources, each followed by one line feed.
    pub text: String,
    /// The extent of each code cell in `text`, its line feed excluded.
    pub cells: Vec<Span>,
    /// Origin of each line of `text`.
    pub lines: Vec<CellLine>,
}

/// Why a notebook holds nothing to scan.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotebookError {
    /// It is no notebook.
    #[error("not a notebook: {0}")]
    Malformed(String),
    /// Its kernel runs another language.
    #[error("a notebook in {0}")]
    OtherLanguage(String),
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    cells: Vec<Cell<'a>>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Cell<'a> {
    cell_type: String,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default)]
    language_info: Option<Named>,
    #[serde(default)]
    kernelspec: Option<Kernel>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Kernel {
    #[serde(default)]
    language: Option<String>,
}

/// Reads a notebook.
///
/// # Errors
/// When it is no JSON of a notebook's form, or its kernel is not Python.
pub fn notebook(json: &str) -> Result<Notebook, NotebookError> {
    let raw: Raw<'_> =
        serde_json::from_str(json).map_err(|error| NotebookError::Malformed(error.to_string()))?;
    let language = raw.metadata.language_info.map(|info| info.name);
    let language = language.or(raw.metadata.kernelspec.and_then(|kernel| kernel.language));
    if let Some(language) = language.filter(|name| !name.to_ascii_lowercase().contains("python")) {
        return Err(NotebookError::OtherLanguage(language));
    }
    let mut notebook = Notebook::default();
    for (number, cell) in (1u32..).zip(&raw.cells) {
        if let (true, Some(source)) = (cell.cell_type == "code", cell.source) {
            notebook.add(json, number, source)?;
        }
    }
    Ok(notebook)
}

impl Notebook {
    fn add(&mut self, json: &str, cell: u32, source: &RawValue) -> Result<(), NotebookError> {
        let malformed = |error: serde_json::Error| NotebookError::Malformed(error.to_string());
        let start = self.text.len();
        let mut raw_lines = Vec::new();
        let pieces: Vec<&RawValue> = if source.get().starts_with('[') {
            serde_json::from_str(source.get()).map_err(malformed)?
        } else {
            vec![source]
        };
        for piece in pieces {
            // The raw value borrows from the file, so its place there tells the line.
            let offset = piece.get().as_ptr() as usize - json.as_ptr() as usize;
            let raw_line = 1 + memchr::memchr_iter(b'\n', &json.as_bytes()[..offset]).count();
            let text: String = serde_json::from_str(piece.get()).map_err(malformed)?;
            if raw_lines.is_empty() || self.text.ends_with('\n') {
                raw_lines.push(raw_line);
            }
            self.text.push_str(&text);
            let within = text.trim_end_matches('\n').matches('\n').count();
            raw_lines.extend(std::iter::repeat_n(raw_line, within));
        }
        let end = self.text.len();
        self.cells.push(Span::new(offset(start), offset(end)));
        self.text.push('\n');
        let n_lines = self.text[start..].matches('\n').count();
        let last = raw_lines.last().copied().unwrap_or(1);
        raw_lines.resize(n_lines, last);
        for (line, raw_line) in (1u32..).zip(raw_lines) {
            self.lines.push(CellLine { cell, line, raw_line: offset(raw_line) });
        }
        Ok(())
    }
}

fn offset(n: usize) -> u32 {
    u32::try_from(n).expect("a notebook is under 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::{CellLine, NotebookError, notebook};

    const PRETTY: &str = r##"{
 "cells": [
  {
   "cell_type": "markdown",
   "source": ["# Title"]
  },
  {
   "cell_type": "code",
   "source": [
    "import os\n",
    "%time x = 1"
   ]
  },
  {
   "cell_type": "code",
   "source": "y = 2\nz = 3\n"
  }
 ],
 "metadata": {"language_info": {"name": "python"}}
}"##;

    #[test]
    fn lines_lead_back_to_cells_and_to_the_file() {
        let read = notebook(PRETTY).unwrap();
        assert_eq!(read.text, "import os\n%time x = 1\ny = 2\nz = 3\n\n");
        let at = |n: usize| read.lines[n];
        assert_eq!(at(0), CellLine { cell: 2, line: 1, raw_line: 10 });
        assert_eq!(at(1), CellLine { cell: 2, line: 2, raw_line: 11 });
        assert_eq!(at(2), CellLine { cell: 3, line: 1, raw_line: 16 });
        assert_eq!(at(3), CellLine { cell: 3, line: 2, raw_line: 16 });
        assert_eq!(read.cells.len(), 2);
    }

    #[test]
    fn minified_notebooks_are_on_one_line() {
        let json = r#"{"cells":[{"cell_type":"code","source":["a = 1\n","b = 2"]}],"metadata":{}}"#;
        let read = notebook(json).unwrap();
        assert_eq!(read.text, "a = 1\nb = 2\n");
        assert!(read.lines.iter().all(|line| line.raw_line == 1));
    }

    #[test]
    fn other_kernels_and_other_files_are_refused() {
        let julia = r#"{"cells":[],"metadata":{"language_info":{"name":"julia"}}}"#;
        assert_eq!(notebook(julia), Err(NotebookError::OtherLanguage("julia".to_owned())));
        assert!(matches!(notebook("{"), Err(NotebookError::Malformed(_))));
    }
}
