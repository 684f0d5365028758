//! Which functions can matter: those that read a source or a cell with one in it, and those above them.

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::base::{IdVec, Symbol};
use crate::ir::{Const, Inst, Op, Operand, Place, Rvalue, Step};
use crate::models::{Kinds, Models, Threat, secret};
use crate::program::{CallGraph, ClassIx, FuncId, Meaning, Program};
use crate::taint::callers::{Callers, is_named_request};
use crate::taint::details::tells;
use crate::taint::entry;
use crate::taint::summary::Cell;

/// The functions that read a source or are called from outside.
pub(super) fn touching(
    (program, models): (&Program<'_>, &Models),
    callers: &Callers<'_>,
    (local, detail): (&FxHashSet<FuncId>, &FxHashSet<FuncId>),
    is_web: bool,
) -> Vec<FuncId> {
    let all: Vec<FuncId> = program.funcs().collect();
    let counts = |id: FuncId| {
        move |threat: Threat| match threat {
            Threat::Local => models.local || local.contains(&id),
            Threat::Detail => detail.contains(&id),
            Threat::Remote | Threat::Library | Threat::Stored | Threat::Secret => true,
        }
    };
    all.into_par_iter()
        .filter(|id| touches((program, models), callers, (*id, &counts(*id)), is_web))
        .collect()
}

fn touches(
    (program, models): (&Program<'_>, &Models),
    callers: &Callers<'_>,
    (id, counts): (FuncId, &impl Fn(Threat) -> bool),
    is_web: bool,
) -> bool {
    let (module, _, body) = program.func(id);
    let unit = module.unit;
    if module.is_test {
        return false;
    }
    let is_source = |name| matches!(module.meaning(name), Meaning::Outside(path) if models.source(path).is_some_and(counts));
    let gives = |path: &str| models.source(&format!("{path}()")).is_some_and(counts);
    let calls_source = || {
        let above = |name| program.above_path(program.class_of(id)?, unit.text(name));
        body.calls.iter().filter_map(|call| call.name).any(|name| match (above(name), module.meaning(name)) {
            (Some(path), _) => gives(&path),
            (None, Meaning::Outside(path)) => gives(path),
            _ => false,
        })
    };
    let has_request = || {
        body.params.iter().enumerate().any(|(index, param)| {
            param.annotation.is_some_and(|annotation| unit.text(annotation).ends_with("equest"))
                || callers.is_request(id, index)
                || is_named_request(program, id, param.local, param.annotation.is_some(), is_web)
        })
    };
    let is_request_step = |place: Place| {
        let steps = unit.paths.steps(place.path);
        let is_kept = |name| {
            program
                .class_of(id)
                .is_some_and(|class| callers.is_request_attr(program, class, module.global(name)))
        };
        matches!(&steps[..], [Step::Attr(first), Step::Attr(field), ..]
            if models.is_request_field(unit.text(*field)) && (unit.text(*first) == "request" || is_kept(*first)))
    };
    let is_source_at = |base: &str, place: Place| {
        if !models.may_be_source(base) {
            return false;
        }
        let mut path = base.to_owned();
        for step in unit.paths.steps(place.path) {
            match step {
                Step::Attr(name) => path.extend([".", unit.text(name)]),
                Step::Item(_) | Step::Element | Step::Key(_) => path.push_str("[]"),
            }
        }
        models.source(&path).is_some_and(counts)
    };
    let is_source_place = |place: Place| {
        let value = match place.base {
            Operand::Global(name) => Some(name),
            Operand::Local(local) => body.locals[local].value,
            Operand::Const(_) => None,
        };
        match value.map(|value| module.meaning(value)) {
            Some(Meaning::Outside(base)) => is_source_at(base, place),
            Some(Meaning::Instance(class)) => {
                let bases = program.outside_bases(*class);
                let first = unit.paths.steps(place.path).into_iter().next();
                let held = || match first {
                    Some(Step::Attr(name)) => entry::held(program, *class, module.global(name)),
                    _ => None,
                };
                bases.iter().any(|base| is_source_at(&format!("{base}()"), place))
                    || held().is_some_and(|path| models.may_be_source(path))
            }
            _ => false,
        }
    };
    let reads = |place: Place| is_request_step(place) || is_source_place(place);
    let reads_request = || {
        let insts = || body.blocks.iter().flat_map(|block| &block.insts);
        body.calls.iter().any(|call| reads(call.callee))
            || insts().any(|inst| matches!(&inst.op, Op::Let(_, Rvalue::Load(place)) if reads(*place)))
    };
    body.locals.iter().filter_map(|local| local.value).any(is_source)
        || callers.of(id).is_some_and(|called| counts(called.threat))
        || has_request()
        || calls_source()
        || body.globals.iter().copied().any(is_source)
        || reads_request()
}

/// The functions in which something is called as secrets are.
pub(super) fn with_secrets(program: &Program<'_>) -> Vec<FuncId> {
    let all: Vec<FuncId> = program.funcs().collect();
    let has_secret = |id: &FuncId| {
        let (module, _, body) = program.func(*id);
        let unit = module.unit;
        let named = |name| secret(unit.text(name)).is_some();
        let last = |name| secret(unit.text(name).rsplit('.').next().unwrap_or_default()).is_some();
        let is_key = |operand: Operand| matches!(operand, Operand::Const(Const::Str(name)) if named(name));
        let mut insts = body.blocks.iter().flat_map(|block| &block.insts);
        !module.is_test
            && (body.locals.iter().any(|local| local.name.is_some_and(named))
                || body.globals.iter().copied().any(last)
                || body.calls.iter().any(|call| call.args.iter().take(2).any(|arg| is_key(arg.value)))
                || insts.any(|inst| match &inst.op {
                    Op::Let(_, Rvalue::Load(place)) => match unit.paths.split(place.path) {
                        Some((_, Step::Attr(name) | Step::Item(Const::Str(name)))) => named(name),
                        _ => false,
                    },
                    _ => false,
                }))
    };
    all.into_par_iter().filter(has_secret).collect()
}

/// The functions around a reply that catch what must not stand in one.
pub(super) fn with_details(
    program: &Program<'_>,
    (sinks, callers): (&Sinks, &Callers<'_>),
    graph: &CallGraph,
) -> (Vec<FuncId>, FxHashSet<FuncId>) {
    let mut replies = sinks.of(Kinds::DETAIL);
    replies.extend(
        program.funcs().filter(|id| callers.of(*id).is_some_and(|called| !called.returns.is_empty())),
    );
    let around = around(graph, &replies);
    let catches = |id: &FuncId| {
        let (module, _, body) = program.func(*id);
        around.contains(id) && body.regions.iter().any(|region| tells(module.unit, &region.kind))
    };
    (program.funcs().filter(catches).collect(), around)
}

/// `sinks`, those above them, and what these call themselves: where what reaches them is read as a rule.
pub(super) fn around(graph: &CallGraph, sinks: &[FuncId]) -> FxHashSet<FuncId> {
    let above = above(graph, sinks.to_vec());
    let below: Vec<FuncId> = above.iter().flat_map(|id| graph.callees[*id].iter().copied()).collect();
    above.into_iter().chain(below).collect()
}

/// What sinks each function calls, by kind.
pub(super) struct Sinks(IdVec<FuncId, Kinds>);

impl Sinks {
    pub(super) fn new(program: &Program<'_>, models: &Models) -> Self {
        let all: Vec<FuncId> = program.funcs().collect();
        let kinds = |id: &FuncId| {
            let (module, _, body) = program.func(*id);
            if module.is_test {
                return Kinds::NONE;
            }
            let sinks = body.calls.iter().flat_map(|call| {
                let meaning = call.name.map(|name| (name, module.meaning(name)));
                let above = call.name.and_then(|name| {
                    let class = program.class_of(*id)?;
                    program.above_path(class, module.unit.text(name))
                });
                if let Some(path) = above {
                    return models.sinks(&path, module.unit.text(call.method)).collect::<Vec<_>>();
                }
                let (path, method) = match meaning {
                    // A function of the program is what it does, or what a pack says of it by its whole name.
                    Some((name, Meaning::Function(_) | Meaning::Method(..))) => (module.unit.text(name), ""),
                    Some((_, Meaning::Outside(path))) => (&**path, module.unit.text(call.method)),
                    Some((name, _)) => (module.unit.text(name), module.unit.text(call.method)),
                    None => ("", module.unit.text(call.method)),
                };
                models.sinks(path, method).collect()
            });
            sinks.fold(Kinds::NONE, |sum, sink| sum.with(sink.kinds))
        };
        let kinds: Vec<Kinds> = all.par_iter().map(kinds).collect();
        Self(kinds.into_iter().collect())
    }

    /// The functions that call a sink of one of `kinds`.
    pub(super) fn of(&self, kinds: Kinds) -> Vec<FuncId> {
        self.0.pairs().filter(|(_, own)| !own.and(kinds).is_empty()).map(|(id, _)| id).collect()
    }
}

/// `from` and all that call them.
pub(super) fn above(graph: &CallGraph, from: Vec<FuncId>) -> FxHashSet<FuncId> {
    let mut seen: IdVec<FuncId, bool> = IdVec::filled(false, graph.callers.len());
    from.iter().for_each(|id| seen[*id] = true);
    let mut found = from;
    let mut next = 0;
    while let Some(id) = found.get(next).copied() {
        next += 1;
        found.extend(
            graph.callers[id].iter().copied().filter(|caller| !std::mem::replace(&mut seen[*caller], true)),
        );
    }
    found.into_iter().collect()
}

/// Cells with new sources in them.
pub(super) struct Fresh {
    pub(super) cells: FxHashSet<Cell>,
    /// The classes and the names of attributes among them.
    pub(super) classes: FxHashSet<ClassIx>,
    pub(super) names: FxHashSet<Symbol>,
    /// Whether there are tables among them.
    pub(super) has_tables: bool,
}

impl Fresh {
    pub(super) fn new(cells: FxHashSet<Cell>) -> Self {
        let attrs = || {
            cells.iter().filter_map(|cell| match cell {
                Cell::Attr(class, name) => Some((*class, *name)),
                Cell::Global(_) | Cell::Instance(_) | Cell::Table(_) => None,
            })
        };
        let (classes, names) = (attrs().map(|at| at.0).collect(), attrs().map(|at| at.1).collect());
        let has_tables = cells.iter().any(|cell| matches!(cell, Cell::Table(_)));
        Self { classes, names, has_tables, cells }
    }

    /// Whether a function that reads `cell` is to be run again.
    pub(super) fn has(&self, cell: &Cell) -> bool {
        match cell {
            Cell::Instance(class) => self.classes.contains(class),
            Cell::Global(_) | Cell::Attr(..) | Cell::Table(_) => self.cells.contains(cell),
        }
    }
}

/// The functions that read a fresh cell, by `known` of those that were looked at.
pub(super) fn readers(
    program: &Program<'_>,
    known: &IdVec<FuncId, Option<bool>>,
    roots: &FxHashSet<FuncId>,
    fresh: &Fresh,
) -> Vec<FuncId> {
    let all: Vec<FuncId> = program.funcs().collect();
    let reads = |id: &FuncId| known[*id].unwrap_or_else(|| may_read(program, *id, roots, fresh));
    all.into_par_iter().filter(reads).collect()
}

/// Whether a function that was not looked at mentions a cell.
fn may_read(program: &Program<'_>, id: FuncId, roots: &FxHashSet<FuncId>, fresh: &Fresh) -> bool {
    let (module, _, body) = program.func(id);
    if module.is_test {
        return false;
    }
    if body.globals.iter().any(|name| fresh.has(&Cell::Global(module.variable(*name)))) {
        return true;
    }
    let insts = || body.blocks.iter().flat_map(|block| &block.insts);
    let loads = |inst: &Inst| match &inst.op {
        Op::Let(_, Rvalue::Load(place)) => Some(*place),
        _ => None,
    };
    let places = || body.calls.iter().map(|call| call.callee).chain(insts().filter_map(loads));
    // `mod.table["key"]`; all that is named whole stands among the names above.
    let of_module = |place: Place| {
        let Operand::Global(base) = place.base else { return false };
        let [Step::Attr(name), _, ..] = module.unit.paths.steps(place.path)[..] else { return false };
        let member = program.member(module, base, module.unit.text(name));
        member.is_some_and(|member| fresh.has(&Cell::Global(member)))
    };
    if places().any(of_module) {
        return true;
    }
    // Which table it asks for is told by running it.
    let asks = || body.calls.iter().any(|call| module.unit.text(call.method).starts_with("execute"));
    if fresh.has_tables && asks() {
        return true;
    }
    let (Some(class), Some(own)) = (program.class_of(id), body.params.first()) else { return false };
    let mut related = program.above(class).iter().chain(program.below(class));
    if !roots.contains(&id) || !related.any(|class| fresh.classes.contains(class)) {
        return false;
    }
    let is_own = |place: Place| {
        let first = module.unit.paths.steps(place.path).into_iter().next();
        place.base == Operand::Local(own.local)
            && matches!(first, Some(Step::Attr(name)) if fresh.names.contains(&module.global(name)))
    };
    places().any(is_own)
}
