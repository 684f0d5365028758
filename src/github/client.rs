//! The client: one request function that waits, repeats what may be repeated, and says in the end why not.
//!
//! Requests go one after another. What only reads is repeated; a write is repeated where GitHub refused it for its
//! rate limit or was never reached. Where the answer to a write is unclear the caller's check decides, since a post
//! that was answered by an error may have succeeded. Nothing here knows what the requests are about.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use http::Method;
use octocrab::secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::github::failure::Failure;
use crate::github::transport::{Answer, Transport};
use crate::github::wait::{self, Clock, Pace};

/// Most tries of one request.
const MAX_TRIES: u32 = 5;
/// Most addresses that one request is led on to.
const MAX_MOVES: usize = 3;
/// Most entries of a page of a list.
const PER_PAGE: usize = 100;

/// A token, which no log, error or debug output shows.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// `text` as a token; `None` if it is empty.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(SecretString::from(text)))
    }

    pub(super) fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Where requests go, and how long they may take.
#[derive(Clone, Debug)]
pub struct Options {
    /// `GITHUB_API_URL`.
    pub api_url: String,
    /// `HTTPS_PROXY`; empty for none. It may hold a password.
    pub proxy: Secret,
    /// `NO_PROXY`: hosts that are reached without it.
    pub no_proxy: String,
    /// Time for all requests and for waiting between them. A rate limit's reset may lie within, an hour's wait does not.
    pub budget: Duration,
    /// Time for one request.
    pub request_time: Duration,
}

/// Text that debug output does not show.
#[derive(Clone, Default)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Options {
    /// What the environment says.
    #[must_use]
    pub fn of(variables: &BTreeMap<String, String>) -> Self {
        let first = |names: &[&str]| {
            let mut values = names.iter().filter_map(|name| variables.get(*name));
            values.find(|value| !value.is_empty()).cloned().unwrap_or_default()
        };
        let api_url = first(&["GITHUB_API_URL"]);
        Self {
            api_url: if api_url.is_empty() { "https://api.github.com".to_owned() } else { api_url },
            proxy: Secret(first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])),
            no_proxy: first(&["no_proxy", "NO_PROXY"]),
            budget: Duration::from_secs(600),
            request_time: Duration::from_secs(60),
        }
    }
}

/// One request.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Its method.
    pub method: &'a Method,
    /// What follows the address of the interface, beginning with a slash; parts from outside are percent-encoded.
    pub route: &'a str,
    /// Its body, which is JSON.
    pub body: Option<&'a Value>,
    /// What the token must be granted, as `security-events: write`: told when GitHub denies it.
    pub permission: &'static str,
}

/// Looks whether a write took effect: `Some` of what its answer would have been, or `None` if it did not.
pub type Check<'a> = &'a mut dyn FnMut(&mut Client) -> Result<Option<Value>, Failure>;

/// What is done when the answer to a write does not tell whether it took effect.
pub enum Repeat<'a> {
    /// It is sent again: twice is the same as once.
    Freely,
    /// It is sent again if the check says that it did not take effect.
    After(Check<'a>),
    /// It is not sent again.
    Never,
}

/// A client of one host.
pub struct Client {
    transport: Transport,
    pace: Pace,
    request_time: Duration,
}

impl Client {
    /// A client with `token`.
    ///
    /// # Errors
    /// Where the address, the proxy or the certificates of authorities do not allow requests.
    pub fn new(options: &Options, token: &Token, clock: Box<dyn Clock>) -> Result<Self, Failure> {
        let transport = Transport::new(options, token)?;
        let pace = Pace::new(clock, options.budget);
        Ok(Self { transport, pace, request_time: options.request_time })
    }

    /// Time since 1970, by the client's clock.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.pace.now()
    }

    /// Lets `time` pass.
    ///
    /// # Errors
    /// At once if the budget has less left.
    pub fn wait(&mut self, time: Duration) -> Result<(), Failure> {
        if self.pace.wait(time) { Ok(()) } else { Err(Failure::OutOfTime) }
    }

    /// Does `work` with at most `most` of what is left of the budget.
    pub fn within<T>(&mut self, most: Duration, work: impl FnOnce(&mut Self) -> T) -> T {
        let aside = self.pace.put_aside(most);
        let done = work(self);
        self.pace.take_back(aside);
        done
    }

    /// Reads `route`. The answer to an empty body is null.
    ///
    /// # Errors
    /// When GitHub does not answer as wanted, after repeats where they may help.
    pub fn get(&mut self, route: &str, permission: &'static str) -> Result<Value, Failure> {
        self.send(Call { method: &Method::GET, route, body: None, permission }, Repeat::Freely)
    }

    /// Reads `route` once, as the media type `accept`: for what is of use and not needed.
    ///
    /// # Errors
    /// When GitHub does not answer as wanted.
    pub fn get_as(
        &mut self,
        route: &str,
        accept: &'static str,
        permission: &'static str,
    ) -> Result<Value, Failure> {
        let (time, begun) = (self.request_time.min(self.pace.left()), self.pace.now());
        let answer = self.transport.read(route, accept, time);
        self.pace.spend(begun);
        self.read(&answer?, permission)
    }

    /// Reads the list at `route`, page after page until one is not full, at most `max_pages`.
    ///
    /// # Errors
    /// As those of [`Client::get`], and where the answer is no list.
    pub fn list(
        &mut self,
        route: &str,
        permission: &'static str,
        max_pages: usize,
    ) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        let mark = if route.contains('?') { '&' } else { '?' };
        for page in 1..=max_pages {
            let route = format!("{route}{mark}per_page={PER_PAGE}&page={page}");
            let Value::Array(entries) = self.get(&route, permission)? else { return Err(Failure::Garbled) };
            let n = entries.len();
            all.extend(entries);
            if n < PER_PAGE {
                break;
            }
        }
        Ok(all)
    }

    /// Sends `call`, again where that may help and `repeat` allows it. The answer to an empty body is null.
    ///
    /// # Errors
    /// When GitHub does not answer as wanted; the last failure.
    pub fn send(&mut self, call: Call, mut repeat: Repeat) -> Result<Value, Failure> {
        let is_write = *call.method != Method::GET;
        let mut n_tries = 0;
        loop {
            if is_write && !self.pace.wait_to_write() {
                return Err(Failure::OutOfTime);
            }
            let failure = match self.once(call) {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            n_tries += 1;
            let may_repeat = failure.may_pass() && n_tries < MAX_TRIES;
            let pause = match failure {
                Failure::RateLimited { wait } => wait::after_limit(wait, n_tries),
                _ => wait::after_error(n_tries),
            };
            let is_unclear = is_write && failure.is_unclear();
            if is_unclear && matches!(repeat, Repeat::Never) {
                return Err(failure);
            }
            // What took effect is found even when nothing may be repeated any more.
            let waited = (may_repeat || is_unclear) && self.pace.wait(pause);
            if is_unclear && let Repeat::After(check) = &mut repeat {
                match check(self) {
                    Ok(Some(value)) => return Ok(value),
                    Ok(None) => {}
                    Err(_) => return Err(failure),
                }
            }
            if !may_repeat || !waited {
                return Err(failure);
            }
        }
    }

    /// One try, led on where the address has moved on the same host.
    fn once(&mut self, call: Call) -> Result<Value, Failure> {
        let mut location: Option<String> = None;
        for _ in 0..=MAX_MOVES {
            let time = self.request_time.min(self.pace.left());
            if time.is_zero() {
                return Err(Failure::OutOfTime);
            }
            let begun = self.pace.now();
            let answer = match &location {
                None => self.transport.send(call.method, call.route, call.body, time),
                Some(to) => self.transport.follow(call.method, to, call.body, time),
            };
            self.pace.spend(begun);
            let answer = answer?;
            match answer.status {
                301 | 302 | 307 | 308 => {
                    let to = answer.headers.get(http::header::LOCATION).and_then(|to| to.to_str().ok());
                    location = Some(to.ok_or(Failure::Garbled)?.to_owned());
                }
                _ => return self.read(&answer, call.permission),
            }
        }
        Err(Failure::Garbled)
    }

    fn read(&self, answer: &Answer, permission: &'static str) -> Result<Value, Failure> {
        let Answer { status, headers, body } = answer;
        match status {
            200..300 if body.is_empty() => Ok(Value::Null),
            200..300 => serde_json::from_slice(body).map_err(|_| Failure::Garbled),
            _ => Err(Failure::of(*status, headers, body, permission, self.pace.now())),
        }
    }
}

/// `text` as one segment of a route or one value of its query.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Options, Secret, Token, encode};

    #[test]
    fn debug_output_shows_no_secret() {
        let token = Token::new(" ghs_1234 ").unwrap();
        assert_eq!(token.reveal(), "ghs_1234");
        let options = Options {
            proxy: Secret("http://me:pass1234@proxy".to_owned()),
            ..Options::of(&std::collections::BTreeMap::new())
        };
        let shown = format!("{token:?} {options:?}");
        assert!(!shown.contains("1234"), "{shown}");
        assert!(Token::new(" \n").is_none());
    }

    #[test]
    fn parts_of_routes_cannot_leave_their_segment() {
        assert_eq!(encode("a/../b?c=d&e#f %"), "a%2F..%2Fb%3Fc%3Dd%26e%23f%20%25");
    }
}
