//! Finds loops that clean up and end at the first item that cannot be removed.

use crate::base::words;
use crate::finding::{Edit, Safety, Severity};
use crate::flow::{Point, Step, walk};
use crate::ir::{Call, CallId, Const, Op, Operand, RegionId, RegionKind, Rvalue};
use crate::rules::facts::callers::callers;
use crate::rules::facts::guards::{comes_round, is_guarded, is_tested};
use crate::rules::facts::teardown::{can_fail, releases, stem, surely_fails};
use crate::rules::facts::{edits, wrap};
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;

pub(super) static RULE: Rule = Rule { page: include_str!("cleanup_loop_aborts.md"), check: Check::Body(run) };

/// First or last words of functions that clean up.
const CLEANS: &[&str] = &[
    "delete",
    "del",
    "remove",
    "destroy",
    "clean",
    "cleanup",
    "close",
    "stop",
    "shutdown",
    "teardown",
    "disconnect",
    "unload",
    "dispose",
    "terminate",
    "detach",
    "purge",
];

/// Those of them after which nobody comes again, as first or last word of a name.
const FINAL: &[&str] =
    &["close", "shutdown", "teardown", "disconnect", "unload", "dispose", "terminate", "stop"];

/// First words of functions that only ask.
const QUESTIONS: &[&str] = &["is", "has", "needs", "should", "can", "get", "list", "on", "test"];

/// Words of attributes that say that the work is done.
const DONE: &[&str] = &[
    "destroyed",
    "deleted",
    "removed",
    "closed",
    "closing",
    "stopped",
    "stopping",
    "shutdown",
    "disposed",
    "terminated",
    "cleaned",
    "unloaded",
    "detached",
    "disconnected",
    "done",
    "finished",
    "gone",
];

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let regions = &context.body.regions;
    if !regions.iter().any(|region| matches!(region.kind, RegionKind::Loop { .. })) {
        return;
    }
    let cleans = cleans(context.function_name());
    for (id, region) in regions.pairs() {
        if !matches!(region.kind, RegionKind::Loop { .. }) || region.head.start == region.head.end {
            continue;
        }
        let undoes = in_undoing_block(context, id);
        if (cleans || undoes)
            && let Some(hit) = judge(context, id, undoes)
        {
            hits.push(hit);
        }
    }
}

/// Whether a function of this name ends the life of something.
fn cleans(name: &str) -> bool {
    if matches!(name, "__exit__" | "__aexit__") {
        return true;
    }
    let words = stem(name);
    let is = |word: Option<&String>| word.is_some_and(|word| CLEANS.contains(&word.as_str()));
    let asks = words.first().is_some_and(|first| QUESTIONS.contains(&first.as_str()));
    !asks && (is(words.first()) || is(words.last()))
}

fn in_undoing_block(context: &Context<'_>, region: RegionId) -> bool {
    context
        .body
        .enclosing(region)
        .any(|at| matches!(context.body.regions[at].kind, RegionKind::Finally(_) | RegionKind::Handler(_)))
}

fn judge(context: &Context<'_>, id: RegionId, undoes: bool) -> Option<Hit> {
    let calls = aborting(context, id);
    if calls.is_empty() || !takes_items(context, id) {
        return None;
    }
    let skipped = skipped(context, id);
    let flag = flag(context, id);
    let is_known = undoes || skipped.is_some() || flag.is_some();
    if !is_known && iterates_parameter(context, id) {
        return None;
    }
    let lasts = undoes || skipped.is_some() || is_final(context.function_name());
    // Names tell what a call does, and not whether it handles its own failure.
    let is_sure = || calls.iter().any(|call| surely_fails(context, *call));
    let severity = if flag.is_some() || lasts && is_sure() { Severity::Medium } else { Severity::Low };
    Some(hit(context, id, &calls, skipped, flag).severity(severity))
}

/// Whether each round has an item of its own: not so for a `while` that waits or tries again.
fn takes_items(context: &Context<'_>, id: RegionId) -> bool {
    let is_for = matches!(context.body.regions[id].kind, RegionKind::Loop { is_for: true });
    let takes = |call: &Call| {
        matches!(context.method(call), "pop" | "popitem" | "popleft" | "get_nowait" | "get" | "next")
    };
    is_for || context.calls_in(id).any(|(_, call)| takes(call))
}

fn is_final(name: &str) -> bool {
    let words = stem(name);
    let is = |word: Option<&String>| word.is_some_and(|word| FINAL.contains(&word.as_str()));
    matches!(name, "__exit__" | "__aexit__") || words == ["cleanup"] || is(words.first()) || is(words.last())
}

/// The calls whose failure ends the loop, in source order.
fn aborting(context: &Context<'_>, id: RegionId) -> Vec<CallId> {
    let body = context.body;
    let innermost = |call: &Call| {
        let mut around = body.enclosing(body.blocks[call.block].region);
        around.find(|&at| matches!(body.regions[at].kind, RegionKind::Loop { .. }))
    };
    let wanted = |&(call, data): &(CallId, &Call)| {
        let region = body.blocks[data.block].region;
        innermost(data) == Some(id)
            && can_fail(context, call)
            && context.is_reachable(call)
            && !is_guarded(context, region, id)
            && !is_tested(context, region, id)
            && comes_round(context, context.point(call).next(), id)
    };
    context.calls_in(id).filter(wanted).map(|(call, _)| call).collect()
}

/// The first release after the loop that its end by an exception skips.
fn skipped<'a>(context: &Context<'a>, id: RegionId) -> Option<&'a Call> {
    let body = context.body;
    let end = body.regions[id].span.end;
    let mut after: Vec<CallId> = Vec::new();
    walk(
        body,
        context.cfg(),
        Point::start(body.regions[id].entry),
        |_| true,
        |_, inst| {
            if let Op::Call(_, call) = inst.op
                && body.calls[call].span.start >= end
            {
                after.push(call);
            }
            Step::Go
        },
    );
    let own = context.function_name().trim_matches('_');
    let mut after: Vec<(CallId, &Call)> = after.into_iter().map(|call| (call, &body.calls[call])).collect();
    after.sort_by_key(|(_, call)| call.span);
    let found = after.into_iter().find(|(call, data)| {
        let is_super =
            context.receiver(data).starts_with("super(") && context.method(data).trim_matches('_') == own;
        is_super || releases(context, *call)
    });
    found.map(|(_, call)| call)
}

/// Where an attribute that says "done" was set to `True` before the loop, here or in the method that calls this one.
fn flag(context: &Context<'_>, id: RegionId) -> Option<(String, Span)> {
    let region = &context.body.regions[id];
    if let Some(found) = set_before(context, region.span.start, region.parent?) {
        return Some(found);
    }
    context.body.class?;
    callers(context, context.id).into_iter().find_map(|caller| {
        let caller = context.other(caller);
        let call = caller.body.calls.iter().find(|call| caller.callee(call) == Some(context.id))?;
        (caller.body.class == context.body.class)
            .then(|| set_before(&caller, call.span.start, caller.body.blocks[call.block].region))?
    })
}

fn set_before(context: &Context<'_>, before: u32, region: RegionId) -> Option<(String, Span)> {
    context.insts().find_map(|(point, inst)| {
        let Op::Store(place, Operand::Const(Const::Bool(true))) = inst.op else { return None };
        let name = context.spell(place);
        let says = |attr: &str| words(attr).iter().any(|word| DONE.contains(&word.as_str()));
        let fits = inst.span.start < before
            && name.strip_prefix("self.").is_some_and(|attr| !attr.contains('.') && says(attr))
            && context.body.is_within(region, context.body.blocks[point.block].region);
        fits.then_some((name, inst.span))
    })
}

/// Whether the loop goes over what the caller passed, who therefore knows what is left.
fn iterates_parameter(context: &Context<'_>, id: RegionId) -> bool {
    let body = context.body;
    let head = body.regions[id].head;
    context.insts().any(|(point, inst)| {
        let Op::Let(_, Rvalue::Next(source)) = inst.op else { return false };
        if !head.contains(inst.span) || body.blocks[point.block].region != id {
            return false;
        }
        let of_parameter = |operand: Operand| {
            operand.local().is_some_and(|local| {
                body.param(local).is_some() && !matches!(context.local_name(local), "self" | "cls")
            })
        };
        of_parameter(source)
            || matches!(context.value(source, point), Some(Rvalue::Load(place)) if of_parameter(place.base))
            || context.made_by(source, point).is_some_and(|call| {
                let call = &body.calls[call];
                let is_accessor = call.args.is_empty() && of_parameter(call.callee.base);
                is_accessor || call.args.iter().any(|arg| of_parameter(arg.value))
            })
    })
}

/// The loop's variable, where it is a single name.
fn item<'a>(context: &Context<'a>, id: RegionId) -> Option<&'a str> {
    let head = context.source(context.body.regions[id].head);
    let target =
        head.trim_start_matches("async").trim_start().strip_prefix("for ")?.split(" in ").next()?.trim();
    let is_name = target.chars().all(|c| c.is_alphanumeric() || c == '_') && target != "_";
    is_name.then_some(target)
}

fn hit(
    context: &Context<'_>,
    id: RegionId,
    calls: &[CallId],
    skipped: Option<&Call>,
    flag: Option<(String, Span)>,
) -> Hit {
    let region = &context.body.regions[id];
    let mut names: Vec<String> = Vec::new();
    for &call in calls {
        let name = format!("`{}`", edits::brief(context, context.body.calls[call].callee_span, 60));
        if !names.contains(&name) && names.len() < 3 {
            names.push(name);
        }
    }
    let item = item(context, id);
    let (one, each) = item.map_or_else(
        || ("one item".to_owned(), "item".to_owned()),
        |item| (format!("one `{item}`"), format!("`{item}`")),
    );
    let mut message =
        format!("{} for {one} can fail and end the loop, so that the rest stays", names.join(" or "));
    if let Some(skipped) = skipped {
        let name = edits::brief(context, skipped.callee_span, 60);
        message.push_str(&format!(" and `{name}` is skipped"));
    }
    if let Some((flag, _)) = &flag {
        message.push_str(&format!("; `{flag}` is already `True`"));
    }
    let mut solution =
        format!("give each {each} a `try` of its own, log which one failed, and raise at the end");
    if let Some((flag, _)) = &flag {
        solution.push_str(&format!("; set `{flag}` after the work"));
    }
    let call = names.first().map_or("one", String::as_str);
    solution.push_str(&format!(
        "; to check, let the first {call} fail in a test: the second item must still be removed"
    ));
    let mut hit = Hit::new(region.head, message, solution).edit(edit(context, id, item));
    for &call in calls {
        hit = hit.related(context.body.calls[call].span, "can fail, and nothing in the loop catches it");
    }
    if let Some(skipped) = skipped {
        hit = hit.related(skipped.span, "is then skipped");
    }
    if let Some((_, span)) = flag {
        hit = hit.related(span, "is set before the work is done");
    }
    hit
}

fn edit(context: &Context<'_>, id: RegionId, item: Option<&str>) -> Option<Edit> {
    let logger = wrap::module_logger(context)?;
    let region = &context.body.regions[id];
    let log = item.map_or_else(
        || format!("    {logger}.exception(\"cannot clean up one item\")"),
        |item| format!("    {logger}.exception(\"cannot clean up %s\", {item})"),
    );
    let is_block = context.file.line(region.block.start) > context.file.line(region.head.end);
    let tail = ["except Exception:".to_owned(), log];
    is_block.then(|| {
        wrap::wrap(context, Safety::Suggest, "give each item its own `try`", region.block, "try:", &tail)
    })?
}
