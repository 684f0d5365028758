//! Ids of rules, which findings, reports and settings hold as plain references.
//!
//! An id lives as long as the program: each distinct one is kept once, in a table that never shrinks. That is a few
//! kilobytes for the pages that are compiled in, and at most [`MAX_LEN`] bytes for each page that a configuration names,
//! of which there is one a run.

use std::collections::BTreeSet;
use std::sync::Mutex;

/// Longest id, in bytes.
const MAX_LEN: usize = 64;

static IDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// The id `text`, kept; `None` when it is no kebab-case or longer than [`MAX_LEN`].
pub(super) fn kept(text: &str) -> Option<&'static str> {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if text.len() > MAX_LEN || !text.split('-').all(is_word) {
        return None;
    }
    let mut ids = IDS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(known) = ids.get(text) {
        return Some(known);
    }
    let id: &'static str = Box::leak(text.to_owned().into_boxed_str());
    ids.insert(id);
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn an_id_is_kept_once() {
        let (first, second) = (kept("kept-once-7").unwrap(), kept("kept-once-7").unwrap());
        assert!(std::ptr::eq(first, second));
        assert_eq!([kept(""), kept("a--b"), kept("A"), kept("a b"), kept(&"a".repeat(65))], [None; 5]);
    }
}
