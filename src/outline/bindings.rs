//! The names that each scope binds.

use rustc_hash::FxHashMap;

use crate::base::{IdVec, Interner, Symbol};
use crate::define_id;
use crate::outline::module::absolute;
use crate::python::{ast, span};
use crate::text::Span;
use ast::{Expr, Pattern, Stmt};

define_id!(/// A scope of one file; 0 is the module.
    ScopeId);

/// What opens a scope. Lambdas and comprehensions bind only their own targets and are not listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScopeKind {
    /// The file itself.
    Module,
    /// A class body: invisible to the functions in it.
    Class,
    /// A function or method.
    Function,
}

/// How a scope binds a name. Imports win over assignments: `try: import x` / `except ImportError: x = None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binding {
    /// An import of this absolute dotted path.
    Import(Symbol),
    /// A `def` or `class`; the name is the scope's qualified name plus this one.
    Definition,
    /// Anything assigned, or a parameter.
    Variable,
    /// `global x`: the module's.
    Global,
    /// `nonlocal x`: an enclosing function's.
    Nonlocal,
}

/// One scope.
#[derive(Debug)]
pub struct Scope {
    /// What opened it.
    pub kind: ScopeKind,
    /// The scope around it.
    pub parent: Option<ScopeId>,
    /// Absolute dotted name: `pkg.mod.Class.method`, `pkg.mod.outer.<locals>.inner`.
    pub name: Symbol,
    /// What it binds.
    pub bindings: FxHashMap<Symbol, Binding>,
    /// Modules whose names a star import brings in.
    pub stars: Vec<Symbol>,
}

/// All scopes of a file.
pub struct Outline {
    /// Dotted name of the module.
    pub module: Symbol,
    /// The scopes; the module first, then in source order.
    pub scopes: IdVec<ScopeId, Scope>,
    by_span: FxHashMap<Span, ScopeId>,
}

impl Outline {
    /// The module's scope.
    #[must_use]
    pub fn root(&self) -> ScopeId {
        ScopeId::new(0)
    }

    /// The scope that the `def` or `class` statement at `span` opens.
    #[must_use]
    pub fn scope_of(&self, span: Span) -> Option<ScopeId> {
        self.by_span.get(&span).copied()
    }

    /// The scope that binds `name` as seen from `from`, and how; classes around `from` are skipped.
    #[must_use]
    pub fn lookup(&self, from: ScopeId, name: Symbol) -> Option<(ScopeId, Binding)> {
        let mut at = Some(from);
        while let Some(id) = at {
            let scope = &self.scopes[id];
            if id == from || scope.kind != ScopeKind::Class {
                match scope.bindings.get(&name) {
                    Some(Binding::Global) => {
                        let root = &self.scopes[self.root()];
                        return Some((
                            self.root(),
                            root.bindings.get(&name).copied().unwrap_or(Binding::Variable),
                        ));
                    }
                    Some(Binding::Nonlocal) | None => {}
                    Some(&found) => return Some((id, found)),
                }
            }
            at = scope.parent;
        }
        None
    }
}

/// Collects the scopes of a module called `module`; `is_package` when it is an `__init__`.
#[must_use]
pub fn build(body: &[Stmt], module: &str, is_package: bool, text: &str, names: &mut Interner) -> Outline {
    let root_name = names.intern(module);
    let mut builder = Builder {
        scopes: IdVec::new(),
        by_span: FxHashMap::default(),
        names,
        module,
        is_package,
        has_walrus: memchr::memmem::find(text.as_bytes(), b":=").is_some(),
    };
    let root = builder.open(ScopeKind::Module, None, root_name);
    builder.block(body, root);
    Outline { module: root_name, scopes: builder.scopes, by_span: builder.by_span }
}

struct Builder<'a> {
    scopes: IdVec<ScopeId, Scope>,
    by_span: FxHashMap<Span, ScopeId>,
    names: &'a mut Interner,
    module: &'a str,
    is_package: bool,
    has_walrus: bool,
}

impl Builder<'_> {
    fn open(&mut self, kind: ScopeKind, parent: Option<ScopeId>, name: Symbol) -> ScopeId {
        self.scopes.push(Scope { kind, parent, name, bindings: FxHashMap::default(), stars: Vec::new() })
    }

    fn child(&mut self, kind: ScopeKind, parent: ScopeId, name: &str, at: Span) -> ScopeId {
        let glue = if self.scopes[parent].kind == ScopeKind::Function { ".<locals>." } else { "." };
        let full = format!("{}{glue}{name}", self.names.text(self.scopes[parent].name));
        let full = self.names.intern(&full);
        let id = self.open(kind, Some(parent), full);
        self.by_span.insert(at, id);
        id
    }

    fn bind(&mut self, scope: ScopeId, name: &str, binding: Binding) {
        let symbol = self.names.intern(name);
        let slot = self.scopes[scope].bindings.entry(symbol).or_insert(binding);
        let stays = matches!(slot, Binding::Import(_) | Binding::Global | Binding::Nonlocal);
        if !stays && !matches!(binding, Binding::Variable) {
            *slot = binding;
        }
    }

    fn block(&mut self, body: &[Stmt], scope: ScopeId) {
        for stmt in body {
            self.stmt(stmt, scope);
        }
    }

    fn stmt(&mut self, stmt: &Stmt, scope: ScopeId) {
        if self.has_walrus {
            let mut walrus = Walrus { names: Vec::new() };
            ast::visitor::walk_stmt(&mut walrus, stmt);
            for name in walrus.names {
                self.bind(scope, &name, Binding::Variable);
            }
        }
        match stmt {
            Stmt::FunctionDef(def) => {
                self.bind(scope, &def.name.id, Binding::Definition);
                let inner = self.child(ScopeKind::Function, scope, &def.name.id, span(def));
                for parameter in def.parameters.iter() {
                    self.bind(inner, &parameter.name().id, Binding::Variable);
                }
                self.block(&def.body, inner);
            }
            Stmt::ClassDef(def) => {
                self.bind(scope, &def.name.id, Binding::Definition);
                let inner = self.child(ScopeKind::Class, scope, &def.name.id, span(def));
                self.block(&def.body, inner);
            }
            Stmt::Import(import) => self.import(&import.names, scope),
            Stmt::ImportFrom(import) => self.import_from(import, scope),
            Stmt::Assign(assign) => assign.targets.iter().for_each(|target| self.target(target, scope)),
            Stmt::AugAssign(assign) => self.target(&assign.target, scope),
            Stmt::AnnAssign(assign) => self.target(&assign.target, scope),
            Stmt::TypeAlias(alias) => self.target(&alias.name, scope),
            Stmt::Delete(delete) => delete.targets.iter().for_each(|target| self.target(target, scope)),
            Stmt::For(each) => {
                self.target(&each.target, scope);
                self.block(&each.body, scope);
                self.block(&each.orelse, scope);
            }
            Stmt::While(repeat) => {
                self.block(&repeat.body, scope);
                self.block(&repeat.orelse, scope);
            }
            Stmt::If(branch) => {
                self.block(&branch.body, scope);
                for clause in &branch.elif_else_clauses {
                    self.block(&clause.body, scope);
                }
            }
            Stmt::With(with) => {
                for vars in with.items.iter().filter_map(|item| item.optional_vars.as_deref()) {
                    self.target(vars, scope);
                }
                self.block(&with.body, scope);
            }
            Stmt::Match(choice) => {
                for case in &choice.cases {
                    self.pattern(&case.pattern, scope);
                    self.block(&case.body, scope);
                }
            }
            Stmt::Try(attempt) => {
                self.block(&attempt.body, scope);
                for ast::ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                    if let Some(name) = &handler.name {
                        self.bind(scope, &name.id, Binding::Variable);
                    }
                    self.block(&handler.body, scope);
                }
                self.block(&attempt.orelse, scope);
                self.block(&attempt.finalbody, scope);
            }
            Stmt::Global(global) => {
                for name in &global.names {
                    self.bind(scope, &name.id, Binding::Global);
                }
            }
            Stmt::Nonlocal(nonlocal) => {
                for name in &nonlocal.names {
                    self.bind(scope, &name.id, Binding::Nonlocal);
                }
            }
            Stmt::Return(_) | Stmt::Raise(_) | Stmt::Assert(_) | Stmt::Expr(_) | Stmt::Pass(_) => {}
            Stmt::Break(_) | Stmt::Continue(_) | Stmt::IpyEscapeCommand(_) => {}
        }
    }

    fn import(&mut self, aliases: &[ast::Alias], scope: ScopeId) {
        for alias in aliases {
            // `import a.b` binds `a`; `import a.b as c` binds `a.b`.
            let whole = alias.name.id.as_str();
            let first = whole.split('.').next().unwrap_or(whole);
            let (bound, path) =
                alias.asname.as_ref().map_or((first, first), |name| (name.id.as_str(), whole));
            let path = self.names.intern(path);
            self.bind(scope, bound, Binding::Import(path));
        }
    }

    fn import_from(&mut self, import: &ast::StmtImportFrom, scope: ScopeId) {
        let name = import.module.as_ref().map_or("", |name| name.id.as_str());
        let base = absolute(self.module, self.is_package, import.level, name);
        for alias in &import.names {
            if &alias.name.id == "*" {
                let base = self.names.intern(&base);
                self.scopes[scope].stars.push(base);
                continue;
            }
            let path =
                if base.is_empty() { alias.name.id.to_string() } else { format!("{base}.{}", alias.name.id) };
            let path = self.names.intern(&path);
            let bound = alias.asname.as_ref().unwrap_or(&alias.name);
            self.bind(scope, &bound.id, Binding::Import(path));
        }
    }

    fn target(&mut self, target: &Expr, scope: ScopeId) {
        match target {
            Expr::Name(name) => self.bind(scope, &name.id, Binding::Variable),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|item| self.target(item, scope)),
            Expr::List(list) => list.elts.iter().for_each(|item| self.target(item, scope)),
            Expr::Starred(starred) => self.target(&starred.value, scope),
            _ => {} // attributes and items bind no name
        }
    }

    fn pattern(&mut self, pattern: &Pattern, scope: ScopeId) {
        let mut capture = |name: Option<&ast::Identifier>| {
            if let Some(name) = name {
                self.bind(scope, &name.id, Binding::Variable);
            }
        };
        match pattern {
            Pattern::MatchValue(_) | Pattern::MatchSingleton(_) => {}
            Pattern::MatchStar(star) => capture(star.name.as_ref()),
            Pattern::MatchAs(named) => {
                capture(named.name.as_ref());
                named.pattern.iter().for_each(|inner| self.pattern(inner, scope));
            }
            Pattern::MatchMapping(mapping) => {
                capture(mapping.rest.as_ref());
                mapping.patterns.iter().for_each(|inner| self.pattern(inner, scope));
            }
            Pattern::MatchSequence(sequence) => {
                sequence.patterns.iter().for_each(|inner| self.pattern(inner, scope));
            }
            Pattern::MatchClass(class) => {
                class.arguments.patterns.iter().for_each(|inner| self.pattern(inner, scope));
                class.arguments.keywords.iter().for_each(|keyword| self.pattern(&keyword.pattern, scope));
            }
            Pattern::MatchOr(either) => either.patterns.iter().for_each(|inner| self.pattern(inner, scope)),
        }
    }
}

/// Collects the targets of `:=` in one statement, its nested blocks excluded.
struct Walrus {
    names: Vec<String>,
}

impl<'a> ast::visitor::Visitor<'a> for Walrus {
    fn visit_stmt(&mut self, _: &'a Stmt) {}

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Named(named) = expr
            && let Expr::Name(name) = named.target.as_ref()
        {
            self.names.push(name.id.to_string());
        }
        if !matches!(expr, Expr::Lambda(_)) {
            ast::visitor::walk_expr(self, expr);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Binding, build};
    use crate::base::Interner;
    use crate::text::{FileKind, SourceFile};

    fn check(text: &str, path: &[&str], name: &str) -> Option<String> {
        let file = SourceFile::new("pkg/mod.py", FileKind::Module, false, text.to_owned());
        let parsed = crate::python::parse(&file).unwrap();
        let mut names = Interner::default();
        let outline = build(parsed.body(), "pkg.mod", false, text, &mut names);
        let scope = outline
            .scopes
            .pairs()
            .find(|(_, scope)| names.text(scope.name) == [&["pkg.mod"], path].concat().join("."))
            .map(|(id, _)| id)
            .unwrap();
        let (_, binding) = outline.lookup(scope, names.find(name)?)?;
        Some(match binding {
            Binding::Import(path) => names.text(path).to_owned(),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn imports_are_absolute() {
        assert_eq!(check("from . import a as b", &[], "b").unwrap(), "pkg.a");
        assert_eq!(check("import os.path", &[], "os").unwrap(), "os");
        assert_eq!(check("def f():\n    from os import path\n", &["f"], "path").unwrap(), "os.path");
    }

    #[test]
    fn functions_do_not_see_class_names() {
        let text = "x = 1\nclass C:\n    import x\n    def f(self):\n        return x\n";
        assert_eq!(check(text, &["C", "f"], "x").unwrap(), "Variable");
        assert_eq!(check(text, &["C"], "x").unwrap(), "x");
    }

    #[test]
    fn an_optional_import_stays_an_import() {
        let text = "try:\n    import yaml\nexcept ImportError:\n    yaml = None\n";
        assert_eq!(check(text, &[], "yaml").unwrap(), "yaml");
    }

    #[test]
    fn walrus_targets_and_captures_are_bound() {
        assert_eq!(check("if (n := f()) and [y for x in n]:\n    pass\n", &[], "n").unwrap(), "Variable");
        assert_eq!(
            check("match v:\n    case {'a': [x, *rest]}:\n        pass\n", &[], "rest").unwrap(),
            "Variable"
        );
    }
}
