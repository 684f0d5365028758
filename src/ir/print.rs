//! Bodies as text, for snapshots and for people who debug lowering.

use std::fmt::Write;

use crate::ir::{
    Arg, ArgKind, Body, Call, Const, FnId, Op, Operand, Place, RegionKind, Rvalue, Step, Terminator, Unit,
};

/// All bodies of `unit`.
#[must_use]
pub fn print(unit: &Unit) -> String {
    unit.bodies.ids().map(|id| print_body(unit, id)).collect::<Vec<_>>().join("\n")
}

/// One body: a line per instruction, blocks by number, `~>` the unwind edge.
#[must_use]
pub fn print_body(unit: &Unit, id: FnId) -> String {
    let body = &unit.bodies[id];
    let printer = Printer { unit, body };
    let params: Vec<String> = body.params.iter().map(|param| printer.local(param.local)).collect();
    let mut out = format!("{}({})\n", unit.text(body.name), params.join(", "));
    let reached = reachable(body);
    for (block, data) in body.blocks.pairs().filter(|(block, _)| reached[block.index()]) {
        let unwind = data.unwind.map_or(String::new(), |to| format!(" ~> b{to:?}"));
        let region = match &body.regions[data.region].kind {
            RegionKind::Body => String::new(),
            other => format!(" {}", region_name(other)),
        };
        let _ = writeln!(out, "b{block:?}:{region}{unwind}");
        for inst in &data.insts {
            let _ = writeln!(out, "    {}", printer.op(&inst.op));
        }
        let _ = writeln!(out, "    {}", printer.end(&data.end));
    }
    out
}

/// A place as the source spells it: `self.driver`, `port["id"]`, `x[*]`.
#[must_use]
pub fn print_place(unit: &Unit, body: &Body, place: Place) -> String {
    Printer { unit, body }.place(place).replace('@', "")
}

fn reachable(body: &Body) -> Vec<bool> {
    let mut seen = vec![false; body.blocks.len()];
    let mut todo = vec![body.entry()];
    while let Some(block) = todo.pop() {
        if !std::mem::replace(&mut seen[block.index()], true) {
            todo.extend(body.blocks[block].successors().chain(body.blocks[block].unwind));
        }
    }
    seen
}

fn region_name(kind: &RegionKind) -> &'static str {
    match kind {
        RegionKind::Body => "body",
        RegionKind::Try(_) => "try",
        RegionKind::Handler(_) => "handler",
        RegionKind::Else(_) => "else",
        RegionKind::Finally(_) => "finally",
        RegionKind::Loop { .. } => "loop",
        RegionKind::With(_) => "with",
        RegionKind::Branch => "branch",
    }
}

struct Printer<'a> {
    unit: &'a Unit,
    body: &'a Body,
}

impl Printer<'_> {
    fn local(&self, local: crate::ir::LocalId) -> String {
        match self.body.locals[local].name {
            Some(name) => self.unit.text(name).to_owned(),
            None => format!("t{local:?}"),
        }
    }

    fn constant(&self, constant: Const) -> String {
        match constant {
            Const::None => "None".to_owned(),
            Const::Bool(value) => if value { "True" } else { "False" }.to_owned(),
            Const::Int(n) => n.to_string(),
            Const::Number(text) => self.unit.text(text).to_owned(),
            Const::Str(text) => format!("{:?}", self.unit.text(text)),
            Const::Bytes(text) => format!("b{:?}", self.unit.text(text)),
            Const::Ellipsis => "...".to_owned(),
        }
    }

    fn operand(&self, operand: Operand) -> String {
        match operand {
            Operand::Local(local) => self.local(local),
            Operand::Const(constant) => self.constant(constant),
            Operand::Global(name) => format!("@{}", self.unit.text(name)),
        }
    }

    fn operands(&self, operands: &[Operand]) -> String {
        operands.iter().map(|operand| self.operand(*operand)).collect::<Vec<_>>().join(", ")
    }

    fn place(&self, place: Place) -> String {
        let mut out = self.operand(place.base);
        for step in self.unit.paths.steps(place.path) {
            match step {
                Step::Attr(name) => {
                    let _ = write!(out, ".{}", self.unit.text(name));
                }
                Step::Item(key) => {
                    let _ = write!(out, "[{}]", self.constant(key));
                }
                Step::Element | Step::Key(_) => out.push_str("[*]"),
            }
        }
        out
    }

    fn op(&self, op: &Op) -> String {
        match op {
            Op::Let(to, value) => format!("{} = {}", self.local(*to), self.rvalue(value)),
            Op::Store(place, value) => format!("{} = {}", self.place(*place), self.operand(*value)),
            Op::Call(to, call) => format!("{} = {}", self.local(*to), self.call(&self.body.calls[*call])),
            Op::Delete(place) => format!("del {}", self.place(*place)),
            Op::Await(to, value) => format!("{} = await {}", self.local(*to), self.operand(*value)),
            Op::Yield(to, value, delegates) => {
                format!(
                    "{} = yield{} {}",
                    self.local(*to),
                    if *delegates { " from" } else { "" },
                    self.operand(*value)
                )
            }
            Op::Exit(region) => format!("exit with r{region:?}"),
        }
    }

    fn call(&self, call: &Call) -> String {
        let args: Vec<String> = call.args.iter().map(|arg| self.arg(arg)).collect();
        let name = call.name.map_or(String::new(), |name| format!("  # {}", self.unit.text(name)));
        format!("{}({}){name}", self.place(call.callee), args.join(", "))
    }

    fn arg(&self, arg: &Arg) -> String {
        let value = self.operand(arg.value);
        match arg.kind {
            ArgKind::Positional => value,
            ArgKind::Keyword(name) => format!("{}={value}", self.unit.text(name)),
            ArgKind::Star => format!("*{value}"),
            ArgKind::DoubleStar => format!("**{value}"),
        }
    }

    fn rvalue(&self, value: &Rvalue) -> String {
        match value {
            Rvalue::Use(operand) => self.operand(*operand),
            Rvalue::Load(place) => self.place(*place),
            Rvalue::Binary(op, left, right) => {
                format!("{} {op} {}", self.operand(*left), self.operand(*right))
            }
            Rvalue::Unary(op, operand) => format!("{op} {}", self.operand(*operand)),
            Rvalue::Compare(op, left, right) => {
                format!("{} {op} {}", self.operand(*left), self.operand(*right))
            }
            Rvalue::Format(parts) => format!("format({})", self.operands(parts)),
            Rvalue::Slice(of, bounds) => format!("slice({}; {})", self.operand(*of), self.operands(bounds)),
            Rvalue::List(items) => format!("[{}]", self.operands(items)),
            Rvalue::Tuple(items) => format!("({})", self.operands(items)),
            Rvalue::Set(items) => format!("{{{}}}", self.operands(items)),
            Rvalue::Dict(items) => {
                let items: Vec<String> = items
                    .iter()
                    .map(|(key, value)| match key {
                        Some(key) => format!("{}: {}", self.operand(*key), self.operand(*value)),
                        None => format!("**{}", self.operand(*value)),
                    })
                    .collect();
                format!("{{{}}}", items.join(", "))
            }
            Rvalue::Next(of) => format!("next {}", self.operand(*of)),
            Rvalue::Enter(of) => format!("enter {}", self.operand(*of)),
            Rvalue::Caught(region) => format!("caught r{region:?}"),
            Rvalue::Function(id) => format!("function {}", self.unit.text(self.unit.bodies[*id].name)),
            Rvalue::Class(id) => format!("class {}", self.unit.text(self.unit.classes[*id].name)),
            Rvalue::Spread(of) => format!("*{}", self.operand(*of)),
            Rvalue::Matches(subject, parts) => {
                format!("matches({}; {})", self.operand(*subject), self.operands(parts))
            }
            Rvalue::Opaque(parts) => format!("opaque({})", self.operands(parts)),
        }
    }

    fn end(&self, end: &Terminator) -> String {
        match end {
            Terminator::Goto(to) => format!("goto b{to:?}"),
            Terminator::Branch { on, yes, no } => format!("if {} b{yes:?} else b{no:?}", self.operand(*on)),
            Terminator::Iterate { body, done } => format!("for b{body:?} else b{done:?}"),
            Terminator::Dispatch { handlers, catches_all } => {
                let to: Vec<String> = handlers.iter().map(|block| format!("b{block:?}")).collect();
                format!("catch {}{}", to.join(", "), if *catches_all { "" } else { " or unwind" })
            }
            Terminator::Raise { exception: Some(exception), .. } => {
                format!("raise {}", self.operand(*exception))
            }
            Terminator::Raise { exception: None, .. } => "raise".to_owned(),
            Terminator::Return(value) => format!("return {}", self.operand(*value)),
            Terminator::Unreachable => "unreachable".to_owned(),
        }
    }
}
