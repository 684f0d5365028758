//! Who calls a function of the same file.

use crate::ir::{Body, FnId};
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
