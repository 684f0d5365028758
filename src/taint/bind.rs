//! Which argument of a call goes to which parameter.

use std::ops::Range;
use std::sync::Arc;

use crate::ir::{ArgKind, Operand, Param, ParamKind};
use crate::models::Kinds;
use crate::program::{ClassIx, FuncId, Meaning, Module};
use crate::taint::apply::Bound;
use crate::taint::argv::end_options;
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::generators::is_generator;
use crate::taint::state::State;
use crate::taint::value::{Callee, FuncRef, Key, Konst, Label, Tree, literal};

impl Analyzer<'_, '_> {
    /// What a call passes, by parameter of `func`; `before` are arguments that were bound to it.
    pub(super) fn bind_args(
        &self,
        state: &State,
        site: &Site<'_>,
        (func, before): (FuncId, &[Arc<Tree>]),
        made: Option<ClassIx>,
    ) -> Bound {
        let (module, _, body) = self.world.program.func(func);
        let params = &body.params;
        let mut bound: Bound = vec![None; params.len()];
        let is_method = body.class.is_some() && !self.is_static(func) && !params.is_empty();
        let by_instance = self.is_super(site)
            || site.call.name.is_some_and(|name| {
                matches!(self.module.meaning(name), Meaning::Method(..) | Meaning::Instance(_))
            });
        let (mut next, mut extra) = bind_first(params, before, &mut bound);
        if is_method && (made.is_some() || before.is_empty() && self.is_class_method(func)) {
            bound[0] = Some(Arc::default());
            next = 1;
        } else if is_method && (by_instance || self.is_bound_by_value(site)) && before.is_empty() {
            let own = self.body.params.first().map(|first| self.value(state, Operand::Local(first.local)));
            bound[0] = if self.is_super(site) { own } else { site.receiver.as_ref().map(of_unknown) };
            next = 1;
        }
        let keyword_of = |name: &str| {
            params.iter().position(|param| {
                body.locals[param.local].name.is_some_and(|own| module.unit.text(own) == name)
                    && !matches!(param.kind, ParamKind::Star | ParamKind::DoubleStar)
            })
        };
        let star = params.iter().position(|param| param.kind == ParamKind::Star);
        let stars = params.iter().position(|param| param.kind == ParamKind::DoubleStar);
        // What may come by position and by name alike: `f(*args, **kwargs)`.
        let mut open = 0..0;
        for (arg, tree) in site.call.args.iter().zip(&site.args) {
            match arg.kind {
                ArgKind::Positional => {
                    let fits = next < params.len()
                        && matches!(params[next].kind, ParamKind::Positional | ParamKind::PositionalOnly);
                    if fits {
                        bound[next] = Some(Arc::clone(tree));
                        next += 1;
                    } else if let Some(star) = star {
                        let list = Arc::make_mut(bound[star].get_or_insert_with(Arc::default));
                        list.store(&[Key::Item(Konst::Int(extra))], tree);
                        extra += 1;
                    } else if next == params.len() && is_generator(body.kind) {
                        bound.push(Some(Arc::clone(tree)));
                    }
                }
                ArgKind::Keyword(name) => {
                    let name = self.module.unit.text(name);
                    if let Some(at) = keyword_of(name) {
                        bound[at] = Some(Arc::clone(tree));
                    } else if let Some(stars) = stars {
                        let dict = Arc::make_mut(bound[stars].get_or_insert_with(Arc::default));
                        dict.store(&[Key::Item(Konst::Str(name.into()))], tree);
                    }
                }
                ArgKind::Star => {
                    let first = next;
                    let is_exact = self.bind_sequence(params, tree, &mut bound, &mut next);
                    if !is_exact && open.is_empty() {
                        open = first..next;
                    }
                }
                ArgKind::DoubleStar => self.bind_mapping(func, tree, &mut bound, &open),
            }
        }
        for (at, param) in params.iter().enumerate() {
            if bound[at].is_none() {
                let literal = param.default.and_then(|default| literal(module, default)).map(Tree::konst);
                bound[at] = literal.or_else(|| self.default_function(module, param)).map(Arc::new);
            }
        }
        bound.iter_mut().flatten().for_each(end_options);
        bound
    }

    /// The function that stands for a parameter for which none is passed: `def get(address, opener=urlopen)`.
    pub(super) fn default_function(&self, module: &Module<'_>, param: &Param) -> Option<Tree> {
        let callee = match module.meaning(param.named_default?) {
            Meaning::Function(func) => Callee::Own(*func),
            Meaning::Class(class) => Callee::Class(*class),
            Meaning::Outside(path) if self.world.models.has_call(path) => Callee::Outside(Arc::from(&**path)),
            _ => return None,
        };
        Some(Tree::func(FuncRef::new(callee)))
    }

    /// Binds what `functools.partial` was given by name to the parameters that no call gives a value.
    pub(super) fn bind_named(&self, func: &FuncRef, id: FuncId, bound: &mut Bound) {
        let (module, _, body) = self.world.program.func(id);
        for (key, tree) in func.named.iter().flat_map(|named| &named.fields) {
            let Key::Item(Konst::Str(name)) = key else { continue };
            let named = |param: &Param| {
                body.locals[param.local].name.is_some_and(|own| module.unit.text(own) == &**name)
            };
            let at = body.params.iter().position(named);
            if let Some(at) = at.filter(|at| bound[*at].as_ref().is_none_or(|tree| !tree.is_tainted())) {
                bound[at] = Some(Arc::clone(tree));
            }
        }
    }

    /// Whether a call runs a method of a class above on this body's own object: `super().__init__(text)`.
    pub(super) fn is_super(&self, site: &Site<'_>) -> bool {
        site.call.name.is_some_and(|name| self.module.unit.text(name).starts_with("super()."))
    }

    /// Whether a method was found as a part of a value: `self.handler = obj.run`.
    fn is_bound_by_value(&self, site: &Site<'_>) -> bool {
        let name = site.call.name.map(|name| self.module.meaning(name));
        matches!(name, Some(Meaning::Unknown) | None) && site.receiver.is_some()
    }

    /// `*values`: one element for each positional parameter that is left; whether it is known how many there are.
    fn bind_sequence(&self, params: &[Param], tree: &Arc<Tree>, bound: &mut Bound, next: &mut usize) -> bool {
        let by_position =
            |param: &Param| matches!(param.kind, ParamKind::Positional | ParamKind::PositionalOnly);
        let items = tree.items().filter(|items| !items.is_empty());
        let first = *next;
        while *next < params.len() && by_position(&params[*next]) {
            let index = *next - first;
            if items.as_ref().is_some_and(|items| index >= items.len()) {
                break;
            }
            let index = i64::try_from(index).unwrap_or(i64::MAX);
            bound[*next] = Some(self.part(tree, &Key::Item(Konst::Int(index))));
            *next += 1;
        }
        if let Some(star) = params.iter().position(|param| param.kind == ParamKind::Star) {
            let rest = Arc::make_mut(bound[star].get_or_insert_with(Arc::default));
            match items.as_ref().filter(|_| rest.is_plain()) {
                Some(items) => *rest = Tree::list_of(items.iter().skip(*next - first).cloned(), &[tree]),
                None => drop(rest.join(tree)),
            }
        }
        items.is_some()
    }

    /// `**values`: the part of each parameter's name; those in `open` may have got one by position.
    pub(super) fn bind_mapping(
        &self,
        func: FuncId,
        tree: &Arc<Tree>,
        bound: &mut Bound,
        open: &Range<usize>,
    ) {
        let (module, _, body) = self.world.program.func(func);
        for (at, param) in body.params.iter().enumerate() {
            if param.kind == ParamKind::DoubleStar {
                match &mut bound[at] {
                    None => bound[at] = Some(Arc::clone(tree)),
                    // What is passed by name stands in no mapping beside it: that raises.
                    Some(known) => {
                        let mut all = Tree::clone(tree);
                        known.labels.iter().for_each(|label| {
                            all.add(label);
                        });
                        known
                            .fields
                            .iter()
                            .for_each(|(key, part)| all.store(std::slice::from_ref(key), part));
                        *known = Arc::new(all);
                    }
                }
                continue;
            }
            let by_name = matches!(param.kind, ParamKind::Positional | ParamKind::KeywordOnly);
            let Some(name) = body.locals[param.local].name.filter(|_| by_name) else { continue };
            let key = Key::Item(Konst::Str(module.unit.text(name).into()));
            let part = self.part(tree, &key);
            match &mut bound[at] {
                _ if part.is_plain() => {}
                None => bound[at] = Some(part),
                // A parameter that is given twice raises.
                Some(known) if open.contains(&at) && tree.field(&key).is_some() => *known = part,
                Some(known) if open.contains(&at) => drop(Arc::make_mut(known).join(&part)),
                Some(_) => {}
            }
        }
    }
}

/// Binds arguments that stand before those of the call; how many parameters have one, and how many elements `*args` has.
fn bind_first(params: &[Param], before: &[Arc<Tree>], bound: &mut Bound) -> (usize, i64) {
    let mut next = 0;
    let mut extra = 0;
    for tree in before {
        match params.get(next).map(|param| param.kind) {
            Some(ParamKind::Positional | ParamKind::PositionalOnly) => {
                bound[next] = Some(Arc::clone(tree));
                next += 1;
            }
            Some(ParamKind::Star) => {
                let list = Arc::make_mut(bound[next].get_or_insert_with(Arc::default));
                list.store(&[Key::Item(Konst::Int(extra))], tree);
                extra += 1;
            }
            _ => {}
        }
    }
    (next, extra)
}

/// An object that something unknown has made of a value is not that value: none of its fields is.
pub(super) fn of_unknown(receiver: &Arc<Tree>) -> Arc<Tree> {
    let is_vague = |label: &Label| label.kinds.has(Kinds::THROUGH_UNKNOWN);
    if !receiver.labels.iter().any(is_vague) {
        return Arc::clone(receiver);
    }
    let mut object = Tree::clone(receiver);
    object.labels.retain(|label| !is_vague(label));
    Arc::new(object)
}
