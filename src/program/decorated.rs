//! What decorators of the program put in place of functions: `def deco(f): def run(*args): … ; return run`.
//!
//! In: decorators that are functions of the program. Out: the function that runs instead, and the name by which it knows
//! the one that was decorated. Several such functions around each other are not told.

use rustc_hash::FxHashMap;

use crate::base::Symbol;
use crate::ir::{Body, Call, Decorator, LocalId, Op, Operand, Rvalue, Terminator};
use crate::program::{FuncId, Meaning, Module, Program};

/// What a decorator is in the program.
pub struct Applied<'p> {
    /// The function that is given what is decorated.
    pub func: FuncId,
    /// The call that makes it: `@deco("name")`.
    pub call: Option<&'p Call>,
    /// The function whose call that is.
    pub maker: FuncId,
}

impl<'a> Program<'a> {
    /// The decorators of a function that are functions of the program.
    #[must_use]
    pub fn own_decorators(&self, id: FuncId) -> Vec<Applied<'a>> {
        let (module, _, body) = self.func(id);
        let own = |decorator: &Decorator| {
            let outer = &module.unit.bodies[body.parent?];
            let call = outer.calls.iter().find(|call| call.span == decorator.span);
            // `@bus.on("name")`
            let (Meaning::Function(maker) | Meaning::Method(maker, _)) = module.meaning(decorator.name?)
            else {
                return None;
            };
            if call.is_none() && matches!(module.meaning(decorator.name?), Meaning::Method(..)) {
                return None;
            }
            let func = match call {
                Some(_) => self.made_in(*maker)?,
                None => *maker,
            };
            Some(Applied { func, call, maker: *maker })
        };
        body.decorators.iter().filter_map(own).collect()
    }

    /// The function defined in another that this one returns, if it returns nothing else.
    fn made_in(&self, id: FuncId) -> Option<FuncId> {
        let (module, _, body) = self.func(id);
        let mut returned = returned(body).map(|value| match value {
            Operand::Local(local) => Some(self.of(module, function(body, local)?)),
            Operand::Global(name) => match module.meaning(name) {
                Meaning::Function(func) if module.unit.text(name).contains("<locals>") => Some(*func),
                _ => None,
            },
            Operand::Const(_) => None,
        });
        let first = returned.next()??;
        returned.all(|other| other == Some(first)).then_some(first)
    }

    /// The functions that run in place of decorated ones.
    pub(super) fn wrappers(&self) -> FxHashMap<FuncId, (FuncId, Option<Symbol>)> {
        self.funcs().filter_map(|id| Some((id, self.wrapper(id)?))).collect()
    }

    fn wrapper(&self, id: FuncId) -> Option<(FuncId, Option<Symbol>)> {
        let (module, _, body) = self.func(id);
        if body.decorators.is_empty() || module.is_test {
            return None;
        }
        let mut found = None;
        for decorator in self.own_decorators(id) {
            let (of, _, around) = self.func(decorator.func);
            let given = around.params.first()?.local;
            if returned(around).all(|value| value == Operand::Local(given)) {
                continue;
            }
            if found.is_some() {
                return None;
            }
            let run = self.made_in(decorator.func)?;
            found = Some((run, self.name_within(of, around, given)));
        }
        found
    }

    /// The name by which functions defined in a body know one of its variables.
    #[must_use]
    pub fn name_within(&self, module: &Module<'_>, body: &Body, local: LocalId) -> Option<Symbol> {
        let name = module.unit.text(body.locals[local].name?);
        self.symbol(&format!("{}.<locals>.{name}", module.unit.text(body.name)))
    }

    /// The function that runs in place of a decorated one, and the name by which that knows it.
    #[must_use]
    pub fn runs_instead(&self, id: FuncId) -> Option<(FuncId, Option<Symbol>)> {
        self.wrappers.get(&id).copied()
    }
}

/// What a body returns, `None` aside.
fn returned(body: &Body) -> impl Iterator<Item = Operand> {
    body.blocks.iter().filter_map(|block| match block.end {
        Terminator::Return(Operand::Const(crate::ir::Const::None)) => None,
        Terminator::Return(value) => Some(value),
        _ => None,
    })
}

/// The function that a local is.
fn function(body: &Body, local: LocalId) -> Option<crate::ir::FnId> {
    let insts = body.blocks.iter().flat_map(|block| &block.insts);
    let mut defs = insts.filter_map(|inst| match &inst.op {
        Op::Let(to, value) if *to == local => Some(value),
        _ => None,
    });
    match (defs.next(), defs.next()) {
        (Some(Rvalue::Function(id)), None) => Some(*id),
        _ => None,
    }
}
