//! The strings of all files under one numbering.

use crate::base::{Interner, Symbol};
use crate::ir::Unit;

/// Merges the names of `units` in their order. Out: the names, and the symbol of each unit's symbols.
pub(super) fn merge(units: &[&Unit]) -> (Interner, Vec<Vec<Symbol>>) {
    let mut all = Interner::default();
    let sizes = units.iter().map(|unit| unit.names.size());
    let (n, bytes) = sizes.fold((0, 0), |(n, bytes), (more, longer)| (n + more, bytes + longer));
    // At most half of what files name is new. What is not used of that costs next to nothing, to grow copies all.
    all.reserve(n / 2, bytes / 2);
    let maps = units.iter().map(|unit| unit.names.iter().map(|text| all.intern(text)).collect()).collect();
    (all, maps)
}
