//! Waiting: how long GitHub wants to be left alone, and how long we are ready to wait in all.
//!
//! Source: GitHub's documentation of rate limits for the REST API: requests one after another, at least a second
//! between writes, `retry-after`, else `x-ratelimit-reset`, else a minute and then longer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time between two writes.
const BETWEEN_WRITES: Duration = Duration::from_secs(1);
/// The first pause where GitHub limits us and does not say for how long.
const UNTOLD_LIMIT: Duration = Duration::from_secs(60);
/// The first pause after an error of the server or of the network.
const AFTER_ERROR: Duration = Duration::from_secs(2);

/// What tells the time and lets it pass; tests have one that does not sleep.
pub trait Clock {
    /// Time since 1970.
    fn now(&self) -> Duration;
    /// Lets `time` pass.
    fn sleep(&self, time: Duration);
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// Keeps writes apart, and requests with all waiting between them below one budget.
pub(super) struct Pace {
    clock: Box<dyn Clock>,
    left: Duration,
    last_write: Option<Duration>,
}

impl Pace {
    /// Requests and waiting may take `budget` in all; what else is done meanwhile does not count.
    pub(super) fn new(clock: Box<dyn Clock>, budget: Duration) -> Self {
        Self { clock, left: budget, last_write: None }
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// What is left of the budget.
    pub(super) fn left(&self) -> Duration {
        self.left
    }

    /// Takes what has passed since `begun` off the budget.
    pub(super) fn spend(&mut self, begun: Duration) {
        self.left = self.left.saturating_sub(self.clock.now().saturating_sub(begun));
    }

    /// Leaves at most `most` of the budget; returns what is put aside.
    pub(super) fn put_aside(&mut self, most: Duration) -> Duration {
        let aside = self.left.saturating_sub(most);
        self.left -= aside;
        aside
    }

    /// Adds to the budget what was put aside.
    pub(super) fn take_back(&mut self, aside: Duration) {
        self.left += aside;
    }

    /// Waits for `time`, or not at all if that is more than is left.
    #[must_use]
    pub(super) fn wait(&mut self, time: Duration) -> bool {
        let fits = time < self.left;
        if fits {
            let begun = self.clock.now();
            self.clock.sleep(time);
            self.spend(begun);
        }
        fits
    }

    /// Waits until a write may follow the last one, or not at all if that is more than is left.
    #[must_use]
    pub(super) fn wait_to_write(&mut self) -> bool {
        let next = self.last_write.map_or(Duration::ZERO, |last| last + BETWEEN_WRITES);
        let time = next.saturating_sub(self.clock.now());
        let may_write = time.is_zero() || self.wait(time);
        if may_write {
            self.last_write = Some(self.clock.now());
        }
        may_write
    }
}

/// What the headers of a refused request say of the time to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Limits {
    /// `retry-after`, in seconds.
    pub(super) retry_after: Option<u64>,
    /// `x-ratelimit-remaining`.
    pub(super) remaining: Option<u64>,
    /// `x-ratelimit-reset`, in seconds since 1970.
    pub(super) reset: Option<u64>,
}

impl Limits {
    /// Whether the headers alone say that there have been too many requests.
    pub(super) fn are_reached(&self) -> bool {
        self.retry_after.is_some() || self.remaining == Some(0)
    }

    /// How long to wait from `now` on, if the headers say.
    pub(super) fn wait(&self, now: Duration) -> Option<Duration> {
        let reset = || self.reset.filter(|_| self.remaining == Some(0));
        // A second more, since the reset is cut to whole seconds.
        let until = |reset: u64| Duration::from_secs(reset.saturating_add(1)).saturating_sub(now);
        self.retry_after.map(Duration::from_secs).or_else(|| reset().map(until))
    }
}

/// The pause before try number `n_tries` + 1 where a limit was reached; `told` by GitHub, or a minute, then longer.
pub(super) fn after_limit(told: Option<Duration>, n_tries: u32) -> Duration {
    told.unwrap_or_else(|| doubled(UNTOLD_LIMIT, n_tries))
}

/// The pause before try number `n_tries` + 1 after an error of the server or of the network.
pub(super) fn after_error(n_tries: u32) -> Duration {
    doubled(AFTER_ERROR, n_tries)
}

fn doubled(first: Duration, n_tries: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(n_tries.saturating_sub(1)))
}

/// `time` since 1970 as `2027-01-15T08:00:00Z`.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
#[must_use]
pub fn timestamp(time: Duration) -> String {
    let (days, seconds) = (time.as_secs() / 86_400, time.as_secs() % 86_400);
    let days = days + 719_468; // since 0000-03-01
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153; // from March
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, is_next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + is_next_year;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Limits, after_error, after_limit, timestamp};

    const NOW: Duration = Duration::from_secs(1_000);

    fn limits(retry_after: Option<u64>, remaining: Option<u64>, reset: Option<u64>) -> Limits {
        Limits { retry_after, remaining, reset }
    }

    #[test]
    fn retry_after_comes_first_then_the_reset_then_a_growing_minute() {
        let wait = |limits: Limits| limits.wait(NOW).map(|time| time.as_secs());
        assert_eq!(wait(limits(Some(7), Some(0), Some(1_600))), Some(7));
        assert_eq!(wait(limits(None, Some(0), Some(1_600))), Some(601));
        assert_eq!(wait(limits(None, Some(0), Some(900))), Some(0));
        assert_eq!(wait(limits(None, Some(3), Some(1_600))), None);
        assert_eq!(wait(limits(None, Some(0), Some(u64::MAX))), Some(u64::MAX - 1_000));
        let seconds = [1, 2, 3].map(|n| after_limit(None, n).as_secs());
        assert_eq!(seconds, [60, 120, 240]);
        assert_eq!([1, 2, 3, 4].map(|n| after_error(n).as_secs()), [2, 4, 8, 16]);
        assert_eq!(after_limit(Some(Duration::from_secs(5)), 3).as_secs(), 5);
    }

    #[test]
    fn timestamps_are_those_of_the_calendar() {
        let shown = |seconds| timestamp(Duration::from_secs(seconds));
        assert_eq!(shown(0), "1970-01-01T00:00:00Z");
        assert_eq!(shown(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(shown(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(shown(1_800_000_000), "2027-01-15T08:00:00Z");
        assert_eq!(shown(4_107_542_400), "2100-03-01T00:00:00Z");
    }
}
