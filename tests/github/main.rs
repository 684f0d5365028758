//! The module `github` against a fake of GitHub in this process: no network, no sleeping.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod client;
mod event;
mod fake;
