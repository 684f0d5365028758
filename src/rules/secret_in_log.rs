//! Which passwords, tokens and keys that reach a log or a standard stream are defects, how grave ones, and what to write
//! instead. How they get there is followed by `taint::secrets`.

use crate::base::words;
use crate::finding::{Edit, Safety, Severity};
use crate::ir::{Arg, ArgKind, BodyKind, Call};
use crate::models::{Kinds, Secret, is_bare_token, secret};
use crate::rules::facts::edits;
use crate::rules::facts::logging::{self, LogLevel};
use crate::rules::flows::n_calls;
use crate::rules::{Check, Context, Rule, remedies};
use crate::taint::Meeting;
use crate::text::FileId;

pub(super) static RULE: Rule =
    Rule { page: include_str!("secret_in_log.md"), check: Check::Flow(Some(review)) };

/// Most calls on the way of a password: in one file, which knows itself, and through several, where behind more something
/// that the callers say mostly keeps it from being shown.
const MAX_CALLS: [usize; 2] = [6, 3];
/// Most calls on the way of what is made to be handed out, or may be called like a secret and be none.
const MAX_NEAR_CALLS: usize = 2;
/// Most files on the way.
const MAX_FILES: usize = 2;

fn review(context: &Context<'_>, meeting: &Meeting, severity: Severity) -> Option<Severity> {
    let what = meeting.source.text.as_str();
    let (name, kind) = named(what)?;
    let is_whole = meeting.kinds.has(Kinds::WHOLE);
    let may_be_word = name.trim_end_matches('_').to_ascii_lowercase().ends_with("token");
    if is_far(meeting, name, kind) || may_be_word && is_lexical(context) {
        return None;
    }
    let is_password = kind == Secret::Password;
    let is_audible = remedies::call_at(context, meeting.sink.span)
        .and_then(|call| logging::log(context, call))
        .is_none_or(|log| log.level > LogLevel::Debug);
    // A secret alone goes to the standard output without a word: that is what the program was asked for.
    let is_answer = meeting.sink.callee == "sys.stdout.write" && meeting.sink.value == what;
    Some(if is_answer || !is_password && (!is_whole || !is_audible && is_bare_token(what)) {
        Severity::Low
    } else if is_password && is_audible && is_whole {
        Severity::High
    } else {
        severity
    })
}

/// The name that tells in the text of a source that it is a secret: `os.environ.get("DB_PASSWORD", "")`.
fn named(text: &str) -> Option<(&str, Secret)> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    text.rsplit(|c| !is_word(c)).find_map(|name| Some((name, secret(name)?)))
}

/// Whether a secret is too far from its name: what is called `secrets` has names as well, and a few characters of a secret
/// are shown on purpose.
fn is_far(meeting: &Meeting, name: &str, kind: Secret) -> bool {
    let mut files: Vec<FileId> = meeting.hops.iter().map(|hop| hop.file).collect();
    files.extend([meeting.source.file, meeting.sink.file]);
    files.sort_unstable();
    files.dedup();
    let is_here_only = !meeting.kinds.has(Kinds::WHOLE) || name.ends_with("secrets");
    let (calls, in_files) = match (kind, is_certain(name)) {
        _ if is_here_only => (0, 1),
        (Secret::Password, _) => (MAX_CALLS[usize::from(files.len() > 1)], MAX_FILES),
        (Secret::Token, true) => (MAX_NEAR_CALLS, MAX_FILES),
        (Secret::Token, false) => (MAX_NEAR_CALLS, 1),
    };
    n_calls(meeting) > calls || files.len() > in_files
}

/// Whether a name means a token wherever it goes: `token` is a word of languages, `credentials` are objects, and most
/// addresses of databases hold no password.
fn is_certain(name: &str) -> bool {
    let words = words(name);
    let last = words.last().map_or("", String::as_str);
    match last {
        "credential" | "credentials" => false,
        "token" => !is_bare_token(name),
        "url" | "uri" | "dsn" => words.iter().any(|word| matches!(word.as_str(), "broker" | "transport")),
        _ => true,
    }
}

/// A bare secret gives way to stars; a text made of one goes through the masker that the file imports, or has stars where
/// the secret stood.
pub(super) fn edit(context: &Context<'_>, call: &Call, arg: &Arg, what: &str) -> Option<Edit> {
    if arg.kind != ArgKind::Positional {
        return None;
    }
    let source = context.source(arg.span);
    if source == what {
        return Some(edits::replace(Safety::Suggest, "write stars instead", arg.span, "\"***\""));
    }
    let imports_masker =
        context.file.text.contains("import strutils") && context.file.text.contains("oslo_utils");
    let text = format!("strutils.mask_password({source})");
    if imports_masker {
        return Some(edits::replace(Safety::Suggest, "mask passwords in the text", arg.span, text));
    }
    let stars = |span, text| Some(edits::replace(Safety::Suggest, "write stars instead", span, text));
    let field = format!("{{{}}}", what);
    if is_literal(source) && source.matches(&field).count() == 1 {
        return stars(arg.span, source.replace(&field, "***"));
    }
    if let Some(span) = edits::only_use(context, arg.span, what)
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
