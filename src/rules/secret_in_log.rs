//! Finds passwords, tokens and keys on their way to a log or a standard stream.

use std::cell::OnceCell;

use crate::base::words;
use crate::finding::{Edit, Safety, Severity};
use crate::ir::{Arg, ArgKind, BodyKind, Call, Const, Inst, Op, Operand, Rvalue, Step, operands};
use crate::models::{Secret, is_bare_token, may_be_secret, secret};
use crate::rules::facts::edits;
use crate::rules::facts::flows::{Flows, Origin, Policy, callers};
use crate::rules::facts::logging::{self, LogLevel};
use crate::rules::facts::verbs::has_word;
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule = Rule { page: include_str!("secret_in_log.md"), check: Check::Body(run) };

/// Where a text is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sink {
    Log(LogLevel),
    Stream,
}

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    if context.file.is_test || !context.body.calls.iter().any(|call| shows(context, call)) {
        return;
    }
    let policy = Secrets { home: context, lexical: OnceCell::new() };
    let asks_callers = || {
        !context.body.params.is_empty()
            && callers(context, context.id).iter().any(|id| policy.may_hold(&context.other(*id)))
    };
    if !policy.may_hold(context) && !asks_callers() {
        return;
    }
    let flows = Flows::new(context, &policy);
    flows.visit(|_, inst, state| {
        let Some(Inst { op: Op::Call(_, call), .. }) = inst else { return };
        let call = &context.body.calls[*call];
        let Some(sink) = sink(context, call) else { return };
        for arg in shown(context, call) {
            let mut sources = flows.sources(state, arg.value);
            sources.sort_by_key(|(origin, part)| (*part, std::cmp::Reverse(origin.kind)));
            if let Some((origin, part)) = sources.first() {
                hits.push(hit(context, call, arg, sink, origin, *part));
            }
        }
    });
}

/// Whether a call shows something that is not constant. Cheap.
fn shows(context: &Context<'_>, call: &Call) -> bool {
    call.args.iter().any(|arg| !matches!(arg.value, Operand::Const(_))) && sink(context, call).is_some()
}

fn sink(context: &Context<'_>, call: &Call) -> Option<Sink> {
    match context.name(call) {
        "print" => {
            let file = context.arg(call, None, "file").map(|arg| context.source(arg.span));
            let is_stream = file.is_none_or(|file| file.contains("sys.std"));
            is_stream.then_some(Sink::Stream)
        }
        "warnings.warn" | "sys.stdout.write" | "sys.stderr.write" => Some(Sink::Stream),
        _ => logging::log(context, call).map(|log| Sink::Log(log.level)),
    }
}

/// The arguments that become part of the message.
fn shown<'a>(context: &Context<'a>, call: &'a Call) -> impl Iterator<Item = &'a Arg> {
    let aside = |name| {
        ["exc_info", "stack_info", "stacklevel", "extra", "file", "flush", "category"]
            .contains(&context.text(name))
    };
    let aside = move |arg: &&Arg| match arg.kind {
        ArgKind::Keyword(name) => !aside(name),
        ArgKind::Positional | ArgKind::Star | ArgKind::DoubleStar => true,
    };
    call.args.iter().filter(aside).collect::<Vec<_>>().into_iter()
}

fn hit(
    context: &Context<'_>,
    call: &Call,
    arg: &Arg,
    sink: Sink,
    origin: &Origin<Secret>,
    part: bool,
) -> Hit {
    let what = &origin.text;
    let (place, audible) = match sink {
        Sink::Log(level) => ("the log", level > LogLevel::Debug),
        Sink::Stream => ("a standard stream", true),
    };
    let shown = edits::brief(context, arg.span, 60);
    let amount = if part { "a part of " } else { "" };
    let by = if shown.contains(what.as_str()) { String::new() } else { format!(" by `{shown}`") };
    let message = format!("{amount}`{what}` is written to {place}{by}");
    let solution = format!(
        "leave `{what}` out of `{}(…)`, or log what identifies it (a name, an id, `bool(…)`); \
         to check, run it in a test with the secret `s3cret` and assert that the output does not hold it",
        edits::brief(context, call.callee_span, 40)
    );
    let is_password = origin.kind == Some(Secret::Password);
    let is_answer = is_answer(context, call, arg, what);
    let severity = if is_answer || !is_password && (part || !audible && is_bare_token(what)) {
        Severity::Low
    } else if is_password && audible && !part {
        Severity::High
    } else {
        Severity::Medium
    };
    let mut hit =
        Hit::new(arg.span, message, solution).severity(severity).edit(edit(context, call, arg, origin));
    if origin.span.start < origin.span.end {
        hit.trace.push((origin.span, format!("`{what}` holds a secret")));
    }
    hit.trace.push((arg.span, format!("it is written to {place} here")));
    hit
}

/// Whether a secret alone goes to the standard output without a word: that is what the program was asked for.
fn is_answer(context: &Context<'_>, call: &Call, arg: &Arg, what: &str) -> bool {
    context.name(call) == "sys.stdout.write" && context.source(arg.span) == what
}

/// A bare secret gives way to stars; a text made of one goes through the masker that the file imports, or has stars where
/// the secret stood.
fn edit(context: &Context<'_>, call: &Call, arg: &Arg, origin: &Origin<Secret>) -> Option<Edit> {
    if arg.kind != ArgKind::Positional {
        return None;
    }
    let source = context.source(arg.span);
    if source == origin.text {
        return Some(edits::replace(Safety::Suggest, "write stars instead", arg.span, "\"***\""));
    }
    let imports_masker =
        context.file.text.contains("import strutils") && context.file.text.contains("oslo_utils");
    let text = format!("strutils.mask_password({source})");
    if imports_masker {
        return Some(edits::replace(Safety::Suggest, "mask passwords in the text", arg.span, text));
    }
    let stars = |span, text| Some(edits::replace(Safety::Suggest, "write stars instead", span, text));
    let field = format!("{{{}}}", origin.text);
    if is_literal(source) && source.matches(&field).count() == 1 {
        return stars(arg.span, source.replace(&field, "***"));
    }
    if let Some(span) = edits::only_use(context, arg.span, &origin.text)
        && !source.contains('{')
    {
        return stars(span, "\"***\"".to_owned());
    }
    is_filled_in(context, call, arg).then(|| stars(arg.span, "\"***\"".to_owned()))?
}

/// Whether a source is one literal on one line.
fn is_literal(source: &str) -> bool {
    let text = source.trim_start_matches(['f', 'F', 'r', 'R']);
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    quote.is_some_and(|quote| text.len() > 2 && text.matches(quote).count() == 2 && text.ends_with(quote))
}

/// Whether an argument takes the place of a `%s` in the constant text before it.
fn is_filled_in(context: &Context<'_>, call: &Call, arg: &Arg) -> bool {
    let Some(first) = call.args.iter().find(|arg| arg.kind == ArgKind::Positional) else { return false };
    let text = context.source(first.span);
    let fields = text.matches('%').count();
    let is_text = text.starts_with(['"', '\'']);
    first.span != arg.span
        && is_text
        && fields > 0
        && text.matches("%s").count() + text.matches("%r").count() == fields
}

/// The sources and sanitizers of secrets.
struct Secrets<'c, 'a> {
    /// Where the text is shown.
    home: &'c Context<'a>,
    /// Whether `token` means a word of a language there.
    lexical: OnceCell<bool>,
}

impl Policy for Secrets<'_, '_> {
    type Kind = Secret;

    fn named(&self, _context: &Context<'_>, name: &str) -> Option<Secret> {
        let found = secret(name)?;
        let may_be_word = name.trim_end_matches('_').to_ascii_lowercase().ends_with("token");
        (!may_be_word || !self.lexical.get_or_init(|| is_lexical(self.home))).then_some(found)
    }

    fn param(&self, _context: &Context<'_>, _index: usize) -> Option<Secret> {
        None
    }

    fn made(&self, _context: &Context<'_>, _op: &Op) -> Option<Secret> {
        None
    }

    fn cleans(&self, context: &Context<'_>, call: &Call) -> bool {
        has_word(
            context.method(call),
            &[
                "mask",
                "masked",
                "redact",
                "redacted",
                "sanitize",
                "sanitized",
                "sanitise",
                "scrub",
                "obfuscate",
                "censor",
                "hide",
                "anonymize",
                "hash",
                "hexdigest",
                "digest",
                "encrypt",
                "md5",
                "sha256",
                "exists",
            ],
        )
    }

    fn keeps(&self, _context: &Context<'_>, _step: Step) -> bool {
        false
    }

    fn guards(&self, _name: &str) -> bool {
        false
    }

    fn may_hold(&self, context: &Context<'_>) -> bool {
        let body = context.body;
        let named = |symbol| may_be_secret(context.text(symbol));
        let keyed = |operand: Operand| match operand {
            Operand::Const(Const::Str(text)) | Operand::Global(text) => named(text),
            Operand::Const(_) | Operand::Local(_) => false,
        };
        body.locals.iter().any(|local| local.name.is_some_and(named))
            || body.blocks.iter().flat_map(|block| &block.insts).any(|inst| match &inst.op {
                Op::Let(_, Rvalue::Load(place)) => match context.unit.paths.split(place.path) {
                    Some((_, Step::Attr(name) | Step::Item(Const::Str(name)))) => named(name),
                    _ => false,
                },
                _ => operands(body, inst).any(keyed),
            })
    }
}

/// Whether a file or function reads a language, whose tokens are no secrets.
fn is_lexical(context: &Context<'_>) -> bool {
    const WORDS: &[&str] =
        &["parse", "parser", "lex", "lexer", "tokenize", "tokenizer", "scanner", "grammar", "compiler"];
    let class = context.class().map_or("", |class| context.source(class.name_span));
    let by_name = [context.function_name(), class].iter().any(|name| {
        let words = words(name);
        words.iter().any(|word| WORDS.contains(&word.as_str()))
    });
    let modules = ["tokenize", "ast", "lexer", "pygments", "ply", "lark"];
    let imports = || {
        context.file.text.lines().any(|line| {
            let mut words = line.split_whitespace();
            matches!(words.next(), Some("import" | "from"))
                && words
                    .next()
                    .is_some_and(|module| modules.contains(&module.split('.').next().unwrap_or_default()))
        })
    };
    by_name || matches!(context.body.kind, BodyKind::Function { .. } | BodyKind::Module) && imports()
}
