//! What annotations, `cast` and `isinstance` say of values: of which class each is, where it does not tell itself.

use std::sync::Arc;

use crate::base::Symbol;
use crate::ir::{Body, CallId, LocalId, Op, Operand, Rvalue};
use crate::program::{Module, Program, Thing};
use crate::python::ast::UnaryOp;
use crate::taint::body::Analyzer;
use crate::taint::state::{State, Var};
use crate::taint::value::{Key, Konst, Tree};

/// What annotations say of the locals of a body.
pub(super) fn declared(program: &Program<'_>, module: &Module<'_>, body: &Body) -> Vec<(LocalId, Thing)> {
    let thing = |(local, of): &(LocalId, Symbol)| Some((*local, program.declared(module, *of)?));
    body.typed.iter().filter_map(thing).collect()
}

impl Analyzer<'_, '_> {
    /// Makes what a local is given what its annotation says.
    pub(super) fn as_annotated(&self, to: LocalId, tree: &mut Arc<Tree>) {
        if let Some((_, thing)) = self.declared.iter().find(|(local, _)| *local == to) {
            as_declared(self.world.program, *thing, tree);
        }
    }

    /// Makes what an object has under `key` what the annotation of its class says.
    pub(super) fn as_typed(&self, object: &Tree, key: &Key, part: &mut Arc<Tree>) {
        if let (Some(class), Key::Attr(_), true) = (object.class, key, part.is_plain())
            && let Some(said) = self.world.shapes.instance(class).and_then(|shape| shape.field(key))
            && is_said(said)
        {
            as_said(said, part);
        }
    }

    /// Makes what `cast` gives what it says.
    pub(super) fn as_cast(&self, call: CallId, tree: &mut Arc<Tree>) {
        let program = self.world.program;
        let said = self.body.casts.iter().find(|(cast, _)| *cast == call);
        if let Some(thing) = said.and_then(|(_, of)| program.declared(self.module, *of)) {
            as_declared(program, thing, tree);
        }
    }

    /// Where `isinstance` has answered, the value is what was asked. What outsiders send is none of the program's objects.
    pub(super) fn as_asked(&self, state: &mut State, on: Operand, truth: bool) {
        let (false, Operand::Local(on)) = (self.body.asked.is_empty(), on) else { return };
        let (answer, truth) = match self.body.only_def(on) {
            Some(Op::Let(_, Rvalue::Unary(UnaryOp::Not, Operand::Local(inner)))) => (*inner, !truth),
            _ => (on, truth),
        };
        let program = self.world.program;
        for asked in self.body.asked.iter().filter(|asked| truth && asked.answer == answer) {
            let Some(thing) = program.declared(self.module, asked.of) else { continue };
            let var = Var::Local(asked.local);
            let mut tree = state.get(var).cloned().unwrap_or_default();
            if tree.labels.iter().all(|label| label.kinds.is_empty()) {
                as_declared(program, thing, &mut tree);
                state.set(var, tree);
            }
        }
    }
}

/// Where it stands that no more is told of an object than its class: which one it is nobody knows.
fn said_key() -> Key {
    Key::Item(Konst::Str(Arc::from("\0said")))
}

/// Whether no more is told of an object than its class.
pub(super) fn is_said(object: &Tree) -> bool {
    object.field(&said_key()).is_some()
}

/// Makes a value that does not tell of which class it is an object of what is said.
pub(super) fn as_declared(program: &Program<'_>, thing: Thing, tree: &mut Arc<Tree>) {
    let mut said = Tree::thing(program, thing);
    if said.class.is_some() {
        said.store(&[said_key()], &Arc::new(Tree::konst(Konst::Bool(true))));
    }
    as_said(&said, tree);
}

/// Makes a value that does not tell of which class it is one of that of `said`.
pub(super) fn as_said(said: &Tree, tree: &mut Arc<Tree>) {
    let is_open = tree.konst.is_none()
        && tree.class.is_none()
        && tree.maybe.is_none()
        && tree.object.is_none()
        && tree.funcs.is_empty();
    if is_open {
        let tree = Arc::make_mut(tree);
        (tree.class, tree.maybe, tree.object) = (said.class, said.maybe.clone(), said.object);
        said.fields.iter().for_each(|(key, part)| tree.store(std::slice::from_ref(key), part));
    }
}
