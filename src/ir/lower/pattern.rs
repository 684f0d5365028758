//! `match`: cases as tests and captures.

use crate::ir::lower::MAX_DEPTH;
use crate::ir::lower::builder::Builder;
use crate::ir::{Const, Op, Operand, Paths, Place, RegionKind, Rvalue, Step, Terminator};
use crate::python::{ast, span};
use crate::text::Span;
use ast::Pattern;

impl<'t> Builder<'_, '_, 't> {
    pub(super) fn match_statement(&mut self, choice: &'t ast::StmtMatch) {
        let subject = self.expr(&choice.subject);
        let subject = match subject {
            Operand::Const(_) => subject,
            Operand::Local(_) | Operand::Global(_) => {
                Operand::Local(self.hold(subject, span(choice.subject.as_ref())))
            }
        };
        let after = self.new_block();
        let outside = self.here;
        for case in &choice.cases {
            let next = self.new_block();
            let from = self.current();
            let at = span(case);
            let head = Span::new(
                at.start,
                case.guard.as_ref().map_or(span(&case.pattern), |g| span(g.as_ref())).end,
            );
            let region = self.open_region(RegionKind::Branch, at, head, &case.body);
            self.here.region = outside.region;
            self.enter(from);
            let entry = self.body.regions[region].entry;
            let fits = if case.guard.is_some() { self.new_block() } else { entry };
            if is_irrefutable(&case.pattern) {
                self.goto(fits);
            } else {
                let mut parts = Vec::new();
                self.tests(&case.pattern, &mut parts);
                let on = self.put(Rvalue::Matches(subject, parts.into()), span(&case.pattern), None);
                self.end(Terminator::Branch { on, yes: fits, no: next });
            }
            self.enter(fits);
            self.captures(&case.pattern, subject);
            if let Some(guard) = &case.guard {
                self.condition(guard, entry, next);
                self.enter(entry);
            }
            self.here.region = region;
            self.block_of(&case.body);
            self.goto(after);
            self.here = outside;
            self.enter(next);
        }
        self.flow_into(after);
    }

    /// The values a pattern compares with.
    fn tests(&mut self, pattern: &'t Pattern, parts: &mut Vec<Operand>) {
        match pattern {
            Pattern::MatchValue(value) => {
                let value = self.expr(&value.value);
                parts.push(value);
            }
            Pattern::MatchSingleton(value) => parts.push(Operand::Const(match value.value {
                ast::Singleton::None => Const::None,
                ast::Singleton::True => Const::Bool(true),
                ast::Singleton::False => Const::Bool(false),
            })),
            Pattern::MatchClass(class) => {
                let class = self.expr(&class.cls);
                parts.push(class);
            }
            Pattern::MatchOr(either) => either.patterns.iter().for_each(|inner| self.tests(inner, parts)),
            Pattern::MatchAs(named) => named.pattern.iter().for_each(|inner| self.tests(inner, parts)),
            Pattern::MatchSequence(_) | Pattern::MatchMapping(_) | Pattern::MatchStar(_) => {}
        }
    }

    fn captures(&mut self, pattern: &'t Pattern, subject: Operand) {
        if self.depth >= MAX_DEPTH {
            return self.problem(span(pattern), "nested too deeply: captures are skipped");
        }
        self.depth += 1;
        match pattern {
            Pattern::MatchValue(_) | Pattern::MatchSingleton(_) => {}
            Pattern::MatchAs(named) => {
                named.pattern.iter().for_each(|inner| self.captures(inner, subject));
                self.capture(named.name.as_ref(), Rvalue::Use(subject));
            }
            Pattern::MatchStar(star) => {
                self.capture(star.name.as_ref(), Rvalue::Slice(subject, Box::default()))
            }
            Pattern::MatchOr(either) => {
                either.patterns.iter().for_each(|inner| self.captures(inner, subject))
            }
            Pattern::MatchSequence(sequence) => {
                let star = sequence.patterns.iter().position(Pattern::is_match_star);
                for (i, inner) in sequence.patterns.iter().enumerate() {
                    if inner.is_match_star() {
                        self.captures(inner, subject);
                        continue;
                    }
                    let key = Const::Int(i32::try_from(i).unwrap_or(i32::MAX));
                    let step =
                        if star.is_some_and(|star| i > star) { Step::Element } else { Step::Item(key) };
                    self.part(inner, subject, step);
                }
            }
            Pattern::MatchMapping(mapping) => {
                for (key, inner) in mapping.keys.iter().zip(&mapping.patterns) {
                    let key = self.expr(key);
                    let step = self.key_step(key);
                    self.part(inner, subject, step);
                }
                self.capture(mapping.rest.as_ref(), Rvalue::Opaque([subject].into()));
            }
            Pattern::MatchClass(class) => {
                for inner in &class.arguments.patterns {
                    let at = span(inner);
                    let part = self.put(Rvalue::Opaque([subject].into()), at, None);
                    self.captures(inner, part);
                }
                for keyword in &class.arguments.keywords {
                    let attr = Step::Attr(self.intern(&keyword.attr.id));
                    self.part(&keyword.pattern, subject, attr);
                }
            }
        }
        self.depth -= 1;
    }

    fn part(&mut self, pattern: &'t Pattern, subject: Operand, step: Step) {
        let path = self.shared.paths.extend(Paths::EMPTY, step);
        let part = self.put(Rvalue::Load(Place { base: subject, path }), span(pattern), None);
        self.captures(pattern, part);
    }

    fn capture(&mut self, name: Option<&ast::Identifier>, value: Rvalue) {
        let Some(name) = name else { return };
        match self.name(&name.id, span(name)) {
            Operand::Local(local) => self.emit(Op::Let(local, value), span(name)),
            other => {
                let value = self.put(value, span(name), None);
                self.emit(Op::Store(Place::bare(other), value), span(name));
            }
        }
    }
}

/// Whether a pattern fits everything: `_`, a bare name.
fn is_irrefutable(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::MatchAs(named) => named.pattern.as_ref().is_none_or(|inner| is_irrefutable(inner)),
        Pattern::MatchOr(either) => either.patterns.iter().any(is_irrefutable),
        _ => false,
    }
}
