//! What a rule sees: one body, its file, and answers about both, computed when first asked.

use std::cell::OnceCell;

use rustc_hash::FxHashMap;

use crate::base::Symbol;
use crate::flow::{Cfg, Def, Dominators, Point, Uses, definitions, dominators, post_dominators};
use crate::ir::{
    Arg, Body, Call, CallId, Class, Const, FnId, Inst, LocalId, Op, Operand, Place, RegionId, Rvalue, Stmt,
    Unit,
};
use crate::text::{SourceFile, Span};

/// One body as rules see it.
pub struct Context<'a> {
    /// The file.
    pub file: &'a SourceFile,
    /// Its code.
    pub unit: &'a Unit,
    /// The body at hand.
    pub id: FnId,
    /// The body at hand.
    pub body: &'a Body,
    cfg: OnceCell<Cfg>,
    dominators: OnceCell<Dominators>,
    post_dominators: OnceCell<Dominators>,
    uses: OnceCell<Uses>,
    /// Where each call stands in its block.
    points: OnceCell<FxHashMap<CallId, Point>>,
}

impl<'a> Context<'a> {
    /// The view of body `id`.
    #[must_use]
    pub fn new(file: &'a SourceFile, unit: &'a Unit, id: FnId) -> Self {
        Self {
            file,
            unit,
            id,
            body: &unit.bodies[id],
            cfg: OnceCell::new(),
            dominators: OnceCell::new(),
            post_dominators: OnceCell::new(),
            uses: OnceCell::new(),
            points: OnceCell::new(),
        }
    }

    /// The view of another body of the same file.
    #[must_use]
    pub fn other(&self, id: FnId) -> Self {
        Self::new(self.file, self.unit, id)
    }

    // --- graph ---

    /// The control-flow graph.
    pub fn cfg(&self) -> &Cfg {
        self.cfg.get_or_init(|| Cfg::new(self.body))
    }

    /// Dominators, exceptional edges included.
    pub fn dominators(&self) -> &Dominators {
        self.dominators.get_or_init(|| dominators(self.body, self.cfg()))
    }

    /// Post-dominators over all ways out, exceptions included.
    pub fn post_dominators(&self) -> &Dominators {
        self.post_dominators.get_or_init(|| post_dominators(self.body, self.cfg(), false))
    }

    /// Who reads each local.
    pub fn uses(&self) -> &Uses {
        self.uses.get_or_init(|| Uses::new(self.body))
    }

    /// Whether control can come to `call`.
    #[must_use]
    pub fn is_reachable(&self, call: CallId) -> bool {
        self.cfg().is_reachable(self.body.calls[call].block)
    }

    /// All instructions with their points, in block order; those that cannot be reached included.
    pub fn insts(&self) -> impl Iterator<Item = (Point, &'a Inst)> + use<'a> {
        let body = self.body;
        body.blocks.pairs().flat_map(|(block, data)| {
            data.insts.iter().enumerate().map(move |(index, inst)| (Point { block, index }, inst))
        })
    }

    /// The point of `call`.
    #[must_use]
    pub fn point(&self, call: CallId) -> Point {
        let points = self.points.get_or_init(|| {
            let of = |(at, inst): (Point, &Inst)| match inst.op {
                // Of a block that is lowered twice the one that the call itself names.
                Op::Call(_, id) if self.body.calls[id].block == at.block => Some((id, at)),
                _ => None,
            };
            self.insts().filter_map(of).collect()
        });
        *points.get(&call).expect("a call stands in its block")
    }

    /// The instruction at `point`; `None` at the end of a block.
    #[must_use]
    pub fn inst(&self, point: Point) -> Option<&'a Inst> {
        self.body.blocks[point.block].insts.get(point.index)
    }

    /// The calls that stand in `region` or inside it, in source order, those of nested functions excluded.
    pub fn calls_in(&self, region: RegionId) -> impl Iterator<Item = (CallId, &'a Call)> + '_ {
        let body = self.body;
        body.calls.pairs().filter(move |(_, call)| body.is_within(body.blocks[call.block].region, region))
    }

    // --- names and text ---

    /// The string behind a symbol.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &'a str {
        self.unit.text(symbol)
    }

    /// The source under `span`.
    #[must_use]
    pub fn source(&self, span: Span) -> &'a str {
        self.file.slice(span)
    }

    /// Value path of a callee (`subprocess.Popen().wait`), empty if unknown.
    #[must_use]
    pub fn name(&self, call: &Call) -> &'a str {
        call.name.map_or("", |name| self.unit.text(name))
    }

    /// The last attribute of the callee as it is spelled (`wait`), or the bare name; empty for other callees.
    #[must_use]
    pub fn method(&self, call: &Call) -> &'a str {
        self.unit.text(call.method)
    }

    /// The callee without its last attribute, as it is spelled (`self.driver`); empty for bare names.
    #[must_use]
    pub fn receiver(&self, call: &Call) -> &'a str {
        let spelled = self.source(call.callee_span);
        spelled.rsplit_once('.').map_or("", |(receiver, _)| receiver.trim_end())
    }

    /// The statement of `call`.
    #[must_use]
    pub fn stmt(&self, call: &Call) -> &'a Stmt {
        &self.body.stmts[call.stmt]
    }

    /// Name of a local; empty for temporaries.
    #[must_use]
    pub fn local_name(&self, local: LocalId) -> &'a str {
        self.body.locals[local].name.map_or("", |name| self.unit.text(name))
    }

    /// The class around this method.
    #[must_use]
    pub fn class(&self) -> Option<&'a Class> {
        self.body.class.map(|class| &self.unit.classes[class])
    }

    /// The function of this file that `call` runs, where names, `self` or a constructor tell it.
    #[must_use]
    pub fn callee(&self, call: &Call) -> Option<FnId> {
        self.unit.function(call.name?)
    }

    /// The function's own name (`_delete`), empty for modules.
    #[must_use]
    pub fn function_name(&self) -> &'a str {
        self.source(self.body.name_span)
    }

    // --- values ---

    /// The argument `name`, or by position `index` when no name is used; `None` for `index` means by name only.
    #[must_use]
    pub fn arg(&self, call: &'a Call, index: Option<usize>, name: &str) -> Option<&'a Arg> {
        let by_name = call.args.iter().find(|arg| match arg.kind {
            crate::ir::ArgKind::Keyword(keyword) => self.unit.text(keyword) == name,
            _ => false,
        });
        by_name.or_else(|| index.and_then(|index| call.positional(index)))
    }

    /// The string that `operand` certainly is: a literal, or a local or module variable assigned only that.
    #[must_use]
    pub fn string(&self, operand: Operand, at: Point) -> Option<&'a str> {
        match self.constant(operand, at)? {
            Const::Str(text) => Some(self.unit.text(text)),
            _ => None,
        }
    }

    /// The literal that `operand` certainly is at `at`.
    #[must_use]
    pub fn constant(&self, operand: Operand, at: Point) -> Option<Const> {
        match self.value(operand, at)? {
            Rvalue::Use(Operand::Const(constant)) => Some(*constant),
            _ => None,
        }
    }

    /// Whether `operand` is certainly the constant `True` or `False` that is given.
    #[must_use]
    pub fn is_bool(&self, operand: Operand, at: Point, value: bool) -> bool {
        operand == Operand::Const(Const::Bool(value))
            || self.constant(operand, at) == Some(Const::Bool(value))
    }

    /// The one value that `operand` has at `at`, copies looked through; `None` if there are several or it is a
    /// parameter, call result or global. Constants have no instruction of their own: see [`Context::constant`].
    #[must_use]
    pub fn value(&self, operand: Operand, at: Point) -> Option<&'a Rvalue> {
        let mut operand = operand;
        let mut at = at;
        for _ in 0..16 {
            let local = operand.local()?;
            let defs = definitions(self.body, self.cfg(), at, local);
            let [Def::At(point)] = defs[..] else { return None };
            match &self.inst(point)?.op {
                Op::Let(_, Rvalue::Use(next @ Operand::Local(_))) => (operand, at) = (*next, point),
                Op::Let(_, value) => return Some(value),
                _ => return None,
            }
        }
        None
    }

    /// The call whose result `operand` is at `at`, copies, `await` and `with` looked through.
    #[must_use]
    pub fn made_by(&self, operand: Operand, at: Point) -> Option<CallId> {
        let mut operand = operand;
        let mut at = at;
        for _ in 0..16 {
            let defs = definitions(self.body, self.cfg(), at, operand.local()?);
            let [Def::At(point)] = defs[..] else { return None };
            match &self.inst(point)?.op {
                Op::Call(_, call) => return Some(*call),
                Op::Let(_, Rvalue::Use(next) | Rvalue::Enter(next)) | Op::Await(_, next) => {
                    (operand, at) = (*next, point);
                }
                _ => return None,
            }
        }
        None
    }

    /// The source of a place: `self.driver`, `port["id"]`.
    #[must_use]
    pub fn spell(&self, place: Place) -> String {
        crate::ir::print_place(self.unit, self.body, place)
    }

    /// Indentation of the line that holds `offset`.
    #[must_use]
    pub fn indent(&self, offset: u32) -> &'a str {
        let line = self.file.slice(self.file.line_span(self.file.line(offset)));
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }
}
