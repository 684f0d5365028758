//! The command line as people use it: exit codes, reports, errors.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common/run.rs"]
mod run;
#[path = "common/tree.rs"]
mod tree;

use std::fs;
use std::path::Path;

use assert_cmd::Command;

use run::run;
use tree::tree;

const SWALLOWS: &str = "def f(x):\n    try:\n        x.send()\n    except:\n        x.failed()\n";

#[test]
fn the_exit_code_follows_the_threshold_and_reports_do_not() {
    let dir = tree(&[("a.py", SWALLOWS)]);
    let (code, out, _) = run(dir.path(), &["scan", "-o", "jsonl"]);
    assert_eq!(code, 1);
    assert_eq!(out.lines().count(), 1);
    let (code, same, _) = run(dir.path(), &["scan", "-o", "jsonl", "--fail-on", "high"]);
    assert_eq!((code, same), (0, out));
}

#[test]
fn several_reports_are_written_at_once() {
    let dir = tree(&[("a.py", SWALLOWS)]);
    let args = ["scan", "-o", "sarif=out/a.sarif", "-o", "markdown=out/a.md", "-o", "terminal"];
    let (code, out, _) = run(dir.path(), &args);
    assert_eq!(code, 1);
    assert!(out.contains("1 finding"), "{out}");
    let sarif: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.path().join("out/a.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "bare-except");
    assert!(fs::read_to_string(dir.path().join("out/a.md")).unwrap().contains("Conclusion"));
}

#[test]
fn the_folder_that_a_scan_begins_in_changes_paths_alone() {
    let store = "def run(command):\n    import os\n    os.system(command)\n";
    let views = "from flask import Flask, request\nfrom shop.store import run\napp = Flask(__name__)\n\n@app.route('/')\ndef a():\n    run(request.args['a'])\n    return ''\n";
    let dir = tree(&[("shop/__init__.py", ""), ("shop/store.py", store), ("shop/views.py", views)]);
    let scan = |from: &str, path: &str| {
        run(&dir.path().join(from), &["scan", path, "-o", "jsonl", "--select", "command-injection"]).1
    };
    let above = scan("", ".").replace("shop/", "");
    assert_eq!(above.lines().count(), 1, "{above}");
    assert_eq!(scan("shop", "."), above);
    assert_eq!(scan("", "shop").replace("shop/", ""), above);
}

#[test]
fn wrong_use_is_told_with_a_remedy() {
    let dir = tree(&[("a.py", "")]);
    for (args, said) in [
        (&["scan", "missing"][..], "cannot scan `missing`"),
        (&["scan", "--select", "bare-excep"], "did you mean `bare-except`?"),
        (&["scan", "-o", "xml=a"], "unknown format `xml`"),
        (&["scan", "-o", "sarif="], "names no file"),
        (&["explain", "bare-excpt"], "did you mean `bare-except`?"),
        (&["scan", "--config", "none.yml"], "cannot read `none.yml`"),
        (&["scan", "--exclude", "[z-a]{"], "exclude pattern"),
    ] {
        let (code, _, error) = run(dir.path(), args);
        assert_eq!(code, 2, "{args:?}: {error}");
        assert!(error.contains(said), "{args:?}: {error}");
    }
}

#[test]
fn configuration_is_obeyed_and_shown() {
    let dir = tree(&[("a.py", SWALLOWS), ("snakestone.yml", "disable: [bare-except]\n")]);
    assert_eq!(run(dir.path(), &["scan"]).0, 0);
    let (code, out, _) = run(dir.path(), &["scan", "--show-config"]);
    assert_eq!(code, 0);
    assert!(out.contains("disable: [\"bare-except\"]  # ") && out.contains("snakestone.yml"), "{out}");
    fs::write(dir.path().join("snakestone.yml"), "disabel: [bare-except]\n").unwrap();
    let (code, _, error) = run(dir.path(), &["scan"]);
    assert_eq!(code, 2);
    assert!(error.contains("snakestone.yml:1:1: unknown key `disabel`; did you mean `disable`?"), "{error}");
}

#[test]
fn markers_silence_and_are_counted() {
    let marked = SWALLOWS.replace("except:", "except:  # snakestone: ignore[bare-except] x never stops");
    let dir = tree(&[("a.py", &marked)]);
    let (code, out, _) = run(dir.path(), &["scan", "-o", "sarif"]);
    assert_eq!(code, 0);
    assert!(!out.contains("\"results\":[{"), "{out}");
    let (_, full, _) = run(dir.path(), &["scan", "-o", "sarif-full"]);
    assert!(full.contains("\"inSource\"") && full.contains("x never stops"));
    let unused = "x = 1  # snakestone: ignore[bare-except] old\n";
    let dir = tree(&[("a.py", unused)]);
    let (_, out, _) = run(dir.path(), &["scan", "-o", "jsonl"]);
    assert!(out.contains("suppression-problem"), "{out}");
}

#[test]
fn foreign_markers_are_honored_as_asked() {
    let dir = tree(&[("a.py", &SWALLOWS.replace("except:", "except:  # noqa: E722"))]);
    assert_eq!(run(dir.path(), &["scan"]).0, 0);
    assert_eq!(run(dir.path(), &["scan", "--other-markers", "none"]).0, 1);
}

#[test]
fn rules_are_listed_explained_and_completed() {
    let dir = tree::<&str>(&[]);
    let (code, out, _) = run(dir.path(), &["rules"]);
    assert_eq!(code, 0);
    let id = out.lines().next().unwrap().split(' ').next().unwrap();
    let (code, page, _) = run(dir.path(), &["explain", id]);
    assert!(code == 0 && page.contains("Do this") && !page.contains("# find"), "{page}");
    assert!(run(dir.path(), &["completions", "bash"]).1.contains("snakestone"));
}

#[test]
fn the_action_reads_inputs_and_writes_everything() {
    let dir = tree(&[("a.py", SWALLOWS)]);
    let file = |name: &str| dir.path().join(name);
    let output = Command::cargo_bin("snakestone")
        .unwrap()
        .current_dir(dir.path())
        .env("GITHUB_ACTIONS", "true")
        .env_remove("GITHUB_EVENT_PATH")
        .env("INPUT_FAIL-ON", "none")
        .env("INPUT_UPLOAD", "never")
        .env("INPUT_SARIF-FILE", "s.sarif")
        .env("GITHUB_STEP_SUMMARY", file("summary"))
        .env("GITHUB_OUTPUT", file("output"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let log = String::from_utf8(output.stdout).unwrap();
    assert!(log.lines().any(|line| line.starts_with("::warning file=a.py,line=4")), "{log}");
    assert!(fs::read_to_string(file("summary")).unwrap().contains("Conclusion"));
    let outputs = fs::read_to_string(file("output")).unwrap();
    assert!(outputs.starts_with("sarif-file<<SNAKESTONE_") && outputs.contains("\ns.sarif\n"), "{outputs}");
    assert!(file("s.sarif").exists());
}

#[test]
fn the_sample_in_the_readme_is_what_the_example_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let sample = readme.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let (_, out, _) = run(root, &["scan", "examples/edge-router"]);
    for finding in sample.trim_end().split("\n\n") {
        assert!(out.contains(finding), "{finding}\nis not in\n{out}");
    }
}

const SHOP: &str = "import os\n\nfrom shop.queue import receive\nfrom shop.text import clean\n\n\n\
    def work():\n    os.system(\"echo \" + receive())\n    os.system(\"echo \" + clean(receive()))\n";

#[test]
fn packs_of_the_project_name_sources_and_sanitizers() {
    let pack = "sources:\n  - { at: shop.queue.receive(), kind: remote }\nsanitizers:\n  - { call: shop.text.clean, clears: [command] }\n";
    let config = "models: [packs/shop.yaml]\nselect: [command-injection]\n";
    let dir = tree(&[("a.py", SHOP), ("packs/shop.yaml", pack), ("snakestone.yml", config)]);
    let (code, out, err) = run(dir.path(), &["scan", "-o", "jsonl"]);
    assert_eq!(code, 1, "{err}");
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{out}");
    assert_eq!((&lines[0]["rule"], &lines[0]["line"]), (&"command-injection".into(), &8.into()));
}

#[test]
fn a_wrong_pack_is_told_with_its_line() {
    let config = "models: [shop.yaml]\n";
    let dir = tree(&[
        ("a.py", SHOP),
        ("shop.yaml", "sinks:\n  - { call: f, in: [0], kind: sqli }\n"),
        ("snakestone.yml", config),
    ]);
    let (code, _, err) = run(dir.path(), &["scan"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("shop.yaml:2: unknown kind `sqli`; known kinds are command"), "{err}");
    for (path, said) in [("../shop.yaml", "must lie below"), ("missing.yaml", "cannot be read")] {
        let dir = tree(&[("a.py", SHOP), ("snakestone.yml", &format!("models: [{path}]\n"))]);
        let (code, _, err) = run(dir.path(), &["scan"]);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(said), "{err}");
    }
}

#[test]
fn local_data_counts_where_it_is_asked_for() {
    let code = "import os\nimport sys\n\n\ndef work():\n    os.system(\"echo \" + sys.argv[1])\n";
    let dir = tree(&[("a.py", code), ("snakestone.yml", "select: [command-injection]\n")]);
    assert_eq!(run(dir.path(), &["scan"]).0, 0);
    let config = "select: [command-injection]\nthreat-models: [remote, local]\n";
    let dir = tree(&[("a.py", code), ("snakestone.yml", config)]);
    let (code, out, _) = run(dir.path(), &["scan", "-o", "jsonl"]);
    assert_eq!(code, 1);
    assert!(out.contains("whoever starts the program"), "{out}");
}

#[test]
fn arguments_of_a_package_count_where_it_is_asked_for() {
    let code = "import os\n\n\ndef run(command):\n    os.system(command)\n";
    let config = "select: [command-injection]\nthreat-models: [remote, library]\n";
    let project = "[project]\nname = 'shop'\n";
    let files = [
        ("pkg/__init__.py", ""),
        ("pkg/a.py", code),
        ("snakestone.yml", config),
        ("pyproject.toml", project),
    ];
    let dir = tree(&files);
    let (code, out, _) = run(dir.path(), &["scan", "-o", "jsonl"]);
    assert_eq!(code, 1);
    assert!(out.contains("which comes from whoever calls the package") && out.contains("\"high\""), "{out}");
    fs::write(dir.path().join("snakestone.yml"), "select: [command-injection]\n").unwrap();
    assert_eq!(run(dir.path(), &["scan"]).0, 0);
    assert_eq!(run(tree(&files[..3]).path(), &["scan"]).0, 0, "nothing tells that this is a package");
    fs::write(dir.path().join("snakestone.yml"), "threat-models: [remote, librari]\n").unwrap();
    let (code, _, err) = run(dir.path(), &["scan"]);
    assert!(code == 2 && err.contains("unknown value `librari`; did you mean `library`?"), "{err}");
}

#[test]
fn templates_are_read_beside_the_code() {
    let code = "from flask import Flask, render_template, request\n\napp = Flask(__name__)\n\n\n\
                @app.route('/')\ndef view():\n    return render_template('a.html', text=request.args['text'])\n";
    let dir = tree(&[("app.py", code), ("templates/a.html", "<p>\n{{ text|safe }}</p>\n")]);
    let args = ["scan", "-o", "jsonl", "--select", "cross-site-scripting"];
    let (_, out, _) = run(dir.path(), &args);
    let finding: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&finding["path"], &finding["line"]), (&"app.py".into(), &8.into()));
    let last = finding["trace"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["path"], &last["line"]), (&"templates/a.html".into(), &2.into()));
    let (_, summary, _) = run(dir.path(), &["scan", "--select", "cross-site-scripting"]);
    assert!(summary.contains("1 file"), "{summary}");
    assert!(summary.contains("{{ text|safe }}"), "{summary}");
    fs::write(dir.path().join("templates/a.html"), "<p>{{ text }}</p>").unwrap();
    assert_eq!(run(dir.path(), &args).1, "");
}
