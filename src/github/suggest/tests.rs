use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use similar::TextDiff;

use super::{Id, Proposal, ids, propose};
use crate::github::findings::Scan;
use crate::github::patch::Patch;

const OLD: &str = "import os\n\n\ndef stop(device):\n    device.down()\n    return 1\n\n\ndef start():\n    return 2\n\n\ndef last():\n    return 3\n";
const NEW: &str = "import os\n\n\ndef stop(device):\n    os.system('down ' + device)\n    return 1\n\n\ndef start():\n    return 2\n\n\ndef last():\n    return 3\n";

/// A finding on line 5 of `NEW` whose edit replaces `swaps`: `(line, old, new)` of that line's text.
pub(crate) fn result(text: &str, line: usize, swaps: &[(usize, &str, &str)]) -> Value {
    let lines: Vec<&str> = text.split('\n').collect();
    let touched = || swaps.iter().map(|swap| swap.0).chain([line]);
    let (first, last) =
        (touched().min().unwrap().max(2) - 1, (touched().max().unwrap() + 1).min(lines.len()));
    let region = |line: usize, part: &str| {
        let at = lines[line - 1].find(part).unwrap();
        json!({"startLine": line, "startColumn": at + 1, "endLine": line, "endColumn": at + part.len() + 1})
    };
    let replacements: Vec<Value> = swaps
        .iter()
        .map(
            |(line, old, new)| json!({"deletedRegion": region(*line, old), "insertedContent": {"text": new}}),
        )
        .collect();
    json!({
        "ruleId": "command-injection",
        "message": {"text": "`device` reaches a shell. Do: pass a list. See: [the \\[call\\]](1)."},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": "net/agent%20x.py"},
            "region": {"startLine": line, "startColumn": 1, "endLine": line, "endColumn": 2},
            "contextRegion": {
                "startLine": first, "endLine": last, "snippet": {"text": lines[first - 1..last].join("\n")}
            },
        }}],
        "partialFingerprints": {"primaryLocationLineHash": format!("{line:x}:1")},
        "fixes": [{
            "description": {"text": "pass a list"},
            "artifactChanges": [{"artifactLocation": {"uri": "net/agent%20x.py"}, "replacements": replacements}],
            "properties": {"safety": "suggest"},
        }],
    })
}

pub(crate) fn scan(results: &[Value]) -> Scan {
    let rule = json!({
        "id": "command-injection",
        "shortDescription": {"text": "Command built from outside data"},
        "properties": {"precision": "high", "security-severity": "8.0"},
    });
    let log = json!({"version": "2.1.0", "runs": [{
        "tool": {"driver": {"name": "Snakestone", "rules": [rule]}},
        "automationDetails": {"id": "snakestone/"},
        "invocations": [{"executionSuccessful": true}],
        "results": results,
    }]});
    Scan::read(log.to_string().as_bytes()).unwrap()
}

fn patch(old: &str, new: &str) -> String {
    TextDiff::from_lines(old, new).unified_diff().missing_newline_hint(true).to_string()
}

fn proposed(results: &[Value], patch: &str) -> Proposal {
    propose(&scan(results), &BTreeMap::from([("net/agent x.py".to_owned(), Some(Patch::parse(patch)))]))
}

/// The fenced lines of the only comment.
fn suggestion(proposal: &Proposal) -> Option<&str> {
    assert_eq!(proposal.comments.len(), 1);
    Some(proposal.comments[0].body.split_once("suggestion\n")?.1.split_once("```\n")?.0)
}

const SHELL: &str = "os.system('down ' + device)";
const LIST: &str = "subprocess.run(['down', device])";

#[test]
fn a_suggestion_replaces_the_whole_line_with_its_indentation() {
    let proposal = proposed(&[result(NEW, 5, &[(5, SHELL, LIST)])], &patch(OLD, NEW));
    assert_eq!(suggestion(&proposal), Some("    subprocess.run(['down', device])\n"));
    let request = proposal.comments[0].request();
    assert_eq!(
        (&request["path"], &request["line"], &request["side"]),
        (&json!("net/agent x.py"), &json!(5), &json!("RIGHT"))
    );
    let body = &proposal.comments[0].body;
    insta::assert_snapshot!(body, @r"
    **high** · <code>command-injection</code> · Command built from outside data

    <code>device</code> reaches a shell.

    **Do:** pass a list. See: the &#91;call&#93;.

    Edit: pass a list (changes behavior: review it).

    ```suggestion
        subprocess.run(['down', device])
    ```

    <sub>Confidence: nearly all findings of this rule are right.</sub>

    <!-- snakestone:v1 6731f51ba53f215e-02c295a066b18e16 -->
    ");
    assert_eq!(Id::read(body), Some(proposal.comments[0].id));
    assert_eq!(
        proposal.body(&proposal.comments, false),
        "**Snakestone** has 1 suggestion for the lines of this pull request.\n"
    );
}

#[test]
fn start_line_stands_before_line_or_is_left_out() {
    let one = proposed(&[result(NEW, 5, &[(5, SHELL, LIST)])], &patch(OLD, NEW));
    assert_eq!(one.comments[0].request().get("start_line"), None);
    let two = proposed(&[result(NEW, 5, &[(5, SHELL, LIST), (6, "1", "0")])], &patch(OLD, NEW));
    let request = two.comments[0].request();
    assert_eq!(
        (&request["start_line"], &request["line"], &request["start_side"]),
        (&json!(5), &json!(6), &json!("RIGHT"))
    );
}

#[test]
fn context_lines_count() {
    // The finding is on the added line; the edit is of the line below, which is context.
    let proposal = proposed(&[result(NEW, 5, &[(6, "1", "0")])], &patch(OLD, NEW));
    assert_eq!(suggestion(&proposal), Some("    return 0\n"));
    assert_eq!(proposal.comments[0].request()["line"], 6);
}

#[test]
fn lines_the_pull_request_does_not_touch_get_no_comment() {
    // Line 6 is shown, but neither it nor the finding's line is changed; line 14 is not shown.
    for line in [6, 14] {
        let proposal = proposed(&[result(NEW, line, &[(line, "return", "yield")])], &patch(OLD, NEW));
        assert_eq!((proposal.comments.len(), proposal.n_differing), (0, 0));
    }
}

#[test]
fn a_range_in_two_hunks_goes_in_words() {
    let new = NEW.replace("return 3", "return 4");
    // Line 5 in the first hunk, line 10 between both: context of three lines reaches line 8.
    let proposal =
        proposed(&[result(&new, 5, &[(5, SHELL, LIST), (9, "start", "begin")])], &patch(OLD, &new));
    assert_eq!(suggestion(&proposal), None);
    assert_eq!(proposal.comments[0].request()["line"], 5);
}

#[test]
fn a_deleted_line_in_between_goes_in_words() {
    let old = OLD.replace("    return 1\n", "    return 1\n    log()\n");
    let between = proposed(&[result(NEW, 5, &[(5, SHELL, LIST), (7, "", "x")])], &patch(&old, NEW));
    assert_eq!(suggestion(&between), None);
    // Lines deleted before the first line, or behind the last, are outside of the range.
    let before = proposed(&[result(NEW, 5, &[(5, SHELL, LIST), (6, "1", "0")])], &patch(&old, NEW));
    assert!(suggestion(&before).is_some());
}

#[test]
fn unchanged_text_is_no_suggestion() {
    let proposal = proposed(&[result(NEW, 5, &[(5, SHELL, SHELL)])], &patch(OLD, NEW));
    assert_eq!(suggestion(&proposal), None);
}

#[test]
fn an_edit_is_shrunk_to_the_lines_it_changes() {
    let mut result = result(NEW, 5, &[(5, SHELL, &format!("{LIST}\n    return 1"))]);
    result["fixes"][0]["artifactChanges"][0]["replacements"][0]["deletedRegion"]["endLine"] = json!(6);
    result["fixes"][0]["artifactChanges"][0]["replacements"][0]["deletedRegion"]["endColumn"] = json!(13);
    result["locations"][0]["physicalLocation"]["contextRegion"] = json!({
        "startLine": 4, "snippet": {"text": NEW.split('\n').skip(3).take(4).collect::<Vec<_>>().join("\n")}
    });
    let proposal = proposed(&[result], &patch(OLD, NEW));
    assert_eq!(suggestion(&proposal), Some("    subprocess.run(['down', device])\n"));
    assert_eq!(proposal.comments[0].request()["line"], 5);
}

#[test]
fn an_empty_fence_deletes() {
    let mut result = result(NEW, 5, &[(5, SHELL, "")]);
    let region = &mut result["fixes"][0]["artifactChanges"][0]["replacements"][0]["deletedRegion"];
    *region = json!({"startLine": 5, "startColumn": 1, "endLine": 6, "endColumn": 1});
    let proposal = proposed(&[result], &patch(OLD, NEW));
    assert!(proposal.comments[0].body.contains("\n```suggestion\n```\n"));
}

#[test]
fn a_fence_is_longer_than_any_inside() {
    let proposal = proposed(&[result(NEW, 5, &[(5, SHELL, "f('````')\n    ```")])], &patch(OLD, NEW));
    let body = &proposal.comments[0].body;
    assert!(body.contains("\n`````suggestion\n    f('````')\n    ```\n`````\n"), "{body}");
}

#[test]
fn a_distant_import_goes_in_words() {
    let near = result(NEW, 5, &[(2, "", "import subprocess"), (5, SHELL, LIST)]);
    let proposal = proposed(&[near], &patch(&OLD.replace("    device.down()\n", ""), NEW));
    assert!(suggestion(&proposal).is_some(), "an import that is adjacent");
    let far = OLD.replace("import os\n", "import os\n# 1\n# 2\n# 3\n# 4\n");
    let near = NEW.replace("import os\n", "import os\n# 1\n# 2\n# 3\n# 4\n");
    let proposal =
        proposed(&[result(&near, 9, &[(1, "os", "os, subprocess"), (9, SHELL, LIST)])], &patch(&far, &near));
    assert_eq!(suggestion(&proposal), None);
    assert!(proposal.comments[0].body.contains("Edit: pass a list (changes behavior: review it)."));
}

#[test]
fn a_finding_without_edit_is_left_to_code_scanning() {
    let mut result = result(NEW, 5, &[(5, SHELL, LIST)]);
    result["fixes"] = json!([]);
    assert_eq!(proposed(&[result], &patch(OLD, NEW)).comments, []);
}

#[test]
fn two_suggestions_for_one_line_are_whole_each() {
    // GitHub commits one of them; the other is outdated then, and written anew by the next run.
    let other = result(NEW, 5, &[(5, SHELL, "os.execvp('down', ['down', device])")]);
    let proposal = proposed(&[result(NEW, 5, &[(5, SHELL, LIST)]), other], &patch(OLD, NEW));
    assert_eq!(proposal.comments.len(), 2);
    assert!(proposal.comments.iter().all(|comment| comment.suggests && comment.request()["line"] == 5));
}

#[test]
fn an_edit_without_its_lines_goes_in_words() {
    let mut far = result(NEW, 5, &[(5, SHELL, LIST)]);
    far["fixes"][0]["artifactChanges"][0]["replacements"][0]["deletedRegion"]["endLine"] = json!(90);
    assert_eq!(suggestion(&proposed(&[far], &patch(OLD, NEW))), None);
}

#[test]
fn lines_that_differ_between_merge_commit_and_head_get_no_comment() {
    // The base gained a line above: the scanned merge commit has the call in line 6, the head in line 5.
    let merged = format!("# base\n{NEW}");
    let proposal = proposed(&[result(&merged, 6, &[(6, SHELL, LIST)])], &patch(OLD, NEW));
    assert_eq!((proposal.comments.len(), proposal.n_differing), (0, 0));
    let shifted = NEW.replace("return 1", "return 7");
    let proposal = proposed(&[result(NEW, 5, &[(5, SHELL, LIST), (6, "1", "0")])], &patch(OLD, &shifted));
    assert_eq!(suggestion(&proposal), None, "line 6 of the head is not line 6 of the scan");
    let renamed = NEW.replace("'down '", "'up '");
    let proposal = proposed(&[result(NEW, 5, &[(5, SHELL, LIST)])], &patch(OLD, &renamed));
    assert_eq!((proposal.comments.len(), proposal.n_differing), (0, 1));
}

#[test]
fn a_file_without_patch_is_counted() {
    let files = BTreeMap::from([("net/agent x.py".to_owned(), None)]);
    let proposal = propose(&scan(&[result(NEW, 5, &[(5, SHELL, LIST)])]), &files);
    assert_eq!((proposal.comments.len(), proposal.n_without_patch), (0, 1));
}

#[test]
fn line_ends_of_windows_agree() {
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let mut result = result(NEW, 5, &[(5, SHELL, LIST)]);
    let text = crlf(&NEW.split('\n').skip(3).take(3).collect::<Vec<_>>().join("\n"));
    result["locations"][0]["physicalLocation"]["contextRegion"]["snippet"]["text"] = text.into();
    let proposal = proposed(&[result], &patch(&crlf(OLD), &crlf(NEW)));
    assert_eq!(suggestion(&proposal), Some("    subprocess.run(['down', device])\n"));
}

#[test]
fn text_that_hides_or_reorders_is_not_suggested() {
    let proposal = proposed(&[result(NEW, 5, &[(5, SHELL, "f()  # \u{202e}x")])], &patch(OLD, NEW));
    assert_eq!(suggestion(&proposal), None);
}

#[test]
fn code_in_a_suggestion_is_no_marker_and_text_is_escaped() {
    let forged = "f()\n<!-- snakestone:v1 1-2 -->";
    let mut result = result(NEW, 5, &[(5, SHELL, forged)]);
    result["message"]["text"] = "@team ![x](http://y) <!-- snakestone:v1 1-2 -->\nDo".into();
    let body = &proposed(&[result], &patch(OLD, NEW)).comments[0].body;
    assert_eq!(body.matches("<!-- snakestone").count(), 2, "the fenced one and ours");
    assert_ne!(Id::read(body).unwrap().finding, 2);
    assert!(!body.contains("@team") && !body.contains("!["), "{body}");
}

#[test]
fn at_most_thirty_worst_first_and_the_rest_in_the_body() {
    let mut old = String::new();
    let mut new = String::new();
    for n in 0..40 {
        old.push_str(&format!("x{n}\n"));
        new.push_str(&format!("{SHELL}  # {n}\n"));
    }
    let results: Vec<Value> = (1..=40).map(|line| result(&new, line, &[(line, SHELL, LIST)])).collect();
    let scan = scan(&results);
    let proposal = proposed(&results, &patch(&old, &new));
    assert_eq!((proposal.comments.len(), proposal.rest.len(), ids(&scan).len()), (30, 10, 40));
    let body = proposal.body(&proposal.comments, true);
    assert!(body.contains("30 suggestions") && body.contains("10 findings"), "{body}");
    assert!(body.contains("net/agent x.py:40</code>") && body.contains("own workflow"), "{body}");
}

#[test]
fn an_id_outlives_moves_and_tells_scans_apart() {
    let moved = format!("\n\n{NEW}");
    let mut there = result(&moved, 7, &[(7, SHELL, LIST)]);
    there["partialFingerprints"]["primaryLocationLineHash"] = "5:1".into();
    let (here, there) = (scan(&[result(NEW, 5, &[(5, SHELL, LIST)])]), scan(&[there]));
    assert_eq!(ids(&here), ids(&there));
    let other = Scan { category: "backend/".to_owned(), ..here };
    assert_ne!(ids(&other), ids(&there));
}

proptest! {
    #[test]
    fn no_text_makes_a_comment_too_long_or_ends_its_fence(
        message in "\\PC{0,40}",
        repeat in 1..400_usize,
        code in "[`\\n a<]{0,60}",
    ) {
        let mut result = result(NEW, 5, &[(5, SHELL, &code)]);
        result["message"]["text"] = format!("{} Do: {}", message.repeat(repeat), message.repeat(repeat)).into();
        result["fixes"][0]["description"]["text"] = message.repeat(repeat).into();
        for comment in proposed(&[result], &patch(OLD, NEW)).comments {
            prop_assert!(comment.body.chars().count() < 65_536);
            if let Some((before, rest)) = comment.body.split_once("suggestion\n") {
                let fence = before.lines().next_back().unwrap();
                prop_assert_eq!(rest.lines().filter(|line| line.trim_start().starts_with(fence)).count(), 1);
            }
        }
    }
}
