//! Where labels begin, and what is known of that.

use std::sync::Arc;

use crate::ir::Operand;
use crate::models::{Kinds, Threat};
use crate::taint::apply::Bound;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::limits::MAX_PARTS;
use crate::taint::state::State;
use crate::taint::summary::{From, Port, SourceSite};
use crate::taint::value::{Hops, Key, Konst, Label};
use crate::text::Span;

/// Where labels of a body begin.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Origin {
    pub(super) port: Port,
    /// The part of what a source gives, or one of several parts that hold the same; paths of parameters stand in their
    /// ports.
    pub(super) part: Vec<Key>,
    /// For what undoes an encoding: a new origin with the same port, which earlier checks do not cover.
    pub(super) decoded: u32,
    /// The call that a source came back from, by its spelling ([`Analyzer::spelling`]); 0 where it is read here.
    pub(super) call: u32,
}

impl Origin {
    /// The whole of what comes in by `port`.
    pub(super) fn of(port: Port) -> Self {
        Self { port, part: Vec::new(), decoded: 0, call: 0 }
    }

    /// The path to its part under `key`. Those too deep to be told apart are one, of which no check shows anything.
    pub(super) fn deeper(&self, key: &Key) -> Vec<Key> {
        if self.is_deep() {
            return self.part.clone();
        }
        let key = if self.part.len() < MAX_PARTS { key.clone() } else { deep_key() };
        [&self.part[..], &[key]].concat()
    }

    /// Whether it is of parts that are not told apart.
    pub(super) fn is_deep(&self) -> bool {
        self.part.len() > MAX_PARTS && self.part.last() == Some(&deep_key())
    }
}

/// What ends the path to parts that are not told apart.
fn deep_key() -> Key {
    Key::Item(Konst::Str(Arc::from("\0deep")))
}

impl Analyzer<'_, '_> {
    /// The label of what comes in by a port.
    pub(super) fn label(&self, port: Port, via: Option<Arc<Hops>>) -> Label {
        let origin = self.origin(Origin::of(port));
        Label { origin, kinds: Kinds::ALL.with(Kinds::UNRESOLVED), via }
    }

    /// The origin of a source that a call gives. Two parameters that one helper reads are two values, though both come in
    /// where the helper reads them; what the same call gives once more is the same value.
    pub(super) fn given_by(&self, site: &Site<'_>, bound: &Bound, port: Port) -> u32 {
        self.origin(Origin { call: self.spelling(site, bound), ..Origin::of(port) })
    }

    /// The number of a call by how it is spelled.
    fn spelling(&self, site: &Site<'_>, bound: &Bound) -> u32 {
        let mut known = self.spellings.borrow_mut();
        let mut number = |text: &str| {
            let next = u32::try_from(known.len() + 1).expect("a body has few calls");
            known.get(text).copied().unwrap_or_else(|| *known.entry(text.into()).or_insert(next))
        };
        let written = self.file.slice(site.call.span);
        if !matches!(site.call.callee.base, Operand::Const(_)) {
            return number(written);
        }
        // A property is the same wherever it is read, an entry under a constant too.
        let funcs = &site.known.callees;
        match bound.get(1).cloned().flatten().map(|key| key.konst.clone()) {
            None => number(&format!("\0{funcs:?}")),
            Some(Some(key)) => number(&format!("\0{funcs:?} {key:?}")),
            Some(None) => number(&format!("\0{funcs:?} {written}")),
        }
    }

    pub(super) fn origin(&self, origin: Origin) -> u32 {
        let mut known = self.known_origins.borrow_mut();
        if let Some(id) = known.get(&origin) {
            return *id;
        }
        let mut origins = self.origins.borrow_mut();
        let id = u32::try_from(origins.len()).expect("a body has few origins");
        origins.push(origin.clone());
        known.insert(origin, id);
        id
    }

    /// Gives a label a new origin of the same port: what was shown of the value before is not true of what an encoding
    /// of it holds. `is_unquoted` where what it held before it holds still.
    pub(super) fn decoded(&self, label: &mut Label, is_unquoted: bool) {
        const MAX_DECODED: u32 = 4;
        if crate::taint::secrets::is_hidden(label.kinds) {
            return;
        }
        let mut origin = self.origins.borrow()[label.origin as usize].clone();
        origin.decoded += 1;
        if origin.decoded < MAX_DECODED {
            let before = std::mem::replace(&mut label.origin, self.origin(origin));
            if is_unquoted {
                self.unquoted.borrow_mut().entry(label.origin).or_insert(before);
            }
        }
        label.kinds = label.kinds.with(Kinds::ALL).with(Kinds::UNRESOLVED);
    }

    /// The origins of a value before its percent-encoding was undone, last first.
    pub(super) fn before(&self, origin: u32) -> impl Iterator<Item = u32> {
        let unquoted = self.unquoted.borrow();
        let before = std::iter::successors(Some(origin), |at| unquoted.get(at).copied());
        before.skip(1).collect::<Vec<_>>().into_iter()
    }

    /// The label of a source at `span`.
    pub(super) fn source(&self, span: Span, text: String, threat: Threat, caption: &str) -> Label {
        let site = Arc::new(SourceSite { file: self.module.file, span, text: text.clone(), threat });
        let hop = self.hop(span, format!("`{text}` {caption}"));
        let harmless = crate::taint::spellings::harmless_by(&text);
        let mut label = self.label(Port::Source(Arc::clone(&site)), Some(Hops::after(None, hop)));
        if let Some(first) = self.first_read(&site) {
            label.origin = first;
            self.reread.borrow_mut().push(first);
        }
        let is_far = threat == Threat::Local && !self.world.models.local;
        if is_far && !self.world.local.contains(&self.id) {
            label.kinds = Kinds::NONE;
        }
        label.kinds = label.kinds.without(harmless);
        if threat == Threat::Detail {
            label.kinds = Kinds::DETAIL;
        }
        label
    }

    /// The origin of what reads the same as `site` in another place: it is the same value, of which checks show the same.
    fn first_read(&self, site: &SourceSite) -> Option<u32> {
        let text = stable(&site.text).filter(|(of, ..)| self.is_bound_once(of))?;
        let is_same = |origin: &Origin| {
            let Port::Source(known) = &origin.port else { return false };
            let is_whole = origin.part.is_empty() && origin.decoded == 0 && origin.call == 0;
            is_whole
                && known.file == site.file
                && known.threat == site.threat
                && stable(&known.text).is_some_and(|known| known == text)
        };
        let at = self.origins.borrow().iter().position(is_same)?;
        u32::try_from(at).ok()
    }

    /// Whether the variable that a spelled path begins with is a parameter, or is from outside of the body.
    fn is_bound_once(&self, path: &str) -> bool {
        let first = path.split(['.', '[']).next().unwrap_or(path);
        let is_it = |name| self.module.unit.text(name) == first;
        let is_param = |local| self.body.params.iter().any(|param| param.local == local);
        let mut own = self.body.locals.pairs().filter(|(_, local)| local.name.is_some_and(is_it));
        own.all(|(local, _)| is_param(local))
    }

    /// Forgets what not all ways have shown of what was read once more.
    pub(super) fn read_again(&self, state: &mut State) {
        let origins = self.reread.take();
        if !origins.is_empty() {
            let wholes = self.wholes.borrow();
            let chain = |origin| std::iter::successors(Some(origin), |at| wholes.get(at).copied());
            state.read_again(|origin| chain(origin).any(|at| origins.contains(&at)));
        }
    }

    /// Notes that an origin is a part of another, or reads it once more. What that is itself a part of stays so: an entry's
    /// key may be where an entry under a key stands, and what leads upwards must have an end.
    pub(super) fn note_part(&self, part: u32, whole: u32) {
        let mut wholes = self.wholes.borrow_mut();
        let is_above =
            || std::iter::successors(Some(whole), |at| wholes.get(at).copied()).any(|at| at == part);
        if !wholes.contains_key(&part) && !is_above() {
            wholes.insert(part, whole);
        }
    }

    /// The kinds for which an origin is harmless here: by itself, or by what it is a part of.
    pub(super) fn cleared(&self, state: &State, origin: u32) -> Kinds {
        if !state.has_cleared() {
            return Kinds::NONE;
        }
        let wholes = self.wholes.borrow();
        let all = std::iter::successors(Some(origin), |at| wholes.get(at).copied());
        all.fold(Kinds::NONE, |sum, at| sum.with(state.cleared(at)))
    }

    /// Whether an origin is of an entry under a key that is not known.
    pub(super) fn is_of_any(&self, origin: u32) -> bool {
        let origin = &self.origins.borrow()[origin as usize];
        let is_in_port =
            matches!(&origin.port, Port::Param(_, path) | Port::Outer(_, path) if path.contains(&Key::Any));
        is_in_port || origin.part.contains(&Key::Any)
    }

    /// The kinds that a label still has here.
    pub(super) fn kinds(&self, state: &State, label: &Label) -> Kinds {
        label.kinds.without(self.cleared(state, label.origin))
    }

    /// A label as callers see it.
    pub(super) fn outward(&self, state: &State, label: &Label) -> From {
        let origin = self.origins.borrow()[label.origin as usize].clone();
        let mut kinds = self.kinds(state, label);
        if origin.decoded > 0 {
            let is_unquoted = self.before(label.origin).count() == origin.decoded as usize;
            kinds =
                kinds.with(if is_unquoted { Kinds::DECODED.with(Kinds::UNQUOTED) } else { Kinds::DECODED });
        }
        From { port: origin.port, kinds, via: label.via.clone() }
    }
}

/// What is read, under which key and with which default, where reading the same once more gives the same: an attribute, or
/// an entry under a key that is written out, as `form["name"]`, `form.get("name")` or `form.get("name", "")`.
pub(super) fn stable(text: &str) -> Option<(&str, &str, &str)> {
    let (of, key, default) = match text.strip_suffix(')') {
        Some(call) => {
            let (of, args) = call.split_once(".get(")?;
            let (key, default) = args.split_once(',').unwrap_or((args, ""));
            (of, key, default.trim())
        }
        None if !text.contains(['[', '(']) => return text.contains('.').then_some((text, "", "")),
        None => {
            let (of, key) = text.strip_suffix(']')?.rsplit_once('[')?;
            (of, key, "")
        }
    };
    let default = if matches!(default, "None" | "\"\"" | "''") { "" } else { default };
    let quote = key.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let key = key.strip_prefix(quote)?.strip_suffix(quote)?;
    let is_written = |part: &str| part.starts_with(['"', '\'']);
    let is_stable = !of.contains('(') && !default.contains('(') && of.split('[').skip(1).all(is_written);
    (is_stable && !key.contains(quote)).then_some((of, key, default))
}
