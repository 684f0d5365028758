//! The only module that names ruff's crates: source text in, syntax tree and tokens out.
//!
//! It recovers from syntax errors and refuses nesting that no stack would survive; it resolves no names.

mod comments;
mod depth;
mod python2;

use ruff_python_ast::{ModModule, PySourceType};
use ruff_python_parser::{ParseOptions, parse_cells_unchecked, parse_unchecked_source};
use ruff_text_size::{Ranged, TextRange};

use crate::text::{FileKind, SourceFile, Span};

pub use comments::{comments, definitions, statements};
pub use ruff_python_ast as ast;

/// A syntax error, at the place where the parser stumbled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// Where.
    pub span: Span,
    /// What was expected, in the parser's words.
    pub message: String,
}

/// A parsed file. The tree covers what could be parsed, also after errors.
pub struct Parsed {
    inner: ruff_python_parser::Parsed<ModModule>,
    /// Errors in the order of their position.
    pub errors: Vec<SyntaxError>,
    /// Whether the errors are those of Python 2 source.
    pub is_python2: bool,
}

impl Parsed {
    /// The statements of the file.
    #[must_use]
    pub fn body(&self) -> &[ast::Stmt] {
        &self.inner.syntax().body
    }

    /// The parser's own result, for the tokens.
    #[must_use]
    pub fn tokens(&self) -> &ast::token::Tokens {
        self.inner.tokens()
    }
}

/// Parses `file`, recovering from errors. Notebook cells are parsed one by one, magics tolerated.
///
/// # Errors
/// A single [`SyntaxError`] when the source is nested too deeply to be parsed at all.
pub fn parse(file: &SourceFile) -> Result<Parsed, SyntaxError> {
    if let Some(offset) = depth::too_deep(&file.text) {
        return Err(SyntaxError { span: Span::empty(offset), message: depth::MESSAGE.to_owned() });
    }
    let inner = match file.kind {
        FileKind::Module => parse_unchecked_source(&file.text, PySourceType::Python),
        FileKind::Stub => parse_unchecked_source(&file.text, PySourceType::Stub),
        // It holds none.
        FileKind::Template => parse_unchecked_source("", PySourceType::Python),
        FileKind::Notebook => parse_cells_unchecked(
            &file.text,
            file.cells().iter().map(|cell| TextRange::new(cell.start.into(), cell.end.into())),
            &ParseOptions::from(PySourceType::Ipynb),
        ),
    };
    let mut errors: Vec<SyntaxError> = inner
        .errors()
        .iter()
        .map(|error| SyntaxError { span: span(error), message: error.error.to_string() })
        .collect();
    errors.sort_by_key(|error| error.span);
    let is_python2 = python2::explains(file, &errors);
    Ok(Parsed { inner, errors, is_python2 })
}

/// Parses an expression that a text holds; nothing where it is none.
#[must_use]
pub fn expression(text: &str) -> Option<ast::Expr> {
    if depth::too_deep(text).is_some() {
        return None;
    }
    Some(*ruff_python_parser::parse_expression(text).ok()?.into_syntax().body)
}

/// The span of a node.
#[must_use]
pub fn span(node: &impl Ranged) -> Span {
    let range = node.range();
    Span::new(range.start().to_u32(), range.end().to_u32())
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::text::{FileKind, SourceFile};

    fn file(text: &str) -> SourceFile {
        SourceFile::new("a.py", FileKind::Module, false, text.to_owned())
    }

    #[test]
    fn what_follows_a_syntax_error_is_parsed() {
        let parsed = parse(&file("x = = 1\ny = 2\n")).unwrap();
        assert!(!parsed.errors.is_empty());
        assert!(parsed.body().len() >= 2);
    }

    #[test]
    fn python_2_is_told_from_broken_python_3() {
        assert!(parse(&file("print 'hello'\n")).unwrap().is_python2);
        assert!(
            parse(&file("try:\n    pass\nexcept ValueError, error:\n    pass\nprint 'x'\n"))
                .unwrap()
                .is_python2
        );
        assert!(!parse(&file("def f(:\n    pass\n")).unwrap().is_python2);
        assert!(!parse(&file("print('hello')\n")).unwrap().is_python2);
    }
}
