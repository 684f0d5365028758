//! Properties: what reading an attribute runs.

use std::sync::Arc;

use crate::base::Symbol;
use crate::ir::Operand;
use crate::program::{FuncId, Meaning};
use crate::taint::apply::Bound;
use crate::taint::body::Analyzer;
use crate::taint::state::State;
use crate::taint::value::{Key, Tree};
use crate::text::Span;

impl Analyzer<'_, '_> {
    /// What the property `name` of an object gives, the step `index` from `root`; `None` where it is none, or where the
    /// object holds a value of that name, as one that a setter or a cache has put there.
    pub(super) fn property(
        &self,
        state: &State,
        (root, index): (Operand, usize),
        object: &Arc<Tree>,
        name: Symbol,
        span: Span,
    ) -> Option<Arc<Tree>> {
        let declared = || match root {
            Operand::Local(local) if index == 0 => {
                match self.module.meaning(self.body.locals[local].value?) {
                    Meaning::Instance(class) => Some(*class),
                    _ => None,
                }
            }
            _ => None,
        };
        let class = object.class.or_else(declared).filter(|_| object.field(&Key::Attr(name)).is_none())?;
        let mut found: Option<Tree> = None;
        for getter in self.world.program.properties(class, name) {
            let value = self.get(state, object, getter, span)?;
            match &mut found {
                Some(known) => drop(known.join(&value)),
                None => found = Some(Tree::clone(&value)),
            }
        }
        found.map(Arc::new)
    }

    /// Runs a property. What it changes besides is not kept.
    fn get(&self, state: &State, object: &Arc<Tree>, getter: FuncId, span: Span) -> Option<Arc<Tree>> {
        let (.., body) = self.world.program.func(getter);
        let mut bound: Bound = vec![None; body.params.len()];
        *bound.first_mut()? = Some(Arc::clone(object));
        let summary = self.summary_for(getter, &bound)?;
        // One that stores is a cache: what it keeps for others would have all that the object has.
        if !summary.keeps.is_empty() || !summary.effects.is_empty() {
            return None;
        }
        self.run_unseen(&mut state.clone(), &[getter], (std::slice::from_ref(object), None), span)
    }
}
