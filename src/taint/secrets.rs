//! Values whose names mean a secret, on their way to a log or a stream.
//!
//! What a function does with a secret itself a rule sees; here it is followed through functions. It ends where only a part
//! of it is taken, in an object's attribute when the object is shown, and in every call of which nothing is known.

use std::sync::Arc;

use crate::base::words;
use crate::ir::{ArgKind, Const, LocalId, Place, Step};
use crate::models::{Kinds, Secret, Threat, is_bare_token, may_be_secret, secret};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::state::State;
use crate::taint::summary::{Port, SourceSite};
use crate::taint::value::{Hops, Key, Label, Tree};
use crate::text::Span;

/// Methods that give the entry of that name.
const GETTERS: &[&str] = &["get", "getenv", "pop", "getattr"];
/// Words of the names of functions that make a secret unreadable.
const MASKERS: &[&str] = &[
    "mask",
    "masked",
    "redact",
    "redacted",
    "sanitize",
    "sanitized",
    "sanitise",
    "scrub",
    "obfuscate",
    "censor",
    "hide",
    "anonymize",
    "hash",
    "hexdigest",
    "digest",
    "encrypt",
    "md5",
    "sha256",
    "exists",
    "keys",
    // What takes something out may take out the secret.
    "sub",
    "replace",
    "translate",
    "split",
    "rsplit",
    "partition",
    "clean",
    "strip",
    "safe",
    "hidden",
    "filter",
    "filtered",
];
/// Arguments of logs that are not shown.
const ASIDE: &[&str] = &["exc_info", "stack_info", "stacklevel", "extra", "category", "level"];

/// Whether a name means a secret wherever it goes: `token` is a word of languages, `credentials` are objects, and most
/// addresses of databases hold no password.
pub(super) fn is_secret(name: &str) -> bool {
    if !may_be_secret(name) {
        return false;
    }
    let words = words(name);
    let last = words.last().map_or("", String::as_str);
    match (secret(name), last) {
        (Some(Secret::Password), _) => last != "secrets",
        (Some(Secret::Token), "credential" | "credentials") | (None, _) => false,
        (Some(Secret::Token), "token") => !is_bare_token(name),
        (Some(Secret::Token), "url" | "uri" | "dsn") => {
            words.iter().any(|word| matches!(word.as_str(), "broker" | "transport"))
        }
        (Some(Secret::Token), _) => true,
    }
}

/// Whether a label is of a secret, and of nothing else.
pub(super) fn is_of_secret(kinds: Kinds) -> bool {
    kinds.and(Kinds::ALL) == Kinds::SECRET
}

impl Analyzer<'_, '_> {
    /// The label of a secret called `name`, as `text` at `span`.
    pub(super) fn secret(&self, name: &str, text: String, span: Span) -> Option<Label> {
        if !is_secret(name) {
            return None;
        }
        let hop = self.hop(span, format!("`{text}` holds a secret"));
        let site = SourceSite { file: self.module.file, span, text, threat: Threat::Secret };
        let label = self.label(Port::Source(Arc::new(site)), Some(Hops::after(None, hop)));
        Some(Label { kinds: Kinds::SECRET, ..label })
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
        let Some((_, Step::Attr(name) | Step::Item(Const::Str(name)))) =
            self.module.unit.paths.split(place.path)
        else {
            return;
        };
        let name = self.module.unit.text(name);
        if may_be_secret(name)
            && tree.konst.is_none()
            && let Some(label) = self.secret(name, self.spelled(span), span)
        {
            Arc::make_mut(tree).add(&label);
        }
    }

    /// What a call makes of secrets: one that masks them leaves none, one that looks a name up may give one.
    pub(super) fn with_secrets(&self, call: &crate::ir::Call, mut tree: Arc<Tree>) -> Arc<Tree> {
        let method = self.module.unit.text(call.method);
        if has_secret(&tree) && words(method).iter().any(|word| MASKERS.contains(&word.as_str())) {
            tree = without(&tree);
        }
        if !GETTERS.contains(&method) {
            return tree;
        }
        let key = call.positional(usize::from(method == "getattr")).map(|arg| arg.value);
        if let Some(crate::ir::Operand::Const(Const::Str(name))) = key
            && let name = self.module.unit.text(name)
            && may_be_secret(name)
            && let Some(label) = self.secret(name, self.spelled(call.span), call.span)
        {
            Arc::make_mut(&mut tree).add(&label);
        }
        tree
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
        for (arg, tree) in site.call.args.iter().zip(&site.args) {
            let is_aside =
                matches!(arg.kind, ArgKind::Keyword(name) if ASIDE.contains(&self.module.unit.text(name)));
            if !is_aside && has_secret(tree) {
                let shown = Arc::new(Tree::labeled(shown(tree)));
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

/// A value with no secrets in it.
pub(super) fn without(tree: &Arc<Tree>) -> Arc<Tree> {
    if !has_secret(tree) {
        return Arc::clone(tree);
    }
    let mut bare = Tree::clone(tree);
    bare.relabel(&|label| Label { kinds: label.kinds.without(Kinds::SECRET), ..label.clone() });
    Arc::new(bare)
}

/// What of `tree` is followed when it is stored at `path`: a secret deep in an object is seldom told from what else it has.
pub(super) fn kept_at(path: &[Key], tree: &Arc<Tree>) -> Arc<Tree> {
    let is_deep = path.len() > 1 && path.iter().any(|key| matches!(key, Key::Attr(_)));
    if is_deep { without(tree) } else { Arc::clone(tree) }
}

/// The labels in what is shown of a value: an object shows none of its attributes.
fn shown(tree: &Tree) -> Vec<Label> {
    let mut found = Tree::default();
    tree.all().iter().filter(|label| label.kinds.has(Kinds::SECRET)).for_each(|label| {
        found.add(label);
    });
    found.labels
}

fn has_secret(tree: &Tree) -> bool {
    let mut found = false;
    tree.each_label(&mut |label| found |= label.kinds.has(Kinds::SECRET));
    found
}
