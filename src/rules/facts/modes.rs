//! File modes and open flags as numbers and names.

use rustc_hash::FxHashSet;

use crate::flow::{Def, Point, definitions};
use crate::ir::{Const, Op, Operand, Rvalue};
use crate::python::ast::Operator;
use crate::rules::Context;
use crate::rules::facts::scope::assigned_once;

/// Modes by the names of `stat`.
const NAMED: &[(&str, i32)] = &[
    ("S_IRWXU", 0o700),
    ("S_IRUSR", 0o400),
    ("S_IWUSR", 0o200),
    ("S_IXUSR", 0o100),
    ("S_IRWXG", 0o070),
    ("S_IRGRP", 0o040),
    ("S_IWGRP", 0o020),
    ("S_IXGRP", 0o010),
    ("S_IRWXO", 0o007),
    ("S_IROTH", 0o004),
    ("S_IWOTH", 0o002),
    ("S_IXOTH", 0o001),
    ("S_ISVTX", 0o1000),
    ("S_ISGID", 0o2000),
    ("S_ISUID", 0o4000),
    ("S_IREAD", 0o400),
    ("S_IWRITE", 0o200),
    ("S_IEXEC", 0o100),
];

/// The mode that `operand` certainly is.
pub(crate) fn mode(context: &Context<'_>, operand: Operand, at: Point) -> Option<i32> {
    number(context, operand, at, 12)
}

fn number(context: &Context<'_>, operand: Operand, at: Point, depth: u32) -> Option<i32> {
    let depth = depth.checked_sub(1)?;
    match operand {
        Operand::Const(Const::Int(value)) => Some(value),
        Operand::Const(_) => None,
        Operand::Global(name) => {
            let name = context.text(name);
            if let Some(short) = name.strip_prefix("stat.") {
                return NAMED.iter().find(|(known, _)| *known == short).map(|(_, mode)| *mode);
            }
            let (id, point, value) = assigned_once(context, name)?;
            number(&context.other(id), value, point, depth)
        }
        Operand::Local(local) => {
            let defs = definitions(context.body, context.cfg(), at, local);
            let [Def::At(point)] = defs[..] else { return None };
            match &context.inst(point)?.op {
                Op::Let(_, Rvalue::Use(value)) => number(context, *value, point, depth),
                Op::Let(_, Rvalue::Binary(operator, left, right)) => {
                    let left = number(context, *left, point, depth)?;
                    let right = number(context, *right, point, depth)?;
                    match operator {
                        Operator::BitOr => Some(left | right),
                        Operator::BitAnd => Some(left & right),
                        Operator::Add => left.checked_add(right),
                        _ => None,
                    }
                }
                _ => None,
            }
        }
    }
}

/// The names of the flags (`O_CREAT`) that may be set in `operand`; `None` if something else goes in.
pub(crate) fn flags<'a>(context: &Context<'a>, operand: Operand, at: Point) -> Option<FxHashSet<&'a str>> {
    let mut found = FxHashSet::default();
    collect(context, operand, at, 16, &mut found)?;
    Some(found)
}

fn collect<'a>(
    context: &Context<'a>,
    operand: Operand,
    at: Point,
    depth: u32,
    found: &mut FxHashSet<&'a str>,
) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    match operand {
        Operand::Const(Const::Int(0)) => Some(()),
        Operand::Const(_) => None,
        Operand::Global(name) => {
            let name = context.text(name);
            if let Some(flag) = name.strip_prefix("os.").filter(|flag| flag.starts_with("O_")) {
                found.insert(flag);
                return Some(());
            }
            let (id, point, value) = assigned_once(context, name)?;
            collect(&context.other(id), value, point, depth, found)
        }
        Operand::Local(local) => {
            for def in definitions(context.body, context.cfg(), at, local) {
                let Def::At(point) = def else { return None };
                match &context.inst(point)?.op {
                    Op::Let(_, Rvalue::Use(value)) => collect(context, *value, point, depth, found)?,
                    Op::Let(_, Rvalue::Binary(Operator::BitOr | Operator::Add, left, right)) => {
                        collect(context, *left, point, depth, found)?;
                        collect(context, *right, point, depth, found)?;
                    }
                    Op::Call(_, id) if context.name(&context.body.calls[*id]) == "getattr" => {
                        let name = context.body.calls[*id].positional(1)?.value.string()?;
                        found.insert(context.text(name));
                    }
                    _ => return None,
                }
            }
            Some(())
        }
    }
}
