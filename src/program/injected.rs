//! Attributes that keep what constructors are passed: where every object that the program hands over for a parameter is of
//! one class, the attribute is of that class.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::Symbol;
use crate::ir::{Op, Operand, ParamKind, Step};
use crate::program::{ClassIx, FuncId, Program, Thing};

/// The classes of what is passed for the parameters of constructors; none where they differ.
type Passed = FxHashMap<(FuncId, usize), Option<ClassIx>>;

impl Program<'_> {
    /// Gives attributes the classes of what constructors are passed for them; returns the names of those.
    pub(super) fn inject(&mut self) -> FxHashSet<String> {
        let mut found: Vec<(ClassIx, Symbol, String)> = Vec::new();
        for ((init, index), class) in self.passed() {
            let (Some(class), Some(owner)) = (class, self.class_of(init)) else { continue };
            let value: String = format!("{}()", self.text(self.classes[class].name));
            found
                .extend(self.attributes_of(init, index).into_iter().map(|attr| (owner, attr, value.clone())));
        }
        let mut names = FxHashSet::default();
        for (owner, attr, value) in found {
            names.insert(self.text(attr).to_owned());
            self.classes[owner].attrs.entry(attr).or_insert_with(|| value.into());
        }
        names
    }

    /// The classes of what is passed for the parameters of constructors.
    fn passed(&self) -> Passed {
        let init = self.symbol("__init__");
        let is_init = |func: FuncId| {
            let class = self.class_of(func).map(|class| &self.classes[class]);
            class.zip(init).is_some_and(|(class, init)| class.methods.get(&init) == Some(&func))
        };
        let mut passed = Passed::default();
        for (param, things) in self.all_passed().filter(|((func, _), _)| is_init(*func)) {
            let mut classes = things.iter().filter_map(|thing| match thing {
                Thing::Object(class) => Some(*class),
                Thing::Func(_) | Thing::Method(..) | Thing::Class(_) | Thing::Library(..) => None,
            });
            if let Some(first) = classes.next() {
                passed.insert(param, Some(first).filter(|first| classes.all(|other| other == *first)));
            }
        }
        passed
    }

    /// The attributes of the instance in which a constructor keeps its parameter at `index`.
    fn attributes_of(&self, init: FuncId, index: usize) -> Vec<Symbol> {
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
