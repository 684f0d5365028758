//! Functions, lambdas and classes.

use crate::base::Symbol;
use crate::ir::lower::builder::Builder;
use crate::ir::{
    Alias, Asked, BodyKind, CallId, Class, Const, Decorator, FnId, LocalId, Operand, Param, ParamKind, Rvalue,
};
use crate::python::{ast, span};
use crate::text::Span;
use ast::Expr;

/// The default of a parameter: its value, and the name that it has.
type Default = Option<(Operand, Option<Symbol>)>;

impl<'t> Builder<'_, '_, 't> {
    pub(super) fn function(&mut self, def: &'t ast::StmtFunctionDef) {
        let decorators = self.decorators(&def.decorator_list);
        let defaults = self.defaults(&def.parameters);
        let id = match self.shared.by_span.get(&span(def)) {
            Some(&known) => known, // a `finally` block lowered again
            None => self.new_function(def, decorators, &defaults),
        };
        self.define(&def.name, Rvalue::Function(id));
    }

    fn new_function(
        &mut self,
        def: &'t ast::StmtFunctionDef,
        decorators: Vec<Decorator>,
        defaults: &[Default],
    ) -> FnId {
        let Some(scope) = self.shared.outline.scope_of(span(def)) else { return self.id };
        let annotations = self.annotations(&def.parameters);
        let returns = self.annotation(def.returns.as_deref());
        let name = self.shared.outline.scopes[scope].name;
        let kind = BodyKind::Function { is_async: def.is_async, is_generator: false };
        let id = self.shared.bodies.push(None);
        self.shared.by_span.insert(span(def), id);
        // The first definition counts, unless it says no more than a type.
        let is_overload = |shared: &crate::ir::lower::Shared<'_>, known: FnId| {
            let names = shared.bodies[known].iter().flat_map(|body| &body.decorators);
            names
                .filter_map(|decorator| decorator.name)
                .any(|name| shared.names.text(name) == "typing.overload")
        };
        // What stands on no branch replaces what was defined before it.
        let is_on_branch = self.here.region != self.body.root();
        let is_plain = !decorators.iter().any(|decorator| {
            let name = decorator.name.map_or("", |name| self.shared.names.text(name));
            decorator.name.is_none()
                || name == "typing.overload"
                || [".setter", ".deleter", ".getter", ".register"].iter().any(|end| name.ends_with(end))
        });
        match self.shared.by_name.get(&name) {
            Some(&known) if (is_on_branch || !is_plain) && !is_overload(self.shared, known) => {
                if is_plain {
                    self.shared.branches.push((known, id));
                }
            }
            known => {
                if let Some(gone) = known {
                    self.shared.branches.retain(|(first, _)| first != gone);
                }
                self.shared.by_name.insert(name, id);
            }
        }
        self.shadow(def, name);
        let class = if self.is_class() { self.body.class } else { None };
        let parent = self.id;
        let at = Span::new(keyword_start(def), span(def).end);
        let mut inner = Builder::new(&mut *self.shared, kind, id, scope, name, at);
        inner.body.name_span = span(&def.name);
        inner.body.class = class;
        inner.body.parent = Some(parent);
        inner.body.decorators = decorators;
        inner.body.returns = returns;
        inner.depth = self.depth;
        inner.params(&def.parameters, &annotations, defaults);
        inner.docstring(&def.body);
        inner.block_of(&def.body);
        inner.finish();
        if let Some(class) = class {
            let method = self.intern(&def.name.id);
            self.shared.classes[class].methods.push((method, id));
        }
        id
    }

    /// Notes a function that stands in for an import that fails: elsewhere its name means what is imported.
    fn shadow(&mut self, def: &ast::StmtFunctionDef, name: Symbol) {
        if self.here.region != self.body.root()
            && self.body.kind == BodyKind::Module
            && let Operand::Global(path) = self.name(&def.name.id, span(&def.name))
            && path != name
        {
            self.shared.stand_ins.insert(path, name);
        }
    }

    pub(super) fn lambda(&mut self, lambda: &'t ast::ExprLambda, want: Option<LocalId>) -> Operand {
        let at = span(lambda);
        let defaults = lambda.parameters.as_ref().map(|params| self.defaults(params)).unwrap_or_default();
        let id = match self.shared.by_span.get(&at) {
            Some(&known) => known,
            None => {
                let name = format!("{}.<lambda>", self.shared.names.text(self.body.name));
                let name = self.intern(&name);
                let id = self.shared.bodies.push(None);
                self.shared.by_span.insert(at, id);
                let (scope, parent, depth) = (self.scope, self.id, self.depth);
                let mut inner = Builder::new(&mut *self.shared, BodyKind::Lambda, id, scope, name, at);
                inner.body.name_span = Span::new(at.start, at.start + 6);
                inner.body.parent = Some(parent);
                inner.depth = depth;
                if let Some(params) = &lambda.parameters {
                    inner.params(params, &[], &defaults);
                }
                let value = inner.expr(&lambda.body);
                inner.end(crate::ir::Terminator::Return(value));
                inner.finish();
                id
            }
        };
        self.put(Rvalue::Function(id), at, want)
    }

    pub(super) fn class(&mut self, def: &'t ast::StmtClassDef) {
        self.decorators(&def.decorator_list);
        let mut bases = Vec::new();
        for base in def.arguments.iter().flat_map(|arguments| arguments.args.iter()) {
            let bare = if let Expr::Subscript(generic) = base { generic.value.as_ref() } else { base };
            bases.extend(self.dotted(bare));
        }
        for keyword in def.arguments.iter().flat_map(|arguments| arguments.keywords.iter()) {
            self.expr(&keyword.value);
        }
        let Some(scope) = self.shared.outline.scope_of(span(def)) else { return };
        let name = self.shared.outline.scopes[scope].name;
        let body = self.shared.bodies.push(None);
        let at = span(def);
        let fields = self.fields(&def.body);
        let plain = self.plain(&def.body);
        let class = self.shared.classes.push(Class {
            fields,
            plain,
            name,
            span: at,
            name_span: span(&def.name),
            bases,
            body,
            methods: Vec::new(),
            typed: Vec::new(),
            attrs: rustc_hash::FxHashMap::default(),
        });
        let (parent, depth) = (self.id, self.depth);
        let mut inner = Builder::new(&mut *self.shared, BodyKind::Class, body, scope, name, at);
        inner.body.name_span = span(&def.name);
        inner.body.class = Some(class);
        inner.body.parent = Some(parent);
        inner.depth = depth;
        inner.docstring(&def.body);
        inner.block_of(&def.body);
        inner.finish();
        self.define(&def.name, Rvalue::Class(class));
    }

    /// The names that a class block annotates.
    fn fields(&mut self, block: &[ast::Stmt]) -> Vec<Symbol> {
        let names = block.iter().filter_map(|stmt| match stmt {
            ast::Stmt::AnnAssign(assign) => assign.target.as_name_expr(),
            _ => None,
        });
        names.map(|name| self.intern(&name.id)).collect()
    }

    /// The names that a class block annotates with nothing but text, numbers and lists of these.
    fn plain(&mut self, block: &[ast::Stmt]) -> Vec<Symbol> {
        let names = block.iter().filter_map(|stmt| match stmt {
            ast::Stmt::AnnAssign(assign) if is_plain(&assign.annotation) => assign.target.as_name_expr(),
            _ => None,
        });
        names.map(|name| self.intern(&name.id)).collect()
    }

    /// Notes the class that an annotation gives an attribute of the class around, a local, or a variable of the module.
    pub(super) fn note_type(&mut self, target: &Expr, annotation: &Expr) {
        let Some(of) = self.annotation(Some(annotation)) else { return };
        match target {
            Expr::Name(name) => match (self.body.kind, self.body.class) {
                (BodyKind::Class, Some(class)) => {
                    let name = self.intern(&name.id);
                    self.shared.classes[class].typed.push((name, of));
                }
                _ => match self.name(&name.id, span(name)) {
                    Operand::Local(local) => self.body.typed.push((local, of)),
                    Operand::Global(name) => self.shared.typed.push((name, of)),
                    Operand::Const(_) => {}
                },
            },
            Expr::Attribute(attribute) => {
                let own = self.body.params.first().and_then(|own| self.body.locals[own.local].name);
                let is_own = attribute.value.as_name_expr().is_some_and(|base| {
                    own.is_some_and(|own| self.shared.names.text(own) == base.id.as_str())
                });
                if let (true, Some(class)) = (is_own, self.body.class) {
                    let name = self.intern(&attribute.attr.id);
                    self.shared.classes[class].typed.push((name, of));
                }
            }
            _ => {}
        }
    }

    /// Evaluates decorators; they are noted by the name of what makes them.
    fn decorators(&mut self, list: &'t [ast::Decorator]) -> Vec<Decorator> {
        list.iter()
            .map(|decorator| {
                let made_by = match &decorator.expression {
                    Expr::Call(call) => call.func.as_ref(),
                    other => other,
                };
                let name = self.dotted(made_by);
                self.expr(&decorator.expression);
                Decorator { span: span(&decorator.expression), name }
            })
            .collect()
    }

    /// Evaluates the defaults of all parameters that can have one, in order.
    fn defaults(&mut self, parameters: &'t ast::Parameters) -> Vec<Default> {
        let mut one = |default: &'t Expr| (self.expr(default), self.dotted(default));
        parameters
            .iter_non_variadic_params()
            .map(|parameter| parameter.default.as_deref().map(&mut one))
            .collect()
    }

    fn annotations(&mut self, parameters: &'t ast::Parameters) -> Vec<Option<Symbol>> {
        let all = parameters.iter_non_variadic_params().map(|p| p.parameter.annotation.as_deref());
        all.map(|annotation| {
            self.annotated_calls(annotation);
            self.annotation(annotation)
        })
        .collect()
    }

    /// `Annotated[Store, Depends(store)]` calls where the function is defined.
    pub(super) fn annotated_calls(&mut self, annotation: Option<&'t Expr>) {
        if let Some(Expr::Subscript(generic)) = annotation
            && let Expr::Tuple(parts) = generic.slice.as_ref()
            && self.is_typing(&generic.value, "Annotated")
        {
            for part in parts.elts.iter().skip(1).filter(|part| part.is_call_expr()) {
                self.expr(part);
            }
        }
    }

    /// The class an annotation names: `X`, `"X"`, `Optional[X]`, `X | None`.
    fn annotation(&mut self, annotation: Option<&Expr>) -> Option<Symbol> {
        match annotation? {
            Expr::StringLiteral(text) => {
                let text = text.value.to_str();
                if text.contains(['[', '|']) {
                    let whole = crate::python::expression(text)?;
                    return self.annotation(Some(&whole));
                }
                let mut parts = text.split('.');
                let first =
                    parts.next().filter(|first| first.chars().all(|c| c.is_alphanumeric() || c == '_'))?;
                let Operand::Global(base) = self.name(first, Span::default()) else { return None };
                let rest: String = parts.map(|part| format!(".{part}")).collect();
                let full = format!("{}{rest}", self.shared.names.text(base));
                Some(self.intern(&full))
            }
            Expr::Subscript(generic) => {
                let parts = match generic.slice.as_ref() {
                    Expr::Tuple(tuple) => &tuple.elts[..],
                    other => std::slice::from_ref(other),
                };
                if self.is_typing(&generic.value, "Union") {
                    let mut named = parts.iter().filter(|part| !part.is_none_literal_expr());
                    let first = named.next();
                    return self.annotation(first.filter(|_| named.next().is_none()));
                }
                if !self.is_wrapping(&generic.value) {
                    return self.dotted(&generic.value);
                }
                self.annotation(parts.first())
            }
            Expr::BinOp(union) if union.op == ast::Operator::BitOr => match union.right.as_ref() {
                Expr::NoneLiteral(_) => self.annotation(Some(&union.left)),
                right if union.left.is_none_literal_expr() => self.annotation(Some(right)),
                _ => None,
            },
            other => self.dotted(other),
        }
    }

    /// Whether an expression is `name` of the module that annotations are made with.
    pub(super) fn is_typing(&mut self, expr: &Expr, name: &str) -> bool {
        let Some(path) = self.dotted(expr) else { return false };
        let (module, last) = self.shared.names.text(path).rsplit_once('.').unwrap_or_default();
        matches!(module, "typing" | "typing_extensions") && last == name
    }

    /// Whether the first of what stands in a generic says what it is of.
    fn is_wrapping(&mut self, generic: &Expr) -> bool {
        ["Optional", "Annotated", "Final", "ClassVar"].iter().any(|name| self.is_typing(generic, name))
    }

    /// Notes a name of the module that stands for an annotation: it is said to be one, or can be nothing else.
    pub(super) fn note_alias(&mut self, target: &Expr, value: &Expr, is_said: bool) {
        let Expr::Name(name) = target else { return };
        if self.body.kind != BodyKind::Module {
            return;
        }
        let is_alias =
            is_said || matches!(value, Expr::Subscript(generic) if self.is_wrapping(&generic.value));
        if let (true, Some(of)) = (is_alias, self.annotation(Some(value)))
            && let Operand::Global(name) = self.name(&name.id, span(name))
        {
            self.shared.aliases.push(Alias { name, of, span: span(value) });
        }
    }

    /// Notes what a call says, or asks, of the class of its argument.
    pub(super) fn note_class(&mut self, call: &ast::ExprCall, id: CallId) {
        let [first, second] = &call.arguments.args[..] else { return };
        let is_asked = call.func.as_name_expr().is_some_and(|name| name.id == "isinstance");
        if is_asked {
            let (answer, local) = (self.body.calls[id].to, self.body.calls[id].args[0].value);
            if let (Some(of), Operand::Local(local)) = (self.dotted(second), local) {
                self.body.asked.push(Asked { answer, local, of });
            }
        } else if self.is_typing(&call.func, "cast")
            && let Some(of) = self.annotation(Some(first))
        {
            self.body.casts.push((id, of));
        }
    }

    fn params(&mut self, parameters: &ast::Parameters, annotations: &[Option<Symbol>], defaults: &[Default]) {
        let mut index = 0;
        let groups = [
            (&parameters.posonlyargs, ParamKind::PositionalOnly),
            (&parameters.args, ParamKind::Positional),
            (&parameters.kwonlyargs, ParamKind::KeywordOnly),
        ];
        for (group, kind) in groups {
            for parameter in group {
                let default = defaults.get(index).copied().flatten();
                let annotation = annotations.get(index).copied().flatten();
                self.param(&parameter.parameter, kind, annotation, default);
                index += 1;
            }
            if kind == ParamKind::Positional
                && let Some(star) = &parameters.vararg
            {
                self.param(star, ParamKind::Star, None, None);
            }
        }
        if let Some(stars) = &parameters.kwarg {
            self.param(stars, ParamKind::DoubleStar, None, None);
        }
    }

    fn param(&mut self, of: &ast::Parameter, kind: ParamKind, annotation: Option<Symbol>, default: Default) {
        let name = self.intern(&of.name.id);
        let local = self.local(name, span(&of.name));
        let (literal, named_default): (Option<Const>, Option<Symbol>) = match default {
            Some((Operand::Const(literal), _)) => (Some(literal), None),
            Some((_, named)) => (None, named),
            None => (None, None),
        };
        self.body.params.push(Param {
            local,
            kind,
            annotation,
            default: literal,
            named_default,
            has_default: default.is_some(),
        });
    }
}

/// Where `def` begins, after the decorators.
fn keyword_start(def: &ast::StmtFunctionDef) -> u32 {
    let start = def.decorator_list.last().map_or(span(def).start, |last| span(last).end);
    start.max(span(def).start)
}

/// Whether an annotation is of text, numbers, or lists of these: `list[str] | None`.
fn is_plain(annotation: &Expr) -> bool {
    match annotation {
        Expr::Name(name) => matches!(
            name.id.as_str(),
            "str"
                | "int"
                | "float"
                | "bool"
                | "list"
                | "List"
                | "set"
                | "Set"
                | "tuple"
                | "Tuple"
                | "Optional"
                | "Sequence"
                | "Union"
        ),
        Expr::Attribute(attribute) => {
            matches!(attribute.attr.as_str(), "List" | "Optional" | "Sequence" | "Union")
        }
        Expr::NoneLiteral(_) | Expr::EllipsisLiteral(_) => true,
        Expr::Subscript(generic) => is_plain(&generic.value) && is_plain(&generic.slice),
        Expr::Tuple(parts) => parts.elts.iter().all(is_plain),
        Expr::BinOp(union) => {
            union.op == ast::Operator::BitOr && is_plain(&union.left) && is_plain(&union.right)
        }
        _ => false,
    }
}
