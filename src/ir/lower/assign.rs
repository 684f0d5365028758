//! Assignment in all its forms, and `del`.

use crate::ir::lower::builder::Builder;
use crate::ir::{Const, LocalId, Op, Operand, Place, Rvalue, Step};
use crate::python::{ast, span};
use crate::text::Span;
use ast::Expr;

impl<'t> Builder<'_, '_, 't> {
    pub(super) fn assign(&mut self, assign: &'t ast::StmtAssign) {
        if let [target] = &assign.targets[..] {
            return self.assign_expr(target, &assign.value);
        }
        let value = self.expr(&assign.value);
        let held = Operand::Local(self.hold(value, span(assign.value.as_ref())));
        let value = if matches!(value, Operand::Const(_)) { value } else { held };
        for target in &assign.targets {
            self.store(target, value);
        }
    }

    /// `target = value`, without a temporary where the target is a local.
    pub(super) fn assign_expr(&mut self, target: &'t Expr, value: &'t Expr) {
        if let (Some(targets), Some(values)) = (elements(target), elements(value))
            && targets.len() == values.len()
            && !targets.iter().chain(values).any(Expr::is_starred_expr)
        {
            // `a, b = b, a`: all values are read before any target is written.
            let held: Vec<Operand> = values
                .iter()
                .map(|value| match self.expr(value) {
                    constant @ Operand::Const(_) => constant,
                    other => Operand::Local(self.hold(other, span(value))),
                })
                .collect();
            for (target, value) in targets.iter().zip(held) {
                self.store(target, value);
            }
            return;
        }
        if let Some(local) = self.local_target(target) {
            let got = self.expr_to(value, Some(local));
            if got != Operand::Local(local) {
                self.emit(Op::Let(local, Rvalue::Use(got)), span(target));
            }
            return;
        }
        let value = self.expr(value);
        self.store(target, value);
    }

    /// The local that a bare name target means.
    fn local_target(&mut self, target: &Expr) -> Option<LocalId> {
        let Expr::Name(name) = target else { return None };
        self.name(&name.id, span(name)).local()
    }

    /// Stores `value` in `target`, unpacking as it says.
    pub(super) fn store(&mut self, target: &'t Expr, value: Operand) {
        let at = span(target);
        match target {
            Expr::Name(name) => match self.name(&name.id, at) {
                Operand::Local(local) => self.emit(Op::Let(local, Rvalue::Use(value)), at),
                other => self.emit(Op::Store(Place::bare(other), value), at),
            },
            // `list[low:high] = values`: any of the values may stand anywhere.
            Expr::Subscript(item) if item.slice.is_slice_expr() => {
                let place = self.place(&item.value);
                let one = self.shared.paths.extend(crate::ir::Paths::EMPTY, Step::Element);
                let one = self.put(Rvalue::Load(Place { base: value, path: one }), at, None);
                let path = self.shared.paths.extend(place.path, Step::Element);
                self.emit(Op::Store(Place { path, ..place }, one), at);
            }
            Expr::Attribute(_) | Expr::Subscript(_) => {
                let place = self.place(target);
                self.emit(Op::Store(place, value), at);
            }
            Expr::Starred(starred) => self.store(&starred.value, value),
            Expr::Tuple(ast::ExprTuple { elts, .. }) | Expr::List(ast::ExprList { elts, .. }) => {
                self.unpack(elts, value);
            }
            _ => {
                self.expr(target); // not a target; what the parser recovered is still evaluated
            }
        }
    }

    fn unpack(&mut self, targets: &'t [Expr], value: Operand) {
        let starred = targets.iter().position(Expr::is_starred_expr);
        for (i, target) in targets.iter().enumerate() {
            let at = span(target);
            let index = |at: usize| i32::try_from(at).unwrap_or(i32::MAX);
            let part = if starred == Some(i) {
                let behind = targets.len() - 1 - i;
                let bounds = [index(i), -index(behind)].map(|bound| Operand::Const(Const::Int(bound)));
                Rvalue::Slice(value, bounds[..if behind == 0 { 1 } else { 2 }].into())
            } else {
                // Behind a starred target they are counted from the end.
                let step = match starred {
                    Some(star) if i > star => -index(targets.len() - i),
                    _ => index(i),
                };
                let step = Step::Item(Const::Int(step));
                let path = self.shared.paths.extend(crate::ir::Paths::EMPTY, step);
                Rvalue::Load(Place { base: value, path })
            };
            match self.local_target(target) {
                Some(local) => self.emit(Op::Let(local, part), at),
                None => {
                    let part = self.put(part, at, None);
                    self.store(target, part);
                }
            }
        }
    }

    pub(super) fn aug_assign(&mut self, assign: &'t ast::StmtAugAssign) {
        let at = span(assign);
        let place = self.place(&assign.target);
        let old = self.read(place, span(assign.target.as_ref()), None);
        let right = self.expr(&assign.value);
        let sum = Rvalue::Binary(assign.op, old, right);
        match place.base {
            Operand::Local(local) if place == Place::bare(place.base) => self.emit(Op::Let(local, sum), at),
            _ => {
                let sum = self.put(sum, at, None);
                self.emit(Op::Store(place, sum), at);
            }
        }
    }

    pub(super) fn delete(&mut self, targets: &'t [Expr]) {
        for target in targets {
            if let Some(items) = elements(target) {
                self.delete(items);
            } else {
                let place = self.place(target);
                self.emit(Op::Delete(place), span(target));
            }
        }
    }

    /// Reads `place`; a bare one needs no instruction.
    pub(super) fn read(&mut self, place: Place, at: Span, want: Option<LocalId>) -> Operand {
        if place == Place::bare(place.base) {
            return place.base;
        }
        self.put(Rvalue::Load(place), at, want)
    }
}

/// The elements of a tuple or list display.
fn elements(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::Tuple(tuple) => Some(&tuple.elts),
        Expr::List(list) => Some(&list.elts),
        _ => None,
    }
}
