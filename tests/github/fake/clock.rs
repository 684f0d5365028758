//! Time that passes by sleeping alone, and remembers the sleeps.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use snakestone::github::wait::Clock;

/// A clock that does not sleep; its clones are the same clock.
#[derive(Clone)]
pub(crate) struct FakeClock(Arc<Mutex<(Duration, Vec<Duration>)>>);

impl FakeClock {
    /// Its first moment.
    pub(crate) const START: Duration = Duration::from_secs(1_800_000_000);

    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new((Self::START, Vec::new()))))
    }

    pub(crate) fn time(&self) -> Duration {
        self.0.lock().unwrap().0
    }

    /// All sleeps, in seconds.
    pub(crate) fn sleeps(&self) -> Vec<u64> {
        self.0.lock().unwrap().1.iter().map(Duration::as_secs).collect()
    }

    /// Time since the first moment.
    pub(crate) fn passed(&self) -> Duration {
        self.time() - Self::START
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Duration {
        self.time()
    }

    fn sleep(&self, time: Duration) {
        let mut inner = self.0.lock().unwrap();
        inner.0 += time;
        inner.1.push(time);
    }
}
