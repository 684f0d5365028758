//! Calls that work on a path, and which of their operands it is.

use crate::ir::Call;
use crate::rules::Context;
use crate::rules::facts::scope::{Receiver, receiver};
use crate::text::Span;

/// The path that a call works on.
pub(crate) struct Target<'a> {
    /// What it is.
    pub(crate) value: Receiver<'a>,
    /// Its source.
    pub(crate) source: &'a str,
    /// Where it stands.
    pub(crate) span: Span,
    /// Whether it is the receiver (`path.mkdir()`), not the first argument (`os.mkdir(path)`).
    pub(crate) is_receiver: bool,
}

/// The path that a function of `os` or a method of a path works on; `None` for methods of other things.
pub(crate) fn path_argument<'a>(context: &Context<'a>, call: &'a Call) -> Option<Target<'a>> {
    let name = context.name(call);
    if name.starts_with("os.") {
        let arg = call
            .positional(0)
            .or_else(|| ["path", "name"].iter().find_map(|name| context.arg(call, None, name)))?;
        let source = context.source(arg.span);
        let value = Receiver::Operand(arg.value);
        return Some(Target { value, source, span: arg.span, is_receiver: false });
    }
    let value = receiver(context, call)?;
    let is_path = name.starts_with("pathlib.") || name.is_empty();
    // `sftp.mkdir(path)`: a file system elsewhere, or not a path's method at all.
    if !is_path || call.positional(0).is_some_and(|arg| arg.value.string().is_some()) {
        return None;
    }
    let source = context.receiver(call);
    let end = call.callee_span.start + u32::try_from(source.len()).ok()?;
    Some(Target { value, source, span: Span::new(call.callee_span.start, end), is_receiver: true })
}
