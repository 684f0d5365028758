//! What every layer stands on and what knows no Python: typed ids, arenas, the interner.

mod ids;
mod interner;

pub use ids::{IdVec, exact};
pub use interner::{Interner, Names, Symbol};
