//! Placeholders in place of values: SQL, XPath, templates.
//!
//! Only where a value stands for a value: compared or stored, in quotes of its own or in none. Names of tables and
//! columns, lists and parts of a longer literal cannot be parameters.

use crate::finding::{Change, Edit, Safety};
use crate::ir::{ArgKind, Call};
use crate::rules::Context;
use crate::rules::facts::edits;
use crate::rules::remedies::built::{Built, built, is_plain, parameter, value_span};
use crate::rules::remedies::text::Piece;
use crate::text::Span;

/// How a driver writes a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `?`
    Mark,
    /// `%s`, so that a `%` is doubled.
    Percent,
    /// `:name`
    Named,
}

/// Drivers by what the paths of their objects begin with. Source: `paramstyle` of each (PEP 249); for Django and
/// SQLAlchemy their manuals, "executing custom SQL directly" and `text()`.
const DRIVERS: &[(&str, Style)] = &[
    ("sqlite3.", Style::Mark),
    ("psycopg2.", Style::Percent),
    ("psycopg.", Style::Percent),
    ("MySQLdb.", Style::Percent),
    ("pymysql.", Style::Percent),
    ("mysql.connector.", Style::Percent),
    ("django.db.connection.", Style::Percent),
    ("sqlalchemy.text", Style::Named),
    ("sqlalchemy.sql.text", Style::Named),
    ("sqlalchemy.sql.expression.text", Style::Named),
];

/// Parameters beside the statement of an `execute` that has none yet.
pub(super) fn parametrized(context: &Context<'_>, call: &Call, span: Span) -> Option<Edit> {
    let name = context.name(call);
    let (_, style) = DRIVERS.iter().find(|(prefix, _)| name.starts_with(prefix))?;
    let [arg] = &call.args[..] else { return None };
    let is_known = *style == Style::Named || name.ends_with(".execute");
    if !is_known || arg.kind != ArgKind::Positional || !arg.span.contains(span) {
        return None;
    }
    let built = built(context, arg, point(context, call)?)?;
    let (text, values) = statement(&built, *style)?;
    let list = |values: &[(String, String)]| {
        let all: Vec<&str> = values.iter().map(|(_, value)| value.as_str()).collect();
        if let [one] = all[..] { format!("({one},)") } else { format!("({})", all.join(", ")) }
    };
    let (at, beside) = match style {
        Style::Mark | Style::Percent => (arg.span.end, format!(", {}", list(&values))),
        Style::Named => {
            let named: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
            (call.span.end, format!(".bindparams({})", named.join(", ")))
        }
    };
    Some(Edit {
        safety: Safety::Suggest,
        title: "pass the value as a parameter".to_owned(),
        changes: joined(&built, &text, at, beside),
    })
}

/// The constant text in place of the one that was put together, and `beside` at `at`.
fn joined(built: &Built, text: &str, at: u32, beside: String) -> Vec<Change> {
    let quote = &built.text.quote;
    let constant = format!("{quote}{text}{quote}");
    if built.is_here && at == built.span.end {
        return vec![Change { span: built.span, text: constant + &beside }];
    }
    let text = Change { span: built.span, text: constant };
    vec![text, Change { span: Span::empty(at), text: beside }]
}

/// The statement with placeholders, and the values by name.
fn statement(built: &Built, style: Style) -> Option<(String, Vec<(String, String)>)> {
    let pieces = &built.text.pieces;
    let mut text = String::new();
    let mut values: Vec<(String, String)> = Vec::new();
    let mut n_quotes = 0;
    let mut closes = false;
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Constant(constant) => {
                let is_clash = match style {
                    Style::Mark => constant.contains(['?', ':', '$', '@']),
                    Style::Percent => false,
                    Style::Named => constant.contains(':'),
                };
                if is_clash {
                    return None;
                }
                n_quotes += constant.matches('\'').count();
                let constant = if closes { constant.strip_prefix('\'')? } else { constant };
                closes = false;
                let doubled = constant.replace('%', "%%");
                text.push_str(if style == Style::Percent { &doubled } else { constant });
            }
            Piece::Value(value, _) => {
                let next = match pieces.get(index + 1) {
                    Some(Piece::Constant(next)) => next.as_str(),
                    Some(Piece::Value(..)) => return None,
                    None => "",
                };
                if n_quotes % 2 == 1 {
                    let opened = text.strip_suffix('\'')?.len();
                    let is_whole = next.starts_with('\'')
                        && !next.starts_with("''")
                        && stands_for_a_value(&text[..opened]);
                    is_whole.then(|| text.truncate(opened))?;
                    closes = true;
                } else if !stands_for_a_value(&text) || !ends_a_value(next) {
                    return None;
                }
                let taken: Vec<String> = values.iter().map(|(name, _)| name.clone()).collect();
                let name = match style {
                    Style::Named => parameter(value, &taken)?,
                    Style::Mark | Style::Percent => String::new(),
                };
                text.push_str(&match style {
                    Style::Mark => "?".to_owned(),
                    Style::Percent => "%s".to_owned(),
                    Style::Named => format!(":{name}"),
                });
                values.push((name, value.clone()));
            }
        }
    }
    Some((text, values))
}

/// Whether a value is compared with, or stored by, what stands before it.
fn stands_for_a_value(before: &str) -> bool {
    let before = before.trim_end().to_ascii_uppercase();
    let is_word = |word: &str| {
        before.strip_suffix(word).is_some_and(|rest| rest.ends_with(|c: char| c.is_whitespace()))
    };
    let in_values = before.rsplit_once("VALUES").is_some_and(|(_, list)| !list.contains(')'));
    before.ends_with(['=', '<', '>'])
        || is_word("LIKE")
        || is_word("ILIKE")
        || in_values && before.ends_with(['(', ','])
}

/// Whether a value that stands without quotes is over before `next`.
fn ends_a_value(next: &str) -> bool {
    next.is_empty() || next.starts_with(|c: char| c.is_whitespace() || matches!(c, ')' | ',' | ';'))
}

/// A variable of XPath in place of a value in quotes. Only lxml has them.
pub(super) fn with_variable(context: &Context<'_>, call: &Call, span: Span) -> Option<Edit> {
    let [arg] = &call.args[..] else { return None };
    let is_lxml = context.name(call).starts_with("lxml.etree.") && context.method(call) == "xpath";
    if !is_lxml || arg.kind != ArgKind::Positional || !arg.span.contains(span) {
        return None;
    }
    let built = built(context, arg, point(context, call)?)?;
    let (index, value, _) = built.text.only_value()?;
    let before = built.text.before(index);
    let Some(Piece::Constant(after)) = built.text.pieces.get(index + 1) else { return None };
    let quote = before.chars().next_back().filter(|c| matches!(c, '"' | '\''))?;
    let is_opened = before.matches(quote).count() % 2 == 1 && before[..before.len() - 1].ends_with('=');
    let (head, tail) = (&before[..before.len() - 1], after.strip_prefix(quote).filter(|_| is_opened)?);
    let name = parameter(value, &["self".to_owned(), "namespaces".to_owned(), "extensions".to_owned()])?;
    Some(Edit {
        safety: Safety::Suggest,
        title: "pass the value as a variable".to_owned(),
        changes: joined(&built, &format!("{head}${name}{tail}"), arg.span.end, format!(", {name}={value}")),
    })
}

/// The value as a variable of the template that `render_template_string` of Flask fills in, which escapes it.
pub(super) fn in_template(context: &Context<'_>, call: &Call, span: Span) -> Option<Edit> {
    let is_flask =
        matches!(context.name(call), "flask.render_template_string" | "quart.render_template_string");
    let arg = call.positional(0).filter(|arg| is_flask && arg.span.contains(span) && !call.has_spread())?;
    let at = point(context, call)?;
    let built = built(context, arg, at)?;
    let (index, value, _) = built.text.only_value()?;
    let before = built.text.before(index);
    if !is_plain(context, value, at) {
        return None;
    }
    let is_outside = ["{{", "{%", "{#"]
        .into_iter()
        .zip(["}}", "%}", "#}"])
        .all(|(open, close)| before.matches(open).count() == before.matches(close).count());
    let taken: Vec<String> = call
        .args
        .iter()
        .filter_map(|arg| match arg.kind {
            ArgKind::Keyword(name) => Some(context.text(name).to_owned()),
            _ => None,
        })
        .chain(["request", "session", "config", "g", "url_for"].map(str::to_owned))
        .collect();
    let name = is_outside.then(|| parameter(value, &taken))??;
    let tail = match built.text.pieces.get(index + 1) {
        Some(Piece::Constant(text)) => text.as_str(),
        _ => "",
    };
    let text = format!("{before}{{{{ {name} }}}}{tail}");
    let keyword = edits::last_argument(context, call, &format!("{name}={value}"));
    let changes = if built.is_here && keyword.span == Span::empty(built.span.end) {
        joined(&built, &text, built.span.end, keyword.text)
    } else {
        joined(&built, &text, keyword.span.start, keyword.text)
    };
    Some(Edit { safety: Safety::Suggest, title: "pass the value to the template".to_owned(), changes })
}

/// The point of `call`.
pub(super) fn point(context: &Context<'_>, call: &Call) -> Option<crate::flow::Point> {
    let id = context.body.calls.pairs().find(|(_, known)| std::ptr::eq(*known, call)).map(|(id, _)| id)?;
    value_span(context, call.args.first()?)?;
    Some(context.point(id))
}

#[cfg(test)]
mod tests {
    use super::{Style, statement};
    use crate::rules::remedies::built::Built;
    use crate::rules::remedies::text::text;
    use crate::text::Span;

    fn shown(source: &str, style: Style) -> Option<(String, Vec<String>)> {
        let built = Built { text: text(source)?, span: Span::empty(0), is_here: true };
        let (text, values) = statement(&built, style)?;
        Some((text, values.into_iter().map(|(_, value)| value).collect()))
    }

    #[test]
    fn values_become_parameters() {
        for (source, style, want, values) in [
            ("f\"SELECT 1 FROM t WHERE a = '{x}'\"", Style::Mark, "SELECT 1 FROM t WHERE a = ?", &["x"][..]),
            ("\"DELETE FROM t WHERE a=\" + x", Style::Mark, "DELETE FROM t WHERE a=?", &["x"]),
            (
                "\"SELECT '%%' FROM t WHERE a LIKE '%s' AND b > %s\" % (x, y)",
                Style::Percent,
                "SELECT '%%' FROM t WHERE a LIKE %s AND b > %s",
                &["x", "y"],
            ),
            (
                "\"INSERT INTO t VALUES ('{}', {})\".format(x, y)",
                Style::Percent,
                "INSERT INTO t VALUES (%s, %s)",
                &["x", "y"],
            ),
            (
                "f\"SELECT 1 FROM t WHERE a = '{r.x['city']}'\"",
                Style::Named,
                "SELECT 1 FROM t WHERE a = :city",
                &["r.x['city']"],
            ),
        ] {
            let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
            assert_eq!(shown(source, style), Some((want.to_owned(), values)), "{source}");
        }
    }

    #[test]
    fn what_cannot_be_one_does_not() {
        for source in [
            "f\"SELECT 1 FROM {x}\"",
            "f\"SELECT 1 FROM t ORDER BY {x}\"",
            "f\"SELECT 1 FROM t WHERE a LIKE '%{x}%'\"",
            "f\"SELECT 1 FROM t WHERE a IN ({x})\"",
            "f\"SELECT 1 FROM t WHERE a = '{x}{y}'\"",
            "f\"SELECT 1 FROM t WHERE a = {x}{y}\"",
            "f\"SELECT 1 FROM t WHERE a = {x}_b\"",
            "f\"SELECT 1 FROM t WHERE a = ? AND b = {x}\"",
            "f\"SELECT 1 FROM t LIMIT {x}\"",
        ] {
            assert_eq!(shown(source, Style::Mark), None, "{source}");
        }
        assert_eq!(shown("f\"SELECT '12:30' FROM t WHERE b = {x}\"", Style::Named), None);
    }
}
