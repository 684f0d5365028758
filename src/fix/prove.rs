//! Proof of edits before they are offered: each is carried out in memory, and the file is judged again.
//!
//! In: settled findings. Out: the same, with those edits alone that hold; what fails stays in words and is counted by
//! reason. Edits that leave each other alone are tried together, and apart only where that fails: a file with hundreds
//! of them is judged again a few times. A finding that data flow tells is looked for in the program of the files that
//! its way leads through, before and after.

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::base::IdVec;
use crate::finding::{Change, Finding};
use crate::fix::apply::with_line_ends;
use crate::fix::check::Before;
use crate::fix::choose::Chosen;
use crate::fix::refusal::{Proofs, Refusal};
use crate::rules::Judge;
use crate::scan::{self, Front};
use crate::text::{FileId, SourceFile};

/// Batches of one edit a function, in which no edit can hide what another one does to its function. Functions with more
/// edits than that have the rest tried together.
const MAX_APART: usize = 8;
/// Most tries of one file that may fail. Real files need ten; a file made for it would take hours.
const MAX_FAILED: usize = 150;

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
        let verdicts: Vec<Vec<(&'static str, Option<Refusal>)>> =
            by_file.par_iter_mut().map(|findings| self.prove_file(findings)).collect();
        let mut proofs = Proofs::default();
        for (rule, refusal) in verdicts.into_iter().flatten() {
            proofs.count(rule, refusal);
        }
        proofs
    }

    /// Whether `changes` together solve all of `targets`, findings of one file whose edits hold one by one.
    #[must_use]
    pub fn holds(&self, targets: &[&Finding], changes: &[Change]) -> bool {
        let Some(file) = targets.first().map(|target| target.file) else { return false };
        let check = || Before::new(self, file).is_some_and(|it| it.check(targets, changes).is_ok());
        scan::guarded(check).unwrap_or(false)
    }

    /// Proves the edits in one file.
    fn prove_file(&self, findings: &mut [Finding]) -> Vec<(&'static str, Option<Refusal>)> {
        let Some(file) = findings.first().map(|finding| finding.file) else { return Vec::new() };
        if findings.iter().all(|finding| finding.edit.is_none()) {
            return Vec::new();
        }
        let source = &self.files[file];
        let refusals = match scan::guarded(|| Before::new(self, file)) {
            Ok(Some(before)) => Trial::new(&before, findings).run(source),
            Ok(None) | Err(_) => vec![Some(Refusal::Failed); findings.len()],
        };
        let mut tried = Vec::new();
        for (finding, refusal) in findings.iter_mut().zip(refusals) {
            let Some(edit) = &mut finding.edit else { continue };
            for change in &mut edit.changes {
                change.text = with_line_ends(source, change);
            }
            if refusal.is_some() {
                finding.edit = None;
            }
            tried.push((finding.rule, refusal));
        }
        tried
    }
}

/// The edits of one file, and what became of them.
struct Trial<'a> {
    before: &'a Before<'a>,
    findings: &'a [Finding],
    refusals: Vec<Option<Refusal>>,
    n_failed: usize,
}

impl<'a> Trial<'a> {
    fn new(before: &'a Before<'a>, findings: &'a [Finding]) -> Self {
        Self { before, findings, refusals: vec![None; findings.len()], n_failed: 0 }
    }

    /// Why each edit is refused, if it is.
    fn run(mut self, file: &SourceFile) -> Vec<Option<Refusal>> {
        let mut left = Vec::new();
        for (index, finding) in self.findings.iter().enumerate() {
            match &finding.edit {
                Some(edit) if is_ordered(file, &edit.changes) => left.push(index),
                Some(_) => self.refusals[index] = Some(Refusal::Overlap),
                None => {}
            }
        }
        for n_batches in 0.. {
            if left.is_empty() {
                break;
            }
            let mut functions = BTreeSet::new();
            let mut chosen = Chosen::default();
            let (batch, rest): (Vec<usize>, Vec<usize>) = left.into_iter().partition(|index| {
                let finding = &self.findings[*index];
                let is_apart = n_batches >= MAX_APART || !functions.contains(finding.function.as_str());
                let is_taken = is_apart && chosen.add(finding);
                if is_taken {
                    functions.insert(finding.function.as_str());
                }
                is_taken
            });
            self.settle(&batch);
            left = rest;
        }
        self.refusals
    }

    /// Tries the edits of `batch` together, and halves of them where they do not hold.
    fn settle(&mut self, batch: &[usize]) {
        if self.n_failed >= MAX_FAILED {
            batch.iter().for_each(|index| self.refusals[*index] = Some(Refusal::Limit));
            return;
        }
        let mut chosen = Chosen::default();
        batch.iter().for_each(|index| {
            chosen.add(&self.findings[*index]);
        });
        let check = || self.before.check(&chosen.findings, &chosen.changes());
        let Err(refusal) = scan::guarded(check).unwrap_or(Err(Refusal::Failed)) else { return };
        self.n_failed += 1;
        if let [index] = batch {
            self.refusals[*index] = Some(refusal);
        } else {
            let (first, second) = batch.split_at(batch.len() / 2);
            self.settle(first);
            self.settle(second);
        }
    }
}

/// Whether the changes are in order, do not overlap, and lie in the file.
fn is_ordered(file: &SourceFile, changes: &[Change]) -> bool {
    let lies = |at: u32| file.text.is_char_boundary(at as usize);
    !changes.is_empty()
        && changes.iter().all(|change| lies(change.span.start) && lies(change.span.end))
        && changes.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start)
}
