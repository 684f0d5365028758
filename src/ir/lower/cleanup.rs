//! `try`, `finally` and `with`: what runs on every way out.
//!
//! `finally` is lowered once per way out, so that after it control knows where it was going. A `with` block is
//! left by [`Op::Exit`] on both ways.

use crate::ir::lower::MAX_FINALLY_COPIES;
use crate::ir::lower::builder::{Builder, Frame};
use crate::ir::names::{RERAISE, SUPPRESS};
use crate::ir::{BlockId, CallId, Handler, Op, RegionId, RegionKind, Rvalue, Terminator, Try, TryId, With};
use crate::python::{ast, span};
use crate::text::Span;
use ast::ExceptHandler::ExceptHandler;

impl<'t> Builder<'_, '_, 't> {
    pub(super) fn try_statement(&mut self, attempt: &'t ast::StmtTry) {
        let outside = self.here;
        let of = self.body.tries.push(Try {
            span: span(attempt),
            body: outside.region,
            handlers: Vec::new(),
            has_else: !attempt.orelse.is_empty(),
            finally: block_span(&attempt.finalbody),
        });
        let after = self.new_block();
        let has_finally = !attempt.finalbody.is_empty();
        if has_finally {
            // An exception that no handler takes runs the block, then goes on its way.
            let landing = self.new_block();
            self.here.unwind = Some(landing);
            self.frames.push(Frame::Finally { block: &attempt.finalbody, of, outside });
        }
        let guarded = self.here;
        let dispatch = self.new_block();
        self.here.unwind = if attempt.handlers.is_empty() { guarded.unwind } else { Some(dispatch) };
        let head = Span::new(span(attempt).start, span(attempt).start + 3);
        let region = self.open_region(RegionKind::Try(of), span(attempt), head, &attempt.body);
        self.body.tries[of].body = region;
        self.flow_into(self.body.regions[region].entry);
        self.block_of(&attempt.body);
        self.here = guarded;
        if !attempt.orelse.is_empty() {
            let at = block_span(&attempt.orelse).unwrap_or(head);
            let region = self.open_region(RegionKind::Else(of), at, Span::empty(at.start), &attempt.orelse);
            self.flow_into(self.body.regions[region].entry);
            self.block_of(&attempt.orelse);
            self.here = guarded;
        }
        self.goto(after);
        self.handlers(attempt, of, dispatch, after);
        self.here = outside;
        if has_finally {
            self.frames.pop();
            if let Some(landing) = guarded.unwind {
                self.enter(landing);
                self.finally_copy(&attempt.finalbody, of);
                self.end(Terminator::Raise {
                    exception: None,
                    cause: None,
                    span: Span::empty(span(attempt).end),
                });
            }
            self.enter(after);
            self.finally_copy(&attempt.finalbody, of);
        } else {
            self.enter(after);
        }
    }

    fn handlers(&mut self, attempt: &'t ast::StmtTry, of: TryId, dispatch: BlockId, after: BlockId) {
        let guarded = self.here;
        let mut entries = Vec::new();
        let mut catches_all = false;
        for ExceptHandler(handler) in &attempt.handlers {
            let types = self.handler_types(handler);
            catches_all |=
                types.is_empty() || types.iter().any(|name| self.shared.names.text(*name) == "BaseException");
            let types_span = handler.type_.as_ref().map(|types| span(types.as_ref()));
            let at = span(handler);
            let head_end =
                handler.name.as_ref().map(span).or(types_span).map_or(at.start + 6, |last| last.end);
            let kind = RegionKind::Handler(Handler { of, types, types_span, name: None });
            let region = self.open_region(kind, at, Span::new(at.start, head_end), &handler.body);
            self.body.tries[of].handlers.push(region);
            let entry = self.body.regions[region].entry;
            entries.push(entry);
            self.enter(entry);
            if let Some(name) = &handler.name {
                let bound = self.name(&name.id, span(name));
                self.define(name, Rvalue::Caught(region));
                if let RegionKind::Handler(handler) = &mut self.body.regions[region].kind {
                    handler.name = Some(bound);
                }
            }
            self.block_of(&handler.body);
            self.goto(after);
            self.here = guarded;
        }
        self.enter(dispatch);
        self.end(Terminator::Dispatch { handlers: entries.into(), catches_all });
    }

    fn handler_types(&mut self, handler: &'t ast::ExceptHandlerExceptHandler) -> Vec<crate::base::Symbol> {
        match handler.type_.as_deref() {
            None => Vec::new(),
            Some(ast::Expr::Tuple(types)) => {
                types.elts.iter().map(|name| self.dotted_or_text(name)).collect()
            }
            Some(name) => vec![self.dotted_or_text(name)],
        }
    }

    /// One more copy of a `finally` block, in the current block.
    fn finally_copy(&mut self, block: &'t [ast::Stmt], of: TryId) {
        if self.finally_copies >= MAX_FINALLY_COPIES {
            self.problem(
                block_span(block).unwrap_or_default(),
                "too many ways out of nested `finally` blocks",
            );
            return;
        }
        self.finally_copies += 1;
        let outside = self.here;
        let at = block_span(block).unwrap_or_default();
        let region = self.open_region(RegionKind::Finally(of), at, Span::empty(at.start), block);
        self.flow_into(self.body.regions[region].entry);
        self.block_of(block);
        self.here = outside;
        let after = self.new_block();
        self.flow_into(after);
    }

    /// Runs what lies between the current place and the frame at `depth`, as a jump there does.
    pub(super) fn leave_to(&mut self, depth: usize) {
        let here = self.here;
        let mut passed = self.frames.split_off(depth);
        // The blocks run outermost last, each as if the ones inside it were gone.
        let mut kept = Vec::new();
        while let Some(frame) = passed.pop() {
            let outside = match &frame {
                Frame::Loop { .. } => None,
                Frame::Finally { outside, .. } | Frame::With { outside, .. } => Some(*outside),
            };
            if let Some(outside) = outside {
                self.here = outside;
                let block = self.new_block();
                self.flow_into(block);
                // What is still outside this frame stays a frame for jumps within the block.
                let n_kept = self.frames.len();
                self.frames.append(&mut passed);
                match &frame {
                    Frame::Finally { block, of, .. } => self.finally_copy(block, *of),
                    Frame::With { region, .. } => {
                        let at = self.body.regions[*region].head;
                        self.emit(Op::Exit(*region), at);
                    }
                    Frame::Loop { .. } => {}
                }
                passed = self.frames.split_off(n_kept);
            }
            kept.push(frame);
        }
        kept.reverse();
        self.frames.append(&mut kept);
        self.here = here;
    }

    /// The items of a `with` statement from `index` on, each inside the one before.
    pub(super) fn with_statement(&mut self, with: &'t ast::StmtWith, index: usize) {
        let Some(item) = with.items.get(index) else { return self.block_of(&with.body) };
        let at = span(&item.context_expr);
        let value = self.expr(&item.context_expr);
        let manager = self.hold(value, at);
        let entered = self.put(Rvalue::Enter(value), at, None);
        let outside = self.here;
        let landing = self.new_block();
        let kind = RegionKind::With(self.with_kind(item, manager, at));
        let (reraises, suppresses) = match &kind {
            RegionKind::With(with) => (with.reraises, with.suppresses),
            _ => (false, false),
        };
        self.here.unwind = Some(landing);
        let region =
            self.open_region(kind, span(with), Span::new(span(with).start, span(item).end), &with.body);
        self.flow_into(self.body.regions[region].entry);
        self.frames.push(Frame::With { region, outside });
        if let Some(target) = &item.optional_vars {
            self.store(target, entered);
        }
        self.with_statement(with, index + 1);
        self.frames.pop();
        self.here = outside;
        let leave = self.new_block();
        self.flow_into(leave);
        self.emit(Op::Exit(region), at);
        let after = self.new_block();
        self.leave_with(region, reraises, item.optional_vars.is_some(), after);
        self.enter(landing);
        self.emit(Op::Exit(region), at);
        if suppresses {
            let on = self.put(Rvalue::Opaque([crate::ir::Operand::Local(manager)].into()), at, None);
            let raise = self.new_block();
            self.end(Terminator::Branch { on, yes: after, no: raise });
            self.enter(raise);
        }
        self.end(Terminator::Raise { exception: None, cause: None, span: Span::empty(at.start) });
        self.enter(after);
    }

    /// The normal way out of a `with` block: on, or, for managers that raise again, out.
    fn leave_with(&mut self, region: RegionId, reraises: bool, has_target: bool, after: BlockId) {
        if !reraises {
            return self.goto(after);
        }
        let raise = self.new_block();
        if has_target {
            // `ctxt.reraise = False` may have been set.
            let at = self.body.regions[region].head;
            let on = self.put(Rvalue::Opaque(Box::default()), at, None);
            self.end(Terminator::Branch { on, yes: raise, no: after });
        } else {
            self.goto(raise);
        }
        self.enter(raise);
        let at = Span::empty(self.body.regions[region].span.end);
        self.end(Terminator::Raise { exception: None, cause: None, span: at });
    }

    fn with_kind(&mut self, item: &'t ast::WithItem, manager: crate::ir::LocalId, at: Span) -> With {
        let mut kind = With { call: None, manager, item: at, reraises: false, suppresses: false };
        let ast::Expr::Call(call) = &item.context_expr else { return kind };
        let wanted = self.body.calls.pairs().rev().find(|(_, known)| known.span == at).map(|(id, _)| id);
        kind.call = wanted.or(None::<CallId>);
        let name = self.dotted(&call.func);
        let name = name.map_or("", |name| self.shared.names.text(name));
        let spared = call.arguments.find_keyword("reraise").is_some_and(
            |keyword| matches!(&keyword.value, ast::Expr::BooleanLiteral(literal) if !literal.value),
        );
        kind.reraises = RERAISE.contains(&name) && !spared;
        kind.suppresses = SUPPRESS.contains(&name) || name.contains(".assertRaises");
        kind
    }
}

fn block_span(block: &[ast::Stmt]) -> Option<Span> {
    Some(span(block.first()?).to(span(block.last()?)))
}
