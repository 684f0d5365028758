//! The front end and the graph: code as the printed instructions it becomes, and the graph against its definitions.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod flow;
mod inlining;
mod lowering;
mod topics;
