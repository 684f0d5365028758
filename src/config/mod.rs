//! Settings: what the configuration file, the command line and the defaults say, resolved into one [`Settings`].
//!
//! `snakestone.yml`, or `[tool.snakestone]` in `pyproject.toml`, is looked for from the root upward; the nearest one
//! counts. The file may come from an untrusted pull request: it names no commands and is read with a budget, and so are the
//! files that it names.

mod error;
mod file;
mod named;
mod settings;

use std::path::{Component, Path, PathBuf};

pub use error::{ConfigError, nearest};
pub use file::{ConfigFile, NAMES, ThreatModel, find, read};
pub use named::{MAX_PACK, NamedFile};
pub use settings::{OtherMarkers, Overrides, PathRules, RuleLevel, Settings, Tests};

/// The configuration for `root`: `file` where it is given, else the nearest one.
///
/// # Errors
/// When it cannot be read or says something that is not understood; with its position and a remedy.
pub fn load(root: &Path, file: Option<&Path>) -> Result<Option<ConfigFile>, ConfigError> {
    match file {
        Some(path) if leads_out(root, path) => Err(ConfigError::Link { path: path.to_owned() }),
        Some(path) => {
            let read = read(path)?;
            Ok(Some(read.ok_or_else(|| ConfigError::NoSection { path: path.to_owned() })?))
        }
        None => find(root),
    }
}

/// Whether `path` is said to lie in the repository around `root`, or in `root` where there is none, and a symbolic link
/// leads out of it. Who writes the tree chooses its links, and what is read of a file may be told in an error.
#[must_use]
pub fn leads_out(root: &Path, path: &Path) -> bool {
    let top = top(root);
    let (Ok(said), Ok(real)) = (std::path::absolute(path), path.canonicalize()) else { return false };
    said.starts_with(&top)
        && !said.components().any(|part| part == Component::ParentDir)
        && !real.starts_with(&top)
}

/// The top of the repository around `root`, or `root` where there is none.
fn top(root: &Path) -> PathBuf {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    root.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&root).to_owned()
}

/// Resolves the settings: `overrides` over the file over the defaults. `rules` are the ids that there are.
///
/// # Errors
/// When something names no rule, or a pattern is none; with its position and a remedy.
pub fn resolve(
    file: Option<&ConfigFile>,
    overrides: &Overrides,
    rules: &[&str],
) -> Result<Settings, ConfigError> {
    settings::settings(file, overrides, rules)
}
