//! Summaries for the constants and functions that one call passes, where they decide something.

use std::sync::Arc;

use crate::ir::{Operand, Param};
use crate::program::FuncId;
use crate::taint::apply::Bound;
use crate::taint::body::{Analyzer, Context, analyze};
use crate::taint::demand::{Mask, Own};
use crate::taint::limits::{MAX_SPECIAL, MAX_VARYING};
use crate::taint::summary::{Port, Summary};
use crate::taint::value::{Callee, Key, Konst, Tree, literal};
use crate::taint::world::Given;

/// How many such summaries one within the other tell apart what is passed.
const DEEP: u32 = 2;
/// How many tell apart anything.
const DEEPEST: u32 = 4;

impl Analyzer<'_, '_> {
    /// The summary for the constants that are passed, where they decide something.
    pub(super) fn specialized(&self, func: FuncId, known: &Summary, bound: &Bound) -> Option<Arc<Summary>> {
        let (.., body) = self.world.program.func(func);
        let n_insts: usize = body.blocks.iter().map(|block| block.insts.len()).sum();
        // Deep in such summaries only what no call passes is told apart, which is the same wherever the call stands.
        let is_again = func == self.id && self.context.own.is_some();
        let is_deep = self.context.depth >= DEEP && !is_again;
        let most = match self.context.depth {
            0 => MAX_SPECIAL,
            DEEPEST.. => 0,
            _ => MAX_SPECIAL / 4,
        };
        let is_default = |param: usize, konst: &Konst| {
            let default = body.params.get(param).and_then(|param| param.default);
            default.and_then(|default| literal(self.world.program.func(func).0, default)).as_ref()
                == Some(konst)
        };
        for tree in known.tested.iter().filter_map(|param| bound.get(*param)?.as_ref()) {
            // What decides there decides here.
            let is_named = |(key, _): &&(Key, Arc<Tree>)| matches!(key, Key::Item(Konst::Str(_)));
            let parts = tree.fields.iter().filter(is_named).filter(|_| known.is_conditional);
            parts.for_each(|(_, part)| self.depend(part));
            if tree.konst.is_none() && self.test(tree) && known.is_conditional {
                self.out.borrow_mut().is_conditional = true;
            }
        }
        // Functions that call each other are not told apart by what they pass.
        if self.context.group.is_some() {
            return None;
        }
        let varies = known.varies && n_insts <= MAX_VARYING;
        let does_nothing_yet = !self.is_reporting() && known.returns.is_empty() && !known.checks && !varies;
        let is_idle = known.reaches.is_empty() && known.returns.is_empty() && known.effects.is_empty();
        let is_idle = is_idle && !known.is_conditional && !known.checks && !varies;
        if !is_again && (n_insts > most || known.tested.is_empty() || does_nothing_yet || is_idle) {
            return None;
        }
        let given: Vec<(usize, Given)> = known
            .tested
            .iter()
            .filter_map(|param| {
                let tree = bound.get(*param)?.as_ref()?;
                match (&tree.konst, &tree.funcs[..]) {
                    (Some(konst), _) if is_deep && !is_default(*param, konst) => None,
                    (None, _) if is_deep => None,
                    (Some(konst), _) => Some((*param, Given::Konst(konst.clone()))),
                    (None, [only]) if only.bound.is_empty() => Some((*param, Given::Func(only.func.clone()))),
                    (None, []) if known.is_conditional => options(tree).map(|given| (*param, given)),
                    _ => None,
                }
            })
            .collect();
        let mask = Mask::of(bound);
        if given.is_empty() || func == self.id {
            let is_same = mask == self.context.mask && given == self.context.given;
            return self.context.own.filter(|_| is_same && !given.is_empty()).map(Own::get);
        }
        let key = (func, mask, given, self.context.depth);
        let special = &self.world.demands.special;
        if let Some(made) = special.get(&key) {
            return Some(made);
        }
        let passed = key.2.iter().filter_map(|(_, given)| match given {
            Given::Func(Callee::Own(id)) => Some((*id, self.summary(*id, Mask::ALL)?)),
            _ => None,
        });
        // What no call passes is told apart once, wherever that stands; but functions that call each other come to an end.
        let is_own = |(param, given): &(usize, Given)| matches!(given, Given::Konst(konst) if is_default(*param, konst));
        let depth = self.context.depth + u32::from(self.world.cycles.has(func) || !key.2.iter().all(is_own));
        let (funcs, given) = (passed.collect(), key.2.clone());
        let own = Own::default();
        let context = Context { mask, given, funcs, depth, own: Some(&own), ..Context::default() };
        let made = own.settled(|| analyze(self.world, func, &context));
        Some(special.insert(key, made))
    }

    /// Notes that what a call does depends on a value.
    pub(super) fn depend(&self, tree: &Tree) {
        if tree.konst.is_none() && !tree.labels.is_empty() && self.test(tree) {
            self.out.borrow_mut().is_conditional = true;
        }
    }

    /// Whether an operand is a parameter for which a function is passed, which is neither `None` nor false.
    pub(super) fn is_given_function(&self, operand: Operand) -> bool {
        let is_func = |(param, given): &(usize, Given)| {
            let is_it = |param: &Param| operand == Operand::Local(param.local);
            matches!(given, Given::Func(_)) && self.body.params.get(*param).is_some_and(is_it)
        };
        self.context.given.iter().any(is_func) && self.is_as_given(operand)
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

/// The constant entries of a mapping or list, if there are some and not many.
fn options(tree: &Tree) -> Option<Given> {
    const MAX_OPTIONS: usize = 8;
    let parts: Vec<(Konst, Konst)> = tree
        .fields
        .iter()
        .filter_map(|(key, part)| match (key, &part.konst) {
            (Key::Item(key), Some(konst)) => Some((key.clone(), konst.clone())),
            _ => None,
        })
        .collect();
    if !(1..=MAX_OPTIONS).contains(&parts.len()) {
        return None;
    }
    let is_whole = parts.len() == tree.fields.len() && tree.sure_len().is_some();
    Some(if is_whole { Given::List(parts) } else { Given::Parts(parts) })
}
