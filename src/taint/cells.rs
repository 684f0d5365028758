//! Cells: what functions leave in variables of modules and attributes of instances, for whoever reads these.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::base::Symbol;
use crate::ir::{Local, Op, Operand, Step, print_place};
use crate::program::{ClassIx, FuncId, Meaning, Program};
use crate::taint::body::Analyzer;
use crate::taint::mappings::is_holder;
use crate::taint::shapes::Shapes;
use crate::taint::state::{State, Var};
use crate::taint::summary::{Cell, Port};
use crate::taint::value::{Key, Label, Tree, is_inner, some_key};
use crate::text::Span;

impl Analyzer<'_, '_> {
    /// Leaves sources in a cell, at `path` in it.
    pub(super) fn leave(&self, state: &State, cell: Cell, path: &[Key], tree: &Tree) {
        let mut all: Vec<(Vec<Key>, Label)> = Vec::new();
        told_apart(tree, path, &mut all);
        for (path, label) in all.into_iter().filter(|(_, label)| !label.kinds.is_empty()) {
            let from = self.outward(state, &label);
            {
                let mut out = self.out.borrow_mut();
                let out = if matches!(from.port, Port::Source(_)) { &mut out.writes } else { &mut out.keeps };
                let is_known = out
                    .iter()
                    .any(|(known, at, other)| *known == cell && *at == path && other.port == from.port);
                if !is_known && out.len() < 32 {
                    out.push((cell, path, from));
                }
            }
        }
    }

    /// Leaves in a cell what is stored at `place`.
    pub(super) fn write_cell(&self, state: &State, place: crate::ir::Place, tree: &Arc<Tree>, span: Span) {
        if !tree.is_tainted() {
            return;
        }
        let mut kept = Tree::clone(tree);
        let caption = || format!("it is kept in `{}`", print_place(self.module.unit, self.body, place));
        let hop = std::cell::OnceCell::new();
        kept.relabel(&|label| label.after(hop.get_or_init(|| self.hop(span, caption())).clone()));
        let tree = &kept;
        let steps: Vec<Key> = self.keys(state, place);
        let steps: Vec<Key> =
            steps.into_iter().map(|key| if key == Key::Any { some_key() } else { key }).collect();
        match (place.base, &steps[..]) {
            (Operand::Global(name), path) => {
                if let Some((symbol, path)) = self.outliving(name, path) {
                    self.leave(state, Cell::Global(symbol), &path, tree);
                }
            }
            // What a constructor leaves counts when it is through: it may still refuse it.
            (Operand::Local(local), [Key::Attr(name), rest @ ..])
                if self.is_self(local) && !self.is_constructor() =>
            {
                match self.class {
                    Some(class) if self.is_class_method(self.id) => {
                        let cell = Cell::Global(self.world.program.classes[class].name);
                        self.leave(state, cell, &steps, tree);
                    }
                    Some(class) => {
                        self.leave(state, Cell::Attr(class, *name), rest, tree);
                        // What the block of a class holds is one for all of its objects.
                        if let Some(owner) = self.of_class_itself(class, *name) {
                            let cell = Cell::Global(self.world.program.classes[owner].name);
                            self.leave(state, cell, &steps, tree);
                        }
                    }
                    None => {}
                }
            }
            // What one object has that is the only one of its class.
            (base @ Operand::Local(_), [Key::Attr(_), ..]) => {
                let class = self.class_of(base, &self.value(state, base));
                if let Some(class) = class.filter(|class| self.is_single(*class)) {
                    let cell = Cell::Global(self.world.program.classes[class].name);
                    self.leave(state, cell, &steps, tree);
                }
            }
            _ => {}
        }
    }

    /// Whether a class hands out one object of itself that it keeps: `cls.only = super().__new__(cls)`.
    fn is_single(&self, class: ClassIx) -> bool {
        let program = self.world.program;
        let made = program.symbol("__new__").and_then(|name| program.classes[class].methods.get(&name));
        made.is_some_and(|made| {
            let (module, _, body) = program.func(*made);
            let own = body.params.first().map(|own| Operand::Local(own.local));
            body.blocks.iter().flat_map(|block| &block.insts).any(|inst| {
                matches!(&inst.op, Op::Store(place, Operand::Local(_)) if Some(place.base) == own
                    && matches!(module.unit.paths.steps(place.path)[..], [Step::Attr(_)]))
            })
        })
    }

    /// The variable behind a global name and the path in it, if what is put at `at` comes out again elsewhere: one of the
    /// program's own, or one of those objects of libraries that are made to hold values.
    pub(super) fn outliving(&self, name: Symbol, at: &[Key]) -> Option<(Symbol, Vec<Key>)> {
        let program = self.world.program;
        match self.module.meaning(name) {
            Meaning::Class(class) => Some((program.classes[*class].name, at.to_vec())),
            Meaning::Outside(path) => {
                let attrs = at.iter().map_while(|key| match key {
                    Key::Attr(name) => Some(program.text(*name)),
                    Key::Item(_) | Key::Any => None,
                });
                let full = attrs.fold(path.to_string(), |path, attr| format!("{path}.{attr}"));
                is_holder(&full).then(|| (self.module.variable(name), at.to_vec()))
            }
            _ => match self.located(Operand::Global(name), at)? {
                (Var::Global(symbol), path) => Some((symbol, path)),
                (Var::Local(_) | Var::Raised, _) => None,
            },
        }
    }

    /// The class whose block gives an attribute its value, where no method assigns it for its object.
    fn of_class_itself(&self, class: ClassIx, name: Symbol) -> Option<ClassIx> {
        let program = self.world.program;
        let in_block = |class: &ClassIx| {
            let info = &program.classes[*class];
            let module = &program.modules[info.module];
            let mut classes = module.unit.classes.iter();
            classes.find(|class| module.global(class.name) == info.name).is_some_and(|class| {
                let named = |local: &Local| local.name.is_some_and(|own| module.global(own) == name);
                module.unit.bodies[class.body].locals.iter().any(named)
            })
        };
        let above = program.above(class);
        let owner = above.iter().copied().find(in_block)?;
        let assigns = |method: &FuncId| {
            let (module, _, body) = program.func(*method);
            let own = body.params.first().map(|own| Operand::Local(own.local));
            body.blocks.iter().flat_map(|block| &block.insts).any(|inst| {
                matches!(&inst.op, Op::Store(place, _) if Some(place.base) == own
                    && matches!(module.unit.paths.steps(place.path)[..], [Step::Attr(attr)] if module.global(attr) == name))
            })
        };
        let mut methods = above.iter().flat_map(|class| program.classes[*class].methods.values());
        (!methods.any(assigns)).then_some(owner)
    }

    fn is_constructor(&self) -> bool {
        self.class.is_some() && self.module.unit.text(self.body.name).ends_with(".__init__")
    }

    /// Leaves in the attributes of an instance what its constructor has set where it returns.
    pub(super) fn leave_instance(&self, state: &State) {
        let (Some(class), Some(own)) = (self.class, self.body.params.first()) else { return };
        let Some(tree) = state.get(Var::Local(own.local)).filter(|_| self.is_constructor()) else { return };
        for (key, part) in &tree.fields {
            if let Key::Attr(name) = key {
                self.leave(state, Cell::Attr(class, *name), &[], part);
            }
        }
    }
}

/// The labels in a value with where they are, as deep as cells tell parts apart.
fn told_apart(tree: &Tree, path: &[Key], all: &mut Vec<(Vec<Key>, Label)>) {
    all.extend(tree.labels.iter().map(|label| (path.to_vec(), label.clone())));
    for (key, part) in tree.fields.iter().filter(|(key, _)| !is_inner(key)) {
        if path.len() >= 2 {
            all.extend(part.own().into_iter().map(|label| (path.to_vec(), label)));
            continue;
        }
        let deeper = [path, std::slice::from_ref(key)].concat();
        if *key == Key::Any && part.class.is_none() {
            told_apart(part, &deeper, all);
        } else {
            all.extend(part.own().into_iter().map(|label| (deeper.clone(), label)));
        }
    }
}

/// Where what is left at `path` in a cell is read: there, and under the full names of the attributes on the way; of a
/// class also in those below it that have no such attribute of their own.
pub(super) fn reading(
    (program, shapes): (&Program<'_>, &Shapes),
    classes: &FxHashMap<Symbol, ClassIx>,
    (cell, path): (Cell, &[Key]),
) -> Vec<(Cell, Vec<Key>)> {
    let mut all = vec![(cell, path.to_vec())];
    let (Cell::Global(name), [Key::Attr(attr), ..]) = (cell, path) else { return all };
    let mut roots = vec![name];
    if let Some(class) = classes.get(&name) {
        let inherits = |below: &&ClassIx| {
            let nearer = program.above(**below).iter().take_while(|above| *above != class);
            !nearer.into_iter().any(|nearer| shapes.has_attr(program, *nearer, *attr))
        };
        let below = program.below(*class).iter().skip(1).filter(inherits);
        roots.extend(below.map(|below| program.classes[*below].name));
    }
    for root in roots {
        let mut full = program.text(root).to_owned();
        for (index, key) in path.iter().enumerate() {
            let Key::Attr(name) = key else { break };
            full = format!("{full}.{}", program.text(*name));
            if let Some(symbol) = program.symbol(&full) {
                all.push((Cell::Global(symbol), path[index + 1..].to_vec()));
            }
        }
    }
    all
}
