//! What calls of classes make.

use std::sync::Arc;

use crate::base::Symbol;
use crate::ir::{ArgKind, Operand};
use crate::models::{Kinds, Sanitizer, Wanted};
use crate::program::{ClassIx, FuncId, Meaning};
use crate::taint::apply::Bound;
use crate::taint::attributes::named_key;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::connect::{CONNECTORS, connector_key};
use crate::taint::gathered::is_attribute;
use crate::taint::state::{State, Var};
use crate::taint::summary::Summary;
use crate::taint::texts::set_path;
use crate::taint::value::{Key, Konst, Label, Tree, is_numbered};

impl Analyzer<'_, '_> {
    /// The class that the call makes an instance of by running `func`.
    pub(super) fn made_class(&self, site: &Site<'_>, func: FuncId) -> Option<ClassIx> {
        let name = site.call.name?;
        match self.module.meaning(name) {
            Meaning::Class(class) => Some(*class),
            _ => None,
        }
        .filter(|_| self.world.program.class_of(func).is_some())
    }

    pub(super) fn constructor(&self, class: ClassIx) -> Option<FuncId> {
        self.world.program.symbol("__init__").and_then(|name| self.world.program.method(class, name))
    }

    /// An instance of which no more is known than what it was made with.
    pub(super) fn instance(&self, site: &Site<'_>, class: ClassIx) -> Arc<Tree> {
        if let Some(row) = self.row(site, class) {
            return Arc::new(row);
        }
        let mut tree = Tree { class: Some(class), ..Tree::default() };
        site.args.iter().flat_map(|arg| arg.all()).for_each(|label| {
            tree.add(&Label { kinds: label.kinds.without(Kinds::HIDDEN), ..label });
        });
        Arc::new(tree)
    }

    /// An instance of a class whose block declares what is passed by name: `File(extension=x)` of a model.
    fn row(&self, site: &Site<'_>, class: ClassIx) -> Option<Tree> {
        let program = self.world.program;
        let above = program.above(class);
        let declares =
            |name: &Symbol| above.iter().any(|class| program.classes[*class].attrs.contains_key(name));
        let mut tree = Tree { class: Some(class), ..Tree::default() };
        for (arg, value) in site.call.args.iter().zip(&site.args) {
            match arg.kind {
                ArgKind::Keyword(name) => {
                    let name = Some(self.module.global(name)).filter(declares)?;
                    tree.store(&[Key::Attr(name)], value);
                }
                // `Model(**values)`: an attribute is the entry of its name.
                ArgKind::DoubleStar => tree.store(&[named_key()], &crate::taint::secrets::without(value)),
                ArgKind::Positional | ArgKind::Star => return None,
            }
        }
        Some(tree)
    }

    /// The instance that a constructor makes.
    pub(super) fn made(
        &self,
        state: &mut State,
        site: &Site<'_>,
        summary: &Summary,
        (bound, init): (&Bound, FuncId),
        class: ClassIx,
    ) -> Arc<Tree> {
        // While it runs, the instance stands where the call puts it.
        let var = Var::Local(site.call.to);
        let before = state.get(var).cloned().unwrap_or_default();
        state.set(var, Arc::new(Tree { class: Some(class), ..Tree::default() }));
        let spot = (Operand::Local(site.call.to), Vec::new());
        let own = Site { receiver: None, args: site.args.clone(), spot: Some(&spot), ..*site };
        self.apply(state, &own, summary, bound, init);
        let made = state.get(var).cloned().unwrap_or_default();
        state.set(var, before);
        made
    }

    /// An instance of a class of the program that has fields and no constructor of its own: a dataclass, a named tuple.
    pub(super) fn record(&self, site: &Site<'_>, class: ClassIx) -> Option<Arc<Tree>> {
        let program = self.world.program;
        let above = program.above(class);
        let fields: Vec<Symbol> =
            above.iter().rev().flat_map(|class| program.classes[*class].fields.iter().copied()).collect();
        let is_tuple = program.outside_bases(class).iter().any(|base| base.ends_with("NamedTuple"));
        let tree = Tree { class: Some(class), ..Tree::default() };
        self.with_fields(site, tree, (&fields, is_tuple))
    }

    /// What a call of `collections.namedtuple` makes: its fields, in order.
    pub(super) fn tuple_class(&self, site: &Site<'_>) -> Option<Arc<Tree>> {
        let (fields, _) = site.positional(1)?;
        let text = |tree: &Tree| match &tree.konst {
            Some(Konst::Str(text)) => Some(text.to_string()),
            _ => None,
        };
        let names: Vec<String> = match text(fields) {
            Some(text) => text.replace(',', " ").split_whitespace().map(str::to_owned).collect(),
            None => fields.items()?.iter().map(|item| text(item)).collect::<Option<_>>()?,
        };
        let list = names.iter().map(|name| Arc::new(Tree::konst(Konst::Str(name.as_str().into()))));
        let mut tree = Tree::default();
        tree.store(&[fields_key()], &Arc::new(Tree::list(list.collect::<Vec<_>>())));
        Some(Arc::new(tree))
    }

    /// An instance of what a call of `collections.namedtuple` has made.
    pub(super) fn named_tuple(&self, state: &State, site: &Site<'_>) -> Option<Arc<Tree>> {
        let class = self.value(state, site.call.callee.base);
        let symbol = |item: &Arc<Tree>| match &item.konst {
            Some(Konst::Str(text)) => self.world.program.symbol(text),
            _ => None,
        };
        let names: Option<Vec<Symbol>> = class.field(&fields_key())?.items()?.iter().map(symbol).collect();
        self.with_fields(site, Tree::default(), (&names?, true))
    }

    /// A copy of an object in which some fields are what is passed for them: `meta._replace(title="x")`.
    pub(super) fn with_replaced(&self, site: &Site<'_>, object: &Arc<Tree>) -> Option<Arc<Tree>> {
        if site.call.has_spread() {
            return None;
        }
        let mut tree = Tree::clone(object);
        for (arg, value) in site.call.args.iter().zip(&site.args) {
            let ArgKind::Keyword(name) = arg.kind else { continue };
            let key = Key::Attr(self.module.global(name));
            let before = tree.field(&key).cloned();
            // Of a named tuple the same field by its number.
            let twins = tree.fields.iter().filter(|(known, part)| {
                is_numbered(known) && before.as_ref().is_none_or(|before| Arc::ptr_eq(before, part))
            });
            let twins: Vec<Key> = twins.map(|(known, _)| known.clone()).collect();
            tree.store(&[key], value);
            for twin in twins {
                tree.join_at(&[twin], value);
            }
        }
        Some(Arc::new(tree))
    }

    /// The attributes of an object as a mapping or a list, by a call that makes one of them; `None` where none is known.
    pub(super) fn as_mapping(&self, site: &Site<'_>) -> Option<Arc<Tree>> {
        const METHODS: &[&str] = &["_asdict", "asdict", "dict", "model_dump", "to_dict", "todict"];
        let given = || site.positional(0).map(|(tree, _)| tree);
        let object = match site.path {
            "dataclasses.asdict"
            | "dataclasses.astuple"
            | "attr.asdict"
            | "attr.astuple"
            | "attrs.asdict"
            | "attrs.astuple"
            | "vars" => given(),
            _ if METHODS.contains(&site.method) => site.receiver.as_ref().or_else(given),
            _ => None,
        }?;
        if !object.fields.iter().any(|(key, _)| is_attribute(key)) {
            return None;
        }
        let mut made = Tree::labeled(object.labels.clone());
        for (key, part) in &object.fields {
            let Key::Attr(name) = key else { continue };
            if site.method == "astuple" {
                made.join_at(&[Key::Any], part);
            } else {
                made.store(&[Key::Item(Konst::Str(self.world.program.text(*name).into()))], part);
            }
        }
        Some(Arc::new(made))
    }

    /// An object with what is passed for its fields.
    fn with_fields(
        &self,
        site: &Site<'_>,
        mut tree: Tree,
        (fields, is_tuple): (&[Symbol], bool),
    ) -> Option<Arc<Tree>> {
        if fields.is_empty() || site.call.has_spread() {
            return None;
        }
        let mut next = 0;
        for (arg, value) in site.call.args.iter().zip(&site.args) {
            let index = match arg.kind {
                ArgKind::Keyword(name) => {
                    let name = self.module.global(name);
                    fields.iter().position(|field| *field == name)
                }
                _ => {
                    next += 1;
                    Some(next - 1)
                }
            };
            let Some(index) = index.filter(|index| *index < fields.len()) else { continue };
            tree.store(&[Key::Attr(fields[index])], value);
            if is_tuple {
                let index = i64::try_from(index).unwrap_or(i64::MAX);
                tree.store(&[Key::Item(Konst::Int(index))], value);
            }
        }
        Some(Arc::new(tree))
    }

    /// The enumeration of the program that a call looks a member up in.
    pub(super) fn enum_of(&self, site: &Site<'_>) -> Option<ClassIx> {
        let Meaning::Class(class) = self.module.meaning(site.call.name?) else { return None };
        let bases = self.world.program.outside_bases(*class);
        let is_enum = bases.iter().any(|base| base.starts_with("enum."));
        let is_lax = self
            .world
            .program
            .symbol("_missing_")
            .is_some_and(|name| self.world.program.method(*class, name).is_some());
        (is_enum && !is_lax).then_some(*class)
    }

    /// Notes in an object of a library what it was made with, where that is known without taint.
    pub(super) fn made_with(&self, site: &Site<'_>, tree: &mut Tree) {
        self.keep_chain(site, tree);
        tree.object = Self::passed_object(site);
        if site.method.starts_with(|c: char| c.is_uppercase()) {
            for (arg, value) in site.call.args.iter().zip(&site.args) {
                let ArgKind::Keyword(name) = arg.kind else { continue };
                let name = self.module.unit.text(name);
                if let Some(konst) = &value.konst {
                    let key = Key::Item(Konst::Str(name.into()));
                    tree.store(&[key], &Arc::new(Tree::konst(konst.clone())));
                } else if CONNECTORS.contains(&name) && value.class.is_some() {
                    let held = Tree { class: value.class, ..Tree::default() };
                    tree.store(&[connector_key(name)], &Arc::new(held));
                }
            }
        }
        if matches!(site.path, "pathlib.Path" | "pathlib.PurePath") {
            set_path(tree, &site.args.iter().map(|part| &**part).collect::<Vec<_>>());
        }
        // What a handle was opened for.
        if site.method == "open"
            && let Some(path) = site.receiver.as_ref().or_else(|| site.positional(0).map(|(path, _)| path))
        {
            tree.store(&[Key::Item(Konst::Str("file".into()))], &Arc::new(path.without_labels()));
        }
    }
}

impl Analyzer<'_, '_> {
    /// Whether the object that a method is called on was handed here and is set to what a pack wants.
    fn is_made_so(site: &Site<'_>, (name, wanted): (&str, &Wanted)) -> bool {
        let set = || site.receiver.as_ref()?.field(&Key::Item(Konst::Str(name.into())))?.konst.clone();
        match wanted {
            Wanted::Bool(value) => set().is_some_and(|konst| konst.is_true() == *value),
            Wanted::Text(text) => matches!(set(), Some(Konst::Str(known)) if known.ends_with(&**text)),
            Wanted::Any(_) | Wanted::Words(_) => false,
        }
    }

    /// What a chain of methods makes is harmless for the same kinds wherever the chain was cut and under whatever name it
    /// goes on: `query = select(User)`, `if name: query = query.where(User.name == name)`.
    fn keep_chain(&self, site: &Site<'_>, tree: &mut Tree) {
        let key = Key::Item(Konst::Str("\0chain".into()));
        let own = self.world.models.chain_at(site.path);
        let holds = |chain: &&Sanitizer| {
            let is = |(name, wanted): &(String, Wanted)| self.is_given(site, (name, wanted), true);
            chain.when.iter().all(is) && !chain.unless.iter().any(is)
        };
        let chains = self.world.models.chains_if(site.path).iter().filter(holds);
        // An object that was handed here keeps what it was made with.
        let object = site.receiver.as_ref().and_then(|receiver| receiver.object);
        let made_by = object.map(|object| self.world.models.types.method_of(object, ""));
        let made_by = made_by.as_deref().and_then(|path| path.strip_suffix("()."));
        let holds_for_it = |chain: &&Sanitizer| {
            let is = |(name, wanted): &(String, Wanted)| Self::is_made_so(site, (name, wanted));
            chain.when.iter().all(is) && !chain.unless.iter().any(is)
        };
        let of_made = made_by.map_or(&[][..], |path| self.world.models.chains_if(path));
        let chains = chains.chain(of_made.iter().filter(holds_for_it));
        let own = chains.fold(own, |sum, chain| sum.with(chain.clears));
        let bits = match site.receiver.as_ref().and_then(|receiver| receiver.field(&key)) {
            Some(kept) => kept.konst.clone(),
            None => (own != Kinds::NONE).then(|| Konst::Int(own.to_bits())),
        };
        if let Some(Konst::Int(bits)) = bits {
            let clears = Kinds::from_bits(bits);
            tree.labels.iter_mut().for_each(|label| label.kinds = label.kinds.without(clears));
            tree.labels.retain(|label| !label.kinds.is_empty());
            tree.store(&[key], &Arc::new(Tree::konst(Konst::Int(bits))));
        }
    }
}

/// Where a class keeps the names of its fields.
fn fields_key() -> Key {
    Key::Item(Konst::Str("_fields".into()))
}
