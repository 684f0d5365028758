//! Finds text from outside that is written into the configuration of a network service and may hold a line break.

use crate::base::words;
use crate::finding::Severity;
use crate::flow::Point;
use crate::ir::{CallId, Const, Operand};
use crate::python::ast::CmpOp;
use crate::rules::facts::address_checks::Addresses;
use crate::rules::facts::checks::same;
use crate::rules::facts::conditions::Test;
use crate::rules::facts::net_commands::Word;
use crate::rules::facts::net_files::{may_write, written};
use crate::rules::facts::outside::{self, Source};
use crate::rules::facts::parts::{Part, Piece, texts, texts_of};
use crate::rules::facts::scope::receiver;
use crate::rules::facts::unchecked::{Judge, Outcome, comes_unchecked, is_set_unchecked};
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule =
    Rule { page: include_str!("net_config_injection.md"), check: Check::Body(run) };

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    if context.file.is_test {
        return;
    }
    let mut remarked = false;
    for (id, call) in context.body.calls.pairs() {
        if !may_write(context, call) || !context.is_reachable(id) {
            continue;
        }
        let Some(found) = find(context, id) else { continue };
        if !found.source.who.is_outside() && std::mem::replace(&mut remarked, true) {
            continue;
        }
        hits.push(hit(context, &found));
    }
}

/// A value that may hold a line break.
struct Found<'a> {
    part: Part<'a>,
    source: Source,
    word: Word,
    file: String,
}

/// The worst value that `id` writes.
fn find<'a>(context: &Context<'a>, id: CallId) -> Option<Found<'a>> {
    let written = written(context, id)?;
    let at = context.point(id);
    let mut best: Option<Found<'a>> = None;
    let is_composed = written.ways.len() > 1 || written.ways.iter().any(|(way, _)| way.len() > 1);
    for (way, word) in written.ways.iter().filter(|_| is_composed) {
        for part in way.iter().filter(|part| !matches!(part.piece, Piece::Text(_) | Piece::Unknown)) {
            let known = best.as_ref().is_some_and(|best| best.source.who.is_outside());
            let Some(source) = outside::source(context, part).filter(|source| !known && !source.is_line)
            else {
                continue;
            };
            if !source.who.is_outside() && (best.is_some() || has_form(context, part)) {
                continue;
            }
            if comes_unchecked(context, part, Some(at), &Lines) && is_set_unchecked(context, part, &Lines) {
                best = Some(Found { part: *part, source, word: *word, file: written.file.clone() });
            }
        }
    }
    best
}

/// Whether a value of the caller's is called after something that has a form of its own.
fn has_form(context: &Context<'_>, part: &Part<'_>) -> bool {
    let shown = match part.piece {
        Piece::Param(local) => context.other(part.home).local_name(local),
        _ => context.source(part.span),
    };
    words(shown).last().is_some_and(|last| {
        matches!(
            last.as_str(),
            "mac"
                | "ip"
                | "ips"
                | "ipv4"
                | "ipv6"
                | "address"
                | "addr"
                | "port"
                | "id"
                | "uuid"
                | "count"
                | "num"
                | "number"
                | "index"
                | "size"
                | "mtu"
                | "vlan"
                | "cidr"
                | "subnet"
                | "netmask"
                | "gateway"
                | "path"
                | "file"
                | "dir"
                | "timeout"
                | "version"
                | "priority"
                | "interface"
                | "iface"
        )
    })
}

fn hit(context: &Context<'_>, found: &Found<'_>) -> Hit {
    let Found { part, source, word, file } = found;
    let shown = outside::shown(context, part);
    let whence = if source.entry == shown || !source.who.is_outside() {
        format!("from {}", source.who.named())
    } else {
        format!("by `{}` from {}", source.entry, source.who.named())
    };
    let message = format!(
        "`{shown}` comes {whence} and is written into `{file}`, where a line break in it begins a directive of its own"
    );
    let solution = format!(
        "refuse control characters before it is written: `if re.search(r\"[\\x00-\\x20\\x7f]\", {shown}): raise \
         ValueError(…)`, or allow only what the directive needs by `re.fullmatch`; to check, pass a value with a \
         line break: it must be refused"
    );
    let severity = if source.who.is_outside() { Severity::High } else { Severity::Low };
    let mut hit = Hit::new(word.span, message, solution).severity(severity);
    if source.span.start < source.span.end {
        hit.trace.push((source.span, format!("`{}` comes in here", source.entry)));
    }
    hit.trace.push((word.span, format!("it is written into `{file}` here")));
    hit
}

/// Checks that leave no line break: those of addresses, and tests for control characters.
struct Lines;

const FORMS: Addresses = Addresses { presence: false, depth: 2 };

impl Judge for Lines {
    fn test(&self, context: &Context<'_>, test: Test, at: Point, part: &Part<'_>) -> Option<Outcome> {
        let holds = |ways: Vec<crate::rules::facts::parts::Text<'_>>| {
            ways.iter().flatten().any(|other| same(context, other, part))
        };
        match test {
            Test::Compare(op @ (CmpOp::In | CmpOp::NotIn), Operand::Const(Const::Str(text)), value)
                if context.text(text).contains(['\n', '\r']) && holds(texts(context, value, at)) =>
            {
                Some(if op == CmpOp::In { Outcome::Fails } else { Outcome::Holds })
            }
            Test::Call(id) if context.method(&context.body.calls[id]) == "isprintable" => {
                let of = receiver(context, &context.body.calls[id])?;
                holds(texts_of(context, of, at)).then_some(Outcome::Holds)
            }
            _ => FORMS.test(context, test, at, part),
        }
    }

    fn raises(&self, context: &Context<'_>, call: CallId, part: &Part<'_>) -> bool {
        FORMS.raises(context, call, part)
    }
}
