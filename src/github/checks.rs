//! A check run with all findings as annotations: for repositories where code scanning is not to be had.
//!
//! A finished scan and what it came to go in; one check run, filled page by page, goes out. A page adds to those
//! before, so that none is sent twice on a guess: after an unclear answer the check run is read.
//! Source: GitHub's documentation of the REST API for check runs.

use std::cmp::Reverse;

use http::Method;
use serde_json::{Value, json};

use crate::finding::Severity;
use crate::github::client::{Call, Client, Repeat, encode};
use crate::github::event::Repository;
use crate::github::failure::Failure;
use crate::github::findings::{Finding, Scan};
use crate::report::wording::{counted, cut, visible};

/// What the token needs.
const PERMISSION: &str = "checks: write";
/// Annotations that one request may add.
const PAGE: usize = 50;
/// Most annotations: ten requests, of the thousand that a workflow has in an hour.
const MAX_ANNOTATIONS: usize = 500;
/// Longest message, in characters; GitHub takes 64 KB.
const MAX_MESSAGE: usize = 8_000;
/// Longest title, in characters.
const MAX_TITLE: usize = 255;

/// What a scan comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conclusion {
    /// No findings.
    Success,
    /// Findings, none of which fails the run.
    Neutral,
    /// Findings that fail the run, or an analysis that failed.
    Failure,
}

impl Conclusion {
    fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Neutral => "neutral",
            Self::Failure => "failure",
        }
    }
}

/// Where a check run goes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The repository of the commit.
    pub repository: &'a Repository,
    /// The commit, of a pull request its head.
    pub sha: &'a str,
    /// Tells this run from all others, so that it is found again.
    pub run: &'a str,
    /// What the scan comes to.
    pub conclusion: Conclusion,
}

/// Writes the check run; returns how many findings it annotates.
///
/// # Errors
/// When GitHub does not answer as wanted. What is written by then stays.
pub fn run(client: &mut Client, target: &Target, scan: &Scan) -> Result<usize, Failure> {
    let mut findings: Vec<&Finding> = scan.findings.iter().collect();
    findings.sort_by_key(|finding| Reverse(finding.severity));
    findings.truncate(MAX_ANNOTATIONS);
    let annotations: Vec<Value> = findings.iter().map(|finding| annotation(finding)).collect();
    let n_left = scan.findings.len() - annotations.len();
    let mut pages = annotations.chunks(PAGE);
    let first = pages.next().unwrap_or_default();
    let number = create(client, target, &output(scan, n_left, first))?;
    let mut n_written = first.len();
    for page in pages {
        n_written += page.len();
        add(client, target, number, &output(scan, n_left, page), n_written)?;
    }
    Ok(n_written)
}

fn create(client: &mut Client, target: &Target, output: &Value) -> Result<u64, Failure> {
    let Target { repository, sha, run, conclusion } = *target;
    let body = json!({
        "name": "Snakestone",
        "head_sha": sha,
        "external_id": run,
        "status": "completed",
        "conclusion": conclusion.name(),
        "output": output,
    });
    let mut find = |client: &mut Client| {
        let route = format!(
            "{}/commits/{}/check-runs?check_name=Snakestone&filter=all&per_page=100",
            repository.route(),
            encode(sha)
        );
        let answer = client.get(&route, PERMISSION)?;
        let runs = answer["check_runs"].as_array().ok_or(Failure::Garbled)?;
        Ok(runs.iter().find(|it| it["external_id"] == run).cloned())
    };
    let route = format!("{}/check-runs", repository.route());
    let call = Call { method: &Method::POST, route: &route, body: Some(&body), permission: PERMISSION };
    client.send(call, Repeat::After(&mut find))?["id"].as_u64().ok_or(Failure::Garbled)
}

/// Adds a page, after which there are `n_written` annotations.
fn add(
    client: &mut Client,
    target: &Target,
    number: u64,
    output: &Value,
    n_written: usize,
) -> Result<(), Failure> {
    let route = format!("{}/check-runs/{number}", target.repository.route());
    let body = json!({"output": output});
    let mut is_there = |client: &mut Client| {
        let run = client.get(&route, PERMISSION)?;
        let n_there = run["output"]["annotations_count"].as_u64().ok_or(Failure::Garbled)?;
        Ok((n_there >= n_written as u64).then_some(run))
    };
    let call = Call { method: &Method::PATCH, route: &route, body: Some(&body), permission: PERMISSION };
    client.send(call, Repeat::After(&mut is_there)).map(drop)
}

fn output(scan: &Scan, n_left: usize, annotations: &[Value]) -> Value {
    let count = |severity| scan.findings.iter().filter(|finding| finding.severity == severity).count();
    let counts: Vec<String> = Severity::ALL
        .into_iter()
        .rev()
        .map(|severity| (count(severity), severity))
        .filter(|(n, _)| *n > 0)
        .map(|(n, severity)| format!("{n} {}", severity.name()))
        .collect();
    let title = if counts.is_empty() { "no findings".to_owned() } else { counts.join(", ") };
    let mut summary = format!("{} in this commit.", counted(scan.findings.len(), "finding"));
    if n_left > 0 {
        let n_shown = MAX_ANNOTATIONS;
        summary.push_str(&format!(
            " The worst {n_shown} are annotated; the SARIF file of the run and its summary list all."
        ));
    }
    json!({"title": title, "summary": summary, "annotations": annotations})
}

fn annotation(finding: &Finding) -> Value {
    let region = finding.region;
    let level = match finding.severity {
        Severity::Low => "notice",
        Severity::Medium => "warning",
        Severity::High | Severity::Critical => "failure",
    };
    let mut out = json!({
        "path": finding.path,
        "start_line": region.first,
        "end_line": region.last,
        "annotation_level": level,
        "title": cut(&visible(&format!("{} ({})", finding.rule, finding.severity.name())), MAX_TITLE),
        "message": cut(&visible(&finding.message), MAX_MESSAGE),
    });
    if let Some((start, end)) = region.columns.filter(|_| region.first == region.last) {
        out["start_column"] = start.into();
        out["end_column"] = end.into();
    }
    out
}
