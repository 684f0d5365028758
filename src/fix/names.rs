//! Whether the names that an edit brings in mean something where they stand.
//!
//! A name is bound when its scope, one around it, or Python itself has it; in a function of its own it must have been
//! met before. Whether each way to it binds it is not asked.

use crate::base::Interner;
use crate::fix::apply::Edited;
use crate::ir::is_builtin;
use crate::outline::{self, Outline, ScopeId};
use crate::python::ast::token::TokenKind;
use crate::python::ast::visitor::{Visitor, walk_expr, walk_parameters, walk_stmt};
use crate::python::ast::{Comprehension, Expr, ExprContext, Parameters, Stmt};
use crate::python::{Parsed, span};
use crate::text::{SourceFile, Span};

/// What a module has without saying so.
const OF_MODULES: &[&str] =
    &["__builtins__", "__doc__", "__file__", "__name__", "__package__", "__path__", "__spec__"];

/// A name in what `edited` put in that nothing binds.
pub(super) fn unbound(edited: &Edited, parsed: &Parsed) -> Option<String> {
    let file = &edited.file;
    let mut names = Interner::default();
    let module = outline::module_name(&file.path);
    let is_package = file.path.ends_with("__init__.py");
    let outline = outline::build(parsed.body(), &module, is_package, &file.text, &mut names);
    let root = outline.root();
    let mut walk = Walk {
        edited,
        parsed,
        file,
        outline: &outline,
        names: &names,
        scopes: vec![(root, 0)],
        inner: Vec::new(),
        unbound: None,
    };
    walk.visit_body(parsed.body());
    walk.unbound
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

struct Walk<'a> {
    edited: &'a Edited,
    parsed: &'a Parsed,
    file: &'a SourceFile,
    outline: &'a Outline,
    names: &'a Interner,
    /// The scopes around, each with its start.
    scopes: Vec<(ScopeId, u32)>,
    /// What comprehensions and lambdas around bind.
    inner: Vec<String>,
    unbound: Option<String>,
}

impl Walk<'_> {
    fn is_bound(&self, name: &str, at: Span) -> bool {
        if self.inner.iter().any(|known| known == name) || is_builtin(name) || OF_MODULES.contains(&name) {
            return true;
        }
        let &(scope, start) = self.scopes.last().expect("the module is around all");
        let binding = self.names.find(name).and_then(|symbol| self.outline.lookup(scope, symbol));
        let seen = |from: u32, to: u32| {
            self.parsed.tokens().iter().any(|token| {
                let place = span(token);
                token.kind() == TokenKind::Name
                    && from <= place.start
                    && place.end <= to
                    && !self.file.text[..place.start as usize].ends_with('.')
                    && self.file.slice(place) == name
            })
        };
        match binding {
            Some((home, _)) if home == scope => seen(start, at.start),
            Some(_) => true,
            // What a star import brings is known by its use alone.
            None => {
                let is_class = name == "__class__" && self.scopes.len() > 1;
                let stars = self.outline.scopes.iter().any(|scope| !scope.stars.is_empty());
                // What stood there unbound (a name that a loader injects) is none of the edit's.
                let stood_there =
                    self.edited.replaced.split(|c: char| !is_of_name(c)).any(|word| word == name);
                is_class || stood_there || stars && self.is_used_elsewhere(name)
            }
        }
    }

    fn is_used_elsewhere(&self, name: &str) -> bool {
        self.parsed.tokens().iter().any(|token| {
            let place = span(token);
            token.kind() == TokenKind::Name && !self.edited.is_new(place) && self.file.slice(place) == name
        })
    }

    fn bind(&mut self, target: &Expr) {
        match target {
            Expr::Name(name) => self.inner.push(name.id.to_string()),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|item| self.bind(item)),
            Expr::List(list) => list.elts.iter().for_each(|item| self.bind(item)),
            Expr::Starred(starred) => self.bind(&starred.value),
            _ => {} // attributes and items bind no name
        }
    }

    fn comprehension(&mut self, expr: &Expr, generators: &[Comprehension]) {
        let outer = self.inner.len();
        generators.iter().for_each(|generator| self.bind(&generator.target));
        walk_expr(self, expr);
        self.inner.truncate(outer);
    }
}

impl<'a> Visitor<'a> for Walk<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if !self.edited.is_new(span(stmt)) {
            return;
        }
        let scope = self.outline.scope_of(span(stmt));
        match (stmt, scope) {
            (Stmt::FunctionDef(def), Some(scope)) => {
                def.decorator_list.iter().for_each(|decorator| self.visit_decorator(decorator));
                self.visit_parameters(&def.parameters);
                self.scopes.push((scope, span(def).start));
                self.visit_body(&def.body);
                self.scopes.pop();
            }
            (Stmt::ClassDef(def), Some(scope)) => {
                def.decorator_list.iter().for_each(|decorator| self.visit_decorator(decorator));
                def.arguments.iter().for_each(|arguments| self.visit_arguments(arguments));
                self.scopes.push((scope, span(def).start));
                self.visit_body(&def.body);
                self.scopes.pop();
            }
            _ => walk_stmt(self, stmt),
        }
    }

    fn visit_parameters(&mut self, parameters: &'a Parameters) {
        walk_parameters(self, parameters);
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) => {
                let at = span(name);
                let is_asked =
                    name.ctx == ExprContext::Load && self.edited.is_new(at) && self.unbound.is_none();
                if is_asked && !self.is_bound(&name.id, at) {
                    self.unbound = Some(name.id.to_string());
                }
            }
            Expr::ListComp(of) => self.comprehension(expr, &of.generators),
            Expr::SetComp(of) => self.comprehension(expr, &of.generators),
            Expr::Generator(of) => self.comprehension(expr, &of.generators),
            Expr::DictComp(of) => self.comprehension(expr, &of.generators),
            Expr::Lambda(of) => {
                let outer = self.inner.len();
                let parameters = of.parameters.iter().flat_map(|all| all.iter());
                self.inner.extend(parameters.map(|parameter| parameter.name().id.to_string()));
                walk_expr(self, expr);
                self.inner.truncate(outer);
            }
            _ => walk_expr(self, expr),
        }
    }
}
