//! Settles what is shown: severities and paths by configuration, test code, markers.

use crate::base::IdVec;
use crate::config::{OtherMarkers, Settings, Tests, nearest};
use crate::finding::{Change, Edit, Finding, Safety, Severity, Suppression};
use crate::scan::markers::{Marker, Names, Owner};
use crate::text::{FileId, SourceFile, Span};

/// Id of the rule that speaks of markers.
pub const MARKER_RULE: &str = "suppression-problem";

/// Findings, settled.
#[derive(Debug, Default)]
pub struct Settled {
    /// To be acted on, by file and place.
    pub open: Vec<Finding>,
    /// Kept silent by a marker; `suppressed` is set in each.
    pub suppressed: Vec<Finding>,
    /// Findings in test code that are not shown.
    pub hidden_in_tests: usize,
}

/// Settles `findings`; `markers` are those of each file, `rules` all rule ids.
#[must_use]
pub fn settle(
    findings: Vec<Finding>,
    files: &IdVec<FileId, SourceFile>,
    markers: &IdVec<FileId, Vec<Marker>>,
    settings: &Settings,
    rules: &[&str],
) -> Settled {
    let mut settled = Settled::default();
    let mut used: IdVec<FileId, Vec<bool>> = markers.iter().map(|all| vec![false; all.len()]).collect();
    for mut finding in findings {
        let file = &files[finding.file];
        let Some(severity) = settings.severity_of(finding.rule, &file.path, finding.severity) else {
            continue;
        };
        finding.severity = severity;
        let line = file.line(finding.span.start);
        let covering =
            markers[finding.file].iter().enumerate().filter(|(_, marker)| marker.covers(finding.rule, line));
        let mut silent: Option<&Marker> = None;
        for (index, marker) in covering {
            match marker.owner {
                Owner::Own => {
                    used[finding.file][index] = true;
                    silent = Some(marker);
                }
                Owner::Foreign if silent.is_none() => {
                    let honored = match settings.other_markers {
                        OtherMarkers::All => true,
                        OtherMarkers::Mild => severity < Severity::High,
                        OtherMarkers::None => false,
                    };
                    if honored {
                        silent = Some(marker);
                    } else {
                        finding.foreign_marker = Some(marker.text.clone());
                    }
                }
                Owner::Foreign => {}
            }
        }
        if severity < settings.minimum_severity {
            continue;
        }
        if file.is_test && is_hidden(settings.tests, severity) {
            settled.hidden_in_tests += 1;
        } else if let Some(marker) = silent {
            finding.suppressed =
                Some(Suppression { reason: marker.reason.clone(), marker: marker.text.clone() });
            settled.suppressed.push(finding);
        } else {
            settled.open.push(finding);
        }
    }
    if settings.runs(MARKER_RULE) {
        for (id, file) in files.pairs() {
            let all = markers[id].iter().zip(&used[id]).filter(|(marker, _)| marker.owner == Owner::Own);
            for (marker, used) in all {
                let problem =
                    problem(marker, *used, settings, rules).map(|problem| finding(id, file, marker, problem));
                let shown = problem.and_then(|finding| {
                    let severity = settings.severity_of(MARKER_RULE, &file.path, finding.severity)?;
                    (severity >= settings.minimum_severity).then_some(Finding { severity, ..finding })
                });
                settled.open.extend(
                    shown.filter(|finding| !(file.is_test && is_hidden(settings.tests, finding.severity))),
                );
            }
        }
    }
    settled.open.sort_by(|a, b| (a.file, a.span, a.rule).cmp(&(b.file, b.span, b.rule)));
    settled
}

fn is_hidden(tests: Tests, severity: Severity) -> bool {
    match tests {
        Tests::High => severity < Severity::High,
        Tests::All => false,
        Tests::None => true,
    }
}

/// What is wrong with a marker: message, solution, and whether it can simply go.
struct Problem {
    message: String,
    solution: String,
    removable: bool,
}

fn problem(marker: &Marker, used: bool, settings: &Settings, rules: &[&str]) -> Option<Problem> {
    let text = &marker.text;
    let says =
        |message: String, solution: String, removable: bool| Some(Problem { message, solution, removable });
    let Names::Some(names) = &marker.names else {
        let message = format!("`{text}` silences every rule, those yet to come included");
        return says(message, "name the rules it is about: `ignore[rule-id] reason`".to_owned(), false);
    };
    if let Some(name) = names.iter().find(|name| !rules.contains(&name.as_str())) {
        let near = nearest(name, rules);
        let hint =
            near.map_or("`snakestone rules` lists the ids".to_owned(), |near| format!("write `{near}`"));
        return says(format!("`{text}` names `{name}`, which is no rule"), hint, false);
    }
    if !used && names.iter().all(|name| settings.runs(name)) {
        let message = format!("`{text}` silences nothing: no finding of {} is here", names.join(", "));
        return says(message, "remove it, so that it cannot hide a later finding".to_owned(), true);
    }
    if marker.reason.is_empty() {
        let message = format!("`{text}` gives no reason");
        return says(message, format!("say after `[{}]` why it is safe here", names.join(", ")), false);
    }
    None
}

fn finding(id: FileId, file: &SourceFile, marker: &Marker, problem: Problem) -> Finding {
    let edit = problem.removable.then(|| {
        let line = file.line_span(file.line(marker.span.start));
        let before = file.slice(Span::new(line.start, marker.span.start));
        let blanks = u32::try_from(before.len() - before.trim_end().len()).expect("a line is short");
        let span = Span::new(marker.span.start - blanks, marker.span.end);
        let changes = vec![Change { span, text: String::new() }];
        Edit { safety: Safety::Safe, title: "remove the marker".to_owned(), changes }
    });
    Finding {
        rule: MARKER_RULE,
        severity: Severity::Low,
        file: id,
        span: marker.span,
        function: String::new(),
        message: problem.message,
        solution: problem.solution,
        edit,
        related: Vec::new(),
        trace: Vec::new(),
        suppressed: None,
        foreign_marker: None,
        sources: Vec::new(),
        identity: Vec::new(),
        is_new: None,
    }
}
