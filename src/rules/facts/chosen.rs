//! Which parts of the name or path of a lock somebody chose freely.

use crate::base::words;
use crate::flow::Point;
use crate::ir::{Const, Step};
use crate::rules::Context;
use crate::rules::facts::checks::is_checked;
use crate::rules::facts::parts::{Part, Piece, Text};
use crate::rules::facts::sources::{self, From};

/// Last words of parameters and keys that hold a name somebody chose.
const NAMES: &[&str] = &[
    "name",
    "hostname",
    "username",
    "filename",
    "ifname",
    "devname",
    "interface",
    "iface",
    "device",
    "bridge",
    "host",
    "path",
    "file",
    "label",
    "image",
    "url",
    "uri",
    "topic",
    "tag",
    "domain",
    "alias",
];
/// Words that say that a parameter is no free text.
const NO_NAMES: &[&str] = &[
    "id", "ids", "uuid", "num", "number", "count", "index", "size", "type", "kind", "class", "cls", "func",
    "function", "obj", "object",
];
/// Parameters of wrappers, whose callers make the name.
const WRAPPED: &[&str] =
    &["name", "lock_name", "lockname", "lock", "key", "lock_key", "lock_path", "lock_file"];

/// Whether somebody chose this part and nobody checks it; with who, if that is known.
pub(crate) fn chosen(
    context: &Context<'_>,
    part: &Part<'_>,
    way: &Text<'_>,
    at: Point,
) -> Option<Option<From>> {
    let from = sources::origin(context, part);
    let is_free = match part.piece {
        Piece::Param(local) => {
            let home = context.other(part.home);
            let name = home.local_name(local);
            let wrapper = way.len() == 1 && WRAPPED.contains(&name);
            let free = if from.is_some() { !is_id(name) } else { is_free_name(name) };
            let param = home.body.param(local)?;
            let text = param.annotation.is_none_or(|annotation| {
                matches!(
                    context.text(annotation),
                    "str" | "bytes" | "pathlib.Path" | "os.PathLike" | "typing.Text"
                )
            });
            free && text && !wrapper
        }
        Piece::Load(place) if from.is_none() => {
            let base = place.base.local()?;
            let steps = context.unit.paths.steps(place.path);
            let home = context.other(part.home);
            home.body.param(base).is_some()
                && matches!(&steps[..], [Step::Item(Const::Str(key))] if is_free_name(context.text(*key)))
        }
        _ => from.is_some(),
    };
    (is_free && !is_checked(context, part, at)).then_some(from)
}

fn is_id(name: &str) -> bool {
    words(name).iter().any(|word| NO_NAMES.contains(&word.as_str()))
}

fn is_free_name(name: &str) -> bool {
    words(name).last().is_some_and(|last| NAMES.contains(&last.as_str())) && !is_id(name)
}
