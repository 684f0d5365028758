//! What assignments and the methods of containers put into values.

use std::sync::Arc;

use crate::ir::{Operand, Place, Step};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::secrets::kept_at;
use crate::taint::state::{State, Var};
use crate::taint::value::{Key, Konst, Tree};
use crate::text::Span;

impl Analyzer<'_, '_> {
    pub(super) fn store(&self, state: &mut State, place: Place, value: Operand, span: Span) {
        let tree = self.value(state, value);
        if self.assigned(state, place, &tree, span) {
            return;
        }
        // `copy[key] = value` for each of `mapping.items()`.
        if let Some((_, Step::Key(key))) = self.module.unit.paths.split(place.path)
            && let Some((mapping, at)) = self.mapping_of(key, value)
        {
            let mapping = self.load(state, mapping, at);
            self.gain_entries(state, place, &mapping, span);
            return;
        }
        self.put(state, place, &tree, span);
        self.write_cell(state, place, &tree, span);
    }

    pub(super) fn put(&self, state: &mut State, place: Place, tree: &Arc<Tree>, span: Span) {
        let path = self.keys(state, place);
        let tree = &kept_at(&path, tree);
        if let Some(keys) = self.keys_among(state, place) {
            // It is each of these in its round.
            if let Some((var, path)) = self.located(place.base, &path)
                && let Some((_, at)) = path.split_last()
            {
                self.know_outer(state, var, &path);
                let all = keys.into_iter().map(|key| [at, &[key][..]].concat());
                let add = |known: &mut Tree| {
                    self.open(known, at);
                    all.for_each(|path| {
                        known.join_at(&path, tree);
                    });
                };
                self.mutate(state, (var, at), add, span);
            }
            return;
        }
        match self.located(place.base, &path) {
            Some((Var::Local(local), path)) if path.is_empty() => self.bind(state, local, Arc::clone(tree)),
            Some((var, path)) => {
                self.know_outer(state, var, &path);
                match path.split_last() {
                    Some((_, at)) => {
                        self.mutate(state, (var, at), |known| self.put_at(known, &path, tree), span);
                    }
                    None => state.set(var, Arc::clone(tree)),
                }
            }
            None => {}
        }
    }

    /// Takes what is at a place away: in a list what stands behind moves.
    pub(super) fn delete(&self, state: &mut State, place: Place, span: Span) {
        let path = self.keys(state, place);
        if let Some((Key::Item(Konst::Int(index)), before)) = path.split_last()
            && let Some((var, before)) = self.located(place.base, before)
            && let Some(list) = state.get(var).map(|tree| self.along(tree, &before))
            && let Some(mut items) = list.items().filter(|items| !items.is_empty())
            && let Ok(length) = i64::try_from(items.len())
            && let Ok(at) = usize::try_from(if *index < 0 { index + length } else { *index })
            && at < items.len()
        {
            items.remove(at);
            state.change(var, |tree| self.put_at(tree, &before, &Arc::new(Tree::list_of(items, &[&list]))));
            return;
        }
        self.put(state, place, &Arc::default(), span);
    }

    /// Puts a value at `path` in another.
    fn put_at(&self, tree: &mut Tree, path: &[Key], value: &Arc<Tree>) {
        if let Some((_, before)) = path.split_last() {
            self.open(tree, before);
        }
        tree.store(path, value);
    }

    /// Tells the parts on the way to `path` apart: what else is there is the part of the whole, and no other part of it.
    pub(super) fn open(&self, tree: &mut Tree, path: &[Key]) {
        let Some((key @ (Key::Attr(_) | Key::Item(_)), rest)) = path.split_first() else { return };
        if tree.field(key).is_none() {
            let part = self.part(tree, key);
            tree.store(std::slice::from_ref(key), &part);
        }
        if let Ok(at) = tree.fields.binary_search_by(|(known, _)| known.cmp(key)) {
            self.open(Arc::make_mut(&mut tree.fields[at].1), rest);
        }
    }

    /// Stores into what a method is called on.
    pub(super) fn fill(&self, state: &mut State, site: &Site<'_>, path: &[Key], value: &Arc<Tree>) {
        let Some(place) = self.receiver_place(site.call) else { return };
        if let Some((var, before)) = self.located(place.base, &self.keys(state, place)) {
            let entry = self.entry_of(state, place);
            let full = [&before[..], path].concat();
            self.know_outer(state, var, &full);
            self.mutate(state, (var, &before), |tree| self.put_at(tree, &full, value), site.call.span);
            self.write_cell(state, place, &left_at(path, value), site.call.span);
            if let (Some((at, key)), Some(filled)) = (entry, state.get(var).cloned()) {
                let part = [&at.1[..], std::slice::from_ref(&key)].concat();
                state.change(at.0, |tree| self.put_at(tree, &part, &filled));
            }
        }
    }

    /// The entry that a value is which `setdefault` has just given: `groups.setdefault(name, []).append(text)`.
    fn entry_of(&self, state: &State, place: Place) -> Option<((Var, Vec<Key>), Key)> {
        let Operand::Local(local) = place.base else { return None };
        if self.body.locals[local].name.is_some() || place != Place::bare(place.base) {
            return None;
        }
        let made = self.body.calls.iter().find(|call| call.to == local)?;
        if self.module.unit.text(made.method) != "setdefault" {
            return None;
        }
        let of = self.receiver_place(made)?;
        let at = self.located(of.base, &self.keys(state, of))?;
        let key = self.value(state, made.positional(0)?.value).konst.clone();
        Some((at, key.map_or(Key::Any, Key::Item)))
    }

    /// Puts entries of `mapping` under their own keys into the mapping that the entry at `place` is put in.
    fn gain_entries(&self, state: &mut State, place: Place, mapping: &Tree, span: Span) {
        let path = self.keys(state, place);
        let Some((var, path)) = self.located(place.base, &path) else { return };
        let Some((_, at)) = path.split_last() else { return };
        let add = |known: &mut Tree| {
            self.open(known, at);
            let gained =
                Tree { labels: mapping.labels.clone(), fields: mapping.fields.clone(), ..Tree::default() };
            known.join_at(at, &gained);
        };
        self.mutate(state, (var, at), add, span);
        self.write_cell(state, place, &Arc::new(Tree::labeled(mapping.all())), span);
    }

    /// Puts all that `gained` has into the mapping or list at `place`.
    pub(super) fn gain(&self, state: &mut State, place: Place, gained: &Tree, span: Span) {
        let Some((var, path)) = self.located(place.base, &self.keys(state, place)) else { return };
        self.know_outer(state, var, &[Key::Any]);
        let add = |tree: &mut Tree| {
            self.open(tree, &path);
            for (key, part) in &gained.fields {
                tree.store(&[&path[..], std::slice::from_ref(key)].concat(), part);
            }
            if !gained.labels.is_empty() {
                let part = Tree::labeled(gained.labels.clone());
                tree.join_at(&[&path[..], &[Key::Any]].concat(), &part);
            }
        };
        self.mutate(state, (var, &path), add, span);
        let mut left = Tree::labeled(gained.labels.clone());
        for (key, part) in &gained.fields {
            match key {
                Key::Any => part.all().iter().for_each(|label| {
                    left.add(label);
                }),
                _ => left.store(std::slice::from_ref(key), part),
            }
        }
        self.write_cell(state, place, &Arc::new(left), span);
    }
}

/// What is left in a cell of what a container is given at `path`: records with their parts told apart.
fn left_at(path: &[Key], value: &Arc<Tree>) -> Arc<Tree> {
    let is_record = value.labels.is_empty() && value.class.is_none() && !value.fields.is_empty();
    let labels = || Arc::new(Tree::labeled(value.all()));
    let part = match path {
        // Where a list ends is not known where it outlives the call.
        [Key::Any | Key::Item(Konst::Int(_))] if is_record => (Key::Any, Arc::clone(value)),
        [key @ Key::Item(_)] => (key.clone(), labels()),
        _ => return labels(),
    };
    let mut whole = Tree::default();
    whole.store(&[part.0], &part.1);
    Arc::new(whole)
}
