//! What checks an address, a name or a number before it goes to the network's configuration.

use crate::base::words;
use crate::flow::Point;
use crate::ir::{Call, CallId, Const, Operand, Rvalue, Step};
use crate::python::ast::CmpOp;
use crate::rules::Context;
use crate::rules::facts::checks::same;
use crate::rules::facts::conditions::Test;
use crate::rules::facts::parts::{Part, Piece, texts, texts_of};
use crate::rules::facts::regexes::{Form, matched};
use crate::rules::facts::scope::receiver;
use crate::rules::facts::unchecked::{Judge, Outcome, comes_unchecked};

/// Constructors and parsers that raise for what is no address or number.
const PARSERS: &[&str] = &[
    "ipaddress.ip_address",
    "ipaddress.ip_network",
    "ipaddress.ip_interface",
    "ipaddress.IPv4Address",
    "ipaddress.IPv6Address",
    "ipaddress.IPv4Network",
    "ipaddress.IPv6Network",
    "ipaddress.IPv4Interface",
    "ipaddress.IPv6Interface",
    "netaddr.IPAddress",
    "netaddr.IPNetwork",
    "netaddr.IPSet",
    "netaddr.EUI",
    "socket.inet_pton",
    "int",
    "uuid.UUID",
];
/// Methods of text that are true only for few characters.
const FORMS: &[&str] = &["isdigit", "isdecimal", "isnumeric", "isalnum", "isalpha", "isidentifier"];

/// Checks of addresses.
pub(crate) struct Addresses {
    /// Whether a test that the value is there counts too.
    pub(crate) presence: bool,
    /// How many functions of the file may be looked into, one within the other.
    pub(crate) depth: u32,
}

impl Judge for Addresses {
    fn test(&self, context: &Context<'_>, test: Test, at: Point, part: &Part<'_>) -> Option<Outcome> {
        match test {
            Test::Call(id) => self.told(context, id, part),
            Test::Compare(op, left, right) => {
                let is_it = |side| is_part(context, side, at, part);
                match op {
                    CmpOp::In | CmpOp::NotIn if is_it(left) => Some(holds_if(op == CmpOp::In)),
                    CmpOp::In | CmpOp::NotIn if self.presence && is_key_of(context, (left, right), part) => {
                        Some(holds_if(op == CmpOp::In))
                    }
                    CmpOp::Eq | CmpOp::NotEq if is_it(left) || is_it(right) => {
                        Some(holds_if(op == CmpOp::Eq))
                    }
                    _ => None,
                }
            }
            Test::Truth(value) => {
                let told = self.presence && is_part(context, value, at, part);
                told.then_some(Outcome::Holds)
            }
        }
    }

    fn raises(&self, context: &Context<'_>, id: CallId, part: &Part<'_>) -> bool {
        let call = &context.body.calls[id];
        if !takes(context, id, call, part) {
            return false;
        }
        let name = context.name(call);
        if PARSERS.contains(&name) || name.starts_with("netaddr.") && name.ends_with("parse_ip") {
            return true;
        }
        match context.callee(call) {
            Some(_) => self.is_known_check(context, id, part),
            None => is_validator(context.method(call)) && !is_predicate(context.method(call)),
        }
    }
}

impl Addresses {
    /// What the truth of a call tells of `part`.
    fn told(&self, context: &Context<'_>, id: CallId, part: &Part<'_>) -> Option<Outcome> {
        let call = &context.body.calls[id];
        let at = context.point(id);
        if self.presence && part.piece == Piece::Call(id) {
            return Some(Outcome::Holds);
        }
        if let Some(found) = matched(context, id) {
            if !is_part(context, found.subject, at, part) {
                return None;
            }
            return match found.form {
                Form::Whole | Form::Unknown => Some(Outcome::Holds),
                Form::Holds => Some(Outcome::Fails),
                Form::Open => None,
            };
        }
        let method = context.method(call);
        if FORMS.contains(&method) {
            let of = receiver(context, call)?;
            let told = texts_of(context, of, at).iter().flatten().any(|other| same(context, other, part));
            return told.then_some(Outcome::Holds);
        }
        if !takes(context, id, call, part) {
            // Presence: another read of the same entry.
            let again = self.presence && context.source(call.span) == context.source(part.span);
            return again.then_some(Outcome::Holds);
        }
        if context.callee(call).is_some() && !self.is_known_check(context, id, part) {
            return None;
        }
        if is_predicate(method) {
            Some(Outcome::Holds)
        } else {
            (is_validator(method) || context.callee(call).is_some()).then_some(Outcome::Either)
        }
    }

    /// Whether a function of this file checks what it is given for `part`.
    fn is_known_check(&self, context: &Context<'_>, id: CallId, part: &Part<'_>) -> bool {
        let call = &context.body.calls[id];
        let Some(callee) = context.callee(call).filter(|callee| *callee != context.id) else { return false };
        if self.depth == 0 {
            return true;
        }
        let inner = context.other(callee);
        let judge = Self { presence: false, depth: self.depth - 1 };
        let name = context.method(call);
        inner.body.params.iter().enumerate().any(|(index, param)| {
            if !passes(context, id, call, (part, index), &inner) {
                return false;
            }
            let span = inner.body.locals[param.local].span;
            let at = Point::start(inner.body.entry());
            let piece = Piece::Param(param.local);
            let own = Part { piece, span, home: callee, at, path: "", var: inner.local_name(param.local) };
            !comes_unchecked(&inner, &own, None, &judge)
                || (is_predicate(name) || is_validator(name)) && judge.tells_anywhere(&inner, &own)
        })
    }

    /// Whether anything in the body checks `part`, whatever follows from it.
    fn tells_anywhere(&self, context: &Context<'_>, part: &Part<'_>) -> bool {
        let by_call = context.body.calls.pairs().any(|(id, _)| {
            self.raises(context, id, part) || self.test(context, Test::Call(id), part.at, part).is_some()
        });
        by_call
            || context.insts().any(|(at, inst)| match inst.op {
                crate::ir::Op::Let(_, Rvalue::Compare(op, left, right)) => {
                    self.test(context, Test::Compare(op, left, right), at, part).is_some()
                }
                _ => false,
            })
    }
}

fn holds_if(holds: bool) -> Outcome {
    if holds { Outcome::Holds } else { Outcome::Fails }
}

/// Whether `operand` is `part` and nothing else.
fn is_part(context: &Context<'_>, operand: Operand, at: Point, part: &Part<'_>) -> bool {
    let ways = texts(context, operand, at);
    ways.iter().any(|way| matches!(&way[..], [other] if same(context, other, part)))
}

/// Whether a membership test asks if the dict has the key of `part`.
fn is_key_of(context: &Context<'_>, (key, dict): (Operand, Operand), part: &Part<'_>) -> bool {
    let (Piece::Load(place), Some(key)) = (part.piece, key.string()) else { return false };
    let Some((_, Step::Item(Const::Str(own)))) = context.unit.paths.split(place.path) else { return false };
    let base = context.source(part.span).split('[').next().unwrap_or_default().trim();
    let is_base = dict == place.base || dict.local().is_some_and(|local| context.local_name(local) == base);
    key == own && is_base
}

/// Whether `part` goes into a call as an argument, alone.
pub(crate) fn takes(context: &Context<'_>, id: CallId, call: &Call, part: &Part<'_>) -> bool {
    let at = context.point(id);
    call.args.iter().any(|arg| is_part(context, arg.value, at, part))
}

/// Whether `part` goes into a call for parameter `index` of the function it runs.
fn passes(
    context: &Context<'_>,
    id: CallId,
    call: &Call,
    (part, index): (&Part<'_>, usize),
    inner: &Context<'_>,
) -> bool {
    let at = context.point(id);
    let is_bound = inner.body.class.is_some() && !context.receiver(call).is_empty();
    let first = usize::from(is_bound);
    let param = &inner.body.params[index];
    let arg = context.arg(call, index.checked_sub(first), inner.local_name(param.local));
    arg.is_some_and(|arg| is_part(context, arg.value, at, part))
}

/// Whether a name says that its call is true for what is fine: `is_valid_ip`, `valid_mac`.
fn is_predicate(name: &str) -> bool {
    let words = words(name);
    let first = words.first().map_or("", String::as_str);
    let any = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    matches!(first, "is" | "valid" | "has")
        && any(&[
            "valid", "ip", "ipv4", "ipv6", "mac", "cidr", "address", "network", "uuid", "allowed", "safe",
        ])
}

/// Whether a name says that its call checks: `validate_mac_address`, `check_ip`.
fn is_validator(name: &str) -> bool {
    const VERBS: &[&str] =
        &["validate", "validated", "check", "verify", "assert", "ensure", "sanitize", "valid", "parse"];
    words(name).iter().any(|word| VERBS.contains(&word.as_str()))
}

/// The call before `to` that looks like a check of `part` and is too weak: a match with an open end, `inet_aton`.
pub(crate) fn weak(context: &Context<'_>, part: &Part<'_>, to: Point) -> Option<CallId> {
    context.body.calls.pairs().find_map(|(id, call)| {
        let at = context.point(id);
        let is_open = || {
            matched(context, id)
                .is_some_and(|found| found.form == Form::Open && is_part(context, found.subject, at, part))
        };
        let is_old = || context.name(call) == "socket.inet_aton" && takes(context, id, call, part);
        (context.is_reachable(id) && context.dominators().dominates_point(at, to) && (is_old() || is_open()))
            .then_some(id)
    })
}
