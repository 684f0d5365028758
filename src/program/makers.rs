//! Methods that run when an object is made of values, behind or instead of a constructor: `__post_init__`, validators of
//! models.
//!
//! Sources: the manuals of Python ("dataclasses"), pydantic ("Validators", "Models") and attrs ("Initialization").

use rustc_hash::FxHashMap;

use crate::base::Symbol;
use crate::ir::{Body, Const, Decorator, Operand};
use crate::program::{ClassIx, FuncId, Module, Program};

/// Methods that run with the object, by their names.
const WITH_OBJECT: &[&str] = &["__post_init__", "__attrs_post_init__", "model_post_init"];

/// A method that runs when an object of its class is made.
pub struct Maker {
    /// The method.
    pub func: FuncId,
    /// The fields whose values it is called with, one at a time; with the object itself where there are none.
    pub fields: Vec<Symbol>,
}

/// Those of all classes.
pub(super) type Makers = FxHashMap<ClassIx, Vec<Maker>>;

/// The methods of all classes that run when objects are made.
pub(super) fn makers(program: &Program<'_>) -> Makers {
    let mut found = Makers::default();
    for (class, info) in program.classes.pairs() {
        let mut own: Vec<Maker> = Vec::new();
        for (name, func) in &info.methods {
            let fields = if WITH_OBJECT.contains(&program.text(*name)) {
                Some(Vec::new())
            } else {
                validated(program, *func)
            };
            own.extend(fields.map(|fields| Maker { func: *func, fields }));
        }
        if !own.is_empty() {
            own.sort_unstable_by_key(|maker| maker.func);
            found.insert(class, own);
        }
    }
    found
}

/// The fields that a validator is called with the values of; none for one that is called with the object.
fn validated(program: &Program<'_>, func: FuncId) -> Option<Vec<Symbol>> {
    let (module, _, body) = program.func(func);
    let named = |wanted: &[&str]| {
        let is_it = |decorator: &&Decorator| {
            decorator.name.is_some_and(|name| wanted.contains(&module.unit.text(name)))
        };
        body.decorators.iter().find(is_it)
    };
    if let Some(decorator) = named(&["pydantic.field_validator", "pydantic.validator"]) {
        let fields = fields(module, body, decorator);
        return (!fields.is_empty()).then_some(fields);
    }
    let is_of_object = named(&["pydantic.model_validator"]).is_some() && named(&["classmethod"]).is_none();
    is_of_object.then(Vec::new)
}

/// The texts that a decorator is called with.
fn fields(module: &Module<'_>, body: &Body, decorator: &Decorator) -> Vec<Symbol> {
    let Some(around) = body.parent.map(|parent| &module.unit.bodies[parent]) else { return Vec::new() };
    let call = around.calls.iter().find(|call| call.span == decorator.span);
    let texts = call.into_iter().flat_map(|call| &call.args).filter_map(|arg| match arg.value {
        Operand::Const(Const::Str(name)) => Some(module.global(name)),
        _ => None,
    });
    texts.collect()
}

impl Program<'_> {
    /// The methods that run when an object of a class is made, those of the classes above it first.
    #[must_use]
    pub fn makers(&self, class: ClassIx) -> Vec<&Maker> {
        if self.makers.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<&Maker> = Vec::new();
        for maker in self.above(class).iter().flat_map(|class| self.makers.get(class).into_iter().flatten()) {
            let name = |func: FuncId| {
                let (module, _, body) = self.func(func);
                module.unit.text(body.name).rsplit('.').next().unwrap_or_default()
            };
            // What a class defines anew takes the place of what stands above it.
            if !found.iter().any(|known| name(known.func) == name(maker.func)) {
                found.push(maker);
            }
        }
        found.reverse();
        found
    }
}
