//! What a regular expression says of the text it is applied to, as far as its ends tell.

use crate::flow::Point;
use crate::ir::{Call, CallId, Operand};
use crate::rules::Context;
use crate::rules::facts::scope::{Receiver, assigned_once, receiver};

/// How a pattern is applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// A match says what the whole text looks like.
    Whole,
    /// A match says that the text holds one of some characters.
    Holds,
    /// A match leaves an end open: anything may stand there.
    Open,
    /// The pattern is not seen.
    Unknown,
}

/// A use of a regular expression.
pub(crate) struct Match<'a> {
    /// How it is applied.
    pub(crate) form: Form,
    /// The pattern, where it is constant.
    pub(crate) pattern: Option<&'a str>,
    /// The text it is applied to.
    pub(crate) subject: Operand,
}

/// What `id` matches, if it is a use of a regular expression whose truth is a test.
pub(crate) fn matched<'a>(context: &Context<'a>, id: CallId) -> Option<Match<'a>> {
    let call = &context.body.calls[id];
    let at = context.point(id);
    let (how, pattern, subject) = match context.name(call) {
        "re.match" | "re.search" | "re.fullmatch" | "regex.match" | "regex.search" | "regex.fullmatch" => {
            let pattern = text(context, call.positional(0)?.value, at);
            (context.method(call), pattern, context.arg(call, Some(1), "string")?)
        }
        "re.compile().match" | "re.compile().search" | "re.compile().fullmatch" => {
            (context.method(call), compiled(context, call, at), context.arg(call, Some(0), "string")?)
        }
        _ => return None,
    };
    let form = pattern.map_or(Form::Unknown, |pattern| form(how, pattern));
    Some(Match { form, pattern, subject: subject.value })
}

fn form(how: &str, pattern: &str) -> Form {
    let starts = how != "search" || pattern.starts_with('^') || pattern.starts_with("\\A");
    let before_end = pattern.strip_suffix('$').or_else(|| pattern.strip_suffix("$)"));
    let ends = how == "fullmatch"
        || before_end.is_some_and(|before| !before.ends_with('\\'))
        || pattern.ends_with("\\Z")
        || pattern.ends_with("\\z");
    if is_class(pattern) && how != "fullmatch" {
        Form::Holds
    } else if starts && ends {
        Form::Whole
    } else {
        Form::Open
    }
}

/// `[…]`, perhaps repeated: one class of characters and nothing else.
fn is_class(pattern: &str) -> bool {
    let inside = pattern.strip_prefix('[').and_then(|rest| rest.trim_end_matches('+').strip_suffix(']'));
    let single = matches!(pattern, "\\s" | "\\n" | "\\W" | "\\s+");
    single || inside.is_some_and(|inside| !inside.replace("\\]", "").contains(']'))
}

/// The constant pattern that `operand` is.
fn text<'a>(context: &Context<'a>, operand: Operand, at: Point) -> Option<&'a str> {
    match operand {
        Operand::Const(crate::ir::Const::Str(text)) => Some(context.text(text)),
        Operand::Global(name) => {
            let (home, point, value) = assigned_once(context, context.text(name))?;
            let home = context.other(home);
            value.string().map(|text| context.text(text)).or_else(|| home.string(value, point))
        }
        _ => context.string(operand, at),
    }
}

/// The pattern of the object that `call` is a method of.
fn compiled<'a>(context: &Context<'a>, call: &Call, at: Point) -> Option<&'a str> {
    let pattern_of = |home: &Context<'a>, value: Operand, at: Point| {
        let made = home.made_by(value, at)?;
        text(home, home.body.calls[made].positional(0)?.value, home.point(made))
    };
    match receiver(context, call)? {
        Receiver::Operand(value) => pattern_of(context, value, at),
        Receiver::Global(name) => {
            let (home, point, value) = assigned_once(context, name)?;
            pattern_of(&context.other(home), value, point)
        }
        Receiver::Place(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, form};

    #[test]
    fn open_ends_are_told_from_closed_ones() {
        assert_eq!(form("match", r"\d+\.\d+"), Form::Open);
        assert_eq!(form("match", r"^\d+$"), Form::Whole);
        assert_eq!(form("search", r"\d+$"), Form::Open);
        assert_eq!(form("fullmatch", r"[0-9.]+"), Form::Whole);
        assert_eq!(form("search", r"[\x00-\x20]"), Form::Holds);
        assert_eq!(form("match", r"\d+\$"), Form::Open);
    }
}
