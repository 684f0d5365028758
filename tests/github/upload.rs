//! Every row of the table of answers to an upload, and polling.

use std::time::Duration;

use serde_json::{Value, json};
use snakestone::github::analyses;
use snakestone::github::client::Client;
use snakestone::github::event::{Repository, Run, Target};
use snakestone::github::failure::{Failure, Fault};
use snakestone::github::pull::NoPull;
use snakestone::github::upload::{self, Done, End, Upload, UploadError};

use crate::event::{HEAD, SHA};
use crate::fake::pulls::repository;
use crate::fake::{Fake, FakeClock, Fault as Befalls};
use crate::fit::{log, result};

fn target() -> Target {
    Target::At { git_ref: "refs/heads/main".to_owned(), sha: SHA.to_owned() }
}

fn upload_to(client: &mut Client, target: Target, log: &Value) -> Result<Done, UploadError> {
    let repository = Repository::parse("o/r").unwrap();
    let log = log.to_string();
    let upload = Upload {
        repository: &repository,
        target,
        log: log.as_bytes(),
        category: None,
        checkout_uri: Some("file:///github/workspace/".to_owned()),
        began: FakeClock::START,
    };
    upload::run(client, &upload)
}

/// One result, uploaded to `main`.
pub(crate) fn upload(fake: &Fake) -> Result<Done, UploadError> {
    upload_to(&mut fake.client(), target(), &log(&[result(1)]))
}

fn refused(status: u16, message: &'static str) -> Befalls {
    Befalls::Refuse(status, Vec::new(), message)
}

#[test]
fn an_upload_says_what_github_wants_to_know_and_nothing_else() {
    let fake = Fake::start();
    let done = upload(&fake).unwrap();
    assert_eq!((done.end, done.n_results), (End::Complete, 1));
    let state = fake.state();
    let sent = &state.sarifs.taken[0];
    assert_eq!(sent.sarif, log(&[result(1)]));
    let mut body = sent.body.clone();
    body.as_object_mut().unwrap().remove("sarif");
    assert_eq!(
        body,
        json!({
            "commit_sha": SHA,
            "ref": "refs/heads/main",
            "checkout_uri": "file:///github/workspace/",
            "started_at": "2027-01-15T08:00:00Z",
            "tool_name": "Snakestone",
        })
    );
}

#[test]
fn an_upload_is_polled_at_5_15_35_75_and_155_seconds() {
    let fake = Fake::start();
    fake.state().sarifs.takes = Duration::from_secs(80);
    assert_eq!(upload(&fake).unwrap().end, End::Complete);
    assert_eq!(fake.clock().sleeps(), [5, 10, 20, 40, 80]);
    assert_eq!(fake.state().seen.iter().filter(|seen| seen.method == "GET").count(), 5);
}

#[test]
fn an_upload_that_stays_pending_is_no_failure() {
    let fake = Fake::start();
    fake.state().sarifs.takes = Duration::from_secs(1_000);
    assert_eq!(upload(&fake).unwrap().end, End::Pending);
    assert_eq!(fake.clock().passed(), Duration::from_secs(155));
}

#[test]
fn polling_goes_on_over_401_403_404_and_5xx() {
    let fake = Fake::start();
    fake.befall([Befalls::None, Befalls::status(401), Befalls::status(403), Befalls::status(404)]);
    assert_eq!(upload(&fake).unwrap().end, End::Complete);
    assert_eq!(fake.clock().sleeps(), [5, 10, 20, 40]);
}

#[test]
fn polling_ends_at_400_410_422_and_451() {
    for status in [400, 410, 422, 451] {
        let fake = Fake::start();
        fake.befall([Befalls::None, Befalls::status(status)]);
        assert!(upload(&fake).is_err(), "{status}");
        assert_eq!(fake.clock().sleeps(), [5]);
    }
}

#[test]
fn errors_of_processing_are_sorted_by_whose_fault_they_are() {
    for (error, fault) in [
        ("rejecting delivery as the repository has too many logical alerts", Fault::Repository),
        ("A delivery cannot contain multiple runs with the same category", Fault::Repository),
        ("rejecting SARIF, as there are more runs than allowed (21 > 20)", Fault::Ours),
        ("locationFromSarifResult: expected artifact location", Fault::Ours),
        ("an invalid URI was provided as a SARIF location", Fault::Ours),
        ("could not convert rules: invalid security severity value, is not a number: x", Fault::Ours),
        ("SARIF URI scheme \"ftp\" did not match the checkout URI scheme \"file\"", Fault::Ours),
        ("something of GitHub broke", Fault::Passing),
    ] {
        let fake = Fake::start();
        fake.state().sarifs.errors = vec![error];
        let failure = upload(&fake).unwrap_err();
        assert_eq!(failure.fault(), fault, "{error}");
        assert!(failure.to_string().contains(error) && !failure.remedy().is_empty());
    }
}

#[test]
fn a_crashed_scan_is_reported_as_unsuccessful() {
    let fake = Fake::start();
    let mut crashed = log(&[]);
    crashed["runs"][0]["invocations"][0]["executionSuccessful"] = json!(false);
    let done = upload_to(&mut fake.client(), target(), &crashed).unwrap();
    assert_eq!(done.end, End::NotedAsUnsuccessful);
}

#[test]
fn answer_400_is_our_fault() {
    let fake = Fake::start();
    fake.befall([refused(400, "invalid SARIF")]);
    let failure = upload(&fake).unwrap_err();
    assert_eq!(failure.fault(), Fault::Ours);
    assert!(failure.remedy().contains("report"), "{}", failure.remedy());
    assert_eq!(fake.state().seen.len(), 1);
}

#[test]
fn answer_403_not_enabled_is_the_repositorys_setting() {
    for said in [
        "Advanced Security must be enabled for this repository to use code scanning.",
        "Code scanning is not enabled for this repository. Please enable code scanning in the repository settings.",
        "Repository was archived so is read-only.",
    ] {
        let fake = Fake::start();
        fake.befall([refused(403, said)]);
        let failure = upload(&fake).unwrap_err();
        assert!(matches!(failure, UploadError::Failure(Failure::NotEnabled { .. })), "{failure:?}");
        assert_eq!(fake.state().seen.len(), 1);
    }
}

#[test]
fn answer_403_read_only_token_names_the_permission() {
    let fake = Fake::start();
    fake.befall([refused(403, "Resource not accessible by integration")]);
    let failure = upload(&fake).unwrap_err();
    assert!(failure.remedy().contains("`security-events: write`"), "{}", failure.remedy());
    assert_eq!(fake.state().seen.len(), 1);
}

#[test]
fn answer_403_or_429_rate_limit_is_waited_for() {
    for status in [403, 429] {
        let fake = Fake::start();
        let headers = vec![("retry-after", "30".to_owned())];
        fake.befall([Befalls::Refuse(status, headers, "You have exceeded a secondary rate limit.")]);
        assert_eq!(upload(&fake).unwrap().end, End::Complete);
        assert_eq!(fake.clock().sleeps(), [30, 5]);
    }
}

#[test]
fn answer_404_or_not_found_is_explained_and_not_repeated() {
    for (status, said) in
        [(404, "ref 'refs/heads/main' not found in this repository"), (422, "commit not found")]
    {
        let fake = Fake::start();
        fake.befall([refused(status, said)]);
        let failure = upload(&fake).unwrap_err();
        assert_eq!(failure, UploadError::Failure(Failure::NotFound { said: said.to_owned() }));
        assert!(failure.remedy().contains("commit"), "{}", failure.remedy());
        assert_eq!(fake.state().seen.len(), 1);
    }
}

#[test]
fn answer_413_drops_paths_and_then_the_least_severe_and_says_so() {
    let fake = Fake::start();
    let results: Vec<Value> = (1..400).map(result).collect();
    fake.state().sarifs.max_packed = Some(800);
    let done = upload_to(&mut fake.client(), target(), &log(&results)).unwrap();
    assert!(done.n_results < 399 && done.n_results > 0, "{done:?}");
    assert!(done.said[0].contains("least severe of 399"), "{:?}", done.said);
    assert_eq!(fake.state().sarifs.taken.len(), 1);
}

#[test]
fn answer_5xx_and_transport_are_repeated_after_looking() {
    for fault in [Befalls::status(503), Befalls::Cut, Befalls::Hang] {
        let fake = Fake::start();
        fake.befall([fault.clone()]);
        assert_eq!(upload(&fake).unwrap().end, End::Complete, "{fault:?}");
        let state = fake.state();
        assert_eq!(state.count("POST", "/repos/o/r/code-scanning/sarifs"), 2);
        assert_eq!(state.count("GET", "/repos/o/r/code-scanning/analyses"), 3);
        assert_eq!(state.sarifs.taken.len(), 1);
    }
}

#[test]
fn an_upload_whose_answer_was_lost_is_found_and_not_sent_again() {
    for fault in [Befalls::LoseAnswer, Befalls::DoAndFail, Befalls::DoAndGarble] {
        let fake = Fake::start();
        fake.state().sarifs.takes = Duration::from_secs(12);
        fake.befall([fault.clone()]);
        assert_eq!(upload(&fake).unwrap().end, End::Complete, "{fault:?}");
        assert_eq!(fake.state().sarifs.taken.len(), 1);
        assert_eq!(fake.state().count("POST", "/repos/o/r/code-scanning/sarifs"), 1);
    }
}

#[test]
fn an_older_analysis_of_the_commit_is_not_taken_for_the_upload() {
    let fake = Fake::start();
    upload(&fake).unwrap();
    snakestone::github::wait::Clock::sleep(&fake.clock(), Duration::from_secs(600));
    fake.befall([Befalls::Cut]);
    upload(&fake).unwrap();
    assert_eq!(fake.state().sarifs.taken.len(), 2);
}

#[test]
fn after_a_forks_run_the_pull_request_is_found_by_its_head() {
    let run = Run {
        head_sha: HEAD.to_owned(),
        head_branch: "topic".to_owned(),
        head_owner: Some("fork".to_owned()),
        is_of_pull: true,
    };
    let fake = Fake::start();
    fake.state().pulls.open = vec![json!({"number": 6, "head": {"sha": SHA}})];
    let done = upload_to(&mut fake.client(), Target::PullOf(run.clone()), &log(&[])).unwrap();
    assert_eq!(done.git_ref, "refs/pull/7/head");
    assert_eq!(fake.state().sarifs.taken[0].body["commit_sha"], HEAD);
    fake.state().pulls.open.pop();
    fake.state().pulls.state = "closed";
    let gone = upload_to(&mut fake.client(), Target::PullOf(run.clone()), &log(&[]));
    let none = NoPull::None { repository: repository(), head: HEAD.to_owned() };
    assert_eq!(gone, Err(UploadError::NoPull(none.clone())));
    let deleted = Run { head_owner: None, ..run };
    let gone = upload_to(&mut fake.client(), Target::PullOf(deleted.clone()), &log(&[]));
    assert_eq!(gone, Err(UploadError::NoPull(none)));
    // The fork may be gone and the pull request still be open; and one branch may have several.
    fake.state().pulls.state = "open";
    let done = upload_to(&mut fake.client(), Target::PullOf(deleted.clone()), &log(&[])).unwrap();
    assert_eq!(done.git_ref, "refs/pull/7/head");
    fake.state().pulls.open = vec![json!({"number": 6, "head": {"sha": HEAD}})];
    let several = upload_to(&mut fake.client(), Target::PullOf(deleted), &log(&[])).unwrap_err();
    assert_eq!(several, NoPull::Several { head: HEAD.to_owned(), numbers: vec![6, 7] }.into());
    assert!(several.remedy().contains("--ref refs/pull/NUMBER/head"), "{}", several.remedy());
}

#[test]
fn the_last_analysis_of_a_branch_is_read_back() {
    let fake = Fake::start();
    upload(&fake).unwrap();
    let mut client = fake.client();
    let last = log(&[result(1), result(2)]);
    upload_to(&mut client, target(), &last).unwrap();
    let mut latest = |git_ref: &str| analyses::latest(&mut client, &repository(), git_ref, "snakestone");
    assert_eq!(latest("refs/heads/main"), Ok(Some((last, SHA.to_owned()))));
    assert_eq!(latest("refs/heads/other"), Ok(None));
}

#[test]
fn what_belongs_nowhere_or_is_no_sarif_is_not_sent() {
    let fake = Fake::start();
    let mut client = fake.client();
    let nowhere = upload_to(&mut client, Target::Nowhere("a merge queue"), &log(&[]));
    assert_eq!(nowhere, Err(UploadError::Nowhere("a merge queue")));
    assert!(matches!(upload_to(&mut client, target(), &json!([])), Err(UploadError::Unfit(_))));
    assert_eq!(fake.log(), "");
}
