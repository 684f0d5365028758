//! Finds cleanup in re-raising handlers that runs unguarded before the log or the `raise`.

use crate::base::words;
use crate::finding::{Change, Edit, Safety};
use crate::flow::{Exit, Point, Step, walk};
use crate::ir::{Call, CallId, Op, Operand, RegionId, RegionKind};
use crate::rules::facts::handlers::{Clause, clauses, never_returns};
use crate::rules::facts::logging::{self, LogLevel};
use crate::rules::facts::teardown::{is_in_memory, is_tolerant};
use crate::rules::facts::{edits, verbs};
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;

pub(super) static RULE: Rule =
    Rule { page: include_str!("cleanup_masks_exception.md"), check: Check::Body(run) };

/// Words of names that say that the call copes with failures, or only asks.
const TOLERANT: &[&str] = &["safe", "try", "quiet", "quietly", "ignore", "maybe", "silently"];
const QUESTIONS: &[&str] = &["is", "has", "needs", "should", "can", "get", "list", "exists"];

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for clause in clauses(context).filter(Clause::is_broad) {
        if !clause.calls().any(|(_, call)| destroys(context, call)) || !clause.may_raise() {
            continue;
        }
        if let Some(id) = first_unguarded(&clause) {
            hits.push(hit(&clause, id));
        }
    }
}

/// The first destroying call on a way that ends by raising, with neither log nor guard before it.
fn first_unguarded(clause: &Clause<'_, '_>) -> Option<CallId> {
    let context = clause.context;
    let mut found: Option<CallId> = None;
    walk(
        context.body,
        context.cfg(),
        Point::start(clause.region.entry),
        |block| clause.contains(block),
        |point, inst| {
            match &inst.op {
                Op::Call(_, id) => {
                    let call = &context.body.calls[*id];
                    let logged =
                        logging::log(context, call).is_some_and(|log| log.level >= LogLevel::Warning);
                    if logged || never_returns(context, call) {
                        return Step::Stop;
                    }
                    if destroys(context, call)
                        && !is_guarded(clause, call)
                        && ends_in_raise(clause, point.next())
                    {
                        found = Some(found.map_or(*id, |old| old.min(*id)));
                        return Step::Stop;
                    }
                    Step::Go
                }
                // The exception is kept: it cannot get lost any more.
                Op::Store(_, value) if keeps(clause, *value, point) => Step::Stop,
                _ => Step::Go,
            }
        },
    );
    found
}

fn keeps(clause: &Clause<'_, '_>, value: Operand, at: Point) -> bool {
    let context = clause.context;
    clause.bound() == Some(value)
        || context
            .made_by(value, at)
            .is_some_and(|call| context.name(&context.body.calls[call]) == "sys.exc_info")
}

fn ends_in_raise(clause: &Clause<'_, '_>, from: Point) -> bool {
    let context = clause.context;
    let mut ends = false;
    let exits = walk(
        context.body,
        context.cfg(),
        from,
        |block| clause.contains(block),
        |_, inst| match &inst.op {
            Op::Call(_, id) if never_returns(context, &context.body.calls[*id]) => {
                ends = true;
                Step::Stop
            }
            _ => Step::Go,
        },
    );
    ends || exits.iter().any(|exit| matches!(exit, Exit::Raise(_)))
}

/// Whether `call` destroys or undoes something outside of the program, by its name and receiver.
fn destroys(context: &Context<'_>, call: &Call) -> bool {
    let method = context.method(call);
    let words = words(method);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let asks = words.first().is_some_and(|first| QUESTIONS.contains(&first.as_str()));
    if !has(verbs::DESTROY) || asks || has(TOLERANT) {
        return false;
    }
    let name = context.name(call);
    let receiver = name.rsplit_once('.').map_or("", |(receiver, _)| receiver);
    !is_in_memory(receiver) && !is_tolerant(context, call)
}

/// Whether a failure of `call` stays inside the clause, or its success was tested before.
fn is_guarded(clause: &Clause<'_, '_>, call: &Call) -> bool {
    let context = clause.context;
    let region = context.body.blocks[call.block].region;
    let inner = context.body.enclosing(region).take_while(|id| *id != clause.id);
    let by_region = inner.into_iter().any(|id| match &context.body.regions[id].kind {
        RegionKind::Try(of) => {
            let guard = &context.body.tries[*of];
            !guard.handlers.is_empty()
                || guard
                    .finally
                    .is_some_and(|block| context.source(block).lines().any(|line| line.trim() == "raise"))
        }
        RegionKind::With(with) => with.suppresses,
        RegionKind::Branch => tests_existence(context, id),
        _ => false,
    });
    by_region || context.callee(call).is_some_and(|callee| copes(context, callee))
}

fn tests_existence(context: &Context<'_>, branch: RegionId) -> bool {
    let head = context.source(context.body.regions[branch].head);
    ["exists(", "isfile(", "isdir(", "islink("].iter().any(|test| head.contains(test))
}

/// Whether a function of this file guards all it destroys itself.
fn copes(context: &Context<'_>, function: crate::ir::FnId) -> bool {
    let inner = context.other(function);
    let mut all = inner.body.calls.iter().filter(|call| destroys(&inner, call)).peekable();
    all.peek().is_some()
        && all.all(|call| {
            let region = inner.body.blocks[call.block].region;
            inner.body.enclosing(region).any(|id| match &inner.body.regions[id].kind {
                RegionKind::Try(of) => !inner.body.tries[*of].handlers.is_empty(),
                RegionKind::With(with) => with.suppresses,
                _ => false,
            })
        })
}

fn hit(clause: &Clause<'_, '_>, id: CallId) -> Hit {
    let context = clause.context;
    let call = &context.body.calls[id];
    let callee = edits::brief(context, call.callee_span, 60);
    let log = later_log(clause, id);
    let before = if log.is_some() { "logged and re-raised" } else { "re-raised" };
    let message = format!(
        "`{callee}` runs before the exception is {before}; if it fails as well, its own error takes the place of the first"
    );
    let (solution, place) = match log {
        Some(log) => {
            let name = context.source(log.callee_span);
            (
                format!("move `{name}(…)` to the top of this handler, or give `{callee}` a `try` of its own"),
                log.span,
            )
        }
        None => {
            let way = format!(
                "give `{callee}` a `try` of its own that logs its failure, so that the `raise` is reached"
            );
            (way, clause.region.head)
        }
    };
    let solution =
        format!("{solution}; to check, let both calls fail in a test: the first error must come out");
    let caption =
        if log.is_some() { "the log that may not be reached" } else { "the handler that re-raises" };
    Hit::new(call.callee_span, message, solution)
        .related(place, caption)
        .edit(log.and_then(|log| edit(context, call, log)))
}

/// The first log at warning or above that stands after `call` in the same block of statements.
fn later_log<'a>(clause: &Clause<'_, 'a>, id: CallId) -> Option<&'a Call> {
    let context = clause.context;
    let call = &context.body.calls[id];
    let region = context.stmt(call).region;
    context.body.calls.iter().find(|log| {
        log.span.start > call.span.end
            && logging::log(context, log).is_some_and(|log| log.level >= LogLevel::Warning)
            && context.stmt(log).region == region
            && context.stmt(log).span == log.span
    })
}

/// Moves the statement of `log` before the statement of `call`.
fn edit(context: &Context<'_>, call: &Call, log: &Call) -> Option<Edit> {
    let (first, second) = (context.stmt(call).span, context.stmt(log).span);
    let (line, indent) =
        (context.file.line_span(context.file.line(second.start)), context.indent(second.start));
    let last = context.file.line_span(context.file.line(second.end));
    let alone = context.source(Span::new(line.start, second.start)).trim().is_empty()
        && context.source(Span::new(second.end, last.end)).trim().is_empty();
    if !alone || first.end > line.start {
        return None;
    }
    let next = context.file.line_span(context.file.line(second.end) + 1).start.max(last.end);
    let text = format!("{}\n{indent}", context.source(second));
    let insert = Change { span: Span::empty(first.start), text };
    let delete = Change { span: Span::new(line.start, next), text: String::new() };
    Some(Edit {
        safety: Safety::Suggest,
        title: "log before the cleanup".to_owned(),
        changes: vec![insert, delete],
    })
}
