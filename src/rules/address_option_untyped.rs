//! Finds options of oslo.config that must hold an IP address and take any text.

use std::net::IpAddr;

use crate::finding::{Edit, Safety};
use crate::ir::{Call, CallId, Operand};
use crate::rules::facts::{edits, options};
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule = Rule {
    page: include_str!("address_option_untyped.md"),
    check: Check::Call { names: &["oslo_config.cfg.StrOpt", "oslo_config.cfg.Opt"], run },
};

/// Words of a help text that say that more than an address is welcome.
#[rustfmt::skip]
const FREE: &[&str] = &[
    "hostname", "host name", "host-name", "fqdn", "dns name", "domain name", "cidr", "ip:port", "host:port", "url",
    "list of", "range", "subnet", "network address", "interface name", "or name", "mac address",
];

fn run(context: &Context<'_>, id: CallId) -> Option<Hit> {
    let call = &context.body.calls[id];
    let at = context.point(id);
    let (name, span) = options::name(context, id)?;
    let help = context.arg(call, Some(1), "help").map(|arg| arg.value);
    let help = help.and_then(|help| options::text(context, help, at)).unwrap_or_default();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    let is_told = ["type", "regex", "choices", "deprecated_for_removal"]
        .iter()
        .any(|told| context.arg(call, None, told).is_some());
    if is_told
        || options::is_open(call)
        || !means_address(name, &help)
        || FREE.iter().any(|word| help.contains(word))
    {
        return None;
    }
    let default = context.arg(call, None, "default").map(|arg| arg.value);
    let is_empty = match default {
        None => false,
        Some(value) => match options::text(context, value, at) {
            Some("") => true,
            Some(text) if text.starts_with('$') || text.parse::<IpAddr>().is_ok() => false,
            Some(_) => return None,
            None if names_host(context, value, at) => return None,
            None => false,
        },
    };
    let spelled = context.source(call.callee_span);
    let typed = match spelled.rsplit_once('.') {
        Some((module, _)) => format!("{module}.IPOpt"),
        None => "IPOpt".to_owned(),
    };
    let message = format!("the option `{name}` must hold an IP address, and takes any text");
    let also =
        if is_empty { ", and leave the empty default out (`None`), which it would refuse" } else { "" };
    let solution = format!(
        "declare it with `{typed}`{also}; to check, set `{name}` to `1.2.3` and start the service: it must name the option and stop"
    );
    let edit = if is_empty { None } else { edit(context, call) };
    Some(Hit::new(span, message, solution).edit(edit))
}

/// Whether the name, or the name and the help together, promise an IP address.
fn means_address(name: &str, help: &str) -> bool {
    let words = options::words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let family = words.iter().any(|word| matches!(*word, "ipv4" | "ipv6"));
    let says = help.contains("ip address") || help.contains("ipv4 address") || help.contains("ipv6 address");
    match words[..] {
        [.., "mac" | "pci" | "mail" | "email", _] => false,
        [.., "ip" | "ipv4" | "ipv6"] | [.., "ip", "address" | "addr"] => true,
        [.., "addr" | "address" | "gateway"] => family || says,
        [.., "vip"] => says,
        _ => false,
    }
}

/// Whether a default is the name of this host.
fn names_host(context: &Context<'_>, value: Operand, at: crate::flow::Point) -> bool {
    context.made_by(value, at).is_some_and(|made| {
        let name = context.name(&context.body.calls[made]);
        matches!(name, "socket.gethostname" | "socket.getfqdn" | "platform.node")
    })
}

fn edit(context: &Context<'_>, call: &Call) -> Option<Edit> {
    let is_attribute = context.source(call.callee_span).contains('.');
    let span = edits::method_span(context, call);
    is_attribute.then(|| edits::replace(Safety::Suggest, "let oslo.config check the address", span, "IPOpt"))
}
