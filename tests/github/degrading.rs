//! Where GitHub does not let us: each condition has one clear notice, the SARIF file stays, and the exit code is what
//! findings decide, unless the upload is required.

use serde_json::{Value, json};
use snakestone::cli::Code;

use crate::action::{DEFECT, Job, Ran};
use crate::event::{group_payload, pull_payload};
use crate::fake::{Fake, FakeClock, Fault};

/// Checks a run in which the upload was not possible for a reason that no setting of ours can change.
fn check(ran: &Ran, kind: &str, words: &[&str]) {
    assert_eq!(ran.code, Ok(Code::Findings), "{}", ran.log);
    assert_eq!(ran.output("exit-code"), "1");
    assert_eq!(ran.output("sarif-file"), "snakestone.sarif");
    let sarif = ran.sarif.as_ref().unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 1);
    let [note] = ran.notes()[..] else { panic!("{:?}", ran.notes()) };
    assert!(note.starts_with(kind), "{note}");
    for word in words {
        assert!(note.contains(word), "{word} in {note}");
    }
    assert!(ran.log.contains("::warning file=a.py,line=4"), "{}", ran.log);
    assert!(ran.summary.contains("> the SARIF file was not uploaded") && ran.summary.contains("bare"));
}

/// As [`check`], and that the same is red where the upload is required, whatever the findings.
fn check_both(job: &mut Job, fake: &Fake, kind: &str, words: &[&str]) {
    check(&job.run(fake), kind, words);
    job.set("INPUT_UPLOAD", "required");
    job.set("INPUT_FAIL-ON", "none");
    let ran = job.run(fake);
    assert_eq!(ran.code, Ok(Code::Failed), "{}", ran.log);
    assert_eq!(ran.notes().len(), 1);
    assert!(ran.sarif.is_some() && ran.outputs.contains("exit-code"));
}

fn refuse(fake: &Fake, status: u16, said: &'static str) {
    fake.state().always.push(("", Fault::Refuse(status, Vec::new(), said)));
}

#[test]
fn a_read_only_token_names_the_permission() {
    let fake = Fake::start();
    refuse(&fake, 403, "Resource not accessible by integration");
    check_both(&mut Job::new(&fake), &fake, "::warning", &["`security-events: write`", "permissions:"]);
}

#[test]
fn a_fork_is_told_of_both_set_ups() {
    for head in [json!("fork/r"), Value::Null] {
        let fake = Fake::start();
        refuse(&fake, 403, "Resource not accessible by integration");
        let words = ["upload-sarif", "workflow_run", "sarif-file"];
        check_both(&mut Job::of_pull(&fake, &head), &fake, "::notice", &words);
        assert_eq!(fake.state().count("POST", "/repos/o/r/code-scanning/sarifs"), 2, "one try a run");
    }
}

#[test]
fn dependabot_is_told_of_both_set_ups() {
    let fake = Fake::start();
    refuse(&fake, 403, "Resource not accessible by integration");
    let mut job = Job::new(&fake);
    job.set("GITHUB_ACTOR", "dependabot[bot]");
    check_both(&mut job, &fake, "::notice", &["Dependabot", "upload-sarif"]);
}

#[test]
fn code_security_off_or_a_private_repository_without_it_is_told_once() {
    for said in [
        "Code Security must be enabled for this repository to use code scanning.",
        "Advanced Security must be enabled for this repository to use code scanning.",
    ] {
        let fake = Fake::start();
        refuse(&fake, 403, said);
        check_both(&mut Job::new(&fake), &fake, "::notice", &["enable Code Security", "upload: never"]);
    }
}

#[test]
fn a_repository_that_the_token_cannot_see_is_told() {
    let fake = Fake::start();
    refuse(&fake, 404, "Not Found");
    check_both(&mut Job::new(&fake), &fake, "::warning", &["does not find it"]);
}

#[test]
fn no_network_is_told_after_some_tries() {
    let fake = Fake::start();
    let mut job = Job::new(&fake);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    job.set("GITHUB_API_URL", &format!("http://127.0.0.1:{port}"));
    check_both(&mut job, &fake, "::warning", &["the connection failed", "HTTPS_PROXY"]);
}

#[test]
fn a_rate_limit_that_does_not_end_in_time_is_told() {
    let fake = Fake::start();
    let reset = (FakeClock::START.as_secs() + 3_000).to_string();
    let headers = vec![("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", reset)];
    fake.state().always.push(("", Fault::Refuse(403, headers, "API rate limit exceeded")));
    check_both(&mut Job::new(&fake), &fake, "::warning", &["rate limit"]);
    assert_eq!(fake.clock().sleeps(), [0_u64; 0], "what is too long is not begun");
}

#[test]
fn errors_of_the_server_are_told() {
    let fake = Fake::start();
    refuse(&fake, 503, "down");
    check_both(&mut Job::new(&fake), &fake, "::warning", &["status 503", "again later"]);
}

#[test]
fn ghes_is_reached_below_its_path() {
    let fake = Fake::start();
    let mut job = Job::new(&fake);
    job.set("GITHUB_API_URL", &format!("{}/api/v3", fake.url));
    let ran = job.run(&fake);
    assert_eq!(ran.code, Ok(Code::Findings));
    let first = fake.state().seen[0].path.clone();
    assert_eq!(first, "/api/v3/repos/o/r/code-scanning/sarifs");
}

#[test]
fn a_host_that_is_not_https_gets_no_token() {
    let fake = Fake::start();
    let mut job = Job::new(&fake);
    job.set("GITHUB_API_URL", "http://ghes.example/api/v3");
    check_both(&mut job, &fake, "::warning", &["GITHUB_API_URL", "not `https`"]);
}

#[test]
fn without_a_token_nothing_is_tried() {
    let fake = Fake::start();
    let mut job = Job::new(&fake);
    job.variables.remove("INPUT_TOKEN");
    check_both(&mut job, &fake, "::warning", &["there is no token"]);
    assert_eq!(fake.log(), "");
}

#[test]
fn a_merge_queue_is_scanned_and_skipped_with_a_notice() {
    let fake = Fake::start();
    let mut job = Job::new(&fake);
    job.event("merge_group", "refs/heads/gh-readonly-queue/main/pr-7-2222", &group_payload());
    check(&job.run(&fake), "::notice", &["merge queue"]);
    job.set("INPUT_UPLOAD", "required");
    assert_eq!(job.run(&fake).code, Ok(Code::Findings), "nothing could be required");
    assert_eq!(fake.log(), "");
}

#[test]
fn pull_request_target_never_uploads() {
    let fake = Fake::start();
    let mut job = Job::new(&fake);
    job.event("pull_request_target", "refs/heads/main", &pull_payload(&json!("fork/r")));
    check(&job.run(&fake), "::notice", &["use `pull_request`"]);
    assert_eq!(fake.log(), "");
}

#[test]
fn an_event_that_is_not_githubs_is_told() {
    let fake = Fake::start();
    let mut job = Job::new(&fake);
    job.event("pull_request", "refs/pull/7/merge", &json!({"pull_request": 7}));
    check_both(&mut job, &fake, "::warning", &["the event `pull_request` does not say"]);
    job.variables.remove("GITHUB_REPOSITORY");
    job.set("INPUT_UPLOAD", "auto");
    job.set("INPUT_FAIL-ON", "medium");
    check(&job.run(&fake), "::notice", &["no run of GitHub Actions"]);
}

#[test]
fn what_github_finds_wrong_with_the_file_is_told() {
    let fake = Fake::start();
    fake.state().sarifs.errors = vec!["rejecting delivery as the repository has too many logical alerts"];
    check_both(&mut Job::new(&fake), &fake, "::warning", &["too many logical alerts", "category"]);
}

#[test]
fn a_failed_scan_says_that_no_alert_is_closed() {
    let fake = Fake::start();
    let job = Job::new(&fake);
    job.write("snakestone.yml", b"disabel: [x]\n");
    let ran = job.run(&fake);
    let [note] = ran.notes()[..] else { panic!("{:?}", ran.notes()) };
    assert!(note.contains("closes no alert"), "{note}");
}

/// A fork's token, at its strictest: nothing may be read either.
#[test]
fn where_everything_is_forbidden_findings_decide() {
    for (code, text) in [(Code::Findings, DEFECT), (Code::Clean, "x = 1\n")] {
        let fake = Fake::start();
        refuse(&fake, 403, "Resource not accessible by integration");
        let mut job = Job::of_pull(&fake, &json!("fork/r"));
        job.set("INPUT_CHECK-RUN", "always");
        job.write("a.py", text.as_bytes());
        let ran = job.run(&fake);
        assert_eq!((ran.code.clone(), ran.notes().len()), (Ok(code), 1), "{}", ran.log);
        assert_eq!(ran.output("exit-code"), (code as u8).to_string());
        assert!(ran.sarif.is_some() && ran.summary.contains("> the SARIF file was not uploaded"));
        assert_eq!(ran.log.contains("::warning file=a.py"), code == Code::Findings);
    }
}
