//! Signals of libraries: who is connected to one is called by what is sent. In: `signal.connect(f)`, `@signal.connect`,
//! `@receiver(signal)`, of signals that variables of files hold. Out: the receivers of each variable; what a call that
//! sends does.

use std::sync::Arc;

use crate::base::Symbol;
use crate::ir::{ArgKind, Body, Call, Operand, Rvalue};
use crate::program::{FuncId, Meaning, Module, Program};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::state::State;
use crate::taint::value::{Callee, Key, Konst, Tree};

/// Signals by the value paths of their objects, with whether the sender is passed by name.
const SIGNALS: &[(&str, bool)] = &[("blinker.Signal()", false), ("django.dispatch.Signal()", true)];
const CONNECTS: &[&str] = &["connect", "connect_via", "connected_to"];
const SENDS: &[&str] = &["send", "send_async", "send_robust", "asend", "asend_robust"];
/// The decorators that are given signals.
const RECEIVERS: &[&str] = &["django.dispatch.receiver", "django.dispatch.dispatcher.receiver"];

/// The method of a signal that a value path is, and whether the sender is passed by name.
fn method(path: &str) -> Option<(&str, bool)> {
    SIGNALS.iter().find_map(|(signal, is_named)| {
        let method = path.strip_prefix(signal)?.strip_prefix('.')?;
        Some((method.strip_suffix("()").unwrap_or(method), *is_named))
    })
}

/// The functions that are connected to signals, with the variables that hold these.
pub(super) fn connected(program: &Program<'_>) -> Vec<(Symbol, FuncId)> {
    let mut found = Vec::new();
    for id in program.funcs() {
        let (module, _, body) = program.func(id);
        if module.is_test {
            continue;
        }
        for decorator in &body.decorators {
            let Some(name) = decorator.name else { continue };
            let Meaning::Outside(path) = module.meaning(name) else { continue };
            if method(path).is_some_and(|(method, _)| CONNECTS.contains(&method)) {
                let signal = module.unit.text(name).rsplit_once('.').map_or("", |(signal, _)| signal);
                found.extend(program.symbol(signal).map(|signal| (signal, id)));
            } else if RECEIVERS.contains(&&**path)
                && let Some(around) = body.parent.map(|around| &module.unit.bodies[around])
                && let Some(call) = around.calls.iter().find(|call| call.span == decorator.span)
            {
                found.extend(given(module, around, call).map(|signal| (signal, id)));
            }
        }
        for call in body.calls.iter() {
            let Some(Meaning::Outside(path)) = call.name.map(|name| module.meaning(name)) else { continue };
            let is_connect = method(path).is_some_and(|(method, _)| CONNECTS.contains(&method));
            if let (true, Operand::Global(signal)) = (is_connect, call.callee.base)
                && let Some(func) = call.positional(0).and_then(|arg| function(module, body, arg.value))
            {
                found.push((module.variable(signal), func));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The signals that a decorator is given.
fn given<'m>(
    module: &'m Module<'_>,
    around: &'m Body,
    call: &Call,
) -> impl Iterator<Item = Symbol> + use<'m> {
    let first = call.positional(0).map(|arg| arg.value);
    let insts = around.blocks.iter().flat_map(|block| &block.insts);
    let listed = insts.filter_map(move |inst| match &inst.op {
        crate::ir::Op::Let(to, Rvalue::List(items) | Rvalue::Tuple(items))
            if first == Some(Operand::Local(*to)) =>
        {
            Some(items)
        }
        _ => None,
    });
    let all = listed.flat_map(|items| items.iter().copied()).chain(first);
    all.filter_map(|value| match value {
        Operand::Global(signal) => Some(module.variable(signal)),
        Operand::Local(_) | Operand::Const(_) => None,
    })
}

/// The function of the program that an operand is.
fn function(module: &Module<'_>, body: &Body, operand: Operand) -> Option<FuncId> {
    let value = match operand {
        Operand::Global(name) => name,
        Operand::Local(local) => body.locals[local].value?,
        Operand::Const(_) => return None,
    };
    match module.meaning(value) {
        Meaning::Function(func) | Meaning::Method(func, _) => Some(*func),
        _ => None,
    }
}

impl Analyzer<'_, '_> {
    /// What sending a signal does; `None` for other calls.
    pub(super) fn signaled(&self, state: &mut State, site: &Site<'_>) -> Option<Arc<Tree>> {
        let (method, is_named) = method(site.path)?;
        let receiver = site.receiver.as_ref().filter(|_| SENDS.contains(&method))?;
        let receivers = self.any_part(receiver);
        if receivers.funcs.is_empty() {
            return None;
        }
        let mut named = self.by_name(site).map_or_else(Tree::default, |named| Tree::clone(&named));
        let mut args: Vec<Arc<Tree>> = Vec::new();
        for (arg, tree) in site.call.args.iter().zip(&site.args) {
            match arg.kind {
                ArgKind::Positional if is_named => {
                    named.store(&[Key::Item(Konst::Str("sender".into()))], tree);
                }
                ArgKind::Positional => args.push(Arc::clone(tree)),
                ArgKind::Keyword(_) | ArgKind::Star | ArgKind::DoubleStar => {}
            }
        }
        for func in receivers.funcs.iter().filter(|func| matches!(func.func, Callee::Own(_))) {
            self.run_given(state, site, func, (&args, &named));
        }
        Some(Arc::default())
    }
}
