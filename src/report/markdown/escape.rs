//! Text of scanned code as Markdown that GitHub shows as it stands: no HTML, mention, reference, link or image.

use crate::report::wording::visible;

/// Text with code in backticks: the code becomes `<code>`, everything else stands for itself.
pub(crate) fn text(text: &str) -> String {
    let text = visible(text);
    let mut out = String::new();
    let mut parts = text.split('`').peekable();
    let mut is_code = false;
    while let Some(part) = parts.next() {
        // An odd backtick at the end opens nothing.
        if is_code && parts.peek().is_none() {
            out.push_str("&#96;");
            is_code = false;
        }
        if is_code {
            out.push_str(&tag(part));
        } else {
            out.push_str(&literal(part));
        }
        is_code = !is_code;
    }
    out
}

/// Text as code.
pub(crate) fn code(text: &str) -> String {
    tag(&visible(text))
}

fn tag(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<code>{}</code>", entities(text)) }
}

/// GitHub looks for mentions, references and addresses in the rendered text, where entities are characters again:
/// only a character in between keeps them apart. In code it does not look.
fn literal(text: &str) -> String {
    entities(text)
        .replace('@', "@\u{200b}")
        .replace("&#35;", "&#35;\u{200b}")
        .replace("://", ":\u{200b}//")
        .replace("GH-", "GH\u{200b}-")
        .replace("gh-", "gh\u{200b}-")
        .replace("www.", "www\u{200b}.")
}

fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '{' | '}' | '\\'
            | '|' | '~' | '!' | '#' | '$' | '+' | '=' => {
                out.push_str(&format!("&#{};", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{code, text};

    #[test]
    fn code_becomes_code_and_nothing_else_has_a_meaning() {
        assert_eq!(text("`a|b` is <b>"), "<code>a&#124;b</code> is &#60;b&#62;");
        assert_eq!(text("a ` b"), "a &#96; b");
        assert_eq!(
            text("@me #12 ![x](http://y)"),
            "@\u{200b}me &#35;\u{200b}12 &#33;&#91;x&#93;&#40;http:\u{200b}//y&#41;"
        );
        assert_eq!(code("a\n`</code>@me"), "<code>a &#96;&#60;/code&#62;@me</code>");
    }

    proptest! {
        #[test]
        fn no_mark_of_markdown_stays(raw in "\\PC{0,40}") {
            let shown = text(&raw).replace("<code>", "").replace("</code>", "");
            prop_assert!(!shown.contains(['<', '>', '`', '[', ']', '|', '*', '_', '\\', '\n', '!', '~', '$']));
        }
    }
}
