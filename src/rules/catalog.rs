//! The rules of one run: those that are compiled in, and those whose pages the scanned project brings.

use crate::rules::{Judge, Page, judge, pages};

/// The pages of all rules there are, by id.
pub struct Catalog {
    pages: Vec<Page>,
}

impl Catalog {
    /// Our rules and those of `own`, whose ids must be free.
    #[must_use]
    pub fn new(own: impl IntoIterator<Item = Page>) -> Self {
        let mut all: Vec<Page> = pages().iter().cloned().chain(own).collect();
        all.sort_by_key(|page| page.id);
        Self { pages: all }
    }

    /// The pages, by id.
    #[must_use]
    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// The ids, in order.
    #[must_use]
    pub fn ids(&self) -> Vec<&'static str> {
        self.pages.iter().map(|page| page.id).collect()
    }

    /// The page of the rule called `id`.
    #[must_use]
    pub fn page(&self, id: &str) -> Option<&Page> {
        self.pages.iter().find(|page| page.id == id)
    }

    /// A judge for all rules that `wanted` admits by id.
    #[must_use]
    pub fn judge(&self, wanted: impl Fn(&str) -> bool) -> Judge {
        let own = self.pages.iter().filter(|page| page.file.is_some() && wanted(page.id));
        judge(&wanted).with_own(own)
    }
}
