//! Source text: spans in it, and the file that holds it.

mod source;
mod span;

pub use source::{FileId, FileKind, Position, SourceFile};
pub use span::Span;
