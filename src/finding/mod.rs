//! What a scan finds: plain data, free of how it was found and of how it is shown.

use crate::text::{FileId, Span};

/// How bad it is when the finding is right. One band of GitHub's security severity each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Worth knowing; a reviewer's remark. SARIF level `note`.
    Low,
    /// A defect under ordinary failure or a likely misuse. SARIF level `warning`.
    Medium,
    /// An outsider can exploit it. SARIF level `error`.
    High,
    /// An outsider takes the machine. SARIF level `error`.
    Critical,
}

impl Severity {
    /// All, mildest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Its name in configuration and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The severity called `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

/// Share of a rule's findings that are expected to be right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Precision {
    /// For an auditor: about half are right.
    Low,
    /// Most are right.
    Medium,
    /// Nearly all are right.
    High,
    /// Right by construction.
    VeryHigh,
}

impl Precision {
    /// All, lowest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::VeryHigh];

    /// Its name in SARIF and rule pages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::VeryHigh => "very-high",
        }
    }

    /// The precision called `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|precision| precision.name() == name)
    }
}

/// Whether an edit keeps what the program does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Safety {
    /// Behavior is kept: applied by default.
    Safe,
    /// Behavior changes, as it should: offered for review.
    Suggest,
}

impl Safety {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Suggest => "suggest",
        }
    }
}

/// One replacement in the finding's file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Change {
    /// What is replaced; empty to insert.
    pub span: Span,
    /// What stands there afterwards.
    pub text: String,
}

/// Changes that together solve a finding, sorted by position and free of overlap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edit {
    /// Whether behavior is kept.
    pub safety: Safety,
    /// What the edit does, as an imperative: "add `check=True`".
    pub title: String,
    /// The replacements, all in the finding's file.
    pub changes: Vec<Change>,
}

/// A further place that helps to understand the finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// File of the place.
    pub file: FileId,
    /// The place.
    pub span: Span,
    /// What is there.
    pub caption: String,
}

/// Why a finding is not to be shown as open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suppression {
    /// The reason the marker gives; empty if none.
    pub reason: String,
    /// The marker's own words (`snakestone: ignore[...]`, `nosec`, `noqa: S110`).
    pub marker: String,
}

/// What stays of a finding when the code around it changes: two digests of code, one for each place its data comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Identity {
    /// Of its statement, the function around it, and the source.
    pub here: u64,
    /// Of its statement with those beside it, and the source, wherever they stand.
    pub near: u64,
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}-{:016x}", self.here, self.near)
    }
}

impl std::str::FromStr for Identity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('-').filter(|(here, near)| here.len() == 16 && near.len() == 16);
        let read = |digits| u64::from_str_radix(digits, 16).ok();
        parts
            .and_then(|(here, near)| Some(Self { here: read(here)?, near: read(near)? }))
            .ok_or_else(|| format!("`{text}` is no identity; expected two numbers of 16 hexadecimal digits"))
    }
}

/// One defect, with its solution.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Id of the rule, kebab-case.
    pub rule: &'static str,
    /// How bad it is here.
    pub severity: Severity,
    /// File it is in.
    pub file: FileId,
    /// The tightest region that names the defect: the call's name, the argument, the `except` clause.
    pub span: Span,
    /// Qualified name of the function around it; empty at module level.
    pub function: String,
    /// What is wrong, as one or two sentences that name the things at hand.
    pub message: String,
    /// What to do, naming the things at hand.
    pub solution: String,
    /// The solution as text changes, where it is mechanical.
    pub edit: Option<Edit>,
    /// Further places, most important first.
    pub related: Vec<Note>,
    /// The way from source to sink, source first; empty where nothing flows.
    pub trace: Vec<Note>,
    /// Set when a marker in the code says that it is not to be reported.
    pub suppressed: Option<Suppression>,
    /// Words of another tool's marker on this line that was not honored.
    pub foreign_marker: Option<String>,
    /// Where what reaches it comes from, if rules know more than one place; else the trace begins there.
    pub sources: Vec<Note>,
    /// What tells it from others across changes, for each of its sources; empty until it is asked for.
    pub identity: Vec<Identity>,
    /// Whether the base that the scan was compared with lacks it; `None` without a comparison.
    pub is_new: Option<bool>,
}
