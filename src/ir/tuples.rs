//! What stands in a tuple that a function of the file returns: `args, store = make()`.

use crate::base::Symbol;
use crate::ir::{Body, BodyKind, FnId, Operand, Place, Rvalue, Terminator, Unit};
use crate::ir::{LocalId, Op};

/// What an element is.
pub(super) enum Element {
    /// What has this name.
    Named(Symbol),
    /// What a call of it gives.
    Made(Symbol),
}

/// What a function returns at `index` of a tuple, where all its returns are one tuple.
pub(super) fn element(unit: &Unit, func: FnId, index: usize) -> Option<Element> {
    let body = &unit.bodies[func];
    if !matches!(body.kind, BodyKind::Function { is_generator: false, .. }) {
        return None;
    }
    let mut returned = body.blocks.iter().filter_map(|block| match block.end {
        Terminator::Return(value) => Some(value),
        _ => None,
    });
    // Where the end is reached, nothing is returned; that it is not reached is not asked here.
    let first = returned.find(|value| value.local().is_some())?;
    if returned.any(|value| value.local().is_some()) {
        return None;
    }
    let Op::Let(_, Rvalue::Tuple(items)) = body.only_def(first.local()?)? else { return None };
    match *items.get(index)? {
        Operand::Global(name) => Some(Element::Named(name)),
        Operand::Local(local) => made(body, local),
        Operand::Const(_) => None,
    }
}

fn made(body: &Body, local: LocalId) -> Option<Element> {
    match body.only_def(local)? {
        Op::Let(_, Rvalue::Use(Operand::Local(from))) if *from != local => made(body, *from),
        Op::Let(_, Rvalue::Use(Operand::Global(name))) => Some(Element::Named(*name)),
        Op::Call(_, call) => match body.calls[*call].callee {
            callee @ Place { base: Operand::Global(name), .. } if callee == Place::bare(callee.base) => {
                Some(Element::Made(name))
            }
            _ => None,
        },
        _ => None,
    }
}
