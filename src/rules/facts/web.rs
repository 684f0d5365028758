//! Replies of web frameworks: the calls that make or send them, the functions whose results become them.

use crate::flow::Point;
use crate::ir::{Arg, ArgKind, Call, Const, Operand, Terminator};
use crate::rules::Context;

/// Value paths of calls that make a reply of their arguments.
#[rustfmt::skip]
const REPLIES: &[&str] = &[
    "flask.jsonify", "flask.make_response", "flask.Response", "flask.abort", "flask.json.jsonify", "quart.jsonify",
    "quart.make_response", "quart.Response", "quart.abort", "werkzeug.Response", "werkzeug.wrappers.Response",
    "rest_framework.response.Response", "starlette.responses.Response", "starlette.responses.PlainTextResponse",
    "starlette.responses.HTMLResponse", "starlette.responses.JSONResponse", "starlette.exceptions.HTTPException",
    "fastapi.HTTPException", "fastapi.exceptions.HTTPException", "fastapi.Response", "fastapi.responses.Response",
    "fastapi.responses.PlainTextResponse", "fastapi.responses.HTMLResponse", "fastapi.responses.JSONResponse",
    "fastapi.responses.ORJSONResponse", "aiohttp.web.Response", "aiohttp.web.json_response", "webob.Response",
    "bottle.HTTPResponse", "bottle.HTTPError", "bottle.abort", "sanic.response.json", "sanic.response.text",
    "sanic.response.html", "falcon.HTTPInternalServerError", "pyramid.response.Response",
];
/// Beginnings of value paths of calls that make a reply.
const REPLY_FAMILIES: &[&str] = &[
    "django.http.HttpResponse",
    "django.http.JsonResponse",
    "django.http.response.",
    "aiohttp.web.HTTP",
    "webob.exc.HTTP",
    "werkzeug.exceptions.",
    "pyramid.httpexceptions.HTTP",
];
/// Classes whose methods send the reply, with those methods.
const HANDLERS: &[(&str, &[&str])] = &[
    ("tornado.web.RequestHandler", &["write", "finish", "send_error"]),
    ("http.server.BaseHTTPRequestHandler", &["send_error", "wfile.write"]),
    ("http.server.SimpleHTTPRequestHandler", &["send_error", "wfile.write"]),
];
/// Keywords that are no part of what the client sees.
const ASIDE: &[&str] =
    &["status", "status_code", "content_type", "mimetype", "media_type", "headers", "exception"];

/// Whether `call` makes or sends a reply.
pub(crate) fn replies(context: &Context<'_>, call: &Call) -> bool {
    let name = context.name(call);
    if REPLIES.contains(&name) || REPLY_FAMILIES.iter().any(|family| name.starts_with(family)) {
        return true;
    }
    let Some(method) = context.source(call.callee_span).strip_prefix("self.") else { return false };
    let Some(class) = context.class() else { return false };
    HANDLERS.iter().any(|(base, methods)| {
        methods.contains(&method) && class.bases.iter().any(|known| context.text(*known) == *base)
    })
}

/// The arguments of a reply that the client sees.
pub(crate) fn shown<'a>(context: &'a Context<'a>, call: &'a Call) -> impl Iterator<Item = &'a Arg> {
    call.args.iter().filter(|arg| match arg.kind {
        ArgKind::Keyword(name) => !ASIDE.contains(&context.text(name)),
        ArgKind::Positional | ArgKind::Star | ArgKind::DoubleStar => true,
    })
}

/// Whether what the function returns becomes a reply: a route of flask, quart, fastapi or starlette.
pub(crate) fn is_route(context: &Context<'_>) -> bool {
    context.body.decorators.iter().filter_map(|decorator| decorator.name).any(|name| {
        let Some((receiver, verb)) = context.text(name).rsplit_once('.') else { return false };
        let verbs = [
            "route",
            "get",
            "post",
            "put",
            "delete",
            "patch",
            "errorhandler",
            "app_errorhandler",
            "exception_handler",
        ];
        let made = [
            "flask.Flask()",
            "flask.Blueprint()",
            "quart.Quart()",
            "quart.Blueprint()",
            "fastapi.FastAPI()",
            "fastapi.APIRouter()",
        ];
        let value = context.unit.globals.iter().find(|(name, _)| context.text(**name) == receiver);
        verbs.contains(&verb) && value.is_some_and(|(_, value)| made.contains(&context.text(*value)))
    })
}

/// Whether the function handles exceptions for its framework, its first parameter being the exception.
pub(crate) fn is_error_handler(context: &Context<'_>) -> bool {
    context.body.decorators.iter().any(|decorator| {
        let is_handler = decorator.name.is_some_and(|name| {
            let name = context.text(name);
            name.ends_with(".errorhandler") || name.ends_with(".app_errorhandler")
        });
        is_handler && context.source(decorator.span).ends_with("(Exception)")
    })
}

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
    let stmt = context.source(context.stmt(call).span);
    let tail = stmt.strip_prefix("return").and_then(|rest| rest.trim_end().rsplit_once(','))?.1;
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

/// The value and the constant status of a `return value, status` at the end of `block`.
pub(crate) fn returned(context: &Context<'_>, block: crate::ir::BlockId) -> Option<(Operand, Option<i32>)> {
    let data = &context.body.blocks[block];
    let Terminator::Return(value) = data.end else { return None };
    let end = Point { block, index: data.insts.len() };
    match context.value(value, end) {
        Some(crate::ir::Rvalue::Tuple(items)) => {
            let status = items.iter().find_map(|item| match item {
                Operand::Const(Const::Int(status)) => Some(*status),
                _ => None,
            });
            Some((*items.first()?, status))
        }
        _ => Some((value, None)),
    }
}
