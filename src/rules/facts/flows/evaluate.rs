//! What instructions and calls make of the values that go in.

use std::rc::Rc;

use crate::ir::{Arg, ArgKind, BlockId, Call, Const, Op, Operand, Place, Rvalue, Step};
use crate::python::ast::Operator;
use crate::rules::facts::flows::propagation::{self, Effect};
use crate::rules::facts::flows::value::{State, Value};
use crate::rules::facts::flows::{Flows, Policy};
use crate::rules::facts::verbs::ends_with_word;
use crate::text::Span;

impl<P: Policy> Flows<'_, '_, P> {
    /// What `operand` holds; `None` if nothing is known.
    pub(super) fn value(&self, state: &State, operand: Operand) -> Option<Value> {
        match operand {
            Operand::Const(_) => Some(Value::default()),
            Operand::Local(_) => state.held.get(&operand).map(|value| Value::clone(value)),
            Operand::Global(name) => {
                state.held.get(&operand).map(|value| Value::clone(value)).or_else(|| {
                    let text = self.context.text(name);
                    let last = text.rsplit_once('.')?.1;
                    let kind = self.policy.named(self.context, last)?;
                    // `CONST_PASSWORD` is the name of a field more often than its value.
                    let is_constant = !last.contains(|c: char| c.is_lowercase());
                    (!is_constant)
                        .then(|| Value::whole(self.taint(Span::empty(0), Some(kind), spelled(text), None)))
                })
            }
        }
    }

    /// All taints of several operands.
    fn union(&self, state: &State, operands: impl IntoIterator<Item = Operand>) -> Value {
        let mut all = Value::default();
        for operand in operands {
            let taints = self.value(state, operand).unwrap_or_default().all();
            if !taints.is_empty() {
                all.add(&[], &taints);
            }
        }
        all
    }

    /// What is at `path` in `value`; `None` if that path itself is unknown.
    fn inside(&self, value: &Value, path: &[Step]) -> Option<Value> {
        let mut found = None;
        for (known, taints) in &value.0 {
            let n = known.len().min(path.len());
            let same = known.iter().zip(path).all(|(a, b)| meets(*a, *b));
            if !same || n < path.len() && (taints.is_empty() || !self.keep_all(&path[n..])) {
                continue;
            }
            found.get_or_insert_with(Value::default).add(&known[n..], taints);
        }
        found
    }

    fn keep_all(&self, steps: &[Step]) -> bool {
        steps.iter().all(|step| self.policy.keeps(self.context, *step))
    }

    /// What reading `path` from `base` gives: what is known of it, else a source by its last name.
    fn read(&self, state: &State, base: Operand, path: &[Step], span: Span) -> Option<Value> {
        let held = self.value(state, base);
        held.and_then(|value| self.inside(&value, path)).or_else(|| {
            let name = match path.last()? {
                Step::Attr(name) | Step::Item(Const::Str(name)) => self.context.text(*name),
                Step::Item(_) | Step::Element => return None,
            };
            // `self.entity_description.api_key` is what the key is called.
            if let [.., Step::Attr(of), _] = path
                && ends_with_word(
                    self.context.text(*of),
                    &["description", "definition", "spec", "schema", "field", "fields"],
                )
            {
                return None;
            }
            let kind = self.policy.named(self.context, name).filter(|_| state.unguarded)?;
            Some(self.source(span, kind))
        })
    }

    pub(super) fn rvalue(&self, state: &State, value: &Rvalue, span: Span) -> Option<Value> {
        let known = match value {
            Rvalue::Use(operand) | Rvalue::Enter(operand) => return self.value(state, *operand),
            Rvalue::Load(place) => return self.read(state, place.base, &self.steps(*place), span),
            Rvalue::Binary(Operator::Add | Operator::Mod | Operator::BitOr | Operator::Mult, left, right) => {
                self.union(state, [*left, *right])
            }
            Rvalue::Format(parts) => self.union(state, parts.iter().copied()),
            Rvalue::Spread(operand) => self.union(state, [*operand]),
            Rvalue::Slice(operand, _) => {
                let mut value = self.value(state, *operand).unwrap_or_default();
                if !is_short(self.context.source(span)) {
                    return Some(value);
                }
                let texts = value.0.iter_mut().filter(|(path, _)| path.is_empty());
                texts.flat_map(|(_, taints)| taints).for_each(|taint| taint.part = true);
                value
            }
            Rvalue::List(items) | Rvalue::Tuple(items) | Rvalue::Set(items) => {
                let mut all = Value::default();
                for (index, item) in items.iter().enumerate() {
                    let step = i32::try_from(index).map_or(Step::Element, |i| Step::Item(Const::Int(i)));
                    all.store(&[step], &self.value(state, *item).unwrap_or_default());
                }
                all
            }
            Rvalue::Dict(items) => self.dict(state, items),
            Rvalue::Next(operand) => {
                let value = self.value(state, *operand).unwrap_or_default();
                let mut element = Value::default();
                for (path, taints) in &value.0 {
                    if let [Step::Element | Step::Item(Const::Int(_)), rest @ ..] = &path[..] {
                        element.add(rest, taints);
                    }
                }
                element
            }
            Rvalue::Binary(..)
            | Rvalue::Unary(..)
            | Rvalue::Compare(..)
            | Rvalue::Caught(_)
            | Rvalue::Function(_)
            | Rvalue::Class(_)
            | Rvalue::Matches(..)
            | Rvalue::Opaque(_) => Value::default(),
        };
        Some(known)
    }

    fn dict(&self, state: &State, items: &[(Option<Operand>, Operand)]) -> Value {
        let mut all = Value::default();
        for (key, item) in items {
            let value = self.value(state, *item).unwrap_or_default();
            match key {
                Some(Operand::Const(key)) => all.store(&[Step::Item(*key)], &value),
                Some(Operand::Local(_) | Operand::Global(_)) => all.store(&[Step::Element], &value),
                None => all.store(&[], &value),
            }
        }
        all
    }

    pub(super) fn steps(&self, place: Place) -> Vec<Step> {
        self.context.unit.paths.steps(place.path)
    }

    // --- calls ---

    /// What a call gives and does to its receiver.
    pub(super) fn call(&self, state: &mut State, call: &Call) -> Option<Value> {
        if self.policy.cleans(self.context, call) {
            return Some(Value::default());
        }
        let mut path = self.steps(call.callee);
        let base = call.callee.base;
        let is_method = path.pop().is_some() || matches!(base, Operand::Const(_));
        let args = || call.args.iter().map(|arg| arg.value);
        let receiver = |state: &State| {
            self.value(state, base).and_then(|value| self.inside(&value, &path)).unwrap_or_default()
        };
        match propagation::effect(self.context, call) {
            Effect::Text => Some(self.union(state, args())),
            Effect::Receiver if is_method => Some(receiver(state)),
            Effect::Filled if is_method => {
                let filled = call.args.iter().enumerate().filter(|(i, arg)| !self.picks_from(base, *i, arg));
                let mut all = self.union(state, filled.map(|(_, arg)| arg.value));
                all.add(&[], &receiver(state).all());
                Some(all)
            }
            Effect::Removes if is_method => {
                let clears = args().next().is_some_and(|arg| !self.union(state, [arg]).all().is_empty());
                Some(if clears { Value::default() } else { receiver(state) })
            }
            Effect::Gains if is_method => {
                self.gain(state, base, &path, call);
                Some(Value::default())
            }
            Effect::Item { taken } => {
                let Some(Operand::Const(key)) = args().next() else { return None };
                let path = [&path[..], &[Step::Item(key)]].concat();
                let got = self.read(state, base, &path, call.span);
                if taken && let Some(value) = state.held.get_mut(&base) {
                    Rc::make_mut(value).store(&path, &Value::default());
                }
                got
            }
            Effect::Harmless => Some(Value::default()),
            Effect::Receiver | Effect::Filled | Effect::Removes | Effect::Gains | Effect::Unknown => None,
        }
    }

    /// Whether a constant template shows only items or attributes of its argument: `"{0[user]}".format(values)`.
    fn picks_from(&self, template: Operand, index: usize, arg: &Arg) -> bool {
        let Operand::Const(Const::Str(text)) = template else { return false };
        let field = match arg.kind {
            ArgKind::Positional => format!("{{{index}"),
            ArgKind::Keyword(name) => format!("{{{}", self.context.text(name)),
            ArgKind::Star | ArgKind::DoubleStar => return false,
        };
        let mut after = self.context.text(text).split(field.as_str()).skip(1).peekable();
        after.peek().is_some() && after.all(|rest| rest.starts_with(['[', '.']))
    }

    /// `x.append(value)`, `x.update(key=value)`.
    fn gain(&self, state: &mut State, base: Operand, path: &[Step], call: &Call) {
        let mut gained = Value::default();
        for arg in &call.args {
            let value = self.value(state, arg.value).unwrap_or_default();
            match arg.kind {
                ArgKind::Keyword(name) => gained.store(&[Step::Item(Const::Str(name))], &value),
                ArgKind::DoubleStar => gained.store(&[], &value),
                _ if self.context.method(call) == "update" => gained.0.extend(value.0),
                _ => drop(gained.add(&[Step::Element], &value.all())),
            }
        }
        let held = Rc::make_mut(state.held.entry(base).or_default());
        for (inner, taints) in gained.0 {
            held.store(&[path, &inner].concat(), &Value::whole(taints));
        }
    }

    /// Binds `to`; a source by its name if nothing is known of the value.
    pub(super) fn bind(&self, state: &mut State, to: Operand, value: Option<Value>, span: Span) {
        let name = match to {
            Operand::Local(local) => self.context.local_name(local),
            Operand::Global(name) => self.context.text(name).rsplit('.').next().unwrap_or_default(),
            Operand::Const(_) => return,
        };
        let taints = value.as_ref().map(Value::all);
        let is_open = taints.is_none_or(|taints| {
            let origins = self.origins.borrow();
            !taints.is_empty() && taints.iter().all(|taint| origins[taint.origin].kind.is_none())
        });
        let kind = if is_open && state.unguarded { self.policy.named(self.context, name) } else { None };
        let value = match kind {
            Some(kind) => Some(Value::whole(self.taint(span, Some(kind), name, None))),
            None => value,
        };
        match value {
            // Most temporaries are harmless and read once: what is known of them then need not be carried.
            Some(value) if !value.0.is_empty() || !name.is_empty() || self.kept.contains(&to) => {
                drop(state.held.insert(to, Rc::new(value)));
            }
            Some(_) | None => drop(state.held.remove(&to)),
        }
    }

    /// Whether the value of `on`, as the end of `block` tests it, is a flag that [`Policy::guards`].
    pub(super) fn is_guard(&self, block: BlockId, on: Operand) -> bool {
        let name = match on {
            Operand::Global(name) => self.context.text(name).rsplit('.').next().unwrap_or_default(),
            Operand::Local(local) => {
                let insts = &self.context.body.blocks[block].insts;
                let place = insts.iter().rev().find_map(|inst| match &inst.op {
                    Op::Let(to, Rvalue::Load(place)) if *to == local => Some(*place),
                    _ => None,
                });
                match place.and_then(|place| self.context.unit.paths.split(place.path)) {
                    Some((_, Step::Attr(name) | Step::Item(Const::Str(name)))) => self.context.text(name),
                    _ => self.context.local_name(local),
                }
            }
            Operand::Const(_) => return false,
        };
        self.policy.guards(name)
    }
}

/// The end of a dotted name as a reader of the file knows it: `CONF.database.password`.
fn spelled(name: &str) -> &str {
    let mut from = 0;
    for (dot, _) in name.match_indices('.').rev() {
        let part = &name[dot + 1..];
        from = dot + 1;
        if part.matches('.').count() > 0 && !part.starts_with(|c: char| c.is_lowercase()) {
            break;
        }
    }
    &name[from..]
}

fn meets(a: Step, b: Step) -> bool {
    match (a, b) {
        (Step::Element, Step::Item(_)) | (Step::Item(_), Step::Element) => true,
        _ => a == b,
    }
}

/// Whether a slice, as it is written, takes a few characters from an end: `x[:4]`, `x[-4:]`, `x[0:4]`.
fn is_short(source: &str) -> bool {
    const FEW: i32 = 8;
    let bounds = source.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')?.1.split_once(':'));
    let Some((low, high)) = bounds else { return false };
    match (low.trim().parse(), high.trim().parse()) {
        (Err(_), Ok(high)) => low.trim().is_empty() && (0..=FEW).contains(&high),
        (Ok(low), Err(_)) => high.trim().is_empty() && (-FEW..0).contains(&low),
        (Ok(low), Ok(high)) => (0..=FEW).contains(&(high - low)) && low >= 0,
        (Err(_), Err(_)) => false,
    }
}
