//! GitHub: a run's surroundings, its interface, and what Snakestone does with both.
//!
//! Environment and files come in, requests go to the one host of `GITHUB_API_URL`, notices come out. Plain functions
//! outside; the only asynchronous code is in [`transport`]. Nothing here prints, and nothing decides an exit code.

pub mod client;
pub mod event;
pub mod failure;
mod transport;
pub mod wait;
