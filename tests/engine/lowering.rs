//! Each page of `tests/engine` shows code and the instructions it becomes. `UPDATE=1` writes what is so now; read
//! the difference before it is kept.

use std::fs;
use std::path::Path;

use snakestone::ir;
use snakestone::scan;
use snakestone::text::{FileKind, SourceFile};

/// Replaces each block of instructions by what the block of code before it becomes.
fn rewrite(page: &str) -> String {
    let mut out = String::new();
    let mut code = String::new();
    let mut fence = "";
    for line in page.lines() {
        match (fence, line) {
            ("", "```python") => {
                fence = "python";
                code.clear();
            }
            ("", "```text") => {
                fence = "text";
                out.push_str("```text\n");
                out.push_str(lowered(&code).trim_end());
                out.push('\n');
                continue;
            }
            (_, "```") => fence = "",
            ("python", _) => {
                code.push_str(line);
                code.push('\n');
            }
            ("text", _) => continue,
            _ => {}
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// The functions of `code` as instructions; the module's own body is left out.
fn lowered(code: &str) -> String {
    let file = SourceFile::new("m.py".to_owned(), FileKind::Module, false, code.to_owned());
    let front = scan::front(&file);
    assert!(front.errors.is_empty(), "{:?}\n{code}", front.errors);
    let unit = front.unit.unwrap();
    let bodies = unit.bodies.ids().skip(1);
    bodies.map(|id| ir::print_body(&unit, id)).collect::<Vec<_>>().join("\n")
}

#[test]
fn code_becomes_the_instructions_that_its_page_shows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    assert!(paths.len() >= 5, "pages are missing");
    for path in paths {
        let page = fs::read_to_string(&path).unwrap();
        let now = rewrite(&page);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, now).unwrap();
        } else {
            let name = path.file_name().unwrap().to_string_lossy();
            let first = page.lines().zip(now.lines()).position(|(old, new)| old != new);
            let line = first.unwrap_or(page.lines().count().min(now.lines().count()));
            let differs =
                || format!("expected {:?}, got {:?}", page.lines().nth(line), now.lines().nth(line));
            assert!(page == now, "{name}:{}: {}", line + 1, differs());
        }
    }
}
