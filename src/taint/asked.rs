//! What is read under a key that is not known. In: the part that any key may give. Out: the same, with origins of its own
//! for each way in which the key is written, so that `words[at] == "run"` tells nothing of `words[at + 1]`.
//!
//! Two keys that are written alike are one until a variable in them is assigned anew; whether two keys that are written
//! differently are the same is not asked.

use std::rc::Rc;
use std::sync::Arc;

use crate::ir::{LocalId, Operand, Step};
use crate::taint::apply::Bound;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::secrets::is_hidden;
use crate::taint::state::State;
use crate::taint::summary::{Port, Summary};
use crate::taint::value::{Key, Konst, Label, Tree};
use crate::text::Span;

impl Analyzer<'_, '_> {
    /// Gives what was read by `steps[index]` the origins of its key.
    pub(super) fn apart_by_key(&self, part: &mut Arc<Tree>, (steps, index): (&[Step], usize), span: Span) {
        let is_open = |label: &Label| !label.kinds.is_empty() && !is_hidden(label.kinds);
        if !part.labels.iter().any(is_open) {
            return;
        }
        let Some(written) = self.written_key((steps, index), span) else { return };
        let names = || written.split(|c: char| !c.is_alphanumeric() && c != '_');
        let of_key: Vec<LocalId> = self
            .body
            .locals
            .pairs()
            .filter(|(_, data)| {
                data.name.is_some_and(|name| names().any(|word| word == self.module.unit.text(name)))
            })
            .map(|(local, _)| local)
            .collect();
        let key = Key::Item(Konst::Str(format!("\0at {written}").into()));
        for label in Arc::make_mut(part).labels.iter_mut().filter(|label| is_open(label)) {
            label.origin = self.aspect(label.origin, &key);
            let mut asked = self.asked.borrow_mut();
            for local in &of_key {
                let known = asked.entry(*local).or_default();
                if !known.contains(&label.origin) {
                    known.push(label.origin);
                }
            }
        }
    }

    /// Forgets what is shown of entries whose key the callee decides: it may be another one than before.
    pub(super) fn read_anew(&self, state: &mut State, site: &Site<'_>, summary: &Summary, bound: &Bound) {
        for (_, from) in &summary.returns {
            let labels = match &from.port {
                Port::Param(index, path) if path.contains(&Key::Any) => match bound.get(*index) {
                    Some(Some(given)) => self.opened(site, given, path),
                    _ => continue,
                },
                Port::Outer(name, path) if path.contains(&Key::Any) => {
                    Rc::new(self.along(&self.outer(state, *name), path).all())
                }
                _ => continue,
            };
            for label in labels.iter() {
                if self.is_of_any(label.origin) {
                    state.settle(label.origin);
                }
            }
        }
    }

    /// How the key of `steps[index]` is written; `None` where nothing is.
    fn written_key(&self, (steps, index): (&[Step], usize), span: Span) -> Option<String> {
        if let Step::Key(key) = steps[index] {
            return Some(match key {
                Operand::Local(local) => self.module.unit.text(self.body.locals[local].name?).to_owned(),
                Operand::Global(name) => self.module.unit.text(name).to_owned(),
                Operand::Const(_) => return None,
            });
        }
        let is_key = |step: &&Step| !matches!(step, Step::Attr(_));
        let at = steps[..index].iter().filter(is_key).count();
        let written = subscripts(self.file.slice(span)).into_iter().nth(at)?;
        Some(written.split_whitespace().collect())
    }

    /// Forgets what checks have shown of what was read under a key with `local` in it, which is assigned anew.
    pub(super) fn ask_anew(&self, state: &mut State, local: LocalId) {
        let asked = self.asked.borrow();
        for origin in asked.get(&local).into_iter().flatten() {
            state.settle(*origin);
        }
    }
}

/// What stands between brackets of `source` that lie in no others.
fn subscripts(source: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0_i32, 0, Vec::new());
    for (at, c) in source.char_indices() {
        match c {
            '[' | '(' | '{' => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            ']' | ')' | '}' => {
                depth -= 1;
                if depth == 0 && c == ']' && start > 0 {
                    found.push(&source[start + 1..at]);
                }
            }
            _ => {}
        }
    }
    found
}
