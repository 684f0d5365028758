//! A base that is not in the clone: the last analysis of its branch stands in, where GitHub gives it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::matrix::{Pull, action, before, swallows};

/// A GitHub that has one analysis, `log`, of `main`, and these open pull requests; its address, and the requests it
/// has seen. Without an analysis it lets nobody in.
fn github(log: Option<Value>, pulls: Value) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let request: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            let first = request[0].split(' ').nth(1).unwrap().to_owned();
            let accept = request.iter().any(|line| line.to_lowercase() == "accept: application/sarif+json");
            let analysis = |id: u32, category: &str| json!({"id": id, "ref": "refs/heads/main", "commit_sha": "0123456789abcdef", "category": category, "error": ""});
            let (status, body) = match (first.as_str(), &log) {
                (list, Some(_)) if list.starts_with("/repos/o/r/pulls?state=open&head=fork:topic&") => {
                    ("200 OK", pulls.clone())
                }
                ("/repos/o/r/code-scanning/analyses/7", Some(log)) if accept => ("200 OK", log.clone()),
                (list, Some(_))
                    if list.starts_with("/repos/o/r/code-scanning/analyses?ref=refs%2Fheads%2Fmain&") =>
                {
                    (
                        "200 OK",
                        json!([analysis(6, "other"), analysis(7, "snakestone"), analysis(5, "snakestone")]),
                    )
                }
                _ => ("403 Forbidden", json!({"message": "Resource not accessible by integration"})),
            };
            shared.lock().unwrap().push(first);
            let body = body.to_string();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    (url, seen)
}

#[test]
fn a_clone_of_depth_1_is_compared_with_the_branchs_last_analysis() {
    let pull = Pull::new(&[("a.py", &before())], &[("b.py", swallows("comes", "poll"))]);
    pull.repo.git(&["checkout", "-q", "main"]);
    let log = action(&pull.repo.root, None, &[]).sarif;
    let (url, _) = github(Some(log), json!([]));
    let inputs = [("GITHUB_API_URL", url.as_str()), ("token", "ghs_secret")];
    let run = action(&pull.checkout("1"), Some(&pull.event), &inputs);
    assert_eq!((run.code, run.counts), (1, (4, 1)), "{}", run.log);
    assert!(run.summary.contains("Compared with the last analysis of"), "{}", run.summary);
    assert!(!run.log.contains("all findings count"), "{}", run.log);
}

#[test]
fn a_code_scanning_that_says_nothing_costs_a_note() {
    let pull = Pull::new(&[("a.py", &before())], &[("c.py", "y = 1\n".to_owned())]);
    let folder = pull.checkout("1");
    let foreign = json!({"runs": [{"tool": {"driver": {"name": "Bandit"}}, "results": []}]});
    for log in [None, Some(foreign)] {
        let (url, seen) = github(log, json!([]));
        let inputs = [("GITHUB_API_URL", url.as_str()), ("token", "ghs_secret")];
        let run = action(&folder, Some(&pull.event), &inputs);
        assert_eq!((run.code, run.counts), (1, (3, 3)), "{}", run.log);
        assert!(run.log.contains("the last analysis of its branch is not had"), "{}", run.log);
        assert!(!run.log.contains("ghs_secret"));
        assert!(!seen.lock().unwrap().is_empty());
    }
}

#[test]
fn after_a_workflow_run_the_base_is_that_of_the_pull_request_with_its_head() {
    let pull = Pull::new(&[("a.py", &before())], &[("b.py", swallows("comes", "poll"))]);
    let repo = &pull.repo;
    let (head, base) = (repo.git(&["rev-parse", "topic"]), repo.git(&["rev-parse", "main"]));
    let event = repo.beside("run.json");
    let run = json!({
        "event": "pull_request",
        "head_sha": head,
        "head_branch": "topic",
        "head_repository": {"owner": {"login": "fork"}},
    });
    std::fs::write(&event, json!({"workflow_run": run}).to_string()).unwrap();
    let pulls = json!([{"number": 1, "head": {"sha": head}, "base": {"sha": base, "ref": "main"}}]);
    repo.git(&["checkout", "-q", "main"]);
    let log = action(&repo.root, None, &[]).sarif;
    let (url, seen) = github(Some(log), pulls);
    let inputs = [
        ("GITHUB_EVENT_NAME", "workflow_run"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_API_URL", url.as_str()),
        ("token", "ghs_secret"),
    ];
    // What is checked out by default is the default branch, which is compared with nothing.
    let run = action(&repo.root, Some(&event), &inputs);
    assert_eq!((run.code, run.counts, seen.lock().unwrap().len()), (1, (3, 3), 0), "{}", run.log);
    repo.git(&["checkout", "-q", "--detach", "topic"]);
    let run = action(&repo.root, Some(&event), &inputs);
    assert_eq!((run.code, run.counts), (1, (3, 1)), "{}", run.log);
    // In a shallow clone of the head the base's last analysis stands in.
    let clone = repo.beside("clone");
    let from = format!("file://{}", repo.root.display());
    let to = clone.to_str().unwrap();
    repo.git(&["clone", "-q", "--depth", "1", "--branch", "topic", &from, to]);
    crate::repo::git(&clone, &["checkout", "-q", "--detach"]);
    let run = action(&clone, Some(&event), &inputs);
    assert_eq!((run.code, run.counts), (1, (3, 1)), "{}", run.log);
    assert!(run.summary.contains("Compared with the last analysis of"), "{}", run.summary);
    // Where GitHub does not tell the pull request, all findings count, and a configuration from the base is none.
    let (closed, _) = github(None, json!([]));
    let closed = [&inputs[..2], &[("GITHUB_API_URL", closed.as_str()), ("token", "ghs_secret")]].concat();
    let run = action(&repo.root, Some(&event), &closed);
    assert_eq!((run.code, run.counts), (1, (3, 3)), "{}", run.log);
    assert!(run.log.contains("the pull request of this run is not known: the token lacks"), "{}", run.log);
    let run = action(&repo.root, Some(&event), &[&closed[..], &[("config-from", "base")]].concat());
    assert_eq!(run.code, 2, "{}", run.log);
    assert!(
        run.log.contains("the configuration is to come from the base, but the pull request"),
        "{}",
        run.log
    );
}
