//! Finds texts of unexpected exceptions, and tracebacks, on their way into HTTP replies.

use crate::finding::{Edit, Safety, Severity};
use crate::ir::{ArgKind, Call, Inst, Op, Operand, RegionKind, Rvalue, Step};
use crate::rules::facts::flows::{Flows, Found, Policy, callers};
use crate::rules::facts::handlers::is_broad_name;
use crate::rules::facts::verbs::has_word;
use crate::rules::facts::{edits, web};
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;

pub(super) static RULE: Rule =
    Rule { page: include_str!("error_detail_exposed.md"), check: Check::Body(run) };

/// Last names of exceptions whose text comes from the system or a library.
#[rustfmt::skip]
const FOREIGN: &[&str] = &[
    "OSError", "IOError", "EnvironmentError", "RuntimeError", "SystemError", "SQLAlchemyError", "DBAPIError",
    "DatabaseError", "OperationalError", "ProgrammingError", "InternalError", "InterfaceError", "CalledProcessError",
    "SubprocessError", "TimeoutExpired", "RequestException", "ClientError", "BotoCoreError", "ConnectionError",
    "SSLError", "LDAPError", "MemoryError", "AttributeError", "TypeError", "ImportError", "RedisError", "PyMongoError",
    "SSHException", "ProcessExecutionError", "MessagingException",
];

/// What is exposed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Detail {
    /// The text of whatever exception came.
    Any,
    /// The text of a library's exception.
    Foreign,
    /// A traceback.
    Traceback,
}

struct Details;

impl Policy for Details {
    type Kind = Detail;

    fn named(&self, _: &Context<'_>, _: &str) -> Option<Detail> {
        None
    }

    fn param(&self, context: &Context<'_>, index: usize) -> Option<Detail> {
        (index == 0 && web::is_error_handler(context)).then_some(Detail::Any)
    }

    fn made(&self, context: &Context<'_>, op: &Op) -> Option<Detail> {
        match op {
            Op::Let(_, Rvalue::Caught(region)) => match &context.body.regions[*region].kind {
                RegionKind::Handler(handler) => {
                    let names = || handler.types.iter().map(|name| context.text(*name));
                    if names().any(is_broad_name) {
                        return Some(Detail::Any);
                    }
                    let is_foreign = |name: &str| FOREIGN.contains(&name.rsplit('.').next().unwrap_or(name));
                    names().any(is_foreign).then_some(Detail::Foreign)
                }
                _ => None,
            },
            Op::Call(_, call) => {
                let name = context.name(&context.body.calls[*call]);
                matches!(name, "traceback.format_exc" | "traceback.format_exception")
                    .then_some(Detail::Traceback)
            }
            _ => None,
        }
    }

    fn cleans(&self, _: &Context<'_>, _: &Call) -> bool {
        false
    }

    fn keeps(&self, context: &Context<'_>, step: Step) -> bool {
        match step {
            Step::Attr(name) => matches!(
                context.text(name),
                "args"
                    | "message"
                    | "stderr"
                    | "stdout"
                    | "output"
                    | "orig"
                    | "statement"
                    | "strerror"
                    | "reason"
                    | "cmd"
            ),
            Step::Item(_) | Step::Element => true,
        }
    }

    fn guards(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case("debug") || name.to_ascii_lowercase().ends_with("_debug")
    }

    fn may_hold(&self, context: &Context<'_>) -> bool {
        let handles = context.body.regions.iter().any(|region| matches!(region.kind, RegionKind::Handler(_)));
        handles || web::is_error_handler(context)
    }
}

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let is_route = web::is_route(context);
    if context.file.is_test || !is_route && !context.body.calls.iter().any(|call| web::replies(context, call))
    {
        return;
    }
    let asks_callers = || {
        !context.body.params.is_empty()
            && callers(context, context.id).iter().any(|id| Details.may_hold(&context.other(*id)))
    };
    if !Details.may_hold(context) && !asks_callers() {
        return;
    }
    let flows = Flows::new(context, &Details);
    flows.visit(|block, inst, state| match inst {
        Some(Inst { op: Op::Call(_, call), .. }) => {
            let call = &context.body.calls[*call];
            if !web::replies(context, call) {
                return;
            }
            for arg in web::shown(context, call) {
                let found = flows.sources(state, arg.value);
                let edit = edit(context, arg.kind, arg.span);
                hits.extend(
                    hit(context, &found, arg.span, web::status(context, call)).map(|hit| hit.edit(edit)),
                );
            }
        }
        Some(_) => {}
        None if is_route => {
            let Some((value, status)) = web::returned(context, block) else { return };
            let Some(span) = return_span(context, block, value) else { return };
            let found = flows.sources(state, value);
            hits.extend(hit(context, &found, span, status));
        }
        None => {}
    });
}

/// The expression that the `return` at the end of `block` gives first.
fn return_span(context: &Context<'_>, block: crate::ir::BlockId, value: Operand) -> Option<Span> {
    let made = context.body.blocks[block].insts.iter().rev().find_map(|inst| {
        (crate::flow::defined(inst).map(Operand::Local) == Some(value)).then_some(inst.span)
    });
    made.or_else(|| {
        let region = context.body.blocks[block].region;
        let stmt =
            context.body.stmts_in(region).find(|(_, stmt)| stmt.kind == crate::ir::StmtKind::Return)?;
        Some(stmt.1.span)
    })
}

fn hit(context: &Context<'_>, found: &Found<Detail>, span: Span, status: Option<i32>) -> Option<Hit> {
    let (origin, _) = found.first()?;
    let detail = origin.kind?;
    let is_client_error = status.is_some_and(|status| (400..500).contains(&status));
    let what = match detail {
        Detail::Traceback => "a traceback".to_owned(),
        Detail::Any | Detail::Foreign => {
            format!("the text of `{}`", name(context, origin.span, &origin.text))
        }
    };
    let message = format!("{what} is sent to the client by `{}`", edits::brief(context, span, 60));
    let solution = format!(
        "send a constant text and an id by `{}`, and log the exception with the same id; to check, let the guarded call \
         raise `RuntimeError(\"s3cret\")` in a test: the reply must not hold that text",
        edits::brief(context, span, 60)
    );
    let mut hit = Hit::new(span, message, solution);
    if detail != Detail::Traceback && (is_client_error || is_for_admins(context)) {
        hit = hit.severity(Severity::Low);
    }
    hit.trace.push((origin.span, format!("{what} comes from here")));
    hit.trace.push((span, "it becomes part of the reply here".to_owned()));
    Some(hit)
}

/// Whether a decorator lets nobody but administrators in, here or at every caller in this file.
fn is_for_admins(context: &Context<'_>) -> bool {
    let admits = |inner: &Context<'_>| {
        inner.body.decorators.iter().any(|decorator| {
            has_word(inner.source(decorator.span), &["admin", "superuser", "staff", "staffuser"])
        })
    };
    let callers = callers(context, context.id);
    admits(context) || !callers.is_empty() && callers.iter().all(|id| admits(&context.other(*id)))
}

/// The variable of an `except … as name` clause, else the source's own text.
fn name(context: &Context<'_>, span: Span, text: &str) -> String {
    let source = context.source(span);
    let is_name = !source.is_empty() && source.chars().all(|c| c.is_alphanumeric() || c == '_');
    if is_name { source.to_owned() } else { text.to_owned() }
}

/// A constant text in place of one made of the exception.
fn edit(context: &Context<'_>, kind: ArgKind, span: Span) -> Option<Edit> {
    let source = context.source(span);
    let (head, value) = match kind {
        ArgKind::Positional => ("", source),
        ArgKind::Keyword(_) => source.split_once('=').map(|(name, value)| (name.trim(), value.trim()))?,
        ArgKind::Star | ArgKind::DoubleStar => return None,
    };
    let is_text = ["str(", "repr(", "f\"", "f'", "\"", "'", "traceback.format_exc("]
        .iter()
        .any(|start| value.starts_with(start));
    if !is_text {
        return None;
    }
    let glue = if head.is_empty() { "" } else { "=" };
    Some(edits::replace(
        Safety::Suggest,
        "send a constant text",
        span,
        format!("{head}{glue}\"internal error\""),
    ))
}
