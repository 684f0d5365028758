//! `except` clauses as rules see them.

use crate::flow::{Exit, Point, Step, walk};
use crate::ir::{
    Call, CallId, Handler, Inst, Operand, Region, RegionId, RegionKind, Terminator, Try, operands,
};
use crate::rules::Context;
use crate::rules::facts::logging;

/// An `except` clause that control can come to.
#[derive(Clone, Copy)]
pub(crate) struct Clause<'c, 'a> {
    /// The body it is in.
    pub(crate) context: &'c Context<'a>,
    /// Its region.
    pub(crate) id: RegionId,
    /// Its region.
    pub(crate) region: &'a Region,
    /// What it catches.
    pub(crate) handler: &'a Handler,
    /// Its `try` statement.
    pub(crate) of: &'a Try,
}

/// Whether `name` is a class that every error is one of.
pub(crate) fn is_broad_name(name: &str) -> bool {
    matches!(name, "Exception" | "BaseException" | "builtins.Exception" | "builtins.BaseException")
}

/// The `except` clauses of a body that control can come to, in source order.
pub(crate) fn clauses<'c, 'a>(context: &'c Context<'a>) -> impl Iterator<Item = Clause<'c, 'a>> + 'c {
    context.body.regions.pairs().filter_map(move |(id, region)| match &region.kind {
        RegionKind::Handler(handler) if context.cfg().is_reachable(region.entry) => {
            Some(Clause { context, id, region, handler, of: &context.body.tries[handler.of] })
        }
        _ => None,
    })
}

impl<'c, 'a> Clause<'c, 'a> {
    /// Whether it is a bare `except:`.
    pub(crate) fn is_bare(&self) -> bool {
        self.handler.types_span.is_none()
    }

    /// Whether it catches every error: bare, `Exception`, `BaseException`, or a tuple with one of them.
    pub(crate) fn is_broad(&self) -> bool {
        self.is_bare() || self.type_names().any(is_broad_name)
    }

    /// Resolved names of the caught classes.
    pub(crate) fn type_names(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.handler.types.iter().map(|name| self.context.text(*name))
    }

    /// Whether a block lies in the clause.
    pub(crate) fn contains(&self, block: crate::ir::BlockId) -> bool {
        self.context.body.is_within(self.context.body.blocks[block].region, self.id)
    }

    /// Instructions in the clause, nested blocks included, that control can come to.
    pub(crate) fn insts(&self) -> impl Iterator<Item = (Point, &'a Inst)> + '_ {
        self.context
            .insts()
            .filter(|(point, _)| self.contains(point.block) && self.context.cfg().is_reachable(point.block))
    }

    /// Calls in the clause, nested blocks included, that control can come to.
    pub(crate) fn calls(&self) -> impl Iterator<Item = (CallId, &'a Call)> + '_ {
        self.context
            .calls_in(self.id)
            .filter(|(id, _)| self.context.is_reachable(*id))
            .map(|(id, _)| (id, &self.context.body.calls[id]))
    }

    /// Calls in the guarded block, in source order; those in handlers of inner `try` statements included.
    pub(crate) fn guarded_calls(&self) -> impl Iterator<Item = (CallId, &'a Call)> + '_ {
        self.context.calls_in(self.of.body).map(|(id, _)| (id, &self.context.body.calls[id]))
    }

    /// Whether some path of the clause raises, or ends the program by a call that never returns.
    pub(crate) fn may_raise(&self) -> bool {
        let raises = self.context.body.blocks.pairs().any(|(id, block)| {
            matches!(block.end, Terminator::Raise { .. })
                && self.contains(id)
                && self.context.cfg().is_reachable(id)
        });
        raises || self.calls().any(|(_, call)| never_returns(self.context, call))
    }

    /// How paths leave the clause, instructions that never return ending theirs by [`Exit::Raise`].
    pub(crate) fn exits(&self) -> Vec<Exit> {
        let mut ended = Vec::new();
        let mut exits = walk(
            self.context.body,
            self.context.cfg(),
            Point::start(self.region.entry),
            |block| self.contains(block),
            |point, inst| match &inst.op {
                crate::ir::Op::Call(_, call)
                    if never_returns(self.context, &self.context.body.calls[*call]) =>
                {
                    ended.push(Exit::Raise(point.block));
                    Step::Stop
                }
                _ => Step::Go,
            },
        );
        exits.extend(ended);
        exits
    }

    /// Whether every path of the clause raises or ends the program.
    pub(crate) fn always_raises(&self) -> bool {
        let exits = self.exits();
        !exits.is_empty()
            && (exits.iter().all(|exit| matches!(exit, Exit::Raise(_))) || self.is_all_reraise())
    }

    /// Whether all of the clause stands in a `with` that raises again however the block is left: by `return` too.
    fn is_all_reraise(&self) -> bool {
        let body = self.context.body;
        let mut stmts = body.stmts_in(self.id).map(|(_, stmt)| stmt.span);
        let (Some(only), None) = (stmts.next(), stmts.next()) else { return false };
        let is_its = |region: &&Region| region.parent == Some(self.id) && only.contains(region.span);
        let switched_off = || self.context.source(only).contains(".reraise");
        body.regions
            .iter()
            .filter(is_its)
            .any(|region| matches!(&region.kind, RegionKind::With(with) if with.reraises) && !switched_off())
    }

    /// Whether the clause reads its exception: by the name `as` gives it, `sys.exc_info()`, or `traceback`.
    pub(crate) fn uses_exception(&self) -> bool {
        self.insts().any(|(_, inst)| self.mentions(inst)) || self.raises_exception()
    }

    /// Whether an instruction reads the exception.
    pub(crate) fn mentions(&self, inst: &Inst) -> bool {
        if let crate::ir::Op::Call(_, call) = &inst.op {
            let name = self.context.name(&self.context.body.calls[*call]);
            if matches!(name, "sys.exc_info" | "sys.exception") || name.starts_with("traceback.") {
                return true;
            }
        }
        self.handler.name.is_some_and(|bound| operands(self.context.body, inst).contains(bound))
    }

    fn raises_exception(&self) -> bool {
        let Some(bound) = self.handler.name else { return false };
        self.context.body.blocks.pairs().any(|(id, block)| {
            self.contains(id)
                && match &block.end {
                    Terminator::Raise { exception, .. } => *exception == Some(bound),
                    Terminator::Return(value) => *value == bound,
                    _ => false,
                }
        })
    }

    /// Whether the clause logs (at any level), prints, warns, or calls a function of this file that logs.
    pub(crate) fn tells(&self) -> bool {
        self.calls().any(|(_, call)| {
            let context = self.context;
            logging::log(context, call).is_some()
                || logging::announces(context, call)
                || context.callee(call).is_some_and(|callee| logging::logs_within(context, callee).is_some())
        })
    }

    /// The operand that `as` binds.
    pub(crate) fn bound(&self) -> Option<Operand> {
        self.handler.name
    }
}

/// Whether `call` ends the program or raises by its name: `module.fail_json`, `ctx.fail`, `parser.error`.
pub(crate) fn never_returns(context: &Context<'_>, call: &Call) -> bool {
    let receiver = context.receiver(call).rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match context.method(call) {
        "fail_json" | "exit_json" | "fail_json_aws" | "abort" | "skipTest" | "_exit" => true,
        "fail" => matches!(receiver.as_str(), "ctx" | "context" | "self" | "module" | "pytest" | "cli"),
        "exit" => {
            matches!(receiver.as_str(), "ctx" | "context" | "sys" | "parser" | "module" | "cli" | "pytest")
        }
        "error" => receiver.ends_with("parser"),
        "skip" | "xfail" => receiver == "pytest",
        _ => false,
    }
}
