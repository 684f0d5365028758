//! Refuses source whose syntax tree would be too deep for the stack, before it is parsed.
//!
//! The parser recurses over brackets, operators and attribute chains, and dropping its tree recurses as
//! well; 100,000 levels abort the process on any stack. This scan is a lexer of brackets, strings and comments
//! only: it never refuses what people write, and bounds the rest.

/// Deepest nesting of brackets. CPython's own limit is 200.
const MAX_BRACKETS: u32 = 1_000;
/// Most operators, attributes and calls in one expression between commas and line ends.
const MAX_CHAIN: u32 = 20_000;
/// Deepest indentation, in blocks. CPython's own limit is 100.
const MAX_INDENT: usize = 200;

/// What is said of such a file.
pub(super) const MESSAGE: &str = "nested too deeply to be parsed; split the expression or exclude the file";

/// The offset at which `text` goes beyond a limit, if it does.
pub(super) fn too_deep(text: &str) -> Option<u32> {
    let bytes = text.as_bytes();
    if is_surely_flat(bytes) { None } else { scan(bytes) }
}

/// Whether there are too few brackets, operators and blanks in all for any limit. Nearly all files end here.
fn is_surely_flat(bytes: &[u8]) -> bool {
    // Counts of one byte are vectorized; 200 blocks, each one blank deeper, need that many blanks.
    const MIN_BLANKS: usize = MAX_INDENT * (MAX_INDENT + 1) / 2;
    let (mut brackets, mut chain, mut blanks) = (0usize, 0usize, 0usize);
    for part in bytes.chunks(128) {
        let (mut opens, mut links, mut spaces) = (0u8, 0u8, 0u8);
        for byte in part {
            opens += u8::from(matches!(byte, b'(' | b'[' | b'{'));
            links +=
                u8::from(matches!(byte, b'%'..=b'@' | b'[' | b'^' | b'{'..=b'~') && !byte.is_ascii_digit());
            spaces += u8::from(matches!(byte, b' ' | b'\t' | b'\x0c'));
        }
        brackets += usize::from(opens);
        chain += usize::from(links);
        blanks += usize::from(spaces);
    }
    brackets <= MAX_BRACKETS as usize && chain + blanks <= MAX_CHAIN as usize && blanks < MIN_BLANKS
}

fn scan(bytes: &[u8]) -> Option<u32> {
    let mut at = 0;
    let mut brackets = 0u32;
    let mut chain = 0u32;
    let mut indents: Vec<usize> = Vec::new();
    let mut line_start = true;
    while at < bytes.len() {
        if line_start && brackets == 0 {
            at = indent(bytes, at, &mut indents);
        }
        line_start = false;
        let Some(&byte) = bytes.get(at) else { break };
        match CLASSES[byte as usize] {
            Class::Plain => {}
            Class::Open => {
                brackets += 1;
                chain += 1;
            }
            Class::Close => brackets = brackets.saturating_sub(1),
            Class::Separator => chain = 0,
            Class::LineEnd => {
                line_start = true;
                if brackets == 0 && !(at > 0 && bytes[at - 1] == b'\\') {
                    chain = 0;
                }
            }
            Class::Comment => {
                at += memchr::memchr2(b'\n', b'\r', &bytes[at..]).unwrap_or(bytes.len() - at);
                continue;
            }
            Class::Quote => {
                at = string_end(bytes, at);
                continue;
            }
            Class::Operator => chain += 1,
            Class::Space => chain += u32::from(word_operator(&bytes[at + 1..])),
        }
        if brackets > MAX_BRACKETS || chain > MAX_CHAIN || indents.len() > MAX_INDENT {
            return Some(u32::try_from(at).unwrap_or(u32::MAX));
        }
        at += 1;
    }
    None
}

/// What a byte outside strings and comments does to the depth.
#[derive(Clone, Copy)]
enum Class {
    Plain,
    Open,
    Close,
    Separator,
    LineEnd,
    Comment,
    Quote,
    Operator,
    Space,
}

/// The class of each byte: one look-up a byte keeps this scan far below the cost of parsing.
static CLASSES: [Class; 256] = {
    let mut classes = [Class::Plain; 256];
    let groups: [(&[u8], Class); 8] = [
        (b"([{", Class::Open),
        (b")]}", Class::Close),
        (b",;", Class::Separator),
        (b"\n\r", Class::LineEnd),
        (b"#", Class::Comment),
        (b"\"'", Class::Quote),
        (b".+-~*/%@<>=&|^", Class::Operator),
        (b" ", Class::Space),
    ];
    let mut group = 0;
    while group < groups.len() {
        let mut i = 0;
        while i < groups[group].0.len() {
            classes[groups[group].0[i] as usize] = groups[group].1;
            i += 1;
        }
        group += 1;
    }
    classes
};

/// Skips the blanks of the line that begins at `at` and notes its indentation, if it is not blank.
fn indent(bytes: &[u8], at: usize, indents: &mut Vec<usize>) -> usize {
    let width = bytes[at..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\x0c')).count();
    if !matches!(bytes.get(at + width), None | Some(b'\n' | b'\r' | b'#')) {
        while indents.last().is_some_and(|&outer| outer >= width) {
            indents.pop();
        }
        indents.push(width);
    }
    at + width
}

/// Whether a keyword that nests expressions begins here.
fn word_operator(rest: &[u8]) -> bool {
    if !matches!(
        rest,
        [
            b'n' | b'a' | b'o' | b'i' | b'e' | b'l' | b'f',
            _,
            b' ' | b'(' | b'd' | b't' | b's' | b'a' | b'm' | b'r' | b'\\',
            ..
        ]
    ) {
        return false;
    }
    [&b"not"[..], b"and", b"or", b"if", b"else", b"in", b"is", b"await", b"lambda", b"for"].iter().any(
        |word| rest.starts_with(word) && matches!(rest.get(word.len()), Some(b' ' | b'(' | b':' | b'\\')),
    )
}

/// The offset after the string literal that begins at `at`; the line's end if it is not closed.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let quote = bytes[at];
    let triple = bytes.get(at + 1) == Some(&quote) && bytes.get(at + 2) == Some(&quote);
    let mut i = at + if triple { 3 } else { 1 };
    if triple {
        while let Some(found) = bytes.get(i..).and_then(|rest| memchr::memchr2(quote, b'\\', rest)) {
            i += found;
            if bytes[i] == b'\\' {
                i += 2;
            } else if bytes[i..].starts_with(&[quote; 3]) {
                return i + 3;
            } else {
                i += 1;
            }
        }
        return bytes.len();
    }
    while let Some(&byte) = bytes.get(i) {
        match byte {
            b'\\' => i += 1,
            b'\n' | b'\r' => return i,
            _ if byte == quote => return i + 1,
            _ => {}
        }
        i += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::too_deep;

    #[test]
    fn deep_nesting_of_every_kind_is_refused() {
        let n = 100_000;
        for text in [
            "[".repeat(n),
            format!("x = {}1", "not ".repeat(n)),
            format!("x = {}1", "-".repeat(n)),
            format!("x = 1{}", " + 1".repeat(n)),
            format!("x = a{}", ".b".repeat(n)),
            format!("x = a{}", "()".repeat(n)),
            (0..300).fold(String::new(), |text, i| text + &" ".repeat(i) + "if x:\n"),
        ] {
            assert!(too_deep(&text).is_some(), "{}", &text[..20]);
        }
    }

    #[test]
    fn brackets_in_strings_and_long_tables_are_no_nesting() {
        assert_eq!(
            too_deep(&format!("x = '{}'\ny = r\"\"\"{}\"\"\"", "(".repeat(5_000), "[".repeat(5_000))),
            None
        );
        assert_eq!(too_deep(&format!("x = [{}]", "(a.b + -1), ".repeat(50_000))), None);
        assert_eq!(too_deep(&"if a.b(c):\n    d = (e)\n".repeat(50_000)), None);
    }
}
