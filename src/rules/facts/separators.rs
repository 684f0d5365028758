//! Calls that take the separators of paths and lines, and quotes, out of a text.

use crate::flow::Point;
use crate::ir::{Call, Const, Operand};
use crate::rules::Context;

/// Whether the constant text that `call` replaces separates paths or lines, or is a quote.
pub(crate) fn removes_separators(context: &Context<'_>, call: &Call, at: Point) -> bool {
    let Some(old) = call.positional(0) else { return true };
    match old.value {
        Operand::Const(Const::Str(text) | Const::Bytes(text)) => is_separator(context.text(text)),
        Operand::Global(name) => matches!(context.text(name), "os.sep" | "os.path.sep"),
        Operand::Const(_) => false,
        Operand::Local(_) => context.string(old.value, at).is_none_or(is_separator),
    }
}

fn is_separator(text: &str) -> bool {
    matches!(text, "/" | "\n" | "\r" | "\r\n" | "\"" | "'")
}

/// Whether `quote` leaves no slash.
pub(crate) fn quotes_slashes(context: &Context<'_>, call: &Call, at: Point) -> bool {
    context.arg(call, Some(1), "safe").is_some_and(|safe| match safe.value {
        Operand::Const(Const::Str(text)) => !context.text(text).contains('/'),
        _ => context.string(safe.value, at).is_none_or(|text| !text.contains('/')),
    })
}
