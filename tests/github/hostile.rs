//! A hostile repository: no forged command, no escape in a report, nothing read or written outside of the tree. All
//! of it is asserted on the raw output of the action's run.

use std::fs;
use std::os::unix::fs::symlink;

use snakestone::cli::Code;

use crate::action::{DEFECT, Job, Ran};
use crate::fake::Fake;

/// Names that runner, Markdown or terminal could take for something else.
pub(crate) const NAMES: [&str; 9] = [
    "a\n::error file=x,line=1::forged.py",
    "b\r::add-mask::forged.py",
    "c ##[error]forged.py",
    "d ![x](http:\u{2215}\u{2215}evil.example\u{2215}x.png).py",
    "e @someone #123 owner&repo.py",
    "f `tick` ```.py",
    "g <img src=x onerror=forged> | cell.py",
    "h%0A::error::forged,title=x.py",
    "i \u{1b}]0;title\u{7}\u{202e}.py",
];

/// A job in a workspace that tries everything but long code, whose scan takes its time.
pub(crate) fn workspace(fake: &Fake) -> Job {
    fill(Job::new(fake))
}

/// Writes what is hostile into the job's workspace.
pub(crate) fn fill(job: Job) -> Job {
    for name in NAMES {
        job.write(&format!("0/{name}"), DEFECT.as_bytes());
    }
    let evil = "::error::forged ##[error]forged\\n::stop-commands::x ![x](http://evil.example/y.png) @someone #123 ``` <script>";
    job.write(
        "evil.py",
        format!("def f(x):\n    try:\n        x.send()\n    except:\n        x.log('{evil}')\n").as_bytes(),
    );
    job.write(
        "name.py",
        "def ｆ(x):\n    try:\n        x.send()\n    except:  # ::error::forged\n        pass\n".as_bytes(),
    );
    let long = format!("x = '{}'  # ::error::forged\n{DEFECT}", "::error::forged ##[warning]".repeat(40_000));
    assert!(long.len() > 1_000_000);
    job.write("long.py", long.as_bytes());
    // Secrets beside the workspace, and links to them.
    fs::write(job.dir.path().join("secret.py"), DEFECT.replace("failed", "secret_from_outside")).unwrap();
    fs::write(job.dir.path().join("secret.yml"), "secret_from_outside: 1\n").unwrap();
    symlink("../secret.py", job.workspace().join("link.py")).unwrap();
    symlink("..", job.workspace().join("up")).unwrap();
    job
}

/// Every line of a text that the runner takes for a command, by both of its syntaxes.
pub(crate) fn commands(log: &str) -> Vec<&str> {
    let lines = log.split(['\n', '\r']);
    lines.filter(|line| line.trim_start().starts_with("::") || line.contains("##[")).collect()
}

pub(crate) fn check_log(ran: &Ran) {
    for command in commands(&ran.log) {
        let is_ours = [
            "::error file=",
            "::warning file=",
            "::notice file=",
            "::notice title=Snakestone::",
            "::warning title=Snakestone::",
        ];
        assert!(is_ours.iter().any(|ours| command.starts_with(ours)), "{command:.300}");
        let (head, _) = command[2..].split_once("::").unwrap();
        let keys: Vec<&str> =
            head.split_once(' ').unwrap().1.split(',').map(|pair| pair.split_once('=').unwrap().0).collect();
        let known = ["file", "line", "endLine", "col", "endColumn", "title"];
        assert!(keys.iter().all(|key| known.contains(key)), "{command:.300}");
        let mut once = keys.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), keys.len(), "a property twice: {command:.300}");
        assert!(command.chars().count() < 6_000);
        assert!(!command.contains("##["), "{command:.300}");
    }
    let odd =
        ran.log.chars().find(|&c| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c));
    assert_eq!(odd, None);
}

pub(crate) fn check_summary(ran: &Ran) {
    assert!(ran.summary.len() < 1_048_576);
    let links_of_ours = concat!("](", env!("CARGO_PKG_REPOSITORY"), "/blob/main/src/rules/");
    let summary = ran.summary.replace(links_of_ours, "");
    for mark in ["<script", "<img", "![x]", "](http", "\u{1b}", "\u{202e}", "\n::", "```"] {
        assert!(!summary.contains(mark), "{mark:?} in {summary}");
    }
    let without_code: String = ran
        .summary
        .split("<code>")
        .map(|part| part.split_once("</code>").map_or(part, |(_, text)| text))
        .collect();
    for mark in ["@someone", "#123", "evil.example"] {
        assert!(!without_code.contains(mark), "{mark:?} in {without_code}");
    }
    for row in ran.summary.lines().filter(|line| line.starts_with("| <code>")) {
        assert_eq!(row.matches('|').count(), 5, "{row:.300}");
    }
}

/// Outputs as the runner reads them: a name, a delimiter, lines until that delimiter.
fn outputs(text: &str) -> Vec<(&str, String)> {
    let mut lines = text.lines();
    let mut all = Vec::new();
    while let Some(line) = lines.next() {
        let (name, delimiter) = line.split_once("<<").unwrap_or_else(|| panic!("{line}"));
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        all.push((name, value.join("\n")));
    }
    all
}

#[test]
fn a_hostile_repository_forges_nothing_and_reads_nothing_outside() {
    let fake = Fake::start();
    let job = workspace(&fake);
    job.write("one_line.py", format!("try: {}\nexcept: pass\n", "f(); ".repeat(200_000)).as_bytes());
    let ran = job.run(&fake);
    assert_eq!(ran.code, Ok(Code::Findings));
    check_log(&ran);
    check_summary(&ran);
    let names: Vec<&str> = outputs(&ran.outputs).iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["sarif-file", "findings", "new-findings", "exit-code"]);
    let sarif = ran.sarif.as_ref().unwrap().to_string();
    let sent = fake.state().sarifs.taken[0].sarif.to_string();
    for text in [&ran.log, &ran.summary, &ran.outputs, &sarif, &sent] {
        assert!(!text.contains("secret_from_outside"));
        assert!(!text.contains(crate::fake::TOKEN));
    }
    let results = ran.sarif.as_ref().unwrap()["runs"][0]["results"].as_array().unwrap().clone();
    for name in NAMES {
        let of = |result: &serde_json::Value| {
            let uri = result.pointer("/locations/0/physicalLocation/artifactLocation/uri");
            percent_decoded(uri.unwrap().as_str().unwrap()) == format!("0/{name}").into_bytes()
        };
        assert!(results.iter().any(of), "{name:?} is missing");
    }
}

pub(crate) fn percent_decoded(uri: &str) -> Vec<u8> {
    let bytes = uri.as_bytes();
    let (mut out, mut i) = (Vec::new(), 0);
    while i < bytes.len() {
        if bytes[i] == b'%' {
            out.push(u8::from_str_radix(&uri[i + 1..i + 3], 16).unwrap());
            i += 3;
        } else {
            out.push(bytes[i]);
            i += 1;
        }
    }
    out
}

#[test]
fn the_sarif_file_is_not_written_through_links() {
    let fake = Fake::start();
    let job = workspace(&fake);
    let environment = job.dir.path().join("github_env");
    fs::write(&environment, "").unwrap();
    symlink(&environment, job.workspace().join("snakestone.sarif")).unwrap();
    let ran = job.run(&fake);
    assert_eq!(ran.code, Ok(Code::Findings));
    assert_eq!(fs::read_to_string(&environment).unwrap(), "", "written through a link");
    assert!(ran.sarif.is_some(), "the link has given way to the file");

    let mut job = workspace(&fake);
    job.set("INPUT_SARIF-FILE", "up/out.sarif");
    let ran = job.run(&fake);
    assert!(ran.code.unwrap_err().contains("`up` is a symbolic link"));
    assert!(!job.dir.path().join("out.sarif").exists());
    assert!(ran.summary.contains("Conclusion") && ran.outputs.contains("exit-code"), "the rest is done");
}

#[test]
fn a_hostile_configuration_gets_an_error_without_what_it_points_at() {
    for config in [
        "models: [../secret.yml]\n",
        "models: [/etc/passwd]\n",
        "rules: [up/secret.yml]\n",
        "models: [link.yml]\n",
        "rules: [\"a\\n::error::forged.md\"]\n",
        "disable: [\"::error::forged\", \"##[error]forged\"]\n",
        "\"x\\n::error::forged\": 1\n",
        "a: &a [*a, *a]\n",
        "command: rm -rf /\nplugins: [evil.py]\n",
        "!!python/object/apply:os.system [\"touch pwned\"]\n",
    ] {
        let fake = Fake::start();
        let job = workspace(&fake);
        symlink("../secret.yml", job.workspace().join("link.yml")).unwrap();
        job.write("snakestone.yml", config.as_bytes());
        let ran = job.run(&fake);
        let error = ran.code.unwrap_err();
        assert!(!error.contains("secret_from_outside") && !error.contains("root:"), "{error}");
        assert_eq!(commands(&ran.log).iter().filter(|line| !line.contains(" title=Snakestone::")).count(), 0);
        assert!(!job.workspace().join("pwned").exists());
        let sent = fake.state().sarifs.taken[0].sarif.to_string();
        assert!(!sent.contains("secret_from_outside"));
    }
}

#[test]
fn no_link_makes_a_file_of_the_runner_a_configuration_or_a_baseline() {
    let fake = Fake::start();
    for (link, input) in [
        ("snakestone.yml", None),
        ("pyproject.toml", None),
        ("conf/own.yml", Some(("INPUT_CONFIG", "conf/own.yml"))),
        ("up/conf.yml", Some(("INPUT_CONFIG", "up/conf.yml"))),
        ("known.json", Some(("INPUT_BASELINE", "known.json"))),
    ] {
        let mut job = workspace(&fake);
        fs::write(job.dir.path().join("conf.yml"), "secret_from_outside: 1\n").unwrap();
        fs::write(job.dir.path().join("secret.toml"), "[tool.snakestone]\nsecret_from_outside = 1\n")
            .unwrap();
        let outside = job.dir.path().join(if link.ends_with(".toml") { "secret.toml" } else { "secret.yml" });
        if !link.starts_with("up/") {
            job.write(link, b"");
            fs::remove_file(job.workspace().join(link)).unwrap();
            symlink(outside, job.workspace().join(link)).unwrap();
        }
        if let Some((name, value)) = input {
            job.set(name, value);
            job.variables.remove("INPUT_SINCE");
        }
        let ran = job.run(&fake);
        let error = ran.code.unwrap_err();
        assert!(error.contains("symbolic link that leads out of the repository"), "{link}: {error}");
        assert!(!error.contains("secret_from_outside"), "{link}: {error}");
        assert_eq!(ran.sarif.unwrap()["runs"][0]["invocations"][0]["executionSuccessful"], false);
    }
}

#[test]
fn what_the_process_prints_of_an_error_is_no_command() {
    let fake = Fake::start();
    let job = workspace(&fake);
    job.write("snakestone.yml", b"\"x\\n::error::forged ##[error]y\": 1\n");
    let mut command = assert_cmd::Command::cargo_bin("snakestone").unwrap();
    let command = command.current_dir(job.workspace()).env_clear().envs(&job.variables);
    let output = command.env("GITHUB_ACTIONS", "true").env("INPUT_UPLOAD", "never").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("unknown key"), "{said}");
    assert_eq!(commands(&said), [""; 0]);
}
