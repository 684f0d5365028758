//! What can be wrong with a configuration, in words its author can act on.

use std::path::PathBuf;

/// Why the configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file lies in the scanned tree and is a link to one that does not.
    #[error("`{}` is a symbolic link that leads out of the repository, and is not followed; put the file itself there", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// The named `pyproject.toml` has no section for this program.
    #[error("`{}` has no section [tool.snakestone]", path.display())]
    NoSection {
        /// The file.
        path: PathBuf,
    },
    /// Something in the file is not understood.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// A rule's page that the file names is not understood.
    #[error("{}:{line}: {message}", path.display())]
    Page {
        /// The page.
        path: PathBuf,
        /// Line, from 1.
        line: u32,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// An option of the command line is not understood.
    #[error("{option}: {message}")]
    Option {
        /// The option, as `--disable`.
        option: &'static str,
        /// What is wrong, and what would be right.
        message: String,
    },
}

/// `unknown x `name``, with the likeliest of `known` if one is near, else all of them.
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("unknown {what} `{name}`; did you mean `{near}`?"),
        None if known.len() <= 16 => format!("unknown {what} `{name}`; known are {}", known.join(", ")),
        None => format!("unknown {what} `{name}`; `snakestone rules` lists them"),
    }
}

/// The most similar of `known`, if it is similar enough to be a misspelling.
#[must_use]
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let score = |candidate: &str| similar::TextDiff::from_chars(name, candidate).ratio();
    let best =
        known.iter().map(|candidate| (score(candidate), *candidate)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= 0.7).then_some(best.1)
}
