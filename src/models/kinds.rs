//! What data is dangerous for, and where it comes from.

/// Kinds of sinks, as a set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub struct Kinds(u64);

/// Names of the kinds, by bit. A pack and a rule's page may name these and no others. `sql-quoted` is text that may
/// leave single quotes in SQL.
const NAMES: &[&str] = &[
    "command",
    "argument",
    "sql",
    "path",
    "code",
    "template",
    "html",
    "deserialization",
    "url",
    "redirect",
    "xml",
    "xpath",
    "ldap",
    "nosql",
    "header",
    "log",
    "trust",
    "sql-quoted",
    "lock",
    "address",
    "config",
];

impl Kinds {
    /// No kind.
    pub const NONE: Self = Self(0);
    /// All kinds.
    pub const ALL: Self = Self(u64::MAX >> 5);
    /// No kind, but what is shown of a path that it takes to be harmless: it begins with a folder's name and the slash
    /// behind it; it does not begin at the root; not with `../`; it is not `..`.
    pub const BASED: Self = Self(1 << 58);
    /// As [`Kinds::BASED`].
    pub const NOT_ROOTED: Self = Self(1 << 57);
    /// As [`Kinds::BASED`].
    pub const NOT_ABOVE: Self = Self(1 << 56);
    /// As [`Kinds::BASED`].
    pub const NOT_DOTS: Self = Self(1 << 55);
    /// No kind, but that a test of the value itself shows something, not its being `None` alone.
    pub const TESTED: Self = Self(1 << 54);
    /// Set while the text is a literal of Python, quotes and all.
    pub const QUOTED: Self = Self(1 << 59);
    /// Set when the value was decoded on the way: what was shown of it before says nothing.
    pub const DECODED: Self = Self(1 << 60);
    /// Set while the value stands behind another part of a text, which decides the host of an address.
    pub const BEHIND: Self = Self(1 << 61);
    /// Set while a path may still hold `..`: a test of its beginning proves nothing before it is resolved.
    pub const UNRESOLVED: Self = Self(1 << 62);
    /// Set when the value went through a call of which nothing is known.
    pub const THROUGH_UNKNOWN: Self = Self(1 << 63);

    /// The kind called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if name == "all" {
            return Some(Self::ALL);
        }
        NAMES.iter().position(|known| *known == name).map(|bit| Self(1 << bit))
    }

    /// The names that there are, for messages.
    #[must_use]
    pub fn names() -> String {
        NAMES.join(", ")
    }

    /// Those of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of `self` that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those for which sources count that whoever starts the program controls, whatever the threat model.
    #[must_use]
    pub fn of_local() -> Self {
        ["lock", "address", "config"].iter().filter_map(|name| Self::named(name)).fold(Self::NONE, Self::with)
    }

    /// What must not be made harmless either for these to matter: a name that leads to no other file is good enough for a
    /// lock, one that no shell reads otherwise for a tool, one without line breaks for a file of lines.
    #[must_use]
    pub fn needed(self) -> Self {
        let pairs = [("lock", "path"), ("address", "command"), ("config", "header")];
        let named = |name| Self::named(name).unwrap_or_default();
        let needed = pairs.iter().filter(|(of, _)| self.has(named(of))).map(|(_, needed)| named(needed));
        needed.fold(Self::NONE, Self::with)
    }

    /// Whether both were decoded on their ways, or neither.
    #[must_use]
    pub const fn as_decoded(self, other: Self) -> bool {
        self.has(Self::DECODED) == other.has(Self::DECODED)
    }

    /// It with what it means together.
    #[must_use]
    pub fn closed(self) -> Self {
        let is_below = self.has(Self::NOT_ROOTED.with(Self::NOT_ABOVE).with(Self::NOT_DOTS));
        if is_below { self.with(Self::named("path").unwrap_or_default()) } else { self }
    }

    /// Whether there is a kind at all.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 & Self::ALL.0 == 0
    }

    /// Whether all of `other` are in it.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Who controls a source.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Threat {
    /// Somebody on another machine.
    Remote,
    /// Who starts the program or sets it up: arguments, environment, files, configuration.
    Local,
}

impl Threat {
    /// The threat model called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "remote" => Some(Self::Remote),
            "local" => Some(Self::Local),
            _ => None,
        }
    }
}
