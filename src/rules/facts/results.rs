//! What becomes of the result of a call.

use crate::flow::{Point, is_read_after};
use crate::ir::{Call, CallId, LocalId, Op, Operand, Paths, RegionKind, Rvalue, Step};
use crate::rules::Context;

/// Whether nobody reads the result of `call`: it is no part of an expression, or is put into a variable that is not
/// read before it gets another value. `await` and copies are looked through.
pub(crate) fn is_unread(context: &Context<'_>, call: CallId) -> bool {
    let to = context.body.calls[call].to;
    is_dead(context, to, context.point(call), 0)
}

/// Whether `local`, defined at `at`, is never read with that value.
pub(crate) fn is_dead(context: &Context<'_>, local: LocalId, at: Point, depth: u32) -> bool {
    if !context.local_name(local).is_empty() {
        return !is_read_after(context.body, context.cfg(), at.next(), local);
    }
    // A temporary is read by the expression it is part of, and by nothing else.
    context.uses().of(local).iter().all(|read| {
        let Some(inst) = context.inst(*read) else { return false };
        match &inst.op {
            Op::Await(to, value) | Op::Let(to, Rvalue::Use(value)) => {
                *value == Operand::Local(local) && depth < 4 && is_dead(context, *to, *read, depth + 1)
            }
            // A tuple that is unpacked is as dead as all of its parts.
            Op::Let(to, Rvalue::Load(place)) => {
                place.base == Operand::Local(local)
                    && matches!(context.unit.paths.split(place.path), Some((Paths::EMPTY, Step::Item(_))))
                    && depth < 4
                    && is_dead(context, *to, *read, depth + 1)
            }
            _ => false,
        }
    })
}

/// The variable that the result of `call` is put into, if it is one.
pub(crate) fn variable<'a>(context: &Context<'a>, call: CallId) -> Option<&'a str> {
    let mut local = context.body.calls[call].to;
    for _ in 0..4 {
        let name = context.local_name(local);
        if !name.is_empty() {
            return Some(name);
        }
        let [read] = context.uses().of(local) else { return None };
        match context.inst(*read)?.op {
            Op::Await(to, _) | Op::Let(to, Rvalue::Use(_)) => local = to,
            _ => return None,
        }
    }
    None
}

/// Whether `call` stands in a handler or in a `finally` block, where the work is lost already.
pub(crate) fn is_afterwards(context: &Context<'_>, call: &Call) -> bool {
    context.body.enclosing(context.body.blocks[call.block].region).any(|region| {
        matches!(context.body.regions[region].kind, RegionKind::Handler(_) | RegionKind::Finally(_))
    })
}
