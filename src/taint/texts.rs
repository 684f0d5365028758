//! Texts that are put together: concatenation, `%`, `format`, f-strings, and what quotes around a part mean.

use std::sync::Arc;

use crate::models::Kinds;
use crate::taint::value::{Key, Konst, Label, Tree, add};

/// A text of parts: all taint in them, and what it certainly is, begins and ends with.
pub(super) fn text_of(parts: &[Arc<Tree>]) -> Tree {
    put_together(parts, within_name)
}

/// The path of parts with separators between them.
pub(super) fn path_of(parts: &[Arc<Tree>]) -> Tree {
    let mut tree = put_together(parts, |kinds, _, _| kinds);
    set_path(&mut tree, &parts.iter().map(|part| &**part).collect::<Vec<_>>());
    tree
}

/// As [`text_of`]; `between` tells what a part is dangerous for by the texts before and behind it.
fn put_together(parts: &[Arc<Tree>], between: impl Fn(Kinds, Option<&str>, Option<&str>) -> Kinds) -> Tree {
    let mut tree = Tree::default();
    let mut text = String::new();
    let mut is_whole = true;
    let mut ending: Option<Arc<str>> = None;
    let mut is_query = false;
    let host =
        ["url", "redirect"].iter().filter_map(|name| Kinds::named(name)).fold(Kinds::NONE, Kinds::with);
    let argument = Kinds::named("argument").unwrap_or_default();
    let first = parts.iter().find(|part| part.konst.as_ref().is_none_or(Konst::is_true));
    for (index, part) in parts.iter().enumerate() {
        let is_first = first.is_some_and(|first| Arc::ptr_eq(first, part));
        let next = parts.get(index + 1).and_then(|next| next.beginning());
        for label in part.all() {
            let is_behind = !is_first
                && first.is_some_and(|first| !first.holds(label.origin) && !begins_only_scheme(first));
            let kinds = if is_behind { label.kinds.with(Kinds::BEHIND) } else { label.kinds };
            let kinds = match &ending {
                Some(text) if text.ends_with('\'') => in_quotes(kinds, true),
                Some(text) if text.ends_with('"') => in_quotes(kinds, false),
                _ => kinds,
            };
            // What stands behind the `?` of an address decides no host.
            let kinds = if is_query { kinds.without(host) } else { kinds };
            // What stands in a word behind a text of the program's own begins none.
            let is_within = |text: &Arc<str>| !text.is_empty() && !text.ends_with(char::is_whitespace);
            let kinds = if ending.as_ref().is_some_and(is_within) { kinds.without(argument) } else { kinds };
            let kinds = between(kinds, ending.as_deref(), next);
            add(&mut tree.labels, &Label { kinds, ..label });
        }
        is_query |= part.known_text().any(|text| text.contains('?'));
        let known = match &part.konst {
            Some(Konst::Str(known)) => Some(Arc::clone(known)),
            Some(Konst::Int(n)) => Some(n.to_string().into()),
            _ => None,
        };
        if is_whole {
            text.push_str(known.as_deref().or(part.beginning()).unwrap_or_default());
            is_whole = known.is_some();
        }
        match known {
            Some(known) if known.is_empty() => {}
            Some(known) => ending = Some(known),
            None => ending.clone_from(&part.ending),
        }
    }
    if is_whole && !parts.is_empty() {
        tree.konst = Some(Konst::Str(text.into()));
    } else {
        tree.prefix = (!text.is_empty()).then(|| text.into());
        tree.ending = ending;
    }
    tree
}

/// What a part between quotes is dangerous for: a literal within a literal is code again, and a value that cannot leave
/// single quotes is no SQL there.
fn in_quotes(kinds: Kinds, is_single: bool) -> Kinds {
    let kinds = unquoted(kinds);
    let quoted = Kinds::named("sql-quoted").unwrap_or_default();
    if is_single && kinds.and(quoted).is_empty() {
        kinds.without(Kinds::named("sql").unwrap_or_default())
    } else {
        kinds
    }
}

/// What a part is dangerous for between these texts: one that is no more than one component of a path leads nowhere as a
/// part of a longer name, since that is not `..`.
fn within_name(kinds: Kinds, before: Option<&str>, after: Option<&str>) -> Kinds {
    let path = Kinds::named("path").unwrap_or_default();
    // Without `..` it leads down from what stands before it.
    if kinds.has(Kinds::BEHIND) && kinds.and(Kinds::NOT_ABOVE.with(Kinds::NOT_DOTS)).is_empty() {
        return kinds.without(path);
    }
    if kinds.and(path).is_empty() || kinds.has(path.shades()) {
        return kinds;
    }
    let is_name = |text: Option<&str>| text.is_some_and(|text| text.contains(|c| c != '.'));
    let before = before.and_then(|text| text.rsplit(['/', '\\']).next());
    let after = after.and_then(|text| text.split(['/', '\\']).next());
    if is_name(before) || is_name(after) { kinds.without(path) } else { kinds }
}

/// Gives `tree` the text of the path of these parts, as far as it is known.
pub(super) fn set_path(tree: &mut Tree, parts: &[&Tree]) {
    let known = |part: &&Tree| match &part.konst {
        Some(Konst::Str(text)) => Some(Arc::clone(text)),
        _ => None,
    };
    let text = parts.iter().map(known).try_fold(String::new(), |path, part| {
        let part = part?;
        if part.starts_with('/') || path.is_empty() {
            return Some(part.to_string());
        }
        Some(format!("{}/{part}", path.trim_end_matches('/')))
    });
    tree.konst = text.filter(|_| !parts.is_empty()).map(|text| Konst::Str(text.into()));
    if tree.konst.is_none() {
        tree.prefix = parts.first().and_then(|first| first.beginning().map(Into::into));
        tree.ending = parts.last().and_then(|last| known(last).or_else(|| last.ending.clone()));
    }
}

/// The kinds of a quoted literal of Python, or a quoted word of a shell, that was cut or changed, or stands within quotes.
pub(super) fn unquoted(kinds: Kinds) -> Kinds {
    let quoted = [(Kinds::QUOTED, "code"), (Kinds::WORD, "command")];
    quoted
        .iter()
        .filter(|(mark, _)| kinds.has(*mark))
        .fold(kinds, |kinds, (mark, name)| kinds.without(*mark).with(Kinds::named(name).unwrap_or_default()))
}

/// The text of a value as a literal of Python: `repr(value)`.
pub(super) fn quoted(tree: &Tree) -> Tree {
    let clears = ["code", "log", "header", "redirect"];
    let clears = clears.iter().filter_map(|name| Kinds::named(name)).fold(Kinds::NONE, Kinds::with);
    let mut text = Tree::labeled(tree.all());
    for label in &mut text.labels {
        label.kinds = label.kinds.without(clears).with(Kinds::QUOTED);
    }
    text
}

/// A conversion of a `%` template.
struct Conversion<'t> {
    name: Option<&'t str>,
    kind: char,
}

/// The pieces of a `%` template: texts, and conversions between them.
fn conversions(template: &str) -> Vec<Result<Conversion<'_>, &str>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        if at > 0 {
            pieces.push(Err(&rest[..at]));
        }
        rest = &rest[at + 1..];
        let name = rest.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        if let Some((_, behind)) = name {
            rest = behind;
        }
        rest = rest.trim_start_matches(|c: char| {
            c.is_ascii_digit() || matches!(c, '-' | '+' | ' ' | '#' | '.' | '*')
        });
        let Some(kind) = rest.chars().next() else { break };
        rest = &rest[kind.len_utf8()..];
        pieces.push(if kind == '%' {
            Err("%")
        } else {
            Ok(Conversion { name: name.map(|(name, _)| name), kind })
        });
    }
    if !rest.is_empty() {
        pieces.push(Err(rest));
    }
    pieces
}

/// The names of the values that a `%` template shows.
pub(super) fn named_fields(template: &str) -> Vec<&str> {
    conversions(template).into_iter().filter_map(|piece| piece.ok()?.name).collect()
}

/// The conversion of the argument at `index` of a `%` template.
pub(super) fn conversion(template: &str, index: usize) -> Option<char> {
    conversions(template).into_iter().filter_map(Result::ok).nth(index).map(|conversion| conversion.kind)
}

/// Whether a template with braces shows what it is given by name, or at a position, as a literal: `{!r}`, `{name!r}`.
pub(super) fn is_shown_by_repr(template: &str, given: Result<&str, usize>) -> bool {
    let fields = template.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    let names = fields.map(|field| {
        let field = field.split(':').next().unwrap_or_default();
        field.split_once('!').map_or((field, false), |(name, how)| (name, matches!(how, "r" | "a")))
    });
    match given {
        Ok(name) => {
            let mut of = names.filter(|(field, _)| *field == name).peekable();
            of.peek().is_some() && of.all(|(_, is_quoted)| is_quoted)
        }
        Err(index) => names.filter(|(field, _)| field.is_empty()).nth(index).is_some_and(|(_, is)| is),
    }
}

/// `template % right`
pub(super) fn percent(template: &str, right: &Tree) -> Tree {
    let items = right.items().filter(|items| !items.is_empty());
    let mut index = 0;
    let mut parts: Vec<Arc<Tree>> = Vec::new();
    for piece in conversions(template) {
        let conversion = match piece {
            Ok(conversion) => conversion,
            Err(text) => {
                parts.push(Arc::new(Tree::konst(Konst::Str(text.into()))));
                continue;
            }
        };
        let value = match (conversion.name, &items) {
            (Some(name), _) => {
                let key = Key::Item(Konst::Str(name.into()));
                let known = right.fields.iter().find(|(known, _)| *known == key);
                known.map_or_else(
                    || Arc::new(Tree::labeled(right.labels.clone())),
                    |(_, part)| Arc::clone(part),
                )
            }
            (None, Some(items)) => items.get(index).cloned().unwrap_or_default(),
            (None, None) if right.fields.is_empty() => Arc::new(right.clone()),
            (None, None) => Arc::new(Tree::labeled(right.all())),
        };
        index += 1;
        parts.push(converted(&value, conversion.kind));
    }
    text_of(&parts)
}

fn converted(value: &Arc<Tree>, kind: char) -> Arc<Tree> {
    match kind {
        's' => Arc::clone(value),
        'r' | 'a' => Arc::new(quoted(value)),
        // Numbers raise for anything else.
        _ => Arc::new(Tree {
            konst: value.konst.clone().filter(|konst| matches!(konst, Konst::Int(_))),
            ..Tree::default()
        }),
    }
}

/// `template.format(*positional, **named)`; `None` if the template is not understood.
pub(super) fn braces(
    template: &str,
    positional: &[Arc<Tree>],
    named: &impl Fn(&str) -> Option<Arc<Tree>>,
) -> Option<Tree> {
    let mut parts: Vec<Arc<Tree>> = Vec::new();
    let mut next = 0;
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        if at > 0 {
            parts.push(Arc::new(Tree::konst(Konst::Str(rest[..at].into()))));
        }
        let brace = &rest[at..=at];
        let behind = &rest[at + 1..];
        if let Some(behind) = behind.strip_prefix(brace) {
            parts.push(Arc::new(Tree::konst(Konst::Str(brace.into()))));
            rest = behind;
            continue;
        }
        let (field, behind) = behind.split_once('}').filter(|_| brace == "{")?;
        rest = behind;
        let (field, spec) = field.split_once(':').unwrap_or((field, ""));
        let (field, conversion) = field.split_once('!').unwrap_or((field, ""));
        let name = field.split(['.', '[']).next().unwrap_or_default();
        let value = if name.is_empty() {
            next += 1;
            positional.get(next - 1).cloned()
        } else if let Ok(index) = name.parse::<usize>() {
            positional.get(index).cloned()
        } else {
            named(name)
        };
        let value = value.unwrap_or_default();
        let value = if name.len() < field.len() {
            // `{account[name]}`
            crate::taint::secrets::without(&Arc::new(Tree::labeled(value.all())))
        } else {
            value
        };
        let kind = match (conversion, spec.chars().last()) {
            ("r" | "a", _) => 'r',
            (_, Some('d' | 'x' | 'X' | 'f' | 'e' | 'g' | 'b' | 'o' | 'n')) => 'd',
            _ => 's',
        };
        parts.push(converted(&value, kind));
    }
    if !rest.is_empty() {
        parts.push(Arc::new(Tree::konst(Konst::Str(rest.into()))));
    }
    Some(text_of(&parts))
}

/// Whether a part is a text that ends where a host begins: `https://`.
fn begins_only_scheme(part: &Tree) -> bool {
    matches!(&part.konst, Some(Konst::Str(text)) if text.ends_with("://") || text.ends_with("//") || text.is_empty())
}

/// The texts of a list with `between` between them, where the list is known element by element.
pub(super) fn join(between: &Arc<Tree>, items: &[Arc<Tree>]) -> Tree {
    let mut parts: Vec<Arc<Tree>> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            parts.push(Arc::clone(between));
        }
        parts.push(Arc::clone(item));
    }
    text_of(&parts)
}

/// Methods of texts.
pub(super) const METHODS: &[&str] = &[
    "replace",
    "strip",
    "lstrip",
    "rstrip",
    "split",
    "rsplit",
    "splitlines",
    "lower",
    "upper",
    "title",
    "format",
    "encode",
    "decode",
    "startswith",
    "endswith",
    "isdigit",
    "isalnum",
    "isalpha",
    "count",
    "find",
    "index",
    "join",
    "partition",
    "translate",
    "zfill",
];
