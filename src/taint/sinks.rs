//! What reaches the calls and stores that do harm.

use std::sync::Arc;

use crate::finding::Severity;
use crate::ir::{Arg, ArgKind, Operand};
use crate::models::{Argument, Kinds, Sink, Wanted};
use crate::taint::argv;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::limits::MAX_REACHES;
use crate::taint::secrets::ASIDE;
use crate::taint::state::State;
use crate::taint::summary::{Hop, Port, Printed, Reach, SinkSite};
use crate::taint::texts::{conversion, is_shown_by_repr, named_fields};
use crate::taint::typed::text_alone;
use crate::taint::value::{Hops, Key, Konst, Label, Tree};
use crate::text::Span;

/// What harm a place does.
pub(super) struct Harm<'h> {
    /// The kinds.
    pub(super) of: Kinds,
    /// The kinds for which the value must be dangerous too.
    pub(super) needs: Kinds,
    /// What does it, as it is spelled.
    pub(super) callee: &'h str,
    /// Where in a template.
    pub(super) printed: Option<(Printed, Hop)>,
    /// Whether it is the program that is started.
    pub(super) is_program: bool,
    /// How grave it is at most.
    pub(super) at_most: Option<Severity>,
}

impl<'h> Harm<'h> {
    pub(super) fn of(of: Kinds, callee: &'h str) -> Self {
        Self { of, needs: Kinds::NONE, callee, printed: None, is_program: false, at_most: None }
    }
}

impl Analyzer<'_, '_> {
    /// Reports what reaches the sinks that a call is.
    pub(super) fn meet(&self, state: &State, site: &Site<'_>) {
        self.meet_template(state, site);
        let as_shown = self.as_shown(state, site);
        let site = as_shown.as_ref().unwrap_or(site);
        self.meet_secrets(state, site);
        self.meet_sinks(state, site);
    }

    fn meet_sinks(&self, state: &State, site: &Site<'_>) {
        for sink in &site.known.model.sinks {
            let is_any = sink.call.starts_with("*.");
            // `env.from_string` of a sandbox: who the method belongs to is known, and that it does no harm.
            if is_any && (!self.fits(site, sink) || site.known.model.clears.has(sink.kinds)) {
                continue;
            }
            if is_any && Self::is_by_storage(site) {
                continue;
            }
            if !self.holds(site, sink) {
                continue;
            }
            if sink.kinds == Kinds::SECRET && self.is_kept_apart(site) {
                continue;
            }
            if sink.kinds == Kinds::named("html").unwrap_or_default()
                && (self.is_told_inert(site) || Self::sends_mapping(site) || self.hands_up(site))
            {
                continue;
            }
            if sink.kinds == Kinds::named("url").unwrap_or_default() && self.is_guarded(site)
                || self.is_run_here(site)
            {
                continue;
            }
            if sink.kinds == Kinds::named("argument").unwrap_or_default() {
                self.meet_program(state, site, sink);
            }
            for at in &sink.at {
                match at {
                    Argument::Name(name) if name == "self" => {
                        if let Some(receiver) = &site.receiver {
                            self.reach(state, site, sink, receiver, site.call.callee_span);
                        }
                    }
                    Argument::Name(name) if name == "*" => {
                        for (index, (arg, tree)) in site.call.args.iter().zip(&site.args).enumerate() {
                            if self.is_shown_quoted(site, sink, index)
                                || self.is_not_in_line(site, sink, index)
                            {
                                continue;
                            }
                            let is_log = sink.kinds == Kinds::named("log").unwrap_or_default();
                            let shown = if is_log { self.named_in_line(site, index) } else { None };
                            self.reach(state, site, sink, shown.as_ref().unwrap_or(tree), arg.span);
                        }
                    }
                    Argument::Name(name) if argv::rest(name).is_some() => {
                        let from = argv::rest(name).unwrap_or_default();
                        if let Some((tree, span)) = self.positional_from(site, from) {
                            self.reach(state, site, sink, &tree, span);
                        }
                    }
                    Argument::Name(name) if name.contains(['[', '.']) => {
                        if let Some((tree, span)) = self.part_given(site, name) {
                            self.reach(state, site, sink, &tree, span);
                        }
                    }
                    Argument::Name(name) => {
                        if let Some((tree, arg)) = self.named(site, name) {
                            self.reach(state, site, sink, tree, arg.span);
                        } else if let Some((part, span)) = self.handed_on(site, sink, name) {
                            self.reach(state, site, sink, &part, span);
                        }
                    }
                    Argument::Index(index) => {
                        if let Some((tree, arg)) = site.positional(*index) {
                            self.reach(state, site, sink, tree, arg.span);
                        } else if let Some(star) =
                            site.call.args.iter().position(|arg| arg.kind == ArgKind::Star)
                        {
                            let at = i64::try_from(index.saturating_sub(star)).unwrap_or(i64::MAX);
                            let part = self.part(&site.args[star], &Key::Item(Konst::Int(at)));
                            self.reach(state, site, sink, &part, site.call.args[star].span);
                        }
                    }
                }
            }
        }
    }

    /// Reports what comes from outside by a call that does harm with it itself: `socket.recv_pyobj()` unpickles.
    pub(super) fn meet_result(&self, state: &State, site: &Site<'_>, given: &Arc<Tree>) {
        let result = Argument::Name("result".to_owned());
        let meant = site.known.model.sinks.iter().filter(|sink| sink.at.contains(&result));
        meant.for_each(|sink| self.reach(state, site, sink, given, site.call.span));
    }

    /// A part of an argument: `headers[Location]` is an entry, `0.name` an attribute.
    fn part_given(&self, site: &Site<'_>, path: &str) -> Option<(Arc<Tree>, Span)> {
        let given = |name: &str| match name.parse() {
            Ok(index) => site.positional(index),
            Err(_) => self.named(site, name),
        };
        if let Some((name, entry)) = path.strip_suffix(']').and_then(|path| path.split_once('[')) {
            let (tree, arg) = given(name)?;
            return Some((Arc::clone(entry_of(tree, entry)?), arg.span));
        }
        let (name, attribute) = path.split_once('.')?;
        let (tree, arg) = given(name)?;
        // An attribute that no code names is as good as the whole.
        let part = match self.world.program.symbol(attribute) {
            Some(name) => self.part(tree, &Key::Attr(name)),
            None => Arc::clone(tree),
        };
        Some((part, arg.span))
    }

    pub(super) fn named<'s>(&self, site: &'s Site<'_>, name: &str) -> Option<(&'s Arc<Tree>, &'s Arg)> {
        let unit = self.module.unit;
        let is_it = |arg: &Arg| matches!(arg.kind, ArgKind::Keyword(keyword) if unit.text(keyword) == name);
        let given = || site.call.args.iter().zip(&site.args);
        given().find(|(arg, _)| is_it(arg)).map(|(arg, tree)| (tree, arg)).or_else(|| {
            let key = Key::Item(Konst::Str(name.into()));
            given().filter(|(arg, _)| arg.kind == ArgKind::DoubleStar).find_map(|(arg, tree)| {
                let at = tree.fields.binary_search_by(|(known, _)| known.cmp(&key)).ok()?;
                Some((&tree.fields[at].1, arg))
            })
        })
    }

    /// Whether the receiver of a method that many objects have is called like what the sink means.
    pub(super) fn fits(&self, site: &Site<'_>, sink: &Sink) -> bool {
        if sink.receivers.is_empty() {
            return true;
        }
        let text = self.file.slice(site.call.callee_span);
        let Some((receiver, _)) = text.rsplit_once('.') else { return false };
        let receiver = receiver.split('(').next().unwrap_or(receiver);
        let last = receiver.rsplit('.').next().unwrap_or(receiver).trim_matches('_');
        let word = last.rsplit('_').next().unwrap_or(last);
        sink.receivers.iter().any(|known| known == word || known == last || known.eq_ignore_ascii_case(word))
    }

    fn holds(&self, site: &Site<'_>, sink: &Sink) -> bool {
        let is = |name: &str, wanted: &Wanted| self.is_given(site, (name, wanted), true);
        let by_position = |wanted: &Wanted| {
            let texts = match wanted {
                Wanted::Text(text) => std::slice::from_ref(text),
                Wanted::Any(texts) => texts,
                Wanted::Bool(_) | Wanted::Words(_) => return false,
            };
            site.call.args.iter().any(|arg| {
                let source = self.file.slice(arg.span).trim_end_matches([')', '(', ' ']);
                let is_name = source.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
                let is_it = |text: &str| is_name && source.ends_with(text) || self.is_below(arg.value, text);
                arg.kind == ArgKind::Positional && texts.iter().any(|text| is_it(text))
            })
        };
        sink.when.iter().all(|(name, wanted)| self.is_given(site, (name, wanted), false))
            && !sink.unless.iter().any(|(name, wanted)| {
                is(name, wanted) || by_position(wanted) || self.is_open(site, name, wanted)
            })
    }

    /// Whether an argument, or a part of what it was made with, is what a pack wants; with `is_certain` only if it is
    /// nothing else.
    pub(super) fn is_given(
        &self,
        site: &Site<'_>,
        (name, wanted): (&str, &Wanted),
        is_certain: bool,
    ) -> bool {
        // `parser.resolve_entities`: what the object that is passed was made with.
        let (name, made_with) = name.split_once('.').map_or((name, None), |(name, part)| (name, Some(part)));
        let found = match name.parse() {
            Ok(index) => site.positional(index).map(|(tree, arg)| (tree, arg.span, Some(arg.value))),
            Err(_) if name == "self" => {
                site.receiver.as_ref().map(|receiver| (receiver, site.call.callee_span, None))
            }
            Err(_) => self.named(site, name).map(|(tree, arg)| (tree, arg.span, Some(arg.value))),
        };
        let Some((tree, span, value)) = found else {
            let options = site.call.args.iter().zip(&site.args);
            options.filter(|(arg, _)| arg.kind == ArgKind::DoubleStar).for_each(|(_, tree)| {
                self.depend(tree);
            });
            return false;
        };
        self.depend(tree);
        let part = made_with.map(|part| match entry_of(tree, part) {
            Some(known) => Arc::clone(known),
            None => self.part(tree, &Key::Item(Konst::Str(part.into()))),
        });
        let tree = part.as_ref().unwrap_or(tree);
        let value_of = value;
        let is_text =
            |text: &str| self.is_text(tree, span, text) || value.is_some_and(|value| self.is_of(value, text));
        match wanted {
            Wanted::Bool(value) => match &tree.konst {
                Some(konst) => konst.is_true() == *value,
                None => {
                    let is_asked = || *value && value_of.is_some_and(|value| self.is_comparison(value, 2));
                    !is_certain && (tree.may[usize::from(*value)] || is_asked())
                }
            },
            Wanted::Text(text) => is_text(text),
            Wanted::Any(texts) => texts.iter().any(|text| is_text(text)),
            Wanted::Words(words) => words.fit(tree.known_text()),
        }
    }

    /// Whether the template before an argument of a log shows it as a literal or a number: `%r`, `%d`.
    fn is_shown_quoted(&self, site: &Site<'_>, sink: &Sink, index: usize) -> bool {
        let is_log = sink.kinds == Kinds::named("log").unwrap_or_default();
        let template = site.args.iter().take(index).rposition(|arg| matches!(arg.konst, Some(Konst::Str(_))));
        let (true, Some(at)) = (is_log, template) else { return false };
        let Some(Konst::Str(text)) = &site.args[at].konst else { return false };
        if site.path.starts_with("loguru.") {
            let name = match site.call.args[index].kind {
                ArgKind::Keyword(name) => Ok(self.module.unit.text(name)),
                _ => Err(index - at - 1),
            };
            return is_shown_by_repr(text, name);
        }
        conversion(text, index - at - 1).is_some_and(|kind| kind != 's')
    }

    /// Whether an argument of a log is no part of its line, or none that can break it: `extra=`, a mapping or list, whose
    /// texts are shown as literals, what is handed to a log of requests.
    fn is_not_in_line(&self, site: &Site<'_>, sink: &Sink, index: usize) -> bool {
        if sink.kinds != Kinds::named("log").unwrap_or_default() {
            return false;
        }
        let (arg, tree) = (&site.call.args[index], &site.args[index]);
        let has_level = || site.positional(0).is_some_and(|(level, _)| !level.is_tainted());
        match arg.kind {
            ArgKind::Keyword(name) => ASIDE.contains(&self.module.unit.text(name)),
            ArgKind::Positional if site.method == "log" && !has_level() => true,
            ArgKind::Positional => self.is_structure(tree, arg.value) && !Self::fills_names(site, index),
            ArgKind::Star | ArgKind::DoubleStar => false,
        }
    }

    /// Whether an argument is the mapping that a template before it takes its values from by name.
    fn fills_names(site: &Site<'_>, index: usize) -> bool {
        let text = |tree: &Arc<Tree>| match &tree.konst {
            Some(Konst::Str(text)) => Some(Arc::clone(text)),
            _ => None,
        };
        let template = site.args.iter().take(index).rev().find_map(text);
        index > 0 && template.is_none_or(|text| text.contains("%("))
    }

    /// Of a mapping from which the template before it takes values by name those that it takes.
    pub(super) fn named_in_line(&self, site: &Site<'_>, index: usize) -> Option<Arc<Tree>> {
        let template = index.checked_sub(1).map(|at| &site.args[at])?;
        let value = site.call.args[index - 1].value;
        let texts = match &template.konst {
            Some(Konst::Str(text)) => vec![Arc::clone(text)],
            _ => match &template.among {
                Some(among) => among.texts.clone(),
                None => self.literals(value, 3)?,
            },
        };
        let names: Vec<&str> = texts.iter().flat_map(|text| named_fields(text)).collect();
        if names.is_empty() || !site.args[index].labels.is_empty() {
            return None;
        }
        let mut shown = Tree::default();
        for name in names {
            shown.join(&self.part(&site.args[index], &Key::Item(Konst::Str(name.into()))));
        }
        Some(Arc::new(Tree::labeled(shown.all())))
    }

    /// Whether an argument that may make the call harmless is passed, and nothing is known of it.
    fn is_open(&self, site: &Site<'_>, name: &str, wanted: &Wanted) -> bool {
        let Some((tree, arg)) = self.named(site, name) else { return false };
        let is_told = matches!(arg.value, Operand::Global(_) | Operand::Const(_))
            || tree.beginning().is_some()
            || self.is_made(arg.value);
        !matches!(wanted, Wanted::Bool(_)) && !is_told
    }

    /// Whether a file is saved by a storage of Django, which cleans the name: `row.file.save(name, content)`. Others take a
    /// number or the name of a format there.
    fn is_by_storage(site: &Site<'_>) -> bool {
        let content = site.positional(1).map(|(tree, _)| tree);
        site.method == "save"
            && content.is_some_and(|tree| tree.konst.is_none() && tree.beginning().is_none())
    }

    /// Whether a call hands on what its own caller gave, whatever that is, to a library's class above.
    fn hands_up(&self, site: &Site<'_>) -> bool {
        let is_above = |name| self.module.unit.text(name).starts_with("super().");
        site.call.has_spread() && site.call.name.is_some_and(is_above)
    }

    fn is_text(&self, tree: &Tree, span: Span, text: &str) -> bool {
        // Of a list of arguments the program counts.
        if let Some(program) = tree.field(&Key::Item(Konst::Int(0))) {
            let name = program.beginning().map(|path| path.rsplit('/').next().unwrap_or(path));
            return name == Some(text);
        }
        let source = self.file.slice(span).trim_end_matches([')', '(', ' ']);
        // What stands behind a media type says no more of it: `text/csv; charset=utf-8`.
        let known = tree.beginning().map(|known| match known.split_once(';') {
            Some((media, _)) if media.contains('/') => media.trim_end(),
            _ => known,
        });
        known.is_some_and(|known| known.ends_with(text)) || source.ends_with(text)
    }

    pub(super) fn reach(&self, state: &State, site: &Site<'_>, sink: &Sink, tree: &Arc<Tree>, span: Span) {
        let callee = self.spelled(site.call.callee_span);
        let harm = Harm { needs: sink.needs, at_most: sink.at_most, ..Harm::of(sink.kinds, &callee) };
        self.reach_needing(state, &harm, tree, span);
    }

    /// Notes what of `tree`, which goes to `callee`, is dangerous there.
    pub(super) fn reach_at(&self, state: &State, (of, callee): (Kinds, &str), tree: &Arc<Tree>, span: Span) {
        self.reach_needing(state, &Harm::of(of, callee), tree, span);
    }

    /// As [`Analyzer::reach_at`], of what is not harmless for other kinds either.
    pub(super) fn reach_needing(&self, state: &State, harm: &Harm<'_>, tree: &Arc<Tree>, span: Span) {
        let Harm { of, needs, callee, ref printed, is_program, at_most } = *harm;
        let site_of = |part: Option<String>| SinkSite {
            file: self.module.file,
            span,
            value: self.spelled(span),
            part,
            callee: callee.to_owned(),
            func: self.id,
            printed: printed.as_ref().map(|(printed, _)| printed.clone()),
            is_program,
            at_most,
        };
        // With a shell, what follows the first of a list are parameters of the shell.
        let command = if of == Kinds::named("command").unwrap_or_default() { tree.items() } else { None };
        let first = command.and_then(|items| items.into_iter().next());
        let compared = (of == Kinds::named("nosql").unwrap_or_default()).then(|| without_compared(tree));
        for (label, part) in parts(first.as_ref().or(compared.as_ref()).unwrap_or(tree), of) {
            let kinds = self.kinds(state, &label);
            if kinds.and(of).is_empty() || !kinds.has(of.needed().with(needs)) || is_fixed(&part, of) {
                continue;
            }
            let marks = kinds.and(Kinds::THROUGH_UNKNOWN.with(Kinds::BEHIND).with(of.shades()));
            let hop = self.hop(span, format!("it goes to `{callee}` here"));
            let mut via = Hops::after(label.via.as_ref(), hop);
            if let Some((_, hop)) = printed {
                via = Hops::after(Some(&via), hop.clone());
            }
            let from = self.outward(state, &label);
            // Of what is passed for a parameter the caller knows whether it is text.
            let asked = needs.and(text_alone());
            let decoded = from.kinds.and(Kinds::DECODED.with(Kinds::UNQUOTED));
            let reach = Reach {
                port: from.port,
                kinds: kinds.and(of).with(marks).with(asked).with(decoded),
                sink: Arc::new(site_of(self.part_within(state, span, label.origin))),
                hops: Hops::list(Some(&via)),
            };
            self.note(reach);
        }
    }

    /// Keeps a way to a sink, once.
    pub(super) fn note(&self, reach: Reach) {
        let mut out = self.out.borrow_mut();
        let list = if matches!(reach.port, Port::Source(_)) { &mut out.meetings } else { &mut out.reaches };
        // Ways to sinks of one kind leave room for those of others.
        let is_alike = |known: &&Reach| !known.kinds.and(reach.kinds).is_empty();
        if !matches!(reach.port, Port::Source(_)) && list.iter().filter(is_alike).count() >= MAX_REACHES {
            return;
        }
        let is_same = |known: &Reach| {
            known.port == reach.port
                && known.sink == reach.sink
                && known.kinds.as_decoded(reach.kinds)
                && known.kinds.and(text_alone()) == reach.kinds.and(text_alone())
        };
        match list.iter_mut().find(|known| is_same(known)) {
            Some(known) => known.kinds = known.kinds.with(reach.kinds),
            None => list.push(reach),
        }
    }
}

/// What stands under `name` in a mapping, whatever its case: names of headers have none.
pub(super) fn entry_of<'t>(tree: &'t Tree, name: &str) -> Option<&'t Arc<Tree>> {
    let is_it = |key: &Key| matches!(key, Key::Item(Konst::Str(known)) if known.eq_ignore_ascii_case(name));
    tree.fields.iter().find(|(key, _)| is_it(key)).map(|(_, part)| part)
}

/// The labels in a value, each with the part it is of; what follows `--` in a list of arguments is no option.
fn parts(tree: &Arc<Tree>, kinds: Kinds) -> Vec<(Label, Arc<Tree>)> {
    let argument = Kinds::named("argument").unwrap_or_default();
    let mut found: Vec<(Label, Arc<Tree>)> =
        tree.labels.iter().map(|label| (label.clone(), Arc::clone(tree))).collect();
    let is_value = |key: &Key| {
        let Key::Item(Konst::Int(n)) = key else { return false };
        tree.field(&Key::Item(Konst::Int(n - 1))).is_some_and(|option| argv::takes_value(option))
            || argv::is_short_value(tree, *n)
    };
    let is_text = !kinds.and(Kinds::of_text()).is_empty();
    for (key, part) in tree.fields.iter().filter(|(key, _)| !is_text || !matches!(key, Key::Attr(_))) {
        if kinds == argument {
            if part.konst == Some(Konst::Str("--".into())) {
                break;
            }
            // The program itself is no argument.
            if *key == Key::Item(Konst::Int(0)) || is_value(key) {
                continue;
            }
        }
        for label in part.all() {
            if !found.iter().any(|(known, _)| known.origin == label.origin) {
                found.push((label, Arc::clone(part)));
            }
        }
    }
    found
}

/// A filter of a document store without what `$eq` compares with: an object there is no operator.
fn without_compared(tree: &Arc<Tree>) -> Arc<Tree> {
    let is_compared = |key: &Key| matches!(key, Key::Item(Konst::Str(name)) if &**name == "$eq");
    if tree.fields.is_empty() {
        return Arc::clone(tree);
    }
    let kept = tree.fields.iter().filter(|(key, _)| !is_compared(key));
    let fields = kept.map(|(key, part)| (key.clone(), without_compared(part))).collect();
    Arc::new(Tree { fields, ..Tree::clone(tree) })
}

/// Whether what a text certainly begins with makes it harmless for all of `kinds`.
pub(super) fn is_fixed(tree: &Tree, kinds: Kinds) -> bool {
    let Some(beginning) = tree.beginning() else { return false };
    let is = |name| kinds == Kinds::named(name).unwrap_or_default();
    if is("argument") {
        return true;
    }
    if is("redirect") {
        let mut chars = beginning.chars();
        let is_local = chars.next() == Some('/') && chars.next().is_some_and(|c| !matches!(c, '/' | '\\'));
        return is_local || fixes_host(beginning);
    }
    is("url") && fixes_host(beginning)
}

/// Whether a text holds a scheme, a host and the slash behind it.
pub(super) fn fixes_host(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| rest.find(['/', '?', '#']).is_some_and(|at| at > 0))
}
