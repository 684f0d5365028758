//! Attributes that keep what constructors are passed: where every object that the program hands over for a parameter is of
//! one class, the attribute is of that class.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::Symbol;
use crate::ir::{ArgKind, Op, Operand, ParamKind, Step};
use crate::program::{ClassIx, FuncId, Meaning, Program};

/// The classes of what is passed for the parameters of constructors; none where they differ.
type Passed = FxHashMap<(FuncId, usize), Option<ClassIx>>;

impl Program<'_> {
    /// Gives attributes the classes of what constructors are passed for them; returns the names of those.
    pub(super) fn inject(&mut self) -> FxHashSet<String> {
        let mut found: Vec<(ClassIx, Symbol, String)> = Vec::new();
        for ((init, index), class) in self.passed() {
            let (Some(class), Some(owner)) = (class, self.class_of(init)) else { continue };
            let value: String = format!("{}()", self.text(self.classes[class].name));
            found.extend(self.kept_in(init, index).into_iter().map(|attr| (owner, attr, value.clone())));
        }
        let mut names = FxHashSet::default();
        for (owner, attr, value) in found {
            names.insert(self.text(attr).to_owned());
            self.classes[owner].attrs.entry(attr).or_insert_with(|| value.into());
        }
        names
    }

    fn passed(&self) -> Passed {
        let mut passed = Passed::default();
        let Some(init) = self.symbol("__init__") else { return passed };
        for module in self.modules.iter().filter(|module| !module.is_test) {
            for body in module.unit.bodies.iter() {
                for call in body.calls.iter() {
                    let Some(Meaning::Class(class)) = call.name.map(|name| module.meaning(name)) else {
                        continue;
                    };
                    let Some(init) = self.method(*class, init) else { continue };
                    for (at, arg) in call.args.iter().enumerate() {
                        let value = match arg.value {
                            Operand::Local(local) => body.locals[local].value,
                            Operand::Global(name) => Some(name),
                            Operand::Const(_) => continue,
                        };
                        let Some(Meaning::Instance(given)) = value.map(|value| module.meaning(value)) else {
                            continue;
                        };
                        let index = match arg.kind {
                            ArgKind::Positional => Some(at + 1),
                            ArgKind::Keyword(name) => self.param_named(init, module.unit.text(name)),
                            ArgKind::Star | ArgKind::DoubleStar => None,
                        };
                        if let Some(index) = index {
                            let known = passed.entry((init, index)).or_insert(Some(*given));
                            *known = known.filter(|known| known == given);
                        }
                    }
                }
            }
        }
        passed
    }

    fn param_named(&self, func: FuncId, name: &str) -> Option<usize> {
        let (module, _, body) = self.func(func);
        let named = |local| body.locals[local].name.is_some_and(|own| module.unit.text(own) == name);
        body.params.iter().position(|param| named(param.local))
    }

    /// The attributes of the instance in which a constructor keeps its parameter at `index`.
    fn kept_in(&self, init: FuncId, index: usize) -> Vec<Symbol> {
        let (module, _, body) = self.func(init);
        let is_plain = |kind| !matches!(kind, ParamKind::Star | ParamKind::DoubleStar);
        let (Some(own), Some(param)) = (body.params.first(), body.params.get(index)) else {
            return Vec::new();
        };
        if param.annotation.is_some() || !is_plain(param.kind) {
            return Vec::new();
        }
        let kept = body.blocks.iter().flat_map(|block| &block.insts).filter_map(|inst| match &inst.op {
            Op::Store(place, value)
                if place.base == Operand::Local(own.local) && *value == Operand::Local(param.local) =>
            {
                match module.unit.paths.steps(place.path)[..] {
                    [Step::Attr(name)] => Some(module.global(name)),
                    _ => None,
                }
            }
            _ => None,
        });
        kept.collect()
    }
}
