//! What instructions read and write: constants, operands, places.

use rustc_hash::FxHashMap;

use crate::base::{IdVec, Symbol};
use crate::define_id;
use crate::ir::LocalId;

define_id!(/// An interned access path; 0 is the empty one.
    PathId);

/// A literal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Const {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer of at most 32 bits.
    Int(i32),
    /// Any other number, as written.
    Number(Symbol),
    /// A string, its pieces joined and escapes resolved.
    Str(Symbol),
    /// Bytes; those outside ASCII as `\xNN`.
    Bytes(Symbol),
    /// `...`.
    Ellipsis,
}

/// A value an instruction takes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operand {
    /// A local variable or temporary of this body.
    Local(LocalId),
    /// A literal.
    Const(Const),
    /// What lives outside this body, by absolute dotted name: `os.path`, `pkg.mod.LIMIT`, a builtin by its bare
    /// name, a variable of an enclosing function as `pkg.mod.outer.<locals>.x`.
    Global(Symbol),
}

impl Operand {
    /// The local, if it is one.
    #[must_use]
    pub fn local(self) -> Option<LocalId> {
        match self {
            Self::Local(local) => Some(local),
            Self::Const(_) | Self::Global(_) => None,
        }
    }

    /// The string literal's symbol, if it is one.
    #[must_use]
    pub fn string(self) -> Option<Symbol> {
        match self {
            Self::Const(Const::Str(text)) => Some(text),
            _ => None,
        }
    }
}

/// One step of an access path.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// `.name`
    Attr(Symbol),
    /// `[constant]`
    Item(Const),
    /// `[key]`: an element whose key a variable holds.
    Key(Operand),
    /// `[*]`: an element whose key is not known.
    Element,
}

/// A base and the path from it: `x.a["b"][*]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// Where the path begins.
    pub base: Operand,
    /// The path.
    pub path: PathId,
}

impl Place {
    /// The bare operand.
    #[must_use]
    pub fn bare(base: Operand) -> Self {
        Self { base, path: Paths::EMPTY }
    }
}

/// All access paths of a file, shared by prefix.
pub struct Paths {
    nodes: IdVec<PathId, Option<(PathId, Step)>>,
    known: FxHashMap<(PathId, Step), PathId>,
}

impl Paths {
    /// The path without steps.
    pub const EMPTY: PathId = PathId(std::num::NonZeroU32::MIN);

    /// Only the empty path.
    #[must_use]
    pub fn new() -> Self {
        Self { nodes: IdVec::filled(None, 1), known: FxHashMap::default() }
    }

    /// `path` and one more step.
    pub fn extend(&mut self, path: PathId, step: Step) -> PathId {
        *self.known.entry((path, step)).or_insert_with(|| self.nodes.push(Some((path, step))))
    }

    /// `path` without its last step, and that step; `None` for the empty path.
    #[must_use]
    pub fn split(&self, path: PathId) -> Option<(PathId, Step)> {
        self.nodes[path]
    }

    /// The steps of `path`, first to last.
    #[must_use]
    pub fn steps(&self, path: PathId) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = path;
        while let Some((outer, step)) = self.nodes[at] {
            steps.push(step);
            at = outer;
        }
        steps.reverse();
        steps
    }
}

impl Default for Paths {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{Const, PathId, Paths, Step};

    #[test]
    fn equal_paths_have_one_id() {
        let mut paths = Paths::new();
        let a = paths.extend(Paths::EMPTY, Step::Item(Const::Int(1)));
        let b = paths.extend(a, Step::Element);
        assert_eq!(paths.extend(Paths::EMPTY, Step::Item(Const::Int(1))), a);
        assert_eq!(paths.steps(b), [Step::Item(Const::Int(1)), Step::Element]);
        assert_eq!(Paths::EMPTY, PathId::new(0));
    }
}
