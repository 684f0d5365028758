//! `snakestone review` as a process: what it is told, what it asks of GitHub, what it prints, how it ends.

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

use crate::fake::pulls::HEAD;
use crate::fake::{Fake, Fault, TOKEN};
use crate::project::{Files, defects, scan};

/// A folder with `snakestone.sarif` of one defect in `a.py`, which the pull request adds.
fn set_up(fake: &Fake) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let text = defects(&["up"]);
    let sarif = scan(&Files::from([("a.py".to_owned(), text.clone())])).sarif("snakestone/", true);
    fs::write(dir.path().join("snakestone.sarif"), sarif).unwrap();
    fake.state().pulls.file("a.py", "", &text);
    dir
}

fn run(fake: &Fake, dir: &Path, args: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::cargo_bin("snakestone").unwrap();
    let output: Output = command
        .current_dir(dir)
        .env_clear()
        .env("GITHUB_API_URL", &fake.url)
        .envs(variables.iter().copied())
        .arg("review")
        .args(args)
        .output()
        .unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    let said = String::from_utf8(said).unwrap();
    assert!(!said.contains(TOKEN), "{said}");
    (output.status.code().unwrap(), said)
}

#[test]
fn options_say_what_is_reviewed() {
    let fake = Fake::start();
    let dir = set_up(&fake);
    let args = ["snakestone.sarif", "--repository", "o/r", "--sha", HEAD];
    let (code, said) = run(&fake, dir.path(), &args, &[("GITHUB_TOKEN", TOKEN)]);
    assert_eq!(
        (code, said.as_str()),
        (
            0,
            "review of pull request #7: 1 comment written, 0 of an earlier run still hold, 0 deleted since their \
             finding is gone\n"
        )
    );
    assert_eq!(fake.state().pulls.bodies().len(), 1);
}

#[test]
fn a_check_run_is_written_where_it_is_asked_for() {
    let fake = Fake::start();
    let dir = set_up(&fake);
    let args =
        ["snakestone.sarif", "--repository", "o/r", "--sha", HEAD, "--pull-request", "7", "--check-run"];
    let (code, said) = run(&fake, dir.path(), &args, &[("GITHUB_TOKEN", TOKEN)]);
    assert_eq!(code, 0);
    assert!(said.ends_with("check run with 1 annotation\n"), "{said}");
    assert_eq!(fake.state().checks.runs[0]["conclusion"], "neutral");
}

/// The two workflows: one scans a fork's pull request without rights, the other reviews with them.
#[test]
fn after_the_workflow_of_a_fork_the_event_says_what_is_reviewed_and_not_the_file() {
    let fake = Fake::start();
    fake.state().pulls.from = "fork/r";
    let dir = set_up(&fake);
    let event = serde_json::json!({"workflow_run": {
        "event": "pull_request",
        "head_sha": HEAD,
        "head_branch": "topic",
        "head_repository": {"owner": {"login": "fork"}},
        "pull_requests": [],
    }});
    let path = dir.path().join("event.json");
    fs::write(&path, event.to_string()).unwrap();
    let base = "4".repeat(40);
    let variables = [
        ("GITHUB_TOKEN", TOKEN),
        ("GITHUB_REPOSITORY", "o/r"),
        ("GITHUB_EVENT_NAME", "workflow_run"),
        ("GITHUB_EVENT_PATH", path.to_str().unwrap()),
        ("GITHUB_SHA", &base),
        ("GITHUB_REF", "refs/heads/main"),
    ];
    let (code, said) = run(&fake, dir.path(), &["snakestone.sarif"], &variables);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 comment written"), "{said}");
    assert!(fake.state().pulls.reviews[0].contains("in the pull request's own workflow"));
    assert!(fake.state().seen[0].query.starts_with("state=open&head=fork:topic"));
}

#[test]
fn a_token_that_may_only_read_is_told_of_and_fails_nothing() {
    let fake = Fake::start();
    let dir = set_up(&fake);
    let said = "Resource not accessible by integration";
    fake.state().always.push(("POST /repos", Fault::Refuse(403, Vec::new(), said)));
    let args = ["snakestone.sarif", "--repository", "o/r", "--sha", HEAD];
    let (code, said) = run(&fake, dir.path(), &args, &[("GITHUB_TOKEN", TOKEN)]);
    assert_eq!(code, 0);
    assert!(said.contains("lacks the permission `pull-requests: write`"), "{said}");
    assert!(said.contains("`workflow_run`"), "{said}");
}

#[test]
fn no_pull_request_is_told_of_and_fails_nothing() {
    let fake = Fake::start();
    let dir = set_up(&fake);
    let args = ["snakestone.sarif", "--repository", "o/r", "--sha", &"3".repeat(40)];
    let (code, said) = run(&fake, dir.path(), &args, &[("GITHUB_TOKEN", TOKEN)]);
    assert_eq!(code, 0);
    assert!(said.starts_with("no review: no open pull request of `o/r` has the head `333"), "{said}");
}

#[test]
fn wrong_use_is_told_with_a_remedy() {
    let fake = Fake::start();
    let dir = set_up(&fake);
    fs::write(dir.path().join("other.sarif"), "{}").unwrap();
    let token = [("GITHUB_TOKEN", TOKEN)];
    for (args, variables, said) in [
        (&["missing.sarif"][..], &token[..], "cannot read `missing.sarif`: "),
        (
            &["other.sarif"],
            &token,
            "cannot take `other.sarif`: it is no SARIF file as `snakestone scan -o sarif=FILE`",
        ),
        (&["snakestone.sarif"], &token, "pass `--repository OWNER/NAME`"),
        (&["snakestone.sarif", "--repository", "o"], &token, "`--repository` is `o`, which is no repository"),
        (&["snakestone.sarif", "--repository", "o/r"], &token, "pass `--sha SHA`"),
        (&["snakestone.sarif", "--repository", "o/r", "--sha", "main"], &token, "which is no commit"),
        (
            &["snakestone.sarif", "--repository", "o/r", "--sha", HEAD],
            &[],
            "put one with `pull-requests: write` into the environment as `GITHUB_TOKEN`",
        ),
        (&["snakestone.sarif", "--pull-request", "x"], &token, "invalid value 'x'"),
    ] {
        let (code, all) = run(&fake, dir.path(), args, variables);
        assert_eq!(code, 2, "{args:?}: {all}");
        assert!(all.contains(said), "{args:?}: {all}");
    }
    assert_eq!(fake.log(), "");
}

/// Texts of the scanned code and of the server reach the log as one line that is no command.
#[test]
fn nothing_in_the_file_becomes_a_command_of_the_runner() {
    let fake = Fake::start();
    let dir = set_up(&fake);
    let text = fs::read_to_string(dir.path().join("snakestone.sarif")).unwrap();
    let forged = text.replace("a.py", "%0A%3A%3Aerror%3A%3Ax%23%23[error]y.py");
    fs::write(dir.path().join("snakestone.sarif"), forged).unwrap();
    let path = "\n::error::x##[error]y.py";
    fake.state().pulls.file(path, "", &defects(&["up"]));
    fake.state().pulls.disliked = Some("suggestion");
    let args = ["snakestone.sarif", "--repository", "o/r", "--sha", HEAD];
    let (code, said) = run(&fake, dir.path(), &args, &[("GITHUB_TOKEN", TOKEN)]);
    assert_eq!((code, said.lines().count()), (0, 2), "{said}");
    assert!(said.contains("GitHub refuses the comment on  ::error::x# #[error]y.py"), "{said}");
    assert!(said.lines().all(|line| !line.trim_start().starts_with("::") && !line.contains("##[")), "{said}");
}
