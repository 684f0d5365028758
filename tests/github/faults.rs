//! Three hundred random sequences of faults against the upload alone, and three hundred against the whole action: the
//! SARIF file stays, nothing is said twice or sent blindly, waiting stays within the budget, and findings decide.

use std::time::Duration;

use serde_json::json;
use snakestone::cli::Code;

use crate::action::{DEFECT, Job, Ran};
use crate::fake::{Fake, Fault};
use crate::sequences::{Random, check};
use crate::upload;

/// A fake that is befallen by random faults.
fn befallen(random: &mut Random) -> (Fake, Vec<Fault>) {
    let fake = Fake::start();
    let faults = random.faults(16, 30);
    fake.state().sarifs.takes = Duration::from_secs(random.below(200));
    fake.befall(faults.clone());
    (fake, faults)
}

#[test]
fn three_hundred_sequences_of_faults_repeat_no_upload_blindly_and_end_in_time() {
    let mut random = Random::new(1);
    let (mut n_done, mut n_failed) = (0, 0);
    for round in 0..300 {
        let (fake, faults) = befallen(&mut random);
        let ended = upload::upload(&fake);
        let told = format!("round {round}: {faults:?}\n{}\n{ended:?}", fake.log());
        check(&fake, Duration::ZERO, &told);
        let is_there = !fake.state().sarifs.taken.is_empty();
        match ended {
            Ok(done) => assert!(is_there && done.n_results == 1, "{told}"),
            Err(error) => assert!(!error.remedy().is_empty(), "{told}"),
        }
        n_done += usize::from(is_there);
        n_failed += usize::from(!is_there);
    }
    assert!(n_done > 50 && n_failed > 30, "the sequences are one-sided: {n_done} {n_failed}");
}

/// A job: a push, a pull request, or one that gets a check run too.
fn job(fake: &Fake, round: usize) -> Job {
    let mut job = if round.is_multiple_of(3) { Job::new(fake) } else { Job::of_pull(fake, &json!("o/r")) };
    fake.state().pulls.file("a.py", "", DEFECT);
    if round % 3 == 2 {
        job.set("INPUT_CHECK-RUN", "always");
    }
    // One rule: what is looked for is the same in each round.
    job.write("snakestone.yml", b"select: [bare-except]\n");
    job
}

/// What a run leaves whatever befalls it.
fn check_run(ran: &Ran, expected: Code, told: &str) {
    assert_eq!(ran.code, Ok(expected), "{told}");
    assert_eq!(ran.output("exit-code"), (expected as u8).to_string());
    let results = ran.sarif.as_ref().map(|sarif| sarif["runs"][0]["results"].as_array().unwrap().len());
    assert_eq!(results, Some(1), "{told}");
    assert!(ran.summary.contains("bare-except"), "{told}");
    assert!(ran.log.contains("::warning file=a.py,line=4"), "{told}");
}

#[test]
fn through_three_hundred_sequences_of_faults_the_action_ends_as_findings_decide() {
    let mut random = Random::new(2);
    let (mut n_uploaded, mut n_noted, mut n_reviewed) = (0, 0, 0);
    for round in 0..300 {
        let (fake, faults) = befallen(&mut random);
        let mut job = job(&fake, round);
        let is_required = random.below(4) == 0;
        if is_required {
            job.set("INPUT_UPLOAD", "required");
        }
        let ran = job.run(&fake);
        let told = format!("round {round}: {faults:?}\n{}\n{}", fake.log(), ran.log);
        let has_failed = ran.log.contains("the SARIF file was not uploaded");
        check_run(&ran, if is_required && has_failed { Code::Failed } else { Code::Findings }, &told);
        // One for review and check run each, unless the upload's has told of GitHub's state already.
        let most = if has_failed { 1 } else { round % 3 };
        assert!(ran.notes().len() <= most, "{told}");
        check(&fake, Duration::ZERO, &told);
        assert!(has_failed || !fake.state().sarifs.taken.is_empty(), "{told}");
        n_uploaded += usize::from(!has_failed);
        n_noted += usize::from(!ran.notes().is_empty());
        n_reviewed += usize::from(!fake.state().pulls.bodies().is_empty());
        if round % 3 > 0 {
            // Whatever was left undone, an undisturbed run completes it and no more.
            fake.state().faults.clear();
            job.set("INPUT_CHECK-RUN", "never");
            let ran = job.run(&fake);
            assert_eq!((ran.notes().len(), fake.state().pulls.bodies().len()), (0, 1), "{told}\n{}", ran.log);
        }
    }
    let counts = (n_uploaded, n_noted, n_reviewed);
    assert!(n_uploaded > 50 && n_noted > 50 && n_reviewed > 50, "the sequences are one-sided: {counts:?}");
}
