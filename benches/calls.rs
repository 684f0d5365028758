//! How many calls of a sample, resolved by hand, the program resolves as Python does:
//! `cargo bench --bench calls -- FOLDER PACKAGE [FOLDER PACKAGE…]`, where FOLDER holds the unpacked package.
//!
//! `calls.jsonl` is the sample: calls of functions that the packages themselves define, drawn at random from neutron
//! 29.0.0 and homeassistant 2026.2.3, each with the line of the `def` or `class` that Python runs, and the way by which
//! a reader finds it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use snakestone::base::IdVec;
use snakestone::discover::{self, Selection};
use snakestone::program::{Input, Meaning, Types, link};
use snakestone::text::{FileId, SourceFile};
use snakestone::{rules, scan};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    if args.is_empty() || !args.len().is_multiple_of(2) {
        println!("usage: cargo bench --bench calls -- FOLDER PACKAGE [FOLDER PACKAGE…]");
        return;
    }
    for pair in args.chunks(2) {
        measure(Path::new(&pair[0]), &pair[1]);
    }
}

fn measure(folder: &Path, package: &str) {
    let everything = Selection { everything: true, ..Selection::default() };
    let paths: Vec<PathBuf> = vec![folder.to_owned()];
    let found = discover::discover(folder, &paths, &everything).expect("the folder can be read");
    let files: IdVec<FileId, SourceFile> =
        found.files.iter().filter_map(|entry| discover::load(entry).ok()).map(|(file, _)| file).collect();
    let judge = rules::judge(|_| false);
    let scan = scan::scan(&files, &judge, &|| ());
    let inputs: Vec<Input<'_>> = scan::inputs(&files, &scan.fronts);
    let types: &Types = &judge.models().types;
    let program = link(&inputs, types);
    let mut ways: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    // Columns of the sample count from 0, as those of Python.
    let sample =
        std::env::var_os("SAMPLE").map(|path| std::fs::read_to_string(path).expect("SAMPLE is a file"));
    for line in sample.as_deref().unwrap_or(include_str!("calls.jsonl")).lines() {
        let row: Value = serde_json::from_str(line).expect("each line of the sample is JSON");
        if row["package"] != package {
            continue;
        }
        let path = row["file"].as_str().unwrap_or_default();
        let same = files.pairs().find(|(_, file)| file.path == path);
        let Some((file, source)) =
            same.or_else(|| files.pairs().find(|(_, file)| ends_with(path, &file.path)))
        else {
            println!("{path} is not there");
            continue;
        };
        let at = (row["line"].as_u64(), row["col"].as_u64());
        let targets: Vec<&str> =
            row["targets"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let place = |file: FileId, offset: u32| {
            let line = files[file].line(offset);
            targets.iter().any(|target| {
                target.rsplit_once(':').is_some_and(|(path, known)| {
                    ends_with(path, &files[file].path) && known.parse() == Ok(line)
                })
            })
        };
        let mut is_resolved = false;
        for id in program.funcs() {
            let (module, _, body) = program.func(id);
            if module.file != file {
                continue;
            }
            for call in body.calls.iter() {
                let start = source.position(call.span.start);
                if (Some(u64::from(start.line)), Some(u64::from(start.column - 1))) != at {
                    continue;
                }
                is_resolved |= program.callees(module, program.class_of(id), call).iter().any(|callee| {
                    let (module, _, body) = program.func(*callee);
                    place(module.file, body.name_span.start)
                });
                if let Some(Meaning::Class(class)) = call.name.map(|name| module.meaning(name)) {
                    let info = &program.classes[*class];
                    let home = &program.modules[info.module];
                    let span = home.unit.classes.iter().find(|class| home.global(class.name) == info.name);
                    is_resolved |= span.is_some_and(|class| place(home.file, class.name_span.start));
                }
            }
        }
        let way = row["way"].as_str().unwrap_or_default();
        let way = if way.starts_with("dynamic") { "dynamic" } else { way };
        let known = ways.entry(way.to_owned()).or_default();
        known.0 += usize::from(is_resolved);
        known.1 += 1;
        if !is_resolved && std::env::var_os("MISSES").is_some() {
            println!("{path}:{}:{} {} ({way})", row["line"], row["col"], row["callee"]);
        }
    }
    let sum = ways.values().fold((0, 0), |sum, way| (sum.0 + way.0, sum.1 + way.1));
    println!("{package}: {} of {} calls resolved", sum.0, sum.1);
    for (way, (resolved, all)) in ways {
        println!("  {resolved:>3} of {all:>3}  {way}");
    }
}

/// Whether one path is the end of the other, by whole names.
fn ends_with(a: &str, b: &str) -> bool {
    Path::new(a).ends_with(b) || Path::new(b).ends_with(a)
}
