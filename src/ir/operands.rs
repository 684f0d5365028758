//! What instructions read, without building lists of it.

use crate::base::Symbol;
use crate::ir::{Arg, Body, Inst, Op, Operand, Place, Rvalue, Terminator};

/// Operands in order: some of its own, then a list, arguments, or the entries of a display.
#[derive(Clone)]
pub struct Operands<'b> {
    head: [Option<Operand>; 2],
    rest: Rest<'b>,
}

#[derive(Clone)]
enum Rest<'b> {
    List(std::slice::Iter<'b, Operand>),
    Args(std::slice::Iter<'b, Arg>),
    /// The entry's value comes after its key.
    Entries(Option<Operand>, std::slice::Iter<'b, (Option<Operand>, Operand)>),
}

impl<'b> Operands<'b> {
    fn new(first: Option<Operand>, second: Option<Operand>, list: &'b [Operand]) -> Self {
        Self { head: [first, second], rest: Rest::List(list.iter()) }
    }

    fn two(first: Operand, second: Operand) -> Self {
        Self::new(Some(first), Some(second), &[])
    }

    fn one(only: Operand) -> Self {
        Self::new(Some(only), None, &[])
    }

    fn none() -> Self {
        Self::new(None, None, &[])
    }

    /// Whether `operand` is among them.
    #[must_use]
    pub fn contains(mut self, operand: Operand) -> bool {
        self.any(|own| own == operand)
    }
}

impl Iterator for Operands<'_> {
    type Item = Operand;

    fn next(&mut self) -> Option<Operand> {
        for slot in &mut self.head {
            if let Some(operand) = slot.take() {
                return Some(operand);
            }
        }
        match &mut self.rest {
            Rest::List(items) => items.next().copied(),
            Rest::Args(args) => args.next().map(|arg| arg.value),
            Rest::Entries(held, entries) => held.take().or_else(|| {
                let (key, value) = entries.next()?;
                match key {
                    Some(key) => {
                        *held = Some(*value);
                        Some(*key)
                    }
                    None => Some(*value),
                }
            }),
        }
    }
}

/// The operands an instruction reads, in order.
#[must_use]
pub fn operands<'b>(body: &'b Body, inst: &'b Inst) -> Operands<'b> {
    match &inst.op {
        Op::Let(_, value) => rvalue_operands(value),
        Op::Call(_, call) => {
            let call = &body.calls[*call];
            Operands { head: [Some(call.callee.base), None], rest: Rest::Args(call.args.iter()) }
        }
        Op::Store(place, value) if *place == Place::bare(place.base) => Operands::one(*value),
        Op::Store(place, value) => Operands::two(place.base, *value),
        Op::Delete(place) if *place == Place::bare(place.base) => Operands::none(),
        Op::Delete(place) => Operands::one(place.base),
        Op::Await(_, value) | Op::Yield(_, value, _) => Operands::one(*value),
        Op::Exit(_) => Operands::none(),
    }
}

/// The operands a value is made of.
#[must_use]
pub fn rvalue_operands(value: &Rvalue) -> Operands<'_> {
    match value {
        Rvalue::Use(a) | Rvalue::Unary(_, a) | Rvalue::Next(a) | Rvalue::Enter(a) | Rvalue::Spread(a) => {
            Operands::one(*a)
        }
        Rvalue::Load(place) => Operands::one(place.base),
        Rvalue::Binary(_, a, b) | Rvalue::Compare(_, a, b) => Operands::two(*a, *b),
        Rvalue::Format(items)
        | Rvalue::List(items)
        | Rvalue::Tuple(items)
        | Rvalue::Set(items)
        | Rvalue::Opaque(items) => Operands::new(None, None, items),
        Rvalue::Slice(of, items) | Rvalue::Matches(of, items) => Operands::new(Some(*of), None, items),
        Rvalue::Dict(items) => Operands { head: [None, None], rest: Rest::Entries(None, items.iter()) },
        Rvalue::Caught(_) | Rvalue::Function(_) | Rvalue::Class(_) => Operands::none(),
    }
}

/// The globals that a body mentions, each once, sorted.
pub(super) fn globals(body: &Body) -> Box<[Symbol]> {
    let mut found = Vec::new();
    let mut note = |operand| {
        if let Operand::Global(name) = operand
            && found.last() != Some(&name)
        {
            found.push(name);
        }
    };
    for block in body.blocks.iter() {
        for inst in &block.insts {
            operands(body, inst).for_each(&mut note);
            if let Op::Store(place, _) | Op::Delete(place) = &inst.op {
                note(place.base);
            }
        }
        match block.end {
            Terminator::Return(value) | Terminator::Branch { on: value, .. } => note(value),
            Terminator::Raise { exception, cause, .. } => {
                exception.into_iter().chain(cause).for_each(&mut note)
            }
            Terminator::Goto(_)
            | Terminator::Iterate { .. }
            | Terminator::Dispatch { .. }
            | Terminator::Unreachable => {}
        }
    }
    found.extend(&body.key_names);
    found.sort_unstable();
    found.dedup();
    found.into()
}
