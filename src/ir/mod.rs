//! Three-address code: what one file does, without its syntax tree.
//!
//! A [`Unit`] is one lowered file: functions as [`Body`]s with a control-flow graph, classes, and interned
//! constants, paths and names. Everything is reached by `u32` ids; nothing borrows. A body keeps, beside its
//! graph, the statements and regions (try, handler, finally, loop, with) its blocks come from, since rules speak
//! of those. It knows no rule and follows no data.

mod body;
mod bound;
mod lower;
mod names;
mod operands;
mod place;
mod print;
mod region;
mod resolve;
mod tuples;
mod unit;
mod values;

pub use body::{
    Arg, ArgKind, Asked, Block, BlockId, Body, BodyKind, Call, CallId, Decorator, Inst, Local, LocalId, Op,
    Param, ParamKind, Rvalue, Stmt, StmtId, StmtKind, Terminator,
};
pub use lower::{MAX_DEPTH, Problem, lower};
pub use names::is_builtin;
pub use operands::{Operands, operands, rvalue_operands};
pub use place::{Const, Operand, PathId, Paths, Place, Step};
pub use print::{print, print_body, print_place};
pub use region::{Handler, Region, RegionId, RegionKind, Try, TryId, With};
pub use unit::{Alias, Class, ClassId, FnId, Unit};
