//! Three hundred random sequences of faults against reviews, and a hundred against check runs of several pages:
//! nothing twice, nothing blindly, nothing forever.

use std::time::Duration;

use snakestone::github::checks::{self, Conclusion, Target};
use snakestone::github::client::{Client, Options, Token};
use snakestone::github::findings::Scan;
use snakestone::github::{pull, review};

use crate::fake::pulls::{HEAD, repository};
use crate::fake::{Fake, TOKEN};
use crate::project::{defects, findings};
use crate::sequences::{BUDGET, Random, check};

fn client(fake: &Fake) -> Client {
    let options = Options { request_time: Duration::from_millis(150), budget: BUDGET, ..fake.options() };
    Client::new(&options, &Token::new(TOKEN).unwrap(), Box::new(fake.clock())).unwrap()
}

fn review(fake: &Fake, scan: &Scan) {
    let mut client = client(fake);
    let Ok(Ok(pull)) = pull::with_head(&mut client, &repository(), HEAD, None) else { return };
    review::run(&mut client, &pull, scan);
}

#[test]
fn three_hundred_sequences_of_faults_make_no_review_say_anything_twice() {
    let text = defects(&["up", "down", "stop"]);
    let before = defects(&["up", "down"]).replacen("except:", "except OSError:", 1);
    let (scan, earlier) = (findings(&text), findings(&before));
    let mut random = Random::new(3);
    let mut n_early = 0;
    for round in 0..300 {
        let fake = Fake::start();
        fake.state().pulls.file("a.py", "", &before);
        review(&fake, &earlier);
        fake.state().pulls.file("a.py", "", &text);
        fake.state().seen.clear();
        fake.state().befallen.clear();
        let begun = fake.clock().passed();
        let faults = random.faults(40, 60);
        fake.befall(faults.clone());
        review(&fake, &scan);
        let told = format!("round {round}: {faults:?}\n{}", fake.log());
        check(&fake, begun, &told);
        fake.state().faults.clear();
        n_early += usize::from(fake.state().pulls.bodies().len() < 3);
        // Whatever was left undone, an undisturbed run completes it and no more.
        review(&fake, &scan);
        assert_eq!(fake.state().pulls.bodies().len(), 3, "{told}");
    }
    assert!(n_early > 50, "the faults disturb some of the runs, {n_early}");
}

#[test]
fn a_hundred_sequences_of_faults_make_no_check_run_annotate_twice() {
    let names: Vec<String> = (0..120).map(|n| format!("f{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let scan = findings(&defects(&names));
    let target = Target { repository: &repository(), sha: HEAD, run: "7-1", conclusion: Conclusion::Failure };
    let mut random = Random::new(4);
    let mut n_whole = 0;
    for round in 0..100 {
        let fake = Fake::start();
        let faults = random.faults(30, 60);
        fake.befall(faults.clone());
        let done = checks::run(&mut client(&fake), &target, &scan);
        let told = format!("round {round}: {faults:?}\n{}", fake.log());
        check(&fake, Duration::ZERO, &told);
        if done.is_ok() {
            assert_eq!(fake.state().checks.annotations[0].len(), 120, "{told}");
            n_whole += 1;
        }
    }
    assert!(n_whole > 10, "some runs come through, {n_whole}");
}
