//! Finds connections that are encrypted to whoever answers: certificates or the names in them are not checked.

use crate::finding::{Edit, Safety, Severity};
use crate::flow::{Edge, MAX_CHAIN, Point};
use crate::ir::{
    Arg, ArgKind, BlockId, Call, CallId, Op, Operand, Paths, Place, RegionKind, Rvalue, Step, Terminator,
};
use crate::rules::facts::conditions::{Test, untangle};
use crate::rules::facts::edits;
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;

pub(super) static RULE: Rule =
    Rule { page: include_str!("tls_verification_disabled.md"), check: Check::Body(run) };

/// What an argument or attribute must be for the check to be off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Off {
    False,
    True,
    /// `ssl.CERT_NONE`, by that name, as text, or as the number.
    CertNone,
}

/// Arguments that turn the check off, by the beginnings of the value paths of callees.
#[rustfmt::skip]
const ARGUMENTS: &[(&[&str], &str, Off)] = &[
    (&["requests.", "httpx.", "niquests.", "curl_cffi.", "boto3.", "botocore.", "hvac.", "consul.", "docker.tls.",
       "requests_oauthlib.", "requests_futures.", "cloudscraper.", "keystoneauth1."], "verify", Off::False),
    (&["aiohttp."], "ssl", Off::False),
    (&["aiohttp.", "proxmoxer."], "verify_ssl", Off::False),
    (&["gitlab."], "ssl_verify", Off::False),
    (&["tornado.httpclient."], "validate_cert", Off::False),
    (&["ansible.module_utils.urls."], "validate_certs", Off::False),
    (&["elasticsearch.", "opensearchpy.", "elasticsearch_dsl.", "elasticsearch_async."], "verify_certs", Off::False),
    (&["httplib2."], "disable_ssl_certificate_validation", Off::True),
    (&["pymongo.", "motor."], "tlsAllowInvalidCertificates", Off::True),
    (&["pymongo.", "motor."], "tlsAllowInvalidHostnames", Off::True),
    (&["pymongo.", "motor."], "tlsInsecure", Off::True),
    (&["swiftclient.", "keystoneclient.", "glanceclient.", "novaclient.", "cinderclient."], "insecure", Off::True),
    (&["urllib3.", "ssl.", "redis.", "pymongo.", "paho.mqtt.", "kombu."], "cert_reqs", Off::CertNone),
    (&["redis.", "pymongo."], "ssl_cert_reqs", Off::CertNone),
    (&["urllib3."], "assert_hostname", Off::False),
    (&["ldap3."], "validate", Off::CertNone),
];

/// Calls that make something without the check, and what checks.
const MAKERS: &[(&str, &str)] = &[
    ("ssl._create_unverified_context", "ssl.create_default_context"),
    ("ssl._create_stdlib_context", "ssl.create_default_context"),
    ("twisted.internet.ssl.ClientContextFactory", "twisted.internet.ssl.optionsForClientTLS"),
    ("pyVim.connect.SmartConnectNoSSL", "pyVim.connect.SmartConnect"),
];

/// Clients of the standard library that check nothing unless they are given a context.
const UNTOLD: &[&str] = &[
    "smtplib.SMTP().starttls",
    "smtplib.SMTP_SSL",
    "imaplib.IMAP4_SSL",
    "imaplib.IMAP4().starttls",
    "poplib.POP3_SSL",
    "poplib.POP3().stls",
    "ftplib.FTP_TLS",
    "nntplib.NNTP_SSL",
];

const CHECK: &str = "to check, connect to a server with a self-signed certificate (`openssl s_server`): that must \
                     fail";

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for (id, call) in context.body.calls.pairs() {
        if context.is_reachable(id) {
            let found = argument(context, id, call)
                .or_else(|| maker(context, id, call))
                .or_else(|| wrapped(context, id, call))
                .or_else(|| untold(context, call))
                .or_else(|| told(context, id, call));
            hits.extend(found);
        }
    }
    for (at, inst) in context.insts() {
        let Op::Store(place, value) = &inst.op else { continue };
        if context.cfg().is_reachable(at.block) {
            hits.extend(attribute(context, at, *place, *value, inst.span));
        }
    }
}

/// `requests.get(url, verify=False)`
fn argument(context: &Context<'_>, id: CallId, call: &Call) -> Option<Hit> {
    let path = context.name(call);
    let found = ARGUMENTS.iter().find_map(|(callees, name, off)| {
        if !callees.iter().any(|begin| path.starts_with(begin)) {
            return None;
        }
        let arg = context.arg(call, None, name)?;
        is_off(context, arg.value, context.point(id), *off).then_some((arg, *name))
    });
    let (arg, name) = found?;
    if path.starts_with("ssl.") && by_choice(context, context.point(id)) {
        return None;
    }
    let told = edits::brief(context, arg.span, 60);
    let message = format!(
        "`{told}` makes `{}` take any certificate: whoever stands between reads and changes what is sent",
        edits::brief(context, call.callee_span, 60)
    );
    let solution = format!(
        "drop `{name}`, or pass the file with the authority's certificate where the server has one of its own; {CHECK}"
    );
    let edit = edits::without_argument(context, call, name).map(|change| Edit {
        safety: Safety::Suggest,
        title: "check the certificate".to_owned(),
        changes: vec![change],
    });
    Some(Hit::new(arg.span, message, solution).edit(edit))
}

/// `ssl._create_unverified_context()`
fn maker(context: &Context<'_>, id: CallId, call: &Call) -> Option<Hit> {
    let path = context.name(call);
    let is_bare_options = path == "twisted.internet.ssl.CertificateOptions" && !has_any(context, call);
    let (_, instead) = MAKERS
        .iter()
        .find(|(known, _)| *known == path)
        .or_else(|| is_bare_options.then_some(&("", "twisted.internet.ssl.optionsForClientTLS")))?;
    if by_choice(context, context.point(id)) {
        return None;
    }
    // A context may still be told to check.
    let checks = |op: &Op| match op {
        Op::Store(place, value) => {
            attr(context, *place) == Some("verify_mode")
                && matches!(value, Operand::Global(name) if context.text(*name).ends_with("CERT_REQUIRED"))
        }
        _ => false,
    };
    if context.insts().any(|(_, inst)| checks(&inst.op)) {
        return None;
    }
    let message = format!(
        "what `{}` makes checks no certificate: whoever stands between reads and changes what is sent",
        edits::brief(context, call.callee_span, 60)
    );
    let solution =
        format!("use `{instead}`, and load the authority of a server that has one of its own; {CHECK}");
    let same =
        path.rsplit_once('.').map(|(module, _)| module) == instead.rsplit_once('.').map(|(module, _)| module);
    let spelled = context.source(call.callee_span);
    let edit = (same && path == spelled && path.starts_with("ssl."))
        .then(|| edits::replace(Safety::Suggest, "check the certificate", call.callee_span, *instead));
    Some(Hit::new(call.callee_span, message, solution).edit(edit))
}

/// Whether the options of twisted are told anything about certificates.
fn has_any(context: &Context<'_>, call: &Call) -> bool {
    let names = ["privateKey", "certificate", "trustRoot", "verify", "caCerts"];
    names.iter().any(|name| context.arg(call, None, name).is_some())
        || call.positional(0).is_some()
        || call.args.iter().any(|arg| matches!(arg.kind, ArgKind::Star | ArgKind::DoubleStar))
}

/// `ssl.wrap_socket(sock)`, which checks nothing unless it is told to.
fn wrapped(context: &Context<'_>, id: CallId, call: &Call) -> Option<Hit> {
    if context.name(call) != "ssl.wrap_socket"
        || call.args.iter().any(|arg| !matches!(arg.kind, ArgKind::Positional | ArgKind::Keyword(_)))
        || context.arg(call, Some(4), "cert_reqs").is_some()
    {
        return None;
    }
    let at = context.point(id);
    let serves =
        context.arg(call, Some(3), "server_side").is_some_and(|arg| !context.is_bool(arg.value, at, false));
    if serves || by_choice(context, at) {
        return None;
    }
    let message = "`ssl.wrap_socket` checks no certificate unless it is told to: whoever stands between reads and \
                   changes what is sent";
    let solution = format!(
        "use `ssl.create_default_context().wrap_socket(sock, server_hostname=host)`, which Python 3.12 has alone; {CHECK}"
    );
    Some(Hit::new(call.callee_span, message, solution))
}

/// `smtplib.SMTP(host).starttls()`
fn untold(context: &Context<'_>, call: &Call) -> Option<Hit> {
    let path = context.name(call);
    if !UNTOLD.contains(&path) {
        return None;
    }
    let tells = |arg: &Arg| match arg.kind {
        ArgKind::Keyword(name) => matches!(context.text(name), "context" | "ssl_context" | "ssl"),
        ArgKind::Star | ArgKind::DoubleStar => true,
        ArgKind::Positional => false,
    };
    if call.args.iter().any(tells) || (path.ends_with("tls") && call.positional(0).is_some()) {
        return None;
    }
    let message = format!(
        "`{}` checks no certificate, since it is given no context: whoever stands between reads and changes what is \
         sent, passwords first",
        edits::brief(context, call.callee_span, 60)
    );
    let solution = format!("pass `context=ssl.create_default_context()`; {CHECK}");
    Some(Hit::new(call.callee_span, message, solution).severity(Severity::Low))
}

/// `client.tls_insecure_set(True)`, `context.set_verify(SSL.VERIFY_NONE, …)`, options of LDAP
fn told(context: &Context<'_>, id: CallId, call: &Call) -> Option<Hit> {
    let path = context.name(call);
    let global = |index: usize| match call.positional(index)?.value {
        Operand::Global(name) => Some(context.text(name)),
        _ => None,
    };
    let is_off = if path.starts_with("paho.mqtt.") && path.ends_with(".tls_insecure_set") {
        call.positional(0).is_some_and(|arg| context.is_bool(arg.value, context.point(id), true))
    } else if path == "OpenSSL.SSL.Context().set_verify" {
        global(0) == Some("OpenSSL.SSL.VERIFY_NONE")
    } else if path == "ldap.set_option" || path == "ldap.initialize().set_option" {
        matches!(global(0), Some("ldap.OPT_X_TLS_REQUIRE_CERT"))
            && matches!(global(1), Some("ldap.OPT_X_TLS_NEVER" | "ldap.OPT_X_TLS_ALLOW"))
    } else {
        false
    };
    if !is_off || by_choice(context, context.point(id)) {
        return None;
    }
    let message = format!(
        "`{}` turns the check of certificates off: whoever stands between reads and changes what is sent",
        edits::brief(context, call.span, 80)
    );
    let solution = format!(
        "drop `{}`, and name the authority's certificate where the server has one of its own; {CHECK}",
        edits::brief(context, call.span, 80)
    );
    Some(Hit::new(call.span, message, solution))
}

/// `session.verify = False`, `context.check_hostname = False`, `context.verify_mode = ssl.CERT_NONE`
fn attribute(context: &Context<'_>, at: Point, place: Place, value: Operand, span: Span) -> Option<Hit> {
    let name = attr(context, place)?;
    let made = made(context, place).unwrap_or_default();
    let is_off = match name {
        "verify" => {
            (made.starts_with("requests.") || made.starts_with("httpx."))
                && is_off(context, value, at, Off::False)
        }
        "verify_ssl" => made.starts_with("kubernetes.") && is_off(context, value, at, Off::False),
        "verify_mode" => is_off(context, value, at, Off::CertNone) && !serves(context, place),
        "check_hostname" => {
            made.starts_with("ssl.")
                && is_off(context, value, at, Off::False)
                && !serves(context, place)
                && !is_checked_no_more(context, place)
        }
        "_create_default_https_context" => {
            matches!(value, Operand::Global(name) if context.text(name) == "ssl._create_unverified_context")
        }
        _ => false,
    };
    if !is_off || by_choice(context, at) {
        return None;
    }
    let what = match name {
        "check_hostname" => "the name in the certificate is not compared: any certificate of anybody will do",
        _ => "any certificate is taken: whoever stands between reads and changes what is sent",
    };
    let message = format!("with `{}` {what}", edits::brief(context, span, 80));
    let solution = format!(
        "drop `{}`, and load the authority's certificate where the server has one of its own; {CHECK}",
        edits::brief(context, span, 80)
    );
    let hit = Hit::new(span, message, solution);
    // Whoever has a certificate of an authority of one's own is one of a few.
    let is_own = || context.body.calls.iter().any(|call| context.method(call) == "load_verify_locations");
    Some(if name == "check_hostname" && is_own() { hit.severity(Severity::Low) } else { hit })
}

/// The last attribute of a place, or the last part of a global's name.
fn attr<'a>(context: &Context<'a>, place: Place) -> Option<&'a str> {
    match context.unit.paths.split(place.path) {
        Some((_, Step::Attr(name))) => Some(context.text(name)),
        Some(_) => None,
        None => match place.base {
            Operand::Global(name) => context.text(name).rsplit('.').next(),
            _ => None,
        },
    }
}

/// How the object was made whose attribute a place is.
fn made<'a>(context: &Context<'a>, place: Place) -> Option<&'a str> {
    let (path, _) = context.unit.paths.split(place.path)?;
    match context.unit.paths.split(path) {
        None => match place.base {
            Operand::Local(local) => context.body.locals[local].value.map(|name| context.text(name)),
            Operand::Global(name) => context.unit.globals.get(&name).map(|name| context.text(*name)),
            Operand::Const(_) => None,
        },
        Some((Paths::EMPTY, Step::Attr(name))) => {
            context.class()?.attrs.get(&name).map(|name| context.text(*name))
        }
        Some(_) => None,
    }
}

/// Whether the context is one that a server takes connections with.
fn serves(context: &Context<'_>, place: Place) -> bool {
    let Operand::Local(local) = place.base else { return false };
    let is_server = |text: &str| text.contains("PROTOCOL_TLS_SERVER") || text.contains("CLIENT_AUTH");
    context.body.calls.iter().any(|call| {
        let name = context.name(call);
        let makes = name == "ssl.SSLContext" || name == "ssl.create_default_context";
        let loads = context.method(call) == "load_cert_chain"
            && call.callee.base == Operand::Local(local)
            && context.body.calls.iter().any(|call| {
                let server = context.arg(call, None, "server_side");
                server.is_some_and(|arg| context.source(arg.span).contains("True"))
            });
        makes && is_server(context.source(call.span)) || loads
    })
}

/// Whether the same object is told to take any certificate too, which is then reported.
fn is_checked_no_more(context: &Context<'_>, place: Place) -> bool {
    let owner = context.unit.paths.split(place.path).map(|(path, _)| (place.base, path));
    context.insts().any(|(at, inst)| match &inst.op {
        Op::Store(other, value) => {
            attr(context, *other) == Some("verify_mode")
                && context.unit.paths.split(other.path).map(|(path, _)| (other.base, path)) == owner
                && is_off(context, *value, at, Off::CertNone)
        }
        _ => false,
    })
}

fn is_off(context: &Context<'_>, value: Operand, at: Point, off: Off) -> bool {
    match off {
        Off::False => context.is_bool(value, at, false),
        Off::True => context.is_bool(value, at, true),
        Off::CertNone => match value {
            Operand::Global(name) => context.text(name) == "ssl.CERT_NONE",
            _ => {
                let text =
                    value.string().map(|text| context.text(text)).or_else(|| context.string(value, at));
                text.is_some_and(|text| matches!(text, "CERT_NONE" | "none"))
                    || matches!(
                        context.value(value, at),
                        Some(Rvalue::Use(Operand::Global(name))) if context.text(*name) == "ssl.CERT_NONE"
                    )
            }
        },
    }
}

/// Whether somebody has chosen this: control comes to `at` only where a setting or a parameter says so.
fn by_choice(context: &Context<'_>, at: Point) -> bool {
    let body = context.body;
    let branches = body.enclosing(body.blocks[at.block].region).filter_map(|region| {
        let region = &body.regions[region];
        (region.kind == RegionKind::Branch).then_some(region.entry)
    });
    // `a if verify else b` stays in its region, a statement's branches do not.
    let is_expression = |block: BlockId| {
        let region = body.blocks[block].region;
        body.blocks[block].successors().all(|next| body.blocks[next].region == region)
    };
    let inner = tested_before(context, at.block).filter(|block| is_expression(*block));
    let outer = branches.filter_map(|entry| tested_before(context, entry));
    inner.into_iter().chain(outer).any(|mut block| {
        // `if a and not verify`: each of them.
        for _ in 0..8 {
            if is_choice(context, block) {
                return true;
            }
            match tested_before(context, block) {
                Some(before) => block = before,
                None => return false,
            }
        }
        false
    })
}

/// The block whose test alone leads to `block`.
fn tested_before(context: &Context<'_>, block: BlockId) -> Option<BlockId> {
    tested_within(context, block, MAX_CHAIN)
}

/// The same, over at most `depth` blocks without instructions.
fn tested_within(context: &Context<'_>, block: BlockId, depth: u32) -> Option<BlockId> {
    let preds = context.cfg().preds(block);
    let is_test = |edge: &&Edge| {
        !edge.unwind && matches!(context.body.blocks[edge.block].end, Terminator::Branch { .. })
    };
    if preds.len() > 1 && preds.iter().all(|edge| is_test(&edge)) {
        // `else` of `a and b` comes behind each of them.
        return preds.iter().map(|edge| edge.block).find(|block| is_choice(context, *block));
    }
    let [Edge { block: before, unwind: false }] = preds[..] else { return None };
    let data = &context.body.blocks[before];
    match data.end {
        Terminator::Branch { .. } => Some(before),
        // What an `else` begins with.
        Terminator::Goto(_) if data.insts.is_empty() => tested_within(context, before, depth.checked_sub(1)?),
        _ => None,
    }
}

/// Whether what ends `block` tests a setting. The scheme of an address, versions and what a module has are none.
fn is_choice(context: &Context<'_>, block: BlockId) -> bool {
    let data = &context.body.blocks[block];
    let Terminator::Branch { on, .. } = data.end else { return false };
    let (test, ..) = untangle(context, on, Point { block, index: data.insts.len() });
    let is_scheme = |value: Operand| {
        value.string().is_some_and(|text| {
            matches!(context.text(text), "https" | "wss" | "ldaps" | "smtps" | "imaps" | "ssl" | "tls")
        })
    };
    let is_version =
        |value: Operand| matches!(value, Operand::Global(name) if context.text(name).starts_with("sys."));
    match test {
        Test::Call(call) => {
            !matches!(context.method(&context.body.calls[call]), "hasattr" | "startswith" | "isinstance")
        }
        Test::Compare(_, left, right) => {
            let text = left.string().or_else(|| right.string());
            let is_named = text.is_none_or(|text| {
                let text = context.text(text).to_ascii_lowercase();
                ["none", "never", "disable", "insecure", "off", "false", "no"]
                    .iter()
                    .any(|word| text.contains(word))
            });
            is_named && ![left, right].into_iter().any(|value| is_scheme(value) || is_version(value))
        }
        Test::Truth(value) => is_own(context, value),
    }
}

/// Whether a value is one of this function, or of one around it: `not self.verify` in a function within a method.
fn is_own(context: &Context<'_>, value: Operand) -> bool {
    match value {
        Operand::Local(_) => true,
        Operand::Global(name) => context.text(name).contains(".<locals>."),
        Operand::Const(_) => false,
    }
}
