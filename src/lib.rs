//! Snakestone finds security defects in Python code and says with each what to do.
//!
//! Modules in reading order; each imports only modules above it (`tests/layers.rs` holds that).

pub mod base;
pub mod cli;
pub mod config;
pub mod discover;
pub mod finding;
pub mod flow;
pub mod ir;
pub mod outline;
pub mod program;
pub mod python;
pub mod report;
pub mod rules;
pub mod scan;
pub mod text;
