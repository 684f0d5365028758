//! Identities hold whatever happens around a finding, and a twin is told from the one it copies.

use proptest::prelude::*;

use snakestone::base::IdVec;
use snakestone::baseline::{self, Entry};
use snakestone::rules;
use snakestone::scan;
use snakestone::text::{FileId, FileKind, SourceFile};

/// Bodies of functions with findings of rules that look at a handler, a call, and data from outside.
const BODIES: &[&str] = &[
    "    try:\n        x.send()\n    except Exception:\n        pass\n    return x\n",
    "    try:\n        x.read()\n    except:\n        x.failed()\n",
    "    subprocess.run([\"ip\", \"link\", \"add\", x])\n    return x\n",
    "    host = request.args[\"host\"]\n    os.system(\"ping \" + host)\n    return host\n",
    "    handle = open(x)\n    data = handle.read()\n    handle.close()\n    return data\n",
    "    return x\n",
];

/// One function: which body, and its name.
type Function = (usize, String);

fn module(functions: &[Function], between: &str) -> String {
    let mut text = String::from("import os\nimport subprocess\n\nfrom flask import request\n");
    for (body, name) in functions {
        text.push_str(&format!("\n\n{between}def {name}(x):\n{}", BODIES[*body]));
    }
    text
}

fn entries(path: &str, text: &str) -> Vec<Entry> {
    let file = SourceFile::new(path, FileKind::Module, false, text.to_owned());
    let files: IdVec<FileId, SourceFile> = [file].into_iter().collect();
    let mut found = scan::scan(&files, &rules::judge(|_| true), &|| ()).findings;
    baseline::identify(&mut found, &files);
    baseline::entries(&found, &files)
}

fn n_new(earlier: &[Entry], later: &[Entry]) -> usize {
    baseline::compare(earlier, later).new.iter().filter(|new| !new.is_empty()).count()
}

/// The text with each level of indentation `width` blanks wide.
fn indented(text: &str, width: usize) -> String {
    let line = |line: &str| {
        let blanks = line.len() - line.trim_start().len();
        " ".repeat(blanks / 4 * width) + line.trim_start() + "\n"
    };
    text.lines().map(line).collect()
}

fn functions() -> impl Strategy<Value = Vec<Function>> {
    let named = |bodies: Vec<usize>| {
        bodies.into_iter().enumerate().map(|(n, body)| (body, format!("work_{n}"))).collect()
    };
    prop::collection::vec(0..BODIES.len(), 1..7).prop_map(named)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_new_after_edits_around(
        functions in functions(), order in any::<prop::sample::Index>(), width in 1_usize..9, renames in any::<bool>()
    ) {
        let before = module(&functions, "");
        let earlier = entries("a.py", &before);
        let wrapped: String =
            before.lines().map(|line| format!("{}{line}\n", if line.is_empty() { "" } else { "    " })).collect();
        let mut turned = functions.clone();
        turned.rotate_left(order.index(functions.len()));
        let renamed: Vec<Function> = functions.iter().map(|(body, name)| (*body, format!("other_{name}"))).collect();
        let path = if renames { "pkg/b.py" } else { "a.py" };
        for (what, path, text) in [
            ("lines inserted", "a.py", module(&functions, "# why\nVALUE = 1\n\n\n")),
            ("indentation", "a.py", indented(&before, width)),
            ("wrapped", "a.py", format!("if True:\n{wrapped}")),
            ("reordered", "a.py", module(&turned, "")),
            ("functions renamed", path, module(&renamed, "")),
            ("file renamed", "pkg/b.py", before.clone()),
            ("all at once", path, indented(&module(&turned, "VALUE = 1\n"), width)),
        ] {
            let later = entries(path, &text);
            prop_assert_eq!(later.len(), earlier.len(), "{}: {}", what, &text);
            prop_assert_eq!(n_new(&earlier, &later), 0, "{}: {}", what, &text);
            prop_assert!(baseline::compare(&earlier, &later).gone.is_empty(), "{}", what);
        }
    }

    #[test]
    fn a_twin_is_new(functions in functions(), which in any::<prop::sample::Index>()) {
        let earlier = entries("a.py", &module(&functions, ""));
        let (body, name) = functions[which.index(functions.len())].clone();
        let n = entries("a.py", &module(&[(body, name)], "")).len();
        let mut more = functions.clone();
        more.push((body, "twin".to_owned()));
        let later = entries("a.py", &module(&more, ""));
        prop_assert_eq!(n_new(&earlier, &later), n);
        prop_assert_eq!(baseline::compare(&later, &earlier).gone.len(), n);
    }
}

#[test]
fn the_bodies_have_findings() {
    for (body, text) in BODIES.iter().enumerate() {
        let found = entries("a.py", &module(&[(body, "work".to_owned())], ""));
        assert_eq!(found.is_empty(), body + 1 == BODIES.len(), "{text}");
    }
}
