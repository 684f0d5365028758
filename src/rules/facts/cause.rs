//! What of a handled exception a handler writes down or hands on.

use rustc_hash::FxHashSet;

use crate::flow::defined;
use crate::ir::{Call, CallId, Inst, Op, Operand, Terminator, operands};
use crate::rules::Context;
use crate::rules::facts::handlers::Clause;
use crate::rules::facts::logging;

/// The values of one clause that hold its exception, or text made of it.
pub(crate) struct Cause<'c, 'a> {
    clause: Clause<'c, 'a>,
    held: FxHashSet<Operand>,
}

impl<'c, 'a> Cause<'c, 'a> {
    /// Follows the exception of `clause` through the assignments and calls in it.
    pub(crate) fn new(clause: Clause<'c, 'a>) -> Self {
        let mut cause = Self { clause, held: clause.bound().into_iter().collect() };
        // Blocks are in source order; a second round catches what loops carry back.
        for _ in 0..2 {
            for (_, inst) in clause.insts() {
                if cause.is_in(inst)
                    && let Some(to) = defined(inst)
                {
                    cause.held.insert(Operand::Local(to));
                }
            }
        }
        cause
    }

    /// Whether an instruction reads the exception, asks for it (`sys.exc_info()`), or formats its traceback.
    pub(crate) fn is_in(&self, inst: &Inst) -> bool {
        let context = self.clause.context;
        let asked = matches!(&inst.op, Op::Call(_, call) if asks(context, &context.body.calls[*call]));
        asked || operands(context.body, inst).any(|operand| self.held.contains(&operand))
    }

    /// Whether an argument of `call` holds it.
    pub(crate) fn is_argument(&self, call: &Call) -> bool {
        call.args.iter().any(|arg| self.held.contains(&arg.value))
    }

    /// Whether the exception leaves the clause other than by a log: stored, passed to a call that keeps it, returned,
    /// yielded, raised, or named as the cause of another.
    pub(crate) fn is_handed_on(&self) -> bool {
        let context = self.clause.context;
        let by_inst = self.clause.insts().any(|(_, inst)| match &inst.op {
            Op::Store(_, value) | Op::Yield(_, value, _) => self.held.contains(value),
            Op::Call(_, call) => {
                let call = &context.body.calls[*call];
                self.is_argument(call) && !is_text(context, call) && logging::log(context, call).is_none()
            }
            Op::Let(..) | Op::Delete(_) | Op::Await(..) | Op::Exit(_) => false,
        });
        by_inst || self.leaves_by_end()
    }

    fn leaves_by_end(&self) -> bool {
        let context = self.clause.context;
        context.body.blocks.pairs().any(|(id, block)| {
            let read = match &block.end {
                Terminator::Raise { exception, cause, .. } => [*exception, *cause],
                Terminator::Return(value) => [Some(*value), None],
                _ => [None, None],
            };
            let held = read.into_iter().flatten().any(|operand| self.held.contains(&operand));
            held && self.clause.contains(id) && context.cfg().is_reachable(id)
        })
    }

    /// Whether the log call writes the exception: by its traceback or in its message.
    pub(crate) fn is_logged_by(&self, id: CallId) -> bool {
        let context = self.clause.context;
        let call = &context.body.calls[id];
        logging::log(context, call).is_some_and(|log| log.traceback || self.is_argument(call))
    }
}

/// Whether `call` fetches the handled exception or its traceback.
fn asks(context: &Context<'_>, call: &Call) -> bool {
    let name = context.name(call);
    matches!(name, "sys.exc_info" | "sys.exception") || name.starts_with("traceback.format_")
}

/// Whether `call` only looks at its argument or makes text of it.
fn is_text(context: &Context<'_>, call: &Call) -> bool {
    matches!(
        context.name(call),
        "str"
            | "repr"
            | "ascii"
            | "format"
            | "type"
            | "isinstance"
            | "issubclass"
            | "getattr"
            | "hasattr"
            | "len"
            | "bool"
    ) || matches!(
        context.method(call),
        "format" | "join" | "encode" | "decode" | "format_message" | "replace" | "split" | "strip"
    ) || context.name(call).starts_with("traceback.format_")
        || context.name(call).ends_with("exception_to_unicode")
}
