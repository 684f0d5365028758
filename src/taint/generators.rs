//! What is sent into generators: `name = yield` is given what `machine.send(name)` passes. It stands behind the parameters.
//! And calls that only make a coroutine.

use std::sync::Arc;

use crate::ir::{Body, BodyKind, Call, CallId, Inst, LocalId, Op, Operand, operands};
use crate::program::FuncId;
use crate::taint::apply::Bound;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::demand::Mask;
use crate::taint::summary::Port;
use crate::taint::value::{Callee, FuncRef, Key, Tree};

impl Analyzer<'_, '_> {
    /// Whether something is done with what is sent.
    pub(super) fn takes_sent(&self, to: LocalId) -> bool {
        takes(self.body, to)
    }

    /// What is sent into this generator.
    pub(super) fn sent(&self) -> Arc<Tree> {
        let index = self.body.params.len();
        let label = self.label(Port::Param(index, Vec::new()), None);
        let is_given = self.context.mask != Mask::NONE && self.context.mask.has(index);
        if is_given { Arc::new(Tree::labeled(vec![label])) } else { Arc::default() }
    }

    /// Whether a call makes a coroutine that nothing here waits for: whether that ever ends is of no matter then.
    pub(super) fn is_only_started(&self, site: &Site<'_>, func: FuncId) -> bool {
        let (.., callee) = self.world.program.func(func);
        let made = Operand::Local(site.call.to);
        let is_async = matches!(callee.kind, BodyKind::Function { is_async: true, .. });
        let mut insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        let is_run = |(id, call): (CallId, &Call)| {
            let runs = self.calls[id].path == "asyncio.run"
                || self.module.unit.text(call.method) == "run_until_complete";
            runs && call.positional(0).is_some_and(|arg| arg.value == made)
        };
        is_async
            && !insts.any(|inst| matches!(inst.op, Op::Await(_, value) if value == made))
            && !self.body.calls.pairs().any(is_run)
    }

    /// Notes in what a call of a generator gives how it is sent something.
    pub(super) fn as_generator(&self, func: FuncId, bound: &Bound, made: &mut Arc<Tree>) {
        let (.., body) = self.world.program.func(func);
        let is_taking = |inst: &Inst| matches!(inst.op, Op::Yield(to, ..) if takes(body, to));
        if !is_generator(body.kind) || !body.blocks.iter().flat_map(|block| &block.insts).any(is_taking) {
            return;
        }
        let given: Vec<Arc<Tree>> = bound.iter().map(|given| given.clone().unwrap_or_default()).collect();
        for name in ["send", "asend"].iter().filter_map(|name| self.world.program.symbol(name)) {
            let bound = given[..body.params.len()].to_vec();
            let send = FuncRef { bound, ..FuncRef::new(Callee::Own(func)) };
            Arc::make_mut(made).store(&[Key::Attr(name)], &Arc::new(Tree::func(send)));
        }
    }
}

/// Whether a body does something with what it is sent where it yields into `to`.
fn takes(body: &Body, to: LocalId) -> bool {
    let mut insts = body.blocks.iter().flat_map(|block| &block.insts);
    is_generator(body.kind) && insts.any(|inst| operands(body, inst).contains(Operand::Local(to)))
}

/// Whether a function is a generator.
pub(super) fn is_generator(kind: BodyKind) -> bool {
    matches!(kind, BodyKind::Function { is_generator: true, .. })
}
