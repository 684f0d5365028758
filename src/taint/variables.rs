//! What module variables hold that are assigned once: constants, tables, compiled patterns, functions.

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::base::Symbol;
use crate::flow::{Cfg, Liveness};
use crate::ir::{Op, Operand, Place};
use crate::program::FuncId;
use crate::taint::body::{Analyzer, World, known};
use crate::taint::limits::MAX_INSTS;
use crate::taint::state::{State, Var};
use crate::taint::value::Tree;

/// What the variables of a module hold at its end that are assigned once; without taint.
pub(super) fn variables(world: &World<'_, '_>, id: FuncId) -> Vec<(Symbol, Arc<Tree>)> {
    let (module, _, body) = world.program.func(id);
    let n_insts: usize = body.blocks.iter().map(|block| block.insts.len()).sum();
    if n_insts > MAX_INSTS {
        return Vec::new();
    }
    let mut times: FxHashMap<Symbol, u32> = FxHashMap::default();
    for body in module.unit.bodies.iter() {
        for inst in body.blocks.iter().flat_map(|block| &block.insts) {
            if let Op::Store(place, _) = inst.op
                && let Operand::Global(name) = place.base
                && place == Place::bare(place.base)
            {
                *times.entry(module.global(name)).or_default() += 1;
            }
        }
    }
    let lookup = |_: FuncId| None;
    let cfg = Cfg::new(body);
    let live = Liveness::new(body, &cfg);
    let analyzer = Analyzer {
        world,
        module,
        id,
        body,
        class: None,
        file: &world.files[module.file],
        cfg,
        calls: known(world, module, None, body),
        summaries: &lookup,
        origins: RefCell::default(),
        known_origins: RefCell::default(),
        parts: RefCell::default(),
        wholes: RefCell::default(),
        out: RefCell::default(),
        reporting: RefCell::new(false),
        live,
        given: Vec::new(),
        depth: u32::MAX,
        tested: RefCell::default(),
    };
    let mut state = State::default();
    for &block in analyzer.cfg.order() {
        for inst in &body.blocks[block].insts {
            analyzer.step(&mut state, inst);
        }
    }
    let mut found: Vec<(Symbol, Arc<Tree>)> = Vec::new();
    for (name, times) in times {
        if let (1, Some(tree)) = (times, state.get(Var::Global(name))) {
            let tree = tree.without_labels();
            if !tree.is_plain() {
                found.push((name, Arc::new(tree)));
            }
        }
    }
    found.sort_by_key(|(name, _)| *name);
    found
}
