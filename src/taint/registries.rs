//! Functions and classes that register themselves: `HANDLERS[name] = f` within a decorator, or within a function that a
//! file calls with them; `cls` within `__init_subclass__`. Out: what tables hold, by key where that is known.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::base::Symbol;
use crate::ir::{ArgKind, Body, Call, Const, LocalId, Op, Operand, Place, Rvalue, Step};
use crate::program::{FuncId, Meaning, Module, Program, Thing};
use crate::taint::signals::connected;
use crate::taint::value::{Key, Konst, Tree};

/// Adds to `variables` the functions that register themselves.
pub(super) fn register(program: &Program<'_>, variables: &mut FxHashMap<Symbol, Arc<Tree>>) {
    let mut found: Vec<(Symbol, Key, Thing)> = Vec::new();
    subclasses(program, &mut found);
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
            stores(program, decorator.func, param.local, &given, Thing::Func(id), &mut found);
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
                    stores(program, *func, param.local, &given, Thing::Func(*handed), &mut found);
                }
            }
        }
    }
    let receivers = connected(program).into_iter();
    found.extend(receivers.map(|(signal, func)| (signal, Key::Any, Thing::Func(func))));
    found.sort_unstable();
    found.dedup();
    for (table, key, thing) in found {
        let tree = Arc::make_mut(variables.entry(table).or_default());
        tree.join_at(&[key], &Tree::thing(program, thing));
    }
}

/// The classes that those above them keep where they are defined.
fn subclasses(program: &Program<'_>, found: &mut Vec<(Symbol, Key, Thing)>) {
    let Some(hook) = program.symbol("__init_subclass__") else { return };
    for class in
        program.classes.ids().filter(|class| !program.modules[program.classes[*class].module].is_test)
    {
        let mut above = program.above(class).iter().skip(1);
        let Some(&hook) = above.find_map(|above| program.classes[*above].methods.get(&hook)) else {
            continue;
        };
        if let Some(own) = program.func(hook).2.params.first() {
            stores(program, hook, own.local, &|_| None, Thing::Class(class), found);
        }
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
    // The object of a method is passed by no argument.
    let at = index.checked_sub(usize::from(target.class.is_some()))?;
    let arg = call.positional(at).or_else(|| call.args.iter().find(named))?;
    match arg.value {
        Operand::Const(Const::Str(text)) => Some(Konst::Str(module.unit.text(text).into())),
        Operand::Const(Const::Int(n)) => Some(Konst::Int(i64::from(n))),
        _ => None,
    }
}

/// The tables of files and classes in which a body keeps its parameter `param`, which is `thing`; `given` tells what names
/// hold.
fn stores(
    program: &Program<'_>,
    id: FuncId,
    param: LocalId,
    given: &dyn Fn(Symbol) -> Option<Konst>,
    thing: Thing,
    found: &mut Vec<(Symbol, Key, Thing)>,
) {
    let (module, _, body) = program.func(id);
    let unit = module.unit;
    // The table that a place begins with, and the steps into it.
    let table = |place: Place| {
        let mut steps = unit.paths.steps(place.path);
        let of = match place.base {
            Operand::Global(name) if !unit.text(name).contains("<locals>") => match steps[..] {
                [Step::Attr(_), _, ..] => module.global(name),
                _ => return Some((module.variable(name), steps)),
            },
            Operand::Local(local) if local == param => program.classes[program.class_of(id)?].name,
            _ => return None,
        };
        let Some(Step::Attr(attr)) = steps.first().copied() else { return None };
        steps.remove(0);
        Some((program.symbol(&format!("{}.{}", program.text(of), unit.text(attr)))?, steps))
    };
    // `HANDLERS[f.__name__] = f`
    let by_own_name = || {
        let mut insts = body.blocks.iter().flat_map(|block| &block.insts);
        let reads = insts.any(|inst| {
            matches!(&inst.op, Op::Let(_, Rvalue::Load(place))
                if place.base == Operand::Local(param)
                    && matches!(unit.paths.steps(place.path)[..], [Step::Attr(name)] if unit.text(name) == "__name__"))
        });
        let Thing::Func(func) = thing else { return None };
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
                if let Some((table, steps)) = table(*place)
                    && let [step @ (Step::Item(_) | Step::Key(_) | Step::Element)] = &steps[..]
                {
                    found.push((table, key(*step), thing));
                }
            }
            Op::Call(_, call) => {
                let call = &body.calls[*call];
                let adds = matches!(unit.text(call.method), "append" | "add");
                let is_given = call.args.iter().any(|arg| arg.value == Operand::Local(param));
                if adds
                    && is_given
                    && let Some((table, steps)) = table(call.callee)
                    && let [Step::Attr(_)] = steps[..]
                {
                    found.push((table, Key::Any, thing));
                }
            }
            _ => {}
        }
    }
}
