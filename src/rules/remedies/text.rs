//! Texts that an expression puts together, piece by piece: `"a" + x`, `"a %s" % x`, `"a {}".format(x)`, `f"a {x}"`.
//!
//! In: the source of an expression. Out: the constant pieces, as they stand within quotes, and the sources of the values
//! between them. Texts with escapes, formats of their own or several literals with different quotes are none.

use crate::python::ast::{ConversionFlag, Expr, FStringPart, InterpolatedStringElement, Operator};
use crate::python::{self, span};
use crate::text::{FileKind, SourceFile, Span};

/// A text with values in it.
pub(super) struct Text {
    /// What opens and closes a literal of it.
    pub(super) quote: String,
    /// The pieces in order, constant ones as they stand in a plain literal.
    pub(super) pieces: Vec<Piece>,
    /// Whether the values are joined by `+`, and so are texts for certain.
    pub(super) is_sum: bool,
}

/// A piece of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    /// Constant.
    Constant(String),
    /// A value: its source, and where it stands in that of the expression.
    Value(String, Span),
}

/// The expression as a text with at least one value and at least one constant piece.
pub(super) fn text(source: &str) -> Option<Text> {
    // Parentheses let an expression run over lines.
    let file = SourceFile::new("", FileKind::Module, false, format!("({source}\n)"));
    let parsed = python::parse(&file).ok().filter(|parsed| parsed.errors.is_empty())?;
    let [python::ast::Stmt::Expr(stmt)] = parsed.body() else { return None };
    let mut reader = Reader { source, quote: None, pieces: Vec::new() };
    let is_sum = reader.whole(&stmt.value)?;
    let has = |wanted: fn(&Piece) -> bool| reader.pieces.iter().any(wanted);
    let is_mixed =
        has(|piece| matches!(piece, Piece::Value(..))) && has(|piece| matches!(piece, Piece::Constant(_)));
    is_mixed.then_some(())?;
    Some(Text { quote: reader.quote?, pieces: reader.pieces, is_sum })
}

impl Text {
    /// The only value, with its source and place.
    pub(super) fn only_value(&self) -> Option<(usize, &str, Span)> {
        let mut values = self.pieces.iter().enumerate().filter_map(|(index, piece)| match piece {
            Piece::Value(source, span) => Some((index, source.as_str(), *span)),
            Piece::Constant(_) => None,
        });
        values.next().filter(|_| values.next().is_none())
    }

    /// The constant text before piece `index`.
    pub(super) fn before(&self, index: usize) -> String {
        let constant = |piece: &Piece| match piece {
            Piece::Constant(text) => text.clone(),
            Piece::Value(..) => String::new(),
        };
        self.pieces[..index].iter().map(constant).collect()
    }
}

struct Reader<'s> {
    source: &'s str,
    quote: Option<String>,
    pieces: Vec<Piece>,
}

impl Reader<'_> {
    /// Reads the whole expression; whether it is a sum.
    fn whole(&mut self, expr: &Expr) -> Option<bool> {
        match expr {
            Expr::BinOp(of) if of.op == Operator::Add => {
                self.sum(expr)?;
                return Some(true);
            }
            Expr::BinOp(of) if of.op == Operator::Mod => {
                let values: Vec<&Expr> = match &*of.right {
                    Expr::Tuple(tuple) => tuple.elts.iter().collect(),
                    Expr::Dict(_) => return None,
                    value => vec![value],
                };
                let raw = self.literal(&of.left)?;
                self.percent(&raw, &values)?;
            }
            Expr::Call(call) => {
                let Expr::Attribute(callee) = &*call.func else { return None };
                let is_format = callee.attr.id == "format";
                let raw = is_format.then(|| self.literal(&callee.value)).flatten()?;
                let by_name = |name: &str| {
                    let mut all = call.arguments.keywords.iter();
                    all.find(|keyword| keyword.arg.as_ref().is_some_and(|arg| arg.id == name))
                        .map(|keyword| &keyword.value)
                };
                self.braces(&raw, &call.arguments.args, &by_name)?;
            }
            Expr::FString(of) => {
                let mut parts = of.value.iter();
                let (Some(FStringPart::FString(part)), None) = (parts.next(), parts.next()) else {
                    return None;
                };
                let (_, quote) = self.quoted(span(part), "f")?;
                self.quote = Some(quote);
                for element in &part.elements {
                    match element {
                        InterpolatedStringElement::Literal(literal) => {
                            let raw = self.slice(span(literal));
                            self.constant(&raw.replace("{{", "{").replace("}}", "}"))?;
                        }
                        InterpolatedStringElement::Interpolation(value) => {
                            let is_plain =
                                matches!(value.conversion, ConversionFlag::None | ConversionFlag::Str)
                                    && value.format_spec.is_none()
                                    && value.debug_text.is_none();
                            is_plain.then(|| self.value(&value.expression))?;
                        }
                    }
                }
            }
            _ => return None,
        }
        Some(false)
    }

    fn sum(&mut self, expr: &Expr) -> Option<()> {
        match expr {
            Expr::BinOp(of) if of.op == Operator::Add => {
                self.sum(&of.left)?;
                self.sum(&of.right)
            }
            Expr::StringLiteral(_) => {
                let raw = self.literal(expr)?;
                self.constant(&raw)
            }
            Expr::FString(_) | Expr::BinOp(_) => None,
            value => {
                self.value(value);
                Some(())
            }
        }
    }

    /// `%s` and `%%` alone.
    fn percent(&mut self, raw: &str, values: &[&Expr]) -> Option<()> {
        let mut values = values.iter();
        let mut constant = String::new();
        let mut parts = raw.split('%');
        constant.push_str(parts.next()?);
        while let Some(part) = parts.next() {
            if let Some(rest) = part.strip_prefix('s') {
                self.constant(&std::mem::take(&mut constant))?;
                self.value(values.next()?);
                constant.push_str(rest);
            } else if part.is_empty() {
                constant.push('%');
                constant.push_str(parts.next()?);
            } else {
                return None;
            }
        }
        self.constant(&constant)?;
        values.next().is_none().then_some(())
    }

    /// `{}`, `{0}`, `{name}`, `{{` and `}}` alone.
    fn braces<'e>(
        &mut self,
        raw: &str,
        args: &'e [Expr],
        by_name: &dyn Fn(&str) -> Option<&'e Expr>,
    ) -> Option<()> {
        let mut next = 0;
        let mut constant = String::new();
        let mut rest = raw;
        while let Some(at) = rest.find(['{', '}']) {
            constant.push_str(&rest[..at]);
            let tail = &rest[at..];
            if let Some(doubled) = ["{{", "}}"].into_iter().find(|doubled| tail.starts_with(doubled)) {
                constant.push_str(&doubled[1..]);
                rest = &tail[2..];
                continue;
            }
            let (name, behind) = tail.strip_prefix('{')?.split_once('}')?;
            let value = match name.parse::<usize>() {
                Ok(index) => args.get(index),
                Err(_) if name.is_empty() => {
                    next += 1;
                    args.get(next - 1)
                }
                Err(_) => by_name(name),
            };
            self.constant(&std::mem::take(&mut constant))?;
            self.value(value?);
            rest = behind;
        }
        constant.push_str(rest);
        self.constant(&constant)
    }

    fn value(&mut self, expr: &Expr) {
        let inside = self.inside(span(expr));
        self.pieces.push(Piece::Value(self.source[inside.range()].to_owned(), inside));
    }

    /// A piece without escapes, of which `"` and `'` mean what they are.
    fn constant(&mut self, raw: &str) -> Option<()> {
        if raw.contains('\\') {
            return None;
        }
        match self.pieces.last_mut() {
            Some(Piece::Constant(text)) => text.push_str(raw),
            _ if raw.is_empty() => {}
            _ => self.pieces.push(Piece::Constant(raw.to_owned())),
        }
        Some(())
    }

    /// What stands within the quotes of a literal, all of which in the expression are the same.
    fn literal(&mut self, expr: &Expr) -> Option<String> {
        let Expr::StringLiteral(literal) = expr else { return None };
        if literal.value.is_implicit_concatenated() {
            return None;
        }
        let (inner, quote) = self.quoted(span(expr), "")?;
        if self.quote.as_ref().is_some_and(|known| *known != quote) {
            return None;
        }
        self.quote = Some(quote);
        Some(inner)
    }

    /// The text and the quotes of a literal with this prefix.
    fn quoted(&self, at: Span, prefix: &str) -> Option<(String, String)> {
        let source = self.slice(at);
        let lower = source.to_ascii_lowercase();
        let body = lower.strip_prefix(prefix).map(|_| &source[prefix.len()..])?;
        let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| body.starts_with(quote))?;
        let inner = body.strip_prefix(quote)?.strip_suffix(quote)?;
        Some((inner.to_owned(), quote.to_owned()))
    }

    fn slice(&self, at: Span) -> &str {
        &self.source[self.inside(at).range()]
    }

    /// A place in the source that was given.
    fn inside(&self, at: Span) -> Span {
        Span::new(at.start - 1, at.end - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, text};

    /// The pieces, values in angle brackets.
    fn shown(source: &str) -> Option<String> {
        let text = text(source)?;
        let piece = |piece: &Piece| match piece {
            Piece::Constant(text) => text.clone(),
            Piece::Value(value, at) => {
                assert_eq!(&source[at.range()], value);
                format!("<{value}>")
            }
        };
        Some(text.pieces.iter().map(piece).collect())
    }

    #[test]
    fn the_ways_to_put_a_text_together_are_one() {
        for (source, want) in [
            ("'a = ' + x['b'] + ' c'", "a = <x['b']> c"),
            ("\"a = '%s' %%\" % x", "a = '<x>' %"),
            ("'a %s %s' % (x, y.z())", "a <x> <y.z()>"),
            ("'a {} {{}} {}'.format(x, y)", "a <x> {} <y>"),
            ("'a {1} {k}'.format(x, y, k=z)", "a <y> <z>"),
            ("f'a {x} {{b}} {y!s}'", "a <x> {b} <y>"),
            ("'''a\n  %s''' % x", "a\n  <x>"),
            ("('a ' +\n 'b ' + x)", "a b <x>"),
        ] {
            assert_eq!(shown(source).as_deref(), Some(want), "{source}");
        }
    }

    #[test]
    fn what_has_a_format_of_its_own_is_none() {
        for source in [
            "x",
            "'a'",
            "x + y",
            "'a %d' % x",
            "'a %(x)s' % y",
            "'a {:>3}'.format(x)",
            "'a {x.y}'.format(x=z)",
            "f'a {x!r}'",
            "f'a {x:>3}'",
            "'a\\n' + x",
            "'a' + \"b\" + x",
            "'a' 'b %s' % x",
            "rf'a {x}'",
            "b'a %s' % x",
            "'a %s %s' % x",
            "'a {} {}'.format(x)",
        ] {
            assert_eq!(shown(source), None, "{source}");
        }
    }
}
