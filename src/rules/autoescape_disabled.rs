//! Finds environments of Jinja that fill in pages and escape nothing.

use crate::finding::{Change, Edit, Safety};
use crate::ir::{Arg, ArgKind, Call, Operand};
use crate::rules::facts::edits;
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule = Rule { page: include_str!("autoescape_disabled.md"), check: Check::Body(run) };

/// Constructors of environments.
const MAKERS: &[&str] =
    &["jinja2.Environment", "jinja2.environment.Environment", "jinja2.sandbox.SandboxedEnvironment"];

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for (id, call) in context.body.calls.pairs() {
        if !context.is_reachable(id) {
            continue;
        }
        if makes(context, context.name(call)) {
            hits.extend(judge(context, call));
        } else if context.name(call) == "aiohttp_jinja2.setup" {
            hits.extend(switched_off(context, call));
        }
    }
}

/// Whether a value path is that of an environment, or of a class of the file that is one and says nothing of escaping.
fn makes(context: &Context<'_>, path: &str) -> bool {
    if MAKERS.contains(&path) {
        return true;
    }
    let Some(class) = context.unit.class(path) else { return false };
    let mut bases = class.bases.iter().map(|base| context.text(*base));
    bases.any(|base| MAKERS.contains(&base)) && !context.source(class.span).contains("autoescape")
}

fn judge(context: &Context<'_>, call: &Call) -> Option<Hit> {
    let told = context.arg(call, None, "autoescape");
    let is_open = call.args.iter().any(|arg| matches!(arg.kind, ArgKind::DoubleStar | ArgKind::Star));
    let is_off = |arg: &Arg| arg.value == Operand::Const(crate::ir::Const::Bool(false));
    if is_open || told.is_some_and(|arg| !is_off(arg)) {
        return None;
    }
    let page = page(context)?;
    let callee = edits::brief(context, call.callee_span, 60);
    let message = format!(
        "what `{callee}` makes escapes nothing, and fills in the page `{page}`: text with `<script>` in it becomes \
         part of the page"
    );
    let solution = format!(
        "pass `autoescape=jinja2.select_autoescape()` to `{callee}`, and mark what is HTML already with `|safe`; to \
         check, fill `{page}` in with `<b>`: it must come out as `&lt;b&gt;`"
    );
    let change = match told {
        Some(arg) => Change { span: arg.span, text: "autoescape=True".to_owned() },
        None => edits::last_argument(context, call, "autoescape=True"),
    };
    let edit =
        Edit { safety: Safety::Suggest, title: "escape what is filled in".to_owned(), changes: vec![change] };
    Some(Hit::new(call.callee_span, message, solution).edit(Some(edit)))
}

/// `aiohttp_jinja2.setup(app, autoescape=False)`: what it makes fills in pages, and would escape by itself.
fn switched_off(context: &Context<'_>, call: &Call) -> Option<Hit> {
    let off = Operand::Const(crate::ir::Const::Bool(false));
    let told = context.arg(call, None, "autoescape").filter(|arg| arg.value == off)?;
    let callee = edits::brief(context, call.callee_span, 60);
    let message = format!(
        "`{callee}` is told to escape nothing in the pages of the application: text with `<script>` in it becomes \
         part of them"
    );
    let solution = format!(
        "leave `autoescape=False` out of `{callee}`, and mark what is HTML already with `|safe`; to check, fill a \
         page in with `<b>`: it must come out as `&lt;b&gt;`"
    );
    let edit =
        edits::replace(Safety::Suggest, "escape what is filled in", told.span, "autoescape=True".to_owned());
    Some(Hit::new(call.callee_span, message, solution).edit(Some(edit)))
}

/// A page by its name among those that the file hands over: `env.get_template("index.html")`, `View(env, "a.html")`.
fn page<'a>(context: &Context<'a>) -> Option<&'a str> {
    let calls = context.unit.bodies.iter().flat_map(|body| body.calls.iter());
    // What is opened or joined is a file, and what has an end a test of names.
    let hands_over = |call: &&Call| {
        let name = context.name(call);
        // Frameworks have environments of their own, which escape.
        let is_theirs = ["flask.", "quart.", "django.", "starlette.", "fastapi."];
        !is_theirs.iter().any(|module| name.starts_with(module))
            && !matches!(
                context.method(call),
                "open" | "join" | "endswith" | "startswith" | "exists" | "replace" | "Path"
            )
    };
    calls.filter(hands_over).flat_map(|call| call.args.iter()).find_map(|arg| {
        let name = context.text(arg.value.string()?);
        let stem = name.strip_suffix(".j2").or_else(|| name.strip_suffix(".jinja2")).unwrap_or(name);
        let is_page = [".html", ".htm", ".xhtml"].iter().any(|end| {
            stem.strip_suffix(end).is_some_and(|rest| !rest.is_empty() && !rest.contains(['*', ' ', ':']))
        });
        is_page.then_some(name)
    })
}
