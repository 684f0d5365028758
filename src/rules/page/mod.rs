//! A rule's page: Markdown comes in; metadata, manual and test cases go out.
//!
//! The page is the only description of a rule: its manual, its SARIF help and its tests are read
//! from here, so they cannot drift apart. Nothing here runs a rule or knows how a page is shown.

mod case;
mod ids;
mod own;
mod prose;

pub use case::{Case, Expectation};
pub use prose::plain;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::finding::{Precision, Severity};
use crate::models::{Kinds, Threat, Vocabulary};

/// What a rule's edits do to the program, over all its findings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EditKind {
    /// The rule offers no edit.
    None,
    /// Every edit keeps behavior.
    Safe,
    /// Every edit changes behavior, as it should.
    Suggest,
    /// Some keep it, some change it.
    Both,
}

/// The page of one rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// The rule's name, kebab-case.
    pub id: &'static str,
    /// How bad a finding usually is.
    pub severity: Severity,
    /// Share of findings expected to be right.
    pub precision: Precision,
    /// CWE numbers, the core one first; never empty.
    pub cwe: Vec<u32>,
    /// What edits to expect.
    pub edit: EditKind,
    /// The sinks that the rule is about, where it has no code of its own.
    pub flow: Option<FlowSpec>,
    /// The page's file as the configuration names it; `None` for the pages that are compiled in.
    pub file: Option<String>,
    /// The fault in a few words, plain text, at most [`Page::MAX_DESCRIPTION`] characters.
    pub title: String,
    /// First sentence of the page, plain text, at most [`Page::MAX_DESCRIPTION`] characters.
    pub short: String,
    /// First paragraph of the page, plain text, at most [`Page::MAX_DESCRIPTION`] characters.
    pub summary: String,
    /// The manual in Markdown: the page without metadata and without test markers.
    pub manual: String,
    /// The tested code blocks, in page order.
    pub cases: Vec<Case>,
}

/// Why a page was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct PageError {
    /// Line of the page, from 1.
    pub line: u32,
    /// What is wrong there, and what was expected.
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    id: Spanned<String>,
    severity: Spanned<String>,
    precision: Spanned<String>,
    cwe: Spanned<Vec<u32>>,
    edit: Spanned<String>,
    flow: Option<Spanned<String>>,
    threats: Option<Spanned<Vec<String>>>,
    message: Option<Spanned<String>>,
    solution: Option<Spanned<String>>,
}

/// What a rule that is a page alone says of data that reaches a sink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlowSpec {
    /// The kind of sink.
    pub kinds: Kinds,
    /// Whose data counts for this rule, beside that of the threat models of the configuration.
    pub threats: Vec<Threat>,
    /// What is wrong, with `{source}`, `{whence}`, `{sink}`, `{value}` and `{part}` to be filled in.
    pub message: String,
    /// What to do, likewise.
    pub solution: String,
}

impl Page {
    /// Longest title and description GitHub takes, in characters.
    /// Source: code scanning's SARIF support, `shortDescription.text` and `fullDescription.text`.
    pub const MAX_DESCRIPTION: usize = 1024;

    /// Most CWE numbers of a page: with `security` they are ten tags, which is what GitHub keeps.
    pub const MAX_CWE: usize = 9;

    /// Reads a page that names kinds of our own.
    ///
    /// # Errors
    /// The first thing its author has to change, with its line.
    pub fn parse(text: &str) -> Result<Self, PageError> {
        Self::with_kinds(text, &Vocabulary::default())
    }

    fn with_kinds(text: &str, vocabulary: &Vocabulary) -> Result<Self, PageError> {
        let (front, body, body_line) = split(text)?;
        let metadata = metadata(front)?;
        let prose = prose::read(body, body_line)?;
        let blocks = case::read(body, body_line)?;
        Ok(Self {
            id: id(&metadata.id)?,
            severity: named(&metadata.severity, "severity", &Severity::ALL.map(|s| (s.name(), s)))?,
            precision: named(&metadata.precision, "precision", &Precision::ALL.map(|p| (p.name(), p)))?,
            cwe: cwe(metadata.cwe)?,
            edit: named(&metadata.edit, "edit", &EDITS)?,
            flow: flow(metadata.flow, metadata.threats, (metadata.message, metadata.solution), vocabulary)?,
            file: None,
            title: prose.title,
            short: prose.short,
            summary: prose.summary,
            manual: blocks.manual,
            cases: blocks.cases,
        })
    }

    /// Where the page is read on the web; `None` for one of the scanned project, whose `file` is known instead.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        let root = env!("CARGO_PKG_REPOSITORY");
        let name = self.id.replace('-', "_");
        self.file.is_none().then(|| format!("{root}/blob/main/src/rules/{name}.md"))
    }
}

const THREATS: [(&str, Threat); 3] =
    [("remote", Threat::Remote), ("local", Threat::Local), ("library", Threat::Library)];

const EDITS: [(&str, EditKind); 4] = [
    ("none", EditKind::None),
    ("safe", EditKind::Safe),
    ("suggest", EditKind::Suggest),
    ("both", EditKind::Both),
];

impl PageError {
    fn new(line: u32, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

/// The YAML between the two `---` lines, the Markdown after them, and the line the latter begins at.
fn split(text: &str) -> Result<(&str, &str, u32), PageError> {
    let open = "expected `---`, the rule's metadata, and `---` before the text";
    let rest = text.strip_prefix("---\n").ok_or_else(|| PageError::new(1, open))?;
    let end = rest.find("\n---\n").ok_or_else(|| PageError::new(1, open))?;
    let body = &rest[end + "\n---\n".len()..];
    Ok((&rest[..end], body, line_of(text, text.len() - body.len())))
}

fn line_of(text: &str, offset: usize) -> u32 {
    let before = text[..offset].matches('\n').count();
    u32::try_from(before).expect("a page has few lines") + 1
}

/// `front` begins at line 2 of the page, after the opening `---`.
fn metadata(front: &str) -> Result<Metadata, PageError> {
    serde_saphyr::from_str(front).map_err(|error| {
        let line = error.location().map_or(1, |at| page_line(at.line()));
        let message = error.without_snippet().to_string();
        PageError::new(line, format!("metadata: {}", message.lines().next().unwrap_or_default()))
    })
}

fn page_line(front_line: u64) -> u32 {
    u32::try_from(front_line).expect("a page has few lines") + 1
}

fn id(id: &Spanned<String>) -> Result<&'static str, PageError> {
    ids::kept(&id.value).ok_or_else(|| {
        let line = page_line(id.defined.line());
        PageError::new(line, format!("`id` is `{}`; expected kebab-case, as `bare-except`", id.value))
    })
}

fn named<T: Copy>(given: &Spanned<String>, key: &str, known: &[(&str, T)]) -> Result<T, PageError> {
    if let Some((_, value)) = known.iter().find(|(name, _)| *name == given.value) {
        return Ok(*value);
    }
    let names = known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let what = format!("`{key}` is `{}`; expected one of {names}", given.value);
    Err(PageError::new(page_line(given.defined.line()), what))
}

fn flow(
    kind: Option<Spanned<String>>,
    threats: Option<Spanned<Vec<String>>>,
    (message, solution): (Option<Spanned<String>>, Option<Spanned<String>>),
    vocabulary: &Vocabulary,
) -> Result<Option<FlowSpec>, PageError> {
    let Some(kind) = kind else {
        let refuse = |threats: Spanned<Vec<String>>| {
            PageError::new(page_line(threats.defined.line()), "`threats` is for pages with `flow`")
        };
        return threats.map_or(Ok(None), |threats| Err(refuse(threats)));
    };
    let line = page_line(kind.defined.line());
    let Some(kinds) = vocabulary.named(&kind.value) else {
        let what = format!("`flow` is `{}`; known kinds are {}", kind.value, vocabulary.names());
        return Err(PageError::new(line, what));
    };
    let (Some(message), Some(solution)) = (message, solution) else {
        return Err(PageError::new(line, "a page with `flow` needs `message` and `solution`"));
    };
    let mut found = Vec::new();
    for name in threats.iter().flat_map(|threats| &threats.value) {
        let named = THREATS.iter().find(|(known, _)| known == name).map(|(_, threat)| *threat);
        found.push(named.ok_or_else(|| {
            let line = threats.as_ref().map_or(line, |threats| page_line(threats.defined.line()));
            PageError::new(line, format!("`threats` names `{name}`; expected some of remote, local, library"))
        })?);
    }
    Ok(Some(FlowSpec { kinds, threats: found, message: message.value, solution: solution.value }))
}

fn cwe(given: Spanned<Vec<u32>>) -> Result<Vec<u32>, PageError> {
    if given.value.is_empty() || given.value.len() > Page::MAX_CWE {
        let what = format!("`cwe` has {} numbers; expected 1 to {}", given.value.len(), Page::MAX_CWE);
        return Err(PageError::new(page_line(given.defined.line()), what));
    }
    Ok(given.value)
}

#[cfg(test)]
mod tests {
    use super::{EditKind, Expectation, Page};
    use crate::finding::{Precision, Severity};

    const FRONT: &str =
        "---\nid: bare-except\nseverity: medium  # why\nprecision: high\ncwe: [396, 755]\nedit: safe\n---\n";
    const BODY: &str = "# Bare `except:` catches [too](x) much\n\nIt catches `a. b`, e.g. an exit. More\nhere.\n\n\
        ## Do this\nName it.\n\n```python\ntry:\n    work()\nexcept:  # find: `x` # 1\n    pass  # ok\n```\n\n\
        ```python path=tests/test_x.py\nx = 1  # noqa # miss\n```\n\n```python example\nx  # ok\n```\n";

    fn page(front: &str, body: &str) -> Result<Page, String> {
        Page::parse(&format!("{front}{body}")).map_err(|e| e.to_string())
    }

    #[test]
    fn a_page_gives_metadata_prose_and_cases() {
        let page = page(FRONT, BODY).unwrap();
        assert_eq!(
            (page.id, page.severity, page.precision),
            ("bare-except", Severity::Medium, Precision::High)
        );
        assert_eq!((page.cwe.as_slice(), page.edit), ([396, 755].as_slice(), EditKind::Safe));
        assert_eq!(page.title, "Bare except: catches too much");
        assert_eq!(page.short, "It catches a. b, e.g. an exit.");
        assert_eq!(page.summary, "It catches a. b, e.g. an exit. More here.");
        assert_eq!(page.cases.len(), 2);
        assert_eq!((page.cases[0].path.as_str(), page.cases[0].line), ("snippet.py", 17));
        assert_eq!(page.cases[0].text, "try:\n    work()\nexcept:\n    pass\n");
        let expected = [(3, Expectation::Find("`x` # 1".to_owned())), (4, Expectation::Ok)];
        assert_eq!(page.cases[0].expectations, expected);
        assert_eq!(
            (page.cases[1].path.as_str(), page.cases[1].text.as_str()),
            ("tests/test_x.py", "x = 1  # noqa\n")
        );
        assert_eq!(page.cases[1].expectations, [(1, Expectation::Miss)]);
    }

    #[test]
    fn the_manual_has_no_metadata_and_no_markers() {
        let page = page(FRONT, BODY).unwrap();
        assert!(page.manual.starts_with("# Bare `except:`"), "{}", page.manual);
        for marker in ["# find", "# ok", "# miss", "severity:"] {
            assert!(!page.manual.contains(marker), "{marker} in {}", page.manual);
        }
        assert!(
            page.manual.contains("```python\ntry:\n    work()\nexcept:\n    pass\n```"),
            "{}",
            page.manual
        );
    }

    #[test]
    fn errors_name_the_line_and_what_was_expected() {
        let broken =
            |from: &str, to: &str| page(&FRONT.replace(from, to), &BODY.replace(from, to)).unwrap_err();
        assert_eq!(
            broken("---\nid", "id"),
            "line 1: expected `---`, the rule's metadata, and `---` before the text"
        );
        assert_eq!(
            broken("medium", "bad"),
            "line 3: `severity` is `bad`; expected one of low, medium, high, critical"
        );
        assert_eq!(
            broken("bare-except", "Bare"),
            "line 2: `id` is `Bare`; expected kebab-case, as `bare-except`"
        );
        assert_eq!(broken("[396, 755]", "[]"), "line 5: `cwe` has 0 numbers; expected 1 to 9");
        assert_eq!(broken("# Bare", "Bare"), "line 8: expected a title, `# …`, right after the metadata");
        assert!(broken("edit:", "edits:").starts_with("line 6: metadata: "), "{}", broken("edit:", "edits:"));
        assert_eq!(broken("## Do this", "## Do"), "line 8: expected a section `## Do this`");
        assert_eq!(
            broken("# find:", "# find x:"),
            "line 19: expected `# find`, `# find: text`, or another comment"
        );
        assert_eq!(
            broken("path=tests", "paths=tests"),
            "line 23: expected `python`, `python path=FILE` or `python example`"
        );
        assert_eq!(broken("path=tests", "path=/tests"), "line 23: expected a relative path without `..`");
        assert_eq!(broken("x  # ok\n```\n", ""), "line 27: this code block is not closed");
    }
}
