//! Finds YAML that is loaded by what builds any object that the document names.

use crate::finding::{Change, Edit, Safety};
use crate::ir::{ArgKind, CallId, Operand};
use crate::rules::facts::edits;
use crate::rules::facts::scope::assigned_once;
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule = Rule {
    page: include_str!("yaml_loader_unsafe.md"),
    check: Check::Call {
        names: &["yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.unsafe_load_all"],
        run,
    },
};

fn run(context: &Context<'_>, id: CallId) -> Option<Hit> {
    let call = &context.body.calls[id];
    let name = context.name(call);
    let at = context.point(id);
    let stream = call.positional(0).or_else(|| context.arg(call, None, "stream"))?;
    let is_constant = stream.value.string().is_some()
        || context.string(stream.value, at).is_some()
        || matches!(stream.value, Operand::Global(name)
            if assigned_once(context, context.text(name)).is_some_and(|(_, _, value)| value.string().is_some()));
    let is_open = call.args.iter().any(|arg| matches!(arg.kind, ArgKind::Star | ArgKind::DoubleStar));
    if is_constant || is_open || !context.is_reachable(id) {
        return None;
    }
    let loader = context.arg(call, Some(1), "Loader");
    let builds = |name: &str| matches!(name, "yaml.Loader" | "yaml.UnsafeLoader" | "yaml.CLoader");
    let with = match loader.map(|arg| arg.value) {
        _ if name.contains("unsafe_load") => String::new(),
        None => " without a loader".to_owned(),
        Some(Operand::Global(path)) if builds(context.text(path)) => {
            format!(" by `{}`", context.text(path))
        }
        Some(_) => return None,
    };
    let data = edits::brief(context, stream.span, 60);
    let safe = if name.ends_with("_all") { "safe_load_all" } else { "safe_load" };
    let message = format!(
        "`{data}` is loaded{with}: a document may name any class or function, which is then called with what it says"
    );
    let solution = format!(
        "use `yaml.{safe}({data})`; to check, load `!!python/object/apply:os.getcwd []`: that must raise a \
         `ConstructorError`"
    );
    let method = Change { span: edits::method_span(context, call), text: safe.to_owned() };
    let taken = edits::without_argument(context, call, "Loader");
    let is_plain = loader.is_none() || taken.is_some();
    let spelled = context.source(call.callee_span).contains('.');
    let edit = (is_plain && spelled).then(|| Edit {
        safety: Safety::Suggest,
        title: "load plain data alone".to_owned(),
        changes: std::iter::once(method).chain(taken).collect(),
    });
    Some(Hit::new(call.span, message, solution).edit(edit))
}
