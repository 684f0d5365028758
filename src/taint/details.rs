//! What exceptions tell of the inside of the program, on its way into replies.
//!
//! It begins where an exception is caught whose text nobody wrote for who sent the request, and at what packs call a
//! detail. It ends where secrets end, but that some attributes of an exception are its text; and it may be shown where a
//! debug mode is on.

use std::sync::Arc;

use crate::ir::{BlockId, Body, Const, LocalId, Op, Operand, RegionId, RegionKind, Rvalue, Step, Unit};
use crate::models::{Kinds, Threat};
use crate::taint::body::{Analyzer, param_name};
use crate::taint::state::State;
use crate::taint::value::Tree;
use crate::text::Span;

/// Last names of exceptions whose text comes from the system or a library.
#[rustfmt::skip]
const FOREIGN: &[&str] = &[
    "OSError", "IOError", "EnvironmentError", "RuntimeError", "SystemError", "SQLAlchemyError", "DBAPIError",
    "DatabaseError", "OperationalError", "ProgrammingError", "InternalError", "InterfaceError", "CalledProcessError",
    "SubprocessError", "TimeoutExpired", "RequestException", "ClientError", "BotoCoreError", "ConnectionError",
    "SSLError", "LDAPError", "MemoryError", "AttributeError", "TypeError", "ImportError", "RedisError", "PyMongoError",
    "SSHException", "ProcessExecutionError", "MessagingException",
];
/// Attributes of an exception that are its text, or a part of it.
const TEXTS: &[&str] =
    &["args", "message", "stderr", "stdout", "output", "orig", "statement", "strerror", "reason", "cmd"];
/// Stands among the origins that are shown to be harmless for a debug mode that is on.
const DEBUG: u32 = u32::MAX;

/// Whether a handler catches what tells of the inside.
pub(super) fn tells(unit: &Unit, kind: &RegionKind) -> bool {
    let RegionKind::Handler(handler) = kind else { return false };
    let is_broad =
        |name| matches!(name, "Exception" | "BaseException" | "builtins.Exception" | "builtins.BaseException");
    let is_foreign = |name: &str| FOREIGN.contains(&name.rsplit('.').next().unwrap_or(name));
    handler.types.iter().map(|name| unit.text(*name)).any(|name| is_broad(name) || is_foreign(name))
}

/// Whether an attribute of an exception is its text, or a part of it.
pub(super) fn is_text(name: &str) -> bool {
    TEXTS.contains(&name)
}

/// Whether a decorator hands all exceptions to the function.
pub(super) fn handles_all(file: &crate::text::SourceFile, body: &Body) -> bool {
    body.decorators.iter().any(|decorator| file.slice(decorator.span).ends_with("(Exception)"))
}

impl Analyzer<'_, '_> {
    /// The exception that a handler catches.
    pub(super) fn caught(&self, state: &State, region: RegionId, to: LocalId, span: Span) -> Arc<Tree> {
        if !tells(self.module.unit, &self.body.regions[region].kind) {
            return Arc::default();
        }
        let name = param_name(self.module, self.body, to);
        let mut tree = Tree::labeled(vec![self.source(span, name, Threat::Detail, "is caught here")]);
        Self::hush(state, &mut tree);
        Arc::new(tree)
    }

    /// Takes from what begins here what a debug mode may show.
    pub(super) fn hush(state: &State, tree: &mut Tree) {
        let shown = state.cleared(DEBUG);
        tree.labels.iter_mut().for_each(|label| label.kinds = label.kinds.without(shown));
    }

    /// Whether the truth of `on`, at the end of `block`, says that a debug mode is on.
    pub(super) fn is_debug(&self, block: BlockId, on: Operand) -> bool {
        let text = |name| self.module.unit.text(name);
        let name = match on {
            Operand::Global(name) => text(name).rsplit('.').next().unwrap_or_default(),
            Operand::Local(local) => {
                let insts = &self.body.blocks[block].insts;
                let place = insts.iter().rev().find_map(|inst| match &inst.op {
                    Op::Let(to, Rvalue::Load(place)) if *to == local => Some(*place),
                    _ => None,
                });
                match place.and_then(|place| self.module.unit.paths.split(place.path)) {
                    Some((_, Step::Attr(name) | Step::Item(Const::Str(name)))) => text(name),
                    _ => self.body.locals[local].name.map_or("", text),
                }
            }
            Operand::Const(_) => return false,
        };
        name.ends_with(['g', 'G']) && {
            let name = name.to_ascii_lowercase();
            name == "debug" || name.ends_with("_debug")
        }
    }

    /// Notes that a debug mode is on: what there is may be shown.
    pub(super) fn learn_debug(state: &mut State) {
        state.clear(DEBUG, Kinds::DETAIL);
        state.origins_of(Kinds::DETAIL).into_iter().for_each(|origin| state.clear(origin, Kinds::DETAIL));
    }
}
