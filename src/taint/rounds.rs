//! Loops over elements: what each round shows of its element is shown of all when the loop has run through.
//!
//! A loop that is left early, and one that skips the check in some round, shows nothing of the rest.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::flow::Cfg;
use crate::ir::{BlockId, Body, Const, LocalId, Op, Operand, RegionId, Rvalue, Step, Terminator};
use crate::models::Kinds;
use crate::program::{Meaning, Module};
use crate::python::ast::CmpOp;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::conds::{Among, Shown, add, both};
use crate::taint::regex::harmless_in;
use crate::taint::state::{Element, State};
use crate::taint::strips::{Stripped, stripped};
use crate::taint::value::{Cond, Key, Konst, Tree};

/// A loop over elements.
pub(super) struct Loop {
    /// The element.
    of: LocalId,
    header: BlockId,
    region: RegionId,
    listing: Listing,
    /// The list that it fills, where it is a comprehension.
    into: Option<LocalId>,
    /// Whether each round, but those of empty constants, adds to that list.
    adds_each: bool,
    /// What it takes its elements out of.
    strips: Vec<Stripped>,
}

/// What a loop runs over.
#[derive(Clone, PartialEq, Debug)]
enum Listing {
    /// Perhaps a mapping, of which it sees the keys alone.
    Unknown,
    /// A list.
    List,
    /// The letters of a text.
    Letters,
    /// The parts of a text between these letters.
    Cut(Arc<str>),
}

/// What assigns a local.
pub(super) type Defs<'b> = FxHashMap<LocalId, Vec<&'b Op>>;

/// The loops of a body.
pub(super) fn loops(module: &Module<'_>, body: &Body, cfg: &Cfg) -> Vec<Loop> {
    let mut found = Vec::new();
    let iterates = |end: &Terminator| matches!(end, Terminator::Iterate { .. });
    if !body.blocks.iter().any(|block| iterates(&block.end)) {
        return found;
    }
    let mut defs: Defs<'_> = FxHashMap::default();
    for inst in body.blocks.iter().flat_map(|block| &block.insts) {
        if let Op::Let(to, _) | Op::Call(to, _) = inst.op {
            defs.entry(to).or_default().push(&inst.op);
        }
    }
    for (header, block) in body.blocks.pairs() {
        let Terminator::Iterate { body: first, .. } = block.end else { continue };
        let next = body.blocks[first].insts.iter().find_map(|inst| match inst.op {
            Op::Let(of, Rvalue::Next(source)) => Some((of, source)),
            _ => None,
        });
        let Some((of, source)) = next else { continue };
        let region = block.region;
        let listing = match listing(module, body, &defs, source, 3) {
            Listing::Unknown if sees_letters(module, body, &defs, (of, region)) => Listing::Letters,
            listing => listing,
        };
        let strips = stripped(module, body, (cfg, &defs), ((of, header, region), source));
        found.push(Loop { of, header, region, listing, into: None, adds_each: false, strips });
    }
    for (at, block) in body.blocks.pairs() {
        for inst in &block.insts {
            let Op::Store(place, _) = inst.op else { continue };
            let Operand::Local(into) = place.base else { continue };
            let steps = module.unit.paths.steps(place.path);
            let is_element = matches!(steps[..], [Step::Element | Step::Key(_)]);
            if !is_element || body.locals[into].name.is_some() {
                continue;
            }
            let span = body.locals[into].span;
            let is_its = |each: &&mut Loop| body.regions[each.region].span == span;
            let mut own: Vec<&mut Loop> = found.iter_mut().filter(is_its).collect();
            if let [only] = &mut own[..] {
                only.into = Some(into);
                only.adds_each = adds_each(body, cfg, &defs, (only, at));
            }
        }
    }
    found
}

/// Whether the rounds of a comprehension that do not come by `store` are those of empty elements.
fn adds_each(body: &Body, cfg: &Cfg, defs: &Defs<'_>, (of, store): (&Loop, BlockId)) -> bool {
    let mut back = cfg
        .preds(of.header)
        .iter()
        .filter(|edge| !edge.unwind && body.is_within(body.blocks[edge.block].region, of.region));
    back.all(|edge| {
        edge.block == store
            || match body.blocks[edge.block].end {
                Terminator::Goto(_) => reaches_only(body, store, edge.block),
                Terminator::Branch { on: Operand::Local(on), no, .. } => {
                    no == of.header && is_presence(defs, on, of.of)
                }
                _ => false,
            }
    })
}

/// Whether `to` comes right behind `from`.
fn reaches_only(body: &Body, from: BlockId, to: BlockId) -> bool {
    matches!(body.blocks[from].end, Terminator::Goto(next) if next == to)
}

/// `sep`, `sep is not None`
pub(super) fn is_presence(defs: &Defs<'_>, on: LocalId, of: LocalId) -> bool {
    is_element(defs, on, of)
        || matches!(
            defs.get(&on).map(|ops| &ops[..]),
            Some([Op::Let(_, Rvalue::Compare(CmpOp::IsNot | CmpOp::NotEq, Operand::Local(x), Operand::Const(Const::None)))])
                if is_element(defs, *x, of)
        )
}

/// Whether a local is the element, or named after it.
pub(super) fn is_element(defs: &Defs<'_>, local: LocalId, of: LocalId) -> bool {
    local == of
        || defs.get(&local).is_some_and(|ops| {
            ops.iter().any(|op| matches!(op, Op::Let(_, Rvalue::Use(Operand::Local(from))) if *from == of))
        })
}

/// Whether the element of a loop is looked for in a text: then it is one letter.
fn sees_letters(
    module: &Module<'_>,
    body: &Body,
    defs: &Defs<'_>,
    (of, region): (LocalId, RegionId),
) -> bool {
    let is_text = |operand: &Operand| match operand {
        Operand::Const(Const::Str(_)) => true,
        Operand::Global(name) => {
            matches!(module.meaning(*name), Meaning::Outside(path) if path.starts_with("string."))
        }
        Operand::Const(_) => false,
        Operand::Local(local) => matches!(
            defs.get(local).map(|ops| &ops[..]),
            Some([Op::Let(_, Rvalue::Binary(_, a, b))])
                if [a, b].iter().any(|part| matches!(part, Operand::Const(Const::Str(_))))
        ),
    };
    let blocks = body.blocks.iter().filter(|block| body.is_within(block.region, region));
    blocks.flat_map(|block| &block.insts).any(|inst| match &inst.op {
        Op::Let(_, Rvalue::Compare(CmpOp::In | CmpOp::NotIn, Operand::Local(left), right)) => {
            is_element(defs, *left, of) && is_text(right)
        }
        _ => false,
    })
}

/// What the value of an operand lists.
fn listing(module: &Module<'_>, body: &Body, defs: &Defs<'_>, source: Operand, depth: u32) -> Listing {
    let Operand::Local(local) = source else { return Listing::Unknown };
    let Some([op]) = defs.get(&local).map(|ops| &ops[..]) else { return Listing::Unknown };
    let is_path = || match body.locals[local].value.map(|value| module.meaning(value)) {
        Some(Meaning::Outside(path)) => path.starts_with("pathlib.") && path.ends_with(".parts"),
        _ => false,
    };
    match op {
        Op::Let(_, Rvalue::Load(_)) if is_path() => Listing::Cut("/".into()),
        Op::Let(_, Rvalue::Use(from)) if depth > 0 => listing(module, body, defs, *from, depth - 1),
        Op::Call(_, call) => {
            let call = &body.calls[*call];
            let first = call.positional(0).map(|arg| arg.value);
            match (module.unit.text(call.method), first) {
                ("getlist" | "getall" | "get_all" | "getaddrinfo", _) => Listing::List,
                ("split" | "rsplit", None) if call.args.is_empty() => Listing::Cut(" \t\n".into()),
                ("split" | "rsplit", Some(Operand::Const(Const::Str(at)))) => {
                    Listing::Cut(module.unit.text(at).into())
                }
                ("split" | "rsplit", _) => Listing::Cut("\0".into()),
                ("splitlines", _) => Listing::Cut("\n".into()),
                ("list" | "sorted" | "tuple" | "set" | "frozenset" | "reversed", Some(from))
                    if depth > 0 && call.callee.path == crate::ir::Paths::EMPTY =>
                {
                    listing(module, body, defs, from, depth - 1)
                }
                _ => Listing::Unknown,
            }
        }
        _ => Listing::Unknown,
    }
}

impl Analyzer<'_, '_> {
    /// Begins a round of a loop, whose element is now `tree`.
    pub(super) fn begin_round(&self, state: &mut State, of: LocalId, source: Operand, tree: &mut Arc<Tree>) {
        let list = self.value(state, source);
        if let Some(texts) = texts(&list) {
            Arc::make_mut(tree).among = Some(Arc::new(Among { of: Some(of), texts }));
        }
        let known = self.loops.iter().find(|each| each.of == of);
        let Some(listing) = known.map(|each| &each.listing) else { return };
        let mut elements: Vec<Element> = Vec::new();
        for label in &list.labels {
            let element = self.deeper(label, &Key::Any).origin;
            if element == label.origin {
                continue;
            }
            // What is shown of the element is not shown of the whole, in which pieces that were told apart may stand.
            if tree.labels.iter().any(|own| own.origin == label.origin) {
                Arc::make_mut(tree).labels.retain(|own| own.origin != label.origin);
            }
            let each = self.deeper(label, &each_key()).origin;
            elements.extend(match listing {
                Listing::List | Listing::Letters => Some((element, label.origin, Kinds::ALL)),
                // Components without `..` are a path without.
                Listing::Cut(at) if matches!(&**at, "/" | "\\") => {
                    let path = Kinds::named("path").unwrap_or_default();
                    Some((element, label.origin, harmless_in(at).with(path)))
                }
                Listing::Cut(at) => Some((element, label.origin, harmless_in(at))),
                Listing::Unknown => Some((element, each, Kinds::ALL)).filter(|_| each != label.origin),
            });
            if *listing == Listing::Letters {
                self.letters.borrow_mut().insert(element);
            }
            // It is another element now.
            state.settle(element);
        }
        // What was appended on some way is no element on the others.
        let is_exact = list.exact_len().is_some() && self.is_display(source);
        for (key, part) in &list.fields {
            for label in part.all() {
                if let Some(whole) = self.resolved_of(label.origin) {
                    let url = Kinds::named("url").unwrap_or_default();
                    elements.push((label.origin, whole, url));
                    state.settle(label.origin);
                } else if is_exact
                    && *key != Key::Any
                    && part.labels.iter().any(|own| own.origin == label.origin)
                {
                    elements.push((label.origin, label.origin, Kinds::ALL));
                }
            }
        }
        self.rounds.borrow_mut().insert(of, elements.clone());
        state.begin_round(of, elements);
    }

    /// Ends what ends on the way from a block to `to`.
    pub(super) fn leave_rounds(&self, state: &mut State, from: BlockId, to: BlockId) {
        let is_in = |block: BlockId, region| self.body.is_within(self.body.blocks[block].region, region);
        for each in &self.loops {
            if each.header == to && is_in(from, each.region) {
                state.end_round(each.of);
            }
            if each.header == from && !is_in(to, each.region) {
                state.end_rounds(each.of);
                each.strips.iter().for_each(|stripped| self.strip(state, stripped));
            }
        }
        let is_inside = |of: LocalId| self.loops.iter().any(|each| each.of == of && is_in(to, each.region));
        state.keep_rounds(is_inside);
    }

    /// Whether an operand is a component of a path, taken out of it in a loop.
    pub(super) fn is_component(&self, operand: Operand) -> bool {
        let is_cut = |listing: &Listing| matches!(listing, Listing::Cut(at) if matches!(&**at, "/" | "\\"));
        let cut = |local: LocalId| self.loops.iter().any(|each| each.of == local && is_cut(&each.listing));
        let Operand::Local(local) = operand else { return false };
        let named = || match self.body.only_def(local) {
            Some(Op::Let(_, Rvalue::Use(Operand::Local(of)))) => cut(*of),
            _ => false,
        };
        !self.loops.is_empty() && (cut(local) || named())
    }

    /// What a value is elsewhere: a list without what is shown of each of its elements.
    pub(super) fn listed(&self, state: &State, tree: &Arc<Tree>) -> Arc<Tree> {
        if !state.has_cleared() {
            return Arc::clone(tree);
        }
        let shown = |origin: u32| {
            let each = self.parts.borrow().get(&(origin, each_key())).copied();
            each.map_or(Kinds::NONE, |each| state.cleared(each))
        };
        let mut tree = Arc::clone(tree);
        if tree.labels.iter().any(|label| !label.kinds.and(shown(label.origin)).is_empty()) {
            for label in &mut Arc::make_mut(&mut tree).labels {
                label.kinds = label.kinds.without(shown(label.origin));
            }
        }
        tree
    }

    /// What comes of looking a host up: `[(family, type, protocol, name, (address, port))]`, of which each address is one
    /// of that host.
    pub(super) fn addresses(&self, host: &Tree) -> Tree {
        let labels = host.all().iter().map(|label| self.deeper(label, &address_key())).collect();
        let pair = Tree::list([Arc::new(Tree::labeled(labels))]);
        let rest = || (0..4).map(|_| Arc::default());
        let info = Tree::list(rest().chain([Arc::new(pair)]).collect::<Vec<_>>());
        let mut list = Tree::default();
        list.store(&[Key::Any], &Arc::new(info));
        list
    }

    /// The origin of the host of which `origin` is one address.
    fn resolved_of(&self, origin: u32) -> Option<u32> {
        let whole = *self.wholes.borrow().get(&origin)?;
        let is_it = self.parts.borrow().get(&(whole, address_key())) == Some(&origin);
        is_it.then_some(whole)
    }

    /// `any(check(x, c) for c in values)`, `all(…)`
    pub(super) fn quantified(&self, site: &Site<'_>, is_all: bool) -> Option<Arc<Tree>> {
        let (list, arg) = site.positional(0)?;
        if let (true, Some(items)) = (self.is_display(arg.value), list.items()) {
            return Some(self.cond(of_items(&items, is_all)));
        }
        let part = list.fields.iter().find(|(key, _)| *key == Key::Any).map(|(_, part)| part)?;
        let each = self.filled(arg.value)?;
        let cond = part.cond.as_deref()?;
        let (some, all) = if is_all { (&cond.no, &cond.yes) } else { (&cond.yes, &cond.no) };
        let rounds = self.rounds.borrow();
        let elements: &[Element] = rounds.get(&each.of).map_or(&[], |elements| &elements[..]);
        let is_other = |(origin, _): &&(u32, Kinds)| !elements.iter().any(|(element, ..)| element == origin);
        let some: Shown = some.iter().filter(is_other).copied().collect();
        let mut whole = Shown::new();
        if each.adds_each {
            for of in cond.each.iter().filter(|of| of.of == each.of && of.truth == is_all) {
                add(&mut whole, of.origin, of.kinds);
            }
            for (origin, kinds) in all {
                let own = elements.iter().filter(|(element, ..)| element == origin);
                own.for_each(|(_, of, most)| add(&mut whole, *of, kinds.and(*most)));
            }
        }
        let (yes, no) = if is_all { (whole, some) } else { (some, whole) };
        Some(self.cond(Cond { yes, no, ..Cond::default() }))
    }

    /// The comprehension whose result an operand is.
    fn filled(&self, operand: Operand) -> Option<&Loop> {
        let Operand::Local(local) = operand else { return None };
        let mut from = local;
        let insts = || self.body.blocks.iter().flat_map(|block| &block.insts);
        let mut defs = insts().filter_map(|inst| match inst.op {
            Op::Let(to, Rvalue::Use(Operand::Local(other))) if to == local => Some(other),
            _ => None,
        });
        if let (Some(other), None) = (defs.next(), defs.next()) {
            from = other;
        }
        self.loops.iter().find(|each| each.into == Some(from))
    }

    /// Whether an operand is a list or tuple that is written out right there.
    fn is_display(&self, operand: Operand) -> bool {
        let Operand::Local(local) = operand else { return false };
        let mut insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        self.body.locals[local].name.is_none() && insts.any(|inst| {
            matches!(&inst.op, Op::Let(to, Rvalue::List(parts) | Rvalue::Tuple(parts) | Rvalue::Set(parts))
                    if *to == local && !parts.is_empty())
        })
    }

    /// Keeps what the truth of an element tells where it is the first that a comprehension adds.
    pub(super) fn keep_cond(&self, state: &mut State, into: Operand, before: bool, tree: &Tree) {
        let Operand::Local(local) = into else { return };
        if before || tree.cond.is_none() || !self.loops.iter().any(|each| each.into == Some(local)) {
            return;
        }
        state.change(crate::taint::state::Var::Local(local), |list| {
            for (_, part) in list.fields.iter_mut().filter(|(key, _)| *key == Key::Any) {
                Arc::make_mut(part).cond.clone_from(&tree.cond);
            }
        });
    }

    /// Whether a list has elements whose keys are not known.
    pub(super) fn has_any(&self, state: &State, list: Operand) -> bool {
        let tree = self.value(state, list);
        tree.fields.iter().any(|(key, _)| *key == Key::Any)
    }
}

/// What the truth of `any` or `all` of these tells.
fn of_items(items: &[Arc<Tree>], is_all: bool) -> Cond {
    let mut each: Option<Shown> = None;
    let mut sum = Shown::new();
    for item in items {
        let cond = item.cond.as_deref();
        let (some, all) = match cond {
            Some(cond) if is_all => (&cond.no[..], &cond.yes[..]),
            Some(cond) => (&cond.yes[..], &cond.no[..]),
            None => (&[][..], &[][..]),
        };
        all.iter().for_each(|(origin, kinds)| add(&mut sum, *origin, *kinds));
        let is_never = item.konst.as_ref().is_some_and(|konst| konst.is_true() == is_all);
        if !is_never {
            let mut sorted = Shown::new();
            some.iter().for_each(|(origin, kinds)| add(&mut sorted, *origin, *kinds));
            each = Some(each.map_or_else(|| sorted.clone(), |known| both(&known, &sorted)));
        }
    }
    let each = each.unwrap_or_default();
    let (yes, no) = if is_all { (sum, each) } else { (each, sum) };
    Cond { yes, no, ..Cond::default() }
}

/// The constants in a list of constants; those that are no text are left out, as no test passes or fails with them.
pub(super) fn texts(list: &Tree) -> Option<Vec<Arc<str>>> {
    let is_constant = |part: &Tree| part.konst.is_some() && part.labels.is_empty();
    if !list.labels.is_empty() || list.fields.is_empty() {
        return None;
    }
    // Of a mapping the keys.
    if list.fields.iter().all(|(key, _)| matches!(key, Key::Item(Konst::Str(_)))) {
        let text = |(key, _): &(Key, Arc<Tree>)| match key {
            Key::Item(Konst::Str(text)) => Some(Arc::clone(text)),
            _ => None,
        };
        return list.fields.iter().map(text).collect();
    }
    if !list.fields.iter().all(|(_, part)| is_constant(part)) {
        return None;
    }
    let text = |(_, part): &(Key, Arc<Tree>)| match &part.konst {
        Some(Konst::Str(text)) => Some(Arc::clone(text)),
        _ => None,
    };
    Some(list.fields.iter().filter_map(text).collect())
}

/// Where what is shown of each element of a list is kept.
pub(super) fn each_key() -> Key {
    Key::Item(Konst::Str(Arc::from("\0each")))
}

/// The addresses of a host.
fn address_key() -> Key {
    Key::Item(Konst::Str(Arc::from("\0address")))
}
