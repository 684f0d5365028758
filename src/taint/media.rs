//! Media types: an answer that is told to be no HTML, by its class or behind the call that makes it; markup that becomes
//! plain text again.

use crate::ir::{
    ArgKind, Call, Const, Inst, LocalId, Op, Operand, Place, Rvalue, Step, Terminator, operands,
};
use crate::program::Meaning;
use crate::taint::body::Analyzer;
use crate::taint::value::{Key, Konst};

/// The attributes that hold a media type, and the header that does.
pub(super) const ATTRIBUTES: &[&str] = &["content_type", "mimetype", "media_type"];
pub(super) const HEADER: &str = "content-type";
/// What browsers run scripts in.
const RUN: &[&str] = &["html", "xml", "svg", "script"];

impl Analyzer<'_, '_> {
    /// Whether the function gives what a call makes a constant media type that no browser runs scripts in.
    pub(super) fn is_told_inert(&self, call: &Call) -> bool {
        if self.is_inert_class(call) || self.is_read_back(call) || self.writes_inert(call) {
            return true;
        }
        let answers = self.names_of(call.to);
        let stores =
            self.body.blocks.iter().flat_map(|block| &block.insts).filter_map(|inst| match &inst.op {
                Op::Store(place, value) => Some((*place, *value)),
                _ => None,
            });
        let mut types = stores.filter(|(place, _)| self.holds_type(&answers, *place)).peekable();
        types.peek().is_some() && types.all(|(_, value)| self.is_inert(value))
    }

    /// Whether a call makes an instance of a class whose block says that it is no HTML: `default_mimetype = "text/csv"`.
    fn is_inert_class(&self, call: &Call) -> bool {
        let Some(Meaning::Class(class)) = call.name.map(|name| self.module.meaning(name)) else {
            return false;
        };
        let program = self.world.program;
        let is_told = call.args.iter().any(|arg| match arg.kind {
            ArgKind::Keyword(name) => ATTRIBUTES.contains(&self.module.unit.text(name)),
            ArgKind::DoubleStar => true,
            ArgKind::Positional | ArgKind::Star => false,
        });
        let value = |name: &str| {
            let shape = self.world.shapes.instance(*class)?;
            shape.field(&Key::Attr(program.symbol(name)?))?.konst.clone()
        };
        let found = ["default_mimetype"].iter().chain(ATTRIBUTES).find_map(|name| value(name));
        !is_told && matches!(found, Some(Konst::Str(text)) if is_inert(&text))
    }

    /// Whether all that is done with markup is to read its plain text: `Markup(text).unescape()`.
    fn is_read_back(&self, call: &Call) -> bool {
        let made = Operand::Local(call.to);
        let insts = || self.body.blocks.iter().flat_map(|block| &block.insts);
        let reads = |inst| operands(self.body, inst).filter(|own| *own == made).count();
        let reads_back = |inst: &&Inst| match inst.op {
            Op::Call(_, id) => {
                let call = &self.body.calls[id];
                let is_of_it = matches!(&self.steps(call.callee)[..], [Step::Attr(_)]);
                call.callee.base == made
                    && is_of_it
                    && matches!(self.module.unit.text(call.method), "unescape" | "striptags")
            }
            _ => false,
        };
        let ends = self.body.blocks.iter().any(|block| match block.end {
            Terminator::Branch { on, .. } => on == made,
            Terminator::Return(value) => value == made,
            Terminator::Raise { exception, .. } => exception == Some(made),
            Terminator::Goto(_)
            | Terminator::Iterate { .. }
            | Terminator::Dispatch { .. }
            | Terminator::Unreachable => false,
        });
        let n_back = insts().filter(reads_back).count();
        !ends && n_back > 0 && n_back == insts().map(reads).sum::<usize>()
    }

    /// The variables that are assigned a value.
    fn names_of(&self, made: LocalId) -> Vec<LocalId> {
        let mut names = vec![made];
        // `response = await make_response(text)`: a copy of a copy.
        for _ in 0..2 {
            let insts = self.body.blocks.iter().flat_map(|block| &block.insts);
            let copies = insts.filter_map(|inst| match inst.op {
                Op::Let(to, Rvalue::Use(Operand::Local(from))) | Op::Await(to, Operand::Local(from)) => {
                    names.contains(&from).then_some(to)
                }
                _ => None,
            });
            let more: Vec<LocalId> = copies.collect();
            names.extend(more);
        }
        names
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
        is_inert(self.module.unit.text(text))
    }
}

/// Whether browsers run no scripts in what has this media type.
pub(super) fn is_inert(media_type: &str) -> bool {
    let text = media_type.to_ascii_lowercase();
    let kind = text.split(';').next().unwrap_or_default().trim();
    // Documents of offices are archives, whatever they are called.
    let is_archive = kind.starts_with("application/vnd.") && !kind.ends_with("+xml");
    is_archive || !RUN.iter().any(|word| text.contains(word))
}
