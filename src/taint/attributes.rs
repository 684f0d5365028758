//! Attributes that are set by names that nobody spells: `self.__dict__.update(values)`, `setattr(self, name, value)` in a
//! loop over the items of a mapping. The mapping stands under `__dict__`, and attributes are looked up in it.

use std::sync::Arc;

use crate::ir::{Const, LocalId, Op, Operand, Rvalue, Step};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::state::State;
use crate::taint::value::{Key, Konst, Tree};

impl Analyzer<'_, '_> {
    /// What an object has under `key` by the mapping of its attributes.
    pub(super) fn in_dict(&self, object: &Tree, key: &Key) -> Option<Arc<Tree>> {
        let Key::Attr(name) = key else { return None };
        if object.fields.is_empty() {
            return None;
        }
        let held = object.field(&self.dict_key()?)?;
        // What the mapping does not have may be known otherwise.
        let found = self.part(held, &Key::Item(Konst::Str(self.world.program.text(*name).into())));
        Some(found).filter(|found| !found.is_plain())
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
        let place = self.receiver_place(site.call)?;
        match self.module.unit.paths.split(place.path) {
            Some((_, Step::Attr(name))) if Some(self.module.global(name)) == self.world.dict => {}
            _ => return None,
        }
        self.fill(state, site, &[], site.positional(0)?.0);
        Some(Arc::default())
    }

    /// `setattr(object, name, value)` in a loop over the items of a mapping.
    pub(super) fn set_each(&self, state: &mut State, site: &Site<'_>) -> Option<Arc<Tree>> {
        let var = self.local_of(site.positional(0)?.1.value)?;
        let (mapping, key) = (self.items_of(state, site)?, self.dict_key()?);
        state.change(var, |tree| tree.store(&[key], &mapping));
        Some(Arc::default())
    }

    pub(super) fn dict_key(&self) -> Option<Key> {
        self.world.dict.map(Key::Attr)
    }

    /// The mapping over whose items the loop runs that gives a call its name and value.
    fn items_of(&self, state: &State, site: &Site<'_>) -> Option<Arc<Tree>> {
        let (name, value) = (site.positional(1)?.1.value.local()?, site.positional(2)?.1.value.local()?);
        let (pair, first) = self.part_of(name)?;
        if self.part_of(value)? != (pair, 1) || first != 0 {
            return None;
        }
        let Rvalue::Next(Operand::Local(items)) = self.only_value(pair)? else { return None };
        let call = self.body.calls.iter().find(|call| call.to == *items)?;
        if self.module.unit.text(call.method) != "items" || !call.args.is_empty() {
            return None;
        }
        Some(self.load(state, self.receiver_place(call)?, call.span))
    }

    /// The local of which another is the element at a constant index.
    fn part_of(&self, local: LocalId) -> Option<(LocalId, i32)> {
        let Rvalue::Load(place) = self.only_value(local)? else { return None };
        match (place.base, &self.steps(*place)[..]) {
            (Operand::Local(of), [Step::Item(Const::Int(index))]) => Some((of, *index)),
            _ => None,
        }
    }

    /// What a local is made of that is assigned once.
    fn only_value(&self, local: LocalId) -> Option<&Rvalue> {
        let insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        let mut made = insts.filter_map(|inst| match &inst.op {
            Op::Let(to, value) if *to == local => Some(value),
            _ => None,
        });
        made.next().filter(|_| made.next().is_none())
    }
}
