//! The steps of places as keys, with what variables hold that stand in subscripts.

use std::sync::Arc;

use crate::ir::{Call, Const, Inst, LocalId, Op, Operand, Place, Rvalue, Step};
use crate::taint::body::Analyzer;
use crate::taint::state::State;
use crate::taint::value::{Key, Konst};
use crate::text::Span;

/// Most keys that are told apart.
const MAX_AMONG: usize = 16;

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

    /// The keys of which the last step of a place is each, in a loop over constants.
    pub(super) fn keys_among(&self, state: &State, place: Place) -> Option<Vec<Key>> {
        let (_, Step::Key(operand)) = self.module.unit.paths.split(place.path)? else { return None };
        let key = self.value(state, operand);
        let among = key.among.as_ref().filter(|_| key.konst.is_none())?;
        (among.texts.len() <= MAX_AMONG)
            .then(|| among.texts.iter().map(|text| Key::Item(Konst::Str(Arc::clone(text)))).collect())
    }

    /// The mapping of which a key and a value are those of one entry, in a loop over its items; and where it is asked for
    /// these.
    pub(super) fn mapping_of(&self, key: Operand, value: Operand) -> Option<(Place, Span)> {
        let (pair, 0) = self.taken_of(key)? else { return None };
        if self.taken_of(value)? != (pair, 1) {
            return None;
        }
        let Op::Let(_, Rvalue::Next(Operand::Local(list))) = self.body.only_def(pair)? else { return None };
        let Op::Call(_, call) = self.body.only_def(*list)? else { return None };
        let call = &self.body.calls[*call];
        Some((self.receiver_place(call)?, call.span)).filter(|_| self.is_items(call))
    }

    /// The mapping of which a value is the entry under a key: `values[name]`, `values.get(name)`.
    pub(super) fn looked_up_by(&self, key: Operand, value: Operand) -> Option<Place> {
        match self.body.only_def(value.local()?)? {
            Op::Let(_, Rvalue::Load(place)) => match self.module.unit.paths.split(place.path)? {
                (path, Step::Key(by)) if by == key => Some(Place { base: place.base, path }),
                _ => None,
            },
            Op::Call(_, call) => {
                let call = &self.body.calls[*call];
                let is_got = self.module.unit.text(call.method) == "get"
                    && call.positional(0).is_some_and(|arg| arg.value == key);
                self.receiver_place(call).filter(|_| is_got)
            }
            _ => None,
        }
    }

    fn is_items(&self, call: &Call) -> bool {
        call.args.is_empty() && self.module.unit.text(call.method) == "items"
    }

    /// The lists of entries that loops run over, and the variables of the mappings that these are of.
    pub(super) fn views(&self) -> &[(LocalId, LocalId)] {
        self.views.get_or_init(|| {
            if self.loops.is_empty() {
                return Vec::new();
            }
            let of = |call: &Call| Some((call.to, self.receiver_place(call)?.base.local()?));
            self.body.calls.iter().filter(|call| self.is_items(call)).filter_map(of).collect()
        })
    }

    /// The pair of which an operand is one of two, and which.
    fn taken_of(&self, operand: Operand) -> Option<(LocalId, i32)> {
        let Op::Let(_, Rvalue::Load(of)) = self.body.only_def(operand.local()?)? else { return None };
        match (of.base, &self.steps(*of)[..]) {
            (Operand::Local(pair), [Step::Item(Const::Int(index))]) => Some((pair, *index)),
            _ => None,
        }
    }

    /// Whether a local is assigned more than once.
    fn is_counter(&self, operand: Operand) -> bool {
        let is_it = |inst: &&Inst| matches!(&inst.op, Op::Let(to, _) | Op::Call(to, _) if operand == Operand::Local(*to));
        self.body.blocks.iter().flat_map(|block| &block.insts).filter(is_it).nth(1).is_some()
    }
}
