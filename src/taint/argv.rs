//! Lists of arguments of programs: which of them a shell or an interpreter runs.

use std::sync::Arc;

use crate::ir::{ArgKind, Operand, Param, ParamKind};
use crate::models::{Argument, Kinds, Sink};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::sinks::Harm;
use crate::taint::state::State;
use crate::taint::value::{Key, Konst, Tree};
use crate::text::Span;

/// Options of `ssh` that are followed by a value. Source: ssh(1).
const SSH_VALUES: &str = "BbcDEeFIiJLlmOoPpQRSWw";

/// Short options that are followed by a value, of programs that many others start, as their manuals have it; and whether
/// they stand before all else.
const SHORT_VALUES: &[(&str, &str, bool)] = &[
    ("adb", "HLPst", true),
    ("curl", "AbcCdDeEFhHKmoPQrTuUwxXyYz", false),
    ("git", "Cc", true),
    ("ssh", SSH_VALUES, true),
    ("tar", "bCfFgHIKLNTVX", false),
    ("wget", "aAeDiIloOPQRtTUwX", false),
];

/// Long options that many programs have and that no value follows.
#[rustfmt::skip]
const FLAGS: &[&str] = &[
    "all", "amend", "append", "archive", "bare", "batch", "cached", "check", "compress", "create", "debug", "delete",
    "detach", "extract", "fail", "follow", "force", "global", "hard", "help", "human-readable", "insecure", "interactive",
    "json", "list", "local", "location", "long", "mirror", "null", "parents", "pre", "privileged", "prune", "quiet", "raw",
    "rebase", "recurse-submodules", "recursive", "remove", "rm", "silent", "soft", "staged", "stdin", "symbolic", "sync",
    "system", "tags", "test", "tty", "update", "upgrade", "user", "verbose", "verify", "version", "wait", "yes",
];
/// First words of such options.
const FLAG_WORDS: &[&str] =
    &["allow", "disable", "dry", "enable", "ignore", "keep", "no", "only", "skip", "with", "without"];

/// Whether the word behind an option is its value, whatever that begins with, as `getopt_long` takes it. Of short options
/// that is not known, nor of those that many programs have as flags.
pub(super) fn takes_value(option: &Tree) -> bool {
    let Some(Konst::Str(option)) = &option.konst else { return false };
    let Some(name) = option.strip_prefix("--").filter(|name| !name.is_empty() && !name.contains('=')) else {
        return false;
    };
    let first = name.split('-').next().unwrap_or(name);
    !FLAGS.contains(&name) && !FLAG_WORDS.contains(&first)
}

/// Whether what stands at `at` in a list of arguments is the value of a short option, as `getopt` takes it: `-s`, `-xf`.
pub(super) fn is_short_value(list: &Tree, at: i64) -> bool {
    let item = |at| list.field(&Key::Item(Konst::Int(at)));
    let program = item(0).and_then(|program| program.beginning()).map(|path| path.rsplit('/').next());
    let known = SHORT_VALUES.iter().find(|(name, ..)| program == Some(Some(*name)));
    let Some((_, values, is_before)) = known else { return false };
    let takes_value = |at| match item(at).and_then(|option| option.konst.as_ref()) {
        Some(Konst::Str(option)) => option.strip_prefix('-').is_some_and(|letters| {
            let first = letters.find(|c| values.contains(c));
            !letters.starts_with('-') && first.is_some_and(|first| first + 1 == letters.len())
        }),
        _ => false,
    };
    let is_option = |at| item(at).and_then(|item| item.beginning()).is_some_and(|text| text.starts_with('-'));
    let mut next = 1;
    while *is_before && next < at - 1 && is_option(next) {
        next += if takes_value(next) { 2 } else { 1 };
    }
    takes_value(at - 1) && (!is_before || next == at - 1)
}

/// Takes from a list of arguments that is handed on that what stands behind `--` may be taken for an option.
pub(super) fn end_options(list: &mut Arc<Tree>) {
    let is_end = |(_, part): &(Key, Arc<Tree>)| part.konst == Some(Konst::Str("--".into()));
    let Some(end) = list.fields.iter().position(is_end) else { return };
    let is_element = matches!(list.fields[end].0, Key::Item(Konst::Int(_)));
    if !is_element || list.fields[end..].iter().all(|(_, part)| part.labels.is_empty()) {
        return;
    }
    let argument = Kinds::named("argument").unwrap_or_default();
    for (key, part) in &mut Arc::make_mut(list).fields[end..] {
        if matches!(key, Key::Item(Konst::Int(_))) && !part.labels.is_empty() {
            let labels = Arc::make_mut(part).labels.iter_mut();
            labels.for_each(|label| label.kinds = label.kinds.without(argument));
        }
    }
}

impl Analyzer<'_, '_> {
    /// What a caller may give under `name` to a call that hands on the keywords of the function around:
    /// `def get(**options): return requests.get(**options)`. What is passed by position stands under no name.
    pub(super) fn handed_on(&self, site: &Site<'_>, sink: &Sink, name: &str) -> Option<(Arc<Tree>, Span)> {
        let is_passed =
            |at: &Argument| matches!(at, Argument::Index(index) if site.positional(*index).is_some());
        if sink.at.iter().any(is_passed) {
            return None;
        }
        let is_own = |param: &Param, value| {
            param.kind == ParamKind::DoubleStar && Operand::Local(param.local) == value
        };
        let mut given = site.call.args.iter().zip(&site.args);
        let (arg, tree) = given.find(|(arg, _)| {
            arg.kind == ArgKind::DoubleStar && self.body.params.iter().any(|param| is_own(param, arg.value))
        })?;
        Some((self.part(tree, &Key::Item(Konst::Str(name.into()))), arg.span))
    }

    /// Reports what is run of a list of arguments: its first is the program; a shell's `-c` is followed by a command.
    pub(super) fn meet_program(&self, state: &State, site: &Site<'_>, sink: &Sink) {
        let list = sink.at.iter().find_map(|at| match at {
            Argument::Index(index) => site.positional(*index).map(|(tree, arg)| (Arc::clone(tree), arg.span)),
            Argument::Name(name) => match rest(name) {
                Some(from) => self.positional_from(site, from),
                None => self.named(site, name).map(|(tree, arg)| (Arc::clone(tree), arg.span)),
            },
        });
        let Some((list, span)) = list else { return };
        let reach = |kind: &str, part: &Arc<Tree>| {
            let kinds = Kinds::named(kind).unwrap_or_default();
            self.reach(state, site, &Sink { kinds, ..sink.clone() }, part, span);
        };
        let items: Vec<&Arc<Tree>> = list
            .fields
            .iter()
            .map_while(|(key, part)| matches!(key, Key::Item(Konst::Int(_))).then_some(part))
            .collect();
        if let Some(program) = items.first() {
            let callee = self.spelled(site.call.callee_span);
            let of = Kinds::named("command").unwrap_or_default();
            let harm = Harm { needs: sink.needs, is_program: true, ..Harm::of(of, &callee) };
            self.reach_needing(state, &harm, program, span);
        }
        for (at, item) in items.iter().enumerate() {
            let Some(text) = item.beginning() else { continue };
            match interpreter(text) {
                Some(Interpreter::Shell) => {
                    if let Some(command) = behind(&items[at + 1..], |flag| {
                        matches!(flag, "/c" | "/C" | "/k" | "-Command" | "-command")
                            || flag.starts_with('-') && !flag.starts_with("--") && flag.contains('c')
                    }) {
                        reach("command", command);
                    }
                }
                Some(Interpreter::Language(wanted)) => {
                    if let Some(code) = behind(&items[at + 1..], |flag| wanted.contains(&flag)) {
                        reach("code", code);
                    }
                }
                Some(Interpreter::Remote) => {
                    remote(&items[at + 1..]).iter().for_each(|part| reach("command", part));
                }
                None => {}
            }
        }
    }

    /// The positional arguments from `from` on, as a list, and where they stand.
    pub(super) fn positional_from(&self, site: &Site<'_>, from: usize) -> Option<(Arc<Tree>, Span)> {
        let given = site.call.args.iter().zip(&site.args).skip(from);
        let mut items = Vec::new();
        let mut span: Option<Span> = None;
        for (arg, tree) in
            given.take_while(|(arg, _)| matches!(arg.kind, ArgKind::Positional | ArgKind::Star))
        {
            match (arg.kind, tree.items()) {
                (ArgKind::Star, Some(parts)) => items.extend(parts),
                (ArgKind::Star, None) => items.extend(self.spread(tree, items.is_empty())),
                _ => items.push(Arc::clone(tree)),
            }
            span = Some(Span::new(span.map_or(arg.span.start, |span| span.start), arg.span.end));
        }
        Some((Arc::new(Tree::list(items)), span?))
    }

    /// The elements of a list of which the number is not known: those that it begins with, and one that stands for the
    /// rest. Where it `begins` another list, its first is the first of that.
    pub(super) fn spread(&self, list: &Tree, begins: bool) -> Vec<Arc<Tree>> {
        let is_numbered = |(key, part): &(Key, Arc<Tree>)| {
            matches!(key, Key::Item(Konst::Int(0..))).then(|| Arc::clone(part))
        };
        let mut items: Vec<Arc<Tree>> = list.fields.iter().filter_map(is_numbered).collect();
        if items.is_empty() && begins {
            items.push(self.part(list, &Key::Item(Konst::Int(0))));
        }
        items.push(self.any_part(list));
        items
    }

    /// The words of a text: those of what it certainly begins with, then one that stands for all others.
    pub(super) fn words(&self, text: &Tree) -> Tree {
        let known = text.beginning().unwrap_or_default();
        let is_whole = matches!(text.konst, Some(Konst::Str(_)));
        let mut words: Vec<Arc<Tree>> =
            known.split_whitespace().map(|word| Arc::new(Tree::konst(Konst::Str(word.into())))).collect();
        if !is_whole {
            let cut = if known.ends_with(char::is_whitespace) { None } else { words.pop() };
            let mut rest = self.any_part(&Tree::labeled(text.all()));
            Arc::make_mut(&mut rest).prefix = cut.and_then(|cut| cut.beginning().map(Into::into));
            words.push(rest);
        }
        Tree::list(words)
    }
}

/// `"1*"`: the positional arguments from 1 on.
pub(super) fn rest(name: &str) -> Option<usize> {
    name.strip_suffix('*')?.parse().ok()
}

enum Interpreter {
    Shell,
    /// Options that are followed by a program of its language.
    Language(&'static [&'static str]),
    /// What follows a host is run by the shell there.
    Remote,
}

fn interpreter(program: &str) -> Option<Interpreter> {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    let name = name.trim_end_matches(".exe");
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    match plain {
        "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash" | "fish" | "cmd" | "powershell" | "pwsh" | "su" => {
            Some(Interpreter::Shell)
        }
        "python" | "pypy" => Some(Interpreter::Language(&["-c"])),
        "perl" | "ruby" | "node" | "lua" => Some(Interpreter::Language(&["-e", "-E", "--eval"])),
        "php" => Some(Interpreter::Language(&["-r"])),
        "ssh" => Some(Interpreter::Remote),
        _ => None,
    }
}

/// What stands behind the first option that is `wanted`, other options before it aside.
fn behind<'t>(items: &[&'t Arc<Tree>], wanted: impl Fn(&str) -> bool) -> Option<&'t Arc<Tree>> {
    for (at, item) in items.iter().enumerate() {
        let Some(Konst::Str(flag)) = &item.konst else { return None };
        if wanted(flag) {
            return items.get(at + 1).copied();
        }
        if !flag.starts_with(['-', '/', '+']) {
            return None;
        }
    }
    None
}

/// What follows options and a host.
fn remote<'i, 't>(items: &'i [&'t Arc<Tree>]) -> &'i [&'t Arc<Tree>] {
    let mut at = 0;
    while let Some(Some(option)) =
        items.get(at).map(|item| item.beginning().filter(|text| text.starts_with('-')))
    {
        let takes_value = option.len() == 2 && option.ends_with(|c| SSH_VALUES.contains(c));
        at += if takes_value { 2 } else { 1 };
    }
    items.get(at + 1..).unwrap_or_default()
}
