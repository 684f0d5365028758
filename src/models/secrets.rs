//! Which names mean a secret.

use rustc_hash::FxHashSet;

use crate::base::words;

/// What somebody who reads a value can do with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Secret {
    /// Act for a while or with few rights: a token, an API key, credentials, an address that may hold a password.
    Token,
    /// Log in: a password, a passphrase, a private key.
    Password,
}

/// Words that begin names which tell of a secret, or do something with one.
const ABOUT: &[&str] = &[
    "is",
    "has",
    "num",
    "max",
    "min",
    "total",
    "prompt",
    "public",
    "get",
    "set",
    "reset",
    "change",
    "update",
    "show",
    "use",
    "allow",
    "require",
    "requires",
    "no",
    "need",
    "needs",
    "with",
    "without",
    "enable",
    "disable",
    "generate",
    "create",
    "check",
    "verify",
    "validate",
    "include",
    "save",
    "store",
    "missing",
    "invalid",
    "expired",
    "masked",
    "hashed",
    "encrypted",
    "count",
    "hash",
    "add",
    "remove",
    "delete",
    "list",
    "load",
    "find",
    "make",
    "build",
    "parse",
    "next",
    "supports",
    "should",
    "did",
    "can",
    "bad",
    "wrong",
    "valid",
    "n",
    "test",
    "unknown",
    "ignore",
    "skip",
];

/// Words that tell within a name that it is about what is done with a secret.
const DOING: &[&str] = &["by", "create", "permit", "allow", "require", "requires", "use", "uses", "without"];

/// The secret that a variable, attribute or key called `name` holds, by its last words.
#[must_use]
pub fn secret(name: &str) -> Option<Secret> {
    if !may_be_secret(name) {
        return None;
    }
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words.first().is_some_and(|first| words.len() > 1 && ABOUT.contains(first)) {
        return None;
    }
    // `path_to_private_key`: what is named stands first; `name_to_password` has the passwords.
    let stands_first =
        |pair: &[&str]| matches!(pair, ["path" | "location", "to" | "of"] | ["name" | "id", "of"]);
    if words.windows(2).any(stands_first) {
        return None;
    }
    // `collection_by_token`, `permit_create_token`: what somebody does with it, or may do.
    if words.iter().skip(1).any(|word| DOING.contains(word)) {
        return None;
    }
    match words[..] {
        [.., "password" | "passwd" | "passphrase" | "secret" | "secrets"] => Some(Secret::Password),
        // Alone it is the working directory, as the command of that name tells it.
        [_, .., "pwd"] => Some(Secret::Password),
        [.., "private" | "secret", "key"] | [.., "secret", "access", "key"] => Some(Secret::Password),
        [.., "token" | "credential" | "credentials"] => Some(Secret::Token),
        [.., "api" | "access" | "auth", "key"] | [.., "apikey"] => Some(Secret::Token),
        [.., "broker" | "transport" | "database" | "db", "url" | "uri" | "dsn"] => Some(Secret::Token),
        _ => None,
    }
}

/// A test that is cheap and never wrongly says no.
#[must_use]
pub fn may_be_secret(name: &str) -> bool {
    /// Ends that tell of a secret by themselves.
    const ENDS: &[&str] = &[
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "secrets",
        "token",
        "credential",
        "credentials",
        "apikey",
    ];
    /// Ends that do so behind one of these words.
    const LOOSE: &[&str] = &["key", "url", "uri", "dsn"];
    const BEFORE: &[&str] =
        &["private", "secret", "api", "access", "auth", "broker", "transport", "database", "db"];
    let name = name.trim_end_matches(['_', '-']).as_bytes();
    let Some([a, b, c]) = name.last_chunk() else { return false };
    let last = [a | 0x20, b | 0x20, c | 0x20];
    let ends = |end: &&str| {
        end.as_bytes().ends_with(&last)
            && name.len() >= end.len()
            && name[name.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
    };
    let holds = |word: &&str| name.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
    ENDS.iter().any(ends) || LOOSE.iter().any(ends) && BEFORE.iter().any(holds)
}

/// Whether the result of a function called `name` holds no secret any more, by what packs say of words.
pub(super) fn masks(known: &FxHashSet<String>, name: &str) -> bool {
    let (words, ends_in_secret) = (words(name), may_be_secret(name));
    // `strip_password` takes away what its name says behind the verb; `get_policy_token` gives what it ends with.
    let takes_away = || {
        let verb = words.first().filter(|_| words.len() > 1);
        verb.is_some_and(|verb| known.contains(&format!("{verb}_")))
    };
    let is_plain = |word: &String| known.contains(&format!("_{word}"));
    words.iter().any(|word| known.contains(word))
        || if ends_in_secret { takes_away() } else { words.iter().any(is_plain) }
}

/// Whether all that tells of a secret is the word `token`, which also names keys of tables and parts of addresses.
#[must_use]
pub fn is_bare_token(what: &str) -> bool {
    let name = what.trim_end_matches(['"', '\'', ']', ')']);
    let name = name.rsplit(['.', '"', '\'', '[', '(']).next().unwrap_or_default();
    let words = words(name);
    let before = words.len().checked_sub(2).map(|at| words[at].as_str());
    words.last().is_some_and(|last| last == "token")
        && !before.is_some_and(|before| {
            ["access", "refresh", "api", "auth", "bearer", "session", "oauth", "jwt", "admin", "user"]
                .contains(&before)
        })
}

#[cfg(test)]
mod tests {
    use super::{Secret, secret};

    #[test]
    fn the_last_words_tell_a_secret() {
        assert_eq!(secret("admin_password"), Some(Secret::Password));
        assert_eq!(secret("X-Api-Key"), Some(Secret::Token));
        assert_eq!(secret("accessToken"), Some(Secret::Token));
        assert_eq!(secret("transport_url"), Some(Secret::Token));
        assert_eq!(secret("ssh_private_key"), Some(Secret::Password));
        assert_eq!(secret("db_pwd"), Some(Secret::Password));
    }

    #[test]
    fn words_about_secrets_are_none() {
        for name in ["token_id", "password_file", "max_tokens", "prompt_token", "has_password", "token_url"] {
            assert_eq!(secret(name), None, "{name}");
        }
        for name in ["public_key", "key", "tokenizer", "password_required", "secret_ref", "path_to_key"] {
            assert_eq!(secret(name), None, "{name}");
        }
        for name in ["reset_password", "path_to_private_key", "name_of_secret", "id_of_token"] {
            assert_eq!(secret(name), None, "{name}");
        }
        for name in ["collection_by_token", "permit_create_token", "may_use_password", "url_without_password"]
        {
            assert_eq!(secret(name), None, "{name}");
        }
        assert_eq!(secret("user_token"), Some(Secret::Token));
        assert_eq!(secret("name_to_password"), Some(Secret::Password));
        assert_eq!(secret("pwd"), None, "the working directory");
    }
}
