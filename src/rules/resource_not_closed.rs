//! Finds files, sockets and descriptors that nothing ever closes.

use crate::finding::{Change, Edit, Safety};
use crate::ir::{Call, Inst, LocalId, Op, Operand, Rvalue, Stmt, StmtKind, Terminator, operands};
use crate::rules::facts::resources::{Kind, Resource, is_assigned, is_in_memory, opened, resources};
use crate::rules::facts::{edits, wrap};
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;

pub(super) static RULE: Rule = Rule { page: include_str!("resource_not_closed.md"), check: Check::Body(run) };

/// Calls that use what they are given and give it back: they neither close nor keep it.
/// Sources: documentation of the modules.
const BORROWERS: &[&str] = &[
    "json.load",
    "json.dump",
    "pickle.load",
    "pickle.dump",
    "marshal.load",
    "marshal.dump",
    "plistlib.load",
    "plistlib.dump",
    "tomllib.load",
    "tomli.load",
    "toml.load",
    "yaml.load",
    "yaml.safe_load",
    "yaml.full_load",
    "yaml.unsafe_load",
    "yaml.dump",
    "yaml.safe_dump",
    "shutil.copyfileobj",
    "email.message_from_file",
    "email.message_from_binary_file",
    "ast.literal_eval",
    "print",
    "len",
    "list",
    "tuple",
    "set",
    "sorted",
    "sum",
    "max",
    "min",
    "any",
    "all",
    "isinstance",
    "bool",
    "str",
    "repr",
    "os.read",
    "os.write",
    "os.fstat",
    "os.fsync",
    "os.fchmod",
    "os.fchown",
    "os.ftruncate",
    "os.lseek",
];
/// Methods that hand the descriptor to somebody else, or may.
const GIVING: &[&str] = &["fileno", "makefile", "detach", "dup", "__enter__", "register", "connect_ex"];

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    if !context.body.calls.iter().any(|call| opened(context, call).is_some()) {
        return;
    }
    for (id, call) in context.body.calls.pairs() {
        let is_file = opened(context, call) == Some(Kind::File) && !is_in_memory(context, id, call);
        if is_file && context.local_name(call.to).is_empty() && context.is_reachable(id) {
            hits.extend(unnamed(context, call));
        }
    }
    // At the end of a program everything is closed.
    if context.function_name() == "main" {
        return;
    }
    for resource in resources(context) {
        let fits = matches!(resource.kind, Kind::File | Kind::Socket | Kind::Descriptor | Kind::Session);
        if fits && resource.closes(context).is_empty() {
            hits.extend(named(context, &resource));
        }
    }
}

/// `open(p).read()`: nobody has it, so nobody can close it.
fn unnamed(context: &Context<'_>, call: &Call) -> Option<Hit> {
    let readers: Vec<&Inst> = context
        .insts()
        .map(|(_, inst)| inst)
        .filter(|inst| operands(context.body, inst).contains(Operand::Local(call.to)))
        .collect();
    let leaves = |local| {
        readers.iter().any(|inst| !borrows(context, inst, local))
            || is_returned(context, Operand::Local(local))
    };
    let stmt = context.stmt(call);
    let is_dropped = readers.is_empty() && stmt.kind == StmtKind::Expr && stmt.span == call.span;
    if readers.is_empty() && !is_dropped || leaves(call.to) {
        return None;
    }
    let open = edits::brief(context, call.span, 60);
    let name = fresh_name(context);
    let message = format!(
        "nothing closes what `{open}` opens: it stays open until it is collected, on PyPy or in a cycle for long"
    );
    let solution = format!("write `with {open} as {name}:` and use `{name}` inside; {CHECK}");
    let edit = around(context, call, stmt, name);
    Some(Hit::new(call.callee_span, message, solution).edit(edit))
}

const CHECK: &str = "to check, run the code with `python -X dev -W error::ResourceWarning`";

/// A local that is used, and never closed or handed on.
fn named(context: &Context<'_>, resource: &Resource) -> Option<Hit> {
    let own = Operand::Local(resource.local);
    let call = &context.body.calls[resource.call];
    let mut used = false;
    for (_, inst) in context.insts() {
        let opens = matches!(inst.op, Op::Call(_, id) if id == resource.call);
        // `fd = os.open(…)` through a copy of the result.
        let receives = matches!(inst.op, Op::Let(to, _) if to == resource.local);
        if opens || receives || !operands(context.body, inst).contains(own) {
            continue;
        }
        if !borrows(context, inst, resource.local) || resource.is_handed_over_by(context, inst) {
            return None;
        }
        used = true;
    }
    if !used || is_returned(context, own) {
        return None;
    }
    let name = resource.name(context);
    let open = edits::brief(context, call.span, 60);
    let message = format!("nothing closes `{name}`: what `{open}` opens stays open until it is collected");
    let how = match resource.kind {
        Kind::File | Kind::Socket => format!("open it by `with {open} as {name}:`"),
        Kind::Session => format!("open it by `async with {open} as {name}:`"),
        Kind::Descriptor => format!("call `os.close({name})` in a `finally`"),
        Kind::Database | Kind::Directory | Kind::Process => return None,
    };
    let message = match resource.kind {
        Kind::Descriptor => {
            format!("nothing closes the descriptor `{name}`: it stays open for the life of the process")
        }
        _ => message,
    };
    let edit = block(context, resource, call);
    Some(Hit::new(call.callee_span, message, format!("{how}; {CHECK}")).edit(edit))
}

/// Whether an instruction that reads `local` leaves it with the function.
fn borrows(context: &Context<'_>, inst: &Inst, local: LocalId) -> bool {
    let own = Operand::Local(local);
    match &inst.op {
        Op::Call(_, id) => {
            let call = &context.body.calls[*id];
            let is_argument = call.args.iter().any(|arg| arg.value == own);
            if is_argument {
                return BORROWERS.contains(&context.name(call));
            }
            let method = context.method(call);
            let is_direct = context.unit.paths.steps(call.callee.path).len() == 1;
            is_direct && !GIVING.contains(&method) && !method.contains("close")
        }
        Op::Let(_, Rvalue::Next(_) | Rvalue::Compare(..) | Rvalue::Unary(..)) => true,
        _ => false,
    }
}

fn is_returned(context: &Context<'_>, own: Operand) -> bool {
    context.body.blocks.iter().any(|block| matches!(block.end, Terminator::Return(value) if value == own))
}

/// A name for the file that nothing in the source uses.
fn fresh_name(context: &Context<'_>) -> &'static str {
    let text = context.source(context.body.span);
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let names = ["f", "handle", "stream", "opened"];
    names.into_iter().find(|name| words.clone().all(|word| word != *name)).unwrap_or_else(|| {
        debug_assert!(words.next().is_some());
        "opened_file"
    })
}

// --- edits ---

/// The statement of `call` inside `with … as name:`.
fn around(context: &Context<'_>, call: &Call, stmt: &Stmt, name: &str) -> Option<Edit> {
    let open = context.source(call.span);
    let source = context.source(stmt.span);
    let simple = matches!(stmt.kind, StmtKind::Assign | StmtKind::Return | StmtKind::Expr | StmtKind::For);
    let is_first = context.body.calls.iter().all(|before| {
        let in_loop = context.body.blocks[before.block].region != stmt.region;
        before.stmt != call.stmt || before.span.end > call.span.start || in_loop
    });
    let before = context.source(Span::new(stmt.span.start, call.span.start));
    let head_end = source.find('\n').map_or(source.len(), |at| at.max(before.len() + open.len()));
    let head = source.get(..head_end)?;
    let may_skip = [" if ", " and ", " or ", "lambda", "(yield"].iter().any(|word| head.contains(word));
    let is_plain = context.body.blocks[call.block].region == stmt.region;
    if !simple
        || !is_first
        || may_skip
        || !is_plain
        || open.contains('\n')
        || source.matches(open).count() != 1
    {
        return None;
    }
    let with = format!("with {open} as {name}:");
    let (span, text) = if stmt.span == call.span {
        let indent = context.indent(stmt.span.start);
        (wrap::whole(context, stmt.span)?, format!("with {open}:\n{indent}    pass"))
    } else {
        let (span, text) = wrap::wrapped(context, stmt.span, &with, &[])?;
        let (head, inner) = text.split_at(with.len());
        (span, format!("{head}{}", inner.replacen(open, name, 1)))
    };
    let changes = vec![Change { span, text }];
    Some(Edit {
        safety: Safety::Safe,
        title: format!("use `with {}`", edits::brief(context, call.span, 40)),
        changes,
    })
}

/// The statements that use the resource inside `with … as name:`, where they follow its opening in one block.
fn block(context: &Context<'_>, resource: &Resource, call: &Call) -> Option<Edit> {
    let stmt = context.stmt(call);
    let source = context.source(call.span);
    if !matches!(resource.kind, Kind::File | Kind::Socket)
        || !is_assigned(context, call)
        || source.contains('\n')
    {
        return None;
    }
    let own = Operand::Local(resource.local);
    let uses: Vec<Span> = context
        .insts()
        .filter(|(_, inst)| inst.span != call.span && operands(context.body, inst).contains(own))
        .map(|(_, inst)| inst.span)
        .collect();
    let after = context.body.stmts_in(stmt.region).map(|(_, stmt)| stmt.span);
    let after: Vec<Span> = after.filter(|span| span.start > stmt.span.end).collect();
    let last = after.iter().rposition(|span| uses.iter().any(|at| span.contains(*at)))?;
    let inner = after[0].to(after[last]);
    if !uses.iter().all(|at| inner.contains(*at)) {
        return None;
    }
    let head = format!("with {source} as {}:", resource.name(context));
    let (inner, text) = wrap::wrapped(context, inner, &head, &[])?;
    let first = wrap::whole(context, stmt.span)?;
    if context.source(Span::new(first.start, inner.start)).contains('#') {
        return None;
    }
    let changes = vec![Change { span: Span::new(first.start, inner.end), text }];
    Some(Edit { safety: Safety::Suggest, title: format!("use `{}`", head.trim_end_matches(':')), changes })
}
