//! The files of a commit, written to a private folder, so that they are scanned as any others are.
//!
//! Names in commits may be hostile: what is no plain name is left out, links are not made, and every file is created
//! anew. Submodules are other repositories: their places are told, not their files.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use gix::bstr::{BStr, ByteSlice};
use gix::objs::tree::EntryKind;

use crate::git::{Commit, GitError, Repository, said};

/// Most bytes that are taken out of one commit.
pub const MAX_TOTAL: u64 = 4 << 30;
/// Deepest folder that is read.
const MAX_DEPTH: usize = 256;

/// Which files are wanted. Paths are relative to the repository's root and `/`-separated; the root is empty.
pub trait Wanted {
    /// Whether anything below `folder` may be wanted.
    fn folder(&self, folder: &str) -> bool;
    /// Whether the file is wanted, by its path.
    fn file(&self, path: &str) -> bool;
    /// Whether the file is wanted, by what it holds; asked for those that are wanted by their path.
    fn content(&self, path: &str, bytes: &[u8]) -> bool;
    /// Largest file that is wanted, in bytes.
    fn max_size(&self) -> u64;
}

/// Files of a commit in a folder of their own, which goes when this is dropped.
pub struct Checkout {
    folder: tempfile::TempDir,
    commit: Commit,
    /// The files that were taken out when it was made.
    pub files: Vec<PathBuf>,
    /// Paths of submodules, relative to the root.
    pub submodules: Vec<String>,
}

impl Checkout {
    /// The folder that stands for the repository's root.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The commit.
    #[must_use]
    pub fn commit(&self) -> Commit {
        self.commit
    }
}

impl Repository {
    /// Takes the `wanted` files out of `commit`; they stand in a new folder in `place`, open to this user alone.
    ///
    /// # Errors
    /// When an object is missing, there is too much of it, or the folder cannot be written.
    pub fn checkout(&self, commit: Commit, wanted: &dyn Wanted, place: &Path) -> Result<Checkout, GitError> {
        // Paths below it are compared with resolved ones.
        let folder = place.canonicalize().and_then(|place| private_folder(&place));
        let folder = folder.map_err(|error| unwritable(place, &error))?;
        let root = folder.path().to_owned();
        let mut checkout = Checkout { folder, commit, files: Vec::new(), submodules: Vec::new() };
        // Whoever looks for the top of a repository stops here, as in the repository itself.
        create_folder(&root.join(".git"))?;
        let mut work = Work::new(self, wanted, commit);
        let missing = |_| GitError::NoObject { path: ".".to_owned(), commit: commit.to_string() };
        let tree = self.inner.find_commit(commit.0).and_then(|commit| commit.tree()).map_err(missing)?;
        work.tree(&tree, "", &root, 0)?;
        (checkout.files, checkout.submodules) = (work.files, work.submodules);
        Ok(checkout)
    }

    /// Adds one file to a checkout, whatever its name; nothing happens where the commit has none at `path`.
    ///
    /// # Errors
    /// As [`Repository::checkout`].
    pub fn add(&self, path: &str, max_size: u64, checkout: &Checkout) -> Result<(), GitError> {
        struct One<'a>(&'a str, u64);
        impl Wanted for One<'_> {
            fn folder(&self, folder: &str) -> bool {
                self.0.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
            }
            fn file(&self, path: &str) -> bool {
                path == self.0
            }
            fn content(&self, _: &str, _: &[u8]) -> bool {
                true
            }
            fn max_size(&self) -> u64 {
                self.1
            }
        }
        let (root, commit) = (checkout.root().to_owned(), checkout.commit);
        if root.join(path).exists() {
            return Ok(());
        }
        let wanted = One(path, max_size);
        let mut work = Work::new(self, &wanted, commit);
        let missing = |_| GitError::NoObject { path: path.to_owned(), commit: commit.to_string() };
        let tree = self.inner.find_commit(commit.0).and_then(|commit| commit.tree()).map_err(missing)?;
        work.tree(&tree, "", &root, 0)
    }
}

struct Work<'a> {
    repository: &'a Repository,
    wanted: &'a dyn Wanted,
    commit: Commit,
    files: Vec<PathBuf>,
    submodules: Vec<String>,
    total: u64,
}

impl<'a> Work<'a> {
    fn new(repository: &'a Repository, wanted: &'a dyn Wanted, commit: Commit) -> Self {
        Self { repository, wanted, commit, files: Vec::new(), submodules: Vec::new(), total: 0 }
    }

    fn tree(&mut self, tree: &gix::Tree, at: &str, folder: &Path, depth: usize) -> Result<(), GitError> {
        for entry in tree.iter() {
            let entry = entry.map_err(|error| GitError::Unreadable {
                what: format!("folder `{at}` of commit {}", self.commit),
                error: said(&error),
            })?;
            let Some(name) = plain(entry.filename()) else { continue };
            let path = if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
            let (id, kind) = (entry.oid().to_owned(), entry.mode().kind());
            match kind {
                EntryKind::Tree if depth < MAX_DEPTH && self.wanted.folder(&path) => {
                    let inner = self.repository.inner.find_tree(id).map_err(|_| self.missing(&path))?;
                    self.tree(&inner, &path, &folder.join(name), depth + 1)?;
                }
                EntryKind::Commit if self.wanted.folder(&path) => self.submodules.push(path),
                EntryKind::Blob | EntryKind::BlobExecutable if self.wanted.file(&path) => {
                    self.blob(id, &path, &folder.join(name))?;
                }
                EntryKind::Tree
                | EntryKind::Commit
                | EntryKind::Blob
                | EntryKind::BlobExecutable
                | EntryKind::Link => {}
            }
        }
        Ok(())
    }

    fn blob(&mut self, id: gix::ObjectId, path: &str, to: &Path) -> Result<(), GitError> {
        let size = self.repository.inner.find_header(id).map_err(|_| self.missing(path))?.size();
        if size > self.wanted.max_size() {
            return Ok(());
        }
        let blob = self.repository.inner.find_blob(id).map_err(|_| self.missing(path))?;
        if !self.wanted.content(path, &blob.data) {
            return Ok(());
        }
        self.total += size;
        if self.total > MAX_TOTAL {
            let commit = self.commit.to_string();
            return Err(GitError::TooLarge { commit, max: MAX_TOTAL });
        }
        let folder = to.parent().expect("a file stands in a folder");
        if !folder.is_dir() {
            fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        }
        match OpenOptions::new().write(true).create_new(true).open(to) {
            Ok(mut file) => {
                self.files.push(to.to_owned());
                file.write_all(&blob.data).map_err(|error| unwritable(to, &error))
            }
            // Two names that this file system does not tell apart: one file is enough.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(unwritable(to, &error)),
        }
    }

    fn missing(&self, path: &str) -> GitError {
        GitError::NoObject { path: path.to_owned(), commit: self.commit.to_string() }
    }
}

/// The name of an entry, if it is one that git itself would write: no way up, no folder of git's own, no separator.
fn plain(name: &BStr) -> Option<&str> {
    let name = name.to_str().ok()?;
    let is_git = name.eq_ignore_ascii_case(".git") || name.to_ascii_lowercase().starts_with("git~");
    let is_plain = !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', '\0', ':']) && !is_git;
    is_plain.then_some(name)
}

/// A new folder in `place` that no other user can look into.
fn private_folder(place: &Path) -> std::io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("snakestone-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o700));
    }
    builder.tempdir_in(place)
}

fn create_folder(path: &Path) -> Result<(), GitError> {
    fs::create_dir(path).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> GitError {
    let path: PathBuf = path.to_owned();
    GitError::Unwritable { path, error: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn only_plain_names_are_written() {
        for name in ["a.py", "a b", "ä.py", "...", ".gitignore", "a\nb.py"] {
            assert_eq!(plain(name.into()), Some(name));
        }
        for name in ["", ".", "..", ".git", ".GIT", "git~1", "a/b", "..\\a", "c:a", "a\0"] {
            assert_eq!(plain(name.into()), None, "{name:?}");
        }
        assert_eq!(plain([0xff, 0xfe].as_slice().into()), None);
    }
}
