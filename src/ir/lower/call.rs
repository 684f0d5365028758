//! Calls.

use crate::base::Symbol;
use crate::ir::lower::builder::Builder;
use crate::ir::names::NEVER_RETURN;
use crate::ir::{Arg, ArgKind, Call, CallId, LocalId, Op, Operand, Place, Terminator};
use crate::python::{ast, span};
use crate::text::Span;
use ast::Expr;

impl<'t> Builder<'_, '_, 't> {
    pub(super) fn call(&mut self, call: &'t ast::ExprCall, want: Option<LocalId>) -> Operand {
        let callee = self.place(&call.func);
        let mut args = Vec::with_capacity(call.arguments.args.len() + call.arguments.keywords.len());
        for item in call.arguments.iter_source_order() {
            args.push(match item {
                ast::ArgOrKeyword::Arg(Expr::Starred(starred)) => {
                    Arg { kind: ArgKind::Star, value: self.expr(&starred.value), span: span(starred) }
                }
                ast::ArgOrKeyword::Arg(arg) => {
                    Arg { kind: ArgKind::Positional, value: self.expr(arg), span: span(arg) }
                }
                ast::ArgOrKeyword::Keyword(keyword) => {
                    let value = self.expr(&keyword.value);
                    let kind = match &keyword.arg {
                        Some(name) => ArgKind::Keyword(self.intern(&name.id)),
                        None => ArgKind::DoubleStar,
                    };
                    Arg { kind, value, span: span(keyword) }
                }
            });
        }
        let never_returns = self.never_returns(&call.func);
        let func = span(call.func.as_ref());
        let id = self.emit_call(callee, args, [span(call), func, span(&call.arguments)], want);
        self.note_class(call, id);
        if never_returns {
            self.end(Terminator::Raise { exception: None, cause: None, span: span(call) });
        }
        Operand::Local(self.body.calls[id].to)
    }

    /// A call that the source spells otherwise, as `f"{x!r}"` does `repr(x)`.
    pub(super) fn implied_call(&mut self, function: &str, argument: Operand, at: Span) -> Operand {
        let callee: Symbol = self.intern(function);
        let arg = Arg { kind: ArgKind::Positional, value: argument, span: at };
        let id = self.emit_call(Place::bare(Operand::Global(callee)), vec![arg], [at; 3], None);
        Operand::Local(self.body.calls[id].to)
    }

    fn emit_call(
        &mut self,
        callee: Place,
        args: Vec<Arg>,
        [whole, callee_span, args_span]: [Span; 3],
        want: Option<LocalId>,
    ) -> CallId {
        let to = want.unwrap_or_else(|| self.temp(whole));
        let block = self.current();
        let text = self.shared.text;
        let method =
            self.intern(last_identifier(&text[callee_span.start as usize..callee_span.end as usize]));
        let id = self.body.calls.push(Call {
            callee,
            name: None,
            method,
            args: args.into_boxed_slice(),
            span: whole,
            callee_span,
            args_span,
            stmt: self.stmt,
            to,
            block,
        });
        self.emit(Op::Call(to, id), whole);
        id
    }

    fn never_returns(&mut self, func: &Expr) -> bool {
        let last = match func {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.id.as_str(),
            _ => return false,
        };
        let ends_like_one = matches!(last, "exit" | "_exit" | "abort" | "quit");
        ends_like_one
            && self.dotted(func).is_some_and(|name| NEVER_RETURN.contains(&self.shared.names.text(name)))
    }
}

/// The identifier that a callee ends with, as it is spelled; empty if it ends otherwise.
fn last_identifier(spelled: &str) -> &str {
    // Bytes beyond ASCII belong to identifiers as letters do.
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
    let length = spelled.bytes().rev().take_while(is_part).count();
    &spelled[spelled.len() - length..]
}
