//! All labels of a value together: of the whole and of its parts.

use crate::models::Kinds;
use crate::taint::value::{Key, Label, Tree, add, is_inner};

impl Tree {
    /// All labels in it; an object is none of its attributes.
    pub(super) fn all(&self) -> Vec<Label> {
        let mut all: Vec<Label> =
            self.labels.iter().filter(|label| !label.kinds.is_empty()).cloned().collect();
        self.collect(&mut all, Kinds::NONE);
        all
    }

    fn collect(&self, all: &mut Vec<Label>, hidden: Kinds) {
        for (key, part) in &self.fields {
            if is_inner(key) {
                continue;
            }
            let hidden = if is_attribute(key) { Kinds::HIDDEN.with(Kinds::of_text()) } else { hidden };
            for label in &part.labels {
                let kinds = label.kinds.without(hidden);
                if !kinds.is_empty() {
                    add(all, &Label { kinds, ..label.clone() });
                }
            }
            part.collect(all, hidden);
        }
    }
}

/// Whether a key is the name of an attribute.
pub(super) fn is_attribute(key: &Key) -> bool {
    matches!(key, Key::Attr(_))
}
