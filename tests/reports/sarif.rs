//! SARIF: what GitHub reads, limits, links, and what it must never hold.

use serde_json::Value;
use snakestone::finding::{Finding, Note, Severity};
use snakestone::report::{Report, sarif};
use snakestone::text::{FileId, FileKind, SourceFile, Span};

use crate::fixture;

fn sarif(report: &Report, form: sarif::Form) -> (Value, usize) {
    let mut out = Vec::new();
    let options = sarif::Options { form, category: "snakestone", is_successful: true };
    let dropped = sarif::write(report, &fixture::hashes(report), &options, &mut out).unwrap();
    (serde_json::from_slice(&out).unwrap(), dropped)
}

fn results(log: &Value) -> &[Value] {
    log["runs"][0]["results"].as_array().unwrap()
}

#[test]
fn the_upload_form_is_as_github_wants_it() {
    let (files, pages) = (fixture::files(), fixture::pages());
    let (log, dropped) = sarif(&fixture::report(&files, &pages), sarif::Form::Upload);
    assert_eq!(dropped, 0);
    insta::assert_snapshot!(serde_json::to_string_pretty(&log).unwrap());
}

/// Leaves both forms in the folder for temporary files, for `tests/sarif/validate.py`.
#[test]
fn both_forms_are_left_for_the_validators() {
    let (files, pages) = (fixture::files(), fixture::pages());
    let report = fixture::report(&files, &pages);
    for (name, form) in [("upload.sarif", sarif::Form::Upload), ("local.sarif", sarif::Form::Local)] {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, sarif(&report, form).0.to_string()).unwrap();
        assert!(path.is_file());
    }
    for file in &files {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("root").join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.text).unwrap();
    }
}

#[test]
fn suppressed_results_are_in_the_local_form_only() {
    let (files, pages) = (fixture::files(), fixture::pages());
    let report = fixture::report(&files, &pages);
    let (upload, _) = sarif(&report, sarif::Form::Upload);
    let (local, _) = sarif(&report, sarif::Form::Local);
    assert!(!upload.to_string().contains("suppressions"));
    assert_eq!(results(&local).len(), results(&upload).len() + 1);
    let suppression = &results(&local).last().unwrap()["suppressions"][0];
    assert_eq!(suppression["kind"], "inSource");
    assert_eq!(suppression["justification"], "nosec B605: runs once");
}

#[test]
fn findings_of_one_rule_on_one_line_are_one_result() {
    let (files, pages) = (fixture::files(), fixture::pages());
    let (log, _) = sarif(&fixture::report(&files, &pages), sarif::Form::Upload);
    let secrets: Vec<_> = results(&log).iter().filter(|result| result["ruleId"] == "secret-in-log").collect();
    assert_eq!(secrets.len(), 1);
    assert_eq!(secrets[0]["relatedLocations"].as_array().unwrap().len(), 2);
}

#[test]
fn every_link_in_a_message_has_its_location() {
    let (files, pages) = (fixture::files(), fixture::pages());
    let (log, _) = sarif(&fixture::report(&files, &pages), sarif::Form::Local);
    let mut n_links = 0;
    for result in results(&log) {
        let text = result["message"]["text"].as_str().unwrap();
        let ids: Vec<i64> = result["relatedLocations"]
            .as_array()
            .map(|all| all.iter().map(|location| location["id"].as_i64().unwrap()).collect())
            .unwrap_or_default();
        for (at, _) in text.match_indices("](").filter(|(at, _)| !text[..*at].ends_with('\\')) {
            let id: i64 = text[at + 2..].split(')').next().unwrap().parse().unwrap();
            assert!(ids.contains(&id), "{text}");
            n_links += 1;
        }
    }
    assert_eq!(n_links, 3);
}

#[test]
fn the_worst_are_kept_when_there_are_too_many() {
    let (files, pages) = (fixture::files(), fixture::pages());
    let text = "x = 1\n".repeat(6_000);
    let long: snakestone::base::IdVec<FileId, SourceFile> =
        [SourceFile::new("long.py", FileKind::Module, false, text)].into_iter().collect();
    let mut report = fixture::report(&files, &pages);
    report.files = &long;
    report.suppressed.clear();
    report.findings = (0..6_000_u32)
        .map(|line| {
            let severity = if line % 3 == 2 { Severity::High } else { Severity::Medium };
            let at = Span::new(line * 6, line * 6 + 1);
            fixture::finding("bare-except", severity, FileId::new(0), at)
        })
        .collect();
    let (log, dropped) = sarif(&report, sarif::Form::Upload);
    assert_eq!((results(&log).len(), dropped), (5_000, 1_000));
    assert_eq!(results(&log).iter().filter(|result| result["level"] == "error").count(), 2_000);
    let lines = |result: &Value| result["locations"][0]["physicalLocation"]["region"]["startLine"].as_i64();
    assert!(results(&log).is_sorted_by_key(lines));
}

#[test]
fn a_long_trace_keeps_its_ends_within_the_limit() {
    let (files, pages) = (fixture::files(), fixture::pages());
    let mut report = fixture::report(&files, &pages);
    let step = |n: usize| Note { file: FileId::new(0), span: Span::new(0, 6), caption: format!("step {n}") };
    let trace = (0..3_000).map(step).collect();
    report.findings = vec![Finding { trace, ..report.findings[0].clone() }];
    let (log, _) = sarif(&report, sarif::Form::Upload);
    let steps = results(&log)[0]["codeFlows"][0]["threadFlows"][0]["locations"].as_array().unwrap();
    assert_eq!(steps.len(), 1_000);
    assert_eq!(steps[0]["location"]["message"]["text"], "step 0");
    let last = &steps[999]["location"];
    assert_eq!(last["physicalLocation"], results(&log)[0]["locations"][0]["physicalLocation"]);
}

#[test]
fn level_band_and_variant_follow_severity() {
    let (files, pages) = (fixture::files(), fixture::pages());
    let mut report = fixture::report(&files, &pages);
    let span = Span::new(0, 6);
    report.findings =
        Severity::ALL.map(|severity| fixture::finding("bare-except", severity, FileId::new(0), span)).into();
    let (log, _) = sarif(&report, sarif::Form::Upload);
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let rows: Vec<(String, String, String)> = results(&log)
        .iter()
        .map(|result| {
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            assert_eq!(rule["defaultConfiguration"]["level"], result["level"]);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&rule["id"]), text(&result["level"]), text(&rule["properties"]["security-severity"]))
        })
        .collect();
    let expected = [
        ("bare-except/low", "note", "2.0"),
        ("bare-except", "warning", "5.5"),
        ("bare-except/high", "error", "8.0"),
        ("bare-except/critical", "error", "9.5"),
    ];
    assert_eq!(rows, expected.map(|(id, level, band)| (id.to_owned(), level.to_owned(), band.to_owned())));
    let ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    let mut distinct = ids.clone();
    distinct.dedup();
    assert_eq!(ids, distinct);
}

#[test]
fn a_scan_without_findings_is_a_whole_log() {
    let (files, pages) = (fixture::files(), fixture::pages());
    let mut report = fixture::report(&files, &pages);
    report.findings.clear();
    let (log, _) = sarif(&report, sarif::Form::Upload);
    assert_eq!(log["runs"][0]["results"], serde_json::json!([]));
    assert_eq!(log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().len(), 3);
}
