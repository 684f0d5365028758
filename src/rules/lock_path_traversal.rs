//! Finds names from outside that decide where a lock or pid file lies.

use crate::finding::{Change, Edit, Safety, Severity};
use crate::flow::{Def, Point, definitions};
use crate::ir::Operand;
use crate::rules::facts::chosen::chosen;
use crate::rules::facts::edits;
use crate::rules::facts::lock_files::{PathUse, lock_paths};
use crate::rules::facts::parts::{Part, Piece, Text, texts};
use crate::rules::facts::sources::From;
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;

pub(super) static RULE: Rule = Rule { page: include_str!("lock_path_traversal.md"), check: Check::Body(run) };

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for lock in lock_paths(context) {
        let at = context.point(lock.call);
        let ways = texts(context, lock.path.value, at);
        let found = ways.iter().flat_map(|way| free_parts(context, way, at));
        // Who is known to be outside says more than a name.
        if let Some((part, from)) = found.min_by_key(|(_, from)| rank(*from)) {
            hits.push(hit(context, &lock, &part, from));
        }
    }
}

fn rank(from: Option<From>) -> u8 {
    match from {
        Some(From::Remote) => 0,
        Some(From::Machine) => 1,
        None => 2,
    }
}

/// The parts of a path that somebody chose, and who. What the path begins with says where locks lie: only somebody on
/// another machine has no business to say so.
fn free_parts<'a>(
    context: &Context<'a>,
    way: &Text<'a>,
    at: Point,
) -> impl Iterator<Item = (Part<'a>, Option<From>)> {
    way.iter().enumerate().filter_map(move |(index, part)| {
        let from = chosen(context, part, way, at)?;
        (index > 0 || from == Some(From::Remote)).then_some((*part, from))
    })
}

fn hit(context: &Context<'_>, lock: &PathUse<'_>, part: &Part<'_>, from: Option<From>) -> Hit {
    let name = match part.piece {
        Piece::Param(local) => context.other(part.home).local_name(local).to_owned(),
        _ => edits::brief(context, part.span, 60),
    };
    let value = if part.var.is_empty() { name.as_str() } else { part.var };
    let path = edits::brief(context, lock.path.span, 60);
    let kind = lock.kind();
    let who = match from {
        Some(From::Remote) => "comes from another machine",
        Some(From::Machine) => "comes from the outside of the program",
        None => "is the caller's",
    };
    let message = format!(
        "`{name}` {who} and becomes part of the path of the {kind} `{path}` unchecked: with `../` in it the file is \
         created or emptied anywhere"
    );
    let solution = format!(
        "put `hashlib.sha256({value}.encode()).hexdigest()` in place of `{value}`, or raise unless \
         `re.fullmatch(r\"[a-z0-9-]+\", {value})`; to check, pass `../../tmp/x`: the {kind} must stay in its directory"
    );
    let severity = match from {
        Some(From::Remote) => Severity::High,
        Some(From::Machine) => Severity::Medium,
        None => Severity::Low,
    };
    let edit = edit(context, lock, part, value);
    let mut hit = Hit::new(lock.path.span, message, solution).severity(severity).edit(edit);
    hit.trace.push((part.span, format!("`{name}` comes in here")));
    hit.trace.push((lock.path.span, format!("it is part of the path of the {kind} here")));
    hit
}

/// A digest in place of `value`, where the path is built from it in one place.
fn edit(context: &Context<'_>, lock: &PathUse<'_>, part: &Part<'_>, value: &str) -> Option<Edit> {
    if part.home != context.id {
        return None;
    }
    let places = [Some(lock.path.span), building(context, lock.path.value, context.point(lock.call))];
    let span = places.into_iter().flatten().find_map(|span| edits::only_use(context, span, value))?;
    let text = format!("hashlib.sha256({value}.encode()).hexdigest()");
    let mut changes = vec![Change { span, text }];
    changes.extend(edits::import(context, "hashlib"));
    changes.sort_by_key(|change| change.span);
    Some(Edit { safety: Safety::Suggest, title: "name the file by a digest".to_owned(), changes })
}

/// The right side of the assignment that builds the path.
fn building(context: &Context<'_>, path: Operand, at: Point) -> Option<Span> {
    let [Def::At(point)] = definitions(context.body, context.cfg(), at, path.local()?)[..] else {
        return None;
    };
    let inst = context.inst(point)?;
    let stmt = context.body.stmts[inst.stmt].span;
    let equals = context.source(stmt).find('=')?;
    Some(Span::new(stmt.start + u32::try_from(equals).ok()? + 1, stmt.end))
}
