//! Demand: a pull request is judged on what it changes, and a push on all there is.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

use crate::repo::{Repo, git};

/// A function with one finding, which stands in its `except` clause.
pub(crate) fn swallows(name: &str, call: &str) -> String {
    format!(
        "def {name}(x):\n    try:\n        x.{call}()\n    except Exception:\n        pass\n    return x\n\n\n"
    )
}

/// What `main` has.
pub(crate) fn before() -> String {
    swallows("stays", "send") + &swallows("moves", "read")
}

/// A kind of change, the files after it, and how many findings are new.
type Change = (&'static str, Vec<(&'static str, String)>, usize);

fn changes() -> Vec<Change> {
    let (stays, moves) = (swallows("stays", "send"), swallows("moves", "read"));
    let touched = before().replacen("except Exception:", "except BaseException:", 1);
    let spread = format!("import os\n\n\n{}", before().replace("return x", "return os.fspath(x)"));
    let deeper: String = moves
        .lines()
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") })
        .collect();
    vec![
        ("new", vec![("a.py", before() + &swallows("comes", "poll"))], 1),
        ("a twin", vec![("a.py", before() + &swallows("stays_too", "send"))], 1),
        ("moved to a new file", vec![("a.py", stays.clone()), ("b.py", moves.clone())], 0),
        ("moved within the file", vec![("a.py", format!("{moves}{stays}"))], 0),
        ("renamed function", vec![("a.py", before().replace("moves", "goes"))], 0),
        ("re-indented", vec![("a.py", format!("{stays}if True:\n{deeper}"))], 0),
        ("touched", vec![("a.py", touched)], 1),
        ("untouched, lines around it changed", vec![("a.py", spread)], 0),
        ("untouched", vec![("c.py", "y = 1\n".to_owned())], 0),
    ]
}

/// A pull request of `files` against `main`, which has moved on meanwhile, merged as GitHub does it.
pub(crate) struct Pull {
    pub(crate) repo: Repo,
    pub(crate) event: PathBuf,
}

impl Pull {
    pub(crate) fn new(before: &[(&str, &str)], files: &[(&str, String)]) -> Self {
        let repo = Repo::new(before);
        let sent = repo.git(&["rev-parse", "HEAD"]);
        repo.git(&["checkout", "-q", "-b", "topic"]);
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let head = repo.commit(&files);
        repo.git(&["checkout", "-q", "main"]);
        repo.commit(&[("other.py", &swallows("of_others", "spin"))]);
        repo.git(&["checkout", "-q", "--detach", "main"]);
        repo.git(&["merge", "-q", "--no-ff", "-m", "merge", &head]);
        repo.git(&["update-ref", "refs/pull/1/merge", "HEAD"]);
        let event = repo.beside("event.json");
        let told = format!(
            "{{\"pull_request\": {{\"number\": 1, \"head\": {{\"sha\": \"{head}\"}}, \"base\": {{\"sha\": \"{sent}\", \"ref\": \"main\", \"repo\": {{\"full_name\": \"o/r\"}}}}}}}}"
        );
        fs::write(&event, told).unwrap();
        Self { repo, event }
    }

    /// The merge as actions/checkout has it with `fetch-depth`.
    pub(crate) fn checkout(&self, depth: &str) -> PathBuf {
        let to = self.repo.beside(&format!("depth-{depth}"));
        fs::create_dir(&to).unwrap();
        git(&to, &["init", "-q"]);
        let url = format!("file://{}", self.repo.root.display());
        git(&to, &["fetch", "-q", "--no-tags", "--depth", depth, &url, "refs/pull/1/merge"]);
        git(&to, &["checkout", "-q", "--detach", "FETCH_HEAD"]);
        to
    }
}

/// What the action came to.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) log: String,
    pub(crate) summary: String,
    /// Findings, and those that are new.
    pub(crate) counts: (usize, usize),
    pub(crate) sarif: serde_json::Value,
}

impl Run {
    fn n_results(&self) -> usize {
        self.sarif["runs"][0]["results"].as_array().unwrap().len()
    }
}

pub(crate) fn action(folder: &Path, event: Option<&Path>, inputs: &[(&str, &str)]) -> Run {
    let files = tempfile::tempdir().unwrap();
    let (summary, outputs) = (files.path().join("summary"), files.path().join("outputs"));
    let mut command = Command::cargo_bin("snakestone").unwrap();
    command.current_dir(folder).env("GITHUB_ACTIONS", "true");
    command.env("GITHUB_STEP_SUMMARY", &summary).env("GITHUB_OUTPUT", &outputs);
    command.env("INPUT_SARIF-FILE", files.path().join("out.sarif"));
    command.env_remove("GITHUB_EVENT_PATH").env_remove("RUNNER_TEMP");
    if let Some(event) = event {
        command.env("GITHUB_EVENT_PATH", event);
    }
    command.env_remove("INPUT_TOKEN").env("INPUT_UPLOAD", "never").env("INPUT_REVIEW", "never");
    command.env("GITHUB_REPOSITORY", "o/r").env("GITHUB_SHA", "1".repeat(40));
    let (name, git_ref) =
        if event.is_some() { ("pull_request", "refs/pull/1/merge") } else { ("push", "refs/heads/main") };
    command.env("GITHUB_EVENT_NAME", name).env("GITHUB_REF", git_ref);
    for (name, value) in inputs {
        let variable = if name.starts_with("GITHUB_") {
            (*name).to_owned()
        } else {
            format!("INPUT_{}", name.to_uppercase())
        };
        command.env(variable, value);
    }
    let output = command.output().unwrap();
    let log = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let told = read(&outputs);
    let count = |name: &str| {
        let mut lines = told.lines().skip_while(|line| !line.starts_with(&format!("{name}<<")));
        lines.nth(1).and_then(|value| value.parse().ok()).unwrap_or_default()
    };
    Run {
        code: output.status.code().unwrap(),
        summary: read(&summary),
        counts: (count("findings"), count("new-findings")),
        sarif: serde_json::from_str(&read(&files.path().join("out.sarif"))).unwrap_or_default(),
        log,
    }
}

#[test]
fn a_pull_request_fails_for_what_is_new_and_reports_everything() {
    for (what, files, n_new) in changes() {
        let pull = Pull::new(&[("a.py", &before())], &files);
        let run = action(&pull.checkout("2"), Some(&pull.event), &[]);
        let n_all = if what == "new" || what == "a twin" { 4 } else { 3 };
        assert_eq!(run.counts, (n_all, n_new), "{what}: {}", run.log);
        assert_eq!(run.code, i32::from(n_new > 0), "{what}: {}", run.log);
        assert_eq!(run.n_results(), n_all, "{what}: the upload is whole");
        assert!(!run.sarif.to_string().contains("baselineState"), "{what}");
        let said = format!("**{n_new} new**, {} existing", n_all - n_new);
        assert!(run.summary.contains(&said), "{what}: {}", run.summary);
        assert_eq!(run.log.matches("::warning ").count(), n_new, "{what}: {}", run.log);
    }
}

#[test]
fn a_push_fails_for_all_there_is() {
    for (what, files, n_new) in changes() {
        let pull = Pull::new(&[("a.py", &before())], &files);
        let run = action(&pull.checkout("1"), None, &[]);
        let n_all = if what == "new" || what == "a twin" { 4 } else { 3 };
        assert_eq!((run.code, run.counts), (1, (n_all, n_all)), "{what} ({n_new} new): {}", run.log);
        assert_eq!(run.n_results(), n_all, "{what}");
        assert!(!run.summary.contains("Compared with"), "{what}");
    }
}

#[test]
fn without_the_base_all_findings_count_and_the_remedy_is_told() {
    let pull = Pull::new(&[("a.py", &before())], &[("c.py", "y = 1\n".to_owned())]);
    let run = action(&pull.checkout("1"), Some(&pull.event), &[]);
    assert_eq!((run.code, run.counts), (1, (3, 3)), "{}", run.log);
    for said in [&run.log, &run.summary] {
        assert!(said.contains("all findings count, since the pull request"), "{said}");
        assert!(said.contains("this clone is shallow"), "{said}");
        assert!(said.contains("fetch-depth"), "{said}");
    }
    assert_eq!(run.log.matches("::notice title=Snakestone::").count(), 1, "{}", run.log);
    let run = action(&pull.checkout("2"), Some(&pull.event), &[("since", "nowhere")]);
    assert_eq!(run.code, 2, "what was asked for must be there: {}", run.log);
    assert!(run.log.contains("no commit `nowhere` is here"), "{}", run.log);
    let run = action(&pull.repo.root, Some(&pull.event), &[("since", "none")]);
    assert_eq!((run.code, run.counts), (1, (3, 3)), "{}", run.log);
}

#[test]
fn existing_findings_fail_only_where_they_are_asked_to() {
    let pull = Pull::new(&[("a.py", &before())], &[("c.py", "y = 1\n".to_owned())]);
    let folder = pull.checkout("2");
    assert_eq!(action(&folder, Some(&pull.event), &[]).code, 0);
    assert_eq!(action(&folder, Some(&pull.event), &[("fail-on-existing", "true")]).code, 1);
    let wrong = action(&folder, Some(&pull.event), &[("fail-on-existing", "yes")]);
    assert!(wrong.code == 2 && wrong.log.contains("known are true, false"), "{}", wrong.log);
}

#[test]
fn a_merge_queue_is_compared_with_what_its_group_starts_from() {
    let pull = Pull::new(&[("a.py", &before())], &[("b.py", swallows("comes", "poll"))]);
    let repo = &pull.repo;
    let (base, head) = (repo.git(&["rev-parse", "main"]), repo.git(&["rev-parse", "HEAD"]));
    repo.git(&["update-ref", "refs/heads/gh-readonly-queue/main/pr-1", &head]);
    repo.git(&["checkout", "-q", "gh-readonly-queue/main/pr-1"]);
    let event = repo.beside("queue.json");
    let told = format!(
        "{{\"merge_group\": {{\"head_sha\": \"{head}\", \"base_sha\": \"{base}\", \"base_ref\": \"refs/heads/main\"}}}}"
    );
    fs::write(&event, told).unwrap();
    let run = action(&repo.root, Some(&event), &[("GITHUB_EVENT_NAME", "merge_group")]);
    assert_eq!((run.code, run.counts), (1, (4, 1)), "{}", run.log);
}

#[test]
fn a_new_source_in_one_file_makes_an_old_sink_in_another_new() {
    let view = |name: &str, key: &str| {
        format!(
            "from flask import Flask, request\n\nimport store\n\napp = Flask(__name__)\n\n\n@app.route(\"/{name}\")\ndef {name}():\n    return store.run(request.args[\"{key}\"])\n"
        )
    };
    let store = "import os\n\n\ndef run(command):\n    return os.system(\"echo \" + command)\n";
    let (one, two) = (view("one", "a"), view("two", "a"));
    // A sink that nothing reached, and one that something else reaches already: with the same words, in the same way.
    for before in [vec![("store.py", store)], vec![("store.py", store), ("one.py", one.as_str())]] {
        let pull = Pull::new(&before, &[("two.py", two.clone())]);
        let run = action(&pull.checkout("2"), Some(&pull.event), &[("fail-on", "high")]);
        assert_eq!((run.code, run.counts.1), (1, 1), "{}", run.log);
        assert_eq!(run.log.contains("reaches it too, and did not before"), before.len() > 1, "{}", run.log);
        let pull = Pull::new(&before, &[("else.py", "y = 1\n".to_owned())]);
        let run = action(&pull.checkout("2"), Some(&pull.event), &[("fail-on", "high")]);
        assert_eq!((run.code, run.counts.1), (0, 0), "{}", run.log);
    }
}

#[test]
fn renamed_and_edited_files_are_followed() {
    let filler: String = (0..30).map(|n| format!("VALUE_{n} = {n}\n")).collect();
    let (old, new) = (before() + &filler, before().replace("return x", "return None") + &filler);
    let repo = Repo::new(&[("pkg/a.py", &old)]);
    repo.git(&["checkout", "-q", "-b", "topic"]);
    repo.git(&["mv", "pkg/a.py", "pkg/z.py"]);
    repo.commit(&[("pkg/z.py", &new)]);
    let output = Command::cargo_bin("snakestone")
        .unwrap()
        .current_dir(&repo.root)
        .args(["scan", "--since", "main"])
        .output();
    let output = output.unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{out}");
    assert!(out.contains("2 existing findings not shown, 0 fixed"), "{out}");
}

#[test]
fn configuration_and_suppressions_of_a_pull_request_are_seen() {
    let marked = before().replacen(
        "except Exception:",
        "except Exception:  # snakestone: ignore[swallowed-exception] trust me",
        1,
    );
    let sneaky = [
        ("a.py", marked + &swallows("comes", "poll")),
        ("snakestone.yml", "disable: [swallowed-exception]\n".to_owned()),
    ];
    let pull = Pull::new(&[("a.py", &before()), ("snakestone.yml", "fail-on: low\n")], &sneaky);
    let folder = pull.checkout("2");
    let run = action(&folder, Some(&pull.event), &[]);
    assert_eq!((run.code, run.counts), (0, (0, 0)), "{}", run.log);
    assert!(run.summary.contains("the configuration is not that of commit"), "{}", run.summary);
    let run = action(&folder, Some(&pull.event), &[("config-from", "base")]);
    assert_eq!((run.code, run.counts), (1, (3, 1)), "{}", run.log);
    assert!(run.summary.contains("Markers that are new silence findings of"), "{}", run.summary);
    assert!(
        run.log.contains("1 finding of swallowed-exception silenced by markers that are new"),
        "{}",
        run.log
    );
    assert!(!run.summary.contains("the configuration is not"), "{}", run.summary);
}

#[test]
fn packs_and_pages_come_from_the_base_too() {
    let code = "import os\n\nfrom shop.queue import receive\n\n\ndef work():\n    os.system(\"echo \" + receive())\n";
    let pack = "sources:\n  - { at: shop.queue.receive(), kind: remote }\n";
    let config = "models: [packs/shop.data]\nselect: [command-injection]\n";
    let before = [("snakestone.yml", config), ("packs/shop.data", pack)];
    let pull =
        Pull::new(&before, &[("a.py", code.to_owned()), ("packs/shop.data", "sources: []\n".to_owned())]);
    let folder = pull.checkout("2");
    let run = action(&folder, Some(&pull.event), &[]);
    assert_eq!(run.counts, (0, 0), "{}", run.log);
    assert!(run.summary.contains("the configuration is not that of commit"), "{}", run.summary);
    let run = action(&folder, Some(&pull.event), &[("config-from", "base")]);
    assert_eq!((run.code, run.counts), (1, (1, 1)), "{}", run.log);
}

#[test]
fn mistakes_in_the_bases_configuration_are_told_by_path_and_commit() {
    let pack = "sources:\n  - { at: x.y(), kind: rmeote }\n";
    for (config, place, said) in [
        ("disabel: [x]\n", "conf/snakestone.yml:1:1", "unknown key `disabel`"),
        ("models: [packs/shop.data]\n", "conf/packs/shop.data:2", "unknown kind of source `rmeote`"),
    ] {
        let before = [("conf/snakestone.yml", config), ("conf/packs/shop.data", pack)];
        let pull = Pull::new(&before, &[("conf/snakestone.yml", "fail-on: low\n".to_owned())]);
        let (folder, base) = (pull.checkout("2"), pull.repo.git(&["rev-parse", "main"]));
        for config in [&[][..], &[("config", "conf/snakestone.yml")]] {
            let inputs = [&[("config-from", "base"), ("path", "conf")][..], config].concat();
            let run = action(&folder, Some(&pull.event), &inputs);
            let told = format!("commit {}: {place}: {said}", &base[..12]);
            assert!(run.code == 2 && run.log.contains(&told), "{told} in {}", run.log);
            assert!(!run.log.contains("/snakestone-"), "no temporary path: {}", run.log);
        }
    }
}
