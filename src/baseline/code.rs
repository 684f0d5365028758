//! One file's statements, as identities see them: without layout and comments, with those beside them.

use crate::python;
use crate::text::{FileKind, SourceFile, Span};

/// Statements on each side that tell where one stands.
const NEIGHBORS: usize = 2;

/// A file's statements.
pub(super) struct Code<'a> {
    file: &'a SourceFile,
    /// In order of their start; heads alone of compound ones.
    statements: Vec<Statement>,
    comments: Vec<Span>,
}

struct Statement {
    span: Span,
    /// The innermost function or class around it, by its place in the file.
    scope: Option<usize>,
    /// Whether it is the head of a function or class: its neighbors are in another scope than its body's.
    is_definition: bool,
}

impl<'a> Code<'a> {
    /// Parses `file`; one that cannot be parsed has no statements, and lines stand in for them.
    pub(super) fn of(file: &'a SourceFile) -> Self {
        let parsed = if file.kind == FileKind::Template { None } else { python::parse(file).ok() };
        let Some(parsed) = parsed else {
            return Self { file, statements: Vec::new(), comments: Vec::new() };
        };
        let definitions = python::definitions(&parsed);
        let mut around: Vec<usize> = Vec::new();
        let mut next = 0;
        let statement = |span: Span| {
            while next < definitions.len() && definitions[next].start < span.start {
                around.push(next);
                next += 1;
            }
            while around.last().is_some_and(|&scope| definitions[scope].end <= span.start) {
                around.pop();
            }
            let is_definition = definitions.get(next).is_some_and(|it| it.start == span.start);
            Statement { span, scope: around.last().copied(), is_definition }
        };
        let statements = python::statements(&parsed).into_iter().map(statement).collect();
        Self { file, statements, comments: python::comments(&parsed).collect() }
    }

    /// The statement that `span` begins in.
    pub(super) fn statement(&self, span: Span) -> String {
        match self.index(span) {
            Some(index) => self.plain(self.statements[index].span),
            None => squeezed(self.file.slice(self.file.line_span(self.file.line(span.start)))),
        }
    }

    /// The statement that `span` begins in, with those before and behind it in the same function.
    pub(super) fn surroundings(&self, span: Span) -> Vec<String> {
        let Some(index) = self.index(span) else { return vec![self.statement(span)] };
        let scope = self.statements[index].scope;
        let beside = |at: &usize| self.statements[*at].scope == scope && !self.statements[*at].is_definition;
        // A function may be long: what is farther away than this is not looked at.
        let near = 64 * NEIGHBORS;
        let before = (index.saturating_sub(near)..index).rev().filter(beside).take(NEIGHBORS);
        let mut indices: Vec<usize> = before.collect();
        indices.reverse();
        indices.push(index);
        let last = self.statements.len().min(index + 1 + near);
        indices.extend((index + 1..last).filter(beside).take(NEIGHBORS));
        indices.into_iter().map(|at| self.plain(self.statements[at].span)).collect()
    }

    fn index(&self, span: Span) -> Option<usize> {
        let until = self.statements.partition_point(|it| it.span.start <= span.start);
        // Clauses begin inside of the statement they belong to, whose head ends before them.
        (until.saturating_sub(16)..until).rev().find(|&at| span.start <= self.statements[at].span.end)
    }

    /// The code under `span`, without comments and layout.
    pub(super) fn plain(&self, span: Span) -> String {
        let first = self.comments.partition_point(|comment| comment.end <= span.start);
        let mut code = String::new();
        let mut at = span.start;
        for comment in self.comments[first..].iter().take_while(|comment| comment.start < span.end) {
            if at < comment.start {
                code.push_str(self.file.slice(Span::new(at, comment.start)));
            }
            at = comment.end;
        }
        if at < span.end {
            code.push_str(self.file.slice(Span::new(at, span.end)));
        }
        squeezed(&code)
    }
}

/// `code` without blanks, line ends, continued lines and the commas that formatters put behind last elements.
fn squeezed(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        let is_continued = c == '\\' && chars.peek().is_some_and(|next| matches!(next, '\n' | '\r'));
        if c.is_whitespace() || is_continued {
            continue;
        }
        if matches!(c, ')' | ']' | '}') && out.ends_with(',') {
            out.pop();
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Code;
    use crate::text::{FileKind, SourceFile, Span};

    fn at(text: &str, word: &str) -> (String, Vec<String>) {
        let file = SourceFile::new("a.py", FileKind::Module, false, text.to_owned());
        let start = u32::try_from(text.find(word).unwrap()).unwrap();
        let (code, span) = (Code::of(&file), Span::new(start, start + 1));
        (code.statement(span), code.surroundings(span))
    }

    #[test]
    fn layout_and_comments_do_not_count() {
        let wide = "def f():\n    run(a, \"b\", shell=True)  # why\n";
        let tall = "def f():\n        run(  # so\n            a, \\\n            \"b\",\n            shell=True,\n        )\n";
        assert_eq!(at(wide, "run").0, "run(a,\"b\",shell=True)");
        assert_eq!(at(wide, "run"), at(tall, "run"));
        assert_eq!(at("x = 1\n# lost\n", "# lost").0, "#lost");
    }

    #[test]
    fn surroundings_end_with_the_function() {
        let text = "a()\ndef f(x):\n    b()\n    try:\n        c()\n    except E:\n        d()\n    def g():\n        e()\n    h()\ni()\n";
        assert_eq!(at(text, "except").1, ["try", "c()", "exceptE", "d()", "h()"]);
        assert_eq!(at(text, "e()").1, ["e()"]);
        assert_eq!(at(text, "i()").1, ["a()", "i()"]);
        assert_eq!(at(text, "b()").1, ["b()", "try", "c()"]);
    }
}
