//! Follows what outsiders control through the whole program to the places where it does harm.
//!
//! In: a program, packs, the sources' text. Out: meetings of source and sink, with the way between them. It makes no
//! judgment: which meetings are defects is for rules. Functions that read a source, and those above them, are run first to
//! last instruction; what they call is summarized for those parameters that are given taint, and functions that call each
//! other are repeated until nothing changes.

mod admitted;
mod aliases;
mod apply;
mod argv;
mod asked;
mod attributes;
mod bind;
mod block;
mod body;
mod bound;
mod builtin;
mod callers;
mod calls;
mod cells;
mod compare;
mod conds;
mod connect;
mod cuts;
mod declared;
mod demand;
mod details;
mod dispatch;
mod entry;
mod eval;
mod exceptions;
mod extracts;
mod fetched;
mod fields;
mod fillings;
mod finish;
mod forms;
mod frames;
mod gathered;
mod generators;
mod globals;
mod groups;
mod guards;
mod handed;
mod headers;
mod hung;
mod instances;
mod join;
mod keys;
#[cfg(test)]
mod lattice;
mod limits;
mod mappings;
mod media;
mod methods;
mod named;
mod objects;
mod origins;
mod pieces;
mod poured;
mod properties;
mod read;
mod regex;
mod registered;
mod registries;
mod relevant;
mod render;
mod returned;
mod rounds;
mod routes;
mod rows;
mod secrets;
mod settings;
mod shapes;
mod shown;
mod signals;
mod sinks;
mod sizes;
mod slices;
mod solve;
mod special;
mod spellings;
mod spots;
mod state;
mod statement;
mod stored;
mod stores;
mod strips;
mod summary;
mod texts;
mod typed;
mod unpicklers;
mod unseen;
mod value;
mod ways;
mod world;
mod wrapped;
mod zones;

pub use summary::{Hop, LONGER, Printed, SinkSite, SourceSite};

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::{IdVec, Symbol};
use crate::models::{Kinds, Models, Threat};
use crate::program::{ClassIx, FuncId, Program};
use crate::templates::Library;
use crate::text::{FileId, SourceFile, Span};
use callers::Callers;
use demand::{Cycles, Demands, Mask};
use limits::MAX_CELL_ROUNDS;
use relevant::Fresh;
use shapes::Shapes;
use summary::{Cell, Cells, Port, Summary};
use world::{Nothing, World};

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
    let sinks = relevant::Sinks::new(program, models);
    let local_sinks = sinks.of(models.counted(Threat::Local));
    let with_local = (!local_sinks.is_empty()).then(|| models.clone().with_local_kinds());
    let models = with_local.as_ref().unwrap_or(models);
    let mut cells: Cells = FxHashMap::default();
    let nothing = Nothing::default();
    let templates = Library::new(files);
    let bare = World::bare((program, models), (files, &templates), is_web, &nothing);
    let shapes = Shapes::new(&bare);
    let callers = Callers::new(program, models, is_web);
    let more =
        [callers.dependencies(program), callers.makers(program), hung::callers(program, &shapes)].concat();
    let graph = program.call_graph(&|name| shapes.funcs(program, name), &more);
    let cycles = Cycles::new(&graph);
    let mut roots: FxHashSet<FuncId> = program.funcs().filter(|id| !graph.called[*id]).collect();
    roots.extend(program.started());
    let demands = Demands::default();
    let local = relevant::around(&graph, &local_sinks);
    let mut summaries: IdVec<FuncId, Option<Arc<Summary>>> = program.funcs().map(|_| None).collect();
    // Nothing can be found but where a source is, or comes back to.
    let (catching, replying) = relevant::with_details(program, (&sinks, &callers), &graph);
    let sources = relevant::touching((program, models), &callers, (&local, &replying), is_web);
    let mut wanted: FxHashSet<FuncId> = sources.into_iter().chain(catching).collect();
    wanted.extend(relevant::with_secrets(program));
    for _ in 0..MAX_CELL_ROUNDS {
        let names: FxHashSet<Symbol> = cells
            .keys()
            .filter_map(|cell| match cell {
                Cell::Attr(_, name) => Some(*name),
                Cell::Global(_) | Cell::Instance(_) | Cell::Table(_) => None,
            })
            .collect();
        let world = World {
            cells: &cells,
            cell_names: &names,
            shapes: &shapes,
            roots: &roots,
            graph: &graph,
            cycles: &cycles,
            demands: &demands,
            local: &local,
            callers: &callers,
            ..bare
        };
        // Callees first, so that few wait for others.
        for level in &graph.levels {
            let groups: Vec<&Vec<FuncId>> =
                level.iter().filter(|group| group.iter().any(|id| wanted.contains(id))).collect();
            // Those that call each other on one thread: the first makes the summaries of all.
            let made = |group: &&Vec<FuncId>| -> Vec<(FuncId, Arc<Summary>)> {
                group.iter().map(|id| (*id, demand::summary(&world, *id, Mask::NONE))).collect()
            };
            let done: Vec<(FuncId, Arc<Summary>)> = groups.par_iter().flat_map_iter(made).collect();
            for (id, summary) in done {
                if summary.hands_out() {
                    wanted.extend(&graph.callers[id]);
                }
                summaries[id] = Some(summary);
            }
        }
        let left = (&summaries, &demands);
        let Some(next) = fill((program, &shapes), &roots, left, (&mut cells, models.local)) else {
            break;
        };
        let stale = relevant::above(&graph, next.clone());
        demands.plain.retain(|(id, _)| !stale.contains(id));
        let is_of = |given: &world::Given| match given {
            world::Given::Outer(_, func) | world::Given::Func(value::Callee::Own(func)) => {
                stale.contains(func)
            }
            _ => false,
        };
        demands
            .special
            .retain(|(id, _, given, _)| !stale.contains(id) && !given.iter().any(|(_, given)| is_of(given)));
        wanted = next.into_iter().collect();
    }
    meetings(&summaries, models)
}

/// Notes the sources that were left in cells; the functions that read these if there are new ones.
fn fill(
    (program, shapes): (&Program<'_>, &Shapes),
    roots: &FxHashSet<FuncId>,
    (summaries, demands): (&IdVec<FuncId, Option<Arc<Summary>>>, &Demands),
    (cells, is_local): (&mut Cells, bool),
) -> Option<Vec<FuncId>> {
    const MAX_SOURCES: usize = 8;
    let classes: FxHashMap<Symbol, ClassIx> =
        program.classes.pairs().map(|(class, info)| (info.name, class)).collect();
    let mut fresh: FxHashSet<Cell> = FxHashSet::default();
    for summary in summaries.iter().flatten() {
        for (cell, path, from) in &summary.writes {
            let Port::Source(site) = &from.port else { continue };
            // An attribute that holds a secret is called so where it is read.
            if site.threat == Threat::Local && !is_local
                || matches!(site.threat, Threat::Secret | Threat::Detail)
            {
                continue;
            }
            for (cell, path) in cells::reading((program, shapes), &classes, (*cell, path)) {
                let known = cells.entry(cell).or_default();
                let is_known = known.iter().any(|(known, other, ..)| *known == path && other == site);
                if !is_known && known.len() < MAX_SOURCES {
                    known.push((path, Arc::clone(site), from.kinds, from.via.clone()));
                    fresh.insert(cell);
                }
            }
        }
    }
    if fresh.is_empty() {
        return None;
    }
    let fresh = Fresh::new(fresh);
    let known = demand::looked_at(demands, program, |cell| fresh.has(cell));
    Some(relevant::readers(program, &known, roots, &fresh))
}

fn meetings(summaries: &IdVec<FuncId, Option<Arc<Summary>>>, models: &Models) -> Vec<Meeting> {
    let mut found: Vec<Meeting> = Vec::new();
    for summary in summaries.iter().flatten() {
        for reach in &summary.meetings {
            let Port::Source(source) = &reach.port else { continue };
            let kinds = reach.kinds.and(models.counted(source.threat));
            if kinds.is_empty() {
                continue;
            }
            found.push(Meeting {
                sink: Arc::clone(&reach.sink),
                kinds,
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
    let way = |meeting: &Meeting| -> Vec<(FileId, Span)> {
        meeting.hops.iter().map(|hop| (hop.file, hop.span)).collect()
    };
    found.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| way(a).cmp(&way(b))));
    found.dedup_by(|a, b| {
        a.sink == b.sink
            && a.source == b.source
            && a.kinds.without(Kinds::THROUGH_UNKNOWN) == b.kinds.without(Kinds::THROUGH_UNKNOWN)
    });
    found
}
