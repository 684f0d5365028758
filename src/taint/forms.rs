//! Functions that servers call because of their form alone: handlers of AWS Lambda, applications of WSGI and ASGI. In: a
//! body. Out: which of these it is, and what it answers with.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html>, <https://peps.python.org/pep-3333/>,
//! <https://asgi.readthedocs.io/en/latest/specs/www.html>.

use std::sync::Arc;

use crate::ir::{Body, BodyKind, Call, Const, LocalId, Op, Operand, ParamKind, Place, Rvalue, Step, Unit};
use crate::models::{Kinds, Threat};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::entry::is_of_client;
use crate::taint::media::{HEADER, is_inert, told};
use crate::taint::sinks::entry_of;
use crate::taint::state::State;
use crate::taint::value::{Key, Konst, Label, Tree};
use crate::text::Span;

/// Who calls a function because of its form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// `def handler(event, context)`
    Lambda,
    /// `def application(environ, start_response)`
    Wsgi,
    /// `async def application(scope, receive, send)`
    Asgi,
}

/// What a client decides in the scope of a connection. The rest is of the server, or of the program itself.
const OF_CLIENT: &[&str] =
    &["headers", "method", "path", "path_params", "query_string", "raw_path", "subprotocols"];
/// What a server puts into each scope beside that.
const IN_SCOPE: &[&str] = &["asgi", "client", "http_version", "root_path", "scheme", "server", "type"];

/// What the server itself puts into the environment of a request.
const OF_SERVER: &[&str] = &[
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "SERVER_SOFTWARE",
    "wsgi.errors",
    "wsgi.file_wrapper",
    "wsgi.multiprocess",
    "wsgi.multithread",
    "wsgi.run_once",
    "wsgi.url_scheme",
    "wsgi.version",
];

/// The form of a function, if it is one that servers call.
pub(super) fn form_of(unit: &Unit, body: &Body) -> Option<Form> {
    if is_lambda_handler(unit, body) {
        return Some(Form::Lambda);
    }
    if is_wsgi(unit, body) {
        return Some(Form::Wsgi);
    }
    is_asgi(unit, body).then_some(Form::Asgi)
}

fn is_lambda_handler(unit: &Unit, body: &Body) -> bool {
    let [event, context] = &body.params[..] else { return false };
    let named =
        |local: LocalId, wanted| body.locals[local].name.is_some_and(|name| unit.text(name) == wanted);
    body.parent.is_some()
        && body.class.is_none()
        && body.decorators.is_empty()
        && named(event.local, "event")
        && named(context.local, "context")
        && unit.text(body.name).ends_with("handler")
}

/// The two parameters of an application of WSGI.
pub(super) fn wsgi_params(body: &Body) -> Option<[LocalId; 2]> {
    first_params(body)
}

/// The three parameters of an application of ASGI.
pub(super) fn asgi_params(body: &Body) -> Option<[LocalId; 3]> {
    first_params(body)
}

/// The parameters that every caller passes, behind the object, if there are as many.
fn first_params<const N: usize>(body: &Body) -> Option<[LocalId; N]> {
    let params = if body.class.is_some() { body.params.get(1..)? } else { &body.params[..] };
    let (first, rest) = params.split_at_checked(N)?;
    let is_plain = |kind| matches!(kind, ParamKind::Positional | ParamKind::PositionalOnly);
    let is_it = first.iter().all(|param| is_plain(param.kind) && !param.has_default)
        && rest.iter().all(|param| param.has_default);
    let locals: Vec<LocalId> = first.iter().map(|param| param.local).collect();
    locals.try_into().ok().filter(|_| is_it)
}

/// Whether a coroutine receives or sends events of ASGI by its second and third parameter, or hands the first two on, and
/// reads its first one as the scope of a connection or makes such an event.
fn is_asgi(unit: &Unit, body: &Body) -> bool {
    if !matches!(body.kind, BodyKind::Function { is_async: true, .. }) {
        return false;
    }
    let Some([scope, receive, send]) = asgi_params(body) else { return false };
    let goes_on = body.calls.iter().any(|call| {
        let given = |index| call.positional(index).map(|arg| arg.value);
        let is_bare = |local| call.callee == Place::bare(Operand::Local(local));
        is_bare(receive) && call.args.is_empty()
            || is_bare(send) && call.args.len() == 1
            || given(0) == Some(Operand::Local(scope)) && given(1) == Some(Operand::Local(receive))
    });
    let is_key = |key: &str| OF_CLIENT.contains(&key) || IN_SCOPE.contains(&key);
    goes_on && (reads_mapping(unit, body, scope, &is_key) || makes_event(unit, body))
}

/// Whether a body makes an event of ASGI: `{"type": "http.response.body", …}`.
fn makes_event(unit: &Unit, body: &Body) -> bool {
    let is_type = |(key, value): &(Option<Operand>, Operand)| {
        let text = |value: Operand| value.string().map(|text| unit.text(text));
        key.and_then(text) == Some("type")
            && text(*value).is_some_and(|of| of.starts_with("http.response.") || of.starts_with("websocket."))
    };
    let mut insts = body.blocks.iter().flat_map(|block| &block.insts);
    insts.any(|inst| matches!(&inst.op, Op::Let(_, Rvalue::Dict(entries)) if entries.iter().any(is_type)))
}

/// Whether a function begins an answer by calling its second parameter with a status, or hands both parameters on, and
/// reads its first one as the environment of a request.
fn is_wsgi(unit: &Unit, body: &Body) -> bool {
    if !matches!(body.kind, BodyKind::Function { .. }) {
        return false;
    }
    let Some([environ, start]) = wsgi_params(body) else { return false };
    let is_environ = |operand: Operand| operand == Operand::Local(environ);
    let is_status = |text: &str| text.len() > 3 && text.as_bytes()[..3].iter().all(u8::is_ascii_digit);
    let mut begins = false;
    let mut goes_on = false;
    for call in body.calls.iter() {
        if call.callee == Place::bare(Operand::Local(start)) && call.args.len() >= 2 {
            let status = call.positional(0).and_then(|arg| arg.value.string());
            begins |= status.is_some_and(|status| is_status(unit.text(status)));
            goes_on = true;
        }
        let given = |index| call.positional(index).map(|arg| arg.value);
        goes_on |= given(0).is_some_and(is_environ) && given(1) == Some(Operand::Local(start));
    }
    begins || goes_on && reads_environment(unit, body, environ)
}

/// Whether a body reads what is in the environment of every request.
fn reads_environment(unit: &Unit, body: &Body, environ: LocalId) -> bool {
    reads_mapping(unit, body, environ, &|key| {
        is_of_client(key) || OF_SERVER.contains(&key) || matches!(key, "REQUEST_METHOD" | "wsgi.input")
    })
}

/// Whether a body reads what a mapping has under one of some keys.
fn reads_mapping(unit: &Unit, body: &Body, of: LocalId, is_key: &dyn Fn(&str) -> bool) -> bool {
    let base = Operand::Local(of);
    let is_known = |place: Place| {
        place.base == base
            && matches!(unit.paths.steps(place.path).first(), Some(Step::Item(Const::Str(key))) if is_key(unit.text(*key)))
    };
    let mut insts = body.blocks.iter().flat_map(|block| &block.insts);
    let reads = |op: &Op| match op {
        Op::Let(_, Rvalue::Load(place)) => is_known(*place),
        Op::Call(_, id) => {
            let call = &body.calls[*id];
            let key = call.positional(0).and_then(|arg| arg.value.string());
            is_known(call.callee)
                || call.callee.base == base
                    && unit.text(call.method) == "get"
                    && key.is_some_and(|key| is_key(unit.text(key)))
        }
        _ => false,
    };
    insts.any(|inst| reads(&inst.op))
}

/// Takes from the environment of a request what the server puts into it.
pub(super) fn without_own(environ: &mut Tree) {
    for name in OF_SERVER {
        environ.store(&[Key::Item(Konst::Str((*name).into()))], &Arc::default());
    }
}

/// Leaves of the scope of a connection what the client decides.
pub(super) fn of_client_alone(scope: &mut Tree) {
    let from_outside = Arc::new(Tree::labeled(
        scope.labels.iter().filter(|label| !label.kinds.is_empty()).cloned().collect(),
    ));
    scope.labels.retain(|label| label.kinds.is_empty());
    for name in OF_CLIENT {
        scope.store(&[Key::Item(Konst::Str((*name).into()))], &from_outside);
    }
}

impl Analyzer<'_, '_> {
    /// Whether a call is one of the parameter at `index` that a server of ASGI passes.
    fn is_of_asgi(&self, call: &Call, index: usize) -> bool {
        let is_asgi = self.world.callers.of(self.id).is_some_and(|called| called.form == Some(Form::Asgi));
        let params = asgi_params(self.body).filter(|_| is_asgi);
        params.is_some_and(|params| call.callee == Place::bare(Operand::Local(params[index])))
    }

    /// The source that an event is which the server gives: `await receive()`.
    pub(super) fn received(&self, call: &Call) -> Option<Label> {
        self.is_of_asgi(call, 1)
            .then(|| self.source(call.span, self.spelled(call.span), Threat::Remote, "comes in here"))
    }

    /// What kind of event it is the server says.
    pub(super) fn as_event(&self, call: &Call, event: &mut Tree) {
        if self.is_of_asgi(call, 1) {
            event.store(&[Key::Item(Konst::Str("type".into()))], &Arc::default());
        }
    }

    /// Reports what an application of ASGI sends to the browser: an address that it goes to, a page.
    pub(super) fn meet_event(&self, state: &State, site: &Site<'_>) {
        let [event] = &site.args[..] else { return };
        let is_sent = self.is_of_asgi(site.call, 2) || is_answer(event) && site.known.callees.is_empty();
        if !is_sent {
            return;
        }
        let named = |name| Kinds::named(name).unwrap_or_default();
        for value in entry_of(event, "headers").iter().flat_map(|headers| locations(headers)) {
            self.reach_at(state, (named("redirect"), "send"), value, site.call.span);
        }
        if let Some(body) = entry_of(event, "body")
            && self.begins_page()
        {
            self.reach_at(state, (named("html"), "send"), body, site.call.span);
        }
    }

    /// What a function answers with that a server calls because of its form.
    pub(super) fn meet_answer(&self, state: &State, form: Form, tree: &Arc<Tree>, span: Span) {
        let named = |name| Kinds::named(name).unwrap_or_default();
        match form {
            Form::Lambda => {
                let Some(headers) = entry_of(tree, "headers") else { return };
                if let Some(location) = entry_of(headers, "location") {
                    self.reach_at(state, (named("redirect"), "Location"), location, span);
                }
                let body = entry_of(tree, "body").filter(|_| told(headers) == Some(false));
                if let Some(body) = body {
                    self.reach_at(state, (named("html"), "return"), body, span);
                }
            }
            Form::Wsgi if self.begins_page() => {
                self.reach_at(state, (named("html"), "return"), &self.any_part(tree), span);
            }
            Form::Wsgi | Form::Asgi => {}
        }
    }

    /// Whether the headers that stand in the body tell of a page.
    fn begins_page(&self) -> bool {
        let insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        let types = insts.filter_map(|inst| match &inst.op {
            Op::Let(_, Rvalue::Tuple(items) | Rvalue::List(items)) => match items[..] {
                [Operand::Const(Const::Str(name) | Const::Bytes(name)), value] => {
                    let is_type = self.module.unit.text(name).eq_ignore_ascii_case(HEADER);
                    let texts = || match value {
                        Operand::Const(Const::Bytes(text)) => Some(vec![self.module.unit.text(text).into()]),
                        _ => self.literals(value, 3),
                    };
                    is_type.then(texts).flatten()
                }
                _ => None,
            },
            _ => None,
        });
        let types: Vec<_> = types.flatten().collect();
        types.iter().any(|text| !is_inert(text))
    }
}

/// Whether a value is an event that begins an answer of ASGI, or is a part of its body.
fn is_answer(event: &Tree) -> bool {
    let kind = entry_of(event, "type").and_then(|kind| kind.konst.as_ref());
    matches!(kind, Some(Konst::Str(kind)) if kind.starts_with("http.response."))
}

/// The addresses that headers in pairs send a browser to.
fn locations(headers: &Tree) -> impl Iterator<Item = &Arc<Tree>> {
    let at = |pair: &Tree, index| pair.field(&Key::Item(Konst::Int(index))).cloned();
    let is_it = move |pair: &Tree| {
        let name = at(pair, 0).and_then(|name| name.konst.clone());
        matches!(name, Some(Konst::Str(name)) if name.eq_ignore_ascii_case("location"))
    };
    let pairs = headers.fields.iter().filter(move |(_, pair)| is_it(pair));
    pairs.filter_map(|(_, pair)| pair.field(&Key::Item(Konst::Int(1))))
}
