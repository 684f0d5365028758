//! Edits: proven before they are offered, applied by `snakestone fix`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod command;
mod program;
mod proof;
mod property;
#[path = "../common/tree.rs"]
mod tree;
