//! Syntax tree in, three-address code out. Total: what is not modeled becomes [`Rvalue::Opaque`].
//!
//! One [`Builder`] lowers one body; the files beside this one each lower one topic of Python. No name is judged
//! here beyond the few in `ir::names` that decide where control goes.

mod assign;
mod builder;
mod call;
mod cleanup;
mod control;
mod define;
mod expr;
mod pattern;
mod scope;

use rustc_hash::FxHashMap;

use crate::base::{IdVec, Interner, Symbol};
use crate::ir::{
    Alias, Block, BlockId, Body, BodyKind, Call, CallId, Class, ClassId, FnId, Inst, Local, LocalId, Paths,
    Region, RegionId, Stmt, StmtId, Unit, resolve,
};
use crate::outline::{Binding, Outline};
use crate::python::ast;
use crate::text::{SourceFile, Span};
use builder::Builder;

/// Deepest nesting of statements and expressions that is lowered; what lies deeper becomes opaque.
pub const MAX_DEPTH: u32 = 200;
/// Most copies of `finally` blocks in one body; ways out beyond that skip the block.
const MAX_FINALLY_COPIES: u32 = 64;

/// What could not be lowered as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Where.
    pub span: Span,
    /// What happened to it.
    pub message: &'static str,
}

/// What is shared by the bodies of one file while it is lowered.
struct Shared<'a> {
    outline: &'a Outline,
    names: Interner,
    paths: Paths,
    bodies: IdVec<FnId, Option<Body>>,
    classes: IdVec<ClassId, Class>,
    by_name: FxHashMap<Symbol, FnId>,
    branches: Vec<(FnId, FnId)>,
    stand_ins: FxHashMap<Symbol, Symbol>,
    aliases: Vec<Alias>,
    typed: Vec<(Symbol, Symbol)>,
    by_span: FxHashMap<Span, FnId>,
    problems: Vec<Problem>,
    spare: Spare,
    text: &'a str,
}

/// Room that bodies are built in, kept from one to the next: what is kept of a body has no spare room.
#[derive(Default)]
struct Spare {
    insts: Vec<Vec<Inst>>,
    bodies: Vec<Room>,
}

#[derive(Default)]
struct Room {
    locals: IdVec<LocalId, Local>,
    blocks: IdVec<BlockId, Block>,
    calls: IdVec<CallId, Call>,
    stmts: IdVec<StmtId, Stmt>,
    regions: IdVec<RegionId, Region>,
}

/// Lowers one file. `names` holds the symbols of `outline`.
#[must_use]
pub fn lower(
    body: &[ast::Stmt],
    outline: &Outline,
    names: Interner,
    file: &SourceFile,
) -> (Unit, Vec<Problem>) {
    let mut shared = Shared {
        outline,
        names,
        paths: Paths::new(),
        bodies: IdVec::new(),
        classes: IdVec::new(),
        by_name: FxHashMap::default(),
        branches: Vec::new(),
        stand_ins: FxHashMap::default(),
        aliases: Vec::new(),
        typed: Vec::new(),
        by_span: FxHashMap::default(),
        problems: Vec::new(),
        spare: Spare::default(),
        text: &file.text,
    };
    let id = shared.bodies.push(None);
    let whole = Span::new(0, u32::try_from(file.text.len()).expect("a source file is under 4 GiB"));
    let mut builder = Builder::new(&mut shared, BodyKind::Module, id, outline.root(), outline.module, whole);
    builder.docstring(body);
    builder.block_of(body);
    builder.finish();
    let bodies = std::mem::take(&mut shared.bodies);
    let mut unit = Unit {
        module: outline.module,
        bodies: take_all(bodies),
        classes: shared.classes,
        paths: shared.paths,
        names: crate::base::Names::default(),
        globals: FxHashMap::default(),
        typed: shared.typed,
        assigned: Vec::new(),
        by_name: shared.by_name,
        branches: shared.branches,
        stand_ins: shared.stand_ins,
        aliases: shared.aliases,
        imports: imports(outline),
        stars: outline.scopes[outline.root()].stars.clone(),
    };
    resolve::resolve(&mut unit, &mut shared.names);
    unit.names = shared.names.freeze();
    (unit, shared.problems)
}

/// What the module's scope imports, in order of symbols.
fn imports(outline: &Outline) -> Vec<(Symbol, Symbol)> {
    let bindings = outline.scopes[outline.root()].bindings.iter();
    let mut imports: Vec<(Symbol, Symbol)> = bindings
        .filter_map(|(name, binding)| match binding {
            Binding::Import(path) => Some((*name, *path)),
            _ => None,
        })
        .collect();
    imports.sort_unstable();
    imports
}

fn take_all(bodies: IdVec<FnId, Option<Body>>) -> IdVec<FnId, Body> {
    bodies.into_iter().map(|body| body.expect("every body that was begun is finished")).collect()
}
