//! The direction of imports: a module uses only modules before it. And: no file grows past 500 lines.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// The house, bottom to top.
const MODULES: &[&str] = &[
    "base",
    "text",
    "templates",
    "finding",
    "config",
    "discover",
    "python",
    "outline",
    "ir",
    "flow",
    "program",
    "models",
    "taint",
    "rules",
    "scan",
    "fix",
    "report",
    "github",
    "cli",
];

/// Crates that one module alone may name.
const ONLY_IN: &[(&str, &str)] = &[
    ("ruff_python_ast", "python"),
    ("ruff_python_parser", "python"),
    ("ruff_python_trivia", "python"),
    ("ruff_text_size", "python"),
    ("ruff_notebook", "python"),
    ("serde_sarif", "report"),
    ("octocrab", "github"),
    ("tokio", "github"),
    ("hyper_util", "github"),
    ("hyper_rustls", "github"),
    ("http_body_util", "github"),
    ("flate2", "github"),
    ("base64", "github"),
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|suffix| suffix == "rs") {
            found.push(path);
        }
    }
}

fn of_module(module: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(module), &mut files);
    assert!(!files.is_empty(), "module {module} has no files");
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn imports_point_down() {
    for (rank, module) in MODULES.iter().enumerate() {
        for (file, text) in of_module(module) {
            for above in &MODULES[rank + 1..] {
                assert!(
                    !text.contains(&format!("crate::{above}::")),
                    "{}: {module} uses {above}",
                    file.display()
                );
            }
            assert!(!text.contains("use crate::{"), "{}: one `use` a module", file.display());
        }
    }
}

#[test]
fn the_list_is_whole() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let listed: Vec<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(listed, MODULES, "src/lib.rs lists the modules in the order of their imports");
}

#[test]
fn foreign_crates_stay_behind_their_wrapper() {
    for module in MODULES {
        for (file, text) in of_module(module) {
            for (name, home) in ONLY_IN {
                assert!(
                    module == home || !text.contains(&format!("{name}::")),
                    "{}: names {name}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn no_file_is_longer_than_500_lines() {
    let mut files = Vec::new();
    for dir in ["src", "tests"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(dir), &mut files);
    }
    for path in files {
        let n = fs::read_to_string(&path).unwrap().lines().count();
        assert!(n <= 500, "{} has {n} lines", path.display());
    }
}
