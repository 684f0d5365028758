//! Proof of edits before they are offered: each is carried out in memory, and the file is judged again.
//!
//! In: settled findings. Out: the same, with those edits alone that hold; what fails stays in words and is counted by
//! reason. A finding that data flow tells is looked for in the program of the files that its way leads through, before
//! and after.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::base::IdVec;
use crate::finding::{Change, Finding};
use crate::fix::apply::{Edited, edit, with_line_ends};
use crate::fix::compare::compare;
use crate::fix::names::unbound;
use crate::program::Input;
use crate::python;
use crate::rules::Judge;
use crate::scan::{self, Front, MARKER_RULE};
use crate::text::{FileId, SourceFile};

/// Why an edit is not offered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Refusal {
    /// Its changes are not in order, or overlap.
    Overlap,
    /// The file parses no longer.
    Syntax,
    /// A comment is lost.
    Comment,
    /// A name that it uses means nothing there.
    Unbound,
    /// The finding stays.
    Stays,
    /// Another finding comes.
    Another,
    /// The files that the flow leads through do not show it.
    Flow,
    /// The scanner failed on the edited file.
    Failed,
}

impl Refusal {
    /// The reason in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Overlap => "changes overlap",
            Self::Syntax => "the file would not parse",
            Self::Comment => "a comment would be lost",
            Self::Unbound => "a name would not be bound",
            Self::Stays => "the finding would stay",
            Self::Another => "another finding would come",
            Self::Flow => "the flow is not seen in the files it leads through",
            Self::Failed => "the scanner failed on the edited file",
        }
    }
}

/// How many edits were tried, and what became of them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Proofs {
    /// Edits that rules proposed.
    pub tried: usize,
    /// Edits that are not offered, by reason.
    pub refused: BTreeMap<Refusal, usize>,
    /// The same by rule and reason.
    pub by_rule: BTreeMap<(&'static str, Refusal), usize>,
}

/// The scanned files and what judges them.
#[derive(Clone, Copy)]
pub struct Prover<'a> {
    /// The files.
    pub files: &'a IdVec<FileId, SourceFile>,
    /// What became of each.
    pub fronts: &'a IdVec<FileId, Front>,
    /// The rules that ran.
    pub judge: &'a Judge,
}

impl Prover<'_> {
    /// Takes from `findings`, which are in file order, the edits that do not hold; the others get the line ends of
    /// their file. Works on the current thread pool.
    pub fn prove(&self, findings: &mut [Finding]) -> Proofs {
        let mut by_file: Vec<&mut [Finding]> = findings.chunk_by_mut(|a, b| a.file == b.file).collect();
        let refusals: Vec<Vec<(&'static str, Option<Refusal>)>> =
            by_file.par_iter_mut().map(|findings| self.prove_file(findings)).collect();
        let mut proofs = Proofs::default();
        for (rule, refusal) in refusals.into_iter().flatten() {
            proofs.tried += 1;
            if let Some(refusal) = refusal {
                *proofs.refused.entry(refusal).or_default() += 1;
                *proofs.by_rule.entry((rule, refusal)).or_default() += 1;
            }
        }
        proofs
    }

    /// Whether `changes` together solve all of `targets`, findings of one file whose edits hold one by one.
    #[must_use]
    pub fn holds(&self, targets: &[&Finding], changes: &[Change]) -> bool {
        let Some(file) = targets.first().map(|target| target.file) else { return false };
        let check = || Before::new(self, file).is_some_and(|it| it.check_all(targets, changes).is_ok());
        scan::guarded(check).unwrap_or(false)
    }

    /// Proves the edits in one file.
    fn prove_file(&self, findings: &mut [Finding]) -> Vec<(&'static str, Option<Refusal>)> {
        let Some(file) = findings.first().map(|finding| finding.file) else { return Vec::new() };
        if findings.iter().all(|finding| finding.edit.is_none()) {
            return Vec::new();
        }
        let before = scan::guarded(|| Before::new(self, file));
        let mut tried = Vec::new();
        for finding in findings.iter_mut().filter(|finding| finding.edit.is_some()) {
            let held = match &before {
                Ok(Some(before)) => scan::guarded(|| before.check(finding)).unwrap_or(Err(Refusal::Failed)),
                Ok(None) | Err(_) => Err(Refusal::Failed),
            };
            match (held, &mut finding.edit) {
                (Ok(()), Some(edit)) => {
                    for change in &mut edit.changes {
                        change.text = with_line_ends(&self.files[file], change);
                    }
                }
                _ => finding.edit = None,
            }
            tried.push((finding.rule, held.err()));
        }
        tried
    }
}

/// A file before any edit.
struct Before<'a> {
    prover: &'a Prover<'a>,
    id: FileId,
    file: &'a SourceFile,
    n_errors: usize,
    comments: Vec<String>,
    findings: Vec<Finding>,
}

impl<'a> Before<'a> {
    fn new(prover: &'a Prover<'a>, id: FileId) -> Option<Self> {
        let (file, front) = (&prover.files[id], &prover.fronts[id]);
        let parsed = python::parse(file).ok()?;
        let findings = prover.judge.judge(id, file, front.unit.as_ref()?);
        let n_errors = front.errors.len();
        Some(Self { prover, id, file, n_errors, comments: comments(file, &parsed), findings })
    }

    /// Whether the edit of `finding` holds.
    fn check(&self, finding: &Finding) -> Result<(), Refusal> {
        let Some(proposed) = &finding.edit else { return Ok(()) };
        let (edited, after) = self.check_all(&[finding], &proposed.changes)?;
        let is_own = |known: &Finding| {
            known.rule == finding.rule && known.span == finding.span && known.message == finding.message
        };
        if finding.rule == MARKER_RULE || self.findings.iter().any(is_own) {
            Ok(())
        } else {
            self.check_flow(finding, &edited, &after)
        }
    }

    /// Whether `changes` solve `targets` as far as this file tells.
    fn check_all(&self, targets: &[&Finding], changes: &[Change]) -> Result<(Edited, Front), Refusal> {
        if !is_ordered(self.file, changes) {
            return Err(Refusal::Overlap);
        }
        let edited = edit(self.file, changes);
        let parsed = python::parse(&edited.file).map_err(|_| Refusal::Syntax)?;
        let after = scan::front_of(&edited.file, &parsed);
        if after.errors.len() > self.n_errors {
            return Err(Refusal::Syntax);
        }
        // The one rule about comments: what it takes away are markers.
        let n_markers = targets.iter().filter(|target| target.rule == MARKER_RULE).count();
        let n_lost = lost(&self.comments, comments(&edited.file, &parsed));
        if n_lost != n_markers {
            return Err(if n_lost > n_markers { Refusal::Comment } else { Refusal::Stays });
        }
        if unbound(&edited, &parsed).is_some() {
            return Err(Refusal::Unbound);
        }
        let unit = after.unit.as_ref().ok_or(Refusal::Syntax)?;
        let new = self.prover.judge.judge(self.id, &edited.file, unit);
        compare(&edited, targets, self.findings.iter(), new.iter())?;
        Ok((edited, after))
    }

    /// Whether the edit ends a flow and begins none, in the program of the files that the flow leads through.
    fn check_flow(&self, finding: &Finding, edited: &Edited, after: &Front) -> Result<(), Refusal> {
        let notes = finding.trace.iter().chain(&finding.related);
        let mut ids: Vec<FileId> = notes.map(|note| note.file).chain([self.id]).collect();
        ids.sort();
        ids.dedup();
        let own = FileId::new(ids.iter().position(|id| *id == self.id).expect("it is among them"));
        let run = |edited: Option<(&SourceFile, &Front)>| {
            let part = |id: &FileId| match edited {
                Some(edited) if *id == self.id => edited,
                _ => (&self.prover.files[*id], &self.prover.fronts[*id]),
            };
            let parts: Vec<(&SourceFile, &Front)> = ids.iter().map(part).collect();
            let files: IdVec<FileId, SourceFile> = parts.iter().map(|(file, _)| (*file).clone()).collect();
            let inputs: Vec<Input<'_>> = files
                .pairs()
                .zip(&parts)
                .filter_map(|((id, file), (_, front))| scan::input(id, file, front))
                .collect();
            scan::flows(&files, &inputs, self.prover.judge)
        };
        let before = run(None);
        let is_it =
            |known: &&Finding| known.file == own && known.rule == finding.rule && known.span == finding.span;
        let target = before.iter().find(is_it).ok_or(Refusal::Flow)?;
        let new = run(Some((&edited.file, after)));
        let here = |known: &&Finding| known.file == own;
        compare(edited, &[target], before.iter().filter(here), new.iter().filter(here))?;
        let places = |all: &[Finding]| -> Vec<_> {
            all.iter()
                .filter(|known| known.file != own)
                .map(|known| (known.rule, known.file, known.span))
                .collect()
        };
        let known = places(&before);
        if places(&new).iter().all(|place| known.contains(place)) { Ok(()) } else { Err(Refusal::Another) }
    }
}

/// Whether the changes are in order, do not overlap, and lie in the file.
fn is_ordered(file: &SourceFile, changes: &[Change]) -> bool {
    let lies = |at: u32| file.text.is_char_boundary(at as usize);
    !changes.is_empty()
        && changes.iter().all(|change| lies(change.span.start) && lies(change.span.end))
        && changes.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start)
}

/// The comments of a file, sorted.
fn comments(file: &SourceFile, parsed: &python::Parsed) -> Vec<String> {
    let mut all: Vec<String> =
        python::comments(parsed).map(|span| file.slice(span).trim_end().to_owned()).collect();
    all.sort();
    all
}

/// How many of the sorted comments `before` are missing in `after`.
fn lost(before: &[String], after: Vec<String>) -> usize {
    let mut after = after.into_iter().peekable();
    before
        .iter()
        .filter(|comment| {
            while after.next_if(|other| other < *comment).is_some() {}
            after.next_if(|other| other == *comment).is_none()
        })
        .count()
}
