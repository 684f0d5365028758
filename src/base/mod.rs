//! What every layer stands on and what knows no Python: typed ids, arenas, the interner, components of graphs, words of names.

mod components;
mod ids;
mod interner;
mod words;

pub use components::components;
pub use ids::{IdVec, exact};
pub use interner::{Interner, Names, Symbol};
pub use words::words;
