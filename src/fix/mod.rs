//! Edits as they are carried out: proven, applied to a file's text, shown as lines and as a diff.
//!
//! In: files, findings whose edits rules propose. Out: findings whose edits are proven, and texts. It reads and
//! writes no files, and makes no edits of its own: those are the rules'.

mod apply;
mod bound;
mod check;
mod choose;
mod compare;
mod diff;
mod lines;
mod members;
mod names;
mod prove;
mod refusal;
mod rounds;

pub use apply::apply;
pub use diff::unified;
pub use lines::{WholeLines, whole_lines};
pub use prove::Prover;
pub use refusal::{Proofs, Refusal};
pub use rounds::{Applied, Fixed, How, MAX_ROUNDS, Round, Wants, fix, look};
