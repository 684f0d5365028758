//! What a method is called on, and what the variables of a module hold.

use crate::flow::Point;
use crate::ir::{Call, FnId, Op, Operand, Paths, Place};
use crate::rules::Context;

/// What a method is called on.
#[derive(Clone, Copy)]
pub(crate) enum Receiver<'a> {
    /// A local or constant.
    Operand(Operand),
    /// A global by dotted name.
    Global(&'a str),
    /// An attribute or item of either.
    Place(Place),
}

/// The receiver of a method call; `None` for plain functions.
pub(crate) fn receiver<'a>(context: &Context<'a>, call: &Call) -> Option<Receiver<'a>> {
    match context.unit.paths.split(call.callee.path) {
        Some((Paths::EMPTY, _)) => Some(match call.callee.base {
            Operand::Global(name) => Receiver::Global(context.text(name)),
            base => Receiver::Operand(base),
        }),
        Some((path, _)) => Some(Receiver::Place(Place { base: call.callee.base, path })),
        None => match call.callee.base {
            Operand::Global(name) => Some(Receiver::Global(context.text(name).rsplit_once('.')?.0)),
            _ => None,
        },
    }
}

/// Where and what a global of this file is assigned, if that happens once.
pub(crate) fn assigned_once(context: &Context<'_>, name: &str) -> Option<(FnId, Point, Operand)> {
    let module = context.text(context.unit.module);
    if !name.strip_prefix(module).is_some_and(|rest| rest.starts_with('.')) {
        return None;
    }
    let mut found = None;
    for id in context.unit.bodies.ids() {
        for (point, inst) in context.other(id).insts() {
            let Op::Store(place, value) = &inst.op else { continue };
            let Operand::Global(base) = place.base else { continue };
            if *place == Place::bare(place.base) && context.text(base) == name {
                if found.is_some() {
                    return None;
                }
                found = Some((id, point, *value));
            }
        }
    }
    found
}
