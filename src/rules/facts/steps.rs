//! How much a search through calls and definitions may look at: these branch, so that a bound on their depth alone lets
//! the work grow as a power of the length of the code.

use std::cell::Cell;

/// What a search may still look at.
pub(crate) struct Steps(Cell<u32>);

impl Steps {
    /// A search that looks at `most` places.
    pub(crate) fn new(most: u32) -> Self {
        Self(Cell::new(most))
    }

    /// Goes one step on; `None` if the search has gone far enough.
    pub(crate) fn take(&self) -> Option<()> {
        self.0.set(self.0.get().checked_sub(1)?);
        Some(())
    }
}
