//! What the program hands over: the functions, classes and objects that calls pass for parameters, and those that methods
//! keep in attributes. Flow-insensitive; where there are many it is not told.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::Symbol;
use crate::ir::{Arg, ArgKind, Body, Call, LocalId, Op, Operand, Rvalue, Step};
use crate::program::{ClassIx, FuncId, Meaning, Module, ModuleId, ObjectId, Program, Settings};

/// Most things that may be passed for one parameter, or stand in one attribute.
const MAX_THINGS: usize = 4;
/// How often it is looked what those pass on to whom something is passed.
const MAX_ROUNDS: usize = 3;
/// Most functions that one call may run.
const MAX_CALLEES: usize = 4;

/// Something that is handed over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Thing {
    /// A function.
    Func(FuncId),
    /// A method of an object of a class.
    Method(FuncId, ClassIx),
    /// A class.
    Class(ClassIx),
    /// An object of a class.
    Object(ClassIx),
    /// An object of a library, and what it is set to.
    Library(ObjectId, Settings),
}

/// What is kept in an attribute: the thing, and how many subscripts lead to it.
pub(super) type Kept = (Thing, u8);

/// Whether these are too many to be told: objects of libraries decide nothing about what is run.
fn is_much(things: impl Iterator<Item = Thing>) -> bool {
    things.filter(|thing| !matches!(thing, Thing::Library(..))).count() > MAX_THINGS
}

/// A parameter, and something that is passed for it.
type Passed = ((FuncId, usize), Thing);

/// What the program hands over.
#[derive(Default)]
pub(super) struct Handed {
    params: FxHashMap<(FuncId, usize), Vec<Thing>>,
    kept: FxHashMap<ClassIx, Vec<(Symbol, Vec<Kept>)>>,
}

impl Handed {
    /// Notes what calls pass for parameters.
    pub(super) fn pass_all(program: &Program<'_>) -> Self {
        let ids: Vec<ModuleId> = program.modules.ids().collect();
        let passed: Vec<Vec<Passed>> =
            ids.par_iter().map(|id| program.passed_by(&program.modules[*id])).collect();
        let mut handed = Self::default();
        handed.add(passed.into_iter().flatten());
        handed
    }

    /// Adds what calls pass; the functions that are passed more than was known.
    fn add(&mut self, passed: impl Iterator<Item = Passed>) -> FxHashSet<FuncId> {
        let mut more = FxHashSet::default();
        for (param, thing) in passed {
            let known = self.params.entry(param).or_default();
            if !known.contains(&thing) && known.len() <= 2 * MAX_THINGS && !is_much(known.iter().copied()) {
                known.push(thing);
                more.insert(param.0);
            }
        }
        more
    }

    /// Notes what methods keep in attributes.
    pub(super) fn keep(&mut self, kept: FxHashMap<ClassIx, Vec<(Symbol, Vec<Kept>)>>) {
        self.kept = kept;
    }
}

impl Program<'_> {
    /// What calls pass for a parameter, as far as names tell; nothing where it is much.
    #[must_use]
    pub fn passed_for(&self, func: FuncId, index: usize) -> &[Thing] {
        let known = self.handed.params.get(&(func, index)).filter(|things| !is_much(things.iter().copied()));
        known.map_or(&[], |things| things)
    }

    /// What methods of a class keep in its attributes; nothing where it is much.
    pub fn kept_in(&self, class: ClassIx) -> impl Iterator<Item = (Symbol, &[Kept])> {
        let attrs = self.handed.kept.get(&class).into_iter().flatten();
        let is_told = |kept: &[Kept]| !is_much(kept.iter().map(|(thing, _)| *thing));
        attrs.filter(move |(_, kept)| is_told(kept)).map(|(name, kept)| (*name, &kept[..]))
    }

    /// Every parameter of a function called `name` for which something is passed.
    pub(super) fn all_passed(&self) -> impl Iterator<Item = ((FuncId, usize), &[Thing])> {
        self.handed.params.iter().map(|(param, things)| (*param, &things[..]))
    }

    /// Notes what calls pass whose callee, or argument, is itself what is passed for a parameter.
    pub(super) fn pass_on(&mut self) {
        let mut next: FxHashSet<FuncId> = self.handed.params.keys().map(|(func, _)| *func).collect();
        for _ in 0..MAX_ROUNDS {
            let mut todo: Vec<FuncId> = next.into_iter().collect();
            todo.sort_unstable();
            let passed: Vec<Vec<Passed>> = todo.par_iter().map(|id| self.passed_on_by(*id)).collect();
            next = self.handed.add(passed.into_iter().flatten());
            if next.is_empty() {
                return;
            }
        }
    }

    fn passed_on_by(&self, id: FuncId) -> Vec<Passed> {
        let (module, _, body) = self.func(id);
        let things = |operand: Operand| {
            let index = body.params.iter().position(|param| Operand::Local(param.local) == operand);
            index.map_or(&[][..], |index| self.passed_for(id, index))
        };
        let mut found = Vec::new();
        for call in body.calls.iter().filter(|_| !module.is_test) {
            let of = |thing: &Thing| match thing {
                Thing::Object(class) => self.overrides(*class, module.global(call.method), MAX_CALLEES),
                Thing::Func(_) | Thing::Method(..) | Thing::Class(_) | Thing::Library(..) => Vec::new(),
            };
            let is_open = call.name.is_none_or(|name| *module.meaning(name) == Meaning::Unknown);
            let is_method = is_open && module.unit.paths.steps(call.callee.path).len() == 1;
            let receiver = if is_method { things(call.callee.base) } else { &[] };
            let methods = receiver.iter().flat_map(of).take(MAX_CALLEES);
            let runs: Vec<(FuncId, usize)> = methods.map(|func| self.skipped(func, true)).collect();
            let own = |value| self.thing(module, body, value).filter(|_| !runs.is_empty());
            let all = |value| own(value).into_iter().chain(things(value).iter().copied()).collect();
            self.given(
                (module, id),
                call,
                Some(&runs[..]).filter(|runs| !runs.is_empty()),
                (&all, &mut found),
            );
        }
        found
    }

    fn passed_by(&self, module: &Module<'_>) -> Vec<Passed> {
        let mut found = Vec::new();
        for (id, body) in module.unit.bodies.pairs().filter(|_| !module.is_test) {
            let func = self.of(module, id);
            let by = if body.decorators.is_empty() { Vec::new() } else { self.own_decorators(func) };
            found
                .extend(by.iter().filter(|by| by.call.is_some()).map(|by| ((by.func, 0), Thing::Func(func))));
            for (index, param) in body.params.iter().enumerate() {
                let default = param.named_default.and_then(|name| thing_of(module.meaning(name)));
                found.extend(default.map(|thing| ((func, index), thing)));
            }
            for call in body.calls.iter() {
                let thing = |value| self.thing(module, body, value).into_iter().collect();
                self.given((module, func), call, None, (&thing, &mut found));
            }
        }
        found
    }

    /// What a call passes to those that it `runs`, or those that names tell.
    fn given(
        &self,
        (module, id): (&Module<'_>, FuncId),
        call: &Call,
        runs: Option<&[(FuncId, usize)]>,
        (things, found): (&dyn Fn(Operand) -> Vec<Thing>, &mut Vec<Passed>),
    ) {
        let mut told: Option<Vec<(FuncId, usize)>> = runs.map(<[_]>::to_vec);
        for (at, arg) in call.args.iter().enumerate() {
            if matches!(arg.kind, ArgKind::Star | ArgKind::DoubleStar) {
                break;
            }
            for thing in things(arg.value) {
                for (func, skip) in told.get_or_insert_with(|| self.runs(module, id, call)) {
                    let index = self.index_of(*func, arg, at + *skip, module);
                    found.extend(index.map(|index| ((*func, index), thing)));
                }
            }
        }
    }

    /// The functions that a call runs, each with how many of their parameters the call passes by itself.
    fn runs(&self, module: &Module<'_>, id: FuncId, call: &Call) -> Vec<(FuncId, usize)> {
        let Some(name) = call.name else { return Vec::new() };
        let callees = self.callees(module, self.class_of(id), call);
        if callees.len() > MAX_CALLEES {
            return Vec::new();
        }
        let is_bound =
            matches!(module.meaning(name), Meaning::Method(..) | Meaning::Class(_) | Meaning::Instance(_))
                || module.unit.text(name).starts_with("super().");
        callees.into_iter().map(|func| self.skipped(func, is_bound)).collect()
    }

    /// A function, and how many of its parameters a call passes by itself.
    fn skipped(&self, func: FuncId, is_bound: bool) -> (FuncId, usize) {
        let (module, _, body) = self.func(func);
        let has = |wanted: &str| {
            let mut names = body.decorators.iter().filter_map(|decorator| decorator.name);
            names.any(|name| module.unit.text(name) == wanted)
        };
        let skips = body.class.is_some() && (is_bound && !has("staticmethod") || has("classmethod"));
        (func, usize::from(skips))
    }

    fn index_of(&self, func: FuncId, arg: &Arg, at: usize, from: &Module<'_>) -> Option<usize> {
        let (module, _, body) = self.func(func);
        match arg.kind {
            ArgKind::Positional => (at < body.params.len()).then_some(at),
            ArgKind::Keyword(name) => {
                let name = from.unit.text(name);
                let named =
                    |local: LocalId| body.locals[local].name.is_some_and(|own| module.unit.text(own) == name);
                body.params.iter().position(|param| named(param.local))
            }
            ArgKind::Star | ArgKind::DoubleStar => None,
        }
    }

    /// What an operand is, if names tell that it is something to be handed over.
    #[must_use]
    pub fn thing(&self, module: &Module<'_>, body: &Body, operand: Operand) -> Option<Thing> {
        let value = match operand {
            Operand::Local(local) => body.locals[local].value?,
            Operand::Global(name) => name,
            Operand::Const(_) => return None,
        };
        let object = |path: &str| {
            Some(Thing::Library(self.types.object(path)?, self.settings(module, body, operand)?))
        };
        match module.meaning(value) {
            Meaning::Outside(path) => object(path),
            meaning => thing_of(meaning),
        }
    }

    /// The class of the object that a method runs for, or a function that is defined in one; and the object.
    fn object_of(&self, func: FuncId) -> Option<(ClassIx, Operand)> {
        let (module, _, body) = self.func(func);
        if let Some(class) = self.class_of(func) {
            return Some((class, Operand::Local(body.params.first()?.local)));
        }
        let outer = body.parent?;
        let class = self.class_of(self.of(module, outer))?;
        let outer = &module.unit.bodies[outer];
        let own = outer.locals[outer.params.first()?.local].name?;
        let is_it = |name: &&Symbol| {
            let rest = module.unit.text(**name).strip_prefix(module.unit.text(outer.name));
            rest.and_then(|rest| rest.strip_prefix(".<locals>.")) == Some(module.unit.text(own))
        };
        Some((class, Operand::Global(*body.globals.iter().find(is_it)?)))
    }

    /// What a function keeps in the attributes of the object that it runs for, and the functions that it puts into those
    /// of others, whose class is known.
    fn keeps(&self, func: FuncId) -> Vec<(ClassIx, Symbol, Kept)> {
        let (module, _, body) = self.func(func);
        let mut found = Vec::new();
        let own = self.object_of(func);
        let owner = |base: Operand| match own {
            Some((class, own)) if own == base => Some((class, true)),
            _ => Some((self.class_at(module, (func, body), base)?, false)),
        };
        let steps = |path| module.unit.paths.steps(path);
        let mut keep = |base: Operand, name: Symbol, depth: usize, value: Operand| {
            let depth = u8::try_from(depth).unwrap_or(u8::MAX);
            let Some((class, is_own)) = owner(base) else { return };
            for (thing, deeper) in self.things(module, (func, body), value) {
                if is_own || matches!(thing, Thing::Func(_) | Thing::Method(..)) {
                    found.push((class, module.global(name), (thing, depth + deeper)));
                }
            }
        };
        for inst in body.blocks.iter().flat_map(|block| &block.insts) {
            if let Op::Store(place, value) = inst.op
                && let [Step::Attr(name), rest @ ..] = &steps(place.path)[..]
                && !rest.iter().any(|step| matches!(step, Step::Attr(_)))
            {
                keep(place.base, *name, rest.len(), value);
            }
        }
        for call in body.calls.iter() {
            let adds = matches!(module.unit.text(call.method), "append" | "add" | "appendleft" | "insert");
            let Some(value) = call.args.last().filter(|_| adds).map(|arg| arg.value) else { continue };
            match (call.callee.base, &steps(call.callee.path)[..]) {
                (base, [Step::Attr(name), inner @ .., Step::Attr(_)]) => {
                    keep(base, *name, inner.len() + 1, value);
                }
                // `self.table.setdefault(key, []).append(value)`
                (Operand::Local(list), [Step::Attr(_)]) => {
                    let Some(made) = body.calls.iter().find(|made| made.to == list) else { continue };
                    if let [Step::Attr(name), Step::Attr(get)] = steps(made.callee.path)[..]
                        && matches!(module.unit.text(get), "setdefault" | "get")
                    {
                        keep(made.callee.base, name, 2, value);
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// The class of the object that an operand is, if names tell it, or what calls pass for a parameter.
    fn class_at(
        &self,
        module: &Module<'_>,
        (func, body): (FuncId, &Body),
        operand: Operand,
    ) -> Option<ClassIx> {
        if let Some(Thing::Object(class)) = self.thing(module, body, operand) {
            return Some(class);
        }
        let index = body.params.iter().position(|param| Operand::Local(param.local) == operand)?;
        match self.passed_for(func, index) {
            [Thing::Object(class)] => Some(*class),
            _ => None,
        }
    }

    /// What an operand of a method is, or what a display has in it, with how many subscripts lead there.
    fn things(&self, module: &Module<'_>, (func, body): (FuncId, &Body), value: Operand) -> Vec<Kept> {
        if let Some(thing) = self.thing(module, body, value) {
            return vec![(thing, 0)];
        }
        let Operand::Local(local) = value else { return Vec::new() };
        if let Some(index) = body.params.iter().position(|param| param.local == local) {
            return self.passed_for(func, index).iter().map(|thing| (*thing, 0)).collect();
        }
        if body.locals[local].name.is_some() {
            return Vec::new();
        }
        let insts = body.blocks.iter().flat_map(|block| &block.insts);
        let items = insts.filter_map(|inst| match &inst.op {
            Op::Let(to, Rvalue::List(items) | Rvalue::Tuple(items)) if *to == local => Some(items.to_vec()),
            Op::Let(to, Rvalue::Dict(items)) if *to == local => {
                Some(items.iter().map(|(_, item)| *item).collect())
            }
            _ => None,
        });
        let items = items.flatten().filter_map(|item| self.thing(module, body, item));
        items.map(|thing| (thing, 1)).collect()
    }

    /// The functions that a function may run of what it is passed, and of what its object keeps.
    pub(super) fn held_by(&self, id: FuncId) -> Vec<FuncId> {
        let (module, _, body) = self.func(id);
        let mut found = Vec::new();
        let is_open = |call: &Call| {
            call.name.is_none_or(|name| match module.meaning(name) {
                Meaning::Unknown => true,
                // An element of some list.
                Meaning::Outside(path) => path.contains("[]"),
                _ => false,
            })
        };
        let run = |thing: Thing, call: &Call, found: &mut Vec<FuncId>| match thing {
            Thing::Func(func) | Thing::Method(func, _) => found.push(func),
            Thing::Object(class) | Thing::Class(class) => {
                found.extend(self.overrides(class, module.global(call.method), MAX_CALLEES));
            }
            Thing::Library(..) => {}
        };
        for (index, param) in body.params.iter().enumerate() {
            let things = self.passed_for(id, index);
            let base = Operand::Local(param.local);
            for call in body.calls.iter().filter(|call| !things.is_empty() && call.callee.base == base) {
                things.iter().filter(|_| is_open(call)).for_each(|thing| run(*thing, call, &mut found));
            }
        }
        let (Some(class), Some(own)) = (self.class_of(id), body.params.first()) else { return found };
        let kept: Vec<(Symbol, &[Kept])> =
            self.above(class).iter().flat_map(|class| self.kept_in(*class)).collect();
        if kept.is_empty() {
            return found;
        }
        let own = Operand::Local(own.local);
        let mut read: FxHashSet<Symbol> = FxHashSet::default();
        let loads = body.blocks.iter().flat_map(|block| &block.insts).filter_map(|inst| match &inst.op {
            Op::Let(_, Rvalue::Load(place)) => Some(*place),
            _ => None,
        });
        for place in loads.chain(body.calls.iter().map(|call| call.callee)).filter(|place| place.base == own)
        {
            if let Some(Step::Attr(name)) = module.unit.paths.steps(place.path).first() {
                read.insert(module.global(*name));
            }
        }
        for (thing, _) in kept.iter().filter(|(name, _)| read.contains(name)).flat_map(|(_, kept)| *kept) {
            body.calls.iter().filter(|call| is_open(call)).for_each(|call| run(*thing, call, &mut found));
        }
        found
    }
}

fn thing_of(meaning: &Meaning) -> Option<Thing> {
    match meaning {
        Meaning::Function(func) => Some(Thing::Func(*func)),
        Meaning::Method(func, class) => Some(Thing::Method(*func, *class)),
        Meaning::Class(class) => Some(Thing::Class(*class)),
        Meaning::Instance(class) => Some(Thing::Object(*class)),
        Meaning::Module(_) | Meaning::Outside(_) | Meaning::Unknown => None,
    }
}

/// What the methods of all classes keep.
pub(super) fn kept(program: &Program<'_>) -> FxHashMap<ClassIx, Vec<(Symbol, Vec<Kept>)>> {
    let is_run = |id: &FuncId| !program.func(*id).0.is_test;
    let all: Vec<FuncId> = program.funcs().filter(is_run).collect();
    let keeps: Vec<Vec<(ClassIx, Symbol, Kept)>> = all.par_iter().map(|id| program.keeps(*id)).collect();
    let mut found: FxHashMap<ClassIx, Vec<(Symbol, Vec<Kept>)>> = FxHashMap::default();
    for keeps in keeps {
        for (class, name, kept) in keeps {
            let attrs = found.entry(class).or_default();
            let at = attrs.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                attrs.push((name, Vec::new()));
                attrs.len() - 1
            });
            let known = &mut attrs[at].1;
            let is_much = is_much(known.iter().map(|(thing, _)| *thing));
            if !known.contains(&kept) && known.len() <= 2 * MAX_THINGS && !is_much {
                known.push(kept);
            }
        }
    }
    found
}
