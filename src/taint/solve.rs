//! Runs the blocks of a body in order, those of a loop until nothing changes.

use std::collections::BTreeSet;

use crate::base::IdVec;
use crate::ir::{BlockId, Terminator};
use crate::taint::body::{Analyzer, Ends};
use crate::taint::limits::MAX_VISITS;
use crate::taint::state::State;
use crate::taint::summary::Summary;

/// The states before blocks that are reached.
type Ins = IdVec<BlockId, Option<State>>;

impl Analyzer<'_, '_> {
    /// The summary of the body.
    pub(super) fn run(self) -> Summary {
        let ends = self.solve(true);
        self.finish(ends.returned, ends.yields)
    }

    /// The state in which the body returns.
    pub(super) fn end(&self) -> Option<State> {
        let mut states = self.solve(false).returned.into_iter().map(|(state, ..)| state);
        let mut end = states.next()?;
        for state in states {
            self.join(&mut end, &state);
        }
        Some(end)
    }

    /// What is seen where the body ends. Each block is run once when it is known what comes in, and where it is to be
    /// reported what reaches what, that is done then.
    fn solve(&self, reports: bool) -> Ends {
        let mut ends = Ends::default();
        let mut ins: Ins = IdVec::filled(None, self.body.blocks.len());
        *self.reporting.borrow_mut() = reports;
        ins[self.body.entry()] = Some(self.entry());
        for group in self.cfg.groups() {
            let is_loop =
                group.len() > 1 || self.cfg.succs(group[0]).iter().any(|edge| edge.block == group[0]);
            if is_loop {
                *self.reporting.borrow_mut() = false;
                self.settle(&group, &mut ins);
                *self.reporting.borrow_mut() = reports;
            }
            for block in &group {
                let Some(state) = ins[*block].take() else { continue };
                for (to, state) in self.block(*block, state, &mut ends) {
                    if !group.contains(&to) {
                        self.hand(&mut ins, to, state);
                    }
                }
            }
        }
        ends
    }

    /// Runs the blocks of a loop until the states before them do not change.
    fn settle(&self, group: &[BlockId], ins: &mut Ins) {
        let mut visits = vec![0; group.len()];
        let at = |block: BlockId| group.iter().position(|member| *member == block);
        let mut todo: BTreeSet<usize> = (0..group.len()).filter(|at| ins[group[*at]].is_some()).collect();
        // A loop is left when it is known what its rounds do; of several the innermost first.
        let mut waiting: BTreeSet<usize> = BTreeSet::new();
        // Rounds of an outer loop wait for the loops within it, which else were never left where each round brings more.
        let next = |todo: &BTreeSet<usize>, waiting: &BTreeSet<usize>| match waiting.last() {
            Some(inner) => todo.range(inner + 1..).next().or(Some(inner)).copied(),
            None => todo.first().copied(),
        };
        while let Some(this) = next(&todo, &waiting) {
            todo.remove(&this);
            let block = group[this];
            let done = match self.body.blocks[block].end {
                Terminator::Iterate { done, .. } if visits[this] == 0 && waiting.insert(this) => Some(done),
                _ => {
                    waiting.remove(&this);
                    None
                }
            };
            if visits[this] >= MAX_VISITS {
                continue;
            }
            visits[this] += 1;
            let Some(state) = ins[block].clone() else { continue };
            for (to, state) in self.block(block, state, &mut Ends::default()) {
                if let (Some(to_at), false) = (at(to), done == Some(to))
                    && self.hand(ins, to, state)
                {
                    todo.insert(to_at);
                }
            }
        }
    }

    /// Hands a state to a block; whether it brings something new.
    fn hand(&self, ins: &mut Ins, to: BlockId, state: State) -> bool {
        match &mut ins[to] {
            Some(known) => self.join(known, &state),
            slot => {
                *slot = Some(state);
                true
            }
        }
    }
}
