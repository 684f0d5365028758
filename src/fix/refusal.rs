//! Why an edit is not offered, and how many there are of each reason.

use std::collections::BTreeMap;

/// Why an edit is not offered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Refusal {
    /// Its changes are not in order, or overlap.
    Overlap,
    /// The file parses no longer.
    Syntax,
    /// A comment is lost.
    Comment,
    /// A name that it uses means nothing there, or not on every way to it.
    Unbound,
    /// The finding stays.
    Stays,
    /// Another finding comes.
    Another,
    /// The files that the flow leads through do not show it.
    Flow,
    /// The scanner failed on the edited file.
    Failed,
    /// Too many edits of the file do not hold for this one to be tried.
    Limit,
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
            Self::Limit => "too many edits of the file do not hold",
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

impl Proofs {
    /// Counts one edit of a finding of `rule`.
    pub(super) fn count(&mut self, rule: &'static str, refusal: Option<Refusal>) {
        self.tried += 1;
        if let Some(refusal) = refusal {
            *self.refused.entry(refusal).or_default() += 1;
            *self.by_rule.entry((rule, refusal)).or_default() += 1;
        }
    }
}
