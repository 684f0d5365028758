//! What exceptions carry from where they are raised to where they are caught: `raise ValueError(text)`, `str(error)`.
//!
//! In: the value that is raised, the summaries of callees. Out: the value that a handler binds, where it may catch it.

use std::sync::Arc;

use crate::ir::{BlockId, LocalId, Operand, RegionId, RegionKind};
use crate::models::Kinds;
use crate::program::ClassIx;
use crate::taint::apply::Bound;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::state::{State, Var};
use crate::taint::summary::Summary;
use crate::taint::value::{Key, Konst, Label, Tree};
use crate::text::Span;

/// Exceptions of Python's own with those that are of the same kind.
const BELOW: &[(&str, &[&str])] = &[
    ("LookupError", &["KeyError", "IndexError"]),
    ("ArithmeticError", &["ZeroDivisionError", "OverflowError", "FloatingPointError"]),
    ("ValueError", &["UnicodeError", "UnicodeDecodeError", "UnicodeEncodeError", "JSONDecodeError"]),
    ("OSError", OF_SYSTEM),
    ("IOError", OF_SYSTEM),
    ("EnvironmentError", OF_SYSTEM),
    ("RuntimeError", &["NotImplementedError", "RecursionError"]),
];
const OF_SYSTEM: &[&str] = &[
    "OSError",
    "IOError",
    "FileNotFoundError",
    "FileExistsError",
    "PermissionError",
    "NotADirectoryError",
    "IsADirectoryError",
    "ConnectionError",
    "TimeoutError",
    "BlockingIOError",
    "InterruptedError",
];

impl Analyzer<'_, '_> {
    /// What is raised, with the name of its class.
    pub(super) fn exception(&self, state: &State, operand: Operand) -> Tree {
        let tree = self.value(state, operand);
        if !tree.is_tainted() {
            return Tree::default();
        }
        let mut tree = Tree::clone(&tree);
        // What it says of the inside, whoever wrote its text has chosen to say.
        let hidden = Kinds::HIDDEN.with(Kinds::DETAIL);
        tree.relabel(&|label| Label { kinds: label.kinds.without(hidden), ..label.clone() });
        if let (None, Operand::Local(local)) = (tree.class, operand) {
            let path = self.body.locals[local].value.map_or("", |value| self.module.unit.text(value));
            let name = path.strip_suffix("()").map(|path| path.rsplit('.').next().unwrap_or(path));
            if let Some(name) = name.filter(|name| !name.is_empty()) {
                tree.store(&[name_key()], &Arc::new(Tree::konst(Konst::Str(name.into()))));
            }
        }
        tree
    }

    /// Notes in a state what is on its way out of the block.
    pub(super) fn raise(state: &mut State, thrown: &Tree) {
        if !thrown.is_plain() {
            state.change(Var::Raised, |tree| {
                tree.join(thrown);
            });
        }
    }

    /// Notes what leaves the body as an exception.
    pub(super) fn leave_raised(&self, state: &State, raised: &Tree) {
        if !self.is_reporting() {
            return;
        }
        let mut found = std::mem::take(&mut self.out.borrow_mut().raises);
        self.flatten(state, raised, &mut Vec::new(), &mut found);
        let mut out = self.out.borrow_mut();
        out.raises = found;
        let shape = raised.without_labels();
        match &mut out.raised {
            Some(known) => drop(Arc::make_mut(known).join(&shape)),
            None => out.raised = Some(Arc::new(shape)),
        }
    }

    /// Notes what a callee raises.
    pub(super) fn throw(&self, state: &State, site: &Site<'_>, summary: &Summary, bound: &Bound) {
        let mut raised = summary.raised.as_deref().cloned().unwrap_or_default();
        for (path, from) in &summary.raises {
            let labels = self.labels(state, from, bound, site, "it is raised by");
            if !labels.is_empty() {
                raised.join_at(path, &Tree::labeled(labels));
            }
        }
        if raised.is_tainted() {
            self.thrown.borrow_mut().get_or_insert_default().join(&raised);
        }
    }

    /// Before a handler: what it does not bind, or does not catch, is gone, and what one before it has caught.
    pub(super) fn choose(&self, state: &mut State, entry: BlockId, is_caught: &mut bool) {
        let Some(raised) = state.get(Var::Raised) else { return };
        let region = self.body.blocks[entry].region;
        let RegionKind::Handler(handler) = &self.body.regions[region].kind else { return };
        let types: Vec<&str> = handler.types.iter().map(|name| self.module.unit.text(*name)).collect();
        let catches = types.is_empty() || types.iter().any(|name| self.may_catch(name, raised));
        let named = raised.field(&name_key()).is_some_and(|name| name.konst.is_some());
        let is_gone = *is_caught;
        *is_caught |= catches && (named || raised.class.is_some());
        if handler.name.is_none() || !catches || is_gone {
            state.set(Var::Raised, Arc::default());
        }
    }

    /// Whether a block handles an exception, which then is on its way no more.
    pub(super) fn is_handler(&self, block: BlockId) -> bool {
        matches!(self.body.regions[self.body.blocks[block].region].kind, RegionKind::Handler(_))
    }

    fn may_catch(&self, handled: &str, raised: &Tree) -> bool {
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        let handled = last(handled);
        let is_of = |name: &str| {
            let below = BELOW.iter().find(|(known, _)| *known == handled);
            name == handled || below.is_some_and(|(_, names)| names.contains(&name))
        };
        if matches!(&*handled, "Exception" | "BaseException") {
            return true;
        }
        let program = self.world.program;
        let by_class = |class: ClassIx| {
            let own =
                program.above(class).iter().map(|class| last(program.text(program.classes[*class].name)));
            own.chain(program.outside_bases(class).into_iter().map(last)).any(|name| is_of(&name))
        };
        match (raised.class, raised.field(&name_key()).and_then(|name| name.konst.as_ref())) {
            (Some(class), _) => by_class(class),
            (None, Some(Konst::Str(name))) => is_of(name),
            _ => true,
        }
    }

    /// The exception that a handler catches.
    pub(super) fn caught(&self, state: &mut State, region: RegionId, to: LocalId, span: Span) -> Arc<Tree> {
        let mut tree = self.detail(state, region, to, span);
        if let Some(raised) = state.get(Var::Raised).cloned() {
            state.set(Var::Raised, Arc::default());
            // First what it tells of the inside: a value has only so many labels.
            let own = Arc::make_mut(&mut tree);
            let labels = std::mem::take(&mut own.labels);
            *own = Tree { labels, ..Tree::clone(&raised) };
            raised.labels.iter().for_each(|label| {
                own.add(label);
            });
        }
        tree
    }

    /// Whether a value is an exception, of which an unknown function, such as a handler that was registered for it, makes
    /// an answer of its own.
    pub(super) fn is_exception(&self, tree: &Tree) -> bool {
        let of = |class| self.world.program.outside_bases(class).iter().any(is_error);
        tree.field(&args_key()).or_else(|| tree.field(&name_key())).is_some() || tree.class.is_some_and(of)
    }

    /// Whether an argument is an exception that goes to a handler which a variable holds.
    pub(super) fn is_handled(&self, site: &Site<'_>, arg: &Tree) -> bool {
        site.receiver.is_none() && site.call.callee.base.local().is_some() && self.is_exception(arg)
    }

    /// Keeps what `super().__init__(…)` of an exception is given, which is its text.
    pub(super) fn keep_args(&self, state: &mut State, site: &Site<'_>) {
        let (Some(class), Some(own)) = (self.class, self.body.params.first()) else { return };
        if site.path == "super().__init__" && self.world.program.outside_bases(class).iter().any(is_error) {
            let args = Arc::new(Tree::list(site.args.iter().cloned()));
            state.change(Var::Local(own.local), |tree| tree.store(&[args_key()], &args));
        }
    }
}

/// Whether a class outside of the program is called as exceptions are.
fn is_error(base: &&str) -> bool {
    base.ends_with("Error") || base.ends_with("Exception")
}

/// Where an exception keeps what it was made with.
pub(super) fn args_key() -> Key {
    Key::Item(Konst::Str(Arc::from("\0args")))
}

/// Where an exception on its way keeps the name of its class.
fn name_key() -> Key {
    Key::Item(Konst::Str(Arc::from("\0raised")))
}
