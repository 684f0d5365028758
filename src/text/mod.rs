//! Source text: decoding and encoding, notebooks, spans, and the file that holds them.

mod decode;
mod encode;
mod notebook;
mod source;
mod span;

pub use decode::{Decoded, decode};
pub use encode::{EncodeError, encode};
pub use notebook::{CellLine, Notebook, NotebookError, notebook};
pub use source::{FileId, FileKind, Position, SourceFile};
pub use span::Span;
