//! Where an entry of a dict that the caller gave deserves a remark: what misses it leaves work half done, and nobody was
//! asked before whether it is there.
//!
//! What a function does that gets the whole dict first is not looked at: many read the same entries.

use crate::flow::Point;
use crate::ir::{CallId, LocalId, Operand, StmtKind};
use crate::rules::Context;
use crate::rules::address_unvalidated::sinks;
use crate::rules::facts::logging::log;
use crate::rules::facts::outside::Source;

/// Functions of Python's own that read no entry of what they are given.
const BLIND: &[&str] = &[
    "bool",
    "dict",
    "enumerate",
    "hash",
    "id",
    "isinstance",
    "iter",
    "len",
    "list",
    "print",
    "repr",
    "str",
    "type",
];

/// Whether the caller's dict goes whole to another function before `at`, which fails first where an entry is missing.
pub(super) fn is_handed_on(context: &Context<'_>, source: &Source, at: Point) -> bool {
    let param = context.body.params.iter().find(|param| context.body.locals[param.local].span == source.span);
    let Some(param) = param else { return false };
    context.body.calls.pairs().any(|(id, call)| {
        gets(context, id, param.local)
            && log(context, call).is_none()
            && !BLIND.contains(&context.name(call))
            && context.is_reachable(id)
            && context.point(id) != at
            && context.dominators().dominates_point(context.point(id), at)
    })
}

fn gets(context: &Context<'_>, id: CallId, local: LocalId) -> bool {
    context.body.calls[id].args.iter().any(|arg| arg.value == Operand::Local(local))
}

/// Whether what fails at the call `id` leaves work half done: something is still to be done behind it, or was taken away
/// before it.
pub(super) fn is_half_way(context: &Context<'_>, id: CallId) -> bool {
    const VERBS: &[&str] = &["delete", "remove", "flush", "clear", "unplug"];
    let at = context.stmt(&context.body.calls[id]).span;
    context.body.calls.pairs().any(|(other, call)| {
        let stmt = context.stmt(call);
        let sink = sinks::sink(context, other);
        let is_effect = matches!(stmt.kind, StmtKind::Expr) && log(context, call).is_none();
        let removes = sink.as_ref().is_some_and(|sink| sink.removes)
            || VERBS.iter().any(|verb| context.method(call).starts_with(verb));
        stmt.span != at && (is_effect || sink.is_some()) && (stmt.span.start > at.start || removes)
    })
}
