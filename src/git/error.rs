//! Why a repository does not tell what it is asked, and what to do about it.

use std::path::PathBuf;

/// What to do about a clone that lacks history.
const DEEPEN: &str = "this clone is shallow and ends before it; fetch more of the history: `fetch-depth: 0` \
                      (for a pull request's merge commit, 2) in actions/checkout, `git fetch --unshallow` elsewhere";

/// Why a repository could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// No folder above has a `.git`.
    #[error("`{}` is in no git repository; expected a folder `.git` there or above", folder.display())]
    NoRepository {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// A revision that is not there.
    #[error("no commit `{revision}` is here: {}", if *is_shallow { DEEPEN } else { "name a branch, tag or hash that was fetched" })]
    NoCommit {
        /// As it was given.
        revision: String,
        /// Whether the clone's history is cut.
        is_shallow: bool,
    },
    /// Two commits without a common ancestor.
    #[error("`HEAD` and `{revision}` have no common ancestor: {}", if *is_shallow { DEEPEN } else { "name a revision of the same history" })]
    NoMergeBase {
        /// The other commit.
        revision: String,
        /// Whether the clone's history is cut.
        is_shallow: bool,
    },
    /// An object that should be there and is not, as in a clone without blobs.
    #[error(
        "`{path}` of commit {commit} is not in this clone: fetch it whole, without a filter (`--filter=blob:none`)"
    )]
    NoObject {
        /// Path of the file or folder.
        path: String,
        /// The commit.
        commit: String,
    },
    /// More than may be taken out of one commit.
    #[error("commit {commit} holds over {} MiB of Python code here; name the folders to scan", max >> 20)]
    TooLarge {
        /// The commit.
        commit: String,
        /// The limit, in bytes.
        max: u64,
    },
    /// The folder for the files of a commit cannot be written.
    #[error("cannot write `{}`: {error}; set `TMPDIR` to a folder that can be", path.display())]
    Unwritable {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        error: String,
    },
    /// Something else that cannot be read.
    #[error("git: cannot read {what}: {error}")]
    Unreadable {
        /// What.
        what: String,
        /// What the library or the system says.
        error: String,
    },
}
