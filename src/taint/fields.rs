//! What the declared fields of forms and serializers hold: one that is a number, a date or one of some choices has no text
//! from outside in it.

use std::sync::Arc;

use crate::base::Symbol;
use crate::ir::Operand;
use crate::models::Kinds;
use crate::taint::body::Analyzer;
use crate::taint::limits::MAX_FIELDS;
use crate::taint::summary::Port;
use crate::taint::value::{Key, Konst, Label, Tree};

impl Analyzer<'_, '_> {
    /// What `form.cleaned_data` holds: of the fields that are no free text nothing from outside.
    pub(super) fn cleaned(
        &self,
        (root, index): (Operand, usize),
        form: &Tree,
        name: Symbol,
        data: &mut Arc<Tree>,
    ) {
        let program = self.world.program;
        if !matches!(program.text(name), "cleaned_data" | "validated_data") || data.labels.is_empty() {
            return;
        }
        let class = if index == 0 { self.class_of(root, form) } else { form.class };
        let Some(class) = class else { return };
        let mut names: Vec<Symbol> = Vec::new();
        for class in program.above(class) {
            let attrs = program.classes[*class].attrs.iter();
            names.extend(attrs.filter(|(_, path)| self.is_checked(path)).map(|(name, _)| *name));
        }
        names.sort_unstable();
        for name in names {
            let key = Key::Item(Konst::Str(program.text(name).into()));
            Arc::make_mut(data).store(&[key], &Arc::default());
        }
    }

    /// Of the name of an upload Django keeps the last component, and refuses `..`: the manual of Django ("Uploaded
    /// Files"), `UploadedFile._set_name`.
    pub(super) fn based(&self, name: Symbol, data: &mut Arc<Tree>) {
        if self.world.program.text(name) != "name" {
            return;
        }
        let origins = self.origins.borrow();
        let is_upload = |label: &Label| {
            let port = &origins[label.origin as usize].port;
            matches!(port, Port::Source(site) if site.text.contains(".FILES"))
        };
        if !data.labels.iter().any(is_upload) {
            return;
        }
        let named = |name| Kinds::named(name).unwrap_or_default();
        let harmless = named("path").with(named("separator"));
        for label in &mut Arc::make_mut(data).labels {
            if is_upload(label) {
                label.kinds = label.kinds.without(harmless);
            }
        }
    }

    /// Whether a value path makes a field that holds no free text.
    fn is_checked(&self, path: &str) -> bool {
        self.world.models.is_number(path.trim_end_matches("()"))
    }

    /// Takes out of what a serializer is handed for `validate`, `create` and `update` the fields that it has converted.
    pub(super) fn without_converted(&self, tree: &mut Tree) {
        let Some(class) = self.class else { return };
        let program = self.world.program;
        let bases = program.outside_bases(class);
        if !bases.iter().any(|base| base.starts_with("rest_framework.serializers.")) {
            return;
        }
        let above = program.above(class).iter().map(|class| &program.classes[*class]);
        let mut names: Vec<&str> = above
            .flat_map(|info| &info.attrs)
            .filter(|(_, path)| self.is_checked(path))
            .map(|(name, _)| program.text(*name))
            .collect();
        names.sort_unstable();
        names.dedup();
        names.truncate(MAX_FIELDS - 1);
        for name in names {
            tree.store(&[Key::Item(Konst::Str(name.into()))], &Arc::default());
        }
    }
}
