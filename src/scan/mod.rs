//! The pipeline without I/O: files in, findings out. The terminal, an editor and the tests share it.
//!
//! Files are lowered in parallel and their trees dropped; then every file is judged. Results stand in file order,
//! whatever the number of threads.

pub mod examples;
mod foreign;
mod markers;
mod settle;

pub use markers::{Marker, Names, Owner};
pub use settle::{MARKER_RULE, Settled, settle};

use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuildError};

use crate::base::{IdVec, Interner};
use crate::finding::Finding;
use crate::ir::{self, Unit};
use crate::outline;
use crate::program::{self, Input, Stats};
use crate::python::{self, Parsed, SyntaxError};
use crate::rules::Judge;
use crate::taint;
use crate::text::{FileId, FileKind, SourceFile};

/// Stack of a worker, in bytes: for parsing and dropping what `python::depth` lets pass. Only touched pages cost.
pub const STACK_SIZE: usize = 256 << 20;

/// A pool of `threads` workers, one for each core if 0, with stacks of [`STACK_SIZE`].
///
/// # Errors
/// When the system has no threads to give.
pub fn pool(threads: usize) -> Result<ThreadPool, ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK_SIZE).build()
}

/// What became of one file.
#[derive(Default)]
pub struct Front {
    /// Its code; `None` for stubs, templates, and files that could not be read as Python 3 at all.
    pub unit: Option<Unit>,
    /// Syntax errors, first to last. What could be parsed around them is in the unit.
    pub errors: Vec<SyntaxError>,
    /// Whether it is Python 2.
    pub is_python2: bool,
    /// Markers in its comments.
    pub markers: Vec<Marker>,
    /// Set when the scanner itself failed on this file.
    pub failure: Option<String>,
}

/// Parses, outlines and lowers one file; the tree is dropped.
#[must_use]
pub fn front(file: &SourceFile) -> Front {
    if file.kind == FileKind::Template {
        return Front::default();
    }
    match python::parse(file) {
        Ok(parsed) => front_of(file, &parsed),
        Err(error) => Front { errors: vec![error], ..Front::default() },
    }
}

/// Outlines and lowers a file that is parsed.
#[must_use]
pub fn front_of(file: &SourceFile, parsed: &Parsed) -> Front {
    let mut front = Front { is_python2: parsed.is_python2, ..Front::default() };
    if markers::may_have(&file.text) {
        front.markers = markers::markers(file, parsed);
    }
    if file.kind != FileKind::Stub && !parsed.is_python2 {
        let mut names = Interner::default();
        let module = outline::module_name(&file.package, &file.path);
        let is_package = file.path.ends_with("__init__.py");
        let outline = outline::build(parsed.body(), &module, is_package, &file.text, &mut names);
        let (unit, problems) = ir::lower(parsed.body(), &outline, names, file);
        front.unit = Some(unit);
        let deep = problems
            .into_iter()
            .map(|problem| SyntaxError { span: problem.span, message: problem.message.into() });
        front.errors.extend(deep);
    }
    front.errors.extend(parsed.errors.iter().cloned());
    front
}

/// The findings and the state of each file.
pub struct Scan {
    /// All findings, by file and place; nothing is suppressed yet.
    pub findings: Vec<Finding>,
    /// What became of each file.
    pub fronts: IdVec<FileId, Front>,
}

/// How much of the program names and types tell.
#[must_use]
pub fn stats(files: &IdVec<FileId, SourceFile>, fronts: &IdVec<FileId, Front>, judge: &Judge) -> Stats {
    program::link(&inputs(files, fronts), &judge.models().types).stats()
}

/// The files that were lowered, to be linked into a program.
#[must_use]
pub fn inputs<'a>(files: &IdVec<FileId, SourceFile>, fronts: &'a IdVec<FileId, Front>) -> Vec<Input<'a>> {
    fronts.pairs().filter_map(|(id, front)| input(id, &files[id], front)).collect()
}

/// A file as a part of a program, if it was lowered.
#[must_use]
pub fn input<'a>(id: FileId, file: &SourceFile, front: &'a Front) -> Option<Input<'a>> {
    let is_package = file.path.ends_with("__init__.py");
    let SourceFile { is_test, is_exported, .. } = *file;
    Some(Input { file: id, unit: front.unit.as_ref()?, is_package, is_test, is_exported })
}

/// Scans `files` on the current thread pool; `progress` is called once per file and stage.
#[must_use]
pub fn scan(files: &IdVec<FileId, SourceFile>, judge: &Judge, progress: &(dyn Fn() + Sync)) -> Scan {
    let all: Vec<(FileId, &SourceFile)> = files.pairs().collect();
    let fronts: Vec<Front> = all
        .par_iter()
        .map(|(_, file)| {
            let front = guarded(|| front(file));
            progress();
            front.unwrap_or_else(|message| Front { failure: Some(message), ..Front::default() })
        })
        .collect();
    let mut fronts: IdVec<FileId, Front> = fronts.into_iter().collect();
    let judged: Vec<Result<Vec<Finding>, String>> = all
        .par_iter()
        .map(|(id, file)| {
            let found = match &fronts[*id].unit {
                Some(unit) => guarded(|| judge.judge(*id, file, unit)),
                None => Ok(Vec::new()),
            };
            progress();
            found
        })
        .collect();
    let mut findings = Vec::new();
    for ((id, _), judged) in all.iter().zip(judged) {
        match judged {
            Ok(found) => findings.extend(found),
            Err(message) => fronts[*id].failure = Some(message),
        }
    }
    if judge.wants_flows() {
        match guarded(|| flows(files, &inputs(files, &fronts), judge)) {
            Ok(found) => judge.merge(&mut findings, found),
            Err(message) => {
                if let Some(front) = fronts.iter_mut().next() {
                    front.failure = Some(format!("data flow: {message}"));
                }
            }
        }
        findings.sort_by(|a, b| (a.file, a.span, a.rule).cmp(&(b.file, b.span, b.rule)));
    }
    Scan { findings, fronts }
}

/// What data flow through a program tells.
#[must_use]
pub fn flows(files: &IdVec<FileId, SourceFile>, inputs: &[Input<'_>], judge: &Judge) -> Vec<Finding> {
    let program = program::link(inputs, &judge.models().types);
    let meetings = taint::analyze(&program, judge.models(), files);
    judge.judge_flows(&meetings, &program, files)
}

/// Runs `work` on one file; a panic costs that file alone.
///
/// # Errors
/// What the panic says.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("the scanner failed on this file").to_owned()
    })
}
