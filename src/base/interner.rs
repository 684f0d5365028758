//! Strings as four-byte symbols. One interner a file, so that threads never contend for it.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::define_id;

define_id!(/// An interned string of one [`Interner`].
    Symbol);

/// Gives each distinct string one [`Symbol`], numbered in order of first appearance.
#[derive(Default)]
pub struct Interner {
    texts: Texts,
    known: HashTable<Symbol>,
}

impl Interner {
    /// Makes room for `n` strings of `bytes` bytes in all.
    pub fn reserve(&mut self, n: usize, bytes: usize) {
        self.texts.all.reserve(bytes);
        self.texts.ranges.reserve(n);
        let texts = &self.texts;
        self.known.reserve(n, |symbol| hash(texts.get(*symbol)));
    }

    /// The symbol of `text`, new or known.
    pub fn intern(&mut self, text: &str) -> Symbol {
        let hash = hash(text);
        let texts = &mut self.texts;
        if let Some(known) = self.known.find(hash, |symbol| texts.get(*symbol) == text) {
            return *known;
        }
        let symbol = texts.push(text);
        self.known.insert_unique(hash, symbol, |symbol| self::hash(texts.get(*symbol)));
        symbol
    }

    /// The symbol of `text` if it was interned before.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Symbol> {
        self.known.find(hash(text), |symbol| self.texts.get(*symbol) == text).copied()
    }

    /// The string behind `symbol`, which must come from this interner.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &str {
        self.texts.get(symbol)
    }

    /// Drops the index from text to symbol, which only [`Interner::intern`] and [`Interner::find`] need.
    #[must_use]
    pub fn freeze(self) -> Names {
        Names { texts: self.texts }
    }
}

fn hash(text: &str) -> u64 {
    FxBuildHasher.hash_one(text)
}

/// The strings of a finished [`Interner`], for reading only.
#[derive(Default)]
pub struct Names {
    texts: Texts,
}

impl Names {
    /// How many strings there are, and their bytes in all.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.texts.ranges.len(), self.texts.all.len())
    }

    /// The strings in order of their symbols.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.texts.ranges.iter().map(|range| &self.texts.all[range.start as usize..range.end as usize])
    }
}

impl std::ops::Index<Symbol> for Names {
    type Output = str;
    fn index(&self, symbol: Symbol) -> &str {
        self.texts.get(symbol)
    }
}

/// Strings one behind the other: most are short, and an allocation each costs more than they do.
#[derive(Default)]
struct Texts {
    all: String,
    /// Where each begins and ends in `all`, by symbol.
    ranges: Vec<Range<u32>>,
}

impl Texts {
    fn get(&self, symbol: Symbol) -> &str {
        let range = &self.ranges[symbol.index()];
        &self.all[range.start as usize..range.end as usize]
    }

    fn push(&mut self, text: &str) -> Symbol {
        let at = |length: usize| u32::try_from(length).expect("the names of a file fit in 4 GiB");
        let start = at(self.all.len());
        self.all.push_str(text);
        self.ranges.push(start..at(self.all.len()));
        Symbol::new(self.ranges.len() - 1)
    }
}
