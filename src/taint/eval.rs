//! What expressions make of what goes in.

use std::sync::{Arc, OnceLock};

use crate::ir::{Const, Operand, Rvalue};
use crate::models::Kinds;
use crate::program::SHOWN;
use crate::python::ast::{CmpOp, Operator, UnaryOp};
use crate::taint::body::Analyzer;
use crate::taint::secrets::{hidden, without as bare};
use crate::taint::state::State;
use crate::taint::summary::LONGER;
use crate::taint::texts::{quoted, set_path, text_of};
use crate::taint::typed::text_alone;
use crate::taint::value::{Cond, Key, Konst, Label, Tree, is_inner, literal};
use crate::text::Span;

impl Analyzer<'_, '_> {
    /// Notes what text from outside does as a key: it may be an operator of a document store.
    fn add_operators(&self, key: &Tree, tree: &mut Tree) {
        let nosql = Kinds::named("nosql").unwrap_or_default();
        for label in key.labels.iter().filter(|label| !label.kinds.and(nosql).is_empty()) {
            tree.add(&Label { kinds: nosql.with(text_alone()), ..label.clone() });
        }
    }

    #[expect(clippy::too_many_lines, reason = "a flat match, one arm a form of expression")]
    pub(super) fn rvalue(&self, state: &mut State, value: &Rvalue, span: Span) -> Arc<Tree> {
        match value {
            Rvalue::Use(operand) => self.value_at(state, *operand, span),
            Rvalue::Enter(operand) => self.entered(state, *operand, span),
            Rvalue::Spread(operand) => {
                let mut tree = Tree::default();
                tree.fields.push((spread(), self.value_at(state, *operand, span)));
                Arc::new(tree)
            }
            Rvalue::Load(place) => self.load(state, *place, span),
            Rvalue::Binary(op, at_left, at_right) => {
                let template = *at_left;
                let (left, mut right) =
                    (self.value_at(state, *at_left, span), self.value_at(state, *at_right, span));
                if let Some(made) = self.operated(state, *op, [(*at_left, &left), (*at_right, &right)], span)
                {
                    return made;
                }
                if *op == Operator::Mod {
                    right = self.shown_each(state, right, span);
                }
                if *op == Operator::Add && !left.fields.is_empty() {
                    right = self.listed(state, &right);
                }
                let tree = self.binary((*op, template), &left, &right);
                let is_text = matches!(op, Operator::Add | Operator::Mod);
                if *op == Operator::Mod {
                    self.depend_on_list(template);
                }
                Arc::new(if is_text { self.built(tree, span) } else { tree })
            }
            Rvalue::Unary(op, operand) => {
                let tree = self.with_ways(state, *operand, self.value_at(state, *operand, span));
                self.test(&tree);
                Arc::new(unary(*op, &tree))
            }
            Rvalue::Compare(op, left, right) => {
                if let Some(found) = self.contained(state, *op, (*left, *right), span) {
                    return found;
                }
                let is_none = matches!(right, Operand::Const(Const::None));
                if let (true, CmpOp::Is | CmpOp::IsNot) = (is_none && self.is_given_function(*left), op) {
                    return Arc::new(Tree::konst(Konst::Bool(*op == CmpOp::IsNot)));
                }
                let is_given = is_none && self.is_as_given(*left);
                let is_component = self.is_component(*left);
                let (left, right) = (self.value_at(state, *left, span), self.value_at(state, *right, span));
                self.compare(*op, (&left, &right), (is_given, is_component))
            }
            Rvalue::Format(parts) => {
                let value = |part: &Operand| {
                    let value = self.value_at(state, *part, span);
                    let value = if self.is_container(*part, 3) { Arc::new(quoted(&value)) } else { value };
                    self.shown_of(state, (*part, value), SHOWN, span)
                };
                let parts: Vec<Arc<Tree>> = parts.iter().map(value).collect();
                Arc::new(self.built(text_of(&parts), span))
            }
            Rvalue::Slice(operand, bounds_of) => {
                let tree = self.value_at(state, *operand, span);
                let text = self.file.slice(span);
                let bounds = text.strip_suffix(']').and_then(|text| text.rsplit_once('['));
                let bounds = bounds.map_or_else(|| starred(bounds_of), |(_, bounds)| bounds.to_owned());
                Arc::new(self.sliced(&tree, &bounds))
            }
            Rvalue::List(items) | Rvalue::Tuple(items) | Rvalue::Set(items) => {
                let mut tree = Tree::default();
                let (mut index, mut ragged) = (0, false);
                let mut push = |tree: &mut Tree, value: &Arc<Tree>| {
                    let key = if index < 20 { Key::Item(Konst::Int(index)) } else { Key::Any };
                    tree.store(&[key], value);
                    index += 1;
                };
                for item in items {
                    let value = self.value_at(state, *item, span);
                    match &value.fields[..] {
                        [(key, list)] if *key == spread() => match list.items() {
                            Some(items) => {
                                ragged |= list.sure_len().is_none();
                                items.iter().for_each(|item| push(&mut tree, item));
                            }
                            // Any number of elements stands for one, so that the order is kept; the first of all is
                            // the one that the list has.
                            None => {
                                let items = self.spread(&self.listed(state, list), tree.fields.is_empty());
                                items.iter().for_each(|item| push(&mut tree, item));
                            }
                        },
                        _ => push(&mut tree, &value),
                    }
                }
                tree.ragged = ragged;
                Arc::new(tree)
            }
            Rvalue::Dict(items) => {
                let mut tree = Tree::default();
                for (key, item) in items {
                    let value = self.value_at(state, *item, span);
                    match key {
                        Some(Operand::Const(constant)) => {
                            let key = literal(self.module, *constant).map_or(Key::Any, Key::Item);
                            tree.store(&[key], &value);
                        }
                        Some(key) => {
                            let given = self.value_at(state, *key, span);
                            self.add_operators(&given, &mut tree);
                            let known = given.konst.clone();
                            // Which of several entries is the secret nobody knows any more.
                            let is_mixed = known.is_none() && items.len() > 1;
                            if is_mixed {
                                hidden(&value).iter().for_each(|label| {
                                    tree.add(label);
                                });
                            }
                            let value = if is_mixed { bare(&value) } else { value };
                            tree.store(&[known.map_or(Key::Any, Key::Item)], &value);
                        }
                        None => {
                            for (key, part) in &value.fields {
                                tree.store(std::slice::from_ref(key), part);
                            }
                            value.labels.iter().for_each(|label| {
                                tree.add(label);
                            });
                        }
                    }
                }
                Arc::new(tree)
            }
            Rvalue::Next(operand) => {
                let tree = self.value_at(state, *operand, span);
                let tree = self.iterated(state, *operand, tree, span);
                self.element(&self.listed(state, &tree))
            }
            Rvalue::Function(id) => self.func_value(self.own_func(*id)),
            Rvalue::Matches(subject, parts) => {
                let subject = self.value_at(state, *subject, span);
                self.test(&subject);
                let values: Vec<Arc<Tree>> =
                    parts.iter().map(|part| self.value_at(state, *part, span)).collect();
                let constants: Option<Vec<&Konst>> = values.iter().map(|part| part.konst.as_ref()).collect();
                let constants = constants.filter(|constants| !constants.is_empty());
                if let (Some(constants), Some(konst)) = (&constants, &subject.konst) {
                    return Arc::new(Tree::konst(Konst::Bool(constants.contains(&konst))));
                }
                let constant = constants.is_some();
                let yes = if constant { self.all_kinds(&subject) } else { Vec::new() };
                self.cond(Cond::if_true(yes))
            }
            Rvalue::Class(_) | Rvalue::Caught(_) => Arc::default(),
            Rvalue::Opaque(parts) => {
                let mut tree = Tree::default();
                for part in parts {
                    self.value_at(state, *part, span).all().iter().for_each(|label| {
                        tree.add(label);
                    });
                }
                Arc::new(tree)
            }
        }
    }

    /// A text, with the place where it is made on the way of what it is made of.
    pub(super) fn built(&self, mut text: Tree, span: Span) -> Tree {
        static CAPTION: OnceLock<Arc<str>> = OnceLock::new();
        if !text.fields.is_empty() {
            return text;
        }
        for label in text.labels.iter_mut().filter(|label| !label.kinds.is_empty()) {
            let caption = CAPTION.get_or_init(|| LONGER.into());
            // A loop comes by again, and of `"a" + x + "b"` the pieces are one text.
            let is_told = label.via.as_ref().is_some_and(|hops| {
                let (hop, is_here) = (&hops.hop, hops.hop.file == self.module.file);
                is_here && (hop.span == span || hop.caption == *caption && span.contains(hop.span))
            });
            if !is_told {
                *label = label.after(self.hop(span, Arc::clone(caption)));
            }
        }
        text
    }

    fn binary(&self, (op, template): (Operator, Operand), left: &Tree, right: &Tree) -> Tree {
        let number = |tree: &Tree| match tree.konst {
            Some(Konst::Int(n)) => Some(n),
            Some(Konst::Bool(value)) => Some(i64::from(value)),
            _ => None,
        };
        if let (Some(a), Some(b)) = (number(left), number(right)) {
            let result = match op {
                Operator::Add => a.checked_add(b),
                Operator::Sub => a.checked_sub(b),
                Operator::Mult => a.checked_mul(b),
                Operator::FloorDiv if b != 0 => Some(a.div_euclid(b)).filter(|_| b > 0),
                Operator::Mod if b > 0 => Some(a.rem_euclid(b)),
                Operator::BitAnd => Some(a & b),
                Operator::BitOr => Some(a | b),
                Operator::BitXor => Some(a ^ b),
                Operator::LShift if (0..32).contains(&b) => a.checked_shl(u32::try_from(b).unwrap_or(0)),
                Operator::RShift if (0..63).contains(&b) => Some(a >> b),
                Operator::Pow if (0..20).contains(&b) => a.checked_pow(u32::try_from(b).unwrap_or(0)),
                _ => None,
            };
            return result.map_or_else(Tree::default, |n| Tree::konst(Konst::Int(n)));
        }
        match op {
            Operator::Add => {
                let is_part = |key: &Key| !matches!(key, Key::Attr(_)) && !is_inner(key);
                let has_parts = |tree: &Tree| tree.fields.iter().any(|(key, _)| is_part(key));
                if has_parts(left) || has_parts(right) {
                    return joined(left, right);
                }
                text_of(&[Arc::new(left.clone()), Arc::new(right.clone())])
            }
            // `"%s" % value`, `base / name`, `{} | other`
            Operator::Mod => {
                if let Some(text) = self.filled_in(template, left, right) {
                    return text;
                }
                let mut tree = Tree::labeled(left.labels.clone());
                right.all().iter().for_each(|label| {
                    tree.add(label);
                });
                let beginning = left.beginning().and_then(|text| text.split('%').next());
                tree.prefix = beginning.filter(|text| !text.is_empty()).map(Into::into);
                tree
            }
            Operator::BitOr => joined(left, right),
            // `set(values) - ALLOWED`
            Operator::Sub if !right.is_tainted() => {
                let no = self.all_kinds(left);
                Tree { cond: self.cond(Cond::if_false(no)).cond.clone(), ..Tree::default() }
            }
            Operator::Mult | Operator::Div => {
                let mut tree = Tree::labeled(left.all());
                right.all().iter().for_each(|label| {
                    tree.add(label);
                });
                if op == Operator::Div {
                    set_path(&mut tree, &[left, right]);
                }
                if op == Operator::Mult
                    && let (Some(Konst::Str(text)), Some(Konst::Int(n @ 0..=64))) =
                        (&left.konst, &right.konst)
                {
                    tree.konst = Some(Konst::Str(text.repeat(usize::try_from(*n).unwrap_or(0)).into()));
                }
                tree
            }
            _ => Tree::default(),
        }
    }

    /// All origins in a value, for all kinds.
    pub(super) fn all_kinds(&self, tree: &Tree) -> Vec<(u32, Kinds)> {
        self.of_kinds(tree, Kinds::ALL)
    }

    pub(super) fn of_kinds(&self, tree: &Tree, kinds: Kinds) -> Vec<(u32, Kinds)> {
        if kinds.is_empty() {
            return Vec::new();
        }
        // What a part of the value was not dangerous for, a check of the part says nothing about.
        let of = |label: &Label| (label.origin, kinds.and(label.kinds).and(Kinds::CHECKED));
        let mut all: Vec<(u32, Kinds)> = tree.all().iter().map(of).collect();
        all.retain(|(_, kinds)| !kinds.is_empty());
        let before = |(origin, kinds): &(u32, Kinds)| {
            let kinds = *kinds;
            self.before(*origin).map(move |before| (before, kinds)).collect::<Vec<_>>()
        };
        let before: Vec<(u32, Kinds)> = all.iter().flat_map(before).collect();
        all.extend(before);
        all.sort_unstable();
        all
    }
}

/// The bounds of what a starred target takes.
fn starred(bounds: &[Operand]) -> String {
    let bound = |bound: &Operand| match bound {
        Operand::Const(Const::Int(n)) => n.to_string(),
        _ => "?".to_owned(),
    };
    let low = bounds.first().map(bound).unwrap_or_default();
    [low, bounds.get(1).map(bound).unwrap_or_default()].join(":")
}

/// Where what is spread into a list is kept: `[*values]`.
fn spread() -> Key {
    Key::Item(Konst::Str("\0spread".into()))
}

/// The kinds for which a text without `part` in it is harmless.
pub(super) fn without(part: &str) -> Kinds {
    let named =
        |names: &[&str]| names.iter().filter_map(|name| Kinds::named(name)).fold(Kinds::NONE, Kinds::with);
    match part {
        "/" => named(&["path"]),
        // It may still begin at the root.
        ".." | "../" => Kinds::NOT_ABOVE.with(Kinds::NOT_DOTS),
        "\n" | "\r" | "\r\n" => named(&["header", "log"]),
        "<" | ">" => named(&["html"]),
        "'" | "\"" => named(&["sql-quoted", "xpath"]),
        "://" | "//" => named(&["redirect"]),
        "%" => Kinds::ZONED,
        _ => Kinds::NONE,
    }
}

pub(super) fn unary(op: UnaryOp, tree: &Tree) -> Tree {
    match op {
        UnaryOp::Not => Tree {
            konst: tree.konst.as_ref().map(|konst| Konst::Bool(!konst.is_true())),
            cond: tree.cond.as_ref().map(|cond| Arc::new(Cond::clone(cond).flipped())),
            ..Tree::default()
        },
        UnaryOp::USub => match tree.konst {
            Some(Konst::Int(n)) => Tree::konst(Konst::Int(-n)),
            _ => Tree::default(),
        },
        UnaryOp::Invert | UnaryOp::UAdd => Tree::default(),
    }
}

fn joined(left: &Tree, right: &Tree) -> Tree {
    let mut tree = Tree::labeled(left.labels.clone());
    right.labels.iter().for_each(|label| {
        tree.add(label);
    });
    let count = left.fields.iter().filter(|(key, _)| matches!(key, Key::Item(Konst::Int(_)))).count();
    let mut parts = left.clone();
    parts.labels.clear();
    for (key, part) in &right.fields {
        let key = match key {
            Key::Item(Konst::Int(n)) => Key::Item(Konst::Int(n + i64::try_from(count).unwrap_or(0))),
            other => other.clone(),
        };
        parts.store(&[key], part);
    }
    tree.fields = parts.fields;
    // What is not known has elements of which nothing is known.
    tree.ragged = [left, right].iter().any(|list| list.ragged || list.fields.is_empty());
    tree
}
