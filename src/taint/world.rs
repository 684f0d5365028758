//! What the analyses of all bodies share, and what is known of a call before anything flows.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::base::{IdVec, Symbol};
use crate::ir::Body;
use crate::models::Models;
use crate::program::{CallGraph, ClassIx, FuncId, Meaning, Module, Program};
use crate::taint::callers::Callers;
use crate::taint::demand::{Cycles, Demands};
use crate::taint::shapes::Shapes;
use crate::taint::summary::{Cells, Hop};
use crate::taint::unpicklers;
use crate::taint::value::{Callee, Key, Konst, Label, Tree};
use crate::templates::Library;
use crate::text::SourceFile;

/// What a caller passes that decides something.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Given {
    Konst(Konst),
    Func(Callee),
    /// A function that a variable around the function holds.
    Outer(Symbol, FuncId),
    /// Entries of a mapping or list.
    Parts(Vec<(Konst, Konst)>),
    /// All elements of a list.
    List(Vec<(Konst, Konst)>),
}

/// What all bodies share.
pub(super) struct World<'w, 'a> {
    pub(super) program: &'w Program<'a>,
    pub(super) models: &'w Models,
    pub(super) files: &'w IdVec<crate::text::FileId, SourceFile>,
    /// The templates that the program may fill in.
    pub(super) templates: &'w Library<'w>,
    /// Sources that earlier rounds left in cells.
    pub(super) cells: &'w Cells,
    /// Functions that nobody in the program calls, or that run beside it.
    pub(super) roots: &'w FxHashSet<FuncId>,
    /// Attributes that some cell is of.
    pub(super) cell_names: &'w FxHashSet<Symbol>,
    /// What variables and attributes hold that are assigned once.
    pub(super) shapes: &'w Shapes<'w, 'a>,
    /// Who calls whom.
    pub(super) graph: &'w CallGraph,
    /// Functions that call each other.
    pub(super) cycles: &'w Cycles,
    /// Summaries so far.
    pub(super) demands: &'w Demands,
    /// The functions in which sources count that whoever starts the program controls.
    pub(super) local: &'w FxHashSet<FuncId>,
    /// Who calls functions from outside.
    pub(super) callers: &'w Callers<'w>,
    /// Whether the program has all its templates escaped.
    pub(super) escapes_all: bool,
    /// Whether the program switches the escaping of `aiohttp_jinja2` off.
    pub(super) is_switched_off: bool,
    /// Whether the program answers requests.
    pub(super) is_web: bool,
    /// The name `__dict__`, if the program uses it.
    pub(super) dict: Option<Symbol>,
}

/// What is known before anything is: nothing.
#[derive(Default)]
pub(super) struct Nothing {
    cells: Cells,
    names: FxHashSet<Symbol>,
    funcs: FxHashSet<FuncId>,
    graph: CallGraph,
    cycles: Cycles,
    demands: Demands,
    shapes: Shapes<'static, 'static>,
    callers: Callers<'static>,
}

impl<'w, 'a> World<'w, 'a> {
    /// A world in which no calls are followed.
    pub(super) fn bare(
        (program, models): (&'w Program<'a>, &'w Models),
        (files, templates): (&'w IdVec<crate::text::FileId, SourceFile>, &'w Library<'w>),
        is_web: bool,
        nothing: &'w Nothing,
    ) -> Self {
        Self {
            program,
            models,
            files,
            templates,
            cells: &nothing.cells,
            cell_names: &nothing.names,
            shapes: &nothing.shapes,
            roots: &nothing.funcs,
            local: &nothing.funcs,
            graph: &nothing.graph,
            cycles: &nothing.cycles,
            demands: &nothing.demands,
            callers: &nothing.callers,
            escapes_all: crate::taint::render::escapes_all(program),
            is_switched_off: crate::taint::render::is_switched_off(program),
            is_web,
            dict: program.symbol("__dict__"),
        }
    }
}

/// What is known of a call before anything flows.
#[derive(Default)]
pub(super) struct Known<'w> {
    /// Value path of the callee, re-exports looked through; empty if unknown.
    pub(super) path: String,
    pub(super) callees: Vec<FuncId>,
    pub(super) model: crate::models::CallModel<'w>,
    /// Hops of the call, by their captions.
    pub(super) hops: RefCell<Vec<(&'static str, Hop)>>,
    /// The taint of parts of what was passed last: summaries speak of one part many times.
    pub(super) opened: RefCell<Vec<Opened>>,
}

/// A value, a path in it, and the labels there.
pub(super) type Opened = (Arc<Tree>, Vec<Key>, Rc<Vec<Label>>);

impl<'w> Known<'w> {
    /// What is known of a call that runs the program's own code: that is what it does, whatever it is called.
    pub(super) fn own(models: &'w Models, known: &Known<'_>) -> Self {
        let model = models.call(&known.path, "");
        Known { path: known.path.clone(), callees: Vec::new(), model, ..Known::default() }
    }

    /// What is known of a call of what is at `path`.
    pub(super) fn at(models: &'w Models, path: String, method: &str) -> Self {
        let model = models.call(&path, method);
        Known { path, model, ..Known::default() }
    }
}

pub(super) fn known<'w>(
    world: &World<'w, '_>,
    (module, id): (&Module<'_>, FuncId),
    class: Option<ClassIx>,
    body: &Body,
) -> IdVec<crate::ir::CallId, Known<'w>> {
    body.calls
        .iter()
        .map(|call| {
            let callees = world.program.callees(module, class, call);
            let request = || world.callers.request_call(world.program, (id, module, body), call);
            let above = class.zip(call.name).filter(|_| callees.is_empty());
            let above =
                above.and_then(|(class, name)| world.program.above_path(class, module.unit.text(name)));
            let path = call.name.map_or_else(
                || request().unwrap_or_default(),
                |name| match module.meaning(name) {
                    _ if let Some(path) = above => path,
                    Meaning::Unknown if let Some(path) = request() => path,
                    Meaning::Outside(path) => path.to_string(),
                    // A class that only inherits from a library's is made as that is.
                    Meaning::Class(class) if callees.is_empty() => {
                        let bases = world.program.outside_bases(*class);
                        let admits_few = || unpicklers::admits_few(world.program, *class);
                        let library = bases.iter().find(|base| {
                            base.contains('.') && !(base.ends_with("Unpickler") && admits_few())
                        });
                        library.map_or_else(|| module.unit.text(name).to_owned(), |base| (*base).to_owned())
                    }
                    _ => module.unit.text(name).to_owned(),
                },
            );
            // A method of the program is what it does, whatever it is called.
            let method = if callees.is_empty() { module.unit.text(call.method) } else { "" };
            let model = world.models.call(&path, method);
            Known { path, callees, model, ..Known::default() }
        })
        .collect()
}
