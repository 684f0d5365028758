//! Check runs.

use snakestone::github::checks::{self, Conclusion, Target};
use snakestone::github::failure::Failure;
use snakestone::github::findings::Scan;

use crate::fake::pulls::{HEAD, repository};
use crate::fake::{Fake, Fault};
use crate::project::{defects, findings};

fn run(fake: &Fake, scan: &Scan) -> Result<usize, Failure> {
    let target = Target { repository: &repository(), sha: HEAD, run: "7-1", conclusion: Conclusion::Neutral };
    checks::run(&mut fake.client(), &target, scan)
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|n| format!("f{n}")).collect()
}

fn text(n: usize) -> String {
    let names = names(n);
    defects(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn annotations_go_in_pages_of_fifty() {
    let fake = Fake::start();
    let scan = findings(&text(120));
    assert_eq!(run(&fake, &scan), Ok(120));
    let path = "/repos/o/r/check-runs";
    assert_eq!(fake.log(), format!("POST {path}\nPATCH {path}/1\nPATCH {path}/1\n"));
    let state = fake.state();
    assert_eq!(state.checks.annotations[0].len(), 120);
    let run = &state.checks.runs[0];
    assert_eq!(
        (&run["head_sha"], &run["conclusion"], &run["status"]),
        (&HEAD.into(), &"neutral".into(), &"completed".into())
    );
    assert_eq!(run["output"]["title"], "120 low");
    assert_eq!(run["output"]["summary"], "120 findings in this commit.");
    let first = &state.checks.annotations[0][0];
    assert_eq!(
        (&first["path"], &first["start_line"], &first["annotation_level"]),
        (&"a.py".into(), &8.into(), &"notice".into())
    );
    assert_eq!(first["title"], "bare-except (low)");
}

#[test]
fn no_findings_are_a_check_run_too() {
    let fake = Fake::start();
    assert_eq!(run(&fake, &findings("x = 1\n")), Ok(0));
    assert_eq!(fake.state().checks.runs[0]["output"]["title"], "no findings");
}

#[test]
fn five_hundred_annotations_are_the_most_and_the_rest_is_told() {
    let fake = Fake::start();
    assert_eq!(run(&fake, &findings(&text(510))), Ok(500));
    let said = fake.state().checks.runs[0]["output"]["summary"].as_str().unwrap().to_owned();
    assert!(said.starts_with("510 findings in this commit. The worst 500 are annotated"), "{said}");
}

#[test]
fn a_patch_is_looked_for_before_it_is_repeated() {
    for (fault, n_patches) in [(Fault::DoAndFail, 1), (Fault::LoseAnswer, 1), (Fault::status(502), 2)] {
        let fake = Fake::start();
        fake.befall([Fault::None, fault]);
        assert_eq!(run(&fake, &findings(&text(60))), Ok(60));
        let state = fake.state();
        assert_eq!(state.checks.annotations[0].len(), 60);
        assert_eq!(state.count("PATCH", "/repos/o/r/check-runs/1"), n_patches);
    }
}

#[test]
fn a_check_run_is_looked_for_before_it_is_created_again() {
    let fake = Fake::start();
    fake.befall([Fault::DoAndFail]);
    assert_eq!(run(&fake, &findings(&text(1))), Ok(1));
    assert_eq!(fake.state().checks.runs.len(), 1);
}

#[test]
fn a_token_without_the_permission_is_told_of() {
    let fake = Fake::start();
    fake.befall([Fault::Refuse(403, Vec::new(), "Resource not accessible by integration")]);
    let failed = run(&fake, &findings(&text(1)));
    assert!(matches!(failed, Err(Failure::Denied { permission: "checks: write", .. })), "{failed:?}");
}
