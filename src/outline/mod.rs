//! One file's names: which scope binds what, where imports lead, what the module is called.
//!
//! In: statements. Out: for every module, class and function scope the names it binds. It evaluates nothing:
//! what a variable holds is found by `ir::resolve`.

mod bindings;
mod module;

pub use bindings::{Binding, Outline, Scope, ScopeId, ScopeKind, build};
pub use module::module_name;
