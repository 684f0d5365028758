//! Expressions.

use crate::base::Symbol;
use crate::ir::lower::MAX_DEPTH;
use crate::ir::lower::builder::{Builder, Frame};
use crate::ir::{BlockId, Const, LocalId, Op, Operand, Place, RegionKind, Rvalue, Step, Terminator};
use crate::python::{ast, span};
use ast::{Expr, InterpolatedStringElement as Piece};

impl<'t> Builder<'_, '_, 't> {
    pub(super) fn expr(&mut self, expr: &'t Expr) -> Operand {
        self.expr_to(expr, None)
    }

    /// Evaluates `expr`, into `want` where a temporary would be needed.
    pub(super) fn expr_to(&mut self, expr: &'t Expr, want: Option<LocalId>) -> Operand {
        if self.depth >= MAX_DEPTH {
            self.problem(span(expr), "nested too deeply: taken as unknown");
            return self.put(Rvalue::Opaque(Box::default()), span(expr), want);
        }
        self.depth += 1;
        let value = self.expr_inner(expr, want);
        self.depth -= 1;
        value
    }

    fn expr_inner(&mut self, expr: &'t Expr, want: Option<LocalId>) -> Operand {
        let at = span(expr);
        let value = match expr {
            Expr::NoneLiteral(_) => return Operand::Const(Const::None),
            Expr::BooleanLiteral(literal) => return Operand::Const(Const::Bool(literal.value)),
            Expr::EllipsisLiteral(_) => return Operand::Const(Const::Ellipsis),
            Expr::StringLiteral(literal) => {
                return Operand::Const(Const::Str(self.intern(literal.value.to_str())));
            }
            Expr::BytesLiteral(literal) => return Operand::Const(Const::Bytes(self.bytes(literal))),
            Expr::NumberLiteral(literal) => return Operand::Const(self.number(literal)),
            Expr::Name(name) => return self.name(&name.id, at),
            Expr::Attribute(_) | Expr::Subscript(_) => return self.attribute_or_item(expr, want),
            Expr::Call(call) => return self.call(call, want),
            Expr::BoolOp(_) => return self.bool_op(expr),
            Expr::If(choice) => return self.ternary(choice, want),
            Expr::Named(named) => {
                self.assign_expr(&named.target, &named.value);
                return self.expr(&named.target);
            }
            Expr::BinOp(binary) => return self.binary(binary, want),
            Expr::UnaryOp(unary) => {
                let operand = self.expr(&unary.operand);
                if let (ast::UnaryOp::USub, Operand::Const(Const::Int(n))) = (unary.op, operand) {
                    return Operand::Const(Const::Int(-n));
                }
                Rvalue::Unary(unary.op, operand)
            }
            Expr::Compare(compare) => return self.compare(compare, want),
            Expr::Lambda(lambda) => return self.lambda(lambda, want),
            Expr::Dict(dict) => Rvalue::Dict(self.dict_items(&dict.items)),
            Expr::Set(set) => Rvalue::Set(self.items(&set.elts)),
            Expr::List(list) => Rvalue::List(self.items(&list.elts)),
            Expr::Tuple(tuple) => Rvalue::Tuple(self.items(&tuple.elts)),
            Expr::ListComp(comp) => {
                return self.comprehension(expr, &comp.generators, [None, Some(&comp.elt)]);
            }
            Expr::SetComp(comp) => {
                return self.comprehension(expr, &comp.generators, [None, Some(&comp.elt)]);
            }
            Expr::Generator(comp) => {
                return self.comprehension(expr, &comp.generators, [None, Some(&comp.elt)]);
            }
            Expr::DictComp(comp) => {
                return self.comprehension(expr, &comp.generators, [comp.key.as_deref(), Some(&comp.value)]);
            }
            Expr::Await(wait) => {
                let value = self.expr(&wait.value);
                let to = want.unwrap_or_else(|| self.temp(at));
                self.emit(Op::Await(to, value), at);
                return Operand::Local(to);
            }
            Expr::Yield(give) => {
                let value = give.value.as_ref().map_or(Operand::Const(Const::None), |value| self.expr(value));
                return self.give(value, false, expr);
            }
            Expr::YieldFrom(give) => {
                let value = self.expr(&give.value);
                return self.give(value, true, expr);
            }
            Expr::FString(string) => Rvalue::Format(self.f_string(&string.value)),
            Expr::TString(string) => {
                let mut parts = Vec::new();
                string.value.elements().for_each(|piece| self.piece(piece, &mut parts));
                Rvalue::Opaque(parts.into())
            }
            Expr::Starred(starred) => Rvalue::Spread(self.expr(&starred.value)),
            Expr::Slice(slice) => {
                let bounds = [&slice.lower, &slice.upper, &slice.step];
                Rvalue::Opaque(bounds.into_iter().flatten().map(|bound| self.expr(bound)).collect())
            }
            Expr::IpyEscapeCommand(_) => Rvalue::Opaque(Box::default()),
        };
        self.put(value, at, want)
    }

    /// The place that a chain of attributes and items means.
    pub(super) fn place(&mut self, expr: &'t Expr) -> Place {
        match expr {
            Expr::Attribute(attribute) => {
                let outer = self.nested_place(&attribute.value);
                let step = Step::Attr(self.intern(&attribute.attr.id));
                Place { base: outer.base, path: self.shared.paths.extend(outer.path, step) }
            }
            Expr::Subscript(item) if !item.slice.is_slice_expr() => {
                let outer = self.nested_place(&item.value);
                let key = self.expr(&item.slice);
                let step = self.key_step(key);
                Place { base: outer.base, path: self.shared.paths.extend(outer.path, step) }
            }
            _ => Place::bare(self.expr(expr)),
        }
    }

    /// The step to the element under `key`.
    pub(super) fn key_step(&mut self, key: Operand) -> Step {
        match key {
            Operand::Const(key) => Step::Item(key),
            Operand::Global(name) => {
                self.body.key_names.push(name);
                Step::Key(key)
            }
            // Of temporaries each is another one, and two places with the same key must be the same.
            Operand::Local(local) if self.body.locals[local].name.is_none() => Step::Element,
            Operand::Local(local) => {
                if let Err(at) = self.body.keys.binary_search(&local) {
                    self.body.keys.insert(at, local);
                }
                Step::Key(key)
            }
        }
    }

    fn nested_place(&mut self, expr: &'t Expr) -> Place {
        if self.depth >= MAX_DEPTH {
            return Place::bare(self.expr(expr));
        }
        self.depth += 1;
        let place = self.place(expr);
        self.depth -= 1;
        place
    }

    fn attribute_or_item(&mut self, expr: &'t Expr, want: Option<LocalId>) -> Operand {
        if let Expr::Subscript(item) = expr
            && let Expr::Slice(slice) = item.slice.as_ref()
        {
            let value = self.expr(&item.value);
            let bounds = [&slice.lower, &slice.upper, &slice.step];
            let bounds = bounds.into_iter().flatten().map(|bound| self.expr(bound)).collect();
            return self.put(Rvalue::Slice(value, bounds), span(expr), want);
        }
        let place = self.place(expr);
        if let Some(name) = self.global_attribute(place) {
            return Operand::Global(name);
        }
        self.read(place, span(expr), want)
    }

    /// `os.path` as one global, so that no load stands between a module and what it holds.
    fn global_attribute(&mut self, place: Place) -> Option<Symbol> {
        let Operand::Global(base) = place.base else { return None };
        let mut text = self.shared.names.text(base).to_owned();
        for step in self.shared.paths.steps(place.path) {
            let Step::Attr(name) = step else { return None };
            text.push('.');
            text.push_str(self.shared.names.text(name));
        }
        Some(self.intern(&text))
    }

    fn number(&mut self, literal: &ast::ExprNumberLiteral) -> Const {
        let small = match &literal.value {
            ast::Number::Int(int) => int.as_i32(),
            ast::Number::Float(_) | ast::Number::Complex { .. } => None,
        };
        small.map_or_else(
            || Const::Number(self.shared.names.intern(&self.shared.text[span(literal).range()])),
            Const::Int,
        )
    }

    fn bytes(&mut self, literal: &ast::ExprBytesLiteral) -> Symbol {
        let mut text = String::new();
        for byte in literal.value.bytes() {
            if byte.is_ascii() {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("\\x{byte:02x}"));
            }
        }
        self.intern(&text)
    }

    fn items(&mut self, items: &'t [Expr]) -> Box<[Operand]> {
        items.iter().map(|item| self.expr(item)).collect()
    }

    fn dict_items(&mut self, items: &'t [ast::DictItem]) -> Box<[(Option<Operand>, Operand)]> {
        items
            .iter()
            .map(|item| (item.key.as_ref().map(|key| self.expr(key)), self.expr(&item.value)))
            .collect()
    }

    /// Long sums lean left: the spine is walked, not recursed into.
    fn binary(&mut self, binary: &'t ast::ExprBinOp, want: Option<LocalId>) -> Operand {
        let mut spine = vec![binary];
        let mut at: &'t Expr = &binary.left;
        while let Expr::BinOp(inner) = at {
            spine.push(inner);
            at = &inner.left;
        }
        let mut left = self.expr(at);
        while let Some(node) = spine.pop() {
            let right = self.expr(&node.right);
            let want = if spine.is_empty() { want } else { None };
            left = self.put(Rvalue::Binary(node.op, left, right), span(node), want);
        }
        left
    }

    /// `a < b < c` as the last comparison, the others before it.
    fn compare(&mut self, compare: &'t ast::ExprCompare, want: Option<LocalId>) -> Operand {
        let mut left = self.expr(&compare.left);
        let mut result = left;
        let last = compare.ops.len().saturating_sub(1);
        for (i, (op, right)) in compare.ops.iter().zip(&compare.comparators).enumerate() {
            let right = self.expr(right);
            let want = if i == last { want } else { None };
            result = self.put(Rvalue::Compare(*op, left, right), span(compare), want);
            left = right;
        }
        result
    }

    /// `a and b`, `a or b`: the value of the operand that decided.
    fn bool_op(&mut self, expr: &'t Expr) -> Operand {
        let Expr::BoolOp(operation) = expr else { return self.expr(expr) };
        let to = self.temp(span(operation));
        let after = self.new_block();
        for (i, value) in operation.values.iter().enumerate() {
            let got = self.expr(value);
            self.emit(Op::Let(to, Rvalue::Use(got)), span(value));
            if i + 1 == operation.values.len() {
                break;
            }
            let next = self.new_block();
            let (yes, no) = if operation.op == ast::BoolOp::And { (next, after) } else { (after, next) };
            self.end(Terminator::Branch { on: got, yes, no });
            self.enter(next);
        }
        self.flow_into(after);
        Operand::Local(to)
    }

    fn ternary(&mut self, choice: &'t ast::ExprIf, want: Option<LocalId>) -> Operand {
        let to = want.unwrap_or_else(|| self.temp(span(choice)));
        let (yes, no, after) = (self.new_block(), self.new_block(), self.new_block());
        self.condition(&choice.test, yes, no);
        for (block, value) in [(yes, &choice.body), (no, &choice.orelse)] {
            self.enter(block);
            let got = self.expr_to(value, Some(to));
            if got != Operand::Local(to) {
                self.emit(Op::Let(to, Rvalue::Use(got)), span(value.as_ref()));
            }
            self.goto(after);
        }
        self.enter(after);
        Operand::Local(to)
    }

    /// Jumps to `yes` or `no` by the truth of `expr`.
    pub(super) fn condition(&mut self, expr: &'t Expr, yes: BlockId, no: BlockId) {
        if self.depth < MAX_DEPTH {
            self.depth += 1;
            let handled = self.short_circuit(expr, yes, no);
            self.depth -= 1;
            if handled {
                return;
            }
        }
        if Self::is_type_checking(expr) {
            return self.goto(no);
        }
        match self.expr(expr) {
            Operand::Const(constant) if is_true(constant, self).is_some() => {
                let to = if is_true(constant, self) == Some(true) { yes } else { no };
                self.goto(to);
            }
            on => self.end(Terminator::Branch { on, yes, no }),
        }
    }

    fn short_circuit(&mut self, expr: &'t Expr, yes: BlockId, no: BlockId) -> bool {
        match expr {
            Expr::UnaryOp(unary) if unary.op == ast::UnaryOp::Not => self.condition(&unary.operand, no, yes),
            Expr::BoolOp(operation) => {
                let Some((last, rest)) = operation.values.split_last() else { return false };
                for value in rest {
                    let next = self.new_block();
                    match operation.op {
                        ast::BoolOp::And => self.condition(value, next, no),
                        ast::BoolOp::Or => self.condition(value, yes, next),
                    }
                    self.enter(next);
                }
                self.condition(last, yes, no);
            }
            // `1 < level < 9`
            Expr::Compare(compare) if compare.ops.len() > 1 => {
                let mut left = self.expr(&compare.left);
                let last = compare.ops.len() - 1;
                for (at, (op, right)) in compare.ops.iter().zip(&compare.comparators).enumerate() {
                    let right = self.expr(right);
                    let on = self.put(Rvalue::Compare(*op, left, right), span(compare), None);
                    let next = if at == last { yes } else { self.new_block() };
                    self.end(Terminator::Branch { on, yes: next, no });
                    if at < last {
                        self.enter(next);
                    }
                    left = right;
                }
            }
            _ => return false,
        }
        true
    }

    fn give(&mut self, value: Operand, delegates: bool, expr: &Expr) -> Operand {
        if let crate::ir::BodyKind::Function { is_generator, .. } = &mut self.body.kind {
            *is_generator = true;
        }
        let to = self.temp(span(expr));
        self.emit(Op::Yield(to, value, delegates), span(expr));
        Operand::Local(to)
    }

    fn f_string(&mut self, value: &'t ast::FStringValue) -> Box<[Operand]> {
        let mut parts = Vec::new();
        for part in value {
            match part {
                ast::FStringPart::Literal(literal) => {
                    parts.push(Operand::Const(Const::Str(self.intern(&literal.value))));
                }
                ast::FStringPart::FString(string) => {
                    string.elements.iter().for_each(|piece| self.piece(piece, &mut parts));
                }
            }
        }
        parts.into()
    }

    fn piece(&mut self, piece: &'t Piece, parts: &mut Vec<Operand>) {
        match piece {
            Piece::Literal(literal) => parts.push(Operand::Const(Const::Str(self.intern(&literal.value)))),
            Piece::Interpolation(value) => {
                let at = span(value.expression.as_ref());
                let operand = self.expr(&value.expression);
                parts.push(match value.conversion {
                    ast::ConversionFlag::None => operand,
                    ast::ConversionFlag::Str => self.implied_call("str", operand, at),
                    ast::ConversionFlag::Repr => self.implied_call("repr", operand, at),
                    ast::ConversionFlag::Ascii => self.implied_call("ascii", operand, at),
                });
                for spec in value.format_spec.iter().flat_map(|spec| spec.elements.interpolations()) {
                    let width = self.expr(&spec.expression);
                    parts.push(width);
                }
            }
        }
    }

    /// A comprehension as the loop it is: `result` gains each element.
    fn comprehension(
        &mut self,
        expr: &'t Expr,
        generators: &'t [ast::Comprehension],
        parts: [Option<&'t Expr>; 2],
    ) -> Operand {
        let at = span(expr);
        let empty = match expr {
            Expr::SetComp(_) => Rvalue::Set(Box::default()),
            Expr::DictComp(_) => Rvalue::Dict(Box::default()),
            _ => Rvalue::List(Box::default()),
        };
        let result = self.put(empty, at, None);
        let outside = self.here;
        let shadows = self.overlays.len();
        let mut headers = Vec::new();
        for generator in generators {
            let source = self.expr(&generator.iter);
            let (head, body, after) = self.open_loop(true, at, at, &[]);
            self.frames.push(Frame::Loop { next: head, after });
            headers.push((head, after));
            self.declare_targets(&generator.target);
            self.enter(body);
            let item = self.put(Rvalue::Next(source), span(&generator.target), None);
            self.store(&generator.target, item);
            for test in &generator.ifs {
                let yes = self.new_block();
                self.condition(test, yes, head);
                self.enter(yes);
            }
        }
        let values: Vec<Operand> = parts.into_iter().flatten().map(|part| self.expr(part)).collect();
        let step = match values[..] {
            [key, _] => self.key_step(key),
            _ => Step::Element,
        };
        let path = self.shared.paths.extend(crate::ir::Paths::EMPTY, step);
        if let Some(&value) = values.last() {
            self.emit(Op::Store(Place { base: result, path }, value), at);
        }
        while let Some((head, after)) = headers.pop() {
            self.frames.pop();
            self.goto(head);
            self.enter(after);
        }
        self.here = outside;
        self.overlays.truncate(shadows);
        let after = self.new_block();
        self.flow_into(after);
        result
    }

    /// The targets of a comprehension are its own.
    fn declare_targets(&mut self, target: &Expr) {
        match target {
            Expr::Name(name) => {
                let symbol = self.intern(&name.id);
                let local = self.body.locals.push(crate::ir::Local {
                    name: Some(symbol),
                    span: span(name),
                    value: None,
                });
                self.overlays.push((symbol, local));
            }
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|item| self.declare_targets(item)),
            Expr::List(list) => list.elts.iter().for_each(|item| self.declare_targets(item)),
            Expr::Starred(starred) => self.declare_targets(&starred.value),
            _ => {}
        }
    }

    /// A loop region: its header (current afterwards), its body's first block, and the block after it.
    pub(super) fn open_loop(
        &mut self,
        is_for: bool,
        at: crate::text::Span,
        head: crate::text::Span,
        block: &[ast::Stmt],
    ) -> (BlockId, BlockId, BlockId) {
        let after = self.new_block();
        let region = self.open_region(RegionKind::Loop { is_for }, at, head, block);
        let header = self.body.regions[region].entry;
        self.flow_into(header);
        let body = self.new_block();
        if is_for {
            self.end(Terminator::Iterate { body, done: after });
            self.enter(header);
        }
        (header, body, after)
    }
}

/// The truth of a constant, as Python takes it.
fn is_true(constant: Const, builder: &Builder<'_, '_, '_>) -> Option<bool> {
    match constant {
        Const::None => Some(false),
        Const::Bool(value) => Some(value),
        Const::Int(n) => Some(n != 0),
        Const::Str(text) | Const::Bytes(text) => Some(!builder.shared.names.text(text).is_empty()),
        Const::Ellipsis => Some(true),
        Const::Number(_) => None,
    }
}
