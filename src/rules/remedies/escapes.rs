//! A value of a text made harmless where it stands: for HTML, LDAP, the shell, the log.

use crate::finding::{Change, Edit, Safety};
use crate::ir::{ArgKind, Call};
use crate::rules::Context;
use crate::rules::facts::edits;
use crate::rules::remedies::built::{Built, built, is_plain};
use crate::rules::remedies::queries::point;
use crate::rules::remedies::text::{Piece, text};
use crate::rules::remedies::with_import;
use crate::text::Span;

/// Functions that escape HTML and give what behaves as text beside `+`; the others give `Markup`, which would escape
/// what stands beside it as well.
const OF_TEXT: &[&str] = &["html.escape", "django.utils.html.escape"];
const OF_MARKUP: &[&str] = &["markupsafe.escape", "flask.escape", "jinja2.escape"];
/// Tags whose content is no HTML.
const RAW: &[&str] = &["<script", "<style"];

/// Escapes the one value of a page that `call` is given, or that is returned.
pub(super) fn for_html(context: &Context<'_>, call: Option<&Call>, span: Span) -> Option<Edit> {
    let (built, place) = match call {
        Some(call) => {
            let arg = call.args.iter().find(|arg| arg.span.contains(span))?;
            let at = point(context, call)?;
            (built(context, arg, at)?, at)
        }
        None => {
            let at = context.insts().find(|(_, inst)| span.contains(inst.span)).map(|(point, _)| point)?;
            (Built { text: text(context.source(span))?, span, is_here: true }, at)
        }
    };
    let (index, value, at) = built.text.only_value()?;
    let before = built.text.before(index).to_ascii_lowercase();
    let is_in_tag = before.rfind('<') > before.rfind('>');
    if !is_plain(context, value, place)
        || is_in_tag
        || RAW.iter().any(|tag| before.contains(tag))
        || !before.contains('<')
    {
        return None;
    }
    let wanted = |path: &&str| OF_TEXT.contains(path) || !built.text.is_sum && OF_MARKUP.contains(path);
    let known = context.unit.imports.iter().find(|(_, path)| wanted(&context.text(*path)));
    let place = built.place(at);
    if let Some((name, _)) = known {
        let text = format!("{}({value})", context.text(*name));
        return Some(edits::replace(Safety::Suggest, TITLE, place, text));
    }
    let has = |package: &str| {
        let is_of = |path: &str| path.split('.').next() == Some(package);
        context.unit.imports.iter().any(|(_, path)| is_of(context.text(*path)))
    };
    let module = match () {
        () if built.text.is_sum => "html",
        () if has("flask") || has("jinja2") || has("markupsafe") => "markupsafe",
        () if has("django") => "django.utils.html",
        () => return None,
    };
    let change = Change { span: place, text: format!("{module}.escape({value})") };
    with_import(context, module, TITLE, change)
}

const TITLE: &str = "escape it for HTML";

/// Escapes the one value of a filter that the directory is asked by.
pub(super) fn for_ldap(context: &Context<'_>, call: &Call, span: Span) -> Option<Edit> {
    let arg = call.args.iter().find(|arg| arg.span.contains(span))?;
    let built = built(context, arg, point(context, call)?)?;
    let (index, value, at) = built.text.only_value()?;
    let before = built.text.before(index);
    let is_filter = before.starts_with('(') && before.ends_with('=');
    let module = match context.name(call).split('.').next()? {
        "ldap" if is_filter => "ldap.filter",
        "ldap3" if is_filter => "ldap3.utils.conv",
        _ => return None,
    };
    let path = format!("{module}.escape_filter_chars");
    let known = context.unit.imports.iter().find(|(_, known)| context.text(*known) == path);
    let place = built.place(at);
    let title = "escape it for the filter";
    if let Some((name, _)) = known {
        let text = format!("{}({value})", context.text(*name));
        return Some(edits::replace(Safety::Suggest, title, place, text));
    }
    with_import(context, module, title, Change { span: place, text: format!("{path}({value})") })
}

/// Writes a value into the log as Python would, which has no line breaks: `%r` for `%s`, `{x!r}` for `{x}`.
pub(super) fn for_log(context: &Context<'_>, call: &Call, span: Span) -> Option<Edit> {
    let index = call.args.iter().position(|arg| arg.span == span && arg.kind == ArgKind::Positional)?;
    let title = "write it as a literal";
    let first = call.positional(0)?;
    if index == 0 {
        let source = context.source(span);
        let built = text(source)
            .filter(|text| !text.is_sum && source.starts_with(['f', 'F']) && text.only_value().is_some())?;
        let (_, _, at) = built.only_value()?;
        let end = span.start + at.end;
        let is_bare = context.source(Span::new(end, span.end)).starts_with('}');
        return is_bare.then(|| edits::replace(Safety::Suggest, title, Span::empty(end), "!r"));
    }
    let format = context.source(first.span);
    let is_plain = format.starts_with(['"', '\'']) && !format.contains("%%") && !format.contains("%(");
    let (at, _) = format.match_indices('%').nth(index - 1).filter(|_| is_plain)?;
    let at = first.span.start + u32::try_from(at).ok()? + 1;
    let conversion = Span::new(at, at + 1);
    let is_text = context.source(conversion) == "s";
    is_text.then(|| edits::replace(Safety::Suggest, title, conversion, "r"))
}

/// A list of arguments in place of a command of constant words, each value within a word that begins otherwise: a value
/// that is a whole word might be taken for an option.
pub(super) fn without_shell(context: &Context<'_>, call: &Call, span: Span) -> Option<Edit> {
    let is_run = context.name(call).starts_with("subprocess.");
    let arg = call.positional(0).filter(|arg| is_run && arg.span.contains(span))?;
    let shell = edits::without_argument(context, call, "shell")?;
    let is_on =
        context.source(shell.span).trim_start_matches([',', ' ', '\n']).replace(' ', "") == "shell=True";
    let Built { text, span: whole, .. } = built(context, arg, point(context, call)?)?;
    let mut words = Words { quote: &text.quote, done: Vec::new(), open: None };
    for piece in &text.pieces {
        match piece {
            Piece::Constant(constant) => words.constant(constant)?,
            Piece::Value(value, _) => words.value(value)?,
        }
    }
    words.close();
    let list = format!("[{}]", words.done.join(", "));
    let command = Change { span: whole, text: list };
    let changes = vec![command, shell];
    (is_on && words.done.len() > 1).then(|| Edit {
        safety: Safety::Suggest,
        title: "run it without a shell".to_owned(),
        changes,
    })
}

/// Words of a command as they are read.
struct Words<'q> {
    quote: &'q str,
    done: Vec<String>,
    /// The word that goes on, as in an f-string, and whether a value is in it.
    open: Option<(String, bool)>,
}

impl Words<'_> {
    /// Constant text, of which nothing means anything to a shell but the blanks.
    fn constant(&mut self, text: &str) -> Option<()> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || " _-./=:,+@%".contains(c);
        text.chars().all(is_plain).then_some(())?;
        for (index, word) in text.split(' ').enumerate() {
            if index > 0 {
                self.close();
            }
            if !word.is_empty() {
                self.open.get_or_insert_default().0.push_str(word);
            }
        }
        Some(())
    }

    fn value(&mut self, source: &str) -> Option<()> {
        let is_first = self.done.is_empty();
        let (word, has_value) = self.open.as_mut().filter(|_| !is_first)?;
        // The quotes of the text may not stand in an expression within it before Python 3.12.
        let is_simple = !source.contains(['{', '}', '\\', '\n']) && !source.contains(&self.quote[..1]);
        is_simple.then_some(())?;
        word.push_str(&format!("{{{source}}}"));
        *has_value = true;
        Some(())
    }

    fn close(&mut self) {
        if let Some((word, has_value)) = self.open.take() {
            let (prefix, quote) = (if has_value { "f" } else { "" }, &self.quote[..1]);
            self.done.push(format!("{prefix}{quote}{word}{quote}"));
        }
    }
}
