//! Reads one file, or one template.

use std::fs::File;
use std::io::Read;

use crate::discover::{Entry, is_test, kind};
use crate::text::{FileKind, SourceFile, decode, notebook};

/// Largest file that is scanned, in bytes. Larger ones are generated data.
pub const MAX_SIZE: u64 = 64 << 20;

/// Largest template that is read, in bytes.
pub(super) const MAX_TEMPLATE: u64 = 1 << 20;

/// Reads a template; `None` where it cannot be read or is too large, as if there were none.
#[must_use]
pub fn load_template(entry: &Entry) -> Option<SourceFile> {
    let file = File::open(&entry.location).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_TEMPLATE + 1).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let fits = bytes.len() as u64 <= MAX_TEMPLATE;
    fits.then(|| SourceFile::new(entry.path.clone(), FileKind::Template, is_test(&entry.path), text))
}

/// Reads and decodes a file; the text beside it says what was wrong with its bytes.
///
/// # Errors
/// Why it cannot be scanned, in words that follow its path.
pub fn load(entry: &Entry) -> Result<(SourceFile, Option<String>), String> {
    let file = File::open(&entry.location).map_err(|error| format!("cannot be read: {}", words(&error)))?;
    let size = file.metadata().map_or(0, |about| about.len().min(MAX_SIZE));
    // One byte more shows the end without growing.
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
    file.take(MAX_SIZE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {}", words(&error)))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(format!("larger than {} MiB", MAX_SIZE >> 20));
    }
    let decoded = decode(bytes);
    let test = is_test(&entry.path);
    let file = match kind(&entry.path) {
        FileKind::Notebook => {
            let notebook = notebook(&decoded.text).map_err(|error| error.to_string())?;
            SourceFile::of_notebook(entry.path.clone(), test, notebook)
        }
        other => SourceFile::new(entry.path.clone(), other, test, decoded.text),
    };
    Ok((file, decoded.problem))
}

/// What the system says, without its number.
pub(super) fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_ascii_lowercase()
}
