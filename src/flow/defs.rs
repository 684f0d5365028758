//! Who defines a local, and who reads it.

use rustc_hash::FxHashSet;

use crate::base::IdVec;
use crate::flow::{Cfg, Point};
use crate::ir::{BlockId, Body, Inst, LocalId, Op, Operand, Place, Terminator, operands};

/// Longest chain of copies, or of other steps from one local to the next, that is looked through: where a variable is given
/// again what it was made into, such chains have no end.
pub const MAX_CHAIN: u32 = 8;

/// A definition that may reach a point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Def {
    /// The value at entry: a parameter's argument, or nothing yet.
    Entry,
    /// The instruction at this point.
    At(Point),
}

/// The local an instruction defines.
#[must_use]
pub fn defined(inst: &Inst) -> Option<LocalId> {
    match &inst.op {
        Op::Let(to, _) | Op::Call(to, _) | Op::Await(to, _) | Op::Yield(to, ..) => Some(*to),
        Op::Delete(place) if *place == Place::bare(place.base) => place.base.local(),
        Op::Store(..) | Op::Delete(_) | Op::Exit(_) => None,
    }
}

/// The definitions of `local` that may reach `at`, sorted.
#[must_use]
pub fn definitions(body: &Body, cfg: &Cfg, at: Point, local: LocalId) -> Vec<Def> {
    let mut found = FxHashSet::default();
    let mut seen = FxHashSet::default();
    let mut todo = vec![at];
    while let Some(point) = todo.pop() {
        let insts = &body.blocks[point.block].insts;
        let upto = point.index.min(insts.len());
        if let Some(index) = insts[..upto].iter().rposition(|inst| defined(inst) == Some(local)) {
            found.insert(Def::At(Point { block: point.block, index }));
            continue;
        }
        if point.block == body.entry() {
            found.insert(Def::Entry);
        }
        for edge in cfg.preds(point.block) {
            if seen.insert((edge.block, edge.unwind)) {
                if edge.unwind {
                    // The exception may have come before any of the block's definitions, or after them.
                    let insts = &body.blocks[edge.block].insts;
                    for (index, inst) in insts.iter().enumerate() {
                        if defined(inst) == Some(local) {
                            found.insert(Def::At(Point { block: edge.block, index }));
                        }
                    }
                    todo.push(Point::start(edge.block));
                } else {
                    todo.push(Point { block: edge.block, index: body.blocks[edge.block].insts.len() });
                }
            }
        }
    }
    let mut found: Vec<Def> = found.into_iter().collect();
    found.sort_unstable();
    found
}

/// Whether some path from `from` reads `local` before it is defined anew.
#[must_use]
pub fn is_read_after(body: &Body, cfg: &Cfg, from: Point, local: LocalId) -> bool {
    let mut seen: FxHashSet<BlockId> = FxHashSet::default();
    let mut todo = vec![from];
    while let Some(point) = todo.pop() {
        let block = &body.blocks[point.block];
        let mut redefined = false;
        for inst in &block.insts[point.index.min(block.insts.len())..] {
            if reads(body, inst).any(|read| read == local) {
                return true;
            }
            if defined(inst) == Some(local) {
                redefined = true;
                break;
            }
        }
        if !redefined && end_reads(&block.end).any(|read| read == local) {
            return true;
        }
        for edge in cfg.succs(point.block) {
            if (!redefined || edge.unwind) && seen.insert(edge.block) {
                todo.push(Point::start(edge.block));
            }
        }
    }
    false
}

/// All reads of each local, in block order.
pub struct Uses {
    by_local: IdVec<LocalId, Vec<Point>>,
}

impl Uses {
    /// The reads in `body`.
    #[must_use]
    pub fn new(body: &Body) -> Self {
        let mut by_local: IdVec<LocalId, Vec<Point>> = IdVec::filled(Vec::new(), body.locals.len());
        for (block, data) in body.blocks.pairs() {
            for (index, inst) in data.insts.iter().enumerate() {
                for local in reads(body, inst) {
                    by_local[local].push(Point { block, index });
                }
            }
            for local in end_reads(&data.end) {
                by_local[local].push(Point { block, index: data.insts.len() });
            }
        }
        Self { by_local }
    }

    /// Where `local` is read.
    #[must_use]
    pub fn of(&self, local: LocalId) -> &[Point] {
        &self.by_local[local]
    }
}

fn reads<'b>(body: &'b Body, inst: &'b Inst) -> impl Iterator<Item = LocalId> + use<'b> {
    operands(body, inst).filter_map(Operand::local)
}

/// The locals a terminator reads.
pub fn end_reads(end: &Terminator) -> impl Iterator<Item = LocalId> {
    let read = match end {
        Terminator::Branch { on, .. } => [Some(*on), None],
        Terminator::Raise { exception, cause, .. } => [*exception, *cause],
        Terminator::Return(value) => [Some(*value), None],
        Terminator::Goto(_)
        | Terminator::Iterate { .. }
        | Terminator::Dispatch { .. }
        | Terminator::Unreachable => [None, None],
    };
    read.into_iter().flatten().filter_map(Operand::local)
}
