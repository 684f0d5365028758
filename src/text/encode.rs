//! Text in, bytes of a Python file out: the way back from [`decode`](super::decode).
//!
//! A file that does not come back byte for byte is refused: what its bytes mean would change.

use encoding_rs::UTF_8;

use crate::text::decode::{coding, encoding, with};

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Why a text cannot be written as the file is.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EncodeError {
    /// The file names an encoding that is not known here.
    #[error("its encoding `{0}` is not known")]
    Unknown(String),
    /// The file holds bytes that its encoding does not have.
    #[error("not all of it is {0}")]
    Broken(&'static str),
    /// The encoding has no bytes for a character of the text.
    #[error("{0} cannot hold the edited text")]
    Unmappable(&'static str),
}

/// `text` in the encoding of the file with these bytes, byte order mark kept.
///
/// # Errors
/// Why it cannot be.
pub fn encode(bytes: &[u8], text: &str) -> Result<Vec<u8>, EncodeError> {
    let (mark, body) = match bytes.strip_prefix(MARK) {
        Some(body) => (MARK, body),
        None => (&[][..], bytes),
    };
    let label = if mark.is_empty() { coding(bytes) } else { None };
    let encoding = match label {
        None => UTF_8,
        Some(label) => encoding(&label).ok_or(EncodeError::Unknown(label))?,
    };
    let name = encoding.name();
    let put = |text: &str| {
        if encoding == UTF_8 {
            return Some(text.as_bytes().to_vec());
        }
        let (out, _, has_lost) = encoding.encode(text);
        (!has_lost).then(|| out.into_owned())
    };
    let known = with(encoding, body.to_vec()).text;
    if put(&known).as_deref() != Some(body) {
        return Err(EncodeError::Broken(name));
    }
    let new = put(text).ok_or(EncodeError::Unmappable(name))?;
    Ok([mark, &new].concat())
}

#[cfg(test)]
mod tests {
    use super::{EncodeError, encode};

    #[test]
    fn text_goes_back_as_it_came() {
        assert_eq!(encode(b"x = 1\n", "y = 2\n").unwrap(), b"y = 2\n");
        assert_eq!(encode(b"\xef\xbb\xbfx", "y").unwrap(), b"\xef\xbb\xbfy");
        let latin = b"# coding: latin-1\ns = '\xe9'";
        assert_eq!(
            encode(latin, "# coding: latin-1\nt = '\u{e9}'").unwrap(),
            b"# coding: latin-1\nt = '\xe9'"
        );
    }

    #[test]
    fn what_would_change_its_meaning_is_refused() {
        assert_eq!(encode(b"s = '\xe9'", "x"), Err(EncodeError::Broken("UTF-8")));
        assert_eq!(encode(b"# coding: klingon\n", "x"), Err(EncodeError::Unknown("klingon".to_owned())));
        let refused = encode(b"# coding: latin-1\n", "# coding: latin-1\n\u{416}");
        assert_eq!(refused, Err(EncodeError::Unmappable("windows-1252")));
    }
}
