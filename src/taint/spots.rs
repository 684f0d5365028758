//! Where the objects stand that a call hands over within something else: in the tuple of `Thread(target=f, args=(box,))`,
//! behind the method of `Thread(target=box.fill)`.

use std::sync::Arc;

use crate::ir::{LocalId, Op, Operand, Place, Rvalue, Step};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::state::State;
use crate::taint::value::{Callee, Key, Konst, Tree};

impl Analyzer<'_, '_> {
    /// The variable that holds `tree`, which is part of what a call is given, and the path in it.
    pub(super) fn spot_within(
        &self,
        state: &State,
        site: &Site<'_>,
        tree: &Arc<Tree>,
    ) -> Option<(Operand, Vec<Key>)> {
        let mut given = site.call.args.iter().zip(&site.args);
        given.find_map(|(arg, whole)| {
            let local = arg.value.local().filter(|local| self.body.locals[*local].name.is_none())?;
            let is_own = |func: &Callee| matches!(func, Callee::Own(_));
            let is_bound = whole.funcs.iter().any(|func| {
                is_own(&func.func) && func.bound.first().is_some_and(|bound| Arc::ptr_eq(bound, tree))
            });
            if is_bound {
                let Rvalue::Load(place) = self.defined_by(local)? else { return None };
                let (before, Step::Attr(_)) = self.module.unit.paths.split(place.path)? else { return None };
                let object = Place { base: place.base, path: before };
                return Some((object.base, self.keys(state, object)));
            }
            let (key, _) = whole.fields.iter().find(|(_, part)| Arc::ptr_eq(part, tree))?;
            let operand = self.item_at(local, key)?;
            Some((operand, Vec::new()))
        })
    }

    /// What a temporary is made by.
    pub(super) fn defined_by(&self, local: LocalId) -> Option<&Rvalue> {
        let mut insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        insts.find_map(|inst| match &inst.op {
            Op::Let(to, value) if *to == local => Some(value),
            _ => None,
        })
    }

    /// What stands in a display under a key.
    fn item_at(&self, local: LocalId, key: &Key) -> Option<Operand> {
        match (self.defined_by(local)?, key) {
            (Rvalue::Tuple(items) | Rvalue::List(items), Key::Item(Konst::Int(index))) => {
                items.get(usize::try_from(*index).ok()?).copied()
            }
            (Rvalue::Dict(items), Key::Item(Konst::Str(name))) => {
                let is_it = |(key, _): &&(Option<Operand>, Operand)| {
                    let text = key.and_then(Operand::string);
                    text.is_some_and(|text| self.module.unit.text(text) == &**name)
                };
                items.iter().find(is_it).map(|(_, value)| *value)
            }
            _ => None,
        }
    }
}
