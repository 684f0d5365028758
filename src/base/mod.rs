//! What every layer stands on and what knows no Python: typed ids, arenas, the interner, words of names.

mod ids;
mod interner;
mod words;

pub use ids::{IdVec, exact};
pub use interner::{Interner, Names, Symbol};
pub use words::words;
