//! Finds calls in the undoing methods of tasks that can fail and so stop the whole rollback.

use crate::finding::{Change, Edit, Safety};
use crate::ir::{Call, CallId, Class, Const, Operand, RegionKind, StmtKind};
use crate::rules::facts::guards::is_guarded;
use crate::rules::facts::teardown::{can_fail, is_in_memory, last_words};
use crate::rules::facts::{edits, logging, wrap};
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule =
    Rule { page: include_str!("rollback_unprotected.md"), check: Check::Body(run) };

/// Depth to which methods of the same class are followed.
const DEPTH: u32 = 2;

/// Last words of objects whose every method reaches outside.
const OUTSIDE: &[&str] = &["driver", "client", "api", "repo", "repository", "network", "volume", "compute"];

/// Methods of containers, which `volume` and `network` may be as well.
const OF_CONTAINERS: &[&str] =
    &["items", "keys", "values", "pop", "copy", "setdefault", "append", "format", "as_dict", "to_dict"];

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let name = context.function_name();
    let Some(class) = context.class() else { return };
    if !matches!(name, "revert" | "rollback" | "undo") || !is_task(context, class, 0) {
        return;
    }
    let executes =
        class.methods.iter().any(|(name, _)| matches!(context.text(*name), "execute" | "_execute"));
    if name != "revert" && !executes {
        return;
    }
    let mut open: Vec<(CallId, &Call)> = unprotected(context, DEPTH).collect();
    open.sort_by_key(|(_, call)| call.span);
    if !open.is_empty() && !engine_copes(context, name) {
        hits.push(hit(context, class, &open));
    }
}

/// Whether this file has the engine as well, and it goes on when a task's `method` raises.
fn engine_copes(context: &Context<'_>, method: &str) -> bool {
    context.unit.bodies.ids().any(|id| {
        let body = context.other(id);
        body.body.calls.iter().any(|call| {
            body.method(call) == method
                && !body.receiver(call).starts_with("super(")
                && is_guarded(&body, body.body.blocks[call.block].region, body.body.root())
        })
    })
}

/// Whether a base is named like a task, in this file at any depth.
fn is_task(context: &Context<'_>, class: &Class, depth: u32) -> bool {
    class.bases.iter().any(|base| {
        let name = context.text(*base);
        let last = name.rsplit('.').next().unwrap_or(name);
        let last = last.strip_suffix("Base").unwrap_or(last);
        last.ends_with("Task")
            || depth < 4 && context.unit.class(name).is_some_and(|base| is_task(context, base, depth + 1))
    })
}

/// The calls that reach outside and whose failure leaves the function.
fn unprotected<'a>(context: &Context<'a>, depth: u32) -> impl Iterator<Item = (CallId, &'a Call)> {
    let body = context.body;
    body.calls.pairs().filter(move |(id, call)| {
        let region = body.blocks[call.block].region;
        reaches_outside(context, *id, depth)
            && context.is_reachable(*id)
            && !is_guarded(context, region, body.root())
    })
}

fn reaches_outside(context: &Context<'_>, id: CallId, depth: u32) -> bool {
    let call = &context.body.calls[id];
    if let Some(callee) = context.callee(call) {
        let inner = context.other(callee);
        let is_other = callee != context.id && inner.function_name() != "__init__";
        return is_other && depth > 0 && unprotected(&inner, depth - 1).next().is_some();
    }
    can_fail(context, id) || is_method_of_outside(context, call)
}

fn is_method_of_outside(context: &Context<'_>, call: &Call) -> bool {
    let receiver = context.receiver(call);
    let value = context.name(call).rsplit_once('.').map_or("", |(receiver, _)| receiver);
    let by_name = last_words(receiver).iter().any(|word| OUTSIDE.contains(&word.as_str()));
    let method = context.method(call);
    let is_lookup = method == "get"
        && call.positional(0).is_some_and(|arg| matches!(arg.value, Operand::Const(Const::Str(_))));
    by_name
        && !is_lookup
        && !is_in_memory(value)
        && !OF_CONTAINERS.contains(&method)
        && logging::log(context, call).is_none()
}

fn hit(context: &Context<'_>, class: &Class, open: &[(CallId, &Call)]) -> Hit {
    let call = open[0].1;
    let callee = edits::brief(context, call.callee_span, 60);
    let method = context.function_name();
    let region = context.body.blocks[call.block].region;
    let mut around = context.body.enclosing(region);
    let reraises = around.any(|at| match context.body.regions[at].kind {
        RegionKind::Try(of) => !context.body.tries[of].handlers.is_empty(),
        _ => false,
    });
    let how = if reraises { " and is raised again" } else { "" };
    let message = format!(
        "if `{callee}` fails{how}, `{method}` of `{}` raises and the rollback stops: what was done before stays half done",
        context.source(class.name_span)
    );
    let solution = format!(
        "catch the error of `{callee}`, log what is needed to repair by hand, and go on; to check, let it raise in a test of the whole flow: the tasks before must be undone"
    );
    let hit = Hit::new(call.callee_span, message, solution).related(context.body.name_span, "undoes a task");
    let hit = open[1..].iter().fold(hit, |hit, (_, call)| hit.related(call.callee_span, "can fail as well"));
    hit.edit(edit(context, class, open))
}

/// Each statement that can fail in a `try` of its own.
fn edit(context: &Context<'_>, class: &Class, open: &[(CallId, &Call)]) -> Option<Edit> {
    let logger = wrap::module_logger(context)?;
    let mut changes: Vec<Change> = Vec::new();
    for (_, call) in open {
        let stmt = context.stmt(call);
        let callee = context.source(call.callee_span);
        let is_plain = callee.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_'));
        if stmt.kind != StmtKind::Expr || !is_plain {
            return None;
        }
        let name = context.source(class.name_span);
        let log =
            format!("    {logger}.exception(\"{name}: {callee} failed, what it undoes is left behind\")");
        let tail = ["except Exception:".to_owned(), log];
        let (span, text) = wrap::wrapped(context, stmt.span, "try:", &tail)?;
        if changes.last().is_none_or(|last| last.span.end <= span.start) {
            changes.push(Change { span, text });
        }
    }
    Some(Edit { safety: Safety::Suggest, title: "log the failure and go on".to_owned(), changes })
}
