//! Finds options of oslo.config that hold a secret and are not marked so.

use crate::finding::{Edit, Safety};
use crate::ir::CallId;
use crate::rules::facts::{edits, options};
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule = Rule {
    page: include_str!("secret_option_not_marked.md"),
    check: Check::Call {
        names: &[
            "oslo_config.cfg.StrOpt",
            "oslo_config.cfg.Opt",
            "oslo_config.cfg.URIOpt",
            "oslo_config.cfg.ListOpt",
            "oslo_config.cfg.MultiStrOpt",
            "oslo_config.cfg.MultiOpt",
            "oslo_config.cfg.DictOpt",
        ],
        run,
    },
};

/// Last words of names of things that are about a secret.
#[rustfmt::skip]
const ABOUT: &[&str] = &[
    "id", "uuid", "name", "file", "path", "type", "types", "len", "length", "count", "expires", "policy", "required",
    "field", "ref", "provider", "algorithm", "algorithms", "lifetime", "header", "driver", "format", "dir", "ttl",
    "expiration", "timeout", "size", "prefix", "backend", "method", "methods", "store", "manager", "cache",
];

fn run(context: &Context<'_>, id: CallId) -> Option<Hit> {
    let call = &context.body.calls[id];
    let (name, span) = options::name(context, id)?;
    if !is_secret(name) || context.arg(call, None, "secret").is_some() || options::is_open(call) {
        return None;
    }
    let message = format!("the option `{name}` is written to the log in clear by `log_opt_values`");
    let solution = "add `secret=True`, and replace the secret wherever it was logged; \
                    to check, call `CONF.log_opt_values(LOG, logging.DEBUG)` in a test: the value must not appear";
    let change = edits::last_argument(context, call, "secret=True");
    let edit =
        Edit { safety: Safety::Safe, title: "mark the option as secret".to_owned(), changes: vec![change] };
    Some(Hit::new(span, message, solution).edit(Some(edit)))
}

fn is_secret(name: &str) -> bool {
    let words = options::words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some(last) = words.last() else { return false };
    if ABOUT.contains(last) {
        return false;
    }
    if let [.., "url" | "uri"] = words[..] {
        return matches!(words[..], [.., "transport" | "broker" | "database" | "db", _]);
    }
    let is_word = |word: &&str| {
        matches!(
            *word,
            "password"
                | "passwd"
                | "passphrase"
                | "secret"
                | "secrets"
                | "token"
                | "credential"
                | "credentials"
        )
    };
    let is_key = words
        .windows(2)
        .any(|pair| matches!(pair, ["api" | "access" | "secret" | "auth" | "encryption", "key"]));
    is_word(last) || is_key
}
