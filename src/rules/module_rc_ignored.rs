//! Finds commands of Ansible modules whose return code is neither checked nor read.

use crate::finding::{Change, Edit, Safety};
use crate::ir::{Call, CallId, Const, Operand};
use crate::rules::facts::results::{is_unread, variable};
use crate::rules::facts::{commands, edits};
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule = Rule { page: include_str!("module_rc_ignored.md"), check: Check::Body(run) };

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for (id, call) in context.body.calls.pairs() {
        if !is_module_command(context, call) || checks(context, call) || !is_unread(context, id) {
            continue;
        }
        let words = commands::words(context, call, context.point(id));
        if context.is_reachable(id)
            && !commands::is_best_effort(&words)
            && !commands::is_verified(context, id, |other| is_module_command(context, other))
        {
            hits.push(hit(context, id));
        }
    }
}

/// Whether `call` is `run_command` of an `AnsibleModule`, by its type or by the name that all modules use.
fn is_module_command(context: &Context<'_>, call: &Call) -> bool {
    if context.method(call) != "run_command" {
        return false;
    }
    let name = context.name(call);
    let last = context.receiver(call).rsplit('.').next().unwrap_or_default();
    name == "ansible.module_utils.basic.AnsibleModule().run_command"
        || last == "module"
        || last.ends_with("_module")
}

/// Whether `run_command` is told to check the code, or the caller decides.
fn checks(context: &Context<'_>, call: &Call) -> bool {
    let told = context.arg(call, Some(1), "check_rc");
    call.has_spread() || told.is_some_and(|arg| arg.value != Operand::Const(Const::Bool(false)))
}

fn hit(context: &Context<'_>, id: CallId) -> Hit {
    let call = &context.body.calls[id];
    let callee = edits::brief(context, call.callee_span, 60);
    let message = match variable(context, id) {
        Some(name) => format!(
            "`{name}`, the result of `{callee}`, is never read: the task is reported as done although the command may have failed"
        ),
        None => format!(
            "nobody reads `rc` of `{callee}`: the task is reported as done although the command may have failed"
        ),
    };
    let solution = format!(
        "pass `check_rc=True` to `{callee}`, or test `rc` and call `fail_json`; \
         to check, run the module where the command is missing: the task must fail"
    );
    Hit::new(call.callee_span, message, solution).edit(Some(edit(context, call)))
}

fn edit(context: &Context<'_>, call: &Call) -> Edit {
    let change = match context.arg(call, None, "check_rc") {
        Some(arg) => Change { span: arg.span, text: "check_rc=True".to_owned() },
        None => edits::last_argument(context, call, "check_rc=True"),
    };
    Edit { safety: Safety::Suggest, title: "let the module check the code".to_owned(), changes: vec![change] }
}
