//! Settings: what the configuration file, the command line and the defaults say, resolved into one [`Settings`].
//!
//! `snakestone.yml`, or `[tool.snakestone]` in `pyproject.toml`, is looked for from the root upward; the nearest one
//! counts. The file may come from an untrusted pull request: it names no commands and is read with a budget.

mod error;
mod file;
mod settings;

use std::path::Path;

pub use error::{ConfigError, nearest};
pub use file::{ConfigFile, ThreatModel, find, read};
pub use settings::{OtherMarkers, Overrides, PathRules, RuleLevel, Settings, Tests};

/// Resolves the settings for `root`: `overrides` over the file over the defaults.
///
/// # Errors
/// When the file cannot be read or says something that is not understood; with its position and a remedy.
pub fn resolve(
    root: &Path,
    file: Option<&Path>,
    overrides: &Overrides,
    rules: &[&str],
) -> Result<Settings, ConfigError> {
    let found = match file {
        Some(path) => Some(read(path)?.ok_or_else(|| ConfigError::NoSection { path: path.to_owned() })?),
        None => find(root)?,
    };
    settings::settings(found.as_ref(), overrides, rules)
}
