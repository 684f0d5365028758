//! Tells Python 2 source from broken Python 3, by the lines on which the parser stumbled.

use crate::python::SyntaxError;
use crate::text::SourceFile;

/// Whether at least half of `errors` (and one) stand on lines that are right in Python 2.
pub(super) fn explains(file: &SourceFile, errors: &[SyntaxError]) -> bool {
    let lines: Vec<u32> = errors.iter().map(|error| file.line(error.span.start)).collect();
    let old = lines.iter().filter(|&&line| is_old(file.slice(file.line_span(line)).trim())).count();
    old > 0 && old * 2 >= errors.len()
}

/// Whether `line` is a statement of Python 2 that Python 3 refuses.
fn is_old(line: &str) -> bool {
    let after = |word: &str| line.strip_prefix(word).map(str::trim_start);
    let statement = |rest: &str| !rest.is_empty() && !rest.starts_with(['(', '=', '.', ',', ':', '[']);
    let last_part = line.rsplit(';').next().unwrap_or(line).trim();
    after("print ").is_some_and(statement)
        || after("print").is_some_and(|rest| rest.starts_with(['"', '\'', '>']))
        || last_part.strip_prefix("print ").is_some_and(|rest| statement(rest.trim_start()))
        || after("exec ").is_some_and(statement)
        || (line.starts_with("except ")
            && line.ends_with(':')
            && line.contains(',')
            && !line.contains(" as "))
        || (line.starts_with("raise ") && line.contains(','))
        || line.contains("<>")
        || line.matches('`').count() >= 2
        || octal(line)
        || line.split(|c: char| !c.is_alphanumeric()).any(|word| is_ur(word, line) || is_long(word))
}

/// `ur"..."` strings.
fn is_ur(word: &str, line: &str) -> bool {
    word == "ur" && (line.contains("ur'") || line.contains("ur\""))
}

/// `10L`.
fn is_long(word: &str) -> bool {
    word.strip_suffix(['L', 'l'])
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// `0755`.
fn octal(line: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '.').any(|word| {
        word.len() > 1
            && word.starts_with('0')
            && word.bytes().all(|b| b.is_ascii_digit())
            && word.bytes().any(|b| b != b'0')
    })
}
