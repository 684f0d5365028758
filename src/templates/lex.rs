//! Cuts the text of a template into what stands as it is, what is printed, and tags. Jinja2 and Django write them alike.

use crate::text::Span;

/// A piece of a template; spans of the inside, without delimiters and the signs that trim white space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    /// Text that goes out as it is.
    Text(Span),
    /// `{{ … }}`, and all of it.
    Print(Span, Span),
    /// `{% … %}`
    Tag(Span),
}

/// The pieces of `text`, in order; comments are left out. Time grows with the length alone: what no delimiter closes is
/// text, and is looked for once.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut from, mut at) = (0, 0);
    let mut raw: Option<&str> = None;
    let mut unclosed = [false; 3];
    while let Some(open) = text[at..].find('{').map(|found| at + found) {
        at = open + 1;
        let kind = match text.as_bytes().get(open + 1) {
            Some(b'{') => 0,
            Some(b'%') => 1,
            Some(b'#') => 2,
            _ => continue,
        };
        if unclosed[kind] || raw.is_some() && kind != 1 {
            continue;
        }
        let Some(close) = text[open + 2..].find(["}}", "%}", "#}"][kind]).map(|found| open + 2 + found)
        else {
            unclosed[kind] = true;
            continue;
        };
        let inner = trimmed(text, open + 2, close);
        let word = text[inner.range()].split_whitespace().next().unwrap_or_default();
        let is_alone = text[inner.range()].len() == word.len();
        match raw {
            Some(end) if word != end => continue,
            Some(_) => raw = None,
            None => match word {
                "raw" if kind == 1 && is_alone => raw = Some("endraw"),
                "verbatim" if kind == 1 => raw = Some("endverbatim"),
                "comment" if kind == 1 => raw = Some("endcomment"),
                _ => {}
            },
        }
        let before = span(from, open);
        if from < open && (word != "endcomment" || kind != 1) {
            pieces.push(Piece::Text(before));
        }
        (from, at) = (close + 2, close + 2);
        match kind {
            0 => pieces.push(Piece::Print(inner, span(open, close + 2))),
            1 => pieces.push(Piece::Tag(inner)),
            _ => {}
        }
    }
    if from < text.len() {
        pieces.push(Piece::Text(span(from, text.len())));
    }
    pieces
}

/// What stands between delimiters, without the signs that trim white space and that itself.
fn trimmed(text: &str, from: usize, to: usize) -> Span {
    let inner = &text[from..to];
    let start = inner.strip_prefix(['-', '+']).unwrap_or(inner).trim_start();
    let whole = start.strip_suffix(['-', '+']).unwrap_or(start).trim_end();
    let begin = from + (inner.len() - start.len());
    span(begin, begin + whole.len())
}

pub(super) fn span(start: usize, end: usize) -> Span {
    let offset = |at| u32::try_from(at).expect("a template is under 4 GiB");
    Span::new(offset(start), offset(end))
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces};

    fn shown(text: &str) -> Vec<String> {
        let piece = |piece: &Piece| match piece {
            Piece::Text(span) => format!("text {}", &text[span.range()]),
            Piece::Print(span, _) => format!("print {}", &text[span.range()]),
            Piece::Tag(span) => format!("tag {}", &text[span.range()]),
        };
        pieces(text).iter().map(piece).collect()
    }

    #[test]
    fn text_prints_and_tags_are_told_apart() {
        assert_eq!(
            shown("a{{ b }}{%- if c -%}{# d #}{x}{{- e -}}"),
            ["text a", "print b", "tag if c", "text {x}", "print e"]
        );
    }

    #[test]
    fn raw_blocks_and_comments_print_nothing() {
        assert_eq!(
            shown("{% raw %}{{ a }}{% if %}{% endraw %}b"),
            ["tag raw", "text {{ a }}{% if %}", "tag endraw", "text b"]
        );
        assert_eq!(
            shown("{% comment \"x\" %}{{ a }}{% endcomment %}b"),
            ["tag comment \"x\"", "tag endcomment", "text b"]
        );
    }

    #[test]
    fn what_is_not_closed_is_text_and_costs_nothing() {
        assert_eq!(shown("a{{ b"), ["text a{{ b"]);
        assert_eq!(pieces(&"{{".repeat(1 << 19)).len(), 1);
        assert_eq!(pieces(&"{%{{{#".repeat(1 << 17)).len(), 1);
    }
}
