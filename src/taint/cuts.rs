//! Texts that are cut: what the last piece cannot hold any more.

use std::sync::Arc;

use crate::models::Kinds;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::state::State;
use crate::taint::value::{Key, Konst, Tree};

impl Analyzer<'_, '_> {
    /// Notes that a text begins with no slash any more: `name.lstrip("/")`.
    pub(super) fn unroot(&self, state: &mut State, text: &mut Tree) {
        let key = Key::Item(Konst::Str("\0unrooted".into()));
        for label in &mut text.labels {
            let whole = label.origin;
            label.origin = self.apart(whole, key.clone());
            self.note_part(label.origin, whole);
            state.clear(label.origin, Kinds::NOT_ROOTED);
        }
    }

    /// `text.split("/")`, `name.rsplit(".", 1)`: the last piece holds no separator. `None` for other cuts.
    pub(super) fn cut(site: &Site<'_>, text: &Tree) -> Option<Arc<Tree>> {
        let at = match &site.positional(0)?.0.konst {
            Some(Konst::Str(at)) => Arc::clone(at),
            _ => return None,
        };
        let is_last = match site.method {
            "split" => site.args.len() == 1,
            "rsplit" | "rpartition" => true,
            _ => false,
        };
        if matches!(site.method, "partition" | "rpartition")
            && !matches!(&*at, "/" | "\\" | ".")
            && !text.labels.is_empty()
        {
            return Some(Arc::new(parted(site.method, text, &at)));
        }
        // Without a dot there is no `..`, and without a slash no other directory.
        if !is_last || !matches!(&*at, "/" | "\\" | ".") || text.labels.is_empty() {
            return None;
        }
        let mut pieces = Tree::labeled(text.labels.clone());
        let piece = Arc::new(without_path(text));
        pieces.store(&[Key::Item(Konst::Int(-1))], &piece);
        let limit = site.positional(1).and_then(|(limit, _)| limit.konst.clone());
        if limit == Some(Konst::Int(1)) {
            pieces.store(&[Key::Item(Konst::Int(1))], &piece);
        } else if site.method == "rpartition" {
            pieces.store(&[Key::Item(Konst::Int(1))], &Arc::default());
            pieces.store(&[Key::Item(Konst::Int(2))], &piece);
        }
        Some(Arc::new(pieces))
    }

    /// `os.path.splitext(path)`, `os.path.split(path)`.
    pub(super) fn cut_path(site: &Site<'_>) -> Option<Arc<Tree>> {
        if !matches!(
            site.path,
            "os.path.splitext" | "os.path.split" | "posixpath.splitext" | "posixpath.split"
        ) {
            return None;
        }
        let path = site.positional(0)?.0;
        let last = Arc::new(without_path(path));
        Some(Arc::new(Tree::list([Arc::new(Tree::labeled(path.all())), last])))
    }
}

/// `text.partition(at)`: in its middle stands nothing but `at`; what stands before may be known.
fn parted(method: &str, text: &Tree, at: &str) -> Tree {
    let mut pieces = Tree::labeled(text.labels.clone());
    pieces.store(&[Key::Item(Konst::Int(1))], &Arc::default());
    let before = text.beginning().and_then(|known| known.split_once(at)).filter(|_| method == "partition");
    if let Some((before, _)) = before {
        pieces.store(&[Key::Item(Konst::Int(0))], &Arc::new(Tree::konst(Konst::Str(before.into()))));
    }
    pieces
}

fn without_path(text: &Tree) -> Tree {
    let path = Kinds::named("path").unwrap_or_default();
    let mut piece = Tree::labeled(text.all());
    for label in &mut piece.labels {
        label.kinds = label.kinds.without(path);
    }
    piece
}
