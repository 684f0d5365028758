//! What well-known calls do with the values that go in. Facts of Python, free of any rule.

use crate::ir::Call;
use crate::rules::Context;

/// What a call does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    /// Its result holds its arguments: `str(x)`, `json.dumps(x)`.
    Text,
    /// Its result holds its receiver: `x.encode()`, `x.copy()`.
    Receiver,
    /// Its result holds both: `"…".format(x)`, `",".join(x)`.
    Filled,
    /// Its result is the receiver without its first argument: `x.replace(secret, "…")`.
    Removes,
    /// Its receiver holds the arguments afterwards: `x.append(y)`.
    Gains,
    /// Its result is an item of the receiver.
    Item {
        /// Whether the receiver loses it.
        taken: bool,
    },
    /// Its result says nothing of what goes in: `len(x)`.
    Harmless,
    /// Nothing is known.
    Unknown,
}

/// What `call` does, by the name of its callee.
pub(crate) fn effect(context: &Context<'_>, call: &Call) -> Effect {
    match context.name(call) {
        "str"
        | "repr"
        | "ascii"
        | "format"
        | "bytes"
        | "list"
        | "tuple"
        | "set"
        | "frozenset"
        | "sorted"
        | "reversed"
        | "dict"
        | "copy.copy"
        | "copy.deepcopy"
        | "shlex.join"
        | "shlex.quote"
        | "subprocess.list2cmdline"
        | "pprint.pformat"
        | "base64.b64encode"
        | "urllib.parse.quote"
        | "urllib.parse.quote_plus"
        | "urllib.parse.urlencode"
        | "six.text_type"
        | "six.ensure_text"
        | "six.ensure_str"
        | "html.escape"
        | "textwrap.dedent"
        | "yaml.dump"
        | "yaml.safe_dump"
        | "traceback.format_exception_only"
        | "oslo_utils.encodeutils.exception_to_unicode"
        | "oslo_utils.encodeutils.safe_decode"
        | "oslo_utils.encodeutils.safe_encode"
        | "django.utils.encoding.force_str"
        | "django.utils.html.escape" => return Effect::Text,
        "len" | "bool" | "type" | "isinstance" | "issubclass" | "hash" | "id" | "any" | "all"
        | "callable" | "hasattr" | "int" | "float" | "range" | "enumerate" => return Effect::Harmless,
        "os.getenv" => return Effect::Item { taken: false },
        _ => {}
    }
    match context.method(call) {
        "dumps" => Effect::Text,
        "format" | "join" | "format_map" => Effect::Filled,
        "encode" | "decode" | "strip" | "lstrip" | "rstrip" | "lower" | "upper" | "title" | "capitalize"
        | "split" | "rsplit" | "splitlines" | "ljust" | "rjust" | "expandtabs" | "copy" | "values"
        | "items" | "with_traceback" => Effect::Receiver,
        "replace" => Effect::Removes,
        "append" | "appendleft" | "extend" | "insert" | "add" | "update" => Effect::Gains,
        "get" | "getenv" | "setdefault" => Effect::Item { taken: false },
        "pop" => Effect::Item { taken: true },
        "keys" | "count" | "index" | "find" | "startswith" | "endswith" | "hexdigest" | "digest"
        | "isdigit" | "clear" => Effect::Harmless,
        _ => Effect::Unknown,
    }
}
