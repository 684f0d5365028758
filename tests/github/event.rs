//! Every row of the table of events: which ref and commit an analysis belongs to.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use snakestone::github::event::{Analyzed, Change, Event, EventError, Kind, Target};

pub(crate) const SHA: &str = "1111111111111111111111111111111111111111";
pub(crate) const HEAD: &str = "2222222222222222222222222222222222222222";
pub(crate) const BASE: &str = "3333333333333333333333333333333333333333";

/// The payload of a pull request from `head`, a repository's full name or null.
pub(crate) fn pull_payload(head: &Value) -> Value {
    json!({
        "action": "synchronize",
        "number": 7,
        "pull_request": {
            "number": 7,
            "head": {"ref": "topic", "sha": HEAD, "repo": if head.is_null() { Value::Null } else { json!({"full_name": head}) }},
            "base": {"ref": "main", "sha": BASE, "repo": {"full_name": "o/r"}},
        },
        "repository": {"full_name": "o/r"},
    })
}

/// The payload of a merge queue's group.
pub(crate) fn group_payload() -> Value {
    json!({
        "action": "checks_requested",
        "merge_group": {
            "head_sha": HEAD,
            "head_ref": "refs/heads/gh-readonly-queue/main/pr-7-2222",
            "base_sha": BASE,
            "base_ref": "refs/heads/main",
        },
    })
}

/// What pull request and group propose to merge.
fn change() -> Change {
    Change { head: HEAD.to_owned(), base: BASE.to_owned(), base_ref: "refs/heads/main".to_owned() }
}

fn run_payload(event: &str) -> Value {
    json!({
        "action": "completed",
        "workflow_run": {
            "event": event,
            "head_sha": HEAD,
            "head_branch": "topic/ä&1",
            "pull_requests": [],
            "head_repository": {"full_name": "fork/r", "owner": {"login": "fork"}},
        },
    })
}

/// The environment of a run.
pub(crate) fn variables(dir: &Path, name: &str, git_ref: &str, payload: &Value) -> BTreeMap<String, String> {
    let path = dir.join("event.json");
    fs::write(&path, payload.to_string()).unwrap();
    [
        ("GITHUB_EVENT_NAME", name),
        ("GITHUB_EVENT_PATH", path.to_str().unwrap()),
        ("GITHUB_REF", git_ref),
        ("GITHUB_REPOSITORY", "o/r"),
        ("GITHUB_SHA", SHA),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn read(name: &str, git_ref: &str, payload: &Value) -> Result<Event, EventError> {
    let dir = tempfile::tempdir().unwrap();
    Event::read(&variables(dir.path(), name, git_ref, payload)).map(Option::unwrap)
}

fn at(git_ref: &str, sha: &str) -> Target {
    Target::At { git_ref: git_ref.to_owned(), sha: sha.to_owned() }
}

#[test]
fn push_schedule_dispatch_and_tag_belong_to_github_ref_and_sha() {
    for (name, git_ref) in [
        ("push", "refs/heads/main"),
        ("schedule", "refs/heads/main"),
        ("workflow_dispatch", "refs/heads/topic"),
        ("push", "refs/tags/v1.0"),
        ("release", "refs/tags/v1.0"),
    ] {
        let event = read(name, git_ref, &json!({})).unwrap();
        assert_eq!(event.target(Analyzed::Checkout(None)), at(git_ref, SHA));
        assert_eq!(event.target(Analyzed::Checkout(Some(SHA))), at(git_ref, SHA));
        assert_eq!(event.pull(), None);
    }
}

#[test]
fn a_pull_request_belongs_to_its_merge_ref() {
    let event = read("pull_request", "refs/pull/7/merge", &pull_payload(&json!("o/r"))).unwrap();
    for head in [None, Some(SHA), Some(BASE)] {
        assert_eq!(event.target(Analyzed::Checkout(head)), at("refs/pull/7/merge", SHA));
    }
    assert!(!event.pull().unwrap().is_fork);
    assert_eq!(event.change(), Some(change()));
    for name in ["pull_request_review", "pull_request_review_comment"] {
        assert_eq!(read(name, "refs/pull/7/merge", &pull_payload(&json!("o/r"))).unwrap(), event, "{name}");
    }
}

#[test]
fn a_pull_request_whose_head_is_checked_out_belongs_to_its_head_ref() {
    let event = read("pull_request", "refs/pull/7/merge", &pull_payload(&json!("o/r"))).unwrap();
    assert_eq!(event.target(Analyzed::Checkout(Some(HEAD))), at("refs/pull/7/head", HEAD));
}

#[test]
fn a_fork_is_told_by_its_repository_and_a_deleted_one_is_a_fork() {
    for (head, is_fork) in [(json!("fork/r"), true), (Value::Null, true), (json!("O/R"), false)] {
        let event = read("pull_request", "refs/pull/7/merge", &pull_payload(&head)).unwrap();
        assert_eq!(event.pull().unwrap().is_fork, is_fork, "{head}");
    }
}

#[test]
fn workflow_run_after_a_forks_pull_request_belongs_to_the_pull_request_with_its_head() {
    let event = read("workflow_run", "refs/heads/main", &run_payload("pull_request")).unwrap();
    let Kind::WorkflowRun(run) = event.kind.clone() else { panic!("{event:?}") };
    assert_eq!(event.target(Analyzed::ThatRun), Target::PullOf(run.clone()));
    assert_eq!(event.target(Analyzed::Checkout(Some(HEAD))), Target::PullOf(run.clone()));
    let route = run.pulls_route(&event.repository).unwrap();
    assert_eq!(route, "/repos/o/r/pulls?state=open&head=fork:topic%2F%C3%A4%261");
    // What is checked out by default is the default branch.
    assert_eq!(event.target(Analyzed::Checkout(Some(SHA))), at("refs/heads/main", SHA));
    assert_eq!(event.target(Analyzed::Checkout(None)), at("refs/heads/main", SHA));
}

#[test]
fn workflow_run_after_a_push_belongs_to_its_branch() {
    let event = read("workflow_run", "refs/heads/main", &run_payload("push")).unwrap();
    assert_eq!(event.target(Analyzed::ThatRun), at("refs/heads/topic/ä&1", HEAD));
}

#[test]
fn merge_group_and_refs_of_merge_queues_belong_nowhere() {
    let queue = "refs/heads/gh-readonly-queue/main/pr-7-2222";
    for (name, git_ref) in [("merge_group", queue), ("merge_group", "refs/heads/x"), ("push", queue)] {
        let event = read(name, git_ref, &group_payload()).unwrap();
        let Target::Nowhere(why) = event.target(Analyzed::Checkout(Some(SHA))) else { panic!("{name}") };
        assert!(why.contains("merge queue"), "{why}");
        assert_eq!(event.change(), (name == "merge_group").then(change), "{name}");
    }
}

#[test]
fn pull_request_target_belongs_nowhere_whatever_is_checked_out() {
    let event = read("pull_request_target", "refs/heads/main", &pull_payload(&json!("fork/r"))).unwrap();
    for analyzed in [Analyzed::Checkout(None), Analyzed::Checkout(Some(HEAD)), Analyzed::ThatRun] {
        let Target::Nowhere(why) = event.target(analyzed) else { panic!("{analyzed:?}") };
        assert!(why.contains("use `pull_request`"), "{why}");
    }
}

#[test]
fn other_refs_have_no_analyses() {
    let event = read("push", "refs/notes/commits", &json!({})).unwrap();
    assert!(matches!(event.target(Analyzed::Checkout(None)), Target::Nowhere(_)));
}

#[test]
fn outside_of_github_actions_there_is_no_event() {
    assert_eq!(Event::read(&BTreeMap::new()), Ok(None));
}

#[test]
fn what_github_never_says_is_refused() {
    let pull = pull_payload(&json!("o/r"));
    let dir = tempfile::tempdir().unwrap();
    for (name, value) in [
        ("GITHUB_REPOSITORY", "o/../x"),
        ("GITHUB_REPOSITORY", "o/.."),
        ("GITHUB_REPOSITORY", "o/r?x=1"),
        ("GITHUB_REPOSITORY", "o"),
        ("GITHUB_SHA", "main"),
        ("GITHUB_SHA", ""),
        ("GITHUB_REF", "main"),
        ("GITHUB_REF", "refs/heads/a\n::error::x"),
        ("GITHUB_REF", "refs/heads/../../x"),
    ] {
        let mut variables = variables(dir.path(), "pull_request", "refs/pull/7/merge", &pull);
        variables.insert(name.to_owned(), value.to_owned());
        let said = Event::read(&variables).unwrap_err().to_string();
        assert!(said.contains(name), "{said}");
    }
    for (pointer, value) in [
        ("/pull_request/head/sha", json!("../../x")),
        ("/pull_request/base/sha", json!(1)),
        ("/pull_request/base/ref", json!("a b")),
        ("/pull_request/number", json!("7/merge")),
        ("/pull_request/number", json!(-7)),
        ("/pull_request/base/repo/full_name", Value::Null),
    ] {
        let mut payload = pull.clone();
        *payload.pointer_mut(pointer).unwrap() = value;
        let said = read("pull_request", "refs/pull/7/merge", &payload).unwrap_err().to_string();
        assert_eq!(said, format!("the event `pull_request` does not say `{pointer}`"));
    }
    assert!(matches!(read("pull_request", "refs/pull/7/merge", &json!("x")), Err(EventError::Lacks { .. })));
    for (key, value) in [("head_sha", "HEAD~1"), ("base_sha", ""), ("base_ref", "main")] {
        let mut payload = group_payload();
        payload["merge_group"][key] = json!(value);
        let said = read("merge_group", "refs/heads/x", &payload).unwrap_err().to_string();
        assert_eq!(said, format!("the event `merge_group` does not say `/merge_group/{key}`"));
    }
}

#[test]
fn an_event_that_cannot_be_read_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut variables = variables(dir.path(), "pull_request", "refs/pull/7/merge", &json!({}));
    let path = dir.path().join("event.json");
    fs::write(&path, "{").unwrap();
    assert!(matches!(Event::read(&variables), Err(EventError::File { .. })));
    let large = fs::File::create(&path).unwrap();
    large.set_len(33 << 20).unwrap();
    let said = Event::read(&variables).unwrap_err().to_string();
    assert!(said.contains("at most 32 MiB"), "{said}");
    variables.insert("GITHUB_EVENT_PATH".to_owned(), "none.json".to_owned());
    assert!(matches!(Event::read(&variables), Err(EventError::File { .. })));
}
