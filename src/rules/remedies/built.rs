//! Where the text that reaches a call is put together: in the argument itself, or in the one assignment before.

use crate::flow::{Def, Point, definitions};
use crate::ir::{Arg, ArgKind, Local, LocalId, Op, StmtKind};
use crate::rules::Context;
use crate::rules::remedies::text::{Piece, Text, text};
use crate::text::Span;

/// A text and the place of its expression.
pub(super) struct Built {
    pub(super) text: Text,
    pub(super) span: Span,
    /// Whether the expression is the argument itself.
    pub(super) is_here: bool,
}

impl Built {
    /// Where a value of the text stands in the file.
    pub(super) fn place(&self, value: Span) -> Span {
        Span::new(self.span.start + value.start, self.span.start + value.end)
    }
}

/// The value of an argument, without its keyword.
pub(super) fn value_span(context: &Context<'_>, arg: &Arg) -> Option<Span> {
    match arg.kind {
        ArgKind::Positional => Some(arg.span),
        ArgKind::Keyword(_) => {
            let source = context.source(arg.span);
            let skipped = source.find('=')? + 1;
            let blanks = source[skipped..].len() - source[skipped..].trim_start().len();
            Some(Span::new(arg.span.start + u32::try_from(skipped + blanks).ok()?, arg.span.end))
        }
        ArgKind::Star | ArgKind::DoubleStar => None,
    }
}

/// The text that `arg` is at `at`.
pub(super) fn built(context: &Context<'_>, arg: &Arg, at: Point) -> Option<Built> {
    let span = value_span(context, arg)?;
    if let Some(text) = text(context.source(span)) {
        return Some(Built { text, span, is_here: true });
    }
    let local = arg.value.local().filter(|local| context.local_name(*local) == context.source(span))?;
    let [Def::At(def)] = definitions(context.body, context.cfg(), at, local)[..] else { return None };
    let (inst, is_read_once) = (context.inst(def)?, context.uses().of(local).len() == 1);
    let stmt = &context.body.stmts[inst.stmt];
    if !is_read_once || stmt.kind != StmtKind::Assign || !matches!(inst.op, Op::Let(..) | Op::Call(..)) {
        return None;
    }
    let source = context.source(stmt.span);
    let rest = source.strip_prefix(context.local_name(local))?.trim_start().strip_prefix('=')?.trim_start();
    let start = stmt.span.end - u32::try_from(rest.len()).ok()?;
    let built = Built { text: text(rest)?, span: Span::new(start, stmt.span.end), is_here: false };
    let is_same = |value: &str| is_same(context, value, def, at);
    let stays = built.text.pieces.iter().all(|piece| match piece {
        Piece::Constant(_) => true,
        Piece::Value(value, _) => is_same(value),
    });
    stays.then_some(built)
}

/// Whether the locals in `value` are at `to` what they were at `from`.
fn is_same(context: &Context<'_>, value: &str, from: Point, to: Point) -> bool {
    locals(context, value).into_iter().all(|id| {
        let at = |point| definitions(context.body, context.cfg(), point, id);
        at(from) == at(to)
    })
}

/// Whether the locals in `value` are made of no piece of a page: nothing with a tag is assigned to them.
pub(super) fn is_plain(context: &Context<'_>, value: &str, at: Point) -> bool {
    let is_plain = |def: Def| match def {
        Def::Entry => true,
        Def::At(point) => context
            .inst(point)
            .is_some_and(|inst| !context.source(context.body.stmts[inst.stmt].span).contains('<')),
    };
    locals(context, value)
        .into_iter()
        .all(|local| definitions(context.body, context.cfg(), at, local).into_iter().all(is_plain))
}

/// The locals whose names stand in `value`.
fn locals(context: &Context<'_>, value: &str) -> Vec<LocalId> {
    let words: Vec<&str> = value.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let is_named = |local: &Local| local.name.is_some_and(|name| words.contains(&context.text(name)));
    context.body.locals.pairs().filter(|(_, local)| is_named(local)).map(|(id, _)| id).collect()
}

/// A name for `value` as a parameter: its last word that is not called, as in `request.args["city"]`; none that is in
/// `taken`.
pub(super) fn parameter(value: &str, taken: &[String]) -> Option<String> {
    const KEYWORDS: &[&str] =
        &["and", "as", "for", "from", "if", "in", "is", "not", "or", "None", "True", "False"];
    let mut words = value.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '('));
    let is_name = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_lowercase()) && !word.contains('(') && !KEYWORDS.contains(word)
    };
    let word = words.rfind(is_name).unwrap_or("value");
    let is_taken = taken.iter().any(|known| known == word);
    (!is_taken).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn a_parameter_is_called_as_its_value() {
        let name = |value| parameter(value, &["taken".to_owned()]);
        assert_eq!(name("request.args[\"city\"]").as_deref(), Some("city"));
        assert_eq!(name("self.state").as_deref(), Some("state"));
        assert_eq!(name("name.title()").as_deref(), Some("name"));
        assert_eq!(name("request.args.get('city', '')").as_deref(), Some("city"));
        assert_eq!(name("ITEMS[0]").as_deref(), Some("value"));
        assert_eq!(name("taken"), None);
    }
}
