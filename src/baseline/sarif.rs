//! SARIF as a baseline: the findings of an earlier scan, as `report::sarif` wrote them and code scanning gives them back.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::baseline::{Entry, FINGERPRINT};
use crate::finding::Severity;

#[derive(Deserialize)]
struct Log {
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    tool: Tool,
    #[serde(default)]
    results: Vec<Found>,
}

#[derive(Deserialize)]
struct Tool {
    driver: Driver,
}

#[derive(Deserialize)]
struct Driver {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    #[serde(default)]
    rule_id: String,
    #[serde(default)]
    locations: Vec<Location>,
    #[serde(default)]
    partial_fingerprints: BTreeMap<String, String>,
    #[serde(default)]
    suppressions: Vec<serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Location {
    physical_location: Physical,
    logical_locations: Vec<Logical>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Physical {
    artifact_location: Artifact,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Artifact {
    uri: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Logical {
    fully_qualified_name: String,
}

/// The open findings of a log; what is wrong with it, in words, when it cannot tell them.
pub(super) fn read(text: &str) -> Result<Result<Vec<Entry>, String>, serde_json::Error> {
    let log: Log = serde_json::from_str(text)?;
    let mut entries = Vec::new();
    for run in log.runs {
        let name = run.tool.driver.name;
        if name != "Snakestone" {
            return Ok(Err(format!("this is a SARIF file of `{name}`; expected one of Snakestone")));
        }
        for found in run.results.into_iter().filter(|found| found.suppressions.is_empty()) {
            match entry(found) {
                Some(found) => entries.push(found),
                None => {
                    return Ok(Err(format!(
                        "a result has no fingerprint `{FINGERPRINT}`: the file is of an older version; scan the base anew"
                    )));
                }
            }
        }
    }
    Ok(Ok(entries))
}

fn entry(found: Found) -> Option<Entry> {
    let identity = found.partial_fingerprints.get(FINGERPRINT)?;
    let identity = identity.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
    let location = found.locations.into_iter().next()?;
    // A severity other than the page's is part of the rule's name in SARIF.
    let rule = match found.rule_id.split_once('/') {
        Some((rule, severity)) if Severity::parse(severity).is_some() => rule.to_owned(),
        _ => found.rule_id,
    };
    let function = location.logical_locations.into_iter().next().unwrap_or_default().fully_qualified_name;
    Some(Entry { path: decoded(&location.physical_location.artifact_location.uri), rule, function, identity })
}

/// A URI reference as a path.
fn decoded(uri: &str) -> String {
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let [first, behind @ ..] = rest {
        let digits = behind.get(..2).filter(|_| *first == b'%').and_then(|it| std::str::from_utf8(it).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn paths_are_decoded() {
        assert_eq!(decoded("a%20b/%C3%A4.py%"), "a b/ä.py%");
    }
}
