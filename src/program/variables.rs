//! Which variable a dotted name means where files hand it on: `shop.LIMIT` is `shop.limits.LIMIT` if the package imports
//! it from there.
//!
//! In: names as files write them. Out: the names that variables have in the files that assign them. Classes and functions
//! are not looked up here.

use crate::base::Symbol;
use crate::program::{Meaning, Module, ModuleId, Program};

/// Most files that hand a name on to each other.
const MAX_FILES: u32 = 8;

impl Program<'_> {
    /// The name, in the file that assigns it, of the variable or attribute that the file `from` calls `dotted`; `None`
    /// where no file of the program does.
    #[must_use]
    pub fn variable(&self, from: ModuleId, dotted: &str) -> Option<Symbol> {
        self.symbol(&self.full_name(from, dotted)?)
    }

    fn full_name(&self, from: ModuleId, dotted: &str) -> Option<String> {
        let mut from = from;
        let mut dotted = dotted.to_owned();
        for _ in 0..MAX_FILES {
            let (home, rest) = self.home(from, &dotted)?;
            let module = &self.modules[home];
            let (name, below) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
            let Some(path) = self.handed_on(home, name) else {
                let own = module.unit.text(module.unit.module);
                return Some(format!("{own}.{rest}"));
            };
            dotted = [&path, below].concat();
            from = home;
        }
        None
    }

    /// The variable `name` of the file that `base` means in `module`, if it means one.
    #[must_use]
    pub fn member(&self, module: &Module<'_>, base: Symbol, name: &str) -> Option<Symbol> {
        let Meaning::Module(id) = module.meaning(base) else { return None };
        let unit = self.modules[*id].unit;
        self.variable(*id, &format!("{}.{name}", unit.text(unit.module)))
    }

    /// The variables that the file `id` calls otherwise than the files that assign them, by what its names mean.
    pub(super) fn renamed(&self, id: ModuleId, meanings: &[Option<Box<Meaning>>]) -> Vec<(Symbol, String)> {
        let unit = self.modules[id].unit;
        let own = unit.text(unit.module);
        let is_variable = |name: &Symbol| {
            let meaning = meanings[name.index()].as_deref();
            matches!(meaning, None | Some(Meaning::Outside(_) | Meaning::Instance(_) | Meaning::Unknown))
        };
        let all = unit.bodies.iter().flat_map(|body| &body.globals).copied();
        let mut names: Vec<Symbol> = all.filter(is_variable).collect();
        names.sort_unstable();
        names.dedup();
        let is_own = |text: &str| text.strip_prefix(own).is_some_and(|rest| rest.starts_with('.'));
        let other = |name: Symbol| {
            let text = unit.text(name);
            if is_own(text) {
                return None;
            }
            Some((name, self.full_name(id, text).filter(|full| full != text)?))
        };
        names.into_iter().filter_map(other).collect()
    }

    /// The longest beginning of a dotted name that is a file, and the names behind it.
    fn home<'d>(&self, from: ModuleId, dotted: &'d str) -> Option<(ModuleId, &'d str)> {
        if dotted.contains(['(', '[', '<']) || !self.table.may_have(dotted) {
            return None;
        }
        let own = |module: &Module<'_>, head: &str| module.unit.text(module.unit.module) == head;
        let heads = dotted.rmatch_indices('.').map(|(dot, _)| dot);
        heads.into_iter().find_map(|dot| {
            let head = &dotted[..dot];
            let is_own = own(&self.modules[from], head);
            let home = if is_own { Some(from) } else { self.table.find(head, from) };
            home.map(|home| (home, &dotted[dot + 1..]))
        })
    }

    /// The path by which a file has a name that it does not define itself.
    fn handed_on(&self, home: ModuleId, name: &str) -> Option<String> {
        let unit = self.modules[home].unit;
        let own = unit.text(unit.module);
        let full = format!("{own}.{name}");
        if let Some(path) = self.symbol(name).and_then(|name| self.bound[home].imports.get(&name)) {
            return Some(unit.text(*path).to_owned()).filter(|path| *path != full);
        }
        let is_bound = |module: ModuleId, full: &str| {
            self.symbol(full).is_some_and(|full| self.bound[module].globals.contains_key(&full))
        };
        if unit.stars.is_empty() || is_bound(home, &full) {
            return None;
        }
        let mut stars = unit.stars.iter().map(|star| unit.text(*star));
        stars.find_map(|star| {
            let other = self.table.find(star, home).filter(|other| *other != home)?;
            let data = self.modules[other].unit;
            let full = format!("{}.{name}", data.text(data.module));
            is_bound(other, &full).then_some(full)
        })
    }
}
