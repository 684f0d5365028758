//! Models whose fields a framework converts before it calls: what their annotations allow is all that they hold.

use std::sync::Arc;

use crate::base::Symbol;
use crate::models::Kinds;
use crate::program::{ClassIx, Meaning};
use crate::taint::body::Analyzer;
use crate::taint::limits::MAX_FIELDS;
use crate::taint::value::{Key, Konst, Tree};

/// Classes whose instances are checked against the annotations of their fields when they are made.
/// Source: the manuals of pydantic ("Models"), SQLModel, msgspec ("Structs") and Django Ninja ("Schemas").
const MODELS: &[&str] =
    &["pydantic.BaseModel", "pydantic.main.BaseModel", "sqlmodel.SQLModel", "msgspec.Struct", "ninja.Schema"];
/// Types that hold numbers, times, ids and the like, and no text of anybody's choice.
const CONVERTED: &[&str] = &[
    "int",
    "float",
    "bool",
    "complex",
    "uuid.UUID",
    "datetime.datetime",
    "datetime.date",
    "datetime.time",
    "datetime.timedelta",
    "decimal.Decimal",
    "ipaddress.IPv4Address",
    "pydantic.PositiveInt",
    "pydantic.NonNegativeInt",
    "pydantic.StrictInt",
    "pydantic.StrictBool",
    "pydantic.UUID4",
    "typing.Literal",
    "typing_extensions.Literal",
];

impl Analyzer<'_, '_> {
    /// Whether instances of a class are models.
    pub(super) fn is_model(&self, class: ClassIx) -> bool {
        self.world.program.outside_bases(class).iter().any(|base| MODELS.contains(base))
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
                _ if CONVERTED.contains(&module.unit.text(annotation)) => cleared = Kinds::ALL,
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

/// Fields of forms and serializers whose values are numbers, times, ids, or members of a set.
/// Source: the manuals of Django ("Form fields") and of Django REST framework ("Serializer fields").
const CONVERTING: &[&str] = &[
    "BooleanField",
    "ChoiceField",
    "DateField",
    "DateTimeField",
    "DecimalField",
    "DurationField",
    "FloatField",
    "IntegerField",
    "TimeField",
    "TypedChoiceField",
    "UUIDField",
];

impl Analyzer<'_, '_> {
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
            .filter(|(_, path)| {
                let maker = path.strip_suffix("()").unwrap_or(path);
                CONVERTING.contains(&maker.rsplit('.').next().unwrap_or(maker))
            })
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
