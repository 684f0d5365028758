//! Which functions can matter: those that read a source, those above them, and all that these call.

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::base::IdVec;
use crate::ir::{Op, Rvalue, Step};
use crate::models::Models;
use crate::program::{CallGraph, FuncId, Meaning, Program};
use crate::taint::entry;
use crate::taint::summary::{Cell, Summary};

/// The functions that read a source or are called from outside.
pub(super) fn touching(program: &Program<'_>, models: &Models, is_web: bool) -> Vec<FuncId> {
    let all: Vec<FuncId> = program.funcs().collect();
    all.into_par_iter().filter(|id| touches(program, models, *id, is_web)).collect()
}

fn touches(program: &Program<'_>, models: &Models, id: FuncId, is_web: bool) -> bool {
    let (module, _, body) = program.func(id);
    let unit = module.unit;
    if module.is_test {
        return false;
    }
    let is_source = |name| match module.meaning(name) {
        Meaning::Outside(path) => models.source(path).is_some(),
        _ => false,
    };
    let calls_source = || {
        body.calls.iter().any(|call| {
            call.name.is_some_and(|name| match module.meaning(name) {
                Meaning::Outside(path) => models.source(&format!("{path}()")).is_some(),
                _ => false,
            })
        })
    };
    let has_request = || {
        body.params.iter().any(|param| {
            let name = body.locals[param.local].name.map_or("", |name| unit.text(name));
            match param.annotation {
                None => matches!(name, "request" | "req") && entry::is_web(unit, is_web),
                Some(annotation) => unit.text(annotation).ends_with("equest"),
            }
        })
    };
    let is_request_step = |place: crate::ir::Place| {
        let steps = unit.paths.steps(place.path);
        matches!(&steps[..], [Step::Attr(first), Step::Attr(field), ..]
            if unit.text(*first) == "request" && models.is_request_field(unit.text(*field)))
    };
    let reads_request =
        || {
            body.calls.iter().any(|call| is_request_step(call.callee))
                || body.blocks.iter().flat_map(|block| &block.insts).any(
                    |inst| matches!(&inst.op, Op::Let(_, Rvalue::Load(place)) if is_request_step(*place)),
                )
        };
    body.locals.iter().filter_map(|local| local.value).any(is_source)
        || entry::called_by(program, models, id).is_some()
        || has_request()
        || calls_source()
        || body.globals.iter().copied().any(is_source)
        || reads_request()
}

/// `from`, all that call them, and all that any of these call.
pub(super) fn reach(graph: &CallGraph, from: Vec<FuncId>) -> FxHashSet<FuncId> {
    let mut found: FxHashSet<FuncId> = from.iter().copied().collect();
    let mut todo = from;
    while let Some(id) = todo.pop() {
        todo.extend(graph.callers[id].iter().copied().filter(|caller| found.insert(*caller)));
    }
    let mut todo: Vec<FuncId> = found.iter().copied().collect();
    while let Some(id) = todo.pop() {
        todo.extend(graph.callees[id].iter().copied().filter(|callee| found.insert(*callee)));
    }
    found
}

/// What is to be run again when `from` may do more than was known: all that call them, and what any of these call that
/// was not looked at so far.
pub(super) fn again(
    graph: &CallGraph,
    summaries: &IdVec<FuncId, Option<Box<Summary>>>,
    from: Vec<FuncId>,
) -> FxHashSet<FuncId> {
    let mut found: FxHashSet<FuncId> = from.iter().copied().collect();
    let mut todo = from;
    while let Some(id) = todo.pop() {
        todo.extend(graph.callers[id].iter().copied().filter(|caller| found.insert(*caller)));
    }
    let mut todo: Vec<FuncId> = found.iter().copied().collect();
    while let Some(id) = todo.pop() {
        let fresh = graph.callees[id].iter().copied().filter(|callee| summaries[*callee].is_none());
        todo.extend(fresh.filter(|callee| found.insert(*callee)));
    }
    found
}

/// The functions that read a cell of `fresh`. Those that were not looked at so far are taken to.
pub(super) fn readers(
    program: &Program<'_>,
    summaries: &IdVec<FuncId, Option<Box<Summary>>>,
    fresh: &impl Fn(&Cell) -> bool,
) -> Vec<FuncId> {
    program
        .funcs()
        .filter(|id| match &summaries[*id] {
            Some(summary) => summary.reads.iter().any(fresh),
            None => may_read(program, *id, fresh),
        })
        .collect()
}

/// Whether a function that was not looked at mentions a cell.
fn may_read(program: &Program<'_>, id: FuncId, fresh: &impl Fn(&Cell) -> bool) -> bool {
    let (module, _, body) = program.func(id);
    if module.is_test {
        return false;
    }
    if program.class_of(id).is_some_and(|class| fresh(&Cell::Instance(class))) {
        return true;
    }
    body.globals.iter().any(|name| fresh(&Cell::Global(module.global(*name))))
}
