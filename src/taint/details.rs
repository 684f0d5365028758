//! What exceptions tell of the inside of the program, on its way into replies.
//!
//! It begins where an exception is caught whose text nobody wrote for who sent the request, and at what packs call a
//! detail. It ends where secrets end, but that some attributes of an exception are its text; and it may be shown where a
//! debug mode is on.

use std::sync::Arc;

use crate::base::words;
use crate::ir::{
    BlockId, Body, CallId, Const, LocalId, Op, Operand, RegionId, RegionKind, Rvalue, Step, Unit,
};
use crate::models::{Kinds, Threat};
use crate::taint::body::{Analyzer, param_name};
use crate::taint::state::State;
use crate::taint::value::{Cond, Tree};
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
/// Classes that all exceptions are of.
const BROAD: &[&str] = &["Exception", "BaseException"];
/// Attributes of an exception that are its text, or a part of it.
const TEXTS: &[&str] =
    &["args", "message", "stderr", "stdout", "output", "orig", "statement", "strerror", "reason", "cmd"];
/// Ends of the names of flags that say what may be shown: all of a debug mode, of others such as `show_error`.
const FLAGS: &[&str] = &["debug", "error", "errors", "exception", "exceptions", "stacktrace", "traceback"];
/// Stands among the origins that are shown to be harmless for a debug mode that is on.
const DEBUG: u32 = u32::MAX;

/// What the class of an exception tells of its text: that of a narrow one was written to be read, and what is none at all
/// tells nothing.
pub(super) fn told_by_class(classes: &str, details: Vec<(u32, Kinds)>) -> Cond {
    let names: Vec<&str> = classes.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    if names.iter().any(|name| BROAD.contains(name)) {
        return Cond::if_false(details);
    }
    let is_narrow = |name: &&str| name.ends_with("Error") || name.ends_with("Exception");
    let is_foreign = names.iter().any(|name| FOREIGN.contains(name));
    if !is_foreign && names.iter().any(is_narrow) { Cond::if_true(details) } else { Cond::default() }
}

/// Whether a handler catches what tells of the inside.
pub(super) fn tells(unit: &Unit, kind: &RegionKind) -> bool {
    let RegionKind::Handler(handler) = kind else { return false };
    let is_broad = |name: &str| BROAD.contains(&name.strip_prefix("builtins.").unwrap_or(name));
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
    /// What the exception that a handler catches tells of the inside.
    pub(super) fn detail(&self, state: &State, region: RegionId, to: LocalId, span: Span) -> Arc<Tree> {
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

    /// Whether the truth of `on`, at the end of `block`, says that a debug mode is on, or that errors may be shown.
    pub(super) fn is_debug(&self, block: BlockId, on: Operand) -> bool {
        let text = |name| self.module.unit.text(name);
        let key = |call: CallId| match self.body.calls[call].positional(0).map(|arg| arg.value) {
            Some(Operand::Const(Const::Str(name))) => text(name),
            _ => "",
        };
        let name = match on {
            Operand::Global(name) => text(name).rsplit('.').next().unwrap_or_default(),
            Operand::Local(local) => {
                let insts = &self.body.blocks[block].insts;
                let made = insts.iter().rev().find_map(|inst| match &inst.op {
                    Op::Let(to, Rvalue::Load(place)) if *to == local => match self.steps(*place).last() {
                        Some(Step::Attr(name) | Step::Item(Const::Str(name))) => Some(text(*name)),
                        _ => None,
                    },
                    // `config.get("SHOW_STACKTRACE")`
                    Op::Call(to, call) if *to == local => Some(key(*call)),
                    _ => None,
                });
                made.or_else(|| self.body.locals[local].name.map(text)).unwrap_or_default()
            }
            Operand::Const(_) => return false,
        };
        let ends = |end: &&str| {
            let at = name.len().checked_sub(end.len()).and_then(|at| name.get(at..));
            at.is_some_and(|at| at.eq_ignore_ascii_case(end))
        };
        FLAGS.iter().any(ends) && {
            let words = words(name);
            let first = words.first().map_or("", String::as_str);
            words.last().is_some_and(|last| last == "debug") || matches!(first, "show" | "expose" | "include")
        }
    }

    /// Notes that a debug mode is on: what there is may be shown.
    pub(super) fn learn_debug(state: &mut State) {
        state.clear(DEBUG, Kinds::DETAIL);
        state.origins_of(Kinds::DETAIL).into_iter().for_each(|origin| state.clear(origin, Kinds::DETAIL));
    }
}
