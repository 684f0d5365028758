//! Who calls the functions of the program from outside, told once for all of them: by decorators, by bases of classes, by
//! calls that hand a function over. Also which parameters are requests, and which get what a dependency returns.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::Symbol;
use crate::ir::{ArgKind, Body, Call, Const, LocalId, Op, Operand, ParamKind, Rvalue, Step, Unit};
use crate::models::{Argument, Caller, Kinds, Models, Registrar, Threat};
use crate::program::{ClassIx, FuncId, Meaning, Module, Program};
use crate::taint::body::Analyzer;
use crate::taint::demand::Mask;
use crate::taint::entry;
use crate::taint::summary::{From, Port, Summary};
use crate::taint::value::{Key, Label, Tree};

/// Who calls a function from outside.
#[derive(Clone, Debug)]
pub(super) struct Called<'m> {
    pub(super) threat: Threat,
    /// What text that it returns is dangerous for.
    pub(super) returns: Kinds,
    /// Value path of its first parameter, which the framework makes.
    pub(super) request: Option<&'m str>,
    /// The parameters that the outsider controls; empty for all that no framework makes.
    pub(super) params: &'m [String],
    /// The texts beside the function in the calls that hand it over: routes.
    pub(super) routes: Vec<Box<str>>,
}

/// What a function is handed over as.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Handed {
    Func(FuncId),
    Class(ClassIx),
    Instance(ClassIx),
}

/// What is known of all functions.
#[derive(Default)]
pub(super) struct Callers<'m> {
    called: FxHashMap<FuncId, Called<'m>>,
    /// Parameters that hold requests, whatever they are called.
    requests: FxHashSet<(FuncId, usize)>,
    /// Attributes in which methods keep such a parameter.
    kept: FxHashSet<(ClassIx, Symbol)>,
    /// Parameters that get what a function returns: `Depends(f)`.
    injected: FxHashMap<(FuncId, usize), Handed>,
}

impl<'m> Callers<'m> {
    pub(super) fn new(program: &Program<'_>, models: &'m Models, is_web: bool) -> Self {
        let all: Vec<FuncId> = program.funcs().collect();
        let by_name: Vec<Option<(FuncId, Called<'m>)>> =
            all.par_iter().map(|id| Some((*id, called_by(program, models, *id)?))).collect();
        let handed: Vec<Found<'m>> = all.par_iter().map(|id| handed_by(program, models, *id)).collect();
        let mut callers = Self { called: by_name.into_iter().flatten().collect(), ..Self::default() };
        for found in handed {
            for (id, called) in found.called {
                match callers.called.get_mut(&id) {
                    Some(known) => known.routes.extend(called.routes),
                    None => drop(callers.called.insert(id, called)),
                }
            }
            callers.injected.extend(found.injected);
        }
        callers.follow_requests(program, models, is_web);
        callers
    }

    /// Who calls a function from outside.
    pub(super) fn of(&self, id: FuncId) -> Option<&Called<'m>> {
        self.called.get(&id)
    }

    /// Whether instances of a class keep a request under `name`.
    pub(super) fn is_request_attr(&self, program: &Program<'_>, class: ClassIx, name: Symbol) -> bool {
        !self.kept.is_empty() && program.above(class).iter().any(|class| self.kept.contains(&(*class, name)))
    }

    /// Whether the parameter at `index` holds a request.
    pub(super) fn is_request(&self, id: FuncId, index: usize) -> bool {
        self.requests.contains(&(id, index))
    }

    /// Value path of the callee of a method of the request that a function is called with.
    pub(super) fn request_call(
        &self,
        module: &Module<'_>,
        (id, body): (FuncId, &Body),
        call: &Call,
    ) -> Option<String> {
        let request = self.called.get(&id)?.request?;
        let first = body.params.iter().position(|param| call.callee.base == Operand::Local(param.local))?;
        if !self.is_request(id, first) {
            return None;
        }
        let mut path = request.to_owned();
        for step in module.unit.paths.steps(call.callee.path) {
            match step {
                Step::Attr(name) => path.extend([".", module.unit.text(name)]),
                Step::Item(_) | Step::Element => path.push_str("[]"),
            }
        }
        Some(path)
    }

    /// What makes the parameter at `index`.
    pub(super) fn injected(&self, id: FuncId, index: usize) -> Option<Handed> {
        self.injected.get(&(id, index)).copied()
    }

    /// The functions that make parameters, after the functions these are of; sorted.
    pub(super) fn dependencies(&self, program: &Program<'_>) -> Vec<(FuncId, FuncId)> {
        let func = |handed: &Handed| match handed {
            Handed::Func(func) => Some(*func),
            Handed::Class(class) => program.method(*class, program.symbol("__init__")?),
            Handed::Instance(class) => program.method(*class, program.symbol("__call__")?),
        };
        let pairs = self.injected.iter().filter_map(|((id, _), handed)| Some((*id, func(handed)?)));
        let mut pairs: Vec<(FuncId, FuncId)> = pairs.collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// Finds the parameters that requests are handed to, by whatever name.
    fn follow_requests(&mut self, program: &Program<'_>, models: &Models, is_web: bool) {
        let firsts: Vec<(FuncId, usize)> = self
            .called
            .iter()
            .filter(|(_, called)| called.request.is_some())
            .map(|(id, _)| (*id, first(program, *id)))
            .collect();
        self.requests.extend(firsts);
        let mut todo: Vec<FuncId> = program.funcs().collect();
        while !todo.is_empty() {
            let found: Vec<HandedOn> =
                todo.par_iter().map(|id| self.handed_on(program, models, *id, is_web)).collect();
            let mut next: FxHashSet<FuncId> = FxHashSet::default();
            for found in found {
                self.kept.extend(found.kept);
                next.extend(found.params.iter().filter(|at| self.requests.insert(**at)).map(|at| at.0));
            }
            todo = next.into_iter().collect();
        }
    }

    /// The parameters of callees that a function hands a request to.
    fn handed_on(&self, program: &Program<'_>, models: &Models, id: FuncId, is_web: bool) -> HandedOn {
        let (module, _, body) = program.func(id);
        if module.is_test {
            return HandedOn::default();
        }
        let own: Vec<LocalId> = body
            .params
            .iter()
            .enumerate()
            .filter(|(index, param)| {
                self.is_request(id, *index)
                    || is_named_request(program, id, param.local, param.annotation.is_some(), is_web)
            })
            .map(|(_, param)| param.local)
            .collect();
        let is_request = |operand: Operand| match operand {
            Operand::Local(local) => own.contains(&local),
            Operand::Global(name) => {
                matches!(module.meaning(name), Meaning::Outside(path) if path.ends_with("equest") && models.has_type(path))
            }
            Operand::Const(_) => false,
        };
        let mut found = HandedOn::default();
        if let (Some(class), Some(me), false) = (program.class_of(id), body.params.first(), own.is_empty()) {
            for inst in body.blocks.iter().flat_map(|block| &block.insts) {
                if let Op::Store(place, value) = &inst.op
                    && place.base == Operand::Local(me.local)
                    && is_request(*value)
                    && let [Step::Attr(name)] = module.unit.paths.steps(place.path)[..]
                {
                    found.kept.push((class, module.global(name)));
                }
            }
        }
        for call in body.calls.iter().filter(|call| call.args.iter().any(|arg| is_request(arg.value))) {
            for callee in program.callees(module, program.class_of(id), call) {
                let (of, _, target) = program.func(callee);
                let skip = first(program, callee);
                for (at, arg) in call.args.iter().enumerate().filter(|(_, arg)| is_request(arg.value)) {
                    let index = match arg.kind {
                        ArgKind::Positional => Some(at + skip),
                        ArgKind::Keyword(name) => target.params.iter().position(|param| {
                            let known = target.locals[param.local].name;
                            known.is_some_and(|known| of.unit.text(known) == module.unit.text(name))
                        }),
                        ArgKind::Star | ArgKind::DoubleStar => None,
                    };
                    let param = index.and_then(|index| Some((index, target.params.get(index)?)));
                    if let Some((index, param)) = param
                        && param.annotation.is_none()
                        && matches!(
                            param.kind,
                            ParamKind::Positional | ParamKind::PositionalOnly | ParamKind::KeywordOnly
                        )
                    {
                        found.params.push((callee, index));
                    }
                }
            }
        }
        found
    }
}

/// Where a function hands requests on.
#[derive(Default)]
struct HandedOn {
    params: Vec<(FuncId, usize)>,
    kept: Vec<(ClassIx, Symbol)>,
}

/// Index of the first parameter that a caller passes.
fn first(program: &Program<'_>, id: FuncId) -> usize {
    let (module, _, body) = program.func(id);
    let is_static = body
        .decorators
        .iter()
        .any(|decorator| decorator.name.is_some_and(|name| module.unit.text(name) == "staticmethod"));
    usize::from(body.class.is_some() && !is_static)
}

/// Whether a parameter is a request by its name.
pub(super) fn is_named_request(
    program: &Program<'_>,
    id: FuncId,
    local: LocalId,
    is_annotated: bool,
    is_web: bool,
) -> bool {
    let (module, _, body) = program.func(id);
    let name = body.locals[local].name.map_or("", |name| module.unit.text(name));
    if is_annotated || !matches!(name, "request" | "req") || !entry::is_web(module.unit, is_web) {
        return false;
    }
    // What is called with a request may be a middleware, or what signs requests that are to be sent.
    let is_call = module.unit.text(body.name).ends_with(".__call__");
    let is_middleware = || {
        let init = program.symbol("__init__").and_then(|init| program.method(program.class_of(id)?, init));
        init.is_some_and(|init| {
            let (module, _, body) = program.func(init);
            let mut names = body.params.iter().filter_map(|param| body.locals[param.local].name);
            names.any(|name| module.unit.text(name) == "get_response")
        })
    };
    !is_call || entry::answers(module.unit) || is_middleware()
}

/// Whether a function has the form of the handlers that AWS Lambda calls.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html>.
fn is_lambda_handler(unit: &Unit, body: &Body) -> bool {
    let [event, context] = &body.params[..] else { return false };
    let named =
        |local: LocalId, wanted| body.locals[local].name.is_some_and(|name| unit.text(name) == wanted);
    body.parent.is_some()
        && named(event.local, "event")
        && named(context.local, "context")
        && unit.text(body.name).ends_with("handler")
}

fn called<'m>(caller: &'m Caller, routes: Vec<Box<str>>) -> Called<'m> {
    Called {
        threat: caller.threat,
        returns: caller.returns,
        request: caller.request.as_deref(),
        params: &caller.params,
        routes,
    }
}

/// Who calls a function from outside, by its decorators, its class or its form.
fn called_by<'m>(program: &Program<'_>, models: &'m Models, id: FuncId) -> Option<Called<'m>> {
    let (module, _, body) = program.func(id);
    if body.decorators.is_empty() && body.class.is_none() {
        return is_lambda_handler(module.unit, body).then_some(Called {
            threat: Threat::Remote,
            returns: Kinds::NONE,
            request: None,
            params: &[],
            routes: Vec::new(),
        });
    }
    let decorators = || {
        body.decorators.iter().filter_map(|decorator| match module.meaning(decorator.name?) {
            Meaning::Outside(path) => Some(&**path),
            _ => None,
        })
    };
    let mut found: Option<Called<'m>> = None;
    for caller in decorators().filter_map(|path| models.entry_by_decorator(path)) {
        match &mut found {
            Some(known) => {
                known.returns = known.returns.with(caller.returns);
                known.request = known.request.or(caller.request.as_deref());
            }
            None => found = Some(called(caller, Vec::new())),
        }
    }
    found.or_else(|| {
        let class = program.class_of(id)?;
        let name = module.unit.text(body.name);
        let method = name.rsplit('.').next().unwrap_or(name);
        let outside = program.outside_bases(class);
        let found = outside.into_iter().find_map(|base| models.entry_by_base(base, method));
        // What is generated lies in the program at times.
        let own = || {
            let above = program.above(class).iter().skip(1);
            let mut names = above.map(|base| program.text(program.classes[*base].name));
            names.find_map(|base| models.entry_by_pattern(base, method))
        };
        found.or_else(own).map(|caller| called(caller, Vec::new()))
    })
}

/// What a function hands over.
#[derive(Default)]
struct Found<'m> {
    called: Vec<(FuncId, Called<'m>)>,
    injected: Vec<((FuncId, usize), Handed)>,
}

fn handed_by<'m>(program: &Program<'_>, models: &'m Models, id: FuncId) -> Found<'m> {
    let (module, _, body) = program.func(id);
    let mut found = Found::default();
    if module.is_test {
        return found;
    }
    let at = Place { program, module, body };
    for call in body.calls.iter() {
        let path = match call.name.map(|name| module.meaning(name)) {
            Some(Meaning::Outside(path)) => Some(&**path),
            _ => None,
        };
        // `app.route("/x")(f)`, `login_required(f)`
        if let Some(caller) = path.and_then(|path| models.entry_by_decorator(path)) {
            let mut handed = Vec::new();
            call.positional(0).into_iter().for_each(|arg| at.handed(arg.value, 0, &mut handed));
            for handed in handed {
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
            let param = if registrar.caller.injects { at.parameter(id, call) } else { None };
            if let Some((func, index)) = param {
                if handed.is_empty()
                    && call.args.is_empty()
                    && let Some(annotation) = program.func(func).2.params[index].annotation
                    && let Meaning::Class(class) = module.meaning(annotation)
                {
                    handed.push(Handed::Class(*class));
                }
                found.injected.extend(handed.first().map(|first| ((func, index), *first)));
            }
            let routes = at.texts(call);
            for func in handed.into_iter().flat_map(|handed| at.functions(handed, registrar)) {
                found.called.push((func, called(&registrar.caller, routes.clone())));
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
        let func = program.symbol(name).and_then(|name| program.method(class, name))?;
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

    /// What a function returns, or yields, that is called with nothing of ours.
    fn made_by(&self, summary: &Summary) -> Tree {
        let mut tree = summary.shape.as_deref().cloned().unwrap_or_default();
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

/// A body that hands functions over.
struct Place<'p, 'a> {
    program: &'p Program<'a>,
    module: &'p Module<'a>,
    body: &'p Body,
}

impl Place<'_, '_> {
    /// Whether the receiver is called as a registrar by method wants it.
    fn fits(&self, call: &Call, registrar: &Registrar) -> bool {
        if registrar.receivers.is_empty() {
            return true;
        }
        let steps = self.module.unit.paths.steps(call.callee.path);
        let last = steps.iter().rev().nth(1).map_or_else(
            || match call.callee.base {
                Operand::Local(local) => self.body.locals[local].name,
                Operand::Global(name) => Some(name),
                Operand::Const(_) => None,
            },
            |step| match step {
                Step::Attr(name) => Some(*name),
                Step::Item(_) | Step::Element => None,
            },
        );
        let Some(last) = last.map(|name| self.module.unit.text(name)) else { return false };
        let last = last.rsplit('.').next().unwrap_or(last);
        registrar.receivers.iter().any(|known| last == known)
    }

    fn arguments(&self, call: &Call, registrar: &Registrar) -> Vec<Handed> {
        let given = registrar.at.iter().filter_map(|at| match at {
            Argument::Index(index) => call.positional(*index),
            Argument::Name(name) => call.args.iter().find(
                |arg| matches!(arg.kind, ArgKind::Keyword(known) if self.module.unit.text(known) == name),
            ),
        });
        let mut found = Vec::new();
        given.for_each(|arg| self.handed(arg.value, 0, &mut found));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The functions, classes and instances that a value is, holds, or was made of by decorators.
    fn handed(&self, operand: Operand, depth: u32, out: &mut Vec<Handed>) {
        /// Deepest nesting of calls and displays.
        const MAX_DEPTH: u32 = 4;
        let value = match operand {
            Operand::Local(local) => self.body.locals[local].value,
            Operand::Global(name) => Some(name),
            Operand::Const(_) => None,
        };
        match value.map(|value| self.module.meaning(value)) {
            // What a decorator of the program returns runs what it was given.
            Some(Meaning::Function(func) | Meaning::Method(func, _)) => out.push(Handed::Func(*func)),
            Some(Meaning::Class(class)) => return out.push(Handed::Class(*class)),
            Some(Meaning::Instance(class)) => return out.push(Handed::Instance(*class)),
            Some(Meaning::Module(_) | Meaning::Outside(_) | Meaning::Unknown) | None => {}
        }
        let Operand::Local(local) = operand else { return };
        if depth >= MAX_DEPTH {
            return;
        }
        for inst in self.body.blocks.iter().flat_map(|block| &block.insts) {
            match &inst.op {
                Op::Let(to, value) if *to == local => match value {
                    Rvalue::Function(_) if !out.is_empty() => {}
                    Rvalue::Function(func) => out.push(Handed::Func(self.program.of(self.module, *func))),
                    Rvalue::Use(value) => self.handed(*value, depth + 1, out),
                    Rvalue::List(items) | Rvalue::Tuple(items) => {
                        items.iter().for_each(|item| self.handed(*item, depth + 1, out));
                    }
                    Rvalue::Dict(items) => {
                        items.iter().for_each(|(_, item)| self.handed(*item, depth + 1, out));
                    }
                    _ => {}
                },
                Op::Call(to, call) if *to == local => {
                    let call = &self.body.calls[*call];
                    // `View.as_view()`
                    if self.module.unit.text(call.method) == "as_view" {
                        self.handed(call.callee.base, depth + 1, out);
                    }
                    // `login_required(view)`
                    call.args.iter().for_each(|arg| self.handed(arg.value, depth + 1, out));
                }
                _ => {}
            }
        }
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

    /// The texts that are passed beside.
    fn texts(&self, call: &Call) -> Vec<Box<str>> {
        let texts = call.args.iter().filter_map(|arg| match arg.value {
            Operand::Const(Const::Str(text)) => Some(self.module.unit.text(text).into()),
            _ => None,
        });
        texts.collect()
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
