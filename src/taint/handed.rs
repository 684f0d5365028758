//! What calls hand over: the functions among their arguments, for [`Callers`](super::callers::Callers). In: the calls of
//! one function and the packs. Out: who calls what from outside, and which parameters dependencies make.

use crate::ir::{ArgKind, Body, Call, Const, LocalId, Op, Operand, Rvalue, Step};
use crate::models::{Argument, Models, Registrar};
use crate::program::{ClassIx, FuncId, Meaning, Module, Program};
use crate::taint::body::Analyzer;
use crate::taint::callers::{Called, called};
use crate::taint::demand::Mask;
use crate::taint::summary::{From, Port, Summary};
use crate::taint::value::{Key, Label, Tree};

/// What a function is handed over as.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Handed {
    Func(FuncId),
    Class(ClassIx),
    Instance(ClassIx),
}

/// What a function hands over.
#[derive(Default)]
pub(super) struct Found<'m> {
    pub(super) called: Vec<(FuncId, Called<'m>)>,
    pub(super) injected: Vec<((FuncId, usize), Handed)>,
}

/// What a function hands over.
pub(super) fn handed_by<'m>(program: &Program<'_>, models: &'m Models, id: FuncId) -> Found<'m> {
    let (module, _, body) = program.func(id);
    let mut found = Found::default();
    if module.is_test {
        return found;
    }
    let at = Place { program, module, body };
    for call in body.calls.iter() {
        let path = match call.name.map(|name| module.meaning(name)) {
            Some(Meaning::Outside(path)) => Some(&**path),
            _ => None,
        };
        // `app.route("/x")(f)`, `login_required(f)`
        if let Some(caller) = path.and_then(|path| models.entry_by_decorator(path)) {
            let mut handed = Vec::new();
            call.positional(0).into_iter().for_each(|arg| at.handed(arg.value, 0, &mut handed));
            for handed in handed {
                if let Handed::Func(func) = handed {
                    found.called.push((func, called(caller, Vec::new())));
                }
            }
        }
        for registrar in models.registrars(path, module.unit.text(call.method)) {
            if !at.fits(call, registrar) {
                continue;
            }
            let mut handed = at.arguments(call, registrar);
            let param = if registrar.caller.injects { at.parameter(id, call) } else { None };
            if let Some((func, index)) = param {
                if handed.is_empty()
                    && call.args.is_empty()
                    && let Some(annotation) = program.func(func).2.params[index].annotation
                    && let Meaning::Class(class) = module.meaning(annotation)
                {
                    handed.push(Handed::Class(*class));
                }
                found.injected.extend(handed.first().map(|first| ((func, index), *first)));
            }
            let routes = at.texts(call);
            for func in handed.into_iter().flat_map(|handed| at.functions(handed, registrar)) {
                found.called.push((func, called(&registrar.caller, routes.clone())));
            }
        }
    }
    found
}

impl Analyzer<'_, '_> {
    /// What a dependency gives the parameter at `index`.
    pub(super) fn injected(&self, index: usize) -> Option<Tree> {
        let handed = self.world.callers.injected(self.id, index)?;
        let (name, class) = match handed {
            Handed::Func(func) => return Some(self.made_by(&*self.summary(func, Mask::NONE)?)),
            Handed::Class(class) => ("__init__", class),
            Handed::Instance(class) => ("__call__", class),
        };
        let program = self.world.program;
        let func = program.symbol(name).and_then(|name| program.method(class, name))?;
        let summary = self.summary(func, Mask::NONE)?;
        if name == "__call__" {
            return Some(self.made_by(&summary));
        }
        let mut tree = Tree { class: Some(class), ..Tree::default() };
        for (param, path, from) in &summary.effects {
            if let (0, Some(label)) = (*param, self.made_label(from)) {
                tree.join_at(path, &Tree::labeled(vec![label]));
            }
        }
        Some(tree)
    }

    /// What a function returns, or yields, that is called with nothing of ours.
    fn made_by(&self, summary: &Summary) -> Tree {
        let mut tree = summary.shape.as_deref().cloned().unwrap_or_default();
        for (path, from) in &summary.returns {
            let path = path.strip_prefix(&[Key::Any]).unwrap_or(path);
            match self.made_label(from) {
                Some(label) if path.is_empty() => drop(tree.add(&label)),
                Some(label) => drop(tree.join_at(path, &Tree::labeled(vec![label]))),
                None => {}
            }
        }
        tree
    }

    fn made_label(&self, from: &From) -> Option<Label> {
        let Port::Source(_) = from.port else { return None };
        let label = self.label(from.port.clone(), from.via.clone());
        Some(Label { kinds: from.kinds, ..label })
    }
}

/// A body that hands functions over.
struct Place<'p, 'a> {
    program: &'p Program<'a>,
    module: &'p Module<'a>,
    body: &'p Body,
}

impl Place<'_, '_> {
    /// Whether the receiver is called as a registrar by method wants it.
    fn fits(&self, call: &Call, registrar: &Registrar) -> bool {
        if registrar.receivers.is_empty() {
            return true;
        }
        let steps = self.module.unit.paths.steps(call.callee.path);
        let last = steps.iter().rev().nth(1).map_or_else(
            || match call.callee.base {
                Operand::Local(local) => self.body.locals[local].name,
                Operand::Global(name) => Some(name),
                Operand::Const(_) => None,
            },
            |step| match step {
                Step::Attr(name) => Some(*name),
                Step::Item(_) | Step::Element => None,
            },
        );
        let Some(last) = last.map(|name| self.module.unit.text(name)) else { return false };
        let last = last.rsplit('.').next().unwrap_or(last);
        registrar.receivers.iter().any(|known| last == known)
    }

    fn arguments(&self, call: &Call, registrar: &Registrar) -> Vec<Handed> {
        let given = registrar.at.iter().filter_map(|at| match at {
            Argument::Index(index) => call.positional(*index),
            Argument::Name(name) => call.args.iter().find(
                |arg| matches!(arg.kind, ArgKind::Keyword(known) if self.module.unit.text(known) == name),
            ),
        });
        let mut found = Vec::new();
        given.for_each(|arg| self.handed(arg.value, 0, &mut found));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The functions, classes and instances that a value is, holds, or was made of by decorators.
    fn handed(&self, operand: Operand, depth: u32, out: &mut Vec<Handed>) {
        /// Deepest nesting of calls and displays.
        const MAX_DEPTH: u32 = 4;
        let value = match operand {
            Operand::Local(local) => self.body.locals[local].value,
            Operand::Global(name) => Some(name),
            Operand::Const(_) => None,
        };
        match value.map(|value| self.module.meaning(value)) {
            // What a decorator of the program returns runs what it was given.
            Some(Meaning::Function(func) | Meaning::Method(func, _)) => out.push(Handed::Func(*func)),
            Some(Meaning::Class(class)) => return out.push(Handed::Class(*class)),
            Some(Meaning::Instance(class)) => return out.push(Handed::Instance(*class)),
            Some(Meaning::Module(_) | Meaning::Outside(_) | Meaning::Unknown) | None => {}
        }
        let Operand::Local(local) = operand else { return };
        if depth >= MAX_DEPTH {
            return;
        }
        for inst in self.body.blocks.iter().flat_map(|block| &block.insts) {
            match &inst.op {
                Op::Let(to, value) if *to == local => match value {
                    Rvalue::Function(_) if !out.is_empty() => {}
                    Rvalue::Function(func) => out.push(Handed::Func(self.program.of(self.module, *func))),
                    Rvalue::Use(value) => self.handed(*value, depth + 1, out),
                    Rvalue::List(items) | Rvalue::Tuple(items) => {
                        items.iter().for_each(|item| self.handed(*item, depth + 1, out));
                    }
                    Rvalue::Dict(items) => {
                        items.iter().for_each(|(_, item)| self.handed(*item, depth + 1, out));
                    }
                    _ => {}
                },
                Op::Call(to, call) if *to == local => {
                    let call = &self.body.calls[*call];
                    // `View.as_view()`
                    if self.module.unit.text(call.method) == "as_view" {
                        self.handed(call.callee.base, depth + 1, out);
                    }
                    // `login_required(view)`
                    call.args.iter().for_each(|arg| self.handed(arg.value, depth + 1, out));
                }
                _ => {}
            }
        }
    }

    /// The functions that who gets `handed` calls.
    fn functions(&self, handed: Handed, registrar: &Registrar) -> Vec<FuncId> {
        let (class, other) = match handed {
            Handed::Func(func) => return vec![func],
            Handed::Class(class) => (class, "__call__"),
            Handed::Instance(class) => (class, "__init__"),
        };
        let methods =
            self.program.above(class).iter().flat_map(|class| &self.program.classes[*class].methods).filter(
                |(name, _)| {
                    let name = self.program.text(**name);
                    name != other && registrar.means(name)
                },
            );
        let mut found: Vec<FuncId> = methods.map(|(_, func)| *func).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The texts that are passed beside.
    fn texts(&self, call: &Call) -> Vec<Box<str>> {
        let texts = call.args.iter().filter_map(|arg| match arg.value {
            Operand::Const(Const::Str(text)) => Some(self.module.unit.text(text).into()),
            _ => None,
        });
        texts.collect()
    }

    /// The parameter whose default or annotation a call in the body around is.
    fn parameter(&self, outer: FuncId, call: &Call) -> Option<(FuncId, usize)> {
        let bodies = self.module.unit.bodies.pairs();
        let (id, body) = bodies
            .filter(|(_, body)| {
                body.parent.is_some_and(|parent| self.program.of(self.module, parent) == outer)
            })
            .find(|(_, body)| body.span.start <= call.span.start && call.span.end <= body.span.end)?;
        let start = |local: LocalId| body.locals[local].span.start;
        let before = body.params.iter().enumerate().filter(|(_, param)| start(param.local) < call.span.start);
        let (index, _) = before.max_by_key(|(_, param)| start(param.local))?;
        Some((self.program.of(self.module, id), index))
    }
}
