//! One function, class or module body: locals, instructions, blocks.

use crate::base::{IdVec, Symbol};
use crate::define_id;
use crate::ir::{ClassId, Const, FnId, Operand, Place, Region, RegionId, Try, TryId};
use crate::text::Span;

define_id!(/// A basic block of one body; 0 is the entry.
    BlockId);
define_id!(/// A local variable or temporary of one body; parameters come first.
    LocalId);
define_id!(/// A call of one body.
    CallId);
define_id!(/// A statement of one body, in source order; `finally` blocks repeat.
    StmtId);

/// What a body belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyKind {
    /// A file's top level.
    Module,
    /// The block of a `class` statement.
    Class,
    /// A `def`.
    Function {
        /// `async def`.
        is_async: bool,
        /// Contains `yield`.
        is_generator: bool,
    },
    /// A `lambda`.
    Lambda,
}

/// The code of a module, class, function or lambda.
pub struct Body {
    /// What it belongs to.
    pub kind: BodyKind,
    /// Absolute dotted name; the module's own for the top level.
    pub name: Symbol,
    /// The whole definition, decorators excluded.
    pub span: Span,
    /// The defined name, or the `lambda` keyword; empty for modules.
    pub name_span: Span,
    /// The class whose block holds this function.
    pub class: Option<ClassId>,
    /// The body around it.
    pub parent: Option<FnId>,
    /// Decorators, top to bottom.
    pub decorators: Vec<Decorator>,
    /// Parameters in order.
    pub params: Vec<Param>,
    /// Locals; parameters first.
    pub locals: IdVec<LocalId, Local>,
    /// Blocks.
    pub blocks: IdVec<BlockId, Block>,
    /// Calls.
    pub calls: IdVec<CallId, Call>,
    /// Statements.
    pub stmts: IdVec<StmtId, Stmt>,
    /// Regions.
    pub regions: IdVec<RegionId, Region>,
    /// `try` statements.
    pub tries: IdVec<TryId, Try>,
    /// The docstring's span, if any.
    pub docstring: Option<Span>,
    /// Resolved name of the return annotation, as for [`Param::annotation`].
    pub returns: Option<Symbol>,
    /// Whether it stores into something else than its locals.
    pub stores: bool,
    /// Locals with the classes that annotations give them.
    pub typed: Vec<(LocalId, Symbol)>,
    /// Calls that say of which class a value is, with that: `cast(Store, found)`.
    pub casts: Vec<(CallId, Symbol)>,
    /// Calls that ask whether a local is of a class: `isinstance(found, Store)`.
    pub asked: Vec<Asked>,
    /// The locals that elements are read or written by, sorted.
    pub keys: Vec<LocalId>,
    /// What else elements are read or written by, as in [`Operand::Global`].
    pub key_names: Vec<Symbol>,
    /// What it reads or writes that lives outside of it, as in [`Operand::Global`]; each once, sorted.
    pub globals: Box<[Symbol]>,
}

/// Whether a local is of a class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asked {
    /// The local that holds the answer.
    pub answer: LocalId,
    /// The local that is asked of.
    pub local: LocalId,
    /// The class.
    pub of: Symbol,
}

/// A decorator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decorator {
    /// The expression, without `@`.
    pub span: Span,
    /// Resolved name of the decorator, or of the function called to make it.
    pub name: Option<Symbol>,
}

/// How a parameter takes arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParamKind {
    /// Before `/`.
    PositionalOnly,
    /// The usual kind.
    Positional,
    /// `*args`.
    Star,
    /// After `*`.
    KeywordOnly,
    /// `**kwargs`.
    DoubleStar,
}

/// A parameter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Param {
    /// Its local, which has its name and span.
    pub local: LocalId,
    /// How it takes arguments.
    pub kind: ParamKind,
    /// Resolved name of its annotation; for `Optional[X]`, `X | None` and `"X"` that of `X`.
    pub annotation: Option<Symbol>,
    /// The default, when it is a literal.
    pub default: Option<Const>,
    /// Value path of the default, when it has one.
    pub named_default: Option<Symbol>,
    /// Whether there is a default at all.
    pub has_default: bool,
}

/// A local variable, or a temporary when it has no name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Local {
    /// Its name in the source.
    pub name: Option<Symbol>,
    /// Where it is first bound; for temporaries, the expression.
    pub span: Span,
    /// Path of the value it holds, where every assignment agrees: `subprocess.Popen()`, `os.path`.
    pub value: Option<Symbol>,
}

/// Instructions that run in order, then a [`Terminator`].
#[derive(Debug)]
pub struct Block {
    /// The instructions.
    pub insts: Vec<Inst>,
    /// Where control goes afterwards.
    pub end: Terminator,
    /// Where it goes, from before any instruction that may raise; `None` leaves the body.
    pub unwind: Option<BlockId>,
    /// The innermost region.
    pub region: RegionId,
}

/// An instruction and the source it comes from.
#[derive(Debug)]
pub struct Inst {
    /// What it does.
    pub op: Op,
    /// The expression or target.
    pub span: Span,
    /// Its statement.
    pub stmt: StmtId,
}

/// What an instruction does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Op {
    /// `local = value`
    Let(LocalId, Rvalue),
    /// `place = value`, through an attribute, item or global.
    Store(Place, Operand),
    /// `local = call`
    Call(LocalId, CallId),
    /// `del place`
    Delete(Place),
    /// `local = await value`
    Await(LocalId, Operand),
    /// `local = yield value`; from a delegate when the flag is set.
    Yield(LocalId, Operand, bool),
    /// Leaves the `with` block of this region (calls `__exit__`).
    Exit(RegionId),
}

use crate::python::ast::{CmpOp, Operator, UnaryOp};

/// How a value is made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rvalue {
    /// A copy.
    Use(Operand),
    /// What a place holds.
    Load(Place),
    /// `a + b`
    Binary(Operator, Operand, Operand),
    /// `-a`, `not a`
    Unary(UnaryOp, Operand),
    /// `a < b`, `a in b`, `a is b`
    Compare(CmpOp, Operand, Operand),
    /// An f-string: its pieces in order.
    Format(Box<[Operand]>),
    /// `value[low:high]`
    Slice(Operand, Box<[Operand]>),
    /// A list display.
    List(Box<[Operand]>),
    /// A tuple display.
    Tuple(Box<[Operand]>),
    /// A set display.
    Set(Box<[Operand]>),
    /// A dict display; the key is `None` for `**value`.
    Dict(Box<[(Option<Operand>, Operand)]>),
    /// An element of what is iterated.
    Next(Operand),
    /// What `__enter__` of the manager returns.
    Enter(Operand),
    /// The exception this handler region caught.
    Caught(RegionId),
    /// A function or lambda.
    Function(FnId),
    /// A class.
    Class(ClassId),
    /// `*value` within a display or call.
    Spread(Operand),
    /// Whether `subject` fits a `match` pattern made of these.
    Matches(Operand, Box<[Operand]>),
    /// Anything else made of these.
    Opaque(Box<[Operand]>),
}

/// Where control goes at the end of a block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Terminator {
    /// To this block.
    Goto(BlockId),
    /// By the truth of a value.
    Branch {
        /// The value.
        on: Operand,
        /// Where truth leads.
        yes: BlockId,
        /// Where falsehood leads.
        no: BlockId,
    },
    /// To the loop's body while there are elements, then on.
    Iterate {
        /// The loop's body.
        body: BlockId,
        /// Where exhaustion leads.
        done: BlockId,
    },
    /// To the first handler that fits; to the block's `unwind` if none does.
    Dispatch {
        /// Entries of the handlers, in order.
        handlers: Box<[BlockId]>,
        /// Whether some handler catches whatever comes.
        catches_all: bool,
    },
    /// Raises; control goes to the block's `unwind`.
    Raise {
        /// The exception; `None` for a bare `raise`, for the end of `finally` and of `with` after an exception.
        exception: Option<Operand>,
        /// What stands after `from`.
        cause: Option<Operand>,
        /// The span of the statement; empty where the raise is implied.
        span: Span,
    },
    /// Returns from the body.
    Return(Operand),
    /// Cannot be reached.
    Unreachable,
}

/// How an argument is passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArgKind {
    /// By position.
    Positional,
    /// By name.
    Keyword(Symbol),
    /// `*value`
    Star,
    /// `**value`
    DoubleStar,
}

/// An argument of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arg {
    /// How it is passed.
    pub kind: ArgKind,
    /// The value.
    pub value: Operand,
    /// The argument's source, its keyword included.
    pub span: Span,
}

/// A call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// What is called.
    pub callee: Place,
    /// Path of the callee where names, imports, assignments and annotations tell it: `subprocess.run`,
    /// `subprocess.Popen().communicate`, `pkg.mod.Class().method`, `open`.
    pub name: Option<Symbol>,
    /// The identifier that the callee ends with, as it is spelled; empty if it ends otherwise.
    pub method: Symbol,
    /// The arguments in order.
    pub args: Box<[Arg]>,
    /// The whole call.
    pub span: Span,
    /// The callee's source.
    pub callee_span: Span,
    /// The parentheses.
    pub args_span: Span,
    /// Its statement.
    pub stmt: StmtId,
    /// The local that takes the result.
    pub to: LocalId,
    /// Block of the call.
    pub block: BlockId,
}

/// What kind of statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StmtKind {
    /// An expression for its effect.
    Expr,
    /// Assignment of any form.
    Assign,
    /// `return`
    Return,
    /// `raise`
    Raise,
    /// `pass`, `...`, or a docstring.
    Pass,
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `del`
    Delete,
    /// `assert`
    Assert,
    /// `if`
    If,
    /// `for`
    For,
    /// `while`
    While,
    /// `with`
    With,
    /// `try`
    Try,
    /// `match`
    Match,
    /// `def` or `class`
    Definition,
    /// `import`
    Import,
    /// `global`, `nonlocal`, `type`
    Declaration,
}

/// A statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stmt {
    /// What kind.
    pub kind: StmtKind,
    /// The whole statement, its blocks included.
    pub span: Span,
    /// The innermost region it stands in.
    pub region: RegionId,
}

impl Body {
    /// The block where control enters.
    #[must_use]
    pub fn entry(&self) -> BlockId {
        BlockId::new(0)
    }

    /// The region of the whole body.
    #[must_use]
    pub fn root(&self) -> RegionId {
        RegionId::new(0)
    }

    /// Whether `inner` is `outer` or lies in it.
    #[must_use]
    pub fn is_within(&self, inner: RegionId, outer: RegionId) -> bool {
        self.enclosing(inner).any(|region| region == outer)
    }

    /// `region` and the regions around it, innermost first.
    pub fn enclosing(&self, region: RegionId) -> impl Iterator<Item = RegionId> + '_ {
        std::iter::successors(Some(region), |&at| self.regions[at].parent)
    }

    /// The statements that stand directly in `region`.
    pub fn stmts_in(&self, region: RegionId) -> impl Iterator<Item = (StmtId, &Stmt)> + '_ {
        self.stmts.pairs().filter(move |(_, stmt)| stmt.region == region)
    }

    /// The local that is or begins `operand`'s value when it is a parameter.
    #[must_use]
    pub fn param(&self, local: LocalId) -> Option<&Param> {
        self.params.iter().find(|param| param.local == local)
    }

    /// What gives a local its value, if that is one instruction.
    #[must_use]
    pub fn only_def(&self, local: LocalId) -> Option<&Op> {
        let insts = self.blocks.iter().flat_map(|block| &block.insts);
        let mut all = insts.map(|inst| &inst.op).filter(|op| match op {
            Op::Let(to, _) | Op::Call(to, _) | Op::Await(to, _) | Op::Yield(to, ..) => *to == local,
            Op::Store(..) | Op::Delete(_) | Op::Exit(_) => false,
        });
        all.next().filter(|_| all.next().is_none())
    }
}

impl Block {
    /// The blocks that may follow by ordinary control, in order.
    pub fn successors(&self) -> impl Iterator<Item = BlockId> + '_ {
        let (first, rest): ([Option<BlockId>; 2], &[BlockId]) = match &self.end {
            Terminator::Goto(to) => ([Some(*to), None], &[]),
            Terminator::Branch { yes, no, .. } => ([Some(*yes), Some(*no)], &[]),
            Terminator::Iterate { body, done } => ([Some(*body), Some(*done)], &[]),
            Terminator::Dispatch { handlers, .. } => ([None, None], handlers),
            Terminator::Raise { .. } | Terminator::Return(_) | Terminator::Unreachable => ([None, None], &[]),
        };
        first.into_iter().flatten().chain(rest.iter().copied())
    }
}

impl Call {
    /// The argument passed by position `index`, as far as no `*` comes before it.
    #[must_use]
    pub fn positional(&self, index: usize) -> Option<&Arg> {
        let mut seen = 0;
        for arg in &self.args {
            match arg.kind {
                ArgKind::Positional if seen == index => return Some(arg),
                ArgKind::Positional => seen += 1,
                ArgKind::Star => return None,
                ArgKind::Keyword(_) | ArgKind::DoubleStar => {}
            }
        }
        None
    }

    /// The argument passed by the name `name`.
    #[must_use]
    pub fn keyword(&self, name: Symbol) -> Option<&Arg> {
        self.args.iter().find(|arg| arg.kind == ArgKind::Keyword(name))
    }

    /// Whether `*` or `**` may pass arguments that are not seen.
    #[must_use]
    pub fn has_spread(&self) -> bool {
        self.args.iter().any(|arg| matches!(arg.kind, ArgKind::Star | ArgKind::DoubleStar))
    }
}
