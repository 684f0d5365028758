//! The inputs of the action, read and checked.
//!
//! Source: GitHub's documentation of metadata syntax; the runner passes inputs as `INPUT_<NAME>` with hyphens kept, and
//! does not tell empty ones from absent ones.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::cli::comparing::Comparing;
use crate::cli::publish::Wish;
use crate::cli::review::Wishes;
use crate::config::{Overrides, Tests};
use crate::finding::Severity;
use crate::github::client::Token;

/// An input that is not understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("input `{name}`: {message}")]
pub(super) struct InputError {
    pub(super) name: &'static str,
    pub(super) message: String,
}

/// The action's inputs.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) path: PathBuf,
    pub(super) config: Option<PathBuf>,
    /// What goes over the configuration.
    pub(super) overrides: Overrides,
    pub(super) sarif_file: PathBuf,
    pub(super) category: String,
    pub(super) token: Option<Token>,
    pub(super) upload: Wish,
    pub(super) reviews: Wishes,
    pub(super) comparing: Comparing,
    pub(super) summary: Option<PathBuf>,
    pub(super) outputs: Option<PathBuf>,
}

impl Inputs {
    /// Reads the inputs; empty ones count as absent, since the runner does not tell the two apart.
    pub(super) fn read(variables: &BTreeMap<String, String>) -> Result<Self, InputError> {
        let get = |name: &str| {
            variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let severity = |name: &'static str, value: &str| {
            let message = format!("unknown severity `{value}`; known are low, medium, high, critical");
            Severity::parse(value).ok_or(InputError { name, message })
        };
        let fail_on = match get("INPUT_FAIL-ON").as_deref() {
            None => None,
            Some("none") => Some(None),
            Some(other) => Some(Some(severity("fail-on", other)?)),
        };
        let minimum_severity =
            get("INPUT_MINIMUM-SEVERITY").map(|value| severity("minimum-severity", &value)).transpose()?;
        let exclude = get("INPUT_EXCLUDE").unwrap_or_default();
        let exclude =
            exclude.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        let tests = match get("INPUT_TESTS").as_deref() {
            None => None,
            Some("high") => Some(Tests::High),
            Some("all") => Some(Tests::All),
            Some("none") => Some(Tests::None),
            Some(other) => {
                let message = format!("unknown value `{other}`; known are high, all, none");
                return Err(InputError { name: "tests", message });
            }
        };
        let upload = match get("INPUT_UPLOAD").as_deref() {
            None | Some("auto") => Wish::Auto,
            Some("required") => Wish::Required,
            Some("never") => Wish::Never,
            Some(other) => {
                let message = format!("unknown value `{other}`; known are auto, required, never");
                return Err(InputError { name: "upload", message });
            }
        };
        let chosen = |name: &'static str, input: &str, [yes, no]: [&str; 2], default: bool| match get(input) {
            None => Ok(default),
            Some(value) if value == yes => Ok(true),
            Some(value) if value == no => Ok(false),
            Some(other) => {
                Err(InputError { name, message: format!("unknown value `{other}`; known are {yes}, {no}") })
            }
        };
        let review = chosen("review", "INPUT_REVIEW", ["auto", "never"], true)?;
        let check_run = chosen("check-run", "INPUT_CHECK-RUN", ["always", "never"], false)?;
        Ok(Self {
            path: get("INPUT_PATH").map_or(PathBuf::from("."), PathBuf::from),
            config: get("INPUT_CONFIG").map(PathBuf::from),
            overrides: Overrides { exclude, fail_on, minimum_severity, tests, ..Overrides::default() },
            sarif_file: get("INPUT_SARIF-FILE").map_or(PathBuf::from("snakestone.sarif"), PathBuf::from),
            category: get("INPUT_CATEGORY").unwrap_or("snakestone/".to_owned()),
            token: get("INPUT_TOKEN").and_then(|token| Token::new(&token)),
            upload,
            reviews: Wishes { review, check_run },
            comparing: Comparing::read(&get)?,
            summary: get("GITHUB_STEP_SUMMARY").map(PathBuf::from),
            outputs: get("GITHUB_OUTPUT").map(PathBuf::from),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Inputs;
    use crate::finding::Severity;

    fn read(variables: &[(&str, &str)]) -> Result<Inputs, String> {
        let all = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Inputs::read(&all.collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn inputs_keep_their_hyphens_and_empty_ones_are_absent() {
        let inputs =
            read(&[("INPUT_FAIL-ON", "high"), ("INPUT_EXCLUDE", "a/\n\n b/ "), ("INPUT_PATH", "")]).unwrap();
        assert_eq!(inputs.overrides.fail_on, Some(Some(Severity::High)));
        assert_eq!(inputs.overrides.exclude, ["a/", "b/"]);
        assert_eq!(inputs.path.to_str(), Some("."));
        assert_eq!(
            read(&[("INPUT_FAIL-ON", "hihg")]).unwrap_err(),
            "input `fail-on`: unknown severity `hihg`; known are low, medium, high, critical"
        );
        assert_eq!(
            read(&[("INPUT_UPLOAD", "yes")]).unwrap_err(),
            "input `upload`: unknown value `yes`; known are auto, required, never"
        );
    }
}
