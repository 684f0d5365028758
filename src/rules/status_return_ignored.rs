//! Finds calls of a file's own wrappers whose returned status is dropped, although other callers use it.

use crate::flow::{MAX_CHAIN, Point};
use crate::ir::{Body, BodyKind, Call, CallId, Const, FnId, Operand, Rvalue, Terminator};
use crate::python::ast::CmpOp;
use crate::rules::facts::edits;
use crate::rules::facts::handlers::clauses;
use crate::rules::facts::results::{is_afterwards, is_unread, variable};
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule =
    Rule { page: include_str!("status_return_ignored.md"), check: Check::Body(run) };

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    if context.file.is_test {
        return;
    }
    let module = context.text(context.unit.module);
    for (id, call) in context.body.calls.pairs() {
        let is_own = context.name(call).strip_prefix(module).is_some_and(|rest| rest.starts_with('.'));
        if !is_own {
            continue;
        }
        let Some(wrapper) = context.callee(call).filter(|wrapper| *wrapper != context.id) else { continue };
        if runs_command(&context.other(wrapper))
            && is_unread(context, id)
            && !is_afterwards(context, call)
            && context.is_reachable(id)
            && returns_status(&context.other(wrapper))
            && let Some(user) = user(context, wrapper)
        {
            hits.push(hit(context, id, wrapper, user));
        }
    }
}

/// Whether every `return` gives the status of a command, and no failure raises.
fn returns_status(wrapper: &Context<'_>) -> bool {
    let body = wrapper.body;
    if !matches!(body.kind, BodyKind::Function { is_generator: false, .. }) || raises(body) {
        return false;
    }
    let mut is_status = false;
    let mut flags = [false; 2];
    for (block, data) in body.blocks.pairs().filter(|(block, _)| wrapper.cfg().is_reachable(*block)) {
        let Terminator::Return(value) = data.end else { continue };
        let end = Point { block, index: data.insts.len() };
        match value {
            Operand::Const(Const::Bool(flag)) => flags[usize::from(flag)] = true,
            Operand::Const(Const::Int(code)) => flags[usize::from(code == 0)] = true,
            _ if is_code(wrapper, value, end, MAX_CHAIN) => is_status = true,
            // `(0, "", "")` where the command is only pretended to run.
            _ if is_made_up(wrapper, value, end) => {}
            _ => return false,
        }
    }
    is_status || flags == [true; 2] && fails_in_handler(wrapper)
}

fn runs_command(context: &Context<'_>) -> bool {
    context.body.calls.iter().any(|call| {
        let name = context.name(call);
        name.starts_with("subprocess.") || name == "os.system" || context.method(call) == "run_command"
    })
}

fn raises(body: &Body) -> bool {
    body.blocks
        .iter()
        .any(|block| matches!(&block.end, Terminator::Raise { span, .. } if span.start < span.end))
}

/// Whether `value` is an exit code, whether one is zero, a completed process, or the tuple of `run_command`.
fn is_code(context: &Context<'_>, value: Operand, at: Point, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let known =
        value.local().and_then(|local| context.body.locals[local].value).map(|path| context.text(path));
    if matches!(
        known,
        Some(
            "subprocess.call()"
                | "os.system()"
                | "subprocess.Popen().returncode"
                | "subprocess.Popen().wait()"
                | "subprocess.getstatusoutput()"
                | "subprocess.run().returncode"
        )
    ) {
        return true;
    }
    if let Some(Rvalue::Compare(CmpOp::Eq | CmpOp::NotEq, code, Operand::Const(Const::Int(_)))) =
        context.value(value, at)
    {
        return is_code(context, *code, at, depth);
    }
    let Some(made) = context.made_by(value, at) else { return false };
    let call = &context.body.calls[made];
    match context.name(call) {
        "subprocess.run" => context.arg(call, None, "check").is_none() && !call.has_spread(),
        _ => {
            let is_module =
                context.receiver(call).rsplit('.').next().is_some_and(|last| last.ends_with("module"));
            context.method(call) == "run_command"
                && is_module
                && context.arg(call, None, "check_rc").is_none()
        }
    }
}

fn is_made_up(context: &Context<'_>, value: Operand, at: Point) -> bool {
    matches!(context.value(value, at), Some(Rvalue::Tuple(items)) if matches!(items[..], [Operand::Const(Const::Int(_)), ..]))
}

/// Whether a handler for failed commands returns.
fn fails_in_handler(context: &Context<'_>) -> bool {
    clauses(context).any(|clause| {
        let catches = clause.type_names().any(|name| {
            let last = name.rsplit('.').next().unwrap_or(name);
            matches!(last, "CalledProcessError" | "SubprocessError" | "ProcessExecutionError")
        });
        let returns = context.body.stmts.iter().any(|stmt| {
            stmt.kind == crate::ir::StmtKind::Return && context.body.is_within(stmt.region, clause.id)
        });
        catches && returns
    })
}

/// A call elsewhere in the file whose result is read.
fn user<'a>(context: &Context<'a>, wrapper: FnId) -> Option<&'a Call> {
    context.unit.bodies.ids().filter(|id| *id != wrapper).find_map(|id| {
        let other = context.other(id);
        let found = other.body.calls.pairs().find(|(id, call)| {
            matches_name(context, call, wrapper) && !is_unread(&other, *id) && other.is_reachable(*id)
        });
        found.map(|(_, call)| call)
    })
}

fn matches_name(context: &Context<'_>, call: &Call, wrapper: FnId) -> bool {
    let own = context.source(context.unit.bodies[wrapper].name_span);
    context.name(call).ends_with(own) && context.callee(call) == Some(wrapper)
}

fn hit(context: &Context<'_>, id: CallId, wrapper: FnId, user: &Call) -> Hit {
    let call = &context.body.calls[id];
    let callee = edits::brief(context, call.callee_span, 60);
    let message = match variable(context, id) {
        Some(name) => format!("`{name}`, the status that `{callee}` returns, is never read"),
        None => format!("`{callee}` returns the status of its command, and it is dropped here"),
    };
    let solution = format!(
        "test what `{callee}` returns and raise, or let it raise itself; \
         to check, make it return failure in a test: this caller must notice"
    );
    let head = context.unit.bodies[wrapper].name_span;
    Hit::new(call.callee_span, message, solution)
        .related(head, "returns a status instead of raising")
        .related(user.callee_span, "here the status is used")
}
