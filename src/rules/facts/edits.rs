//! Edits as rules make them: small replacements in the finding's file.

use crate::finding::{Change, Edit, Safety};
use crate::ir::{BodyKind, Call, StmtKind};
use crate::rules::Context;
use crate::text::Span;

/// An edit of one replacement.
pub(crate) fn replace(safety: Safety, title: impl Into<String>, span: Span, text: impl Into<String>) -> Edit {
    Edit { safety, title: title.into(), changes: vec![Change { span, text: text.into() }] }
}

/// Where and how `text` (such as `check=True`) goes in as the last argument of `call`.
pub(crate) fn last_argument(context: &Context<'_>, call: &Call, text: &str) -> Change {
    let inside = Span::new(call.args_span.start + 1, call.args_span.end - 1);
    let Some(last) = call.args.iter().map(|arg| arg.span.end).max() else {
        return Change { span: Span::empty(inside.start), text: text.to_owned() };
    };
    // `f(x for x in y)`: an argument may begin at the parenthesis; a trailing comma is kept.
    let after = context.source(Span::new(last.min(inside.end), inside.end));
    let has_comma = after.trim_start().starts_with(',');
    if has_comma {
        let comma = last + u32::try_from(after.find(',').unwrap_or_default()).unwrap_or_default() + 1;
        let newline = context.source(Span::new(comma, inside.end)).contains('\n');
        let glue = if newline { format!("\n{}", context.indent(last)) } else { " ".to_owned() };
        let tail = if newline { "," } else { "" };
        return Change { span: Span::empty(comma), text: format!("{glue}{text}{tail}") };
    }
    Change { span: Span::empty(last.min(inside.end)), text: format!(", {text}") }
}

/// Takes the argument `name` out of `call`, with the comma that goes with it.
pub(crate) fn without_argument(context: &Context<'_>, call: &Call, name: &str) -> Option<Change> {
    let span = context.arg(call, None, name)?.span;
    let before = call.args.iter().map(|arg| arg.span.end).filter(|end| *end <= span.start).max();
    let after = call.args.iter().map(|arg| arg.span.start).filter(|start| *start >= span.end).min();
    let span = match (before, after) {
        (Some(before), _) => Span::new(before, span.end),
        (None, Some(after)) => Span::new(span.start, after),
        (None, None) => span,
    };
    Some(Change { span, text: String::new() })
}

/// The span of the method's name in the callee of `call`: `error` of `LOG.error`.
pub(crate) fn method_span(context: &Context<'_>, call: &Call) -> Span {
    let length = u32::try_from(context.method(call).len()).expect("a name is short");
    Span::new(call.callee_span.end - length, call.callee_span.end)
}

/// The source of `span` cut to at most `max` characters on one line, for messages.
pub(crate) fn brief(context: &Context<'_>, span: Span, max: usize) -> String {
    let text = context.source(span).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= max {
        return text;
    }
    let mut cut: String = text.chars().take(max.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// The change that imports `module`, before the first import of the file that may have others before it; `None` if
/// the file has it already, or no such place is plain to see.
pub(crate) fn import(context: &Context<'_>, module: &str) -> Option<Change> {
    let line = format!("import {module}");
    if context.file.text.lines().any(|known| known.trim_end() == line) {
        return None;
    }
    let top = context.unit.bodies.iter().find(|body| body.kind == BodyKind::Module)?;
    let first = top.stmts_in(top.root()).map(|(_, stmt)| stmt).find(|stmt| {
        stmt.kind == StmtKind::Import && !context.source(stmt.span).starts_with("from __future__")
    })?;
    let start = context.file.line_span(context.file.line(first.span.start)).start;
    (start == first.span.start).then(|| Change { span: Span::empty(start), text: format!("{line}\n") })
}

/// The one place in `span` where `value` stands by itself.
pub(crate) fn only_use(context: &Context<'_>, span: Span, value: &str) -> Option<Span> {
    let source = context.source(span);
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | '\'');
    let mut found = None;
    for (start, _) in source.match_indices(value) {
        let (before, after) = (&source[..start], &source[start + value.len()..]);
        let goes_on = after.trim_start().starts_with(['=', '(', '[', ':', '!']);
        if before.ends_with(is_word) || after.starts_with(is_word) || goes_on {
            continue;
        }
        if found.is_some() {
            return None;
        }
        let start = span.start + u32::try_from(start).ok()?;
        found = Some(Span::new(start, start + u32::try_from(value.len()).ok()?));
    }
    found
}
