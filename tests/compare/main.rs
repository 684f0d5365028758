//! Comparison with a base: real repositories, made with git, in which a change is judged.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod analysis;
mod files;
mod git;
mod matrix;
mod properties;
mod repo;
#[path = "../common/run.rs"]
mod run;
#[path = "../common/tree.rs"]
mod tree;
mod tracked;
