//! Functions that are handed over as values, and who calls them.

use std::sync::Arc;

use crate::ir::{Arg, ArgKind, Call, CallId, Operand, Param};
use crate::taint::apply::Bound;
use crate::taint::body::{Analyzer, param_name};
use crate::taint::calls::Site;
use crate::taint::state::State;
use crate::taint::value::{Callee, FuncRef, Key, Konst, Tree};
use crate::taint::world::Known;

/// Library functions that call what they are handed, with what follows it, and give what it returns: by value path, or
/// by the last name where many objects have it; the position of the function.
const RUNNERS: &[(&str, usize)] = &[
    ("asyncio.to_thread", 0),
    ("anyio.to_thread.run_sync", 0),
    ("trio.to_thread.run_sync", 0),
    ("starlette.concurrency.run_in_threadpool", 0),
    ("fastapi.concurrency.run_in_threadpool", 0),
    ("twisted.internet.threads.deferToThread", 0),
    ("eventlet.tpool.execute", 0),
    ("*.run_in_executor", 1),
    ("*.async_add_executor_job", 0),
    ("*.submit", 0),
];

/// Functions of Python that tell something of a function and do not run it.
const ASKS: &[&str] = &[
    "callable",
    "hasattr",
    "id",
    "issubclass",
    "type",
    "asyncio.iscoroutine",
    "asyncio.iscoroutinefunction",
    "inspect.getdoc",
    "inspect.getsource",
    "inspect.isawaitable",
    "inspect.isclass",
    "inspect.iscoroutine",
    "inspect.iscoroutinefunction",
    "inspect.isfunction",
    "inspect.isgeneratorfunction",
    "inspect.ismethod",
    "inspect.signature",
    "weakref.ref",
];

/// Methods of a task of Celery, Dramatiq, Taskiq and Procrastinate that take what a worker calls it with.
const SPREAD: &[&str] = &["delay", "send", "kiq", "defer", "s", "si"];

impl Analyzer<'_, '_> {
    /// What a library function gives that runs what it is handed; `None` if it is none of these.
    pub(super) fn run_through(&self, state: &mut State, site: &Site<'_>) -> Option<Arc<Tree>> {
        if let Some(result) = self.run_later(state, site) {
            return Some(result);
        }
        let is_it = |name: &str| match name.strip_prefix("*.") {
            Some(method) => site.receiver.is_some() && site.method == method,
            None => site.path == name,
        };
        let (_, at) = RUNNERS.iter().find(|(name, _)| is_it(name))?;
        let func = site.positional(*at)?.0;
        if func.funcs.is_empty() {
            return None;
        }
        let given = || site.call.args.iter().zip(&site.args);
        let is_plain = |(arg, _): &(&Arg, &Arc<Tree>)| arg.kind == ArgKind::Positional;
        let args: Vec<Arc<Tree>> =
            given().filter(is_plain).skip(at + 1).map(|(_, tree)| Arc::clone(tree)).collect();
        let mut named = Tree::default();
        for (arg, tree) in given() {
            if let ArgKind::Keyword(name) = arg.kind {
                named.store(&[Key::Item(Konst::Str(self.module.unit.text(name).into()))], tree);
            }
        }
        let mut result: Option<Tree> = None;
        for func in &func.funcs {
            let Some(back) = self.run_given(state, site, func, (&args, &named)) else { continue };
            match &mut result {
                Some(known) => drop(known.join(&back)),
                None => result = Some(Tree::clone(&back)),
            }
        }
        Some(Arc::new(result.unwrap_or_default()))
    }

    /// `task.delay(text)`, `task.apply_async((text,), {"size": 3})`: a worker calls the function so, and nothing of what it
    /// gives comes back here.
    fn run_later(&self, state: &mut State, site: &Site<'_>) -> Option<Arc<Tree>> {
        let is_spread = SPREAD.contains(&site.method);
        if !is_spread && !matches!(site.method, "apply_async" | "apply") {
            return None;
        }
        let task = site.receiver.as_ref().filter(|task| !task.funcs.is_empty())?;
        let mut args: Vec<Arc<Tree>> = Vec::new();
        let mut named = Tree::default();
        if is_spread {
            for (arg, tree) in site.call.args.iter().zip(&site.args) {
                match arg.kind {
                    ArgKind::Positional => args.push(Arc::clone(tree)),
                    ArgKind::Keyword(name) => {
                        named.store(&[Key::Item(Konst::Str(self.module.unit.text(name).into()))], tree);
                    }
                    ArgKind::Star => args.extend(tree.items().unwrap_or_default()),
                    ArgKind::DoubleStar => drop(named.join(tree)),
                }
            }
        } else {
            let given = |index, name| site.positional(index).or_else(|| self.named(site, name));
            args = given(0, "args").and_then(|(list, _)| list.items()).unwrap_or_default();
            named = given(1, "kwargs").map_or_else(Tree::default, |(mapping, _)| Tree::clone(mapping));
        }
        for func in &task.funcs {
            let Callee::Own(id) = func.func else { continue };
            let (module, _, body) = self.world.program.func(id);
            // `@app.task(bind=True)`
            let first = body.params.first().filter(|_| body.class.is_none() && func.bound.is_empty());
            let is_bound = first.is_some_and(|param| param_name(module, body, param.local) == "self");
            let task = is_bound.then(Arc::default);
            let all: Vec<Arc<Tree>> = task.into_iter().chain(args.iter().cloned()).collect();
            self.run_given(state, site, func, (&all, &named));
        }
        Some(Arc::default())
    }

    /// Whether what a call compiles is run by another call here, which tells of it.
    pub(super) fn is_run_here(&self, site: &Site<'_>) -> bool {
        let made = Operand::Local(site.call.to);
        let runs = |(id, call): (CallId, &Call)| {
            matches!(&*self.calls[id].path, "exec" | "eval")
                && call.positional(0).is_some_and(|arg| arg.value == made)
        };
        site.path == "compile" && self.body.calls.pairs().any(runs)
    }

    /// Calls a function value with `args` in order.
    pub(super) fn run_with(
        &self,
        state: &mut State,
        site: &Site<'_>,
        func: &FuncRef,
        args: &[Arc<Tree>],
    ) -> Option<Arc<Tree>> {
        self.run_given(state, site, func, (args, &Tree::default()))
    }

    /// Calls a function value with `args` in order, and the entries of `named` by name.
    pub(super) fn run_given(
        &self,
        state: &mut State,
        site: &Site<'_>,
        func: &FuncRef,
        (args, named): (&[Arc<Tree>], &Tree),
    ) -> Option<Arc<Tree>> {
        let id = match &func.func {
            Callee::Own(id) => *id,
            Callee::Outside(path) => {
                let all = [&func.bound[..], args].concat();
                return Some(self.run_outside(state, site, path, (Some(all), func.named.as_ref())));
            }
            Callee::Class(class) => self.constructor(*class)?,
        };
        let made = match &func.func {
            Callee::Class(class) => Some(*class),
            Callee::Own(_) | Callee::Outside(_) => None,
        };
        let (module, _, body) = self.world.program.func(id);
        let mut bound: Bound = vec![None; body.params.len()];
        let is_method = body.class.is_some() && !self.is_static(id);
        let skip = usize::from(is_method && func.bound.is_empty());
        let all = func.bound.iter().chain(args);
        for (slot, tree) in bound.iter_mut().skip(skip).zip(all) {
            *slot = Some(Arc::clone(tree));
        }
        for named in func.named.iter().chain([&Arc::new(named.clone())]) {
            // What is passed by name stays the same object.
            for (key, tree) in &named.fields {
                let is_it = |param: &Param| matches!(key, Key::Item(Konst::Str(name)) if param_name(module, body, param.local) == **name);
                if let Some(at) = body.params.iter().position(is_it) {
                    bound[at] = Some(Arc::clone(tree));
                }
            }
            self.bind_mapping(id, named, &mut bound, &(0..0));
        }
        let summary = self.summary_for(id, &bound)?;
        let result = self.within(state, func.frame.as_ref(), |state| match made {
            Some(class) => self.made(state, site, &summary, (&bound, id), class),
            None => self.apply(state, site, &summary, &bound, id),
        });
        (!summary.never_returns).then_some(result)
    }

    /// Calls what a library has at `path`, as the call at hand or, where they are given, with other arguments.
    pub(super) fn run_outside(
        &self,
        state: &mut State,
        site: &Site<'_>,
        path: &str,
        (args, named): (Option<Vec<Arc<Tree>>>, Option<&Arc<Tree>>),
    ) -> Arc<Tree> {
        let mut call = site.call.clone();
        call.name = None;
        if let Some(args) = &args {
            // What is handed on stands where it is passed.
            let passed = |tree: &Arc<Tree>| {
                let given = || site.call.args.iter().zip(&site.args);
                let same = given().find(|(_, known)| Arc::ptr_eq(known, tree));
                let found = same.or_else(|| given().find(|(_, known)| known.is_tainted()));
                found.map_or(call.span, |(arg, _)| arg.span)
            };
            let value = Operand::Const(crate::ir::Const::None);
            let arg = |tree| Arg { kind: ArgKind::Positional, value, span: passed(tree) };
            call.args = args.iter().map(arg).collect();
        }
        let method = path.rsplit('.').next().unwrap_or(path);
        let known = Known::at(self.world.models, path.to_owned(), method);
        let mut args = args.unwrap_or_else(|| site.args.clone());
        // What `partial` was given by name.
        let mut all: Vec<Arg> = call.args.to_vec();
        for (key, tree) in named.iter().flat_map(|named| &named.fields) {
            let Key::Item(Konst::Str(name)) = key else { continue };
            let Some(name) = self.module.symbol(name) else { continue };
            if call.keyword(name).is_none() {
                let value = Operand::Const(crate::ir::Const::None);
                all.push(Arg { kind: ArgKind::Keyword(name), value, span: call.span });
                args.push(Arc::clone(tree));
            }
        }
        call.args = all.into();
        let site = Site { call: &call, path, known: &known, method, receiver: None, args, spot: None };
        if self.is_reporting() {
            self.meet(state, &site);
        }
        self.outside(state, &site)
    }

    /// Calls a function that was handed to one of which nothing is known: with what follows it (`submit(f, a, b)`),
    /// with `args=(a, b)`, else with all that was given beside it.
    pub(super) fn call_back(&self, state: &mut State, site: &Site<'_>, func: &FuncRef) -> Option<Arc<Tree>> {
        if ASKS.contains(&site.path) {
            return None;
        }
        let given = site.call.args.iter().zip(&site.args);
        let after: Vec<Arc<Tree>> = given
            .clone()
            .filter(|(arg, _)| arg.kind == ArgKind::Positional)
            .map(|(_, tree)| tree)
            .skip_while(|tree| !tree.funcs.iter().any(|known| known.func == func.func))
            .skip(1)
            .cloned()
            .collect();
        // `walk(data, f, g)` takes several functions, and what it runs them with stands before them.
        let is_before = |tree: &Arc<Tree>| tree.funcs.is_empty() && tree.is_tainted();
        let is_open = |tree: &Arc<Tree>| !tree.is_tainted() && tree.konst.is_none();
        let is_last = after.iter().all(is_open) && site.args.iter().any(is_before);
        if !after.is_empty() && !is_last {
            return self.run_with(state, site, func, &after);
        }
        let [items, options] = self.held_back(site, func);
        if items.is_some() || options.is_some() {
            let items = items.map_or_else(|| Some(Vec::new()), |tree| tree.items());
            let options = options.map_or_else(Tree::default, |tree| Tree::clone(tree));
            if let Some(items) = items.filter(|_| options.labels.is_empty()) {
                return self.run_given(state, site, func, (&items, &options));
            }
        }
        let mut all = Tree::default();
        let others = site.args.iter().filter(|arg| arg.funcs.is_empty()).chain(&site.receiver);
        others.flat_map(|arg| arg.all()).for_each(|label| {
            all.add(&label);
        });
        // Which of it is handed over nobody knows.
        let all = crate::taint::secrets::without(&Arc::new(all));
        let count = match &func.func {
            Callee::Own(id) => self.world.program.func(*id).2.params.len(),
            Callee::Outside(_) | Callee::Class(_) => 1,
        };
        let args: Vec<Arc<Tree>> = (0..count).map(|_| Arc::clone(&all)).collect();
        self.run_with(state, site, func, &args)
    }

    /// What stands beside a function to be passed to it: `Thread(target=f, args=(a, b), kwargs={"name": c})`,
    /// `run(on_end=f, on_end_args=(a, b))`.
    fn held_back<'s>(&self, site: &'s Site<'_>, func: &FuncRef) -> [Option<&'s Arc<Tree>>; 2] {
        let given = || site.call.args.iter().zip(&site.args);
        let keyword = |arg: &Arg| match arg.kind {
            ArgKind::Keyword(name) => Some(self.module.unit.text(name)),
            ArgKind::Positional | ArgKind::Star | ArgKind::DoubleStar => None,
        };
        let is_it = |tree: &Arc<Tree>| tree.funcs.iter().any(|known| known.func == func.func);
        let own = given().find(|(_, tree)| is_it(tree)).and_then(|(arg, _)| keyword(arg));
        let named = |words: &[&str]| {
            let is = |name: &str, word: &str| match own {
                Some(own) => name.strip_prefix(own).and_then(|rest| rest.strip_prefix('_')) == Some(word),
                None => name.strip_suffix(word).is_some_and(|rest| rest == "callback_"),
            };
            let find = |fits: &dyn Fn(&str, &str) -> bool| {
                let fits =
                    |arg: &Arg| keyword(arg).is_some_and(|name| words.iter().any(|word| fits(name, word)));
                given().find(|(arg, _)| fits(arg)).map(|(_, tree)| tree)
            };
            find(&is).or_else(|| find(&|name, word| name == word))
        };
        [named(&["args"]), named(&["kwargs", "kwds"])]
    }
}
