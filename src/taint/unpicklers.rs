//! Classes that extend an unpickler and look up by themselves which names a pickle may have. In: a class. Out: whether it
//! admits but the names that it lists. Which these are is not judged.
//!
//! Source: Python's manual, "Restricting Globals" of `pickle`.

use crate::base::Symbol;
use crate::flow::{Cfg, MAX_CHAIN, dominators};
use crate::ir::{BlockId, Body, LocalId, Op, Operand, Rvalue, Step, Terminator};
use crate::program::{ClassIx, Meaning, Module, Program};
use crate::python::ast::CmpOp;

/// Whether what `class` looks names up by gives only what it asked the name for, or what stands in a table.
pub(super) fn admits_few(program: &Program<'_>, class: ClassIx) -> bool {
    let find = program.symbol("find_class").and_then(|name| program.method(class, name));
    let Some((module, _, body)) = find.map(|find| program.func(find)) else { return false };
    let Some(name) = body.params.get(2).map(|param| param.local) else { return false };
    let cfg = Cfg::new(body);
    let above = dominators(body, &cfg);
    let asked: Vec<BlockId> = asked(body, &cfg, name);
    body.blocks.pairs().filter(|(block, _)| cfg.is_reachable(*block)).all(|(block, data)| match data.end {
        Terminator::Return(value) => {
            let is_asked = asked.iter().any(|asked| above.dominates(*asked, block));
            is_asked || is_of_table(module, body, value, MAX_CHAIN)
        }
        _ => true,
    })
}

/// The blocks that are entered only where a comparison of the name held: `name in SAFE`, `(module, name) == KNOWN`.
fn asked(body: &Body, cfg: &Cfg, name: LocalId) -> Vec<BlockId> {
    let is_of_name = |operand: Operand| is_made_of(body, operand, name, 3);
    let held = |on: Operand| {
        defined(body, on).find_map(|value| match value {
            Rvalue::Compare(CmpOp::In | CmpOp::Eq, left, right) => Some((true, *left, *right)),
            Rvalue::Compare(CmpOp::NotIn | CmpOp::NotEq, left, right) => Some((false, *left, *right)),
            _ => None,
        })
    };
    let entered = body.blocks.iter().filter_map(|data| {
        let Terminator::Branch { on, yes, no } = data.end else { return None };
        let (is_positive, left, right) = held(on)?;
        let to = if is_positive { yes } else { no };
        let is_it = is_of_name(left) || is_of_name(right);
        (is_it && yes != no && cfg.preds(to).len() == 1).then_some(to)
    });
    entered.collect()
}

/// Whether a value is the local, or a tuple or text with it in it.
fn is_made_of(body: &Body, operand: Operand, name: LocalId, depth: u32) -> bool {
    let has = |operand: &Operand| is_made_of(body, *operand, name, depth - 1);
    operand == Operand::Local(name)
        || depth > 0
            && defined(body, operand).any(|value| match value {
                Rvalue::Tuple(items) | Rvalue::Format(items) => items.iter().any(has),
                Rvalue::Binary(_, left, right) => has(left) || has(right),
                Rvalue::Use(of) => has(of),
                _ => false,
            })
}

/// Whether a value is what stands in a table of the module, or of the object, or a constant.
fn is_of_table(module: &Module<'_>, body: &Body, value: Operand, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let local = match value {
        Operand::Local(local) => local,
        Operand::Global(name) => return is_own_name(module, name),
        Operand::Const(_) => return true,
    };
    let is_own = |base: Operand| match base {
        Operand::Global(name) => is_own_name(module, name),
        Operand::Local(local) => body.params.first().is_some_and(|own| own.local == local),
        Operand::Const(_) => false,
    };
    let mut defs = body.blocks.iter().flat_map(|block| &block.insts).filter(
        |inst| matches!(&inst.op, Op::Let(to, _) | Op::Call(to, _) | Op::Await(to, _) if *to == local),
    );
    let is_known = |op: &Op| match op {
        Op::Let(_, Rvalue::Load(place)) => {
            let last = module.unit.paths.split(place.path).map(|(_, last)| last);
            is_own(place.base) && matches!(last, Some(Step::Item(_) | Step::Key(_) | Step::Element))
        }
        Op::Let(_, Rvalue::Use(of)) => *of != value && is_of_table(module, body, *of, depth),
        Op::Call(_, call) => {
            let call = &body.calls[*call];
            is_own(call.callee.base) && module.unit.text(call.method) == "get"
        }
        _ => false,
    };
    let mut any = false;
    let all = defs.by_ref().all(|inst| {
        any = true;
        is_known(&inst.op)
    });
    any && all
}

/// Whether a name is of the file itself, or of another of the program: `sys.modules` is none.
fn is_own_name(module: &Module<'_>, name: Symbol) -> bool {
    let own = module.unit.text(name).strip_prefix(module.unit.text(module.unit.module));
    own.is_some_and(|rest| rest.starts_with('.')) || !matches!(module.meaning(name), Meaning::Outside(_))
}

/// What an operand is defined as.
fn defined(body: &Body, operand: Operand) -> impl Iterator<Item = &Rvalue> {
    let insts = body.blocks.iter().flat_map(|block| &block.insts);
    insts.filter_map(move |inst| match &inst.op {
        Op::Let(to, value) if Operand::Local(*to) == operand => Some(value),
        _ => None,
    })
}
