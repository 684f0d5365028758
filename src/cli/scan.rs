//! `snakestone scan`: discover, load, scan, settle, report, and only then decide the exit code.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use rayon::prelude::*;

use crate::base::IdVec;
use crate::baseline;
use crate::cli::Code;
use crate::cli::args::{Format, Output, ScanArgs};
use crate::cli::compare::Base;
use crate::cli::output::Outputs;
use crate::cli::progress::Progress;
use crate::cli::project::Project;
use crate::config::Settings;
use crate::discover::{self, Discovery, Selection, may_be_python};
use crate::fix::{self, Proofs, Round};
use crate::git;
use crate::models::Threat;
use crate::program::Stats;
use crate::report::{Broken, Comparison, Report, Skipped, Summary};
use crate::rules::Page;
use crate::scan::{self, Front};
use crate::templates::is_template;
use crate::text::{FileId, FileKind, SourceFile};

/// A scan from paths to report, before anything is written.
pub(super) struct Outcome {
    pub(super) files: IdVec<FileId, SourceFile>,
    pub(super) pages: Vec<Page>,
    pub(super) settings: Settings,
    pub(super) root: PathBuf,
    pub(super) findings: Vec<crate::finding::Finding>,
    pub(super) suppressed: Vec<crate::finding::Finding>,
    pub(super) summary: Summary,
    /// Files on which the scanner itself failed, with what it said.
    pub(super) failures: Vec<(String, String)>,
    /// How much names and types tell, where that was asked for.
    pub(super) stats: Option<Stats>,
    /// What the findings were compared with.
    pub(super) comparison: Option<Comparison>,
    /// Whether findings that the base has too decide the exit code.
    pub(super) fails_on_existing: bool,
    /// What became of the edits that rules proposed.
    pub(super) proofs: Proofs,
}

/// Runs the command.
pub(super) fn run(args: &ScanArgs) -> anyhow::Result<Code> {
    let root = root(&args.paths)?;
    let base = Base::open(&root, &args.paths, &args.question())?;
    let project = base.project(&root, args.config.as_deref())?;
    let settings = project.settings(&args.overrides())?;
    if args.show_config {
        super::print(&base.shown(&settings.show()));
        return Ok(Code::Clean);
    }
    let mut outcome = outcome_with(root, &args.paths, (&project, settings), args.stats)?;
    outcome.fails_on_existing = args.fail_on_existing;
    base.judge(&mut outcome, &project)?;
    let terminal = [Output { format: Format::Terminal, file: None }];
    let outputs = if args.outputs.is_empty() { &terminal[..] } else { &args.outputs };
    let wants_identity = |output: &Output| matches!(output.format, Format::Sarif | Format::SarifFull);
    if outputs.iter().any(wants_identity) {
        outcome.identify();
    }
    let code = outcome.code();
    let (report, root) = outcome.report();
    let writer = Outputs {
        root: &root,
        category: &args.category,
        is_successful: code != Code::Failed,
        color: args.color,
    };
    writer.write(&report, outputs)?;
    if let Some(stats) = outcome.stats {
        eprint!("{}{}", statistics(&outcome.summary, &stats), proven(&outcome.proofs));
    }
    Ok(code)
}

/// What `--stats` prints.
fn statistics(summary: &Summary, stats: &Stats) -> String {
    let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    let seconds = summary.elapsed.as_secs_f64().max(f64::EPSILON);
    let bodies = stats.bodies.max(1);
    format!(
        "{} lines in {} files, {} functions and blocks\n\
         {seconds:.2} s, {:.0} lines a second, {:.1} us a function\n\
         {} calls: {} of the program, {} of libraries, {} unresolved ({:.1} %)\n",
        summary.n_lines,
        summary.n_files,
        stats.bodies,
        count(summary.n_lines) / seconds,
        seconds * 1e6 / count(bodies),
        stats.own + stats.library + stats.unresolved,
        stats.own,
        stats.library,
        stats.unresolved,
        stats.share_unresolved() * 100.0,
    )
}

/// What `--stats` prints of edits: how many hold, and why others are not offered.
fn proven(proofs: &Proofs) -> String {
    let n_refused: usize = proofs.refused.values().sum();
    let mut text = format!("{} edits tried, {} of them proven\n", proofs.tried, proofs.tried - n_refused);
    for (refusal, n) in &proofs.refused {
        let of: Vec<String> = proofs
            .by_rule
            .iter()
            .filter(|((_, reason), _)| reason == refusal)
            .map(|((rule, _), n)| format!("{rule} {n}"))
            .collect();
        text.push_str(&format!("{n} not offered, since {}: {}\n", refusal.words(), of.join(", ")));
    }
    text
}

/// The folder that paths in reports are relative to: the current one if it holds all `paths`, else what holds them.
pub(super) fn root(paths: &[PathBuf]) -> anyhow::Result<PathBuf> {
    let current = std::env::current_dir().context("cannot tell the current folder")?;
    let current = current.canonicalize().unwrap_or(current);
    let mut common: Option<PathBuf> = None;
    for path in paths {
        let real = path
            .canonicalize()
            .map_err(|error| discover::DiscoverError::Unreadable { path: path.clone(), error })?;
        let folder = if real.is_file() { real.parent().unwrap_or(&real).to_owned() } else { real };
        common = Some(match common {
            None => folder,
            Some(known) => {
                known.ancestors().find(|outer| folder.starts_with(outer)).unwrap_or(Path::new("/")).to_owned()
            }
        });
    }
    let common = common.unwrap_or_else(|| current.clone());
    Ok(if common.starts_with(&current) { current } else { common })
}

/// Scans `paths`, which lie in `root`.
pub(super) fn outcome(
    root: PathBuf,
    paths: &[PathBuf],
    project: &Project,
    settings: Settings,
) -> anyhow::Result<Outcome> {
    outcome_with(root, paths, (project, settings), false)
}

/// As [`outcome`]; with statistics where they are asked for.
fn outcome_with(
    root: PathBuf,
    paths: &[PathBuf],
    (project, settings): (&Project, Settings),
    wants_stats: bool,
) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let found = discover::discover(&root, paths, &selection(&settings, tracked(paths)))?;
    outcome_of(root, found, (project, settings), &How { begun, wants_stats, proves_edits: true })
}

/// What of a tree, of which git tracks the files `tracked`, the settings leave to be scanned.
pub(super) fn selection(settings: &Settings, tracked: Vec<PathBuf>) -> Selection {
    Selection { exclude: settings.exclude.clone(), everything: !settings.default_excludes, tracked }
}

/// The files below `paths` that git tracks and that may be scanned.
pub(super) fn tracked(paths: &[PathBuf]) -> Vec<PathBuf> {
    let folders = paths.iter().filter(|path| path.is_dir());
    folders.flat_map(|folder| git::tracked(folder, |name| may_be_python(name) || is_template(name))).collect()
}

/// What a scan does besides finding.
pub(super) struct How {
    /// When it began.
    pub(super) begun: Instant,
    /// Whether it tells how much names and types tell.
    pub(super) wants_stats: bool,
    /// Whether it proves the edits of findings, for those who are to apply them.
    pub(super) proves_edits: bool,
}

/// Scans the files that were found in `root`.
pub(super) fn outcome_of(
    root: PathBuf,
    found: Discovery,
    (project, settings): (&Project, Settings),
    &How { begun, wants_stats, proves_edits }: &How,
) -> anyhow::Result<Outcome> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(settings.threads)
        .stack_size(scan::STACK_SIZE)
        .build()
        .context("cannot start worker threads")?;
    std::panic::set_hook(Box::new(|_| {})); // a panic is reported with its file, in the summary
    let (mut files, mut skipped) = pool.install(|| load(&found));
    discover::mark_package(&root, &mut files);
    let judge = project.judge(&settings, |id| settings.runs(id))?;
    if !judge.models().counted(Threat::Library).is_empty() {
        discover::mark_exported(&root, &mut files);
    }
    if files.iter().any(|file| judge.models().may_render(&file.text)) {
        let templates: Vec<_> =
            pool.install(|| found.templates.par_iter().map(discover::load_template).collect());
        for file in templates.into_iter().flatten() {
            files.push(file);
        }
    }
    let progress = Progress::new(files.len() * 2);
    let how = fix::How {
        judge: &judge,
        settings: &settings,
        rules: &project.catalog.ids(),
        proves_edits,
        progress: &|| progress.step(),
    };
    let Round { mut settled, proofs, fronts } = pool.install(|| fix::look(&files, &how));
    progress.clear();
    let elapsed = begun.elapsed();
    let stats = wants_stats.then(|| pool.install(|| scan::stats(&files, &fronts, &judge)));
    let _ = std::panic::take_hook();
    // Nobody is to change what a marker accepts.
    settled.suppressed.iter_mut().for_each(|finding| finding.edit = None);
    skipped.extend(found.skipped.into_iter().map(|skip| Skipped { path: skip.path, reason: skip.reason }));
    skipped.sort();
    let mut summary = summary(&files, &fronts);
    summary.skipped.extend(skipped);
    summary.skipped.sort();
    summary.hidden_in_tests = settled.hidden_in_tests;
    summary.elapsed = elapsed;
    let failures =
        files.pairs().filter_map(|(id, file)| Some((file.path.clone(), fronts[id].failure.clone()?)));
    let failures: Vec<(String, String)> = failures.collect();
    let pages = project.catalog.pages().iter().filter(|page| settings.runs(page.id)).cloned().collect();
    let (findings, suppressed) = (settled.open, settled.suppressed);
    let (comparison, fails_on_existing) = (None, false);
    Ok(Outcome {
        files,
        pages,
        settings,
        root,
        findings,
        suppressed,
        summary,
        failures,
        stats,
        proofs,
        comparison,
        fails_on_existing,
    })
}

/// Reads the files; those that cannot be scanned are named instead.
pub(super) fn load(found: &Discovery) -> (IdVec<FileId, SourceFile>, Vec<Skipped>) {
    let loaded: Vec<_> = found.files.par_iter().map(discover::load).collect();
    let mut files = IdVec::new();
    let mut skipped = Vec::new();
    for (entry, result) in found.files.iter().zip(loaded) {
        let named = |reason| Skipped { path: entry.path.clone(), reason };
        match result {
            Ok((file, problem)) => {
                skipped.extend(problem.map(|problem| named(format!("scanned, but {problem}"))));
                files.push(file);
            }
            Err(reason) => skipped.push(named(reason)),
        }
    }
    (files, skipped)
}

fn summary(files: &IdVec<FileId, SourceFile>, fronts: &IdVec<FileId, Front>) -> Summary {
    let mut summary = Summary::default();
    for (id, file) in files.pairs() {
        let front = &fronts[id];
        if let Some(message) = &front.failure {
            let reason = format!("the scanner failed on it, please report this: {message}");
            summary.skipped.push(Skipped { path: file.path.clone(), reason });
        } else if front.is_python2 {
            summary.python2.push(file.path.clone());
            continue;
        } else if let Some(error) = front.errors.first() {
            let line = file.line(error.span.start);
            summary.broken.push(Broken { path: file.path.clone(), line, message: error.message.clone() });
        }
        if !matches!(file.kind, FileKind::Stub | FileKind::Template) {
            summary.n_files += 1;
            summary.n_lines += file.n_lines() as usize;
            summary.n_test_files += usize::from(file.is_test);
        }
    }
    summary
}

impl Outcome {
    /// The exit code that the findings decide: where there is a base, those that it lacks.
    pub(super) fn code(&self) -> Code {
        let fails = |finding: &crate::finding::Finding| {
            let is_asked = self.fails_on_existing || finding.is_new != Some(false);
            is_asked && self.settings.fail_on.is_some_and(|threshold| finding.severity >= threshold)
        };
        if !self.failures.is_empty() {
            Code::Failed
        } else if self.findings.iter().any(fails) {
            Code::Findings
        } else {
            Code::Clean
        }
    }

    /// Gives the findings their identity, unless they have it.
    pub(super) fn identify(&mut self) {
        for findings in [&mut self.findings, &mut self.suppressed] {
            if findings.iter().any(|finding| finding.identity.is_empty()) {
                baseline::identify(findings, &self.files);
            }
        }
    }

    /// The report, and the root that its paths are relative to.
    pub(super) fn report(&self) -> (Report<'_>, PathBuf) {
        let report = Report {
            files: &self.files,
            rules: &self.pages,
            findings: self.findings.clone(),
            suppressed: self.suppressed.clone(),
            summary: self.summary.clone(),
            comparison: self.comparison.clone(),
        };
        (report, self.root.clone())
    }
}
