//! Who calls the functions of a program from outside: by a decorator, by a base of the class, by a call that hands them
//! over. Entries of packs come in, answers by name go out.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::models::pack::{Argument, Entry};
use crate::models::{Kinds, Threat};

/// What is known of who calls a function.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who controls the parameters.
    pub threat: Threat,
    /// What text that it returns is dangerous for.
    pub returns: Kinds,
    /// What it is dangerous for beside where an argument of the decorator is called so: `response_class=HTMLResponse`.
    pub told: Vec<(String, Kinds)>,
    /// Value path of the first parameter, which the framework makes: `django.http.HttpRequest()`.
    pub request: Option<String>,
    /// Value path of the parameter behind it, if the framework makes that too.
    pub response: Option<String>,
    /// The parameters that the outsider controls; empty for all that no framework makes.
    pub params: Vec<String>,
    /// Whether the parameter whose default the call is gets what the function returns: `Depends(f)`.
    pub injects: bool,
    /// Whether all that it controls are the parts of the address that routes name: `/files/<name>`.
    pub by_route: bool,
    /// How many arguments it passes, where that tells the functions that it calls from others.
    pub takes: Option<usize>,
}

/// A call that hands functions to who calls them from outside.
#[derive(Clone, Debug)]
pub struct Registrar {
    /// The arguments that are or hold functions.
    pub at: Vec<Argument>,
    /// The methods that are meant where an object or a class is handed over.
    pub methods: Vec<String>,
    /// Last words of the receiver, where the callee is `*.name`; empty for any.
    pub receivers: Vec<String>,
    /// Who calls them.
    pub caller: Caller,
}

/// Entries by what they hang on.
#[derive(Clone, Default)]
pub(super) struct Entries {
    by_decorator: FxHashMap<String, Caller>,
    /// First names of the decorators' paths.
    decorator_roots: FxHashSet<String>,
    by_base: FxHashMap<String, Vec<(Vec<String>, Caller)>>,
    /// Those whose base is a pattern: `*_pb2_grpc.*Servicer`.
    by_pattern: Vec<(String, Vec<String>, Caller)>,
    pub(super) by_call: FxHashMap<String, Vec<Registrar>>,
    /// The attributes that such calls stand for: `on_message` of `*.on_message=`.
    attributes: FxHashSet<String>,
    /// Those of `*.name`, by the name.
    by_method: FxHashMap<String, Vec<Registrar>>,
    /// Those whose path is a pattern: `*_pb2_grpc.add_*Servicer_to_server`.
    by_calls: Vec<(String, Registrar)>,
}

impl Entries {
    pub(super) fn add(&mut self, entry: Entry) {
        let Entry { decorator, base, call, at, methods, receivers, caller } = entry;
        if let Some(decorator) = decorator {
            self.decorator_roots.insert(super::root(&decorator).to_owned());
            self.by_decorator.insert(decorator, caller.clone());
        }
        match base {
            Some(base) if base.contains('*') => self.by_pattern.push((base, methods.clone(), caller.clone())),
            Some(base) => self.by_base.entry(base).or_default().push((methods.clone(), caller.clone())),
            None => {}
        }
        if let Some(call) = call {
            let registrar = Registrar { at, methods, receivers, caller };
            if let Some(path) = call.strip_suffix('=') {
                self.attributes.insert(path.rsplit('.').next().unwrap_or(path).to_owned());
            }
            match call.strip_prefix("*.") {
                Some(method) => self.by_method.entry(method.to_owned()).or_default().push(registrar),
                None if call.contains('*') => self.by_calls.push((call, registrar)),
                None => self.by_call.entry(call).or_default().push(registrar),
            }
        }
    }

    pub(super) fn decorated(&self, path: &str) -> Option<&Caller> {
        if !self.decorator_roots.contains(super::root(path)) {
            return None;
        }
        super::prefixes(path).find_map(|prefix| self.by_decorator.get(prefix))
    }

    pub(super) fn method(&self, base: &str, method: &str) -> Option<&Caller> {
        let is_meant = |methods: &[String]| methods.iter().any(|known| fits(known, method));
        let exact = self.by_base.get(base).into_iter().flatten();
        // The last that says something counts.
        let exact = exact.rev().find(|(methods, _)| is_meant(methods)).map(|(_, caller)| caller);
        exact.or_else(|| self.method_by_pattern(base, method))
    }

    /// As [`Entries::method`], by patterns alone: of classes that are generated, in the program or out of it.
    pub(super) fn method_by_pattern(&self, base: &str, method: &str) -> Option<&Caller> {
        let is_meant = |methods: &[String]| methods.iter().any(|known| fits(known, method));
        let mut patterns = self.by_pattern.iter();
        let found = patterns.find(|(known, methods, _)| fits(known, base) && is_meant(methods));
        found.map(|(.., caller)| caller)
    }

    /// Whether a function is handed over that is stored as an attribute called `name`.
    pub(super) fn is_attribute(&self, name: &str) -> bool {
        self.attributes.contains(name)
    }

    pub(super) fn registrars<'e>(
        &'e self,
        path: Option<&str>,
        method: &str,
    ) -> impl Iterator<Item = &'e Registrar> {
        let by_path = path.and_then(|path| self.by_call.get(path)).into_iter().flatten();
        let is_it = move |(pattern, _): &&(String, Registrar)| path.is_some_and(|path| fits(pattern, path));
        let by_pattern = self.by_calls.iter().filter(is_it).map(|(_, registrar)| registrar);
        by_path.chain(self.by_method.get(method).into_iter().flatten()).chain(by_pattern)
    }
}

impl Registrar {
    /// Whether an object that is called so is meant, where any may be.
    #[must_use]
    pub fn takes(&self, receiver: &str) -> bool {
        self.receivers.is_empty() || self.receivers.iter().any(|known| known == receiver)
    }

    /// Whether a method of what is handed over is meant.
    #[must_use]
    pub fn means(&self, method: &str) -> bool {
        self.methods.iter().any(|known| fits(known, method))
    }
}

/// Whether `text` is what `pattern` says, in which `*` is any text; alone, any that begins with no underscore.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    if first.is_empty() && rest.is_empty() {
        return !text.starts_with('_');
    }
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_is_any_text() {
        assert!(fits("render_*", "render_GET"));
        assert!(fits("*_pb2_grpc.*Servicer", "shop.crates_pb2_grpc.CratesServicer"));
        assert!(!fits("*_pb2_grpc.*Servicer", "shop.crates_pb2_grpc.CratesStub"));
        assert!(fits("*", "lift"));
        assert!(!fits("*", "_lift"));
        assert!(!fits("render_*", "render"));
    }
}
