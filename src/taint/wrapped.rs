//! Calls of decorated functions: what the decorator of the program has put in their place is run.

use std::sync::Arc;

use crate::base::Symbol;
use crate::program::FuncId;
use crate::taint::body::{Analyzer, Context, analyze};
use crate::taint::calls::Site;
use crate::taint::demand::Mask;
use crate::taint::state::State;
use crate::taint::value::{Callee, FuncRef, Tree};
use crate::taint::world::Given;

impl Analyzer<'_, '_> {
    /// What a call of a decorated function gives; `None` where nothing is known to run in its place.
    pub(super) fn wrapped(
        &self,
        state: &mut State,
        site: &Site<'_>,
        (id, func): (FuncId, &FuncRef),
    ) -> Option<Option<Arc<Tree>>> {
        if func.is_bare || self.context.group.is_some() || func.frame.is_some() || func.named.is_some() {
            return None;
        }
        let (run, name) = self.world.program.runs_instead(id)?;
        let is_method = self.world.program.class_of(id).is_some() && !self.is_static(id);
        let mut before = func.bound.clone();
        if is_method && before.is_empty() {
            before.extend(site.receiver.clone());
        }
        let bound = self.bind_args(state, site, (run, &before), None);
        let own = self.summary(id, Mask::ALL)?;
        if !crate::taint::demand::is_below(self.world.graph, self.id, run) {
            return None;
        }
        let mask = Mask::of(&bound);
        let given: Vec<(usize, Given)> =
            name.map(|name| (usize::MAX, Given::Outer(name, id))).into_iter().collect();
        let key = (run, mask, given, self.context.depth);
        let special = &self.world.demands.special;
        let summary = match special.get(&key) {
            Some(known) => known,
            None => {
                let (given, depth) = (key.2.clone(), self.context.depth + 1);
                let context = Context { mask, given, funcs: vec![(id, own)], depth, ..Context::default() };
                special.insert(key, Arc::new(analyze(self.world, run, &context)))
            }
        };
        let result = self.apply(state, site, &summary, &bound, run);
        Some((!summary.never_returns).then_some(result))
    }

    /// The function that a variable around this body is, where its caller tells.
    pub(super) fn given_outer(&self, name: Symbol) -> Option<Arc<Tree>> {
        let is_it = |given: &Given| match given {
            Given::Outer(known, func) if *known == name => Some(*func),
            _ => None,
        };
        let func = self.context.given.iter().find_map(|(_, given)| is_it(given))?;
        let func = FuncRef { is_bare: true, ..FuncRef::new(Callee::Own(func)) };
        Some(Arc::new(Tree::func(func)))
    }
}
