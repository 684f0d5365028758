//! Methods that run unseen: what `with`, loops, operators, subscripts, assignments and texts call of an object of the
//! program. In: a body. Out: those that it may run by the classes of its values, as far as names tell these.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::Symbol;
use crate::ir::{Body, Call, Op, Operand, Paths, Place, Rvalue, Step};
use crate::program::calls::MAX_OVERRIDES;
use crate::program::{ClassIx, FuncId, Meaning, Module, Program};
use crate::python::ast::{CmpOp, Operator};

/// What a text makes of an object, the nearest first.
pub const SHOWN: &[&str] = &["__format__", "__str__", "__repr__"];
/// What a loop asks of an object.
const ITERATED: &[&str] = &["__iter__", "__aiter__", "__next__", "__anext__", "__getitem__"];
/// What a subscript asks of an object, the nearest first.
pub const LOOKED_UP: &[&str] = &["__getitem__", "__missing__"];
/// What a `with` statement asks of one.
pub const ENTERED: &[&str] = &["__enter__", "__aenter__"];
const OTHERS: &[&str] = &["__setitem__", "__missing__", "__contains__", "__getattr__", "__call__"];
/// Operators with the methods of the left and the right operand.
const OPERATORS: &[(Operator, &str, &str)] = &[
    (Operator::Add, "__add__", "__radd__"),
    (Operator::Sub, "__sub__", "__rsub__"),
    (Operator::Mult, "__mul__", "__rmul__"),
    (Operator::Div, "__truediv__", "__rtruediv__"),
    (Operator::FloorDiv, "__floordiv__", "__rfloordiv__"),
    (Operator::Mod, "__mod__", "__rmod__"),
    (Operator::BitOr, "__or__", "__ror__"),
    (Operator::BitAnd, "__and__", "__rand__"),
    (Operator::LShift, "__lshift__", "__rlshift__"),
    (Operator::RShift, "__rshift__", "__rrshift__"),
    (Operator::MatMult, "__matmul__", "__rmatmul__"),
];

/// The methods that an operator runs of its left and its right operand.
#[must_use]
pub fn of_operator(op: Operator) -> Option<(&'static str, &'static str)> {
    OPERATORS.iter().find(|(known, ..)| *known == op).map(|(_, left, right)| (*left, *right))
}

/// The methods of this kind that classes of the program have, and the names that have setters.
#[derive(Default)]
pub(super) struct Specials {
    names: FxHashMap<&'static str, Symbol>,
    setters: FxHashSet<Symbol>,
    /// The attributes that methods of a class with `__getattr__` set.
    set: FxHashMap<ClassIx, FxHashSet<Symbol>>,
}

impl Specials {
    pub(super) fn new(program: &Program<'_>) -> Self {
        let operators = OPERATORS.iter().flat_map(|(_, left, right)| [*left, *right]);
        let all = [SHOWN, ITERATED, ENTERED, OTHERS].into_iter().flatten().copied().chain(operators);
        let is_used = |name: &Symbol| program.classes.iter().any(|class| class.methods.contains_key(name));
        let names = all.filter_map(|name| Some((name, program.symbol(name).filter(is_used)?))).collect();
        let setters = program.classes.iter().flat_map(|class| class.setters.keys().copied()).collect();
        let mut specials = Self { names, setters, set: FxHashMap::default() };
        if let Some(name) = specials.names.get("__getattr__").copied() {
            let answering = program.classes.ids().filter(|class| program.method(*class, name).is_some());
            specials.set = answering.map(|class| (class, set_by(program, class))).collect();
        }
        specials
    }
}

/// The attributes that the methods and blocks of a class, and of those above it, give instances.
fn set_by(program: &Program<'_>, class: ClassIx) -> FxHashSet<Symbol> {
    let mut found = FxHashSet::default();
    for class in program.above(class) {
        let info = &program.classes[*class];
        found.extend(info.attrs.keys().chain(info.typed.keys()).copied());
        for method in info.methods.values() {
            let (module, _, body) = program.func(*method);
            let Some(own) = body.params.first() else { continue };
            for inst in body.blocks.iter().flat_map(|block| &block.insts) {
                if let Op::Store(place, _) = &inst.op
                    && place.base == Operand::Local(own.local)
                    && let Some(Step::Attr(name)) = module.unit.paths.steps(place.path).first()
                {
                    found.insert(module.global(*name));
                }
            }
        }
    }
    found
}

impl Program<'_> {
    /// Whether reading the attribute `name` of an instance of `class` runs `__getattr__`.
    #[must_use]
    pub fn is_answered(&self, class: ClassIx, name: Symbol) -> bool {
        let is_set = |set: &FxHashSet<Symbol>| set.contains(&name);
        self.specials.set.get(&class).is_some_and(|set| !is_set(set)) && self.method(class, name).is_none()
    }

    /// Whether some class has the method `name`, which is one that runs unseen.
    #[must_use]
    pub fn has_special(&self, name: &str) -> bool {
        self.specials.names.contains_key(name)
    }

    /// The methods `name`, one that runs unseen, that an instance of `class` may have.
    #[must_use]
    pub fn special(&self, class: ClassIx, name: &str) -> Vec<FuncId> {
        self.specials
            .names
            .get(name)
            .map_or_else(Vec::new, |name| self.overrides(class, *name, MAX_OVERRIDES))
    }

    /// What assigning the property `name` of an instance of `class` runs.
    #[must_use]
    pub fn setter(&self, class: ClassIx, name: Symbol) -> Option<FuncId> {
        if !self.specials.setters.contains(&name) {
            return None;
        }
        self.above(class).iter().find_map(|class| self.classes[*class].setters.get(&name).copied())
    }

    /// Whether some class has a setter of this name.
    #[must_use]
    pub fn has_setter(&self, name: Symbol) -> bool {
        self.specials.setters.contains(&name)
    }

    /// The methods that a body may run unseen.
    pub(super) fn unseen(&self, module: &Module<'_>, body: &Body) -> Vec<FuncId> {
        let mut found = Vec::new();
        if self.specials.names.is_empty() && self.specials.setters.is_empty() && self.makers.is_empty() {
            return found;
        }
        let of_name = |name: Symbol| match module.meaning(name) {
            Meaning::Instance(class) => Some(*class),
            _ => None,
        };
        let class_of = |operand: Operand| match operand {
            Operand::Local(local) => body.locals[local].value.and_then(of_name),
            Operand::Global(name) => of_name(name),
            Operand::Const(_) => None,
        };
        let run = |found: &mut Vec<FuncId>, class: Option<ClassIx>, names: &[&str]| {
            let methods = class.into_iter().flat_map(|class| names.iter().map(move |name| (class, name)));
            found.extend(methods.flat_map(|(class, name)| self.special(class, name)));
        };
        for inst in body.blocks.iter().flat_map(|block| &block.insts) {
            match &inst.op {
                Op::Let(_, Rvalue::Enter(of)) => run(&mut found, class_of(*of), ENTERED),
                Op::Let(_, Rvalue::Next(of)) => run(&mut found, class_of(*of), ITERATED),
                Op::Let(_, Rvalue::Format(parts)) => {
                    parts.iter().for_each(|part| run(&mut found, class_of(*part), SHOWN));
                }
                Op::Let(_, Rvalue::Compare(CmpOp::In | CmpOp::NotIn, _, of)) => {
                    run(&mut found, class_of(*of), &["__contains__"]);
                }
                Op::Let(_, Rvalue::Binary(op, left, right)) => {
                    if let Some((of_left, of_right)) = of_operator(*op) {
                        run(&mut found, class_of(*left), &[of_left]);
                        run(&mut found, class_of(*right), &[of_right]);
                    }
                    if *op == Operator::Mod {
                        run(&mut found, class_of(*right), SHOWN);
                    }
                }
                Op::Let(_, Rvalue::Tuple(items)) => {
                    items.iter().for_each(|item| run(&mut found, class_of(*item), SHOWN));
                }
                Op::Let(_, Rvalue::Load(place)) => {
                    self.read_unseen(module, (class_of(place.base), *place), &mut found);
                }
                Op::Store(place, _) => match module.unit.paths.split(place.path) {
                    Some((Paths::EMPTY, Step::Attr(name))) => {
                        let class = class_of(place.base);
                        found.extend(class.and_then(|class| self.setter(class, module.global(name))));
                    }
                    Some((Paths::EMPTY, _)) => run(&mut found, class_of(place.base), &["__setitem__"]),
                    _ => {}
                },
                _ => {}
            }
        }
        for call in body.calls.iter() {
            self.read_unseen(module, (class_of(call.callee.base), call.callee), &mut found);
            if let Some(Meaning::Class(class)) = call.name.map(|name| module.meaning(name)) {
                found.extend(self.makers(*class).iter().map(|maker| maker.func));
            }
            let asked = asked(module, call);
            call.args.iter().for_each(|arg| run(&mut found, class_of(arg.value), asked));
        }
        // `self.box["key"]`: the value path before the brackets.
        let is_read = !module.subscripted.is_empty();
        let values = body.locals.iter().filter(|_| is_read).filter_map(|local| local.value);
        let callees = body.calls.iter().filter(|_| is_read).filter_map(|call| call.name);
        for name in values.chain(callees) {
            for object in before_elements(module.unit.text(name)) {
                run(&mut found, module.subscripted.get(object).copied(), LOOKED_UP);
            }
        }
        found
    }

    /// What reading `place`, which begins at an instance of a class, runs.
    fn read_unseen(
        &self,
        module: &Module<'_>,
        (class, place): (Option<ClassIx>, Place),
        found: &mut Vec<FuncId>,
    ) {
        let Some(class) = class else { return };
        match module.unit.paths.steps(place.path).first() {
            Some(Step::Attr(name)) if self.is_answered(class, module.global(*name)) => {
                found.extend(self.special(class, "__getattr__"));
            }
            Some(Step::Attr(_)) | None => {}
            Some(Step::Item(_) | Step::Key(_) | Step::Element) => {
                found.extend(LOOKED_UP.iter().flat_map(|name| self.special(class, name)));
            }
        }
    }
}

/// What a call of one of Python's own functions asks of what it is given.
fn asked(module: &Module<'_>, call: &Call) -> &'static [&'static str] {
    match module.unit.text(call.method) {
        "str" | "repr" | "format" | "ascii" | "print" => SHOWN,
        "debug" | "info" | "warning" | "warn" | "error" | "exception" | "critical" | "log" => SHOWN,
        "list" | "tuple" | "set" | "sorted" | "iter" | "next" | "join" | "dict" | "enumerate" => ITERATED,
        _ => &[],
    }
}

/// The value paths of what the subscripts in a value path are of.
pub(super) fn before_elements(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices("[]").map(|(at, _)| &path[..at])
}
