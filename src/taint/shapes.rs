//! What variables hold that are assigned once: constants, tables, compiled patterns, functions; and the attributes that
//! classes and their constructors set. Without taint.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::{IdVec, Symbol};
use crate::ir::{BodyKind, Op, Operand, Place};
use crate::program::{ClassIx, FuncId, Held, Program, Thing};
use crate::taint::body::{Analyzer, Context};
use crate::taint::declared::as_declared;
use crate::taint::groups::pattern_key;
use crate::taint::hung::{Hung, hang};
use crate::taint::objects::made_of_library;
use crate::taint::registries::register;
use crate::taint::state::{State, Var};
use crate::taint::value::{Callee, FuncRef, Key, Tree};
use crate::taint::world::World;

/// Most classes below one whose attributes are compared.
const MAX_BELOW: usize = 8;

/// Names with what they hold.
type Named = Vec<(Symbol, Arc<Tree>)>;

/// What is known of variables and attributes without following taint.
#[derive(Default)]
pub(super) struct Shapes<'w, 'a> {
    /// By the absolute dotted name of a module's variable or a class's attribute.
    pub(super) variables: FxHashMap<Symbol, Arc<Tree>>,
    /// What hangs on applications and requests.
    pub(super) hung: Hung,
    /// The world in which constructors are run; none where nothing is known.
    world: Option<&'w World<'w, 'a>>,
    /// What the blocks of classes leave in their names.
    blocks: FxHashMap<ClassIx, Tree>,
    /// Attributes that are assigned outside of constructors.
    assigned: FxHashSet<Symbol>,
    /// What the block and the constructor of a class set, made when it is asked for.
    own: IdVec<ClassIx, OnceLock<Tree>>,
    /// What instances of a class have, made when it is asked for.
    instances: IdVec<ClassIx, OnceLock<Option<Arc<Tree>>>>,
}

impl<'w, 'a> Shapes<'w, 'a> {
    /// The functions that a variable holds, in tables too, and the methods of classes; and the methods of objects, which
    /// who reads the variable may run.
    pub(super) fn funcs(&self, program: &Program<'_>, variable: Symbol) -> Held {
        let mut found = Held::default();
        let mut todo: Vec<&Tree> = self.variables.get(&variable).map(|tree| &**tree).into_iter().collect();
        while let Some(tree) = todo.pop() {
            for func in &tree.funcs {
                match func.func {
                    Callee::Own(id) => found.funcs.push(id),
                    Callee::Class(class) => found.funcs.extend(program.classes[class].methods.values()),
                    Callee::Outside(_) => {}
                }
            }
            let methods = tree.classes().flat_map(|class| program.classes[class].methods.values());
            found.methods.extend(methods);
            todo.extend(tree.fields.iter().map(|(_, part)| &**part));
        }
        found
    }

    /// Whether the block of a class itself gives an attribute a value.
    pub(super) fn has_attr(&self, program: &Program<'_>, class: ClassIx, name: Symbol) -> bool {
        let full = format!("{}.{}", program.text(program.classes[class].name), program.text(name));
        program.symbol(&full).is_some_and(|full| self.variables.contains_key(&full))
    }

    /// The pattern that the block of a class, or of one above it, compiles under a name.
    pub(super) fn pattern_of(
        &self,
        program: &Program<'_>,
        class: ClassIx,
        name: Symbol,
    ) -> Option<Arc<Tree>> {
        let mut blocks = program.above(class).iter().filter_map(|class| self.blocks.get(class));
        let found = blocks.find_map(|block| block.field(&Key::Attr(name)))?;
        (found.field(&pattern_key()).is_some() && !self.assigned.contains(&name)).then(|| Arc::clone(found))
    }

    /// Runs the blocks of modules and classes. `world` has no shapes so far.
    pub(super) fn new(world: &'w World<'w, 'a>) -> Self {
        let program = world.program;
        let of_kind = |kind: BodyKind| -> Vec<FuncId> {
            program.funcs().filter(|id| program.func(*id).2.kind == kind).collect()
        };
        let modules: Vec<Named> = of_kind(BodyKind::Module).par_iter().map(|id| module(world, *id)).collect();
        let mut variables: FxHashMap<Symbol, Arc<Tree>> = modules.into_iter().flatten().collect();
        register(program, &mut variables);
        let hung = hang(program, &mut variables);
        let mut assigned: FxHashSet<Symbol> = FxHashSet::default();
        for data in program.modules.iter() {
            assigned.extend(data.unit.assigned.iter().map(|name| data.global(*name)));
        }
        let mut blocks: FxHashMap<ClassIx, Tree> = FxHashMap::default();
        let run: Vec<(ClassIx, Named)> = of_kind(BodyKind::Class)
            .par_iter()
            .filter_map(|id| Some((program.class_of(*id)?, class_block(world, *id))))
            .collect();
        for (class, attrs) in run {
            let prefix = program.text(program.classes[class].name);
            let tree = blocks.entry(class).or_default();
            for (name, value) in attrs {
                if let Some(full) = program.symbol(&format!("{prefix}.{}", program.text(name))) {
                    variables.entry(full).or_insert_with(|| Arc::clone(&value));
                }
                tree.store(&[Key::Attr(name)], &value);
            }
        }
        for module in program.modules.iter() {
            for (name, of) in &module.unit.typed {
                if let Some(thing) = program.declared(module, *of) {
                    as_declared(program, thing, variables.entry(module.global(*name)).or_default());
                }
            }
        }
        let (own, instances) = (
            program.classes.ids().map(|_| OnceLock::new()).collect(),
            program.classes.ids().map(|_| OnceLock::new()).collect(),
        );
        Self { variables, hung, world: Some(world), blocks, assigned, own, instances }
    }

    /// What instances of a class have by the blocks and constructors of the classes above it, as far as all classes
    /// below it have the same.
    pub(super) fn instance(&self, class: ClassIx) -> Option<&Arc<Tree>> {
        let world = self.world?;
        self.instances[class].get_or_init(|| self.made(world, class)).as_ref()
    }

    fn made(&self, world: &World<'_, '_>, class: ClassIx) -> Option<Arc<Tree>> {
        let below = world.program.below(class);
        if below.len() > MAX_BELOW {
            return None;
        }
        let mut tree = self.whole(world, class);
        if tree.fields.is_empty() {
            return None;
        }
        for other in below.iter().skip(1) {
            tree.join(&self.whole(world, *other));
        }
        tree.fields.retain(|(_, part)| !part.is_plain());
        (!tree.fields.is_empty()).then(|| Arc::new(tree))
    }

    /// What a class and those above it set.
    fn whole(&self, world: &World<'_, '_>, class: ClassIx) -> Tree {
        let mut tree = Tree::default();
        for above in world.program.above(class).iter().rev() {
            let own = self.own[*above].get_or_init(|| self.set_by(world, *above));
            own.fields.iter().for_each(|(key, part)| tree.store(std::slice::from_ref(key), part));
        }
        tree
    }

    /// Takes from the fields of a class that has no constructor of its own what their defaults are: objects that are made
    /// have others.
    fn open_fields(&self, program: &Program<'_>, class: ClassIx, tree: &mut Tree) {
        let info = &program.classes[class];
        let init = program.symbol("__init__").and_then(|init| program.method(class, init));
        if init.is_some() {
            return;
        }
        for (key, part) in &mut tree.fields {
            let is_field = matches!(key, Key::Attr(name) if info.fields.contains(name));
            if is_field && part.konst.is_some() {
                let part = Arc::make_mut(part);
                part.may = part.truths();
                (part.konst, part.prefix, part.ending, part.among) = (None, None, None, None);
            }
        }
    }

    /// What the block and the constructor of a class set and nobody else.
    fn set_by(&self, world: &World<'_, '_>, class: ClassIx) -> Tree {
        let program = world.program;
        let mut tree = self.blocks.get(&class).cloned().unwrap_or_default();
        self.open_fields(program, class, &mut tree);
        let init = program.symbol("__init__").and_then(|init| program.classes[class].methods.get(&init));
        if let Some(made) = init.and_then(|init| constructor(world, *init)) {
            made.fields.iter().for_each(|(key, part)| tree.store(std::slice::from_ref(key), part));
        }
        tree.fields.retain(|(key, part)| {
            matches!(key, Key::Attr(name) if !self.assigned.contains(name)) && !part.is_plain()
        });
        for (name, kept) in program.kept_in(class) {
            for (thing, depth) in kept {
                let path: Vec<Key> = std::iter::repeat_n(Key::Any, usize::from(*depth)).collect();
                tree.join_at(&[&[Key::Attr(name)], &path[..]].concat(), &Tree::thing(program, *thing));
            }
        }
        let info = &program.classes[class];
        for (name, of) in &info.typed {
            if let Some(thing) = program.declared(&program.modules[info.module], *of) {
                let mut part = tree.field(&Key::Attr(*name)).cloned().unwrap_or_default();
                as_declared(program, thing, &mut part);
                tree.store(&[Key::Attr(*name)], &part);
            }
        }
        tree
    }
}

impl Tree {
    /// What is handed over, as a value.
    pub(super) fn thing(program: &Program<'_>, thing: Thing) -> Self {
        let object = |class| Self { class: Some(class), ..Self::default() };
        match thing {
            Thing::Func(func) => Self::func(FuncRef::new(Callee::Own(func))),
            Thing::Method(func, class) => Self::func(FuncRef {
                bound: vec![Arc::new(object(class))],
                ..FuncRef::new(Callee::Own(func))
            }),
            Thing::Class(class) => Self::func(FuncRef::new(Callee::Class(class))),
            Thing::Object(class) => object(class),
            Thing::Library(object, settings) => made_of_library(program, object, &settings),
        }
    }
}

/// What the variables of a module hold at its end that functions do not assign.
fn module(world: &World<'_, '_>, id: FuncId) -> Named {
    let (module, ..) = world.program.func(id);
    // How often each is assigned, and whether functions do it too.
    let mut times: FxHashMap<Symbol, (u32, bool)> = FxHashMap::default();
    for body in module.unit.bodies.iter() {
        for inst in body.blocks.iter().flat_map(|block| &block.insts) {
            if let Op::Store(place, _) = inst.op
                && let Operand::Global(name) = place.base
                && place == Place::bare(place.base)
            {
                let (times, is_inner) = times.entry(module.global(name)).or_default();
                *times += 1;
                *is_inner |= body.kind != BodyKind::Module;
            }
        }
    }
    let Some(state) = run(world, id) else { return Named::new() };
    let mut found = Named::new();
    for (name, (times, is_inner)) in times {
        if times == 1 || !is_inner {
            found.extend(shape(&state, Var::Global(name)).map(|tree| (name, tree)));
        }
    }
    found.sort_by_key(|(name, _)| *name);
    found
}

/// What the block of a class leaves in its names.
fn class_block(world: &World<'_, '_>, id: FuncId) -> Named {
    let (module, _, body) = world.program.func(id);
    let Some(state) = run(world, id) else { return Named::new() };
    let named = body.locals.pairs().filter_map(|(local, data)| Some((local, data.name?)));
    named.filter_map(|(local, name)| Some((module.global(name), shape(&state, Var::Local(local))?))).collect()
}

/// What a constructor leaves in the instance.
fn constructor(world: &World<'_, '_>, id: FuncId) -> Option<Tree> {
    let (_, _, body) = world.program.func(id);
    let own = body.params.first()?.local;
    let context = Context::default();
    let analyzer = Analyzer::new(world, (id, None), &context)?;
    let state = analyzer.end()?;
    let made = state.get(Var::Local(own))?;
    let framed = analyzer.with_frames(&state, made, 1);
    let mut tree = framed.as_ref().unwrap_or(made).without_labels();
    open_lists(&mut tree);
    (!tree.is_plain()).then_some(tree)
}

/// Functions that run later may put more into lists.
fn open_lists(tree: &mut Tree) {
    tree.may_lack();
    for (_, part) in tree.fields.iter_mut().filter(|(_, part)| holds_list(part)) {
        open_lists(Arc::make_mut(part));
    }
}

/// Whether there is a list in a value of which it is certain how long it is.
fn holds_list(tree: &Tree) -> bool {
    tree.is_counted() || tree.fields.iter().any(|(_, part)| holds_list(part))
}

fn shape(state: &State, var: Var) -> Option<Arc<Tree>> {
    let mut tree = state.get(var)?.without_labels();
    open_lists(&mut tree);
    (!tree.is_plain()).then(|| Arc::new(tree))
}

/// The state in which a body returns, whatever its callees do.
fn run(world: &World<'_, '_>, id: FuncId) -> Option<State> {
    Analyzer::new(world, (id, None), &Context::default())?.end()
}
