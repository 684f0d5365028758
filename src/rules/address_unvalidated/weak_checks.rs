//! Functions that are named after a check of an address, and match a pattern with an open end.

use crate::base::words;
use crate::finding::Severity;
use crate::ir::{BodyKind, CallId};
use crate::rules::facts::edits;
use crate::rules::facts::regexes::{Form, matched};
use crate::rules::{Context, Hit};

pub(super) fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    if !matches!(context.body.kind, BodyKind::Function { .. })
        || !is_check_of_address(context.function_name())
    {
        return;
    }
    for (id, call) in context.body.calls.pairs() {
        let Some(found) = matched(context, id).filter(|found| found.form == Form::Open) else { continue };
        let Some(pattern) = found.pattern.filter(|pattern| describes_address(pattern)) else { continue };
        if !context.is_reachable(id) || is_taken_apart(context, id) {
            continue;
        }
        let name = context.function_name();
        let callee = edits::brief(context, call.callee_span, 40);
        let message = format!(
            "`{name}` takes any text that begins like an address, since the pattern of `{callee}` has no end"
        );
        let solution = format!(
            "use `ipaddress.ip_address` (for hardware addresses `netaddr.valid_mac`) in `{name}`, or `re.fullmatch` \
             in place of `{callee}`; to check, `{name}` must refuse `{}`",
            if pattern.contains(':') { "00:11:22:33:44:55; id" } else { "1.2.3.4; id" }
        );
        hits.push(Hit::new(call.span, message, solution).severity(Severity::Low));
    }
}

/// `is_valid_ip`, `valid_mac_address`, `check_cidr`.
fn is_check_of_address(name: &str) -> bool {
    let words = words(name);
    let any = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    any(&["is", "valid", "validate", "check", "verify"])
        && any(&["ip", "ipv4", "ipv6", "cidr", "address", "addr", "mac", "network", "subnet"])
}

/// Parts with dots or colons between.
fn describes_address(pattern: &str) -> bool {
    let dots = pattern.matches("\\.").count() + pattern.matches("[.]").count();
    let digits = pattern.contains("\\d") || pattern.contains("0-9");
    let hexadecimal = pattern.to_ascii_lowercase().contains("a-f");
    digits && (dots >= 3 || dots >= 1 && pattern.contains("{3}")) || hexadecimal && pattern.contains(':')
}

/// Whether parts of the match are used, rather than its truth.
fn is_taken_apart(context: &Context<'_>, id: CallId) -> bool {
    let call = &context.body.calls[id];
    let end = usize::try_from(call.span.end).unwrap_or_default();
    let follows = context.file.text.get(end..).unwrap_or_default();
    follows.starts_with('.')
        || context
            .body
            .calls
            .iter()
            .any(|other| matches!(context.method(other), "group" | "groups" | "groupdict" | "end" | "span"))
}
