//! Random valid Python around a planted defect: the edit is applied, the file parses, the finding is gone, nothing else
//! is lost, and a second run changes nothing.

use std::sync::OnceLock;

use proptest::prelude::*;

use snakestone::base::IdVec;
use snakestone::config::{self, Overrides, Settings};
use snakestone::fix;
use snakestone::python;
use snakestone::rules::{self, Judge};
use snakestone::scan;
use snakestone::text::{FileId, FileKind, SourceFile};

/// Defects of several rules as statements that can stand in any function; each has an edit.
const DEFECTS: &[(&str, &str)] = &[
    ("bare-except", "try:\n    step()\nexcept:\n    print('failed')"),
    ("command-status-ignored", "subprocess.run(['ip', 'link', 'set', name, 'up'])"),
    ("resource-not-closed", "text = open(name).read()"),
    ("exception-logged-without-cause", "try:\n    step()\nexcept Exception:\n    LOG.error('no %s', name)"),
    ("swallowed-exception", "try:\n    step()\nexcept Exception:\n    pass"),
    ("sql-injection", "rows = DB.execute(\"SELECT 1 FROM t WHERE a = '%s'\" % request.args['a'])"),
    ("log-injection", "LOG.info('for %s', request.args['a'])"),
];

/// Statements that no rule minds.
const PLAIN: &[&str] = &[
    "total = 1 + 2  # three",
    "items = [x for x in range(3) if x]",
    "pairs = {\n    'a': 1,  # first\n    'b': (2,\n          3),\n}",
    "text = '''one\n  two'''",
    "label = f'{name!r:>10} {len(name)}'",
    "value = name if name else 'none'",
    "assert name, \\\n    'no name'",
    "match = lambda x, *y, **z: (x, y, z)",
    "# a comment alone",
    "total = (1 +\n         2)",
];

fn indented(code: &str, depth: usize, tabs: bool) -> String {
    let step = if tabs { "\t" } else { "    " };
    // Lines of a string keep their place.
    let in_string = code.contains("'''");
    let lines = code.lines().enumerate().map(|(i, line)| {
        let line = if tabs && !in_string { line.replace("    ", "\t") } else { line.to_owned() };
        if in_string && i > 0 { line } else { format!("{}{line}", step.repeat(depth)) }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn module(defect: &str, before: &[usize], after: &[usize], depth: usize, tabs: bool, crlf: bool) -> String {
    let mut lines = vec![
        "\"\"\"A module.\"\"\"".to_owned(),
        "import logging".to_owned(),
        "import sqlite3".to_owned(),
        "import subprocess".to_owned(),
        "from flask import request".to_owned(),
        String::new(),
        "DB = sqlite3.connect('t')".to_owned(),
        "LOG = logging.getLogger(__name__)".to_owned(),
        String::new(),
        "def work(name, step):".to_owned(),
    ];
    for level in 1..depth {
        lines.push(indented(["if name:", "for _ in name:", "while step:"][level % 3], level, tabs));
    }
    let mut add = |code: &str| lines.push(indented(code, depth, tabs));
    before.iter().for_each(|index| add(PLAIN[*index]));
    add(defect);
    after.iter().for_each(|index| add(PLAIN[*index]));
    add("step(name)");
    let text = lines.join("\n") + "\n";
    if crlf { text.replace('\n', "\r\n") } else { text }
}

fn files(text: String) -> IdVec<FileId, SourceFile> {
    [SourceFile::new("work.py", FileKind::Module, false, text)].into_iter().collect()
}

struct Tools {
    judge: Judge,
    settings: Settings,
    pool: rayon::ThreadPool,
}

fn tools() -> &'static Tools {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    TOOLS.get_or_init(|| Tools {
        judge: rules::judge(|_| true),
        settings: config::resolve(None, &Overrides::default(), &[]).unwrap(),
        pool: scan::pool(1).unwrap(),
    })
}

fn fixed(text: String) -> fix::Fixed {
    let Tools { judge, settings, pool } = tools();
    fix::fix(files(text), judge, settings, &[], &mut |_, _| true, pool)
}

fn comments(file: &SourceFile) -> Vec<String> {
    let parsed = python::parse(file).unwrap();
    python::comments(&parsed).map(|span| file.slice(span).to_owned()).collect()
}

/// Whether `new` is `old` without findings of `rule`, and otherwise sound.
fn verdict(rule: &str, old: &str, new: &str) -> Result<(), String> {
    let (old, new) = (files(old.to_owned()), files(new.to_owned()));
    let found = scan::scan(&new, &tools().judge, &|| ());
    let (old, new) = (old.iter().next().unwrap(), new.iter().next().unwrap());
    if !python::parse(new).unwrap().errors.is_empty() {
        return Err(format!("no Python:\n{}", new.text));
    }
    if found.findings.iter().any(|finding| finding.rule == rule) {
        return Err(format!("{rule} stays:\n{}", new.text));
    }
    if comments(old) != comments(new) {
        return Err(format!("comments are lost:\n{}", new.text));
    }
    let is_mixed = old.text.contains('\r') && new.text.replace("\r\n", "").contains('\n');
    if is_mixed { Err(format!("line ends are mixed:\n{:?}", new.text)) } else { Ok(()) }
}

#[test]
fn the_verdict_knows_what_is_wrong() {
    let text = module(DEFECTS[0].1, &[0], &[8], 1, false, true);
    let good = text.replace("except:", "except Exception:");
    assert_eq!(verdict("bare-except", &text, &good), Ok(()));
    let wrong = |new: &str, why: &str| {
        let told = verdict("bare-except", &text, new).unwrap_err();
        assert!(told.starts_with(why), "{told}");
    };
    wrong(&text, "bare-except stays");
    wrong(&good.replace("except Exception:", "except Exception"), "no Python");
    wrong(&good.replace("  # three", ""), "comments are lost");
    wrong(&good.replace("except Exception:\r", "except Exception:"), "line ends are mixed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn a_planted_defect_is_solved_and_nothing_else_changes(
        which in 0..DEFECTS.len(),
        before in prop::collection::vec(0..PLAIN.len(), 0..4),
        after in prop::collection::vec(0..PLAIN.len(), 0..4),
        depth in 1_usize..4,
        tabs in any::<bool>(),
        crlf in any::<bool>(),
    ) {
        let (rule, defect) = DEFECTS[which];
        let text = module(defect, &before, &after, depth, tabs, crlf);
        let old = files(text.clone());
        let old = old.iter().next().unwrap();
        prop_assert!(python::parse(old).unwrap().errors.is_empty(), "planted in no Python:\n{text}");
        let done = fixed(text.clone());
        let new = done.files.iter().next().unwrap();
        let is_done = done.applied.iter().any(|applied| applied.rule == rule);
        // Tabs keep some edits from being offered; where one is, it must hold.
        prop_assert!(is_done || tabs, "no edit of {rule}:\n{text}");
        prop_assert_eq!(verdict(if is_done { rule } else { "" }, &text, &new.text), Ok(()));
        prop_assert!(done.n_rounds < fix::MAX_ROUNDS);
        let again = fixed(new.text.clone());
        prop_assert_eq!(&again.files.iter().next().unwrap().text, &new.text);
    }
}
