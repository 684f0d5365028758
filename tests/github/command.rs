//! `snakestone upload` as people use it: where the file belongs, and each wrong use.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::event::{SHA, variables};
use crate::fake::{Fake, Fault, TOKEN};
use crate::fit::{log, result};

struct Said {
    code: i32,
    out: String,
    error: String,
}

fn run(dir: &Path, variables: &[(&str, &str)], args: &[&str]) -> Said {
    let mut command = assert_cmd::Command::cargo_bin("snakestone").unwrap();
    let command = command.current_dir(dir).env_clear().envs(variables.iter().copied());
    let output = command.arg("upload").args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let said =
        Said { code: output.status.code().unwrap(), out: text(output.stdout), error: text(output.stderr) };
    assert!(!said.out.contains(TOKEN) && !said.error.contains(TOKEN));
    said
}

fn file(dir: &Path) {
    fs::write(dir.join("a.sarif"), log(&[result(1)]).to_string()).unwrap();
}

#[test]
fn each_wrong_use_has_its_message() {
    let dir = tempfile::tempdir().unwrap();
    file(dir.path());
    fs::write(dir.path().join("text.sarif"), "hello").unwrap();
    fs::write(dir.path().join("odd.sarif"), r#"{"version": "2.1.0", "runs": [{}]}"#).unwrap();
    fs::File::create(dir.path().join("large.sarif")).unwrap().set_len((256 << 20) + 1).unwrap();
    let token = ("GITHUB_TOKEN", TOKEN);
    let whole = ["--repository", "o/r", "--ref", "refs/heads/main", "--sha", SHA];
    let with = |file: &'static str, rest: &[&'static str]| [&[file][..], rest].concat();
    for (variables, args, said) in [
        (&[token][..], vec![], "<FILE>"),
        (&[token], with("none.sarif", &whole), "cannot read `none.sarif`"),
        (&[token], with("large.sarif", &whole), "it is larger than 256 MiB"),
        (&[token], with("text.sarif", &whole), "cannot take `text.sarif`: no JSON"),
        (&[token], with("odd.sarif", &whole), "no name at `/runs/0/tool/driver/name`"),
        (
            &[],
            with("a.sarif", &whole),
            "put one with `security-events: write` into the environment as `GITHUB_TOKEN`",
        ),
        (&[("GITHUB_TOKEN", " ")], with("a.sarif", &whole), "as `GITHUB_TOKEN`"),
        (&[token], with("a.sarif", &whole[..4]), "--sha"),
        (&[token], with("a.sarif", &[&whole[..2], &whole[4..]].concat()), "--ref"),
        (
            &[token],
            with("a.sarif", &whole[2..]),
            "the repository is not known; outside of GitHub Actions pass `--repository OWNER/NAME`",
        ),
        (
            &[token],
            with("a.sarif", &whole[..2]),
            "the scanned commit is not known; outside of GitHub Actions pass `--ref` and `--sha`",
        ),
        (
            &[token],
            with("a.sarif", &["--repository", "r"]),
            "`--repository` is `r`, which is no repository (`OWNER/NAME`)",
        ),
        (
            &[token],
            with("a.sarif", &["--ref", "main", "--sha", SHA]),
            "`--ref` is `main`, which is no ref (`refs/heads/NAME`)",
        ),
        (
            &[token],
            with("a.sarif", &["--ref", "refs/heads/x", "--sha", "1"]),
            "`--sha` is `1`, which is no commit",
        ),
    ] {
        let ran = run(dir.path(), variables, &args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.error);
        assert!(ran.error.contains(said), "{args:?}: {}", ran.error);
    }
}

#[test]
fn a_merge_queue_is_nothing_to_do() {
    let dir = tempfile::tempdir().unwrap();
    file(dir.path());
    let queue = "refs/heads/gh-readonly-queue/main/pr-7";
    let args = ["a.sarif", "--repository", "o/r", "--ref", queue, "--sha", SHA];
    let ran = run(dir.path(), &[("GITHUB_TOKEN", TOKEN)], &args);
    assert_eq!(ran.code, 0, "{}", ran.error);
    assert!(ran.out.starts_with("nothing was uploaded: the ref of a merge queue"), "{}", ran.out);
}

#[test]
fn in_a_run_the_event_says_where_the_file_belongs() {
    let fake = Fake::start();
    fake.state()
        .always
        .push(("POST", Fault::Refuse(403, Vec::new(), "Resource not accessible by integration")));
    let dir = tempfile::tempdir().unwrap();
    file(dir.path());
    let event = variables(dir.path(), "push", "refs/heads/main", &json!({}));
    let mut all: Vec<(&str, &str)> =
        event.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    all.extend([("GITHUB_TOKEN", TOKEN), ("GITHUB_API_URL", &fake.url), ("GITHUB_ACTIONS", "true")]);
    let ran = run(dir.path(), &all, &["a.sarif", "--category", "mine"]);
    assert_eq!(ran.code, 3, "{}", ran.error);
    assert!(ran.error.contains("grant `security-events: write`"), "{}", ran.error);
    let seen = fake.state().seen[0].clone();
    assert_eq!(
        (seen.path.as_str(), &seen.json()["ref"]),
        ("/repos/o/r/code-scanning/sarifs", &json!("refs/heads/main"))
    );
}
