//! What guarded code tries: what it does, how it ends, and whether success goes on behind the `try`.

use crate::ir::{
    ArgKind, Call, Const, FnId, Inst, Op, Operand, Place, RegionId, RegionKind, Rvalue, StmtKind,
};
use crate::rules::Context;
use crate::rules::facts::asking::{asks, ends};
use crate::rules::facts::handlers::Clause;

/// Calls of `region` that do not only ask, those in handlers inside it left out.
pub(crate) fn acts<'a>(context: &Context<'a>, region: RegionId) -> Vec<&'a Call> {
    let in_handler = |call: &Call| {
        let inner = context.body.enclosing(context.body.blocks[call.block].region);
        inner
            .take_while(|id| *id != region)
            .any(|id| matches!(context.body.regions[id].kind, RegionKind::Handler(_)))
    };
    let calls = context.calls_in(region).map(|(id, _)| &context.body.calls[id]);
    calls.filter(|call| !asks(context, call) && !in_handler(call)).collect()
}

/// Whether all that `region` does is one attempt to end something.
pub(crate) fn is_one_ending(context: &Context<'_>, region: RegionId) -> bool {
    matches!(acts(context, region)[..], [only] if ends(context, only))
}

/// Whether control can run off the end of a block of statements; `return`, `raise`, `break` and `continue` do not.
pub(crate) fn completes(context: &Context<'_>, region: RegionId) -> bool {
    let Some((_, last)) = context.body.stmts_in(region).last() else { return true };
    match last.kind {
        StmtKind::Return | StmtKind::Raise | StmtKind::Break | StmtKind::Continue => false,
        StmtKind::If | StmtKind::With | StmtKind::Try => {
            let children: Vec<RegionId> = context
                .body
                .regions
                .pairs()
                .filter(|(_, inner)| inner.parent == Some(region) && last.span.contains(inner.span))
                .filter(|(_, inner)| !matches!(inner.kind, RegionKind::Finally(_)))
                .map(|(id, _)| id)
                .collect();
            let has_else = last.kind != StmtKind::If
                || children.iter().any(|id| {
                    let head = context.body.regions[*id].head;
                    head.start == head.end
                });
            !has_else || children.iter().any(|id| completes(context, *id))
        }
        _ => true,
    }
}

/// Whether success of the guarded code goes on behind the `try` statement, as its handler does.
pub(crate) fn success_goes_on(clause: &Clause<'_, '_>) -> bool {
    let context = clause.context;
    let otherwise = context
        .body
        .regions
        .pairs()
        .find(|(_, region)| matches!(region.kind, RegionKind::Else(of) if of == clause.handler.of));
    completes(context, clause.of.body) && otherwise.is_none_or(|(id, _)| completes(context, id))
}

/// Whether the guarded code imports something: its failure says that the module is not there.
pub(crate) fn imports(clause: &Clause<'_, '_>) -> bool {
    let body = clause.context.body;
    body.stmts.iter().any(|stmt| stmt.kind == StmtKind::Import && body.is_within(stmt.region, clause.of.body))
}

/// Whether the guarded code ends by setting a flag, so that the flag tells of the failure.
pub(crate) fn ends_with_flag(clause: &Clause<'_, '_>) -> bool {
    let context = clause.context;
    let Some((_, last)) = context.body.stmts_in(clause.of.body).last() else { return false };
    let sets = |inst: &Inst| match &inst.op {
        Op::Let(to, Rvalue::Use(Operand::Const(Const::Bool(_)))) => !context.local_name(*to).is_empty(),
        Op::Store(_, Operand::Const(Const::Bool(_))) => true,
        _ => false,
    };
    last.kind == StmtKind::Assign
        && context.insts().any(|(_, inst)| last.span.contains(inst.span) && sets(inst))
}

/// Whether the guarded code sets a flag, in a statement of its own.
pub(crate) fn sets_flag(clause: &Clause<'_, '_>) -> bool {
    let context = clause.context;
    context.insts().any(|(point, inst)| match &inst.op {
        Op::Let(to, Rvalue::Use(Operand::Const(Const::Bool(_)))) => {
            !context.local_name(*to).is_empty()
                && context.body.blocks[point.block].region == clause.of.body
                && context.body.stmts[inst.stmt].kind == StmtKind::Assign
        }
        _ => false,
    })
}

/// Whether a comment in the clause says why, in words: more than two, and no mark for a tool or of work to do.
pub(crate) fn has_reason(clause: &Clause<'_, '_>) -> bool {
    let context = clause.context;
    let span = clause.region.span;
    let last = context.file.line_span(context.file.line(span.end));
    // A comment right above the clause speaks of it too.
    let above = context.file.line_span(context.file.line(span.start).saturating_sub(1).max(1));
    let is_comment = context.source(above).trim_start().starts_with('#');
    let start = if is_comment { above.start } else { span.start };
    let text = context.source(crate::text::Span::new(start, last.end.max(span.end)));
    text.lines().any(|line| {
        let comment = line.trim_start().strip_prefix('#').or_else(|| Some(line.split_once(" #")?.1));
        comment.is_some_and(|comment| {
            let comment = comment.trim_start_matches(['#', ' ', '!']);
            let lower = comment.to_ascii_lowercase();
            let is_mark = [
                "noqa",
                "pylint",
                "nosec",
                "type:",
                "pragma",
                "todo",
                "fixme",
                "xxx",
                "pyre",
                "nosemgrep",
                "snakestone",
                "flake8",
            ]
            .iter()
            .any(|mark| lower.starts_with(mark));
            comment.split_whitespace().count() > 2 && !is_mark
        })
    })
}

/// Up to two callees of the guarded code that a failure may come from, as they are spelled; `yield` for a generator
/// that waits there; empty if there is none.
pub(crate) fn tried(context: &Context<'_>, region: RegionId) -> String {
    let acting = acts(context, region);
    let mut names: Vec<String> = Vec::new();
    let all: Vec<&Call> = context.calls_in(region).map(|(id, _)| &context.body.calls[id]).collect();
    for call in if acting.is_empty() { &all } else { &acting } {
        let name = format!("`{}`", crate::rules::facts::edits::brief(context, call.callee_span, 50));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let yields = context.insts().any(|(point, inst)| {
        matches!(inst.op, Op::Yield(..))
            && context.body.is_within(context.body.blocks[point.block].region, region)
    });
    if yields && acting.is_empty() {
        return "the block behind `yield`".to_owned();
    }
    names.truncate(2);
    names.join(" or ")
}

/// Whether every way through a function of this file raises.
pub(crate) fn always_raises(context: &Context<'_>, function: FnId) -> bool {
    let inner = context.other(function);
    let returns = |id| {
        matches!(inner.body.blocks[id].end, crate::ir::Terminator::Return(_)) && inner.cfg().is_reachable(id)
    };
    let is_generator = matches!(inner.body.kind, crate::ir::BodyKind::Function { is_generator: true, .. });
    !is_generator && !inner.body.blocks.ids().any(returns)
}

/// The exceptions that guarded code can raise, where it is one known step: `int(x)`, `d[k]`, `os.unlink(p)`.
pub(crate) fn narrow(context: &Context<'_>, region: RegionId) -> Option<String> {
    let mut types: Vec<&str> = Vec::new();
    for (id, _) in context.calls_in(region) {
        let call = &context.body.calls[id];
        let name = context.name(call);
        types.push(match name {
            "int" | "float" => "ValueError",
            "getattr" if call.args.len() == 2 => "AttributeError",
            "next" if call.args.len() == 1 => "StopIteration",
            "shutil.rmtree" | "shutil.move" | "shutil.copy" | "shutil.copytree" => "OSError",
            _ if name.starts_with("os.") => "OSError",
            _ if name.starts_with("ipaddress.") => "ValueError",
            _ => return None,
        });
    }
    for (point, inst) in context.insts() {
        if !context.body.is_within(context.body.blocks[point.block].region, region) {
            continue;
        }
        match &inst.op {
            Op::Let(_, Rvalue::Load(place)) | Op::Delete(place) if is_item(context, *place) => {
                types.push("KeyError")
            }
            Op::Let(_, Rvalue::Use(_) | Rvalue::List(_) | Rvalue::Tuple(_) | Rvalue::Dict(_))
            | Op::Call(..) => {}
            Op::Let(_, Rvalue::Load(place)) if is_module_attribute(*place) => {}
            Op::Store(place, _) if context.unit.paths.split(place.path).is_none() => {}
            _ => return None,
        }
    }
    types.sort_unstable();
    types.dedup();
    match types[..] {
        [] => None,
        [one] => Some(one.to_owned()),
        _ => Some(format!("({})", types.join(", "))),
    }
}

fn is_item(context: &Context<'_>, place: Place) -> bool {
    matches!(
        context.unit.paths.split(place.path),
        Some((_, crate::ir::Step::Item(Const::Str(_)) | crate::ir::Step::Element | crate::ir::Step::Key(_)))
    )
}

fn is_module_attribute(place: Place) -> bool {
    matches!(place.base, Operand::Global(_))
}

/// Whether `call` is passed nothing but what its caller knows to be constant.
pub(crate) fn is_suppressing_all(context: &Context<'_>, call: &Call) -> bool {
    call.args.iter().any(|arg| {
        arg.kind == ArgKind::Positional
            && matches!(arg.value, Operand::Global(name) if matches!(context.text(name), "Exception" | "BaseException"))
    })
}
