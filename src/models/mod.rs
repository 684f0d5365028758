//! What libraries do with data: sources, sinks, sanitizers, guards, by the value paths of callees. Data, no judgment:
//! packs (`models/*.yaml`) come in, answers by name go out.

mod call;
mod entries;
mod kinds;
mod pack;
mod secrets;
mod texts;

pub use call::CallModel;
pub use entries::{Caller, Registrar};
pub use kinds::{Kinds, Threat, Vocabulary};
pub use pack::{Argument, Check, Draft, Entry, Guard, Pack, PackError, Render, Sanitizer, Sink, Source};
use secrets::masks;
pub use secrets::{Secret, is_bare_token, may_be_secret, secret};
pub use texts::{Wanted, Words};

use std::sync::OnceLock;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::program::Types;

/// The packs that are compiled in.
const PACKS: &[(&str, &str)] = &[
    ("python.yaml", include_str!("../../models/python.yaml")),
    ("web.yaml", include_str!("../../models/web.yaml")),
    ("databases.yaml", include_str!("../../models/databases.yaml")),
    ("http.yaml", include_str!("../../models/http.yaml")),
    ("serialization.yaml", include_str!("../../models/serialization.yaml")),
    ("markup.yaml", include_str!("../../models/markup.yaml")),
    ("services.yaml", include_str!("../../models/services.yaml")),
    ("network.yaml", include_str!("../../models/network.yaml")),
];

/// Arguments that tell what kind of answer an object is.
const MEDIA: &[&str] = &["content_type", "mimetype", "media_type", "headers"];

/// All packs, by name.
#[derive(Clone, Default)]
pub struct Models {
    sources: FxHashMap<String, Threat>,
    /// First names of the sources' paths.
    source_roots: FxHashSet<String>,
    /// Last attributes of request objects, which parameters called `request` are taken for.
    request_fields: FxHashSet<String>,
    /// Classes of request objects.
    request_types: FxHashSet<String>,
    /// What has attributes that are sources.
    with_fields: FxHashSet<String>,
    /// Whether sources count that whoever starts the program controls.
    pub local: bool,
    /// Kinds for which they count whatever the threat model, beside those of [`Kinds::of_local`].
    pub local_for: Kinds,
    /// Whether there are sinks of these kinds.
    local_kinds: bool,
    /// Whether arguments of public functions of a package count.
    pub library: bool,
    /// Kinds for which they count whatever the threat model.
    pub library_for: Kinds,
    /// Functions whose parameters are sources.
    entries: entries::Entries,
    sinks: FxHashMap<String, Vec<Sink>>,
    /// Those of `path*`, by the path.
    families: Vec<(String, Sink)>,
    sanitizers: FxHashMap<String, Kinds>,
    /// Those of `path.*`, by the path, and the first names of these.
    chains: FxHashMap<String, Kinds>,
    /// Those of them that hold for some arguments of what begins the chain.
    chains_if: FxHashMap<String, Vec<Sanitizer>>,
    chain_roots: FxHashSet<String>,
    /// Those that hold for single arguments.
    partial: FxHashMap<String, Vec<Sanitizer>>,
    guards: FxHashMap<String, Vec<Guard>>,
    checks: FxHashMap<String, Vec<Check>>,
    /// The attributes whose stores are sinks: `text` of `falcon.Response().text=`.
    stored: FxHashSet<String>,
    renders: FxHashMap<String, Render>,
    /// Last names of entries for whatever is called so: `*.execute`.
    methods: FxHashSet<String>,
    /// Last names of the callees of [`Models::renders`].
    render_words: FxHashSet<String>,
    clean: FxHashSet<String>,
    decoders: FxHashSet<String>,
    same: FxHashSet<String>,
    /// Words of the names of functions whose result holds no secret any more.
    masks: FxHashSet<String>,
    /// Names of functions that give the entry which their argument at this position names.
    lookups: FxHashMap<String, usize>,
    /// Calls that never return, and their last names.
    ends: FxHashSet<String>,
    end_words: FxHashSet<String>,
    /// Types and declared fields whose values hold no free text.
    numbers: FxHashSet<String>,
    /// Bases of classes whose fields hold what their annotations allow.
    records: FxHashSet<String>,
    /// What libraries return.
    pub types: Types,
}

impl Models {
    /// The packs that are compiled in, read once.
    ///
    /// # Errors
    /// What is wrong with a pack; its tests keep that from happening.
    pub fn built_in() -> Result<&'static Self, &'static PackError> {
        static MODELS: OnceLock<Result<Models, PackError>> = OnceLock::new();
        let read = || {
            let packs: Vec<Result<Pack, PackError>> =
                PACKS.par_iter().map(|(name, text)| Pack::parse(name, text)).collect();
            let mut models = Self::default();
            for pack in packs {
                models.add(pack?);
            }
            Ok(models)
        };
        MODELS.get_or_init(read).as_ref()
    }

    /// The kinds for which sources of `threat` count.
    #[must_use]
    pub fn counted(&self, threat: Threat) -> Kinds {
        match threat {
            Threat::Local if !self.local => Kinds::of_local().with(self.local_for),
            Threat::Library if !self.library => self.library_for,
            Threat::Secret => Kinds::SECRET.with(Kinds::WHOLE),
            Threat::Detail => Kinds::DETAIL,
            Threat::Remote | Threat::Local | Threat::Library | Threat::Stored => {
                Kinds::ALL.without(Kinds::HIDDEN)
            }
        }
    }

    /// With the sources that whoever starts the program controls, for the kinds of [`Models::counted`].
    #[must_use]
    pub fn with_local_kinds(self) -> Self {
        Self { local_kinds: true, ..self }
    }

    /// Adds the entries of a pack.
    pub fn add(&mut self, pack: Pack) {
        pack.calls().for_each(|call| self.types.note_objects(call));
        for source in pack.sources {
            // `django.http.HttpRequest().GET`, `flask.request.args`
            if let Some((object, field)) = source.at.rsplit_once('.')
                && (object.ends_with("equest()") || object.ends_with(".request"))
            {
                self.request_fields.insert(field.to_owned());
                self.request_types.insert(object.trim_end_matches("()").to_owned());
            }
            if let Some((object, _)) = source.at.rsplit_once('.') {
                self.with_fields.insert(object.to_owned());
            }
            self.source_roots.insert(root(&source.at).to_owned());
            self.sources.insert(source.at, source.threat);
        }
        let of_sinks = pack.sinks.iter().flat_map(|sink| sink.when.iter().chain(&sink.unless));
        let of_chains = pack.sanitizers.iter().flat_map(|it| it.when.iter().chain(&it.unless));
        let asked = of_sinks.filter(|(name, _)| name.contains('.')).chain(of_chains).map(|(name, _)| &**name);
        asked.chain(MEDIA.iter().copied()).for_each(|name| self.types.note_setting(name));
        let calls = pack.sinks.iter().map(|sink| &sink.call);
        let calls = calls.chain(pack.sanitizers.iter().map(|sanitizer| &sanitizer.call));
        let calls = calls.chain(pack.guards.iter().map(|guard| &guard.call));
        let calls = calls.chain(&pack.clean).chain(&pack.same);
        self.methods.extend(calls.filter_map(|call| call.strip_prefix("*.")).map(str::to_owned));
        for call in pack.sinks.iter().map(|sink| &sink.call).chain(self.sources.keys()) {
            self.types.note(call);
        }
        pack.entries.into_iter().for_each(|entry| self.entries.add(entry));
        for (of, is) in pack.types {
            self.types.add(&of, &is);
        }
        for sink in pack.sinks {
            if let Some(family) = sink.call.strip_suffix('*') {
                self.families.push((family.to_owned(), sink));
                continue;
            }
            if let Some(path) = sink.call.strip_suffix('=').filter(|path| !path.ends_with(']')) {
                self.stored.insert(path.rsplit('.').next().unwrap_or(path).to_owned());
            }
            self.sinks.entry(sink.call.clone()).or_default().push(sink);
        }
        for sanitizer in pack.sanitizers {
            if !sanitizer.at.is_empty() {
                self.partial.entry(sanitizer.call.clone()).or_default().push(sanitizer);
                continue;
            }
            let known = match sanitizer.call.strip_suffix(".*") {
                Some(path) if !sanitizer.when.is_empty() || !sanitizer.unless.is_empty() => {
                    self.chain_roots.insert(root(path).to_owned());
                    self.chains_if.entry(path.to_owned()).or_default().push(sanitizer);
                    continue;
                }
                Some(path) => {
                    self.chain_roots.insert(root(path).to_owned());
                    self.chains.entry(path.to_owned()).or_default()
                }
                None => self.sanitizers.entry(sanitizer.call).or_default(),
            };
            *known = known.with(sanitizer.clears);
        }
        for guard in pack.guards {
            self.guards.entry(guard.call.clone()).or_default().push(guard);
        }
        for check in pack.checks {
            self.checks.entry(check.call.clone()).or_default().push(check);
        }
        for render in pack.renders {
            let word = render.call.rsplit('.').next().unwrap_or(&render.call);
            self.render_words.insert(word.to_owned());
            self.renders.insert(render.call.clone(), render);
        }
        self.clean.extend(pack.clean);
        self.decoders.extend(pack.decoders);
        self.same.extend(pack.same);
        self.masks.extend(pack.masks);
        self.lookups.extend(pack.lookups);
        self.end_words.extend(pack.ends.iter().filter_map(|path| Some(path.rsplit_once('.')?.1.to_owned())));
        self.ends.extend(pack.ends);
        self.numbers.extend(pack.numbers);
        self.records.extend(pack.records);
    }

    /// Who controls the value at `path`: that of a source, or of something in it.
    #[must_use]
    pub fn source(&self, path: &str) -> Option<Threat> {
        // Most paths begin as no source does.
        if !self.may_be_source(path) {
            return None;
        }
        let found = prefixes(path).find_map(|prefix| self.sources.get(prefix).copied());
        found.filter(|threat| self.counts(*threat))
    }

    /// Whether some source begins with the first name of `path`. Cheap.
    #[must_use]
    pub fn may_be_source(&self, path: &str) -> bool {
        self.source_roots.contains(root(path))
    }

    fn counts(&self, threat: Threat) -> bool {
        self.local || self.local_kinds || threat != Threat::Local
    }

    /// Who calls a function that has this decorator.
    #[must_use]
    pub fn entry_by_decorator(&self, path: &str) -> Option<&Caller> {
        self.entries.decorated(path).filter(|caller| self.counts(caller.threat))
    }

    /// Who calls the method of a class that has this base.
    #[must_use]
    pub fn entry_by_base(&self, base: &str, method: &str) -> Option<&Caller> {
        self.entries.method(base, method).filter(|caller| self.counts(caller.threat))
    }

    /// As [`Models::entry_by_base`], for a base that the program holds: code that is generated.
    #[must_use]
    pub fn entry_by_pattern(&self, base: &str, method: &str) -> Option<&Caller> {
        self.entries.method_by_pattern(base, method).filter(|caller| self.counts(caller.threat))
    }

    /// What a call of `path`, whose last name is `method`, hands to who calls it from outside.
    pub fn registrars<'m>(&'m self, path: Option<&str>, method: &str) -> impl Iterator<Item = &'m Registrar> {
        self.entries.registrars(path, method).filter(|registrar| self.counts(registrar.caller.threat))
    }

    /// All that the packs say of a call of `path`, whose last name is `method`.
    #[must_use]
    pub fn call(&self, path: &str, method: &str) -> CallModel<'_> {
        CallModel {
            source: self.source(&format!("{path}()")),
            sinks: self.sinks(path, method).collect(),
            clears: self.clears(path, method),
            guards: self.guards(path, method).collect(),
            render: self.renders.get(path),
            decodes: self.decodes(path),
            keeps: self.keeps(path, method),
        }
    }

    /// Whether the packs know sources in instances of the class `path`.
    #[must_use]
    pub fn has_type(&self, path: &str) -> bool {
        self.request_types.contains(path)
    }

    /// Whether the packs know sources among the attributes of what is at `path`; a context of templates holds a request
    /// as an entry.
    #[must_use]
    pub fn has_fields(&self, path: &str) -> bool {
        self.with_fields.contains(path)
    }

    /// Whether `field` is what a request holds of its sender's choice.
    #[must_use]
    pub fn is_request_field(&self, field: &str) -> bool {
        self.request_fields.contains(field)
    }

    /// Whether code with this text may fill in a template. Cheap.
    #[must_use]
    pub fn may_render(&self, text: &str) -> bool {
        self.render_words.iter().any(|word| memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some())
    }

    /// The sinks that a call of `path` may be, whose last name is `method`.
    pub fn sinks<'m>(&'m self, path: &str, method: &str) -> impl Iterator<Item = &'m Sink> {
        let by_path = self.sinks.get(path).into_iter().flatten();
        let by_method = self.any(method).and_then(|any| self.sinks.get(&any)).into_iter().flatten();
        let is_of =
            |family: &str| path.strip_prefix(family).is_some_and(|name| !name.contains(['.', '(', '[']));
        let by_family = self.families.iter().filter(move |(family, _)| is_of(family)).map(|(_, sink)| sink);
        by_path.chain(by_method).chain(by_family)
    }

    /// Whether the result of a function with this name holds no secret any more.
    #[must_use]
    pub fn masks(&self, name: &str) -> bool {
        masks(&self.masks, name)
    }

    /// The position of the argument that names the entry which a function with this name gives.
    #[must_use]
    pub fn lookup(&self, name: &str) -> Option<usize> {
        self.lookups.get(name).copied()
    }

    /// Whether some call whose last name is `method` never returns. Cheap.
    #[must_use]
    pub fn may_end(&self, method: &str) -> bool {
        self.end_words.contains(method)
    }

    /// Whether a call of `path` never returns.
    #[must_use]
    pub fn ends(&self, path: &str) -> bool {
        self.ends.contains(path)
    }

    /// Whether values of the type or declared field `path` hold no free text.
    #[must_use]
    pub fn is_number(&self, path: &str) -> bool {
        self.numbers.contains(path)
    }

    /// Whether the fields of a class with the base `path` hold what their annotations allow.
    #[must_use]
    pub fn is_record(&self, path: &str) -> bool {
        self.records.contains(path)
    }

    /// Whether the packs tell what calling `path` does.
    #[must_use]
    pub fn has_call(&self, path: &str) -> bool {
        self.sinks.contains_key(path)
            || self.sanitizers.contains_key(path)
            || self.clean.contains(path)
            || self.same.contains(path)
    }

    /// The kinds for which the result of a call is harmless.
    #[must_use]
    pub fn clears(&self, path: &str, method: &str) -> Kinds {
        let any = self.any(method);
        if self.clean.contains(path) || any.as_ref().is_some_and(|any| self.clean.contains(any)) {
            return Kinds::ALL;
        }
        let of = |name: &str| self.sanitizers.get(name).copied().unwrap_or_default();
        // What is known of the very path tells more than a name that many methods have.
        let any = any.filter(|_| !self.same.contains(path));
        of(path).with(any.map_or(Kinds::NONE, |any| of(&any))).with(self.chain(path))
    }

    /// The kinds for which what a chain of methods makes is harmless: `sqlalchemy.update().where().values`.
    fn chain(&self, path: &str) -> Kinds {
        if !self.chain_roots.contains(root(path)) {
            return Kinds::NONE;
        }
        let found = prefixes(path).skip(1).find_map(|prefix| self.chains.get(prefix));
        found.copied().unwrap_or_default()
    }

    /// As [`Models::clears`], of what the chain makes that a call of `path` is in, or begins.
    #[must_use]
    pub fn chain_at(&self, path: &str) -> Kinds {
        if !self.chain_roots.contains(root(path)) {
            return Kinds::NONE;
        }
        let begun = self.chains.get(&format!("{path}()")).copied();
        begun.unwrap_or_else(|| self.chain(path))
    }

    /// As [`Models::chain_at`], of those that hold for some arguments of the call of `path`.
    #[must_use]
    pub fn chains_if(&self, path: &str) -> &[Sanitizer] {
        if !self.chain_roots.contains(root(path)) {
            return &[];
        }
        self.chains_if.get(&format!("{path}()")).map_or(&[], Vec::as_slice)
    }

    /// Whether storing into an attribute called `name` is a sink of some object.
    #[must_use]
    pub fn is_stored_as(&self, name: &str) -> bool {
        self.stored.contains(name)
    }

    /// Whether a function is handed over that is stored as an attribute called `name`.
    #[must_use]
    pub fn is_handed_as(&self, name: &str) -> bool {
        self.entries.is_attribute(name)
    }

    /// The kinds for which what is read at `path` is harmless, and whether it says as much as what it is read from.
    #[must_use]
    pub fn attribute(&self, path: &str) -> (Kinds, bool) {
        if self.clean.contains(path) {
            return (Kinds::ALL, false);
        }
        (self.sanitizers.get(path).copied().unwrap_or_default(), self.same.contains(path))
    }

    /// The guards that a call may be.
    pub fn guards<'m>(&'m self, path: &str, method: &str) -> impl Iterator<Item = &'m Guard> {
        let by_path = self.guards.get(path).into_iter().flatten();
        by_path.chain(self.any(method).and_then(|any| self.guards.get(&any)).into_iter().flatten())
    }

    /// What a call of `path`, whose last name is `method`, makes harmless of single arguments.
    pub fn partial<'m>(&'m self, path: &str, method: &str) -> impl Iterator<Item = &'m Sanitizer> {
        let by_path = self.partial.get(path).into_iter().flatten();
        by_path.chain(self.any(method).and_then(|any| self.partial.get(&any)).into_iter().flatten())
    }

    /// What a call of `path` raises on.
    #[must_use]
    pub fn checks(&self, path: &str) -> &[Check] {
        self.checks.get(path).map_or(&[], Vec::as_slice)
    }

    /// Whether a call undoes an encoding.
    #[must_use]
    pub fn decodes(&self, path: &str) -> bool {
        self.decoders.contains(path)
    }

    /// Whether a call is known to return what goes in, or text made of it.
    #[must_use]
    pub fn keeps(&self, path: &str, method: &str) -> bool {
        self.same.contains(path) || self.any(method).is_some_and(|any| self.same.contains(&any))
    }

    /// The name of entries for whatever is called `method`, if there are any.
    fn any(&self, method: &str) -> Option<String> {
        self.methods.contains(method).then(|| format!("*.{method}"))
    }
}

/// The first name of a value path.
fn root(path: &str) -> &str {
    path.find(['.', '(', '[']).map_or(path, |end| &path[..end])
}

/// The value paths that `path` begins with, itself first.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.char_indices().filter(|(_, c)| matches!(c, '.' | '(' | '[')).map(|(at, _)| at);
    let mut ends: Vec<usize> = ends.chain([path.len()]).collect();
    ends.reverse();
    ends.into_iter().map(|end| &path[..end])
}

#[cfg(test)]
mod tests;
