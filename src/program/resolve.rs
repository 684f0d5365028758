//! What a value path means: `pkg.mod.make().run` is the method `run` of what `make` returns.

use rustc_hash::FxHashMap;

use crate::base::Symbol;
use crate::ir::{Body, BodyKind, Operand, Terminator};
use crate::program::{ClassIx, FuncId, ModuleId, Program};

/// Most steps from name to name.
const MAX_DEPTH: u32 = 12;

/// What a value path stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// A function, or a method reached through its class.
    Function(FuncId),
    /// A method of an instance of this class.
    Method(FuncId, ClassIx),
    /// A class.
    Class(ClassIx),
    /// An instance of a class.
    Instance(ClassIx),
    /// A file.
    Module(ModuleId),
    /// Something outside of the program, by its value path; re-exports of the program are looked through.
    Outside(Box<str>),
    /// Nothing that can be told.
    Unknown,
}

/// One step of a value path.
enum Part<'p> {
    Name(&'p str),
    Call,
    Element,
}

pub(super) struct Resolver<'r, 'a> {
    pub(super) program: &'r Program<'a>,
    /// Functions and classes by absolute dotted name, per file; those of the file itself by their own name too.
    pub(super) definitions: &'r FxHashMap<(ModuleId, Symbol), Definition>,
}

/// What a file's own scope binds, by the program's symbols; the values are the file's.
pub(super) struct Bound {
    /// Imported names, with their paths.
    pub(super) imports: FxHashMap<Symbol, Symbol>,
    /// Variables by absolute dotted name, with the value paths they hold.
    pub(super) globals: FxHashMap<Symbol, Symbol>,
}

#[derive(Clone, Copy)]
pub(super) enum Definition {
    Function(FuncId),
    Class(ClassIx),
}

impl Resolver<'_, '_> {
    /// What `path`, as the file `from` writes it, means.
    pub(super) fn path(&self, from: ModuleId, path: &str) -> Meaning {
        self.at_depth(from, path, MAX_DEPTH)
    }

    fn at_depth(&self, from: ModuleId, path: &str, depth: u32) -> Meaning {
        if depth == 0 {
            return Meaning::Unknown;
        }
        // `super().m` in a method is resolved by whoever knows the class.
        let plain = path.find(['(', '[']).unwrap_or(path.len());
        let (dotted, rest) = path.split_at(plain);
        let meaning = match self.nested(from, dotted, depth) {
            Some(meaning) => meaning,
            None => self.dotted(from, dotted, depth),
        };
        self.along(meaning, rest, depth)
    }

    /// What `rest` behind something means.
    fn along(&self, mut meaning: Meaning, rest: &str, depth: u32) -> Meaning {
        let mut parts = Parts { rest };
        loop {
            // What is outside stays there: the rest is spelled as it is.
            if let Meaning::Outside(path) = &meaning {
                return outside(path, parts.rest);
            }
            let Some(part) = parts.next() else { return meaning };
            meaning = self.step(meaning, &part, depth);
        }
    }

    /// What a function defines, `pkg.mod.outer.<locals>.inner`, or what its variables hold: `….<locals>.runner.run`.
    fn nested(&self, from: ModuleId, dotted: &str, depth: u32) -> Option<Meaning> {
        const MARK: &str = ".<locals>.";
        let (outer, inner) = dotted.rsplit_once(MARK)?;
        let of = |name: &str| self.definitions.get(&(from, self.program.symbol(name)?)).copied();
        match of(dotted) {
            Some(Definition::Function(func)) => return Some(Meaning::Function(func)),
            Some(Definition::Class(class)) => return Some(Meaning::Class(class)),
            None => {}
        }
        let Some(Definition::Function(func)) = of(outer) else { return None };
        let (module, _, body) = self.program.func(func);
        // What the variable itself holds comes with taint.
        let (variable, rest) = inner.split_at(inner.find('.')?);
        let is_it = |name: Symbol| module.unit.text(name) == variable;
        let value = body.locals.iter().find(|local| local.name.is_some_and(is_it))?.value?;
        let meaning = self.at_depth(from, module.unit.text(value), depth.saturating_sub(1));
        Some(self.along(meaning, rest, depth))
    }

    /// The longest beginning that is a file, then names in it.
    fn dotted(&self, from: ModuleId, dotted: &str, depth: u32) -> Meaning {
        if !self.program.table.may_have(dotted) {
            return Meaning::Outside(dotted.into());
        }
        let mut end = dotted.len();
        loop {
            let head = &dotted[..end];
            let own = self.program.modules[from].unit;
            let found =
                if own.text(own.module) == head { Some(from) } else { self.program.table.find(head, from) };
            if let Some(module) = found {
                return self.along(Meaning::Module(module), &dotted[end..], depth);
            }
            match head.rfind('.') {
                Some(dot) => end = dot,
                None => return Meaning::Outside(dotted.into()),
            }
        }
    }

    fn step(&self, meaning: Meaning, part: &Part<'_>, depth: u32) -> Meaning {
        match (meaning, part) {
            (Meaning::Module(module), Part::Name(name)) => self.member(module, name, depth),
            (Meaning::Class(class), Part::Call) => Meaning::Instance(class),
            // `Shelf[str]`
            (Meaning::Class(class), Part::Element) => Meaning::Class(class),
            (Meaning::Class(class), Part::Name(name)) => self.of_class(class, name, depth, false),
            (Meaning::Instance(class), Part::Name(name)) => self.of_class(class, name, depth, true),
            (Meaning::Function(func) | Meaning::Method(func, _), Part::Call) => self.returned(func, depth),
            // `outer.<locals>.inner`, attributes of functions.
            (Meaning::Function(_) | Meaning::Method(..), Part::Name(_)) => Meaning::Unknown,
            (Meaning::Instance(class), Part::Call) => match self.of_class(class, "__call__", depth, true) {
                Meaning::Method(func, _) => self.returned(func, depth),
                _ => Meaning::Unknown,
            },
            (Meaning::Outside(path), Part::Name(name)) => outside(&path, &format!(".{name}")),
            (Meaning::Outside(path), Part::Call) => outside(&path, "()"),
            (Meaning::Outside(path), Part::Element) => outside(&path, "[]"),
            (_, Part::Element) | (Meaning::Module(_), Part::Call) | (Meaning::Unknown, _) => Meaning::Unknown,
        }
    }

    /// `name` in a file: defined, imported, assigned, from a star import, or a file below the package.
    fn member(&self, module: ModuleId, name: &str, depth: u32) -> Meaning {
        self.member_beside(module, name, depth, &mut Vec::new())
    }

    /// The same, where the files in `seen` were searched already.
    fn member_beside(&self, module: ModuleId, name: &str, depth: u32, seen: &mut Vec<ModuleId>) -> Meaning {
        let depth = depth.saturating_sub(1);
        seen.push(module);
        let data = &self.program.modules[module];
        let unit = data.unit;
        let own = unit.text(unit.module);
        let bound = &self.program.bound[module];
        if let Some(short) = self.program.symbol(name) {
            match self.definitions.get(&(module, short)) {
                Some(Definition::Function(func)) => return Meaning::Function(*func),
                Some(Definition::Class(class)) => return Meaning::Class(*class),
                None => {}
            }
            if let Some(path) = bound.imports.get(&short) {
                let path = unit.text(*path);
                let rest = path.strip_prefix(own).and_then(|rest| rest.strip_prefix('.'));
                return if rest == Some(name) {
                    self.below(module, path)
                } else {
                    self.at_depth(module, path, depth)
                };
            }
        }
        let full = format!("{own}.{name}");
        let symbol = self.program.symbol(&full);
        if let Some(value) = symbol.and_then(|symbol| bound.globals.get(&symbol)) {
            return self.at_depth(module, unit.text(*value), depth);
        }
        let below = self.below(module, &full);
        if below != Meaning::Unknown {
            return below;
        }
        for star in &unit.stars {
            let star = unit.text(*star);
            match self.program.table.find(star, module) {
                Some(other) if depth > 0 && !seen.contains(&other) => {
                    let found = self.member_beside(other, name, depth, seen);
                    if !matches!(found, Meaning::Unknown) {
                        return found;
                    }
                }
                Some(_) => {}
                None => return Meaning::Outside(format!("{star}.{name}").into()),
            }
        }
        Meaning::Unknown
    }

    fn below(&self, module: ModuleId, full: &str) -> Meaning {
        self.program.table.find(full, module).map_or(Meaning::Unknown, Meaning::Module)
    }

    fn of_class(&self, class: ClassIx, name: &str, depth: u32, bound: bool) -> Meaning {
        let depth = depth.saturating_sub(1);
        if let Some(symbol) = self.program.symbol(name) {
            for above in self.program.above(class) {
                let info = &self.program.classes[*above];
                if let Some(&method) = info.methods.get(&symbol) {
                    let (.., body) = self.program.func(method);
                    if bound && is_property(self.program, method, body) {
                        return self.returned(method, depth);
                    }
                    return if bound { Meaning::Method(method, class) } else { Meaning::Function(method) };
                }
                if let Some(value) = info.attrs.get(&symbol)
                    && depth > 0
                {
                    return match self.at_depth(info.module, value, depth) {
                        // `other = method` in the block of a class.
                        Meaning::Function(func) if bound && self.is_of(func, class) => {
                            Meaning::Method(func, class)
                        }
                        meaning => meaning,
                    };
                }
            }
        }
        let outside = self.program.outside_bases(class);
        // A method that those who inherit define, or their other bases, if there is only one.
        if bound
            && outside.is_empty()
            && let Some(symbol) = self.program.symbol(name)
        {
            let derived = self.program.below(class).iter().skip(1);
            let around = derived.flat_map(|below| self.program.above(*below));
            let mut found: Vec<FuncId> = around
                .filter_map(|other| self.program.classes[*other].methods.get(&symbol).copied())
                .collect();
            found.dedup();
            if let Some((&method, rest)) = found.split_first()
                && rest.iter().all(|other| *other == method)
            {
                let (.., body) = self.program.func(method);
                if is_property(self.program, method, body) {
                    return self.returned(method, depth);
                }
                return Meaning::Method(method, class);
            }
        }
        match self.program.library_base(class) {
            Some(base) if bound => Meaning::Outside(format!("{base}().{name}").into()),
            Some(base) => Meaning::Outside(format!("{base}.{name}").into()),
            None => Meaning::Unknown,
        }
    }

    /// Whether a function is a method of `class` or of one above it.
    fn is_of(&self, func: FuncId, class: ClassIx) -> bool {
        let of = self.program.class_of(func);
        of.is_some_and(|of| self.program.above(class).contains(&of))
    }

    /// What a function returns: its annotation's instance, else the one value that all its returns agree on.
    fn returned(&self, func: FuncId, depth: u32) -> Meaning {
        let depth = depth.saturating_sub(1);
        let (module, _, body) = self.program.func(func);
        let home = self.program.module_of(func);
        if let Some(annotation) = body.returns {
            let text = module.unit.text(annotation);
            if !text.starts_with("typing.") && text != "None" {
                return self.at_depth(home, &format!("{text}()"), depth);
            }
        }
        returned_path(body)
            .map_or(Meaning::Unknown, |path| self.at_depth(home, module.unit.text(path), depth))
    }
}

/// Whether reading the method calls it.
pub(super) fn is_property(program: &Program<'_>, func: FuncId, body: &Body) -> bool {
    let (module, ..) = program.func(func);
    body.decorators.iter().filter_map(|decorator| decorator.name).any(|name| {
        let name = module.unit.text(name);
        matches!(name, "property" | "functools.cached_property") || name.ends_with("cached_property")
    })
}

/// The value path that all returns of a function agree on, `None` aside.
fn returned_path(body: &Body) -> Option<Symbol> {
    if !matches!(body.kind, BodyKind::Function { is_generator: false, .. }) {
        return None;
    }
    let mut found = None;
    for block in body.blocks.iter() {
        let Terminator::Return(value) = block.end else { continue };
        let path = match value {
            Operand::Const(crate::ir::Const::None) => continue,
            Operand::Local(local) => body.locals[local].value?,
            Operand::Global(name) => name,
            Operand::Const(_) => return None,
        };
        if found.is_some_and(|known| known != path) {
            return None;
        }
        found = Some(path);
    }
    found
}

/// `path` of something outside of the program, and what follows it.
fn outside(path: &str, rest: &str) -> Meaning {
    const MAX_PATH: usize = 240;
    if path.len() + rest.len() > MAX_PATH {
        return Meaning::Unknown;
    }
    Meaning::Outside([path, rest].concat().into())
}

/// The steps of what follows the plain part of a value path.
struct Parts<'p> {
    rest: &'p str,
}

impl<'p> Iterator for Parts<'p> {
    type Item = Part<'p>;

    fn next(&mut self) -> Option<Part<'p>> {
        if let Some(rest) = self.rest.strip_prefix("()") {
            self.rest = rest;
            return Some(Part::Call);
        }
        if let Some(rest) = self.rest.strip_prefix("[]") {
            self.rest = rest;
            return Some(Part::Element);
        }
        let name = self.rest.trim_start_matches('.');
        let end = name.find(['.', '(', '[']).unwrap_or(name.len());
        self.rest = &name[end..];
        if end == 0 {
            self.rest = "";
            return None;
        }
        Some(Part::Name(&name[..end]))
    }
}
