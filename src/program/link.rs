//! Links lowered files into a program.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::{IdVec, Symbol};
use crate::ir::{FnId, Unit};
use crate::program::aliases::aliases;
use crate::program::handed::Handed;
use crate::program::makers::makers;
use crate::program::modules::Modules;
use crate::program::resolve::{Bound, Definition, Meaning, Resolver};
use crate::program::together::Together;
use crate::program::{
    ClassInfo, ClassIx, FuncId, Input, LOOKED_UP, Module, ModuleId, Program, Types, handed, names, special,
};

/// Links `units`, which stand in the order of their paths; `types` tells what libraries return.
#[must_use]
pub fn link<'a>(units: &[Input<'a>], types: &Types) -> Program<'a> {
    let only: Vec<&Unit> = units.iter().map(|input| input.unit).collect();
    let (names, maps) = names::merge(&only);
    let mut funcs = IdVec::new();
    let mut modules: IdVec<ModuleId, Module<'a>> = IdVec::new();
    let mut first_class = 0;
    for (Input { file, unit, is_test, is_exported, .. }, map) in units.iter().zip(maps) {
        let first = funcs.len();
        let id = modules.next_id();
        for body in unit.bodies.ids() {
            funcs.push((id, body));
        }
        let meanings = Vec::new();
        modules.push(Module {
            unit,
            file: *file,
            is_test: *is_test,
            is_exported: *is_exported,
            names: map,
            meanings,
            renamed: FxHashMap::default(),
            subscripted: FxHashMap::default(),
            classes: Vec::new(),
            first,
            first_class,
        });
        first_class += unit.classes.len();
    }
    let module_names: Vec<String> = only.iter().map(|unit| unit.text(unit.module).to_owned()).collect();
    let packages: FxHashSet<&str> = units
        .iter()
        .filter(|input| input.is_package)
        .map(|input| input.unit.text(input.unit.module))
        .collect();
    let table = Modules::new(&module_names, &packages);
    let ids: Vec<ModuleId> = modules.ids().collect();
    let bound = ids.par_iter().map(|id| bound(&modules[*id])).collect::<Vec<_>>().into_iter().collect();
    let (classes, by_class, properties) = (IdVec::new(), FxHashMap::default(), FxHashSet::default());
    let (specials, rare, wrappers) =
        (special::Specials::default(), FxHashMap::default(), FxHashMap::default());
    let (branches, aliases) = (branches(&modules), aliases(&modules));
    let mut program = Program {
        types: types.clone(),
        modules,
        classes,
        funcs,
        names,
        by_class,
        properties,
        specials,
        rare,
        wrappers,
        branches,
        handed: Handed::default(),
        aliases,
        makers: FxHashMap::default(),
        table,
        bound,
        together: Together::default(),
    };
    let definitions = define(&mut program);
    link_bases(&mut program, &definitions, types);
    let told: Vec<_> = ids
        .par_iter()
        .map(|id| {
            let resolver = Resolver { program: &program, definitions: &definitions };
            let meanings = meanings(&resolver, types, *id);
            let renamed = program.renamed(*id, &meanings);
            (meanings, renamed)
        })
        .collect();
    for (module, (meanings, renamed)) in program.modules.iter_mut().zip(told) {
        module.meanings = meanings;
        let names = &mut program.names;
        module.renamed = renamed.into_iter().map(|(name, full)| (name, names.intern(&full))).collect();
    }
    tell_more(&mut program, &definitions, types);
    program.together = Together::new(&program, &packages);
    program
}

/// What is told of a program whose names are: properties, what runs unseen or instead, the classes that files name.
fn tell_more(
    program: &mut Program<'_>,
    definitions: &FxHashMap<(ModuleId, Symbol), Definition>,
    types: &Types,
) {
    let ids: Vec<ModuleId> = program.modules.ids().collect();
    program.properties = program.property_names();
    program.specials = special::Specials::new(program);
    program.makers = makers(program);
    program.handed = Handed::pass_all(program);
    tell_injected(program, definitions, types);
    program.pass_on();
    let kept = handed::kept(program);
    program.handed.keep(kept);
    program.wrappers = program.wrappers();
    program.rare = program.rare_methods();
    for module in program.modules.iter_mut() {
        let named = module.meanings.iter().filter_map(|meaning| match meaning.as_deref() {
            Some(Meaning::Class(class)) => Some(*class),
            _ => None,
        });
        let mut classes: Vec<ClassIx> = named.collect();
        classes.sort_unstable();
        classes.dedup();
        module.classes = classes;
    }
    if LOOKED_UP.iter().any(|name| program.has_special(name)) {
        let resolver = Resolver { program, definitions };
        let told: Vec<_> = ids.par_iter().map(|id| subscripted(&resolver, *id)).collect();
        program.modules.iter_mut().zip(told).for_each(|(module, told)| module.subscripted = told);
    }
}

/// The classes of the objects of the program that a file reads by subscripts, by their value paths.
fn subscripted(resolver: &Resolver<'_, '_>, id: ModuleId) -> FxHashMap<Box<str>, ClassIx> {
    let module = &resolver.program.modules[id];
    let mut found = FxHashMap::default();
    let used = module.meanings.iter().enumerate().filter(|(_, meaning)| meaning.is_some());
    for path in used.map(|(at, _)| module.unit.text(Symbol::new(at))) {
        for object in special::before_elements(path) {
            if !found.contains_key(object)
                && resolver.program.table.may_have(object)
                && let Meaning::Instance(class) = resolver.path(id, object)
            {
                found.insert(object.into(), class);
            }
        }
    }
    found
}

/// Tells again what was not known, now that attributes have the classes of what constructors are passed.
fn tell_injected(
    program: &mut Program<'_>,
    definitions: &FxHashMap<(ModuleId, Symbol), Definition>,
    types: &Types,
) {
    let names = program.inject();
    if names.is_empty() {
        return;
    }
    let ids: Vec<ModuleId> = program.modules.ids().collect();
    let resolver = Resolver { program, definitions };
    let told: Vec<Vec<(usize, Meaning)>> = ids
        .par_iter()
        .map(|id| {
            let module = &resolver.program.modules[*id];
            let is_open = |meaning: &Option<Box<Meaning>>| meaning.as_deref() == Some(&Meaning::Unknown);
            let open = module.meanings.iter().enumerate().filter(|(_, meaning)| is_open(meaning));
            let told = open.filter_map(|(at, _)| {
                let text = module.unit.text(Symbol::new(at));
                let mut parts = text.split(['.', '(', ')', '[']);
                let meaning =
                    parts.any(|part| names.contains(part)).then(|| meaning(&resolver, types, *id, text))?;
                Some((at, meaning))
            });
            told.collect()
        })
        .collect();
    for (module, told) in program.modules.iter_mut().zip(told) {
        told.into_iter().for_each(|(at, meaning)| module.meanings[at] = Some(Box::new(meaning)));
    }
}

/// The meaning of one value path of a file.
fn meaning(resolver: &Resolver<'_, '_>, types: &Types, id: ModuleId, text: &str) -> Meaning {
    let mut meaning = resolver.path(id, text);
    let unit = resolver.program.modules[id].unit;
    if let Meaning::Outside(_) = meaning
        && let Some((own, rest)) = stand_in(unit, text)
    {
        meaning = resolver.path(id, &[own, rest].concat());
    }
    if let Meaning::Outside(path) = &mut meaning
        && let Some(shorter) = types.canonical(path)
    {
        *path = shorter.into();
    }
    meaning
}

/// The function of a file that stands in for what a value path begins with where its import fails, and the rest of it.
fn stand_in<'u>(unit: &'u Unit, text: &'u str) -> Option<(&'u str, &'u str)> {
    let begins = |(path, own): (&Symbol, &Symbol)| {
        let rest = text.strip_prefix(unit.text(*path))?;
        (rest.is_empty() || rest.starts_with(['.', '(', '['])).then(|| (unit.text(*own), rest))
    };
    unit.stand_ins.iter().filter_map(begins).min_by_key(|(_, rest)| rest.len())
}

/// What the own scope of a file binds.
fn bound(module: &Module<'_>) -> Bound {
    let global = |(name, value): (&Symbol, &Symbol)| (module.global(*name), *value);
    let imports = module.unit.imports.iter().map(|(name, path)| global((name, path))).collect();
    Bound { imports, globals: module.unit.globals.iter().map(global).collect() }
}

/// The functions that have one name on several branches, each with the others.
fn branches(modules: &IdVec<ModuleId, Module<'_>>) -> FxHashMap<FuncId, Vec<FuncId>> {
    let mut found: FxHashMap<FuncId, Vec<FuncId>> = FxHashMap::default();
    for module in modules.iter() {
        for (first, other) in &module.unit.branches {
            let (first, other) = (func(module, *first), func(module, *other));
            let known = found.entry(first).or_default().clone();
            found.entry(first).or_default().push(other);
            for id in &known {
                found.entry(*id).or_default().push(other);
            }
            found.entry(other).or_default().extend([&[first], &known[..]].concat());
        }
    }
    found
}

/// Notes the functions and classes of all files.
fn define(program: &mut Program<'_>) -> FxHashMap<(ModuleId, Symbol), Definition> {
    let mut definitions = FxHashMap::default();
    let mut classes = IdVec::new();
    for (id, module) in program.modules.pairs() {
        let unit = module.unit;
        for (name, body) in &unit.by_name {
            definitions.insert((id, module.global(*name)), Definition::Function(func(module, *body)));
        }
        for (class_id, class) in unit.classes.pairs() {
            // What assigns or deletes a property has its name, and is no method.
            let ends = |(_, body): &&(Symbol, FnId), suffix: &str| {
                let mut names = unit.bodies[*body].decorators.iter().filter_map(|decorator| decorator.name);
                names.any(|name| unit.text(name).ends_with(suffix))
            };
            let is_method = |method: &&(Symbol, FnId)| !ends(method, ".setter") && !ends(method, ".deleter");
            let named = |(name, body): &(Symbol, FnId)| (module.global(*name), func(module, *body));
            let methods = class.methods.iter().filter(is_method).map(named);
            let setters = class.methods.iter().filter(|method| ends(method, ".setter")).map(named);
            let attrs =
                class.attrs.iter().map(|(name, value)| (module.global(*name), unit.text(*value).into()));
            let info = ClassInfo {
                module: id,
                name: module.global(class.name),
                bases: Vec::new(),
                outside: Vec::new(),
                derived: Vec::new(),
                fields: class.fields.iter().map(|name| module.global(*name)).collect(),
                plain: class.plain.iter().map(|name| module.global(*name)).collect(),
                typed: class.typed.iter().map(|(name, of)| (module.global(*name), *of)).collect(),
                methods: methods.collect(),
                setters: setters.collect(),
                attrs: attrs.collect(),
                above: [classes.next_id()].into(),
                below: [classes.next_id()].into(),
            };
            let ix: ClassIx = classes.push(info);
            definitions.insert((id, module.global(class.name)), Definition::Class(ix));
            program.by_class.insert((id, class_id), ix);
        }
    }
    program.classes = classes;
    let own = |((id, full), definition): (&(ModuleId, Symbol), &Definition)| {
        let unit = program.modules[*id].unit;
        let rest = program.names.text(*full).strip_prefix(unit.text(unit.module))?.strip_prefix('.')?;
        (!rest.contains('.')).then(|| (*id, rest.to_owned(), *definition))
    };
    let mut own: Vec<_> = definitions.iter().filter_map(own).collect();
    own.sort_unstable_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    for (id, name, definition) in own {
        definitions.insert((id, program.names.intern(&name)), definition);
    }
    definitions
}

fn func(module: &Module<'_>, body: FnId) -> FuncId {
    FuncId::new(module.first + body.index())
}

fn link_bases(
    program: &mut Program<'_>,
    definitions: &FxHashMap<(ModuleId, Symbol), Definition>,
    types: &Types,
) {
    let mut all: Vec<(ClassIx, Vec<ClassIx>, Vec<Box<str>>)> = Vec::new();
    {
        let resolver = Resolver { program, definitions };
        for (id, module) in program.modules.pairs() {
            for (index, class) in module.unit.classes.iter().enumerate() {
                let ix = ClassIx::new(module.first_class + index);
                let (mut bases, mut outside) = (Vec::new(), Vec::new());
                for base in &class.bases {
                    match meaning(&resolver, types, id, module.unit.text(*base)) {
                        Meaning::Class(base) if base != ix => bases.push(base),
                        Meaning::Outside(path) if &*path != "object" => outside.push(path),
                        _ => {}
                    }
                }
                all.push((ix, bases, outside));
            }
        }
    }
    for (ix, bases, outside) in all {
        for base in &bases {
            program.classes[*base].derived.push(ix);
        }
        program.classes[ix].bases = bases;
        program.classes[ix].outside = outside;
    }
    program.link_hierarchy();
}

/// The meanings of all value paths that a file uses.
fn meanings(resolver: &Resolver<'_, '_>, types: &Types, id: ModuleId) -> Vec<Option<Box<Meaning>>> {
    let module = &resolver.program.modules[id];
    let unit = module.unit;
    let mut found: Vec<Option<Box<Meaning>>> = vec![None; module.names.len()];
    let mut tell = |symbol: Symbol| {
        if found[symbol.index()].is_none() {
            found[symbol.index()] = Some(Box::new(meaning(resolver, types, id, unit.text(symbol))));
        }
    };
    for body in unit.bodies.iter() {
        body.locals.iter().filter_map(|local| local.value).for_each(&mut tell);
        body.decorators.iter().filter_map(|decorator| decorator.name).for_each(&mut tell);
        body.params.iter().filter_map(|param| param.annotation).for_each(&mut tell);
        body.params.iter().filter_map(|param| param.named_default).for_each(&mut tell);
        body.calls.iter().filter_map(|call| call.name).for_each(&mut tell);
        body.globals.iter().copied().for_each(&mut tell);
        let typed = body.typed.iter().map(|(_, of)| *of).chain(body.casts.iter().map(|(_, of)| *of));
        typed.chain(body.asked.iter().map(|asked| asked.of)).for_each(&mut tell);
    }
    unit.typed.iter().for_each(|(_, of)| tell(*of));
    unit.aliases.iter().for_each(|alias| tell(alias.of));
    unit.classes.iter().flat_map(|class| &class.typed).for_each(|(_, of)| tell(*of));
    found
}
