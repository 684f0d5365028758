//! A hostile repository in a pull request, and a hostile server: nothing of either becomes a command, an escape of a
//! comment, or a link, asserted on the raw bodies of reviews and check runs and on the raw output of every format.

use serde_json::{Value, json};
use snakestone::cli::Code;

use crate::action::{DEFECT, Job};
use crate::fake::{Fake, Fault};
use crate::hostile::{check_log, check_summary, commands, fill, workspace};

/// What no text of ours holds outside of code.
const MARKS: [&str; 11] =
    ["@someone", "#123", "http", "![", "](", "<img", "<script", "<!--", "##[", "`", "evil.example"];

/// Checks Markdown of a review: its code is closed, and the rest is text.
fn check_markdown(body: &str) {
    let (body, marker) =
        body.rsplit_once("\n<!-- snakestone:v1 ").map_or((body, None), |(body, marker)| (body, Some(marker)));
    if let Some(marker) = marker {
        let id = marker.strip_suffix(" -->").unwrap();
        assert!(id.chars().all(|c| c.is_ascii_hexdigit() || c == '-'), "{id}");
    }
    let mut text = String::new();
    let mut lines = body.lines();
    while let Some(line) = lines.next() {
        match line.strip_suffix("suggestion") {
            Some(fence) if fence.len() >= 3 && fence.bytes().all(|b| b == b'`') => {
                assert!(lines.by_ref().any(|line| line == fence), "an open fence: {body}");
            }
            _ => text.push_str(&format!("{line}\n")),
        }
    }
    let mut rest = String::new();
    for (i, part) in text.split("<code>").enumerate() {
        let (code, after) = if i == 0 { ("", part) } else { part.split_once("</code>").unwrap() };
        assert!(!code.contains(['<', '>', '`', '\n', '|']), "{code}");
        rest.push_str(after);
    }
    for mark in MARKS {
        assert!(!rest.contains(mark), "{mark:?} in {rest}");
    }
    let rest = rest.replace("<sub>", "").replace("</sub>", "");
    assert!(!rest.contains(['<', '>']), "{rest}");
    let is_odd = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert_eq!(body.chars().find(|&c| is_odd(c)), None, "{body:?}");
}

/// A pull request that adds the hostile files, and more than one review has room for.
fn pull(fake: &Fake) -> Job {
    let job = fill(Job::of_pull(fake, &json!("fork/r")));
    for n in 0..40 {
        let name = format!("1/{n} @someone #123 ![x](evil.example) ``` ##[error]forged <img>\n::error::x.py");
        job.write(&name, DEFECT.as_bytes());
    }
    let mut folders = vec![job.workspace()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if entry.file_type().unwrap().is_file() {
                let name = path.strip_prefix(job.workspace()).unwrap().to_str().unwrap().to_owned();
                fake.state().pulls.file(&name, "", &std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    job
}

#[test]
fn everything_said_in_a_hostile_pull_request_is_text() {
    let fake = Fake::start();
    let mut job = pull(&fake);
    job.set("INPUT_CHECK-RUN", "always");
    let ran = job.run(&fake);
    assert_eq!((ran.code.clone(), ran.notes()), (Ok(Code::Findings), Vec::new()), "{}", ran.log);
    check_log(&ran);
    check_summary(&ran);
    let state = fake.state();
    assert_eq!((state.pulls.reviews.len(), state.pulls.comments.len()), (1, 30));
    assert!(state.pulls.reviews[0].contains("left for another review"), "{}", state.pulls.reviews[0]);
    state.pulls.reviews.iter().map(String::as_str).chain(state.pulls.bodies()).for_each(check_markdown);
    assert!(state.checks.annotations[0].len() >= 40);
    for annotation in &state.checks.annotations[0] {
        for key in ["title", "message"] {
            let text = annotation[key].as_str().unwrap();
            let is_odd = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
            assert_eq!(text.chars().find(|&c| is_odd(c)), None, "{text:?}");
        }
    }
    let output = &state.checks.runs[0]["output"];
    check_markdown(output["title"].as_str().unwrap());
    check_markdown(output["summary"].as_str().unwrap());
    for seen in &state.seen {
        let body = String::from_utf8_lossy(&seen.body);
        assert!(!body.contains("secret_from_outside") && !body.contains(crate::fake::TOKEN), "{body:.300}");
    }
    // Messages of the SARIF file are Markdown to code scanning: the only links in them are to places of their own.
    for result in state.sarifs.taken[0].sarif["runs"][0]["results"].as_array().unwrap() {
        let text = result["message"]["text"].as_str().unwrap().replace("\\]", "").replace("\\[", "");
        for (_, target) in text.match_indices("](").map(|(at, _)| text[at..].split_at(2)) {
            let number = target.split(')').next().unwrap();
            assert!(number.bytes().all(|b| b.is_ascii_digit()), "{text}");
        }
    }
}

#[test]
fn texts_of_a_hostile_server_are_text() {
    let said =
        "x\r\n::error file=a::forged ##[error]y ![x](http://other.example) @someone #123 <img> \u{1b}[2J";
    for status in [403, 404, 422, 451] {
        let fake = Fake::start();
        fake.state().always.push(("", Fault::Refuse(status, Vec::new(), said)));
        let mut job = Job::of_pull(&fake, &json!("o/r"));
        job.set("INPUT_CHECK-RUN", "always");
        let ran = job.run(&fake);
        assert_eq!(ran.code, Ok(Code::Findings), "{}", ran.log);
        check_log(&ran);
        check_summary(&ran);
        assert!(ran.summary.contains("other.example") && !ran.summary.contains("http://other"));
    }
}

#[test]
fn pages_and_packs_of_a_hostile_project_are_text_too() {
    let evil = "see ::error::forged ![x](http://other.example) @someone #123";
    let page = format!(
        "---\nid: own-rule\nseverity: high\nprecision: high\ncwe: [78]\nedit: none\nflow: command\nmessage: \"{evil} {{source}} {{sink}}\"\nsolution: \"{evil}\"\nthreats: [local]\n---\n# {evil}\n\n{evil}\n\n## Do this\n{evil}\n\n```python\nimport os\nos.system(input())  # find\nos.system(\"x\")  # ok\n```\n"
    );
    let fake = Fake::start();
    let job = workspace(&fake);
    job.write("own.md", page.as_bytes());
    job.write("snakestone.yml", b"rules: [own.md]\n");
    job.write("b.py", b"import os\nos.system(input())\n");
    let ran = job.run(&fake);
    assert_eq!(ran.code, Ok(Code::Findings), "{}", ran.log);
    assert!(ran.summary.contains("own-rule") && !ran.summary.contains("http://other"), "{}", ran.summary);
    check_log(&ran);
    check_summary(&ran);
}

#[test]
fn no_format_that_a_step_prints_holds_a_command() {
    let fake = Fake::start();
    let job = workspace(&fake);
    let print = |format: &str| {
        let mut command = assert_cmd::Command::cargo_bin("snakestone").unwrap();
        let command =
            command.current_dir(job.workspace()).env_clear().arg("scan").args(["--color", "always"]);
        let output = command.args(["-o", format]).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(1), 0));
        String::from_utf8(output.stdout).unwrap()
    };
    for format in ["terminal", "jsonl", "sarif", "sarif-full", "markdown"] {
        let text = print(format);
        assert_eq!(commands(&text), [""; 0], "{format}");
        assert!(text.contains("forged") && !text.contains("secret_from_outside"), "{format}");
        let mut escapes = text.split('\u{1b}').skip(1);
        assert_eq!(format == "terminal", escapes.clone().count() > 0, "{format}");
        assert!(escapes.all(|escape| {
            let code = escape.strip_prefix('[').and_then(|rest| rest.split_once('m'));
            code.is_some_and(|(code, _)| code.chars().all(|c| c.is_ascii_digit() || c == ';'))
        }));
        let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\u{1b}');
        assert_eq!(text.chars().find(|&c| is_odd(c)), None, "{format}");
    }
    for line in print("jsonl").lines() {
        let finding: Value = serde_json::from_str(line).unwrap();
        assert!(finding["path"].is_string());
    }
    assert!(print("jsonl").contains("c #\\u0023[error]forged.py"), "what JSON says stays the same");
    let plain = print("github");
    let all = commands(&plain);
    assert!(
        all.iter().all(|line| line.starts_with("::warning file=") || line.starts_with("::notice file=")),
        "{all:?}"
    );
}
