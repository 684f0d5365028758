//! Finds values from outside that reach the network's configuration without a check of what they are.

mod remarks;
mod sinks;
mod weak_checks;

use crate::base::words;
use crate::finding::{Edit, Safety, Severity};
use crate::flow::Point;
use crate::ir::RegionKind;
use crate::rules::facts::address_checks::{Addresses, weak};
use crate::rules::facts::outside::{self, Source, Who};
use crate::rules::facts::parts::{Part, Piece, texts};
use crate::rules::facts::unchecked::{comes_unchecked, is_set_unchecked};
use crate::rules::facts::{edits, net_commands::Word};
use crate::rules::{Check, Context, Hit, Rule};
use sinks::Sink;

pub(super) static RULE: Rule = Rule { page: include_str!("address_unvalidated.md"), check: Check::Body(run) };

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    if context.file.is_test {
        return;
    }
    weak_checks::run(context, hits);
    let mut remarked = false;
    let mut calls: Vec<_> =
        context.body.calls.pairs().filter(|(_, call)| sinks::may_be(context, call)).collect();
    calls.sort_by_key(|(_, call)| call.span);
    for (id, _) in calls {
        if !context.is_reachable(id) {
            continue;
        }
        let Some(sink) = sinks::sink(context, id) else { continue };
        let Some(mut found) = worst(context, &sink, context.point(id)) else { continue };
        let call = &context.body.calls[id];
        if found.word.span.start < call.span.start || found.word.span.end > call.span.end {
            let first = call.args.first().map_or(call.span, |arg| arg.span);
            found.word = Word { span: first, is_exact: false, ..found.word };
        }
        let is_remark = matches!(found.source.who, Who::Entry { .. });
        let is_lack = matches!(found.source.who, Who::Entry { by_get: false }) && !sink.by_shell;
        if is_lack && !remarks::is_half_way(context, id)
            || is_remark && std::mem::replace(&mut remarked, true)
        {
            continue;
        }
        hits.push(hit(context, &sink, &found, context.point(id)));
    }
}

/// An unchecked value in a sink.
struct Found<'a> {
    part: Part<'a>,
    source: Source,
    word: Word,
    /// Whether the word is the value and nothing else.
    is_whole: bool,
}

/// The unchecked value of the sink that matters most.
fn worst<'a>(context: &Context<'a>, sink: &Sink, at: Point) -> Option<Found<'a>> {
    let mut best: Option<Found<'a>> = None;
    for word in &sink.words {
        for way in texts(context, word.value, word.at) {
            for part in &way {
                let known = best.as_ref().is_some_and(|best| best.source.who.is_outside());
                if known || matches!(part.piece, Piece::Text(_) | Piece::Unknown) {
                    continue;
                }
                let Some(source) = outside::source(context, part) else { continue };
                if best.is_some() && !source.who.is_outside() || !matters(context, sink, part, &source) {
                    continue;
                }
                if matches!(source.who, Who::Entry { .. }) && remarks::is_handed_on(context, &source, at) {
                    continue;
                }
                let judge = Addresses { presence: !source.who.is_outside(), depth: 2 };
                if comes_unchecked(context, part, Some(at), &judge) && is_set_unchecked(context, part, &judge)
                {
                    best = Some(Found { part: *part, source, word: *word, is_whole: way.len() == 1 });
                }
            }
        }
    }
    best
}

/// Whether a value matters here: one that the caller chose only for a shell, or as an address that may be missing. What
/// is removed was accepted before.
fn matters(context: &Context<'_>, sink: &Sink, part: &Part<'_>, source: &Source) -> bool {
    match source.who {
        Who::Remote | Who::Machine | Who::File | Who::Config => true,
        Who::Caller => sink.by_shell,
        Who::Entry { .. } => {
            sink.by_shell || !sink.removes && is_address(context, part) && !is_handled(context, part.at)
        }
    }
}

/// Whether the last key of a part is that of an address.
fn is_address(context: &Context<'_>, part: &Part<'_>) -> bool {
    let source = context.source(part.span);
    let key =
        source.trim_end_matches([']', ')', '"', '\'', ' ']).rsplit(['"', '\'']).next().unwrap_or_default();
    words(key).iter().any(|word| {
        matches!(
            word.as_str(),
            "ip" | "ipv4"
                | "ipv6"
                | "ips"
                | "cidr"
                | "address"
                | "addr"
                | "gateway"
                | "gw"
                | "mac"
                | "nexthop"
                | "destination"
                | "subnet"
                | "network"
                | "prefix"
                | "netmask"
                | "dst"
                | "src"
        )
    })
}

/// Whether a handler around the read is there for missing keys.
fn is_handled(context: &Context<'_>, at: Point) -> bool {
    let body = context.body;
    body.enclosing(body.blocks[at.block].region).any(|region| match &body.regions[region].kind {
        RegionKind::Try(of) => body.tries[*of].handlers.iter().any(|handler| {
            let RegionKind::Handler(handler) = &body.regions[*handler].kind else { return false };
            let names = || handler.types.iter().map(|name| context.text(*name));
            handler.types.is_empty()
                || names().any(|name| matches!(name, "KeyError" | "LookupError" | "TypeError" | "Exception"))
        }),
        _ => false,
    })
}

// --- what to say ---

fn hit(context: &Context<'_>, sink: &Sink, found: &Found<'_>, at: Point) -> Hit {
    let Found { part, source, word, is_whole } = found;
    let shown = outside::shown(context, part);
    let severity = match source.who {
        Who::Entry { .. } if !sink.by_shell => Severity::Low,
        Who::Entry { .. } | Who::Caller => Severity::Medium,
        _ if sink.by_shell => Severity::High,
        _ => Severity::Medium,
    };
    let title = &sink.title;
    let weak = weak(context, part, at);
    let message = message(context, sink, found, (&shown, weak));
    let form = Form::of(context, part, &shown);
    let advice = form.advice(&shown);
    let check = "to check, pass `1.2.3.4; id`, `-h`, a text with a line break, and nothing: each must be refused \
                 before the first command runs";
    let quoting =
        if sink.by_shell { ", and start the tool with a list of arguments instead of a shell" } else { "" };
    let solution = match source.who {
        Who::Entry { by_get } if !sink.by_shell => {
            let lack = if by_get { "give `None`" } else { "lack the key" };
            format!(
                "test that `{shown}` is there before the first change is made, or {advice} before `{title}`; to \
                 check, let the dict {lack} in a test: nothing must be changed"
            )
        }
        _ => format!("{advice} before `{title}`{quoting}; {check}"),
    };
    let edit = edit(context, found, &form, sink.by_shell || !is_whole, &shown);
    let mut hit = Hit::new(word.span, message, solution).severity(severity).edit(edit);
    let at_entry = source.span;
    if at_entry.start < at_entry.end {
        hit.trace.push((at_entry, format!("`{}` comes in here", source.entry)));
    }
    if let Some(weak) = weak {
        let call = &context.body.calls[weak];
        hit.trace.push((call.span, "this check lets other texts pass".to_owned()));
    }
    hit.trace.push((word.span, format!("it goes to `{title}` here")));
    hit
}

fn message(
    context: &Context<'_>,
    sink: &Sink,
    found: &Found<'_>,
    (shown, weak): (&str, Option<crate::ir::CallId>),
) -> String {
    let title = &sink.title;
    let source = &found.source;
    if let Who::Entry { by_get } = source.who
        && !sink.by_shell
    {
        let lack = if by_get { "`None` for a missing key" } else { "a missing key or an empty value" };
        return format!("`{shown}` goes to `{title}` untested; {lack} stops the work half-way");
    }
    let whence = if source.entry == shown || source.who == Who::Caller {
        format!("from {}", source.who.named())
    } else {
        format!("by `{}` from {}", source.entry, source.who.named())
    };
    let harm = if sink.by_shell { ", where a shell reads it" } else { "" };
    match weak {
        Some(weak) => {
            let call = &context.body.calls[weak];
            let callee = context.source(call.callee_span);
            let why = if callee.ends_with("inet_aton") {
                "which also takes `1` and `1.2.3.4 x`"
            } else {
                "whose pattern lets anything follow"
            };
            format!("`{shown}` comes {whence} and reaches `{title}`{harm} after `{callee}` alone, {why}")
        }
        None => format!("`{shown}` comes {whence} and reaches `{title}`{harm} unchecked"),
    }
}

/// What a value should be.
enum Form {
    Address,
    Network,
    Hardware,
    Name,
    Number,
    Text,
}

impl Form {
    fn of(context: &Context<'_>, part: &Part<'_>, shown: &str) -> Self {
        let source = context.source(part.span);
        let words = [words(source), words(shown)].concat();
        let any = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
        if any(&["mac", "hwaddr", "lladdr"]) {
            Self::Hardware
        } else if any(&["network", "cidr", "subnet", "destination", "dst", "prefix", "route"]) {
            Self::Network
        } else if any(&["interface", "iface", "ifname", "device", "dev", "bridge", "nic", "link", "name"]) {
            Self::Name
        } else if any(&["port", "table", "mtu", "vlan", "metric", "index", "vni", "tag", "mark"]) {
            Self::Number
        } else if any(&[
            "ip", "ipv4", "ipv6", "address", "addr", "gateway", "gw", "nexthop", "via", "peer", "host",
        ]) {
            Self::Address
        } else {
            Self::Text
        }
    }

    /// The call that raises for anything else.
    fn parser(&self) -> Option<&'static str> {
        match self {
            Self::Address => Some("ipaddress.ip_address"),
            Self::Network => Some("ipaddress.ip_network"),
            Self::Hardware => Some("netaddr.EUI"),
            Self::Number => Some("int"),
            Self::Name | Self::Text => None,
        }
    }

    fn advice(&self, shown: &str) -> String {
        match self.parser() {
            Some(parser) => format!("turn it into `{parser}({shown})`, which raises on anything else,"),
            None if matches!(self, Self::Name) => {
                format!(
                    "look `{shown}` up in a list of the interfaces that may be changed, and refuse others,"
                )
            }
            None => {
                format!("check `{shown}` (an address by `ipaddress.ip_address`, a name by `re.fullmatch`)")
            }
        }
    }
}

/// The value's text becomes that of a parsed object, where it stands alone and the file imports the parser.
fn edit(context: &Context<'_>, found: &Found<'_>, form: &Form, is_part: bool, shown: &str) -> Option<Edit> {
    let parser = form.parser().filter(|parser| *parser != "int")?;
    let module = parser.split('.').next()?;
    let imported = context.file.text.lines().any(|line| line.trim_end() == format!("import {module}"));
    let source = context.source(found.word.span);
    if is_part
        || !imported
        || !found.word.is_exact
        || source != shown && source != context.source(found.part.span)
    {
        return None;
    }
    let text = format!("str({parser}({source}))");
    Some(edits::replace(Safety::Suggest, "take nothing but an address", found.word.span, text))
}
