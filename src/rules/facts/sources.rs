//! Which parts of a text somebody else chose: requests, messages and remote calls; arguments and the environment.

use crate::ir::{BodyKind, CallId, Operand, Place, Step};
use crate::rules::Context;
use crate::rules::facts::edits;
use crate::rules::facts::environment::variable;
use crate::rules::facts::parts::{Part, Piece};

/// Who chose a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum From {
    /// Somebody on another machine: a request, a message, a remote call.
    Remote,
    /// Who starts the program or sets it up: arguments, environment.
    Machine,
}

/// Value paths of requests. Sources: documentation of the frameworks.
const REQUESTS: &[&str] = &[
    "flask.request.",
    "quart.request.",
    "bottle.request.",
    "cherrypy.request.",
    "sanic.request.Request().",
    "fastapi.Request().",
    "starlette.requests.Request().",
    "aiohttp.web.Request().",
    "django.http.HttpRequest().",
    "falcon.Request().",
    "webob.Request().",
    "pyramid.request.Request().",
    "rest_framework.request.Request().",
];
/// What a request holds of the sender's choice.
const FIELDS: &[&str] = &[
    "args",
    "form",
    "values",
    "json",
    "data",
    "cookies",
    "headers",
    "files",
    "view_args",
    "query",
    "query_params",
    "path_params",
    "query_string",
    "body",
    "GET",
    "POST",
    "COOKIES",
    "FILES",
    "META",
    "match_info",
    "rel_url",
    "params",
    "matchdict",
    "json_body",
    "get_json",
    "get_data",
    "forms",
    "media",
];

/// Who chose `part`, if it comes from outside.
pub(crate) fn origin(context: &Context<'_>, part: &Part<'_>) -> Option<From> {
    match part.piece {
        Piece::Load(place) => {
            let path = part.path;
            if of_request(path) || of_request_param(context, part, place) {
                Some(From::Remote)
            } else {
                of_machine(context, part, path).then_some(From::Machine)
            }
        }
        Piece::Call(id) => {
            if gets(context, part, id) && of_request(part.path) || receives(context, part, id) {
                Some(From::Remote)
            } else {
                let by_hand = part.path == "input" || of_machine(context, part, part.path);
                by_hand.then_some(From::Machine)
            }
        }
        Piece::Param(_) => endpoint(context, part).then_some(From::Remote),
        Piece::Text(_) | Piece::Global(_) | Piece::Unknown => None,
    }
}

/// The source of a part as messages show it.
pub(crate) fn shown(context: &Context<'_>, part: &Part<'_>) -> String {
    edits::brief(context, part.span, 60)
}

fn of_request(path: &str) -> bool {
    REQUESTS.iter().any(|request| {
        path.strip_prefix(request).is_some_and(|rest| {
            let field = rest.split(['.', '[', '(']).next().unwrap_or_default();
            FIELDS.contains(&field)
        })
    })
}

/// `request.GET["x"]` of a parameter that is called so.
fn of_request_param(context: &Context<'_>, part: &Part<'_>, place: Place) -> bool {
    let Operand::Local(local) = place.base else { return false };
    let home = context.other(part.home);
    let steps = context.unit.paths.steps(place.path);
    let is_field = |step: Option<&Step>| match step {
        Some(Step::Attr(name)) => FIELDS.contains(&context.text(*name)),
        _ => false,
    };
    let name = home.local_name(local);
    match name {
        "request" => home.body.param(local).is_some() && is_field(steps.first()),
        // `self.request.GET["x"]`
        "self" => {
            matches!(steps.first(), Some(Step::Attr(name)) if context.text(*name) == "request")
                && is_field(steps.get(1))
        }
        _ => false,
    }
}

/// A call that takes something out of a request, or off a socket.
fn receives(context: &Context<'_>, part: &Part<'_>, id: CallId) -> bool {
    let home = context.other(part.home);
    let call = &home.body.calls[id];
    let method = home.method(call);
    if matches!(method, "recv" | "recvfrom") {
        return part.path.starts_with("socket.");
    }
    if matches!(method, "get_argument" | "get_query_argument" | "get_body_argument") {
        return home.receiver(call) == "self";
    }
    if !gets(context, part, id) {
        return false;
    }
    crate::rules::facts::scope::receiver(&home, call).is_some_and(|receiver| match receiver {
        crate::rules::facts::scope::Receiver::Place(place) => of_request_param(context, part, place),
        crate::rules::facts::scope::Receiver::Operand(_)
        | crate::rules::facts::scope::Receiver::Global(_) => false,
    })
}

/// Whether a call returns what its receiver holds.
fn gets(context: &Context<'_>, part: &Part<'_>, id: CallId) -> bool {
    const GET: &[&str] = &[
        "get",
        "getlist",
        "getall",
        "getone",
        "pop",
        "get_json",
        "get_data",
        "json",
        "get_list",
        "getunicode",
    ];
    let home = context.other(part.home);
    GET.contains(&home.method(&home.body.calls[id]))
}

/// An argument of the program or a variable of its environment.
fn of_machine(context: &Context<'_>, part: &Part<'_>, path: &str) -> bool {
    let by_parser = |path: &str| {
        let parsed = path.split_once(".parse_args()").or_else(|| path.split_once(".parse_known_args()"));
        parsed.is_some_and(|(parser, _)| parser.starts_with("argparse.") || parser.starts_with("optparse."))
    };
    let by_argv = path.starts_with("sys.argv[]");
    by_parser(path) || by_argv || variable(context, part).is_some()
}

/// A parameter of a method that is called over the network: of an `oslo_messaging` endpoint.
fn endpoint(context: &Context<'_>, part: &Part<'_>) -> bool {
    let Piece::Param(local) = part.piece else { return false };
    let home = context.other(part.home);
    let Some(class) = home.class() else { return false };
    let is_public = !home.function_name().starts_with('_');
    let is_target = class.attrs.iter().any(|(name, value)| {
        context.text(*name) == "target" && context.text(*value) == "oslo_messaging.Target()"
    });
    let index = home.body.params.iter().position(|param| param.local == local);
    is_target
        && is_public
        && matches!(home.body.kind, BodyKind::Function { .. })
        && index.is_some_and(|index| index > 0)
        && !matches!(home.local_name(local), "context" | "ctxt" | "ctx")
}
