//! Two names for one object: what is put into it by one of them is found by the other.
//!
//! In: a variable that was changed in place, and what it held before. Out: the others with the change. Names that meet only
//! on some ways are not told to be one.

use std::sync::Arc;

use crate::ir::{Body, LocalId, Op, Operand, Place, Rvalue};
use crate::taint::body::Analyzer;
use crate::taint::state::{State, Var};
use crate::taint::value::{Key, Tree};
use crate::text::Span;

/// Most names for one object that are followed.
const MAX_NAMES: usize = 4;

/// A local that is another name for what stands at a place.
pub(super) struct Alias {
    local: LocalId,
    of: Place,
    /// Whether neither name ever means anything else.
    is_lasting: bool,
}

impl Analyzer<'_, '_> {
    /// Changes the object at a path of a variable in place, and what other names there are for it. A name for what stood
    /// in a part of it before goes on to mean that.
    pub(super) fn mutate(
        &self,
        state: &mut State,
        (var, at): (Var, &[Key]),
        change: impl FnOnce(&mut Tree),
        span: Span,
    ) {
        let is_shared =
            |alias: &Alias| Var::Local(alias.local) == var || self.local_of(alias.of.base) == Some(var);
        if !self.aliases().iter().any(is_shared) {
            state.change(var, change);
            return;
        }
        let before = state.get(var).cloned().unwrap_or_default();
        state.change(var, change);
        self.change_others(state, (var, at, &before), span, MAX_NAMES);
    }

    /// Gives the other names for what a variable held `before` what it holds now.
    fn change_others(
        &self,
        state: &mut State,
        (var, at, before): (Var, &[Key], &Arc<Tree>),
        span: Span,
        left: usize,
    ) {
        let Some(left) = left.checked_sub(1) else { return };
        for alias in self.aliases() {
            let after = state.get(var).cloned().unwrap_or_default();
            let path = self.keys(state, alias.of);
            let own = Var::Local(alias.local);
            let Some((other, path)) = self.located(alias.of.base, &path) else { continue };
            if own == var {
                let whole = state.get(other).cloned().unwrap_or_default();
                let old = self.along(&whole, &path);
                // Of what is not known there is no value to compare.
                let is_open = alias.is_lasting && old.is_plain() && before.is_plain();
                if !is_open && !Arc::ptr_eq(&old, before) {
                    continue;
                }
                state.change(other, |tree| {
                    self.open(tree, &path);
                    tree.store(&path, &after);
                });
                self.write_cell(state, alias.of, &after, span);
                let at = [&path[..], at].concat();
                self.change_others(state, (other, &at, &whole), span, left);
            } else if other == var
                && let Some(at) = at.strip_prefix(&path[..])
            {
                let (old, new) = (self.along(before, &path), self.along(&after, &path));
                let known = state.get(own).cloned().unwrap_or_default();
                let is_open = alias.is_lasting && known.is_plain() && old.is_plain();
                if (is_open || Arc::ptr_eq(&known, &old)) && !Arc::ptr_eq(&known, &new) {
                    state.set(own, new);
                    self.change_others(state, (own, at, &known), span, left);
                }
            }
        }
    }

    /// The locals that are other names for what stands elsewhere.
    fn aliases(&self) -> &[Alias] {
        self.aliases.get_or_init(|| {
            let insts = self.body.blocks.iter().flat_map(|block| &block.insts);
            let alias = |local: LocalId, of: Place| {
                let is_named = |local: LocalId| self.body.locals[local].name.is_some();
                let is_variable = match of.base {
                    Operand::Local(base) => base != local && is_named(base),
                    Operand::Global(_) => true,
                    Operand::Const(_) => false,
                };
                let is_kept = |local: LocalId| is_assigned_once(self.body, local);
                let is_lasting = is_kept(local) && of.base.local().is_none_or(is_kept);
                (is_named(local) && is_variable).then_some(Alias { local, of, is_lasting })
            };
            let found = insts.filter_map(|inst| match &inst.op {
                Op::Let(local, Rvalue::Use(of)) => alias(*local, Place::bare(*of)),
                Op::Let(local, Rvalue::Load(of)) => alias(*local, *of),
                _ => None,
            });
            found.collect()
        })
    }
}

/// Whether a local has one value from its first assignment on.
fn is_assigned_once(body: &Body, local: LocalId) -> bool {
    let insts = body.blocks.iter().flat_map(|block| &block.insts);
    let sets = insts.filter(|inst| {
        matches!(inst.op, Op::Let(to, _) | Op::Call(to, _) | Op::Await(to, _) | Op::Yield(to, ..) if to == local)
    });
    sets.count() + usize::from(body.param(local).is_some()) == 1
}
