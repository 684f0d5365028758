//! Loops that take each of some constants out of a text: `for c in "\\/:": name = name.replace(c, "")`. In: the loops of a
//! body. Out: for which kinds the text is harmless behind one.
//!
//! What is put in place of them must be a constant.

use rustc_hash::FxHashSet;

use crate::flow::Cfg;
use crate::ir::{BlockId, Body, Const, LocalId, Op, Operand, RegionId, Rvalue, Terminator};
use crate::program::{Meaning, Module};
use crate::taint::body::Analyzer;
use crate::taint::methods::replaced;
use crate::taint::rounds::{Defs, is_element, is_presence, texts};
use crate::taint::state::{State, Var};
use crate::taint::value::{Konst, Label};

/// The element of a loop, its header, and all that it runs.
type Round = (LocalId, BlockId, RegionId);

/// A text out of which a loop takes its elements.
#[derive(Clone)]
pub(super) struct Stripped {
    /// The text.
    name: LocalId,
    /// What the loop runs over.
    source: Operand,
    /// What it puts in their place.
    with: String,
    /// Whether the separator of paths is among the elements by its name.
    has_separator: bool,
}

/// What a loop over `source` takes its elements out of in every round.
pub(super) fn stripped(
    module: &Module<'_>,
    body: &Body,
    (cfg, defs): (&Cfg, &Defs<'_>),
    (round, source): (Round, Operand),
) -> Vec<Stripped> {
    let (element, _, region) = round;
    let mut found = Vec::new();
    for (block, data) in body.blocks.pairs().filter(|(_, data)| body.is_within(data.region, region)) {
        for inst in &data.insts {
            let Op::Call(to, id) = inst.op else { continue };
            let call = &body.calls[id];
            let [old, new] = &call.args[..] else { continue };
            let (Operand::Local(text), Operand::Local(old)) = (call.callee.base, old.value) else { continue };
            let Operand::Const(Const::Str(with)) = new.value else { continue };
            let is_replaced = module.unit.text(call.method) == "replace"
                && module.unit.paths.steps(call.callee.path).len() == 1
                && is_element(defs, old, element);
            if is_replaced
                && is_each_round(body, cfg, defs, (round, block))
                && is_all(body, (region, block), to, text)
            {
                let (with, has_separator) =
                    (module.unit.text(with).to_owned(), has_separator(module, defs, source));
                found.push(Stripped { name: text, source, with, has_separator });
            }
        }
    }
    found
}

/// Whether all that a loop assigns to `name` is what is `made` in a block.
fn is_all(body: &Body, (region, block): (RegionId, BlockId), made: LocalId, name: LocalId) -> bool {
    let inner = body.blocks.pairs().filter(|(_, data)| body.is_within(data.region, region));
    let ops = inner.flat_map(|(at, data)| data.insts.iter().map(move |inst| (at, &inst.op)));
    let mut assigned = ops.filter(|(_, op)| {
        matches!(op, Op::Let(to, _) | Op::Call(to, _) | Op::Await(to, _) | Op::Yield(to, ..) if *to == name)
    });
    let is_it = |(at, op): (BlockId, &Op)| {
        let is_made = match op {
            Op::Let(_, Rvalue::Use(Operand::Local(from))) => *from == made,
            Op::Call(to, _) => *to == made,
            _ => false,
        };
        at == block && is_made
    };
    assigned.next().is_some_and(is_it) && assigned.next().is_none()
}

/// Whether each round, but those of empty elements, comes by a block.
fn is_each_round(
    body: &Body,
    cfg: &Cfg,
    defs: &Defs<'_>,
    ((element, header, region), by): (Round, BlockId),
) -> bool {
    let Terminator::Iterate { body: first, .. } = body.blocks[header].end else { return false };
    let (mut todo, mut seen) = (vec![first], FxHashSet::default());
    while let Some(block) = todo.pop() {
        if block == header {
            return false;
        }
        if block == by || !seen.insert(block) || !body.is_within(body.blocks[block].region, region) {
            continue;
        }
        let empty = match body.blocks[block].end {
            Terminator::Branch { on: Operand::Local(on), no, .. } => {
                Some(no).filter(|_| is_presence(defs, on, element))
            }
            _ => None,
        };
        todo.extend(cfg.succs(block).iter().map(|edge| edge.block).filter(|to| Some(*to) != empty));
    }
    true
}

/// Whether `os.sep` stands in a display: `for sep in os.sep, os.altsep`.
fn has_separator(module: &Module<'_>, defs: &Defs<'_>, source: Operand) -> bool {
    let is_it = |part: &Operand| match part {
        Operand::Global(name) => {
            matches!(module.meaning(*name), Meaning::Outside(path) if matches!(&**path, "os.sep" | "os.path.sep"))
        }
        Operand::Local(_) | Operand::Const(_) => false,
    };
    let ops = source.local().and_then(|local| defs.get(&local)).map_or(&[][..], |ops| &ops[..]);
    let parts = |op: &Op| match op {
        Op::Let(_, Rvalue::Tuple(parts) | Rvalue::List(parts)) => parts.iter().any(is_it),
        _ => false,
    };
    ops.iter().any(|op| parts(op))
}

impl Analyzer<'_, '_> {
    /// Takes from a text for what it is harmless behind the last round.
    pub(super) fn strip(&self, state: &mut State, stripped: &Stripped) {
        let list = self.value(state, stripped.source);
        let mut gone: Vec<String> = match &list.konst {
            Some(Konst::Str(text)) => text.chars().map(String::from).collect(),
            _ => texts(&list).into_iter().flatten().map(|text| text.to_string()).collect(),
        };
        gone.extend(stripped.has_separator.then(|| "/".to_owned()));
        let clears = gone.iter().filter(|old| !stripped.with.contains(&***old));
        let clears = clears.map(|old| replaced(old, &stripped.with)).reduce(crate::models::Kinds::with);
        if let Some(clears) = clears {
            state.change(Var::Local(stripped.name), |tree| {
                tree.relabel(&|label| Label { kinds: label.kinds.without(clears), ..label.clone() });
            });
        }
    }
}
