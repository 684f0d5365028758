//! Statements that decide where control goes, and the dispatch over all statements.

use crate::ir::lower::MAX_DEPTH;
use crate::ir::lower::builder::{Builder, Frame};
use crate::ir::{BodyKind, Const, Op, Operand, Place, RegionKind, Rvalue, Stmt, StmtKind, Terminator};
use crate::python::{ast, span};
use crate::text::Span;

impl<'t> Builder<'_, '_, 't> {
    /// Lowers the statements of a block, in the current region.
    pub(super) fn block_of(&mut self, block: &'t [ast::Stmt]) {
        if self.depth >= MAX_DEPTH {
            if let Some(first) = block.first() {
                self.problem(span(first), "nested too deeply: the block is skipped");
            }
            return;
        }
        self.depth += 1;
        let outer = self.stmt;
        for stmt in block {
            self.statement(stmt);
        }
        self.stmt = outer;
        self.depth -= 1;
    }

    fn statement(&mut self, stmt: &'t ast::Stmt) {
        let kind = kind(stmt);
        let region = self.here.region;
        self.stmt = self.body.stmts.push(Stmt { kind, span: span(stmt), region });
        match stmt {
            ast::Stmt::Expr(expr) => {
                if kind != StmtKind::Pass {
                    self.expr(&expr.value);
                }
            }
            ast::Stmt::Assign(assign) => {
                self.assign(assign);
                if let [target] = &assign.targets[..] {
                    self.note_alias(target, &assign.value, false);
                }
            }
            ast::Stmt::AugAssign(assign) => self.aug_assign(assign),
            ast::Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.assign_expr(&assign.target, value);
                    let is_alias = self.is_typing(&assign.annotation, "TypeAlias");
                    self.note_alias(&assign.target, value, is_alias);
                }
                self.note_type(&assign.target, &assign.annotation);
            }
            ast::Stmt::Delete(delete) => self.delete(&delete.targets),
            ast::Stmt::Return(give) => {
                let value = give.value.as_ref().map_or(Operand::Const(Const::None), |value| self.expr(value));
                let value = if self.frames.is_empty() { value } else { self.keep(value, span(give)) };
                self.leave_to(0);
                self.end(Terminator::Return(value));
            }
            ast::Stmt::Raise(raise) => self.raise(raise),
            ast::Stmt::Assert(assert) => self.assert(assert),
            ast::Stmt::If(branch) => self.branch(branch),
            ast::Stmt::While(repeat) => self.while_loop(repeat),
            ast::Stmt::For(each) => self.for_loop(each),
            ast::Stmt::Break(_) => self.jump(|next_after| next_after.1),
            ast::Stmt::Continue(_) => self.jump(|next_after| next_after.0),
            ast::Stmt::Try(attempt) => self.try_statement(attempt),
            ast::Stmt::With(with) => self.with_statement(with, 0),
            ast::Stmt::Match(choice) => self.match_statement(choice),
            ast::Stmt::FunctionDef(def) => self.function(def),
            ast::Stmt::ClassDef(def) => self.class(def),
            ast::Stmt::Import(_) | ast::Stmt::ImportFrom(_) => self.import(span(stmt)),
            ast::Stmt::TypeAlias(alias) => {
                self.annotated_calls(Some(&alias.value));
                self.note_alias(&alias.name, &alias.value, true);
            }
            ast::Stmt::Global(_) | ast::Stmt::Nonlocal(_) => {}
            ast::Stmt::Pass(_) | ast::Stmt::IpyEscapeCommand(_) => {}
        }
    }

    /// A value that `finally` blocks on the way out cannot change.
    fn keep(&mut self, value: Operand, at: Span) -> Operand {
        match value {
            Operand::Const(_) => value,
            Operand::Local(_) | Operand::Global(_) => Operand::Local(self.hold(value, at)),
        }
    }

    /// Imports may raise; what they bind is known to the outline.
    fn import(&mut self, at: Span) {
        let to = self.temp(at);
        self.emit(Op::Let(to, Rvalue::Opaque(Box::default())), at);
    }

    fn raise(&mut self, raise: &'t ast::StmtRaise) {
        let exception = raise.exc.as_ref().map(|exception| self.expr(exception));
        let cause = raise.cause.as_ref().map(|cause| self.expr(cause));
        self.end(Terminator::Raise { exception, cause, span: span(raise) });
    }

    fn assert(&mut self, assert: &'t ast::StmtAssert) {
        let (holds, fails) = (self.new_block(), self.new_block());
        self.condition(&assert.test, holds, fails);
        self.enter(fails);
        if let Some(message) = &assert.msg {
            self.expr(message);
        }
        let error = Operand::Global(self.intern("AssertionError"));
        self.end(Terminator::Raise { exception: Some(error), cause: None, span: span(assert) });
        self.enter(holds);
    }

    fn branch(&mut self, branch: &'t ast::StmtIf) {
        let after = self.new_block();
        let outside = self.here;
        let mut test = Some(branch.test.as_ref());
        let mut block = &branch.body;
        let mut at = span(branch);
        let mut clauses = branch.elif_else_clauses.iter();
        loop {
            let no = test.map(|_| self.new_block());
            if let (Some(test), Some(no)) = (test, no) {
                let from = self.current();
                let head = Span::new(at.start, span(test).end);
                let region = self.open_region(RegionKind::Branch, at, head, block);
                self.here.region = outside.region;
                self.enter(from);
                let yes = self.body.regions[region].entry;
                self.condition(test, yes, no);
                self.enter(yes);
                self.here.region = region;
            } else {
                let from = self.current();
                let region = self.open_region(RegionKind::Branch, at, Span::empty(at.start), block);
                self.enter(from);
                self.flow_into(self.body.regions[region].entry);
            }
            self.block_of(block);
            self.goto(after);
            self.here = outside;
            let Some(no) = no else { break };
            self.enter(no);
            let Some(clause) = clauses.next() else {
                self.goto(after);
                break;
            };
            (test, block, at) = (clause.test.as_ref(), &clause.body, span(clause));
        }
        self.enter(after);
    }

    fn while_loop(&mut self, repeat: &'t ast::StmtWhile) {
        let outside = self.here;
        let head = Span::new(span(repeat).start, span(repeat.test.as_ref()).end);
        let (header, body, after) = self.open_loop(false, span(repeat), head, &repeat.body);
        let otherwise = self.new_block();
        self.enter(header);
        self.condition(&repeat.test, body, otherwise);
        self.loop_body(&repeat.body, None, [header, body, after]);
        self.here = outside;
        self.enter(otherwise);
        self.block_of(&repeat.orelse);
        self.flow_into(after);
    }

    fn for_loop(&mut self, each: &'t ast::StmtFor) {
        let outside = self.here;
        let source = self.expr(&each.iter);
        let head = Span::new(span(each).start, span(each.iter.as_ref()).end);
        let after = self.new_block();
        let (header, body, otherwise) = self.open_loop(true, span(each), head, &each.body);
        self.loop_body(&each.body, Some((&each.target, source)), [header, body, after]);
        self.here = outside;
        self.enter(otherwise);
        self.block_of(&each.orelse);
        self.flow_into(after);
    }

    fn loop_body(
        &mut self,
        block: &'t [ast::Stmt],
        target: Option<(&'t ast::Expr, Operand)>,
        [header, body, after]: [crate::ir::BlockId; 3],
    ) {
        self.enter(body);
        self.frames.push(Frame::Loop { next: header, after });
        if let Some((target, source)) = target {
            let item = self.put(Rvalue::Next(source), span(target), None);
            self.store(target, item);
        }
        self.block_of(block);
        self.frames.pop();
        self.goto(header);
    }

    /// `break` or `continue`: to the innermost loop, through what lies between.
    fn jump(&mut self, to: impl Fn((crate::ir::BlockId, crate::ir::BlockId)) -> crate::ir::BlockId) {
        let found = self.frames.iter().enumerate().rev().find_map(|(i, frame)| match frame {
            Frame::Loop { next, after } => Some((i, (*next, *after))),
            Frame::Finally { .. } | Frame::With { .. } => None,
        });
        match found {
            Some((depth, targets)) => {
                self.leave_to(depth + 1);
                self.goto(to(targets));
            }
            None => self.end(Terminator::Unreachable), // a syntax error in Python
        }
    }

    /// Stores a function or class under the name it is defined by.
    pub(super) fn define(&mut self, name: &ast::Identifier, value: Rvalue) {
        let at = span(name);
        match self.name(&name.id, at) {
            Operand::Local(local) => self.emit(Op::Let(local, value), at),
            other => {
                let value = self.put(value, at, None);
                self.emit(Op::Store(Place::bare(other), value), at);
            }
        }
    }

    /// Whether this body is a class block, whose variables are attributes.
    pub(super) fn is_class(&self) -> bool {
        self.body.kind == BodyKind::Class
    }
}

fn kind(stmt: &ast::Stmt) -> StmtKind {
    match stmt {
        ast::Stmt::Expr(expr) => match expr.value.as_ref() {
            ast::Expr::StringLiteral(_) | ast::Expr::EllipsisLiteral(_) => StmtKind::Pass,
            _ => StmtKind::Expr,
        },
        ast::Stmt::Assign(_) | ast::Stmt::AugAssign(_) | ast::Stmt::AnnAssign(_) => StmtKind::Assign,
        ast::Stmt::Return(_) => StmtKind::Return,
        ast::Stmt::Raise(_) => StmtKind::Raise,
        ast::Stmt::Pass(_) | ast::Stmt::IpyEscapeCommand(_) => StmtKind::Pass,
        ast::Stmt::Break(_) => StmtKind::Break,
        ast::Stmt::Continue(_) => StmtKind::Continue,
        ast::Stmt::Delete(_) => StmtKind::Delete,
        ast::Stmt::Assert(_) => StmtKind::Assert,
        ast::Stmt::If(_) => StmtKind::If,
        ast::Stmt::For(_) => StmtKind::For,
        ast::Stmt::While(_) => StmtKind::While,
        ast::Stmt::With(_) => StmtKind::With,
        ast::Stmt::Try(_) => StmtKind::Try,
        ast::Stmt::Match(_) => StmtKind::Match,
        ast::Stmt::FunctionDef(_) | ast::Stmt::ClassDef(_) => StmtKind::Definition,
        ast::Stmt::Import(_) | ast::Stmt::ImportFrom(_) => StmtKind::Import,
        ast::Stmt::Global(_) | ast::Stmt::Nonlocal(_) | ast::Stmt::TypeAlias(_) => StmtKind::Declaration,
    }
}
