//! Words that several formats share, so that they say the same.

use crate::finding::Finding;

/// `text` as a sentence: a stop at its end, and a capital at its beginning where that is a plain word and no name.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim();
    let word = text.split(' ').next().unwrap_or_default();
    let is_plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    let mut out = if is_plain { text[..1].to_ascii_uppercase() + &text[1..] } else { text.to_owned() };
    if !out.is_empty() && !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

/// What is wrong, and that another tool's marker did not silence it.
pub(super) fn what(finding: &Finding) -> String {
    let mut text = sentence(&finding.message);
    if let Some(marker) = &finding.foreign_marker {
        text.push_str(&format!(" The marker `{marker}` does not silence a finding of this severity."));
    }
    text
}

/// `n` with its noun: "1 finding", "2,080 files".
pub(crate) fn counted(n: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// `n` with its digits grouped by commas.
pub(super) fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The first `max` characters of `text`, the last being `…` where something was cut.
pub(crate) fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}

/// `text` on one line, without characters that move the cursor, change colors or reorder text.
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
            '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).expect("a control picture"),
            '\u{7f}' => '\u{2421}',
            '\u{80}'..='\u{9f}' => char::REPLACEMENT_CHARACTER,
            _ if is_reordering(c) => char::REPLACEMENT_CHARACTER,
            _ => c,
        })
        .collect()
}

/// Whether `c` changes the direction of text or is an invisible tag, so that a reader would see other code than runs.
pub(super) fn is_reordering(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::{counted, cut, sentence, visible};

    #[test]
    fn texts_become_sentences_counts_and_cuts() {
        assert_eq!(
            (sentence("`a` b "), sentence("an a?"), sentence("")),
            ("`a` b.".into(), "An a?".into(), String::new())
        );
        assert_eq!(counted(1, "file"), "1 file");
        assert_eq!(counted(1_002_080, "file"), "1,002,080 files");
        assert_eq!((cut("äöü", 3), cut("äöüß", 3)), ("äöü".into(), "äö…".into()));
    }

    #[test]
    fn nothing_that_moves_the_cursor_or_reorders_text_stays() {
        assert_eq!(visible("a\n\x1b[31mb\u{202e}c\u{9b}\x7f"), "a \u{241b}[31mb\u{fffd}c\u{fffd}\u{2421}");
    }
}
