//! The strings of all files under one numbering.

use rustc_hash::FxHashMap;

use crate::base::{Interner, Names, Symbol};
use crate::ir::Unit;

/// Merges the names of `units` in their order. Out: the names, and the symbol of each unit's symbols.
pub(super) fn merge(units: &[&Unit]) -> (Interner, Vec<Vec<Symbol>>) {
    let mut all = Interner::default();
    let maps = units.iter().map(|unit| unit.names.iter().map(|text| all.intern(text)).collect()).collect();
    (all, maps)
}

/// The names for reading, and the way back from text to symbol.
pub(super) fn finish(all: Interner) -> (Names, FxHashMap<Box<str>, Symbol>) {
    let names = all.freeze();
    let known = names.iter().enumerate().map(|(index, text)| (text.into(), Symbol::new(index))).collect();
    (names, known)
}
