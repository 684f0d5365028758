//! Comments, and the statements they stand on.

use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{ExceptHandler, Stmt};
use ruff_text_size::Ranged;

use crate::python::{Parsed, span};
use crate::text::Span;

/// The comments of a file, in order.
pub fn comments(parsed: &Parsed) -> impl Iterator<Item = Span> + '_ {
    parsed.tokens().iter().filter(|token| token.kind() == TokenKind::Comment).map(span)
}

/// The extents of simple statements, and of the heads of compound ones (decorators up to the colon; `except`
/// clauses too), in order of their start.
#[must_use]
pub fn statements(parsed: &Parsed) -> Vec<Span> {
    let mut collector = Collector { found: Vec::new() };
    for stmt in parsed.body() {
        collector.visit_stmt(stmt);
    }
    collector.found.sort();
    collector.found
}

/// The extents of functions and classes, decorators included, outer ones before those in them.
#[must_use]
pub fn definitions(parsed: &Parsed) -> Vec<Span> {
    let mut definitions = Definitions { found: Vec::new() };
    definitions.visit_body(parsed.body());
    definitions.found
}

struct Definitions {
    found: Vec<Span>,
}

impl<'a> StatementVisitor<'a> for Definitions {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if matches!(stmt, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
            self.found.push(span(stmt));
        }
        walk_stmt(self, stmt);
    }
}

struct Collector {
    found: Vec<Span>,
}

impl<'a> StatementVisitor<'a> for Collector {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        let whole = span(stmt);
        let head_end = match stmt {
            Stmt::FunctionDef(def) => {
                Some(def.returns.as_ref().map_or(def.parameters.end(), |returns| returns.end()))
            }
            Stmt::ClassDef(def) => {
                Some(def.arguments.as_ref().map_or(def.name.end(), |arguments| arguments.end()))
            }
            Stmt::If(branch) => {
                let clauses = branch.elif_else_clauses.iter();
                self.found.extend(clauses.filter_map(|clause| {
                    let test = clause.test.as_ref()?;
                    Some(Span::new(span(clause).start, span(test).end))
                }));
                Some(branch.test.end())
            }
            Stmt::While(repeat) => Some(repeat.test.end()),
            Stmt::For(each) => Some(each.iter.end()),
            Stmt::With(with) => with.items.last().map(Ranged::end),
            Stmt::Match(choice) => Some(choice.subject.end()),
            Stmt::Try(attempt) => {
                for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                    let start = span(handler).start;
                    let end = handler
                        .name
                        .as_ref()
                        .map(Ranged::end)
                        .or(handler.type_.as_ref().map(|types| types.end()));
                    self.found.push(Span::new(start, end.map_or(start + 6, |end| end.to_u32())));
                }
                Some(stmt.start() + ruff_text_size::TextSize::new(3))
            }
            _ => None,
        };
        self.found.push(head_end.map_or(whole, |end| Span::new(whole.start, end.to_u32())));
        walk_stmt(self, stmt);
    }
}
