//! What the declared fields of forms and models hold: one that is a number, a date or one of some choices has no text from
//! outside in it. Only of libraries that check what comes in against the declaration.

use std::sync::Arc;

use crate::base::Symbol;
use crate::ir::Operand;
use crate::program::{ClassIx, Meaning};
use crate::taint::body::Analyzer;
use crate::taint::entry::TYPED;
use crate::taint::value::{Key, Konst, Tree};

/// Last names of the fields of forms and serializers (Django, Django REST framework) whose values are no free text.
const FIELDS: &[&str] = &[
    "IntegerField",
    "FloatField",
    "DecimalField",
    "BooleanField",
    "NullBooleanField",
    "DateField",
    "DateTimeField",
    "TimeField",
    "DurationField",
    "UUIDField",
    "ChoiceField",
    "MultipleChoiceField",
    "TypedChoiceField",
    "TypedMultipleChoiceField",
    "ModelChoiceField",
    "SlugField",
    "GenericIPAddressField",
    "IPAddressField",
    "PrimaryKeyRelatedField",
];
/// Modules that these fields come from.
const FORMS: &[&str] =
    &["django.forms", "django.contrib.gis.forms", "rest_framework.serializers", "rest_framework.fields"];
/// Libraries whose models check their fields against the annotations, and the last names of the bases.
const MODELS: &[&str] = &["BaseModel", "BaseSettings", "SQLModel", "Schema", "RootModel", "Struct"];
const CHECKING: &[&str] = &["pydantic", "sqlmodel", "ninja", "msgspec", "pydantic_settings", "fastapi"];
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
    /// Whether the attribute `name` of an object is a field that holds no text from outside.
    pub(super) fn is_checked_field(
        &self,
        (root, index): (Operand, usize),
        object: &Tree,
        name: Symbol,
    ) -> bool {
        let class = if index == 0 { self.class_of(root, object) } else { object.class };
        class.is_some_and(|class| self.is_checked(class, name))
    }

    fn is_checked(&self, class: ClassIx, name: Symbol) -> bool {
        let program = self.world.program;
        let above = program.above(class);
        let declared = above.iter().find_map(|class| {
            let info = &program.classes[*class];
            Some((&program.modules[info.module], *info.typed.get(&name)?))
        });
        let Some((module, of)) = declared else { return false };
        let is_model = |base: &&str| {
            let last = base.rsplit('.').next().unwrap_or_default();
            MODELS.contains(&last) && CHECKING.iter().any(|library| base.starts_with(library))
        };
        program.outside_bases(class).iter().any(is_model)
            && match module.meaning(of) {
                Meaning::Class(kind) => {
                    program.outside_bases(*kind).iter().any(|base| base.starts_with("enum."))
                }
                Meaning::Outside(path) => TYPED.contains(&&**path) || NUMBERS.contains(&&**path),
                _ => false,
            }
    }

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
        let is_checked = |path: &str| {
            let path = path.trim_end_matches("()");
            let known = path.rsplit_once('.');
            known.is_some_and(|(of, last)| FIELDS.contains(&last) && FORMS.contains(&of))
        };
        let mut names: Vec<Symbol> = Vec::new();
        for class in program.above(class) {
            let attrs = program.classes[*class].attrs.iter();
            names.extend(attrs.filter(|(_, path)| is_checked(path)).map(|(name, _)| *name));
        }
        names.sort_unstable();
        for name in names {
            let key = Key::Item(Konst::Str(program.text(name).into()));
            Arc::make_mut(data).store(&[key], &Arc::default());
        }
    }
}
