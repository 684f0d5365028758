//! Source text: decoding, notebooks, spans, and the file that holds them.

mod decode;
mod notebook;
mod source;
mod span;

pub use decode::{Decoded, decode};
pub use notebook::{CellLine, Notebook, NotebookError, notebook};
pub use source::{FileId, FileKind, Position, SourceFile};
pub use span::Span;
