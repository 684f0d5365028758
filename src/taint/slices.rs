//! Slices of lists and texts.

use std::sync::Arc;

use crate::taint::body::Analyzer;
use crate::taint::texts::unquoted;
use crate::taint::value::{Key, Konst, Label, Tree};

/// What a part's name begins with that is a slice.
const MARK: &str = "\0[";

impl Analyzer<'_, '_> {
    /// `value[low:high]`, by the bounds as they are written.
    pub(super) fn sliced(&self, tree: &Tree, bounds: &str) -> Tree {
        if let Some(items) = tree.items().filter(|items| !items.is_empty())
            && let Some(taken) = taken(bounds, items)
        {
            return Tree::list_of(taken, &[tree]);
        }
        // A check of a part says nothing of the rest.
        let key = slice_key(bounds);
        let labels = tree.labels.iter().map(|label| {
            let label = self.deeper(label, &key);
            Label { kinds: unquoted(label.kinds), ..label }
        });
        let mut cut = Tree::labeled(labels.collect());
        for (_, part) in &tree.fields {
            cut.store(&[Key::Any], part);
        }
        cut
    }
}

/// The part of a value that a slice with these bounds is.
pub(super) fn slice_key(bounds: &str) -> Key {
    Key::Item(Konst::Str([MARK, bounds].concat().into()))
}

/// The bounds of a part that is a slice.
pub(super) fn bounds_of(key: &Key) -> Option<&str> {
    match key {
        Key::Item(Konst::Str(text)) => text.strip_prefix(MARK),
        _ => None,
    }
}

/// The elements that the slice `low:high:step` takes, where all of these are written as numbers.
fn taken(bounds: &str, items: Vec<Arc<Tree>>) -> Option<Vec<Arc<Tree>>> {
    let bounds: Vec<&str> = bounds.split(':').map(str::trim).collect();
    let length = i64::try_from(items.len()).ok()?;
    let bound = |text: Option<&&str>, default: i64| match text.copied() {
        None | Some("") => Some(default),
        Some(text) => {
            let n: i64 = text.parse().ok()?;
            Some(if n < 0 { (n + length).max(0) } else { n.min(length) })
        }
    };
    match bounds.get(2).copied() {
        Some("-1") if bounds[0].is_empty() && bounds[1].is_empty() => {
            return Some(items.into_iter().rev().collect());
        }
        None | Some("" | "1") => {}
        Some(_) => return None,
    }
    let (low, high) = (bound(bounds.first(), 0)?, bound(bounds.get(1), length)?);
    let low = usize::try_from(low).ok()?;
    let count = usize::try_from(high).ok()?.saturating_sub(low);
    Some(items.into_iter().skip(low).take(count).collect())
}
