//! Which locals may still be read.

use crate::base::IdVec;
use crate::flow::{Cfg, defined, end_reads};
use crate::ir::{BlockId, Body, LocalId, Operand, operands};

/// The locals that some path from the start of a block reads before it gives them another value.
pub struct Liveness {
    sets: IdVec<BlockId, Vec<u64>>,
}

impl Liveness {
    /// Solves backward over all edges, exceptional ones included.
    #[must_use]
    pub fn new(body: &Body, cfg: &Cfg) -> Self {
        let words = body.locals.len().div_ceil(64);
        let mut sets: IdVec<BlockId, Vec<u64>> = IdVec::filled(vec![0; words], body.blocks.len());
        let order: Vec<BlockId> = cfg.order().iter().rev().copied().collect();
        loop {
            let mut changed = false;
            for &block in &order {
                let mut live = vec![0; words];
                for edge in cfg.succs(block).iter().filter(|edge| !edge.unwind) {
                    join(&mut live, &sets[edge.block]);
                }
                let data = &body.blocks[block];
                end_reads(&data.end).for_each(|local| set(&mut live, local));
                for inst in data.insts.iter().rev() {
                    if let Some(local) = defined(inst) {
                        live[local.index() / 64] &= !(1 << (local.index() % 64));
                    }
                    let read = operands(body, inst).filter_map(Operand::local);
                    read.for_each(|local| set(&mut live, local));
                }
                // An exception may leave the block before any of its definitions.
                for edge in cfg.succs(block).iter().filter(|edge| edge.unwind) {
                    join(&mut live, &sets[edge.block]);
                }
                if sets[block] != live {
                    sets[block] = live;
                    changed = true;
                }
            }
            if !changed {
                return Self { sets };
            }
        }
    }

    /// Whether `local` may be read from the start of `block` on.
    #[must_use]
    pub fn is_live(&self, block: BlockId, local: LocalId) -> bool {
        self.sets[block][local.index() / 64] & (1 << (local.index() % 64)) != 0
    }
}

fn set(live: &mut [u64], local: LocalId) {
    live[local.index() / 64] |= 1 << (local.index() % 64);
}

fn join(live: &mut [u64], other: &[u64]) {
    live.iter_mut().zip(other).for_each(|(a, b)| *a |= b);
}
