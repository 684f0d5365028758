//! Finds processes that are waited for and whose exit status nobody asks.

use crate::finding::{Change, Edit, Safety, Severity};
use crate::flow::{MAX_CHAIN, Point};
use crate::ir::{Call, CallId, LocalId, Op, Operand, Place, RegionKind, Rvalue, Step};
use crate::rules::facts::commands;
use crate::rules::facts::results::is_dead;
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;

pub(super) static RULE: Rule = Rule {
    page: include_str!("process_status_ignored.md"),
    check: Check::Call {
        names: &["subprocess.Popen", "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell"],
        run,
    },
};

/// What the function does with one process.
#[derive(Default)]
struct Life {
    /// The variable that holds it.
    name: Option<String>,
    /// The call that waits for its end, and whether that is all that a `with` block does.
    waited: Option<CallId>,
    /// Where its output is written to, unread.
    written: Option<Span>,
    /// Somebody looks at its status or its output, it is somebody else's, or it is ended on purpose.
    settled: bool,
}

fn run(context: &Context<'_>, id: CallId) -> Option<Hit> {
    let call = &context.body.calls[id];
    let mut life = Life::default();
    let mut seen = Vec::new();
    let managed = context
        .body
        .regions
        .iter()
        .any(|region| matches!(&region.kind, RegionKind::With(with) if with.call == Some(id)));
    follow(context, call.to, &mut life, &mut seen);
    if life.settled || !managed && life.waited.is_none() {
        return None;
    }
    let at = context.point(id);
    let words = commands::words(context, call, at);
    let discards = ["stdout", "stderr"].iter().any(|name| {
        context.arg(call, None, name).is_some_and(|arg| commands::is_nowhere(context, arg.value))
    });
    if commands::is_best_effort(&words)
        || commands::is_users_program(context, call, at)
        || commands::removes(&words) && discards
        || commands::is_verified(context, id, |other| commands::gives_output(context, other))
    {
        return None;
    }
    let target = written_to(context, call, at);
    Some(hit(context, call, &life, target))
}

/// Collects what happens to the process in `local` and its copies.
fn follow(context: &Context<'_>, local: LocalId, life: &mut Life, seen: &mut Vec<LocalId>) {
    if seen.contains(&local) || life.settled {
        return;
    }
    seen.push(local);
    let name = context.local_name(local);
    if !name.is_empty() {
        life.name = Some(name.to_owned());
    }
    for &read in context.uses().of(local) {
        let Some(inst) = context.inst(read) else {
            life.settled = true;
            return;
        };
        match &inst.op {
            Op::Await(to, value) | Op::Let(to, Rvalue::Use(value) | Rvalue::Enter(value))
                if *value == Operand::Local(local) =>
            {
                follow(context, *to, life, seen);
            }
            Op::Call(to, call) => use_by_call(context, local, (*to, *call), read, life),
            Op::Let(part, Rvalue::Load(place)) => use_of_part(context, *part, *place, life),
            Op::Delete(_) => {}
            _ => life.settled = true,
        }
    }
}

fn use_by_call(
    context: &Context<'_>,
    local: LocalId,
    (to, id): (LocalId, CallId),
    at: Point,
    life: &mut Life,
) {
    let call = &context.body.calls[id];
    let is_receiver = call.callee.base == Operand::Local(local)
        && call.args.iter().all(|arg| arg.value != Operand::Local(local));
    if !is_receiver {
        life.settled = true;
        return;
    }
    let in_handler = || {
        context
            .body
            .enclosing(context.body.blocks[call.block].region)
            .any(|region| matches!(context.body.regions[region].kind, RegionKind::Handler(_)))
    };
    let is_direct = context.unit.paths.steps(call.callee.path).len() == 1;
    match context.method(call) {
        "wait" | "poll" if is_direct => {
            life.settled |= !is_dead(context, to, at, 0);
            life.waited = life.waited.or(Some(id));
        }
        "communicate" if is_direct => {
            life.waited = life.waited.or(Some(id));
            output(context, (to, at), life, MAX_CHAIN);
        }
        "terminate" | "kill" | "send_signal" if is_direct => life.settled |= !in_handler(),
        "write" | "writelines" | "close" | "flush" => {}
        "read" | "readline" | "readlines" => life.settled |= !is_dead(context, to, at, 0),
        _ => life.settled = true,
    }
}

/// What becomes of the pair that `communicate` returns.
fn output(context: &Context<'_>, (pair, at): (LocalId, Point), life: &mut Life, depth: u32) {
    if is_dead(context, pair, at, 0) {
        return;
    }
    for &read in context.uses().of(pair) {
        match context.inst(read).map(|inst| &inst.op) {
            Some(Op::Await(to, _)) if depth > 0 => return output(context, (*to, read), life, depth - 1),
            Some(Op::Let(part, Rvalue::Load(place))) => {
                let is_first = matches!(
                    context.unit.paths.split(place.path),
                    Some((_, Step::Item(crate::ir::Const::Int(0))))
                );
                if is_dead(context, *part, read, 0) {
                    continue;
                }
                match sink(context, *part).filter(|_| is_first) {
                    Some(span) => life.written = Some(span),
                    None => life.settled = true,
                }
            }
            _ => life.settled = true,
        }
    }
}

/// The one call that writes `local` out, if nothing else reads it.
fn sink(context: &Context<'_>, local: LocalId) -> Option<Span> {
    sink_of(context, local, &mut Vec::new())
}

/// The same, where the locals in `seen` are other names of what is written out.
fn sink_of(context: &Context<'_>, local: LocalId, seen: &mut Vec<LocalId>) -> Option<Span> {
    // A name that is given again is more than one value.
    if seen.contains(&local) {
        return None;
    }
    seen.push(local);
    let mut found = None;
    for &read in context.uses().of(local) {
        found = match &context.inst(read)?.op {
            Op::Call(_, id) => {
                let call = &context.body.calls[*id];
                let writes = matches!(
                    context.method(call),
                    "write"
                        | "writelines"
                        | "write_bytes"
                        | "write_text"
                        | "send"
                        | "sendall"
                        | "copyfileobj"
                );
                if !writes || call.callee.base == Operand::Local(local) {
                    return None;
                }
                Some(call.callee_span)
            }
            Op::Let(copy, Rvalue::Use(_)) => Some(sink_of(context, *copy, seen)?),
            _ => return None,
        };
    }
    found
}

/// `process.returncode` settles; `process.stdout` may be written out, or read.
fn use_of_part(context: &Context<'_>, part: LocalId, place: Place, life: &mut Life) {
    let attr = match context.unit.paths.steps(place.path)[..] {
        [Step::Attr(name)] => context.text(name),
        _ => "",
    };
    match attr {
        "stdin" | "pid" | "args" => {}
        "stdout" => match sink(context, part) {
            Some(span) => life.written = Some(span),
            None => life.settled = true,
        },
        _ => life.settled = true,
    }
}

/// The file that is passed as `stdout`.
fn written_to<'a>(context: &Context<'a>, call: &Call, at: Point) -> Option<&'a str> {
    let arg = context.arg(call, None, "stdout")?;
    let local = arg.value.local()?;
    let made = context.made_by(arg.value, at)?;
    let opened = &context.body.calls[made];
    let is_null = context.source(opened.span).contains("devnull");
    let is_file =
        matches!(context.name(opened), "open" | "io.open" | "gzip.open" | "tempfile.NamedTemporaryFile");
    (is_file && !is_null).then(|| context.local_name(local))
}

fn hit(context: &Context<'_>, call: &Call, life: &Life, target: Option<&str>) -> Hit {
    let waits = life.waited.map(|id| &context.body.calls[id]);
    let how =
        waits.map_or("the end of the `with` block".to_owned(), |call| format!("`{}`", context.method(call)));
    let status =
        life.name.as_ref().map_or("the exit status".to_owned(), |name| format!("`{name}.returncode`"));
    let fate = match (life.written, target) {
        (Some(sink), _) => {
            format!(", and its output is written out by `{}` as if it were whole", context.source(sink))
        }
        (None, Some(target)) => format!(", and its output stands in `{target}` as if it were whole"),
        (None, None) => String::new(),
    };
    let message =
        format!("{status} is never read after {how}, so a command that failed counts as done{fate}");
    let subject = life.name.as_deref().unwrap_or("the process");
    let solution = format!(
        "test the return code of `{subject}` after {how} and raise, or use `subprocess.run(…, check=True)`; \
         to check, put `false` in place of the command: the caller must notice"
    );
    let is_written = life.written.is_some() || target.is_some();
    let mut hit = Hit::new(call.callee_span, message, solution).edit(edit(context, waits, life));
    if let Some(waits) = waits {
        hit = hit.related(waits.callee_span, "waits for the end here");
    }
    if is_written { hit.severity(Severity::High) } else { hit }
}

/// A test of the return code behind the statement that waits.
fn edit(context: &Context<'_>, waits: Option<&Call>, life: &Life) -> Option<Edit> {
    let (waits, name) = (waits?, life.name.as_ref()?);
    let stmt = context.stmt(waits);
    let imports = context.file.text.lines().any(|line| line.trim() == "import subprocess");
    let is_simple = matches!(stmt.kind, crate::ir::StmtKind::Expr | crate::ir::StmtKind::Assign);
    if !imports || !is_simple || !context.name(waits).starts_with("subprocess.") {
        return None;
    }
    let indent = context.indent(stmt.span.start);
    let text = format!(
        "\n{indent}if {name}.returncode:\n{indent}    raise subprocess.CalledProcessError({name}.returncode, {name}.args)"
    );
    Some(Edit {
        safety: Safety::Suggest,
        title: format!("raise if `{name}` failed"),
        changes: vec![Change { span: Span::empty(stmt.span.end), text }],
    })
}
