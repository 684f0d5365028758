//! Whether a value was checked before it is used.

use crate::flow::{Def, Point, definitions};
use crate::ir::{Call, CallId, Op, Operand, Rvalue};
use crate::python::ast::CmpOp;
use crate::rules::Context;
use crate::rules::facts::conditions::{Test, decisions};
use crate::rules::facts::parts::{Part, Piece, Text, texts, texts_of};
use crate::rules::facts::scope::receiver;
use crate::rules::facts::verbs::has_word;

/// Words of calls that check what they are given.
const CHECKS: &[&str] =
    &["validate", "validated", "valid", "check", "verify", "assert", "sanitize", "ensure", "allowed", "safe"];
/// Calls whose truth says that a text has a narrow form.
const FORMS: &[&str] = &[
    "fullmatch",
    "match",
    "search",
    "isalnum",
    "isalpha",
    "isdigit",
    "isdecimal",
    "isnumeric",
    "isidentifier",
    "is_relative_to",
    "is_uuid_like",
];

/// Whether something on every path to `sink` checks `part`: its form, its membership, where a path made of it leads,
/// or by a function that is called so.
pub(crate) fn is_checked(context: &Context<'_>, part: &Part<'_>, sink: Point) -> bool {
    if part.home != context.id {
        return true;
    }
    let tests = decisions(context, sink);
    let by_test = tests.iter().any(|decision| match decision.test {
        Test::Call(id) => tells(context, id, part),
        Test::Compare(op, left, right) => compares(context, (op, left, right), decision.at, part),
        Test::Truth(_) => false,
    });
    by_test || passes(context, part, sink)
}

/// Whether the truth of a call tells the form of `part`.
fn tells(context: &Context<'_>, id: CallId, part: &Part<'_>) -> bool {
    let call = &context.body.calls[id];
    let method = context.method(call);
    if !takes(context, id, call, part) {
        return false;
    }
    FORMS.contains(&method)
        || has_word(method, CHECKS)
        || method == "startswith" && is_resolved(context, call, context.point(id))
}

/// Whether a comparison tells that `part` is one of several, holds no separator, or leads into a directory.
fn compares(
    context: &Context<'_>,
    (op, left, right): (CmpOp, Operand, Operand),
    at: Point,
    part: &Part<'_>,
) -> bool {
    let mentions = |operand| texts(context, operand, at).iter().any(|way| holds(context, way, part));
    match op {
        CmpOp::In | CmpOp::NotIn => mentions(left) || matches!(left, Operand::Const(_)) && mentions(right),
        CmpOp::Eq | CmpOp::NotEq => [left, right].into_iter().any(|side| {
            context.made_by(side, at).is_some_and(|id| {
                let call = &context.body.calls[id];
                matches!(context.name(call), "os.path.commonpath" | "os.path.basename" | "re.sub")
                    && takes(context, id, call, part)
            })
        }),
        _ => false,
    }
}

/// Whether a call that raises for bad values is on every path to `sink`.
fn passes(context: &Context<'_>, part: &Part<'_>, sink: Point) -> bool {
    context.body.calls.pairs().any(|(id, call)| {
        let method = context.method(call);
        let raises = has_word(method, &["validate", "check", "verify", "assert", "sanitize", "ensure"])
            || matches!(method, "relative_to" | "UUID");
        let at = context.point(id);
        raises
            && at != sink
            && context.is_reachable(id)
            && context.dominators().dominates_point(at, sink)
            && takes(context, id, call, part)
    })
}

/// Whether `part` goes into `call`, by an argument (also within a display) or the receiver.
fn takes(context: &Context<'_>, id: CallId, call: &Call, part: &Part<'_>) -> bool {
    let at = context.point(id);
    let goes_in = |operand: Operand| {
        let items = match context.value(operand, at) {
            Some(Rvalue::List(items) | Rvalue::Tuple(items)) => items.to_vec(),
            _ => vec![operand],
        };
        items.into_iter().any(|item| texts(context, item, at).iter().any(|way| holds(context, way, part)))
    };
    call.args.iter().any(|arg| goes_in(arg.value))
        || receiver(context, call)
            .is_some_and(|value| texts_of(context, value, at).iter().any(|way| holds(context, way, part)))
}

/// Whether `part` is one of the parts of `way`.
fn holds(context: &Context<'_>, way: &Text<'_>, part: &Part<'_>) -> bool {
    way.iter().any(|other| same(context, other, part))
}

/// Whether two parts are the same value, as far as their spelling tells.
pub(crate) fn same(context: &Context<'_>, a: &Part<'_>, b: &Part<'_>) -> bool {
    let comparable = !matches!(a.piece, Piece::Text(_) | Piece::Unknown);
    comparable
        && a.home == b.home
        && (a.piece == b.piece
            || context.source(a.span) == context.source(b.span) && a.span.start < a.span.end)
}

/// Whether the path that a method is called on was resolved.
fn is_resolved(context: &Context<'_>, call: &Call, at: Point) -> bool {
    let Some(mut operand) = call.callee.base.local().map(Operand::Local) else { return false };
    let mut at = at;
    for _ in 0..8 {
        let Some(local) = operand.local() else { return false };
        let defs = definitions(context.body, context.cfg(), at, local);
        let [Def::At(point)] = defs[..] else { return false };
        match context.inst(point).map(|inst| &inst.op) {
            Some(Op::Let(_, Rvalue::Use(next))) => (operand, at) = (*next, point),
            Some(Op::Call(_, id)) => {
                let call = &context.body.calls[*id];
                if matches!(context.method(call), "abspath" | "realpath" | "normpath" | "resolve") {
                    return true;
                }
                let Some(first) = call.positional(0) else { return false };
                (operand, at) = (first.value, point);
            }
            _ => return false,
        }
    }
    false
}
