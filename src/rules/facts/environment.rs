//! Reads of environment variables.

use crate::ir::{Const, Operand, Step};
use crate::rules::Context;
use crate::rules::facts::parts::{Part, Piece};

/// A read of an environment variable.
pub(crate) struct Variable<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// What is taken if it is not set.
    pub(crate) default: Option<Operand>,
}

/// The environment variable that a part is read from: `os.environ["X"]`, `os.environ.get("X")`, `os.getenv("X")`.
pub(crate) fn variable<'a>(context: &Context<'a>, part: &Part<'a>) -> Option<Variable<'a>> {
    match part.piece {
        Piece::Call(id) => {
            if !matches!(
                part.path,
                "os.environ.get" | "os.getenv" | "os.environ.pop" | "os.environ.setdefault"
            ) {
                return None;
            }
            let home = &context.unit.bodies[part.home];
            let call = &home.calls[id];
            let name = context.text(call.positional(0)?.value.string()?);
            Some(Variable { name, default: call.positional(1).map(|arg| arg.value) })
        }
        Piece::Load(place) => {
            if !matches!(part.path, "os.environ[]" | "os.environb[]") {
                return None;
            }
            match context.unit.paths.split(place.path)?.1 {
                Step::Item(Const::Str(name)) => Some(Variable { name: context.text(name), default: None }),
                _ => None,
            }
        }
        _ => None,
    }
}
