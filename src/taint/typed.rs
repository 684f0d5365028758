//! Models whose fields a framework converts before it calls: what their annotations allow is all that they hold.

use std::sync::Arc;

use crate::base::Symbol;
use crate::ir::{Operand, Rvalue};
use crate::models::Kinds;
use crate::program::{ClassIx, Meaning};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::entry::TYPED;
use crate::taint::regex::admits_nothing_for;
use crate::taint::value::{Callee, Key, Konst, Tree};

/// Methods of models that make an instance of what outsiders send. Source: the manual of pydantic ("Models").
const VALIDATING: &[&str] =
    &["model_validate", "model_validate_json", "model_validate_strings", "parse_obj", "parse_raw"];

/// Types of fields that hold values of other types, and no text.
const HOLDING: &[&str] = &[
    "list",
    "dict",
    "set",
    "tuple",
    "frozenset",
    "typing.List",
    "typing.Dict",
    "typing.Set",
    "typing.Tuple",
    "typing.FrozenSet",
    "typing.Sequence",
    "typing.Mapping",
];

impl Analyzer<'_, '_> {
    /// Whether instances of a class are models.
    pub(super) fn is_model(&self, class: ClassIx) -> bool {
        self.world.program.outside_bases(class).iter().any(|base| self.world.models.is_record(base))
    }

    /// Takes from `field`, which is read as `name` of an instance of `class`, what its annotation rules out.
    pub(super) fn narrow(&self, class: ClassIx, name: Symbol, field: &mut Tree) {
        if !self.is_model(class) {
            return;
        }
        let program = self.world.program;
        let above = || program.above(class).iter().map(|class| &program.classes[*class]);
        let typed = above().find_map(|info| Some((&program.modules[info.module], *info.typed.get(&name)?)));
        let (mut cleared, mut holds_others) = (Kinds::NONE, false);
        if above().find(|info| info.fields.contains(&name)).is_some_and(|info| info.plain.contains(&name)) {
            cleared = text_alone();
        }
        if let Some((module, annotation)) = typed {
            match module.meaning(annotation) {
                Meaning::Class(inner) if self.is_enum_class(*inner) => cleared = Kinds::ALL,
                Meaning::Class(inner) => field.class = self.is_model(*inner).then_some(*inner),
                Meaning::Outside(path) if self.holds_no_text(path) => cleared = Kinds::ALL,
                Meaning::Outside(path) => holds_others = HOLDING.contains(&&**path),
                _ => {}
            }
        }
        let declared = self.world.shapes.instance(class);
        if let Some(declared) = declared.and_then(|shape| shape.field(&Key::Attr(name))) {
            cleared = cleared.with(admitted(declared));
        }
        field.labels.iter_mut().for_each(|label| label.kinds = label.kinds.without(cleared));
        field.labels.retain(|label| !label.kinds.is_empty());
        if holds_others {
            let labels = field.labels.drain(..).map(|label| self.deeper(&label, &Key::Any)).collect();
            field.join_at(&[Key::Any], &Tree::labeled(labels));
        }
    }

    /// An argument that a framework makes an instance of a model, or of a class that only says what fields it has.
    pub(super) fn as_model(&self, annotation: Option<Symbol>, tree: &mut Tree) {
        if let Some(Meaning::Class(class)) = annotation.map(|name| self.module.meaning(name)) {
            self.as_made(*class, tree);
        }
    }

    /// What a framework has made of a request, an instance of `class`.
    pub(super) fn as_made(&self, class: ClassIx, tree: &mut Tree) {
        let program = self.world.program;
        if self.is_model(class) {
            tree.class = Some(class);
            return;
        }
        if self.constructor(class).is_some() {
            return;
        }
        for info in program.above(class).iter().map(|class| &program.classes[*class]) {
            let module = &program.modules[info.module];
            let is_closed = |name: &&Symbol| match info.typed.get(*name).map(|of| module.meaning(*of)) {
                Some(Meaning::Outside(path)) => self.holds_no_text(path),
                Some(Meaning::Class(inner)) => self.is_enum_class(*inner),
                _ => false,
            };
            for name in info.fields.iter().filter(is_closed) {
                tree.store(&[Key::Attr(*name)], &Arc::default());
            }
        }
    }

    /// `Model.model_validate(data)`: an instance whose fields are of their types.
    pub(super) fn validated(&self, site: &Site<'_>) -> Option<Arc<Tree>> {
        let receiver = site.receiver.as_ref().filter(|_| VALIDATING.contains(&site.method))?;
        // Which class it is decides in the calls of a function that is handed it.
        if receiver.funcs.is_empty() {
            self.test(receiver);
            return None;
        }
        let class = receiver.funcs.iter().find_map(|func| match func.func {
            Callee::Class(class) => Some(class),
            Callee::Own(_) | Callee::Outside(_) => None,
        });
        let class = class.filter(|class| self.is_model(*class))?;
        Some(Arc::new(Tree { class: Some(class), ..Tree::labeled(site.positional(0)?.0.all()) }))
    }

    /// Whether a class that `isinstance` is asked of, or each of several, has no instance with text from outside in it:
    /// `int`, `(int, Decimal)`, `UUID | date`.
    pub(super) fn is_no_text(&self, class: Operand, depth: u32) -> bool {
        match class {
            Operand::Global(name) => match self.module.meaning(name) {
                Meaning::Outside(path) => self.holds_no_text(path.strip_prefix("builtins.").unwrap_or(path)),
                Meaning::Class(class) => self.is_enum_class(*class),
                _ => false,
            },
            Operand::Local(local) if depth > 0 => match self.defined_by(local) {
                Some(Rvalue::Tuple(classes)) => {
                    !classes.is_empty() && classes.iter().all(|class| self.is_no_text(*class, depth - 1))
                }
                Some(Rvalue::Binary(_, one, other)) => {
                    [one, other].iter().all(|class| self.is_no_text(**class, depth - 1))
                }
                _ => false,
            },
            Operand::Local(_) | Operand::Const(_) => false,
        }
    }

    fn holds_no_text(&self, path: &str) -> bool {
        // What builds queries binds what it is given, and nobody sends one.
        TYPED.contains(&path) || path.starts_with("sqlalchemy.") || self.world.models.is_number(path)
    }

    fn is_enum_class(&self, class: ClassIx) -> bool {
        self.world.program.outside_bases(class).iter().any(|base| base.starts_with("enum."))
    }
}

/// The kinds for which a field is harmless by the pattern that it is declared with: `Field(pattern=r"^[a-z]+$")`. Source:
/// the manual of pydantic ("Fields"): a pattern is searched for, what was called `regex` matched.
fn admitted(declared: &Tree) -> Kinds {
    let of = |(name, how): (&str, &str)| match &declared.field(&Key::Item(Konst::Str(name.into())))?.konst {
        Some(Konst::Str(pattern)) => Some(admits_nothing_for(pattern, how)),
        _ => None,
    };
    [("pattern", "search"), ("regex", "match")].into_iter().find_map(of).unwrap_or(Kinds::NONE)
}

/// As [`admitted`], of how a parameter is declared: `name: str = Query(pattern="^[a-z]+$")`.
pub(super) fn admitted_by(declared: &str) -> Kinds {
    let of = |(word, how): (&str, &str)| {
        let (_, rest) = declared.split_once(word)?;
        let (is_raw, rest) = rest.strip_prefix('r').map_or((false, rest), |rest| (true, rest));
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (pattern, _) = rest[1..].split_once(quote)?;
        (is_raw || !pattern.contains('\\')).then(|| admits_nothing_for(pattern, how))
    };
    [("pattern=", "search"), ("regex=", "match")].into_iter().find_map(of).unwrap_or(Kinds::NONE)
}

/// The kind of what only objects are, and no text.
pub(super) fn text_alone() -> Kinds {
    Kinds::named("object").unwrap_or_default()
}
