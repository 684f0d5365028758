//! What `functools.partial` gives a function beforehand. It is kept beside the function too, as a part of the value, so
//! that it goes where parts go: through what functions return, and into attributes.

use std::sync::Arc;

use crate::ir::ArgKind;
use crate::program::Meaning;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::value::{Callee, FuncRef, Key, Konst, Tree, bound_key};

impl Analyzer<'_, '_> {
    /// What `functools.partial` gives a function by name: a library's is asked what is written there, as in a call.
    pub(super) fn named_for(&self, site: &Site<'_>, func: &Callee) -> Option<Arc<Tree>> {
        let mut named = self.by_name(site)?;
        for (arg, tree) in site.call.args.iter().zip(&site.args) {
            let (ArgKind::Keyword(name), Callee::Outside(_), true) = (arg.kind, func, tree.is_plain()) else {
                continue;
            };
            let written = match self.meaning(arg.value) {
                Some(Meaning::Outside(path)) => path,
                _ => self.file.slice(arg.span).trim_end_matches([')', ' ']),
            };
            let known = Arc::new(Tree { prefix: Some(written.into()), ..Tree::default() });
            let key = Key::Item(Konst::Str(self.module.unit.text(name).into()));
            Arc::make_mut(&mut named).store(&[key], &known);
        }
        Some(named)
    }
}

/// Keeps the arguments of functions beside them, where any is tainted.
pub(super) fn keep_bound(tree: &mut Tree) {
    let mut kept = Tree::default();
    for func in &tree.funcs {
        let named = func.named.as_ref();
        let is_tainted = |tree: &Arc<Tree>| tree.is_tainted();
        if !func.bound.iter().any(is_tainted) && !named.is_some_and(is_tainted) {
            continue;
        }
        for (index, given) in (0..).zip(&func.bound) {
            kept.join_at(&[Key::Item(Konst::Int(index))], given);
        }
        named.into_iter().flat_map(|named| &named.fields).for_each(|(key, given)| {
            kept.join_at(std::slice::from_ref(key), given);
        });
    }
    if !kept.fields.is_empty() {
        tree.store(&[bound_key()], &Arc::new(kept));
    }
}

/// A function with the arguments that are kept beside it.
pub(super) fn with_bound(func: FuncRef, kept: Option<&Arc<Tree>>) -> FuncRef {
    let Some(kept) = kept else { return func };
    let given = |index: usize| kept.field(&Key::Item(Konst::Int(i64::try_from(index).ok()?))).cloned();
    let bound = func.bound.iter().enumerate();
    let bound = bound.map(|(index, own)| given(index).unwrap_or_else(|| Arc::clone(own))).collect();
    let named = func.named.as_ref().map(|named| {
        let mut named = Tree::clone(named);
        for (key, part) in &mut named.fields {
            if let Some(given) = kept.field(key) {
                *part = Arc::clone(given);
            }
        }
        Arc::new(named)
    });
    FuncRef { bound, named, ..func }
}
