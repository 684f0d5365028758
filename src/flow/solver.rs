//! The forward dataflow solver.

use std::collections::BTreeSet;

use crate::base::IdVec;
use crate::flow::Cfg;
use crate::flow::graph::may_raise;
use crate::ir::{BlockId, Body, Inst};

/// A set of facts that can only grow by joining.
pub trait Lattice {
    /// Joins `other` into `self`; returns whether `self` grew.
    fn join(&mut self, other: &Self) -> bool;
}

/// A forward dataflow problem over one body.
pub trait Analysis {
    /// The facts at a point.
    type State: Clone + Lattice;
    /// State on entry to the body.
    fn entry(&self, body: &Body) -> Self::State;
    /// Effect of one instruction.
    fn step(&self, state: &mut Self::State, inst: &Inst);
    /// What taking an ordinary edge teaches: `x in ALLOWED` cleans `x` on its true edge.
    fn edge(&self, _state: &mut Self::State, _from: BlockId, _to: BlockId) {}
}

/// Most visits of one block before the rest is given up as it stands; no lattice in use needs as many.
const MAX_VISITS: u32 = 64;

/// The state at the start of each block that can be reached.
pub fn solve<A: Analysis>(body: &Body, cfg: &Cfg, analysis: &A) -> IdVec<BlockId, Option<A::State>> {
    let mut states: IdVec<BlockId, Option<A::State>> = IdVec::filled(None, body.blocks.len());
    let mut visits: IdVec<BlockId, u32> = IdVec::filled(0, body.blocks.len());
    states[body.entry()] = Some(analysis.entry(body));
    let mut todo: BTreeSet<(u32, BlockId)> = BTreeSet::new();
    todo.extend(cfg.rank(body.entry()).map(|rank| (rank, body.entry())));
    while let Some((_, id)) = todo.pop_first() {
        visits[id] += 1;
        if visits[id] > MAX_VISITS {
            continue;
        }
        let Some(mut state) = states[id].clone() else { continue };
        // What the unwind edge carries: the states before each instruction that may raise, and before the end.
        let mut raised: Option<A::State> = None;
        for inst in &body.blocks[id].insts {
            if may_raise(inst) {
                join_into(&mut raised, &state);
            }
            analysis.step(&mut state, inst);
        }
        join_into(&mut raised, &state);
        for edge in cfg.succs(id) {
            let grew = if edge.unwind {
                raised.as_ref().is_some_and(|raised| join_into(&mut states[edge.block], raised))
            } else {
                let mut along = state.clone();
                analysis.edge(&mut along, id, edge.block);
                join_into(&mut states[edge.block], &along)
            };
            if grew {
                todo.extend(cfg.rank(edge.block).map(|rank| (rank, edge.block)));
            }
        }
    }
    states
}

fn join_into<S: Clone + Lattice>(slot: &mut Option<S>, state: &S) -> bool {
    match slot {
        Some(old) => old.join(state),
        None => {
            *slot = Some(state.clone());
            true
        }
    }
}
