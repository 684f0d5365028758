//! What is known of variables while value paths are found: one path, or many.

use rustc_hash::FxHashMap;

use crate::base::{IdVec, Symbol};
use crate::ir::{Body, LocalId};

/// What is known of a variable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    One(Symbol),
    Many,
}

/// What is known of each local.
pub(super) struct Values {
    pub(super) all: IdVec<LocalId, Option<Value>>,
    /// What the block at hand has assigned so far: it holds there, whatever other blocks assign.
    pub(super) here: Vec<(LocalId, Option<Symbol>)>,
    /// What annotations say, for what nothing else is known of.
    pub(super) typed: Vec<(LocalId, Symbol)>,
}

impl Values {
    /// Notes an assignment. Temporaries have one each.
    pub(super) fn assign(&mut self, body: &Body, to: LocalId, found: Option<Symbol>) {
        join(&mut self.all[to], found);
        if body.locals[to].name.is_some() {
            match self.here.iter_mut().find(|(local, _)| *local == to) {
                Some((_, known)) => *known = found,
                None => self.here.push((to, found)),
            }
        }
    }

    pub(super) fn get(&self, local: LocalId) -> Option<Symbol> {
        match self.all[local] {
            Some(Value::One(value)) => Some(value),
            Some(Value::Many) => self.here(local).flatten().or_else(|| self.typed(local)),
            None => self.typed(local),
        }
    }

    fn typed(&self, local: LocalId) -> Option<Symbol> {
        self.typed.iter().find(|(known, _)| *known == local).map(|(_, instance)| *instance)
    }

    pub(super) fn here(&self, local: LocalId) -> Option<Option<Symbol>> {
        self.here.iter().find(|(known, _)| *known == local).map(|(_, value)| *value)
    }
}

pub(super) fn known(values: FxHashMap<Symbol, Value>) -> FxHashMap<Symbol, Symbol> {
    let one = |(name, value)| match value {
        Value::One(value) => Some((name, value)),
        Value::Many => None,
    };
    values.into_iter().filter_map(one).collect()
}

fn join(slot: &mut Option<Value>, found: Option<Symbol>) {
    let new = found.map_or(Value::Many, Value::One);
    *slot = Some(if slot.is_none_or(|old| old == new) { new } else { Value::Many });
}

pub(super) fn merge<K: std::hash::Hash + Eq>(
    values: &mut FxHashMap<K, Value>,
    key: K,
    found: Option<Symbol>,
) {
    let new = found.map_or(Value::Many, Value::One);
    values.entry(key).and_modify(|old| *old = if *old == new { new } else { Value::Many }).or_insert(new);
}
