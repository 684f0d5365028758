//! How grave it is that the text of an exception, or a traceback, reaches a reply, and what to send instead. How it gets
//! there is followed by `taint::details`.

use crate::finding::{Edit, Safety, Severity};
use crate::ir::{Arg, ArgKind};
use crate::rules::facts::callers::callers;
use crate::rules::facts::verbs::has_word;
use crate::rules::facts::{edits, web};
use crate::rules::{Check, Context, Rule, remedies};
use crate::taint::Meeting;

pub(super) static RULE: Rule =
    Rule { page: include_str!("error_detail_exposed.md"), check: Check::Flow(Some(review)) };

fn review(context: &Context<'_>, meeting: &Meeting, severity: Severity) -> Option<Severity> {
    let is_traceback = meeting.source.text.contains("format_exc");
    let status = match remedies::call_at(context, meeting.sink.span) {
        Some(call) if meeting.sink.callee != "return" => web::status(context, call),
        _ => web::status_behind(context.source(meeting.sink.span)),
    };
    let is_client_error = status.is_some_and(|status| (400..500).contains(&status));
    let is_mild = !is_traceback && (is_client_error || is_for_admins(context));
    Some(if is_mild { Severity::Low } else { severity })
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

/// A constant text in place of one made of the exception.
pub(super) fn edit(context: &Context<'_>, arg: &Arg) -> Option<Edit> {
    let source = context.source(arg.span);
    let (head, value) = match arg.kind {
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
        arg.span,
        format!("{head}{glue}\"internal error\""),
    ))
}
