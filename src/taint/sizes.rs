//! Bounds of values. In: a value that a variable is set to. Out: the same, or something smaller that tells less, so that
//! code that doubles a text or a list line by line is followed in the time and memory of its length.

use std::sync::Arc;

use crate::taint::value::{Konst, Tree};

/// Most parts of a value, each as often as it can be reached.
const MAX_NODES: usize = 2_000;
/// Deepest part of a value: a loop may put what it has into a list or mapping once more in each round.
const MAX_NESTED: u32 = 8;
/// Longest constant text, in bytes.
const MAX_TEXT: usize = 1 << 16;
/// What is kept of the beginning and the end of a longer one, in bytes.
const KEPT: usize = 1 << 10;

/// Keeps a value within its bounds: its parts are no longer told apart, and of a text both ends are kept.
pub(super) fn bound(tree: &mut Arc<Tree>) {
    if !tree.fields.is_empty() && !fits(tree, &mut MAX_NODES.clone(), MAX_NESTED) {
        *tree = Arc::new(Tree::labeled(tree.all()));
    }
    if let Some(Konst::Str(text)) = &tree.konst
        && text.len() > MAX_TEXT
    {
        let (prefix, ending) = (Some(beginning(text)), Some(end(text)));
        let tree = Arc::make_mut(tree);
        (tree.konst, tree.prefix, tree.ending) = (None, prefix, ending);
    }
    if tree.prefix.as_ref().is_some_and(|text| text.len() > MAX_TEXT) {
        let tree = Arc::make_mut(tree);
        tree.prefix = tree.prefix.as_deref().map(beginning);
    }
}

/// Whether a value has at most `left` parts, none deeper than `depth`.
fn fits(tree: &Tree, left: &mut usize, depth: u32) -> bool {
    tree.fields.iter().all(|(_, part)| {
        *left = left.saturating_sub(1);
        *left > 0 && depth > 0 && fits(part, left, depth - 1)
    })
}

fn beginning(text: &str) -> Arc<str> {
    text[..text.floor_char_boundary(KEPT)].into()
}

fn end(text: &str) -> Arc<str> {
    text[text.ceil_char_boundary(text.len().saturating_sub(KEPT))..].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_lists_that_double_stay_small() {
        let mut text: Arc<str> = "é".into();
        let mut list = Arc::new(Tree::konst(Konst::Str("x".into())));
        for _ in 0..40 {
            let mut tree = Arc::new(Tree::konst(Konst::Str(format!("{text}{text}").into())));
            bound(&mut tree);
            match &tree.konst {
                Some(Konst::Str(known)) => text = Arc::clone(known),
                _ => assert_eq!(tree.prefix.as_ref().map(|text| text.len()), Some(KEPT)),
            }
            list = Arc::new(Tree::list([Arc::clone(&list), list]));
            bound(&mut list);
        }
        assert!(text.len() > MAX_TEXT / 2 && text.len() <= MAX_TEXT);
        assert!(fits(&list, &mut MAX_NODES.clone(), MAX_NESTED));
    }
}
