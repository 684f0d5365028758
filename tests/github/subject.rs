//! Which pull request a scan is about, event by event.

use snakestone::github::event::{Analyzed, Event, Kind, Pull, Repository, Run};
use snakestone::github::pull::Subject;

use crate::fake::pulls::HEAD;

const BASE: &str = "3333333333333333333333333333333333333333";

fn subject(kind: Kind, analyzed: Analyzed) -> Option<Subject> {
    let repository = Repository::parse("o/r").unwrap();
    Subject::of(
        &Event { repository, git_ref: "refs/heads/main".to_owned(), sha: BASE.to_owned(), kind },
        analyzed,
    )
}

fn pull() -> Pull {
    Pull {
        number: 7,
        head_sha: HEAD.to_owned(),
        base_sha: BASE.to_owned(),
        base_ref: "main".to_owned(),
        is_fork: false,
    }
}

fn run(is_of_pull: bool) -> Run {
    Run {
        head_sha: HEAD.to_owned(),
        head_branch: "topic".to_owned(),
        head_owner: Some("fork".to_owned()),
        is_of_pull,
    }
}

#[test]
fn a_pull_request_is_reviewed_by_its_merge_commit_or_its_head() {
    for checked_out in [Some(BASE), Some(HEAD), None] {
        let subject = subject(Kind::Pull(pull()), Analyzed::Checkout(checked_out));
        assert_eq!(subject, Some(Subject::Number(7, HEAD.to_owned())));
    }
}

#[test]
fn pull_request_target_is_reviewed_where_the_head_was_checked_out_on_purpose() {
    assert_eq!(subject(Kind::PullTarget(pull()), Analyzed::Checkout(Some(BASE))), None);
    assert_eq!(subject(Kind::PullTarget(pull()), Analyzed::Checkout(None)), None);
    let on_purpose = subject(Kind::PullTarget(pull()), Analyzed::Checkout(Some(HEAD)));
    assert_eq!(on_purpose, Some(Subject::Number(7, HEAD.to_owned())));
}

#[test]
fn after_a_workflow_run_the_pull_request_of_that_run_is_reviewed() {
    assert_eq!(subject(Kind::WorkflowRun(run(true)), Analyzed::ThatRun), Some(Subject::Of(run(true))));
    assert_eq!(subject(Kind::WorkflowRun(run(false)), Analyzed::ThatRun), None, "it was a push");
    // A scan in that workflow is one of the base branch, unless the head was checked out.
    assert_eq!(subject(Kind::WorkflowRun(run(true)), Analyzed::Checkout(Some(BASE))), None);
}

#[test]
fn pushes_and_merge_queues_are_not_reviewed() {
    for kind in [Kind::Plain, Kind::MergeQueue(None)] {
        assert_eq!(subject(kind, Analyzed::Checkout(Some(BASE))), None);
    }
}
