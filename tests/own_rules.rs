//! Rules of the scanned project: pages that its configuration names, from the first error to every report.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common/run.rs"]
mod run;
#[path = "common/tree.rs"]
mod tree;

use std::fs;
use std::path::Path;

use run::run;
use tree::tree;

const CONFIG: &str = include_str!("../examples/shop/snakestone.yml");
const PACK: &str = include_str!("../examples/shop/models/shop.yaml");
const PAGE: &str = include_str!("../examples/shop/rules/price-from-request.md");
const VIEWS: &str = include_str!("../examples/shop/shop/views.py");

/// The example project, with `files` put in place of its own.
fn shop(files: &[(&str, &str)]) -> tempfile::TempDir {
    let own = [
        (".git/HEAD", ""),
        ("snakestone.yml", CONFIG),
        ("models/shop.yaml", PACK),
        ("rules/price-from-request.md", PAGE),
        ("shop/views.py", VIEWS),
        ("shop/till.py", include_str!("../examples/shop/shop/till.py")),
        ("shop/prices.py", include_str!("../examples/shop/shop/prices.py")),
    ];
    tree(&[&own[..], files].concat())
}

/// Rule, line and severity of each open finding of a scan with `args`.
fn found(dir: &Path, args: &[&str]) -> Vec<(String, u64, String)> {
    let (code, out, err) = run(dir, &[&["scan", "-o", "jsonl"], args].concat());
    assert!(code <= 1, "{err}");
    let row = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        let shown = (text("rule"), row["line"].as_u64().unwrap(), text("severity"));
        row["suppressed"].is_null().then_some(shown)
    };
    out.lines().filter_map(row).collect()
}

fn one(line: u64, severity: &str) -> Vec<(String, u64, String)> {
    vec![("price-from-request".to_owned(), line, severity.to_owned())]
}

#[test]
fn the_example_is_that_of_the_readme_and_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    for text in [CONFIG, PACK, PAGE.split("# find").next().unwrap()] {
        assert!(readme.contains(text.trim_end()), "not in README.md:\n{text}");
    }
    let shop = root.join("examples/shop");
    assert_eq!(found(&shop, &[]), one(13, "high"));
    let (code, out, _) = run(&shop, &["explain", "--check", "price-from-request"]);
    assert_eq!((code, &*out), (0, "rules/price-from-request.md: all 3 marked lines are as marked\n"));
}

#[test]
fn an_own_rule_is_selected_disabled_graded_and_silenced_as_any_other() {
    let dir = shop(&[]);
    assert_eq!(found(dir.path(), &["--select", "price-from-request"]), one(13, "high"));
    assert_eq!(found(dir.path(), &["--disable", "price-from-request"]), []);
    let graded = format!("{CONFIG}severity: {{price-from-request: low}}\n");
    assert_eq!(found(shop(&[("snakestone.yml", &graded)]).path(), &[]), one(13, "low"));
    let by_path = format!("{CONFIG}paths: [{{match: ['shop/**'], disable: [price-from-request]}}]\n");
    assert_eq!(found(shop(&[("snakestone.yml", &by_path)]).path(), &[]), []);
    let mark = "request.form[\"price\"])  # snakestone: ignore[price-from-request] the till checks it";
    let marked = VIEWS.replace("request.form[\"price\"])", mark);
    assert_eq!(found(shop(&[("shop/views.py", &marked)]).path(), &[]), []);
    let toml =
        "[tool.snakestone]\nmodels = [\"models/shop.yaml\"]\nrules = [\"rules/price-from-request.md\"]\n";
    let dir = shop(&[("pyproject.toml", toml)]);
    fs::remove_file(dir.path().join("snakestone.yml")).unwrap();
    assert_eq!(found(dir.path(), &[]), one(13, "high"));
    let (_, shown, _) = run(dir.path(), &["scan", "--show-config"]);
    assert!(shown.contains("rules: [\"rules/price-from-request.md\"]  # "), "{shown}");
}

#[test]
fn reports_describe_an_own_rule() {
    let dir = shop(&[]);
    let (_, sarif, _) = run(dir.path(), &["scan", "-o", "sarif"]);
    let sarif: serde_json::Value = serde_json::from_str(&sarif).unwrap();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["id"] == "price-from-request").unwrap();
    assert_eq!(rule["shortDescription"]["text"], "The customer chooses the price");
    assert_eq!(rule["properties"]["tags"], serde_json::json!(["security", "external/cwe/cwe-472"]));
    assert_eq!(rule["helpUri"], serde_json::Value::Null);
    for help in ["text", "markdown"] {
        let text = rule["help"][help].as_str().unwrap();
        assert!(text.contains("Look the price up") && text.contains("rules/price-from-request.md"), "{text}");
        assert!(!text.contains("# find"), "{text}");
    }
    let (_, markdown, _) = run(dir.path(), &["scan", "-o", "markdown"]);
    assert!(
        markdown.contains("<code>price-from-request</code>: The customer chooses the price"),
        "{markdown}"
    );
    let (_, terminal, _) = run(dir.path(), &["scan"]);
    assert!(terminal.contains("more: snakestone explain price-from-request"), "{terminal}");
    let (_, annotations, _) = run(dir.path(), &["scan", "-o", "github"]);
    assert!(annotations.contains("title=price-from-request (high)"), "{annotations}");
}

#[test]
fn an_own_rule_is_listed_and_explained() {
    let dir = shop(&[]);
    let (code, out, _) = run(dir.path(), &["rules"]);
    let row = out.lines().find(|line| line.starts_with("price-from-request")).unwrap();
    assert!(
        code == 0 && row.ends_with("The customer chooses the price (rules/price-from-request.md)"),
        "{row}"
    );
    let (code, out, _) = run(dir.path(), &["explain", "price-from-request"]);
    assert!(code == 0 && out.contains("Do this") && !out.contains("# find"), "{out}");
    assert!(out.trim_end().ends_with("rules/price-from-request.md"), "{out}");
    let elsewhere = tempfile::tempdir().unwrap();
    let config = dir.path().join("snakestone.yml").display().to_string();
    let (code, _, err) = run(elsewhere.path(), &["explain", "price-from-request"]);
    assert!(code == 2 && err.contains("no rule is called `price-from-request`"), "{err}");
    assert_eq!(run(elsewhere.path(), &["explain", "price-from-request", "--config", &config]).0, 0);
    assert!(run(elsewhere.path(), &["rules", "--config", &config]).1.contains("price-from-request"));
}

#[test]
fn examples_that_differ_are_told_with_their_lines() {
    let page = PAGE.replacen("# ok", "# ok so", 1);
    let dir = shop(&[("rules/price-from-request.md", &page)]);
    let (code, out, err) = run(dir.path(), &["explain", "--check", "price-from-request"]);
    assert_eq!(code, 2, "{out}");
    assert!(err.contains("price-from-request.md:26: expected `# ok`, `# ok: text`"), "{err}");
    let page = PAGE.replace("# ok", "# find").replace("# find: request.form[\"price\"]", "# ok");
    let dir = shop(&[("rules/price-from-request.md", &page)]);
    let (code, out, _) = run(dir.path(), &["explain", "--check", "price-from-request"]);
    let said: Vec<&str> = out.lines().collect();
    assert!(code == 1 && said.len() == 7, "{out}");
    assert!(said[0].starts_with("rules/price-from-request.md:25: false alarm: `request.form["), "{out}");
    assert_eq!(said[2], "rules/price-from-request.md:26: missed");
    assert_eq!(said[6], "rules/price-from-request.md: 3 differ, 3 lines are marked");
    let page = PAGE.replace("# find", "# see").replace("# ok", "# see");
    let dir = shop(&[("rules/price-from-request.md", &page)]);
    let (code, out, _) = run(dir.path(), &["explain", "--check", "price-from-request"]);
    assert!(code == 1 && out.contains("no line of its examples is marked"), "{out}");
    assert_eq!(run(dir.path(), &["explain", "--check", "bare-except"]).0, 0);
}

#[test]
fn each_wrong_use_is_told_where_it_is() {
    let page = |from: &str, to: &str| PAGE.replacen(from, to, 1);
    let path = "rules/price-from-request.md";
    let pages: [(String, &str); 7] = [
        (page("severity: high", "severity: bad"), "request.md:3: `severity` is `bad`; expected one of low"),
        (page("flow: price", "flow: prize"), "request.md:7: `flow` is `prize`; known kinds are command, "),
        (
            page("id: price-from-request", "id: sql-injection"),
            "request.md:2: `sql-injection` is the id of a rule that is built in",
        ),
        (page("---\n", ""), "request.md:1: expected `---`"),
        (page("edit: none", "edit: safe"), "request.md:6: a rule of your own offers no edits"),
        (page("chooses", "\u{1b}[2J"), "request.md:11: the character U+001B"),
        (
            "x".repeat(70_000),
            "snakestone.yml:2:9: `rules`: `rules/price-from-request.md` is larger than 64 KiB",
        ),
    ];
    for (text, said) in &pages {
        let (code, _, err) = run(shop(&[(path, text)]).path(), &["scan"]);
        assert!(code == 2 && err.contains(said), "{said}\nis not in\n{err}");
    }
    let no_flow = PAGE
        .lines()
        .filter(|line| !["flow:", "message:", "solution:"].iter().any(|key| line.starts_with(key)));
    let no_flow = no_flow.collect::<Vec<_>>().join("\n");
    let (_, _, err) = run(shop(&[(path, &no_flow)]).path(), &["rules"]);
    assert!(
        err.contains(
            "request.md:2: a rule of your own follows data to a kind of sink; expected `flow: KIND`"
        ),
        "{err}"
    );
    let configs = [
        ("rules/none.md", "`rules`: `rules/none.md` cannot be read: "),
        ("../none.md", "`rules`: `../none.md` must lie below the folder of the configuration"),
        ("/etc/passwd", "`rules`: `/etc/passwd` must lie below the folder of the configuration"),
        ("rules", "`rules`: `rules` is no file"),
        ("rules/price-from-request.md, rules/price-from-request.md", "request.md` is named twice"),
        (
            "rules/price-from-request.md, rules/again.md",
            "again.md:2: `price-from-request` is the id of `rules/price-from-request.md` already",
        ),
    ];
    for (rules, said) in configs {
        let config = format!("models: [models/shop.yaml]\nrules: [{rules}]\n");
        let (code, _, err) =
            run(shop(&[("snakestone.yml", &config), ("rules/again.md", PAGE)]).path(), &["scan"]);
        assert!(code == 2 && err.contains(said), "{said}\nis not in\n{err}");
    }
}

#[test]
fn two_packs_may_share_a_kind_that_one_declares() {
    let more = "sanitizers:\n  - { call: shop.views.request.form, clears: [price] }\n";
    let config = "models: [models/more.yaml, models/shop.yaml]\nrules: [rules/price-from-request.md]\n";
    let dir = shop(&[("models/more.yaml", more), ("snakestone.yml", config)]);
    assert_eq!(found(dir.path(), &[]), one(13, "high"));
    let config = "models: [models/more.yaml]\n";
    let dir = shop(&[("models/more.yaml", more), ("snakestone.yml", config)]);
    let (code, _, err) = run(dir.path(), &["scan"]);
    assert!(code == 2 && err.contains("more.yaml:2: unknown kind `price`; known kinds are command"), "{err}");
}

#[test]
fn a_page_asks_for_threat_models_of_its_own() {
    let path = "rules/price-from-request.md";
    let api = "import os\nimport sys\n\nfrom shop import till\n\n\ndef sell(price):\n    till.charge(\"card\", price)\n    os.system(price)\n\n\n\
        def main():\n    till.charge(\"card\", sys.argv[1])\n    os.system(sys.argv[1])\n";
    let with = |threats: &str| {
        let page = PAGE.replacen("flow: price", &format!("flow: price\nthreats: [{threats}]"), 1);
        let files = [(path, &*page), ("shop/views.py", api), ("shop/__init__.py", ""), ("setup.py", "")];
        found(shop(&files).path(), &["--disable", "command-status-ignored"])
    };
    assert_eq!(with("remote"), []);
    assert_eq!(with("library"), one(8, "medium"));
    assert_eq!(with("local"), one(13, "medium"));
    assert_eq!(with("local, library"), [one(8, "medium"), one(13, "medium")].concat());
    let page = PAGE.replacen("flow: price", "flow: price\nthreats: [everyone]", 1);
    let (code, _, err) = run(shop(&[(path, &page)]).path(), &["scan"]);
    let said = "request.md:8: `threats` names `everyone`; expected some of remote, local, library";
    assert!(code == 2 && err.contains(said), "{err}");
}
