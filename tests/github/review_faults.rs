//! Random sequences of faults against reviews and check runs: nothing twice, nothing blindly, nothing forever.

use std::collections::BTreeSet;
use std::time::Duration;

use snakestone::github::checks::{self, Conclusion, Target};
use snakestone::github::client::{Client, Options, Token};
use snakestone::github::findings::Scan;
use snakestone::github::{pull, review};

use crate::fake::pulls::{HEAD, repository};
use crate::fake::{Fake, Fault, TOKEN};
use crate::project::{defects, findings};

const SEQUENCES: u64 = 300;
const BUDGET: Duration = Duration::from_secs(600);

/// Numbers that look random and are the same in each run: xorshift.
struct Numbers(u64);

impl Numbers {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn fault(&mut self) -> Fault {
        let limited = |headers| Fault::Refuse(403, headers, "You have exceeded a secondary rate limit");
        match self.below(24) {
            0 => Fault::status(500),
            1 => Fault::status(503),
            2 => Fault::Cut,
            3 => Fault::LoseAnswer,
            4 => Fault::DoAndFail,
            5 => Fault::DoAndGarble,
            6 => limited(vec![("retry-after", self.below(90).to_string())]),
            7 => limited(Vec::new()),
            8 if self.below(4) == 0 => Fault::Hang,
            9 if self.below(4) == 0 => Fault::status(403),
            10 if self.below(4) == 0 => Fault::status(422),
            11 if self.below(4) == 0 => Fault::status(404),
            _ => Fault::None,
        }
    }
}

fn client(fake: &Fake) -> Client {
    let options = Options { request_time: Duration::from_millis(150), budget: BUDGET, ..fake.options() };
    Client::new(&options, &Token::new(TOKEN).unwrap(), Box::new(fake.clock())).unwrap()
}

fn review(fake: &Fake, scan: &Scan) {
    let mut client = client(fake);
    let Ok(Ok(pull)) = pull::with_head(&mut client, &repository(), HEAD, None) else { return };
    review::run(&mut client, &pull, scan);
}

/// That no write was sent twice in a row but after a refusal, which tells that nothing was done.
fn assert_no_blind_repeat(fake: &Fake, faults: &[Fault], seed: u64) {
    let state = fake.state();
    for (i, pair) in state.seen.windows(2).enumerate() {
        let is_repeat =
            pair[0].method == pair[1].method && pair[0].path == pair[1].path && pair[0].body == pair[1].body;
        if is_repeat && matches!(pair[0].method.as_str(), "POST" | "PATCH") && pair[0].path != "/graphql" {
            let fault = faults.get(i);
            assert!(
                matches!(fault, Some(Fault::Refuse(403, ..))),
                "sequence {seed}: {} {} was sent again after {fault:?}",
                pair[0].method,
                pair[0].path
            );
        }
    }
}

#[test]
fn no_sequence_of_faults_makes_a_review_say_anything_twice() {
    let text = defects(&["up", "down", "stop"]);
    let before = defects(&["up", "down"]).replacen("except:", "except OSError:", 1);
    let (scan, earlier) = (findings(&text), findings(&before));
    let mut n_early = 0;
    for seed in 1..=SEQUENCES {
        let mut numbers = Numbers::new(seed);
        let fake = Fake::start();
        fake.state().pulls.file("a.py", "", &before);
        review(&fake, &earlier);
        fake.state().pulls.file("a.py", "", &text);
        fake.state().seen.clear();
        let begun = fake.clock().passed();
        let faults: Vec<Fault> = (0..40).map(|_| numbers.fault()).collect();
        fake.befall(faults.clone());
        review(&fake, &scan);
        let took = fake.clock().passed() - begun;
        assert!(took <= BUDGET, "sequence {seed} took {took:?}");
        assert_no_blind_repeat(&fake, &faults, seed);
        fake.state().faults.clear();
        n_early += usize::from(fake.state().pulls.bodies().len() < 3);
        // Whatever was left undone, an undisturbed run completes it and no more.
        review(&fake, &scan);
        let state = fake.state();
        let ids: Vec<&str> =
            state.pulls.bodies().iter().filter_map(|body| body.lines().next_back()).collect();
        let distinct: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!((ids.len(), distinct.len()), (3, 3), "sequence {seed}: {}", fake_log(&state.seen));
    }
    assert!(n_early > 10, "the faults disturb some of the runs, {n_early}");
}

fn fake_log(seen: &[crate::fake::Seen]) -> String {
    seen.iter().map(|seen| format!("\n{} {}", seen.method, seen.path)).collect()
}

#[test]
fn no_sequence_of_faults_makes_a_check_run_annotate_twice() {
    let names: Vec<String> = (0..120).map(|n| format!("f{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let scan = findings(&defects(&names));
    let target = Target { repository: &repository(), sha: HEAD, run: "7-1", conclusion: Conclusion::Failure };
    let mut n_whole = 0;
    for seed in 1..=60 {
        let mut numbers = Numbers::new(seed);
        let fake = Fake::start();
        let faults: Vec<Fault> = (0..30).map(|_| numbers.fault()).collect();
        fake.befall(faults.clone());
        let done = checks::run(&mut client(&fake), &target, &scan);
        assert!(fake.clock().passed() <= BUDGET, "sequence {seed}");
        assert_no_blind_repeat(&fake, &faults, seed);
        let state = fake.state();
        assert!(state.checks.runs.len() <= 1, "sequence {seed}");
        for annotations in &state.checks.annotations {
            let lines: BTreeSet<u64> =
                annotations.iter().map(|it| it["start_line"].as_u64().unwrap()).collect();
            assert_eq!(lines.len(), annotations.len(), "sequence {seed}");
            if done.is_ok() {
                assert_eq!(lines.len(), 120, "sequence {seed}");
                n_whole += 1;
            }
        }
    }
    assert!(n_whole > 5, "some runs come through, {n_whole}");
}
