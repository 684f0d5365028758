//! The classes of defects that reports group by: the five of the founding review, and the rest.

/// A class of rules.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    /// Exceptions swallowed or hidden, logs that say too little or too much.
    Exceptions,
    /// Commands whose failure goes unseen.
    Commands,
    /// Locks and their files.
    Locks,
    /// Resources left behind.
    Cleanup,
    /// Addresses, routes and rules that come from outside.
    Network,
    /// Everything else.
    Other,
}

impl Class {
    /// All, in the order of the founding review.
    pub const ALL: [Self; 6] =
        [Self::Exceptions, Self::Commands, Self::Locks, Self::Cleanup, Self::Network, Self::Other];

    /// Its title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Exceptions => "Exception handling and logging",
            Self::Commands => "Status of commands",
            Self::Locks => "Locks",
            Self::Cleanup => "Cleanup of resources",
            Self::Network => "Network configuration",
            Self::Other => "Other",
        }
    }

    /// The class of the rule called `id`.
    #[must_use]
    pub fn of(id: &str) -> Self {
        match id {
            "swallowed-exception"
            | "bare-except"
            | "failure-returned-as-success"
            | "exception-logged-without-cause"
            | "failure-logged-at-debug"
            | "log-without-context"
            | "cleanup-masks-exception"
            | "secret-in-log"
            | "secret-option-not-marked"
            | "error-detail-exposed" => Self::Exceptions,
            "command-status-ignored"
            | "process-status-ignored"
            | "module-rc-ignored"
            | "status-return-ignored"
            | "remote-command-status-ignored" => Self::Commands,
            "lock-path-traversal"
            | "lock-name-unvalidated"
            | "lock-name-from-path"
            | "lock-file-predictable"
            | "lock-file-follows-symlink"
            | "lock-dir-world-writable"
            | "lock-dir-check-then-create" => Self::Locks,
            "cleanup-loop-aborts"
            | "cleanup-step-skips-rest"
            | "rollback-unprotected"
            | "release-not-in-finally"
            | "resource-leak-on-exception"
            | "resource-not-closed"
            | "finally-discards-exception" => Self::Cleanup,
            "address-unvalidated"
            | "net-config-injection"
            | "firewall-rule-unvalidated"
            | "address-option-untyped" => Self::Network,
            _ => Self::Other,
        }
    }
}
