//! What calls hand over: the functions among their arguments, for [`Callers`](super::callers::Callers). In: the calls of
//! one function and the packs. Out: who calls what from outside, and which parameters dependencies make.

use std::sync::Arc;

use crate::base::Symbol;
use crate::flow::defined;
use crate::ir::{Alias, ArgKind, Body, Call, Const, Inst, LocalId, Op, Operand, Rvalue, Step};
use crate::models::{Argument, Models, Registrar};
use crate::program::{ClassIx, FuncId, Meaning, Module, Program};
use crate::python::ast::Operator;
use crate::taint::body::Analyzer;
use crate::taint::callers::{Called, called};
use crate::taint::demand::Mask;
use crate::taint::summary::{From, Port, Summary};
use crate::taint::value::{Callee, Key, Label, Tree, proxy_key};

/// What a function is handed over as.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Handed {
    Func(FuncId),
    Class(ClassIx),
    Instance(ClassIx),
}

/// Most definitions of one variable that are looked at.
const MAX_DEFS: usize = 4;

/// What a function hands over.
#[derive(Default)]
pub(super) struct Found<'m> {
    pub(super) called: Vec<(FuncId, Called<'m>)>,
    pub(super) injected: Vec<((FuncId, usize), Handed)>,
    /// What makes the parameters that are annotated with a name: `Reader = Annotated[User, Depends(user)]`.
    pub(super) aliased: Vec<(Symbol, Handed)>,
}

/// What a function hands over.
pub(super) fn handed_by<'m>(program: &Program<'_>, models: &'m Models, id: FuncId) -> Found<'m> {
    let (module, _, body) = program.func(id);
    let mut found = Found::default();
    if module.is_test {
        return found;
    }
    let at = Place { program, module, body };
    at.stored(models, &mut found);
    for call in body.calls.iter() {
        let path = match call.name.map(|name| module.meaning(name)) {
            Some(Meaning::Outside(path)) => Some(&**path),
            // What is generated may be part of the program.
            Some(Meaning::Function(_)) => call.name.map(|name| module.unit.text(name)),
            _ => None,
        };
        // `app.route("/x")(f)`, `login_required(f)`
        if let Some(caller) = path.and_then(|path| models.entry_by_decorator(path)) {
            let mut handed = Vec::new();
            call.positional(0).into_iter().for_each(|arg| at.handed(arg.value, (0, &[]), &mut handed));
            for (handed, _) in handed {
                if let Handed::Func(func) = handed {
                    found.called.push((func, called(caller, Vec::new())));
                }
            }
        }
        for registrar in models.registrars(path, module.unit.text(call.method)) {
            if !at.fits(call, registrar) {
                continue;
            }
            let mut handed = at.arguments(call, registrar);
            if registrar.caller.injects {
                at.injects(id, call, &mut handed, &mut found);
            }
            for (handed, routes) in handed {
                for func in at.functions(handed, registrar) {
                    found.called.push((func, called(&registrar.caller, routes.clone())));
                }
            }
        }
    }
    found
}

impl Analyzer<'_, '_> {
    /// What a dependency gives the parameter at `index`.
    pub(super) fn injected(&self, index: usize) -> Option<Tree> {
        let handed = self.world.callers.injected(self.id, index)?;
        let (name, class) = match handed {
            Handed::Func(func) => return Some(self.made_by(&*self.summary(func, Mask::NONE)?)),
            Handed::Class(class) => ("__init__", class),
            Handed::Instance(class) => ("__call__", class),
        };
        let program = self.world.program;
        let Some(func) = program.symbol(name).and_then(|name| program.method(class, name)) else {
            return self.by_fields(index, class);
        };
        let summary = self.summary(func, Mask::NONE)?;
        if name == "__call__" {
            return Some(self.made_by(&summary));
        }
        let mut tree = Tree { class: Some(class), ..Tree::default() };
        for (param, path, from) in &summary.effects {
            if let (0, Some(label)) = (*param, self.made_label(from)) {
                tree.join_at(path, &Tree::labeled(vec![label]));
            }
        }
        Some(tree)
    }

    /// What the function gives that a proxy stands for: `LocalProxy(get_store)`.
    pub(super) fn behind_proxy(&self, tree: &Tree) -> Option<Arc<Tree>> {
        let func = tree.field(&proxy_key())?.funcs.first()?;
        let Callee::Own(func) = func.func else { return None };
        Some(Arc::new(self.made_by(&*self.summary(func, Mask::NONE)?)))
    }

    /// An instance of a class without a constructor of its own, whose fields are filled in from the request.
    fn by_fields(&self, index: usize, class: ClassIx) -> Option<Tree> {
        let called = self.world.callers.of(self.id)?;
        self.world.program.classes[class].fields.first()?;
        let local = self.body.params[index].local;
        let name = crate::taint::body::param_name(self.module, self.body, local);
        let span = self.body.locals[local].span;
        let mut tree =
            Tree::labeled(vec![self.source(span, name, called.threat, "comes in here from outside")]);
        self.as_made(class, &mut tree);
        Some(tree)
    }

    /// What a function returns, or yields, that is called with nothing of ours.
    fn made_by(&self, summary: &Summary) -> Tree {
        let made = summary.shape.as_deref();
        let mut tree = match made.map(|made| &made.fields[..]) {
            Some([(Key::Any, yielded)]) => Tree::clone(yielded),
            _ => made.cloned().unwrap_or_default(),
        };
        for (path, from) in &summary.returns {
            let path = path.strip_prefix(&[Key::Any]).unwrap_or(path);
            match self.made_label(from) {
                Some(label) if path.is_empty() => drop(tree.add(&label)),
                Some(label) => drop(tree.join_at(path, &Tree::labeled(vec![label]))),
                None => {}
            }
        }
        tree
    }

    fn made_label(&self, from: &From) -> Option<Label> {
        let Port::Source(_) = from.port else { return None };
        let label = self.label(from.port.clone(), from.via.clone());
        Some(Label { kinds: from.kinds, ..label })
    }
}

/// Texts that stand beside a function.
type Routes = Vec<Box<str>>;

/// A body that hands functions over.
#[derive(Clone, Copy)]
struct Place<'p, 'a> {
    program: &'p Program<'a>,
    module: &'p Module<'a>,
    body: &'p Body,
}

impl Place<'_, '_> {
    /// Notes what a dependency makes: the parameter that it stands beside, or those that are annotated with its name.
    fn injects(&self, id: FuncId, call: &Call, handed: &mut Vec<(Handed, Routes)>, found: &mut Found<'_>) {
        let is_within =
            |alias: &&Alias| alias.span.start <= call.span.start && call.span.end <= alias.span.end;
        let param = self.parameter(id, call);
        let alias = self.module.unit.aliases.iter().find(is_within);
        let annotation = match param {
            Some((func, index)) => self.program.func(func).2.params[index].annotation,
            None => alias.map(|alias| alias.of),
        };
        // `Depends()` calls what is annotated.
        if handed.is_empty()
            && call.args.is_empty()
            && let Some(Meaning::Class(class)) = annotation.map(|annotation| self.module.meaning(annotation))
        {
            handed.push((Handed::Class(*class), Vec::new()));
        }
        let Some((first, _)) = handed.first() else { return };
        match (param, alias) {
            (Some(param), _) => found.injected.push((param, *first)),
            (None, Some(alias)) => found.aliased.push((self.module.global(alias.name), *first)),
            (None, None) => {}
        }
    }

    /// Whether the receiver is called as a registrar by method wants it.
    fn fits(&self, call: &Call, registrar: &Registrar) -> bool {
        let Some((before, _)) = self.module.unit.paths.split(call.callee.path) else {
            return registrar.receivers.is_empty();
        };
        registrar.receivers.is_empty() || registrar.takes(self.last_name(call.callee.base, before))
    }

    /// What is handed over by storing it: `client.on_message = show`.
    fn stored<'m>(&self, models: &'m Models, found: &mut Found<'m>) {
        let unit = self.module.unit;
        for inst in self.body.blocks.iter().flat_map(|block| &block.insts) {
            let Op::Store(place, value) = &inst.op else { continue };
            let Some((before, Step::Attr(name))) = unit.paths.split(place.path) else { continue };
            if !models.is_handed_as(unit.text(name)) {
                continue;
            }
            let (name, receiver) = (format!("{}=", unit.text(name)), self.last_name(place.base, before));
            let fits = |registrar: &&Registrar| registrar.takes(receiver);
            let registrars: Vec<&Registrar> = models.registrars(None, &name).filter(fits).collect();
            let mut handed = Vec::new();
            if !registrars.is_empty() {
                self.handed(*value, (0, &[]), &mut handed);
            }
            for (func, registrar) in
                handed.iter().flat_map(|(func, _)| registrars.iter().map(move |by| (func, by)))
            {
                if let Handed::Func(func) = func {
                    found.called.push((*func, called(&registrar.caller, Vec::new())));
                }
            }
        }
    }

    /// The name that an object goes by where it is written.
    fn last_name(&self, base: Operand, path: crate::ir::PathId) -> &str {
        let unit = self.module.unit;
        let name = match unit.paths.steps(path).last() {
            Some(Step::Attr(name)) => Some(*name),
            Some(_) => None,
            None => match base {
                Operand::Local(local) => self.body.locals[local].name,
                Operand::Global(name) => Some(name),
                Operand::Const(_) => None,
            },
        };
        let name = name.map_or("", |name| unit.text(name));
        name.rsplit('.').next().unwrap_or(name)
    }

    /// What a call hands over, with the routes.
    fn arguments(&self, call: &Call, registrar: &Registrar) -> Vec<(Handed, Routes)> {
        let given = registrar.at.iter().filter_map(|at| match at {
            Argument::Index(index) => call.positional(*index),
            Argument::Name(name) => call.args.iter().find(
                |arg| matches!(arg.kind, ArgKind::Keyword(known) if self.module.unit.text(known) == name),
            ),
        });
        let routes = self.texts(call.args.iter().map(|arg| arg.value));
        let mut found = Vec::new();
        given.for_each(|arg| self.handed(arg.value, (0, &routes), &mut found));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The functions, classes and instances that a value is, holds, or was made of by decorators; each with the texts that
    /// stand nearest to it.
    fn handed(&self, operand: Operand, (depth, routes): (u32, &[Box<str>]), out: &mut Vec<(Handed, Routes)>) {
        /// Deepest nesting of calls and displays.
        const MAX_DEPTH: u32 = 5;
        let value = match operand {
            Operand::Local(local) => self.body.locals[local].value,
            Operand::Global(name) => Some(name),
            Operand::Const(_) => None,
        };
        let mut push = |handed| out.push((handed, routes.to_vec()));
        match value.map(|value| self.module.meaning(value)) {
            // What a decorator of the program returns runs what it was given.
            Some(Meaning::Function(func) | Meaning::Method(func, _)) => push(Handed::Func(*func)),
            Some(Meaning::Class(class)) => return push(Handed::Class(*class)),
            Some(Meaning::Instance(class)) => return push(Handed::Instance(*class)),
            Some(Meaning::Module(_) | Meaning::Outside(_) | Meaning::Unknown) | None => {}
        }
        if depth >= MAX_DEPTH {
            return;
        }
        let local = match operand {
            Operand::Local(local) => local,
            Operand::Global(name) => return self.table(name, (depth + 1, routes), out),
            Operand::Const(_) => return,
        };
        let insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        let defines = |inst: &&Inst| matches!(&inst.op, Op::Let(to, _) | Op::Call(to, _) if *to == local);
        for inst in insts.filter(defines).take(MAX_DEFS) {
            match &inst.op {
                Op::Let(_, value) => match value {
                    Rvalue::Function(_) if !out.is_empty() => {}
                    Rvalue::Function(func) => {
                        out.push((Handed::Func(self.program.of(self.module, *func)), routes.to_vec()));
                    }
                    Rvalue::Use(value) => self.handed(*value, (depth + 1, routes), out),
                    Rvalue::List(items) | Rvalue::Tuple(items) => {
                        let own = self.texts(items.iter().copied());
                        let routes = if own.is_empty() { routes } else { &own };
                        items.iter().for_each(|item| self.handed(*item, (depth + 1, routes), out));
                    }
                    _ => {}
                },
                Op::Call(_, call) => {
                    let call = &self.body.calls[*call];
                    let own = self.texts(call.args.iter().map(|arg| arg.value));
                    let routes = if own.is_empty() { routes } else { &own };
                    // `View.as_view()`
                    if self.module.unit.text(call.method) == "as_view" {
                        match self.class_at(call.callee) {
                            Some(class) => out.push((Handed::Class(class), routes.to_vec())),
                            None => self.handed(call.callee.base, (depth + 1, routes), out),
                        }
                    }
                    // `login_required(view)`
                    call.args.iter().for_each(|arg| self.handed(arg.value, (depth + 1, routes), out));
                }
                _ => {}
            }
        }
    }

    /// What a variable of the file holds.
    fn table(
        &self,
        name: crate::base::Symbol,
        (depth, routes): (u32, &[Box<str>]),
        out: &mut Vec<(Handed, Routes)>,
    ) {
        let Some(body) = self.module.unit.bodies.iter().next() else { return };
        let at = Place { body, ..*self };
        let stores = body.blocks.iter().flat_map(|block| &block.insts).filter_map(|inst| match inst.op {
            Op::Store(place, value) if place == crate::ir::Place::bare(Operand::Global(name)) => Some(value),
            _ => None,
        });
        stores.take(MAX_DEFS).for_each(|value| at.handed(value, (depth, routes), out));
    }

    /// The class in `views.Yard.as_view`, also where that file only hands it on.
    fn class_at(&self, callee: crate::ir::Place) -> Option<ClassIx> {
        let Operand::Global(base) = callee.base else { return None };
        let [Step::Attr(name), _] = self.module.unit.paths.steps(callee.path)[..] else { return None };
        let full = self.program.member(self.module, base, self.module.unit.text(name))?;
        self.program.classes.pairs().find(|(_, info)| info.name == full).map(|(class, _)| class)
    }

    /// The functions that who gets `handed` calls.
    fn functions(&self, handed: Handed, registrar: &Registrar) -> Vec<FuncId> {
        let (class, other) = match handed {
            Handed::Func(func) => return vec![func],
            Handed::Class(class) => (class, "__call__"),
            Handed::Instance(class) => (class, "__init__"),
        };
        let methods =
            self.program.above(class).iter().flat_map(|class| &self.program.classes[*class].methods).filter(
                |(name, _)| {
                    let name = self.program.text(**name);
                    name != other && registrar.means(name)
                },
            );
        let mut found: Vec<FuncId> = methods.map(|(_, func)| *func).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The texts among some values.
    fn texts(&self, values: impl Iterator<Item = Operand>) -> Routes {
        values.filter_map(|value| self.text(value, 0)).map(String::into_boxed_str).collect()
    }

    /// A text that is constant, also one put together: `PREFIX + "/files"`, `r"/users/%s" % NAME`.
    fn text(&self, value: Operand, depth: u32) -> Option<String> {
        /// Deepest nesting of texts.
        const MAX_DEPTH: u32 = 6;
        if depth > MAX_DEPTH {
            return None;
        }
        let at = |value: Operand| self.text(value, depth + 1);
        let local = match value {
            Operand::Const(Const::Str(text)) => return Some(self.module.unit.text(text).to_owned()),
            Operand::Const(_) => return None,
            Operand::Global(name) => {
                let body = self.module.unit.bodies.iter().next()?;
                let mut stores = insts(body).filter_map(|inst| match inst.op {
                    Op::Store(place, value) if place == crate::ir::Place::bare(Operand::Global(name)) => {
                        Some(value)
                    }
                    _ => None,
                });
                let (Some(only), None) = (stores.next(), stores.next()) else { return None };
                return Place { body, ..*self }.text(only, depth + 1);
            }
            Operand::Local(local) => local,
        };
        let mut made = insts(self.body).filter(|inst| defined(inst) == Some(local));
        let (Some(made), None) = (made.next(), made.next()) else { return None };
        let Op::Let(_, made) = &made.op else { return None };
        match made {
            Rvalue::Use(value) => at(*value),
            Rvalue::Binary(Operator::Add, left, right) => Some(at(*left)? + &at(*right)?),
            Rvalue::Format(parts) => parts.iter().map(|part| at(*part)).collect(),
            Rvalue::Binary(Operator::Mod, template, given) => {
                let template = at(*template)?;
                let (before, after) = template.split_once("%s").filter(|(_, after)| !after.contains('%'))?;
                Some(format!("{before}{}{after}", at(*given)?))
            }
            _ => None,
        }
    }

    /// The parameter whose default or annotation a call in the body around is.
    fn parameter(&self, outer: FuncId, call: &Call) -> Option<(FuncId, usize)> {
        let bodies = self.module.unit.bodies.pairs();
        let (id, body) = bodies
            .filter(|(_, body)| {
                body.parent.is_some_and(|parent| self.program.of(self.module, parent) == outer)
            })
            .find(|(_, body)| body.span.start <= call.span.start && call.span.end <= body.span.end)?;
        let start = |local: LocalId| body.locals[local].span.start;
        let before = body.params.iter().enumerate().filter(|(_, param)| start(param.local) < call.span.start);
        let (index, _) = before.max_by_key(|(_, param)| start(param.local))?;
        Some((self.program.of(self.module, id), index))
    }
}

fn insts(body: &Body) -> impl Iterator<Item = &Inst> {
    body.blocks.iter().flat_map(|block| &block.insts)
}
