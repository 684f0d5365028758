//! Bytes of a Python file in, text out.
//!
//! Source: PEP 263 and the language reference, "Encoding declarations".

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// A decoded file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decoded {
    /// The text, byte order mark removed; what could not be decoded is U+FFFD.
    pub text: String,
    /// What was wrong with the bytes, in words for a summary.
    pub problem: Option<String>,
}

/// Decodes Python source by its byte order mark or coding line, else as UTF-8.
#[must_use]
pub fn decode(mut bytes: Vec<u8>) -> Decoded {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
        return with(UTF_8, bytes);
    }
    match coding(&bytes) {
        None => with(UTF_8, bytes),
        Some(label) => match encoding(&label) {
            Some(encoding) => with(encoding, bytes),
            None => {
                let mut decoded = with(UTF_8, bytes);
                decoded.problem = Some(format!("unknown encoding `{label}`, read as UTF-8"));
                decoded
            }
        },
    }
}

pub(super) fn with(encoding: &'static Encoding, bytes: Vec<u8>) -> Decoded {
    let has_nul = memchr::memchr(0, &bytes).is_some();
    let (text, broken) = if encoding == UTF_8 {
        match String::from_utf8(bytes) {
            Ok(text) => (text, false),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
        }
    } else {
        let (text, broken) = encoding.decode_without_bom_handling(&bytes);
        (text.into_owned(), broken)
    };
    let problem = if broken {
        Some(format!("not all of it is {}", encoding.name()))
    } else if has_nul {
        Some("contains NUL bytes".to_owned())
    } else {
        None
    };
    Decoded { text, problem }
}

/// The encoding that a coding line in the first two lines names: `coding[:=]\s*([-\w.]+)` in a comment.
pub(super) fn coding(bytes: &[u8]) -> Option<String> {
    let mut rest = bytes;
    for _ in 0..2 {
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = rest[..end].trim_ascii_start();
        if let Some(found) = line.strip_prefix(b"#").and_then(label) {
            return Some(found);
        }
        if !line.is_empty() && !line.starts_with(b"#") {
            return None;
        }
        rest = rest.get(end + 1..)?;
        rest = rest.strip_prefix(b"\n").unwrap_or(rest);
    }
    None
}

fn label(comment: &[u8]) -> Option<String> {
    let at = memchr::memmem::find(comment, b"coding")?;
    let rest = comment[at + b"coding".len()..]
        .strip_prefix(b":")
        .or_else(|| comment[at + 6..].strip_prefix(b"="))?;
    let name: Vec<u8> = rest
        .trim_ascii_start()
        .iter()
        .copied()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        .collect();
    String::from_utf8(name).ok().filter(|name| !name.is_empty())
}

/// Python's name of an encoding as one this program can decode.
pub(super) fn encoding(label: &str) -> Option<&'static Encoding> {
    let normal = label.to_ascii_lowercase().replace('_', "-");
    match normal.as_str() {
        "utf-8" | "utf8" | "utf-8-unix" | "utf-8-sig" | "ascii" | "us-ascii" => Some(UTF_8),
        // Python's latin-1 maps bytes 80 to 9f to controls, which no source depends on.
        "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "l1" | "cp1252" => Some(WINDOWS_1252),
        other => {
            let direct = Encoding::for_label(other.as_bytes());
            let page = other.strip_prefix("cp").map(|number| format!("windows-{number}"));
            direct.or_else(|| Encoding::for_label(page?.as_bytes()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn a_coding_line_names_the_encoding() {
        assert_eq!(
            decode(b"# -*- coding: latin-1 -*-\ns = '\xe9'\n".to_vec()).text,
            "# -*- coding: latin-1 -*-\ns = '\u{e9}'\n"
        );
        assert_eq!(
            decode(b"#!/usr/bin/python\n# vim: set fileencoding=cp1251 :\ns='\xcf'".to_vec())
                .text
                .chars()
                .last(),
            Some('\'')
        );
        assert!(
            decode(b"#!/usr/bin/python\n# vim: set fileencoding=cp1251 :\ns='\xcf'".to_vec())
                .text
                .contains('\u{41f}')
        );
        assert_eq!(
            decode(b"x = 1\n# coding: latin-1\ns = '\xe9'".to_vec()).problem.as_deref(),
            Some("not all of it is UTF-8")
        );
    }

    #[test]
    fn marks_nuls_and_unknown_names_are_survived() {
        assert_eq!(decode(b"\xef\xbb\xbfx = 1".to_vec()).text, "x = 1");
        assert_eq!(decode(b"x = 1\0".to_vec()).problem.as_deref(), Some("contains NUL bytes"));
        let unknown = decode(b"# coding: klingon\nx = 1".to_vec());
        assert_eq!(unknown.problem.as_deref(), Some("unknown encoding `klingon`, read as UTF-8"));
    }
}
