//! Random sequences of faults against the upload, three hundred of it alone and forty of the whole action: no post is repeated blindly, the SARIF file
//! stays, waiting stays within the budget, and findings decide.

use std::time::Duration;

use snakestone::cli::Code;

use crate::action::Job;
use crate::fake::{Fake, FakeClock, Fault, State};
use crate::upload;

/// Numbers that look random; the same ones at each run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn fault(&mut self) -> Fault {
        let number = |n: u64| n.to_string();
        match self.below(14) {
            0..=3 => Fault::None,
            4 => Fault::Cut,
            5 => Fault::LoseAnswer,
            6 => Fault::DoAndFail,
            7 => Fault::DoAndGarble,
            8 => Fault::status([500, 502, 503, 504][self.below(4) as usize]),
            9 => Fault::Refuse(429, vec![("retry-after", number(self.below(200)))], "slow down"),
            10 => {
                let reset = FakeClock::START.as_secs() + self.below(5_000);
                let headers =
                    vec![("x-ratelimit-remaining", number(0)), ("x-ratelimit-reset", number(reset))];
                Fault::Refuse(403, headers, "API rate limit exceeded")
            }
            11 => Fault::Refuse(403, Vec::new(), "You have exceeded a secondary rate limit"),
            12 => Fault::status([400, 401, 403, 404, 410, 413, 422, 451][self.below(8) as usize]),
            // Costs a client's patience, which is real time here.
            _ if self.below(8) == 0 => Fault::Hang,
            _ => Fault::Cut,
        }
    }
}

/// Whether each post but the first came after a refusal for a rate limit or for its size, or after a look that found
/// nothing.
fn are_posts_sound(state: &State) -> bool {
    let mut may_post = true;
    for (seen, fault) in state.seen.iter().zip(&state.befallen) {
        match (seen.method.as_str(), fault) {
            ("POST", _) if !may_post => return false,
            ("POST", Fault::Refuse(status, ..)) => may_post = matches!(status, 403 | 413 | 429),
            ("POST", _) => may_post = false,
            ("GET", fault) if seen.path.ends_with("/analyses") => {
                // A look that was answered well and listed nothing of ours; otherwise no post may follow.
                may_post |= matches!(fault, Fault::None);
            }
            _ => {}
        }
    }
    true
}

/// A fake that is befallen by random faults.
fn befallen(random: &mut Random) -> (Fake, Vec<Fault>) {
    let fake = Fake::start();
    let faults: Vec<Fault> = (0..random.below(16)).map(|_| random.fault()).collect();
    fake.state().sarifs.takes = Duration::from_secs(random.below(200));
    fake.befall(faults.clone());
    (fake, faults)
}

/// What holds whatever befalls: posts a second apart and none blindly repeated, and waiting within the budget.
fn check(fake: &Fake, told: &str) {
    assert!(fake.clock().passed() <= Duration::from_secs(600), "{:?} {told}", fake.clock().passed());
    let state = fake.state();
    assert!(are_posts_sound(&state), "{told}");
    let writes: Vec<Duration> =
        state.seen.iter().filter(|seen| seen.method == "POST").map(|seen| seen.at).collect();
    assert!(writes.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_secs(1)), "{told}");
}

#[test]
fn three_hundred_sequences_of_faults_repeat_no_post_blindly_and_end_in_time() {
    let mut random = Random(0x5eed_5eed_5eed_5eed);
    let (mut n_done, mut n_failed) = (0, 0);
    for round in 0..300 {
        let (fake, faults) = befallen(&mut random);
        let ended = upload::upload(&fake);
        let told = format!("round {round}: {faults:?}\n{}\n{ended:?}", fake.log());
        check(&fake, &told);
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

#[test]
fn through_sequences_of_faults_the_sarif_file_stays_and_findings_decide() {
    let mut random = Random(0xfeed_beef_feed_beef);
    let (mut n_uploaded, mut n_noted) = (0, 0);
    for round in 0..40 {
        let (fake, faults) = befallen(&mut random);
        let mut job = Job::new(&fake);
        let is_required = random.below(4) == 0;
        if is_required {
            job.set("INPUT_UPLOAD", "required");
        }
        let ran = job.run(&fake);
        let told = format!("round {round}: {faults:?}\n{}\n{}", fake.log(), ran.log);
        let has_failed = !ran.notes().is_empty();
        let expected = if is_required && has_failed { Code::Failed } else { Code::Findings };
        assert_eq!(ran.code, Ok(expected), "{told}");
        assert_eq!(ran.output("exit-code"), (expected as u8).to_string());
        assert!(ran.notes().len() <= 1, "{told}");
        let results = ran.sarif.as_ref().map(|sarif| sarif["runs"][0]["results"].as_array().unwrap().len());
        assert_eq!(results, Some(1), "{told}");
        assert!(ran.summary.contains("bare-except"), "{told}");
        check(&fake, &told);
        assert!(has_failed || !fake.state().sarifs.taken.is_empty(), "{told}");
        n_uploaded += usize::from(!has_failed);
        n_noted += usize::from(has_failed);
    }
    assert!(n_uploaded > 8 && n_noted > 8, "the sequences are one-sided: {n_uploaded} {n_noted}");
}
