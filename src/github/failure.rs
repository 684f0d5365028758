//! Why a request came to nothing: a closed set, each with whose fault it is and what to do.
//!
//! Status, headers and body of an answer come in. Texts of the server are kept short and are not escaped here.
//! Source: GitHub's documentation of troubleshooting the REST API and of SARIF uploads.

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use crate::github::wait::Limits;

/// Longest text of a server that is kept, in characters.
const MAX_SAID: usize = 600;

/// Why a request came to nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// The surroundings are not set up for requests.
    #[error("{said}")]
    Setup {
        /// What is missing or wrong, with the remedy.
        said: String,
    },
    /// The token is not accepted at all.
    #[error("GitHub does not accept the token; pass one that is valid, as `${{{{ github.token }}}}`")]
    BadToken,
    /// The token may not do this.
    #[error("the token lacks the permission `{permission}` (GitHub says: {said})")]
    Denied {
        /// The permission that the workflow must grant, as `security-events: write`.
        permission: &'static str,
        /// GitHub's words.
        said: String,
    },
    /// The repository does not have the feature.
    #[error("this repository does not take it (GitHub says: {said})")]
    NotEnabled {
        /// GitHub's words.
        said: String,
    },
    /// Too many requests, by this workflow or by others with the same token.
    #[error("GitHub's rate limit is reached")]
    RateLimited {
        /// How long GitHub wants to be left alone, if it says so.
        wait: Option<Duration>,
    },
    /// There is no such repository, ref, commit or page for this token.
    #[error("GitHub does not find it (GitHub says: {said})")]
    NotFound {
        /// GitHub's words.
        said: String,
    },
    /// The request is too large.
    #[error("the request is too large for GitHub")]
    TooLarge,
    /// GitHub does not understand the request, or does not want what it says.
    #[error("GitHub refuses it with status {status} ({said})")]
    Invalid {
        /// 400, 409, 410, 422 or another.
        status: u16,
        /// GitHub's words, those on each error too.
        said: String,
    },
    /// The address has moved to another host, to which the token is not sent.
    #[error("the address has moved to another host, `{host}`, to which the token is not sent")]
    Moved {
        /// That host.
        host: String,
    },
    /// An error of the server.
    #[error("GitHub answers with status {status}")]
    Server {
        /// 500 and above.
        status: u16,
    },
    /// The answer is no JSON.
    #[error("the answer is not GitHub's")]
    Garbled,
    /// The connection failed.
    #[error("the connection failed: {said}")]
    Network {
        /// What the network says.
        said: String,
        /// Whether the server may have got the request.
        was_sent: bool,
    },
    /// The server's certificate is not trusted.
    #[error("the certificate of the server is not trusted: {said}")]
    Certificate {
        /// What the library says.
        said: String,
    },
    /// The time for all requests is used up.
    #[error("the time for requests is used up")]
    OutOfTime,
}

/// Who can repair it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The workflow or its environment.
    Workflow,
    /// The settings of the repository or its organization.
    Repository,
    /// GitHub, or the way there; it often passes.
    Passing,
    /// Snakestone.
    Ours,
}

impl Failure {
    /// What an answer that is no success says.
    pub(super) fn of(
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
        permission: &'static str,
        now: Duration,
    ) -> Self {
        let limits = limits(headers);
        let said = said(body);
        let lower = said.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let is_limit = limits.are_reached() || has(&["rate limit", "abuse detection"]);
        match status {
            429 => Self::RateLimited { wait: limits.wait(now) },
            403 if is_limit => Self::RateLimited { wait: limits.wait(now) },
            401 => Self::BadToken,
            403 if has(&["must be enabled", "not enabled", "archived"]) => Self::NotEnabled { said },
            403 => Self::Denied { permission, said },
            404 => Self::NotFound { said },
            413 => Self::TooLarge,
            408 | 500.. => Self::Server { status },
            _ => Self::Invalid { status, said },
        }
    }

    /// Whether the same request may succeed later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Server { .. } | Self::Garbled | Self::Network { .. })
    }

    /// Whether the server may have done what was asked, so that only looking tells.
    pub(super) fn is_unclear(&self) -> bool {
        matches!(self, Self::Server { .. } | Self::Garbled | Self::Network { was_sent: true, .. })
    }

    /// Who can repair it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Setup { .. } | Self::BadToken | Self::Denied { .. } | Self::Certificate { .. } => {
                Fault::Workflow
            }
            Self::NotEnabled { .. } | Self::NotFound { .. } | Self::Moved { .. } => Fault::Repository,
            Self::RateLimited { .. }
            | Self::Server { .. }
            | Self::Garbled
            | Self::Network { .. }
            | Self::OutOfTime => Fault::Passing,
            Self::TooLarge | Self::Invalid { .. } => Fault::Ours,
        }
    }

    /// What to do, as a sentence without a full stop.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Setup { .. } | Self::BadToken => "see the inputs of the action".to_owned(),
            Self::Denied { permission, .. } => {
                format!("grant `{permission}` under `permissions:` of the job")
            }
            Self::NotEnabled { .. } => {
                "enable Code Security in the settings of the repository, or set `upload: never`".to_owned()
            }
            Self::NotFound { .. } => {
                "check that the repository, ref and commit exist and that the token may read them".to_owned()
            }
            Self::Moved { .. } => "check `GITHUB_API_URL`".to_owned(),
            Self::Certificate { .. } => {
                "name a file with the authority's certificate in `SSL_CERT_FILE`".to_owned()
            }
            Self::RateLimited { .. } | Self::Server { .. } | Self::Garbled | Self::OutOfTime => {
                "run the job again later".to_owned()
            }
            Self::Network { .. } => {
                "check the network, and `HTTPS_PROXY` and `NO_PROXY` where there is a proxy".to_owned()
            }
            Self::TooLarge | Self::Invalid { .. } => {
                format!("please report this at {}/issues", env!("CARGO_PKG_REPOSITORY"))
            }
        }
    }
}

fn limits(headers: &HeaderMap) -> Limits {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
    Limits {
        retry_after: number("retry-after"),
        remaining: number("x-ratelimit-remaining"),
        reset: number("x-ratelimit-reset"),
    }
}

/// `message` of the body and of its `errors`, or the body itself where it is no JSON.
fn said(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(answer)) => {
            let message = answer.get("message").and_then(Value::as_str).unwrap_or("no message");
            let errors = answer.get("errors").and_then(Value::as_array).into_iter().flatten();
            let errors = errors.filter_map(|error| {
                let text = error.as_str().or_else(|| error.get("message")?.as_str());
                text.map(str::to_owned).or_else(|| Some(error.to_string()))
            });
            std::iter::once(message.to_owned()).chain(errors).collect::<Vec<_>>().join("; ")
        }
        _ => String::from_utf8_lossy(body).trim().to_owned(),
    };
    let text = if text.is_empty() { "nothing".to_owned() } else { text };
    text.chars().take(MAX_SAID).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue};

    use super::{Failure, Fault};

    fn of(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Failure {
        let headers: HeaderMap = headers
            .iter()
            .map(|&(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        Failure::of(status, &headers, body.as_bytes(), "security-events: write", Duration::from_secs(100))
    }

    #[test]
    fn every_answer_has_its_failure() {
        let denied = of(403, &[], r#"{"message": "Resource not accessible by integration"}"#);
        assert!(matches!(&denied, Failure::Denied { permission: "security-events: write", .. }));
        assert_eq!(denied.fault(), Fault::Workflow);
        let off = of(403, &[], r#"{"message": "Advanced Security must be enabled for this repository"}"#);
        assert!(matches!(off, Failure::NotEnabled { .. }));
        let archived = of(403, &[], r#"{"message": "Repository was archived so is read-only."}"#);
        assert!(matches!(archived, Failure::NotEnabled { .. }));
        let words = of(403, &[], r#"{"message": "You have exceeded a secondary rate limit"}"#);
        assert_eq!(words, Failure::RateLimited { wait: None });
        let header = of(429, &[("retry-after", "7")], "");
        assert_eq!(header, Failure::RateLimited { wait: Some(Duration::from_secs(7)) });
        let reset = of(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "160")], "");
        assert_eq!(reset, Failure::RateLimited { wait: Some(Duration::from_secs(61)) });
        assert_eq!(of(401, &[], "{}"), Failure::BadToken);
        assert_eq!(of(413, &[], ""), Failure::TooLarge);
        assert_eq!(of(503, &[], ""), Failure::Server { status: 503 });
        let both =
            of(422, &[], r#"{"message": "Unprocessable", "errors": ["a", {"message": "b"}, {"code": 1}]}"#);
        assert_eq!(
            both,
            Failure::Invalid { status: 422, said: "Unprocessable; a; b; {\"code\":1}".to_owned() }
        );
        let plain = of(404, &[], "<html>");
        assert_eq!(plain, Failure::NotFound { said: "<html>".to_owned() });
    }
}
