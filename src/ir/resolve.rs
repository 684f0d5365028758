//! Finds what names stand for: the value paths of locals, module variables and attributes, and callees' names.
//!
//! A value path says how a value was made, flow-insensitively: `subprocess.Popen()` is what the call returns,
//! `pkg.mod.Class()` an instance (`self` in methods), `[]` an element. A variable has one where all its assignments
//! agree; `x = None` does not count. Displays are what their constructors would return: `[]` is `list()`. Names of other files are taken as they are written there; linking follows them.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::{IdVec, Interner, Symbol};
use crate::ir::bound::bind_methods;
use crate::ir::operands::globals;
use crate::ir::tuples::{Element, element};
use crate::ir::values::{Value, Values, known, merge};
use crate::ir::{
    Body, BodyKind, Call, CallId, ClassId, Const, FnId, Op, Operand, PathId, Place, Rvalue, Step, Unit,
};
use crate::python::ast::Operator;
use crate::text::Span;

/// Longest value path, in bytes; longer ones are unknown.
const MAX_PATH: usize = 240;
/// Rounds over all bodies: values of module variables and attributes reach their users in the second.
const ROUNDS: usize = 2;

/// Fills `Local::value`, `Class::attrs`, `Unit::globals` and `Call::name`.
pub(super) fn resolve(unit: &mut Unit, names: &mut Interner) {
    let classes_by_instance: FxHashMap<Symbol, ClassId> = unit
        .classes
        .pairs()
        .map(|(id, class)| (names.intern(&format!("{}()", names.text(class.name).to_owned())), id))
        .collect();
    let displays = Displays {
        str: names.intern("str()"),
        list: names.intern("list()"),
        tuple: names.intern("tuple()"),
        set: names.intern("set()"),
        dict: names.intern("dict()"),
        division: names.intern("__truediv__"),
    };
    let mut resolver = Resolver {
        names,
        displays,
        longer: FxHashMap::default(),
        classes_by_instance,
        paths: FxHashMap::default(),
        globals: FxHashMap::default(),
        attrs: FxHashMap::default(),
        assigned: FxHashSet::default(),
    };
    for round in 0..ROUNDS {
        resolver.paths.clear();
        let (globals, attrs) = (std::mem::take(&mut resolver.globals), std::mem::take(&mut resolver.attrs));
        unit.globals = known(globals);
        // A name of an annotation stands for what that names.
        unit.globals.extend(unit.aliases.iter().map(|alias| (alias.name, alias.of)));
        for (name, of) in &unit.typed {
            if let Some(instance) = resolver.annotated(*of) {
                unit.globals.entry(*name).or_insert(instance);
            }
        }
        for (&(class, attr), &value) in &attrs {
            if let Value::One(value) = value {
                unit.classes[class].attrs.insert(attr, value);
            }
        }
        for class in unit.classes.ids() {
            for index in 0..unit.classes[class].typed.len() {
                let (attr, of) = unit.classes[class].typed[index];
                if let Some(instance) = resolver.annotated(of) {
                    unit.classes[class].attrs.entry(attr).or_insert(instance);
                }
            }
        }
        let is_last = round + 1 == ROUNDS;
        for id in unit.bodies.ids() {
            // The first round is for variables and attributes, which few bodies set.
            if is_last || unit.bodies[id].stores || unit.bodies[id].kind == BodyKind::Class {
                resolver.body(unit, id, is_last);
            }
        }
    }
    unit.assigned = resolver.assigned.into_iter().collect();
    unit.assigned.sort_unstable();
    decorators(unit);
}

/// Names decorators that hang on a local of the body around: `app = Flask(…)`, `@app.route(…)` in a factory.
fn decorators(unit: &mut Unit) {
    for id in unit.bodies.ids() {
        let Some(outer) = unit.bodies[id].parent else { continue };
        for index in 0..unit.bodies[id].decorators.len() {
            let decorator = &unit.bodies[id].decorators[index];
            if decorator.name.is_none() {
                let name = made_by(&unit.bodies[outer], decorator.span);
                unit.bodies[id].decorators[index].name = name;
            }
        }
    }
}

/// Value path of the callee of the call at `span`, or of what is read there.
fn made_by(body: &Body, span: Span) -> Option<Symbol> {
    if let Some(call) = body.calls.iter().find(|call| call.span == span) {
        return call.name;
    }
    let insts = body.blocks.iter().flat_map(|block| &block.insts);
    insts.filter(|inst| inst.span == span).find_map(|inst| match inst.op {
        Op::Let(to, _) => body.locals[to].value,
        _ => None,
    })
}

/// What follows in a value path.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Suffix {
    /// `()`
    Call,
    /// `[]`
    Element,
    /// `.name`
    Attr(Symbol),
}

/// Value paths of displays and literals.
struct Displays {
    str: Symbol,
    list: Symbol,
    tuple: Symbol,
    set: Symbol,
    dict: Symbol,
    /// The method behind `/`.
    division: Symbol,
}

struct Resolver<'a> {
    names: &'a mut Interner,
    displays: Displays,
    longer: FxHashMap<(Symbol, Suffix), Option<Symbol>>,
    classes_by_instance: FxHashMap<Symbol, ClassId>,
    paths: FxHashMap<(Symbol, PathId), Option<Symbol>>,
    globals: FxHashMap<Symbol, Value>,
    attrs: FxHashMap<(ClassId, Symbol), Value>,
    /// Attributes that are assigned otherwise than in a constructor.
    assigned: FxHashSet<Symbol>,
}

impl Resolver<'_> {
    fn body(&mut self, unit: &mut Unit, id: FnId, last: bool) {
        let mut values = Values {
            all: IdVec::filled(None, unit.bodies[id].locals.len()),
            here: Vec::new(),
            typed: Vec::new(),
        };
        let mut named: Vec<(CallId, Option<Symbol>)> = Vec::new();
        self.params(unit, id, &mut values);
        for (local, of) in &unit.bodies[id].typed {
            values.typed.extend(self.annotated(*of).map(|instance| (*local, instance)));
        }
        // Blocks are in source order nearly everywhere, so one pass meets definitions before uses.
        for block in unit.bodies[id].blocks.ids() {
            values.here.clear();
            for i in 0..unit.bodies[id].blocks[block].insts.len() {
                if let (true, Op::Call(_, call)) = (last, &unit.bodies[id].blocks[block].insts[i].op)
                    && let Operand::Local(base) = unit.bodies[id].calls[*call].callee.base
                    && values.here(base).is_some()
                {
                    let callee = unit.bodies[id].calls[*call].callee;
                    named.push((*call, self.place(unit, &values, callee)));
                }
                self.instruction(unit, id, (block, i), &mut values);
            }
        }
        if !last {
            return;
        }
        values.here.clear();
        bind_methods(unit, id);
        let call_names: Vec<Option<Symbol>> =
            unit.bodies[id].calls.iter().map(|call| self.place(unit, &values, call.callee)).collect();
        let globals = globals(&unit.bodies[id]);
        let body = &mut unit.bodies[id];
        body.globals = globals;
        for (call, name) in body.calls.iter_mut().zip(call_names) {
            call.name = name;
        }
        for (call, name) in named {
            body.calls[call].name = name;
        }
        for (local, value) in values.all.pairs() {
            if let Some(Value::One(value)) = value {
                body.locals[local].value = Some(*value);
            }
        }
        for (local, instance) in &values.typed {
            body.locals[*local].value.get_or_insert(*instance);
        }
    }

    /// `self` is an instance of its class, an annotated parameter one of its annotation's.
    fn params(&mut self, unit: &Unit, id: FnId, values: &mut Values) {
        let body = &unit.bodies[id];
        let is = |name: &str| {
            body.decorators.iter().any(|decorator| decorator.name.is_some_and(|d| self.names.text(d) == name))
        };
        let (is_static, is_class) = (is("staticmethod"), is("classmethod"));
        for (i, param) in body.params.iter().enumerate() {
            let value = match (body.class, param.annotation) {
                (Some(class), _) if i == 0 && !is_static => {
                    let name = unit.classes[class].name;
                    Some(if is_class { name } else { self.instance(name) })
                }
                (_, Some(annotation)) => self.annotated(annotation),
                (_, None) => None,
            };
            if let Some(value) = value {
                values.all[param.local] = Some(Value::One(value));
            }
        }
    }

    fn instruction(
        &mut self,
        unit: &mut Unit,
        id: FnId,
        (block, index): (crate::ir::BlockId, usize),
        values: &mut Values,
    ) {
        let body = &unit.bodies[id];
        match &body.blocks[block].insts[index].op {
            Op::Let(to, value) => {
                let (to, found) = (*to, self.rvalue(unit, body, values, value));
                if !matches!(value, Rvalue::Use(Operand::Const(Const::None))) {
                    values.assign(body, to, found);
                }
                if body.kind == BodyKind::Class
                    && let (Some(class), Some(name)) = (body.class, body.locals[to].name)
                    && !matches!(value, Rvalue::Use(Operand::Const(Const::None)))
                {
                    merge(&mut self.attrs, (class, name), found);
                }
            }
            Op::Call(to, id) => {
                let call: &Call = &body.calls[*id];
                let (to, name) = (*to, self.place(unit, values, call.callee));
                let made = self.made(unit, values, (*id, call), (body, name));
                values.assign(body, to, made);
                if body.kind == BodyKind::Class
                    && let (Some(class), Some(name)) = (body.class, body.locals[to].name)
                {
                    merge(&mut self.attrs, (class, name), made);
                }
            }
            Op::Await(to, value) => {
                let (to, value) = (*to, self.operand(unit, values, *value));
                values.assign(body, to, value);
            }
            Op::Store(place, value) => {
                if let Some((_, Step::Attr(name))) = unit.paths.split(place.path)
                    && !(self.names.text(body.name).ends_with(".__init__")
                        && body.params.first().is_some_and(|own| place.base == Operand::Local(own.local)))
                {
                    self.assigned.insert(name);
                }
                let found = self.operand(unit, values, *value);
                if *value != Operand::Const(Const::None) {
                    self.stored(unit, values, *place, found);
                }
            }
            Op::Yield(to, ..) => {
                let to = *to;
                values.assign(body, to, None);
            }
            Op::Delete(_) | Op::Exit(_) => {}
        }
    }

    fn stored(&mut self, unit: &Unit, values: &Values, place: Place, found: Option<Symbol>) {
        if let Operand::Global(global) = place.base
            && place == Place::bare(place.base)
        {
            let is_stand_in = unit.stand_ins.get(&global).copied() == found && found.is_some();
            if found != Some(global) && !is_stand_in {
                merge(&mut self.globals, global, found);
            }
            return;
        }
        let Some((outer, Step::Attr(attr))) = unit.paths.split(place.path) else { return };
        if outer != crate::ir::Paths::EMPTY {
            return;
        }
        let base = self.operand(unit, values, place.base);
        if let Some(&class) = base.and_then(|base| self.classes_by_instance.get(&base)) {
            merge(&mut self.attrs, (class, attr), found);
        }
    }

    fn rvalue(&mut self, unit: &Unit, _body: &Body, values: &Values, value: &Rvalue) -> Option<Symbol> {
        match value {
            Rvalue::Use(operand) | Rvalue::Enter(operand) => self.operand(unit, values, *operand),
            Rvalue::Load(place) => self.place(unit, values, *place),
            Rvalue::Next(operand) => {
                let made = self.operand(unit, values, *operand)?;
                self.append(made, Suffix::Element)
            }
            Rvalue::Function(id) => Some(unit.bodies[*id].name),
            Rvalue::Class(id) => Some(unit.classes[*id].name),
            Rvalue::Format(_) => Some(self.displays.str),
            Rvalue::List(_) => Some(self.displays.list),
            Rvalue::Tuple(_) => Some(self.displays.tuple),
            Rvalue::Set(_) => Some(self.displays.set),
            Rvalue::Dict(_) => Some(self.displays.dict),
            // `base / name`
            Rvalue::Binary(Operator::Div, left, _) => {
                let left = self.operand(unit, values, *left)?;
                let method = self.append(left, Suffix::Attr(self.displays.division))?;
                self.append(method, Suffix::Call)
            }
            Rvalue::Binary(..)
            | Rvalue::Unary(..)
            | Rvalue::Compare(..)
            | Rvalue::Slice(..)
            | Rvalue::Caught(_)
            | Rvalue::Spread(_)
            | Rvalue::Matches(..)
            | Rvalue::Opaque(_) => None,
        }
    }

    fn operand(&mut self, unit: &Unit, values: &Values, operand: Operand) -> Option<Symbol> {
        match operand {
            Operand::Local(local) => values.get(local),
            Operand::Global(name) => Some(self.global(unit, name)),
            Operand::Const(Const::Str(_)) => Some(self.displays.str),
            Operand::Const(_) => None,
        }
    }

    /// A global's value: what the module variable holds, whichever of its prefixes is one.
    fn global(&mut self, unit: &Unit, name: Symbol) -> Symbol {
        if let Some(&value) = unit.globals.get(&name) {
            return value;
        }
        let text = self.names.text(name);
        let Some(dot) = text.rfind('.') else { return name };
        let Some(outer) = self.names.find(&text[..dot]) else { return name };
        let value = self.global(unit, outer);
        if value == outer {
            return name;
        }
        let attr = self.names.text(name)[dot + 1..].to_owned();
        let attr = self.names.intern(&attr);
        self.append(value, Suffix::Attr(attr)).unwrap_or(name)
    }

    fn place(&mut self, unit: &Unit, values: &Values, place: Place) -> Option<Symbol> {
        let base = self.operand(unit, values, place.base)?;
        self.along(unit, base, place.path)
    }

    /// The value path of `path` from `base`; attributes that a class of this file holds are followed.
    fn along(&mut self, unit: &Unit, base: Symbol, path: PathId) -> Option<Symbol> {
        let Some((outer, step)) = unit.paths.split(path) else { return Some(base) };
        if let Some(&known) = self.paths.get(&(base, path)) {
            return known;
        }
        let found = self.along(unit, base, outer).and_then(|outer| match step {
            Step::Attr(attr) => {
                let class = self.classes_by_instance.get(&outer).copied();
                match class.and_then(|class| unit.classes[class].attrs.get(&attr)) {
                    // `again = run` in the block of a class is a method of its objects too.
                    Some(&value)
                        if !self.is_own_method(unit, class.expect("it has the attribute"), value) =>
                    {
                        Some(value)
                    }
                    _ => self.append(outer, Suffix::Attr(attr)),
                }
            }
            Step::Item(Const::Int(index)) if let Some(found) = self.returned_at(unit, outer, index) => {
                Some(found)
            }
            Step::Item(_) | Step::Element | Step::Key(_) => self.append(outer, Suffix::Element),
        });
        self.paths.insert((base, path), found);
        found
    }

    /// What stands at `index` of the tuple that a call of a function of this file gives.
    fn returned_at(&mut self, unit: &Unit, call: Symbol, index: i32) -> Option<Symbol> {
        let func = self.names.find(self.names.text(call).strip_suffix("()")?)?;
        match element(unit, *unit.by_name.get(&func)?, usize::try_from(index).ok()?)? {
            Element::Named(name) => Some(name),
            Element::Made(name) => self.call_result(name),
        }
    }

    /// Whether a value path is a method of a class, reached through that.
    fn is_own_method(&self, unit: &Unit, class: ClassId, value: Symbol) -> bool {
        let method = self.names.text(value).strip_prefix(self.names.text(unit.classes[class].name));
        method.is_some_and(|rest| rest.starts_with('.')) && unit.by_name.contains_key(&value)
    }

    /// What calling `name` returns.
    fn call_result(&mut self, name: Symbol) -> Option<Symbol> {
        match self.names.text(name) {
            // Wrappers that return what they are given are not modeled here; `super()` stays itself.
            "getattr" | "next" | "iter" | "copy.copy" | "copy.deepcopy" => None,
            _ => self.append(name, Suffix::Call),
        }
    }

    /// What a call gives.
    fn made(
        &mut self,
        unit: &Unit,
        values: &Values,
        (id, call): (CallId, &Call),
        (body, name): (&Body, Option<Symbol>),
    ) -> Option<Symbol> {
        if let Some((_, of)) = body.casts.iter().find(|(cast, _)| *cast == id) {
            return self.annotated(*of).or_else(|| self.operand(unit, values, call.args[1].value));
        }
        let name = name?;
        if let ("werkzeug.local.LocalProxy", [of]) = (self.names.text(name), &call.args[..]) {
            let of = self.operand(unit, values, of.value)?;
            return self.call_result(of);
        }
        self.imported(name, call).or_else(|| self.call_result(name))
    }

    /// The file that a call imports by its whole name.
    fn imported(&self, name: Symbol, call: &Call) -> Option<Symbol> {
        let is_import = self.names.text(name) == "importlib.import_module";
        match (is_import, &call.args[..]) {
            (true, [arg]) => arg.value.string().filter(|path| !self.names.text(*path).starts_with('.')),
            _ => None,
        }
    }

    /// An instance of the class that an annotation names, if it says something.
    fn annotated(&mut self, annotation: Symbol) -> Option<Symbol> {
        let text = self.names.text(annotation);
        let is_vague = matches!(text, "typing.Any" | "object" | "None") || text.starts_with("typing.");
        if is_vague { None } else { Some(self.instance(annotation)) }
    }

    fn instance(&mut self, class: Symbol) -> Symbol {
        self.append(class, Suffix::Call).unwrap_or(class)
    }

    fn append(&mut self, base: Symbol, suffix: Suffix) -> Option<Symbol> {
        if let Some(&known) = self.longer.get(&(base, suffix)) {
            return known;
        }
        let text = self.names.text(base);
        let text = match suffix {
            Suffix::Call => [text, "()"].concat(),
            Suffix::Element => [text, "[]"].concat(),
            Suffix::Attr(attr) => [text, ".", self.names.text(attr)].concat(),
        };
        let longer = (text.len() <= MAX_PATH).then(|| self.names.intern(&text));
        self.longer.insert((base, suffix), longer);
        longer
    }
}
