//! Finds commands on other machines whose outcome nobody looks at.

use crate::flow::MAX_CHAIN;
use crate::ir::{Call, CallId, LocalId, Op, Operand, Rvalue, Step};
use crate::rules::facts::edits;
use crate::rules::facts::results::{is_afterwards, is_dead, is_unread, variable};
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule =
    Rule { page: include_str!("remote_command_status_ignored.md"), check: Check::Body(run) };

/// A library that runs commands elsewhere.
#[derive(Clone, Copy)]
enum Remote {
    /// paramiko's `SSHClient.exec_command`, which gives three streams.
    Client,
    /// paramiko's `Channel.exec_command`, which gives nothing.
    Channel,
    /// fabric and invoke with `warn=True`.
    Warned,
    /// asyncssh without `check=True`.
    Unchecked,
    /// netmiko, which gives what the device printed.
    Device,
    /// napalm's `cli`.
    Cli,
}

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for (id, call) in context.body.calls.pairs() {
        if let Some(remote) = remote(context, call)
            && context.is_reachable(id)
            && !is_afterwards(context, call)
            && is_ignored(context, id, remote)
        {
            hits.push(hit(context, id, remote));
        }
    }
}

fn remote(context: &Context<'_>, call: &Call) -> Option<Remote> {
    let method = context.method(call);
    let wanted = [
        "exec_command",
        "run",
        "sudo",
        "local",
        "send_config_set",
        "send_config_from_file",
        "send_command",
        "send_command_timing",
        "cli",
    ];
    if !wanted.contains(&method) {
        return None;
    }
    let name = context.name(call);
    let of = name.rsplit_once('.').map_or("", |(of, _)| of);
    match (of, method) {
        ("paramiko.SSHClient()" | "paramiko.client.SSHClient()", "exec_command") => Some(Remote::Client),
        ("paramiko.Channel()", "exec_command") => Some(Remote::Channel),
        (_, "exec_command") if of.starts_with("paramiko.") && of.ends_with(".open_session()") => {
            Some(Remote::Channel)
        }
        (_, "run" | "sudo" | "local") if is_connection(context, call, of) => {
            let warn = context.arg(call, None, "warn")?;
            (warn.value == Operand::Const(crate::ir::Const::Bool(true))).then_some(Remote::Warned)
        }
        ("asyncssh.connect()" | "asyncssh.SSHClientConnection()", "run") => {
            context.arg(call, None, "check").is_none().then_some(Remote::Unchecked)
        }
        (_, _) if of.starts_with("netmiko.") && method.starts_with("send_") => {
            context.arg(call, None, "error_pattern").is_none().then_some(Remote::Device)
        }
        (_, "cli") if of.starts_with("napalm.get_network_driver()") => Some(Remote::Cli),
        _ => None,
    }
}

/// Whether the receiver is a connection of fabric, or the context that a task of fabric or invoke is given.
fn is_connection(context: &Context<'_>, call: &Call, of: &str) -> bool {
    if matches!(
        of,
        "fabric.Connection()"
            | "fabric.connection.Connection()"
            | "invoke"
            | "invoke.Context()"
            | "invoke.context.Context()"
    ) {
        return true;
    }
    let first = context.body.params.first().map(|param| Operand::Local(param.local));
    let is_task = context.body.decorators.iter().filter_map(|decorator| decorator.name).any(|name| {
        matches!(
            context.text(name),
            "invoke.task" | "fabric.task" | "invoke.tasks.task" | "fabric.tasks.task"
        )
    });
    is_task && Some(call.callee.base) == first && context.unit.paths.steps(call.callee.path).len() == 1
}

fn is_ignored(context: &Context<'_>, id: CallId, remote: Remote) -> bool {
    match remote {
        Remote::Client => !streams_are_read(context, id),
        Remote::Channel => !channel_is_asked(context, &context.body.calls[id]),
        Remote::Warned | Remote::Unchecked | Remote::Device | Remote::Cli => is_unread(context, id),
    }
}

/// Whether something is learned from the streams that `exec_command` gives, or they go elsewhere as a whole.
fn streams_are_read(context: &Context<'_>, id: CallId) -> bool {
    let result = context.body.calls[id].to;
    context.uses().of(result).iter().any(|read| {
        let Some(inst) = context.inst(*read) else { return true };
        match &inst.op {
            Op::Let(stream, Rvalue::Load(place)) if place.base == Operand::Local(result) => {
                match context.unit.paths.split(place.path) {
                    Some((_, Step::Item(crate::ir::Const::Int(0)))) => false,
                    Some((_, Step::Item(_))) => stream_tells(context, *stream, MAX_CHAIN),
                    _ => true,
                }
            }
            _ => true,
        }
    })
}

/// Whether a stream is read with effect, asked for its channel, or passed on.
fn stream_tells(context: &Context<'_>, stream: LocalId, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return true };
    context.uses().of(stream).iter().any(|read| {
        let Some(inst) = context.inst(*read) else { return true };
        match &inst.op {
            Op::Call(to, call) if context.body.calls[*call].callee.base == Operand::Local(stream) => {
                match context.method(&context.body.calls[*call]) {
                    "close" | "flush" | "settimeout" => false,
                    "read" | "readline" | "readlines" => !is_dead(context, *to, *read, 0),
                    _ => true,
                }
            }
            Op::Let(copy, Rvalue::Use(_)) => stream_tells(context, *copy, depth),
            _ => true,
        }
    })
}

/// Whether the channel is asked for its outcome anywhere in the function, or leaves it.
fn channel_is_asked(context: &Context<'_>, call: &Call) -> bool {
    let receiver = context.receiver(call);
    let asked = context.body.calls.iter().any(|other| {
        let method = context.method(other);
        context.receiver(other) == receiver
            && (method.starts_with("recv")
                || method.starts_with("makefile")
                || method.starts_with("exit_status"))
    });
    asked
        || call.callee.base.local().is_none_or(|channel| {
            context.uses().of(channel).iter().any(|read| {
                let Some(inst) = context.inst(*read) else { return true };
                !matches!(&inst.op, Op::Call(_, id) if context.body.calls[*id].callee.base == Operand::Local(channel))
            })
        })
}

fn hit(context: &Context<'_>, id: CallId, remote: Remote) -> Hit {
    let call = &context.body.calls[id];
    let callee = edits::brief(context, call.callee_span, 60);
    let result = variable(context, id);
    let read = match result {
        Some(name) => format!("`{name}`, the result of `{callee}`, is never read"),
        None => format!("nobody reads the result of `{callee}`"),
    };
    let (message, solution) = match remote {
        Remote::Client | Remote::Channel => {
            let channel = match remote {
                Remote::Channel => context.receiver(call).to_owned(),
                _ => "stdout.channel".to_owned(),
            };
            (
                format!(
                    "`{callee}` only starts the command: whether it failed, or ended at all, is never asked"
                ),
                format!(
                    "take the streams of `{callee}(…)` and test `{channel}.recv_exit_status()`, which waits for the end; raise if it is not 0"
                ),
            )
        }
        Remote::Warned => (
            format!("{read}, and `warn=True` keeps its failure from being raised"),
            "drop `warn=True`, or test `.ok` of the result".to_owned(),
        ),
        Remote::Unchecked => (
            format!("{read}: without `check=True` a failed command raises nothing"),
            "pass `check=True`, or test `.exit_status` of the result".to_owned(),
        ),
        Remote::Device => (
            format!("{read}: a command that the device refused looks like one that it took"),
            "pass `error_pattern=r\"% (Invalid|Incomplete|Ambiguous)\"`, or test the text".to_owned(),
        ),
        Remote::Cli => (
            format!("{read}: a command that the device refused looks like one that it took"),
            format!("read the text for each command that `{callee}` returns, and raise on a refusal"),
        ),
    };
    let solution = format!("{solution}; to check, send a command that must fail: the caller must notice");
    Hit::new(call.callee_span, message, solution)
}
