//! What the truth of a call tells of what it is given.

use std::sync::Arc;

use crate::models::{Argument, Kinds};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::sinks::fixes_host;
use crate::taint::value::{Cond, Key, Konst};

impl Analyzer<'_, '_> {
    /// For which kinds which origins are harmless where a call says so.
    pub(super) fn guard(&self, site: &Site<'_>) -> Option<Arc<Cond>> {
        let mut cond = Cond::default();
        for guard in &site.known.model.guards {
            let subject = match &guard.at {
                Argument::Name(name) if name == "self" => site.receiver.clone(),
                Argument::Name(name) => self.named(site, name).map(|(tree, _)| Arc::clone(tree)),
                Argument::Index(0) if site.positional(0).is_none() => site.args.first().cloned(),
                Argument::Index(index) => site.positional(*index).map(|(tree, _)| Arc::clone(tree)),
            };
            let Some(subject) = subject else { continue };
            let cleared = self.of_kinds(&subject, guard.clears);
            if guard.when { cond.yes.extend(cleared) } else { cond.no.extend(cleared) }
        }
        if let Some(found) = self.path_guard(site).or_else(|| self.regex_guard(site)) {
            cond.yes.extend(found.yes);
            cond.no.extend(found.no);
        }
        self.cond(cond).cond.clone()
    }

    /// `path.startswith(base)`, `path.is_relative_to(base)` of a path that was resolved; a fixed scheme and host.
    fn path_guard(&self, site: &Site<'_>) -> Option<Cond> {
        let receiver = site.receiver.as_ref()?;
        if !matches!(site.method, "startswith" | "is_relative_to") {
            return None;
        }
        let (given, _) = site.positional(0)?;
        if given.beginning() == Some("-") {
            let argument = Kinds::named("argument").unwrap_or_default();
            return Some(Cond { yes: Vec::new(), no: self.of_kinds(receiver, argument) });
        }
        if !given.all().is_empty() {
            return None;
        }
        let mut yes = Vec::new();
        let fixes_host = given.beginning().is_some_and(fixes_host);
        // `/srv/data` is also the beginning of `/srv/database`.
        let is_whole = site.method == "is_relative_to"
            || given.beginning().is_none_or(|text| text.ends_with(['/', '\\']));
        let path = Kinds::named("path").unwrap_or_default();
        let url = Kinds::named("url").unwrap_or_default().with(Kinds::named("redirect").unwrap_or_default());
        for label in receiver.all() {
            if !label.kinds.has(Kinds::UNRESOLVED) && is_whole {
                yes.push((label.origin, path));
            }
            if fixes_host {
                yes.push((label.origin, url));
            }
        }
        Some(Cond { yes, no: Vec::new() })
    }

    /// `re.fullmatch(pattern, text)` and its kin, read for what they admit.
    fn regex_guard(&self, site: &Site<'_>) -> Option<Cond> {
        let by_module = site.path.strip_prefix("re.").filter(|rest| !rest.contains('('));
        let (how, pattern, subject) = match by_module {
            Some(how @ ("fullmatch" | "match" | "search")) => {
                (how, site.positional(0)?.0.konst.clone(), site.positional(1)?.0)
            }
            _ => {
                let how = site.path.strip_prefix("re.compile().")?;
                let pattern = site.receiver.as_ref().and_then(|receiver| {
                    let name = receiver
                        .fields
                        .iter()
                        .find(|(key, _)| *key == Key::Item(Konst::Str("pattern".into())));
                    name.and_then(|(_, part)| part.konst.clone())
                });
                (how, pattern, site.positional(0)?.0)
            }
        };
        // Flags change what a pattern means.
        let n_plain = if by_module.is_some() { 2 } else { 1 };
        if site.args.len() > n_plain {
            return None;
        }
        if let (Some(Konst::Str(pattern)), "search" | "match" | "findall") = (&pattern, how)
            && let Some(clears) = crate::taint::regex::absent_without(pattern, how)
        {
            return Some(Cond { yes: Vec::new(), no: self.of_kinds(subject, clears) });
        }
        let clears = match pattern {
            Some(Konst::Str(pattern)) => crate::taint::regex::admits_nothing_for(&pattern, how),
            _ if how == "fullmatch" => Kinds::ALL,
            _ => return None,
        };
        Some(Cond { yes: self.of_kinds(subject, clears), no: Vec::new() })
    }
}
