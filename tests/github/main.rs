//! The module `github` against a fake of GitHub in this process: no network, no sleeping.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod action;
mod action_review;
mod checks;
mod client;
mod command;
mod degrading;
mod event;
mod fake;
mod faults;
mod fit;
mod hostile;
mod hostile_pull;
mod network;
mod project;
mod review;
mod review_command;
mod review_faults;
mod rows;
mod sarif_property;
mod sequences;
mod subject;
mod suggestions;
mod upload;
