//! What the truth of a call tells of what it is given.

use std::sync::Arc;

use crate::ir::{Call, Op, Operand, Place};
use crate::models::{Argument, Kinds};
use crate::program::Meaning;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::conds::{Among, Each, Shown, add, both};
use crate::taint::eval::without;
use crate::taint::regex::{harmless_in, harmless_without, inline_flags};
use crate::taint::sinks::fixes_host;
use crate::taint::state::State;
use crate::taint::value::{Cond, Key, Konst, Tree};
use crate::taint::zones::takes_zone;
use crate::text::Span;

impl Analyzer<'_, '_> {
    /// A value that is nothing but what its truth tells.
    pub(super) fn cond(&self, mut cond: Cond) -> Arc<Tree> {
        {
            let origins = self.origins.borrow();
            // What stands for a setting is none of them.
            let is_one = |origin: u32| origins.get(origin as usize).is_none_or(|origin| !origin.is_deep());
            cond.yes.retain(|(origin, _)| is_one(*origin));
            cond.no.retain(|(origin, _)| is_one(*origin));
        }
        let is_empty = cond.is_empty();
        if !is_empty {
            self.out.borrow_mut().checks = true;
        }
        Arc::new(Tree { cond: (!is_empty).then(|| Arc::new(cond)), ..Tree::default() })
    }

    /// For which kinds which origins are harmless where a call says so.
    pub(super) fn guard(&self, site: &Site<'_>) -> Option<Arc<Cond>> {
        let mut cond = Cond::default();
        for guard in &site.known.model.guards {
            let subject = match &guard.at {
                Argument::Name(name) if name == "self" => site.receiver.clone(),
                Argument::Name(name) => self.named(site, name).map(|(tree, _)| Arc::clone(tree)),
                Argument::Index(0) if site.positional(0).is_none() => site.args.first().cloned(),
                Argument::Index(index) => site.positional(*index).map(|(tree, _)| Arc::clone(tree)),
            };
            let Some(subject) = subject else { continue };
            let cleared = self.of_kinds(&subject, guard.clears);
            if guard.when { cond.yes.extend(cleared) } else { cond.no.extend(cleared) }
        }
        if let Some(found) = self.path_guard(site).or_else(|| self.regex_guard(site)) {
            cond.yes.extend(found.yes);
            cond.no.extend(found.no);
            cond.each.extend(found.each);
        }
        if site.method == "is_absolute"
            && let Some(path) = &site.receiver
        {
            cond.no.extend(self.of_kinds(path, Kinds::NOT_ROOTED));
        }
        if matches!(site.path, "os.path.isabs" | "posixpath.isabs")
            && let Some((path, _)) = site.positional(0)
        {
            cond.no.extend(self.of_kinds(path, Kinds::NOT_ROOTED));
        }
        self.cond(cond).cond.clone()
    }

    /// `path.startswith(base)`, `path.is_relative_to(base)` of a path that was resolved; a fixed scheme and host. Of
    /// several beginnings what holds for each.
    fn path_guard(&self, site: &Site<'_>) -> Option<Cond> {
        let receiver = site.receiver.as_ref()?;
        if !matches!(site.method, "startswith" | "is_relative_to") {
            return None;
        }
        let (given, _) = site.positional(0)?;
        let is_path = site.method == "is_relative_to";
        let choices = given.items().filter(|items| !is_path && !items.is_empty());
        if let Some(among) = &given.among {
            let all: Vec<Cond> =
                among.texts.iter().map(|text| self.begins(site, receiver, &constant(text))).collect();
            return Some(one_of(all, Some(among)));
        }
        let Some(choices) = choices else { return Some(self.begins(site, receiver, given)) };
        Some(one_of(choices.iter().map(|given| self.begins(site, receiver, given)).collect(), None))
    }

    /// What is shown of `receiver` where it begins with `given`, and where it does not.
    fn begins(&self, site: &Site<'_>, receiver: &Tree, given: &Tree) -> Cond {
        let beginning = given.beginning();
        if beginning == Some("-") {
            let argument = Kinds::named("argument").unwrap_or_default();
            return Cond::if_false(self.of_kinds(receiver, argument));
        }
        if !given.all().is_empty() {
            return Cond::default();
        }
        let place = self.receiver_place(site.call).filter(|place| place.path == crate::ir::Paths::EMPTY);
        let is_given = place.is_some_and(|place| self.is_as_given(place.base));
        let fixes_host = beginning.is_some_and(fixes_host);
        // `/srv/data` is also the beginning of `/srv/database`.
        let is_whole = site.method == "is_relative_to"
            || beginning.is_none_or(|text| text.ends_with(['/', '\\'])) && !self.is_text_of_path(site);
        let path = Kinds::named("path").unwrap_or_default();
        let url = Kinds::named("url").unwrap_or_default().with(Kinds::named("redirect").unwrap_or_default());
        let mut cond = Cond::default();
        for label in receiver.all() {
            let is_resolved = !label.kinds.has(Kinds::UNRESOLVED);
            let mut kinds = if fixes_host { url } else { Kinds::NONE };
            if is_whole && is_resolved {
                kinds = kinds.with(path);
            } else if is_whole && is_given {
                kinds = kinds.with(Kinds::BASED);
            }
            let not = match &given.konst {
                Some(Konst::Str(text)) => not_beginning(text, is_resolved),
                _ => Kinds::NONE,
            };
            if beginning.is_some_and(|text| text.starts_with('/')) {
                kinds = kinds.with(Kinds::LOCAL);
            }
            for (list, kinds) in [(&mut cond.yes, kinds), (&mut cond.no, not)] {
                if !kinds.is_empty() {
                    add(list, label.origin, kinds);
                }
            }
        }
        cond
    }

    /// Whether the first argument is a path of `pathlib` as text, which ends in no separator: `str(ROOT)`.
    fn is_text_of_path(&self, site: &Site<'_>) -> bool {
        let Some(Operand::Local(text)) = site.call.positional(0).map(|arg| arg.value) else { return false };
        let is_path = |value: Operand| {
            let name = match value {
                Operand::Local(local) => self.body.locals[local].value,
                Operand::Global(name) => Some(name),
                Operand::Const(_) => None,
            };
            matches!(name.map(|name| self.module.meaning(name)), Some(Meaning::Outside(path)) if path.starts_with("pathlib."))
        };
        let makes = |call: &Call| {
            call.to == text
                && call.callee.path == crate::ir::Paths::EMPTY
                && self.module.unit.text(call.method) == "str"
                && call.positional(0).is_some_and(|arg| is_path(arg.value))
        };
        self.body.calls.iter().any(makes)
    }

    /// Whether a value is a parameter as the caller has passed it.
    pub(super) fn is_as_given(&self, value: Operand) -> bool {
        let Operand::Local(local) = value else { return false };
        let mut insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        self.body.param(local).is_some()
            && !insts.any(|inst| matches!(inst.op, Op::Let(to, _) | Op::Call(to, _) if to == local))
    }

    /// `urlsplit(url).hostname.endswith(".good.org")`
    pub(super) fn ending_guard(&self, site: &Site<'_>) -> Arc<Tree> {
        let Some((receiver, (given, _))) = site.receiver.as_ref().zip(site.positional(0)) else {
            return Arc::default();
        };
        let of_host = site.path.strip_prefix("urllib.parse.url").and_then(|rest| rest.split_once("()."));
        if !matches!(of_host, Some(("parse" | "split", "hostname.endswith" | "netloc.endswith"))) {
            return Arc::default();
        }
        let url = Kinds::named("url").unwrap_or_default().with(Kinds::named("redirect").unwrap_or_default());
        // `.org` is nobody's own.
        let is_owned = |text: &str| text.strip_prefix('.').is_some_and(|rest| rest.contains('.'));
        let mut texts = given.items().unwrap_or_else(|| vec![Arc::clone(given)]);
        if let Some(among) = &given.among {
            texts = among.texts.iter().map(|text| Arc::new(constant(text))).collect();
        }
        let is_owned = |tree: &Arc<Tree>| matches!(&tree.konst, Some(Konst::Str(text)) if is_owned(text));
        if texts.is_empty() || !texts.iter().all(is_owned) {
            return Arc::default();
        }
        self.cond(Cond::if_true(self.of_kinds(receiver, url)))
    }

    /// `ip_address(gethostbyname(host)).is_global`: no address within.
    pub(super) fn address_guard(
        &self,
        state: &State,
        path: &str,
        place: Place,
        span: Span,
    ) -> Option<Arc<Tree>> {
        let says = path.strip_prefix("ipaddress.ip_address().").or_else(|| {
            let (class, says) = path.strip_prefix("ipaddress.IPv")?.split_at_checked(1)?;
            matches!(class, "4" | "6").then(|| says.strip_prefix("Address()."))?
        })?;
        if !matches!(says, "is_global" | "is_private" | "scope_id") {
            return None;
        }
        let (before, _) = self.module.unit.paths.split(place.path)?;
        let address = self.load(state, Place { base: place.base, path: before }, span);
        if says == "scope_id" {
            return Some(self.cond(Cond::if_false(self.all_kinds(&address))));
        }
        let shown = self.of_kinds(&address, Kinds::named("url").unwrap_or_default());
        Some(self.cond(if says == "is_global" { Cond::if_true(shown) } else { Cond::if_false(shown) }))
    }

    /// `part in text` where the part is each of some constants, or one letter of another text.
    pub(super) fn among(&self, left: &Tree, right: &Tree) -> Option<Cond> {
        if let Some(among) = &left.among {
            let without = |text: &Arc<str>| Cond::if_false(self.of_kinds(right, without(text)));
            return Some(one_of(among.texts.iter().map(without).collect(), Some(among)));
        }
        let letters = self.letters.borrow();
        let is_letter =
            !left.labels.is_empty() && left.labels.iter().all(|label| letters.contains(&label.origin));
        let letters = letters_of(right).filter(|_| is_letter)?;
        let absent = letters
            .chars()
            .fold(harmless_without(&letters), |sum, c| sum.with(without(c.encode_utf8(&mut [0; 4]))));
        let (yes, no) = (self.of_kinds(left, harmless_in(&letters)), self.of_kinds(left, absent));
        Some(Cond { yes, no, ..Cond::default() })
    }

    /// `re.fullmatch(pattern, text)` and its kin, read for what they admit.
    fn regex_guard(&self, site: &Site<'_>) -> Option<Cond> {
        let by_module = site.path.strip_prefix("re.").filter(|rest| !rest.contains('('));
        let (how, pattern, subject) = match by_module {
            Some(how @ ("fullmatch" | "match" | "search")) => {
                (how, site.positional(0)?.0.konst.clone(), site.positional(1)?.0)
            }
            _ => {
                let how = site.path.strip_prefix("re.compile().")?;
                let pattern = site.receiver.as_ref().and_then(|receiver| {
                    let name = receiver
                        .fields
                        .iter()
                        .find(|(key, _)| *key == Key::Item(Konst::Str("pattern".into())));
                    name.and_then(|(_, part)| part.konst.clone())
                });
                (how, pattern, site.positional(0)?.0)
            }
        };
        // Flags change what a pattern means.
        let pattern = match (by_module, site.args.len(), pattern) {
            (Some(_), 3, Some(Konst::Str(pattern))) => {
                let flags = self.file.slice(site.call.args.last()?.span);
                Some(Konst::Str(format!("{}{pattern}", inline_flags(flags)?).into()))
            }
            (Some(_), 3.., _) | (None, 2.., _) => return None,
            (.., pattern) => pattern,
        };
        if let (Some(Konst::Str(pattern)), "search" | "match" | "findall") = (&pattern, how)
            && let Some(clears) = crate::taint::regex::absent_without(pattern, how)
        {
            return Some(Cond::if_false(self.of_kinds(subject, clears)));
        }
        let clears = match pattern {
            Some(Konst::Str(pattern)) => crate::taint::regex::admits_nothing_for(&pattern, how),
            _ if how == "fullmatch" => Kinds::ALL,
            _ => return None,
        };
        Some(Cond::if_true(self.of_kinds(subject, clears)))
    }
}

/// What is shown of a path that does not begin with `text`.
fn not_beginning(text: &str, is_resolved: bool) -> Kinds {
    match text {
        "/" => Kinds::NOT_ROOTED,
        "//" => Kinds::NOT_SLASHES,
        "/\\" => Kinds::NOT_BACKSLASH,
        ".." if is_resolved => Kinds::NOT_ABOVE.with(Kinds::NOT_DOTS),
        "../" if is_resolved => Kinds::NOT_ABOVE,
        _ => Kinds::NONE,
    }
}

fn constant(text: &Arc<str>) -> Tree {
    Tree::konst(Konst::Str(Arc::clone(text)))
}

/// What it tells that one of several tests holds, or none; with `among` that each holds or fails in its round.
fn one_of(all: Vec<Cond>, among: Option<&Arc<Among>>) -> Cond {
    let mut found: Option<Shown> = None;
    let mut no = Shown::new();
    let mut each = Vec::new();
    for cond in &all {
        found = Some(found.map_or_else(|| cond.yes.clone(), |known| both(&known, &cond.yes)));
        cond.no.iter().for_each(|(origin, kinds)| add(&mut no, *origin, *kinds));
        let Some(of) = among.and_then(|among| among.of) else { continue };
        for (list, truth) in [(&cond.yes, true), (&cond.no, false)] {
            for (origin, kinds) in list {
                let one = Each { of, truth, origin: *origin, kinds: *kinds };
                if !each.contains(&one) {
                    each.push(one);
                }
            }
        }
    }
    // In one round nothing is known of the others.
    if among.is_some() && all.len() != 1 {
        no.clear();
    }
    Cond { yes: found.unwrap_or_default(), no, each, is_compared: false }
}

/// The letters of a constant text, or of a list of single ones.
fn letters_of(tree: &Tree) -> Option<String> {
    if !tree.labels.is_empty() {
        return None;
    }
    if let Some(Konst::Str(text)) = &tree.konst {
        return Some(text.to_string());
    }
    let letter = |part: &Tree| match &part.konst {
        Some(Konst::Str(text)) if text.chars().count() == 1 => Some(Arc::clone(text)),
        _ => None,
    };
    let letters: Option<Vec<Arc<str>>> = tree.fields.iter().map(|(_, part)| letter(part)).collect();
    letters.filter(|letters| !letters.is_empty()).map(|letters| letters.concat())
}

/// The kinds for which a call raises on whatever is not harmless: what is no number, id or address.
pub(super) fn refuses(path: &str) -> Kinds {
    match path {
        "int"
        | "float"
        | "complex"
        | "uuid.UUID"
        | "decimal.Decimal"
        | "fractions.Fraction"
        | "ipaddress.IPv4Address"
        | "ipaddress.IPv4Network"
        | "ipaddress.IPv4Interface" => Kinds::ALL,
        // `inet_pton` takes no line break.
        "netaddr.IPAddress" => {
            ["address", "log"].iter().filter_map(|name| Kinds::named(name)).fold(Kinds::NONE, Kinds::with)
        }
        "netaddr.IPNetwork" | "netaddr.EUI" => Kinds::named("address").unwrap_or_default(),
        // A scope behind `%` is any text.
        _ if takes_zone(path) => Kinds::named("address").unwrap_or_default(),
        _ => Kinds::NONE,
    }
}
