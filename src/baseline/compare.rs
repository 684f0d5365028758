//! Which findings are new: two lists compared as multisets.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::baseline::Entry;
use crate::finding::Identity;

/// What became of two lists.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Compared {
    /// For each later finding, which of its identities the earlier list lacks; none where it is known.
    pub new: Vec<Vec<Identity>>,
    /// Earlier findings of which nothing is left, by their place in the list.
    pub gone: Vec<usize>,
}

/// Compares the findings `later` with those `earlier`.
///
/// Each identity of an earlier finding accounts for one of a later one, so that a twin is new. First for one in the
/// same function; then, among those that are left, for one with the same statements beside it, in whatever place:
/// the function was renamed, the code or its file moved.
#[must_use]
pub fn compare(earlier: &[Entry], later: &[Entry]) -> Compared {
    let mut new: Vec<Vec<Identity>> = later.iter().map(|entry| entry.identity.clone()).collect();
    let mut left: Vec<Vec<Identity>> = earlier.iter().map(|entry| entry.identity.clone()).collect();
    let here =
        |entry: &Entry, identity: &Identity| (entry.rule.clone(), Some(entry.path.clone()), identity.here);
    let near = |entry: &Entry, identity: &Identity| (entry.rule.clone(), None, identity.near);
    pair((earlier, &mut left), (later, &mut new), here);
    pair((earlier, &mut left), (later, &mut new), near);
    // One without an identity is of an older format, and was refused when it was read.
    let is_gone = |&at: &usize| left[at].len() == earlier[at].identity.len();
    Compared { new, gone: (0..earlier.len()).filter(is_gone).collect() }
}

/// Rule, path where it counts, digest.
type Key = (String, Option<String>, u64);

/// Takes what has the same key out of both sides, one for one, in order.
fn pair(
    (earlier, left): (&[Entry], &mut [Vec<Identity>]),
    (later, new): (&[Entry], &mut [Vec<Identity>]),
    key: impl Fn(&Entry, &Identity) -> Key,
) {
    let mut known: FxHashMap<Key, VecDeque<(usize, Identity)>> = FxHashMap::default();
    for (at, entry) in earlier.iter().enumerate() {
        for identity in &left[at] {
            known.entry(key(entry, identity)).or_default().push_back((at, *identity));
        }
    }
    let mut taken: Vec<(usize, Identity)> = Vec::new();
    for (entry, identities) in later.iter().zip(new) {
        identities.retain(|identity| {
            let found = known.get_mut(&key(entry, identity)).and_then(VecDeque::pop_front);
            taken.extend(found);
            found.is_none()
        });
    }
    for (at, identity) in taken {
        let position = left[at].iter().position(|known| *known == identity);
        left[at].swap_remove(position.expect("it was listed from there"));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::compare;
    use crate::baseline::Entry;
    use crate::finding::Identity;

    fn entry(path: &str, identity: &[(u64, u64)]) -> Entry {
        let identity = identity.iter().map(|&(here, near)| Identity { here, near }).collect();
        Entry { path: path.to_owned(), rule: "r".to_owned(), function: String::new(), identity }
    }

    fn is_new(earlier: &[Entry], later: &[Entry]) -> Vec<bool> {
        compare(earlier, later).new.iter().map(|new| !new.is_empty()).collect()
    }

    #[test]
    fn counts_matter_and_moved_code_is_known() {
        let one = entry("a.py", &[(1, 10)]);
        assert_eq!(is_new(std::slice::from_ref(&one), &[one.clone(), one.clone()]), [false, true]);
        assert_eq!(is_new(std::slice::from_ref(&one), &[entry("b.py", &[(2, 10)])]), [false]);
        assert_eq!(is_new(std::slice::from_ref(&one), &[entry("b.py", &[(1, 11)])]), [true]);
        // What stays in its place is known before what could be the same, moved.
        assert_eq!(
            is_new(std::slice::from_ref(&one), &[entry("b.py", &[(2, 10)]), one.clone()]),
            [true, false]
        );
    }

    #[test]
    fn a_new_source_is_new_and_one_less_is_not() {
        let (one, two) = (entry("a.py", &[(1, 10)]), entry("a.py", &[(1, 10), (2, 20)]));
        let compared = compare(std::slice::from_ref(&one), std::slice::from_ref(&two));
        assert_eq!(compared.new, [vec![Identity { here: 2, near: 20 }]]);
        assert!(compared.gone.is_empty());
        let compared = compare(std::slice::from_ref(&two), std::slice::from_ref(&one));
        assert_eq!((compared.new, compared.gone), (vec![vec![]], vec![]));
        assert_eq!(compare(&[one, two], &[]).gone, [0, 1]);
    }

    proptest! {
        /// New and known together are what there is, and each known one has its own on the other side.
        #[test]
        fn every_known_finding_has_a_partner(
            earlier in prop::collection::vec((0_u64..4, 0_u64..4, 0..2), 0..12),
            later in prop::collection::vec((0_u64..4, 0_u64..4, 0..2), 0..12),
        ) {
            let entries = |all: &[(u64, u64, i32)]| -> Vec<Entry> {
                all.iter().map(|(here, near, file)| entry(&format!("{file}.py"), &[(*here, *near)])).collect()
            };
            let (earlier, later) = (entries(&earlier), entries(&later));
            let compared = compare(&earlier, &later);
            let known = compared.new.iter().filter(|new| new.is_empty()).count();
            prop_assert_eq!(known + compared.gone.len(), earlier.len());
            prop_assert!(compare(&later, &later).new.iter().all(Vec::is_empty));
        }
    }
}
