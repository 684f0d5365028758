//! What a handler does about the failure it caught.

use rustc_hash::FxHashSet;

use crate::flow::defined;
use crate::ir::{
    BlockId, Call, CallId, Const, Inst, LocalId, Op, Operand, Region, RegionKind, Rvalue, StmtKind,
    Terminator, rvalue_operands,
};
use crate::rules::Context;
use crate::rules::facts::attempts;
use crate::rules::facts::cause::Cause;
use crate::rules::facts::handlers::Clause;
use crate::rules::facts::logging::{self, LogLevel};
use crate::rules::facts::verbs;

/// First words of calls that undo the failed step and tell nobody.
const UNDOING: &[&str] = &[
    "close",
    "aclose",
    "rollback",
    "disconnect",
    "sleep",
    "clear",
    "discard",
    "stop",
    "unlink",
    "remove",
    "delete",
    "rmtree",
    "save",
    "expunge",
];

/// The deeds of one clause.
pub(crate) struct Response {
    /// Some way through it raises or ends the program.
    pub(crate) raises: bool,
    /// Its log calls, in order, with their levels.
    pub(crate) logs: Vec<(CallId, LogLevel)>,
    /// It prints, warns, or calls a function of this file that logs.
    pub(crate) announces: bool,
    /// The exception is kept, passed on or returned, other than by a log.
    pub(crate) keeps: bool,
    /// It yields, sets something, or calls something other than a log or an undoing step: another way is tried, or
    /// the failure is recorded.
    pub(crate) acts: bool,
    /// It returns a value.
    pub(crate) gives: bool,
    /// Variables to which it gives nothing: `None`, 0, an empty text or container.
    pub(crate) emptied: Vec<LocalId>,
}

impl Response {
    /// Reads `clause`.
    pub(crate) fn new(clause: &Clause<'_, '_>) -> Self {
        let context = clause.context;
        let mut response = Self {
            raises: clause.may_raise(),
            logs: Vec::new(),
            announces: false,
            keeps: false,
            acts: false,
            gives: gives(clause),
            emptied: Vec::new(),
        };
        if response.raises {
            return response;
        }
        for (id, call) in clause.calls() {
            if let Some(log) = logging::log(context, call) {
                response.logs.push((id, log.level));
            }
        }
        let logs: Vec<&Call> = response.logs.iter().map(|(id, _)| &context.body.calls[*id]).collect();
        for (id, call) in clause.calls() {
            let callee = context.callee(call);
            if logging::log(context, call).is_some() || is_neutral(context, id, &logs) {
                continue;
            }
            if callee.is_some_and(|callee| attempts::always_raises(context, callee)) {
                response.raises = true;
            } else if logging::announces(context, call)
                || callee.is_some_and(|callee| logging::logs_within(context, callee).is_some())
            {
                response.announces = true;
            } else if !verbs::starts_with_word(context.method(call), UNDOING) {
                response.acts = true;
            }
        }
        for (_, inst) in clause.insts() {
            response.see(clause, inst, &logs);
        }
        let cause = Cause::new(*clause);
        response.keeps = cause.is_handed_on();
        response
    }

    /// The effect of an instruction that is no call.
    fn see(&mut self, clause: &Clause<'_, '_>, inst: &Inst, logs: &[&Call]) {
        let context = clause.context;
        match &inst.op {
            Op::Yield(..) => self.acts = true,
            Op::Delete(place) => self.acts |= context.unit.paths.split(place.path).is_some(),
            Op::Store(place, value) => {
                let is_variable = context.unit.paths.split(place.path).is_none();
                self.acts |= !(is_variable && is_nothing(context, *value));
            }
            Op::Let(to, value) if !context.local_name(*to).is_empty() => match value {
                Rvalue::Caught(_) => {}
                Rvalue::Use(source) if Some(*source) == clause.bound() => {}
                Rvalue::Use(value) if is_nothing(context, *value) => self.emptied.push(*to),
                Rvalue::List(items) | Rvalue::Tuple(items) | Rvalue::Set(items) if items.is_empty() => {
                    self.emptied.push(*to);
                }
                Rvalue::Dict(items) if items.is_empty() => self.emptied.push(*to),
                _ => self.acts |= !only_logged(context, *to, logs),
            },
            _ => {}
        }
    }

    /// Whether nobody is told and nothing is done.
    pub(crate) fn is_silent(&self) -> bool {
        !self.raises && !self.announces && !self.acts && !self.gives && self.logs.is_empty()
    }
}

/// `None`, 0, `""`.
fn is_nothing(context: &Context<'_>, value: Operand) -> bool {
    match value {
        Operand::Const(Const::None | Const::Int(0)) => true,
        Operand::Const(Const::Str(text)) => context.text(text).is_empty(),
        _ => false,
    }
}

/// Whether some `return` of the clause gives a value.
fn gives(clause: &Clause<'_, '_>) -> bool {
    let context = clause.context;
    context.body.stmts.iter().any(|stmt| {
        stmt.kind == StmtKind::Return
            && context.body.is_within(stmt.region, clause.id)
            && context.source(stmt.span).trim() != "return"
    })
}

/// Whether `call` is neither a deed nor another way: part of a log, making text, opening a block that re-raises.
fn is_neutral(context: &Context<'_>, id: CallId, logs: &[&Call]) -> bool {
    let call = &context.body.calls[id];
    let manages = context.body.regions.iter().any(|region| match &region.kind {
        RegionKind::With(with) => with.call == Some(id) && (with.suppresses || with.reraises),
        _ => false,
    });
    manages
        || logs.iter().any(|log| log.span.contains(call.span))
        || context.method(call) == "save_and_reraise_exception"
        || matches!(
            context.name(call),
            "str"
                | "repr"
                | "format"
                | "type"
                | "len"
                | "isinstance"
                | "hasattr"
                | "sys.exc_info"
                | "time.time"
                | "time.monotonic"
                | "gettext.gettext"
        )
        || context.name(call).starts_with("traceback.format_")
        || matches!(context.method(call), "_" | "format" | "join" | "format_message")
}

/// Whether a variable is read by log calls alone.
fn only_logged(context: &Context<'_>, local: LocalId, logs: &[&Call]) -> bool {
    let uses = context.uses().of(local);
    !uses.is_empty()
        && uses.iter().all(|at| {
            context.inst(*at).is_some_and(|inst| logs.iter().any(|log| log.span.contains(inst.span)))
        })
}

/// Whether a variable is tested on some way behind the entry of the clause, so that a missing value is noticed.
pub(crate) fn is_tested(context: &Context<'_>, local: LocalId, clause: &Region) -> bool {
    let mut seen: FxHashSet<BlockId> = [clause.entry].into_iter().collect();
    let mut todo = vec![clause.entry];
    while let Some(id) = todo.pop() {
        let block = &context.body.blocks[id];
        let of_local = |on: Operand| {
            on == Operand::Local(local)
                || block.insts.iter().any(|inst| match &inst.op {
                    Op::Let(to, value @ (Rvalue::Compare(..) | Rvalue::Unary(..) | Rvalue::Use(_))) => {
                        Operand::Local(*to) == on && rvalue_operands(value).contains(Operand::Local(local))
                    }
                    _ => false,
                })
        };
        if matches!(block.end, Terminator::Branch { on, .. } if of_local(on)) {
            return true;
        }
        let next = context.cfg().succs(id).iter().filter(|edge| !edge.unwind).map(|edge| edge.block);
        todo.extend(next.filter(|block| seen.insert(*block)));
    }
    false
}

/// Whether the guarded code sets a variable that is tested behind it: the test tells of the failure.
pub(crate) fn result_is_tested(clause: &Clause<'_, '_>) -> bool {
    let context = clause.context;
    let body = context.body;
    let mut set: Vec<LocalId> = context
        .insts()
        .filter(|(point, _)| body.is_within(body.blocks[point.block].region, clause.of.body))
        .filter_map(|(_, inst)| defined(inst))
        .filter(|local| !context.local_name(*local).is_empty())
        .collect();
    set.sort_unstable();
    set.dedup();
    set.into_iter().any(|local| is_tested(context, local, clause.region))
}
