//! Strings as four-byte symbols. One interner a file, so that threads never contend for it.

use rustc_hash::FxHashMap;

use crate::define_id;

define_id!(/// An interned string of one [`Interner`].
    Symbol);

/// Gives each distinct string one [`Symbol`], numbered in order of first appearance.
#[derive(Default)]
pub struct Interner {
    ids: FxHashMap<Box<str>, Symbol>,
    text: Vec<Box<str>>,
}

impl Interner {
    /// The symbol of `text`, new or known.
    pub fn intern(&mut self, text: &str) -> Symbol {
        if let Some(&known) = self.ids.get(text) {
            return known;
        }
        let symbol = Symbol::new(self.text.len());
        self.text.push(text.into());
        self.ids.insert(text.into(), symbol);
        symbol
    }

    /// The symbol of `text` if it was interned before.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Symbol> {
        self.ids.get(text).copied()
    }

    /// The string behind `symbol`, which must come from this interner.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &str {
        &self.text[symbol.index()]
    }

    /// Drops the index from text to symbol, which only [`Interner::intern`] and [`Interner::find`] need.
    #[must_use]
    pub fn freeze(self) -> Names {
        Names { text: self.text.into_boxed_slice() }
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
