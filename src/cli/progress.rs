//! A progress bar for scans of over a second, on a terminal alone.

use std::io::IsTerminal;
use std::sync::Once;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long a scan is left without a bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar that shows itself when the scan takes long.
pub(super) struct Progress {
    bar: ProgressBar,
    begun: Instant,
    shown: Once,
    is_terminal: bool,
}

impl Progress {
    /// A hidden bar over `steps`.
    pub(super) fn new(steps: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3} %  {eta} left") {
            bar.set_style(style);
        }
        Self { bar, begun: Instant::now(), shown: Once::new(), is_terminal: std::io::stderr().is_terminal() }
    }

    /// One step is done.
    pub(super) fn step(&self) {
        if self.is_terminal && self.begun.elapsed() > PATIENCE {
            self.shown.call_once(|| self.bar.set_draw_target(ProgressDrawTarget::stderr()));
        }
        self.bar.inc(1);
    }

    /// Removes the bar.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
