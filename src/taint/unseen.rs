//! Methods of the program's objects that run unseen: behind subscripts, `with`, loops, operators, assignments, texts.
//!
//! Truth and comparisons other than `in` are not among them.

use std::sync::Arc;

use crate::ir::{Call, Const, LocalId, Op, Operand, Place, Rvalue, Step, StmtId};
use crate::program::{ClassIx, ENTERED, FuncId, LOOKED_UP, Maker, Meaning, SHOWN, of_operator};
use crate::python::ast::{CmpOp, Operator, UnaryOp};
use crate::taint::apply::Bound;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::eval::unary;
use crate::taint::exceptions::args_key;
use crate::taint::state::{State, Var};
use crate::taint::value::{Key, Konst, Tree};
use crate::taint::world::Known;
use crate::text::Span;

/// A variable, and the path in it at which an object stands.
pub(super) type Spot = (Operand, Vec<Key>);

impl Analyzer<'_, '_> {
    /// The class of the program that a value is an instance of, by itself or by its name.
    pub(super) fn class_of(&self, operand: Operand, tree: &Tree) -> Option<ClassIx> {
        let declared = || {
            let value = match operand {
                Operand::Local(local) => self.body.locals[local].value?,
                Operand::Global(name) => name,
                Operand::Const(_) => return None,
            };
            match self.module.meaning(value) {
                Meaning::Instance(class) => Some(*class),
                _ => None,
            }
        };
        tree.class.or_else(declared)
    }

    /// The methods of the first of `names` that an instance has, if it has any.
    fn first_of(&self, class: ClassIx, names: &[&str]) -> Vec<FuncId> {
        let mut found = names.iter().map(|name| self.world.program.special(class, name));
        found.find(|funcs| !funcs.is_empty()).unwrap_or_default()
    }

    /// Runs methods of an object, which is the first of `args` and stands at `spot`; `None` where it is not known what
    /// they do.
    pub(super) fn run_unseen(
        &self,
        state: &mut State,
        funcs: &[FuncId],
        (args, spot): (&[Arc<Tree>], Option<&Spot>),
        span: Span,
    ) -> Option<Arc<Tree>> {
        let mut all: Option<(Tree, State)> = None;
        for func in funcs {
            let (.., body) = self.world.program.func(*func);
            let mut bound: Bound = vec![None; body.params.len()];
            bound.iter_mut().zip(args).for_each(|(slot, arg)| *slot = Some(Arc::clone(arg)));
            let summary = self.summary_for(*func, &bound)?;
            let call = Call {
                callee: Place::bare(Operand::Const(Const::None)),
                name: None,
                method: self.body.name,
                args: Box::default(),
                span,
                callee_span: span,
                args_span: Span::empty(span.end),
                stmt: StmtId::new(0),
                to: LocalId::new(0),
                block: self.body.entry(),
            };
            let model = crate::models::CallModel::default();
            let known = Known { callees: vec![*func], model, ..Known::default() };
            let receiver = args.first().cloned();
            let site =
                Site { call: &call, known: &known, path: "", method: "", receiver, args: Vec::new(), spot };
            let mut own = state.clone();
            let tree = self.apply(&mut own, &site, &summary, &bound, *func);
            if summary.never_returns {
                continue;
            }
            self.join_way(&mut all, &tree, own);
        }
        let (tree, after) = all?;
        *state = after;
        Some(Arc::new(tree))
    }

    /// What a subscript, or an attribute that an object does not have, gives.
    pub(super) fn looked_into(
        &self,
        state: &State,
        (root, index): (Operand, usize),
        object: &Arc<Tree>,
        (step, key): (Step, &Key),
        span: Span,
    ) -> Option<Arc<Tree>> {
        let program = self.world.program;
        let names: &[&str] = if matches!(step, Step::Attr(_)) { &["__getattr__"] } else { LOOKED_UP };
        if !names.iter().any(|name| program.has_special(name)) {
            return None;
        }
        let class = if index == 0 { self.class_of(root, object) } else { object.class }?;
        if object.field(key).is_some() {
            return None;
        }
        let asked = match step {
            Step::Attr(attr) => {
                let attr = self.module.global(attr);
                if !program.is_answered(class, attr) {
                    return None;
                }
                Arc::new(Tree::konst(Konst::Str(program.text(attr).into())))
            }
            Step::Key(operand) => self.value(state, operand),
            Step::Item(constant) => self.value(state, Operand::Const(constant)),
            Step::Element => self.key_at(span).map_or_else(Arc::default, |key| self.value(state, key)),
        };
        let funcs = self.first_of(class, names);
        self.run_unseen(&mut state.clone(), &funcs, (&[Arc::clone(object), asked], None), span)
    }

    /// The key of the subscript at `span`, which is made right before.
    fn key_at(&self, span: Span) -> Option<Operand> {
        let mut pairs = self.body.blocks.iter().flat_map(|block| block.insts.windows(2));
        pairs.find_map(|pair| match (&pair[0].op, &pair[1].op) {
            (Op::Let(key, _) | Op::Call(key, _), Op::Let(_, Rvalue::Load(_))) if pair[1].span == span => {
                Some(Operand::Local(*key))
            }
            _ => None,
        })
    }

    /// What `value in object` tells of an object that decides by itself; `None` where it does not.
    pub(super) fn contained(
        &self,
        state: &State,
        op: CmpOp,
        (value, object): (Operand, Operand),
        span: Span,
    ) -> Option<Arc<Tree>> {
        if !matches!(op, CmpOp::In | CmpOp::NotIn) || !self.world.program.has_special("__contains__") {
            return None;
        }
        let (value, tree) = (self.value(state, value), self.value(state, object));
        let funcs = self.world.program.special(self.class_of(object, &tree)?, "__contains__");
        if funcs.is_empty() {
            return None;
        }
        let told = self.run_unseen(&mut state.clone(), &funcs, (&[tree, value], None), span);
        let told = told.unwrap_or_default();
        Some(if op == CmpOp::NotIn { Arc::new(unary(UnaryOp::Not, &told)) } else { told })
    }

    /// Runs what an assignment to `place` runs; whether it runs anything.
    pub(super) fn assigned(&self, state: &mut State, place: Place, value: &Arc<Tree>, span: Span) -> bool {
        let program = self.world.program;
        let Some((before, last)) = self.module.unit.paths.split(place.path) else { return false };
        let may_run = match last {
            Step::Attr(name) => program.has_setter(self.module.global(name)),
            Step::Item(_) | Step::Key(_) | Step::Element => program.has_special("__setitem__"),
        };
        if !may_run {
            return false;
        }
        let at = Place { path: before, ..place };
        let object = self.load(state, at, span);
        let declared = || self.class_of(place.base, &object).filter(|_| at == Place::bare(place.base));
        let Some(class) = object.class.or_else(declared) else { return false };
        let (funcs, args) = match last {
            Step::Attr(name) => {
                let setter = program.setter(class, self.module.global(name));
                (setter.into_iter().collect(), vec![Arc::clone(&object), Arc::clone(value)])
            }
            Step::Item(_) | Step::Key(_) | Step::Element => {
                let key = match self.key(state, last) {
                    Key::Item(key) => Arc::new(Tree::konst(key)),
                    Key::Attr(_) | Key::Any => Arc::default(),
                };
                (program.special(class, "__setitem__"), vec![Arc::clone(&object), key, Arc::clone(value)])
            }
        };
        let spot = (place.base, self.keys(state, at));
        !funcs.is_empty() && self.run_unseen(state, &funcs, (&args, Some(&spot)), span).is_some()
    }

    /// What `with` binds: what `__enter__` returns, or what a generator has yielded.
    pub(super) fn entered(&self, state: &mut State, manager: Operand, span: Span) -> Arc<Tree> {
        let tree = self.value_at(state, manager, span);
        if let Some(class) = self.class_of(manager, &tree) {
            let funcs = self.first_of(class, ENTERED);
            let spot = (manager, Vec::new());
            if let Some(found) = self.run_unseen(state, &funcs, (&[Arc::clone(&tree)], Some(&spot)), span) {
                return found;
            }
        }
        let is_yielded =
            tree.class.is_none() && tree.labels.is_empty() && matches!(&tree.fields[..], [(Key::Any, _)]);
        if is_yielded { self.any_part(&tree) } else { tree }
    }

    /// What a loop over an object runs over.
    pub(super) fn iterated(&self, state: &mut State, of: Operand, tree: Arc<Tree>, span: Span) -> Arc<Tree> {
        let Some(class) = self.class_of(of, &tree) else { return tree };
        let program = self.world.program;
        let funcs = self.first_of(class, &["__iter__", "__aiter__"]);
        let object = [Arc::clone(&tree)];
        let found = self.run_unseen(state, &funcs, (&object, Some(&(of, Vec::new()))), span);
        let (class, walk) = match found {
            Some(found) => (found.class, found),
            None if funcs.is_empty() => (Some(class), Arc::clone(&tree)),
            None => return tree,
        };
        let Some(class) = class else { return walk };
        let next = self.first_of(class, &["__next__", "__anext__"]);
        let item = match self.run_unseen(state, &next, (std::slice::from_ref(&walk), None), span) {
            Some(item) => item,
            None if funcs.is_empty() && next.is_empty() => {
                let gets = program.special(class, "__getitem__");
                match self.run_unseen(state, &gets, (&object, None), span) {
                    Some(item) => item,
                    None => return tree,
                }
            }
            None => return walk,
        };
        let mut list = Tree::default();
        list.store(&[Key::Any], &item);
        Arc::new(list)
    }

    /// The text of a value: what its methods make of it.
    pub(super) fn shown(&self, state: &State, tree: &Arc<Tree>, names: &[&str], span: Span) -> Arc<Tree> {
        let program = self.world.program;
        if let Some(args) = tree.field(&args_key()) {
            let mut text = Tree::labeled(args.all());
            tree.labels.iter().for_each(|label| {
                text.add(label);
            });
            return Arc::new(text);
        }
        if !SHOWN.iter().any(|name| program.has_special(name)) {
            return Arc::clone(tree);
        }
        let Some(class) = tree.class else { return Arc::clone(tree) };
        let funcs = self.first_of(class, names);
        let found = self.run_unseen(&mut state.clone(), &funcs, (std::slice::from_ref(tree), None), span);
        found.unwrap_or_else(|| Arc::clone(tree))
    }

    /// As [`Analyzer::shown`], of what an operand holds.
    pub(super) fn shown_of(
        &self,
        state: &State,
        (operand, mut tree): (Operand, Arc<Tree>),
        names: &[&str],
        span: Span,
    ) -> Arc<Tree> {
        if tree.class.is_none()
            && let Some(class) = self.class_of(operand, &tree)
        {
            Arc::make_mut(&mut tree).class = Some(class);
        }
        self.shown(state, &tree, names, span)
    }

    /// As [`Analyzer::shown`], of each element of what a template is filled with.
    pub(super) fn shown_each(&self, state: &State, tree: Arc<Tree>, span: Span) -> Arc<Tree> {
        let has_class = |tree: &Tree| tree.class.is_some();
        if has_class(&tree) {
            return self.shown(state, &tree, &SHOWN[1..], span);
        }
        if !tree.fields.iter().any(|(_, part)| has_class(part)) {
            return tree;
        }
        let mut tree = tree;
        for (_, part) in &mut Arc::make_mut(&mut tree).fields {
            *part = self.shown(state, part, &SHOWN[1..], span);
        }
        tree
    }

    /// What an operator of an object gives.
    pub(super) fn operated(
        &self,
        state: &State,
        op: Operator,
        [left, right]: [(Operand, &Arc<Tree>); 2],
        span: Span,
    ) -> Option<Arc<Tree>> {
        let (of_left, of_right) = of_operator(op)?;
        let run = |name: &str, object: (Operand, &Arc<Tree>), other: &Arc<Tree>| {
            if !self.world.program.has_special(name) {
                return None;
            }
            let funcs = self.world.program.special(self.class_of(object.0, object.1)?, name);
            let args = [Arc::clone(object.1), Arc::clone(other)];
            self.run_unseen(&mut state.clone(), &funcs, (&args, None), span)
        };
        run(of_left, left, right.1).or_else(|| run(of_right, right, left.1))
    }

    /// Runs what runs when an object is made: behind the constructor of a dataclass, in a model.
    pub(super) fn set_up(&self, state: &mut State, site: &Site<'_>, made: Arc<Tree>) -> Arc<Tree> {
        let makers = made.class.map(|class| self.world.program.makers(class)).unwrap_or_default();
        if makers.is_empty() {
            return made;
        }
        let to = site.call.to;
        state.set(Var::Local(to), made);
        self.run_makers(state, &makers, to, site.call.span);
        state.get(Var::Local(to)).cloned().unwrap_or_default()
    }

    /// Runs the same where a framework makes the model that it calls a function with.
    pub(super) fn set_up_params(&self, state: &mut State) {
        if self.world.callers.of(self.id).is_none() {
            return;
        }
        let own = usize::from(self.class.is_some());
        for param in self.body.params.iter().skip(own) {
            let Some(tree) = state.get(Var::Local(param.local)).filter(|tree| self.has_source(tree)) else {
                continue;
            };
            let makers = tree.class.map(|class| self.world.program.makers(class)).unwrap_or_default();
            if !makers.is_empty() {
                let was = self.reporting.replace(true);
                self.run_makers(state, &makers, param.local, self.body.locals[param.local].span);
                self.reporting.replace(was);
            }
        }
    }

    /// Runs methods of the object that a local is: with the object, or with the values of fields.
    fn run_makers(&self, state: &mut State, makers: &[&Maker], local: LocalId, span: Span) {
        let spot = (Operand::Local(local), Vec::new());
        for maker in makers {
            let object = state.get(Var::Local(local)).cloned().unwrap_or_default();
            if maker.fields.is_empty() {
                self.run_unseen(state, &[maker.func], (&[object], Some(&spot)), span);
                continue;
            }
            for field in &maker.fields {
                let value = self.part(&object, &Key::Attr(*field));
                self.run_unseen(state, &[maker.func], (&[Arc::default(), value], None), span);
            }
        }
    }
}
