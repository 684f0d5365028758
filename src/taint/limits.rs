//! The limits of the analysis. They count and never clock; hitting one broadens what is known.

/// Deepest path into a value. Real code rarely stores deeper than `a.b.c.d`.
pub(super) const MAX_DEPTH: usize = 4;
/// Deepest path to a part of what a source gives. Checks of parts of nested JSON must not be taken for checks of others.
pub(super) const MAX_PARTS: usize = 6;
/// Most parts of one value that are told apart; tables of constants are longer and hold no taint.
pub(super) const MAX_FIELDS: usize = 24;
/// Most nodes of what is known of a value without taint where it leaves its function.
pub(super) const MAX_SHAPE: usize = 64;
/// Most origins of one value.
pub(super) const MAX_LABELS: usize = 16;
/// Most origins of a value whose parts are told apart where it is passed as a whole.
pub(super) const MAX_TOLD: usize = 6;
/// Most visits of one block before what it is given is taken as final.
pub(super) const MAX_VISITS: u32 = 4;
/// Most rounds over functions that call each other.
pub(super) const MAX_ROUNDS: u32 = 4;
/// Most functions that call each other of which each is summarized for those parameters that a call gives taint.
pub(super) const MAX_APART: usize = 4;
/// Most instructions of a function that gets a summary for the constants of one call; a quarter of that where the call
/// stands in one that was made so itself.
pub(super) const MAX_SPECIAL: usize = 240;
/// Most instructions of such a function where only what it returns depends on the constants.
pub(super) const MAX_VARYING: usize = 40;
/// Most ways from a parameter to sinks of one kind that one function hands up.
pub(super) const MAX_REACHES: usize = 32;
/// Most methods that one call may run by the class of its receiver.
pub(super) const MAX_OVERRIDES: usize = 8;
/// Most hops of a trace.
pub(super) const MAX_HOPS: usize = 30;
/// Most rounds over functions that read cells.
pub(super) const MAX_CELL_ROUNDS: u32 = 2;
/// Most instructions of a body; generated tables are longer.
pub(super) const MAX_INSTS: usize = 20_000;
