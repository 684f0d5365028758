//! Finds lock directories that every user of the machine may write to.

use crate::finding::{Change, Edit, Safety, Severity};
use crate::flow::{Point, Step, walk};
use crate::ir::{ArgKind, Call, CallId, Op, Operand};
use crate::rules::facts::edits;
use crate::rules::facts::locks::is_lock_dir;
use crate::rules::facts::modes::mode;
use crate::rules::facts::paths::{Target, path_argument};
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;

pub(super) static RULE: Rule =
    Rule { page: include_str!("lock_dir_world_writable.md"), check: Check::Body(run) };

/// The right of others to write, and the bit that keeps them from removing what is not theirs.
const OTHERS_WRITE: i32 = 0o002;
const STICKY: i32 = 0o1000;

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for (id, call) in context.body.calls.pairs() {
        let makes = match context.method(call) {
            "chmod" => false,
            "mkdir" | "makedirs" => true,
            _ => continue,
        };
        if context.is_reachable(id) {
            hits.extend(judge(context, id, call, makes));
        }
    }
}

fn judge(context: &Context<'_>, id: CallId, call: &Call, makes: bool) -> Option<Hit> {
    let target = path_argument(context, call)?;
    let at = context.point(id);
    let arg = context.arg(call, Some(usize::from(!target.is_receiver)), "mode");
    let umask = if makes { umask_off(context, at) } else { None };
    let mode = match arg {
        Some(arg) => mode(context, arg.value, at)?,
        None if umask.is_some() => 0o777,
        None => return None,
    };
    let is_open = mode & OTHERS_WRITE != 0 && mode & STICKY == 0;
    if !is_open || !is_lock_dir(context, target.value, target.source, at) {
        return None;
    }
    let edit = match arg {
        Some(arg) => {
            let name = if matches!(arg.kind, ArgKind::Keyword(_)) { "mode=" } else { "" };
            Change { span: arg.span, text: format!("{name}0o700") }
        }
        None => edits::last_argument(context, call, "mode=0o700"),
    };
    let edit =
        Edit { safety: Safety::Suggest, title: "let only the owner in".to_owned(), changes: vec![edit] };
    Some(hit(context, call, &target, (mode, makes, umask)).edit(Some(edit)))
}

fn hit(
    context: &Context<'_>,
    call: &Call,
    target: &Target<'_>,
    (mode, makes, umask): (i32, bool, Option<Span>),
) -> Hit {
    let path = edits::brief(context, target.span, 60);
    let callee = context.method(call);
    let check = "to check, `sudo -u nobody touch` a file in it: that must fail";
    let keep = "0o700, or 0o770 with a group that shares the locks";
    let solution = format!("give `{path}` mode {keep}; {check}");
    if !makes {
        let message = format!(
            "`{callee}` makes the lock directory `{path}` world-writable (mode {mode:#o}), so that every user may \
             remove and replace its locks"
        );
        return Hit::new(call.span, message, solution);
    }
    if let Some(place) = umask {
        let message = format!(
            "`{callee}` makes the lock directory `{path}` world-writable: `os.umask(0)` is in force and the mode is \
             {mode:#o}"
        );
        return Hit::new(call.span, message, solution).related(place, "the umask is switched off here");
    }
    let message = format!(
        "`{callee}` asks for the world-writable mode {mode:#o} for the lock directory `{path}`; only the umask of \
         the process withholds it"
    );
    Hit::new(call.span, message, solution).severity(Severity::Low)
}

/// The call `os.umask(0)` that is in force at `at`, as far as this function tells.
fn umask_off(context: &Context<'_>, at: Point) -> Option<Span> {
    let sets = |call: &Call| context.name(call) == "os.umask";
    let mut offs = context.body.calls.pairs().filter(|(id, call)| {
        sets(call)
            && call.positional(0).is_some_and(|arg| {
                arg.value == Operand::Const(crate::ir::Const::Int(0))
                    || mode(context, arg.value, context.point(*id)) == Some(0)
            })
    });
    offs.find_map(|(id, call)| {
        let mut reached = false;
        walk(
            context.body,
            context.cfg(),
            context.point(id).next(),
            |_| true,
            |point, inst| {
                if point == at {
                    reached = true;
                }
                match &inst.op {
                    Op::Call(_, other) if sets(&context.body.calls[*other]) => Step::Stop,
                    _ => Step::Go,
                }
            },
        );
        reached.then_some(call.span)
    })
}
