//! Strings as four-byte symbols. One interner a file, so that threads never contend for it.

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use crate::define_id;

define_id!(/// An interned string of one [`Interner`].
    Symbol);

/// Gives each distinct string one [`Symbol`], numbered in order of first appearance.
#[derive(Default)]
pub struct Interner {
    text: IndexSet<Box<str>, FxBuildHasher>,
}

impl Interner {
    /// The symbol of `text`, new or known.
    pub fn intern(&mut self, text: &str) -> Symbol {
        let known = self.text.get_index_of(text);
        Symbol::new(known.unwrap_or_else(|| self.text.insert_full(text.into()).0))
    }

    /// The symbol of `text` if it was interned before.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Symbol> {
        self.text.get_index_of(text).map(Symbol::new)
    }

    /// The string behind `symbol`, which must come from this interner.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &str {
        &self.text[symbol.index()]
    }

    /// Drops the index from text to symbol, which only [`Interner::intern`] and [`Interner::find`] need.
    #[must_use]
    pub fn freeze(self) -> Names {
        Names { text: self.text.into_iter().collect() }
    }
}

/// The strings of a finished [`Interner`], for reading only.
#[derive(Default)]
pub struct Names {
    text: Box<[Box<str>]>,
}

impl std::ops::Index<Symbol> for Names {
    type Output = str;
    fn index(&self, symbol: Symbol) -> &str {
        &self.text[symbol.index()]
    }
}
