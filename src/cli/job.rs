//! A job of GitHub Actions, as the steps of the action see it: what it is about, read once, and one client, so that
//! all waiting is counted together.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::Surroundings;
use crate::git;
use crate::github::client::{Client, Options, Token};
use crate::github::event::{Analyzed, Event, EventError};
use crate::github::failure::Failure;

/// A job.
pub(super) struct Job<'a> {
    pub(super) surroundings: &'a Surroundings<'a>,
    /// The workspace.
    pub(super) root: PathBuf,
    /// The event; none outside of GitHub Actions.
    pub(super) event: Result<Option<Event>, EventError>,
    /// The commit that is checked out, if that can be told.
    checked_out: Option<String>,
    pub(super) requests: Requests<'a>,
    /// When it began, since 1970.
    pub(super) began: Duration,
}

/// What is asked of GitHub.
pub(super) struct Requests<'a> {
    surroundings: &'a Surroundings<'a>,
    token: Option<Token>,
    client: Option<Client>,
}

impl<'a> Job<'a> {
    /// The job that `surroundings` tell of, with the action's `token`.
    pub(super) fn new(surroundings: &'a Surroundings<'a>, token: Option<Token>) -> Self {
        let root = surroundings.folder.canonicalize().unwrap_or(surroundings.folder.to_owned());
        Self {
            surroundings,
            event: Event::read(surroundings.variables),
            checked_out: git::head(&root),
            root,
            requests: Requests { surroundings, token, client: None },
            began: (surroundings.clock)().now(),
        }
    }

    /// What its scan analyzes.
    pub(super) fn analyzed(&self) -> Analyzed<'_> {
        Analyzed::Checkout(self.checked_out.as_deref())
    }
}

impl Requests<'_> {
    /// The client, which is made when it is first asked for.
    ///
    /// # Errors
    /// Where there is no token, or the surroundings do not allow requests.
    pub(super) fn client(&mut self) -> Result<&mut Client, Failure> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.make()?,
        };
        Ok(self.client.insert(client))
    }

    fn make(&self) -> Result<Client, Failure> {
        let none = || Failure::Setup {
            said:
                "there is no token; leave the input `token` as it is, or set `upload` and `review` to `never`"
                    .to_owned(),
        };
        let token = self.token.as_ref().ok_or_else(none)?;
        let mut options = Options::of(self.surroundings.variables);
        options.request_time = self.surroundings.request_time.unwrap_or(options.request_time);
        Client::new(&options, token, (self.surroundings.clock)())
    }
}
