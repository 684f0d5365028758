//! How much of the program names and types tell.

use rayon::prelude::*;

use crate::program::{FuncId, Meaning, Program};

/// Counts over all bodies.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Stats {
    /// Functions, methods, lambdas, class blocks and module bodies.
    pub bodies: usize,
    /// Calls of functions and classes of the program.
    pub own: usize,
    /// Calls of what libraries and Python itself define.
    pub library: usize,
    /// Calls of which it is not known what they run.
    pub unresolved: usize,
}

impl Stats {
    /// The share of calls of which it is not known what they run, 0 to 1.
    #[must_use]
    pub fn share_unresolved(&self) -> f64 {
        let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        count(self.unresolved) / count((self.own + self.library + self.unresolved).max(1))
    }
}

impl std::ops::Add for Stats {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            bodies: self.bodies + other.bodies,
            own: self.own + other.own,
            library: self.library + other.library,
            unresolved: self.unresolved + other.unresolved,
        }
    }
}

impl Program<'_> {
    /// What names and types tell of the program's calls.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let all: Vec<FuncId> = self.funcs().collect();
        all.par_iter().map(|id| self.stats_of(*id)).reduce(Stats::default, |a, b| a + b)
    }

    fn stats_of(&self, id: FuncId) -> Stats {
        let (module, _, body) = self.func(id);
        let class = self.class_of(id);
        let mut stats = Stats { bodies: 1, ..Stats::default() };
        for call in body.calls.iter() {
            let meaning = call.name.map(|name| module.meaning(name));
            if !self.callees(module, class, call).is_empty() || matches!(meaning, Some(Meaning::Class(_))) {
                stats.own += 1;
            } else if matches!(meaning, Some(Meaning::Outside(path)) if !path.contains("[]")) {
                stats.library += 1;
            } else {
                stats.unresolved += 1;
            }
        }
        stats
    }
}
