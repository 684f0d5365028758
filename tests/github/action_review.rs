//! The action's steps on pull requests: the review and the check run, between upload and annotations.

use std::time::Duration;

use serde_json::json;
use snakestone::cli::Code;

use crate::action::{DEFECT, Job};
use crate::event::HEAD;
use crate::fake::{Fake, Fault};

/// A pull request from `head` that adds one finding.
fn job(fake: &Fake, head: &str) -> Job {
    fake.state().pulls.file("a.py", "", DEFECT);
    let mut job = Job::of_pull(fake, &json!(head));
    // The workspace is no repository, so that there is no base to compare with.
    job.set("INPUT_SINCE", "none");
    job
}

fn reviews(fake: &Fake) -> usize {
    fake.state().count("POST", "/repos/o/r/pulls/7/reviews")
}

#[test]
fn a_pull_request_gets_its_suggestions_after_the_upload_and_before_the_annotations() {
    let fake = Fake::start();
    let ran = job(&fake, "o/r").run(&fake);
    assert_eq!((ran.code.clone(), ran.notes()), (Ok(Code::Findings), Vec::new()));
    let at = |text: &str| ran.log.find(text).unwrap_or_else(|| panic!("{text} in {}", ran.log));
    assert!(at("uploaded 1 result") < at("review of pull request #7: 1 comment written"));
    assert!(at("review of pull request #7") < at("::warning file=a.py"));
    assert!(fake.state().pulls.bodies()[0].contains("```suggestion\n    except Exception:\n```"));
    let posts: Vec<String> =
        fake.state().seen.iter().filter(|seen| seen.method == "POST").map(|seen| seen.path.clone()).collect();
    assert_eq!(posts, ["/repos/o/r/code-scanning/sarifs", "/repos/o/r/pulls/7/reviews"]);
}

#[test]
fn a_fork_whose_token_may_only_read_has_one_notice_and_its_own_exit_code() {
    let fake = Fake::start();
    let said = "Resource not accessible by integration";
    fake.state().always.push(("POST", Fault::Refuse(403, Vec::new(), said)));
    let ran = job(&fake, "fork/r").run(&fake);
    assert_eq!((ran.code.clone(), ran.notes().len()), (Ok(Code::Findings), 1), "{}", ran.log);
    assert!(
        ran.log.contains("the review is not whole: the token lacks the permission `pull-requests: write`")
    );
    assert!(ran.sarif.is_some());
}

#[test]
fn a_review_that_may_not_be_written_is_a_notice() {
    let fake = Fake::start();
    let said = "Resource not accessible by integration";
    fake.state().always.push(("POST /repos/o/r/pulls", Fault::Refuse(403, Vec::new(), said)));
    let ran = job(&fake, "o/r").run(&fake);
    assert_eq!(ran.code, Ok(Code::Findings));
    let notes = ran.notes();
    assert!(notes.len() == 1 && notes[0].starts_with("::notice "), "{notes:?}");
    assert!(
        notes[0].contains("grant `pull-requests%3A write`")
            || notes[0].contains("grant `pull-requests: write`")
    );
    assert!(ran.summary.contains("pull-requests"), "{}", ran.summary);
}

#[test]
fn a_review_that_is_not_wished_is_not_tried() {
    let fake = Fake::start();
    let mut job = job(&fake, "o/r");
    job.set("INPUT_REVIEW", "never");
    job.run(&fake);
    assert!(!fake.log().contains("/pulls"), "{}", fake.log());
    job.set("INPUT_REVIEW", "yes");
    let error = job.run(&fake).code.unwrap_err();
    assert_eq!(error, "input `review`: unknown value `yes`; known are auto, never");
}

#[test]
fn a_push_gets_no_review() {
    let fake = Fake::start();
    Job::new(&fake).run(&fake);
    assert!(!fake.log().contains("/pulls"), "{}", fake.log());
}

#[test]
fn a_check_run_is_on_the_head_and_says_what_the_scan_comes_to() {
    let fake = Fake::start();
    let mut job = job(&fake, "o/r");
    job.set("INPUT_CHECK-RUN", "always");
    let ran = job.run(&fake);
    assert!(ran.log.contains("check run with 1 annotation"), "{}", ran.log);
    assert_eq!(fake.state().checks.runs[0]["head_sha"], HEAD);
    assert_eq!(fake.state().checks.runs[0]["conclusion"], "failure");
    job.set("INPUT_FAIL-ON", "none");
    job.run(&fake);
    assert_eq!(fake.state().checks.runs[1]["conclusion"], "neutral");
}

#[test]
fn upload_and_review_share_one_budget() {
    let fake = Fake::start();
    fake.state()
        .always
        .push(("", Fault::Refuse(403, Vec::new(), "You have exceeded a secondary rate limit")));
    let ran = job(&fake, "o/r").run(&fake);
    assert_eq!(
        (ran.code.clone(), ran.notes().len(), reviews(&fake)),
        (Ok(Code::Findings), 1, 0),
        "{}",
        ran.log
    );
    assert!(fake.clock().passed() <= Duration::from_secs(600), "{:?}", fake.clock().passed());
}
