//! What a text must hold for an entry of a pack to mean it.

use serde::Deserialize;

/// What a text must hold.
#[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// One of these, no letter or digit beside it.
    pub words: Vec<String>,
    /// None of these at its end.
    #[serde(default)]
    pub not_ends: Vec<String>,
}

impl Words {
    /// Whether a text that consists of `parts`, and of others between them that nobody knows, is one.
    pub fn fit<'t>(&self, parts: impl Iterator<Item = &'t str> + Clone) -> bool {
        let is_apart = |part: &str, at: usize, word: &str| {
            let (before, after) = (&part[..at], &part[at + word.len()..]);
            let inner = |outside: Option<char>, edge: Option<char>| {
                outside.is_some_and(char::is_alphanumeric) && edge.is_some_and(char::is_alphanumeric)
            };
            !inner(before.chars().next_back(), word.chars().next())
                && !inner(after.chars().next(), word.chars().next_back())
        };
        let has = |word: &String| {
            parts
                .clone()
                .any(|part| part.match_indices(word.as_str()).any(|(at, _)| is_apart(part, at, word)))
        };
        let last = parts.clone().last().unwrap_or_default();
        self.words.iter().any(has) && !self.not_ends.iter().any(|end| last.ends_with(end.as_str()))
    }
}

/// What an argument must be for an entry to hold.
#[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(untagged)]
pub enum Wanted {
    /// This truth value.
    Bool(bool),
    /// One that ends with this: a constant's text, or the name of a global.
    Text(String),
    /// One that ends with one of these.
    Any(Vec<String>),
    /// A text with one of these words in it.
    Words(Words),
}
