//! What the packs say of a call.

use crate::models::{Guard, Kinds, Render, Sink, Threat};

/// What the packs say of one call.
#[derive(Default)]
pub struct CallModel<'m> {
    /// Who controls what it returns.
    pub source: Option<Threat>,
    /// The sinks that it may be.
    pub sinks: Vec<&'m Sink>,
    /// The kinds for which its result is harmless.
    pub clears: Kinds,
    /// The guards that it may be.
    pub guards: Vec<&'m Guard>,
    /// The template that it fills in.
    pub render: Option<&'m Render>,
    /// Whether it undoes an encoding.
    pub decodes: bool,
    /// Whether it is known to return what goes in.
    pub keeps: bool,
}

impl CallModel<'_> {
    /// Whether they say nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.source.is_none()
            && self.sinks.is_empty()
            && self.clears == Kinds::NONE
            && self.guards.is_empty()
            && self.render.is_none()
            && !self.decodes
            && !self.keeps
    }
}
