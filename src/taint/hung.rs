//! Objects of the program that it hangs on an object of the framework: `flask.g.client = Client()`, and what is stored on an
//! application, which `current_app` is. Out: of which classes they are where they are read.
//!
//! A name under which something else is stored as well may hold either.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::base::Symbol;
use crate::ir::{Const, Op, Operand, Place, Step};
use crate::program::{ClassIx, Meaning, Module, Program, Thing};
use crate::taint::value::{Key, Tree, literal};

/// Most keys between the object of the framework and what hangs on it: `app.extensions["client"]`.
const MAX_KEYS: usize = 2;

/// Adds to `variables` what objects of frameworks hold.
pub(super) fn hang(program: &Program<'_>, variables: &mut FxHashMap<Symbol, Arc<Tree>>) {
    let mut found: FxHashMap<(Symbol, Vec<Key>), Vec<Option<ClassIx>>> = FxHashMap::default();
    let mut made: FxHashMap<(Symbol, Vec<Key>), Vec<Thing>> = FxHashMap::default();
    for id in program.funcs() {
        let (module, _, body) = program.func(id);
        if module.is_test {
            continue;
        }
        for inst in body.blocks.iter().flat_map(|block| &block.insts) {
            let Op::Store(place, value) = inst.op else { continue };
            let base = match place.base {
                Operand::Local(local) => body.locals[local].value,
                Operand::Global(name) => Some(name),
                Operand::Const(_) => None,
            };
            let holder = base.and_then(|base| holder(program, module, base));
            let (Some(holder), Some(keys)) = (holder, keys(module, place)) else { continue };
            let meaning = match value {
                Operand::Local(local) => body.locals[local].value.map(|value| module.meaning(value)),
                Operand::Global(name) => Some(module.meaning(name)),
                Operand::Const(Const::None) => continue,
                Operand::Const(_) => None,
            };
            let class = match meaning {
                Some(Meaning::Instance(class)) => Some(*class),
                _ => None,
            };
            if let Some(thing @ Thing::Library(..)) = program.thing(module, body, value) {
                made.entry((holder, keys.clone())).or_default().push(thing);
            }
            let known = found.entry((holder, keys)).or_default();
            if !known.contains(&class) {
                known.push(class);
            }
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    for ((holder, keys), classes) in found {
        let mut object = match &classes[..] {
            [Some(class)] => Tree { class: Some(*class), ..Tree::default() },
            all => {
                let maybe: Vec<ClassIx> = all.iter().flatten().copied().collect();
                Tree { maybe: (!maybe.is_empty()).then(|| Arc::new(maybe)), ..Tree::default() }
            }
        };
        let made = made.remove(&(holder, keys.clone())).into_iter().flatten();
        if let Some(made) = made.min() {
            object.join(&Tree::thing(program, made));
        }
        if !object.is_plain() {
            Arc::make_mut(variables.entry(holder).or_default()).store(&keys, &Arc::new(object));
        }
    }
}

/// The name of the object of a framework that `name` is, if the program reads from it.
fn holder(program: &Program<'_>, module: &Module<'_>, name: Symbol) -> Option<Symbol> {
    let Meaning::Outside(path) = module.meaning(name) else { return None };
    let known = match &**path {
        known @ ("flask.g" | "quart.g" | "flask.current_app" | "quart.current_app") => known,
        "flask.Flask()" => "flask.current_app",
        "quart.Quart()" => "quart.current_app",
        _ => return None,
    };
    program.symbol(known)
}

/// The way to a part that is stored; `None` where keys are not known.
fn keys(module: &Module<'_>, place: Place) -> Option<Vec<Key>> {
    let key = |step: Step| match step {
        Step::Attr(name) => Some(Key::Attr(module.global(name))),
        Step::Item(constant) => literal(module, constant).map(Key::Item),
        Step::Element | Step::Key(_) => None,
    };
    let keys: Option<Vec<Key>> = module.unit.paths.steps(place.path).into_iter().map(key).collect();
    keys.filter(|keys| (1..=MAX_KEYS).contains(&keys.len()))
}
