//! Git repositories, read in place: which commit a change is compared with, what stood in it, what is not committed.
//!
//! Objects, references and the index are read as files. No program is run, so no hook, filter or setting of the
//! repository can start one; nothing is written to the repository, and who owns it does not matter. Only this module
//! names `gix`.

mod dirty;
mod error;
mod files;
mod tracked;

use std::fmt;
use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::bstr::BStr;

pub use dirty::dirty;
pub use error::GitError;
pub use files::{Checkout, MAX_TOTAL, Wanted};
pub use tracked::tracked;

/// A repository with a working tree.
pub struct Repository {
    inner: gix::Repository,
    root: PathBuf,
}

/// A commit, shown by the beginning of its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Commit(ObjectId);

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.to_hex_with_len(12))
    }
}

impl Repository {
    /// The repository whose working tree `folder` lies in; linked worktrees and submodules, which have a file `.git`,
    /// included.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn find(folder: &Path) -> Result<Self, GitError> {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let root = folder.ancestors().find(|folder| folder.join(".git").exists());
        let root = root.ok_or_else(|| GitError::NoRepository { folder: folder.clone() })?;
        // Full trust skips the check of who owns the files: containers see the workspace of another user. It grants
        // nothing, since only the repository's own settings of where its objects are count.
        let options = gix::open::Options::isolated().with(gix::sec::Trust::Full);
        let inner = gix::open_opts(root.join(".git"), options).map_err(|error| GitError::Unreadable {
            what: root.display().to_string(),
            error: said(&error),
        })?;
        Ok(Self { inner, root: root.to_owned() })
    }

    /// The top of the working tree.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The commit that `revision` names, as `git rev-parse` takes it: a branch, a tag, a hash, `HEAD~2`.
    ///
    /// # Errors
    /// When it names none, or one that a shallow clone left out.
    pub fn commit(&self, revision: &str) -> Result<Commit, GitError> {
        let found = self
            .inner
            .rev_parse_single(BStr::new(revision))
            .and_then(|id| id.object())
            .and_then(gix::Object::peel_to_commit);
        match found {
            Ok(commit) => Ok(Commit(commit.id)),
            Err(_) => {
                Err(GitError::NoCommit { revision: revision.to_owned(), is_shallow: self.is_shallow() })
            }
        }
    }

    /// Where the histories of `HEAD` and `revision` part: what the change that is checked out began from.
    ///
    /// # Errors
    /// As [`Repository::commit`]; when the histories have nothing in common, as far as they are here.
    pub fn merge_base(&self, revision: &str) -> Result<Commit, GitError> {
        let (head, other) = (self.commit("HEAD")?, self.commit(revision)?);
        match self.inner.merge_base(head.0, other.0) {
            Ok(Some(base)) => Ok(Commit(base.detach())),
            Ok(None) => {
                Err(GitError::NoMergeBase { revision: revision.to_owned(), is_shallow: self.is_shallow() })
            }
            Err(error) => Err(GitError::Unreadable {
                what: format!("the history of `{revision}`"),
                error: said(&error),
            }),
        }
    }

    /// What a pull request, whose branch ends in the commit `head`, is compared with; `base` is where its target was
    /// when the event was sent.
    ///
    /// Runners check out a merge of both. The target may have moved on meanwhile: it is the merge's first parent then,
    /// and what came with it is not the pull request's doing.
    ///
    /// # Errors
    /// As [`Repository::merge_base`].
    pub fn pull_request_base(&self, head: &str, base: &str) -> Result<Commit, GitError> {
        let merge = self.commit("HEAD")?;
        let parents: Vec<ObjectId> = self
            .inner
            .find_commit(merge.0)
            .map(|commit| commit.parent_ids().map(gix::Id::detach).collect())
            .unwrap_or_default();
        let head = ObjectId::from_hex(head.as_bytes()).ok();
        match parents[..] {
            [target, branch] if head == Some(branch) => self.commit(&target.to_string()),
            _ => self.merge_base(base),
        }
    }

    fn is_shallow(&self) -> bool {
        self.inner.is_shallow().unwrap_or(false)
    }
}

/// The commit that is checked out in the repository around `folder`, by its whole name; none where there is none.
#[must_use]
pub fn head(folder: &Path) -> Option<String> {
    let repository = Repository::find(folder).ok()?;
    repository.inner.head().ok()?.id().map(|id| id.to_string())
}

/// What the library says, on one line.
fn said(error: &dyn fmt::Display) -> String {
    error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
