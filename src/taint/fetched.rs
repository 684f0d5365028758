//! What an address answers that an outsider has chosen: the body is the outsider's as well.
//!
//! In: a call that sends a request. Out: an answer whose body has the taint of the address. Only where the host is chosen,
//! and only for what does harm as a text: an address that leads within the network gives no paths and no statements.

use std::sync::Arc;

use crate::models::{Argument, Kinds, Sink};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::sinks::is_fixed;
use crate::taint::state::State;
use crate::taint::value::{Hops, Key, Tree};

/// Attributes of answers that hold the body.
const BODIES: &[&str] = &["text", "content", "body", "raw"];
/// What a body that somebody else has written is dangerous for.
const OF_BODIES: &[&str] = &["html", "code", "template", "deserialization"];

impl Analyzer<'_, '_> {
    /// What comes back from a call that is answered by whom it asks.
    pub(super) fn fetched(&self, state: &State, site: &Site<'_>, sinks: &[&Sink]) -> Arc<Tree> {
        let url = Kinds::named("url").unwrap_or_default();
        let mut body = Tree::default();
        for at in sinks.iter().filter(|sink| sink.kinds == url).flat_map(|sink| &sink.at) {
            let given = match at {
                Argument::Index(index) => site.positional(*index),
                Argument::Name(name) => self.named(site, name),
            };
            let Some((address, _)) = given.filter(|(address, _)| !is_fixed(address, url)) else { continue };
            for label in &address.labels {
                let kinds = self.kinds(state, label);
                if !kinds.has(url) || kinds.has(Kinds::BEHIND) {
                    continue;
                }
                let mut label = label.clone();
                self.decoded(&mut label, false);
                let of_bodies = OF_BODIES.iter().filter_map(|name| Kinds::named(name));
                label.kinds = of_bodies.fold(Kinds::NONE, Kinds::with);
                let hop = self.hop(site.call.span, "what it leads to comes back");
                label.via = Some(Hops::after(label.via.as_ref(), hop));
                body.add(&label);
            }
        }
        if body.labels.is_empty() || self.is_guarded(site) {
            return Arc::default();
        }
        let body = Arc::new(body);
        let mut answer = Tree::default();
        for name in BODIES.iter().filter_map(|name| self.world.program.symbol(name)) {
            answer.store(&[Key::Attr(name)], &body);
        }
        Arc::new(answer)
    }
}
