//! Random findings in random files on random paths: the SARIF of their scan is one that code scanning takes as it is.

use proptest::prelude::*;
use serde_json::Value;
use snakestone::github::findings::Scan;
use snakestone::github::fit::{MAX_PACKED, fit};

use crate::project::{Files, findings_of};

/// Parts of paths: blanks, other scripts, and what means something in addresses, Markdown, or to the runner.
fn name() -> impl Strategy<Value = String> {
    let odd = "[a-zA-Z0-9 ._~%#?&=+:;@!$'()*,\\[\\]{}|<>\"`^\\\\\\-äß語🦀\u{202e}\n\t]{1,12}";
    prop_oneof![Just("pkg".to_owned()), odd]
        .prop_filter("a name", |name| !matches!(name.as_str(), "." | ".."))
}

/// A piece of a file: with a finding, without one, or nothing at all.
fn piece() -> impl Strategy<Value = String> {
    let defect = (0..4_usize, "[a-z]{1,8}", "[ a-zé語🦀#]{0,20}").prop_map(|(deep, name, text)| {
        let indent = |n: usize| "    ".repeat(n);
        let opened: String = (0..deep).map(|n| format!("{}if x:\n", indent(n))).collect();
        let pad = indent(deep);
        format!("{opened}{pad}try:\n{pad}    {name}('{text}')\n{pad}except:  # {text}\n{pad}    x.{name}()\n")
    });
    prop_oneof![
        3 => defect,
        1 => "[ \t]{0,3}# [a-zé語🦀 ]{0,30}\n",
        1 => Just("\r\n".to_owned()),
        1 => Just("x = 1".to_owned() + &" + 1".repeat(300) + "\n"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_findings_on_any_paths_are_sarif_that_github_takes(
        files in prop::collection::btree_map(
            prop::collection::vec(name(), 1..4).prop_map(|parts| parts.join("/") + ".py"),
            prop::collection::vec(piece(), 0..6).prop_map(|pieces| pieces.concat()),
            0..5,
        ),
        is_successful: bool,
    ) {
        let files: Files = files;
        let bytes = findings_of(&files, is_successful);
        // For `tests/sarif/validate.py`: the last one.
        let left = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("random.sarif");
        std::fs::write(left, &bytes).unwrap();
        let log: Value = serde_json::from_slice(&bytes).unwrap();
        let fit = fit(log.clone(), None, MAX_PACKED).unwrap();
        prop_assert_eq!(&fit.said, &Vec::<String>::new(), "nothing is left out");
        prop_assert_eq!(crate::fit::unpacked(&fit.packed), log.clone(), "nothing is mended");
        prop_assert!(Scan::read(&bytes).is_ok());
        for result in log["runs"][0]["results"].as_array().unwrap() {
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._~-/%".contains(&b);
            prop_assert!(!uri.is_empty() && !uri.starts_with('/') && uri.bytes().all(is_plain), "{}", uri);
            prop_assert!(files.keys().any(|path| path.as_bytes() == crate::hostile::percent_decoded(uri)), "{}", uri);
            let region = &place["region"];
            let number = |key: &str| region[key].as_u64().unwrap();
            prop_assert!(number("startLine") >= 1 && number("endLine") >= number("startLine"));
            prop_assert!(number("startColumn") >= 1 && number("endColumn") >= 1);
            prop_assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            let hash = result["partialFingerprints"]["primaryLocationLineHash"].as_str();
            prop_assert!(hash.is_some_and(|hash| hash.contains(':')));
        }
    }
}
