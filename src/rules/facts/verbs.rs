//! What a call does, told by the words of its name, where nothing better is known.

use crate::base::words;

/// Whether one of the words of `name` is in `list`.
pub(crate) fn has_word(name: &str, list: &[&str]) -> bool {
    words(name).iter().any(|word| list.contains(&word.as_str()))
}

/// Whether the first word of `name` is in `list`.
pub(crate) fn starts_with_word(name: &str, list: &[&str]) -> bool {
    if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
        return name.split('_').find(|word| !word.is_empty()).is_some_and(|word| list.contains(&word));
    }
    words(name).first().is_some_and(|word| list.contains(&word.as_str()))
}

/// Whether the last word of `name` is in `list`.
pub(crate) fn ends_with_word(name: &str, list: &[&str]) -> bool {
    words(name).last().is_some_and(|word| list.contains(&word.as_str()))
}

/// Verbs of calls that only ask: when they fail, a value is missing, but nothing is half done.
pub(crate) const ASK: &[&str] = &[
    "get", "read", "parse", "load", "find", "lookup", "probe", "check", "is", "has", "can", "list", "show",
    "fetch", "query", "search", "describe", "count", "exists", "decode", "loads", "detect", "guess",
    "format", "inspect", "look", "resolve", "validate", "version", "info", "status", "stat",
];

/// Verbs of calls that end the use of something.
pub(crate) const CLOSE: &[&str] = &[
    "close",
    "stop",
    "shutdown",
    "cancel",
    "kill",
    "terminate",
    "disconnect",
    "quit",
    "exit",
    "unregister",
    "unsubscribe",
    "release",
    "cleanup",
    "teardown",
    "logout",
    "aclose",
    "join",
    "destroy",
    "dispose",
    "detach",
];

/// Verbs of calls that undo the work of a failed step and tell nobody.
pub(crate) const UNDO: &[&str] = &["rollback", "close", "sleep", "abort", "expunge", "discard", "clear"];

/// Verbs of calls that destroy something outside of the program.
pub(crate) const DESTROY: &[&str] = &[
    "delete",
    "destroy",
    "remove",
    "unlink",
    "rmtree",
    "rmdir",
    "unplug",
    "detach",
    "unbind",
    "disconnect",
    "deallocate",
    "rollback",
    "revert",
    "undo",
    "terminate",
    "kill",
    "purge",
    "drop",
    "cleanup",
    "teardown",
    "del",
];

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn identifiers_split_at_underscores_and_humps() {
        assert_eq!(words("_delete_port"), ["delete", "port"]);
        assert_eq!(words("getVolumeById"), ["get", "volume", "by", "id"]);
        assert_eq!(words("LOG"), ["log"]);
    }
}
