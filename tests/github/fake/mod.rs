//! A GitHub in this process: state and rules as the documentation tells them, faults as a script tells them.
//!
//! Each topic has its file with its part of the state and its routes (`sarifs`, …); [`State::route`] names them all.
//! Time is that of [`FakeClock`]: sleeping moves it, and nothing sleeps.

pub(crate) mod checks;
mod clock;
mod http;
pub(crate) mod pulls;
pub(crate) mod sarifs;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use snakestone::github::client::{Client, Options, Secret, Token};

pub(crate) use clock::FakeClock;
pub(crate) use http::{Reply, Seen, read as read_request};

/// The token that the fake takes.
pub(crate) const TOKEN: &str = "ghs_0123456789abcdefSECRET";

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// An answer instead of doing it: status, headers, message.
    Refuse(u16, Vec<(&'static str, String)>, &'static str),
    /// The connection is closed before anything is done.
    Cut,
    /// It is done, and the connection is closed in the middle of the answer.
    LoseAnswer,
    /// It is done, and the answer says 502.
    DoAndFail,
    /// It is done, and the answer is no JSON.
    DoAndGarble,
    /// No answer until the client goes away.
    Hang,
}

impl Fault {
    /// Only a status.
    pub(crate) fn status(status: u16) -> Self {
        Self::Refuse(status, Vec::new(), "no reason")
    }
}

/// Everything the fake knows.
pub(crate) struct State {
    /// All requests, in order.
    pub(crate) seen: Vec<Seen>,
    /// What went wrong with each of them.
    pub(crate) befallen: Vec<Fault>,
    /// What goes wrong with the next requests; nothing after the last.
    pub(crate) faults: VecDeque<Fault>,
    /// What goes wrong with each request whose method and path begin so, as `POST /repos/o/r/code`; before `faults`.
    pub(crate) always: Vec<(&'static str, Fault)>,
    /// Its time.
    pub(crate) clock: FakeClock,
    /// Uploads of SARIF.
    pub(crate) sarifs: sarifs::Sarifs,
    /// A pull request, its reviews and comments.
    pub(crate) pulls: pulls::Pulls,
    /// Check runs.
    pub(crate) checks: checks::Checks,
}

impl State {
    /// What a request is answered with, if nothing goes wrong.
    fn route(&mut self, seen: &Seen) -> Reply {
        let path: Vec<&str> = seen.path.trim_start_matches('/').split('/').collect();
        match (seen.method.as_str(), &path[..]) {
            ("POST", ["repos", "o", "r", "code-scanning", "sarifs"]) => self.post_sarif(seen),
            ("GET", ["repos", "o", "r", "code-scanning", "sarifs", id]) => self.get_sarif(id),
            ("GET", ["repos", "o", "r", "code-scanning", "analyses"]) => self.list_analyses(seen),
            ("GET", ["repos", "o", "r", "code-scanning", "analyses", id]) => self.get_analysis(id),
            (_, ["repos", "o", "r", "pulls", path @ ..]) => self.pulls_route(seen, path),
            ("POST", ["repos", "o", "r", "check-runs"]) => self.post_check_run(seen),
            ("PATCH", ["repos", "o", "r", "check-runs", number]) => self.patch_check_run(seen, number),
            ("GET", ["repos", "o", "r", "check-runs", number]) => self.get_check_run(number),
            ("GET", ["repos", "o", "r", "commits", _, "check-runs"]) => self.list_check_runs(),
            ("GET", ["user"]) => self.user(),
            ("POST", ["graphql"]) => Reply::json(200, &json!({"data": {"viewer": {"login": pulls::LOGIN}}})),
            ("GET", ["moved"]) => Reply::json(301, &Value::Null).with("location", "/moved-on"),
            ("GET", ["moved-on"]) => Reply::json(200, &json!({"moved": true})),
            ("GET", ["moved-away"]) => {
                Reply::json(301, &Value::Null).with("location", "https://elsewhere.example/x")
            }
            ("GET", ["moved-forever"]) => Reply::json(302, &Value::Null).with("location", "/moved-forever"),
            ("GET", ["numbers"]) => Reply::json(200, &seen.page(250)),
            ("GET", ["zen"]) => Reply::json(200, &json!("keep it simple")),
            ("DELETE", ["things"]) => Reply::empty(204),
            ("POST", ["things"]) => Reply::json(201, &json!({"n": self.count("POST", "/things")})),
            _ => Reply::json(404, &json!({"message": "Not Found"})),
        }
    }

    /// How many requests of this method and path have been seen.
    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        self.seen.iter().filter(|seen| seen.method == method && seen.path == path).count()
    }

    fn answer(&mut self, seen: Seen) -> Option<Reply> {
        let line = format!("{} {}", seen.method, seen.path);
        let always = self.always.iter().find(|(prefix, _)| line.starts_with(prefix));
        let fault = always.map(|(_, fault)| fault.clone());
        let fault = fault.or_else(|| self.faults.pop_front()).unwrap_or(Fault::None);
        self.befallen.push(fault.clone());
        self.seen.push(Seen { at: self.clock.time(), ..seen.clone() });
        let bearer = format!("Bearer {TOKEN}");
        let reply = |state: &mut Self| {
            if seen.header("authorization") != Some(&bearer) {
                return Reply::json(401, &json!({"message": "Bad credentials"}));
            }
            if seen.header("user-agent").is_none() {
                return Reply::json(403, &json!({"message": "Request forbidden by administrative rules"}));
            }
            state.route(&seen)
        };
        match fault {
            Fault::None => Some(reply(self)),
            Fault::Refuse(status, headers, message) => {
                let refusal = Reply::json(status, &json!({"message": message}));
                Some(headers.into_iter().fold(refusal, |reply, (name, value)| reply.with(name, &value)))
            }
            Fault::Cut => Some(Reply::Cut),
            Fault::LoseAnswer => Some(reply(self).halved()),
            Fault::DoAndFail => {
                reply(self);
                Some(Reply::json(502, &json!({"message": "Bad Gateway"})))
            }
            Fault::DoAndGarble => {
                reply(self);
                Some(Reply::text(200, "<html>a proxy's page</html>"))
            }
            Fault::Hang => None,
        }
    }
}

/// A running fake; it ends with the process.
pub(crate) struct Fake {
    /// Its address.
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    clock: FakeClock,
}

impl Fake {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let clock = FakeClock::new();
        let state = State {
            seen: Vec::new(),
            befallen: Vec::new(),
            faults: VecDeque::new(),
            always: Vec::new(),
            clock: clock.clone(),
            sarifs: sarifs::Sarifs::default(),
            pulls: pulls::Pulls::default(),
            checks: checks::Checks::default(),
        };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let url = http::serve(move |seen| shared.lock().unwrap().answer(seen));
        Self { url, state, clock }
    }

    /// Its state.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Lets these faults befall the next requests.
    pub(crate) fn befall(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.extend(faults);
    }

    /// Its time.
    pub(crate) fn clock(&self) -> FakeClock {
        self.clock.clone()
    }

    /// How clients reach it.
    pub(crate) fn options(&self) -> Options {
        Options {
            api_url: self.url.clone(),
            proxy: Secret::default(),
            no_proxy: String::new(),
            budget: Duration::from_secs(600),
            request_time: Duration::from_millis(300),
        }
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.options(), &Token::new(TOKEN).unwrap(), Box::new(self.clock())).unwrap()
    }

    /// Methods and paths of all requests, one a line.
    pub(crate) fn log(&self) -> String {
        self.state().seen.iter().map(|seen| format!("{} {}\n", seen.method, seen.path)).collect()
    }
}
