//! `snakestone explain` and `snakestone rules`: pages, ours and those of the project, shown, listed and checked.

use std::fmt::Write;
use std::io::IsTerminal;
use std::path::Path;

use anyhow::Context;

use crate::cli::Code;
use crate::cli::args::ExplainArgs;
use crate::cli::project::Project;
use crate::config::{ConfigError, Overrides, nearest};
use crate::report::{annotations, explain};
use crate::rules::{self, Page};
use crate::scan::{self, examples};

/// Shows a rule's page, or checks its examples.
pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<Code> {
    let built_in = rules::pages().iter().find(|page| page.id == args.rule);
    // What a configuration says changes nothing of our pages, and one that is wrong must not hide them.
    if let (Some(page), false, None) = (built_in, args.check, &args.config) {
        return Ok(show(page));
    }
    let project = Project::read(Path::new("."), args.config.as_deref())?;
    let Some(page) = project.catalog.page(&args.rule) else {
        let hint = nearest(&args.rule, &project.catalog.ids())
            .map_or("`snakestone rules` lists them".to_owned(), |id| format!("did you mean `{id}`?"));
        let message = format!("no rule is called `{}`; {hint}", args.rule);
        return Err(ConfigError::Option { option: "explain", message }.into());
    };
    if args.check { check(&project, page) } else { Ok(show(page)) }
}

fn show(page: &Page) -> Code {
    super::print(&explain::terminal(page, std::io::stdout().is_terminal()));
    Code::Clean
}

/// Lists the rules.
pub(super) fn list(config: Option<&Path>) -> anyhow::Result<Code> {
    let project = Project::read(Path::new("."), config)?;
    let pages = project.catalog.pages();
    let width = pages.iter().map(|page| page.id.len()).max().unwrap_or_default();
    let mut out = String::new();
    for page in pages {
        let (severity, cwe) = (page.severity.name(), page.cwe[0]);
        let file = page.file.as_ref().map_or(String::new(), |file| format!(" ({file})"));
        let _ = writeln!(out, "{:width$}  {severity:8}  CWE-{cwe:<5} {}{file}", page.id, page.title);
    }
    super::print(&out);
    Ok(Code::Clean)
}

/// Runs the page's examples, each a program of its own, and tells the lines that are not as marked.
fn check(project: &Project, page: &Page) -> anyhow::Result<Code> {
    let settings = project.settings(&Overrides::default())?;
    let judge = project.judge(&settings, |id| id == page.id)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(settings.threads)
        .stack_size(scan::STACK_SIZE)
        .build()
        .context("cannot start worker threads")?;
    let differences = || page.cases.iter().flat_map(|case| examples::differences(case, &judge)).collect();
    let differences: Vec<examples::Difference> = pool.install(differences);
    let name = page.file.clone().unwrap_or_else(|| format!("{}.md", page.id.replace('-', "_")));
    let mut out = String::new();
    for wrong in &differences {
        let what = annotations::neutralize(&wrong.what);
        let _ = writeln!(out, "{name}:{}: {what}\n    {}", wrong.line, annotations::neutralize(&wrong.code));
    }
    let n_marked: usize = page.cases.iter().map(|case| case.expectations.len()).sum();
    let n_wrong = differences.len();
    let _ = match (n_marked, n_wrong) {
        (0, _) => {
            writeln!(out, "{name}: no line of its examples is marked; write `# find` or `# ok` behind some")
        }
        (1, 0) => writeln!(out, "{name}: the marked line is as marked"),
        (n, 0) => writeln!(out, "{name}: all {n} marked lines are as marked"),
        (n, _) => writeln!(out, "{name}: {n_wrong} differ, {n} lines are marked"),
    };
    super::print(&out);
    Ok(if n_marked == 0 || n_wrong > 0 { Code::Findings } else { Code::Clean })
}
