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
    let kept = constant_beginning(value)
        .map_or_else(|| "\"internal error\"".to_owned(), |text| format!("\"{text}\""));
    let title = "send a constant text";
    Some(edits::replace(Safety::Suggest, title, arg.span, format!("{head}{glue}{kept}")))
}

/// What a text says before the first value in it: `cannot read it` of `f"cannot read it: {error}"`.
fn constant_beginning(source: &str) -> Option<&str> {
    let is_format = source.starts_with('f');
    let quote = source[usize::from(is_format)..].chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (text, rest) = source[usize::from(is_format) + 1..].split_once(quote)?;
    let text = if is_format { text.split_once('{')?.0 } else { text };
    let text = if rest.trim_start().starts_with(['%', '.']) { text.split(['%', '{']).next()? } else { text };
    let text = text.trim_end().trim_end_matches([':', '-', ',', ';', '(', '[', '=', '\'', '`', ' ']);
    let is_plain = text.contains(' ') && !text.contains(['\\', '"', '\n', '{', '}']);
    is_plain.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::constant_beginning;

    #[test]
    fn what_stands_before_the_first_value_is_kept() {
        let of = |source| constant_beginning(source);
        assert_eq!(of("f\"cannot read the table: {error}\""), Some("cannot read the table"));
        assert_eq!(of("'cannot read it: %s' % error"), Some("cannot read it"));
        assert_eq!(of("\"cannot read it ({}): {}\".format(name, error)"), Some("cannot read it"));
        assert_eq!(of("\"cannot read it: \" + str(error)"), Some("cannot read it"));
    }

    #[test]
    fn what_says_nothing_is_not() {
        for source in [
            "str(error)",
            "f\"{error}\"",
            "f\"Error: {error}\"",
            "\"%s\" % error",
            "f\"\"\"cannot read {error}\"\"\"",
        ] {
            assert_eq!(constant_beginning(source), None, "{source}");
        }
    }
}
