//! What is shown of an object where a log writes it, and what a solution names of a text that is put together there.

use std::sync::Arc;

use crate::flow::defined;
use crate::ir::{Inst, Op, Operand, Rvalue, operands};
use crate::models::Kinds;
use crate::program::SHOWN;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::state::State;
use crate::text::Span;

/// Most texts within each other that are looked into.
const MAX_NESTED: usize = 8;

impl Analyzer<'_, '_> {
    /// A call that writes into a log, with the texts of the program's objects in their place.
    pub(super) fn as_shown<'s>(&self, state: &State, site: &Site<'s>) -> Option<Site<'s>> {
        let log = Kinds::named("log").unwrap_or_default();
        let is_log = site.known.model.sinks.iter().any(|sink| sink.kinds == log);
        if !is_log || !SHOWN.iter().any(|name| self.world.program.has_special(name)) {
            return None;
        }
        let shown = site.call.args.iter().zip(&site.args).map(|(arg, tree)| {
            self.shown_of(state, (arg.value, Arc::clone(tree)), &SHOWN[1..], site.call.span)
        });
        let &Site { call, known, path, method, spot, .. } = site;
        Some(Site { call, known, path, method, receiver: site.receiver.clone(), args: shown.collect(), spot })
    }

    /// The one part of a text, put together at `span`, that holds taint of `origin`, as it is spelled.
    pub(super) fn part_within(&self, state: &State, span: Span, origin: u32) -> Option<String> {
        let insts = || self.body.blocks.iter().flat_map(|block| &block.insts);
        let is_there = |inst: &&Inst| {
            inst.span.end == span.end && span.contains(inst.span) && self.is_put_together(inst)
        };
        let mut at = insts().filter(is_there).max_by_key(|inst| inst.span.end - inst.span.start)?;
        for _ in 0..MAX_NESTED {
            let mut holding = operands(self.body, at)
                .filter(|operand| self.value_at(state, *operand, at.span).holds(origin));
            let (Some(Operand::Local(local)), None) = (holding.next(), holding.next()) else { return None };
            if let Some(name) = self.body.locals[local].name {
                return Some(self.module.unit.text(name).to_owned());
            }
            let maker = insts().find(|inst| defined(inst) == Some(local))?;
            if !self.is_put_together(maker) {
                return Some(self.spelled(maker.span));
            }
            at = maker;
        }
        None
    }

    /// Whether an instruction puts a text together, or what one is filled with.
    fn is_put_together(&self, inst: &Inst) -> bool {
        match &inst.op {
            Op::Let(_, Rvalue::Binary(..) | Rvalue::Format(_) | Rvalue::Tuple(_) | Rvalue::List(_)) => true,
            Op::Call(_, call) => {
                matches!(self.module.unit.text(self.body.calls[*call].method), "format" | "join")
            }
            _ => false,
        }
    }
}
