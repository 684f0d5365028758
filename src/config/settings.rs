//! The settings a scan runs with, and where each came from.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;

use crate::config::ConfigError;
use crate::config::error::unknown;
use crate::config::file::{ConfigFile, ThreatModel};
use crate::finding::Severity;

/// A rule's severity by configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleLevel {
    /// The rule is silent.
    Off,
    /// [`Severity::Low`]
    Low,
    /// [`Severity::Medium`]
    Medium,
    /// [`Severity::High`]
    High,
    /// [`Severity::Critical`]
    Critical,
}

impl RuleLevel {
    /// The severity; `None` when off.
    #[must_use]
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Off => None,
            Self::Low => Some(Severity::Low),
            Self::Medium => Some(Severity::Medium),
            Self::High => Some(Severity::High),
            Self::Critical => Some(Severity::Critical),
        }
    }
}

/// Which findings in test code are reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tests {
    /// Those of high severity; the others are counted.
    #[default]
    High,
    /// All.
    All,
    /// None.
    None,
}

/// Which markers of other tools (`nosec`, `noqa`, `nosemgrep`) are honored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherMarkers {
    /// Those on findings below high severity; graver ones stay and mention the marker.
    #[default]
    Mild,
    /// All.
    All,
    /// None.
    None,
}

/// Rules for some paths.
#[derive(Clone, Debug)]
pub struct PathRules {
    /// The patterns as written.
    pub patterns: Vec<String>,
    globs: GlobSet,
    /// Rules that are silent there.
    pub disable: Vec<String>,
    /// Severities there.
    pub severity: BTreeMap<String, RuleLevel>,
}

impl PathRules {
    /// Whether `path` (relative to the root) is meant.
    #[must_use]
    pub fn applies(&self, path: &str) -> bool {
        self.globs.is_match(path)
    }
}

/// What the command line or an action's inputs say; `None` leaves it to the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// More patterns to exclude.
    pub exclude: Vec<String>,
    /// Only these rules.
    pub select: Option<Vec<String>>,
    /// Not these rules either.
    pub disable: Vec<String>,
    /// Lowest severity that fails; `Some(None)` for never.
    pub fail_on: Option<Option<Severity>>,
    /// Lowest severity that is reported.
    pub minimum_severity: Option<Severity>,
    /// Test code.
    pub tests: Option<Tests>,
    /// Markers of other tools.
    pub other_markers: Option<OtherMarkers>,
    /// Worker threads.
    pub threads: Option<usize>,
}

/// What a scan runs with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Patterns of gitignore syntax.
    pub exclude: Vec<String>,
    /// Whether virtual environments, vendored code and build output stay out.
    pub default_excludes: bool,
    /// Only these rules, if given.
    pub select: Option<Vec<String>>,
    /// Rules that are silent.
    pub disable: Vec<String>,
    /// Severities by rule.
    pub severity: BTreeMap<String, RuleLevel>,
    /// Rules for some paths; later entries win.
    pub paths: Vec<PathRules>,
    /// Test code.
    pub tests: Tests,
    /// Lowest severity at which the exit code is 1; `None` for never.
    pub fail_on: Option<Severity>,
    /// Lowest severity that is reported.
    pub minimum_severity: Severity,
    /// Markers of other tools.
    pub other_markers: OtherMarkers,
    /// Worker threads; 0 for one a core.
    pub threads: usize,
    /// Model packs of the project's own, relative to the folder of the configuration.
    pub models: Vec<PathBuf>,
    /// Pages of rules of the project's own, likewise.
    pub rules: Vec<PathBuf>,
    /// Whose data counts as coming from outside.
    pub threat_models: Vec<ThreatModel>,
    origins: BTreeMap<&'static str, String>,
}

/// Resolves a file and overrides over the defaults, and checks every name.
pub(super) fn settings(
    file: Option<&ConfigFile>,
    overrides: &Overrides,
    rules: &[&str],
) -> Result<Settings, ConfigError> {
    let empty = crate::config::file::Raw::default();
    let raw = file.map_or(&empty, |file| &file.raw);
    if let Some(file) = file {
        check_file(file, rules)?;
    }
    check_options(overrides, rules)?;
    let from = file.map(|file| file.path.display().to_string());
    let mut origins = BTreeMap::new();
    let mut note = |key: &'static str, by_option: bool, by_file: bool| {
        let origin = match &from {
            _ if by_option => "command line".to_owned(),
            Some(path) if by_file => path.clone(),
            _ => "default".to_owned(),
        };
        origins.insert(key, origin);
    };
    note("exclude", !overrides.exclude.is_empty(), raw.exclude.is_some());
    note("default-excludes", false, raw.default_excludes.is_some());
    note("select", overrides.select.is_some(), raw.select.is_some());
    note("disable", !overrides.disable.is_empty(), !raw.disable.is_empty());
    note("severity", false, !raw.severity.is_empty());
    note("paths", false, !raw.paths.is_empty());
    note("tests", overrides.tests.is_some(), raw.tests.is_some());
    note("fail-on", overrides.fail_on.is_some(), raw.fail_on.is_some());
    note("minimum-severity", overrides.minimum_severity.is_some(), raw.minimum_severity.is_some());
    note("other-markers", overrides.other_markers.is_some(), raw.other_markers.is_some());
    note("threads", overrides.threads.is_some(), raw.threads.is_some());
    note("models", false, !raw.models.is_empty());
    note("rules", false, !raw.rules.is_empty());
    note("threat-models", false, raw.threat_models.is_some());
    Ok(Settings {
        exclude: raw.exclude.iter().flatten().chain(&overrides.exclude).cloned().collect(),
        default_excludes: raw.default_excludes.unwrap_or(true),
        select: overrides.select.clone().or_else(|| raw.select.clone()),
        disable: raw.disable.iter().chain(&overrides.disable).cloned().collect(),
        severity: raw.severity.clone(),
        paths: path_rules(file)?,
        tests: overrides.tests.or(raw.tests).unwrap_or_default(),
        fail_on: overrides
            .fail_on
            .or(raw.fail_on.map(|threshold| threshold.0))
            .unwrap_or(Some(Severity::Medium)),
        minimum_severity: overrides
            .minimum_severity
            .or(raw.minimum_severity.map(|named| named.0))
            .unwrap_or(Severity::Low),
        other_markers: overrides.other_markers.or(raw.other_markers).unwrap_or_default(),
        threads: overrides.threads.or(raw.threads).unwrap_or(0),
        models: raw.models.clone(),
        rules: raw.rules.clone(),
        threat_models: raw.threat_models.clone().unwrap_or_else(|| vec![ThreatModel::Remote]),
        origins,
    })
}

/// Every rule that the file names must exist.
fn check_file(file: &ConfigFile, rules: &[&str]) -> Result<(), ConfigError> {
    let raw = &file.raw;
    let by_path = raw.paths.iter().flat_map(|paths| paths.disable.iter().chain(paths.severity.keys()));
    let named = raw.select.iter().flatten().chain(&raw.disable).chain(raw.severity.keys()).chain(by_path);
    for name in named {
        if !rules.contains(&name.as_str()) {
            return Err(file.refuse(name, unknown("rule", name, rules)));
        }
    }
    Ok(())
}

fn check_options(overrides: &Overrides, rules: &[&str]) -> Result<(), ConfigError> {
    let selected = overrides.select.iter().flatten().map(|name| ("--select", name));
    for (option, name) in selected.chain(overrides.disable.iter().map(|name| ("--disable", name))) {
        if !rules.contains(&name.as_str()) {
            return Err(ConfigError::Option { option, message: unknown("rule", name, rules) });
        }
    }
    Ok(())
}

fn path_rules(file: Option<&ConfigFile>) -> Result<Vec<PathRules>, ConfigError> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for raw in &file.raw.paths {
        let mut globs = GlobSetBuilder::new();
        for pattern in &raw.r#match {
            let glob = Glob::new(pattern).map_err(|error| file.refuse(pattern, error.kind().to_string()))?;
            globs.add(glob);
        }
        let globs = globs.build().map_err(|error| file.refuse("paths", error.to_string()))?;
        let (patterns, disable, severity) = (raw.r#match.clone(), raw.disable.clone(), raw.severity.clone());
        all.push(PathRules { patterns, globs, disable, severity });
    }
    Ok(all)
}

impl Settings {
    /// Whether `rule` runs at all.
    #[must_use]
    pub fn runs(&self, rule: &str) -> bool {
        let off =
            self.severity.get(rule) == Some(&RuleLevel::Off) || self.disable.iter().any(|id| id == rule);
        let selected = self.select.as_ref().is_none_or(|only| only.iter().any(|id| id == rule));
        !off && selected
    }

    /// The severity of `rule`'s findings in `path`, given the finding's own; `None` when it is silent there.
    #[must_use]
    pub fn severity_of(&self, rule: &str, path: &str, own: Severity) -> Option<Severity> {
        let mut severity = match self.severity.get(rule) {
            Some(level) => level.severity(),
            None => Some(own),
        };
        for entry in self.paths.iter().filter(|entry| entry.applies(path)) {
            if entry.disable.iter().any(|id| id == rule) {
                severity = None;
            } else if let Some(level) = entry.severity.get(rule) {
                severity = level.severity();
            }
        }
        severity
    }

    /// Every setting with its value and where it came from, as YAML.
    #[must_use]
    pub fn show(&self) -> String {
        let mut out = String::new();
        let mut line = |key: &str, value: String| {
            let _ = writeln!(
                out,
                "{key}: {value}  # {}",
                self.origins.get(key).map_or("default", String::as_str)
            );
        };
        line("exclude", format!("{:?}", self.exclude));
        line("default-excludes", self.default_excludes.to_string());
        line("select", self.select.as_ref().map_or("all rules".to_owned(), |only| format!("{only:?}")));
        line("disable", format!("{:?}", self.disable));
        let levels: Vec<String> =
            self.severity.iter().map(|(rule, level)| format!("{rule}: {}", level_name(*level))).collect();
        line("severity", format!("{{{}}}", levels.join(", ")));
        let paths: Vec<String> = self.paths.iter().map(|entry| entry.patterns.join(" ")).collect();
        line("paths", format!("{paths:?}"));
        line("tests", format!("{:?}", self.tests).to_lowercase());
        line("fail-on", self.fail_on.map_or("none", Severity::name).to_owned());
        line("minimum-severity", self.minimum_severity.name().to_owned());
        line("other-markers", format!("{:?}", self.other_markers).to_lowercase());
        line("models", format!("{:?}", self.models));
        line("rules", format!("{:?}", self.rules));
        line("threat-models", format!("{:?}", self.threat_models).to_lowercase());
        line("threads", if self.threads == 0 { "one a core".to_owned() } else { self.threads.to_string() });
        out
    }
}

fn level_name(level: RuleLevel) -> &'static str {
    level.severity().map_or("off", Severity::name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Overrides, RuleLevel};
    use crate::config::{Settings, load, resolve};
    use crate::finding::Severity;

    const RULES: &[&str] = &["bare-except", "secret-in-log"];

    fn with(name: &str, text: &str) -> Result<Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("src/pkg")).unwrap();
        fs::create_dir_all(dir.path().join(".git")).unwrap();
        fs::write(dir.path().join(name), text).unwrap();
        let root = dir.path().join("src/pkg");
        let resolved =
            load(&root, None).and_then(|file| resolve(file.as_ref(), &Overrides::default(), RULES));
        resolved.map_err(|error| {
            let shown = error.to_string();
            shown.replace(&dir.path().canonicalize().unwrap().display().to_string(), "").replace('\\', "/")
        })
    }

    #[test]
    fn files_are_found_upward_and_obeyed() {
        let text = "fail-on: high\ndisable: [bare-except]\npaths:\n  - match: ['tools/**']\n    severity: {secret-in-log: low}\n";
        let settings = with("snakestone.yml", text).unwrap();
        assert_eq!(settings.fail_on, Some(Severity::High));
        assert!(!settings.runs("bare-except") && settings.runs("secret-in-log"));
        assert_eq!(settings.severity_of("secret-in-log", "tools/a.py", Severity::High), Some(Severity::Low));
        assert_eq!(settings.severity_of("secret-in-log", "a.py", Severity::High), Some(Severity::High));
        assert!(settings.show().contains("fail-on: high  # /"));
        let text = "[tool.snakestone.severity]\nbare-except = \"off\"\n";
        let settings = with("pyproject.toml", text).unwrap();
        assert_eq!(settings.severity.get("bare-except"), Some(&RuleLevel::Off));
        assert!(with("pyproject.toml", "[tool.ruff]\nline-length = 1\n").unwrap().runs("bare-except"));
    }

    #[test]
    fn mistakes_are_told_with_position_and_remedy() {
        let said = |name, text| with(name, text).unwrap_err();
        assert_eq!(
            said("snakestone.yml", "exclud: [a]\n"),
            "/snakestone.yml:1:1: unknown key `exclud`; did you mean `exclude`?"
        );
        assert_eq!(
            said("snakestone.yml", "tests: all\ndisable: [bare-excep]\n"),
            "/snakestone.yml:2:11: unknown rule `bare-excep`; did you mean `bare-except`?"
        );
        assert_eq!(
            said("pyproject.toml", "[tool.snakestone]\nfail-on = \"hihg\"\n"),
            "/pyproject.toml:2:11: unknown value `hihg`; did you mean `high`?"
        );
        assert_eq!(
            said("snakestone.yml", "tests: al\n"),
            "/snakestone.yml:1:8: unknown value `al`; did you mean `all`?"
        );
        assert_eq!(
            said("snakestone.yml", "tests: some\n"),
            "/snakestone.yml:1:8: unknown value `some`; known are high, all, none"
        );
        assert_eq!(
            said("snakestone.yml", "paths:\n  - mach: ['a']\n"),
            "/snakestone.yml:2:5: unknown key `mach`; did you mean `match`?"
        );
        assert!(said("snakestone.yml", "threads: many\n").starts_with("/snakestone.yml:1:10: "));
    }
}
