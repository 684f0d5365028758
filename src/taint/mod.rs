//! Follows what outsiders control through the whole program to the places where it does harm.
//!
//! In: a program, packs, the sources' text. Out: meetings of source and sink, with the way between them. It makes no
//! judgment: which meetings are defects is for rules. One forward pass over each function gives its summary; callees
//! come first, and functions that call each other are repeated until nothing changes.

mod apply;
mod argv;
mod bind;
mod body;
mod builtin;
mod calls;
mod entry;
mod eval;
mod finish;
mod guards;
mod limits;
mod methods;
mod origins;
mod read;
mod regex;
mod relevant;
mod shapes;
mod sinks;
mod special;
mod state;
mod summary;
mod texts;
mod value;
mod world;

pub use summary::{Hop, SinkSite, SourceSite};

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::{IdVec, Symbol};
use crate::models::{Kinds, Models};
use crate::program::{FuncId, Program};
use crate::text::{FileId, SourceFile};
use body::analyze as analyze_one;
use limits::{MAX_CELL_ROUNDS, MAX_ROUNDS};
use shapes::Shapes;
use summary::{Cell, Cells, Port, Summary};
use world::World;

/// A source that reaches a sink.
pub struct Meeting {
    /// The sink.
    pub sink: Arc<SinkSite>,
    /// What harm it does.
    pub kinds: Kinds,
    /// Whether a call on the way is not known.
    pub is_vague: bool,
    /// Whether the source stands behind what decides the host of an address.
    pub is_behind: bool,
    /// The source.
    pub source: Arc<SourceSite>,
    /// The way.
    pub hops: Vec<Hop>,
}

/// The meetings of sources and sinks in `program`, by sink and source.
#[must_use]
pub fn analyze(program: &Program<'_>, models: &Models, files: &IdVec<FileId, SourceFile>) -> Vec<Meeting> {
    let is_web = program.modules.iter().any(|module| !module.is_test && entry::answers(module.unit));
    let mut cells: Cells = FxHashMap::default();
    let shapes = {
        let (cells, names, shapes) = (FxHashMap::default(), FxHashSet::default(), Shapes::default());
        let (special, roots) = (world::Special::default(), FxHashSet::default());
        Shapes::new(&World {
            program,
            models,
            files,
            cells: &cells,
            cell_names: &names,
            shapes: &shapes,
            roots: &roots,
            special: &special,
            is_web,
        })
    };
    let graph = program.call_graph(&|name| shapes.funcs(program, name));
    let roots: FxHashSet<FuncId> = program.funcs().filter(|id| graph.callers[*id].is_empty()).collect();
    let mut summaries: IdVec<FuncId, Option<Box<Summary>>> = program.funcs().map(|_| None).collect();
    // Nothing can be found where no source is, above it or below it.
    let mut wanted = relevant::reach(&graph, relevant::touching(program, models, is_web));
    for _ in 0..MAX_CELL_ROUNDS {
        let names: FxHashSet<Symbol> = cells
            .keys()
            .filter_map(|cell| match cell {
                Cell::Attr(_, name) => Some(*name),
                Cell::Global(_) | Cell::Instance(_) => None,
            })
            .collect();
        let special = world::Special::default();
        let world = World {
            program,
            models,
            files,
            cells: &cells,
            cell_names: &names,
            shapes: &shapes,
            roots: &roots,
            special: &special,
            is_web,
        };
        for level in &graph.levels {
            let done: Vec<Vec<(FuncId, Box<Summary>)>> = level
                .par_iter()
                .filter(|group| group.iter().any(|id| wanted.contains(id)))
                .map(|group| solve(&world, group, &summaries))
                .collect();
            for (id, summary) in done.into_iter().flatten() {
                summaries[id] = Some(summary);
            }
        }
        let Some(next) = fill(program, &graph, &summaries, &mut cells) else { break };
        wanted = next;
    }
    meetings(&summaries)
}

/// The summaries of functions that call each other.
fn solve(
    world: &World<'_, '_>,
    group: &[FuncId],
    known: &IdVec<FuncId, Option<Box<Summary>>>,
) -> Vec<(FuncId, Box<Summary>)> {
    if let [only] = group {
        let lookup = |id: FuncId| if id == *only { None } else { known[id].as_deref() };
        let summary = analyze_one(world, *only, &lookup, (Vec::new(), 0));
        let calls_itself = {
            let (module, _, body) = world.program.func(*only);
            let class = world.program.class_of(*only);
            body.calls.iter().any(|call| world.program.callees(module, class, call).contains(only))
        };
        if !calls_itself {
            return vec![(*only, Box::new(summary))];
        }
    }
    let mut own: FxHashMap<FuncId, Box<Summary>> = FxHashMap::default();
    for id in group {
        own.insert(*id, Box::default());
    }
    for _ in 0..MAX_ROUNDS {
        let mut changed = false;
        for id in group {
            let summary = {
                let lookup = |id: FuncId| own.get(&id).map(|known| &**known).or(known[id].as_deref());
                analyze_one(world, *id, &lookup, (Vec::new(), 1))
            };
            changed |= !own[id].same(&summary);
            own.insert(*id, Box::new(summary));
        }
        if !changed {
            break;
        }
    }
    let mut found: Vec<(FuncId, Box<Summary>)> = own.into_iter().collect();
    found.sort_by_key(|(id, _)| *id);
    found
}

/// Notes the sources that were left in cells; the functions to run again if there are new ones.
fn fill(
    program: &Program<'_>,
    graph: &crate::program::CallGraph,
    summaries: &IdVec<FuncId, Option<Box<Summary>>>,
    cells: &mut Cells,
) -> Option<FxHashSet<FuncId>> {
    const MAX_SOURCES: usize = 8;
    let mut fresh: FxHashSet<Cell> = FxHashSet::default();
    for summary in summaries.iter().flatten() {
        for (cell, path, from) in &summary.writes {
            let Port::Source(site) = &from.port else { continue };
            let known = cells.entry(*cell).or_default();
            let is_known = known.iter().any(|(known, other, _)| known == path && other == site);
            if !is_known && known.len() < MAX_SOURCES {
                known.push((path.clone(), Arc::clone(site), from.kinds));
                fresh.insert(*cell);
            }
        }
    }
    if fresh.is_empty() {
        return None;
    }
    let classes: FxHashSet<crate::program::ClassIx> = fresh
        .iter()
        .filter_map(|cell| match cell {
            Cell::Attr(class, _) => Some(*class),
            Cell::Global(_) | Cell::Instance(_) => None,
        })
        .collect();
    let reads = |cell: &Cell| match cell {
        Cell::Instance(class) => classes.contains(class),
        Cell::Global(_) | Cell::Attr(..) => fresh.contains(cell),
    };
    let readers = relevant::readers(program, summaries, &reads);
    Some(relevant::again(graph, summaries, readers))
}

fn meetings(summaries: &IdVec<FuncId, Option<Box<Summary>>>) -> Vec<Meeting> {
    let mut found: Vec<Meeting> = Vec::new();
    for summary in summaries.iter().flatten() {
        for reach in &summary.meetings {
            let Port::Source(source) = &reach.port else { continue };
            found.push(Meeting {
                sink: Arc::clone(&reach.sink),
                kinds: reach.kinds,
                is_vague: reach.kinds.has(Kinds::THROUGH_UNKNOWN),
                is_behind: reach.kinds.has(Kinds::BEHIND),
                source: Arc::clone(source),
                hops: reach.hops.clone(),
            });
        }
    }
    let key = |meeting: &Meeting| {
        (meeting.sink.file, meeting.sink.span, meeting.source.file, meeting.source.span, meeting.hops.len())
    };
    found.sort_by_key(key);
    found.dedup_by(|a, b| {
        a.sink == b.sink
            && a.source == b.source
            && a.kinds.without(Kinds::THROUGH_UNKNOWN) == b.kinds.without(Kinds::THROUGH_UNKNOWN)
    });
    found
}
