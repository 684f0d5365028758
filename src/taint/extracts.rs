//! Smaller values that are taken from a value: what leaves its function, what is bound to a function.

use std::sync::Arc;

use crate::taint::limits::{MAX_DEPTH, MAX_SHAPE};
use crate::taint::value::{FuncRef, Label, Tree, add, is_inner};

impl Tree {
    /// It with one level of parts, and without functions: what is bound to a function may hold that function.
    pub(super) fn shallow(&self) -> Arc<Self> {
        let part = |part: &Self| Self {
            konst: part.konst.clone(),
            class: part.class,
            maybe: part.maybe.clone(),
            object: part.object,
            ..Self::labeled(part.all())
        };
        let fields = self.fields.iter().map(|(key, at)| (key.clone(), Arc::new(part(at)))).collect();
        Arc::new(Self {
            fields,
            konst: self.konst.clone(),
            class: self.class,
            maybe: self.maybe.clone(),
            object: self.object,
            ..Self::labeled(self.labels.clone())
        })
    }

    /// Forgets what is known of it as a whole, taint aside.
    pub(super) fn forget_text(&mut self) {
        (self.konst, self.prefix, self.ending, self.cond) = (None, None, None, None);
        self.may = [false; 2];
        self.among = None;
    }

    /// All labels in it, but those in instances of the program's classes, whose attributes stand for themselves.
    pub(super) fn own(&self) -> Vec<Label> {
        let mut all = Vec::new();
        let mut todo = vec![self];
        while let Some(tree) = todo.pop() {
            tree.labels.iter().filter(|label| !label.kinds.is_empty()).for_each(|label| {
                add(&mut all, label);
            });
            if tree.class.is_none() {
                todo.extend(tree.fields.iter().filter(|(key, _)| !is_inner(key)).map(|(_, part)| &**part));
            }
        }
        all
    }

    /// It without taint, as deep as fits into a few nodes.
    pub(super) fn without_labels(&self) -> Self {
        (0..=MAX_DEPTH)
            .rev()
            .find_map(|depth| {
                let mut left = MAX_SHAPE;
                self.cut(depth, &mut left)
            })
            .unwrap_or_default()
    }

    /// It without taint and without what is deeper than `depth`; `None` if that has more than `left` nodes.
    fn cut(&self, depth: usize, left: &mut usize) -> Option<Self> {
        *left = left.checked_sub(1)?;
        let mut fields = Vec::new();
        for (key, part) in self.fields.iter().filter(|_| depth > 0) {
            fields.push((key.clone(), Arc::new(part.cut(depth - 1, left)?)));
        }
        let mut funcs = Vec::new();
        for func in &self.funcs {
            let bound: Option<Vec<Arc<Self>>> = func
                .bound
                .iter()
                .map(|part| Some(Arc::new(part.cut(depth.saturating_sub(1), left)?)))
                .collect();
            let named = match &func.named {
                Some(named) => Some(Arc::new(named.cut(depth.saturating_sub(1), left)?)),
                None => None,
            };
            funcs.push(FuncRef { bound: bound?, named, frame: None, ..func.clone() });
        }
        Some(Self {
            konst: self.konst.clone(),
            may: self.may,
            prefix: self.prefix.clone(),
            ending: self.ending.clone(),
            fields,
            class: self.class,
            maybe: self.maybe.clone(),
            object: self.object,
            funcs,
            ragged: self.ragged,
            // Rounds of a loop end with the function.
            among: self.among.clone().filter(|among| among.of.is_none()),
            ..Self::default()
        })
    }
}
