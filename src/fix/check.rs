//! Edits of one file carried out together, and what that does to the file and to the flows through it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::base::IdVec;
use crate::finding::{Change, Finding};
use crate::fix::apply::{Edited, edit};
use crate::fix::compare::compare;
use crate::fix::members::may_have;
use crate::fix::names::names;
use crate::fix::prove::Prover;
use crate::fix::refusal::Refusal;
use crate::program::Input;
use crate::python;
use crate::scan::{self, Front, MARKER_RULE};
use crate::text::{FileId, SourceFile};

/// A file before any edit.
pub(super) struct Before<'a> {
    prover: &'a Prover<'a>,
    id: FileId,
    file: &'a SourceFile,
    n_errors: usize,
    comments: Vec<String>,
    /// What the rules that look at one file find, by place and rule.
    findings: Vec<Finding>,
    /// What data flow tells of programs of some of the files.
    flows: RefCell<BTreeMap<Vec<FileId>, Rc<Vec<Finding>>>>,
}

impl<'a> Before<'a> {
    pub(super) fn new(prover: &'a Prover<'a>, id: FileId) -> Option<Self> {
        let (file, front) = (&prover.files[id], &prover.fronts[id]);
        let parsed = python::parse(file).ok()?;
        let findings = prover.judge.judge(id, file, front.unit.as_ref()?);
        let n_errors = front.errors.len();
        let comments = comments(file, &parsed);
        Some(Self { prover, id, file, n_errors, comments, findings, flows: RefCell::default() })
    }

    /// Whether `changes` together solve all of `targets`, whose edits they are, and do nothing else that shows.
    pub(super) fn check(&self, targets: &[&Finding], changes: &[Change]) -> Result<(), Refusal> {
        let (edited, after) = self.check_file(targets, changes)?;
        let mut ways: BTreeMap<Vec<FileId>, Vec<&Finding>> = BTreeMap::new();
        for target in targets.iter().filter(|target| !self.is_own(target)) {
            ways.entry(self.way(target)).or_default().push(target);
        }
        ways.iter().try_for_each(|(way, flows)| self.check_flows(way, flows, targets, (&edited, &after)))
    }

    /// Whether a finding is told by this file alone.
    fn is_own(&self, finding: &Finding) -> bool {
        let at = self
            .findings
            .binary_search_by(|known| (known.span, known.rule).cmp(&(finding.span, finding.rule)));
        let known = at.ok().map(|index| &self.findings[index]);
        finding.rule == MARKER_RULE || known.is_some_and(|known| known.message == finding.message)
    }

    /// The files that a flow leads through.
    fn way(&self, finding: &Finding) -> Vec<FileId> {
        let notes = finding.trace.iter().chain(&finding.related);
        let mut ids: Vec<FileId> = notes.map(|note| note.file).chain([self.id]).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// Whether `changes` solve `targets` as far as this file tells.
    fn check_file(&self, targets: &[&Finding], changes: &[Change]) -> Result<(Edited<'_>, Front), Refusal> {
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
        let named = names(&edited, &parsed);
        let Prover { files, fronts, .. } = self.prover;
        if named.unbound.is_some() || !named.members.iter().all(|path| may_have(files, fronts, path)) {
            return Err(Refusal::Unbound);
        }
        let unit = after.unit.as_ref().ok_or(Refusal::Syntax)?;
        let new = self.prover.judge.judge(self.id, &edited.file, unit);
        compare(&edited, targets, self.findings.iter(), new.iter())?;
        Ok((edited, after))
    }

    /// Whether the edits of `targets` end `flows`, which are among them, and begin none, in the program of the files of
    /// `way`.
    fn check_flows(
        &self,
        way: &[FileId],
        flows: &[&Finding],
        targets: &[&Finding],
        (edited, after): (&Edited<'_>, &Front),
    ) -> Result<(), Refusal> {
        let own = FileId::new(way.iter().position(|id| *id == self.id).expect("it is among them"));
        let before = self.flows_before(way);
        let is_seen = |flow: &&Finding| {
            let is_it =
                |known: &Finding| known.file == own && known.rule == flow.rule && known.span == flow.span;
            before.iter().any(is_it)
        };
        if !flows.iter().all(is_seen) {
            return Err(Refusal::Flow);
        }
        let new = self.flows_of(way, Some((&edited.file, after)));
        let here = |known: &&Finding| known.file == own;
        compare(edited, targets, before.iter().filter(here), new.iter().filter(here))?;
        let elsewhere = |known: &&Finding| known.file != own;
        let place = |known: &Finding| (known.rule, known.file, known.span);
        let known: Vec<_> = before.iter().filter(elsewhere).map(place).collect();
        let is_known = |finding: &Finding| known.contains(&place(finding));
        if new.iter().filter(elsewhere).all(is_known) { Ok(()) } else { Err(Refusal::Another) }
    }

    fn flows_before(&self, way: &[FileId]) -> Rc<Vec<Finding>> {
        if let Some(known) = self.flows.borrow().get(way) {
            return Rc::clone(known);
        }
        let found = Rc::new(self.flows_of(way, None));
        self.flows.borrow_mut().insert(way.to_vec(), Rc::clone(&found));
        found
    }

    /// What data flow tells of the program of the files of `way`, this one as it is `edited`.
    fn flows_of(&self, way: &[FileId], edited: Option<(&SourceFile, &Front)>) -> Vec<Finding> {
        let part = |id: &FileId| match edited {
            Some(edited) if *id == self.id => edited,
            _ => (&self.prover.files[*id], &self.prover.fronts[*id]),
        };
        let parts: Vec<(&SourceFile, &Front)> = way.iter().map(part).collect();
        let files: IdVec<FileId, SourceFile> = parts.iter().map(|(file, _)| (*file).clone()).collect();
        let inputs: Vec<Input<'_>> = files
            .pairs()
            .zip(&parts)
            .filter_map(|((id, file), (_, front))| scan::input(id, file, front))
            .collect();
        scan::flows(&files, &inputs, self.prover.judge)
    }
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
