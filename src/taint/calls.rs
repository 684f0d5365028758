//! Calls: of sources, sinks, sanitizers and guards, of containers' methods, of the program's own functions.

use std::sync::Arc;

use crate::ir::{Arg, ArgKind, Call, CallId, Operand, Place, Step};
use crate::models::{Argument, Kinds, Threat};
use crate::program::{FuncId, Meaning};
use crate::taint::body::Analyzer;
use crate::taint::origins::stable;
use crate::taint::state::{State, Var};
use crate::taint::unseen::Spot;
use crate::taint::value::{Callee, FuncRef, Key, Label, Tree, is_inner};
use crate::taint::world::{Known, World};
use crate::taint::zones::{takes_zone, without_zone};
use crate::text::Span;

/// A call with what goes in.
pub(super) struct Site<'c> {
    pub(super) call: &'c Call,
    /// Value path of the callee, re-exports looked through; empty if unknown.
    pub(super) path: &'c str,
    pub(super) known: &'c Known<'c>,
    /// The last identifier of the callee.
    pub(super) method: &'c str,
    /// What a method is called on.
    pub(super) receiver: Option<Arc<Tree>>,
    /// The arguments, in order.
    pub(super) args: Vec<Arc<Tree>>,
    /// Where the object stands that a method is called on, if the call does not tell.
    pub(super) spot: Option<&'c Spot>,
}

impl Site<'_> {
    /// It with no secrets among the arguments: which function gets them is not told.
    fn without_secrets(&self) -> Self {
        let bare = |tree: &Arc<Tree>| crate::taint::secrets::without(tree);
        let (receiver, args) = (self.receiver.as_ref().map(bare), self.args.iter().map(bare).collect());
        Site { receiver, args, ..*self }
    }

    pub(super) fn positional(&self, index: usize) -> Option<(&Arc<Tree>, &Arg)> {
        if self.call.args.iter().take(index + 1).any(|arg| arg.kind == ArgKind::Star) {
            return None;
        }
        let mut plain =
            self.call.args.iter().zip(&self.args).filter(|(arg, _)| arg.kind == ArgKind::Positional);
        plain.nth(index).map(|(arg, tree)| (tree, arg))
    }
}

impl Analyzer<'_, '_> {
    /// What a call returns, and does; `None` if it never returns.
    pub(super) fn call(&self, state: &mut State, id: CallId) -> Option<Arc<Tree>> {
        let call = &self.body.calls[id];
        let tree = self.called(state, id)?;
        let tree = self.with_secrets(id, tree);
        let makes_text = matches!(self.module.unit.text(call.method), "format" | "join");
        if makes_text && self.calls[id].callees.is_empty() {
            return Some(Arc::new(self.built(Tree::clone(&tree), call.span)));
        }
        Some(tree)
    }

    fn called(&self, state: &mut State, id: CallId) -> Option<Arc<Tree>> {
        let call = &self.body.calls[id];
        let unit = self.module.unit;
        let args =
            call.args.iter().map(|arg| self.value_at(state, arg.value, value_span(arg, self))).collect();
        let known = &self.calls[id];
        let (receiver, source) = self.receiver(state, call, known.model.source);
        let by_object = receiver.as_ref().and_then(|receiver| self.by_object(call, known, receiver));
        let (known, receiver, source) = match &by_object {
            Some(known) => {
                let (receiver, source) = self.receiver(state, call, known.model.source);
                (known, receiver, source)
            }
            None => (known, receiver, source),
        };
        let receiver = receiver.map(|receiver| self.seen_through(state, call, &known.path, receiver));
        let mut site = Site {
            call,
            known,
            path: &known.path,
            method: unit.text(call.method),
            receiver,
            args,
            spot: None,
        };
        // `adder(text)`, where `adder` is an object with `__call__`.
        let own = (call.callee.base, Vec::new());
        if site.receiver.is_none() && !known.callees.is_empty() && self.is_object(call) {
            site.receiver = Some(self.value(state, call.callee.base));
            site.spot = Some(&own);
        }
        let funcs = if source.is_none() { self.functions(state, &site) } else { Vec::new() };
        let by_value;
        if known.callees.is_empty() && funcs.iter().any(|func| matches!(func.func, Callee::Own(_))) {
            by_value = Known::own(self.world.models, known);
            site.known = &by_value;
        }
        if self.is_reporting() {
            self.meet(state, &site);
            self.meet_event(state, &site);
        }
        if self.world.models.may_end(site.method) && self.ends(&site) {
            return None;
        }
        if let Some(label) = source {
            let mut tree = Tree::labeled(vec![label.clone()]);
            if self.is_reporting() {
                self.meet_result(state, &site, &Arc::new(tree.clone()));
            }
            if stable(&self.spelled(site.call.span)).is_none() {
                state.forget(label.origin);
            }
            Self::hush(state, &mut tree);
            self.as_event(call, &mut tree);
            self.clear_result(&site, &mut tree);
            if known.model.source == Some(Threat::Local) {
                tree.join(&self.outside(state, &site));
            }
            return Some(Arc::new(tree));
        }
        if !funcs.is_empty() {
            return self.run_all(state, &site, &funcs);
        }
        self.keep_args(state, &site);
        if let Some(field) = self.called_field(&site) {
            site.receiver = Some(field);
        }
        let mut tree = self.outside(state, &site);
        if by_object.is_some() {
            Arc::make_mut(&mut tree).object = self.world.models.types.object(&format!("{}()", site.path));
        }
        Some(tree)
    }

    /// `self.namer(file)`: what an object of the program holds in a field is called, which has nothing to do with its other
    /// fields.
    fn called_field(&self, site: &Site<'_>) -> Option<Arc<Tree>> {
        let (_, Step::Attr(name)) = self.module.unit.paths.split(site.call.callee.path)? else { return None };
        let receiver = site.receiver.as_ref()?;
        let (program, name) = (self.world.program, self.module.global(name));
        let is_own = |class| program.method(class, name).is_none() && program.outside_bases(class).is_empty();
        let is_field = receiver.class.is_some_and(is_own) && receiver.maybe.is_none();
        is_field.then(|| self.part(receiver, &Key::Attr(name)))
    }

    /// Whether a call never returns, of a library or of an object that a framework makes for the function.
    fn ends(&self, site: &Site<'_>) -> bool {
        let made = site.call.callee.base.local().and_then(|local| self.response_path(local));
        let by_made = || made.is_some_and(|of| self.world.models.ends(&format!("{of}.{}", site.method)));
        self.world.models.ends(site.path) || by_made()
    }

    /// `args.get("page", type=int)`
    pub(super) fn is_number(&self, call: &Call) -> bool {
        call.args.iter().any(|arg| {
            matches!(arg.kind, ArgKind::Keyword(name) if self.module.unit.text(name) == "type")
                && matches!(
                    self.file.slice(arg.span).rsplit('=').next().map(str::trim),
                    Some("int" | "float" | "bool")
                )
        })
    }

    /// What a method is called on; and the source that the call itself is.
    fn receiver(
        &self,
        state: &State,
        call: &Call,
        known: Option<crate::models::Threat>,
    ) -> (Option<Arc<Tree>>, Option<Label>) {
        let span = call.span;
        let source = |threat| Some(self.source(span, self.spelled(span), threat, "comes in here"));
        let is_known = match call.callee.base {
            Operand::Local(_) => self.holds_source(&self.value(state, call.callee.base)),
            Operand::Global(_) | Operand::Const(_) => false,
        };
        // `request.args.get("x")` is a source, `request.args["x"].strip()` is made of one.
        let gives = || {
            let text = self.file.slice(call.callee_span);
            let receiver = text.rsplit_once('.').map_or("", |(receiver, _)| receiver);
            !receiver.ends_with([']', ')', '"', '\''])
                && !crate::taint::texts::METHODS.contains(&self.module.unit.text(call.method))
                && !self.is_number(call)
        };
        let found = known.filter(|_| !is_known && gives()).and_then(source);
        // A setting may as well be what the program itself put there.
        if found.is_some() && known != Some(Threat::Local) {
            return (None, found);
        }
        let steps = self.steps(call.callee);
        let Some((last, before)) = steps.split_last() else {
            return (None, found.or_else(|| self.received(call)));
        };
        if let (Step::Attr(_), Operand::Local(local)) = (last, call.callee.base)
            && !is_known
            && (self.is_request(local) || self.is_self(local))
            && let Some(label) = self.request_field(call.callee.base, &steps, steps.len() - 1, span)
        {
            return (None, Some(label));
        }
        let text = self.file.slice(call.callee_span);
        let length = text.rfind('.').unwrap_or(text.len());
        let end = call.callee_span.start + u32::try_from(length).unwrap_or(0);
        let at = Span::new(call.callee_span.start, end);
        let (base, skip) = self.rooted(state, call.callee.base, before, at);
        (Some(self.read(state, (call.callee.base, base), &before[skip..], at)), found)
    }

    /// Whether it is an object that is called.
    fn is_object(&self, call: &Call) -> bool {
        call.callee == Place::bare(call.callee.base)
            && call.name.is_some_and(|name| matches!(self.module.meaning(name), Meaning::Instance(_)))
    }

    fn run_all(&self, state: &mut State, site: &Site<'_>, funcs: &[FuncRef]) -> Option<Arc<Tree>> {
        let mut tree = if let [only] = funcs {
            self.run_own(state, site, only)?
        } else {
            let mut all: Option<(Tree, State)> = None;
            let bare = site.without_secrets();
            // One of those that have one name on several branches is the one that is meant.
            let is_one = self.is_one(funcs);
            let site = if is_one { site } else { &bare };
            for func in funcs {
                let mut own = state.clone();
                let bare = |bound: &[Arc<Tree>]| bound.iter().map(crate::taint::secrets::without).collect();
                let bound = if is_one { func.bound.clone() } else { bare(&func.bound) };
                let func = &FuncRef { bound, ..func.clone() };
                let Some(tree) = self.run_own(&mut own, site, func) else { continue };
                self.join_way(&mut all, &tree, own);
            }
            let (tree, after) = all?;
            *state = after;
            Arc::new(tree)
        };
        // A project's own sanitizer or guard that a pack names.
        if let Some(cond) = self.guard(site) {
            Arc::make_mut(&mut tree).cond = Some(cond);
        }
        if site.known.model.clears != Kinds::NONE {
            self.clear_result(site, Arc::make_mut(&mut tree));
        }
        Some(tree)
    }

    // --- what is outside of the program ---

    pub(super) fn outside(&self, state: &mut State, site: &Site<'_>) -> Arc<Tree> {
        self.taken_for_path(state, site);
        if let Some(rows) = self.looked_up(state, site) {
            return rows;
        }
        if let Some(tree) = self.run_through(state, site).or_else(|| self.signaled(state, site)) {
            return tree;
        }
        if let Some(mut tree) = self.builtin(state, site) {
            if site.known.model.clears != Kinds::NONE && !tree.all().is_empty() {
                self.clear_result(site, Arc::make_mut(&mut tree));
            }
            return tree;
        }
        if self.enum_of(site).is_some() {
            site.args
                .iter()
                .flat_map(|arg| arg.all())
                .for_each(|label| state.clear(label.origin, Kinds::ALL));
            return Arc::default();
        }
        if let Some(Meaning::Class(class)) = site.call.name.map(|name| self.module.meaning(name)) {
            let made = self.record(site, *class).unwrap_or_else(|| self.instance(site, *class));
            return self.set_up(state, site, made);
        }
        let is_answered = |sink: &&crate::models::Sink| sink.answers && self.fits(site, sink);
        let answered: Vec<_> = site.known.model.sinks.iter().copied().filter(is_answered).collect();
        if !answered.is_empty() {
            return self.fetched(state, site, &answered);
        }
        self.refuse(state, site);
        if site.method == "relative_to"
            && let Some(receiver) = &site.receiver
        {
            let resolved = receiver.all().into_iter().filter(|label| !label.kinds.has(Kinds::UNRESOLVED));
            resolved.for_each(|label| state.clear(label.origin, Kinds::named("path").unwrap_or_default()));
        }
        let cond = self.guard(site);
        let mut tree = Tree::default();
        let mut add = |part: &Tree, cleared: Kinds| {
            for mut label in part.all() {
                label.kinds = label.kinds.without(cleared);
                if !label.kinds.is_empty() || cleared == Kinds::NONE {
                    tree.add(&label);
                }
            }
        };
        site.receiver.iter().for_each(|receiver| add(receiver, Kinds::NONE));
        for (index, arg) in site.args.iter().enumerate().filter(|(_, arg)| !self.is_handled(site, arg)) {
            add(arg, self.cleared_at(site, index));
        }
        for arg in &site.args {
            // Classes are handed over to be known more often than to be made.
            for func in arg.funcs.iter().filter(|func| !matches!(func.func, Callee::Class(_))) {
                if let Some(result) = self.call_back(state, site, func) {
                    result.all().iter().for_each(|label| {
                        tree.add(label);
                    });
                }
            }
        }
        if !site.known.model.keeps {
            for label in &mut tree.labels {
                label.kinds = label.kinds.with(Kinds::THROUGH_UNKNOWN).without(Kinds::HIDDEN);
            }
        }
        if site.known.model.sinks.iter().any(|sink| sink.kinds == Kinds::DETAIL) {
            // It is a reply now, which says itself what it is, and was reported where it is a page.
            let shown = Kinds::DETAIL.with(Kinds::named("html").unwrap_or_default());
            tree.labels.iter_mut().for_each(|label| label.kinds = label.kinds.without(shown));
        }
        self.undo(state, site, &mut tree);
        self.made_with(site, &mut tree);
        let mut cond = cond;
        if let Some(pattern) = Self::sought(site) {
            self.as_match(state, &mut tree, &pattern, cond.as_mut());
        }
        self.clear_result(site, &mut tree);
        self.of_path(state, site, &mut tree);
        if cond.is_some() {
            tree.cond = cond;
        }
        Arc::new(tree)
    }

    /// What was checked before an encoding was undone says nothing of what comes out.
    fn undo(&self, state: &State, site: &Site<'_>, tree: &mut Tree) {
        if site.known.model.decodes {
            let is_unquoted = is_unquoting(site.path);
            let open = |label: &&mut Label| !self.cleared(state, label.origin).is_checked();
            tree.labels.iter_mut().filter(open).for_each(|label| self.decoded(label, is_unquoted));
        }
    }

    /// Takes from the result what the packs say of the callee.
    fn clear_result(&self, site: &Site<'_>, tree: &mut Tree) {
        let mut clears = site.known.model.clears;
        if is_resolving(site) {
            clears = clears.with(Kinds::UNRESOLVED);
        }
        if matches!(site.path, "shlex.quote" | "pipes.quote") {
            let command = Kinds::named("command").unwrap_or_default();
            let open = tree.labels.iter_mut().filter(|label| label.kinds.has(command));
            open.for_each(|label| label.kinds = label.kinds.with(Kinds::WORD));
        }
        if clears == Kinds::ALL {
            *tree = Tree { cond: tree.cond.take(), ..Tree::default() };
        } else if clears != Kinds::NONE {
            clear(tree, clears);
        }
        if takes_zone(site.path) {
            without_zone(tree);
        }
    }

    /// What functions that take a path make of it.
    fn of_path(&self, state: &State, site: &Site<'_>, tree: &mut Tree) {
        if matches!(site.path, "open" | "io.open" | "gzip.open" | "bz2.open" | "lzma.open") {
            // Of a name that leads nowhere else comes what the program keeps under it.
            let path = Kinds::named("path").unwrap_or_default();
            tree.labels.retain(|label| {
                self.kinds(state, label).has(path) || !label.kinds.and(Kinds::HIDDEN).is_empty()
            });
        }
        if is_resolving(site) && Self::is_rooted(site) {
            tree.prefix = Some("/".into());
        }
    }

    /// Whether what resolves a path gives one from the root, in which no `..` is left: `normpath("/" + name)`.
    fn is_rooted(site: &Site<'_>) -> bool {
        let given = site.positional(0).map(|(tree, _)| tree);
        let is_made_so = site.path.ends_with(".realpath") || site.path.ends_with(".abspath");
        is_made_so && given.is_some()
            || given.and_then(|tree| tree.beginning()).is_some_and(|text| text.starts_with('/'))
    }

    /// Behind a call that raises on what is harmful, what it was given is harmless.
    fn refuse(&self, state: &mut State, site: &Site<'_>) {
        let refused = crate::taint::guards::refuses(site.path);
        if refused != Kinds::NONE {
            let given = site.positional(0).map(|(tree, _)| tree.all());
            let has_zone = |label: &Label| takes_zone(site.path) && label.kinds.has(Kinds::ZONED);
            for label in given.into_iter().flatten() {
                let is_all = takes_zone(site.path) && !has_zone(&label);
                state.clear(label.origin, if is_all { Kinds::ALL } else { refused });
            }
        }
        for check in self.world.models.checks(site.path) {
            let given = match &check.at {
                Argument::Index(index) => site.positional(*index),
                Argument::Name(name) => self.named(site, name),
            };
            let labels = given.map(|(tree, _)| tree.all());
            labels.into_iter().flatten().for_each(|label| state.clear(label.origin, check.clears));
        }
    }

    /// The kinds for which the part of one argument in the result is harmless.
    fn cleared_at(&self, site: &Site<'_>, index: usize) -> Kinds {
        let partial = self.world.models.partial(site.path, site.method);
        let is_it = |at: &Argument| {
            let found = match at {
                Argument::Index(index) => site.positional(*index),
                Argument::Name(name) if name == "**" => {
                    return site.call.args[index].kind == ArgKind::DoubleStar;
                }
                Argument::Name(name) => self.named(site, name),
            };
            found.is_some_and(|(tree, _)| Arc::ptr_eq(tree, &site.args[index]))
        };
        let meant = partial.filter(|sanitizer| sanitizer.at.iter().any(is_it));
        meant.fold(Kinds::NONE, |sum, sanitizer| sum.with(sanitizer.clears))
    }

    /// Whether something has a name that the engine knows by itself; what it returns.
    pub(super) fn local_of(&self, operand: Operand) -> Option<Var> {
        match operand {
            Operand::Local(local) => Some(Var::Local(local)),
            Operand::Global(name) => Some(Var::Global(self.module.variable(name))),
            Operand::Const(_) => None,
        }
    }

    /// The place that a method is called on.
    pub(super) fn receiver_place(&self, call: &Call) -> Option<Place> {
        let (path, _) = self.module.unit.paths.split(call.callee.path)?;
        Some(Place { base: call.callee.base, path })
    }

    /// The own functions of a reference, by id.
    pub(super) fn is_static(&self, func: FuncId) -> bool {
        is_static(self.world, func)
    }

    /// Whether the class itself is passed first, however the method is reached.
    pub(super) fn is_class_method(&self, func: FuncId) -> bool {
        has_decorator(self.world, func, "classmethod")
    }
}

/// Whether a method gets no instance.
pub(super) fn is_static(world: &World<'_, '_>, func: FuncId) -> bool {
    has_decorator(world, func, "staticmethod")
}

fn has_decorator(world: &World<'_, '_>, func: FuncId, wanted: &str) -> bool {
    let (module, _, body) = world.program.func(func);
    let mut names = body.decorators.iter().filter_map(|decorator| decorator.name);
    names.any(|name| module.unit.text(name) == wanted)
}

fn is_resolving(site: &Site<'_>) -> bool {
    let is_of_paths = |module: &str| {
        let name = site.path.strip_prefix(module);
        name.is_some_and(|name| matches!(name, "realpath" | "abspath" | "normpath"))
    };
    is_of_paths("os.path.")
        || is_of_paths("posixpath.")
        || matches!(site.method, "resolve" | "absolute") && site.receiver.is_some()
}

/// Whether a decoder leaves all but what is encoded as it is.
fn is_unquoting(path: &str) -> bool {
    let name = path.rsplit('.').next().unwrap_or(path);
    matches!(name, "unquote" | "unquote_plus" | "unquote_to_bytes" | "url_unquote" | "url2pathname")
}

fn clear(tree: &mut Tree, kinds: Kinds) {
    for label in &mut tree.labels {
        label.kinds = label.kinds.without(kinds);
    }
    for (_, part) in tree.fields.iter_mut().filter(|(key, _)| !is_inner(key)) {
        clear(Arc::make_mut(part), kinds);
    }
}

/// The value's own span: without the keyword.
fn value_span(arg: &Arg, analyzer: &Analyzer<'_, '_>) -> Span {
    match arg.kind {
        ArgKind::Keyword(name) => {
            let text = analyzer.file.slice(arg.span);
            let length = analyzer.module.unit.text(name).len();
            let rest = text.get(length..).unwrap_or_default();
            let skip = length + rest.len() - rest.trim_start_matches([' ', '=']).len();
            Span::new(arg.span.start + u32::try_from(skip).unwrap_or(0), arg.span.end)
        }
        ArgKind::Positional | ArgKind::Star | ArgKind::DoubleStar => arg.span,
    }
}
