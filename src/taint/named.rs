//! What values are by their names: classes, and what calls of classes make.

use crate::ir::Operand;
use crate::program::Meaning;
use crate::taint::body::Analyzer;

impl Analyzer<'_, '_> {
    /// What a value is by its name: a class, or what its call makes.
    fn meaning_of(&self, value: Operand) -> Option<&Meaning> {
        let value = match value {
            Operand::Local(local) => self.body.locals[local].value?,
            Operand::Global(name) => name,
            Operand::Const(_) => return None,
        };
        Some(self.module.meaning(value))
    }

    /// Whether a value is a class of the program, or an instance of one, that inherits from what is called `text`.
    pub(super) fn is_below(&self, value: Operand, text: &str) -> bool {
        let Some(Meaning::Class(class) | Meaning::Instance(class)) = self.meaning_of(value) else {
            return false;
        };
        self.world.program.outside_bases(*class).iter().any(|base| base.ends_with(text))
    }

    /// Whether a value is, or is made by, what is called `text`, or inherits from it.
    pub(super) fn is_of(&self, value: Operand, text: &str) -> bool {
        let is_it = match self.meaning_of(value) {
            Some(Meaning::Outside(path)) => path.trim_end_matches("()").ends_with(text),
            _ => false,
        };
        is_it || self.is_below(value, text)
    }

    /// Whether a value was made by a class of a library.
    pub(super) fn is_made(&self, value: Operand) -> bool {
        let Some(Meaning::Outside(path)) = self.meaning_of(value) else { return false };
        let name = path.strip_suffix("()").and_then(|class| class.rsplit('.').next());
        name.is_some_and(|name| name.starts_with(char::is_uppercase))
    }
}
