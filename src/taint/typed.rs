//! Models whose fields a framework converts before it calls: what their annotations allow is all that they hold.

use crate::base::Symbol;
use crate::models::Kinds;
use crate::program::{ClassIx, Meaning};
use crate::taint::body::Analyzer;
use crate::taint::entry::TYPED;
use crate::taint::value::Tree;

/// Libraries whose models check their fields against the annotations, and the last names of the bases.
/// Source: the manuals of pydantic ("Models"), SQLModel, msgspec ("Structs") and Django Ninja ("Schemas").
const CHECKING: &[&str] = &["pydantic", "sqlmodel", "ninja", "msgspec", "pydantic_settings", "fastapi"];
const MODELS: &[&str] = &["BaseModel", "BaseSettings", "SQLModel", "Schema", "RootModel", "Struct"];
/// Annotations of these libraries that stand for numbers and the like.
const NUMBERS: &[&str] = &[
    "typing.Literal",
    "typing_extensions.Literal",
    "datetime.time",
    "datetime.timedelta",
    "pydantic.PositiveInt",
    "pydantic.NegativeInt",
    "pydantic.NonNegativeInt",
    "pydantic.NonPositiveInt",
    "pydantic.PositiveFloat",
    "pydantic.NonNegativeFloat",
    "pydantic.StrictInt",
    "pydantic.StrictBool",
    "pydantic.StrictFloat",
    "pydantic.UUID1",
    "pydantic.UUID3",
    "pydantic.UUID4",
    "pydantic.UUID5",
    "pydantic.IPvAnyAddress",
    "pydantic.FutureDate",
    "pydantic.PastDate",
];

impl Analyzer<'_, '_> {
    /// Whether instances of a class are models.
    pub(super) fn is_model(&self, class: ClassIx) -> bool {
        let is_model = |base: &&str| {
            let last = base.rsplit('.').next().unwrap_or_default();
            MODELS.contains(&last) && CHECKING.iter().any(|library| base.starts_with(library))
        };
        self.world.program.outside_bases(class).iter().any(is_model)
    }

    /// Takes from `field`, which is read as `name` of an instance of `class`, what its annotation rules out.
    pub(super) fn narrow(&self, class: ClassIx, name: Symbol, field: &mut Tree) {
        if !self.is_model(class) {
            return;
        }
        let program = self.world.program;
        let above = || program.above(class).iter().map(|class| &program.classes[*class]);
        let typed = above().find_map(|info| Some((&program.modules[info.module], *info.typed.get(&name)?)));
        let mut cleared = Kinds::NONE;
        if above().find(|info| info.fields.contains(&name)).is_some_and(|info| info.plain.contains(&name)) {
            cleared = text_alone();
        }
        if let Some((module, annotation)) = typed {
            match module.meaning(annotation) {
                Meaning::Class(inner) if self.is_enum_class(*inner) => cleared = Kinds::ALL,
                Meaning::Class(inner) => field.class = self.is_model(*inner).then_some(*inner),
                Meaning::Outside(path) if TYPED.contains(&&**path) || NUMBERS.contains(&&**path) => {
                    cleared = Kinds::ALL;
                }
                _ => {}
            }
        }
        field.labels.iter_mut().for_each(|label| label.kinds = label.kinds.without(cleared));
        field.labels.retain(|label| !label.kinds.is_empty());
    }

    /// An argument that a framework makes an instance of a model.
    pub(super) fn as_model(&self, annotation: Option<Symbol>, tree: &mut Tree) {
        if let Some(Meaning::Class(class)) = annotation.map(|name| self.module.meaning(name)) {
            tree.class = self.is_model(*class).then_some(*class);
        }
    }

    fn is_enum_class(&self, class: ClassIx) -> bool {
        self.world.program.outside_bases(class).iter().any(|base| base.starts_with("enum."))
    }
}

/// The kinds for which only objects are dangerous, and no text.
pub(super) fn text_alone() -> Kinds {
    Kinds::named("nosql").unwrap_or_default()
}
