//! Summaries for the constants and functions that one call passes, where they decide something.

use std::sync::Arc;

use crate::program::FuncId;
use crate::taint::apply::Bound;
use crate::taint::body::{Analyzer, analyze};
use crate::taint::limits::MAX_SPECIAL;
use crate::taint::summary::{Port, Summary};
use crate::taint::value::{Key, Konst, Tree};
use crate::taint::world::Given;

impl Analyzer<'_, '_> {
    /// The summary for the constants that are passed, where they decide something.
    pub(super) fn specialized(&self, func: FuncId, known: &Summary, bound: &Bound) -> Option<Arc<Summary>> {
        let (.., body) = self.world.program.func(func);
        let n_insts: usize = body.blocks.iter().map(|block| block.insts.len()).sum();
        let most = [MAX_SPECIAL, MAX_SPECIAL / 4].get(self.depth as usize).copied().unwrap_or(0);
        for tree in known.tested.iter().filter_map(|param| bound.get(*param)?.as_ref()) {
            // What decides there decides here.
            if tree.konst.is_none() && self.test(tree) && known.is_conditional {
                self.out.borrow_mut().is_conditional = true;
            }
        }
        if n_insts > most || known.tested.is_empty() || !self.is_reporting() && known.returns.is_empty() {
            return None;
        }
        let is_idle = known.reaches.is_empty() && known.returns.is_empty() && known.effects.is_empty();
        if is_idle && !known.is_conditional {
            return None;
        }
        let given: Vec<(usize, Given)> = known
            .tested
            .iter()
            .filter_map(|param| {
                let tree = bound.get(*param)?.as_ref()?;
                match (&tree.konst, &tree.funcs[..]) {
                    (Some(konst), _) => Some((*param, Given::Konst(konst.clone()))),
                    (None, [only]) if only.bound.is_empty() => Some((*param, Given::Func(only.func.clone()))),
                    (None, []) if known.is_conditional => {
                        options(tree).map(|parts| (*param, Given::Parts(parts)))
                    }
                    _ => None,
                }
            })
            .collect();
        if given.is_empty() || func == self.id {
            return None;
        }
        let key = (func, given, self.depth);
        let made = self.world.special.lock().ok().and_then(|special| special.get(&key).cloned());
        if let Some(made) = made {
            return Some(made);
        }
        let summary = Arc::new(analyze(self.world, func, self.summaries, (key.1.clone(), self.depth + 1)));
        if let Ok(mut special) = self.world.special.lock() {
            special.insert(key, Arc::clone(&summary));
        }
        Some(summary)
    }

    /// Notes that a value decides something; whether it is a parameter's, or that of an entry of one.
    pub(super) fn test(&self, tree: &Tree) -> bool {
        let mut is_param = false;
        for label in &tree.labels {
            if let Port::Param(index, path) = &self.origins.borrow()[label.origin as usize].port
                && matches!(&path[..], [] | [Key::Item(_)])
            {
                is_param = true;
                let mut tested = self.tested.borrow_mut();
                if !tested.contains(index) {
                    tested.push(*index);
                }
            }
        }
        is_param
    }
}

/// The constant entries of a mapping, if there are some and not many.
fn options(tree: &Tree) -> Option<Vec<(Konst, Konst)>> {
    const MAX_OPTIONS: usize = 8;
    let parts: Vec<(Konst, Konst)> = tree
        .fields
        .iter()
        .filter_map(|(key, part)| match (key, &part.konst) {
            (Key::Item(key @ Konst::Str(_)), Some(konst)) => Some((key.clone(), konst.clone())),
            _ => None,
        })
        .collect();
    (1..=MAX_OPTIONS).contains(&parts.len()).then_some(parts)
}
