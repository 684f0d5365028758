//! What functions that answer requests return: text is a page, and what the framework made says itself what it is.

use std::sync::Arc;

use crate::ir::{BlockId, Operand, StmtKind};
use crate::models::Kinds;
use crate::program::Meaning;
use crate::taint::body::Analyzer;
use crate::taint::sinks::entry_of;
use crate::taint::state::State;
use crate::taint::value::{Key, Konst, Label, Tree};
use crate::text::Span;

impl Analyzer<'_, '_> {
    /// What a function that answers requests returns as text.
    pub(super) fn meet_return(&self, state: &State, block: BlockId, value: Operand, tree: &Arc<Tree>) {
        let called = self.world.callers.of(self.id);
        let form = called.and_then(|called| called.form);
        let kinds = called.map_or(Kinds::NONE, |called| called.returns);
        if kinds.is_empty() && form.is_none() {
            return;
        }
        let region = self.body.blocks[block].region;
        let returns =
            self.body.stmts_in(region).map(|(_, stmt)| stmt).filter(|stmt| stmt.kind == StmtKind::Return);
        let Some(stmt) = returns.last() else { return };
        let start = stmt.span.start + u32::try_from("return ".len()).unwrap_or(0);
        let span = Span::new(start.min(stmt.span.end), stmt.span.end);
        if let Some(form) = form {
            return self.meet_answer(state, form, tree, span);
        }
        // `return text, 400`
        let first = self.part(tree, &Key::Item(Konst::Int(0)));
        let is_pair = tree.labels.is_empty() && matches!(tree.exact_len(), Some(2 | 3));
        let shown = if is_pair { &first } else { tree };
        let beside: Vec<&Tree> = match is_pair {
            true => tree.fields.iter().skip(1).map(|(_, part)| &**part).collect(),
            false => Vec::new(),
        };
        if let Some(location) = beside.iter().find_map(|tree| entry_of(tree, "location")) {
            let redirect = Kinds::named("redirect").unwrap_or_default();
            self.reach_at(state, (redirect, "Location"), location, span);
        }
        if !self.is_answer(value) && !self.returns_inert(&beside) {
            // What a function gives of which nothing is known is as likely an answer that says itself what it is.
            let is_text = |label: &&Label| !label.kinds.has(Kinds::THROUGH_UNKNOWN);
            let labels = shown.labels.iter().filter(is_text).cloned().collect();
            let (konst, prefix) = (shown.konst.clone(), shown.prefix.clone());
            let text = Arc::new(Tree { konst, prefix, ..Tree::labeled(labels) });
            self.reach_at(state, (kinds.without(Kinds::DETAIL), "return"), &text, span);
        }
        self.reach_at(state, (Kinds::DETAIL, "return"), shown, span);
    }

    /// Whether what is at `path` is a source, or a text that a library makes, and no reply.
    fn is_text_of(&self, path: &str) -> bool {
        let models = self.world.models;
        let html = Kinds::named("html").unwrap_or_default();
        let is_text = |call: &str| {
            let method = call.rsplit('.').next().unwrap_or(call);
            models.keeps(call, method) && !models.sinks(call, method).any(|sink| sink.kinds == html)
        };
        models.source(path).is_some() || path.strip_suffix("()").is_some_and(is_text)
    }

    /// Whether a value was made by the framework, which says itself what it is.
    pub(super) fn is_answer(&self, value: Operand) -> bool {
        let Operand::Local(local) = value else { return false };
        let path = self.body.locals[local].value.map(|value| self.module.meaning(value));
        if let Some(Meaning::Instance(class)) = path {
            // What it is given is met where it is made.
            let bases = self.world.program.outside_bases(*class);
            return bases.iter().any(|base| base.ends_with("Response"));
        }
        // What stands in a list or mapping of the program may be anything.
        let is_held =
            |path: &str| ["dict()[]", "list()[]", "tuple()[]"].iter().any(|of| path.starts_with(of));
        matches!(path, Some(Meaning::Outside(path)) if path.ends_with("()") && !path.starts_with("str()") && path.contains('.') && !is_held(path))
            && !matches!(path, Some(Meaning::Outside(path)) if self.is_text_of(path))
    }
}
