//! Finds commands whose exit status no path reads.

use crate::finding::{Change, Edit, Safety, Severity};
use crate::flow::{Point, Step, defined, walk};
use crate::ir::{Call, CallId, Const, FnId, LocalId, Op, Operand, RegionId, RegionKind, Rvalue, operands};
use crate::rules::facts::results::{is_afterwards, is_unread, variable};
use crate::rules::facts::teardown::stem;
use crate::rules::facts::{commands, edits};
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule =
    Rule { page: include_str!("command_status_ignored.md"), check: Check::Body(run) };

/// How the command is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `subprocess.run` without `check`.
    Run,
    /// `subprocess.run(check=False)`.
    RunUnchecked,
    /// `subprocess.call`.
    Call,
    /// `os.system`.
    System,
    /// `subprocess.getoutput`, which gives no status at all.
    Output,
    /// `execute(check_exit_code=False)`.
    Execute,
    /// A `functools.partial` of that.
    Partial,
}

/// How the status is lost.
enum Loss {
    Unread,
    Overwritten,
    OnlyLast,
    OnlyOutput,
}

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for (id, call) in context.body.calls.pairs() {
        if let Some(kind) = kind(context, call)
            && context.is_reachable(id)
            && let Some(loss) = loss(context, id)
            && !is_excused(context, id, kind)
        {
            hits.push(hit(context, id, kind, &loss));
        }
    }
}

fn kind(context: &Context<'_>, call: &Call) -> Option<Kind> {
    let name = context.name(call);
    match name {
        "subprocess.run" => match context.arg(call, None, "check").map(|arg| arg.value) {
            _ if call.has_spread()
                && context.arg(call, None, "check").is_none()
                && spreads_keywords(call) =>
            {
                None
            }
            None => Some(Kind::Run),
            Some(Operand::Const(Const::Bool(false))) => Some(Kind::RunUnchecked),
            Some(_) => None,
        },
        "subprocess.call" => Some(Kind::Call),
        "os.system" => Some(Kind::System),
        "subprocess.getoutput" => Some(Kind::Output),
        _ if matches!(context.method(call), "execute" | "_execute") => {
            is_lax(context, call).then_some(Kind::Execute)
        }
        "functools.partial()" => partial_is_lax(context, call).then_some(Kind::Partial),
        _ => None,
    }
}

fn spreads_keywords(call: &Call) -> bool {
    call.args.iter().any(|arg| arg.kind == crate::ir::ArgKind::DoubleStar)
}

/// `check_exit_code=False` without a list of codes that are fine, and without a wish to log the failure.
fn is_lax(context: &Context<'_>, call: &Call) -> bool {
    let off = Operand::Const(Const::Bool(false));
    let on = Operand::Const(Const::Bool(true));
    let value = |name| context.arg(call, None, name).map(|arg| arg.value);
    value("check_exit_code") == Some(off)
        && value("extra_ok_codes").is_none()
        && value("log_fail_as_error") != Some(on)
}

/// Whether the callee is a `functools.partial` of an `execute` that does not check, made at the module's top level
/// or in this function.
fn partial_is_lax(context: &Context<'_>, call: &Call) -> bool {
    let spelled = context.source(call.callee_span);
    let makes = |other: &Context<'_>| {
        other.body.calls.iter().any(|made| {
            let stmt = other.source(other.stmt(made).span);
            let is_its = stmt.strip_prefix(spelled).is_some_and(|rest| rest.trim_start().starts_with('='));
            let wraps = || made.positional(0).is_some_and(|of| other.source(of.span).ends_with("execute"));
            other.name(made) == "functools.partial" && is_its && wraps() && is_lax(other, made)
        })
    };
    makes(context) || makes(&context.other(FnId::new(0)))
}

fn loss(context: &Context<'_>, id: CallId) -> Option<Loss> {
    if is_unread(context, id) {
        let overwritten = variable(context, id).is_some_and(|name| is_assigned_later(context, id, name));
        return Some(if overwritten { Loss::Overwritten } else { Loss::Unread });
    }
    let local = holder(context, id)?;
    if is_lost_in_loop(context, id, local) {
        return Some(Loss::OnlyLast);
    }
    only_output_is_written(context, local).then_some(Loss::OnlyOutput)
}

/// The named local that holds the result.
fn holder(context: &Context<'_>, id: CallId) -> Option<LocalId> {
    let to = context.body.calls[id].to;
    (!context.local_name(to).is_empty()).then_some(to)
}

fn is_assigned_later(context: &Context<'_>, id: CallId, name: &str) -> bool {
    let end = context.body.calls[id].span.end;
    context.insts().any(|(_, inst)| {
        inst.span.start > end && defined(inst).is_some_and(|local| context.local_name(local) == name)
    })
}

/// Whether the loop around the call runs another command each time, and puts its status over the one before, unread.
fn is_lost_in_loop(context: &Context<'_>, id: CallId, local: LocalId) -> bool {
    let call = &context.body.calls[id];
    let body = context.body;
    let is_loop = |region: &RegionId| matches!(body.regions[*region].kind, RegionKind::Loop { is_for: true });
    let Some(around) = body.enclosing(body.blocks[call.block].region).find(is_loop) else { return false };
    let at = context.point(id);
    let varies = commands::ingredients(context, call, at).iter().any(|part| {
        context.insts().any(|(point, inst)| {
            defined(inst) == Some(*part) && body.is_within(body.blocks[point.block].region, around)
        })
    });
    let mut comes_back = false;
    walk(
        body,
        context.cfg(),
        at.next(),
        |block| body.is_within(body.blocks[block].region, around),
        |point, inst| {
            comes_back |= point == at;
            let reads = operands(body, inst).contains(Operand::Local(local));
            if reads || point == at { Step::Stop } else { Step::Go }
        },
    );
    let tested = body.blocks.pairs().any(|(block, data)| {
        body.is_within(body.blocks[block].region, around)
            && crate::flow::end_reads(&data.end).any(|read| read == local)
    });
    varies && comes_back && !tested
}

/// Whether all that is read of the result is its output, which is written somewhere as it is.
fn only_output_is_written(context: &Context<'_>, local: LocalId) -> bool {
    let uses = context.uses().of(local);
    !uses.is_empty()
        && uses.iter().all(|read| match context.inst(*read).map(|inst| &inst.op) {
            Some(Op::Let(part, Rvalue::Load(place))) => {
                let is_output = context.spell(*place).ends_with(".stdout");
                let uses = context.uses().of(*part);
                is_output && !uses.is_empty() && uses.iter().all(|at| is_written(context, *at))
            }
            _ => false,
        })
}

fn is_written(context: &Context<'_>, at: Point) -> bool {
    let Some(Op::Call(_, call)) = context.inst(at).map(|inst| &inst.op) else { return false };
    let method = context.method(&context.body.calls[*call]);
    matches!(method, "write" | "writelines" | "write_bytes" | "write_text" | "send" | "sendall")
}

// --- what is no defect ---

fn is_excused(context: &Context<'_>, id: CallId, kind: Kind) -> bool {
    let call = &context.body.calls[id];
    let at = context.point(id);
    let words = commands::words(context, call, at);
    let removes = || commands::removes(&words);
    commands::is_best_effort(&words)
        || commands::is_users_program(context, call, at)
        || removes() && (is_afterwards(context, call) || output_is_discarded(context, call, at, &words, kind))
        || is_probe(context, call, at, &words, kind)
        || commands::is_verified(context, id, |other| commands::gives_output(context, other))
}

fn output_is_discarded(
    context: &Context<'_>,
    call: &Call,
    at: Point,
    words: &[Option<&str>],
    kind: Kind,
) -> bool {
    let discards = |name| {
        context.arg(call, None, name).is_some_and(|arg| {
            let is_null_file = context
                .made_by(arg.value, at)
                .is_some_and(|made| context.source(context.body.calls[made].span).contains("devnull"));
            is_null_file || commands::is_nowhere(context, arg.value)
        })
    };
    let quiet = kind == Kind::Execute
        && context
            .arg(call, None, "log_fail_as_error")
            .is_some_and(|arg| arg.value == Operand::Const(Const::Bool(false)));
    quiet
        || discards("stdout")
        || discards("stderr")
        || words.iter().flatten().any(|word| word.contains("/dev/null"))
}

/// Whether only the presence of the program matters: it is asked for its version, or shown nothing of, and a handler
/// waits for its absence.
fn is_probe(context: &Context<'_>, call: &Call, at: Point, words: &[Option<&str>], kind: Kind) -> bool {
    let asks = words
        .iter()
        .flatten()
        .any(|word| matches!(*word, "-version" | "--version" | "-v" | "-V" | "version"));
    if !asks && !output_is_discarded(context, call, at, words, kind) {
        return false;
    }
    handlers_around(context, call)
        .any(|name| matches!(name, "OSError" | "FileNotFoundError" | "IOError" | "EnvironmentError"))
}

/// Resolved names of the exceptions that handlers around `call` catch.
fn handlers_around<'a>(context: &Context<'a>, call: &Call) -> impl Iterator<Item = &'a str> {
    let body = context.body;
    let tries =
        body.enclosing(body.blocks[call.block].region).filter_map(|region| match body.regions[region].kind {
            RegionKind::Try(of) => Some(&body.tries[of]),
            _ => None,
        });
    let handlers =
        tries.flat_map(|of| of.handlers.iter()).filter_map(|region| match &body.regions[*region].kind {
            RegionKind::Handler(handler) => Some(handler),
            _ => None,
        });
    let names: Vec<&str> =
        handlers.flat_map(|handler| handler.types.iter()).map(|name| context.text(*name)).collect();
    names.into_iter()
}

// --- report ---

fn hit(context: &Context<'_>, id: CallId, kind: Kind, loss: &Loss) -> Hit {
    let call = &context.body.calls[id];
    let callee = edits::brief(context, call.callee_span, 60);
    let result = variable(context, id);
    let lost = match (loss, result) {
        (Loss::Unread, None) => format!("the exit status of `{callee}` is never read"),
        (Loss::Unread, Some(name)) => {
            format!("`{name}`, which holds the outcome of `{callee}`, is never read")
        }
        (Loss::Overwritten, _) => {
            format!(
                "`{}`, the outcome of `{callee}`, is overwritten before it is read",
                result.unwrap_or_default()
            )
        }
        (Loss::OnlyLast, _) => format!(
            "`{}` keeps the status of the last `{callee}` only: those of the rounds before are overwritten",
            result.unwrap_or_default()
        ),
        (Loss::OnlyOutput, _) => format!(
            "`{name}.stdout` is written out, and whether `{callee}` broke off half way is never asked",
            name = result.unwrap_or_default()
        ),
    };
    let never_raises = matches!(kind, Kind::Run | Kind::RunUnchecked | Kind::Call)
        && handlers_around(context, call).any(|name| name.ends_with("CalledProcessError"));
    let dead =
        if never_raises { "; it never raises `CalledProcessError`, which the handler is for" } else { "" };
    let how = match kind {
        Kind::Run | Kind::RunUnchecked => "pass `check=True`".to_owned(),
        Kind::Call => "use `check_call`, which raises".to_owned(),
        Kind::System => format!("use `subprocess.run([…], check=True)` in place of `{callee}`"),
        Kind::Output => {
            format!("use `subprocess.check_output` in place of `{callee}`, which hides the status")
        }
        Kind::Execute => {
            "drop `check_exit_code=False`, or name the codes that are fine (`check_exit_code=[0, 254]`)"
                .to_owned()
        }
        Kind::Partial => format!("make `{callee}` without `check_exit_code=False`, or read its result"),
    };
    let solution = format!(
        "{how}, or test the status here; to check, put `false` in place of the command of `{callee}`: the caller must notice"
    );
    let hit =
        Hit::new(call.callee_span, format!("{lost}{dead}"), solution).edit(edit(context, id, kind, loss));
    let is_minor = kind == Kind::RunUnchecked || is_optional(context, id, kind);
    if is_minor { hit.severity(Severity::Low) } else { hit }
}

/// Whether the command may well fail: it removes something, its output is thrown away, the function cleans up, or it
/// is run only where `which` found it.
fn is_optional(context: &Context<'_>, id: CallId, kind: Kind) -> bool {
    let call = &context.body.calls[id];
    let at = context.point(id);
    let words = commands::words(context, call, at);
    let cleans = || {
        let name = stem(context.function_name());
        let verbs = [
            "clear", "cleanup", "clean", "delete", "remove", "stop", "close", "destroy", "flush", "teardown",
        ];
        kind == Kind::Execute && name.first().is_some_and(|first| verbs.contains(&first.as_str()))
    };
    let captures = || {
        context.arg(call, None, "capture_output").is_some() && is_unread(context, id)
            || output_is_discarded(context, call, at, &words, kind)
    };
    commands::removes(&words)
        || words.contains(&Some("-R"))
        || cleans()
        || captures()
        || is_found(context, call, at)
}

/// Whether the call stands in a loop with no `try` of its own round.
fn in_loop(context: &Context<'_>, call: &Call) -> bool {
    let body = context.body;
    let around = body.enclosing(body.blocks[call.block].region);
    let mut kinds = around.map(|region| &body.regions[region].kind);
    kinds
        .find(|kind| matches!(kind, RegionKind::Loop { .. } | RegionKind::Try(_)))
        .is_some_and(|kind| matches!(kind, RegionKind::Loop { is_for: true }))
}

/// Whether the program is a path that `which` found.
fn is_found(context: &Context<'_>, call: &Call, at: Point) -> bool {
    let Some(command) = call.positional(0).map(|arg| arg.value) else { return false };
    let program = match context.value(command, at) {
        Some(Rvalue::List(items) | Rvalue::Tuple(items)) => items.first().copied(),
        _ => None,
    };
    let found = |value| context.made_by(value, at).map(|made| &context.body.calls[made]);
    program.and_then(found).is_some_and(|made| context.method(made) == "which")
}

fn edit(context: &Context<'_>, id: CallId, kind: Kind, loss: &Loss) -> Option<Edit> {
    let call = &context.body.calls[id];
    let title = "let a failure raise";
    let change = match kind {
        Kind::Run => edits::last_argument(context, call, "check=True"),
        Kind::RunUnchecked => {
            Change { span: context.arg(call, None, "check")?.span, text: "check=True".to_owned() }
        }
        // One that raises would keep the other rounds from running.
        _ if in_loop(context, call) => return None,
        Kind::Call if context.source(call.callee_span).contains('.') && matches!(loss, Loss::Unread) => {
            Change { span: edits::method_span(context, call), text: "check_call".to_owned() }
        }
        Kind::System => {
            let command = context.string(call.positional(0)?.value, context.point(id))?;
            let needs_shell = |c: char| "|&;<>$`*?~\"'\\({[".contains(c);
            let imports = context.file.text.lines().any(|line| line.trim() == "import subprocess");
            if command.contains(needs_shell) || !imports {
                return None;
            }
            let words: Vec<String> = command.split_whitespace().map(|word| format!("\"{word}\"")).collect();
            Change { span: call.span, text: format!("subprocess.run([{}], check=True)", words.join(", ")) }
        }
        Kind::Execute => edits::without_argument(context, call, "check_exit_code")?,
        Kind::Call | Kind::Output | Kind::Partial => return None,
    };
    Some(Edit { safety: Safety::Suggest, title: title.to_owned(), changes: vec![change] })
}
