//! The action's run: the order of its steps, its outputs, and that findings alone decide.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use snakestone::cli::{Code, Surroundings, action};

use crate::event::{HEAD, SHA, pull_payload};
use crate::fake::{Fake, Fault, TOKEN};

/// One finding of medium severity.
pub(crate) const DEFECT: &str = "def f(x):\n    try:\n        x.send()\n    except:\n        x.failed()\n";

/// A workspace, what the runner says of it, and what the action made of both.
pub(crate) struct Job {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) variables: BTreeMap<String, String>,
}

/// What a run left behind.
pub(crate) struct Ran {
    /// The exit code, or the error.
    pub(crate) code: Result<Code, String>,
    /// Everything that the runner reads.
    pub(crate) log: String,
    /// The step's summary.
    pub(crate) summary: String,
    /// The file of outputs.
    pub(crate) outputs: String,
    /// The SARIF file.
    pub(crate) sarif: Option<Value>,
}

impl Job {
    /// A push to `main` of one file with one finding.
    pub(crate) fn new(fake: &Fake) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut job = Self { dir, variables: BTreeMap::new() };
        job.write("a.py", DEFECT.as_bytes());
        job.event("push", "refs/heads/main", &json!({}));
        job.set("GITHUB_API_URL", &fake.url);
        job.set("INPUT_TOKEN", TOKEN);
        // The workspace is no repository; tests/compare has those.
        job.set("INPUT_SINCE", "none");
        for (name, file) in [("GITHUB_OUTPUT", "output"), ("GITHUB_STEP_SUMMARY", "summary")] {
            let path = job.dir.path().join(file);
            job.set(name, path.to_str().unwrap());
        }
        job
    }

    /// A pull request from `head`, a repository's full name or null.
    pub(crate) fn of_pull(fake: &Fake, head: &Value) -> Self {
        let mut job = Self::new(fake);
        job.event("pull_request", "refs/pull/7/merge", &pull_payload(head));
        job
    }

    pub(crate) fn workspace(&self) -> std::path::PathBuf {
        self.dir.path().join("workspace")
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.workspace().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn event(&mut self, name: &str, git_ref: &str, payload: &Value) {
        self.variables.extend(crate::event::variables(self.dir.path(), name, git_ref, payload));
    }

    /// Runs the action.
    pub(crate) fn run(&self, fake: &Fake) -> Ran {
        let (workspace, clock) = (self.workspace(), fake.clock());
        let surroundings = Surroundings {
            variables: &self.variables,
            folder: &workspace,
            clock: &|| Box::new(clock.clone()),
            request_time: Some(Duration::from_millis(300)),
        };
        let mut out = Vec::new();
        let code = action(&surroundings, &mut out).map_err(|error| format!("{error:#}"));
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        Ran {
            code,
            log: String::from_utf8(out).unwrap(),
            summary: read(&self.dir.path().join("summary")),
            outputs: read(&self.dir.path().join("output")),
            sarif: serde_json::from_str(&read(&workspace.join("snakestone.sarif"))).ok(),
        }
    }
}

impl Ran {
    /// The value of an output.
    pub(crate) fn output(&self, name: &str) -> &str {
        let (_, rest) = self.outputs.split_once(&format!("{name}<<")).unwrap();
        let (delimiter, rest) = rest.split_once('\n').unwrap();
        rest.split_once(&format!("\n{delimiter}")).unwrap().0
    }

    /// Annotations without a place, which are what the run itself has to say.
    pub(crate) fn notes(&self) -> Vec<&str> {
        self.log.lines().filter(|line| line.contains(" title=Snakestone::")).collect()
    }
}

#[test]
fn everything_is_reported_before_the_exit_code_is_decided() {
    let fake = Fake::start();
    let ran = Job::new(&fake).run(&fake);
    assert_eq!(ran.code, Ok(Code::Findings));
    assert_eq!(fake.state().sarifs.taken[0].sarif, ran.sarif.clone().unwrap());
    assert_eq!(fake.state().sarifs.taken[0].body["ref"], "refs/heads/main");
    let at = |text: &str| ran.log.find(text).unwrap_or_else(|| panic!("{text} in {}", ran.log));
    assert!(at("1 finding") < at("uploaded 1 result for `refs/heads/main`"));
    assert!(at("uploaded 1 result") < at("::warning file=a.py"));
    assert_eq!(ran.notes(), [""; 0]);
    assert!(ran.summary.contains("bare-except") && !ran.summary.contains("\n> "));
    assert_eq!(
        ["sarif-file", "findings", "exit-code"].map(|name| ran.output(name)),
        ["snakestone.sarif", "1", "1"]
    );
}

#[test]
fn a_threshold_changes_the_code_and_nothing_else() {
    let fake = Fake::start();
    let all = Job::new(&fake).run(&fake);
    let mut job = Job::new(&fake);
    job.set("INPUT_FAIL-ON", "critical");
    let ran = job.run(&fake);
    assert_eq!(ran.code, Ok(Code::Clean));
    assert_eq!(ran.sarif, all.sarif);
    let state = fake.state();
    assert_eq!(state.sarifs.taken[0].sarif, state.sarifs.taken[1].sarif);
}

#[test]
fn an_empty_result_is_uploaded() {
    let fake = Fake::start();
    let job = Job::new(&fake);
    job.write("a.py", b"x = 1\n");
    assert_eq!(job.run(&fake).code, Ok(Code::Clean));
    assert_eq!(fake.state().sarifs.taken[0].sarif["runs"][0]["results"], json!([]));
}

#[test]
fn a_suppressed_finding_becomes_no_alert() {
    let fake = Fake::start();
    let job = Job::new(&fake);
    job.write("a.py", DEFECT.replace("except:", "except:  # snakestone: ignore[bare-except] why").as_bytes());
    assert_eq!(job.run(&fake).code, Ok(Code::Clean));
    assert_eq!(fake.state().sarifs.taken[0].sarif["runs"][0]["results"], json!([]));
}

#[test]
fn a_scan_that_cannot_begin_is_reported_as_unsuccessful() {
    let fake = Fake::start();
    let job = Job::new(&fake);
    job.write("snakestone.yml", b"disabel: [x]\n");
    let ran = job.run(&fake);
    assert!(ran.code.unwrap_err().contains("unknown key `disabel`"));
    let sent = fake.state().sarifs.taken[0].sarif.clone();
    assert_eq!(Some(&sent), ran.sarif.as_ref());
    assert_eq!(sent["runs"][0]["invocations"][0]["executionSuccessful"], false);
    assert_eq!(sent["runs"][0]["automationDetails"]["id"], "snakestone/");
}

#[test]
fn a_pull_request_is_uploaded_to_its_merge_or_head_ref() {
    let fake = Fake::start();
    let job = Job::of_pull(&fake, &json!("o/r"));
    job.run(&fake);
    for (path, text) in
        [("HEAD", format!("{HEAD}\n")), ("objects/x", String::new()), ("refs/x", String::new())]
    {
        job.write(&format!(".git/{path}"), text.as_bytes());
    }
    job.run(&fake);
    let state = fake.state();
    let sent: Vec<_> =
        state.sarifs.taken.iter().map(|it| (&it.body["ref"], &it.body["commit_sha"])).collect();
    let (merge, head) = (json!("refs/pull/7/merge"), json!("refs/pull/7/head"));
    assert_eq!(sent, [(&merge, &json!(SHA)), (&head, &json!(HEAD))]);
}

#[test]
fn an_upload_that_is_not_wished_is_not_tried() {
    let fake = Fake::start();
    let mut job = Job::new(&fake);
    job.set("INPUT_UPLOAD", "never");
    let ran = job.run(&fake);
    assert_eq!(ran.code, Ok(Code::Findings));
    assert_eq!((fake.log(), ran.notes().len()), (String::new(), 0));
}

#[test]
fn two_categories_of_one_commit_stay_apart() {
    let fake = Fake::start();
    let mut job = Job::new(&fake);
    for category in ["backend", "tools/"] {
        job.set("INPUT_CATEGORY", category);
        job.run(&fake);
    }
    let state = fake.state();
    let ids = state.sarifs.taken.iter().map(|it| it.sarif["runs"][0]["automationDetails"]["id"].clone());
    assert_eq!(ids.collect::<Vec<_>>(), ["backend/", "tools/"]);
}

#[test]
fn two_hundred_findings_are_annotated_by_ten_of_a_type_and_summed_up_whole() {
    let fake = Fake::start();
    fake.state().always.push(("POST", Fault::Refuse(403, Vec::new(), "Code scanning is not enabled")));
    let job = Job::new(&fake);
    job.write("a.py", DEFECT.repeat(200).as_bytes());
    let ran = job.run(&fake);
    assert_eq!(ran.output("findings"), "200");
    let annotated = ran.log.lines().filter(|line| line.starts_with("::warning file=")).count();
    assert_eq!(annotated, 10);
    assert_eq!(ran.log.matches("190 findings not annotated").count(), 1);
    let rows = ran.summary.lines().filter(|line| line.starts_with("| <code>a.py")).count();
    assert_eq!(rows, 200);
    assert!(
        ran.log.lines().filter(|line| line.contains("a.py:") && line.contains("-->")).count() >= 200,
        "{}",
        ran.log
    );
}

#[test]
fn the_time_of_waiting_is_within_the_budget() {
    let fake = Fake::start();
    fake.state().sarifs.takes = Duration::from_secs(100_000);
    let ran = Job::new(&fake).run(&fake);
    assert_eq!(ran.code, Ok(Code::Findings));
    assert!(ran.log.contains("GitHub is still processing them"));
    assert!(fake.clock().passed() < Duration::from_secs(600));
}
