//! Where addresses, names and rules take effect: tools, netlink, wrappers of either, devices.

use crate::flow::Point;
use crate::ir::{ArgKind, Call, CallId, Const, Operand};
use crate::rules::Context;
use crate::rules::facts::edits;
use crate::rules::facts::net_commands::{self, Word};

/// A call that changes the network's configuration.
pub(super) struct Sink {
    /// Whether a shell reads the values.
    pub(super) by_shell: bool,
    /// Whether it takes something away.
    pub(super) removes: bool,
    /// How messages call it.
    pub(super) title: String,
    /// The values it takes.
    pub(super) words: Vec<Word>,
}

/// Whether `call` may be a sink. Cheap.
pub(super) fn may_be(context: &Context<'_>, call: &Call) -> bool {
    !call.args.is_empty()
        && call.args.iter().any(|arg| !matches!(arg.value, Operand::Const(_)))
        && (net_commands::may_start(context, call) || arguments(context, call).is_some())
}

/// What `id` takes, if it changes the network's configuration.
pub(super) fn sink(context: &Context<'_>, id: CallId) -> Option<Sink> {
    let call = &context.body.calls[id];
    let at = context.point(id);
    if let Some(names) = arguments(context, call) {
        let title = edits::brief(context, call.callee_span, 60);
        let method = context.method(call);
        let removes = ["delete", "remove", "flush"].iter().any(|verb| method.starts_with(verb));
        return Some(Sink { by_shell: false, removes, title, words: taken(context, call, at, names) });
    }
    let command = net_commands::command(context, id)?;
    let removes = command.title.split(' ').any(|word| matches!(word, "del" | "delete" | "flush" | "-D"));
    Some(Sink { by_shell: command.by_shell, removes, title: command.title, words: command.words })
}

/// Keyword arguments that are none of an address: numbers, names of the program's own.
const ASIDE: &[&str] =
    &["index", "prefixlen", "table", "family", "namespace", "scope", "top", "wrap", "comment", "tag"];

/// Which arguments take effect: the first so many by position, and those by name.
fn arguments(context: &Context<'_>, call: &Call) -> Option<usize> {
    let name = context.name(call);
    let method = context.method(call);
    let receiver = context.receiver(call);
    if name.starts_with("pyroute2.") {
        let fits =
            matches!(method, "route" | "addr" | "link" | "neigh" | "rule" | "flush_routes" | "flush_addr");
        return fits.then_some(8);
    }
    let by_wrapper = match method {
        "add_route"
        | "delete_route"
        | "add_gateway"
        | "delete_gateway"
        | "add_onlink_route"
        | "delete_onlink_route" => receiver.ends_with("route") || receiver.ends_with("ip_lib"),
        "add" | "delete" => {
            receiver.ends_with("device.addr")
                || receiver.ends_with("dev.addr")
                || name.contains("IPDevice().addr")
        }
        "add_ip_address"
        | "delete_ip_address"
        | "send_ip_addr_adv_notif"
        | "add_ip_route"
        | "delete_ip_route"
        | "add_neigh_entry"
        | "add_ip_rule"
        | "delete_ip_rule" => {
            receiver.ends_with("ip_lib") || receiver.ends_with("privileged") || name.contains("ip_lib.")
        }
        "add_rule" | "remove_rule" => {
            let rules = receiver.to_ascii_lowercase();
            rules.contains("iptables")
                || rules.ends_with("table")
                || rules.contains("[\"filter\"]")
                || rules.contains("['filter']")
                || rules.contains("['nat']")
                || rules.contains("[\"nat\"]")
        }
        "send_config_set"
        | "send_config"
        | "send_configs"
        | "load_merge_candidate"
        | "load_replace_candidate" => true,
        _ => false,
    };
    by_wrapper.then_some(8)
}

fn taken(context: &Context<'_>, call: &Call, at: Point, positions: usize) -> Vec<Word> {
    let mut words = Vec::new();
    for (index, arg) in call.args.iter().enumerate() {
        let aside = match arg.kind {
            ArgKind::Positional => index >= positions,
            ArgKind::Keyword(name) => ASIDE.contains(&context.text(name)),
            ArgKind::Star | ArgKind::DoubleStar => true,
        };
        if aside || matches!(arg.value, Operand::Const(Const::Str(_))) {
            continue;
        }
        let before = words.len();
        net_commands::collect(context, (arg.value, at), arg.span, 4, &mut words);
        // Not a list: the value itself.
        if words.len() == before {
            words.push(Word {
                value: arg.value,
                at,
                span: arg.span,
                is_exact: arg.kind == ArgKind::Positional,
            });
        }
    }
    words
}
