//! Finds broad handlers that drop the exception and go on as after success.

use crate::finding::{Change, Edit, Safety, Severity};
use crate::ir::{Call, RegionId, RegionKind, StmtKind};
use crate::rules::facts::handlers::{Clause, clauses};
use crate::rules::facts::response::{Response, is_tested, result_is_tested};
use crate::rules::facts::{asking, attempts, edits, logging};
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;

pub(super) static RULE: Rule = Rule { page: include_str!("swallowed_exception.md"), check: Check::Body(run) };

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    if context.function_name() == "__del__" {
        return;
    }
    for clause in clauses(context).filter(Clause::is_broad) {
        if !attempts::imports(&clause) && attempts::success_goes_on(&clause) {
            hits.extend(judge(&clause));
        }
    }
    for (id, region) in context.body.regions.pairs() {
        if let RegionKind::With(with) = &region.kind
            && with.suppresses
            && let Some(call) = with.call
        {
            hits.extend(judge_suppress(context, id, &context.body.calls[call]));
        }
    }
}

fn judge(clause: &Clause<'_, '_>) -> Option<Hit> {
    let context = clause.context;
    if attempts::ends_with_flag(clause) || clause.uses_exception() && !only_drops(clause) {
        return None;
    }
    let response = Response::new(clause);
    if !response.is_silent() || attempts::is_one_ending(context, clause.of.body) {
        return None;
    }
    if result_is_tested(clause)
        || response.emptied.iter().any(|local| is_tested(context, *local, clause.region))
    {
        return None;
    }
    let acting = attempts::acts(context, clause.of.body);
    let only_removes = !acting.is_empty() && acting.iter().all(|call| removes_file(context, call));
    let is_minor = acting.is_empty() && !waits(clause)
        || only_removes
        || only_makes_directories(context, &acting)
        || attempts::sets_flag(clause)
        || leaves_loop(clause)
        || answers(context, clause)
        || !response.emptied.is_empty()
        || clause.of.has_else
        || gives_on_success(clause)
        || asking::is_ending(context)
        || attempts::has_reason(clause);
    let span = Span::new(
        clause.region.span.start,
        clause.handler.types_span.map_or(clause.region.head.end, |types| types.end),
    );
    let tried = attempts::tried(context, clause.of.body);
    let hit = Hit::new(span, message(&tried), solution(clause, &tried)).edit(edit(clause, &tried));
    Some(if is_minor { hit.severity(Severity::Low) } else { hit })
}

/// Whether success returns a value from within the guarded code, so that what follows is for failures too.
fn gives_on_success(clause: &Clause<'_, '_>) -> bool {
    let body = clause.context.body;
    body.stmts.iter().any(|stmt| stmt.kind == StmtKind::Return && body.is_within(stmt.region, clause.of.body))
}

/// Whether the guarded code hands control to others by `yield`.
fn waits(clause: &Clause<'_, '_>) -> bool {
    let body = clause.context.body;
    clause.context.insts().any(|(point, inst)| {
        matches!(inst.op, crate::ir::Op::Yield(..))
            && body.is_within(body.blocks[point.block].region, clause.of.body)
    })
}

/// Whether all that is done with the exception is `del error` or `_ = error`.
fn only_drops(clause: &Clause<'_, '_>) -> bool {
    let context = clause.context;
    clause.insts().filter(|(_, inst)| clause.mentions(inst)).all(|(_, inst)| match &inst.op {
        crate::ir::Op::Let(to, crate::ir::Rvalue::Use(_)) => context.local_name(*to) == "_",
        crate::ir::Op::Delete(_) => true,
        _ => false,
    })
}

/// `os.makedirs(path)`: that it is there already is the usual failure, and the next step tells of the others.
fn only_makes_directories(context: &Context<'_>, acting: &[&Call]) -> bool {
    !acting.is_empty() && acting.iter().all(|call| matches!(context.name(call), "os.mkdir" | "os.makedirs"))
}

/// Whether failure and success part: one of them ends the loop around the `try`, the other goes on in it.
fn leaves_loop(clause: &Clause<'_, '_>) -> bool {
    let body = clause.context.body;
    let last = body.stmts_in(clause.id).last().map(|(_, stmt)| stmt.kind);
    let around = body.regions[clause.of.body].parent;
    let success_leaves = || around.is_some_and(|region| !attempts::completes(clause.context, region));
    last == Some(StmtKind::Break) || last == Some(StmtKind::Continue) && success_leaves()
}

/// Whether the function is there to tell something, and the guarded code fills nothing but its own variables: there is
/// no answer then, and nothing is half done.
fn answers(context: &Context<'_>, clause: &Clause<'_, '_>) -> bool {
    let stores = || {
        context.insts().any(|(point, inst)| {
            matches!(inst.op, crate::ir::Op::Store(place, _) if place.base.local().is_none_or(|base| context.body.param(base).is_some()))
                && context.body.is_within(context.body.blocks[point.block].region, clause.of.body)
        })
    };
    asking::is_asking_name(context.function_name()) && !stores()
}

fn removes_file(context: &Context<'_>, call: &Call) -> bool {
    matches!(context.name(call), "os.unlink" | "os.remove" | "os.rmdir" | "shutil.rmtree")
        || context.method(call) == "unlink"
}

fn message(tried: &str) -> String {
    match tried {
        "" => "any error of the guarded code ends here, unseen, and the program goes on as after success"
            .to_owned(),
        _ => format!("any error of {tried} ends here, unseen, and the program goes on as after success"),
    }
}

fn solution(clause: &Clause<'_, '_>, tried: &str) -> String {
    let context = clause.context;
    let narrow = attempts::narrow(context, clause.of.body)
        .map_or_else(|| "catch only what you expect".to_owned(), |types| format!("catch only `{types}`"));
    let log = match logging::module_logger(context) {
        Some(logger) => format!("log it with `{logger}.exception(…)`"),
        None => "log it with its traceback".to_owned(),
    };
    let head = edits::brief(context, clause.region.head, 40);
    let call = if tried.is_empty() { format!("the code before `{head}`") } else { tried.to_owned() };
    format!(
        "{narrow}, {log}, or end the handler with `raise`; to check, let {call} raise in a test: the log or the caller must tell"
    )
}

/// The one known exception in place of `Exception`; else a log in place of `pass` or before a jump.
fn edit(clause: &Clause<'_, '_>, tried: &str) -> Option<Edit> {
    let context = clause.context;
    if let Some(types) = attempts::narrow(context, clause.of.body)
        && let Some(span) = clause.handler.types_span
    {
        return Some(edits::replace(Safety::Suggest, format!("catch `{types}` only"), span, types));
    }
    let logger = logging::module_logger(context)?;
    let what = tried.split(" or ").next().unwrap_or_default().trim_matches('`');
    let what = if what.is_empty() || what.contains(['"', '\\', '{', '%', '…', '`', ' ']) {
        "the step"
    } else {
        what
    };
    let log = format!("{logger}.exception(\"{what} failed\")");
    let block = clause.region.block;
    let change = match context.source(block).trim() {
        "pass" | "..." => Change { span: block, text: log },
        "continue" | "return" => {
            let text = format!("{log}\n{}", context.indent(block.start));
            Change { span: Span::empty(block.start), text }
        }
        _ => return None,
    };
    let is_own_line = context.file.line(block.start) > context.file.line(clause.region.head.end);
    is_own_line.then(|| Edit {
        safety: Safety::Suggest,
        title: "log the exception with its traceback".to_owned(),
        changes: vec![change],
    })
}

/// `with contextlib.suppress(Exception):` is a handler that drops.
fn judge_suppress(context: &Context<'_>, region: RegionId, call: &Call) -> Option<Hit> {
    if !attempts::is_suppressing_all(context, call)
        || !context.cfg().is_reachable(call.block)
        || attempts::is_one_ending(context, region)
    {
        return None;
    }
    let tried = attempts::tried(context, region);
    let name = context.source(call.callee_span);
    let types = attempts::narrow(context, region);
    let narrow = types.as_ref().map_or_else(
        || format!("name the exceptions that you expect in `{name}(…)`"),
        |types| format!("write `{name}({})`", types.trim_matches(['(', ')'])),
    );
    let solution = format!(
        "{narrow}, or use `try` and log what was caught; to check, let the guarded call raise in a test: the log must tell"
    );
    let edit = types.and_then(|types| {
        let [arg] = &call.args[..] else { return None };
        let types = types.trim_matches(['(', ')']).to_owned();
        Some(edits::replace(Safety::Suggest, format!("suppress `{types}` only"), arg.span, types))
    });
    Some(Hit::new(call.callee_span, message(&tried), solution).severity(Severity::Low).edit(edit))
}
