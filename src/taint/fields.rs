//! What the declared fields of forms and serializers hold: one that is a number, a date or one of some choices has no text
//! from outside in it.

use std::sync::Arc;

use crate::base::Symbol;
use crate::ir::Operand;
use crate::models::Kinds;
use crate::program::ClassIx;
use crate::taint::body::Analyzer;
use crate::taint::spellings::one_line;
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
        self.set_converted(class, Arc::make_mut(data));
    }

    /// Tells apart what a form or serializer of `class` converts, however much that is: nothing from outside is in it.
    fn set_converted(&self, class: ClassIx, tree: &mut Tree) {
        const MAX_CONVERTED: usize = 200;
        let program = self.world.program;
        let above = program.above(class).iter().map(|class| &program.classes[*class]);
        let converted = above.flat_map(|info| &info.attrs).filter(|(_, path)| self.is_checked(path));
        let mut keys: Vec<Key> =
            converted.map(|(name, _)| Key::Item(Konst::Str(program.text(*name).into()))).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys.into_iter().take(MAX_CONVERTED) {
            match tree.fields.binary_search_by(|(known, _)| known.cmp(&key)) {
                Ok(at) => tree.fields[at].1 = Arc::default(),
                Err(at) => tree.fields.insert(at, (key, Arc::default())),
            }
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

    /// Of an object that was made of what came in, the address of who sent it is what the socket tells, and headers are
    /// lines.
    pub(super) fn of_socket(&self, name: Symbol, data: &mut Arc<Tree>) {
        const LINES: &[&str] = &[
            "headers",
            "remote",
            "remote_addr",
            "remote_address",
            "remote_ip",
            "client_address",
            "peername",
        ];
        if data.labels.is_empty() || !LINES.contains(&self.world.program.text(name)) {
            return;
        }
        for label in &mut Arc::make_mut(data).labels {
            label.kinds = label.kinds.without(one_line());
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
        self.set_converted(class, tree);
    }
}
