//! Replies of web frameworks: their status, as far as it is constant.

use crate::ir::{Arg, ArgKind, Call, Const, Operand};
use crate::rules::Context;

/// The constant status of the reply that `call` makes: an argument, the name of a class, or what stands beside it in
/// the tuple that is returned.
pub(crate) fn status(context: &Context<'_>, call: &Call) -> Option<i32> {
    let is_status = |arg: &&Arg| match arg.kind {
        ArgKind::Keyword(name) => matches!(context.text(name), "status" | "status_code"),
        ArgKind::Positional => true,
        ArgKind::Star | ArgKind::DoubleStar => false,
    };
    let known = call.args.iter().filter(is_status).find_map(|arg| {
        let source = context.source(arg.span);
        number(arg.value, source.split_once('=').map_or(source, |(_, value)| value.trim()))
    });
    if known.is_some() {
        return known;
    }
    let class = context.method(call);
    let is_client = [
        "BadRequest",
        "NotFound",
        "Forbidden",
        "Conflict",
        "Unauthorized",
        "UnprocessableEntity",
        "NotAcceptable",
    ]
    .iter()
    .any(|name| class.ends_with(name));
    if is_client {
        return Some(400);
    }
    context.source(context.stmt(call).span).strip_prefix("return").and_then(status_behind)
}

/// The status that stands last in what is returned: `text, 400`.
pub(crate) fn status_behind(returned: &str) -> Option<i32> {
    let tail = returned.trim_end().rsplit_once(',')?.1;
    tail.trim().trim_end_matches(')').parse().ok().filter(|status| (100..600).contains(status))
}

/// The status that a value spelled `source` is: a number, or a constant of the standard library or a framework that
/// tells it by its name (`status.HTTP_404_NOT_FOUND`, `HTTPStatus.NOT_FOUND`).
fn number(value: Operand, source: &str) -> Option<i32> {
    if let Operand::Const(Const::Int(status @ 100..=599)) = value {
        return Some(status);
    }
    let name = source.trim_end_matches(".value").rsplit('.').next()?;
    if let Some(digits) = name.strip_prefix("HTTP_").or(name.strip_prefix("HTTP")) {
        return digits.get(..3)?.parse().ok();
    }
    let is_enum = source.contains("HTTPStatus.") || source.contains("client.");
    let is_client_error = [
        "BAD_REQUEST",
        "UNAUTHORIZED",
        "FORBIDDEN",
        "NOT_FOUND",
        "METHOD_NOT_ALLOWED",
        "NOT_ACCEPTABLE",
        "CONFLICT",
        "GONE",
        "PRECONDITION_FAILED",
        "UNPROCESSABLE_ENTITY",
        "UNPROCESSABLE_CONTENT",
        "TOO_MANY_REQUESTS",
    ]
    .contains(&name);
    (is_enum && is_client_error).then_some(400)
}
