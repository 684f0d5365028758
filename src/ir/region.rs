//! The syntactic regions that blocks lie in, as a tree.

use crate::base::Symbol;
use crate::define_id;
use crate::ir::{BlockId, CallId, LocalId, Operand};
use crate::text::Span;

define_id!(/// A region of one body; 0 is the whole body.
    RegionId);
define_id!(/// A `try` statement of one body.
    TryId);

/// What a region is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RegionKind {
    /// The whole body.
    Body,
    /// The block of a `try`.
    Try(TryId),
    /// An `except` clause.
    Handler(Handler),
    /// The `else` block of a `try`.
    Else(TryId),
    /// A `finally` block. Lowered once per way out, so several regions may share a span.
    Finally(TryId),
    /// The block of a `for` (with the iterated local) or `while` loop, its header included.
    Loop {
        /// Whether it is a `for`.
        is_for: bool,
    },
    /// The block of one `with` item.
    With(With),
    /// A branch of `if` or a case of `match`.
    Branch,
}

/// A region: the statements of one block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Region {
    /// What it is.
    pub kind: RegionKind,
    /// The region around it; `None` for the body alone.
    pub parent: Option<RegionId>,
    /// From the clause's keyword to the end of its block.
    pub span: Span,
    /// The clause's head, up to its colon: `except ValueError as error`, `for x in y`, `with a as b`, `try`.
    pub head: Span,
    /// The block's statements, first to last.
    pub block: Span,
    /// Where control enters it.
    pub entry: BlockId,
}

/// What an `except` clause catches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handler {
    /// The statement it belongs to.
    pub of: TryId,
    /// Resolved names of the exception classes; the text of the expression where it has none. Empty when bare.
    pub types: Vec<Symbol>,
    /// Span of the type expression; `None` when bare.
    pub types_span: Option<Span>,
    /// What `as` binds: a local, or a global at module level.
    pub name: Option<Operand>,
}

/// One item of a `with` statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct With {
    /// The call that makes the context manager, if it is a call.
    pub call: Option<CallId>,
    /// The context manager.
    pub manager: LocalId,
    /// Span of the context expression.
    pub item: Span,
    /// Whether leaving normally raises the exception that was being handled (`save_and_reraise_exception`).
    pub reraises: bool,
    /// Whether it may swallow exceptions of its block (`contextlib.suppress`).
    pub suppresses: bool,
}

/// A `try` statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Try {
    /// The whole statement.
    pub span: Span,
    /// The region of its block.
    pub body: RegionId,
    /// The regions of its handlers, in order.
    pub handlers: Vec<RegionId>,
    /// Whether it has an `else` block.
    pub has_else: bool,
    /// Span of the `finally` block, if any.
    pub finally: Option<Span>,
}
