//! Questions about one body's control and data flow, answered from its three-address code.
//!
//! In: a [`crate::ir::Body`]. Out: its graph, dominators, who defines and who reads a local, where paths lead.
//! It knows neither rules nor what any name means.

mod defs;
mod dominance;
mod graph;
mod liveness;
mod paths;
mod solver;

pub use defs::{Def, MAX_CHAIN, Uses, defined, definitions, end_reads, is_read_after};
pub use dominance::{Dominators, dominators, post_dominators};
pub use graph::{Cfg, Edge, Point, may_raise};
pub use liveness::Liveness;
pub use paths::{Exit, Step, walk};
pub use solver::{Analysis, Lattice, solve};
