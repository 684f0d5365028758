//! Commands that change the network's configuration, and the words they are made of.

use crate::flow::{Def, MAX_CHAIN, Point, definitions};
use crate::ir::{Arg, ArgKind, Call, CallId, LocalId, Op, Operand, Rvalue};
use crate::python::ast::Operator;
use crate::rules::Context;
use crate::rules::facts::parts::{Part, Piece, Text, texts};
use crate::text::Span;

/// Programs that change addresses, links, routes, rules and tunnels.
#[rustfmt::skip]
const TOOLS: &[&str] = &[
    "ip", "ifconfig", "route", "iptables", "ip6tables", "nft", "ebtables", "arptables", "ipset", "tc", "bridge",
    "brctl", "vconfig", "wg", "sysctl", "nmcli", "netsh", "arping", "ndsend", "conntrack", "ethtool", "ovs-vsctl",
    "ovs-ofctl", "firewall-cmd", "ufw",
];
/// Words that make a tool tell rather than change.
const ASKING: &[&str] = &[
    "show",
    "list",
    "ls",
    "get",
    "monitor",
    "-L",
    "-S",
    "--list",
    "-nL",
    "-vnL",
    "lst",
    "find",
    "--version",
];
/// How often lists are looked into.
const MAX_DEPTH: u32 = 6;
/// Most words of a command that are collected.
const MAX_WORDS: usize = 200;

/// A word of a command line, or the whole text for a shell.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    /// Its value.
    pub(crate) value: Operand,
    /// Where it has that value.
    pub(crate) at: Point,
    /// Its place.
    pub(crate) span: Span,
    /// Whether the place is the word's own.
    pub(crate) is_exact: bool,
}

/// A command that changes the network's configuration.
pub(crate) struct Command {
    /// Whether a shell reads it.
    pub(crate) by_shell: bool,
    /// How messages call it: `ip route add`.
    pub(crate) title: String,
    /// Its words.
    pub(crate) words: Vec<Word>,
}

/// The command of a network tool that `id` starts.
pub(crate) fn command(context: &Context<'_>, id: CallId) -> Option<Command> {
    let call = &context.body.calls[id];
    let at = context.point(id);
    let starter = starter(context, call)?;
    let words = words(context, call, at, starter);
    match starter {
        Starter::Shell => {
            let title = words
                .iter()
                .find_map(|word| texts(context, word.value, word.at).iter().find_map(in_shell))?;
            Some(Command { by_shell: true, title, words })
        }
        Starter::Words | Starter::Text => {
            let known: Vec<Option<String>> =
                words.iter().flat_map(|word| spelled(context, word, starter)).collect();
            let title = tool(&known)?;
            Some(Command { by_shell: false, title, words })
        }
    }
}

/// How a call starts a program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Starter {
    /// A shell reads a text.
    Shell,
    /// By words.
    Words,
    /// By a text that is split into words.
    Text,
}

/// Whether a call starts a program, and how. Cheap.
fn starter(context: &Context<'_>, call: &Call) -> Option<Starter> {
    let is_set = |name: &str| {
        context.arg(call, None, name).is_some_and(|arg| context.source(arg.span).ends_with("True"))
    };
    let by_shell = |shell: bool| Some(if shell { Starter::Shell } else { Starter::Words });
    match context.name(call) {
        "os.system"
        | "os.popen"
        | "subprocess.getoutput"
        | "subprocess.getstatusoutput"
        | "commands.getoutput"
        | "asyncio.create_subprocess_shell" => return Some(Starter::Shell),
        "subprocess.run"
        | "subprocess.call"
        | "subprocess.check_call"
        | "subprocess.check_output"
        | "subprocess.Popen" => return by_shell(is_set("shell")),
        "asyncio.create_subprocess_exec" => return Some(Starter::Words),
        _ => {}
    }
    match context.method(call) {
        "execute" | "_execute" | "privileged_execute" | "execute_rootwrap" | "run_as_root"
        | "create_process" | "rootwrap" | "trycmd" => by_shell(is_set("shell")),
        "run_command" | "_run_command" => {
            Some(if is_set("use_unsafe_shell") { Starter::Shell } else { Starter::Text })
        }
        _ => {
            let callee = context.source(call.callee_span);
            let of_salt = callee.starts_with("__salt__[") && callee.contains("cmd.");
            of_salt.then(|| {
                let shell = is_set("python_shell") || callee.contains("cmd.shell");
                if shell { Starter::Shell } else { Starter::Text }
            })
        }
    }
}

fn words(context: &Context<'_>, call: &Call, at: Point, starter: Starter) -> Vec<Word> {
    let mut found = Vec::new();
    let named = ["args", "cmd", "command"].iter().find_map(|name| context.arg(call, None, name));
    let positional =
        || call.args.iter().filter(|arg| matches!(arg.kind, ArgKind::Positional | ArgKind::Star));
    let first = positional().next().or(named);
    if starter == Starter::Shell {
        found.extend(first.map(|arg| whole(arg, at)));
        return found;
    }
    let is_list = first.is_some_and(|arg| is_list(context, arg.value, at, MAX_CHAIN));
    if is_list || starter == Starter::Text {
        if let Some(arg) = first {
            collect(context, (arg.value, at), arg.span, MAX_DEPTH, &mut found);
        }
    } else {
        for arg in positional() {
            if arg.kind == ArgKind::Star {
                collect(context, (arg.value, at), arg.span, MAX_DEPTH, &mut found);
            } else {
                found.push(whole(arg, at));
            }
        }
    }
    found
}

fn whole(arg: &Arg, at: Point) -> Word {
    Word { value: arg.value, at, span: arg.span, is_exact: arg.kind == ArgKind::Positional }
}

/// Whether `operand` is certainly a list or tuple.
fn is_list(context: &Context<'_>, operand: Operand, at: Point, depth: u32) -> bool {
    let (Some(local), Some(depth)) = (operand.local(), depth.checked_sub(1)) else { return false };
    definitions(context.body, context.cfg(), at, local).iter().any(|def| match def {
        Def::At(point) if *point != at => match context.inst(*point).map(|inst| &inst.op) {
            Some(Op::Let(_, Rvalue::List(_) | Rvalue::Tuple(_))) => true,
            Some(Op::Let(_, Rvalue::Use(value) | Rvalue::Binary(Operator::Add, value, _))) => {
                *value != operand && is_list(context, *value, *point, depth)
            }
            _ => false,
        },
        _ => false,
    })
}

/// The words of a list as it is at `at`: its displays, what is added to it, and what is appended before.
pub(crate) fn collect(
    context: &Context<'_>,
    (value, at): (Operand, Point),
    span: Span,
    depth: u32,
    found: &mut Vec<Word>,
) {
    let Some(depth) = depth.checked_sub(1).filter(|_| found.len() < MAX_WORDS) else { return };
    let Some(local) = value.local() else {
        found.push(Word { value, at, span, is_exact: false });
        return;
    };
    for def in definitions(context.body, context.cfg(), at, local) {
        let Def::At(point) = def else { continue };
        let Some(inst) = context.inst(point).filter(|_| point != at) else { continue };
        match &inst.op {
            Op::Let(_, Rvalue::List(items) | Rvalue::Tuple(items)) => {
                for item in items {
                    element(context, (*item, point), (inst.span, span), depth, found);
                }
            }
            Op::Let(_, Rvalue::Use(value) | Rvalue::Spread(value)) => {
                collect(context, (*value, point), span, depth, found);
            }
            Op::Let(_, Rvalue::Binary(Operator::Add, left, right)) => {
                collect(context, (*left, point), span, depth, found);
                collect(context, (*right, point), span, depth, found);
            }
            Op::Let(_, Rvalue::Format(_) | Rvalue::Binary(..)) => {
                found.push(Word { value, at, span, is_exact: false });
            }
            _ => {}
        }
    }
    appended(context, local, at, depth, found);
}

/// An element of a display: `*more` is looked into.
fn element(
    context: &Context<'_>,
    (item, at): (Operand, Point),
    (display, outer): (Span, Span),
    depth: u32,
    found: &mut Vec<Word>,
) {
    let spread =
        item.local().and_then(|local| match definitions(context.body, context.cfg(), at, local)[..] {
            [Def::At(point)] => match context.inst(point).map(|inst| &inst.op) {
                Some(Op::Let(_, Rvalue::Spread(value))) => Some((*value, point)),
                _ => None,
            },
            _ => None,
        });
    if let Some(spread) = spread {
        collect(context, spread, display, depth, found);
        return;
    }
    let span = item.local().and_then(|local| match context.local_name(local) {
        "" => Some(context.body.locals[local].span),
        name => only_mention(context, display, name),
    });
    let inside = span.filter(|span| span.start >= display.start && span.end <= display.end);
    let fallback = if display.start < display.end { display } else { outer };
    found.push(Word { value: item, at, span: inside.unwrap_or(fallback), is_exact: inside.is_some() });
}

/// Where `name` stands in `display`, if that is but once.
fn only_mention(context: &Context<'_>, display: Span, name: &str) -> Option<Span> {
    let source = context.source(display);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = source.match_indices(name).filter(|(start, _)| {
        !source[..*start].ends_with(is_word) && !source[start + name.len()..].starts_with(is_word)
    });
    let (start, _) = found.next().filter(|_| found.next().is_none())?;
    let start = display.start + u32::try_from(start).ok()?;
    Some(Span::new(start, start + u32::try_from(name.len()).ok()?))
}

/// What `append`, `extend` and `insert` add to a named list before `at`.
fn appended(context: &Context<'_>, list: LocalId, at: Point, depth: u32, found: &mut Vec<Word>) {
    if context.local_name(list).is_empty() {
        return;
    }
    let end = context.inst(at).map_or(u32::MAX, |inst| inst.span.end);
    for (id, call) in context.body.calls.pairs() {
        let is_own = call.callee.base == Operand::Local(list) && call.span.end < end;
        if !is_own || context.unit.paths.steps(call.callee.path).len() != 1 {
            continue;
        }
        let point = context.point(id);
        match (context.method(call), call.args.last()) {
            ("append" | "insert", Some(arg)) => found.push(whole(arg, point)),
            ("extend", Some(arg)) => collect(context, (arg.value, point), arg.span, depth, found),
            _ => {}
        }
    }
}

/// A word's constant texts; `None` where it is not constant.
fn spelled(context: &Context<'_>, word: &Word, starter: Starter) -> Vec<Option<String>> {
    let ways = texts(context, word.value, word.at);
    let Some(way) = ways.first() else { return vec![None] };
    match (&way[..], starter) {
        ([Part { piece: Piece::Text(text), .. }], Starter::Words) => vec![Some((*text).to_owned())],
        (_, Starter::Text) => {
            let text: String = way
                .iter()
                .map(|part| match part.piece {
                    Piece::Text(text) => text,
                    _ => "\0",
                })
                .collect();
            text.split_whitespace().map(|word| (!word.contains('\0')).then(|| word.to_owned())).collect()
        }
        _ => vec![None],
    }
}

/// The tool and its first words, if the words start one that changes something.
fn tool(words: &[Option<String>]) -> Option<String> {
    let name =
        |word: &Option<String>| word.as_ref().map(|word| word.rsplit('/').next().unwrap_or(word).to_owned());
    let mut rest = words;
    loop {
        let first = name(rest.first()?)?;
        let second = rest.get(1).and_then(|word| word.as_deref());
        if matches!(first.as_str(), "sudo" | "doas" | "env" | "nice" | "timeout" | "pkexec")
            || first.starts_with('-')
        {
            rest = &rest[1..];
        } else if first == "ip"
            && second == Some("netns")
            && rest.get(2).and_then(|word| word.as_deref()) == Some("exec")
        {
            rest = rest.get(4..)?;
        } else {
            break;
        }
    }
    let first = name(rest.first()?)?;
    let asks = rest.iter().flatten().any(|word| ASKING.contains(&word.as_str()));
    let reads =
        first == "sysctl" && !rest.iter().flatten().any(|word| word.contains('=') || word.starts_with("-w"));
    if !TOOLS.contains(&first.as_str()) || asks || reads {
        return None;
    }
    let more = rest[1..].iter().map_while(|word| word.as_deref()).filter(|word| !word.contains('%'));
    let title: Vec<&str> = std::iter::once(first.as_str()).chain(more.take(2)).collect();
    Some(title.join(" "))
}

/// The network tool that a text starts when a shell reads it.
fn in_shell(way: &Text<'_>) -> Option<String> {
    let text: String = way
        .iter()
        .map(|part| match part.piece {
            Piece::Text(text) => text,
            _ => "\0",
        })
        .collect();
    text.split([';', '|', '&', '\n']).find_map(|command| {
        let mut words = command.split_whitespace().skip_while(|word| {
            matches!(*word, "sudo" | "env" | "nohup" | "exec") || word.starts_with('-') || word.contains('=')
        });
        let first = words.next()?;
        let first = first.rsplit('/').next().unwrap_or(first);
        if !TOOLS.contains(&first) {
            return None;
        }
        let more = words.take_while(|word| !word.contains('\0')).take(2);
        Some(std::iter::once(first).chain(more).collect::<Vec<_>>().join(" "))
    })
}

/// Whether a call may start a program of the network. Cheap.
pub(crate) fn may_start(context: &Context<'_>, call: &Call) -> bool {
    starter(context, call).is_some()
}
