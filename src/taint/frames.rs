//! Variables of a function that functions defined in it use: those that it returns take them along, those that it calls
//! may change them.

use std::sync::Arc;

use crate::base::Symbol;
use crate::ir::{Body, Call, FnId, LocalId, Op, Operand, Place, Rvalue};
use crate::program::Module;
use crate::taint::apply::Bound;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::state::{State, Var};
use crate::taint::summary::{Port, Summary};
use crate::taint::value::{Callee, Key, Tree, frame_key};

/// What stands in a name between a function and its variable.
const MARK: &str = ".<locals>.";
/// Deepest nesting of functions that is looked into.
const MAX_DEPTH: u32 = 3;

/// The locals of a body that functions defined in it use, with their names outside of it.
pub(super) fn captured(module: &Module<'_>, body: &Body) -> Vec<(LocalId, Symbol)> {
    let mut found = Vec::new();
    for inst in body.blocks.iter().flat_map(|block| &block.insts) {
        if let Op::Let(_, Rvalue::Function(inner)) = inst.op {
            captured_by(module, body, (inner, MAX_DEPTH), &mut found);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn captured_by(
    module: &Module<'_>,
    body: &Body,
    (inner, depth): (FnId, u32),
    found: &mut Vec<(LocalId, Symbol)>,
) {
    let unit = module.unit;
    let inner = &unit.bodies[inner];
    let is_outer = |name: &&Symbol| unit.text(**name).contains(MARK);
    for name in inner.globals.iter().filter(is_outer) {
        let variable = unit.text(*name).strip_prefix(unit.text(body.name));
        let Some(rest) = variable.and_then(|rest| rest.strip_prefix(MARK)) else { continue };
        let variable = rest.split('.').next().unwrap_or(rest);
        let mut locals = body.locals.pairs();
        let local = locals.find(|(_, local)| local.name.is_some_and(|own| unit.text(own) == variable));
        let bare = [unit.text(body.name), MARK, variable].concat();
        let symbol = inner.globals.iter().find(|other| unit.text(**other) == bare);
        found.extend(local.map(|(local, _)| local).zip(symbol.map(|name| module.global(*name))));
    }
    if depth > 0 {
        for inst in inner.blocks.iter().flat_map(|block| &block.insts) {
            if let Op::Let(_, Rvalue::Function(below)) = inst.op {
                captured_by(module, body, (below, depth - 1), found);
            }
        }
    }
}

impl Analyzer<'_, '_> {
    /// A value that is returned, its functions with the variables of this one that they use.
    pub(super) fn with_frames(&self, state: &State, tree: &Tree, depth: u32) -> Option<Tree> {
        if self.captured.is_empty() {
            return None;
        }
        let mut framed: Option<Tree> = None;
        let is_own = |func: &Callee| match func {
            Callee::Own(id) => {
                let (module, _, body) = self.world.program.func(*id);
                let parent = body.parent.map(|parent| self.world.program.of(module, parent));
                module.file == self.module.file && parent == Some(self.id)
            }
            Callee::Outside(_) | Callee::Class(_) => false,
        };
        if tree.funcs.iter().any(|func| is_own(&func.func)) {
            let mut frame = Tree::default();
            for (local, name) in &self.captured {
                let value = self.value(state, Operand::Local(*local));
                if !value.is_plain() {
                    frame.store(&[Key::Attr(*name)], &value);
                }
            }
            framed.get_or_insert_with(|| tree.clone()).store(&[frame_key()], &Arc::new(frame));
        }
        for (at, (_, part)) in tree.fields.iter().enumerate().filter(|_| depth > 0) {
            if let Some(part) = self.with_frames(state, part, depth - 1) {
                framed.get_or_insert_with(|| tree.clone()).fields[at].1 = Arc::new(part);
            }
        }
        framed
    }

    /// The variables that a function has with it that a call runs by its name.
    pub(super) fn frame_of(&self, state: &State, call: &Call) -> Option<Arc<Tree>> {
        match call.callee.base {
            Operand::Local(local) if call.callee == Place::bare(call.callee.base) => {
                state.get(Var::Local(local))?.field(&frame_key()).cloned()
            }
            _ => None,
        }
    }

    /// Runs something while the variables of `frame` are known.
    pub(super) fn within<T>(
        &self,
        state: &mut State,
        frame: Option<&Arc<Tree>>,
        run: impl FnOnce(&mut State) -> T,
    ) -> T {
        let Some(frame) = frame else { return run(state) };
        let mut before = Vec::new();
        for (key, tree) in &frame.fields {
            if let Key::Attr(name) = key {
                let var = Var::Global(*name);
                before.push((var, state.get(var).cloned().unwrap_or_default()));
                state.set(var, Arc::clone(tree));
            }
        }
        let result = run(state);
        before.into_iter().for_each(|(var, tree)| state.set(var, tree));
        result
    }

    /// Notes what the body leaves in variables of the functions around it.
    pub(super) fn outer_effects(&self, state: &State, summary: &mut Summary) {
        const MAX_SETS: usize = 16;
        for (name, tree) in state.outside() {
            if !self.world.program.text(name).contains(MARK) {
                continue;
            }
            let mut found = Vec::new();
            self.flatten(state, tree, &mut Vec::new(), &mut found);
            for (path, from) in found {
                let is_own = matches!(&from.port, Port::Outer(own, at) if *own == name && *at == path);
                let mut known = summary.sets.iter();
                let has =
                    known.any(|(own, at, other)| *own == name && *at == path && other.port == from.port);
                if !is_own && !has && summary.sets.len() < MAX_SETS {
                    summary.sets.push((name, path, from));
                }
            }
        }
    }

    /// The variables of the functions around it to which the body gives another value, on each way.
    pub(super) fn outer_resets<'s>(&self, mut ways: impl Iterator<Item = &'s State>) -> Vec<Symbol> {
        let is_own = |tree: &Tree, name: Symbol| {
            let origins = self.origins.borrow();
            let mut labels = tree.labels.iter();
            labels.any(|label| {
                matches!(&origins[label.origin as usize].port, Port::Outer(own, path) if *own == name && path.is_empty())
            })
        };
        let set = |state: &State| -> Vec<Symbol> {
            let outer = state.outside().filter(|(name, _)| self.world.program.text(*name).contains(MARK));
            outer.filter(|(name, tree)| !is_own(tree, *name)).map(|(name, _)| name).collect()
        };
        let Some(mut all) = ways.next().map(set) else { return Vec::new() };
        ways.map(set).for_each(|set| all.retain(|name| set.contains(name)));
        all
    }

    /// Begins what this body knows of a variable of a function around it with what that holds.
    pub(super) fn know_outer(&self, state: &mut State, var: Var, path: &[Key]) {
        if let Var::Global(name) = var
            && !path.is_empty()
            && state.get(var).is_none()
            && self.world.program.text(name).contains(MARK)
        {
            let outer = self.label(Port::Outer(name, Vec::new()), None);
            state.set(var, Arc::new(Tree::labeled(vec![outer])));
        }
    }

    /// What a callee leaves in variables of this function, or of those around it.
    pub(super) fn set_outer(&self, state: &mut State, site: &Site<'_>, summary: &Summary, bound: &Bound) {
        let var_of = |name: Symbol| {
            let own = self.captured.iter().find(|(_, known)| *known == name);
            own.map_or(Var::Global(name), |(local, _)| Var::Local(*local))
        };
        for name in &summary.resets {
            state.set(var_of(*name), Arc::default());
        }
        for (name, path, from) in &summary.sets {
            let labels = self.labels(state, from, bound, site, "it is kept by");
            if labels.is_empty() {
                continue;
            }
            let part = Tree::labeled(labels);
            self.know_outer(state, var_of(*name), path);
            state.change(var_of(*name), |tree| {
                self.open(tree, path);
                tree.join_at(path, &part);
            });
        }
    }
}
