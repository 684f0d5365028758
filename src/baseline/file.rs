//! Baseline files: known findings, written down.
//!
//! JSON, one finding a line, sorted, without line numbers: the same findings give the same bytes, an edit elsewhere
//! changes none of them, and two branches merge line by line. SARIF of this program is read as well.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

use crate::baseline::{Entry, sarif};
use crate::finding::Identity;

/// The format written here.
const VERSION: u32 = 1;
/// How to get a file that is understood.
const REMEDY: &str = "write it anew with `snakestone baseline write`";

/// Why a baseline was refused.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The file cannot be read.
    #[error("cannot read the baseline `{}`: {error}; `snakestone baseline write` makes one", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: String,
    },
    /// Something in it is not understood.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong, and what would be right.
        message: String,
    },
}

/// What of a file tells its format.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "snakestone-baseline")]
    version: Option<u32>,
    runs: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "snakestone-baseline")]
    _version: u32,
    findings: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    path: String,
    rule: String,
    function: String,
    #[serde(deserialize_with = "identities")]
    identity: Vec<String>,
}

/// The findings that `text`, which stands in the file at `path`, lists.
///
/// # Errors
/// When it is neither format, with the position of what is wrong.
pub fn read(path: &Path, text: &str) -> Result<Vec<Entry>, BaselineError> {
    let refuse = |line, column, message: String| {
        Err(BaselineError::Invalid { path: path.to_owned(), line, column, message })
    };
    let wrong = |error: &serde_json::Error| {
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or_default();
        BaselineError::Invalid {
            path: path.to_owned(),
            line: error.line().max(1),
            column: error.column().max(1),
            message: format!("{said}; {REMEDY}"),
        }
    };
    let head: Head = serde_json::from_str(text).map_err(|error| wrong(&error))?;
    match (head.version, head.runs) {
        (Some(VERSION), _) => {
            let file: File = serde_json::from_str(text).map_err(|error| wrong(&error))?;
            Ok(file.findings.into_iter().map(entry).collect())
        }
        (Some(other), _) => refuse(1, 1, format!("this is format {other}; expected {VERSION}: {REMEDY}")),
        (None, Some(_)) => {
            let found = sarif::read(text).map_err(|error| wrong(&error))?;
            found.or_else(|message| refuse(1, 1, message))
        }
        (None, None) => {
            refuse(1, 1, format!("this is no baseline, nor a SARIF file of Snakestone; {REMEDY}"))
        }
    }
}

/// The file that lists `entries`.
#[must_use]
pub fn write(mut entries: Vec<Entry>) -> String {
    entries.iter_mut().for_each(|entry| entry.identity.sort_unstable());
    entries.sort();
    let rows: Vec<String> = entries.into_iter().map(row).collect();
    let findings = if rows.is_empty() { String::new() } else { format!("\n{}\n", rows.join(",\n")) };
    format!("{{\"snakestone-baseline\": {VERSION}, \"findings\": [{findings}]}}\n")
}

fn row(entry: Entry) -> String {
    let identity = entry.identity.iter().map(ToString::to_string).collect();
    let row = Row { path: entry.path, rule: entry.rule, function: entry.function, identity };
    serde_json::to_string(&row).expect("text becomes JSON")
}

fn entry(row: Row) -> Entry {
    let identity = row.identity.iter().map(|text| text.parse().expect("checked when it was read"));
    Entry { path: row.path, rule: row.rule, function: row.function, identity: identity.collect() }
}

fn identities<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let all = Vec::<String>::deserialize(deserializer)?;
    if all.is_empty() {
        return Err(serde::de::Error::custom("`identity` is empty; expected one for each source"));
    }
    let wrong = all.iter().find_map(|text| text.parse::<Identity>().err());
    wrong.map_or(Ok(all), |message| Err(serde::de::Error::custom(message)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{read, write};
    use crate::baseline::Entry;
    use crate::finding::Identity;

    fn said(text: &str) -> String {
        read(Path::new("b.json"), text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read_and_sorted() {
        let entry = |path: &str, here| Entry {
            path: path.to_owned(),
            rule: "bare-except".to_owned(),
            function: "f\"".to_owned(),
            identity: vec![Identity { here, near: 2 }],
        };
        let (one, two) = (entry("a.py", 1), entry("b\n.py", 1));
        let text = write(vec![two.clone(), one.clone(), one.clone()]);
        assert_eq!(text, write(vec![one.clone(), two.clone(), one.clone()]));
        assert_eq!(text.lines().count(), 5, "{text}");
        assert_eq!(read(Path::new("b.json"), &text).unwrap(), [one.clone(), one, two]);
        assert_eq!(read(Path::new("b.json"), &write(Vec::new())).unwrap(), []);
    }

    #[test]
    fn mistakes_are_told_with_their_position() {
        let row = r#"{"path": "a.py", "rule": "r", "function": "f", "identity": ["0000000000000001-0000000000000002"]}"#;
        let file = |rows: &str| format!("{{\"snakestone-baseline\": 1, \"findings\": [\n{rows}\n]}}\n");
        assert!(read(Path::new("b.json"), &file(row)).is_ok());
        let conflict = said(&file(&format!("<<<<<<< HEAD\n{row}")));
        assert!(conflict.starts_with("b.json:2:1: expected value; write it anew"), "{conflict}");
        let unknown = said(&file(&row.replace("rule", "rul")));
        assert!(unknown.starts_with("b.json:2:22: unknown field `rul`"), "{unknown}");
        let digits = said(&file(&row.replace("0001-", "001-")));
        assert!(digits.starts_with("b.json:2:") && digits.contains("is no identity"), "{digits}");
        let empty = said(&file(&row.replace(r#""0000000000000001-0000000000000002""#, "")));
        assert!(empty.contains("`identity` is empty"), "{empty}");
        assert!(said(&file(row).replace(": 1,", ": 2,")).contains("this is format 2; expected 1"));
        assert!(said("[]").starts_with("b.json:1:"), "{}", said("[]"));
        assert!(said("{}").contains("this is no baseline"));
    }
}
