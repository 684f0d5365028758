//! What comparisons tell of what is compared.

use std::sync::Arc;

use crate::models::Kinds;
use crate::python::ast::CmpOp;
use crate::taint::body::Analyzer;
use crate::taint::eval::without;
use crate::taint::methods::is_constant;
use crate::taint::slices::slice_key;
use crate::taint::value::{Cond, Key, Konst, Label, Tree};

impl Analyzer<'_, '_> {
    /// The outcome of a comparison; `is_given` where the left is a parameter as the caller has passed it, `is_component`
    /// where it is a component of a path.
    pub(super) fn compare(
        &self,
        op: CmpOp,
        (left, right): (&Tree, &Tree),
        (is_given, is_component): (bool, bool),
    ) -> Arc<Tree> {
        // A component that is not `..` does not lead up either.
        let above = if is_component { Kinds::NOT_ABOVE } else { Kinds::NONE };
        let not_dots = Kinds::NOT_DOTS.with(above);
        self.test(left);
        self.test(right);
        if let Some(truth) = decided(op, left, right) {
            return Arc::new(Tree::konst(Konst::Bool(truth)));
        }
        let tainted = |tree: &Tree| !tree.all().is_empty();
        let cond = match op {
            CmpOp::Eq | CmpOp::NotEq | CmpOp::Is | CmpOp::IsNot => {
                let (subject, other) = if tainted(left) { (left, right) } else { (right, left) };
                let is_none = other.konst == Some(Konst::None);
                let none = |tree: &Tree| tree.konst == Some(Konst::None);
                let with_none = none(left) || none(right);
                let known = left.cond.as_ref().or(right.cond.as_ref());
                if let Some(cond) = known.filter(|cond| with_none && !cond.is_compared) {
                    // `error is None`, `match is None`: nothing was found.
                    let says_none = matches!(op, CmpOp::Eq | CmpOp::Is);
                    return self.cond(cond.compared(!says_none));
                }
                if let Some(cond) = known.filter(|_| !with_none) {
                    // `text.find("..") == -1`, `found == False`
                    let falsy =
                        |tree: &Tree| matches!(tree.konst, Some(Konst::Int(-1 | 0) | Konst::Bool(false)));
                    let is_other = matches!(op, CmpOp::NotEq | CmpOp::IsNot) != (falsy(left) || falsy(right));
                    return self.cond(cond.compared(!is_other));
                }
                if other.konst == Some(Konst::Str("-".into())) {
                    // `text[0] == "-"`
                    let no = self.of_wholes(subject, Kinds::named("argument").unwrap_or_default());
                    let cond = Cond::if_false(no);
                    if matches!(op, CmpOp::NotEq | CmpOp::IsNot) { cond.flipped() } else { cond }
                } else if is_none && is_given {
                    // What was looked up by a name may be `None` whatever the name is.
                    let cond = Cond::if_true(self.of_kinds(subject, Kinds::ALL.without(Kinds::TESTED)));
                    if matches!(op, CmpOp::NotEq | CmpOp::IsNot) { cond.flipped() } else { cond }
                } else if is_none || !tainted(subject) {
                    // `commonpath([base, path]) == base` compares what is made of the value.
                    Cond::default()
                } else {
                    // A value is as harmless as what it equals.
                    let like = |other: &Tree| {
                        let open = other.all().iter().fold(Kinds::NONE, |sum, label| sum.with(label.kinds));
                        Kinds::ALL.without(open)
                    };
                    let mut yes = self.of_kinds(subject, like(other));
                    yes.extend(self.of_kinds(other, like(subject)));
                    let mut cond = Cond::if_true(yes);
                    if other.konst == Some(Konst::Str("..".into())) {
                        // That it is `..` shows nothing of what it is a component of.
                        cond.yes.iter_mut().for_each(|(_, kinds)| {
                            *kinds = kinds.without(Kinds::NOT_DOTS.with(Kinds::NOT_ABOVE))
                        });
                        cond.no = self.of_kinds(subject, not_dots);
                    }
                    if matches!(op, CmpOp::NotEq | CmpOp::IsNot) { cond.flipped() } else { cond }
                }
            }
            CmpOp::In | CmpOp::NotIn => {
                let cond = self.is_within(left, right, not_dots);
                if op == CmpOp::NotIn { cond.flipped() } else { cond }
            }
            // `set(values) <= ALLOWED`
            CmpOp::Lt | CmpOp::LtE if tainted(left) && is_constant(right) => {
                Cond::if_true(self.all_kinds(left))
            }
            CmpOp::Gt | CmpOp::GtE if tainted(right) && is_constant(left) => {
                Cond::if_true(self.all_kinds(right))
            }
            // `text.find("..") >= 0`, `text.count("/") < 1`
            _ if !matches!(right.konst, Some(Konst::Int(-1..=1))) => Cond::default(),
            CmpOp::Gt | CmpOp::GtE => left.cond.as_deref().cloned().unwrap_or_default(),
            CmpOp::Lt | CmpOp::LtE => left.cond.as_deref().cloned().unwrap_or_default().flipped(),
        };
        self.cond(cond)
    }

    /// What `left in right` tells; `not_dots` is harmless of what is not `..`.
    fn is_within(&self, left: &Tree, right: &Tree, not_dots: Kinds) -> Cond {
        let tainted = |tree: &Tree| !tree.all().is_empty();
        if let Some(cond) = &right.cond {
            // `base in path.parents`
            cond.compared(true)
        } else if let Some(cond) = self.among(left, right) {
            cond
        } else if tainted(left) && !is_open(right) {
            let yes = if lists(right, left) { Vec::new() } else { self.all_kinds(left) };
            // `part in ("..", ".")`
            let is_dots = |(_, part): &(Key, Arc<Tree>)| part.konst == Some(Konst::Str("..".into()));
            let has_dots = right.fields.iter().any(is_dots);
            let no = if has_dots { self.of_kinds(left, not_dots) } else { Vec::new() };
            Cond { yes, no, ..Cond::default() }
        } else if let Some(Konst::Str(text)) = &left.konst {
            // Of the pieces of a text the text itself.
            let whole = Tree::labeled(right.labels.clone());
            let of = if right.labels.is_empty() { right } else { &whole };
            Cond::if_false(self.of_kinds(of, without(text)))
        } else {
            Cond::default()
        }
    }

    /// What the origins in a value are the first letters of, for `kinds`.
    fn of_wholes(&self, tree: &Tree, kinds: Kinds) -> Vec<(u32, Kinds)> {
        let first = [Key::Item(Konst::Int(0)), slice_key(":1")];
        let (parts, wholes) = (self.parts.borrow(), self.wholes.borrow());
        let whole = |label: &Label| {
            let whole = *wholes.get(&label.origin)?;
            let is_first = first.iter().any(|key| parts.get(&(whole, key.clone())) == Some(&label.origin));
            is_first.then_some((whole, kinds))
        };
        tree.labels.iter().filter_map(whole).collect()
    }
}

/// Whether the whole of a value may be anything.
fn is_open(tree: &Tree) -> bool {
    tree.labels.iter().any(|label| !label.kinds.is_empty())
}

/// Whether what is looked for was put into a list itself.
fn lists(list: &Tree, value: &Tree) -> bool {
    let is_element = |key: &Key| matches!(key, Key::Any | Key::Item(Konst::Int(_)));
    let is_it = |part: &Tree| {
        let open = value.labels.iter().filter(|label| !label.kinds.is_empty());
        open.clone().any(|label| part.labels.iter().any(|known| known.origin == label.origin))
    };
    list.fields.iter().any(|(key, part)| is_element(key) && is_it(part))
}

/// The outcome of a comparison of constants.
fn decided(op: CmpOp, left: &Tree, right: &Tree) -> Option<bool> {
    if matches!(op, CmpOp::In | CmpOp::NotIn) {
        let left = left.konst.as_ref()?;
        let found = match &right.konst {
            Some(Konst::Str(text)) => matches!(left, Konst::Str(part) if text.contains(&**part)),
            Some(_) => return None,
            None => {
                let parts: Option<Vec<&Konst>> =
                    right.fields.iter().map(|(_, part)| part.konst.as_ref()).collect();
                let parts = parts.filter(|parts| !parts.is_empty() && right.labels.is_empty())?;
                let keyed = right.fields.iter().all(|(key, _)| matches!(key, Key::Item(Konst::Str(_))));
                if keyed {
                    right.fields.iter().any(|(key, _)| matches!(key, Key::Item(key) if key == left))
                } else {
                    parts.contains(&left)
                }
            }
        };
        return Some(found == (op == CmpOp::In));
    }
    let (a, b) = (left.konst.as_ref()?, right.konst.as_ref()?);
    Some(match op {
        CmpOp::Eq | CmpOp::Is => a == b,
        CmpOp::NotEq | CmpOp::IsNot => a != b,
        CmpOp::Lt | CmpOp::LtE | CmpOp::Gt | CmpOp::GtE => {
            let order = match (a, b) {
                (Konst::Int(a), Konst::Int(b)) => a.cmp(b),
                (Konst::Str(a), Konst::Str(b)) => a.cmp(b),
                _ => return None,
            };
            match op {
                CmpOp::Lt => order.is_lt(),
                CmpOp::LtE => order.is_le(),
                CmpOp::Gt => order.is_gt(),
                _ => order.is_ge(),
            }
        }
        CmpOp::In | CmpOp::NotIn => return None,
    })
}
