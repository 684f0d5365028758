//! Baseline files at the command line: written, read, pruned, and refused where they are wrong.

use std::fs;

use crate::run::run;
use crate::tree::tree;

fn swallows(name: &str, call: &str) -> String {
    format!(
        "def {name}(x):\n    try:\n        x.{call}()\n    except Exception:\n        pass\n    return x\n\n\n"
    )
}

#[test]
fn known_findings_are_written_compared_and_pruned() {
    let (one, two) = (swallows("one", "send"), swallows("two", "poll"));
    let dir = tree(&[("a.py", one.clone() + &two), ("pkg/b.py", swallows("three", "send"))]);
    let dir = dir.path();
    let (code, out, err) = run(dir, &["baseline", "write", "known.json"]);
    assert_eq!((code, out.as_str()), (0, "3 findings in `known.json`\n"), "{err}");
    let written = fs::read_to_string(dir.join("known.json")).unwrap();
    assert_eq!(written.lines().count(), 5, "{written}");
    assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok());
    fs::write(dir.join("a.py"), format!("import os\n\n\n{two}{one}")).unwrap();
    run(dir, &["baseline", "write", "again.json"]);
    assert_eq!(fs::read_to_string(dir.join("again.json")).unwrap(), written, "moved code changes no line");
    assert_eq!(run(dir, &["scan", "--baseline", "known.json"]).0, 0);
    assert_eq!(run(dir, &["scan", "--baseline", "known.json", "--fail-on-existing"]).0, 1);

    fs::write(dir.join("a.py"), two.clone() + &two.replace("two", "twin")).unwrap();
    let (code, out, _) = run(dir, &["scan", "--baseline", "known.json", "-o", "jsonl"]);
    assert_eq!(code, 1);
    let is_new = |name: &str| {
        let row = out.lines().find(|line| line.contains(&format!("\"function\":\"{name}\""))).unwrap();
        serde_json::from_str::<serde_json::Value>(row).unwrap()["isNew"].as_bool().unwrap()
    };
    assert_eq!([is_new("two"), is_new("twin"), is_new("three")], [false, true, false]);
    let (_, out, _) = run(dir, &["scan", "--baseline", "known.json"]);
    assert!(out.contains("fixed since then (1):\n  a.py swallowed-exception one"), "{out}");
    assert!(out.contains("new medium[swallowed-exception]"), "{out}");
    assert!(out.contains("compared with `known.json`: 2 existing findings not shown, 1 fixed"), "{out}");
    let (_, out, _) = run(dir, &["scan", "pkg", "--baseline", "known.json"]);
    assert!(out.contains("1 existing finding not shown, 0 fixed"), "what is not scanned is not fixed: {out}");

    let (code, out, _) = run(dir, &["baseline", "prune", "known.json", "pkg"]);
    assert_eq!((code, out.as_str()), (0, "0 findings fixed and dropped, 3 left in `known.json`\n"));
    let (code, out, _) = run(dir, &["baseline", "prune", "known.json"]);
    assert_eq!((code, out.as_str()), (0, "1 finding fixed and dropped, 2 left in `known.json`\n"));
    assert_eq!(run(dir, &["scan", "--baseline", "known.json"]).0, 1, "the twin is new still");
}

#[test]
fn our_sarif_is_a_baseline() {
    let dir = tree(&[("a b.py", swallows("one", "send")), ("b.py", swallows("low", "read"))]);
    let dir = dir.path();
    for format in ["sarif", "sarif-full"] {
        run(dir, &["scan", "-o", &format!("{format}=base.sarif")]);
        fs::write(dir.join("c.py"), swallows("two", "poll")).unwrap();
        let (code, out, err) =
            run(dir, &["scan", "--baseline", "base.sarif", "-o", "sarif-full=now.sarif", "-o", "terminal"]);
        assert_eq!(code, 1, "{err}");
        assert!(
            out.contains("2 existing findings not shown, 0 fixed") && out.contains("1 new finding "),
            "{out}"
        );
        let now: serde_json::Value =
            serde_json::from_slice(&fs::read(dir.join("now.sarif")).unwrap()).unwrap();
        let states = now["runs"][0]["results"].as_array().unwrap().iter();
        let states: Vec<&str> = states.map(|result| result["baselineState"].as_str().unwrap()).collect();
        assert_eq!(states, ["unchanged", "unchanged", "new"]);
        fs::remove_file(dir.join("c.py")).unwrap();
    }
}

#[test]
fn wrong_baselines_are_told_with_position_and_remedy() {
    let dir = tree(&[
        ("a.py", String::new()),
        ("conflict.json", "{\"snakestone-baseline\": 1, \"findings\": [\n<<<<<<< ours\n]}\n".to_owned()),
        ("other.sarif", "{\"version\": \"2.1.0\", \"runs\": [{\"tool\": {\"driver\": {\"name\": \"Bandit\"}}, \"results\": []}]}".to_owned()),
        ("old.sarif", "{\"runs\": [{\"tool\": {\"driver\": {\"name\": \"Snakestone\"}}, \"results\": [{\"ruleId\": \"a\"}]}]}".to_owned()),
    ]);
    for (args, said) in [
        (&["scan", "--baseline", "none.json"][..], "`snakestone baseline write` makes one"),
        (&["scan", "--baseline", "."], "expected a file"),
        (&["scan", "--baseline", "conflict.json"], "conflict.json:2:1: expected value; write it anew"),
        (&["scan", "--baseline", "other.sarif"], "a SARIF file of `Bandit`"),
        (&["scan", "--baseline", "old.sarif"], "the file is of an older version"),
        (&["baseline", "prune", "none.json"], "cannot read the baseline `none.json`"),
        (&["scan", "--since", "main"], "is in no git repository"),
        (&["scan", "--config-from", "base"], "give `--since REVISION`"),
        (&["scan", "--since", "main", "--baseline", "conflict.json"], "cannot be used with"),
    ] {
        let (code, _, error) = run(dir.path(), args);
        assert_eq!(code, 2, "{args:?}: {error}");
        assert!(error.contains(said), "{args:?}: {error}");
    }
}
