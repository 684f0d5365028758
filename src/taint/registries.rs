//! Functions that register themselves: `HANDLERS[name] = f` within a decorator, or within a function that a file calls with
//! them. Out: what tables hold, by key where that is known.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::base::Symbol;
use crate::ir::{ArgKind, Body, Call, Const, LocalId, Op, Operand, Place, Rvalue, Step};
use crate::program::{FuncId, Meaning, Module, Program};
use crate::taint::value::{Callee, FuncRef, Key, Konst, Tree};

/// Adds to `variables` the functions that register themselves.
pub(super) fn register(program: &Program<'_>, variables: &mut FxHashMap<Symbol, Arc<Tree>>) {
    let mut found: Vec<(Symbol, Key, FuncId)> = Vec::new();
    for id in program.funcs() {
        let (module, _, body) = program.func(id);
        if module.is_test {
            continue;
        }
        let own = if body.decorators.is_empty() { Vec::new() } else { program.own_decorators(id) };
        for decorator in own {
            let (_, _, target) = program.func(decorator.func);
            let Some(param) = target.params.first() else { continue };
            let given = |name: Symbol| {
                let call = decorator.call?;
                let (of, _, maker) = program.func(decorator.maker);
                let is_it = |local| program.name_within(of, maker, local) == Some(name);
                let index = maker.params.iter().position(|param| is_it(param.local))?;
                constant(module, (of, maker), call, index)
            };
            stores(program, decorator.func, param.local, &given, id, &mut found);
        }
        // `register("name", f)` in the block of a file.
        if body.parent.is_none() {
            for call in body.calls.iter() {
                let Some(Meaning::Function(func)) = call.name.map(|name| module.meaning(name)) else {
                    continue;
                };
                let (of, _, target) = program.func(*func);
                for (index, arg) in call.args.iter().enumerate() {
                    let handed = match arg.value {
                        Operand::Global(name) => module.meaning(name),
                        _ => &Meaning::Unknown,
                    };
                    let (Meaning::Function(handed), ArgKind::Positional) = (handed, arg.kind) else {
                        continue;
                    };
                    let Some(param) = target.params.get(index) else { continue };
                    let given = |name: Symbol| {
                        let is_it = |local: LocalId| target.locals[local].name == Some(name);
                        let index = target.params.iter().position(|param| is_it(param.local))?;
                        constant(module, (of, target), call, index)
                    };
                    stores(program, *func, param.local, &given, *handed, &mut found);
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    for (table, key, func) in found {
        let tree = Arc::make_mut(variables.entry(table).or_default());
        tree.join_at(&[key], &Tree::func(FuncRef::new(Callee::Own(func))));
    }
}

/// The constant that a call passes for the parameter at `index`.
fn constant(
    module: &Module<'_>,
    (of, target): (&Module<'_>, &Body),
    call: &Call,
    index: usize,
) -> Option<Konst> {
    let name = target.params.get(index).and_then(|param| target.locals[param.local].name)?;
    let named = |arg: &&crate::ir::Arg| matches!(arg.kind, ArgKind::Keyword(own) if module.unit.text(own) == of.unit.text(name));
    let arg = call.positional(index).or_else(|| call.args.iter().find(named))?;
    match arg.value {
        Operand::Const(Const::Str(text)) => Some(Konst::Str(module.unit.text(text).into())),
        Operand::Const(Const::Int(n)) => Some(Konst::Int(i64::from(n))),
        _ => None,
    }
}

/// The tables of files in which a body keeps its parameter `param`, which is `func`; `given` tells what names hold.
fn stores(
    program: &Program<'_>,
    id: FuncId,
    param: LocalId,
    given: &dyn Fn(Symbol) -> Option<Konst>,
    func: FuncId,
    found: &mut Vec<(Symbol, Key, FuncId)>,
) {
    let (module, _, body) = program.func(id);
    let unit = module.unit;
    let table = |place: Place| match place.base {
        Operand::Global(name) if !unit.text(name).contains("<locals>") => Some(module.variable(name)),
        _ => None,
    };
    // `HANDLERS[f.__name__] = f`
    let by_own_name = || {
        let mut insts = body.blocks.iter().flat_map(|block| &block.insts);
        let reads = insts.any(|inst| {
            matches!(&inst.op, Op::Let(_, Rvalue::Load(place))
                if place.base == Operand::Local(param)
                    && matches!(unit.paths.steps(place.path)[..], [Step::Attr(name)] if unit.text(name) == "__name__"))
        });
        let (of, _, own) = program.func(func);
        let name = of.unit.text(own.name).rsplit('.').next().unwrap_or_default();
        reads.then(|| Konst::Str(name.into()))
    };
    let key = |step: Step| {
        let known = match step {
            Step::Item(Const::Str(text)) => Some(Konst::Str(unit.text(text).into())),
            Step::Item(Const::Int(n)) => Some(Konst::Int(i64::from(n))),
            Step::Key(Operand::Global(name)) => given(module.global(name)),
            Step::Key(Operand::Local(local)) => body.locals[local].name.and_then(given),
            Step::Element => by_own_name(),
            _ => None,
        };
        known.map_or(Key::Any, Key::Item)
    };
    for inst in body.blocks.iter().flat_map(|block| &block.insts) {
        match &inst.op {
            Op::Store(place, Operand::Local(value)) if *value == param => {
                if let (Some(table), [step @ (Step::Item(_) | Step::Key(_) | Step::Element)]) =
                    (table(*place), &unit.paths.steps(place.path)[..])
                {
                    found.push((table, key(*step), func));
                }
            }
            Op::Call(_, call) => {
                let call = &body.calls[*call];
                let adds = matches!(unit.text(call.method), "append" | "add");
                let is_given = call.args.iter().any(|arg| arg.value == Operand::Local(param));
                if let (true, true, Some(table), [Step::Attr(_)]) =
                    (adds, is_given, table(call.callee), &unit.paths.steps(call.callee.path)[..])
                {
                    found.push((table, Key::Any, func));
                }
            }
            _ => {}
        }
    }
}
