//! What a call may run, by the value that is called: functions, methods of objects whose class is known, objects that can
//! be called.

use std::sync::Arc;

use crate::base::Symbol;
use crate::ir::{Operand, Step};
use crate::program::{ClassIx, FuncId, Meaning, Thing};
use crate::taint::bind::of_unknown;
use crate::taint::body::Analyzer;
use crate::taint::bound::with_bound;
use crate::taint::calls::Site;
use crate::taint::demand::is_below;
use crate::taint::limits::MAX_OVERRIDES;
use crate::taint::state::State;
use crate::taint::value::{Callee, FuncRef, Tree, bound_key, frame_key};

impl Analyzer<'_, '_> {
    /// The functions of the program that a call may run.
    pub(super) fn functions(&self, state: &State, site: &Site<'_>) -> Vec<FuncRef> {
        let known = &site.known.callees;
        if !known.is_empty() {
            let frame = self.frame_of(state, site.call);
            let func = |id: &FuncId| FuncRef { frame: frame.clone(), ..FuncRef::new(Callee::Own(*id)) };
            return known.iter().map(func).collect();
        }
        let is_plain = matches!(site.call.callee.base, Operand::Global(_)) && site.receiver.is_none();
        if is_plain
            && matches!(site.call.name.map(|name| self.module.meaning(name)), Some(Meaning::Outside(path)) if !path.contains(['(', '[']))
            || matches!(site.call.name.map(|name| self.module.meaning(name)), Some(Meaning::Class(_)))
        {
            return Vec::new();
        }
        let steps = self.steps(site.call.callee);
        let is_of_module = match steps[..] {
            [Step::Attr(name)] => {
                self.member_of_module(site.call.callee.base, self.module.unit.text(name)).is_some()
            }
            _ => false,
        };
        let callee = match steps.split_last() {
            Some(_) if is_of_module => self.load(state, site.call.callee, site.call.callee_span),
            None => self.value(state, site.call.callee.base),
            Some((last, _)) => match &site.receiver {
                Some(receiver) => self.part(receiver, &self.key(state, *last)),
                None => return Vec::new(),
            },
        };
        if callee.funcs.is_empty() {
            self.test(&callee);
            let found = self.methods(site);
            return if found.is_empty() { self.called_object(&callee) } else { found };
        }
        let (frame, kept) = (callee.field(&frame_key()), callee.field(&bound_key()));
        let with_frame =
            |func: &FuncRef| FuncRef { frame: func.frame.clone().or_else(|| frame.cloned()), ..func.clone() };
        callee.funcs.iter().map(|func| with_bound(with_frame(func), kept)).collect()
    }

    /// Notes the classes of the objects that the program passes for a parameter.
    pub(super) fn passed_everywhere(&self, index: usize, tree: &mut Tree) {
        let things = self.world.program.passed_for(self.id, index);
        let program = self.world.program;
        let made = things.iter().filter(|thing| matches!(thing, Thing::Library(..)));
        let made = made.map(|thing| Tree::thing(program, *thing)).reduce(|mut all, made| {
            all.join(&made);
            all
        });
        if let Some(made) = made.filter(|_| tree.object.is_none()) {
            // What all of them are set to.
            made.fields.iter().for_each(|(key, part)| tree.store(std::slice::from_ref(key), part));
            tree.object = made.object;
        }
        let own = || things.iter().filter(|thing| !matches!(thing, Thing::Library(..)));
        if tree.class.is_some() || !own().all(|thing| matches!(thing, Thing::Object(_))) {
            return;
        }
        let classes = own().flat_map(|thing| Tree::thing(program, *thing).class);
        match &classes.collect::<Vec<_>>()[..] {
            [] => {}
            [class] => tree.class = Some(*class),
            classes => tree.maybe = Some(Arc::new(classes.to_vec())),
        }
    }

    /// Whether functions are those that have one name on several branches.
    pub(super) fn is_one(&self, funcs: &[FuncRef]) -> bool {
        let own = |func: &FuncRef| match func.func {
            Callee::Own(id) => Some(id),
            Callee::Outside(_) | Callee::Class(_) => None,
        };
        let Some(first) = funcs.first().and_then(own) else { return false };
        let others = self.world.program.on_other_branches(first);
        funcs.iter().skip(1).all(|func| own(func).is_some_and(|id| others.contains(&id)))
    }

    /// Gives what `getattr(object, name)` finds the methods of that name: its own, and those of classes below that the
    /// call is known to run.
    pub(super) fn attach(&self, class: ClassIx, name: Symbol, object: &Arc<Tree>, found: &mut Arc<Tree>) {
        let mut methods = self.world.program.overrides(class, name, MAX_OVERRIDES);
        let rest = methods.split_off(methods.len().min(1));
        methods.extend(rest.into_iter().filter(|func| is_below(self.world.graph, self.id, *func)));
        if !methods.is_empty() {
            let bound = |func| FuncRef { bound: vec![object.shallow()], ..FuncRef::new(Callee::Own(func)) };
            Arc::make_mut(found).funcs = methods.into_iter().map(bound).collect();
        }
    }

    /// What calling an object runs.
    fn called_object(&self, object: &Arc<Tree>) -> Vec<FuncRef> {
        let methods = object.classes().flat_map(|class| self.world.program.special(class, "__call__"));
        bound_to(object, methods.collect())
    }

    /// The methods that a call may run by the class of its receiver.
    fn methods(&self, site: &Site<'_>) -> Vec<FuncRef> {
        let program = self.world.program;
        let Some(receiver) = &site.receiver else { return Vec::new() };
        let name = self.module.global(site.call.method);
        let of = |class: ClassIx, name: Symbol| program.overrides(class, name, MAX_OVERRIDES);
        let found: Vec<FuncId> = receiver.classes().flat_map(|class| of(class, name)).collect();
        if found.is_empty() && site.method == "get" && !site.call.args.is_empty() {
            let mappings = receiver.classes().filter(|class| is_mapping(&program.outside_bases(*class)));
            let gets = mappings.flat_map(|class| program.special(class, "__getitem__"));
            return bound_to(receiver, gets.collect());
        }
        bound_to(receiver, found)
    }
}

/// Whether a class has `get` from one that asks its `__getitem__`.
fn is_mapping(bases: &[&str]) -> bool {
    const MAPPINGS: &[&str] =
        &["collections.abc.Mapping", "collections.abc.MutableMapping", "collections.UserDict"];
    bases
        .iter()
        .any(|base| MAPPINGS.contains(base) || base.starts_with("typing.") && base.ends_with("Mapping"))
}

/// Methods of an object.
fn bound_to(object: &Arc<Tree>, methods: Vec<FuncId>) -> Vec<FuncRef> {
    let bound = |func| FuncRef { bound: vec![of_unknown(object)], ..FuncRef::new(Callee::Own(func)) };
    methods.into_iter().map(bound).collect()
}
