//! Walks forward along paths.

use rustc_hash::FxHashSet;

use crate::flow::{Cfg, Point};
use crate::ir::{BlockId, Body, Inst, Terminator};

/// Whether a walk goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Along this path.
    Go,
    /// Not beyond this instruction on this path.
    Stop,
}

/// How a path leaves the walked blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// By returning from the body; the block ends in [`Terminator::Return`].
    Return(BlockId),
    /// By a `raise` (or the end of `finally` after an exception) that leaves the body.
    Raise(BlockId),
    /// By an ordinary edge out of the blocks that `within` admits: from one block to another.
    Leave(BlockId, BlockId),
}

/// Walks every path from `from`, through blocks that `within` admits, past instructions for which `visit` says
/// [`Step::Go`]; each instruction is visited once. Returns the ways out that were reached, in the order found.
///
/// Ordinary edges and `raise` statements are followed; that an instruction may raise is not.
pub fn walk(
    body: &Body,
    cfg: &Cfg,
    from: Point,
    within: impl Fn(BlockId) -> bool,
    mut visit: impl FnMut(Point, &Inst) -> Step,
) -> Vec<Exit> {
    let mut exits = Vec::new();
    let mut seen: FxHashSet<BlockId> = FxHashSet::default();
    let mut todo = vec![from];
    while let Some(point) = todo.pop() {
        let block = &body.blocks[point.block];
        let stopped = block
            .insts
            .iter()
            .enumerate()
            .skip(point.index)
            .any(|(index, inst)| visit(Point { block: point.block, index }, inst) == Step::Stop);
        if stopped {
            continue;
        }
        let raises = matches!(block.end, Terminator::Raise { .. });
        match &block.end {
            Terminator::Return(_) => exits.push(Exit::Return(point.block)),
            Terminator::Raise { .. } if block.unwind.is_none() => exits.push(Exit::Raise(point.block)),
            _ => {}
        }
        for edge in cfg.succs(point.block).iter().filter(|edge| !edge.unwind || raises) {
            if !within(edge.block) {
                let exit =
                    if raises { Exit::Raise(point.block) } else { Exit::Leave(point.block, edge.block) };
                exits.push(exit);
            } else if seen.insert(edge.block) {
                todo.push(Point::start(edge.block));
            }
        }
    }
    exits
}
