//! GitHub: a run's surroundings, its interface, and what Snakestone does with both.
//!
//! Environment and files come in, requests go to the one host of `GITHUB_API_URL`, notices come out. Plain functions
//! outside; the only asynchronous code is in [`transport`]. Nothing here prints, and nothing decides an exit code.

pub mod checks;
pub mod client;
pub mod event;
pub mod failure;
pub mod findings;
pub mod fit;
mod patch;
pub mod pull;
pub mod review;
mod suggest;
mod transport;
pub mod upload;
pub mod wait;
