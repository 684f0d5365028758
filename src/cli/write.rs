//! Writes an edited file in place of the old one: whole or not at all.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::fix::unified;
use crate::text::{SourceFile, decode, encode};

/// Puts `text` in place of what `file`, which lies in `root`, holds on disk. Mode and owner are kept, and the encoding.
///
/// # Errors
/// Why the file was left as it is, in words that follow its path.
pub(super) fn replace(root: &Path, file: &SourceFile, text: &str) -> Result<(), String> {
    let at = root.join(&file.path);
    let about = fs::symlink_metadata(&at).map_err(|error| words("cannot be read", &error))?;
    if !about.is_file() {
        return Err("it is no plain file".to_owned());
    }
    let folder = at.parent().and_then(|folder| folder.canonicalize().ok());
    let folder =
        folder.filter(|folder| folder.starts_with(root)).ok_or("it lies outside of the scanned folder")?;
    let old = fs::read(&at).map_err(|error| words("cannot be read", &error))?;
    if decode(old.clone()).text != file.text {
        return Err("it changed while it was scanned".to_owned());
    }
    let new = encode(&old, text).map_err(|error| error.to_string())?;
    let name = at.file_name().ok_or("it has no name")?.to_string_lossy().into_owned();
    let draft = folder.join(format!(".{name}.{}.snakestone", std::process::id()));
    let put = write_draft(&draft, &new, &about).and_then(|()| fs::rename(&draft, folder.join(&name)));
    put.map_err(|error| {
        // The draft may be there or not; the old file is.
        let _ = fs::remove_file(&draft);
        words("cannot be written", &error)
    })
}

/// The difference between `file`, which lies in `root`, and `text`, in the bytes of the file's encoding.
///
/// # Errors
/// Why there is none, in words that follow the file's path.
pub(super) fn diff(root: &Path, file: &SourceFile, text: &str) -> Result<Vec<u8>, String> {
    let old = fs::read(root.join(&file.path)).map_err(|error| words("cannot be read", &error))?;
    let mark = if old.starts_with(b"\xef\xbb\xbf") { "\u{feff}" } else { "" };
    let diff = unified(&file.path, &format!("{mark}{}", file.text), &format!("{mark}{text}"));
    // The names in its head are none of the file's text.
    let head = diff.match_indices('\n').nth(1).map_or(diff.len(), |(at, _)| at + 1);
    let body = if mark.is_empty() {
        encode(&old, &diff[head..]).map_err(|error| error.to_string())?
    } else {
        diff.as_bytes()[head..].to_vec()
    };
    Ok([&diff.as_bytes()[..head], &body].concat())
}

/// Writes a new file with the mode of the old one, and its owner where that is allowed.
fn write_draft(draft: &PathBuf, bytes: &[u8], old: &Metadata) -> std::io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).open(draft)?;
    file.write_all(bytes)?;
    own(draft, old);
    file.set_permissions(old.permissions())?;
    file.sync_all()
}

/// Gives a file to the owner of the old one, as far as the system lets us.
#[cfg(unix)]
fn own(draft: &Path, old: &Metadata) {
    use std::os::unix::fs::{MetadataExt, chown};
    let _ = chown(draft, Some(old.uid()), Some(old.gid()));
}

#[cfg(not(unix))]
fn own(_: &Path, _: &Metadata) {}

fn words(what: &str, error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default().to_ascii_lowercase();
    format!("{what}: {text}")
}
