//! Media types: an answer that is told to be no HTML, behind the call that makes it.

use crate::ir::{Call, Const, LocalId, Op, Operand, Place, Rvalue, Step};
use crate::taint::body::Analyzer;

/// The attributes that hold a media type, and the header that does.
const ATTRIBUTES: &[&str] = &["content_type", "mimetype", "media_type"];
const HEADER: &str = "content-type";
/// What browsers run scripts in.
const RUN: &[&str] = &["html", "xml", "svg", "script"];

impl Analyzer<'_, '_> {
    /// Whether the function gives what a call makes a constant media type that no browser runs scripts in.
    pub(super) fn is_told_inert(&self, call: &Call) -> bool {
        let answers = self.names_of(call.to);
        let stores =
            self.body.blocks.iter().flat_map(|block| &block.insts).filter_map(|inst| match &inst.op {
                Op::Store(place, value) => Some((*place, *value)),
                _ => None,
            });
        let mut types = stores.filter(|(place, _)| self.holds_type(&answers, *place)).peekable();
        types.peek().is_some() && types.all(|(_, value)| self.is_inert(value))
    }

    /// The variables that are assigned a value.
    fn names_of(&self, made: LocalId) -> Vec<LocalId> {
        let insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        let copies = insts.filter_map(|inst| match inst.op {
            Op::Let(to, Rvalue::Use(Operand::Local(from))) if from == made => Some(to),
            _ => None,
        });
        copies.chain([made]).collect()
    }

    fn holds_type(&self, answers: &[LocalId], place: Place) -> bool {
        let unit = self.module.unit;
        let is_answer = matches!(place.base, Operand::Local(local) if answers.contains(&local));
        is_answer
            && match &self.steps(place)[..] {
                [Step::Attr(name)] => ATTRIBUTES.contains(&unit.text(*name)),
                [Step::Item(Const::Str(key))] => unit.text(*key).eq_ignore_ascii_case(HEADER),
                [Step::Attr(name), Step::Item(Const::Str(key))] => {
                    unit.text(*name) == "headers" && unit.text(*key).eq_ignore_ascii_case(HEADER)
                }
                _ => false,
            }
    }

    fn is_inert(&self, value: Operand) -> bool {
        let Operand::Const(Const::Str(text)) = value else { return false };
        let text = self.module.unit.text(text).to_ascii_lowercase();
        !RUN.iter().any(|word| text.contains(word))
    }
}
