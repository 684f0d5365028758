//! Runs one block: its instructions, what they raise, and where control goes behind them.

use std::sync::Arc;

use crate::ir::{BlockId, Op, Operand, Terminator};
use crate::taint::body::{Analyzer, Ends};
use crate::taint::state::{State, Var};
use crate::taint::value::{Key, Konst, Tree};

impl Analyzer<'_, '_> {
    /// The states that `block` hands to its successors; notes in `ends` what it returns and yields.
    pub(super) fn block(&self, block: BlockId, mut state: State, ends: &mut Ends) -> Vec<(BlockId, State)> {
        let data = &self.body.blocks[block];
        let mut out: Vec<(BlockId, State)> = Vec::new();
        let unwinds = self.cfg.succs(block).iter().find(|edge| edge.unwind).map(|edge| edge.block);
        let leaves = unwinds.is_none();
        // What a handler sees is between what holds before the block and where it raises last.
        let mut raised: Option<State> =
            unwinds.filter(|_| data.insts.iter().any(crate::flow::may_raise)).map(|_| state.clone());
        if let Some(raised) = raised.as_mut().filter(|_| self.is_handler(block)) {
            raised.set(Var::Raised, Arc::default());
        }
        let mut thrown = Tree::default();
        let (goes_on, last) = self.insts(block, &mut state, (&mut thrown, &mut raised, leaves), ends);
        if let (Some(to), Some(mut raised)) = (unwinds, raised) {
            self.join(&mut raised, last.as_ref().unwrap_or(&state));
            Self::raise(&mut raised, &thrown);
            out.push((to, raised));
        }
        if !goes_on {
            return out;
        }
        match data.end {
            Terminator::Return(value) => {
                let tree = self.with_ways(&state, value, self.value(&state, value));
                if self.is_reporting() {
                    self.meet_return(&state, block, value, &tree);
                    self.leave_instance(&state);
                }
                ends.returned.push((state, Tree::clone(&tree), value));
            }
            Terminator::Raise { exception, .. } => {
                if let Some(exception) = exception {
                    state.set(Var::Raised, Arc::new(self.exception(&state, exception)));
                }
                if let Some(raised) = state.get(Var::Raised).filter(|_| leaves) {
                    self.leave_raised(&state, raised);
                }
                out.extend(unwinds.map(|to| (to, state)));
            }
            _ => self.go_on(block, &state, &mut out),
        }
        out
    }

    /// Runs the instructions of a block, and adds what they raise to `thrown`; whether control comes to its end, and the
    /// state in which the last raises that may.
    fn insts(
        &self,
        block: BlockId,
        state: &mut State,
        (thrown, raised, leaves): (&mut Tree, &mut Option<State>, bool),
        ends: &mut Ends,
    ) -> (bool, Option<State>) {
        let insts = &self.body.blocks[block].insts;
        let last = raised.as_ref().and_then(|_| insts.iter().rposition(crate::flow::may_raise));
        let mut at_last: Option<State> = None;
        for (index, inst) in insts.iter().enumerate() {
            let target = match inst.op {
                Op::Call(to, _) | Op::Await(to, _) if Some(index) == last => Some(Var::Local(to)),
                _ => None,
            };
            let before = target.map(|to| (to, state.get(to).cloned().unwrap_or_default()));
            let shown = raised.as_ref().map(|_| state.all_cleared().to_vec());
            let goes_on = self.step(state, inst);
            if let (Some(raised), Some(shown)) = (raised.as_mut(), shown)
                && shown != state.all_cleared()
            {
                // `found = text; int(found)`: what raises has shown nothing.
                let way = state.showing(shown);
                self.join(raised, &way);
            }
            if let Some(raised) = self.thrown.take() {
                if leaves {
                    self.leave_raised(state, &raised);
                }
                thrown.join(&raised);
            }
            if let Some((to, before)) = before {
                // What the call gives is not there where it raises.
                let mut raising = state.clone();
                raising.set(to, before);
                at_last = Some(raising);
            }
            if !goes_on {
                return (false, at_last);
            }
            if let (Op::Yield(_, value, _), true) = (&inst.op, self.is_reporting()) {
                let mut part = Tree::default();
                part.store(&[Key::Any], &self.value(state, *value));
                ends.yields.join(&part);
            }
        }
        (true, at_last)
    }

    /// The states behind a block by ordinary control.
    fn go_on(&self, block: BlockId, state: &State, out: &mut Vec<(BlockId, State)>) {
        let data = &self.body.blocks[block];
        let ends: Vec<(BlockId, State)> = match data.end {
            Terminator::Branch { on, yes, no } => self.branch(block, state, (on, yes, no)),
            _ => data.successors().map(|to| (to, state.clone())).collect(),
        };
        let mut is_caught = false;
        for (to, mut state) in ends {
            if matches!(data.end, Terminator::Dispatch { .. }) {
                self.choose(&mut state, to, &mut is_caught);
            }
            if !self.loops.is_empty() {
                self.leave_rounds(&mut state, block, to);
            }
            self.forget_dead(&mut state, to);
            out.push((to, state));
        }
    }

    /// The states behind a branch, those that a constant rules out aside.
    fn branch(
        &self,
        block: BlockId,
        state: &State,
        (on, yes, no): (Operand, BlockId, BlockId),
    ) -> Vec<(BlockId, State)> {
        let tree = self.value(state, on);
        self.test(&tree);
        let decided = tree.konst.as_ref().map(Konst::is_true);
        let decided = decided.or_else(|| self.is_given_function(on).then_some(true));
        let is_debug = self.is_debug(block, on);
        let mut ends = Vec::new();
        for (to, truth) in [(yes, true), (no, false)] {
            if decided.is_none_or(|decided| decided == truth) {
                let mut state = state.clone();
                self.learn(&mut state, on, &tree, truth);
                self.answer(&mut state, on, truth);
                self.as_asked(&mut state, on, truth);
                if is_debug && truth {
                    Self::learn_debug(&mut state);
                } else if (self.settings.contains(&block) || self.is_filled_table(on, &tree))
                    && !is_debug
                    && !self.is_remote(&tree)
                {
                    state.take_arm(block, truth);
                }
                ends.push((to, state));
            }
        }
        ends
    }
}
