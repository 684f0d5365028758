//! The control-flow graph of a body with its exceptional edges.

use crate::base::{IdVec, components};
use crate::ir::{BlockId, Body, Inst, Op, Rvalue, Terminator};

/// A place between instructions: before instruction `index` of `block`; at its number of instructions, before the
/// terminator.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Point {
    /// The block.
    pub block: BlockId,
    /// How many of its instructions come before.
    pub index: usize,
}

impl Point {
    /// The place before the first instruction of `block`.
    #[must_use]
    pub fn start(block: BlockId) -> Self {
        Self { block, index: 0 }
    }

    /// The place after one more instruction.
    #[must_use]
    pub fn next(self) -> Self {
        Self { block: self.block, index: self.index + 1 }
    }
}

/// An edge of the graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Where it leads, or whence it comes.
    pub block: BlockId,
    /// Whether it is taken when an instruction of the block raises.
    pub unwind: bool,
}

/// Successors, predecessors and a reverse post-order of the blocks that can be reached.
pub struct Cfg {
    succs: IdVec<BlockId, Vec<Edge>>,
    preds: IdVec<BlockId, Vec<Edge>>,
    order: Vec<BlockId>,
    rank: IdVec<BlockId, Option<u32>>,
}

impl Cfg {
    /// The graph of `body`.
    #[must_use]
    pub fn new(body: &Body) -> Self {
        let n = body.blocks.len();
        let mut succs: IdVec<BlockId, Vec<Edge>> = IdVec::filled(Vec::new(), n);
        for (id, block) in body.blocks.pairs() {
            succs[id].extend(block.successors().map(|block| Edge { block, unwind: false }));
            if let Some(to) = block.unwind
                && may_unwind(body, id)
            {
                succs[id].push(Edge { block: to, unwind: true });
            }
        }
        let order = reverse_post_order(body.entry(), &succs);
        let mut rank = IdVec::filled(None, n);
        let mut preds: IdVec<BlockId, Vec<Edge>> = IdVec::filled(Vec::new(), n);
        for (i, &id) in order.iter().enumerate() {
            rank[id] = u32::try_from(i).ok();
            for edge in &succs[id] {
                preds[edge.block].push(Edge { block: id, unwind: edge.unwind });
            }
        }
        Self { succs, preds, order, rank }
    }

    /// Edges out of `block`.
    #[must_use]
    pub fn succs(&self, block: BlockId) -> &[Edge] {
        &self.succs[block]
    }

    /// Edges into `block` from blocks that can be reached.
    #[must_use]
    pub fn preds(&self, block: BlockId) -> &[Edge] {
        &self.preds[block]
    }

    /// The blocks that can be reached, in reverse post-order: a block before its successors, loops aside.
    #[must_use]
    pub fn order(&self) -> &[BlockId] {
        &self.order
    }

    /// The blocks that can be reached in groups that lead back to themselves: a group behind all that lead to it, and within
    /// it in [`Cfg::order`].
    #[must_use]
    pub fn groups(&self) -> Vec<Vec<BlockId>> {
        let mut groups = components(self.order.iter().copied(), self.succs.len(), |block, next| {
            self.succs[block].get(next).map(|edge| edge.block)
        });
        groups.reverse();
        groups.iter_mut().for_each(|group| group.sort_unstable_by_key(|block| self.rank[*block]));
        groups
    }

    /// Position in [`Cfg::order`]; `None` if the block cannot be reached.
    #[must_use]
    pub fn rank(&self, block: BlockId) -> Option<u32> {
        self.rank[block]
    }

    /// Whether control can come to `block`.
    #[must_use]
    pub fn is_reachable(&self, block: BlockId) -> bool {
        self.rank[block].is_some()
    }
}

/// Whether an exception can leave `block` on its unwind edge.
#[must_use]
pub(crate) fn may_unwind(body: &Body, block: BlockId) -> bool {
    let block = &body.blocks[block];
    let by_end = match &block.end {
        Terminator::Raise { .. } | Terminator::Iterate { .. } => true,
        Terminator::Dispatch { catches_all, .. } => !catches_all,
        Terminator::Goto(_) | Terminator::Branch { .. } | Terminator::Return(_) | Terminator::Unreachable => {
            false
        }
    };
    by_end || block.insts.iter().any(may_raise)
}

/// Whether an instruction may raise. Copies, displays and tests of identity never do.
#[must_use]
pub fn may_raise(inst: &Inst) -> bool {
    match &inst.op {
        Op::Call(..) | Op::Store(..) | Op::Delete(_) | Op::Await(..) | Op::Yield(..) | Op::Exit(_) => true,
        Op::Let(_, value) => match value {
            Rvalue::Use(_)
            | Rvalue::List(_)
            | Rvalue::Tuple(_)
            | Rvalue::Dict(_)
            | Rvalue::Function(_)
            | Rvalue::Caught(_) => false,
            Rvalue::Compare(op, ..) => {
                !matches!(op, crate::python::ast::CmpOp::Is | crate::python::ast::CmpOp::IsNot)
            }
            Rvalue::Load(_)
            | Rvalue::Binary(..)
            | Rvalue::Unary(..)
            | Rvalue::Format(_)
            | Rvalue::Slice(..)
            | Rvalue::Set(_)
            | Rvalue::Next(_)
            | Rvalue::Enter(_)
            | Rvalue::Class(_)
            | Rvalue::Spread(_)
            | Rvalue::Matches(..)
            | Rvalue::Opaque(_) => true,
        },
    }
}

fn reverse_post_order(entry: BlockId, succs: &IdVec<BlockId, Vec<Edge>>) -> Vec<BlockId> {
    let mut seen = vec![false; succs.len()];
    let mut order = Vec::new();
    let mut stack = vec![(entry, 0)];
    seen[entry.index()] = true;
    while let Some((block, next)) = stack.pop() {
        match succs[block].get(next) {
            Some(edge) => {
                stack.push((block, next + 1));
                if !std::mem::replace(&mut seen[edge.block.index()], true) {
                    stack.push((edge.block, 0));
                }
            }
            None => order.push(block),
        }
    }
    order.reverse();
    order
}
