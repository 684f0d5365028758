//! What the flow engine tells apart: `flows/*.md`, one topic each. The blocks under a heading are one program,
//! those of `html` its templates. A line
//! `rules: a, b` below the title names rules beside the usual ones, a line `threats: local, library` the threat models
//! beside `remote`; each program is an installable package then.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use snakestone::base::IdVec;
use snakestone::discover::{exported, is_test};
use snakestone::models::Models;
use snakestone::rules;
use snakestone::scan;
use snakestone::text::{FileId, FileKind, SourceFile};

/// The rules whose sinks the topics use.
const RULES: &[&str] = &["command-injection", "code-injection", "path-traversal", "sql-injection"];

struct Program {
    line: usize,
    files: Vec<(String, String, usize)>,
}

fn programs(text: &str) -> Vec<Program> {
    let mut programs: Vec<Program> = Vec::new();
    let mut open: Option<(String, String, usize)> = None;
    for (index, line) in text.lines().enumerate() {
        match &mut open {
            Some(file) if line == "```" => {
                programs.last_mut().unwrap().files.push(std::mem::take(file));
                open = None;
            }
            Some((_, body, _)) => {
                body.push_str(line);
                body.push('\n');
            }
            None if line.starts_with("## ") => programs.push(Program { line: index + 1, files: Vec::new() }),
            None => {
                if let Some(path) = line.strip_prefix("```python ").or(line.strip_prefix("```html ")) {
                    open = Some((path.trim().to_owned(), String::new(), index + 2));
                }
            }
        }
    }
    programs
}

/// How often `mark` stands in the files of a folder that end in `.md`.
fn count(folder: &str, mark: &str) -> usize {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let pages = paths.filter(|path| path.extension().is_some_and(|suffix| suffix == "md"));
    let lines = pages.map(|path| fs::read_to_string(path).unwrap());
    lines.map(|text| text.lines().filter(|line| line.contains(mark)).count()).sum()
}

#[test]
fn limits_are_counted() {
    let said = include_str!("../../docs/limits.md");
    for (folder, what) in [("tests/engine/flows", "engine's topics"), ("src/rules", "rules' pages")] {
        let [find, ok, miss, noise] =
            ["  # find", "  # ok", "  # miss", "  # noise"].map(|mark| count(folder, mark));
        let row = format!("| the {what} | {} | {miss} | {noise} |", find + ok + miss + noise);
        assert!(said.contains(&row), "docs/limits.md lacks {row}");
    }
}

#[test]
fn topics_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/flows");
    let (mut failures, mut wrong, mut all) = (String::new(), 0, 0);
    let mut paths: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let topic = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if std::env::var("TOPIC").is_ok_and(|wanted| wanted != topic) {
            continue;
        }
        let more = text.lines().find_map(|line| line.strip_prefix("rules: ")).unwrap_or_default();
        let more: Vec<&str> = more.split(", ").collect();
        let threats = text.lines().find_map(|line| line.strip_prefix("threats: ")).unwrap_or_default();
        let [local, library] = ["local", "library"].map(|name| threats.split(", ").any(|it| it == name));
        let mut models = Models::built_in().unwrap().clone();
        (models.local, models.library) = (local, library);
        let judge = rules::judge(|id| RULES.contains(&id) || more.contains(&id)).with_models(models);
        for program in programs(&text) {
            let mut sources: Vec<&(String, String, usize)> = program.files.iter().collect();
            sources.sort_by(|a, b| a.0.cmp(&b.0));
            let paths: Vec<&str> = sources.iter().map(|(path, ..)| path.as_str()).collect();
            let mut files: IdVec<FileId, SourceFile> = sources
                .iter()
                .map(|(path, text, _)| {
                    let kind = if path.ends_with(".py") { FileKind::Module } else { FileKind::Template };
                    SourceFile::new(path.clone(), kind, is_test(path), text.clone())
                })
                .collect();
            for (file, is_exported) in files.iter_mut().zip(exported(&[""], &paths)) {
                file.is_exported = is_exported;
            }
            let scan = scan::scan(&files, &judge, &|| ());
            for ((id, file), (_, text, first)) in files.pairs().zip(&sources) {
                assert_eq!(scan.fronts[id].failure, None, "{topic}.md:{}", program.line);
                let found: BTreeSet<usize> = scan
                    .findings
                    .iter()
                    .filter(|finding| finding.file == id)
                    .map(|finding| file.line(finding.span.start) as usize)
                    .collect();
                for (index, line) in text.lines().enumerate() {
                    let here = found.contains(&(index + 1));
                    let mark = line.rsplit_once("  # ").map_or("", |(_, mark)| mark);
                    let what = match mark.split([':', ' ']).next().unwrap_or_default() {
                        "find" if !here => "missed",
                        "ok" if here => "false alarm",
                        "miss" if here => "no longer missed: write `# find`",
                        "noise" if !here => "no longer noise: write `# ok`",
                        "find" | "ok" | "miss" | "noise" => {
                            all += 1;
                            continue;
                        }
                        _ => continue,
                    };
                    all += 1;
                    wrong += 1;
                    let _ = writeln!(failures, "{topic}.md:{}: {what}: {}", first + index, line.trim());
                }
            }
        }
    }
    assert!(failures.is_empty(), "{wrong} of {all} do not hold\n{failures}");
}
