//! Runs the rules over lowered files.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Edit, Finding, Note, Severity};
use crate::ir::Unit;
use crate::models::Models;
use crate::rules::flows::FlowRule;
use crate::rules::page::{FlowSpec, Page};
use crate::rules::{Check, Context, Rule, pages};
use crate::text::{FileId, SourceFile, Span};

/// A defect as a rule reports it; the rest of the finding follows from where it is.
pub struct Hit {
    /// The tightest region that names the defect.
    pub span: Span,
    /// Severity, where it is not the page's own.
    pub severity: Option<Severity>,
    /// What is wrong, naming the things at hand.
    pub message: String,
    /// What to do, naming the things at hand.
    pub solution: String,
    /// The mechanical solution.
    pub edit: Option<Edit>,
    /// Further places in this file, with captions.
    pub related: Vec<(Span, String)>,
    /// The way from source to sink in this file, with captions.
    pub trace: Vec<(Span, String)>,
}

impl Hit {
    /// A hit with the page's severity, no edit and no further places.
    pub fn new(span: Span, message: impl Into<String>, solution: impl Into<String>) -> Self {
        Self {
            span,
            severity: None,
            message: message.into(),
            solution: solution.into(),
            edit: None,
            related: Vec::new(),
            trace: Vec::new(),
        }
    }

    /// At this severity instead of the page's.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// With this edit.
    #[must_use]
    pub fn edit(mut self, edit: Option<Edit>) -> Self {
        self.edit = edit;
        self
    }

    /// With one more place.
    #[must_use]
    pub fn related(mut self, span: Span, caption: impl Into<String>) -> Self {
        self.related.push((span, caption.into()));
        self
    }
}

/// A set of rules, ready to run.
pub struct Judge {
    rules: Vec<(&'static Rule, &'static str, Severity)>,
    calls: FxHashMap<&'static str, Vec<usize>>,
    models: Option<Box<Models>>,
    /// Rules of the scanned project, each its page alone.
    own: Vec<(&'static str, Severity, FlowSpec)>,
}

impl Judge {
    /// A judge for `rules`, each with the id and severity that its page states.
    #[must_use]
    pub fn new(rules: Vec<(&'static Rule, &'static str, Severity)>) -> Self {
        let mut calls: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
        for (index, (rule, ..)) in rules.iter().enumerate() {
            if let Check::Call { names, .. } = rule.check {
                for name in names {
                    calls.entry(name).or_default().push(index);
                }
            }
        }
        Self { rules, calls, models: None, own: Vec::new() }
    }

    /// With the rules of these pages of the scanned project; those without a kind of sink are none.
    #[must_use]
    pub fn with_own<'p>(mut self, pages: impl Iterator<Item = &'p Page>) -> Self {
        let own = pages.filter_map(|page| Some((page.id, page.severity, page.flow.clone()?)));
        self.own.extend(own);
        self
    }

    /// With these packs instead of those that are compiled in.
    #[must_use]
    pub fn with_models(mut self, models: Models) -> Self {
        self.models = Some(Box::new(models));
        self
    }

    /// The packs to follow data by.
    ///
    /// # Panics
    /// When a pack that is compiled in is malformed, which tests keep from happening.
    #[must_use]
    pub fn models(&self) -> &Models {
        self.models
            .as_deref()
            .unwrap_or_else(|| Models::built_in().expect("the packs that are compiled in are well formed"))
    }

    /// The rules whose pages name a kind of sink.
    pub(super) fn flow_rules(&self) -> impl Iterator<Item = FlowRule<'_>> {
        let built_in = self.rules.iter().filter_map(|(rule, id, severity)| {
            let page = pages().iter().find(|page| page.id == *id)?;
            let (is_page_alone, review) = match rule.check {
                Check::Flow(review) => (true, review),
                Check::Body(_) => (false, None),
                Check::Call { .. } | Check::None => return None,
            };
            Some(FlowRule { id, severity: *severity, spec: page.flow.as_ref()?, is_page_alone, review })
        });
        let own = self.own.iter();
        built_in.chain(own.map(|(id, severity, spec)| FlowRule {
            id,
            severity: *severity,
            spec,
            is_page_alone: true,
            review: None,
        }))
    }

    /// The findings in one file, sorted by place and rule.
    #[must_use]
    pub fn judge(&self, id: FileId, file: &SourceFile, unit: &Unit) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut seen: FxHashSet<(usize, Span)> = FxHashSet::default();
        let mut hits = Vec::new();
        for body in unit.bodies.ids() {
            let context = Context::new(file, unit, body);
            for (index, (rule, ..)) in self.rules.iter().enumerate() {
                if let Check::Body(run) = rule.check {
                    run(&context, &mut hits);
                    let found = hits.drain(..).filter(|hit| seen.insert((index, hit.span)));
                    findings.extend(found.map(|hit| self.finding(index, id, &context, hit)));
                }
            }
            for (call, data) in context.body.calls.pairs() {
                let Some(rules) = self.calls.get(context.name(data)) else { continue };
                for &index in rules {
                    if let Check::Call { run, .. } = self.rules[index].0.check
                        && context.is_reachable(call)
                        && let Some(hit) = run(&context, call)
                        && seen.insert((index, hit.span))
                    {
                        findings.push(self.finding(index, id, &context, hit));
                    }
                }
            }
        }
        findings.sort_by(|a, b| (a.span, a.rule).cmp(&(b.span, b.rule)));
        findings
    }

    fn finding(&self, rule: usize, file: FileId, context: &Context<'_>, hit: Hit) -> Finding {
        let (_, rule, severity) = self.rules[rule];
        let note = |(span, caption)| Note { file, span, caption };
        let name = context.text(context.body.name);
        let module = context.text(context.unit.module);
        let function = name.strip_prefix(module).unwrap_or(name).trim_start_matches('.');
        Finding {
            rule,
            severity: hit.severity.unwrap_or(severity),
            file,
            span: hit.span,
            function: function.to_owned(),
            message: hit.message,
            solution: hit.solution,
            edit: hit.edit,
            related: hit.related.into_iter().map(note).collect(),
            trace: hit.trace.into_iter().map(note).collect(),
            suppressed: None,
            foreign_marker: None,
            sources: Vec::new(),
            identity: Vec::new(),
            is_new: None,
        }
    }
}
