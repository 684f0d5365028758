//! Finds constant log messages in broad handlers although the guarded code had an identifier at hand.

use crate::base::words;
use crate::finding::{Change, Edit, Safety};
use crate::flow::Point;
use crate::ir::{ArgKind, Call, CallId, Const, LocalId, Op, Operand, Rvalue, Step};
use crate::rules::facts::handlers::{Clause, clauses};
use crate::rules::facts::logging::{self, LogLevel};
use crate::rules::facts::{edits, verbs};
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;

pub(super) static RULE: Rule = Rule { page: include_str!("log_without_context.md"), check: Check::Body(run) };

/// Last words of names that tell one thing from its likes.
const IDENTIFIERS: &[&str] = &[
    "id",
    "uuid",
    "name",
    "host",
    "hostname",
    "ip",
    "cidr",
    "address",
    "addr",
    "mac",
    "interface",
    "iface",
    "device",
    "path",
    "index",
    "vlan",
    "filename",
];
/// Words of names whose values must not be logged.
const SECRETS: &[&str] =
    &["password", "passwd", "secret", "token", "key", "credential", "credentials", "passphrase"];
/// Attributes and keys that identify what they belong to.
const KEYS: &[&str] = &["id", "uuid", "name"];

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for clause in clauses(context).filter(Clause::is_broad) {
        let logs: Vec<CallId> = logs(&clause).collect();
        if logs.is_empty() || logs.iter().any(|id| !is_constant(context, *id)) || raises_with_words(&clause) {
            continue;
        }
        let Some(identifier) = identifier(&clause) else { continue };
        for id in logs {
            let call = &context.body.calls[id];
            if !carries_context(context, call) {
                hits.push(hit(&clause, call, &identifier));
            }
        }
    }
}

/// Logs of the clause at warning or above.
fn logs(clause: &Clause<'_, '_>) -> impl Iterator<Item = CallId> {
    let context = clause.context;
    clause.calls().filter_map(|(id, call)| {
        logging::log(context, call).filter(|log| log.level >= LogLevel::Warning).map(|_| id)
    })
}

/// Whether the logger itself brings context: bound, adapted, or kept in an attribute of the object.
fn carries_context(context: &Context<'_>, call: &Call) -> bool {
    let name = context.name(call);
    let receiver = context.receiver(call);
    name.contains("bind()")
        || name.contains("Adapter()")
        || receiver.starts_with("self.")
        || receiver.contains("bind(")
}

/// Whether nothing that is passed varies: literals, also through `_()`, and `exc_info`.
fn is_constant(context: &Context<'_>, id: CallId) -> bool {
    let at = context.point(id);
    context.body.calls[id].args.iter().all(|arg| match arg.kind {
        ArgKind::Positional => is_constant_text(context, arg.value, at),
        ArgKind::Keyword(name) => matches!(context.text(name), "exc_info" | "stack_info" | "stacklevel"),
        ArgKind::Star | ArgKind::DoubleStar => false,
    })
}

fn is_constant_text(context: &Context<'_>, operand: Operand, at: Point) -> bool {
    let literal = |operand: &Operand| matches!(operand, Operand::Const(_));
    match operand {
        Operand::Const(_) => true,
        Operand::Global(name) => context.text(name).starts_with("logging."),
        Operand::Local(local) if context.body.locals[local].name.is_some() => false,
        Operand::Local(_) => match context.made_by(operand, at) {
            Some(call) => {
                let call = &context.body.calls[call];
                context.method(call).starts_with('_') && call.args.iter().all(|arg| literal(&arg.value))
            }
            None => match context.value(operand, at) {
                Some(Rvalue::Binary(_, left, right)) => literal(left) && literal(right),
                Some(Rvalue::Format(parts)) => parts.iter().all(literal),
                _ => false,
            },
        },
    }
}

/// Whether the clause raises an exception that it gives words of its own.
fn raises_with_words(clause: &Clause<'_, '_>) -> bool {
    let context = clause.context;
    context.body.blocks.pairs().any(|(id, block)| {
        let crate::ir::Terminator::Raise { exception: Some(exception), .. } = block.end else { return false };
        let end = Point { block: id, index: block.insts.len() };
        let words = || {
            let made = context.made_by(exception, end)?;
            Some(context.body.calls[made].args.iter().any(|arg| !is_constant_text(context, arg.value, end)))
        };
        clause.contains(id) && words().unwrap_or(false)
    })
}

/// The first identifier that the guarded calls are given, as it is spelled, where it is bound before the `try`.
fn identifier(clause: &Clause<'_, '_>) -> Option<String> {
    let context = clause.context;
    for (id, call) in clause.guarded_calls() {
        for arg in &call.args {
            let named = match arg.value {
                Operand::Local(local) => spelled(clause, local, context.point(id)),
                Operand::Const(_) | Operand::Global(_) => None,
            };
            if named.is_some() {
                return named;
            }
        }
    }
    None
}

fn spelled(clause: &Clause<'_, '_>, local: LocalId, at: Point) -> Option<String> {
    let context = clause.context;
    if context.body.locals[local].name.is_some() {
        let name = context.local_name(local);
        return (identifies(name) && is_bound_before(clause, local)).then(|| name.to_owned());
    }
    let Some(Rvalue::Load(place)) = context.value(Operand::Local(local), at) else { return None };
    let base = place.base.local()?;
    let (outer, last) = context.unit.paths.split(place.path)?;
    let key = match last {
        Step::Attr(name) | Step::Item(Const::Str(name)) => context.text(name),
        Step::Item(_) | Step::Element | Step::Key(_) => return None,
    };
    let is_plain = outer == crate::ir::Paths::EMPTY && context.local_name(base) != "self";
    let fits = KEYS.contains(&key) && is_plain && !verbs::has_word(context.local_name(base), SECRETS);
    (fits && is_bound_before(clause, base)).then(|| context.spell(*place))
}

fn identifies(name: &str) -> bool {
    let words = words(name);
    words.last().is_some_and(|last| IDENTIFIERS.contains(&last.as_str()))
        && !words.iter().any(|word| SECRETS.contains(&word.as_str()))
}

/// Whether a local has its value before the `try`: a parameter, or bound at a place that dominates it.
fn is_bound_before(clause: &Clause<'_, '_>, local: LocalId) -> bool {
    let context = clause.context;
    if context.body.param(local).is_some() {
        return true;
    }
    let entry = Point::start(context.body.regions[clause.of.body].entry);
    context.insts().any(|(point, inst)| {
        let defines = match &inst.op {
            Op::Let(to, _) | Op::Call(to, _) | Op::Await(to, _) => *to == local,
            _ => false,
        };
        defines && context.dominators().dominates_point(point, entry)
    })
}

fn hit(clause: &Clause<'_, '_>, call: &Call, identifier: &str) -> Hit {
    let context = clause.context;
    let callee = context.source(call.callee_span);
    let message = format!("`{callee}` does not say which `{identifier}` the failure happened to");
    let solution = format!(
        "add it to the message: `{callee}(\"… %s\", {identifier})`; to check, make the guarded call fail for one known `{identifier}` in a test and look for it in the log"
    );
    Hit::new(edits::method_span(context, call), message, solution)
        .edit(edit(context, call, identifier))
        .related(clause.region.head, "the clause that logs")
}

/// Appends `: %s` to the message and the identifier to the arguments; an f-string takes it in braces.
fn edit(context: &Context<'_>, call: &Call, identifier: &str) -> Option<Edit> {
    let message = call.positional(0)?;
    let source = context.source(message.span);
    let wrapped = source.ends_with(')');
    let literal = source.trim_end_matches(')').trim_end();
    let quote = literal.chars().last().filter(|c| matches!(c, '"' | '\''))?;
    let triple = literal.ends_with(&quote.to_string().repeat(3));
    if source.contains('%') || triple || (wrapped && source.matches(')').count() != 1) {
        return None;
    }
    let is_format = !wrapped && literal.starts_with(['f', 'F']);
    let inside = message.span.start + u32::try_from(literal.len()).ok()? - 1;
    let mut changes = Vec::new();
    if is_format {
        if identifier.contains(quote) {
            return None;
        }
        changes.push(Change { span: Span::empty(inside), text: format!(": {{{identifier}}}") });
    } else {
        changes.push(Change { span: Span::empty(inside), text: ": %s".to_owned() });
        changes.push(Change { span: Span::empty(message.span.end), text: format!(", {identifier}") });
    }
    Some(Edit { safety: Safety::Suggest, title: format!("log `{identifier}`"), changes })
}
