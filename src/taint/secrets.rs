//! Values whose names mean a secret, on their way to a log or a stream.
//!
//! A name tells of a secret: of a parameter, an entry, an attribute, an option, or a variable of whose value nothing else
//! is known. It ends in an object's attribute when the object is shown, in what packs say masks it, and in every call of
//! which nothing is known. Which names mean a secret far from where they stand is for rules.

use std::sync::Arc;

use crate::base::{Symbol, words};
use crate::ir::{ArgKind, CallId, Const, Inst, LocalId, Op, Operand, Place, Rvalue, Step};
use crate::models::{Kinds, Threat, is_bare_token, may_be_secret, secret};
use crate::program::Meaning;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::details::is_text;
use crate::taint::slices::bounds_of;
use crate::taint::state::{State, Var};
use crate::taint::summary::{Port, SourceSite};
use crate::taint::value::{Hops, Key, Label, Tree};
use crate::text::Span;

/// Arguments of logs that are not shown.
pub(super) const ASIDE: &[&str] =
    &["exc_info", "stack_info", "stacklevel", "extra", "category", "level", "file"];

/// Last words of objects that describe something: what they have is called like a secret, and is none.
const DESCRIPTIONS: &[&str] = &["description", "definition", "spec", "schema", "field", "fields"];

/// Whether a label is of what must not be shown, and of nothing else.
pub(super) fn is_hidden(kinds: Kinds) -> bool {
    !kinds.and(Kinds::HIDDEN).is_empty() && kinds.without(Kinds::HIDDEN).is_empty()
}

impl Analyzer<'_, '_> {
    /// The label of a secret called `name`, as `text` at `span`.
    pub(super) fn secret(&self, name: &str, text: String, span: Span) -> Option<Label> {
        secret(name)?;
        let hop = self.hop(span, format!("`{text}` holds a secret"));
        let site = SourceSite { file: self.module.file, span, text, threat: Threat::Secret };
        let label = self.label(Port::Source(Arc::new(site)), Some(Hops::after(None, hop)));
        Some(Label { kinds: Kinds::SECRET.with(Kinds::WHOLE), ..label })
    }

    /// What is left of a label of what must not be shown in a part of the value: of a secret the text, as a slice takes
    /// it, and its beginning or end is no whole one; of an exception what its entries and some attributes tell.
    pub(super) fn hidden_part(&self, label: &Label, key: &Key) -> Label {
        let kept = match (key, bounds_of(key)) {
            (_, Some(bounds)) if is_short(bounds) => Kinds::ALL.without(Kinds::WHOLE),
            (_, Some(_)) => Kinds::ALL,
            (Key::Attr(name), None) if !is_text(self.world.program.text(*name)) => Kinds::NONE,
            _ => Kinds::DETAIL,
        };
        Label { kinds: label.kinds.and(kept), ..label.clone() }
    }

    /// Adds to what a parameter holds that it is a secret.
    pub(super) fn add_secret_param(&self, tree: &mut Tree, local: LocalId) {
        let name = crate::taint::body::param_name(self.module, self.body, local);
        if let Some(label) = self.secret(&name, name.clone(), self.body.locals[local].span) {
            tree.add(&label);
        }
    }

    /// Adds to what is read at `place` that it is a secret.
    pub(super) fn add_secret_read(&self, tree: &mut Arc<Tree>, place: Place, span: Span) {
        let unit = self.module.unit;
        let Some((before, Step::Attr(name) | Step::Item(Const::Str(name)))) = unit.paths.split(place.path)
        else {
            return;
        };
        let describes = || match unit.paths.split(before) {
            Some((_, Step::Attr(of))) => {
                words(unit.text(of)).last().is_some_and(|last| DESCRIPTIONS.contains(&last.as_str()))
            }
            _ => false,
        };
        let name = unit.text(name);
        if may_be_secret(name)
            && tree.konst.is_none()
            && !describes()
            && let Some(label) = self.secret(name, self.spelled(span), span)
        {
            Arc::make_mut(tree).add(&label);
        }
    }

    /// Adds to what a variable gets that it is a secret, where its name is all that tells.
    pub(super) fn add_secret_local(&self, tree: &mut Arc<Tree>, to: LocalId, op: &Op, span: Span) {
        let Some(name) = self.body.locals[to].name.map(|name| self.module.unit.text(name)) else { return };
        if !may_be_secret(name) || !is_open(tree) {
            return;
        }
        let tells_nothing = match op {
            Op::Call(_, call) => {
                let known = &self.calls[*call];
                let method = self.module.unit.text(self.body.calls[*call].method);
                // A number or a truth is none; what a library makes may be one.
                let is_built_in = known.model.clears == Kinds::ALL && !known.path.contains('.');
                !is_built_in && !self.world.models.masks(method)
            }
            Op::Let(_, Rvalue::Use(of)) => !matches!(of, Operand::Const(_)) && !self.is_element(*of),
            // What a parser takes out of a list is no secret for being called a token: `words[at]`.
            Op::Let(_, Rvalue::Load(place)) => {
                let last = self.module.unit.paths.split(place.path).map(|(_, last)| last);
                let at = self.file.slice(span).rsplit('[').next().unwrap_or_default();
                let is_at = matches!(last, Some(Step::Element | Step::Key(_)))
                    && at.contains(|c: char| c.is_lowercase());
                let is_word = is_at || matches!(last, Some(Step::Item(Const::Int(_))));
                !(is_bare_token(name) && is_word || self.is_about(last))
            }
            Op::Await(..) => true,
            Op::Let(_, Rvalue::Format(_) | Rvalue::Binary(..)) => !tree.labels.is_empty(),
            _ => false,
        };
        if tells_nothing && let Some(label) = self.secret(name, name.to_owned(), span) {
            Arc::make_mut(tree).add(&label);
        }
    }

    /// Whether what is read has a name of its own, by which it has to do with a secret and is none: `client.get_token`.
    fn is_about(&self, last: Option<Step>) -> bool {
        let Some(Step::Attr(name) | Step::Item(Const::Str(name))) = last else { return false };
        let name = self.module.unit.text(name);
        may_be_secret(name) && secret(name).is_none()
    }

    /// Whether an operand is what a loop takes out of something, which the name of the loop's variable tells little of.
    fn is_element(&self, operand: Operand) -> bool {
        let is_it =
            |inst: &Inst| matches!(&inst.op, Op::Let(to, Rvalue::Next(_)) if operand == Operand::Local(*to));
        self.body.blocks.iter().flat_map(|block| &block.insts).any(is_it)
    }

    /// Adds to what a name from outside of the body holds that it is a secret: `settings.SECRET` is what a field is called
    /// more often than its value.
    pub(super) fn add_secret_global(&self, tree: &mut Arc<Tree>, name: Symbol, span: Span) {
        let text = self.module.unit.text(name);
        let Some((_, last)) = text.rsplit_once('.').filter(|(_, last)| may_be_secret(last)) else { return };
        let is_variable = !matches!(
            self.module.meaning(name),
            Meaning::Function(_) | Meaning::Method(..) | Meaning::Class(_) | Meaning::Module(_)
        );
        if is_variable
            && last.contains(|c: char| c.is_lowercase())
            && is_open(tree)
            && !self.is_round_variable(name)
            && let Some(label) = self.secret(last, self.spelled_here(text).to_owned(), span)
        {
            Arc::make_mut(tree).add(&label);
        }
    }

    /// Whether a variable of a module is what a loop of this body takes out of something.
    fn is_round_variable(&self, name: Symbol) -> bool {
        let of_round = |inst: &Inst| matches!(&inst.op, Op::Store(place, of) if *place == Place::bare(Operand::Global(name)) && self.is_element(*of));
        self.body.blocks.iter().flat_map(|block| &block.insts).any(of_round)
    }

    /// The end of a dotted name as a reader of this file knows it; a variable of the module has no dots.
    fn spelled_here<'n>(&self, name: &'n str) -> &'n str {
        let unit = self.module.unit;
        if let Some((_, inner)) = name.rsplit_once("<locals>.") {
            return inner;
        }
        let own = name.strip_prefix(unit.text(unit.module)).and_then(|rest| rest.strip_prefix('.'));
        own.filter(|own| !own.contains('.')).unwrap_or_else(|| spelled(name))
    }

    /// What a call makes of secrets: one that masks them leaves none, one that looks a name up may give one.
    pub(super) fn with_secrets(&self, id: CallId, mut tree: Arc<Tree>) -> Arc<Tree> {
        let call = &self.body.calls[id];
        let method = self.module.unit.text(call.method);
        let is_none = || {
            self.world.models.masks(method) || self.replaces_secret(call) || takes_path(&self.calls[id].path)
        };
        if has_secret(&tree) && is_none() {
            tree = without(&tree);
        }
        let at = self.world.models.lookup(method);
        let key = at.and_then(|at| call.positional(at)).map(|arg| arg.value);
        if let Some(Operand::Const(Const::Str(name))) = key
            && let name = self.module.unit.text(name)
            && may_be_secret(name)
            && let Some(label) = self.secret(name, self.spelled(call.span), call.span)
        {
            Arc::make_mut(&mut tree).add(&label);
        }
        tree
    }

    /// What is taken for the name of a file holds no secret, whatever the file has in it.
    pub(super) fn taken_for_path(&self, state: &mut State, site: &Site<'_>) {
        if !takes_path(site.path) {
            return;
        }
        // A folder, or a file, may be called by a token, but by no password.
        let is_password = |local: LocalId| {
            let name = self.body.locals[local].name.map(|name| words(self.module.unit.text(name)));
            let last = name.as_ref().and_then(|words| words.last()).map(String::as_str);
            matches!(last, Some("password" | "passwd" | "passphrase" | "pwd"))
        };
        let is_joined = site.path == "os.path.join";
        for (arg, tree) in site.call.args.iter().zip(&site.args).filter(|(_, tree)| has_secret(tree)) {
            if let Some(local) = arg.value.local().filter(|local| !(is_joined && is_password(*local))) {
                let bare = without(tree);
                state.change(Var::Local(local), |tree| *tree = Tree::clone(&bare));
            }
        }
    }

    /// Whether a call takes a secret out of a text: `url.replace(info.password, "***")`.
    fn replaces_secret(&self, call: &crate::ir::Call) -> bool {
        let given = call.positional(0).filter(|_| self.module.unit.text(call.method) == "replace");
        given.is_some_and(|arg| {
            let text = self.file.slice(arg.span).trim_end_matches(['"', '\'', ']', ')']);
            secret(text.rsplit(['.', '"', '\'', '[', '(']).next().unwrap_or_default()).is_some()
        })
    }

    /// Reports the secrets that a log shows.
    pub(super) fn meet_secrets(&self, state: &State, site: &Site<'_>) {
        if !site.args.iter().any(|tree| has_secret(tree)) {
            return;
        }
        let log = Kinds::named("log").unwrap_or_default();
        let is_log = |sink: &&crate::models::Sink| {
            sink.kinds == log && (!sink.call.starts_with("*.") || self.fits(site, sink))
        };
        if !site.known.model.sinks.iter().copied().any(|sink| is_log(&sink)) {
            return;
        }
        let callee = self.spelled(site.call.callee_span);
        for (index, (arg, tree)) in site.call.args.iter().zip(&site.args).enumerate() {
            let is_aside =
                matches!(arg.kind, ArgKind::Keyword(name) if ASIDE.contains(&self.module.unit.text(name)));
            if !is_aside && has_secret(tree) {
                let named = self.named_in_line(site, index);
                let shown = Arc::new(Tree::labeled(hidden(named.as_ref().unwrap_or(tree))));
                self.reach_at(state, (Kinds::SECRET, &callee), &shown, arg.span);
            }
        }
    }

    /// `print(text, file=out)`: nobody reads it there.
    pub(super) fn is_kept_apart(&self, site: &Site<'_>) -> bool {
        let file = self.named(site, "file");
        file.is_some_and(|(_, arg)| !self.file.slice(arg.span).contains("sys.std"))
    }
}

/// Whether a function takes the names of files and nothing else.
fn takes_path(path: &str) -> bool {
    const FILES: &[&str] = &[
        "open",
        "io.open",
        "os.access",
        "os.chmod",
        "os.chown",
        "os.lstat",
        "os.remove",
        "os.stat",
        "os.unlink",
        "pathlib.Path",
    ];
    path.starts_with("os.path.") || FILES.contains(&path)
}

/// Whether nothing is known of a value but where it may come from.
fn is_open(tree: &Tree) -> bool {
    let is_told = tree.konst.is_some() || tree.class.is_some() || tree.cond.is_some();
    // What comes from outside is a secret by its name alone.
    let is_secret = |label: &Label| is_hidden(label.kinds) && label.kinds.has(Kinds::SECRET);
    !is_told && tree.fields.is_empty() && tree.funcs.is_empty() && !tree.labels.iter().any(is_secret)
}

/// Whether the bounds of a slice, as they are written, take a few characters from an end: `:4`, `-4:`, `0:4`.
fn is_short(bounds: &str) -> bool {
    const FEW: i32 = 8;
    let Some((low, high)) = bounds.split_once(':') else { return false };
    match (low.trim().parse(), high.trim().parse()) {
        (Err(_), Ok(high)) => low.trim().is_empty() && (0..=FEW).contains(&high),
        (Ok(low), Err(_)) => high.trim().is_empty() && (-FEW..0).contains(&low),
        (Ok(low), Ok(high)) => low >= 0 && (0..=FEW).contains(&(high - low)),
        (Err(_), Err(_)) => false,
    }
}

/// The end of a dotted name as a reader of the file knows it: `CONF.database.password`.
fn spelled(name: &str) -> &str {
    let is_begin = |(dot, _): &(usize, &str)| !name[dot + 1..].starts_with(|c: char| c.is_lowercase());
    name.rmatch_indices('.').skip(1).find(is_begin).map_or(name, |(dot, _)| &name[dot + 1..])
}

/// A value with nothing in it that must not be shown.
pub(super) fn without(tree: &Arc<Tree>) -> Arc<Tree> {
    let mut is_bare = true;
    tree.each_label(&mut |label| is_bare &= label.kinds.and(Kinds::HIDDEN).is_empty());
    if is_bare {
        return Arc::clone(tree);
    }
    let mut bare = Tree::clone(tree);
    bare.relabel(&|label| Label { kinds: label.kinds.without(Kinds::HIDDEN), ..label.clone() });
    Arc::new(bare)
}

/// What of `tree` is followed when it is stored at `path`: a secret deep in an object is seldom told from what else it has.
pub(super) fn kept_at(path: &[Key], tree: &Arc<Tree>) -> Arc<Tree> {
    let is_deep = path.len() > 1 && path.iter().any(|key| matches!(key, Key::Attr(_)));
    if is_deep { without(tree) } else { Arc::clone(tree) }
}

/// The labels of what must not be shown in a value: an object shows none of its attributes.
pub(super) fn hidden(tree: &Tree) -> Vec<Label> {
    let mut found = tree.all();
    found.iter_mut().for_each(|label| label.kinds = label.kinds.and(Kinds::HIDDEN));
    found.retain(|label| !label.kinds.is_empty());
    found
}

fn has_secret(tree: &Tree) -> bool {
    let mut found = false;
    tree.each_label(&mut |label| found |= label.kinds.has(Kinds::SECRET));
    found
}
