//! What is a defect. Every rule is a page (`<id>.md`: metadata, manual, tests) and, where the page alone does not
//! say it, code (`<id>.rs`).
//!
//! In: lowered files. Out: findings. Rules see no reports, no configuration and no other rule.

mod context;
mod facts;
mod judge;
mod page;

pub use context::Context;
pub use judge::{Hit, Judge};
pub use page::{Case, EditKind, Expectation, Page, PageError, plain};

use crate::ir::CallId;

/// A rule.
pub struct Rule {
    /// Its page, as it stands in the repository.
    pub page: &'static str,
    /// How it looks.
    pub check: Check,
}

/// Where a rule looks.
pub enum Check {
    /// Once per call whose callee resolves to one of `names`.
    Call {
        /// Value paths of callees: `os.system`, `subprocess.Popen().wait`.
        names: &'static [&'static str],
        /// Judges one such call.
        run: fn(&Context<'_>, CallId) -> Option<Hit>,
    },
    /// Once per function, class block and module body.
    Body(fn(&Context<'_>, &mut Vec<Hit>)),
    /// Elsewhere: markers are judged when findings are settled.
    None,
}

/// All rules, in the order of `shared` classes: exceptions, commands, locks, cleanup, network.
pub static RULES: &[&Rule] = &[];
