//! Options that a program declares with oslo.config.

use crate::flow::Point;
use crate::ir::{ArgKind, Call, CallId, Const, FnId, Op, Operand};
use crate::rules::Context;
use crate::text::Span;

/// The constant name of the option that `id` declares, and where it stands.
pub(crate) fn name<'a>(context: &Context<'a>, id: CallId) -> Option<(&'a str, Span)> {
    let call = &context.body.calls[id];
    let arg = context.arg(call, Some(0), "name")?;
    let text = text(context, arg.value, context.point(id))?;
    let span = match arg.kind {
        ArgKind::Keyword(_) => {
            let value = context.source(arg.span).find('=')? + 1;
            Span::new(arg.span.start + u32::try_from(value).ok()?, arg.span.end)
        }
        _ => arg.span,
    };
    Some((text, span))
}

/// The constant text that `operand` is, also as a variable of the module, or as the argument of `_()`.
pub(crate) fn text<'a>(context: &Context<'a>, operand: Operand, at: Point) -> Option<&'a str> {
    if let Operand::Const(Const::Str(text)) = operand {
        return Some(context.text(text));
    }
    if let Operand::Global(global) = operand {
        let module = &context.unit.bodies[FnId::new(0)];
        let mut stored =
            module.blocks.iter().flat_map(|block| &block.insts).filter_map(|inst| match inst.op {
                Op::Store(place, value) if place == crate::ir::Place::bare(Operand::Global(global)) => {
                    Some(value)
                }
                _ => None,
            });
        let only = stored.next().filter(|_| stored.next().is_none())?;
        return only.string().map(|text| context.text(text));
    }
    context.string(operand, at).or_else(|| {
        let made = &context.body.calls[context.made_by(operand, at)?];
        let translates = context.source(made.callee_span) == "_";
        translates.then(|| made.positional(0)?.value.string()).flatten().map(|text| context.text(text))
    })
}

/// The words of an option's name.
pub(crate) fn words(name: &str) -> Vec<String> {
    name.split(['_', '-', '.']).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect()
}

/// Whether `**` may pass what is not seen.
pub(crate) fn is_open(call: &Call) -> bool {
    call.args.iter().any(|arg| arg.kind == ArgKind::DoubleStar)
}
