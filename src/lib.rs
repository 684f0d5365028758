//! Snakestone finds security defects in Python code and says with each what to do.
//!
//! Modules in reading order; each imports only modules above it (`tests/layers.rs` holds that).

pub mod base;
pub mod text;
pub mod templates;
pub mod finding;
pub mod config;
pub mod discover;
pub mod python;
pub mod outline;
pub mod ir;
pub mod flow;
pub mod program;
pub mod models;
pub mod taint;
pub mod rules;
pub mod scan;
pub mod fix;
pub mod report;
pub mod github;
pub mod cli;
