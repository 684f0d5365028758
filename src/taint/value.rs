//! What a variable holds: labels of taint, constants, fields and elements.

use std::sync::Arc;

use crate::base::Symbol;
use crate::ir::{Const, Step};
use crate::models::Kinds;
use crate::program::{ClassIx, FuncId, Module, ObjectId};
use crate::taint::conds::{Among, Each};
use crate::taint::limits::{MAX_DEPTH, MAX_FIELDS, MAX_LABELS};
use crate::taint::summary::Hop;

/// A constant.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) enum Konst {
    None,
    Bool(bool),
    Int(i64),
    Str(Arc<str>),
}

/// A step into a value.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) enum Key {
    /// `.name`
    Attr(Symbol),
    /// `[constant]`
    Item(Konst),
    /// An element whose key is not known.
    Any,
}

/// Taint that began at `origin` and is still dangerous for `kinds`. The way it took is no part of equality.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) origin: u32,
    pub(super) kinds: Kinds,
    pub(super) via: Option<Arc<Hops>>,
}

/// The hops of a label, last first.
#[derive(Debug)]
pub(super) struct Hops {
    pub(super) hop: Hop,
    pub(super) before: Option<Arc<Hops>>,
}

impl Hops {
    /// One more hop behind `before`.
    pub(super) fn after(before: Option<&Arc<Self>>, hop: Hop) -> Arc<Self> {
        Arc::new(Self { hop, before: before.cloned() })
    }

    /// The hops, first to last.
    pub(super) fn list(at: Option<&Arc<Self>>) -> Vec<Hop> {
        let mut hops = Vec::new();
        let mut at = at;
        while let Some(node) = at {
            hops.push(node.hop.clone());
            at = node.before.as_ref();
        }
        hops.reverse();
        hops
    }
}

/// What a function value calls.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Callee {
    /// A function of the program.
    Own(FuncId),
    /// What a library has at this value path.
    Outside(Arc<str>),
    /// A class of the program.
    Class(ClassIx),
}

/// A function as a value, with what was bound to it.
#[derive(Clone, Debug)]
pub(super) struct FuncRef {
    pub(super) func: Callee,
    /// Arguments that `functools.partial` or a bound method puts first.
    pub(super) bound: Vec<Arc<Tree>>,
    /// Arguments that `functools.partial` gives by name.
    pub(super) named: Option<Arc<Tree>>,
    /// The variables of the function around it that it had when that returned it, by their names.
    pub(super) frame: Option<Arc<Tree>>,
    /// Whether it is meant without what its decorators put in its place.
    pub(super) is_bare: bool,
}

/// What the truth of a value tells: for which kinds which origins are harmless.
#[derive(Clone, Default, PartialEq, Debug)]
pub(super) struct Cond {
    pub(super) yes: Vec<(u32, Kinds)>,
    pub(super) no: Vec<(u32, Kinds)>,
    /// What the truth of each round of a loop together tells.
    pub(super) each: Vec<Each>,
    /// Whether it is told by what the value equals, or is found in, and not by its own truth.
    pub(super) is_compared: bool,
}

impl Cond {
    pub(super) fn if_true(yes: Vec<(u32, Kinds)>) -> Self {
        Self { yes, ..Self::default() }
    }

    pub(super) fn if_equal(yes: Vec<(u32, Kinds)>) -> Self {
        Self { yes, is_compared: true, ..Self::default() }
    }

    pub(super) fn if_false(no: Vec<(u32, Kinds)>) -> Self {
        Self { no, ..Self::default() }
    }

    /// What a comparison tells whose truth says that the value is `equal`.
    pub(super) fn compared(&self, equal: bool) -> Self {
        let cond = Self { is_compared: false, ..self.clone() };
        if equal { cond } else { cond.flipped() }
    }

    pub(super) fn flipped(self) -> Self {
        let each = self.each.into_iter().map(|each| Each { truth: !each.truth, ..each }).collect();
        Self { yes: self.no, no: self.yes, each, is_compared: self.is_compared }
    }

    /// Whether it tells nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.yes.is_empty() && self.no.is_empty() && self.each.is_empty()
    }
}

/// A value.
#[derive(Clone, Default, Debug)]
pub(super) struct Tree {
    /// Taint of the whole, and of all parts that are not told apart below.
    pub(super) labels: Vec<Label>,
    /// What it certainly is.
    pub(super) konst: Option<Konst>,
    /// Whether it may be `False`, and `True`, where it is not known which.
    pub(super) may: [bool; 2],
    /// What its text certainly begins with, where the whole is not known.
    pub(super) prefix: Option<Arc<str>>,
    /// What its text certainly ends with, where the whole is not known.
    pub(super) ending: Option<Arc<str>>,
    /// Parts that are told apart, sorted by key.
    pub(super) fields: Vec<(Key, Arc<Tree>)>,
    /// The class of the program that it is an instance of.
    pub(super) class: Option<ClassIx>,
    /// Classes of the program of which it may be an instance, where it is not certain that it is one of a single class.
    pub(super) maybe: Option<Arc<Vec<ClassIx>>>,
    /// The object of a library that it may be.
    pub(super) object: Option<ObjectId>,
    /// Functions that it may be.
    pub(super) funcs: Vec<FuncRef>,
    /// What its truth tells.
    pub(super) cond: Option<Arc<Cond>>,
    /// The constants of which it is one in each round of a loop.
    pub(super) among: Option<Arc<Among>>,
    /// Whether some of the elements that are told apart may be missing, or more may follow: lists of different lengths
    /// have met.
    pub(super) ragged: bool,
}

impl FuncRef {
    /// A function with nothing bound to it.
    pub(super) fn new(func: Callee) -> Self {
        Self { func, bound: Vec::new(), named: None, frame: None, is_bare: false }
    }
}

impl Tree {
    /// A function value.
    pub(super) fn func(func: FuncRef) -> Self {
        Self { funcs: vec![func], ..Self::default() }
    }

    pub(super) fn konst(konst: Konst) -> Self {
        Self { konst: Some(konst), ..Self::default() }
    }

    pub(super) fn labeled(labels: Vec<Label>) -> Self {
        Self { labels, ..Self::default() }
    }

    /// The truths that it may be, as far as these are constants.
    pub(super) fn truths(&self) -> [bool; 2] {
        match self.konst {
            Some(Konst::Bool(truth)) => [!truth, truth],
            _ => self.may,
        }
    }

    /// The class of the program that it is an instance of, or those of which it may be one.
    pub(super) fn classes(&self) -> impl Iterator<Item = ClassIx> {
        let maybe = self.maybe.iter().filter(|_| self.class.is_none()).flat_map(|maybe| maybe.iter());
        self.class.into_iter().chain(maybe.copied())
    }

    /// Whether nothing at all is known of it.
    pub(super) fn is_plain(&self) -> bool {
        self.labels.is_empty()
            && self.konst.is_none()
            && self.may == [false; 2]
            && self.prefix.is_none()
            && self.ending.is_none()
            && self.fields.is_empty()
            && self.class.is_none()
            && self.maybe.is_none()
            && self.object.is_none()
            && self.funcs.is_empty()
            && self.cond.is_none()
            && self.among.is_none()
    }

    /// Adds a label; labels of one origin are one.
    pub(super) fn add(&mut self, label: &Label) -> bool {
        add(&mut self.labels, label)
    }

    /// The part that is told apart under `key`.
    pub(super) fn field(&self, key: &Key) -> Option<&Arc<Tree>> {
        let at = self.fields.binary_search_by(|(known, _)| known.cmp(key)).ok()?;
        Some(&self.fields[at].1)
    }

    /// How many elements a list has that is known element by element.
    pub(super) fn exact_len(&self) -> Option<i64> {
        let mut next = 0;
        if !self.labels.is_empty() || self.konst.is_some() {
            return None;
        }
        for (key, _) in &self.fields {
            match key {
                Key::Item(Konst::Int(n)) if *n == next => next += 1,
                _ => return None,
            }
        }
        (next < 24).then_some(next)
    }

    /// How many elements a list certainly has; of what is not known that is none.
    pub(super) fn sure_len(&self) -> Option<i64> {
        self.exact_len().filter(|length| *length > 0 && !self.ragged)
    }

    /// Whether elements are told apart and their number is certain.
    pub(super) fn is_counted(&self) -> bool {
        !self.ragged && self.fields.iter().any(|(key, _)| is_numbered(key))
    }

    /// Notes that elements may be missing.
    pub(super) fn may_lack(&mut self) {
        self.ragged |= self.is_counted();
    }

    /// A list of these elements, whose number is as sure as those of the lists that they come from.
    pub(super) fn list_of(items: impl IntoIterator<Item = Arc<Tree>>, from: &[&Self]) -> Self {
        let ragged = from.iter().any(|list| list.ragged || list.fields.is_empty());
        Self { ragged, ..Self::list(items) }
    }

    /// A list of these elements.
    pub(super) fn list(items: impl IntoIterator<Item = Arc<Tree>>) -> Self {
        let fields = (0..).zip(items).map(|(index, item)| (Key::Item(Konst::Int(index)), item)).collect();
        Self { fields, ..Self::default() }
    }

    /// The elements of a list that is known element by element.
    pub(super) fn items(&self) -> Option<Vec<Arc<Tree>>> {
        self.exact_len()?;
        Some(self.fields.iter().map(|(_, part)| Arc::clone(part)).collect())
    }

    /// Whether it holds taint of `origin`.
    pub(super) fn holds(&self, origin: u32) -> bool {
        self.labels.iter().any(|label| label.origin == origin)
            || self.fields.iter().any(|(_, part)| part.holds(origin))
    }

    /// Whether it holds taint.
    pub(super) fn is_tainted(&self) -> bool {
        self.labels.iter().any(|label| !label.kinds.is_empty())
            || self.fields.iter().any(|(_, part)| part.is_tainted())
    }

    /// Joins in what it is when `value` is stored at `path`; returns whether anything grew.
    pub(super) fn join_at(&mut self, path: &[Key], value: &Self) -> bool {
        let Some((key, rest)) = path.split_first() else { return self.join(value) };
        self.forget_text();
        let at = self.fields.binary_search_by(|(known, _)| known.cmp(key));
        if path.len() > MAX_DEPTH || at.is_err() && self.fields.len() >= MAX_FIELDS {
            let labels = value.all();
            return labels.iter().fold(false, |grew, label| grew | self.add(label));
        }
        match at {
            Ok(at) => Arc::make_mut(&mut self.fields[at].1).join_at(rest, value),
            Err(at) => {
                let mut part = Self::default();
                if *key != Key::Any {
                    part.labels.clone_from(&self.labels);
                }
                part.join_at(rest, value);
                self.fields.insert(at, (key.clone(), Arc::new(part)));
                true
            }
        }
    }

    /// Puts what `change` makes of each label in its place.
    pub(super) fn relabel(&mut self, change: &impl Fn(&Label) -> Label) {
        self.labels.iter_mut().for_each(|label| *label = change(label));
        self.fields.iter_mut().for_each(|(_, part)| Arc::make_mut(part).relabel(change));
    }

    /// Hands every label in it to `note`.
    pub(super) fn each_label(&self, note: &mut impl FnMut(&Label)) {
        self.labels.iter().for_each(&mut *note);
        self.fields.iter().for_each(|(_, part)| part.each_label(note));
    }

    /// The text that it certainly begins with.
    pub(super) fn beginning(&self) -> Option<&str> {
        match &self.konst {
            Some(Konst::Str(text)) => Some(text),
            _ => self.prefix.as_deref(),
        }
    }

    /// What is known of its text: all of it, or how it begins and ends.
    pub(super) fn known_text(&self) -> impl Iterator<Item = &str> + Clone {
        let ending = if self.konst.is_some() { None } else { self.ending.as_deref() };
        self.beginning().into_iter().chain(ending)
    }

    /// Sets the part at `path`; a key that is not known only adds.
    pub(super) fn store(&mut self, path: &[Key], value: &Arc<Tree>) {
        let Some((key, rest)) = path.split_first() else {
            *self = Tree::clone(value);
            return;
        };
        self.forget_text();
        let at = self.fields.binary_search_by(|(known, _)| known.cmp(key));
        if *key == Key::Any || (self.fields.len() >= MAX_FIELDS && at.is_err()) || path.len() > MAX_DEPTH {
            let mut part = match at {
                Ok(at) => Tree::clone(&self.fields[at].1),
                Err(_) => Tree::default(),
            };
            let mut new = part.clone();
            new.store(rest, value);
            part.join(&new);
            part.konst = None;
            if path.len() > MAX_DEPTH || self.fields.len() >= MAX_FIELDS {
                part.all().iter().for_each(|label| {
                    self.add(label);
                });
                return;
            }
            match at {
                Ok(at) => self.fields[at].1 = Arc::new(part),
                Err(at) => self.fields.insert(at, (Key::Any, Arc::new(part))),
            }
            return;
        }
        match at {
            // Who compares values must see that it is the same one.
            Ok(at) if rest.is_empty() => self.fields[at].1 = Arc::clone(value),
            Err(at) if rest.is_empty() => self.fields.insert(at, (key.clone(), Arc::clone(value))),
            Ok(at) => Arc::make_mut(&mut self.fields[at].1).store(rest, value),
            Err(at) => {
                let mut part = Tree::labeled(self.labels.clone());
                part.store(rest, value);
                self.fields.insert(at, (key.clone(), Arc::new(part)));
            }
        }
    }
}

/// Whether a key is that of an element of a list.
pub(super) fn is_numbered(key: &Key) -> bool {
    matches!(key, Key::Item(Konst::Int(_)))
}

/// Where a text that was made of a value keeps the value itself, whose taint the text has.
pub(super) fn inner_key() -> Key {
    Key::Item(Konst::Str(Arc::from("\0inner")))
}

/// Where a mapping that outlives calls keeps what was stored under a key that is not known: another key, where it is a
/// constant, is another entry.
pub(super) fn some_key() -> Key {
    Key::Item(Konst::Str(Arc::from("\0some")))
}

/// What a row of a database has beside its columns: it gives its values where it is iterated, not its keys.
pub(super) fn row_key() -> Key {
    Key::Item(Konst::Str(Arc::from("\0row")))
}

/// Whether `key` is [`row_key`].
pub(super) fn is_row(key: &Key) -> bool {
    matches!(key, Key::Item(Konst::Str(text)) if &**text == "\0row")
}

/// Whether `key` is [`some_key`].
pub(super) fn is_some(key: &Key) -> bool {
    matches!(key, Key::Item(Konst::Str(text)) if &**text == "\0some")
}

/// Where a function that another one has made keeps the variables of that.
pub(super) fn frame_key() -> Key {
    Key::Item(Konst::Str(Arc::from("\0frame")))
}

/// Where a proxy keeps the function whose result it stands for.
pub(super) fn proxy_key() -> Key {
    Key::Item(Konst::Str(Arc::from("\0proxy")))
}

/// Where a function keeps what `functools.partial` gives it.
pub(super) fn bound_key() -> Key {
    Key::Item(Konst::Str(Arc::from("\0bound")))
}

/// Whether `key` is [`inner_key`], [`frame_key`] or [`bound_key`], which are no parts of the value.
pub(super) fn is_inner(key: &Key) -> bool {
    matches!(key, Key::Item(Konst::Str(text)) if matches!(&**text, "\0inner" | "\0frame" | "\0bound"))
}

/// Adds `label` to `labels`, kinds of one origin joined; returns whether they grew.
pub(super) fn add(labels: &mut Vec<Label>, label: &Label) -> bool {
    if let Some(known) = labels.iter_mut().find(|known| known.origin == label.origin) {
        let kinds = known.kinds.with(label.kinds);
        let grew = kinds != known.kinds;
        known.kinds = kinds;
        return grew;
    }
    let fits = labels.len() < MAX_LABELS;
    if fits {
        labels.push(label.clone());
    }
    fits
}

/// A literal of a file as a constant.
pub(super) fn literal(module: &Module<'_>, constant: Const) -> Option<Konst> {
    Some(match constant {
        Const::None => Konst::None,
        Const::Bool(value) => Konst::Bool(value),
        Const::Int(value) => Konst::Int(i64::from(value)),
        Const::Str(text) | Const::Bytes(text) => Konst::Str(module.unit.text(text).into()),
        Const::Number(_) | Const::Ellipsis => return None,
    })
}

/// A step of a path in a file as a key, whatever its variables hold.
pub(super) fn key(module: &Module<'_>, step: Step) -> Key {
    match step {
        Step::Attr(name) => Key::Attr(module.global(name)),
        Step::Item(constant) => literal(module, constant).map_or(Key::Any, Key::Item),
        Step::Element | Step::Key(_) => Key::Any,
    }
}

impl Konst {
    /// Whether Python takes it for true.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Str(text) => !text.is_empty(),
        }
    }
}
