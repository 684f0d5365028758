//! Whether the names that an edit brings in mean something where they stand.
//!
//! A name is bound when Python itself has it, or its scope or one around it binds it on every way: in a scope of its own
//! up to the place, in those around it by the end. What the replaced text used already is none of the edit's. Members of
//! modules are handed on, for those who know the files of the program.

use rustc_hash::FxHashMap;

use crate::base::Interner;
use crate::fix::apply::Edited;
use crate::fix::bound::{State, state};
use crate::ir::is_builtin;
use crate::outline::{self, Binding, Outline, ScopeId};
use crate::python::ast::token::TokenKind;
use crate::python::ast::visitor::{Visitor, walk_expr, walk_stmt};
use crate::python::ast::{Comprehension, Expr, ExprContext, Parameters, Stmt};
use crate::python::{Parsed, span};
use crate::text::Span;

/// What a module has without saying so.
const OF_MODULES: &[&str] =
    &["__builtins__", "__doc__", "__file__", "__name__", "__package__", "__path__", "__spec__"];

/// What `edited` put in.
#[derive(Default)]
pub(super) struct Named {
    /// A name that is not bound where it stands.
    pub(super) unbound: Option<String>,
    /// Members of what imports bind, by absolute dotted name: `os.path.join`.
    pub(super) members: Vec<String>,
}

/// The names in what `edited` put in.
pub(super) fn names(edited: &Edited<'_>, parsed: &Parsed) -> Named {
    let file = &edited.file;
    let mut names = Interner::default();
    let module = outline::module_name(&file.package, &file.path);
    let is_package = file.path.ends_with("__init__.py");
    let outline = outline::build(parsed.body(), &module, is_package, &file.text, &mut names);
    let root = Around { id: outline.root(), body: parsed.body(), parameters: None, span: Span::empty(0) };
    let mut walk = Walk {
        edited,
        parsed,
        outline: &outline,
        names: &names,
        scopes: vec![root],
        inner: Vec::new(),
        of_module: FxHashMap::default(),
        named: Named::default(),
    };
    walk.visit_body(parsed.body());
    walk.named
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A scope around the place at hand.
struct Around<'a> {
    id: ScopeId,
    body: &'a [Stmt],
    parameters: Option<&'a Parameters>,
    span: Span,
}

impl Around<'_> {
    fn has_parameter(&self, name: &str) -> bool {
        self.parameters.is_some_and(|all| all.iter().any(|parameter| parameter.name().id == name))
    }

    /// Whether it binds `name` on every way to `at`.
    fn has(&self, name: &str, at: Span) -> bool {
        self.has_parameter(name) || state(self.body, name, at) != State::Unbound
    }
}

struct Walk<'a> {
    edited: &'a Edited<'a>,
    parsed: &'a Parsed,
    outline: &'a Outline,
    names: &'a Interner,
    /// The scopes around, the module first.
    scopes: Vec<Around<'a>>,
    /// What comprehensions and lambdas around bind.
    inner: Vec<String>,
    /// Whether the module binds a name by its end, as far as that was asked.
    of_module: FxHashMap<String, bool>,
    named: Named,
}

impl<'a> Walk<'a> {
    fn is_bound(&mut self, name: &str, at: Span) -> bool {
        if self.inner.iter().any(|known| known == name) || is_builtin(name) || OF_MODULES.contains(&name) {
            return true;
        }
        let own = self.scopes.last().expect("the module is around all");
        let symbol = self.names.find(name);
        let Some((home, _)) = symbol.and_then(|symbol| self.outline.lookup(own.id, symbol)) else {
            // What a star import brings is known by its use alone; what stood there unbound is a loader's.
            let is_class = name == "__class__" && self.scopes.len() > 1;
            let has_stars = self.outline.scopes.iter().any(|scope| !scope.stars.is_empty());
            return is_class || self.stood_there(name, at) || has_stars && self.is_used_elsewhere(name);
        };
        if home == own.id {
            return own.has(name, at) || self.stood_there(name, at) && self.is_met_before(name, at);
        }
        let depth = self.scopes.iter().position(|scope| scope.id == home);
        let is_of_module = home == self.outline.root();
        let is_known = symbol.is_some_and(|symbol| self.outline.scopes[home].bindings.contains_key(&symbol));
        // What functions alone assign (`global x`) has no place in the module.
        let Some(depth) = depth.filter(|_| is_known) else { return true };
        let end = Span::empty(u32::MAX);
        let scope = &self.scopes[depth];
        let is_bound = if is_of_module {
            *self.of_module.entry(name.to_owned()).or_insert_with(|| scope.has(name, end))
        } else {
            scope.has(name, self.scopes[depth + 1].span) || scope.has(name, end)
        };
        is_bound || self.stood_there(name, at)
    }

    /// Whether the replaced text has the name.
    fn stood_there(&self, name: &str, at: Span) -> bool {
        let replaced = self.edited.at(at.start).map_or("", |(_, old)| self.edited.old.slice(old));
        replaced.split(|c: char| !is_of_name(c)).any(|word| word == name)
    }

    /// Whether the scope has the name somewhere before.
    fn is_met_before(&self, name: &str, at: Span) -> bool {
        let from = self.scopes.last().map_or(0, |scope| scope.span.start);
        self.tokens(name).any(|place| {
            from <= place.start
                && place.end <= at.start
                && !self.edited.file.text[..place.start as usize].ends_with('.')
        })
    }

    fn is_used_elsewhere(&self, name: &str) -> bool {
        self.tokens(name).any(|place| !self.edited.is_new(place))
    }

    /// Where `name` stands.
    fn tokens(&self, name: &str) -> impl Iterator<Item = Span> {
        let all = self.parsed.tokens().iter().filter(|token| token.kind() == TokenKind::Name).map(span);
        all.filter(move |place| self.edited.file.slice(*place) == name)
    }

    /// Notes `expr`, an attribute, where an import binds what it begins with.
    fn member(&mut self, expr: &Expr) {
        let mut parts = Vec::new();
        let mut at = expr;
        while let Expr::Attribute(attribute) = at {
            parts.push(attribute.attr.id.as_str());
            at = &attribute.value;
        }
        let Expr::Name(base) = at else { return };
        if self.inner.iter().any(|known| *known == base.id) {
            return;
        }
        let scope = self.scopes.last().expect("the module is around all").id;
        let symbol = self.names.find(&base.id);
        if let Some((_, Binding::Import(path))) = symbol.and_then(|symbol| self.outline.lookup(scope, symbol))
        {
            parts.push(self.names.text(path));
            parts.reverse();
            self.named.members.push(parts.join("."));
        }
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

    fn comprehension(&mut self, expr: &'a Expr, generators: &[Comprehension]) {
        let outer = self.inner.len();
        generators.iter().for_each(|generator| self.bind(&generator.target));
        walk_expr(self, expr);
        self.inner.truncate(outer);
    }

    fn scope(&mut self, id: ScopeId, body: &'a [Stmt], parameters: Option<&'a Parameters>, span: Span) {
        self.scopes.push(Around { id, body, parameters, span });
        self.visit_body(body);
        self.scopes.pop();
    }
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if !self.edited.is_new(span(stmt)) {
            return;
        }
        let scope = self.outline.scope_of(span(stmt));
        match (stmt, scope) {
            (Stmt::FunctionDef(def), Some(scope)) => {
                def.decorator_list.iter().for_each(|decorator| self.visit_decorator(decorator));
                self.visit_parameters(&def.parameters);
                self.scope(scope, &def.body, Some(&def.parameters), span(def));
            }
            (Stmt::ClassDef(def), Some(scope)) => {
                def.decorator_list.iter().for_each(|decorator| self.visit_decorator(decorator));
                def.arguments.iter().for_each(|arguments| self.visit_arguments(arguments));
                self.scope(scope, &def.body, None, span(def));
            }
            _ => walk_stmt(self, stmt),
        }
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) => {
                let at = span(name);
                let is_asked =
                    name.ctx == ExprContext::Load && self.edited.is_new(at) && self.named.unbound.is_none();
                if is_asked && !self.is_bound(&name.id, at) {
                    self.named.unbound = Some(name.id.to_string());
                }
            }
            Expr::Attribute(attribute) => {
                let at = span(&attribute.attr);
                if self.edited.is_new(at) && !self.stood_there(&attribute.attr.id, at) {
                    self.member(expr);
                }
                walk_expr(self, expr);
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
