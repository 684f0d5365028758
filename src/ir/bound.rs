//! Methods that a local holds: `add = names.append` makes `add(name)` a call of `names.append`.

use rustc_hash::FxHashMap;

use crate::base::Symbol;
use crate::ir::{Body, CallId, FnId, LocalId, Op, Operand, Place, Rvalue, Step, Unit};

/// Gives calls of locals that hold a method the place that the method was read from, where neither the local nor what it
/// was read from ever holds anything else.
pub(super) fn bind_methods(unit: &mut Unit, id: FnId) {
    let body = &unit.bodies[id];
    let is_open = |place: Place| {
        let local = place.base.local().filter(|_| place == Place::bare(place.base));
        local.is_some_and(|local| body.locals[local].name.is_some() && body.param(local).is_none())
    };
    if !body.calls.iter().any(|call| is_open(call.callee)) {
        return;
    }
    let read = read_once(body);
    let mut found: Vec<(CallId, Place, Symbol)> = Vec::new();
    for (call, data) in body.calls.pairs().filter(|(_, call)| is_open(call.callee)) {
        let held = data.callee.base.local().and_then(|local| read.get(&local)).copied().flatten();
        if let Some(place) = held
            && let Some((_, Step::Attr(method))) = unit.paths.split(place.path)
        {
            found.push((call, place, method));
        }
    }
    for (call, place, method) in found {
        let call = &mut unit.bodies[id].calls[call];
        (call.callee, call.method) = (place, method);
    }
}

/// The locals that are assigned once, by reading a place that begins at one which is not assigned again.
fn read_once(body: &Body) -> FxHashMap<LocalId, Option<Place>> {
    let mut times: FxHashMap<LocalId, u32> = body.params.iter().map(|param| (param.local, 1)).collect();
    let mut read: FxHashMap<LocalId, Option<Place>> = FxHashMap::default();
    for inst in body.blocks.iter().flat_map(|block| &block.insts) {
        let (Op::Let(to, _) | Op::Call(to, _) | Op::Await(to, _) | Op::Yield(to, ..)) = inst.op else {
            continue;
        };
        *times.entry(to).or_default() += 1;
        if let Op::Let(_, Rvalue::Load(place)) = &inst.op {
            read.insert(to, Some(*place));
        }
    }
    let is_once = |local: LocalId| times.get(&local) == Some(&1);
    for (local, place) in &mut read {
        let is_kept = |place: &Place| match place.base {
            Operand::Local(base) => is_once(base),
            Operand::Global(_) | Operand::Const(_) => true,
        };
        *place = place.filter(is_kept).filter(|_| is_once(*local));
    }
    read
}
