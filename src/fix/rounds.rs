//! Edits carried out until none is left: judged, proven, applied, and judged again. All in memory.

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::base::IdVec;
use crate::config::Settings;
use crate::finding::{Change, Finding};
use crate::fix::apply::apply;
use crate::fix::choose::choose;
use crate::fix::prove::Prover;
use crate::fix::refusal::Proofs;
use crate::rules::Judge;
use crate::scan::{self, Front, Marker, Settled};
use crate::text::{FileId, FileKind, SourceFile};

/// Most rounds. Edits that overlap wait for the next one; real files need three.
pub const MAX_ROUNDS: usize = 12;

/// One look at all files: what is found, and which edits hold.
pub struct Round {
    /// The findings; those that are open have no edit but a proven one.
    pub settled: Settled,
    /// What became of the edits that rules proposed.
    pub proofs: Proofs,
    /// What became of each file; its markers are in the findings already.
    pub fronts: IdVec<FileId, Front>,
}

/// An edit that was carried out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Applied {
    /// The file.
    pub file: FileId,
    /// Line of the finding at that time, from 1.
    pub line: u32,
    /// Its rule.
    pub rule: &'static str,
    /// What the edit does.
    pub title: String,
}

/// What rounds of edits come to.
pub struct Fixed {
    /// The files as they are now.
    pub files: IdVec<FileId, SourceFile>,
    /// What was done, by round, file and place.
    pub applied: Vec<Applied>,
    /// What the last look tells, when nothing more was done.
    pub last: Round,
    /// How many rounds changed something.
    pub n_rounds: usize,
}

/// Whether the edit of a finding is to be carried out.
pub type Wants<'a> = dyn FnMut(&IdVec<FileId, SourceFile>, &Finding) -> bool + 'a;

/// How files are looked at.
#[derive(Clone, Copy)]
pub struct How<'a> {
    /// The rules that run.
    pub judge: &'a Judge,
    /// What is shown.
    pub settings: &'a Settings,
    /// All rule ids.
    pub rules: &'a [&'a str],
    /// Whether edits are proven, for those who are to apply them.
    pub proves_edits: bool,
    /// Called once per file and stage.
    pub progress: &'a (dyn Fn() + Sync),
}

/// Scans `files`, settles what is found and proves the edits, on the current thread pool.
#[must_use]
pub fn look(files: &IdVec<FileId, SourceFile>, how: &How<'_>) -> Round {
    let judge = how.judge;
    let mut fronts = scan::scan(files, judge, how.progress);
    let markers: IdVec<FileId, Vec<Marker>> =
        fronts.fronts.iter_mut().map(|front| std::mem::take(&mut front.markers)).collect();
    let mut settled = scan::settle(fronts.findings, files, &markers, how.settings, how.rules);
    let fronts = fronts.fronts;
    let prover = Prover { files, fronts: &fronts, judge };
    let proofs = if how.proves_edits { prover.prove(&mut settled.open) } else { Proofs::default() };
    Round { settled, proofs, fronts }
}

/// Carries out the proven edits of `files` that `wants` admits, until there are none or [`MAX_ROUNDS`] are over. The
/// work is done on `pool`; `wants` is asked on the calling thread.
/// Notebooks are left alone.
pub fn fix(
    mut files: IdVec<FileId, SourceFile>,
    judge: &Judge,
    settings: &Settings,
    rules: &[&str],
    wants: &mut Wants<'_>,
    pool: &ThreadPool,
) -> Fixed {
    let mut applied = Vec::new();
    for n_rounds in 0.. {
        let how = How { judge, settings, rules, proves_edits: true, progress: &|| () };
        let last = pool.install(|| look(&files, &how));
        let mut wanted: Vec<&Finding> = Vec::new();
        if n_rounds < MAX_ROUNDS {
            let has_edit =
                |finding: &&Finding| finding.edit.is_some() && files[finding.file].kind != FileKind::Notebook;
            wanted.extend(last.settled.open.iter().filter(has_edit).filter(|finding| wants(&files, finding)));
        }
        let by_file: Vec<&[&Finding]> = wanted.chunk_by(|a, b| a.file == b.file).collect();
        let prover = Prover { files: &files, fronts: &last.fronts, judge };
        let done: Vec<(Vec<&Finding>, Vec<Change>)> =
            pool.install(|| by_file.par_iter().filter_map(|wanted| together(&prover, wanted)).collect());
        if done.is_empty() {
            return Fixed { files, applied, last, n_rounds };
        }
        let mut edited = Vec::new();
        for (findings, changes) in done {
            let id = findings[0].file;
            let file = &files[id];
            let row = |finding: &&Finding| Applied {
                file: id,
                line: file.line(finding.span.start),
                rule: finding.rule,
                title: finding.edit.as_ref().map_or(String::new(), |edit| edit.title.clone()),
            };
            applied.extend(findings.iter().map(row));
            let mut new = SourceFile::new(&*file.path, file.kind, file.is_test, apply(file, &changes));
            new.is_exported = file.is_exported;
            new.package.clone_from(&file.package);
            edited.push((id, new));
        }
        for (id, file) in edited {
            files[id] = file;
        }
    }
    unreachable!("the last round wants nothing")
}

/// As many of the edits of one file as hold together.
fn together<'f>(prover: &Prover<'_>, wanted: &[&'f Finding]) -> Option<(Vec<&'f Finding>, Vec<Change>)> {
    let mut max = wanted.len();
    while max > 0 {
        let chosen = choose(wanted, max);
        let changes = chosen.changes();
        if prover.holds(&chosen.findings, &changes) {
            return Some((chosen.findings, changes));
        }
        max = chosen.findings.len() / 2;
    }
    None
}
