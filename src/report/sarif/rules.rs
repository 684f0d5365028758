//! Rules as SARIF describes them: one entry for each severity that a rule has findings of.

use std::collections::BTreeSet;

use crate::finding::{Finding, Severity};
use crate::report::Report;
use crate::report::explain;
use crate::report::sarif::log::{self, Level, Rule, RuleText};
use crate::rules::Page;

/// The rule entries of one log, and where each stands.
pub(super) struct Rules {
    entries: Vec<(String, Severity)>,
    pub(super) rules: Vec<Rule>,
}

impl Rules {
    /// Every page at its own severity, then, for those of `findings` that differ, page and severity.
    pub(super) fn of<'f>(report: &Report, findings: impl Iterator<Item = &'f Finding>) -> Self {
        let mut used: BTreeSet<(&str, Severity)> = report.rules.iter().map(|p| (p.id, p.severity)).collect();
        used.extend(findings.map(|finding| (finding.rule, finding.severity)));
        let mut out = Self { entries: Vec::new(), rules: Vec::new() };
        for (id, severity) in used {
            let page = report.page(id);
            let own = page.is_some_and(|page| page.severity == severity);
            let variant = if own { id.to_owned() } else { format!("{id}/{}", severity.name()) };
            out.rules.push(match page {
                Some(page) => described(page, variant.clone(), severity, own),
                None => undescribed(&variant, severity),
            });
            out.entries.push((variant, severity));
        }
        out
    }

    /// Id and index of the entry for `finding`.
    pub(super) fn entry(&self, finding: &Finding) -> (&str, usize) {
        let variant = format!("{}/{}", finding.rule, finding.severity.name());
        let fits = |(id, severity): &(String, Severity)| {
            *severity == finding.severity && (*id == finding.rule || *id == variant)
        };
        let index = self.entries.iter().position(fits).expect("every finding's rule has an entry");
        (&self.entries[index].0, index)
    }
}

/// The number GitHub sorts by, one in each of its bands.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "2.0",
        Severity::Medium => "5.5",
        Severity::High => "8.0",
        Severity::Critical => "9.5",
    }
}

fn described(page: &Page, id: String, severity: Severity, own: bool) -> Rule {
    let url = page.url();
    let (more, more_markdown) = match (&url, &page.file) {
        (Some(url), _) => (url.clone(), format!("[`{}` in the manual]({url})", page.id)),
        (None, file) => {
            let file = file.as_deref().unwrap_or_default();
            (file.to_owned(), format!("`{}` is a rule of this project: `{file}`", page.id))
        }
    };
    let mut name = pascal(page.id);
    if !own {
        name.push_str(&pascal(severity.name()));
    }
    let cwe = page.cwe.iter().map(|number| format!("external/cwe/cwe-{number:03}"));
    log::rule(RuleText {
        id,
        name,
        short: page.title.clone(),
        full: page.summary.clone(),
        help: format!("{}\nMore: {more}\n", explain::text(page)),
        help_markdown: format!("{}\n{more_markdown}\n", page.manual),
        url,
        level: Level::of(severity),
        tags: std::iter::once("security".to_owned()).chain(cwe).collect(),
        precision: page.precision.name(),
        security_severity: security_severity(severity),
    })
}

/// A rule that reports without a page: a mistake of ours, which must not cost the upload.
fn undescribed(id: &str, severity: Severity) -> Rule {
    let text = format!("Findings of `{id}`.");
    log::rule(RuleText {
        id: id.to_owned(),
        name: "Undescribed".to_owned(),
        short: text.clone(),
        full: text.clone(),
        help: text.clone(),
        help_markdown: text,
        url: Some(env!("CARGO_PKG_REPOSITORY").to_owned()),
        level: Level::of(severity),
        tags: vec!["security".to_owned()],
        precision: "low",
        security_severity: security_severity(severity),
    })
}

fn pascal(kebab: &str) -> String {
    kebab.split('-').map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}
