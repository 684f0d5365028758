//! Findings for people at a terminal: source snippets, what to do, and a summary.
//!
//! Output carries ANSI styles; the caller's stream strips them where there is no terminal or none is wanted
//! (`anstream`). What comes from scanned code is made harmless first.

mod excerpt;
mod summary;

use std::io::{self, Write};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet};

use crate::finding::{Finding, Note, Safety, Severity};
use crate::report::Report;
use crate::report::place::Place;
use crate::report::terminal::excerpt::{clean, excerpt};
use crate::report::wording::{self, visible};
use crate::text::Span;

/// How wide, and what besides the findings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether the summary says how long the scan took.
    pub shows_time: bool,
}

/// Writes every finding, where there is a base those that are new, then the summary.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let renderer = Renderer::styled().term_width(options.width);
    for finding in report.asked() {
        let groups = groups(report, finding);
        writeln!(out, "{}\n", renderer.render(&groups))?;
    }
    summary::write(report, options.shows_time, out)
}

/// One finding as [`write()`] shows it.
#[must_use]
pub fn finding(report: &Report, finding: &Finding, width: usize) -> String {
    Renderer::styled().term_width(width).render(&groups(report, finding))
}

/// Most steps of a trace that are shown.
const MAX_STEPS: usize = 12;
/// Most lines that an edit may span to be shown as a diff.
const MAX_EDIT_LINES: u32 = 20;

fn groups<'a>(report: &Report<'a>, finding: &'a Finding) -> Vec<Group<'a>> {
    let place = Place::of(report, finding.file, finding.span);
    let near =
        |note: &&Note| note.file == finding.file && excerpt::are_near(place.file, note.span, finding.span);
    let (here, elsewhere): (Vec<&Note>, Vec<&Note>) = finding.related.iter().partition(near);
    let title = level(finding).primary_title(visible(&wording::what(finding))).id(finding.rule);
    let context: Vec<(Span, String)> = here.iter().map(|note| (note.span, visible(&note.caption))).collect();
    let mut groups = vec![with_snippet(Group::with_title(title), &place, Some(finding.span), context)];
    groups.extend(elsewhere.into_iter().map(|note| {
        let place = Place::of(report, note.file, note.span);
        let title = Level::NOTE.secondary_title(visible(&note.caption));
        with_snippet(Group::with_title(title), &place, Some(note.span), Vec::new())
    }));
    groups.extend(trace(report, &finding.trace));
    groups.push(help(&place, finding));
    groups
}

fn level(finding: &Finding) -> Level<'static> {
    let severity = finding.severity;
    let level = match severity {
        Severity::Low => Level::NOTE,
        Severity::Medium => Level::WARNING,
        Severity::High | Severity::Critical => Level::ERROR,
    };
    match finding.is_new {
        Some(true) => level.with_name(format!("new {}", severity.name())),
        _ => level.with_name(severity.name()),
    }
}

/// Adds the lines that `main` and `context` touch, under their path.
fn with_snippet<'a>(
    group: Group<'a>,
    place: &Place<'a>,
    main: Option<Span>,
    context: Vec<(Span, String)>,
) -> Group<'a> {
    let spans: Vec<Span> = main.into_iter().chain(context.iter().map(|(span, _)| *span)).collect();
    let excerpt = excerpt(place.file, &spans);
    let captions =
        main.map(|_| None).into_iter().chain(context.into_iter().map(|(_, caption)| Some(caption)));
    let annotations = excerpt.spans.into_iter().zip(captions).map(|(span, caption)| match caption {
        None => AnnotationKind::Primary.span(span),
        Some(caption) => AnnotationKind::Context.span(span).label(caption),
    });
    let first_line = shown_line(place, excerpt.first_line);
    let snippet = Snippet::source(excerpt.text).line_start(first_line).annotations(annotations);
    let path = match place.cell() {
        Some(at) => visible(&format!("{}:cell {}", place.path(), at.cell)),
        None => visible(place.path()),
    };
    if !excerpt.is_cut {
        return group.element(snippet.path(path));
    }
    // The renderer would count columns in what is left of the line.
    let line = shown_line(place, place.start.line);
    let origin = Origin::path(path).line(line).char_column(place.start.column as usize);
    group.element(origin).element(snippet)
}

/// The number that `line` is shown with: in a notebook, that in its cell.
fn shown_line(place: &Place, line: u32) -> usize {
    place.file.cell_line(line).map_or(line, |at| at.line) as usize
}

/// The steps that lead to the finding, numbered; steps near each other share a snippet.
fn trace<'a>(report: &Report<'a>, steps: &[Note]) -> Option<Group<'a>> {
    let mut group = Group::with_title(Level::NOTE.secondary_title("how it gets there"));
    let mut numbered: Vec<(usize, &Note)> = (1..).zip(steps).collect();
    if numbered.len() > MAX_STEPS {
        numbered.drain(MAX_STEPS / 2..numbered.len() - MAX_STEPS / 2);
    }
    let near = |a: &(usize, &Note), b: &(usize, &Note)| {
        a.1.file == b.1.file && excerpt::are_near(&report.files[a.1.file], a.1.span, b.1.span)
    };
    for steps in numbered.chunk_by(near) {
        let place = Place::of(report, steps[0].1.file, steps[0].1.span);
        let captions = steps.iter().map(|(n, note)| (note.span, format!("{n}: {}", visible(&note.caption))));
        group = with_snippet(group, &place, None, captions.collect());
    }
    (!steps.is_empty()).then_some(group)
}

/// What to do, as words, as a diff where there is an edit, and where to read on.
fn help<'a>(place: &Place<'a>, finding: &Finding) -> Group<'a> {
    let mut words = wording::sentence(&visible(&finding.solution));
    if let Some(edit) = &finding.edit {
        let review = match edit.safety {
            Safety::Safe => "",
            Safety::Suggest => " (changes behavior: review it)",
        };
        words.push_str(&format!(" Edit: {}{review}", visible(&edit.title)));
    }
    let mut group = Group::with_title(Level::HELP.secondary_title(words));
    if let Some(diff) = diff(place, finding) {
        group = group.element(diff);
    }
    group.element(Level::NOTE.no_name().message(format!("more: snakestone explain {}", finding.rule)))
}

fn diff<'a>(place: &Place<'a>, finding: &Finding) -> Option<Snippet<'a, Patch<'a>>> {
    let changes = &finding.edit.as_ref()?.changes;
    let (first, last) = (changes.first()?.span, changes.last()?.span);
    if place.file.line(last.end) - place.file.line(first.start) > MAX_EDIT_LINES {
        return None;
    }
    let spans: Vec<Span> = changes.iter().map(|change| change.span).collect();
    let excerpt = excerpt(place.file, &spans);
    let texts = changes.iter().map(|change| {
        // An inserted line keeps its end.
        let lines = change.text.split('\n').map(|line| clean(line.trim_end_matches('\r')));
        lines.collect::<Vec<_>>().join("\n")
    });
    let patches = excerpt.spans.into_iter().zip(texts).map(|(span, text)| Patch::new(span, text));
    Some(Snippet::source(excerpt.text).line_start(shown_line(place, excerpt.first_line)).patches(patches))
}
