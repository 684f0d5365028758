//! Branches that a setting decides, and no value: where one of them checks a value and the other does not, whoever sets
//! the program up wants the check.
//!
//! A setting is an attribute of a module or of the instance, or a flag that is off or on by default, and is used for
//! nothing else in the body: `if self.choices and x not in self.choices` is no such branch. Nor is a choice between
//! constants, `if kind == "path"`.

use crate::ir::{
    Arg, ArgKind, BlockId, Body, CallId, Const, Op, Operand, Paths, Place, Rvalue, Step, Terminator, operands,
};
use crate::program::{Meaning, Module};
use crate::python::ast::CmpOp;

/// What differs from one request to the next.
const OF_REQUESTS: &[&str] = &["request", "req", "session", "user", "current_user", "g", "args", "kwargs"];

/// The blocks of a body at whose end a setting decides.
pub(super) fn branches(module: &Module<'_>, body: &Body, is_method: bool) -> Vec<BlockId> {
    let settings = Settings { module, body, is_method };
    let is_setting = |(id, block): (BlockId, &crate::ir::Block)| match block.end {
        Terminator::Branch { on, .. } if settings.decides(on) => Some(id),
        _ => None,
    };
    body.blocks.pairs().filter_map(is_setting).collect()
}

struct Settings<'s> {
    module: &'s Module<'s>,
    body: &'s Body,
    is_method: bool,
}

impl Settings<'_> {
    fn decides(&self, on: Operand) -> bool {
        match on {
            Operand::Const(_) => false,
            Operand::Global(name) => {
                let text = self.module.unit.text(name);
                let is_variable = !matches!(
                    self.module.meaning(name),
                    Meaning::Function(_) | Meaning::Method(..) | Meaning::Class(_) | Meaning::Instance(_)
                );
                is_variable
                    && !text.contains("<locals>")
                    && text.split('.').all(|word| !OF_REQUESTS.contains(&word))
                    && self.uses(on) == 1
            }
            Operand::Local(local) => match (self.body.param(local), self.body.only_def(local)) {
                (Some(param), None) => matches!(param.default, Some(Const::Bool(_))) && self.uses(on) == 1,
                (None, Some(Op::Let(_, Rvalue::Load(place)))) => {
                    self.is_own(*place) && self.loads(*place) == 1
                }
                (None, Some(Op::Call(_, call))) => self.is_of_environment(*call, 1) && self.uses(on) == 1,
                // `dirname(root) != root`
                (None, Some(Op::Let(_, Rvalue::Compare(CmpOp::Eq | CmpOp::NotEq, left, right)))) => {
                    self.is_made_of_own(*left, 4) && self.is_made_of_own(*right, 4)
                }
                _ => false,
            },
        }
    }

    /// `os.getenv("OPEN")`, `as_bool(os.getenv("OPEN", "no"))`
    fn is_of_environment(&self, call: CallId, depth: u32) -> bool {
        let call = &self.body.calls[call];
        let name = call.name.map(|name| self.module.unit.text(name));
        if matches!(name, Some("os.getenv" | "os.environ.get")) {
            return true;
        }
        let [Arg { value: Operand::Local(only), kind: ArgKind::Positional, .. }] = call.args[..] else {
            return false;
        };
        depth > 0
            && call.callee.path == Paths::EMPTY
            && matches!(self.body.only_def(only), Some(Op::Call(_, inner)) if self.is_of_environment(*inner, depth - 1))
    }

    /// How often something is read.
    fn uses(&self, operand: Operand) -> usize {
        let read = |inst| operands(self.body, inst).filter(|own| *own == operand).count();
        let insts = self.body.blocks.iter().flat_map(|block| &block.insts).map(read);
        let ends = self.body.blocks.iter().filter(|block| match block.end {
            Terminator::Branch { on, .. } => on == operand,
            Terminator::Return(value) => value == operand,
            Terminator::Raise { exception, .. } => exception == Some(operand),
            Terminator::Goto(_)
            | Terminator::Iterate { .. }
            | Terminator::Dispatch { .. }
            | Terminator::Unreachable => false,
        });
        insts.sum::<usize>() + ends.count()
    }

    fn loads(&self, place: Place) -> usize {
        let is_it = |op: &Op| matches!(op, Op::Let(_, Rvalue::Load(own)) if *own == place);
        self.body.blocks.iter().flat_map(|block| &block.insts).filter(|inst| is_it(&inst.op)).count()
    }

    /// `self.name`
    fn is_own(&self, place: Place) -> bool {
        let first = self.body.params.first().map(|param| Operand::Local(param.local));
        let steps = self.module.unit.paths.steps(place.path);
        self.is_method
            && first == Some(place.base)
            && matches!(steps[..], [Step::Attr(name)] if !OF_REQUESTS.contains(&self.module.unit.text(name)))
    }

    /// Whether a value is an attribute of the instance, or what functions for paths make of it.
    fn is_made_of_own(&self, value: Operand, depth: u32) -> bool {
        let Operand::Local(local) = value else { return false };
        match self.body.only_def(local) {
            Some(Op::Let(_, Rvalue::Load(place))) => self.is_own(*place),
            Some(Op::Let(_, Rvalue::Use(from))) if depth > 0 => self.is_made_of_own(*from, depth - 1),
            Some(Op::Call(_, call)) if depth > 0 => {
                let call = &self.body.calls[*call];
                let is_of_paths =
                    call.name.is_some_and(|name| self.module.unit.text(name).starts_with("os.path."));
                is_of_paths
                    && !call.args.is_empty()
                    && call.args.iter().all(|arg| self.is_made_of_own(arg.value, depth - 1))
            }
            _ => false,
        }
    }
}
