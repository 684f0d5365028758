//! Which files hold work that is not committed.

use std::fs;
use std::path::{Path, PathBuf};

use gix::bstr::BStr;
use gix::objs::Kind;

use crate::git::{GitError, Repository, said};

/// Those of `paths`, which lie in the repository around `folder`, whose content is not that of `HEAD`: changed in the
/// working tree or in the index, or not known to git at all.
///
/// Content decides, not times. Text that differs in its line ends alone is not changed, since git may have written them.
/// Filters of the repository (`.gitattributes`) are programs and not run: their files count as changed.
///
/// # Errors
/// When there is no repository, or its index cannot be read.
pub fn dirty(folder: &Path, paths: &[PathBuf]) -> Result<Vec<PathBuf>, GitError> {
    let repository = Repository::find(folder)?;
    let inner = &repository.inner;
    let unreadable = |error: &dyn std::fmt::Display| GitError::Unreadable {
        what: "the index".to_owned(),
        error: said(error),
    };
    let index = inner.index_or_empty().map_err(|error| unreadable(&error))?;
    // A repository without a commit has nothing committed.
    let tree = inner.head_commit().and_then(|commit| commit.tree()).ok();
    let mut changed = Vec::new();
    for path in paths {
        let real = folder.join(path);
        let real = real.canonicalize().unwrap_or(real);
        let inside = real.strip_prefix(&repository.root).ok().and_then(Path::to_str);
        let committed = inside.zip(tree.as_ref()).and_then(|(inside, tree)| {
            let entry = tree.lookup_entry_by_path(inside).ok()??;
            let staged = index.entry_by_path(BStr::new(&inside.replace('\\', "/")))?;
            (staged.id == entry.oid()).then(|| entry.oid().to_owned())
        });
        let is_same = committed.is_some_and(|id| {
            let Ok(bytes) = fs::read(&real) else { return false };
            let is = |bytes: &[u8]| {
                gix::objs::compute_hash(inner.object_hash(), Kind::Blob, bytes).is_ok_and(|hash| hash == id)
            };
            is(&bytes) || (bytes.contains(&b'\r') && is(&unix_line_ends(&bytes)))
        });
        if !is_same {
            changed.push(path.clone());
        }
    }
    Ok(changed)
}

fn unix_line_ends(bytes: &[u8]) -> Vec<u8> {
    let is_kept = |(at, byte): &(usize, &u8)| !(**byte == b'\r' && bytes.get(at + 1) == Some(&b'\n'));
    bytes.iter().enumerate().filter(is_kept).map(|(_, byte)| *byte).collect()
}
