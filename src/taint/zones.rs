//! What is left dangerous in a text that `ipaddress` has taken for an address: `::1%;id` is one, with a zone behind `%`
//! that may be any text without `%` and `/`, line breaks included.
//!
//! In: the labels of what a parser is given. Out: those of its text. Only IPv4, a test for `%` and one of `scope_id` tell
//! that there is no zone; what the kernel knows as zones is not asked.

use crate::models::Kinds;
use crate::taint::value::Tree;

/// Whether a call makes an address of a text that may have a zone.
pub(super) fn takes_zone(path: &str) -> bool {
    matches!(
        path,
        "ipaddress.ip_address"
            | "ipaddress.ip_network"
            | "ipaddress.ip_interface"
            | "ipaddress.IPv6Address"
            | "ipaddress.IPv6Network"
            | "ipaddress.IPv6Interface"
    )
}

/// Takes from the text of an address what only a zone could hold, where it has none.
pub(super) fn without_zone(tree: &mut Tree) {
    for label in tree.labels.iter_mut().filter(|label| !label.kinds.has(Kinds::ZONED)) {
        label.kinds = label.kinds.without(of_zone());
    }
}

/// The kinds for which a zone is dangerous: it stands behind an address, and has no slash.
fn of_zone() -> Kinds {
    let names =
        ["command", "sql", "sql-quoted", "code", "template", "html", "xml", "xpath", "ldap", "header", "log"];
    names.iter().filter_map(|name| Kinds::named(name)).fold(Kinds::NONE, Kinds::with)
}
