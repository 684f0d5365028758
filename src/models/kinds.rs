//! What data is dangerous for, and where it comes from.

/// Kinds of sinks, as a set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub struct Kinds(u64);

/// Names of the kinds of our own, by bit. `sql-quoted` is text that may leave single quotes in SQL, `separator` one that may
/// be more than one component of a path, `object` what may be a mapping and no text.
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
    "separator",
    "object",
    "detail",
    "secret",
];

/// The kinds that a pack and a rule's page may name: ours, and those that packs declare.
#[derive(Clone, Default, Debug)]
pub struct Vocabulary {
    declared: Vec<String>,
}

const _: () = assert!(1 << (NAMES.len() + Vocabulary::MAX_DECLARED - 1) < Kinds::WORD.0);

impl Vocabulary {
    /// Most kinds that packs can declare. Together with ours they fit into the bits of [`Kinds`] that mark no value.
    pub const MAX_DECLARED: usize = 22;

    /// The kind called `name`, or all for `all`.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Kinds> {
        let declared = || self.declared.iter().position(|known| known == name);
        Kinds::named(name).or_else(|| declared().map(|at| Kinds(1 << (NAMES.len() + at))))
    }

    /// The names that there are, for messages.
    #[must_use]
    pub fn names(&self) -> String {
        let declared = self.declared.iter().map(String::as_str);
        NAMES.iter().copied().chain(declared).collect::<Vec<_>>().join(", ")
    }

    /// Adds the kind `name`. Two packs may declare the same one.
    ///
    /// # Errors
    /// Why it cannot be a kind, in words for the pack's author.
    pub fn declare(&mut self, name: &str) -> Result<(), String> {
        let is_kebab = name.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        if !is_kebab || name.len() > 64 {
            return Err(format!("the kind `{name}` is no name; expected kebab-case, as `price`"));
        }
        if Kinds::named(name).is_some() {
            return Err(format!("the kind `{name}` is built in; use it without declaring it"));
        }
        if self.declared.iter().any(|known| known == name) {
            return Ok(());
        }
        if self.declared.len() == Self::MAX_DECLARED {
            let most = Self::MAX_DECLARED;
            return Err(format!(
                "no room for the kind `{name}`: {most} are declared, which is the most; share one"
            ));
        }
        self.declared.push(name.to_owned());
        Ok(())
    }
}

impl Kinds {
    /// No kind.
    pub const NONE: Self = Self(0);
    /// The last of our own kinds: a secret, which must not be shown.
    pub const SECRET: Self = Self(1 << (NAMES.len() - 1));
    /// The one before: what an exception tells of the inside of the program.
    pub const DETAIL: Self = Self(1 << (NAMES.len() - 2));
    /// Set while a secret is there as a whole, and not a few characters of it.
    pub const WHOLE: Self = Self(1 << 53);
    /// What must not be shown: nobody chooses it, so that it ends where something else is made of it.
    pub const HIDDEN: Self = Self::SECRET.with(Self::DETAIL).with(Self::WHOLE);
    /// All kinds.
    pub const ALL: Self = Self(u64::MAX >> 5).without(Self::UNQUOTED).without(Self::WORD);
    /// No kind, but beside [`Kinds::DECODED`] that what the value held before it holds still: percent-encoding was undone,
    /// and nothing else. What is shown of it then is shown of the value before, too.
    pub const UNQUOTED: Self = Self(1 << 52);
    /// No kind, but set while the text may hold a `%`, behind which `ipaddress` takes any text for the zone of an address.
    pub const ZONED: Self = Self(1 << 48);
    /// What a check can show a value to be harmless for: a secret stays one, whatever it equals.
    pub const CHECKED: Self = Self::ALL.without(Self::SECRET).without(Self::WHOLE);
    /// No kind, but what is shown of a path that it takes to be harmless: it begins with a folder's name and the slash
    /// behind it; it does not begin at the root; not with `../`; it is not `..`.
    pub const BASED: Self = Self(1 << 58);
    /// As [`Kinds::BASED`].
    pub const NOT_ROOTED: Self = Self(1 << 57);
    /// As [`Kinds::BASED`].
    pub const NOT_ABOVE: Self = Self(1 << 56);
    /// As [`Kinds::BASED`].
    pub const NOT_DOTS: Self = Self(1 << 55);
    /// As [`Kinds::BASED`], of an address: it begins with a slash; not with two; not with a slash and a backslash.
    pub const LOCAL: Self = Self(1 << 51);
    /// As [`Kinds::LOCAL`].
    pub const NOT_SLASHES: Self = Self(1 << 50);
    /// As [`Kinds::LOCAL`].
    pub const NOT_BACKSLASH: Self = Self(1 << 49);
    /// No kind, but that a test of the value itself shows something, not its being `None` alone.
    pub const TESTED: Self = Self(1 << 54);
    /// Set while the text is a literal of Python, quotes and all.
    pub const QUOTED: Self = Self(1 << 59);
    /// Set while the text is one word of a shell, quotes and all.
    pub const WORD: Self = Self(1 << 47);
    /// Set when the value was decoded on the way: what was shown of it before says nothing.
    pub const DECODED: Self = Self(1 << 60);
    /// Set while the value stands behind another part of a text, which decides the host of an address.
    pub const BEHIND: Self = Self(1 << 61);
    /// Set while a path may still hold `..`: a test of its beginning proves nothing before it is resolved.
    pub const UNRESOLVED: Self = Self(1 << 62);
    /// Set when the value went through a call of which nothing is known.
    pub const THROUGH_UNKNOWN: Self = Self(1 << 63);

    /// The kind of our own called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if name == "all" {
            return Some(Self::ALL);
        }
        NAMES.iter().position(|known| *known == name).map(|bit| Self(1 << bit))
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

    /// Those for which objects are dangerous, and text is not.
    #[must_use]
    pub fn of_objects() -> Self {
        ["nosql", "object", "deserialization"]
            .iter()
            .filter_map(|name| Self::named(name))
            .fold(Self::NONE, Self::with)
    }

    /// Those for which a text is dangerous, and no object that has it.
    #[must_use]
    pub fn of_text() -> Self {
        const TEXTS: &[&str] = &[
            "command",
            "argument",
            "sql",
            "sql-quoted",
            "path",
            "separator",
            "code",
            "template",
            "html",
            "xpath",
            "ldap",
            "redirect",
            "header",
            "log",
        ];
        TEXTS.iter().filter_map(|name| Self::named(name)).fold(Self::NONE, Self::with)
    }

    /// Whether a check has shown the value to be harmless for all that it can; text is no object anyway.
    #[must_use]
    pub fn is_checked(self) -> bool {
        self.with(Self::named("object").unwrap_or_default()).has(Self::CHECKED)
    }

    /// What makes these worse where it is not harmless: a path of several components leads further than one, a whole
    /// secret than its beginning.
    #[must_use]
    pub fn shades(self) -> Self {
        if self.has(Self::SECRET) {
            return Self::WHOLE;
        }
        let [path, separator] = ["path", "separator"].map(|name| Self::named(name).unwrap_or_default());
        if self.and(path).is_empty() { Self::NONE } else { separator }
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

    /// As a number, for what keeps constants alone.
    #[must_use]
    pub const fn to_bits(self) -> i64 {
        self.0.cast_signed()
    }

    /// Of [`Kinds::to_bits`].
    #[must_use]
    pub const fn from_bits(bits: i64) -> Self {
        Self(bits.cast_unsigned())
    }

    /// It with what it means together.
    #[must_use]
    pub fn closed(self) -> Self {
        let is_below = self.has(Self::NOT_ROOTED.with(Self::NOT_ABOVE).with(Self::NOT_DOTS));
        let is_own = self.has(Self::LOCAL.with(Self::NOT_SLASHES).with(Self::NOT_BACKSLASH));
        let named = |name, holds| if holds { Self::named(name).unwrap_or_default() } else { Self::NONE };
        self.with(named("path", is_below)).with(named("redirect", is_own))
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
    /// Who calls what a package offers: arguments of its public functions.
    Library,
    /// Somebody on another machine, by what was stored of it in between.
    Stored,
    /// Nobody: it is a secret, which must not be shown.
    Secret,
    /// Nobody: it is what an exception tells of the inside of the program.
    Detail,
}

impl Threat {
    /// Who controls a source of a pack, by the name it has there; the sources of [`Threat::Library`], [`Threat::Stored`] and [`Threat::Secret`] are
    /// not named.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "remote" => Some(Self::Remote),
            "local" => Some(Self::Local),
            "detail" => Some(Self::Detail),
            _ => None,
        }
    }
}
