//! Edits as they are carried out: applied to a file's text, proven, shown as lines.
//!
//! In: files, findings whose edits rules propose. Out: findings whose edits are proven, and texts. It reads and
//! writes no files.

mod apply;
mod compare;
mod lines;
mod names;
mod prove;

pub use apply::apply;
pub use lines::{WholeLines, whole_lines};
pub use prove::{Proofs, Prover, Refusal};
