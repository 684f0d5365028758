//! Files that configure the network's services: what is written into them.

use crate::flow::Point;
use crate::ir::{ArgKind, Call, CallId, Const, Operand};
use crate::rules::Context;
use crate::rules::facts::net_commands::{Word, collect};
use crate::rules::facts::parts::{Part, Piece, Text, texts, texts_of};
use crate::rules::facts::scope::{Receiver, assigned_once, receiver};

/// Services by the words of their files' paths.
#[rustfmt::skip]
const SERVICES: &[&str] = &[
    "dnsmasq", "hostapd", "wpa_supplicant", "haproxy", "keepalived", "radvd", "wireguard", "openvpn", "strongswan",
    "dhcpd", "dhclient", "dhcpcd", "unbound", "frr", "bird", "nftables", "NetworkManager",
];
/// Ends and pieces of such paths.
const PLACES: &[&str] =
    &["systemd/network", "network/interfaces", "/etc/hosts", "resolv.conf", "ipsec.conf", "ipsec.secrets"];
/// Endings of files that are none of a configuration.
const OTHER: &[&str] =
    &[".log", ".pid", ".lock", ".json", ".yaml", ".yml", ".csv", ".html", ".md", ".py", ".sock", ".xml"];
/// Directives that hardly mean anything else.
#[rustfmt::skip]
const DIRECTIVES: &[&str] = &[
    "nameserver ", "dhcp-option=", "dhcp-host=", "dhcp-range=", "wpa_passphrase=", "vrrp_instance ", "[Peer]",
    "AllowedIPs", "AdvSendAdvert", "hardware ethernet ", "option domain-name",
];

/// Text on its way into the configuration of a service.
pub(crate) struct Written<'a> {
    /// The file, as far as it is constant; else the directive that tells of it.
    pub(crate) file: String,
    /// The ways to build the text; parts from left to right.
    pub(crate) ways: Vec<(Text<'a>, Word)>,
}

/// Whether a call may write text. Cheap.
pub(crate) fn may_write(context: &Context<'_>, call: &Call) -> bool {
    match context.method(call) {
        "write" | "writelines" | "write_text" | "replace_file" | "write_file" | "write_to_file" => {
            call.args.iter().any(|arg| !matches!(arg.value, Operand::Const(_)))
        }
        "print" => context.arg(call, None, "file").is_some(),
        _ => false,
    }
}

/// What `id` writes into the configuration of a network service.
pub(crate) fn written<'a>(context: &Context<'a>, id: CallId) -> Option<Written<'a>> {
    let call = &context.body.calls[id];
    let at = context.point(id);
    let (paths, values) = match context.method(call) {
        "write" | "writelines" => (opened(context, receiver(context, call)?, at), &call.args[..1]),
        "write_text" => (texts_of(context, receiver(context, call)?, at), &call.args[..1]),
        "print" => {
            let file = context.arg(call, None, "file")?;
            let ends = call.args.iter().take_while(|arg| arg.kind == ArgKind::Positional).count();
            let paths = match file.value {
                Operand::Global(name) => opened(context, Receiver::Global(context.text(name)), at),
                value => opened(context, Receiver::Operand(value), at),
            };
            (paths, &call.args[..ends])
        }
        _ => (texts(context, call.positional(0)?.value, at), call.args.get(1..2)?),
    };
    let mut ways = Vec::new();
    for arg in values {
        let word = Word { value: arg.value, at, span: arg.span, is_exact: true };
        let lists = context.method(call) == "writelines";
        for (text, span) in content(context, (arg.value, at), lists) {
            ways.push((text, Word { span: span.unwrap_or(word.span), ..word }));
        }
    }
    let by_path = paths.iter().find_map(service_file);
    let file = by_path.or_else(|| {
        let constant: String =
            ways.iter().flat_map(|(way, _)| way.iter()).filter_map(|part| text_of(part)).collect();
        let found = DIRECTIVES.iter().find(|directive| constant.contains(**directive))?;
        Some(format!("{}…", found.trim_end_matches(['=', ' '])))
    })?;
    Some(Written { file, ways })
}

fn text_of<'a>(part: &Part<'a>) -> Option<&'a str> {
    match part.piece {
        Piece::Text(text) => Some(text),
        _ => None,
    }
}

/// The paths of the file behind a handle, nothing if it is not seen to be opened.
fn opened<'a>(context: &Context<'a>, handle: Receiver<'a>, at: Point) -> Vec<Text<'a>> {
    let Receiver::Operand(handle) = handle else { return Vec::new() };
    let Some(id) = context.made_by(handle, at) else { return Vec::new() };
    let call = &context.body.calls[id];
    let at = context.point(id);
    match context.name(call) {
        "open" | "io.open" | "codecs.open" => {
            context.arg(call, Some(0), "file").map_or_else(Vec::new, |arg| texts(context, arg.value, at))
        }
        _ if context.method(call) == "open" => {
            receiver(context, call).map_or_else(Vec::new, |path| texts_of(context, path, at))
        }
        _ => Vec::new(),
    }
}

/// The constant part of a path, if a network service reads it.
fn service_file(path: &Text<'_>) -> Option<String> {
    let text: String = path.iter().map(|part| text_of(part).unwrap_or("…")).collect();
    let is_other = OTHER.iter().any(|ending| text.ends_with(ending));
    let by_word = || {
        let mut words = text.split(['/', '.', '-', '\\']);
        words.any(|word| {
            SERVICES.contains(&word) || word.strip_suffix("d").is_some_and(|word| word == "wpa_supplicant")
        })
    };
    let by_place = || PLACES.iter().any(|place| text.contains(place));
    (!is_other && (by_word() || by_place())).then_some(text)
}

/// The ways to build a text, templates and joined lists looked into.
fn content<'a>(
    context: &Context<'a>,
    (value, at): (Operand, Point),
    lists: bool,
) -> Vec<(Text<'a>, Option<crate::text::Span>)> {
    if lists {
        return of_list(context, value, at).into_iter().map(|way| (way, None)).collect();
    }
    if let Some(id) = context.made_by(value, at) {
        let call = &context.body.calls[id];
        let point = context.point(id);
        if context.method(call) == "join"
            && matches!(call.callee.base, Operand::Const(_) | Operand::Local(_))
            && let Some(list) = call.positional(0)
        {
            return of_list(context, list.value, point).into_iter().map(|way| (way, None)).collect();
        }
        if let Some(way) = rendered(context, id) {
            return vec![(way, None)];
        }
    }
    texts(context, value, at).into_iter().map(|way| (unquoted(context, way), None)).collect()
}

/// All texts of a list, as one.
fn of_list<'a>(context: &Context<'a>, list: Operand, at: Point) -> Vec<Text<'a>> {
    let mut words = Vec::new();
    collect(context, (list, at), crate::text::Span::empty(0), 4, &mut words);
    let mut all: Text<'a> = Vec::new();
    for word in words {
        for way in texts(context, word.value, word.at) {
            all.extend(unquoted(context, way));
        }
    }
    vec![all]
}

/// What a template renders: its text, and the values that are given by name.
fn rendered<'a>(context: &Context<'a>, id: CallId) -> Option<Text<'a>> {
    let call = &context.body.calls[id];
    let at = context.point(id);
    let is_template = match context.method(call) {
        "substitute" | "safe_substitute" => context.name(call).contains("Template()"),
        "render" => {
            let name = context.name(call);
            name.starts_with("jinja2.") || name.starts_with("mako.")
        }
        _ => false,
    };
    if !is_template {
        return None;
    }
    let mut way: Text<'a> = Vec::new();
    way.extend(template(context, receiver(context, call)?, at));
    for arg in &call.args {
        for text in texts(context, arg.value, at) {
            way.extend(unquoted(context, text).into_iter().map(|part| {
                if part.span.start < part.span.end { part } else { Part { span: arg.span, ..part } }
            }));
        }
    }
    Some(way)
}

/// The constant text of a template object.
fn template<'a>(context: &Context<'a>, of: Receiver<'a>, at: Point) -> Option<Part<'a>> {
    let text = |home: &Context<'a>, value: Operand, at: Point| {
        let id = home.made_by(value, at)?;
        let first = home.body.calls[id].positional(0)?;
        match first.value {
            Operand::Const(Const::Str(text)) => Some((home.text(text), home.id)),
            value => Some((home.string(value, home.point(id))?, home.id)),
        }
    };
    let (text, home) = match of {
        Receiver::Operand(value) => text(context, value, at)?,
        Receiver::Global(name) => {
            let (home, point, value) = assigned_once(context, name)?;
            text(&context.other(home), value, point)?
        }
        Receiver::Place(_) => return None,
    };
    let span = crate::text::Span::empty(0);
    Some(Part { piece: Piece::Text(text), span, home, at, path: "", var: "" })
}

/// Calls that escape for another language give way to what they escape: line breaks stay.
fn unquoted<'a>(context: &Context<'a>, way: Text<'a>) -> Text<'a> {
    let mut all = Vec::new();
    for part in way {
        let Piece::Call(id) = part.piece else {
            all.push(part);
            continue;
        };
        let home = context.other(part.home);
        let call = &home.body.calls[id];
        let escapes = matches!(
            home.name(call),
            "html.escape" | "shlex.quote" | "markupsafe.escape" | "xml.sax.saxutils.escape" | "pipes.quote"
        );
        match call.positional(0).filter(|_| escapes) {
            Some(arg) => {
                let inner = texts(&home, arg.value, home.point(id)).into_iter().flatten();
                all.extend(inner.map(|inner| Part {
                    var: if part.var.is_empty() { inner.var } else { part.var },
                    ..inner
                }));
            }
            None => all.push(part),
        }
    }
    all
}
