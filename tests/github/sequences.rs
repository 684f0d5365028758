//! Random sequences of faults, the same ones at each run, and what none of them may bring about.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use crate::fake::{Fake, FakeClock, Fault, Seen, State};

/// Time for all requests of a run.
pub(crate) const BUDGET: Duration = Duration::from_secs(600);

/// Numbers that look random: xorshift.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    /// Up to `most` faults, of which `calm` percent are none.
    pub(crate) fn faults(&mut self, most: u64, calm: u64) -> Vec<Fault> {
        (0..=self.below(most))
            .map(|_| if self.below(100) < calm { Fault::None } else { self.fault() })
            .collect()
    }

    fn fault(&mut self) -> Fault {
        let number = |n: u64| n.to_string();
        match self.below(10) {
            0 => Fault::Cut,
            1 => Fault::LoseAnswer,
            2 => Fault::DoAndFail,
            3 => Fault::DoAndGarble,
            4 => Fault::status([500, 502, 503, 504][self.below(4) as usize]),
            5 => Fault::Refuse(429, vec![("retry-after", number(self.below(200)))], "slow down"),
            6 => {
                let reset = FakeClock::START.as_secs() + self.below(5_000);
                let headers =
                    vec![("x-ratelimit-remaining", number(0)), ("x-ratelimit-reset", number(reset))];
                Fault::Refuse(403, headers, "API rate limit exceeded")
            }
            7 => Fault::Refuse(403, Vec::new(), "You have exceeded a secondary rate limit"),
            8 => Fault::status([400, 401, 403, 404, 410, 413, 422, 451][self.below(8) as usize]),
            // Costs a client's patience, which is real time here.
            _ if self.below(8) == 0 => Fault::Hang,
            _ => Fault::Cut,
        }
    }
}

/// Where it shows whether a write took effect.
fn look(write: &Seen) -> String {
    let path = &write.path;
    if path.ends_with("/code-scanning/sarifs") {
        path.replace("/sarifs", "/analyses")
    } else if path.ends_with("/reviews") {
        path.replace("/reviews", "/comments")
    } else if path.ends_with("/check-runs") {
        let body = write.json();
        path.replace("/check-runs", &format!("/commits/{}/check-runs", body["head_sha"].as_str().unwrap()))
    } else {
        path.clone()
    }
}

/// The first write of which a second try followed neither a refusal nor a look that found nothing.
fn blind(state: &State) -> Option<String> {
    let mut open: HashSet<(String, String, Vec<u8>)> = HashSet::new();
    for (seen, fault) in state.seen.iter().zip(&state.befallen) {
        match seen.method.as_str() {
            // One upload is as another, however it was cut; a question is no write.
            "POST" | "PATCH" if seen.path != "/graphql" => {
                let body = if seen.path.ends_with("/sarifs") { Vec::new() } else { seen.body.clone() };
                let key = (seen.method.clone(), look(seen), body);
                if open.contains(&key) {
                    return Some(format!("{} {}", seen.method, seen.path));
                }
                if !matches!(fault, Fault::Refuse(403 | 413 | 429, ..)) {
                    open.insert(key);
                }
            }
            "GET" if matches!(fault, Fault::None) => open.retain(|(_, look, _)| *look != seen.path),
            _ => {}
        }
    }
    None
}

/// What holds whatever befalls: no write is repeated blindly, writes are a second apart, nothing is said twice, and
/// all waiting since `begun` is within the budget.
pub(crate) fn check(fake: &Fake, begun: Duration, told: &str) {
    let took = fake.clock().passed() - begun;
    assert!(took <= BUDGET, "{took:?} {told}");
    let state = fake.state();
    assert_eq!(blind(&state), None, "{told}");
    let writes: Vec<Duration> =
        state.seen.iter().filter(|seen| seen.method != "GET").map(|seen| seen.at).collect();
    assert!(writes.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_secs(1)), "{told}");
    let said: Vec<&str> = state.pulls.bodies().iter().filter_map(|body| body.lines().next_back()).collect();
    let once: BTreeSet<&str> = said.iter().copied().collect();
    assert_eq!(said.len(), once.len(), "a comment twice: {told}");
    assert!(state.checks.runs.len() <= 1, "{told}");
    for annotations in &state.checks.annotations {
        let lines: BTreeSet<u64> = annotations.iter().map(|it| it["start_line"].as_u64().unwrap()).collect();
        assert_eq!(lines.len(), annotations.len(), "an annotation twice: {told}");
    }
}
