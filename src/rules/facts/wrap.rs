//! Edits that put whole statements inside another one: `try … except`, `try … finally`, `with`.

use crate::finding::{Change, Edit, Safety};
use crate::ir::{Stmt, StmtKind};
use crate::rules::Context;
use crate::text::Span;

/// The edit that puts the statements of `inner` (first to last, of one block) behind `head` (`try:`, `with x:`),
/// one step deeper, followed by the lines of `tail` (indented relative to `head`). `None` where lines are shared with
/// other statements or a string runs over several lines.
pub(crate) fn wrap(
    context: &Context<'_>,
    safety: Safety,
    title: impl Into<String>,
    inner: Span,
    head: &str,
    tail: &[String],
) -> Option<Edit> {
    let (span, text) = wrapped(context, inner, head, tail)?;
    Some(Edit { safety, title: title.into(), changes: vec![Change { span, text }] })
}

/// What [`wrap`] replaces, and by what.
pub(crate) fn wrapped(
    context: &Context<'_>,
    inner: Span,
    head: &str,
    tail: &[String],
) -> Option<(Span, String)> {
    let indent = context.indent(inner.start);
    let deeper = deepened(context, inner)?;
    let mut text = format!("{head}\n{indent}    {deeper}");
    for line in tail {
        text.push('\n');
        text.push_str(indent);
        text.push_str(line);
    }
    Some((whole(context, inner)?, text))
}

/// The statements of `inner` with all lines but the first one step deeper.
fn deepened(context: &Context<'_>, inner: Span) -> Option<String> {
    source_deepened(context, whole(context, inner)?)
}

fn source_deepened(context: &Context<'_>, span: Span) -> Option<String> {
    let source = context.source(span);
    if source.contains("\"\"\"") || source.contains("'''") || source.contains("\\\n") || source.contains('\t')
    {
        return None;
    }
    let lines = source.lines().enumerate().map(|(i, line)| match line {
        _ if i == 0 => line.to_owned(),
        "" => String::new(),
        _ => format!("    {line}"),
    });
    Some(lines.collect::<Vec<_>>().join("\n"))
}

/// The edit that makes `try: … finally: …` of consecutive statements of one block: `first` is tried, what stands
/// between its end and the end of `last` becomes the `finally` block.
pub(crate) fn try_finally(
    context: &Context<'_>,
    title: impl Into<String>,
    first: Span,
    last: Span,
) -> Option<Edit> {
    let indent = context.indent(first.start);
    let tried = deepened(context, first)?;
    let all = whole(context, first.to(last))?;
    let rest_start = context.file.line_span(context.file.line(first.end) + 1).start;
    if rest_start <= first.end || rest_start > last.start {
        return None;
    }
    let rest = source_deepened(context, Span::new(rest_start, all.end))?;
    let text = format!("try:\n{indent}    {tried}\n{indent}finally:\n    {rest}");
    let changes = vec![Change { span: all, text }];
    Some(Edit { safety: Safety::Suggest, title: title.into(), changes })
}

/// What stands between `first` and `last`, two simple statements of one block, goes into a block under `head` (`with
/// lock:`), which replaces both; without a head, into a `try` whose `finally` is `last`. `None` where a comment would
/// get lost.
pub(crate) fn enclose(
    context: &Context<'_>,
    first: &Stmt,
    last: &Stmt,
    head: Option<&str>,
) -> Option<Vec<Change>> {
    let simple = |stmt: &Stmt| matches!(stmt.kind, StmtKind::Expr | StmtKind::Assign);
    if first.region != last.region || !simple(first) || !simple(last) {
        return None;
    }
    let spans = context.body.stmts_in(first.region).map(|(_, stmt)| stmt.span);
    let mut between = spans.filter(|span| span.start > first.span.end && span.end < last.span.start);
    let start = between.next()?;
    let inner = between.fold(start, Span::to);
    let tail = match head {
        Some(_) => Vec::new(),
        None => vec!["finally:".to_owned(), format!("    {}", context.source(last.span))],
    };
    let (inner, text) = wrapped(context, inner, head.unwrap_or("try:"), &tail)?;
    let [first, last] = [whole(context, first.span)?, whole(context, last.span)?];
    let has_comment = |from: u32, to: u32| context.source(Span::new(from, to)).contains('#');
    if has_comment(first.start, inner.start) || has_comment(inner.end, last.start) {
        return None;
    }
    let begin = if head.is_some() { first.start } else { inner.start };
    let span = Span::new(begin, last.end);
    Some(vec![Change { span, text }])
}

/// `inner` with the comment behind it; `None` unless it has its lines for itself.
pub(crate) fn whole(context: &Context<'_>, inner: Span) -> Option<Span> {
    let first = context.file.line_span(context.file.line(inner.start));
    let last = context.file.line_span(context.file.line(inner.end));
    let before = context.source(Span::new(first.start, inner.start));
    let after = context.source(Span::new(inner.end, last.end));
    let alone = before.trim().is_empty() && (after.trim().is_empty() || after.trim_start().starts_with('#'));
    let end = if after.trim().is_empty() { inner.end } else { last.end };
    alone.then(|| Span::new(inner.start, end))
}

/// The module's logger, as it is called there: `LOG`, `_LOGGER`.
pub(crate) fn module_logger<'a>(context: &Context<'a>) -> Option<&'a str> {
    let module = context.text(context.unit.module);
    let mut found: Vec<&str> = context
        .unit
        .globals
        .iter()
        .filter(|(_, value)| {
            let made = context.text(**value);
            made.ends_with("getLogger()") || made.ends_with("get_logger()")
        })
        .filter_map(|(name, _)| context.text(*name).strip_prefix(module)?.strip_prefix('.'))
        .filter(|name| !name.contains('.'))
        .collect();
    found.sort_unstable();
    found.first().copied()
}
