//! The state of lowering one body, and the few ways to add to it.

use rustc_hash::FxHashMap;

use crate::base::{IdVec, Symbol, exact};
use crate::ir::lower::{Problem, Room, Shared};
use crate::ir::{
    Block, BlockId, Body, BodyKind, Const, FnId, Inst, Local, LocalId, Op, Operand, Region, RegionId,
    RegionKind, Rvalue, Stmt, StmtId, StmtKind, Terminator,
};
use crate::outline::ScopeId;
use crate::python::ast;
use crate::text::Span;

/// What a jump out of the current place has to pass.
pub(super) enum Frame<'t> {
    /// A loop, the target of `break` and `continue`.
    Loop { next: BlockId, after: BlockId },
    /// A `finally` block, to be lowered on the way.
    Finally { block: &'t [ast::Stmt], of: crate::ir::TryId, outside: Outside },
    /// A `with` block, to be left on the way.
    With { region: RegionId, outside: Outside },
}

/// Region and unwinding around a statement.
#[derive(Clone, Copy)]
pub(super) struct Outside {
    pub(super) region: RegionId,
    pub(super) unwind: Option<BlockId>,
}

pub(super) struct Builder<'s, 'a, 't> {
    pub(super) shared: &'s mut Shared<'a>,
    pub(super) id: FnId,
    pub(super) body: Body,
    pub(super) scope: ScopeId,
    pub(super) locals: FxHashMap<Symbol, LocalId>,
    /// Targets of the comprehensions around the current expression, innermost last.
    pub(super) overlays: Vec<(Symbol, LocalId)>,
    pub(super) frames: Vec<Frame<'t>>,
    current: BlockId,
    /// Whether the current block has its end, so that what follows it needs a new, unreachable one.
    closed: bool,
    /// Names already looked up.
    pub(super) globals: FxHashMap<Symbol, Symbol>,
    pub(super) here: Outside,
    pub(super) stmt: StmtId,
    pub(super) depth: u32,
    pub(super) finally_copies: u32,
}

impl<'s, 'a, 't> Builder<'s, 'a, 't> {
    pub(super) fn new(
        shared: &'s mut Shared<'a>,
        kind: BodyKind,
        id: FnId,
        scope: ScopeId,
        name: Symbol,
        span: Span,
    ) -> Self {
        let entry = BlockId::new(0);
        let root = RegionId::new(0);
        let room = shared.spare.bodies.pop().unwrap_or_default();
        let mut body = Body {
            kind,
            name,
            span,
            name_span: Span::empty(span.start),
            class: None,
            parent: None,
            decorators: Vec::new(),
            params: Vec::new(),
            locals: room.locals,
            blocks: room.blocks,
            calls: room.calls,
            stmts: room.stmts,
            regions: room.regions,
            tries: IdVec::new(),
            docstring: None,
            returns: None,
            typed: Vec::new(),
            casts: Vec::new(),
            asked: Vec::new(),
            keys: Vec::new(),
            key_names: Vec::new(),
            stores: false,
            globals: Box::default(),
        };
        let head = Span::empty(span.start);
        body.regions.push(Region { kind: RegionKind::Body, parent: None, span, head, block: span, entry });
        body.blocks.push(Block {
            insts: Vec::new(),
            end: Terminator::Unreachable,
            unwind: None,
            region: root,
        });
        let stmt = body.stmts.push(Stmt { kind: StmtKind::Definition, span: head, region: root });
        Self {
            shared,
            id,
            body,
            scope,
            locals: FxHashMap::default(),
            overlays: Vec::new(),
            frames: Vec::new(),
            current: entry,
            closed: false,
            globals: FxHashMap::default(),
            here: Outside { region: root, unwind: None },
            stmt,
            depth: 0,
            finally_copies: 0,
        }
    }

    /// Ends the body with an implicit `return None` and stores it.
    pub(super) fn finish(mut self) {
        self.end(Terminator::Return(Operand::Const(Const::None)));
        let Body { locals, blocks, calls, stmts, regions, .. } = &mut self.body;
        for block in blocks.iter_mut().filter(|block| block.insts.capacity() > 0) {
            let insts = exact(&mut block.insts);
            self.shared.spare.insts.push(std::mem::replace(&mut block.insts, insts));
        }
        let (own_locals, own_blocks) = (locals.take_exact(), blocks.take_exact());
        let (own_calls, own_stmts, own_regions) =
            (calls.take_exact(), stmts.take_exact(), regions.take_exact());
        self.shared.spare.bodies.push(Room {
            locals: std::mem::replace(locals, own_locals),
            blocks: std::mem::replace(blocks, own_blocks),
            calls: std::mem::replace(calls, own_calls),
            stmts: std::mem::replace(stmts, own_stmts),
            regions: std::mem::replace(regions, own_regions),
        });
        self.shared.bodies[self.id] = Some(self.body);
    }

    /// Notes the docstring of a block.
    pub(super) fn docstring(&mut self, block: &[ast::Stmt]) {
        if let Some(ast::Stmt::Expr(first)) = block.first()
            && first.value.is_string_literal_expr()
        {
            self.body.docstring = Some(crate::python::span(first));
        }
    }

    pub(super) fn intern(&mut self, text: &str) -> Symbol {
        self.shared.names.intern(text)
    }

    pub(super) fn problem(&mut self, span: Span, message: &'static str) {
        self.shared.problems.push(Problem { span, message });
    }

    /// A new, empty block with the current region and unwinding.
    pub(super) fn new_block(&mut self) -> BlockId {
        let Outside { region, unwind } = self.here;
        self.body.blocks.push(Block { insts: Vec::new(), end: Terminator::Unreachable, unwind, region })
    }

    /// The block that takes the next instruction.
    pub(super) fn current(&mut self) -> BlockId {
        if self.closed {
            self.current = self.new_block();
            self.closed = false;
        }
        self.current
    }

    /// Sets the end of the current block; what follows cannot be reached until [`Builder::enter`].
    pub(super) fn end(&mut self, end: Terminator) {
        if !self.closed {
            self.body.blocks[self.current].end = end;
            self.closed = true;
        }
    }

    /// Ends the current block with a jump to `to`.
    pub(super) fn goto(&mut self, to: BlockId) {
        self.end(Terminator::Goto(to));
    }

    /// Goes on in `block`.
    pub(super) fn enter(&mut self, block: BlockId) {
        self.current = block;
        self.closed = false;
    }

    /// Ends the current block with a jump to `to`, and goes on there.
    pub(super) fn flow_into(&mut self, to: BlockId) {
        self.goto(to);
        self.enter(to);
    }

    /// A new region inside the current one, which it replaces; its entry block takes the current unwinding.
    pub(super) fn open_region(
        &mut self,
        kind: RegionKind,
        span: Span,
        head: Span,
        block: &[ast::Stmt],
    ) -> RegionId {
        let block_span = match (block.first(), block.last()) {
            (Some(first), Some(last)) => crate::python::span(first).to(crate::python::span(last)),
            _ => Span::empty(span.end),
        };
        let id = self.body.regions.next_id();
        let parent = Some(std::mem::replace(&mut self.here.region, id));
        let entry = self.new_block();
        self.body.regions.push(Region { kind, parent, span, head, block: block_span, entry })
    }

    pub(super) fn emit(&mut self, op: Op, span: Span) {
        let current = self.current();
        let stmt = self.stmt;
        self.body.stores |= matches!(op, Op::Store(..));
        let insts = &mut self.body.blocks[current].insts;
        if insts.capacity() == 0
            && let Some(spare) = self.shared.spare.insts.pop()
        {
            *insts = spare;
        }
        insts.push(Inst { op, span, stmt });
    }

    /// A new temporary for the expression at `span`.
    pub(super) fn temp(&mut self, span: Span) -> LocalId {
        self.body.locals.push(Local { name: None, span, value: None })
    }

    /// `value` in `want`, or in a new temporary.
    pub(super) fn put(&mut self, value: Rvalue, span: Span, want: Option<LocalId>) -> Operand {
        let to = want.unwrap_or_else(|| self.temp(span));
        self.emit(Op::Let(to, value), span);
        Operand::Local(to)
    }

    /// `operand` as a local that no later assignment changes.
    pub(super) fn hold(&mut self, operand: Operand, span: Span) -> LocalId {
        match operand {
            Operand::Local(local) if self.body.locals[local].name.is_none() => local,
            Operand::Local(_) | Operand::Const(_) | Operand::Global(_) => {
                let to = self.temp(span);
                self.emit(Op::Let(to, Rvalue::Use(operand)), span);
                to
            }
        }
    }

    /// The local variable called `name`, made at its first mention.
    pub(super) fn local(&mut self, name: Symbol, span: Span) -> LocalId {
        if let Some(&known) = self.locals.get(&name) {
            return known;
        }
        let local = self.body.locals.push(Local { name: Some(name), span, value: None });
        self.locals.insert(name, local);
        local
    }
}
