use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Scan, path, plain};
use crate::finding::Severity;
use crate::github::patch::Patch;
use crate::github::suggest::propose;

fn log() -> Value {
    json!({"version": "2.1.0", "runs": [{
        "tool": {"driver": {"name": "Snakestone", "rules": [{
            "id": "command-injection/low",
            "shortDescription": {"text": "Command"},
            "properties": {"precision": "high", "security-severity": "2.0"},
        }]}},
        "automationDetails": {"id": "snakestone/"},
        "invocations": [{"executionSuccessful": true}],
        "results": [{
            "ruleId": "command-injection/low",
            "message": {"text": "a \\[b\\] [c](1)"},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": "a%20b.py"},
                "region": {"startLine": 4, "startColumn": 1, "endLine": 4, "endColumn": 10},
                "contextRegion": {"startLine": 3, "endLine": 5, "snippet": {"text": "\nos.system(x)\n"}},
            }}],
            "fixes": [{
                "description": {"text": "use a list"},
                "artifactChanges": [{"artifactLocation": {"uri": "a%20b.py"}, "replacements": [{
                    "deletedRegion": {"startLine": 4, "startColumn": 1, "endLine": 4, "endColumn": 10},
                    "insertedContent": {"text": "run"},
                }]}],
            }],
        }],
    }]})
}

/// What is said of a log that has `value` at `pointer`.
fn refused(pointer: &str, value: Value) -> String {
    let mut log = log();
    *log.pointer_mut(pointer).unwrap() = value;
    Scan::read(log.to_string().as_bytes()).map(drop).unwrap_err().to_string()
}

#[test]
fn a_file_of_ours_is_read() {
    let scan = Scan::read(log().to_string().as_bytes()).unwrap();
    assert_eq!((scan.category.as_str(), scan.is_whole, scan.findings.len()), ("snakestone/", true, 1));
    let finding = &scan.findings[0];
    assert_eq!((finding.rule.as_str(), finding.severity), ("command-injection", Severity::Low));
    assert_eq!((finding.path.as_str(), finding.message.as_str()), ("a b.py", "a [b] c"));
    let edit = finding.fix.as_ref().unwrap().edit.as_ref().unwrap();
    assert_eq!(finding.quoted.as_ref().unwrap().file.slice(edit.changes[0].span), "os.system");
}

#[test]
fn a_file_that_is_not_ours_is_refused_with_the_place() {
    const RESULT: &str = "/runs/0/results/0";
    let physical = format!("{RESULT}/locations/0/physicalLocation");
    for (pointer, value, said) in [
        ("/version".to_owned(), json!("2.0.0"), "`version` must be `2.1.0`"),
        ("/runs".to_owned(), json!([]), "`runs` must hold one run"),
        ("/runs/0/tool/driver/name".to_owned(), json!("CodeQL"), "must be `Snakestone`"),
        ("/runs/0/results".to_owned(), json!({}), "invalid type: map, expected a sequence"),
        (
            format!("{RESULT}/ruleId"),
            json!("other"),
            "`runs[0].results[0]`: its `ruleId` is none of the rules",
        ),
        (format!("{RESULT}/message"), json!({}), "missing field `text`"),
        (format!("{RESULT}/locations"), json!([]), "`locations` is empty"),
        (format!("{physical}/artifactLocation/uri"), json!("../a.py"), "no path within the repository"),
        (format!("{physical}/region"), json!({}), "no `startLine`"),
        (format!("{physical}/region/endLine"), json!(3), "ends before it begins"),
        (format!("{physical}/region/startLine"), json!(-1), "invalid value"),
        (format!("{physical}/contextRegion/snippet"), Value::Null, "has no `snippet`"),
        (format!("{physical}/contextRegion/snippet/text"), json!("x".repeat(9_000)), "more than 8192 bytes"),
        (format!("{RESULT}/fixes/0/artifactChanges"), json!([]), "must change one file"),
        (
            format!("{RESULT}/fixes/0/artifactChanges/0/artifactLocation/uri"),
            json!("b.py"),
            "must change the file that it is in",
        ),
        (
            "/runs/0/tool/driver/rules/0/properties/security-severity".to_owned(),
            json!("high"),
            "is no number",
        ),
    ] {
        let all = refused(&pointer, value);
        assert!(all.contains(said), "{pointer}: {all}");
        assert!(
            all.starts_with("it is no SARIF file as `snakestone scan -o sarif=FILE` writes it: "),
            "{all}"
        );
    }
    assert!(Scan::read(b"").is_err());
    assert!(Scan::read("[".repeat(100_000).as_bytes()).is_err());
}

#[test]
fn an_edit_that_reaches_farther_than_the_quoted_lines_is_none() {
    for (key, value) in
        [("startLine", 2), ("endLine", 9), ("startColumn", 0), ("endColumn", 90), ("startColumn", 11)]
    {
        let mut log = log();
        let region = "/runs/0/results/0/fixes/0/artifactChanges/0/replacements/0/deletedRegion";
        log.pointer_mut(region).unwrap()[key] = value.into();
        let scan = Scan::read(log.to_string().as_bytes()).unwrap();
        assert!(scan.findings[0].fix.as_ref().unwrap().edit.is_none(), "{key}");
    }
}

#[test]
fn a_scan_that_did_not_end_or_was_cut_is_not_whole() {
    let mut unsuccessful = log();
    unsuccessful["runs"][0]["invocations"][0]["executionSuccessful"] = false.into();
    assert!(!Scan::read(unsuccessful.to_string().as_bytes()).unwrap().is_whole);
    let mut full = log();
    let result = full["runs"][0]["results"][0].clone();
    full["runs"][0]["results"] = vec![result; 5_000].into();
    assert!(!Scan::read(full.to_string().as_bytes()).unwrap().is_whole);
}

#[test]
fn paths_stay_in_the_repository() {
    assert_eq!(path("net/a%20b%C3%A9.py").as_deref(), Some("net/a bé.py"));
    for bad in [
        "",
        "/etc/passwd",
        "../a",
        "a/../../b",
        "a//b",
        "%2e%2e/a",
        "a%2F..%2Fb",
        "file:///a",
        "C:/a",
        "a%",
        "a%g0",
        "%ff",
    ] {
        assert_eq!(path(bad), None, "{bad}");
    }
}

#[test]
fn messages_lose_links_and_escapes_alone() {
    assert_eq!(plain("See: [the \\[x\\]](12). \\\\ [a](b) ]"), "See: the [x]. \\ a(b) ");
}

proptest! {
    #[test]
    fn no_file_of_the_shape_brings_the_review_down(
        numbers in prop::collection::vec(0_u32..8, 6),
        snippet in "[a\u{1f40d}\r\n]{0,12}",
        inserted in "[a`\r\n]{0,6}",
        patch in "@@ -1,2 \\+1,3 @@\n( a|\\+a|-a|\\+|\r|\n){0,6}",
    ) {
        let mut log = log();
        let physical = "/runs/0/results/0/locations/0/physicalLocation";
        log.pointer_mut(physical).unwrap()["region"] = json!({"startLine": numbers[0] + 1});
        log.pointer_mut(physical).unwrap()["contextRegion"] =
            json!({"startLine": numbers[1] + 1, "snippet": {"text": snippet}});
        *log.pointer_mut("/runs/0/results/0/fixes/0/artifactChanges/0/replacements/0").unwrap() = json!({
            "deletedRegion": {"startLine": numbers[2], "startColumn": numbers[3], "endLine": numbers[4], "endColumn": numbers[5]},
            "insertedContent": {"text": inserted},
        });
        let scan = Scan::read(log.to_string().as_bytes()).unwrap();
        let files = BTreeMap::from([("a b.py".to_owned(), Some(Patch::parse(&patch)))]);
        prop_assert!(propose(&scan, &files).comments.len() <= 1);
    }

    #[test]
    fn no_bytes_bring_the_reader_down(text in "[{}\\[\\]\":,a-z0-9 ]{0,80}", at in 0_usize..900, with in "\\PC{0,3}") {
        prop_assert!(Scan::read(text.as_bytes()).is_err());
        let mut whole = log().to_string();
        let at = at.min(whole.len());
        whole.insert_str(at, &with);
        let _ = Scan::read(whole.as_bytes());
    }
}
