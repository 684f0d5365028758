//! Attributes that are set by names that nobody spells: `self.__dict__.update(values)`, `setattr(self, name, value)` in a
//! loop over the items of a mapping. The mapping stands under `__dict__`, and attributes are looked up in it.

use std::sync::Arc;

use crate::ir::Step;
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
        let (name, value) = (site.positional(1)?.1.value, site.positional(2)?.1.value);
        let ((mapping, span), key) = (self.mapping_of(name, value)?, self.dict_key()?);
        let mapping = self.load(state, mapping, span);
        state.change(var, |tree| tree.store(&[key], &mapping));
        Some(Arc::default())
    }

    pub(super) fn dict_key(&self) -> Option<Key> {
        self.world.dict.map(Key::Attr)
    }
}
