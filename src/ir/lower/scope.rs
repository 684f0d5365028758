//! What a name means where it stands.

use crate::base::Symbol;
use crate::ir::lower::builder::Builder;
use crate::ir::names::is_builtin;
use crate::ir::{BodyKind, Operand};
use crate::outline::{Binding, ScopeId, ScopeKind};
use crate::python::{ast, span};
use crate::text::Span;
use ast::Expr;

impl Builder<'_, '_, '_> {
    /// The operand that `name`, read or assigned at `at`, stands for.
    pub(super) fn name(&mut self, name: &str, at: Span) -> Operand {
        let symbol = self.intern(name);
        if let Some(&(_, local)) = self.overlays.iter().rev().find(|(target, _)| *target == symbol) {
            return Operand::Local(local);
        }
        if let Some(&local) = self.locals.get(&symbol) {
            return Operand::Local(local);
        }
        if self.is_own_variable(symbol) {
            return Operand::Local(self.local(symbol, at));
        }
        Operand::Global(self.global(symbol))
    }

    /// Whether `symbol` is a variable of this very body, hence a local.
    fn is_own_variable(&self, symbol: Symbol) -> bool {
        let owns = match self.body.kind {
            BodyKind::Module | BodyKind::Lambda => false,
            BodyKind::Class | BodyKind::Function { .. } => true,
        };
        owns && self.shared.outline.lookup(self.scope, symbol) == Some((self.scope, Binding::Variable))
    }

    /// The absolute dotted name of what `symbol` means outside this body.
    fn global(&mut self, symbol: Symbol) -> Symbol {
        if let Some(&known) = self.globals.get(&symbol) {
            return known;
        }
        let found = match self.shared.outline.lookup(self.scope, symbol) {
            Some((_, Binding::Import(path))) => path,
            Some((scope, Binding::Definition | Binding::Variable | Binding::Global | Binding::Nonlocal)) => {
                self.member(scope, symbol)
            }
            None => self.free(symbol),
        };
        self.globals.insert(symbol, found);
        found
    }

    /// `name` as a member of `scope`: `pkg.mod.name`, `pkg.mod.f.<locals>.name`.
    fn member(&mut self, scope: ScopeId, name: Symbol) -> Symbol {
        let outer = &self.shared.outline.scopes[scope];
        let glue = if outer.kind == ScopeKind::Function { ".<locals>." } else { "." };
        let full = format!("{}{glue}{}", self.shared.names.text(outer.name), self.shared.names.text(name));
        self.intern(&full)
    }

    /// A name that nothing here binds: from the only star import if there is one, else a builtin.
    fn free(&mut self, symbol: Symbol) -> Symbol {
        let stars = &self.shared.outline.scopes[self.shared.outline.root()].stars;
        match stars[..] {
            [module] if !is_builtin(self.shared.names.text(symbol)) => {
                let full = format!("{}.{}", self.shared.names.text(module), self.shared.names.text(symbol));
                self.intern(&full)
            }
            _ => symbol,
        }
    }

    /// The dotted name of an expression made of names and attributes, where its first name is no local.
    pub(super) fn dotted(&mut self, expr: &Expr) -> Option<Symbol> {
        let mut attrs = Vec::new();
        let mut at = expr;
        while let Expr::Attribute(attribute) = at {
            attrs.push(attribute.attr.id.as_str());
            at = &attribute.value;
        }
        let Expr::Name(name) = at else { return None };
        let Operand::Global(base) = self.name(&name.id, span(name)) else { return None };
        if attrs.is_empty() {
            return Some(base);
        }
        attrs.push(self.shared.names.text(base));
        attrs.reverse();
        let full = attrs.join(".");
        Some(self.intern(&full))
    }

    /// As [`Builder::dotted`], else the expression's own text.
    pub(super) fn dotted_or_text(&mut self, expr: &Expr) -> Symbol {
        if let Some(name) = self.dotted(expr) {
            return name;
        }
        let text = &self.shared.text[span(expr).range()];
        self.shared.names.intern(text)
    }

    /// Whether `expr` is `TYPE_CHECKING`, whose branch never runs.
    pub(super) fn is_type_checking(expr: &Expr) -> bool {
        match expr {
            Expr::Name(name) => name.id == "TYPE_CHECKING",
            Expr::Attribute(attribute) => attribute.attr.id == "TYPE_CHECKING",
            _ => false,
        }
    }
}
