//! Who calls whom, as far as names and classes tell; and an order in which callees come first.

use rayon::prelude::*;

use crate::base::{IdVec, Symbol, components};
use crate::ir::{Arg, ArgKind, Body, BodyKind, Call, Op, Operand, Place, Rvalue, Step};
use crate::program::{ClassIx, FuncId, Meaning, Module, Program};

/// Most methods of derived classes that one call is taken to run.
pub(super) const MAX_OVERRIDES: usize = 8;

/// What runs a function beside the program: its value path, and where it takes the function.
const STARTERS: &[(&str, usize, &str)] = &[
    ("threading.Thread", 1, "target"),
    ("threading.Timer", 1, "function"),
    ("multiprocessing.Process", 1, "target"),
    ("_thread.start_new_thread", 0, "function"),
    ("concurrent.futures.ThreadPoolExecutor().submit", 0, "fn"),
    ("eventlet.spawn", 0, "func"),
    ("eventlet.spawn_n", 0, "func"),
    ("gevent.spawn", 0, "function"),
];

/// The call graph, cut into groups of functions that call each other.
#[derive(Default)]
pub struct CallGraph {
    /// Groups in levels: a group's callees stand in the levels before it, or in itself.
    pub levels: Vec<Vec<Vec<FuncId>>>,
    /// The level of each function.
    pub level: IdVec<FuncId, usize>,
    /// Callees of each function, sorted.
    pub callees: IdVec<FuncId, Vec<FuncId>>,
    /// Callers of each function, sorted.
    pub callers: IdVec<FuncId, Vec<FuncId>>,
    /// Whether a function is called by more than a guess.
    pub called: IdVec<FuncId, bool>,
}

/// What a variable holds that may be run.
#[derive(Default)]
pub struct Held {
    /// Functions, and the methods of classes.
    pub funcs: Vec<FuncId>,
    /// The methods of objects.
    pub methods: Vec<FuncId>,
}

impl Held {
    fn all(self) -> Vec<FuncId> {
        [self.funcs, self.methods].concat()
    }
}

impl Program<'_> {
    /// The functions that `call`, in a body of `module` whose class is `class`, may run; empty if that is not known.
    #[must_use]
    pub fn callees(&self, module: &Module<'_>, class: Option<ClassIx>, call: &Call) -> Vec<FuncId> {
        let Some(name) = call.name else { return Vec::new() };
        self.run_by(class, module.unit.text(name), module.meaning(name))
    }

    fn run_by(&self, class: Option<ClassIx>, text: &str, meaning: &Meaning) -> Vec<FuncId> {
        if let Some(method) = text.strip_prefix("super().")
            && let (Some(class), Some(name)) = (class, self.symbol(method))
        {
            let above = self.above(class);
            let found = above.iter().skip(1).find_map(|above| self.classes[*above].methods.get(&name));
            return found.copied().into_iter().collect();
        }
        match meaning {
            Meaning::Function(func) => [&[*func], self.on_other_branches(*func)].concat(),
            Meaning::Method(func, class) => {
                let (owner, _, body) = self.func(*func);
                let Some(name) =
                    self.symbol(owner.unit.text(body.name).rsplit('.').next().unwrap_or_default())
                else {
                    return vec![*func];
                };
                let found = self.overrides(*class, name, MAX_OVERRIDES);
                // `again = run` in the block of a class stays what it was there, whoever defines `run` below it.
                let is_it = found.contains(func) || found.len() >= MAX_OVERRIDES;
                let found = if is_it { found } else { vec![*func] };
                [&found[..], self.on_other_branches(*func)].concat()
            }
            Meaning::Class(class) => {
                let init = self.symbol("__init__").and_then(|name| self.method(*class, name));
                init.into_iter().collect()
            }
            Meaning::Instance(class) => {
                let call = self.symbol("__call__").and_then(|name| self.method(*class, name));
                call.into_iter().collect()
            }
            Meaning::Module(_) | Meaning::Outside(_) | Meaning::Unknown => Vec::new(),
        }
    }

    /// The call graph. Test code calls nothing in it. A function is also taken to call those that are defined in it, those it names, and what `held`
    /// tells of the variables that it reads; `more` are callers with functions that they also call.
    #[must_use]
    pub fn call_graph(&self, held: &(dyn Fn(Symbol) -> Held + Sync), more: &[(FuncId, FuncId)]) -> CallGraph {
        let all: Vec<FuncId> = self.funcs().collect();
        let callees: Vec<Vec<FuncId>> = all.par_iter().map(|id| self.called_by(*id, held)).collect();
        let mut called: IdVec<FuncId, bool> = IdVec::filled(false, self.n_funcs());
        callees
            .iter()
            .flatten()
            .chain(more.iter().map(|(_, callee)| callee))
            .for_each(|id| called[*id] = true);
        let guessed: Vec<Vec<FuncId>> = all.par_iter().map(|id| self.guessed_by(*id, held)).collect();
        let callees: Vec<Vec<FuncId>> = callees.into_iter().zip(guessed).map(with).collect();
        let mut callees: IdVec<FuncId, Vec<FuncId>> = callees.into_iter().collect();
        for (caller, callee) in more {
            if let Err(at) = callees[*caller].binary_search(callee) {
                callees[*caller].insert(at, *callee);
            }
        }
        let mut callers: IdVec<FuncId, Vec<FuncId>> = IdVec::filled(Vec::new(), self.n_funcs());
        for (id, callees) in callees.pairs() {
            callees.iter().for_each(|callee| callers[*callee].push(id));
        }
        let (levels, level) = levels(&callees);
        CallGraph { levels, level, callees, callers, called }
    }

    /// The functions that a function may run, sorted.
    fn called_by(&self, id: FuncId, held: &(dyn Fn(Symbol) -> Held + Sync)) -> Vec<FuncId> {
        let (module, _, body) = self.func(id);
        if module.is_test {
            return Vec::new();
        }
        let class = self.class_of(id);
        let mut found: Vec<FuncId> =
            body.calls.iter().flat_map(|call| self.callees(module, class, call)).collect();
        // The blocks of files and classes define functions without running them; they hand some to calls.
        if matches!(body.kind, BodyKind::Module | BodyKind::Class) {
            for arg in body.calls.iter().flat_map(|call| &call.args) {
                if let Operand::Global(name) = arg.value
                    && let Meaning::Function(func) = module.meaning(name)
                {
                    found.push(*func);
                }
            }
            found.sort_unstable();
            found.dedup();
            return found;
        }
        for inst in body.blocks.iter().flat_map(|block| &block.insts) {
            if let Op::Let(_, Rvalue::Function(inner)) = inst.op {
                found.push(self.of(module, inner));
            }
        }
        let is_spelled = |name| matches!(name, Operand::Const(_));
        found.extend(body.calls.iter().flat_map(|call| self.got_by_name(module, body, call, &is_spelled)));
        let values = body.locals.iter().filter_map(|local| local.value);
        for name in values.chain(body.globals.iter().copied()) {
            if let Meaning::Function(func) | Meaning::Method(func, _) = module.meaning(name) {
                found.push(*func);
                found.extend(self.on_other_branches(*func));
            }
        }
        found.extend(body.globals.iter().flat_map(|name| held(module.variable(*name)).funcs));
        // `Plugin.table["key"]()`
        for call in body.calls.iter() {
            if let Operand::Global(base) = call.callee.base
                && let [Step::Attr(name), _, ..] = module.unit.paths.steps(call.callee.path)[..]
                && let Meaning::Class(class) = module.meaning(base)
            {
                let class = self.text(self.classes[*class].name);
                let full = self.symbol(&format!("{class}.{}", module.unit.text(name)));
                found.extend(full.into_iter().flat_map(|name| held(name).all()));
            }
        }
        found.extend(self.properties_read(module, body));
        found.extend(self.held_by(id));
        found.extend(self.unseen(module, body));
        let instead = found.iter().filter_map(|func| Some(self.runs_instead(*func)?.0));
        found.extend(instead.collect::<Vec<_>>());
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The methods that a function may run of objects that only values tell: of those in variables that it reads, and by
    /// names that few classes have those of classes that its file names.
    fn guessed_by(&self, id: FuncId, held: &(dyn Fn(Symbol) -> Held + Sync)) -> Vec<FuncId> {
        let (module, _, body) = self.func(id);
        if module.is_test || matches!(body.kind, BodyKind::Module | BodyKind::Class) {
            return Vec::new();
        }
        let read = body.globals.iter().flat_map(|name| held(module.variable(*name)).methods);
        let mut found: Vec<FuncId> = read.collect();
        let named = body.calls.iter().filter_map(|call| call.name).chain(body.globals.iter().copied());
        let mut classes: Vec<ClassIx> = named
            .filter_map(|name| match module.meaning(name) {
                Meaning::Class(class) => Some(*class),
                _ => None,
            })
            .collect();
        let declared = self.declared_in(id);
        classes.sort_unstable();
        classes.dedup();
        for call in body.calls.iter() {
            // What the value of a variable does not tell, what is said of it may.
            let is_told = call
                .name
                .is_some_and(|name| !matches!(module.meaning(name), Meaning::Outside(_) | Meaning::Unknown));
            if !is_told && call.callee != Place::bare(call.callee.base) {
                let name = module.global(call.method);
                found.extend(declared.iter().filter_map(|class| self.method(*class, name)));
            }
            let is_open = call.name.is_none_or(|name| match module.meaning(name) {
                Meaning::Outside(path) => is_of_container(path),
                meaning => *meaning == Meaning::Unknown,
            });
            if is_open && call.callee != Place::bare(call.callee.base) {
                let methods = self.rare.get(&module.global(call.method)).into_iter().flatten();
                let is_made =
                    |method: &&FuncId| self.class_of(**method).is_some_and(|class| module.makes(class));
                found.extend(methods.filter(is_made));
                let name = module.global(call.method);
                found.extend(classes.iter().filter_map(|class| self.method(*class, name)));
            }
        }
        let is_computed = |name| !matches!(name, Operand::Const(_));
        found.extend(body.calls.iter().flat_map(|call| self.got_by_name(module, body, call, &is_computed)));
        found.extend(self.got_of_self(id));
        found
    }

    /// What `getattr(self, name)` may give a method: each of its class.
    fn got_of_self(&self, id: FuncId) -> Vec<FuncId> {
        let (module, _, body) = self.func(id);
        let mut found = Vec::new();
        let is_dynamic = |call: &Call| {
            let first = call.args.first().and_then(|arg| arg.value.local());
            call.name.is_some_and(|name| module.unit.text(name) == "getattr")
                && body.params.first().is_some_and(|own| first == Some(own.local))
        };
        if let Some(class) = self.class_of(id).filter(|_| body.calls.iter().any(is_dynamic)) {
            found.extend(self.above(class).iter().flat_map(|class| self.classes[*class].methods.values()));
            // `getattr(self, name, self.other)`: what classes below have in the place of that.
            let others =
                body.calls.iter().filter(|call| is_dynamic(call)).filter_map(|call| call.positional(2));
            for other in others.filter_map(|arg| body.locals[arg.value.local()?].value) {
                if let Meaning::Method(func, _) = module.meaning(other) {
                    let (of, _, method) = self.func(*func);
                    found.extend(self.overrides(class, of.global(method.name), MAX_OVERRIDES));
                }
            }
        }
        found
    }

    /// The methods that run for themselves, in threads and processes that the program starts on them: what their object has
    /// by then was put there by others, whoever starts them.
    #[must_use]
    pub fn started(&self) -> Vec<FuncId> {
        let all: Vec<FuncId> = self.funcs().collect();
        let mut found: Vec<FuncId> = all.par_iter().flat_map_iter(|id| self.started_by(*id)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn started_by(&self, id: FuncId) -> Vec<FuncId> {
        let (module, _, body) = self.func(id);
        let named = |call: &Call, wanted: &str| {
            let is_it =
                |arg: &&Arg| matches!(arg.kind, ArgKind::Keyword(name) if module.unit.text(name) == wanted);
            call.args.iter().find(is_it).map(|arg| arg.value)
        };
        let starts = |call: &Call| {
            let Meaning::Outside(path) = module.meaning(call.name?) else { return None };
            let (_, at, name) = STARTERS.iter().find(|(starter, ..)| *starter == &**path)?;
            call.positional(*at).map(|arg| arg.value).or_else(|| named(call, name))
        };
        let run = |value: Operand| {
            let value = match value {
                Operand::Local(local) => body.locals[local].value?,
                Operand::Global(name) => name,
                Operand::Const(_) => return None,
            };
            match module.meaning(value) {
                method @ Meaning::Method(..) => Some(self.run_by(None, "", method)),
                _ => None,
            }
        };
        let calls = body.calls.iter().filter(|_| !module.is_test);
        calls.filter_map(starts).filter_map(run).flatten().collect()
    }

    /// The methods that `getattr(object, name)` may give, where the name is one that is meant.
    fn got_by_name(
        &self,
        module: &Module<'_>,
        body: &Body,
        call: &Call,
        is_meant: &dyn Fn(Operand) -> bool,
    ) -> Vec<FuncId> {
        let is_getattr = call.name.is_some_and(|name| module.unit.text(name) == "getattr");
        let (true, Some(object), Some(name)) = (is_getattr, call.positional(0), call.positional(1)) else {
            return Vec::new();
        };
        if !is_meant(name.value) {
            return Vec::new();
        }
        let value = match object.value {
            Operand::Local(local) => body.locals[local].value,
            Operand::Global(name) => Some(name),
            Operand::Const(_) => None,
        };
        let Some(Meaning::Instance(class)) = value.map(|value| module.meaning(value)) else {
            return Vec::new();
        };
        match name.value {
            Operand::Const(crate::ir::Const::Str(name)) => {
                self.method(*class, module.global(name)).into_iter().collect()
            }
            _ => self
                .above(*class)
                .iter()
                .flat_map(|class| self.classes[*class].methods.values())
                .copied()
                .collect(),
        }
    }

    /// The properties that a body reads of objects whose class is known.
    fn properties_read(&self, module: &Module<'_>, body: &Body) -> Vec<FuncId> {
        let insts = body.blocks.iter().flat_map(|block| &block.insts);
        let loads = insts.filter_map(|inst| match &inst.op {
            Op::Let(_, Rvalue::Load(place)) => Some(*place),
            _ => None,
        });
        let read = |place: Place| {
            let value = match place.base {
                Operand::Local(local) => body.locals[local].value?,
                Operand::Global(name) => name,
                Operand::Const(_) => return None,
            };
            let Meaning::Instance(class) = module.meaning(value) else { return None };
            match module.unit.paths.steps(place.path).first() {
                Some(Step::Attr(name)) => Some(self.properties(*class, module.global(*name))),
                _ => None,
            }
        };
        body.calls.iter().map(|call| call.callee).chain(loads).filter_map(read).flatten().collect()
    }
}

/// Whether a method is one of what a container holds: `steps[0].run`, `kinds.get(kind).run`.
fn is_of_container(path: &str) -> bool {
    const CONTAINERS: &[&str] = &["list()", "tuple()", "dict()", "set()", "collections."];
    const GIVING: &[&str] = &[".get()", ".pop()", ".popleft()", ".setdefault()"];
    path.rsplit_once('.').is_some_and(|(object, _)| {
        CONTAINERS.iter().any(|container| path.starts_with(container))
            && (object.ends_with("[]") || GIVING.iter().any(|method| object.ends_with(method)))
    })
}

/// Two lists as one, sorted.
fn with((mut all, more): (Vec<FuncId>, Vec<FuncId>)) -> Vec<FuncId> {
    if !more.is_empty() {
        all.extend(more);
        all.sort_unstable();
        all.dedup();
    }
    all
}

/// Groups of functions that call each other, in levels.
fn levels(callees: &IdVec<FuncId, Vec<FuncId>>) -> (Vec<Vec<Vec<FuncId>>>, IdVec<FuncId, usize>) {
    let mut level: IdVec<FuncId, usize> = IdVec::filled(0, callees.len());
    let mut levels: Vec<Vec<Vec<FuncId>>> = Vec::new();
    for mut group in components(callees.ids(), callees.len(), |id, next| callees[id].get(next).copied()) {
        group.sort_unstable();
        let of = group.iter().flat_map(|member| &callees[*member]);
        let above =
            of.filter(|callee| group.binary_search(callee).is_err()).map(|callee| level[*callee] + 1).max();
        let own = above.unwrap_or(0);
        group.iter().for_each(|member| level[*member] = own);
        if levels.len() <= own {
            levels.resize(own + 1, Vec::new());
        }
        levels[own].push(group);
    }
    (levels, level)
}
