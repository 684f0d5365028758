//! Code scanning: uploads of SARIF, their processing, and analyses.

use std::io::Read;
use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};
use snakestone::github::wait::timestamp;

use super::{Reply, Seen, State};

/// What the fake knows of uploads.
#[derive(Default)]
pub(crate) struct Sarifs {
    /// All uploads that it took.
    pub(crate) taken: Vec<Upload>,
    /// How long an upload is pending.
    pub(crate) takes: Duration,
    /// The largest upload, packed, in bytes; nothing is told as none.
    pub(crate) max_packed: Option<usize>,
    /// What processing finds wrong.
    pub(crate) errors: Vec<&'static str>,
}

/// An upload.
pub(crate) struct Upload {
    /// The request's body.
    pub(crate) body: Value,
    /// The SARIF in it, unpacked.
    pub(crate) sarif: Value,
    /// When it came, by the fake's clock.
    pub(crate) at: Duration,
}

impl State {
    pub(super) fn post_sarif(&mut self, seen: &Seen) -> Reply {
        let body = seen.json();
        let invalid = |why: String| Reply::json(422, &json!({ "message": why }));
        let known = ["commit_sha", "ref", "sarif", "checkout_uri", "started_at", "tool_name", "validate"];
        let Some(object) = body.as_object() else {
            return Reply::json(400, &json!({"message": "no object"}));
        };
        if let Some(key) = object.keys().find(|key| !known.contains(&key.as_str())) {
            return invalid(format!("extra key {key}"));
        }
        let text = |name: &str| body[name].as_str().unwrap_or("").to_owned();
        let sha = text("commit_sha");
        if !matches!(sha.len(), 40 | 64) || !sha.bytes().all(|b| b.is_ascii_hexdigit()) {
            return invalid(format!("commit_sha {sha}"));
        }
        let git_ref = text("ref");
        if !["refs/heads/", "refs/tags/", "refs/pull/"].iter().any(|prefix| git_ref.starts_with(prefix)) {
            return invalid(format!("ref {git_ref}"));
        }
        let Ok(packed) = base64::engine::general_purpose::STANDARD.decode(text("sarif")) else {
            return Reply::json(400, &json!({"message": "sarif is not base64"}));
        };
        if self.sarifs.max_packed.is_some_and(|max| packed.len() > max) {
            return Reply::text(413, "");
        }
        let mut unpacked = Vec::new();
        if flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).is_err() {
            return Reply::json(400, &json!({"message": "sarif is not gzip"}));
        }
        let Ok(sarif) = serde_json::from_slice::<Value>(&unpacked) else {
            return Reply::json(400, &json!({"message": "sarif is no JSON"}));
        };
        self.sarifs.taken.push(Upload { body, sarif, at: self.clock.time() });
        let id = self.sarifs.taken.len();
        Reply::json(202, &json!({"id": format!("id-{id}"), "url": format!("https://api.github.com/x/{id}")}))
    }

    fn status(&self, upload: &Upload) -> &'static str {
        let is_unsuccessful =
            upload.sarif.pointer("/runs/0/invocations/0/executionSuccessful") == Some(&json!(false));
        match () {
            () if self.clock.time() < upload.at + self.sarifs.takes => "pending",
            () if is_unsuccessful || !self.sarifs.errors.is_empty() => "failed",
            () => "complete",
        }
    }

    pub(super) fn get_sarif(&self, id: &str) -> Reply {
        let at = id.strip_prefix("id-").and_then(|n| n.parse::<usize>().ok());
        let Some(upload) = at.and_then(|n| self.sarifs.taken.get(n.checked_sub(1)?)) else {
            return Reply::json(404, &json!({"message": "Not Found"}));
        };
        let status = self.status(upload);
        let errors = match (status, &self.sarifs.errors[..]) {
            ("failed", []) => json!(["unsuccessful execution"]),
            ("failed", errors) => json!(errors),
            _ => Value::Null,
        };
        Reply::json(200, &json!({"processing_status": status, "analyses_url": "x", "errors": errors}))
    }

    /// What was uploaded, as it was uploaded.
    pub(super) fn get_analysis(&self, number: &str) -> Reply {
        let upload = number.parse().ok().and_then(|number: usize| self.sarifs.taken.get(number));
        upload.map_or(Reply::json(404, &json!({"message": "Not Found"})), |it| Reply::json(200, &it.sarif))
    }

    pub(super) fn list_analyses(&self, seen: &Seen) -> Reply {
        let complete = self.sarifs.taken.iter().rev().filter(|upload| self.status(upload) == "complete");
        let number = |upload: &Upload| self.sarifs.taken.iter().position(|it| std::ptr::eq(it, upload));
        let analyses: Vec<Value> = complete
            .map(|upload| {
                json!({
                    "id": number(upload),
                    "error": "",
                    "ref": upload.body["ref"],
                    "commit_sha": upload.body["commit_sha"],
                    "category": upload.sarif["runs"][0]["automationDetails"]["id"]
                        .as_str().unwrap_or("").trim_end_matches('/'),
                    "created_at": timestamp(upload.at),
                    "results_count": upload.sarif["runs"][0]["results"].as_array().map_or(0, Vec::len),
                    "tool": {"name": upload.body["tool_name"]},
                })
            })
            .collect();
        Reply::json(200, &seen.page_of(&analyses))
    }
}
