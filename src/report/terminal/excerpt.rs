//! A few lines of a file, fit to be printed: made harmless, cut where they are too long, with the spans moved along.
//!
//! Only the lines that spans touch are taken, so that a finding costs the same in a file of any size.

use std::ops::Range;

use crate::report::wording::is_reordering;
use crate::text::{SourceFile, Span};

/// Lines of one file, one after another.
pub(super) struct Excerpt {
    /// The lines, each with a line feed. Lines that no span is near are empty, and the renderer folds them.
    pub(super) text: String,
    /// Number of the first line.
    pub(super) first_line: u32,
    /// The spans, as offsets into `text`, in the order they were given.
    pub(super) spans: Vec<Range<usize>>,
    /// Whether a line has lost its beginning, so that columns of `text` are not the file's.
    pub(super) is_cut: bool,
}

/// Longest part of a line that is shown, in characters; the renderer cuts further, to the terminal's width.
const MAX_LINE: usize = 400;
/// What of it stands before the first span.
const MAX_BEFORE: usize = 120;
/// A span over more lines than this is shown by its first line alone.
const MAX_LINES: u32 = 12;
/// Spans farther apart than this many lines are not shown in one excerpt.
const MAX_GAP: u32 = 60;

/// Whether the two spans are near enough for one excerpt, and in one cell of a notebook.
pub(super) fn are_near(file: &SourceFile, a: Span, b: Span) -> bool {
    let (a, b) = (file.line(a.start), file.line(b.start));
    let cell = |line: u32| file.cell_line(line).map(|at| at.cell);
    a.abs_diff(b) <= MAX_GAP && cell(a) == cell(b)
}

/// The lines that `spans` touch.
pub(super) fn excerpt(file: &SourceFile, spans: &[Span]) -> Excerpt {
    let spans: Vec<Span> = spans.iter().map(|&span| tamed(file, span)).collect();
    let touched: Vec<(u32, u32)> =
        spans.iter().map(|span| (file.line(span.start), file.line(span.end))).collect();
    let first_line = touched.iter().map(|lines| lines.0).min().unwrap_or(1);
    let last_line = touched.iter().map(|lines| lines.1).max().unwrap_or(1);
    let mut out = Excerpt { text: String::new(), first_line, spans: vec![0..0; spans.len()], is_cut: false };
    for number in first_line..=last_line {
        if touched.iter().any(|&(first, last)| first <= number + 1 && number <= last + 1) {
            add_line(
                &mut out,
                file.line_span(number),
                file,
                &spans,
                (first_line, last_line) == (number, number),
            );
        }
        out.text.push('\n');
    }
    out
}

/// The span within the text, on character boundaries, and on one line if it is of too many.
fn tamed(file: &SourceFile, span: Span) -> Span {
    let boundary = |mut at: u32| {
        at = at.min(u32::try_from(file.text.len()).expect("a source file is under 4 GiB"));
        while !file.text.is_char_boundary(at as usize) {
            at -= 1;
        }
        at
    };
    let (start, end) = (boundary(span.start), boundary(span.end));
    let line = file.line_span(file.line(start));
    let start = start.min(line.end);
    let is_long = file.line(end) - file.line(start) >= MAX_LINES;
    Span::new(start, if is_long { line.end } else { end.max(start) })
}

fn add_line(out: &mut Excerpt, line: Span, file: &SourceFile, spans: &[Span], is_only: bool) {
    let shown = if is_only || line.range().len() > MAX_LINE { window(file, line, spans) } else { line };
    if line.start < shown.start {
        out.text.push('…');
        out.is_cut = true;
    }
    // What becomes of each offset: characters are replaced one by one, and may change their length.
    let at = out.text.len();
    let place = |offset: u32| {
        let offset = offset.clamp(shown.start, shown.end);
        at + clean(&file.text[shown.start as usize..offset as usize]).len()
    };
    for (i, span) in spans.iter().enumerate() {
        if line.start <= span.start && span.start <= line.end {
            out.spans[i] = place(span.start)..place(span.end);
        } else if span.start < line.start && line.start <= span.end {
            out.spans[i].end = place(span.end);
        }
    }
    out.text.push_str(&clean(file.slice(shown)));
    if shown.end < line.end {
        out.text.push('…');
    }
}

/// The part of a long line around its first span.
fn window(file: &SourceFile, line: Span, spans: &[Span]) -> Span {
    let starts = spans.iter().map(|span| span.start).filter(|&at| line.start <= at && at <= line.end);
    let focus = starts.min().unwrap_or(line.start);
    let before = &file.text[line.start as usize..focus as usize];
    let (cut, _) = before.char_indices().rev().take(MAX_BEFORE).last().unwrap_or((before.len(), ' '));
    let start = line.start as usize + cut;
    let behind = &file.text[start..line.end as usize];
    let len = behind.char_indices().nth(MAX_LINE).map_or(behind.len(), |(at, _)| at);
    let offset = |at: usize| u32::try_from(at).expect("a source file is under 4 GiB");
    Span::new(offset(start), offset(start + len))
}

/// `text` without characters that move the cursor, change colors or reorder text. Tabs stay: the renderer
/// widens them and its underlines.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => c,
            '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).expect("a control picture"),
            '\u{7f}' => '\u{2421}',
            '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => char::REPLACEMENT_CHARACTER,
            _ if is_reordering(c) => char::REPLACEMENT_CHARACTER,
            _ => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::excerpt;
    use crate::text::{FileKind, SourceFile, Span};

    fn file(text: &str) -> SourceFile {
        SourceFile::new("a.py", FileKind::Module, false, text.to_owned())
    }

    #[test]
    fn a_long_line_is_cut_around_its_span() {
        let f = file(&format!("x = '{}' + secret + '{}'\n", "ä".repeat(1_000_000), "b".repeat(1_000_000)));
        let at = u32::try_from(f.text.find("secret").unwrap()).unwrap();
        let cut = excerpt(&f, &[Span::new(at, at + 6)]);
        assert_eq!(&cut.text[cut.spans[0].clone()], "secret");
        assert!(cut.text.chars().count() < 410, "{}", cut.text.len());
        assert!(cut.text.starts_with("…ä") && cut.text.ends_with("b…\n"));
    }

    #[test]
    fn lines_far_from_spans_are_left_empty() {
        let f = file("a1\na2\na3\na4\na5\na6\n");
        let cut = excerpt(&f, &[Span::new(0, 2), Span::new(15, 17)]);
        assert_eq!(cut.text, "a1\na2\n\n\na5\na6\n");
        assert_eq!((cut.first_line, &cut.text[cut.spans[1].clone()]), (1, "a6"));
    }

    proptest! {
        #[test]
        fn spans_stay_on_their_text(text in "(\\PC|[\\t\\r\\n\u{0}\u{1b}\u{9b}\u{202e}]){0,80}", a in 0_u32..90, b in 0_u32..90) {
            let f = file(&text);
            let cut = excerpt(&f, &[Span::new(a.min(b), a.max(b))]);
            prop_assert!(cut.text.get(cut.spans[0].clone()).is_some());
            let is_harmless = !cut.text.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\r', '\0']);
            prop_assert!(is_harmless);
        }
    }
}
