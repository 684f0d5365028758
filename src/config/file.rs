//! Finds and reads the configuration file.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::error::unknown;
use crate::config::{ConfigError, OtherMarkers, RuleLevel, Tests};
use crate::finding::Severity;

/// Names of the files that are looked for in each folder, in this order; the last is shared with other programs.
pub const NAMES: &[&str] = &["snakestone.yml", "snakestone.yaml", ".snakestone.yml", "pyproject.toml"];
/// Largest configuration file, in bytes.
const MAX_SIZE: u64 = 1 << 20;
/// Keys at the top of the configuration.
const KEYS: &[&str] = &[
    "exclude",
    "default-excludes",
    "select",
    "disable",
    "severity",
    "paths",
    "tests",
    "fail-on",
    "minimum-severity",
    "other-markers",
    "threads",
    "models",
    "rules",
    "threat-models",
];
/// Keys of an entry of `paths`.
const PATH_KEYS: &[&str] = &["match", "disable", "severity"];

/// A configuration file as it was read.
#[derive(Debug)]
pub struct ConfigFile {
    /// Where it is.
    pub path: PathBuf,
    pub(super) text: String,
    pub(super) raw: Raw,
}

/// What a configuration file may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Raw {
    pub(super) exclude: Option<Vec<String>>,
    pub(super) default_excludes: Option<bool>,
    pub(super) select: Option<Vec<String>>,
    pub(super) disable: Vec<String>,
    pub(super) severity: BTreeMap<String, RuleLevel>,
    pub(super) paths: Vec<RawPaths>,
    pub(super) tests: Option<Tests>,
    pub(super) fail_on: Option<Threshold>,
    pub(super) minimum_severity: Option<Named>,
    pub(super) other_markers: Option<OtherMarkers>,
    pub(super) threads: Option<usize>,
    pub(super) models: Vec<PathBuf>,
    pub(super) rules: Vec<PathBuf>,
    pub(super) threat_models: Option<Vec<ThreatModel>>,
}

/// Whose data counts as coming from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThreatModel {
    /// Requests, messages, remote calls.
    Remote,
    /// Arguments, environment, files, standard input.
    Local,
    /// Arguments of the public functions of an installable package.
    Library,
}

/// An entry of `paths`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawPaths {
    pub(super) r#match: Vec<String>,
    #[serde(default)]
    pub(super) disable: Vec<String>,
    #[serde(default)]
    pub(super) severity: BTreeMap<String, RuleLevel>,
}

/// A severity or `none`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Threshold(pub(super) Option<Severity>);

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "none" => Ok(Self(None)),
            other => Severity::parse(other).map(|severity| Self(Some(severity))).ok_or_else(|| {
                serde::de::Error::unknown_variant(other, &["none", "low", "medium", "high", "critical"])
            }),
        }
    }
}

/// A severity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named(pub(super) Severity);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let refused = || serde::de::Error::unknown_variant(&text, &["low", "medium", "high", "critical"]);
        Severity::parse(&text).map(Self).ok_or_else(refused)
    }
}

/// The nearest configuration from `root` upward, up to the repository's root.
///
/// # Errors
/// As [`read`].
pub fn find(root: &Path) -> Result<Option<ConfigFile>, ConfigError> {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    for folder in root.ancestors() {
        for path in NAMES.iter().map(|name| folder.join(name)).filter(|path| path.is_file()) {
            if super::leads_out(&root, &path) {
                return Err(ConfigError::Link { path });
            }
            if let Some(file) = read(&path)? {
                return Ok(Some(file));
            }
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    Ok(None)
}

/// Reads a configuration file; `None` for a `pyproject.toml` without `[tool.snakestone]`.
///
/// # Errors
/// When it cannot be read or is not understood.
pub fn read(path: &Path) -> Result<Option<ConfigFile>, ConfigError> {
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_SIZE).read_to_string(&mut text))
        .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
    let is_toml = path.extension().is_some_and(|suffix| suffix == "toml");
    let raw = if is_toml { toml_section(path, &text)? } else { Some(yaml(path, &text)?) };
    Ok(raw.map(|raw| ConfigFile { path: path.to_owned(), text, raw }))
}

fn yaml(path: &Path, text: &str) -> Result<Raw, ConfigError> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Raw::default());
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let (line, column) =
            error.location().map_or((1, 1), |at| (as_usize(at.line()), as_usize(at.column())));
        let message = error.without_snippet().to_string();
        ConfigError::Invalid { path: path.to_owned(), line, column, message: reword(&message) }
    })
}

fn as_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(1)
}

#[derive(Deserialize)]
struct PyProject {
    tool: Option<Tools>,
}

#[derive(Deserialize)]
struct Tools {
    snakestone: Option<Raw>,
}

fn toml_section(path: &Path, text: &str) -> Result<Option<Raw>, ConfigError> {
    if !text.contains("tool.snakestone") && !text.contains("snakestone") {
        return Ok(None);
    }
    let parsed: PyProject = toml::from_str(text).map_err(|error| {
        let (line, column) = error.span().map_or((1, 1), |span| position(text, span.start));
        ConfigError::Invalid { path: path.to_owned(), line, column, message: reword(error.message()) }
    })?;
    Ok(parsed.tool.and_then(|tool| tool.snakestone))
}

impl ConfigFile {
    /// An error at the first mention of `word`.
    #[must_use]
    pub fn refuse(&self, word: &str, message: String) -> ConfigError {
        let (line, column) = position(&self.text, self.text.find(word).unwrap_or(0));
        ConfigError::Invalid { path: self.path.clone(), line, column, message }
    }
}

/// Line and column, from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The deserializer's message, with a suggestion for a misspelled key or value.
fn reword(message: &str) -> String {
    let first = message.lines().next().unwrap_or(message);
    let first = first.split(" at line ").next().unwrap_or(first).trim();
    let quoted: Vec<&str> = first.split('`').skip(1).step_by(2).collect();
    let what = if first.contains("unknown field") {
        "key"
    } else if first.contains("unknown variant") {
        "value"
    } else {
        return first.to_owned();
    };
    let Some((name, mut expected)) = quoted.split_first() else { return first.to_owned() };
    // YAML's reader lists what it expected without backticks.
    let listed = first.rsplit_once("expected one of ").or_else(|| first.rsplit_once("expected "));
    let listed: Vec<&str> = listed.map_or(Vec::new(), |(_, names)| names.split([',', ' ']).collect());
    let listed: Vec<&str> = listed.into_iter().filter(|name| !matches!(*name, "" | "or")).collect();
    if expected.is_empty() {
        expected = &listed;
    }
    let all = if expected.contains(&"match") { PATH_KEYS } else { KEYS };
    let known = if what == "key" { all } else { expected };
    unknown(what, name, known)
}
