//! Model packs: YAML that names what libraries do with data. A pack comes in, its entries go out, or the first thing
//! its author has to change.

use std::collections::BTreeMap;
use std::mem::take;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::finding::Severity;
use crate::models::entries::Caller;
use crate::models::kinds::{Kinds, Threat, Vocabulary};
use crate::models::texts::Wanted;

/// Why a pack was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{pack}:{line}: {what}")]
pub struct PackError {
    /// The pack's file.
    pub pack: String,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong there, and what was expected.
    pub what: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    kinds: Vec<Spanned<String>>,
    sources: Vec<RawSource>,
    entries: Vec<RawEntry>,
    sinks: Vec<RawSink>,
    sanitizers: Vec<RawSanitizer>,
    guards: Vec<RawGuard>,
    checks: Vec<RawCheck>,
    renders: Vec<Render>,
    clean: Vec<String>,
    decoders: Vec<String>,
    same: Vec<String>,
    masks: Vec<String>,
    lookups: BTreeMap<String, usize>,
    ends: Vec<String>,
    numbers: BTreeMap<String, Vec<String>>,
    records: BTreeMap<String, Vec<String>>,
    types: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    at: String,
    kind: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    decorator: Option<String>,
    base: Option<String>,
    call: Option<String>,
    #[serde(rename = "in", default)]
    at: Vec<Argument>,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    receivers: Vec<String>,
    kind: Spanned<String>,
    #[serde(default)]
    returns: Many,
    #[serde(default)]
    told: BTreeMap<String, Spanned<String>>,
    request: Option<String>,
    response: Option<String>,
    #[serde(default)]
    params: Vec<String>,
    #[serde(default)]
    injects: bool,
    #[serde(default)]
    by_route: bool,
    takes: Option<usize>,
}

/// One name of a kind, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Many {
    One(Spanned<String>),
    All(Vec<Spanned<String>>),
}

impl Default for Many {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Many {
    fn all(&self) -> &[Spanned<String>] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::All(all) => all,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSink {
    call: Spanned<String>,
    #[serde(rename = "in")]
    at: Vec<Spanned<Argument>>,
    kind: Spanned<String>,
    #[serde(default)]
    receivers: Vec<String>,
    #[serde(default, rename = "if")]
    when: BTreeMap<String, Wanted>,
    #[serde(default, rename = "unless")]
    unless: BTreeMap<String, Wanted>,
    #[serde(default)]
    needs: Vec<Spanned<String>>,
    #[serde(default)]
    answers: bool,
    #[serde(rename = "at-most")]
    at_most: Option<Spanned<String>>,
}

/// An argument: by position, or by name; `self` is the receiver, `*` any, `1*` the list of those from 1 on, `**` a spread.
#[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(untagged)]
pub enum Argument {
    /// By position, from 0.
    Index(usize),
    /// By keyword.
    Name(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSanitizer {
    call: String,
    #[serde(rename = "in", default)]
    at: Vec<Argument>,
    #[serde(default, rename = "if")]
    when: BTreeMap<String, Wanted>,
    #[serde(default)]
    unless: BTreeMap<String, Wanted>,
    clears: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCheck {
    call: String,
    #[serde(rename = "in")]
    at: Argument,
    clears: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGuard {
    call: String,
    #[serde(rename = "in")]
    at: Argument,
    when: bool,
    clears: Vec<Spanned<String>>,
}

/// A call that fills in a template.
#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Render {
    /// Value path of the callee.
    pub call: String,
    /// The arguments that may name the template; the first that is a constant text does.
    pub template: Vec<Argument>,
    /// The arguments that hold its variables; `**` is each keyword.
    #[serde(default)]
    pub context: Vec<Argument>,
    /// The ends of the names of files that the engine escapes; an empty one is that of all.
    #[serde(default)]
    pub escapes: Vec<String>,
    /// What the engine adds: value paths by name.
    #[serde(default)]
    pub globals: BTreeMap<String, String>,
}

/// A value that an outsider controls, by the beginning of its value path.
#[derive(Clone, Debug)]
pub struct Source {
    /// `flask.request.args`, `input()`.
    pub at: String,
    /// Who controls it.
    pub threat: Threat,
}

/// A function whose parameters an outsider controls.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Beginning of the value path of a decorator.
    pub decorator: Option<String>,
    /// A base of the class; `*` is any text in it.
    pub base: Option<String>,
    /// Value path of a call that the function is handed to, or `*.name`.
    pub call: Option<String>,
    /// The arguments of that call.
    pub at: Vec<Argument>,
    /// The methods of the class that are meant; `*` is any text in them.
    pub methods: Vec<String>,
    /// Last words of the receiver of `*.name`; empty for any.
    pub receivers: Vec<String>,
    /// Who calls it.
    pub caller: Caller,
}

/// A call that does harm with an argument.
#[derive(Clone, Debug)]
pub struct Sink {
    /// Value path of the callee; `*.name` is a method of whatever object, `path*` whatever a module has whose name begins
    /// so.
    pub call: String,
    /// The arguments.
    pub at: Vec<Argument>,
    /// What harm.
    pub kinds: Kinds,
    /// Last words of the receiver, where the callee is `*.name`; empty for any.
    pub receivers: Vec<String>,
    /// What other arguments must be.
    pub when: Vec<(String, Wanted)>,
    /// What other arguments must not be.
    pub unless: Vec<(String, Wanted)>,
    /// The kinds for which the value must not be harmless either: a file that is run must be one that leads elsewhere.
    pub needs: Kinds,
    /// Whether what comes back is what somebody else answers, and nothing of what was passed.
    pub answers: bool,
    /// How grave it is at most, where the language that runs there reaches less far than others of its kind.
    pub at_most: Option<Severity>,
}

/// A call whose result is harmless for some kinds.
#[derive(Clone, Debug)]
pub struct Sanitizer {
    /// Value path of the callee, or `*.name`; `path.*` is whatever method follows, however far.
    pub call: String,
    /// The arguments whose part in the result it is; empty for all.
    pub at: Vec<Argument>,
    /// What arguments of the call that begins a chain must be.
    pub when: Vec<(String, Wanted)>,
    /// What they must not be.
    pub unless: Vec<(String, Wanted)>,
    /// The kinds.
    pub clears: Kinds,
}

/// A call whose truth says that a value is harmless for some kinds.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Value path of the callee, or `*.name`.
    pub call: String,
    /// The value.
    pub at: Argument,
    /// For which outcome.
    pub when: bool,
    /// The kinds.
    pub clears: Kinds,
}

/// A call that returns only where a value is harmless for some kinds.
#[derive(Clone, Debug)]
pub struct Check {
    /// Value path of the callee.
    pub call: String,
    /// The value.
    pub at: Argument,
    /// The kinds.
    pub clears: Kinds,
}

/// The entries of a pack.
#[derive(Clone, Default, Debug)]
pub struct Pack {
    /// Values that outsiders control.
    pub sources: Vec<Source>,
    /// Functions that outsiders call.
    pub entries: Vec<Entry>,
    /// Calls that do harm.
    pub sinks: Vec<Sink>,
    /// Calls that make values harmless.
    pub sanitizers: Vec<Sanitizer>,
    /// Calls that tell harmless values.
    pub guards: Vec<Guard>,
    /// Calls that raise on harmful values.
    pub checks: Vec<Check>,
    /// Calls that fill in templates.
    pub renders: Vec<Render>,
    /// Calls whose result nobody controls whatever goes in.
    pub clean: Vec<String>,
    /// Calls that undo an encoding: what was checked before says nothing of their result.
    pub decoders: Vec<String>,
    /// Calls that are known to return what goes in, or text made of it.
    pub same: Vec<String>,
    /// Words of the names of functions whose result holds no secret any more.
    pub masks: Vec<String>,
    /// Names of functions that give the entry which their argument at this position names.
    pub lookups: BTreeMap<String, usize>,
    /// Calls that never return.
    pub ends: Vec<String>,
    /// Types and declared fields whose values hold no free text: numbers, dates, choices.
    pub numbers: Vec<String>,
    /// Bases of classes whose fields hold what their annotations allow.
    pub records: Vec<String>,
    /// Value paths, and those that they stand for: what attributes and methods of libraries' objects are.
    pub types: Vec<(String, String)>,
}

/// A pack as its file has it, before what it names is looked up.
pub struct Draft {
    name: String,
    raw: Raw,
}

impl Draft {
    /// Reads the pack `text` of the file `name`.
    ///
    /// # Errors
    /// The first thing that no pack can say, with its line.
    pub fn read(name: &str, text: &str) -> Result<Self, PackError> {
        let raw: Raw = serde_saphyr::from_str(text).map_err(|problem| {
            let line = problem.location().map_or(1, |at| at.line());
            let what = problem.without_snippet().to_string();
            let what = what.lines().next().unwrap_or_default().to_owned();
            PackError { pack: name.to_owned(), line, what }
        })?;
        Ok(Self { name: name.to_owned(), raw })
    }

    /// Adds the kinds that it declares.
    ///
    /// # Errors
    /// The first that cannot be one, with its line.
    pub fn declare(&self, vocabulary: &mut Vocabulary) -> Result<(), PackError> {
        self.raw.kinds.iter().try_for_each(|kind| {
            let line = kind.referenced.line();
            let refuse = |what| PackError { pack: self.name.clone(), line, what };
            vocabulary.declare(&kind.value).map_err(refuse)
        })
    }
}

/// The severity that an entry of the pack `pack` names.
fn severity(pack: &str, name: &Spanned<String>) -> Result<Severity, PackError> {
    Severity::parse(&name.value).ok_or_else(|| {
        let what = format!("unknown severity `{}`; known are low, medium, high, critical", name.value);
        PackError { pack: pack.to_owned(), line: name.referenced.line(), what }
    })
}

/// Names by module, as value paths.
fn paths(by_module: BTreeMap<String, Vec<String>>) -> Vec<String> {
    let of = |(module, names): (String, Vec<String>)| {
        names.into_iter().map(move |name| format!("{module}.{name}")).collect::<Vec<_>>()
    };
    by_module.into_iter().flat_map(of).collect()
}

impl Pack {
    /// The calls of which it says what they do with what goes in.
    pub(super) fn calls(&self) -> impl Iterator<Item = &String> {
        let checked = self.sanitizers.iter().map(|sanitizer| &sanitizer.call);
        let checked = checked.chain(self.guards.iter().map(|guard| &guard.call));
        let done = self.sinks.iter().map(|sink| &sink.call).chain(checked);
        done.chain(self.renders.iter().map(|render| &render.call)).chain(&self.clean).chain(&self.same)
    }

    /// Reads the pack `text` of the file `name`, which may name our kinds and those that it declares.
    ///
    /// # Errors
    /// The first thing its author has to change, with its line.
    pub fn parse(name: &str, text: &str) -> Result<Self, PackError> {
        let draft = Draft::read(name, text)?;
        let mut vocabulary = Vocabulary::default();
        draft.declare(&mut vocabulary)?;
        Self::new(draft, &vocabulary)
    }

    /// What names are enough for.
    fn named(raw: &mut Raw) -> Self {
        let mut pack = Self {
            renders: take(&mut raw.renders),
            clean: take(&mut raw.clean),
            decoders: take(&mut raw.decoders),
            same: take(&mut raw.same),
            masks: take(&mut raw.masks),
            lookups: take(&mut raw.lookups),
            ends: take(&mut raw.ends),
            numbers: paths(take(&mut raw.numbers)),
            records: paths(take(&mut raw.records)),
            ..Self::default()
        };
        for (is, paths) in take(&mut raw.types) {
            pack.types.extend(paths.into_iter().map(|of| (of, is.clone())));
        }
        pack
    }

    /// The entries of a draft, with the kinds of `vocabulary`.
    ///
    /// # Errors
    /// The first thing its author has to change, with its line.
    pub fn new(draft: Draft, vocabulary: &Vocabulary) -> Result<Self, PackError> {
        let Draft { name, mut raw } = draft;
        let error = |line, what| PackError { pack: name.clone(), line, what };
        let kind = |kind: &Spanned<String>| {
            vocabulary.named(&kind.value).ok_or_else(|| {
                let what = format!("unknown kind `{}`; known kinds are {}", kind.value, vocabulary.names());
                error(kind.referenced.line(), what)
            })
        };
        let threat = |kind: &Spanned<String>| {
            Threat::named(&kind.value).ok_or_else(|| {
                let what =
                    format!("unknown kind of source `{}`; known are remote, local, detail", kind.value);
                error(kind.referenced.line(), what)
            })
        };
        let kinds = |all: &[Spanned<String>]| {
            all.iter().try_fold(Kinds::NONE, |sum, one| Ok::<_, PackError>(sum.with(kind(one)?)))
        };
        let lacking = |at: &Spanned<String>, what: &str| {
            error(at.referenced.line(), format!("{what} names no argument: give `in: [0]`"))
        };
        let mut pack = Self::named(&mut raw);
        for source in raw.sources {
            pack.sources.push(Source { at: source.at, threat: threat(&source.kind)? });
        }
        for entry in raw.entries {
            let threat = threat(&entry.kind)?;
            let returns = kinds(entry.returns.all())?;
            let told = entry.told.iter().map(|(class, is)| Ok((class.clone(), kind(is)?)));
            let told = told.collect::<Result<_, PackError>>()?;
            let RawEntry { decorator, base, call, at, methods, receivers, kind, .. } = entry;
            if call.is_some() && at.is_empty() {
                return Err(lacking(&kind, "an entry by call"));
            }
            let (request, response) = (entry.request, entry.response);
            let (params, injects, by_route, takes) =
                (entry.params, entry.injects, entry.by_route, entry.takes);
            let caller =
                Caller { threat, returns, told, request, response, params, injects, by_route, takes };
            pack.entries.push(Entry { decorator, base, call, at, methods, receivers, caller });
        }
        for sink in raw.sinks {
            if sink.at.is_empty() {
                return Err(lacking(&sink.call, "a sink"));
            }
            pack.sinks.push(Sink {
                kinds: kind(&sink.kind)?,
                needs: kinds(&sink.needs)?,
                answers: sink.answers,
                at_most: sink.at_most.as_ref().map(|most| severity(&name, most)).transpose()?,
                call: sink.call.value,
                at: sink.at.into_iter().map(|at| at.value).collect(),
                receivers: sink.receivers,
                when: sink.when.into_iter().collect(),
                unless: sink.unless.into_iter().collect(),
            });
        }
        for sanitizer in raw.sanitizers {
            let RawSanitizer { call, at, when, unless, clears } = sanitizer;
            let is_conditional = !when.is_empty() || !unless.is_empty();
            if let Some(clear) = clears.first().filter(|_| is_conditional && !call.ends_with(".*")) {
                let what = "`if` and `unless` hold for what a chain begins with: let the path end with `.*`";
                return Err(error(clear.referenced.line(), what.to_owned()));
            }
            let (when, unless) = (when.into_iter().collect(), unless.into_iter().collect());
            pack.sanitizers.push(Sanitizer { clears: kinds(&clears)?, call, at, when, unless });
        }
        for guard in raw.guards {
            let clears = kinds(&guard.clears)?;
            pack.guards.push(Guard { call: guard.call, at: guard.at, when: guard.when, clears });
        }
        for check in raw.checks {
            pack.checks.push(Check { clears: kinds(&check.clears)?, call: check.call, at: check.at });
        }
        Ok(pack)
    }
}
