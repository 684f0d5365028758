//! Texts that are made of a template and of values, or of a list.

use std::sync::Arc;

use crate::ir::{Const, LocalId, Op, Operand, Rvalue};
use crate::taint::body::Analyzer;
use crate::taint::texts::{named_fields, percent};
use crate::taint::value::{Key, Konst, Tree};

impl Analyzer<'_, '_> {
    /// `left % right` where the template is known, or one of several.
    pub(super) fn filled_in(&self, template: Operand, left: &Tree, right: &Tree) -> Option<Tree> {
        if let Some(Konst::Str(template)) = &left.konst {
            return Some(percent(template, &self.with_named(template, right)));
        }
        let among = left.among.as_ref().map(|among| among.texts.clone());
        let texts = among.or_else(|| self.literals(template, 3))?;
        let mut all = texts.iter().map(|template| percent(template, &self.with_named(template, right)));
        let mut text = all.next()?;
        all.for_each(|other| {
            text.join(&other);
        });
        Some(text)
    }

    /// The texts of which a local is one, where all that it is assigned are literals.
    pub(super) fn literals(&self, operand: Operand, depth: u32) -> Option<Vec<Arc<str>>> {
        let local = match operand {
            Operand::Const(Const::Str(text)) => return Some(vec![self.module.unit.text(text).into()]),
            Operand::Local(local) => local,
            Operand::Const(_) | Operand::Global(_) => return None,
        };
        if depth == 0
            || self.body.param(local).is_some()
            || self.captured.iter().any(|(known, _)| *known == local)
        {
            return None;
        }
        let mut texts = Vec::new();
        for inst in self.body.blocks.iter().flat_map(|block| &block.insts) {
            match &inst.op {
                Op::Let(to, Rvalue::Use(from)) if *to == local => {
                    texts.extend(self.literals(*from, depth - 1)?);
                }
                Op::Let(to, _) | Op::Call(to, _) | Op::Await(to, _) | Op::Yield(to, ..) if *to == local => {
                    return None;
                }
                Op::Store(place, _) if place.base == operand => return None,
                _ => {}
            }
        }
        (!texts.is_empty()).then_some(texts)
    }

    /// A value with those parts told apart that a template names.
    fn with_named(&self, template: &str, values: &Tree) -> Tree {
        let mut told = values.clone();
        for name in named_fields(template) {
            let key = Key::Item(Konst::Str(name.into()));
            if values.field(&key).is_none() && !values.labels.is_empty() {
                told.store(std::slice::from_ref(&key), &self.part(values, &key));
            }
        }
        told
    }

    /// Whether an operand is a list, set or mapping, whose text is a literal of Python: texts in it are quoted.
    pub(super) fn is_container(&self, operand: Operand, depth: u32) -> bool {
        let Operand::Local(local) = operand else { return false };
        let insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        let mut defs = insts.filter(|inst| {
            matches!(inst.op, Op::Let(to, _) | Op::Call(to, _) | Op::Await(to, _) | Op::Yield(to, ..) if to == local)
        });
        if self.body.param(local).is_some() {
            return false;
        }
        match (defs.next().map(|def| &def.op), defs.next()) {
            (Some(Op::Let(_, value)), None) => match value {
                Rvalue::List(_) | Rvalue::Tuple(_) | Rvalue::Set(_) | Rvalue::Dict(_) => true,
                Rvalue::Use(from) => depth > 0 && self.is_container(*from, depth - 1),
                _ => false,
            },
            (Some(Op::Call(_, id)), None) => {
                let name = self.body.calls[*id].name.map(|name| self.module.unit.text(name));
                matches!(name, Some("set" | "list" | "tuple" | "dict" | "frozenset" | "sorted"))
            }
            _ => false,
        }
    }

    /// Whether an operand is a mapping that is made here.
    pub(super) fn is_mapping(&self, operand: Operand, depth: u32) -> bool {
        match operand.local().and_then(|local| self.body.only_def(local)) {
            Some(Op::Let(_, Rvalue::Dict(_))) => true,
            Some(Op::Let(_, Rvalue::Use(from))) => depth > 0 && self.is_mapping(*from, depth - 1),
            Some(Op::Call(_, id)) => {
                self.body.calls[*id].name.is_some_and(|name| self.module.unit.text(name) == "dict")
            }
            _ => false,
        }
    }

    /// Whether a value is the outcome of a comparison, or of a test of a class: `os.name != "nt"`, `isinstance(x, str)`.
    pub(super) fn is_comparison(&self, operand: Operand, depth: u32) -> bool {
        let Operand::Local(local) = operand else { return false };
        let mut insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        insts.any(|inst| match &inst.op {
            Op::Let(to, Rvalue::Compare(..)) => *to == local,
            Op::Let(to, Rvalue::Use(from)) => {
                *to == local && depth > 0 && self.is_comparison(*from, depth - 1)
            }
            Op::Call(to, call) => {
                let name = self.body.calls[*call].name.map(|name| self.module.unit.text(name));
                *to == local && name == Some("isinstance")
            }
            _ => false,
        })
    }

    /// Notes that a template out of a list that is a parameter decides what is shown: `for each in lines: each % values`.
    pub(super) fn depend_on_list(&self, template: Operand) {
        let Operand::Local(element) = template else { return };
        let list = self.loop_over(element);
        let index = self.body.params.iter().position(|param| Some(param.local) == list);
        if let Some(index) = index {
            let mut tested = self.tested.borrow_mut();
            if !tested.contains(&index) {
                tested.push(index);
            }
            self.out.borrow_mut().is_conditional = true;
        }
    }

    /// What a loop runs over whose element a local is, by this name or another.
    fn loop_over(&self, element: LocalId) -> Option<LocalId> {
        let insts = || self.body.blocks.iter().flat_map(|block| &block.insts);
        let def = |local: LocalId| {
            insts().find_map(|inst| match &inst.op {
                Op::Let(to, value) if *to == local => Some(value),
                _ => None,
            })
        };
        let mut at = element;
        for _ in 0..3 {
            match def(at)? {
                Rvalue::Next(Operand::Local(list)) => return Some(*list),
                Rvalue::Use(Operand::Local(from)) => at = *from,
                _ => return None,
            }
        }
        None
    }
}
