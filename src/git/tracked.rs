//! Which files git keeps, as the index says.

use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice;
use gix::index::entry::Mode;

use crate::git::Repository;

/// The files at and below `folder` that the repository around it tracks and that are `wanted` by their path: absolute
/// paths, in the index's order. None where there is no repository, or its index cannot be read. Files of submodules
/// are not among them, nor are symbolic links.
///
/// The index may be hostile: names can be any.
#[must_use]
pub fn tracked(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let Ok(repository) = Repository::find(folder) else { return Vec::new() };
    let Ok(index) = repository.inner.index_or_empty() else { return Vec::new() };
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let entries =
        index.entries().iter().filter(|entry| matches!(entry.mode, Mode::FILE | Mode::FILE_EXECUTABLE));
    let names = entries.filter_map(|entry| entry.path(&index).to_str().ok()).filter(|name| wanted(name));
    names.map(|name| repository.root.join(name)).filter(|path| path.starts_with(&folder)).collect()
}
