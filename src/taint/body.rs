//! Follows taint through one body: what it begins with, and its instructions one by one.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::{IdVec, Symbol};
use crate::flow::{Cfg, Liveness};
use crate::ir::{BlockId, Body, FnId, Inst, LocalId, Op, Operand, ParamKind, Place, Rvalue, Step};
use crate::models::{Kinds, Threat};
use crate::program::{ClassIx, FuncId, Module, ObjectId, Thing};
use crate::taint::aliases::Alias;
use crate::taint::declared::declared;
use crate::taint::demand::{self, Group, Mask, Own};
use crate::taint::forms::{Form, of_client_alone, without_own};
use crate::taint::limits::MAX_INSTS;
use crate::taint::objects::objects;
use crate::taint::origins::Origin;
use crate::taint::rounds::{Loop, loops};
use crate::taint::state::{Element, State, Var};
use crate::taint::summary::{Port, Summary};
use crate::taint::value::{Callee, FuncRef, Key, Label, Tree, literal};
use crate::taint::ways::Flags;
use crate::taint::world::{Given, Known, World, known};
use crate::text::{SourceFile, Span};

pub(super) struct Analyzer<'w, 'a> {
    pub(super) world: &'w World<'w, 'a>,
    pub(super) module: &'w Module<'a>,
    pub(super) id: FuncId,
    pub(super) body: &'a Body,
    pub(super) class: Option<ClassIx>,
    pub(super) file: &'w SourceFile,
    pub(super) cfg: Cfg,
    /// What the summary is made for.
    pub(super) context: &'w Context<'w>,
    pub(super) origins: RefCell<Vec<Origin>>,
    pub(super) known_origins: RefCell<FxHashMap<Origin, u32>>,
    /// The calls that sources come back from, by how they are spelled.
    pub(super) spellings: RefCell<FxHashMap<Box<str>, u32>>,
    /// The origins of parts of what an origin is of.
    pub(super) parts: RefCell<FxHashMap<(u32, Key), u32>>,
    /// What an origin is a part of, or reads once more: what is shown of that holds for it too.
    pub(super) wholes: RefCell<FxHashMap<u32, u32>>,
    /// What an origin was before its percent-encoding was undone.
    pub(super) unquoted: RefCell<FxHashMap<u32, u32>>,
    /// What is found; filled in the last pass.
    pub(super) out: RefCell<Summary>,
    pub(super) reporting: RefCell<bool>,
    pub(super) live: Liveness,
    /// The locals that are objects of libraries.
    pub(super) objects: Vec<(LocalId, ObjectId)>,
    /// What annotations say of locals.
    pub(super) declared: Vec<(LocalId, Thing)>,
    /// What is known of each call.
    pub(super) calls: IdVec<crate::ir::CallId, Known<'w>>,
    /// Parameters whose values decide something.
    pub(super) tested: RefCell<Vec<usize>>,
    pub(super) loops: Vec<Loop>,
    /// The locals that functions defined here use, with their names there.
    pub(super) captured: Vec<(LocalId, Symbol)>,
    /// The locals that are other names for what stands elsewhere, made when they are asked for.
    pub(super) aliases: OnceCell<Vec<Alias>>,
    /// The lists of entries that loops run over, and the mappings they are of, made when they are asked for.
    pub(super) views: OnceCell<Vec<(LocalId, LocalId)>>,
    /// What the call at hand raises.
    pub(super) thrown: RefCell<Option<Box<Tree>>>,
    /// The blocks at whose end a setting decides.
    pub(super) settings: Vec<BlockId>,
    /// The origins of the elements of each loop.
    pub(super) rounds: RefCell<FxHashMap<LocalId, Vec<Element>>>,
    /// The origins of what the instruction at hand reads once more.
    pub(super) reread: RefCell<Vec<u32>>,
    /// Variables whose truth tells something.
    pub(super) flags: Flags,
    /// The origins of single letters of texts.
    pub(super) letters: RefCell<FxHashSet<u32>>,
    /// The origins of what was read under a key that a variable holds, by the variable.
    pub(super) asked: RefCell<FxHashMap<LocalId, Vec<u32>>>,
}

/// What a summary is made for.
pub(super) struct Context<'c> {
    /// The parameters that are given taint.
    pub(super) mask: Mask,
    /// What the caller passes that decides something.
    pub(super) given: Vec<(usize, Given)>,
    /// The summaries of functions that it passes.
    pub(super) funcs: Vec<(FuncId, Arc<Summary>)>,
    /// How many such summaries it is in, one within the other.
    pub(super) depth: u32,
    /// The functions that call each other of which it is one.
    pub(super) group: Option<&'c Group<'c>>,
    /// What it does so far where it calls itself for the same.
    pub(super) own: Option<&'c Own>,
}

impl Default for Context<'_> {
    fn default() -> Self {
        Self { mask: Mask::NONE, given: Vec::new(), funcs: Vec::new(), depth: 0, group: None, own: None }
    }
}

/// What is seen where a body ends.
#[derive(Default)]
pub(super) struct Ends {
    pub(super) returned: Vec<(State, Tree, Operand)>,
    pub(super) yields: Tree,
}

/// The summary of a function.
pub(super) fn analyze<'w>(world: &'w World<'w, '_>, id: FuncId, context: &'w Context<'w>) -> Summary {
    let class = world.program.class_of(id).filter(|_| !crate::taint::calls::is_static(world, id));
    Analyzer::new(world, (id, class), context).map_or_else(Summary::default, Analyzer::run)
}

impl<'w, 'a> Analyzer<'w, 'a> {
    /// An analysis of a function, as a method of `class`; `None` where it is too long.
    pub(super) fn new(
        world: &'w World<'w, 'a>,
        (id, class): (FuncId, Option<ClassIx>),
        context: &'w Context<'w>,
    ) -> Option<Self> {
        let (module, _, body) = world.program.func(id);
        let n_insts: usize = body.blocks.iter().map(|block| block.insts.len()).sum();
        if n_insts > MAX_INSTS {
            return None;
        }
        let cfg = Cfg::new(body);
        Some(Self {
            world,
            module,
            id,
            body,
            class,
            file: &world.files[module.file],
            live: Liveness::new(body, &cfg),
            loops: loops(module, body, &cfg),
            captured: crate::taint::frames::captured(module, body),
            settings: crate::taint::settings::branches(module, body, class.is_some()),
            cfg,
            calls: known(world, (module, id), class, body),
            objects: objects(world, module, body),
            declared: declared(world.program, module, body),
            context,
            origins: RefCell::default(),
            known_origins: RefCell::default(),
            spellings: RefCell::default(),
            parts: RefCell::default(),
            wholes: RefCell::default(),
            unquoted: RefCell::default(),
            out: RefCell::default(),
            reporting: RefCell::new(false),
            tested: RefCell::default(),
            aliases: OnceCell::new(),
            views: OnceCell::new(),
            thrown: RefCell::default(),
            rounds: RefCell::default(),
            reread: RefCell::default(),
            flags: Flags::new(module, body),
            letters: RefCell::default(),
            asked: RefCell::default(),
        })
    }

    /// The state in which the body begins.
    pub(super) fn entry(&self) -> State {
        let mut state = State::default();
        for (index, param) in self.body.params.iter().enumerate() {
            let mut tree = Tree::default();
            let mut label = self.label(Port::Param(index, Vec::new()), None);
            if !self.context.mask.has(index) {
                // It tells what the parameter decides, and carries nothing.
                label.kinds = Kinds::NONE;
            }
            tree.add(&label);
            if let Some((threat, cleared)) = self.entry_source(index) {
                let span = self.body.locals[param.local].span;
                let name = param_name(self.module, self.body, param.local);
                let caption = match threat {
                    Threat::Detail => "is handed in here",
                    _ => "comes in here from outside",
                };
                let mut label = self.source(span, name, threat, caption);
                label.kinds = label.kinds.without(cleared);
                tree.add(&label);
                self.as_model(param.annotation, &mut tree);
                if param.kind == ParamKind::DoubleStar
                    && let Some(called) = self.world.callers.of(self.id)
                {
                    self.as_named_parts(&called.routes, &mut tree);
                }
                self.without_converted(&mut tree);
                match self.world.callers.of(self.id).and_then(|called| called.form) {
                    Some(Form::Wsgi) => without_own(&mut tree),
                    Some(Form::Asgi) => of_client_alone(&mut tree),
                    Some(Form::Lambda) | None => {}
                }
            }
            self.add_secret_param(&mut tree, param.local);
            if let Some(made) = self.injected(index) {
                tree.join(&made);
            }
            tree.object = tree.object.or(self.object_at(param.local));
            self.passed_everywhere(index, &mut tree);
            if index == 0 && self.class.is_some() {
                self.fill_self(&mut tree);
                tree.class = self.class;
            }
            match self.context.given.iter().find(|(given, _)| *given == index) {
                Some((_, Given::Konst(konst))) => tree.konst = Some(konst.clone()),
                Some((_, given @ (Given::Parts(parts) | Given::List(parts)))) => {
                    if matches!(given, Given::List(_)) {
                        // Nothing of it is not known.
                        tree.labels.retain(|label| !label.kinds.is_empty());
                    }
                    for (key, konst) in parts {
                        tree.store(&[Key::Item(key.clone())], &Arc::new(Tree::konst(konst.clone())));
                    }
                }
                Some((_, Given::Func(func))) => tree.funcs = vec![FuncRef::new(func.clone())],
                Some((_, Given::Outer(..))) | None => {}
            }
            state.set(Var::Local(param.local), Arc::new(tree));
        }
        self.ask_params(&mut state);
        self.set_up_params(&mut state);
        state
    }

    /// Runs one instruction; false if control does not come behind it.
    pub(super) fn step(&self, state: &mut State, inst: &Inst) -> bool {
        match &inst.op {
            Op::Let(to, value) => {
                let mut tree = self.rvalue(state, value, inst.span);
                if let Rvalue::Next(source) = value {
                    self.begin_round(state, *to, *source, &mut tree);
                }
                if let Rvalue::Caught(region) = value {
                    tree = self.caught(state, *region, *to, inst.span);
                }
                if let Rvalue::Load(place) = value {
                    self.add_secret_read(&mut tree, *place, inst.span);
                    if let (false, Some(known)) =
                        (tree.labels.is_empty(), self.attribute(state, *to, *place, inst.span))
                    {
                        tree = known;
                    }
                    self.admit(state, *place, inst.span);
                    if let (true, Some(func)) =
                        (tree.funcs.is_empty(), self.bound_method(state, *to, *place, inst.span))
                    {
                        Arc::make_mut(&mut tree).funcs.push(func);
                    }
                }
                self.add_secret_local(&mut tree, *to, &inst.op, inst.span);
                self.bind(state, *to, tree);
            }
            Op::Call(to, call) => {
                let result = self.call(state, *call);
                let Some(mut tree) = result else { return false };
                self.as_cast(*call, &mut tree);
                self.add_secret_local(&mut tree, *to, &inst.op, inst.span);
                self.bind(state, *to, tree);
            }
            Op::Await(to, value) => {
                let mut tree = self.value_at(state, *value, inst.span);
                self.add_secret_local(&mut tree, *to, &inst.op, inst.span);
                self.bind(state, *to, tree);
            }
            Op::Yield(to, ..) => {
                let sent = if self.takes_sent(*to) { self.sent() } else { Arc::default() };
                self.bind(state, *to, sent);
            }
            Op::Store(place, value) => {
                if self.is_reporting() {
                    let tree = self.value_at(state, *value, inst.span);
                    self.meet_store(state, *place, &tree, inst.span);
                }
                let before = self.loops.is_empty() || self.has_any(state, place.base);
                self.store(state, *place, *value, inst.span);
                self.keep_cond(state, place.base, before, &self.value(state, *value));
            }
            Op::Delete(place) => self.delete(state, *place, inst.span),
            Op::Exit(_) => {}
        }
        if !self.flags.is_empty() {
            self.ask(state, &inst.op);
        }
        true
    }

    pub(super) fn bind(&self, state: &mut State, to: LocalId, mut tree: Arc<Tree>) {
        if let Some(object) = self.object_at(to).filter(|object| tree.object != Some(*object)) {
            Arc::make_mut(&mut tree).object = Some(object);
        }
        self.as_annotated(to, &mut tree);
        self.read_again(state);
        // What a check has shown on this way holds for the copy on others too.
        let tree = self.without_cleared(state, tree);
        self.ask_anew(state, to);
        state.set(Var::Local(to), tree);
    }

    /// A value, without the kinds that checks have cleared.
    fn without_cleared(&self, state: &State, mut tree: Arc<Tree>) -> Arc<Tree> {
        let is_cleared =
            |label: &Label| label.kinds.without(self.cleared(state, label.origin)) != label.kinds;
        if state.has_cleared() && tree.labels.iter().any(is_cleared) {
            for label in &mut Arc::make_mut(&mut tree).labels {
                label.kinds = label.kinds.without(self.cleared(state, label.origin));
            }
        }
        tree
    }

    pub(super) fn steps(&self, place: Place) -> Vec<Step> {
        self.module.unit.paths.steps(place.path)
    }

    // --- values ---

    /// What a function does that this one calls, for the parameters in `mask`; `None` where that cannot be told.
    pub(super) fn summary(&self, id: FuncId, mask: Mask) -> Option<Arc<Summary>> {
        let given = self.context.funcs.iter().find(|(known, _)| *known == id);
        let own = self.context.group.and_then(|group| group.get(id, mask));
        if let Some(known) = own.or_else(|| given.map(|(_, summary)| Arc::clone(summary))) {
            return Some(known);
        }
        demand::is_below(self.world.graph, self.id, id).then(|| demand::summary(self.world, id, mask))
    }

    /// What an operand holds.
    pub(super) fn value(&self, state: &State, operand: Operand) -> Arc<Tree> {
        self.value_at(state, operand, Span::empty(0))
    }

    /// What an operand, read at `span`, holds.
    pub(super) fn value_at(&self, state: &State, operand: Operand, span: Span) -> Arc<Tree> {
        match operand {
            Operand::Const(constant) => {
                Arc::new(literal(self.module, constant).map_or_else(Tree::default, Tree::konst))
            }
            Operand::Local(local) => {
                let tree = state.get(Var::Local(local)).cloned().unwrap_or_default();
                self.without_cleared(state, tree)
            }
            Operand::Global(name) => {
                let mut tree = self.global(state, name, span);
                if let Some(real) = self.behind_proxy(&tree) {
                    tree = real;
                }
                self.add_secret_global(&mut tree, name, span);
                tree
            }
        }
    }

    pub(super) fn hop(&self, span: Span, caption: impl Into<Arc<str>>) -> crate::taint::summary::Hop {
        let (file, caption) = (self.module.file, caption.into());
        crate::taint::summary::Hop { file, span, caption, is_call: false, is_back: false }
    }

    /// The source under `span` on one line, shortened.
    pub(super) fn spelled(&self, span: Span) -> String {
        let text = self.file.slice(span).split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() <= 60 {
            return text;
        }
        let mut cut: String = text.chars().take(59).collect();
        cut.push('…');
        cut
    }

    pub(super) fn is_reporting(&self) -> bool {
        *self.reporting.borrow()
    }

    /// A function value.
    pub(super) fn func_value(&self, func: FuncId) -> Arc<Tree> {
        Arc::new(Tree::func(FuncRef::new(Callee::Own(func))))
    }

    /// The function of this file that `id` is.
    pub(super) fn own_func(&self, id: FnId) -> FuncId {
        self.world.program.of(self.module, id)
    }
}

/// The name of a parameter.
pub(super) fn param_name(module: &Module<'_>, body: &Body, local: LocalId) -> String {
    body.locals[local].name.map_or_else(String::new, |name| module.unit.text(name).to_owned())
}
