//! Who calls the functions of the program from outside, told once for all of them: by decorators, by bases of classes, by
//! calls that hand a function over. Also which parameters are requests, and which get what a dependency returns.

use std::collections::hash_map::Entry;
use std::sync::OnceLock;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::Symbol;
use crate::ir::{ArgKind, Body, BodyKind, Call, Decorator, LocalId, Op, Operand, ParamKind, Step};
use crate::models::{Caller, Kinds, Models, Threat};
use crate::program::{ClassIx, FuncId, Meaning, Module, Program};
use crate::taint::entry;
use crate::taint::forms::{Form, form_of};
use crate::taint::registered::{Found, Handed, handed_by};
use crate::taint::routes::{Named, named};

/// Who calls a function from outside.
#[derive(Clone, Debug)]
pub(super) struct Called<'m> {
    pub(super) threat: Threat,
    /// What text that it returns is dangerous for.
    pub(super) returns: Kinds,
    /// Value path of its first parameter, which the framework makes.
    pub(super) request: Option<&'m str>,
    /// Value path of the one behind it, if the framework makes that too.
    pub(super) response: Option<&'m str>,
    /// The parameters that the outsider controls; empty for all that no framework makes.
    pub(super) params: &'m [String],
    /// Whether all that it controls are the parts of the address that routes name.
    pub(super) by_route: bool,
    /// The texts beside the function in the calls that hand it over: routes.
    pub(super) routes: Vec<Box<str>>,
    /// The form by which a server calls it.
    pub(super) form: Option<Form>,
}

/// What is known of all functions.
#[derive(Default)]
pub(super) struct Callers<'m> {
    called: FxHashMap<FuncId, Called<'m>>,
    /// Parameters that hold requests, whatever they are called, with the value path of these where it is known.
    requests: FxHashMap<(FuncId, usize), Option<&'m str>>,
    /// Attributes in which methods keep such a parameter, with the same.
    kept: FxHashMap<(ClassIx, Symbol), Option<&'m str>>,
    /// Parameters that get what a function returns: `Depends(f)`.
    injected: FxHashMap<(FuncId, usize), Handed>,
    /// Texts that look like routes by the parts that they name, found when they are asked for.
    named: OnceLock<Named>,
}

impl<'m> Callers<'m> {
    pub(super) fn new(program: &Program<'_>, models: &'m Models, is_web: bool) -> Self {
        let all: Vec<FuncId> = program.funcs().collect();
        let by_name: Vec<Option<(FuncId, Called<'m>)>> =
            all.par_iter().map(|id| Some((*id, called_by(program, models, *id)?))).collect();
        let handed: Vec<Found<'m>> = all.par_iter().map(|id| handed_by(program, models, *id)).collect();
        let mut callers = Self { called: by_name.into_iter().flatten().collect(), ..Self::default() };
        let mut aliased: FxHashMap<Symbol, Handed> = FxHashMap::default();
        for found in handed {
            aliased.extend(found.aliased);
            for (id, called) in found.called {
                match callers.called.get_mut(&id) {
                    // A server that is told of it by name calls it all the same.
                    Some(known) if known.form.is_none() => known.routes.extend(called.routes),
                    Some(_) => {}
                    None => drop(callers.called.insert(id, called)),
                }
            }
            callers.injected.extend(found.injected);
        }
        if !aliased.is_empty() {
            callers.inject_named(program, &aliased);
        }
        callers.follow_requests(program, models, is_web);
        callers
    }

    /// Notes what makes the parameters that are annotated with names that say it.
    fn inject_named(&mut self, program: &Program<'_>, aliased: &FxHashMap<Symbol, Handed>) {
        for id in program.funcs() {
            let (home, (module, _, body)) = (program.module_of(id), program.func(id));
            for (index, param) in body.params.iter().enumerate().filter(|_| !module.is_test) {
                let alias = param.annotation.and_then(|annotation| program.alias(home, annotation));
                let made =
                    alias.and_then(|(file, alias)| aliased.get(&program.modules[file].global(alias.name)));
                self.injected.extend(made.map(|made| ((id, index), *made)));
            }
        }
    }

    /// Who calls a function from outside.
    pub(super) fn of(&self, id: FuncId) -> Option<&Called<'m>> {
        self.called.get(&id)
    }

    /// Whether instances of a class keep a request under `name`.
    pub(super) fn is_request_attr(&self, program: &Program<'_>, class: ClassIx, name: Symbol) -> bool {
        !self.kept.is_empty()
            && program.above(class).iter().any(|class| self.kept.contains_key(&(*class, name)))
    }

    /// Whether the parameter at `index` holds a request.
    pub(super) fn is_request(&self, id: FuncId, index: usize) -> bool {
        self.requests.contains_key(&(id, index))
    }

    /// Value path of the callee of a method of a request that a function is called with, or that its object keeps.
    pub(super) fn request_call(
        &self,
        program: &Program<'_>,
        (id, module, body): (FuncId, &Module<'_>, &Body),
        call: &Call,
    ) -> Option<String> {
        let index = body.params.iter().position(|param| call.callee.base == Operand::Local(param.local))?;
        let steps = module.unit.paths.steps(call.callee.path);
        let (request, steps) = match (self.requests.get(&(id, index)), &steps[..]) {
            (Some(request), steps) => ((*request)?, steps),
            (None, [Step::Attr(name), steps @ ..]) if index == 0 && !self.kept.is_empty() => {
                let (above, name) = (program.above(program.class_of(id)?), module.global(*name));
                let request = above.iter().find_map(|class| self.kept.get(&(*class, name)).copied()?)?;
                (request, steps)
            }
            _ => return None,
        };
        let mut path = request.to_owned();
        for step in steps {
            match step {
                Step::Attr(name) => path.extend([".", module.unit.text(*name)]),
                Step::Item(_) | Step::Element | Step::Key(_) => path.push_str("[]"),
            }
        }
        Some(path)
    }

    /// The routes, of whatever function, that name a part of the address so.
    pub(super) fn routes_naming(&self, program: &Program<'_>, name: &str) -> &[Box<str>] {
        self.named.get_or_init(|| named(program)).get(name).map_or(&[], |routes| routes)
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

    /// What runs when the models are made that functions are called with from outside, after these; sorted.
    pub(super) fn makers(&self, program: &Program<'_>) -> Vec<(FuncId, FuncId)> {
        let of = |id: &FuncId| {
            let (module, _, body) = program.func(*id);
            let classes = body.params.iter().filter_map(|param| match module.meaning(param.annotation?) {
                Meaning::Class(class) => Some(*class),
                _ => None,
            });
            let makers = classes.flat_map(|class| program.makers(class));
            makers.map(|maker| (*id, maker.func)).collect::<Vec<_>>()
        };
        let mut pairs: Vec<(FuncId, FuncId)> = self.called.keys().flat_map(of).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// Finds the parameters that requests are handed to, by whatever name.
    fn follow_requests(&mut self, program: &Program<'_>, models: &Models, is_web: bool) {
        let with_fields = self.called.iter().filter_map(|(id, called)| {
            let request = called.request.filter(|request| models.has_fields(request))?;
            Some(((*id, first(program, *id)), Some(request)))
        });
        self.requests.extend(with_fields.collect::<Vec<_>>());
        let mut todo: Vec<FuncId> = program.funcs().collect();
        while !todo.is_empty() {
            let found: Vec<HandedOn<'m>> =
                todo.par_iter().map(|id| self.handed_on(program, models, *id, is_web)).collect();
            let mut next: FxHashSet<FuncId> = FxHashSet::default();
            for found in found {
                for (at, request) in found.kept {
                    let known = self.kept.entry(at).or_default();
                    // Of several one for all, whichever came first.
                    *known = (*known).into_iter().chain(request).min();
                }
                for (at, request) in found.params {
                    let is_new = match self.requests.entry(at) {
                        Entry::Vacant(open) => {
                            open.insert(request);
                            true
                        }
                        // It was known by its name alone.
                        Entry::Occupied(mut known) if known.get().is_none() && request.is_some() => {
                            known.insert(request);
                            true
                        }
                        Entry::Occupied(_) => false,
                    };
                    if is_new {
                        next.insert(at.0);
                    }
                }
            }
            todo = next.into_iter().collect();
        }
    }

    /// The parameters of callees that a function hands a request to.
    fn handed_on(&self, program: &Program<'_>, models: &Models, id: FuncId, is_web: bool) -> HandedOn<'m> {
        let (module, _, body) = program.func(id);
        if module.is_test {
            return HandedOn::default();
        }
        let own = body.params.iter().enumerate().filter_map(|(index, param)| {
            let known = self.requests.get(&(id, index)).copied();
            let named = || is_named_request(program, id, param.local, param.annotation.is_some(), is_web);
            Some((param.local, known.or_else(|| named().then_some(None))?))
        });
        let own: FxHashMap<LocalId, Option<&'m str>> = own.collect();
        let path_of = |value: Operand| value.local().and_then(|local| own.get(&local).copied()?);
        let is_request = |operand: Operand| match operand {
            Operand::Local(local) => own.contains_key(&local),
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
                    found.kept.push(((class, module.global(name)), path_of(*value)));
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
                        found.params.push(((callee, index), path_of(arg.value)));
                    }
                }
            }
        }
        found
    }
}

/// Where a function hands requests on.
#[derive(Default)]
struct HandedOn<'m> {
    params: Vec<((FuncId, usize), Option<&'m str>)>,
    kept: Vec<((ClassIx, Symbol), Option<&'m str>)>,
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

/// A caller as one function has it.
pub(super) fn called<'m>(caller: &'m Caller, routes: Vec<Box<str>>) -> Called<'m> {
    Called {
        threat: caller.threat,
        returns: caller.returns,
        request: caller.request.as_deref(),
        response: caller.response.as_deref(),
        params: &caller.params,
        by_route: caller.by_route,
        routes,
        form: None,
    }
}

/// Who calls a function from outside: a framework, if a pack says so, or who installed the package.
fn called_by<'m>(program: &Program<'_>, models: &'m Models, id: FuncId) -> Option<Called<'m>> {
    let is_offered = || !models.counted(Threat::Library).is_empty() && is_public(program, id);
    let by_form = || {
        let (module, _, body) = program.func(id);
        let form = form_of(module.unit, body).filter(|_| !module.is_test)?;
        Some(Called { form: Some(form), ..plain(Threat::Remote) })
    };
    framework(program, models, id).or_else(by_form).or_else(|| is_offered().then(|| plain(Threat::Library)))
}

/// Whether who installed the package may call a function by a name that is not private.
fn is_public(program: &Program<'_>, id: FuncId) -> bool {
    let (module, _, body) = program.func(id);
    let name = module.unit.text(body.name);
    let is_open = |part: &str| !part.starts_with(['_', '<']) || matches!(part, "__init__" | "__call__");
    module.is_exported && matches!(body.kind, BodyKind::Function { .. }) && name.split('.').all(is_open)
}

/// A caller that makes no parameter.
fn plain(threat: Threat) -> Called<'static> {
    Called {
        threat,
        returns: Kinds::NONE,
        request: None,
        response: None,
        params: &[],
        by_route: false,
        routes: Vec::new(),
        form: None,
    }
}

/// What text that a function returns is dangerous for by the arguments of its decorator: `response_class=HTMLResponse`.
fn told(module: &Module<'_>, body: &Body, (decorator, caller): (&Decorator, &Caller)) -> Kinds {
    let Some(around) = body.parent.filter(|_| !caller.told.is_empty()) else { return Kinds::NONE };
    let around = &module.unit.bodies[around];
    let Some(call) = around.calls.iter().find(|call| call.span == decorator.span) else { return Kinds::NONE };
    let name = |value: Operand| match value {
        Operand::Local(local) => around.locals[local].value,
        Operand::Global(name) => Some(name),
        Operand::Const(_) => None,
    };
    let names = call.args.iter().filter_map(|arg| match module.meaning(name(arg.value)?) {
        Meaning::Outside(path) => path.rsplit('.').next(),
        _ => None,
    });
    let of = |name| caller.told.iter().find(move |(known, _)| known == name).map(|(_, kinds)| *kinds);
    names.filter_map(of).fold(Kinds::NONE, Kinds::with)
}

/// Who calls a function from outside, by its decorators, its class or its form.
fn framework<'m>(program: &Program<'_>, models: &'m Models, id: FuncId) -> Option<Called<'m>> {
    let (module, _, body) = program.func(id);
    if body.decorators.is_empty() && body.class.is_none() {
        return None;
    }
    let mut found: Option<Called<'m>> = None;
    for decorator in &body.decorators {
        let Some(Meaning::Outside(path)) = decorator.name.map(|name| module.meaning(name)) else { continue };
        let Some(caller) = models.entry_by_decorator(path) else { continue };
        let returns = caller.returns.with(told(module, body, (decorator, caller)));
        match &mut found {
            Some(known) => {
                known.returns = known.returns.with(returns);
                known.request = known.request.or(caller.request.as_deref());
            }
            None => found = Some(Called { returns, ..called(caller, Vec::new()) }),
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
        let found =
            found.or_else(own).filter(|caller| caller.takes.is_none_or(|takes| is_run_with(body, takes)));
        found.map(|caller| called(caller, Vec::new()))
    })
}

/// Whether a method can be run with so many arguments.
fn is_run_with(body: &Body, takes: usize) -> bool {
    let is_required = |param: &&crate::ir::Param| {
        let is_positional = matches!(param.kind, ParamKind::Positional | ParamKind::PositionalOnly);
        is_positional && !param.has_default
    };
    body.params.iter().filter(is_required).count() <= takes + 1
}
