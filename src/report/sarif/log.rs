//! What of SARIF we write: `serde-sarif`'s types behind typed levels and lists that cannot be empty.
//!
//! The crate takes any JSON as a level and leaves required lists empty by default; either makes GitHub refuse
//! the whole file. Nothing else names the crate.

use serde_json::{Value, json};
use serde_sarif::sarif;

use crate::finding::{Safety, Severity};
use crate::report::place::Place;
use crate::text::{Position, Span};

pub(super) use serde_sarif::sarif::{Location, Message, ReportingDescriptor as Rule, Result, Run, Sarif};

/// GitHub's three levels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Level {
    Note,
    Warning,
    Error,
}

impl Level {
    pub(super) fn of(severity: Severity) -> Self {
        match severity {
            Severity::Low => Self::Note,
            Severity::Medium => Self::Warning,
            Severity::High | Severity::Critical => Self::Error,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    pub(super) fn of_result(self) -> sarif::ResultLevel {
        match self {
            Self::Note => sarif::ResultLevel::Note,
            Self::Warning => sarif::ResultLevel::Warning,
            Self::Error => sarif::ResultLevel::Error,
        }
    }
}

/// A list with at least one element.
pub(super) struct NonEmpty<T>(Vec<T>);

impl<T> NonEmpty<T> {
    /// `None` if `items` is empty.
    pub(super) fn new(items: Vec<T>) -> Option<Self> {
        (!items.is_empty()).then_some(Self(items))
    }

    pub(super) fn one(item: T) -> Self {
        Self(vec![item])
    }

    pub(super) fn into_vec(self) -> Vec<T> {
        self.0
    }
}

/// A message; `text` may hold links, so what comes from code has gone through [`escape`].
pub(super) fn message(text: impl Into<String>) -> Message {
    Message { text: Some(text.into()), ..Default::default() }
}

/// Text for a message in which brackets and backslashes stand for themselves.
/// Source: SARIF 2.1.0, section 3.11.6.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// `path`, relative and `/`-separated, as a URI reference.
pub(super) fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte.into())
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A location; with `id`, messages can link to it. `width` is that of its line on disk, for notebooks.
pub(super) fn location(
    place: &Place,
    width: Option<u32>,
    id: Option<usize>,
    caption: Option<&str>,
) -> Location {
    Location {
        physical_location: Some(sarif::PhysicalLocation {
            artifact_location: Some(artifact(place.path())),
            region: Some(region(place, width)),
            ..Default::default()
        }),
        id: id.map(count),
        message: caption.map(|text| message(escape(text))),
        ..Default::default()
    }
}

/// Says in which function `at` is, unless `function` is empty.
pub(super) fn name_function(at: &mut Location, function: &str) {
    if !function.is_empty() {
        at.logical_locations = Some(vec![sarif::LogicalLocation {
            fully_qualified_name: Some(function.to_owned()),
            kind: Some("function".to_owned()),
            ..Default::default()
        }]);
    }
}

/// Adds the whole lines `first` to `last` around `at`: what an edit of them is to be held against where the file
/// is not at hand. They hold more than the location itself, as the schema asks.
pub(super) fn add_context(at: &mut Location, (first, last): (u32, u32), text: &str) {
    if let Some(physical) = &mut at.physical_location {
        physical.context_region = Some(sarif::Region {
            start_line: Some(first.into()),
            end_line: Some(last.into()),
            snippet: Some(sarif::ArtifactContent { text: Some(text.to_owned()), ..Default::default() }),
            ..Default::default()
        });
    }
}

fn artifact(path: &str) -> sarif::ArtifactLocation {
    sarif::ArtifactLocation { uri: Some(uri(path)), ..Default::default() }
}

fn region(place: &Place, width: Option<u32>) -> sarif::Region {
    if place.has_columns() {
        return text_region(place.start, place.end);
    }
    // The whole line of the `.ipynb` file that holds the code.
    let line = Some(place.line().into());
    sarif::Region {
        start_line: line,
        start_column: Some(1),
        end_line: line,
        end_column: width.map(|width| i64::from(width) + 1),
        ..Default::default()
    }
}

fn text_region(start: Position, end: Position) -> sarif::Region {
    sarif::Region {
        start_line: Some(start.line.into()),
        start_column: Some(start.utf16.into()),
        end_line: Some(end.line.into()),
        end_column: Some(end.utf16.into()),
        ..Default::default()
    }
}

/// A proposed fix: `changes` of one file, spans and what replaces them. `safety` says whether behavior is kept.
pub(super) fn fix(title: &str, safety: Safety, place: &Place, changes: NonEmpty<(Span, &str)>) -> sarif::Fix {
    let replacement = |(span, text): (Span, &str)| sarif::Replacement {
        deleted_region: text_region(place.file.position(span.start), place.file.position(span.end)),
        inserted_content: Some(sarif::ArtifactContent { text: Some(text.to_owned()), ..Default::default() }),
        properties: None,
    };
    sarif::Fix {
        artifact_changes: vec![sarif::ArtifactChange {
            artifact_location: artifact(place.path()),
            properties: None,
            replacements: changes.into_vec().into_iter().map(replacement).collect(),
        }],
        description: Some(message(escape(title))),
        properties: Some(sarif::PropertyBag {
            tags: None,
            additional_properties: [("safety".to_owned(), safety.name().into())].into(),
        }),
    }
}

/// A way through the code, first step first.
pub(super) fn code_flow(steps: NonEmpty<Location>) -> sarif::CodeFlow {
    let step = |location| sarif::ThreadFlowLocation { location: Some(location), ..Default::default() };
    let steps: Vec<_> = steps.into_vec().into_iter().map(step).collect();
    let flow = sarif::ThreadFlow::builder().locations(steps).build();
    sarif::CodeFlow { message: None, properties: None, thread_flows: vec![flow] }
}

/// A suppression by a marker in the code.
pub(super) fn in_source(justification: String) -> sarif::Suppression {
    sarif::Suppression {
        kind: json!("inSource"),
        justification: Some(justification),
        guid: None,
        location: None,
        properties: None,
        status: None,
    }
}

/// A result without anything optional.
pub(super) fn result(rule: &str, index: usize, level: Level, text: String, at: Location) -> Result {
    Result {
        rule_id: Some(rule.to_owned()),
        rule_index: Some(count(index)),
        level: Some(level.of_result()),
        locations: Some(NonEmpty::one(at).into_vec()),
        ..Result::builder().message(message(text)).build()
    }
}

/// What a rule is made of. Every text must not be empty.
pub(super) struct RuleText {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) short: String,
    pub(super) full: String,
    pub(super) help: String,
    pub(super) help_markdown: String,
    pub(super) url: Option<String>,
    pub(super) level: Level,
    pub(super) tags: Vec<String>,
    pub(super) precision: &'static str,
    pub(super) security_severity: &'static str,
}

/// A rule.
pub(super) fn rule(text: RuleText) -> Rule {
    let multiformat =
        |text, markdown| Some(sarif::MultiformatMessageString { text, markdown, properties: None });
    let properties = [("precision", text.precision), ("security-severity", text.security_severity)];
    Rule {
        name: Some(text.name),
        short_description: multiformat(text.short, None),
        full_description: multiformat(text.full, None),
        help: multiformat(text.help, Some(text.help_markdown)),
        help_uri: text.url,
        default_configuration: Some(sarif::ReportingConfiguration {
            level: Some(text.level.name().into()),
            ..sarif::ReportingConfiguration::builder().build()
        }),
        properties: Some(sarif::PropertyBag {
            tags: Some(text.tags),
            additional_properties: properties.map(|(key, value)| (key.to_owned(), Value::from(value))).into(),
        }),
        ..Rule::builder().id(text.id).build()
    }
}

/// The whole log: one run of one tool.
pub(super) fn log(rules: Vec<Rule>, results: Vec<Result>, category: &str, is_successful: bool) -> Sarif {
    let driver = sarif::ToolComponent {
        semantic_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        information_uri: Some(env!("CARGO_PKG_REPOSITORY").to_owned()),
        rules: Some(rules),
        ..sarif::ToolComponent::builder().name("Snakestone").build()
    };
    let run = Run {
        results: Some(results),
        column_kind: Some("utf16CodeUnits".into()),
        automation_details: Some(sarif::RunAutomationDetails {
            id: Some(format!("{}/", category.trim_end_matches('/'))),
            ..sarif::RunAutomationDetails::builder().build()
        }),
        invocations: Some(vec![sarif::Invocation::builder().execution_successful(is_successful).build()]),
        ..Run::builder().tool(sarif::Tool::builder().driver(driver).build()).build()
    };
    Sarif {
        schema: Some("https://json.schemastore.org/sarif-2.1.0.json".to_owned()),
        ..Sarif::builder().runs(vec![run]).version("2.1.0").build()
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).expect("counts are far below 2^63")
}
