//! Who calls a function of the same file, and with what.

use crate::ir::{ArgKind, Body, Call, FnId, LocalId, Operand};
use crate::rules::Context;

/// The bodies of this file that call `function`.
pub(crate) fn callers(context: &Context<'_>, function: FnId) -> Vec<FnId> {
    let own = context.function_name();
    let calls = |body: &Body| {
        body.calls.iter().any(|call| {
            call.name.is_some_and(|name| {
                let text = context.text(name);
                (text.ends_with(own) || own == "__init__") && context.unit.function(name) == Some(function)
            })
        })
    };
    let bodies = context.unit.bodies.pairs().filter(|(id, body)| *id != function && calls(body));
    bodies.map(|(id, _)| id).collect()
}

/// What `call` passes for parameter `param` of the body of `callee`.
pub(super) fn arguments(callee: &Context<'_>, call: &Call, name: &str, param: usize) -> Vec<Operand> {
    let is = |wanted: &str| {
        let mut names = callee.body.decorators.iter().filter_map(|decorator| decorator.name);
        names.any(|name| callee.text(name) == wanted)
    };
    let is_bound = callee.function_name() == "__init__" || name.contains("().") || is("classmethod");
    let skip = usize::from(callee.body.class.is_some() && is_bound && !is("staticmethod"));
    let Some(wanted) = callee.body.params.get(param) else { return Vec::new() };
    let local: LocalId = wanted.local;
    let mut position = skip;
    let mut values = Vec::new();
    for arg in &call.args {
        let fits = match arg.kind {
            ArgKind::Positional => {
                position += 1;
                position - 1 == param || wanted.kind == crate::ir::ParamKind::Star && position > param
            }
            ArgKind::Keyword(name) => callee.text(name) == callee.local_name(local),
            ArgKind::Star => wanted.kind == crate::ir::ParamKind::Star,
            ArgKind::DoubleStar => wanted.kind == crate::ir::ParamKind::DoubleStar,
        };
        if fits {
            values.push(arg.value);
        }
    }
    values
}
