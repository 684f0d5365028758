//! Findings of rules that are a page alone: sources that reach sinks of the page's kind.

use crate::base::IdVec;
use crate::finding::{Finding, Note, Severity};
use crate::ir::Body;
use crate::models::{Kinds, Threat};
use crate::program::{Module, Program};
use crate::rules::judge::Judge;
use crate::rules::page::FlowSpec;
use crate::rules::remedies::{Way, remedy};
use crate::rules::{Context, Review};
use crate::taint::{Hop, LONGER, Meeting, Printed, SinkSite, SourceSite};
use crate::templates::Why;
use crate::text::{FileId, SourceFile, Span};

/// What to do where a program is chosen: there is no shell to leave out.
const OF_PROGRAMS: &str = "start a program whose path is constant, or take it from a dict of your own by what `{source}` says; to check, send the path of another program: it must not be started";
/// What to do where a module is written: what is in it is chosen by nobody.
const OF_MODULES: &str = "write what `{source}` gives as data, with `json.dump` into a file that is read with `json.load`, and keep modules constant; to check, pass `__import__('os').getpid()` in it: no file that Python runs may hold it";
/// What to do where a database runs it.
const OF_SCRIPTS: &str = "keep the script constant, and pass what `{source}` gives as a value beside it; to check, pass a quote in it: the query must find what it found before";
/// Most calls on a way with one of which nothing is known; longer ones are guesses upon guesses.
const MAX_VAGUE_CALLS: usize = 6;
/// Most other sources of one sink that a finding names.
const MAX_OTHERS: usize = 5;
/// Most sources of one sink that tell it from others.
const MAX_SOURCES: usize = 64;

/// A rule whose page names a kind of sink.
pub(super) struct FlowRule<'j> {
    pub(super) id: &'static str,
    pub(super) severity: Severity,
    pub(super) spec: &'j FlowSpec,
    /// Whether no code looks for it in single functions, too.
    pub(super) is_page_alone: bool,
    /// What it says of a meeting beyond its page.
    pub(super) review: Option<Review>,
}

impl FlowRule<'_> {
    /// How grave a meeting is; `None` if it is no defect.
    fn review(
        &self,
        meeting: &Meeting,
        program: &Program<'_>,
        files: &IdVec<FileId, SourceFile>,
    ) -> Option<Severity> {
        let severity = meeting.sink.at_most.map_or(self.severity, |most| most.min(self.severity));
        let Some(review) = self.review else { return Some(severity) };
        let (module, id, _) = program.func(meeting.sink.func);
        review(&Context::new(&files[meeting.sink.file], module.unit, id), meeting, severity)
    }
}

impl Judge {
    /// Whether a rule asks for flows at all.
    #[must_use]
    pub fn wants_flows(&self) -> bool {
        self.flow_rules().next().is_some()
    }

    /// Adds what flows tell to what rules found in functions. Of two findings of one rule at one place the graver stays:
    /// the function alone may not tell who chose a value.
    pub fn merge(&self, findings: &mut Vec<Finding>, mut flows: Vec<Finding>) {
        for FlowRule { id, .. } in self.flow_rules().filter(|rule| !rule.is_page_alone) {
            let (own, others): (Vec<Finding>, Vec<Finding>) =
                std::mem::take(findings).into_iter().partition(|finding| finding.rule == id);
            let is_less =
                |flow: &Finding, known: &Finding| meet(flow, known) && flow.severity <= known.severity;
            flows.retain(|flow| flow.rule != id || !own.iter().any(|known| is_less(flow, known)));
            let told = |known: &Finding| flows.iter().any(|flow| flow.rule == id && meet(flow, known));
            findings.extend(others);
            findings.extend(own.iter().filter(|known| !told(known)).cloned());
        }
        findings.extend(flows);
    }

    /// Whether a rule is about sources of `threat`: by the threat models, by its page, or by its kind of harm.
    fn counts(&self, threat: Threat, spec: &FlowSpec) -> bool {
        let by_model = match threat {
            Threat::Remote | Threat::Stored | Threat::Secret | Threat::Detail => true,
            Threat::Local => self.models().local || Kinds::of_local().has(spec.kinds),
            Threat::Library => self.models().library,
        };
        by_model || spec.threats.contains(&threat)
    }

    /// The findings for what `taint` found: one for each sink and rule, the other sources beside it.
    #[must_use]
    pub fn judge_flows(
        &self,
        meetings: &[Meeting],
        program: &Program<'_>,
        files: &IdVec<FileId, SourceFile>,
    ) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        for rule in self.flow_rules() {
            let spec = rule.spec;
            let wanted = |meeting: &&Meeting| {
                let is_test = files[meeting.sink.file].is_test
                    || meeting.hops.iter().any(|hop| files[hop.file].is_test);
                !meeting.kinds.and(spec.kinds).is_empty()
                    && self.counts(meeting.source.threat, spec)
                    && !is_test
                    // What a rule sees in the function itself it has judged already.
                    && (rule.is_page_alone || !is_within(meeting, program))
                    && (!meeting.is_vague || n_calls(meeting) <= MAX_VAGUE_CALLS)
                    && rule.review(meeting, program, files).is_some()
            };
            let wanted: Vec<&Meeting> = meetings.iter().filter(wanted).collect();
            let (spread, wanted) = spread(&wanted);
            let wanted: Vec<&Meeting> =
                wanted.iter().copied().filter(|meeting| !is_told_within(meeting, &wanted)).collect();
            for group in wanted.chunk_by(|a, b| same_place(a, b)) {
                findings.extend(finding(&rule, group, (program, files)));
            }
            for group in spread.chunk_by(|a, b| a.source == b.source) {
                findings.extend(finding_at_source(&rule, group, (program, files)));
            }
        }
        findings
    }
}

/// The meetings whose source is handed back by the function that it is in and so is shown in several places: what an
/// exception tells has to be kept in where it is caught. Sorted by source; and the others.
fn spread<'m>(meetings: &[&'m Meeting]) -> (Vec<&'m Meeting>, Vec<&'m Meeting>) {
    let comes_back = |meeting: &Meeting| {
        let mut calls = meeting.hops.iter().filter(|hop| hop.is_call).peekable();
        let is_detail = meeting.source.threat == Threat::Detail;
        is_detail && calls.peek().is_some() && calls.all(|hop| hop.is_back)
    };
    let is_spread = |meeting: &&&'m Meeting| {
        let is_other = |other: &&&'m Meeting| {
            other.source == meeting.source && comes_back(other) && !same_place(other, meeting)
        };
        comes_back(meeting) && meetings.iter().any(|other| is_other(&other))
    };
    let (mut spread, rest): (Vec<&Meeting>, Vec<&Meeting>) = meetings.iter().partition(is_spread);
    spread.sort_by_key(|meeting| (meeting.source.file, meeting.source.span));
    (spread, rest)
}

/// One finding for a source that several places show, where it begins; the places beside it.
fn finding_at_source(
    rule: &FlowRule<'_>,
    group: &[&Meeting],
    (program, files): (&Program<'_>, &IdVec<FileId, SourceFile>),
) -> Option<Finding> {
    let whole = finding(rule, group, (program, files))?;
    let SourceSite { file, span, ref text, .. } = *group.first()?.source;
    let shown = group
        .iter()
        .map(|meeting| &meeting.sink)
        .filter(|sink| (sink.file, sink.span) != (whole.file, whole.span));
    let mut related: Vec<Note> = Vec::new();
    for sink in shown {
        if related.len() < MAX_OTHERS
            && !related.iter().any(|known| (known.file, known.span) == (sink.file, sink.span))
        {
            let caption = format!("`{}` shows it too", sink.callee);
            related.push(Note { file: sink.file, span: sink.span, caption });
        }
    }
    let mut sinks: Vec<(FileId, Span)> =
        group.iter().map(|meeting| (meeting.sink.file, meeting.sink.span)).collect();
    sinks.sort_unstable();
    sinks.dedup();
    let others = sinks.len() - 1;
    let places =
        if others == 1 { "in one more place".to_owned() } else { format!("in {others} more places") };
    let (module, body) = body_at(program, file, span)?;
    Some(Finding {
        severity: group.iter().filter_map(|meeting| rule.review(meeting, program, files)).max()?,
        file,
        span,
        function: function(module, body),
        message: format!("{}, and {places}", whole.message),
        solution: rule.spec.solution.replace("{value}", text).replace("{source}", text),
        edit: None,
        related,
        ..whole
    })
}

/// The innermost function of the program around a place.
fn body_at<'p, 'a>(program: &'p Program<'a>, file: FileId, span: Span) -> Option<(&'p Module<'a>, &'a Body)> {
    let module = program.modules.iter().find(|module| module.file == file)?;
    let around = module.unit.bodies.iter().filter(|body| body.span.contains(span));
    Some((module, around.min_by_key(|body| body.span.end - body.span.start)?))
}

/// The name of a function within its file.
fn function(module: &Module<'_>, body: &Body) -> String {
    let name = module.unit.text(body.name);
    let own = module.unit.text(module.unit.module);
    name.strip_prefix(own).unwrap_or(name).trim_start_matches('.').to_owned()
}

/// Whether two findings of one rule are about the same place.
fn meet(a: &Finding, b: &Finding) -> bool {
    a.file == b.file && a.span.start < b.span.end && b.span.start < a.span.end
}

/// Whether the whole way lies in one function.
fn is_within(meeting: &Meeting, program: &Program<'_>) -> bool {
    let (_, _, body) = program.func(meeting.sink.func);
    let here = |file, span| file == meeting.sink.file && body.span.contains(span);
    here(meeting.source.file, meeting.source.span) && !meeting.hops.iter().any(|hop| hop.is_call)
}

/// How many calls a way goes through.
pub(super) fn n_calls(meeting: &Meeting) -> usize {
    meeting.hops.iter().filter(|hop| hop.is_call).count()
}

/// Whether the same source goes into a sink within the argument of this one: `execute(text(query))` is one statement.
fn is_told_within(meeting: &Meeting, all: &[&Meeting]) -> bool {
    let Meeting { sink, source, .. } = meeting;
    all.iter().any(|other| {
        let is_inner =
            other.sink.file == sink.file && other.sink.func == sink.func && other.sink.span != sink.span;
        is_inner && other.source == *source && sink.span.contains(other.sink.span)
    })
}

fn same_place(a: &Meeting, b: &Meeting) -> bool {
    a.sink.file == b.sink.file && a.sink.span == b.sink.span
}

fn finding(
    rule: &FlowRule<'_>,
    group: &[&Meeting],
    (program, files): (&Program<'_>, &IdVec<FileId, SourceFile>),
) -> Option<Finding> {
    let FlowRule { id: rule_id, spec, .. } = *rule;
    let main = *group.iter().min_by_key(|meeting| {
        let is_mild = meeting.is_vague || is_partial(spec, meeting);
        (is_mild, meeting.source.threat == Threat::Stored, n_calls(meeting), meeting.hops.len())
    })?;
    let (source, sink) = (&main.source, &main.sink);
    let whence = match source.threat {
        Threat::Remote => "another machine",
        Threat::Local => "whoever starts the program",
        Threat::Library => "whoever calls the package",
        Threat::Secret => "a secret's owner",
        Threat::Detail => "the inside of the program",
        Threat::Stored => "another machine and was stored in between",
    };
    let fill = |text: &str| {
        text.replace("{source}", &source.text)
            .replace("{whence}", whence)
            .replace("{sink}", &sink.callee)
            .replace("{value}", without_keyword(&sink.value))
            .replace("{part}", part(main))
    };
    let (module, id, body) = program.func(sink.func);
    let function = function(module, body);
    let note = |hop: &Hop| Note { file: hop.file, span: hop.span, caption: hop.caption.to_string() };
    let others = group.iter().filter(|other| other.source != main.source).take(MAX_OTHERS);
    let related = others.map(|other| Note {
        file: other.source.file,
        span: other.source.span,
        caption: format!("`{}` reaches it too", other.source.text),
    });
    let mut sources: Vec<Note> = Vec::new();
    for meeting in std::iter::once(main).chain(group.iter().copied()) {
        let SourceSite { file, span, ref text, .. } = *meeting.source;
        if sources.len() < MAX_SOURCES
            && !sources.iter().any(|known| (known.file, known.span) == (file, span))
        {
            sources.push(Note { file, span, caption: text.clone() });
        }
    }
    let severity = rule.review(main, program, files)?;
    Some(Finding {
        rule: rule_id,
        severity: match source.threat {
            Threat::Secret | Threat::Detail => severity,
            Threat::Remote if !main.is_vague && !is_partial(spec, main) => severity,
            _ => milder(severity),
        },
        file: sink.file,
        span: sink.span,
        function,
        message: if is_written(sink) {
            let (runs, reads) = ("is run as code by `{sink}`", "that `{sink}` reads");
            let written =
                spec.message.replace(runs, "is written by `{sink}` into a file that is run as code");
            fill(&written.replace(reads, "that `{sink}` writes"))
        } else {
            fill(&spec.message)
        },
        solution: match &sink.printed {
            Some(printed) => in_template(printed),
            None if sink.is_program => fill(OF_PROGRAMS),
            None if is_written(sink) && rule_id == "code-injection" => fill(OF_MODULES),
            None if sink.at_most.is_some() && rule_id == "code-injection" => fill(OF_SCRIPTS),
            None => fill(&spec.solution),
        },
        edit: remedy(
            rule_id,
            &Context::new(&files[sink.file], module.unit, id),
            sink.span,
            &Way { source: &source.text, is_within: group.iter().all(|meeting| is_within(meeting, program)) },
        ),
        related: related.collect(),
        trace: main.hops.iter().map(note).collect(),
        suppressed: None,
        foreign_marker: None,
        sources,
        identity: Vec::new(),
        is_new: None,
    })
}

/// Whether a sink puts a text into a file.
fn is_written(sink: &SinkSite) -> bool {
    let method = sink.callee.rsplit('.').next().unwrap_or_default();
    matches!(method, "write" | "writelines" | "write_text" | "write_bytes")
}

/// What of an argument comes from outside; of a text that was put together before the source itself.
fn part(meeting: &Meeting) -> &str {
    let Meeting { source, sink, hops, .. } = meeting;
    let is_longer = || hops.iter().any(|hop| &*hop.caption == LONGER).then_some(source.text.as_str());
    sink.part.as_deref().or_else(is_longer).unwrap_or_else(|| without_keyword(&sink.value))
}

/// An argument without the keyword that it is passed by: `url=address`.
fn without_keyword(argument: &str) -> &str {
    let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    match argument.split_once('=') {
        Some((name, value)) if is_name(name.trim_end()) && !value.starts_with('=') => value.trim_start(),
        _ => argument,
    }
}

/// What to do about a value that a template prints.
fn in_template(printed: &Printed) -> String {
    let Printed { text, path, why } = printed;
    let what = match why {
        Why::Marked => "take the mark off it, or clean HTML that it may hold with `nh3.clean` before",
        Why::SwitchedOff => "switch escaping on around it, or add the filter `e`",
        Why::NotEscaped => "add the filter `e`, or give the file a name that ends in `.html`",
        Why::Script => "print it with the filter `tojson` (of Django `json_script`)",
        Why::Handler => "put the value into a `data-` attribute and read it in the script",
        Why::Unquoted => "put quotes around it",
    };
    format!(
        "`{text}` in `{path}`: {what}; to check, pass `\"><b>x</b> onclick=x` in it: the page must show it and have no new tag or attribute"
    )
}

/// Whether no more than the path of an address is chosen.
fn is_partial(spec: &FlowSpec, meeting: &Meeting) -> bool {
    let names = ["url", "redirect"].into_iter().filter_map(Kinds::named).fold(Kinds::NONE, Kinds::with);
    meeting.is_behind && names.has(spec.kinds) || !meeting.kinds.has(spec.kinds.shades())
}

/// One step down: a call on the way is not known.
fn milder(severity: Severity) -> Severity {
    match severity {
        Severity::Critical => Severity::High,
        Severity::High => Severity::Medium,
        Severity::Medium | Severity::Low => Severity::Low,
    }
}
