//! Finds locks that are named after values nobody checked.

use crate::finding::Severity;
use crate::ir::{CallId, Operand};
use crate::rules::facts::chosen::chosen;
use crate::rules::facts::edits;
use crate::rules::facts::lock_names::{NamedLock, Scope, named_lock};
use crate::rules::facts::parts::{Part, Piece, Text, texts};
use crate::rules::facts::sources::{self, From};
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule =
    Rule { page: include_str!("lock_name_unvalidated.md"), check: Check::Body(run) };

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for (id, call) in context.body.calls.pairs() {
        let Some(lock) = named_lock(context, call) else { continue };
        if matches!(lock.name.value, Operand::Const(_)) || lock.removes || !context.is_reachable(id) {
            continue;
        }
        hits.extend(judge(context, id, &lock));
    }
}

fn judge(context: &Context<'_>, id: CallId, lock: &NamedLock<'_>) -> Option<Hit> {
    let at = context.point(id);
    let ways = texts(context, lock.name.value, at);
    let mut found: Option<(&Part<'_>, Option<From>, &Text<'_>)> = None;
    for way in &ways {
        for part in way {
            let Some(from) = chosen(context, part, way, at) else { continue };
            if found.is_none_or(|(_, known, _)| known.is_none() && from.is_some()) {
                found = Some((part, from, way));
            }
        }
    }
    let (part, from, way) = found?;
    Some(hit(context, id, lock, part, (from, way.len() > 1)))
}

fn hit(
    context: &Context<'_>,
    id: CallId,
    lock: &NamedLock<'_>,
    part: &Part<'_>,
    (from, is_composed): (Option<From>, bool),
) -> Hit {
    let call = &context.body.calls[id];
    let callee = edits::brief(context, call.callee_span, 60);
    let source = sources::shown(context, part);
    let source = match part.piece {
        Piece::Param(local) => context.other(part.home).local_name(local).to_owned(),
        _ => source,
    };
    let who = match from {
        Some(From::Remote) => ", which comes from another machine and is not checked",
        Some(From::Machine) => ", which comes from the outside of the program and is not checked",
        None => ", which nothing here checks",
    };
    let (kind, harm) = match lock.scope {
        Scope::Process => ("in-process lock", "two spellings of one resource make two locks"),
        Scope::Machine => (
            "file lock",
            "separators in it are replaced, so that two resources may share a lock, and a long one fails",
        ),
        Scope::Group => ("shared lock", "the key may be one that another part of the system uses"),
    };
    let message = format!("the {kind} of `{callee}` is named after `{source}`{who}; {harm}");
    let prefixed = is_composed || lock.prefix.is_some() || lock.is_prefixed;
    let first = if prefixed { "" } else { "give the lock a fixed prefix of its own, and " };
    let value = if part.var.is_empty() { source.as_str() } else { part.var };
    let solution = format!(
        "{first}let `{value}` pass an allow-list (`re.fullmatch`) before `{callee}`, or put \
         `hashlib.sha256({value}.encode()).hexdigest()` or an id that the program made in its place; to check, two \
         spellings of one resource must give one lock"
    );
    let severity =
        if from.is_some() && lock.scope != Scope::Process { Severity::Medium } else { Severity::Low };
    let mut hit = Hit::new(lock.name.span, message, solution).severity(severity);
    hit.trace.push((part.span, format!("`{source}` comes in here")));
    hit.trace.push((lock.name.span, format!("it is part of the name of the {kind} here")));
    hit
}
