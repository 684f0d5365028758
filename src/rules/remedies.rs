//! Mechanical solutions for flows: where one call or one piece of a text can be exchanged for a harmless one.
//!
//! In: the call of a sink and the argument that data from outside reaches. Out: an edit at the sink, which therefore ends
//! whatever way leads there. What needs to know more than the call and its arguments is left to words.

mod built;
mod escapes;
mod queries;
mod text;

use crate::finding::{Change, Edit, Safety};
use crate::ir::{Arg, ArgKind, Call};
use crate::rules::facts::edits;
use crate::rules::{Context, error_detail_exposed, secret_in_log};
use crate::text::Span;

/// The way to a sink.
pub(super) struct Way<'w> {
    /// The source, as it is spelled.
    pub(super) source: &'w str,
    /// Whether all of it lies in the function of the sink: then a value is known to be no piece of a page that others have
    /// made, and a proof needs no other file.
    pub(super) is_within: bool,
}

/// The edit for a finding of `rule` whose sink is the argument, or the expression, at `span`.
pub(super) fn remedy(rule: &str, context: &Context<'_>, span: Span, way: &Way<'_>) -> Option<Edit> {
    let call = call_at(context, span);
    if rule == "cross-site-scripting" {
        return way.is_within.then(|| escapes::for_html(context, call, span))?;
    }
    let call = call?;
    let arg = call.args.iter().find(|arg| arg.span.contains(span));
    match rule {
        "code-injection" => literal(context, call),
        "command-injection" => escapes::without_shell(context, call, span).or_else(|| quoted(context, arg?)),
        "error-detail-exposed" => error_detail_exposed::edit(context, arg?),
        "ldap-injection" => escapes::for_ldap(context, call, span),
        "log-injection" if way.is_within => escapes::for_log(context, call, span),
        "secret-in-log" => secret_in_log::edit(context, call, arg?, way.source),
        "sql-injection" => queries::parametrized(context, call, span),
        "template-injection" if way.is_within => queries::in_template(context, call, span),
        "unsafe-deserialization" => safe_yaml(context, call),
        "xml-external-entities" => safe_xml(context, call),
        "xpath-injection" => queries::with_variable(context, call, span),
        _ => None,
    }
}

/// The innermost call that has `span` in an argument.
pub(super) fn call_at<'a>(context: &Context<'a>, span: Span) -> Option<&'a Call> {
    let has = |call: &&Call| call.args.iter().any(|arg| arg.span.contains(span));
    context.body.calls.iter().filter(has).min_by_key(|call| call.span.end - call.span.start)
}

/// `ast.literal_eval` in place of an `eval` that is given data and no text that the program makes.
fn literal(context: &Context<'_>, call: &Call) -> Option<Edit> {
    let [arg] = &call.args[..] else { return None };
    let is_made = context.source(arg.span).contains(['+', '%', '{']);
    if context.name(call) != "eval" || context.source(call.callee_span) != "eval" || is_made {
        return None;
    }
    let change = Change { span: call.callee_span, text: "ast.literal_eval".to_owned() };
    with_import(context, "ast", "read a literal instead of running code", change)
}

/// `shlex.quote` around the one piece of a command that is not constant.
fn quoted(context: &Context<'_>, arg: &Arg) -> Option<Edit> {
    let source = context.source(arg.span);
    let skipped = match arg.kind {
        ArgKind::Positional => 0,
        ArgKind::Keyword(_) => source.find('=')? + 1,
        ArgKind::Star | ArgKind::DoubleStar => return None,
    };
    let piece = piece(&source[skipped..])?;
    let start = arg.span.start + u32::try_from(skipped + piece.start).ok()?;
    let span = Span::new(start, start + u32::try_from(piece.len()).ok()?);
    let text = format!("shlex.quote({})", context.source(span));
    with_import(context, "shlex", "quote it for the shell", Change { span, text })
}

/// Where in the source of `"constant " + piece`, or of an f-string with one field, the piece stands. In quotes of the
/// shell's own it would be quoted twice.
fn piece(source: &str) -> Option<std::ops::Range<usize>> {
    let prefix = usize::from(source.starts_with(['f', 'F']));
    let quote = source[prefix..].chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let text = prefix + 1;
    let len = source[text..].find(quote)?;
    let (literal, rest) = (&source[text..text + len], &source[text + len + 1..]);
    if literal.is_empty() || literal.contains(['"', '\'', '\\', '`', '$', '\n']) {
        return None;
    }
    let found = if prefix == 1 {
        let (open, close) = (literal.find('{')?, literal.find('}')?);
        let is_one = literal.matches(['{', '}']).count() == 2 && rest.trim().is_empty();
        is_one.then_some(text + open + 1..text + close)?
    } else {
        let value = rest.trim_start().strip_prefix('+')?.trim();
        let start = source.len() - source.trim_end().len();
        source.len() - start - value.len()..source.len() - start
    };
    let value = &source[found.clone()];
    let is_simple = !value.is_empty()
        && !value.contains(['+', '%', '\n', '#', '!', ':', '{'])
        && ![" if ", " or ", " and ", " for ", "lambda"].iter().any(|word| value.contains(word));
    is_simple.then_some(found)
}

/// `yaml.safe_load` in place of a loader that makes objects.
fn safe_yaml(context: &Context<'_>, call: &Call) -> Option<Edit> {
    let loads = matches!(context.name(call), "yaml.load" | "yaml.unsafe_load" | "yaml.full_load");
    let (module, _) = context.source(call.callee_span).rsplit_once('.')?;
    let first = call.positional(0)?;
    let is_loader = |arg: &Arg| match arg.kind {
        ArgKind::Keyword(name) => context.text(name) == "Loader",
        ArgKind::Positional => true,
        ArgKind::Star | ArgKind::DoubleStar => false,
    };
    if !loads || !call.args.iter().skip(1).all(is_loader) || context.source(call.span).contains('#') {
        return None;
    }
    let text = format!("{module}.safe_load({})", context.source(first.span));
    Some(edits::replace(Safety::Suggest, "load plain data only", call.span, text))
}

/// A parser that resolves no entities: a setting for lxml, `defusedxml` for the modules of Python that it takes the
/// place of.
fn safe_xml(context: &Context<'_>, call: &Call) -> Option<Edit> {
    let name = context.name(call);
    if let Some(function) = name.strip_prefix("lxml.etree.") {
        let has_parser = call.positional(1).is_some() || context.arg(call, None, "parser").is_some();
        let takes_one =
            matches!(function, "parse" | "fromstring" | "XML") && !call.has_spread() && !has_parser;
        let module = context.receiver(call);
        if !takes_one || module.is_empty() {
            return None;
        }
        let parser = format!("parser={module}.XMLParser(resolve_entities=False)");
        let change = edits::last_argument(context, call, &parser);
        let title = "resolve no entities".to_owned();
        return Some(Edit { safety: Safety::Suggest, title, changes: vec![change] });
    }
    let module = ["xml.sax", "xml.dom.pulldom"].into_iter().find(|module| {
        let function = name.strip_prefix(module).and_then(|rest| rest.strip_prefix('.'));
        matches!(function, Some("parse" | "parseString"))
    })?;
    // `defusedxml` takes a parser as it is, entities and all.
    if module == "xml.dom.pulldom" && call.args.len() > 1 {
        return entities_off(context, call);
    }
    let safe = module.replace("xml.dom", "xml").replace("xml.", "defusedxml.");
    let text = format!("{safe}.{}", context.method(call));
    let change = Change { span: call.callee_span, text };
    with_import(context, &safe, "parse with the package `defusedxml`", change)
}

/// The parser that a call is given loads external entities no more.
fn entities_off(context: &Context<'_>, call: &Call) -> Option<Edit> {
    let parser = context.arg(call, Some(1), "parser")?;
    let source = context.source(parser.span);
    let name = source.rsplit('=').next().unwrap_or(source).trim();
    let is_switch = |other: &&Call| {
        let feature = other.positional(0).map(|arg| context.source(arg.span));
        context.method(other) == "setFeature"
            && context.receiver(other) == name
            && feature.is_some_and(|feature| feature.ends_with("feature_external_ges"))
    };
    let mut switches = context.body.calls.iter().filter(is_switch);
    let (Some(switch), None) = (switches.next(), switches.next()) else { return None };
    let value = switch.positional(1)?;
    let title = "load no external entities";
    Some(edits::replace(Safety::Suggest, title, value.span, "False".to_owned()))
}

/// An edit that needs `module`; `None` where its name is taken.
fn with_import(context: &Context<'_>, module: &str, title: &str, change: Change) -> Option<Edit> {
    let root = module.split('.').next().unwrap_or(module);
    let is_local =
        context.body.locals.iter().any(|local| local.name.is_some_and(|name| context.text(name) == root));
    let means_else = |path: &str| path.split('.').next() != Some(root);
    let is_import = context
        .unit
        .imports
        .iter()
        .any(|(name, path)| context.text(*name) == root && means_else(context.text(*path)));
    let own = format!("{}.{root}", context.text(context.unit.module));
    let is_global =
        context.unit.bodies.iter().any(|body| body.globals.iter().any(|name| context.text(*name) == own));
    if is_local || is_import || is_global {
        return None;
    }
    let mut changes: Vec<Change> = edits::import(context, module).into_iter().chain([change]).collect();
    changes.sort_by_key(|change| change.span);
    Some(Edit { safety: Safety::Suggest, title: title.to_owned(), changes })
}

#[cfg(test)]
mod tests {
    use super::piece;

    #[test]
    fn the_one_piece_that_is_not_constant_is_found() {
        let found = |source: &'static str| piece(source).map(|range| &source[range]);
        assert_eq!(found("\"ping \" + host"), Some("host"));
        assert_eq!(found("'ping ' + args['host'].strip() "), Some("args['host'].strip()"));
        assert_eq!(found("f\"ping {host} -c 1\""), Some("host"));
        assert_eq!(found("f\"ping {host.name()}\""), Some("host.name()"));
        for other in [
            "command",
            "\"ping '\" + host",
            "\"ping \" + host + \" -c 1\"",
            "\"ping %s\" % host",
            "f\"ping {host!r}\"",
            "f\"{tool} {host}\"",
            "f\"ping {host}\" + more",
            "\"ping \" + (host or 'x')",
            "\"\"\"ping \"\"\" + host",
            "'echo $' + name",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
