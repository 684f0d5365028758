//! Attributes that are set by names that nobody spells: `self.__dict__.update(values)`, `setattr(self, name, value)` in a
//! loop over the items of a mapping. The mapping stands under `__dict__`, and attributes are looked up in it. And the methods
//! that `getattr(object, name)` may give.

use std::sync::Arc;

use crate::ir::{Operand, Step};
use crate::models::Kinds;
use crate::program::{FuncId, Meaning};
use crate::taint::apply::{BACK, Bound};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::state::State;
use crate::taint::summary::{From, Port};
use crate::taint::value::{Callee, FuncRef, Key, Konst, Label, Tree};

/// Where an object keeps the mapping that it was made with: `Model(**values)`.
pub(super) fn named_key() -> Key {
    Key::Item(Konst::Str(Arc::from("\0named")))
}

impl Analyzer<'_, '_> {
    /// What an object has under `key` by the mapping of its attributes.
    pub(super) fn in_dict(&self, object: &Tree, key: &Key) -> Option<Arc<Tree>> {
        let Key::Attr(name) = key else { return None };
        if object.fields.is_empty() {
            return None;
        }
        let name = Key::Item(Konst::Str(self.world.program.text(*name).into()));
        // What is not given a name of its own is hardly ever called so, where others are.
        let is_told = |held: &&Arc<Tree>| {
            let is_other = |(key, _): &(Key, Arc<Tree>)| matches!(key, Key::Item(_)) && *key != name;
            !held.labels.is_empty() || held.field(&name).is_some() || !held.fields.iter().any(is_other)
        };
        let named = object.field(&named_key()).filter(is_told);
        let held = named.or_else(|| object.field(&self.dict_key()))?;
        // What the mapping does not have may be known otherwise.
        let found = self.part(held, &name);
        Some(found).filter(|found| !found.is_plain())
    }

    /// Puts what is passed for a parameter of a callee where the object that it gives keeps the mapping that it was made
    /// with, if that is where it goes: its entries stay apart.
    pub(super) fn is_merged(
        &self,
        site: &Site<'_>,
        (path, from): (&[Key], &From),
        bound: &Bound,
        made: &mut Tree,
    ) -> bool {
        let Port::Param(index, at) = &from.port else { return false };
        let Some(Some(given)) = bound.get(*index).filter(|_| *path == [named_key()]) else { return false };
        let part = self.along(given, at);
        if !part.labels.is_empty() || part.fields.is_empty() {
            return false;
        }
        let mut part = Tree::clone(&self.passed(site, &part, BACK));
        part.relabel(&|label| Label { kinds: label.kinds.and(from.kinds), ..label.clone() });
        made.join_at(path, &part);
        true
    }

    /// `self.__dict__.update(values)` of an object of whose attributes nothing is known.
    pub(super) fn given_attributes(
        &self,
        state: &mut State,
        site: &Site<'_>,
        receiver: &Arc<Tree>,
    ) -> Option<Arc<Tree>> {
        if site.method != "update" || site.call.args.len() != 1 || !receiver.fields.is_empty() {
            return None;
        }
        if let Some(given) = self.given_vars(state, site) {
            return Some(given);
        }
        let place = self.receiver_place(site.call)?;
        match self.module.unit.paths.split(place.path) {
            Some((_, Step::Attr(name))) if Some(self.module.global(name)) == self.world.dict => {}
            _ => return None,
        }
        self.fill(state, site, &[], site.positional(0)?.0);
        Some(Arc::default())
    }

    /// `vars(self).update(values)`
    fn given_vars(&self, state: &mut State, site: &Site<'_>) -> Option<Arc<Tree>> {
        let Operand::Local(vars) = site.call.callee.base else { return None };
        let made = self.body.calls.iter().find(|call| call.to == vars)?;
        let is_vars = made.name.is_some_and(|name| self.module.unit.text(name) == "vars");
        let var = self.local_of(made.positional(0).filter(|_| is_vars)?.value)?;
        let mapping = Arc::clone(site.positional(0)?.0);
        state.change(var, |tree| tree.store(&[self.dict_key()], &mapping));
        Some(Arc::default())
    }

    /// `setattr(object, name, value)` with the entry of a mapping that has this name; by a name from outside it may be any.
    pub(super) fn set_each(&self, state: &mut State, site: &Site<'_>) -> Option<Arc<Tree>> {
        let var = self.local_of(site.positional(0)?.1.value)?;
        let ((called, name), (given, value)) = (site.positional(1)?, site.positional(2)?);
        let (name, value) = (name.value, value.value);
        let entry = self.mapping_of(name, value);
        let looked_up = || Some((self.looked_up_by(name, value)?, site.call.span));
        match entry.or_else(looked_up) {
            Some((mapping, span)) => {
                let mapping = self.load(state, mapping, span);
                state.change(var, |tree| tree.store(&[self.dict_key()], &mapping));
            }
            None if self.has_source(called) && called.beginning().is_none() => state.change(var, |tree| {
                tree.join_at(&[self.dict_key(), Key::Any], given);
            }),
            None => return None,
        }
        Some(Arc::default())
    }

    /// The methods of an object, of a class of the program, that begin with `prefix`; those that are not private, where the
    /// name is an outsider's; those of a logger are one as the other.
    pub(super) fn any_member(&self, site: &Site<'_>, tree: &Arc<Tree>, prefix: &str) -> Option<Arc<Tree>> {
        const MAX_METHODS: usize = 16;
        let (object, name) = (site.positional(0)?.1.value, site.positional(1)?.0);
        // What an object looks up of its own it seldom is itself: that runs in rounds.
        let is_own = object.local().is_some_and(|local| self.is_self(local));
        let is_chosen = prefix.is_empty() && name.is_tainted() && !is_own;
        let class = match self.meaning(object) {
            Some(Meaning::Outside(path)) if path.ends_with("getLogger()") => {
                let callee = self.member(object, "info")?;
                return Some(Arc::new(Tree::func(FuncRef::new(callee))));
            }
            Some(Meaning::Instance(class)) if is_chosen || !prefix.is_empty() => *class,
            _ if is_chosen => tree.class?,
            _ => return None,
        };
        let program = self.world.program;
        let is_meant = |name: &str| name.starts_with(prefix) && !(is_chosen && name.starts_with('_'));
        let mut methods: Vec<FuncId> = program
            .above(class)
            .iter()
            .flat_map(|class| &program.classes[*class].methods)
            .filter(|(name, _)| is_meant(program.text(**name)))
            .map(|(_, method)| *method)
            .collect();
        methods.sort_unstable();
        methods.truncate(MAX_METHODS);
        let bound = |func: FuncId| FuncRef { bound: vec![tree.shallow()], ..FuncRef::new(Callee::Own(func)) };
        let funcs: Vec<FuncRef> = methods.into_iter().map(bound).collect();
        let mut found = Tree { funcs, ..Tree::default() };
        // It may as well be a value that the object has.
        for mut label in site.args.iter().filter(|_| is_chosen).flat_map(|arg| arg.all()) {
            label.kinds = label.kinds.with(Kinds::THROUGH_UNKNOWN).without(Kinds::HIDDEN);
            found.add(&label);
        }
        (!found.funcs.is_empty()).then(|| Arc::new(found))
    }

    pub(super) fn dict_key(&self) -> Key {
        self.world.dict.map_or_else(named_key, Key::Attr)
    }
}
