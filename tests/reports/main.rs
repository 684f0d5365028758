//! The reports of a scan made by hand, as snapshots, and their promises, one by one.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod fixture;
mod hostile;
mod notebook;
mod pages;
mod plain;
mod sarif;
mod terminal;
