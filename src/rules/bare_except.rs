//! Finds `except:` clauses that do not let requests to stop through.

use crate::finding::{Safety, Severity};
use crate::ir::{BodyKind, LocalId, Op, Operand, RegionKind, Rvalue, Terminator};
use crate::rules::facts::handlers::{Clause, clauses};
use crate::rules::facts::harmless::is_harmless;
use crate::rules::facts::{asking, edits, verbs};
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;

pub(super) static RULE: Rule = Rule { page: include_str!("bare_except.md"), check: Check::Body(run) };

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for clause in clauses(context).filter(Clause::is_bare) {
        if context.function_name() == "__del__"
            || interrupts_leave(&clause)
            || passes_on(&clause)
            || is_raised_later(&clause)
            || is_left_to_manager(&clause)
        {
            continue;
        }
        hits.push(hit(context, &clause));
    }
}

fn hit(context: &Context<'_>, clause: &Clause<'_, '_>) -> Hit {
    let keyword = Span::new(clause.region.span.start, clause.region.span.start + "except".len() as u32);
    let (lost, check) = what_is_lost(context);
    let replaces = clause.always_raises();
    let instead = if replaces { ", and raises another exception in its place" } else { "" };
    let message = format!("`except:` catches {lost} too{instead}");
    let solution = format!(
        "write `except Exception:` here, or the exceptions that {} can raise; to check, {check}",
        guarded(clause)
    );
    let edit =
        edits::replace(Safety::Safe, "catch `Exception` instead of everything", keyword, "except Exception");
    let hit = Hit::new(keyword, message, solution).edit(Some(edit));
    let all_instant = clause.guarded_calls().next().is_some()
        && clause.guarded_calls().all(|(_, call)| is_instant(context, call));
    if replaces || all_instant { hit.severity(Severity::Low) } else { hit }
}

/// Whether a call is over before anybody can ask the program to stop: it converts something, or is one of the quick
/// requests to the system.
fn is_instant(context: &Context<'_>, call: &crate::ir::Call) -> bool {
    let quick = [
        "os.unlink",
        "os.remove",
        "os.rename",
        "os.mkdir",
        "os.rmdir",
        "os.chdir",
        "os.chmod",
        "os.chown",
        "os.close",
        "os.umask",
        "os.kill",
        "open",
    ];
    let waits = matches!(context.method(call), "join" | "sleep" | "get" | "acquire")
        && !asking::is_known_to_compute(context, call);
    quick.contains(&context.name(call))
        || asking::is_known_to_compute(context, call)
        || is_harmless(context, call) && !waits
        || context.callee(call).is_none()
            && verbs::starts_with_word(context.method(call), &["as", "to", "decode", "encode"])
}

/// What the clause takes away, and how to see it.
fn what_is_lost(context: &Context<'_>) -> (&'static str, &'static str) {
    match context.body.kind {
        BodyKind::Function { is_async: true, .. } => {
            ("`asyncio.CancelledError`, the cancellation of this coroutine", "cancel the task in a test")
        }
        BodyKind::Function { is_generator: true, .. } => (
            "`GeneratorExit`, the end of this generator, and `KeyboardInterrupt`",
            "call `close()` on it in a test",
        ),
        _ => (
            "`KeyboardInterrupt` and `SystemExit`",
            "raise `KeyboardInterrupt` in it in a test: it must come out",
        ),
    }
}

fn guarded(clause: &Clause<'_, '_>) -> String {
    let mut calls = clause.guarded_calls();
    let first = calls.find(|(_, call)| !is_harmless(clause.context, call));
    first.map_or_else(
        || "the guarded code".to_owned(),
        |(_, call)| format!("`{}`", edits::brief(clause.context, call.callee_span, 60)),
    )
}

/// Whether the clause re-raises on some path or ends the program, or an earlier clause let the interrupts out.
fn interrupts_leave(clause: &Clause<'_, '_>) -> bool {
    let earlier = clause.of.handlers.iter().take_while(|id| **id != clause.id);
    let before: Vec<&str> = clauses(clause.context)
        .filter(|other| earlier.clone().any(|id| *id == other.id))
        .flat_map(|other| {
            other.handler.types.iter().map(|name| clause.context.text(*name)).collect::<Vec<_>>()
        })
        .collect();
    let stops = |name: &&str| matches!(*name, "KeyboardInterrupt" | "SystemExit" | "BaseException");
    before.iter().any(stops) || reraises(clause) || clause.calls().any(|(_, call)| ends_program(clause, call))
}

/// Whether a bare `raise`, or the end of `save_and_reraise_exception`, lies in the clause.
fn reraises(clause: &Clause<'_, '_>) -> bool {
    clause.context.body.blocks.pairs().any(|(id, block)| {
        let implied_or_bare = matches!(&block.end, Terminator::Raise { exception: None, span, .. } if is_reraise(clause, id, *span));
        implied_or_bare && clause.contains(id) && clause.context.cfg().is_reachable(id)
    })
}

/// A `raise` statement, or the raise at the end of a `with` block that raises again; not the unwinding of `with`.
fn is_reraise(clause: &Clause<'_, '_>, block: crate::ir::BlockId, span: Span) -> bool {
    let context = clause.context;
    if span.start < span.end {
        return context.source(span).trim_end() == "raise";
    }
    context.body.regions.iter().any(|region| match &region.kind {
        crate::ir::RegionKind::With(with) => with.reraises && region.span.end == span.start,
        _ => false,
    }) && context.cfg().is_reachable(block)
}

fn ends_program(clause: &Clause<'_, '_>, call: &crate::ir::Call) -> bool {
    matches!(clause.context.name(call), "sys.exit" | "os._exit" | "os.abort" | "exit" | "quit")
}

/// Whether the exception itself (no text made of it) is stored, or handed to a call.
fn passes_on(clause: &Clause<'_, '_>) -> bool {
    let context = clause.context;
    let from_sys = |operand: Operand, at| {
        context
            .made_by(operand, at)
            .is_some_and(|call| context.name(&context.body.calls[call]) == "sys.exc_info")
    };
    clause.insts().any(|(point, inst)| match &inst.op {
        Op::Store(_, value) => from_sys(*value, point),
        Op::Call(_, call) => {
            let call = &context.body.calls[*call];
            let text = |arg: &crate::ir::Arg| context.source(arg.span).contains("sys.exc_info()");
            let is_log = crate::rules::facts::logging::log(context, call).is_some();
            !is_log && call.args.iter().any(|arg| text(arg) || from_sys(arg.value, point))
        }
        _ => false,
    })
}

/// `failed = sys.exc_info()` in the clause, and `raise failed[1]` behind it.
fn is_raised_later(clause: &Clause<'_, '_>) -> bool {
    let context = clause.context;
    let kept: Vec<LocalId> = clause
        .insts()
        .filter_map(|(_, inst)| match inst.op {
            Op::Call(to, call) if context.name(&context.body.calls[call]) == "sys.exc_info" => Some(to),
            _ => None,
        })
        .collect();
    let copies = clause.insts().filter_map(|(_, inst)| match inst.op {
        Op::Let(to, Rvalue::Use(Operand::Local(from))) if kept.contains(&from) => Some(to),
        _ => None,
    });
    let names: Vec<&str> =
        copies.chain(kept.iter().copied()).map(|local| context.local_name(local)).collect();
    let raised = context.body.blocks.iter().filter_map(|block| match block.end {
        Terminator::Raise { exception: Some(_), span, .. } => Some(context.source(span)),
        _ => None,
    });
    let mut words = raised.flat_map(|text| text.split(|c: char| !c.is_alphanumeric() && c != '_'));
    words.any(|word| !word.is_empty() && names.contains(&word))
}

/// Whether all of the clause is run under one context manager of the project, whose way out may raise again:
/// `with safe_reraise(): session.rollback()`. One of this file that does not raise is known.
fn is_left_to_manager(clause: &Clause<'_, '_>) -> bool {
    let context = clause.context;
    let is_whole = |span: Span| {
        let before = context.source(Span::new(clause.region.head.end.min(span.start), span.start));
        let is_blank = |line: &str| line.trim_start_matches([':', ' ', '\t']).split('#').next() == Some("");
        span.end == clause.region.span.end && before.lines().all(is_blank)
    };
    let mut managers = context.body.regions.iter().filter_map(|region| match &region.kind {
        RegionKind::With(with) if region.parent == Some(clause.id) && is_whole(region.span) => {
            Some(&context.body.calls[with.call?])
        }
        _ => None,
    });
    managers.any(|call| {
        let name = context.name(call);
        let root = name.split('.').next().unwrap_or_default();
        let is_known = name.is_empty() || ["contextlib", "threading", "open", "warnings"].contains(&root);
        let own = context.unit.classes.iter().find(|class| context.text(class.name) == name);
        let exit =
            own.and_then(|class| class.methods.iter().find(|(name, _)| context.text(*name) == "__exit__"));
        match exit {
            Some((_, exit)) => context.unit.bodies[*exit]
                .blocks
                .iter()
                .any(|block| matches!(block.end, Terminator::Raise { .. })),
            None => !is_known && own.is_none(),
        }
    })
}
