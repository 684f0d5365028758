//! Limits and demands of code scanning, each broken and repaired or refused.

use std::io::Read;

use serde_json::{Value, json};
use snakestone::github::fit::{Fit, MAX_PACKED, Unfit, fit};

/// A result on `line`.
pub(crate) fn result(line: u64) -> Value {
    json!({
        "ruleId": "r",
        "level": "warning",
        "message": {"text": "something is wrong"},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": "a%20b/c.py"},
            "region": {"startLine": line},
        }}],
    })
}

/// A log of one run.
pub(crate) fn log(results: &[Value]) -> Value {
    json!({
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "Snakestone", "rules": [
                {"id": "r", "properties": {"security-severity": "5.0"}},
                {"id": "worse", "properties": {"security-severity": "9.5"}},
            ]}},
            "automationDetails": {"id": "snakestone/"},
            "invocations": [{"executionSuccessful": true}],
            "results": results,
        }],
    })
}

/// What was packed.
pub(crate) fn unpacked(packed: &[u8]) -> Value {
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn fits(log: Value) -> (Fit, Value) {
    let fit = fit(log, None, MAX_PACKED).unwrap();
    let log = unpacked(&fit.packed);
    (fit, log)
}

fn with(pointer: &str, value: Value) -> Value {
    let mut log = log(&[result(1)]);
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    log.pointer_mut(parent).unwrap()[key] = value;
    log
}

#[test]
fn a_good_log_is_left_as_it_is() {
    let good = log(&[result(1), result(2)]);
    let (fit, sent) = fits(good.clone());
    assert_eq!(sent, good);
    assert_eq!((fit.n_results, fit.is_successful, fit.said), (2, true, Vec::new()));
    assert_eq!((fit.tool.as_str(), fit.category.as_str()), ("Snakestone", "snakestone"));
}

#[test]
fn empty_results_are_uploaded() {
    let (fit, sent) = fits(log(&[]));
    assert_eq!(fit.n_results, 0);
    assert_eq!(sent["runs"][0]["results"], json!([]));
}

#[test]
fn what_github_requires_is_required() {
    for (pointer, value, said) in [
        ("/version", json!("2.0.0"), "no SARIF 2.1.0 at `/version`"),
        ("/runs", json!({}), "no SARIF 2.1.0 at `/version`"),
        ("/runs", json!([]), "no run at `/runs`"),
        ("/runs/0/tool", json!({}), "no name at `/runs/0/tool/driver/name`"),
        ("/runs/0/tool/driver/name", json!(""), "no name at `/runs/0/tool/driver/name`"),
        ("/runs/0/results", Value::Null, "no list, which a run without results has too at `/runs/0/results`"),
        ("/runs/0/tool/driver/rules", json!([{}]), "no id at `/runs/0/tool/driver/rules/0/id`"),
    ] {
        assert_eq!(fit(with(pointer, value), None, MAX_PACKED).unwrap_err().to_string(), said);
    }
    for severity in [json!(7.5), json!("high"), json!("NaN"), json!("inf")] {
        let rules = json!([{"id": "r", "properties": {"security-severity": severity}}]);
        let said = fit(with("/runs/0/tool/driver/rules", rules), None, MAX_PACKED).unwrap_err().to_string();
        assert!(said.starts_with("no number in a string at"), "{said}");
    }
}

#[test]
fn one_odd_result_does_not_cost_the_others() {
    let broken = |pointer: &str, value: Value| {
        let mut result = result(1);
        *result.pointer_mut(pointer).unwrap() = value;
        result
    };
    let uri = "/locations/0/physicalLocation/artifactLocation/uri";
    let odd = [
        broken("/locations", json!([])),
        broken("/locations/0/physicalLocation", json!({})),
        broken("/locations/0/physicalLocation/region/startLine", json!(0)),
        broken("/message/text", json!("")),
        broken("/ruleId", json!("")),
        broken(uri, json!("")),
        broken(uri, json!("https://example.com/a.py")),
        broken(uri, json!("/etc/passwd")),
        broken(uri, json!("a/../../b.py")),
        json!("no object"),
    ];
    let mut results = odd.to_vec();
    results.push(result(2));
    let (fit, sent) = fits(log(&results));
    assert_eq!(sent["runs"][0]["results"], json!([result(2)]));
    assert!(fit.said[0].starts_with("10 results are left out: without a rule"), "{:?}", fit.said);
}

#[test]
fn suppressed_passed_and_absent_results_become_no_alerts() {
    let marked = |key: &str, value: Value| {
        let mut result = result(1);
        result[key] = value;
        result
    };
    let (fit, sent) = fits(log(&[
        marked("suppressions", json!([{"kind": "inSource"}])),
        marked("suppressions", json!([{"kind": "external", "status": "accepted"}])),
        marked("suppressions", json!([{"kind": "external", "status": "rejected"}])),
        marked("suppressions", json!([])),
        marked("kind", json!("pass")),
        marked("baselineState", json!("absent")),
        marked("baselineState", json!("unchanged")),
        marked("kind", json!("fail")),
    ]));
    assert_eq!(sent["runs"][0]["results"].as_array().unwrap().len(), 4);
    assert!(fit.said[0].starts_with("2 results are left out: suppressed"), "{:?}", fit.said);
    assert!(fit.said[1].starts_with("2 results are left out: passed"), "{:?}", fit.said);
}

#[test]
fn a_category_ends_in_a_slash() {
    let sent = |id: Value, category| {
        let fit = fit(with("/runs/0/automationDetails", id), category, MAX_PACKED).unwrap();
        unpacked(&fit.packed)["runs"][0]["automationDetails"]["id"].clone()
    };
    assert_eq!(sent(json!({"id": "a"}), None), "a/");
    assert_eq!(sent(json!({"id": "a/b"}), None), "a/b");
    assert_eq!(sent(json!({}), None), Value::Null);
    assert_eq!(sent(json!({"id": "a"}), Some("b/c")), "b/c/");
    assert_eq!(sent(json!({}), Some("b/c/")), "b/c/");
}

#[test]
fn the_same_tool_and_category_twice_is_refused() {
    let mut twice = log(&[]);
    let run = twice["runs"][0].clone();
    twice["runs"].as_array_mut().unwrap().push(run);
    assert!(matches!(fit(twice.clone(), None, MAX_PACKED), Err(Unfit::Twice { .. })));
    twice["runs"][1]["automationDetails"]["id"] = json!("other/");
    assert!(fit(twice.clone(), None, MAX_PACKED).is_ok());
    assert!(matches!(fit(twice, Some("one"), MAX_PACKED), Err(Unfit::Twice { .. })));
}

#[test]
fn limits_that_must_not_be_cut_are_told() {
    let many = |n: usize, value: Value| json!(vec![value; n]);
    for (pointer, value, said) in [
        ("/runs", many(21, json!({})), "the file has 21 runs; GitHub takes 20"),
        ("/runs/0/tool/extensions", many(101, json!({})), "the file has 101 extensions; GitHub takes 100"),
        (
            "/runs/0/tool/driver/rules",
            many(25_001, json!({"id": "r"})),
            "the file has 25001 rules; GitHub takes 25000",
        ),
    ] {
        assert_eq!(fit(with(pointer, value), None, MAX_PACKED).unwrap_err().to_string(), said);
    }
}

#[test]
fn lists_of_a_rule_or_result_are_cut() {
    let place = result(1)["locations"][0].clone();
    let mut long = result(1);
    long["locations"] = json!(vec![place.clone(); 1_001]);
    long["codeFlows"] = json!([{"threadFlows": [{"locations": vec![json!({"location": place}); 10_001]}]}]);
    let mut many = result(2);
    many["codeFlows"] = json!(vec![json!({"threadFlows": vec![json!({"locations": [{}]}); 20]}); 2_000]);
    let mut long = log(&[long, many]);
    long["runs"][0]["tool"]["driver"]["rules"][0]["properties"]["tags"] = json!(vec!["t"; 21]);
    let (_, sent) = fits(long);
    let n = |pointer: &str| sent.pointer(pointer).unwrap().as_array().unwrap().len();
    assert_eq!(n("/runs/0/results/0/locations"), 100);
    assert_eq!(n("/runs/0/results/0/codeFlows/0/threadFlows/0/locations"), 1_000);
    assert_eq!(n("/runs/0/tool/driver/rules/0/properties/tags"), 10);
    assert_eq!(n("/runs/0/results/1/codeFlows"), 100);
    assert_eq!(n("/runs/0/results/1/codeFlows/99/threadFlows"), 10);
}

#[test]
fn of_over_5000_results_the_least_severe_go() {
    let mut results: Vec<Value> = (1..=5_010).map(result).collect();
    results[3]["level"] = json!("note");
    results[5_005]["ruleId"] = json!("worse");
    results[5_006]["level"] = json!("error");
    let (fit, sent) = fits(log(&results));
    let lines: Vec<u64> = sent["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            result.pointer("/locations/0/physicalLocation/region/startLine").unwrap().as_u64().unwrap()
        })
        .collect();
    assert_eq!((lines.len(), fit.n_results), (5_000, 5_000));
    assert!(!lines.contains(&4) && lines.contains(&5_006) && lines.contains(&5_007));
    assert!(lines.is_sorted());
    assert_eq!(fit.said, ["the 10 least severe of 5010 results are left out, since GitHub keeps 5000"]);
}

#[test]
fn over_the_size_paths_go_first_and_then_the_least_severe() {
    let noise = |i: u64| format!("{:x}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let results: Vec<Value> = (1..=200)
        .map(|i| {
            let mut result = result(i);
            result["message"]["text"] = json!(noise(i));
            let steps: Vec<Value> = (0..50).map(|j| json!({"location": {"id": noise(i * 64 + j)}})).collect();
            result["codeFlows"] = json!([{"threadFlows": [{"locations": steps}]}]);
            result["level"] = json!(if i == 150 { "error" } else { "note" });
            result
        })
        .collect();
    let whole = fits(log(&results)).0.packed.len();
    let without = fit(log(&results), None, whole - 1).unwrap();
    assert_eq!((without.n_results, without.said.len()), (200, 1), "{:?}", without.said);
    assert!(unpacked(&without.packed).pointer("/runs/0/results/0/codeFlows").is_none());
    let less = fit(log(&results), None, without.packed.len() / 2).unwrap();
    assert!(less.packed.len() <= without.packed.len() / 2);
    assert!((60..100).contains(&less.n_results), "{}", less.n_results);
    assert!(less.said[1].contains("least severe of 200 results are left out"), "{:?}", less.said);
    let left = unpacked(&less.packed);
    assert!(left["runs"][0]["results"].as_array().unwrap().iter().any(|result| result["level"] == "error"));
    assert_eq!(fit(log(&results), None, 10), Err(Unfit::TooLarge));
}
