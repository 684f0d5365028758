//! What variables hold at a point.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::flow::Lattice;
use crate::ir::{Operand, Step};

/// An origin by its number, and whether only a part of it is left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Taint {
    pub(super) origin: usize,
    pub(super) part: bool,
}

/// What one variable holds: taints by path from it. No entry at all: harmless.
#[derive(Clone, Default, PartialEq, Debug)]
pub(super) struct Value(pub(super) Vec<(Vec<Step>, Vec<Taint>)>);

/// What is known at a point; a variable that is absent is unknown.
#[derive(Clone, Default)]
pub(crate) struct State {
    pub(super) held: FxHashMap<Operand, Rc<Value>>,
    pub(super) unguarded: bool,
}

impl Lattice for State {
    fn join(&mut self, other: &Self) -> bool {
        let mut grew = other.unguarded && !self.unguarded;
        self.unguarded |= other.unguarded;
        for (var, value) in &other.held {
            match self.held.get_mut(var) {
                Some(old) if Rc::ptr_eq(old, value) || old == value => {}
                Some(old) => {
                    for (path, taints) in &value.0 {
                        if !old.holds(path, taints) {
                            grew |= Rc::make_mut(old).add(path, taints);
                        }
                    }
                }
                None => {
                    self.held.insert(*var, Rc::clone(value));
                    grew = true;
                }
            }
        }
        grew
    }
}

impl Value {
    pub(super) fn whole(taints: Vec<Taint>) -> Self {
        Self(if taints.is_empty() { Vec::new() } else { vec![(Vec::new(), taints)] })
    }

    fn holds(&self, path: &[Step], taints: &[Taint]) -> bool {
        let known = self.0.iter().find(|(known, _)| known == path);
        known.is_some_and(|(_, known)| taints.iter().all(|taint| known.contains(taint)))
    }

    /// Joins `taints` in at `path`.
    pub(super) fn add(&mut self, path: &[Step], taints: &[Taint]) -> bool {
        let index = self.0.iter().position(|(known, _)| known == path).unwrap_or_else(|| {
            self.0.push((path.to_vec(), Vec::new()));
            self.0.len() - 1
        });
        let known = &mut self.0[index].1;
        let before = known.len();
        known.extend(taints);
        known.sort_unstable();
        known.dedup();
        known.len() > before
    }

    /// All taints in it.
    pub(super) fn all(&self) -> Vec<Taint> {
        let mut all: Vec<Taint> = self.0.iter().flat_map(|(_, taints)| taints).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Sets what is at `path`; an unknown key only adds.
    pub(super) fn store(&mut self, path: &[Step], value: &Self) {
        if !path.contains(&Step::Element) {
            self.0.retain(|(known, _)| !known.starts_with(path));
            self.0.push((path.to_vec(), Vec::new()));
        }
        for (inner, taints) in &value.0 {
            self.add(&[path, inner].concat(), taints);
        }
    }
}
