//! Markers in comments that keep findings silent: ours, and those of other tools.
//!
//! `# snakestone: ignore[rule-a, rule-b] reason` on any line of a statement or on the line above it;
//! `ignore-file[…]` anywhere for the whole file; `ignore-start[…]` to `ignore-end` for the lines between.

use crate::python::{self, Parsed};
use crate::scan::foreign;
use crate::text::{SourceFile, Span};

/// Which rules a marker names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Names {
    /// These, as written.
    Some(Vec<String>),
    /// All of them.
    All,
}

/// Whose marker it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// This program's.
    Own,
    /// Another tool's; the names are rules of this program that cover the same defect.
    Foreign,
}

/// A marker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Marker {
    /// Whose it is.
    pub owner: Owner,
    /// The rules it names.
    pub names: Names,
    /// Why, in the words after it.
    pub reason: String,
    /// First and last line it covers, from 1.
    pub lines: (u32, u32),
    /// The comment, from the marker's own `#` on.
    pub span: Span,
    /// The marker as it is written.
    pub text: String,
}

/// What stands between the program's name and the rules.
enum Form {
    Statement,
    File,
    Start,
    End,
}

/// Whether `text` can hold a marker at all.
#[must_use]
pub(super) fn may_have(text: &str) -> bool {
    ["snakestone:", "nosec", "noqa", "NOQA", "NoQA", "nosemgrep"]
        .iter()
        .any(|word| memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some())
}

/// All markers of a file, in order.
#[must_use]
pub(super) fn markers(file: &SourceFile, parsed: &Parsed) -> Vec<Marker> {
    let statements = python::statements(parsed);
    let last_line = file.n_lines();
    let mut found: Vec<Marker> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for comment in python::comments(parsed) {
        let text = file.slice(comment);
        for (start, body) in parts(text) {
            let span = Span::new(comment.start + start, comment.end);
            if let Some((form, names, reason)) = own(body) {
                let here = file.line(comment.start);
                let lines = match form {
                    Form::Statement => covered(file, &statements, comment),
                    Form::File => (1, last_line),
                    Form::Start => {
                        open.push(found.len());
                        (here, last_line)
                    }
                    Form::End => {
                        if let Some(start) = open.pop() {
                            found[start].lines.1 = here;
                        }
                        continue;
                    }
                };
                let text = file.slice(span).trim_end().to_owned();
                found.push(Marker { owner: Owner::Own, names, reason, lines, span, text });
            } else if let Some(names) = foreign::names(body) {
                let lines = covered(file, &statements, comment);
                let text = file.slice(span).trim_end().trim_start_matches('#').trim().to_owned();
                found.push(Marker { owner: Owner::Foreign, names, reason: String::new(), lines, span, text });
            }
        }
    }
    found
}

/// The pieces of a comment that begin with `#`, with their offsets: `# noqa: S110  # nosec`.
fn parts(comment: &str) -> impl Iterator<Item = (u32, &str)> {
    comment.match_indices('#').map(|(at, _)| {
        let body = comment[at + 1..].split('#').next().unwrap_or_default();
        (u32::try_from(at).expect("a comment is short"), body.trim())
    })
}

/// Our marker in `body`, if it is one.
fn own(body: &str) -> Option<(Form, Names, String)> {
    let rest = body.strip_prefix("snakestone:")?.trim_start().strip_prefix("ignore")?;
    let (form, rest) = match rest {
        _ if rest.starts_with("-file") => (Form::File, &rest["-file".len()..]),
        _ if rest.starts_with("-start") => (Form::Start, &rest["-start".len()..]),
        _ if rest.starts_with("-end") => (Form::End, &rest["-end".len()..]),
        _ => (Form::Statement, rest),
    };
    let (names, reason) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((names, reason)) => {
            let names = names.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
            (Names::Some(names.collect()), reason)
        }
        None => (Names::All, rest),
    };
    Some((form, names, reason.trim_start_matches([':', '-']).trim().to_owned()))
}

/// The lines of the statement a comment belongs to: the one it stands on, else the next.
fn covered(file: &SourceFile, statements: &[Span], comment: Span) -> (u32, u32) {
    let line = file.line(comment.start);
    let lines = |span: &Span| (file.line(span.start), file.line(span.end));
    let is_alone = file.slice(Span::new(file.line_span(line).start, comment.start)).trim().is_empty();
    let until = statements.partition_point(|span| file.line(span.start) <= line);
    // The innermost statement that has this line is the last to begin of those that do.
    let around = statements[..until]
        .iter()
        .rev()
        .take(64)
        .map(lines)
        .find(|(first, last)| *first <= line && line <= *last);
    if let Some((first, last)) = around {
        return (first, last);
    }
    match statements.get(until).map(lines) {
        Some((_, last)) if is_alone => (line, last),
        _ => (line, line),
    }
}

impl Marker {
    /// Whether it covers a finding of `rule` on `line`.
    #[must_use]
    pub fn covers(&self, rule: &str, line: u32) -> bool {
        let names = match &self.names {
            Names::All => true,
            Names::Some(names) => names.iter().any(|name| name == rule),
        };
        names && self.lines.0 <= line && line <= self.lines.1
    }
}

#[cfg(test)]
mod tests {
    use super::{Marker, Names, Owner, markers};
    use crate::text::{FileKind, SourceFile};

    fn read(text: &str) -> Vec<Marker> {
        let file = SourceFile::new("a.py", FileKind::Module, false, text.to_owned());
        markers(&file, &crate::python::parse(&file).unwrap())
    }

    #[test]
    fn a_marker_covers_its_whole_statement_from_any_line() {
        for text in [
            "f(  # snakestone: ignore[a] why\n    1,\n    2)\n",
            "f(\n    1,  # snakestone: ignore[a] why\n    2)\n",
            "f(\n    1,\n    2)  # snakestone: ignore[a] why\n",
            "f(\n    # snakestone: ignore[a] why\n    1,\n    2)\n",
        ] {
            let lines = read(text)[0].lines;
            assert!(lines.0 == 1 && lines.1 >= 3, "{text}: {lines:?}");
        }
        assert_eq!(read("# snakestone: ignore[a] why\nf(1,\n  2)\ng()\n")[0].lines, (1, 3));
        assert_eq!(read("if x:  # snakestone: ignore[a] why\n    f()\n")[0].lines, (1, 1));
    }

    #[test]
    fn files_and_blocks_are_covered() {
        let text = "# snakestone: ignore-file[a] generated\nx = 1\n# snakestone: ignore-start[b] table\ny = 2\n# snakestone: ignore-end\nz = 3\n";
        let found = read(text);
        assert_eq!(found.iter().map(|marker| marker.lines).collect::<Vec<_>>(), [(1, 7), (3, 5)]);
        assert!(found[1].covers("b", 4) && !found[1].covers("b", 6) && !found[1].covers("a", 4));
        assert_eq!(found[0].reason, "generated");
    }

    #[test]
    fn markers_of_other_tools_are_mapped() {
        let found = read("try:\n    f()\nexcept Exception:  # noqa: S110  # nosec B110\n    pass\n");
        assert_eq!(found.len(), 2);
        assert!(
            found
                .iter()
                .all(|marker| marker.owner == Owner::Foreign && marker.covers("swallowed-exception", 3))
        );
        assert_eq!(read("f()  # nosec\n")[0].names, Names::All);
        assert!(read("f()  # noqa: E501\n").is_empty());
        assert!(read("f()  # a nosecond thing\n").is_empty());
    }
}
