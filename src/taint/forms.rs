//! Functions that servers call because of their form alone: handlers of AWS Lambda, applications of WSGI. In: a body. Out:
//! which of these it is, and what it answers with.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html>, <https://peps.python.org/pep-3333/>.

use std::sync::Arc;

use crate::ir::{Body, BodyKind, Const, LocalId, Op, Operand, ParamKind, Place, Rvalue, Step, Unit};
use crate::models::Kinds;
use crate::taint::body::Analyzer;
use crate::taint::entry::is_of_client;
use crate::taint::media::{HEADER, is_inert, told};
use crate::taint::sinks::entry_of;
use crate::taint::state::State;
use crate::taint::value::{Key, Konst, Tree};
use crate::text::Span;

/// Who calls a function because of its form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// `def handler(event, context)`
    Lambda,
    /// `def application(environ, start_response)`
    Wsgi,
}

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
    is_wsgi(unit, body).then_some(Form::Wsgi)
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
    let params = if body.class.is_some() { body.params.get(1..)? } else { &body.params[..] };
    let [environ, start, rest @ ..] = params else { return None };
    let is_plain = |kind| matches!(kind, ParamKind::Positional | ParamKind::PositionalOnly);
    let is_it = [environ, start].iter().all(|param| is_plain(param.kind) && !param.has_default)
        && rest.iter().all(|param| param.has_default);
    is_it.then_some([environ.local, start.local])
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
    let base = Operand::Local(environ);
    let is_key = |key: &str| {
        is_of_client(key) || OF_SERVER.contains(&key) || matches!(key, "REQUEST_METHOD" | "wsgi.input")
    };
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

impl Analyzer<'_, '_> {
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
            Form::Wsgi => {}
        }
    }

    /// Whether the headers that stand in the body tell of a page.
    fn begins_page(&self) -> bool {
        let insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        let types = insts.filter_map(|inst| match &inst.op {
            Op::Let(_, Rvalue::Tuple(items)) => match items[..] {
                [name, value] => {
                    let name = name.string()?;
                    let is_type = self.module.unit.text(name).eq_ignore_ascii_case(HEADER);
                    is_type.then(|| self.literals(value, 3)).flatten()
                }
                _ => None,
            },
            _ => None,
        });
        let types: Vec<_> = types.flatten().collect();
        types.iter().any(|text| !is_inert(text))
    }
}
