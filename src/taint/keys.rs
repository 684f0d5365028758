//! The steps of places as keys, with what variables hold that stand in subscripts.

use crate::ir::{Inst, Op, Operand, Place, Step};
use crate::taint::body::Analyzer;
use crate::taint::state::State;
use crate::taint::value::{Key, Konst};

impl Analyzer<'_, '_> {
    /// The steps of a place, as keys.
    pub(super) fn keys(&self, state: &State, place: Place) -> Vec<Key> {
        self.steps(place).into_iter().map(|step| self.key(state, step)).collect()
    }

    /// A step as a key, where its variable holds a constant too.
    pub(super) fn key(&self, state: &State, step: Step) -> Key {
        let Step::Key(operand) = step else { return crate::taint::value::key(self.module, step) };
        let key = self.value(state, operand);
        self.test(&key);
        match &key.konst {
            // What counts is another number in each round.
            Some(Konst::Int(_)) if self.is_counter(operand) => Key::Any,
            Some(konst) => Key::Item(konst.clone()),
            None => Key::Any,
        }
    }

    /// Whether a local is assigned more than once.
    fn is_counter(&self, operand: Operand) -> bool {
        let is_it = |inst: &&Inst| matches!(&inst.op, Op::Let(to, _) | Op::Call(to, _) if operand == Operand::Local(*to));
        self.body.blocks.iter().flat_map(|block| &block.insts).filter(is_it).nth(1).is_some()
    }
}
