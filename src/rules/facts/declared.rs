//! What a program declares of its arguments and options: whether they have a type or a check of their own.

use crate::ir::{Call, FnId, LocalId};
use crate::rules::Context;
use crate::rules::facts::options;
use crate::rules::facts::parts::Part;

/// Whether `part`, an attribute of parsed arguments, is declared with a type, a choice or an action; also if its
/// declaration is not seen. Other parts are not.
pub(crate) fn is_typed_argument(context: &Context<'_>, part: &Part<'_>) -> bool {
    let parsed =
        part.path.split_once(".parse_args()").or_else(|| part.path.split_once(".parse_known_args()"));
    let Some((_, rest)) = parsed else { return false };
    let name = rest.rsplit('.').next().unwrap_or_default();
    let mut declared = calls(context, |method| matches!(method, "add_argument" | "add_option"))
        .filter(|(home, call)| declares(home, call, name))
        .peekable();
    declared.peek().is_none()
        || declared.any(|(home, call)| {
            ["type", "choices", "action"].iter().any(|keyword| home.arg(call, None, keyword).is_some())
        })
}

/// Whether `add_argument` declares the attribute `name`.
fn declares(context: &Context<'_>, call: &Call, name: &str) -> bool {
    if let Some(dest) = context.arg(call, None, "dest") {
        return dest.value.string().is_some_and(|dest| context.text(dest) == name);
    }
    call.args.iter().filter_map(|arg| arg.value.string()).any(|flag| {
        let flag = context.text(flag).trim_start_matches('-');
        flag.replace('-', "_") == name
    })
}

/// Whether a parameter takes an option or argument of a click command that has no type and no callback.
pub(crate) fn is_untyped_option(context: &Context<'_>, local: LocalId) -> bool {
    let name = context.local_name(local);
    context.body.decorators.iter().any(|decorator| {
        let is_option = decorator.name.is_some_and(|name| {
            matches!(context.text(name), "click.option" | "click.argument" | "rich_click.option")
        });
        let source = context.source(decorator.span);
        let of_name = source
            .split(['"', '\''])
            .skip(1)
            .step_by(2)
            .any(|flag| flag.trim_start_matches('-').replace('-', "_") == name);
        let typed = ["type=", "callback=", "is_flag=", "count=", "flag_value="].iter();
        is_option && of_name && !typed.into_iter().any(|keyword| source.contains(keyword))
    })
}

/// Whether this file declares an option of oslo.config by that name, as free text.
pub(crate) fn is_text_option(context: &Context<'_>, name: &str) -> bool {
    let mut is_text = false;
    for body in context.unit.bodies.ids() {
        let home = context.other(body);
        for (id, call) in home.body.calls.pairs() {
            let Some(kind) = home.name(call).strip_prefix("oslo_config.cfg.") else { continue };
            let declared = || options::name(&home, id).map(|(text, _)| text.replace('-', "_"));
            if !kind.ends_with("Opt") || declared().as_deref() != Some(name) {
                continue;
            }
            let free = matches!(kind, "StrOpt" | "Opt")
                && ["type", "choices", "regex"].iter().all(|keyword| home.arg(call, None, keyword).is_none());
            if !free {
                return false;
            }
            is_text = true;
        }
    }
    is_text
}

/// All calls of this file to methods that `is_wanted`.
fn calls<'c, 'a: 'c>(
    context: &'c Context<'a>,
    is_wanted: impl Fn(&str) -> bool + Copy + 'c,
) -> impl Iterator<Item = (Context<'a>, &'a Call)> + 'c {
    context.unit.bodies.ids().flat_map(move |body: FnId| {
        let home = context.other(body);
        let found = home.body.calls.iter().filter(|call| is_wanted(home.method(call)));
        let found: Vec<&'a Call> = found.collect();
        found.into_iter().map(move |call| (context.other(body), call))
    })
}
