//! One request over the network: method, route and body in; status, headers and body out.
//!
//! The only asynchronous code: a runtime of one thread inside, a plain function outside. The token leaves only with
//! requests to the host it was made for, since addresses are built from that host and a path. What answers mean,
//! when to wait and when to repeat, is not decided here.

use std::error::Error as _;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Uri};
use http_body_util::{BodyExt, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::legacy::{self, Client};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioExecutor;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::github::client::{Options, Token};
use crate::github::failure::Failure;

/// Largest answer that is read, in bytes.
const MAX_ANSWER: usize = 32 << 20;
/// How long a connection may take.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// A way to one host.
pub(super) struct Transport {
    runtime: Runtime,
    crab: Octocrab,
    /// Scheme and authority, `https://api.github.com`.
    origin: String,
    /// What comes before routes: nothing, or `/api/v3`.
    prefix: String,
    headers: HeaderMap,
}

/// An answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Transport {
    /// A way to `options.api_url` with `token`.
    pub(super) fn new(options: &Options, token: &Token) -> Result<Self, Failure> {
        let (origin, prefix) = split(&options.api_url)?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.reveal()))
            .map_err(|_| setup("the token holds characters that no token has".to_owned()))?;
        bearer.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, bearer),
            (ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
            (USER_AGENT, HeaderValue::from_static(concat!("snakestone/", env!("CARGO_PKG_VERSION")))),
        ]);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| setup(format!("cannot start the network: {error}")))?;
        let crab = {
            let _guard = runtime.enter(); // octocrab starts a task
            connect(&origin, options)?
        };
        Ok(Self { runtime, crab, origin, prefix, headers })
    }

    /// Sends one request. `route` begins with a slash.
    pub(super) fn send(
        &self,
        method: &Method,
        route: &str,
        body: Option<&Value>,
        time: Duration,
    ) -> Result<Answer, Failure> {
        self.send_to(method, &format!("{}{}{route}", self.origin, self.prefix), body, time)
    }

    /// As [`Transport::send`], to where an answer says the address has moved.
    pub(super) fn follow(
        &self,
        method: &Method,
        location: &str,
        body: Option<&Value>,
        time: Duration,
    ) -> Result<Answer, Failure> {
        let to: Uri = location.parse().map_err(|_| Failure::Garbled)?;
        let path = to.path_and_query().map_or("/", |path| path.as_str());
        let there = match (to.scheme(), to.authority()) {
            (Some(scheme), Some(authority)) => format!("{scheme}://{authority}").to_lowercase(),
            _ if path.starts_with('/') => self.origin.clone(),
            _ => return Err(Failure::Garbled),
        };
        if there != self.origin {
            return Err(Failure::Moved { host: there });
        }
        self.send_to(method, &format!("{}{path}", self.origin), body, time)
    }

    fn send_to(
        &self,
        method: &Method,
        address: &str,
        body: Option<&Value>,
        time: Duration,
    ) -> Result<Answer, Failure> {
        let mut builder = http::Request::builder().method(method).uri(address);
        if let Some(headers) = builder.headers_mut() {
            headers.extend(self.headers.clone());
        }
        let request = self
            .crab
            .build_request(builder, body)
            .map_err(|error| setup(format!("cannot make a request for `{address}`: {error}")))?;
        let exchange = async {
            let response = self.crab.execute(request).await.map_err(|error| network(&error))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await;
            let body = body.map_err(|error| lost(error.to_string()))?;
            let body = body.to_bytes().to_vec();
            Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
        };
        let timed = async { tokio::time::timeout(time, exchange).await };
        let late = || lost(format!("no answer within {} s", time.as_secs()));
        self.runtime.block_on(timed).unwrap_or_else(|_| Err(late()))
    }
}

fn setup(said: String) -> Failure {
    Failure::Setup { said }
}

fn lost(said: String) -> Failure {
    Failure::Network { said, was_sent: true }
}

/// The failure behind an error of octocrab, whose own words are those of its layers.
fn network(error: &octocrab::Error) -> Failure {
    let mut said = String::new();
    let mut was_sent = true;
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<legacy::Error>() {
            was_sent &= !error.is_connect();
        }
        said = error.to_string();
        cause = error.source();
    }
    if said.contains("certificate") {
        Failure::Certificate { said }
    } else {
        Failure::Network { said, was_sent }
    }
}

/// Origin and prefix of an address that the token may be sent to.
fn split(api_url: &str) -> Result<(String, String), Failure> {
    let wrong = |why: &str| setup(format!("`GITHUB_API_URL` is `{api_url}`, which {why}"));
    let uri: Uri = api_url.parse().map_err(|_| wrong("is no address"))?;
    let authority = uri.authority().ok_or_else(|| wrong("names no host"))?;
    if authority.as_str().contains('@') || uri.query().is_some() {
        return Err(wrong("holds more than a host and a path"));
    }
    let is_here = matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]");
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if is_here => {}
        _ => return Err(wrong("is not `https`, so that the token would be readable on its way")),
    }
    let scheme = uri.scheme_str().unwrap_or("https");
    Ok((format!("{scheme}://{authority}").to_lowercase(), uri.path().trim_end_matches('/').to_owned()))
}

/// octocrab on connections of our own: through the proxy, if there is one for the host, with the machine's roots.
fn connect(origin: &str, options: &Options) -> Result<Octocrab, Failure> {
    let mut tcp = HttpConnector::new();
    tcp.set_connect_timeout(Some(CONNECT_TIME));
    if origin.starts_with("http:") {
        return Ok(assemble(tcp));
    }
    let tls = HttpsConnectorBuilder::new().with_native_roots().map_err(|error| Failure::Certificate {
        said: format!("there are no certificates of authorities on this machine: {error}"),
    })?;
    let tls = tls.https_only().enable_http1();
    let proxies = Matcher::builder().https(options.proxy.0.clone()).no(options.no_proxy.clone()).build();
    let destination: Uri = origin.parse().map_err(|_| setup(format!("`{origin}` is no address")))?;
    let Some(proxy) = proxies.intercept(&destination) else {
        tcp.enforce_http(false);
        return Ok(assemble(tls.wrap_connector(tcp)));
    };
    if proxy.uri().scheme_str() != Some("http") {
        let scheme = proxy.uri().scheme_str().unwrap_or("");
        return Err(setup(format!(
            "`HTTPS_PROXY` names a proxy of the scheme `{scheme}`; only `http` is supported"
        )));
    }
    let tunnel = Tunnel::new(proxy.uri().clone(), tcp);
    let tunnel = match proxy.basic_auth() {
        Some(auth) => tunnel.with_auth(auth.clone()),
        None => tunnel,
    };
    Ok(assemble(tls.wrap_connector(tunnel)))
}

/// No layer that repeats, redirects or adds the token: all of that is ours. A connection serves one request, so
/// that none is sent again on a new connection because an old one was closed.
fn assemble<C: Connect + Clone + Send + Sync + 'static>(connector: C) -> Octocrab {
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .retry_canceled_requests(false)
        .build(connector);
    let built = OctocrabBuilder::new_empty().with_service(client).with_auth(AuthState::None).build();
    match built {
        Ok(crab) => crab,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn the_token_goes_to_https_hosts_alone() {
        let ok = |origin: &str, prefix: &str| Ok((origin.to_owned(), prefix.to_owned()));
        assert_eq!(split("https://api.github.com"), ok("https://api.github.com", ""));
        assert_eq!(split("https://GHES.example/api/v3/"), ok("https://ghes.example", "/api/v3"));
        assert_eq!(split("https://api.octocorp.ghe.com"), ok("https://api.octocorp.ghe.com", ""));
        assert_eq!(split("http://127.0.0.1:80/x"), ok("http://127.0.0.1:80", "/x"));
        for (url, why) in [
            ("http://ghes.example/api/v3", "is not `https`"),
            ("ftp://ghes.example", "is not `https`"),
            ("https://me:secret@ghes.example", "more than a host"),
            ("https://ghes.example?x=1", "more than a host"),
            ("/api/v3", "names no host"),
            ("https://[", "is no address"),
        ] {
            let said = split(url).unwrap_err().to_string();
            assert!(said.contains(why), "{url}: {said}");
        }
    }
}
