//! The prose of a page as plain text: title, first sentence, first paragraph.

use crate::rules::page::{Page, PageError};

pub(super) struct Prose {
    pub(super) title: String,
    pub(super) short: String,
    pub(super) summary: String,
}

/// Inline Markdown as plain text: code, emphasis and links keep their words alone.
#[must_use]
pub fn plain(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut in_code = false;
    let mut rest = markdown;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = after;
        match c {
            '`' => in_code = !in_code,
            _ if in_code => out.push(c),
            '*' if after.starts_with('*') => rest = &after[1..],
            '*' if !after.starts_with(' ') || out.ends_with(|c: char| !c.is_whitespace()) => {}
            '[' => match link(after) {
                Some((words, behind)) => {
                    out.push_str(&plain(words));
                    rest = behind;
                }
                None => out.push(c),
            },
            '<' if after.starts_with("http") && after.contains('>') => {
                let (url, behind) = after.split_once('>').expect("the guard saw it");
                out.push_str(url);
                rest = behind;
            }
            '\n' => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

/// Reads what precedes the first section, and sees that `## Do this` exists.
pub(super) fn read(body: &str, body_line: u32) -> Result<Prose, PageError> {
    let expected = |what: &str| PageError::new(body_line, format!("expected {what}"));
    let mut lines = body.lines().skip_while(|line| line.trim().is_empty());
    let title = lines.next().and_then(|line| line.strip_prefix("# "));
    let title = title.ok_or_else(|| expected("a title, `# …`, right after the metadata"))?;
    let paragraph: Vec<&str> = lines
        .skip_while(|line| line.trim().is_empty())
        .take_while(|line| !line.trim().is_empty() && !line.starts_with('#') && !line.starts_with("```"))
        .collect();
    if paragraph.is_empty() {
        return Err(expected("a paragraph after the title that says what happens here"));
    }
    if !body.lines().any(|line| line.trim_end() == "## Do this") {
        return Err(expected("a section `## Do this`"));
    }
    let paragraph = paragraph.join("\n");
    let sentence = &paragraph[..sentence_end(&paragraph)];
    Ok(Prose { title: short(title), short: short(sentence), summary: short(&paragraph) })
}

/// Words and remainder of a link whose `[` was just read.
fn link(after: &str) -> Option<(&str, &str)> {
    let (words, target) = after.split_once("](")?;
    let (target, behind) = target.split_once(')')?;
    (!words.contains(['[', '\n']) && !target.contains(char::is_whitespace)).then_some((words, behind))
}

/// Offset after the first sentence: a stop outside code, then a line's end, or a blank and no small letter.
fn sentence_end(markdown: &str) -> usize {
    let mut in_code = false;
    for (at, c) in markdown.char_indices() {
        in_code ^= c == '`';
        if in_code || !matches!(c, '.' | '!' | '?') {
            continue;
        }
        let after = &markdown[at + 1..];
        let next = after.trim_start();
        let is_abbreviation = markdown[..at].ends_with("e.g") || markdown[..at].ends_with("i.e");
        let ends = after.starts_with('\n') || !next.starts_with(char::is_lowercase);
        if next.len() < after.len() && ends && !is_abbreviation {
            return at + 1;
        }
    }
    markdown.len()
}

fn short(markdown: &str) -> String {
    let text = plain(markdown.trim());
    if text.chars().count() <= Page::MAX_DESCRIPTION {
        return text;
    }
    let cut: String = text.chars().take(Page::MAX_DESCRIPTION - 1).collect();
    cut + "…"
}

#[cfg(test)]
mod tests {
    use super::{plain, sentence_end};

    #[test]
    fn a_sentence_ends_at_its_stop_and_not_within_code_or_an_abbreviation() {
        let first = |text: &'static str| &text[..sentence_end(text)];
        assert_eq!(first("Call `a. B`, e.g. `c`. Then `d`."), "Call `a. B`, e.g. `c`.");
        assert_eq!(first("It failed.\nparamiko says so."), "It failed.");
        assert_eq!(first("No stop"), "No stop");
    }

    #[test]
    fn plain_text_keeps_the_words_and_drops_the_marks() {
        assert_eq!(
            plain("**Do** not `a*b*`, see [the *page*](https://x.y/z)."),
            "Do not a*b*, see the page."
        );
        assert_eq!(plain("a * b, x[0](y z), <https://x.y>"), "a * b, x[0](y z), https://x.y");
    }
}
