//! Whether a name is bound on every way to a place: definite assignment over the statements of one scope.
//!
//! In: a scope's statements, a name, a place. Out: yes or no. A `with` block is taken to run to its end unless it
//! suppresses by name; the rounds of a loop may be none; an exception may come before anything in a `try` block. What
//! calls and functions inside bind (`global`, `nonlocal`) is not looked at.

use crate::python::ast::visitor::{Visitor, walk_expr};
use crate::python::ast::{ExceptHandler, Expr, Pattern, Stmt};
use crate::python::span;
use crate::text::Span;

/// What is known of the name at a place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// Some way comes here without it.
    Unbound,
    /// Every way that comes here has bound it.
    Bound,
    /// No way comes here.
    Dead,
}

/// What is known of `name` at the place `at`, or at the end of `block` where it is not in it; on entry it is unbound.
pub(super) fn state(block: &[Stmt], name: &str, at: Span) -> State {
    let mut walk = Walk { name, at, found: None };
    let end = walk.block(block, State::Unbound);
    walk.found.unwrap_or(end)
}

struct Walk<'a> {
    name: &'a str,
    at: Span,
    /// The state where the place is, once that is reached.
    found: Option<State>,
}

impl Walk<'_> {
    fn block(&mut self, block: &[Stmt], mut state: State) -> State {
        for stmt in block {
            if self.found.is_some() {
                break;
            }
            state = self.stmt(stmt, state);
        }
        state
    }

    /// The block that holds the place decides; what it does not hold of a statement that does is its head.
    fn stmt(&mut self, stmt: &Stmt, before: State) -> State {
        let headed = if heads(stmt).iter().any(|expr| self.is_set_in(expr)) { bound(before) } else { before };
        let after = self.parts(stmt, headed);
        if self.found.is_none() && span(stmt).contains(self.at) {
            self.found = Some(headed);
        }
        after
    }

    fn parts(&mut self, stmt: &Stmt, state: State) -> State {
        match stmt {
            Stmt::Return(_) | Stmt::Raise(_) | Stmt::Break(_) | Stmt::Continue(_) => State::Dead,
            Stmt::FunctionDef(def) if def.name.id == self.name => bound(state),
            Stmt::ClassDef(def) if def.name.id == self.name => bound(state),
            Stmt::Import(import) => {
                let names = import.names.iter().map(|alias| {
                    let whole = alias.name.id.as_str();
                    alias.asname.as_ref().map_or(whole.split('.').next().unwrap_or(whole), |name| &name.id)
                });
                if names.into_iter().any(|name| name == self.name) { bound(state) } else { state }
            }
            Stmt::ImportFrom(import) => {
                let mut names = import.names.iter().map(|alias| alias.asname.as_ref().unwrap_or(&alias.name));
                if names.any(|name| name.id == self.name) { bound(state) } else { state }
            }
            Stmt::Assign(assign) if assign.targets.iter().any(|target| self.binds(target)) => bound(state),
            Stmt::AnnAssign(assign) if assign.value.is_some() && self.binds(&assign.target) => bound(state),
            Stmt::TypeAlias(alias) if self.binds(&alias.name) => bound(state),
            Stmt::Delete(delete) if delete.targets.iter().any(|target| self.binds(target)) => State::Unbound,
            Stmt::If(branch) => {
                let mut after = self.block(&branch.body, state);
                for clause in &branch.elif_else_clauses {
                    after = after.min(self.block(&clause.body, state));
                }
                let has_else = branch.elif_else_clauses.last().is_some_and(|clause| clause.test.is_none());
                if has_else { after } else { after.min(state) }
            }
            Stmt::For(each) => {
                let inside = if self.binds(&each.target) { bound(state) } else { state };
                let round = self.block(&each.body, inside);
                let rest = self.block(&each.orelse, state);
                state.min(round).min(rest)
            }
            Stmt::While(repeat) => {
                let round = self.block(&repeat.body, state);
                let rest = self.block(&repeat.orelse, state);
                state.min(round).min(rest)
            }
            Stmt::With(with) => {
                let vars = |item: &crate::python::ast::WithItem| {
                    item.optional_vars.as_deref().is_some_and(|vars| self.binds(vars))
                };
                let inside = if with.items.iter().any(vars) { bound(state) } else { state };
                let after = self.block(&with.body, inside);
                if with.items.iter().any(|item| suppresses(&item.context_expr)) {
                    after.min(inside)
                } else {
                    after
                }
            }
            Stmt::Match(choice) => {
                let mut after = state;
                for case in &choice.cases {
                    let inside = if self.captures(&case.pattern) { bound(state) } else { state };
                    after = after.min(self.block(&case.body, inside));
                }
                after
            }
            Stmt::Try(attempt) => self.attempt(attempt, state),
            _ => state,
        }
    }

    fn attempt(&mut self, attempt: &crate::python::ast::StmtTry, state: State) -> State {
        let tried = self.block(&attempt.body, state);
        let before = tried.min(state);
        let mut after = self.block(&attempt.orelse, tried);
        for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
            let is_its_name = handler.name.as_ref().is_some_and(|name| name.id == self.name);
            let handled = self.block(&handler.body, if is_its_name { bound(before) } else { before });
            // Its name is deleted at the end of a handler.
            let left = if is_its_name && handled != State::Dead { State::Unbound } else { handled };
            after = after.min(left);
        }
        let alone = self.block(&attempt.finalbody, before);
        match alone {
            State::Dead => State::Dead,
            State::Bound if after != State::Dead => State::Bound,
            State::Bound | State::Unbound => after,
        }
    }

    /// Whether assigning to `target` binds the name.
    fn binds(&self, target: &Expr) -> bool {
        match target {
            Expr::Name(name) => name.id == self.name,
            Expr::Tuple(tuple) => tuple.elts.iter().any(|item| self.binds(item)),
            Expr::List(list) => list.elts.iter().any(|item| self.binds(item)),
            Expr::Starred(starred) => self.binds(&starred.value),
            _ => false, // attributes and items bind no name
        }
    }

    /// Whether a pattern that fits has bound the name: an alternative binds the same names as the others.
    fn captures(&self, pattern: &Pattern) -> bool {
        let is =
            |name: Option<&crate::python::ast::Identifier>| name.is_some_and(|name| name.id == self.name);
        match pattern {
            Pattern::MatchValue(_) | Pattern::MatchSingleton(_) => false,
            Pattern::MatchStar(star) => is(star.name.as_ref()),
            Pattern::MatchAs(named) => {
                is(named.name.as_ref()) || named.pattern.iter().any(|inner| self.captures(inner))
            }
            Pattern::MatchMapping(mapping) => {
                is(mapping.rest.as_ref()) || mapping.patterns.iter().any(|inner| self.captures(inner))
            }
            Pattern::MatchSequence(sequence) => sequence.patterns.iter().any(|inner| self.captures(inner)),
            Pattern::MatchClass(class) => {
                let by_name = class.arguments.keywords.iter().any(|keyword| self.captures(&keyword.pattern));
                by_name || class.arguments.patterns.iter().any(|inner| self.captures(inner))
            }
            Pattern::MatchOr(either) => either.patterns.iter().any(|inner| self.captures(inner)),
        }
    }

    /// Whether `:=` in an expression binds the name whatever the expression comes to.
    fn is_set_in(&self, expr: &Expr) -> bool {
        let mut walrus = Walrus { name: self.name, is_set: false };
        walrus.visit_expr(expr);
        walrus.is_set
    }
}

/// The name is bound here, if control comes here at all.
fn bound(state: State) -> State {
    state.max(State::Bound)
}

/// The expressions of a statement that are evaluated first and always.
fn heads(stmt: &Stmt) -> Vec<&Expr> {
    match stmt {
        Stmt::Expr(of) => vec![&of.value],
        Stmt::Assign(of) => vec![&of.value],
        Stmt::AugAssign(of) => vec![&of.value],
        Stmt::AnnAssign(of) => of.value.iter().map(|value| &**value).collect(),
        Stmt::Return(of) => of.value.iter().map(|value| &**value).collect(),
        Stmt::If(of) => vec![&of.test],
        Stmt::While(of) => vec![&of.test],
        Stmt::For(of) => vec![&of.iter],
        Stmt::With(of) => of.items.iter().map(|item| &item.context_expr).collect(),
        Stmt::Match(of) => vec![&of.subject],
        _ => Vec::new(),
    }
}

/// Whether a context manager is called as those that swallow exceptions: `contextlib.suppress(…)`.
fn suppresses(manager: &Expr) -> bool {
    let Expr::Call(call) = manager else { return false };
    match &*call.func {
        Expr::Name(name) => name.id == "suppress",
        Expr::Attribute(attribute) => attribute.attr.id == "suppress",
        _ => false,
    }
}

struct Walrus<'a> {
    name: &'a str,
    is_set: bool,
}

impl<'a> Visitor<'a> for Walrus<'_> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Named(named) => {
                self.is_set |= matches!(&*named.target, Expr::Name(name) if name.id == self.name);
                self.visit_expr(&named.value);
            }
            // The rest may not be evaluated.
            Expr::BoolOp(of) => of.values.iter().take(1).for_each(|first| self.visit_expr(first)),
            Expr::If(of) => self.visit_expr(&of.test),
            Expr::Lambda(_)
            | Expr::ListComp(_)
            | Expr::SetComp(_)
            | Expr::DictComp(_)
            | Expr::Generator(_) => {}
            _ => walk_expr(self, expr),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{State, state};
    use crate::python;
    use crate::text::{FileKind, SourceFile, Span};

    /// Whether `x` is bound where `HERE` stands.
    fn is_bound(text: &str) -> bool {
        let file = SourceFile::new("a.py", FileKind::Module, false, text.to_owned());
        let parsed = python::parse(&file).unwrap();
        assert!(parsed.errors.is_empty(), "{text}");
        let at = u32::try_from(text.find("HERE").unwrap()).unwrap();
        state(parsed.body(), "x", Span::new(at, at + 4)) != State::Unbound
    }

    #[test]
    fn what_every_way_binds_is_bound() {
        for text in [
            "x = 1\nHERE\n",
            "import x.y\nHERE\n",
            "from a import b as x\nwith HERE: pass\n",
            "if a:\n    x = 1\nelse:\n    raise b\nHERE\n",
            "if a:\n    x = 1\nelif b:\n    def x(): pass\nelse:\n    class x: pass\nHERE\n",
            "for x in a:\n    HERE\n",
            "with a as (x, y):\n    pass\nHERE\n",
            "try:\n    import x\nexcept ImportError:\n    x = None\nHERE\n",
            "try:\n    x = 1\nexcept E:\n    raise\nelse:\n    HERE\n",
            "try:\n    a()\nexcept E as x:\n    HERE\n",
            "try:\n    a()\nfinally:\n    x = 1\nHERE\n",
            "if (x := a()) and b:\n    HERE\n",
            "match a:\n    case [x, *y]:\n        HERE\n",
            "def f():\n    return x\nx = 1\nwhile a:\n    b\nHERE\n",
        ] {
            assert!(is_bound(text), "{text}");
        }
    }

    #[test]
    fn what_some_way_leaves_out_is_not() {
        for text in [
            "HERE\nx = 1\n",
            "if a:\n    x = 1\nHERE\n",
            "if TYPE_CHECKING:\n    import x\nHERE\n",
            "import y as z, x_\nHERE\n",
            "for x in a:\n    pass\nHERE\n",
            "while a:\n    x = 1\nHERE\n",
            "try:\n    x = 1\nexcept E:\n    pass\nHERE\n",
            "try:\n    x = 1\nexcept E:\n    HERE\n",
            "try:\n    x = 1\nfinally:\n    HERE\n",
            "try:\n    a()\nexcept E as x:\n    pass\nHERE\n",
            "with suppress(E):\n    x = 1\nHERE\n",
            "if b and (x := a()):\n    pass\nHERE\n",
            "match a:\n    case 1:\n        x = 2\nHERE\n",
            "x = 1\ndel x\nHERE\n",
            "a.x = 1\nHERE\n",
            "x: int\nHERE\n",
        ] {
            assert!(!is_bound(text), "{text}");
        }
    }
}
