//! Finds options of firewall rules that are written without a test of the field they depend on.

mod rule_words;

use crate::finding::Severity;
use crate::flow::Point;
use crate::ir::{BodyKind, Const, LocalId, Op, Operand, Rvalue, Step};
use crate::python::ast::CmpOp;
use crate::rules::facts::address_checks::Addresses;
use crate::rules::facts::checks::same;
use crate::rules::facts::outside::{self, Who};
use crate::rules::facts::parts::{Part, Piece, texts};
use crate::rules::facts::unchecked::comes_unchecked;
use crate::rules::facts::verbs::has_word;
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;
use rule_words::{Bit, Word, Written, may_write, written};

pub(super) static RULE: Rule =
    Rule { page: include_str!("firewall_rule_unvalidated.md"), check: Check::Body(run) };

/// What an option needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Ports,
    Icmp,
    Icmp6,
    Tcp,
}

impl Needs {
    fn of(option: &str) -> Option<Self> {
        Some(match option {
            "--dport"
            | "--sport"
            | "--dports"
            | "--sports"
            | "--destination-port"
            | "--source-port"
            | "--destination-ports"
            | "--source-ports"
            | "dport"
            | "sport" => Self::Ports,
            "--icmp-type" => Self::Icmp,
            "--icmpv6-type" => Self::Icmp6,
            "--tcp-flags" | "--syn" => Self::Tcp,
            _ => return None,
        })
    }

    fn protocols(self) -> &'static str {
        match self {
            Self::Ports => "(\"tcp\", \"udp\", \"sctp\", \"dccp\", \"udplite\")",
            Self::Icmp => "(\"icmp\",)",
            Self::Icmp6 => "(\"icmpv6\", \"ipv6-icmp\")",
            Self::Tcp => "(\"tcp\",)",
        }
    }
}

/// What decides whether an option may stand.
#[derive(Clone, Copy)]
enum Protocol<'a> {
    /// A constant.
    Fixed,
    /// A value.
    Value(Part<'a>),
}

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    if context.file.is_test || !matches!(context.body.kind, BodyKind::Function { .. }) || !may_write(context)
    {
        return;
    }
    let rules = written(context);
    let mut remarked = false;
    let mut seen: Vec<Span> = Vec::new();
    for rule in &rules {
        let Some((hit, is_remark)) = judge(context, rule, &rules) else { continue };
        if seen.contains(&rule.span) || is_remark && std::mem::replace(&mut remarked, true) {
            continue;
        }
        seen.push(rule.span);
        hits.push(hit);
    }
}

/// What is wrong with a rule; with whether it is but a remark.
fn judge<'a>(context: &Context<'a>, rule: &Written<'a>, all: &[Written<'a>]) -> Option<(Hit, bool)> {
    for (index, word) in rule.words.iter().enumerate() {
        let [Bit::Text(option)] = word[..] else { continue };
        if let Some(needs) = Needs::of(option) {
            let decider = match option.strip_prefix("--") {
                Some(_) => own_protocol(&rule.words).or_else(|| only_protocol(all)),
                None => before(&rule.words, index),
            };
            let Some(Protocol::Value(part)) = decider else { continue };
            let Some(is_remark) = origin(context, &part) else { continue };
            if !is_tested(context, &part, rule) {
                return Some((dependent(context, rule, option, (needs, &part), is_remark), is_remark));
            }
        }
        if option == "--comment"
            && let Some([Bit::Text("\"" | "'"), Bit::Value(part), ..]) =
                rule.words.get(index + 1).map(|word| &word[..])
            && let Some(is_remark) = origin(context, part)
            && comes_unchecked(context, part, Some(rule.at), &Addresses { presence: false, depth: 2 })
        {
            return Some((comment(context, rule, part, is_remark), is_remark));
        }
    }
    None
}

// --- the protocol ---

/// The protocol that the same words give.
fn own_protocol<'a>(words: &[Word<'a>]) -> Option<Protocol<'a>> {
    let mut found = words.windows(2).filter_map(|pair| match &pair[0][..] {
        [Bit::Text("-p" | "--protocol" | "--proto")] => protocol(&pair[1]),
        _ => None,
    });
    found.next()
}

/// The protocol that the function writes elsewhere, if that is but one.
fn only_protocol<'a>(all: &[Written<'a>]) -> Option<Protocol<'a>> {
    let mut found: Vec<(Span, Protocol<'a>)> = Vec::new();
    for rule in all {
        let is_new = !found.iter().any(|(span, _)| *span == rule.span);
        found.extend(own_protocol(&rule.words).filter(|_| is_new).map(|protocol| (rule.span, protocol)));
    }
    match found[..] {
        [(_, protocol)] => Some(protocol),
        _ => None,
    }
}

/// The protocol before `dport` in a rule of nft.
fn before<'a>(words: &[Word<'a>], index: usize) -> Option<Protocol<'a>> {
    let is_nft = words[..index].iter().any(|word| matches!(word[..], [Bit::Text("nft" | "rule")]));
    protocol(words.get(index.checked_sub(1)?).filter(|_| is_nft)?)
}

fn protocol<'a>(word: &Word<'a>) -> Option<Protocol<'a>> {
    match word[..] {
        [Bit::Text(_)] => Some(Protocol::Fixed),
        [Bit::Value(part)] => Some(Protocol::Value(part)),
        _ => None,
    }
}

// --- where it comes from, and whether it is tested ---

/// Whether a value comes from the caller within something (true) or from outside (false).
fn origin(context: &Context<'_>, part: &Part<'_>) -> Option<bool> {
    match outside::source(context, part).map(|source| source.who) {
        Some(Who::Caller) => None,
        Some(Who::Entry { .. }) => Some(true),
        Some(_) => Some(false),
        None => {
            let (local, _) = entry(context, part)?;
            let index = context.body.params.iter().position(|param| param.local == local)?;
            let is_own = context.body.class.is_some() && index == 0;
            (!is_own).then_some(true)
        }
    }
}

/// The variable and key or attribute that a part is read from.
fn entry<'a>(context: &Context<'a>, part: &Part<'_>) -> Option<(LocalId, &'a str)> {
    match part.piece {
        Piece::Load(place) => {
            let steps = context.unit.paths.steps(place.path);
            let [Step::Attr(name) | Step::Item(Const::Str(name))] = steps[..] else { return None };
            Some((place.base.local()?, context.text(name)))
        }
        Piece::Call(id) => {
            let call = &context.body.calls[id];
            let key = call.positional(0)?.value.string()?;
            matches!(context.method(call), "get" | "pop")
                .then_some((call.callee.base.local()?, context.text(key)))
        }
        _ => None,
    }
}

/// Whether something before the rule compares the field, or checks it or what it is taken from.
fn is_tested(context: &Context<'_>, part: &Part<'_>, rule: &Written<'_>) -> bool {
    let own = entry(context, part);
    let is_it = |value: Operand, at: Point| {
        texts(context, value, at)
            .iter()
            .flatten()
            .any(|other| same(context, other, part) || own.is_some() && entry(context, other) == own)
    };
    let is_base = |value: Operand| own.is_some_and(|(base, _)| value == Operand::Local(base));
    context.insts().filter(|(_, inst)| inst.span.start < rule.span.end).any(|(at, inst)| match &inst.op {
        Op::Let(_, Rvalue::Compare(CmpOp::In | CmpOp::NotIn, left, _)) => is_it(*left, at),
        Op::Let(_, Rvalue::Compare(CmpOp::Eq | CmpOp::NotEq, left, right)) => {
            is_it(*left, at) || is_it(*right, at)
        }
        Op::Let(_, Rvalue::Matches(subject, _)) => is_it(*subject, at),
        Op::Call(_, id) => {
            let call = &context.body.calls[*id];
            let checks = has_word(
                context.method(call),
                &["validate", "valid", "check", "verify", "assert", "ensure", "supports", "allowed"],
            );
            let matches = || crate::rules::facts::regexes::matched(context, *id).is_some();
            let takes = || call.args.iter().any(|arg| is_base(arg.value) || is_it(arg.value, at));
            (checks || matches()) && takes()
        }
        _ => false,
    })
}

// --- what to say ---

/// Where `option` stands in the rule.
fn place(context: &Context<'_>, rule: &Written<'_>, option: &str) -> Span {
    let found = context.source(rule.span).find(option).and_then(|start| u32::try_from(start).ok());
    found.map_or(rule.span, |start| {
        let start = rule.span.start + start;
        Span::new(start, start + u32::try_from(option.len()).unwrap_or_default())
    })
}

fn dependent(
    context: &Context<'_>,
    rule: &Written<'_>,
    option: &str,
    (needs, part): (Needs, &Part<'_>),
    is_remark: bool,
) -> Hit {
    let shown = outside::shown(context, part);
    let protocols = needs.protocols();
    let message = format!(
        "`{option}` is written whatever `{shown}` is, though not every protocol has it; one such rule keeps the whole \
         set from being loaded"
    );
    let solution = format!(
        "write `{option}` only after `if {shown} in {protocols}`, and refuse the rule otherwise; to check, build a rule \
         for the protocol `vrrp`: it must be refused"
    );
    finish(context, (place(context, rule, option), option), part, (message, solution), is_remark)
}

fn comment(context: &Context<'_>, rule: &Written<'_>, part: &Part<'_>, is_remark: bool) -> Hit {
    let shown = outside::shown(context, part);
    let message = format!(
        "`{shown}` is written between the quotes of `--comment` as it is; a quote or line break in it ends the \
         comment, and what follows becomes a part of the rules"
    );
    let solution = format!(
        "let `{shown}` pass an allow-list (`re.fullmatch(r\"[A-Za-z0-9 ._-]{{0,200}}\", {shown})`) before the rule is \
         built; to check, a comment with a quote and one with a line break must be refused"
    );
    finish(context, (place(context, rule, "--comment"), "--comment"), part, (message, solution), is_remark)
}

fn finish(
    context: &Context<'_>,
    (span, option): (Span, &str),
    part: &Part<'_>,
    (message, solution): (String, String),
    is_remark: bool,
) -> Hit {
    let severity = if is_remark { Severity::Low } else { Severity::High };
    let mut hit = Hit::new(span, message, solution).severity(severity);
    if part.span.start < part.span.end {
        let shown = outside::shown(context, part);
        hit.trace.push((part.span, format!("`{shown}` comes in here")));
        hit.trace.push((span, format!("`{option}` is written here")));
    }
    hit
}
