//! Objects of the program that it hangs on an object of the framework: `flask.g.client = Client()`, what is stored on an
//! application, which `current_app` and `request.app` are, and on a request. Out: of which classes they are where they are
//! read.
//!
//! A name under which something else is stored as well may hold either.

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::base::Symbol;
use crate::ir::{ArgKind, Body, Call, Const, Op, Operand, Place, Rvalue, Step};
use crate::program::{ClassIx, FuncId, Meaning, Module, ModuleId, Program, Thing};
use crate::taint::body::Analyzer;
use crate::taint::declared::as_said;
use crate::taint::limits::MAX_OVERRIDES;
use crate::taint::shapes::Shapes;
use crate::taint::value::{Key, Konst, Tree, literal};

/// Most keys between the object of the framework and what hangs on it: `app.extensions["client"]`.
const MAX_KEYS: usize = 2;
/// Applications that requests lead to, by the value paths that make them.
const APPS: &[&str] =
    &["fastapi.FastAPI()", "starlette.applications.Starlette()", "aiohttp.web.Application()"];

/// What something hangs on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) enum Holder {
    /// What a library offers under a name: `flask.g`.
    Named(Symbol),
    /// The application of a request.
    App,
    /// A request.
    Request,
}

/// Where something hangs.
type Way = (Holder, Vec<Key>);

/// What hangs on applications and requests.
pub(super) type Hung = FxHashMap<Way, Arc<Tree>>;

/// What hangs on objects of frameworks; what libraries offer under names is added to `variables`.
pub(super) fn hang(program: &Program<'_>, variables: &mut FxHashMap<Symbol, Arc<Tree>>) -> Hung {
    let mut found: FxHashMap<Way, Vec<Option<ClassIx>>> = FxHashMap::default();
    let mut made: FxHashMap<Way, Vec<Thing>> = FxHashMap::default();
    for id in program.funcs().filter(|id| !program.func(*id).0.is_test) {
        let (module, _, body) = program.func(id);
        let at = Spot { program, id: program.module_of(id), module, body, variables: &*variables };
        for (way, value) in at.all_put() {
            let meaning = match value {
                Operand::Local(local) => body.locals[local].value.map(|value| module.meaning(value)),
                Operand::Global(name) => Some(module.meaning(name)),
                Operand::Const(Const::None) => continue,
                Operand::Const(_) => None,
            };
            let class = match meaning {
                Some(Meaning::Instance(class)) => Some(*class),
                _ => None,
            };
            if let Some(thing @ Thing::Library(..)) = program.thing(module, body, value) {
                made.entry(way.clone()).or_default().push(thing);
            }
            let known = found.entry(way).or_default();
            if !known.contains(&class) {
                known.push(class);
            }
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut hung = Hung::default();
    for (way, classes) in found {
        let mut object = match &classes[..] {
            [Some(class)] => Tree { class: Some(*class), ..Tree::default() },
            all => {
                let maybe: Vec<ClassIx> = all.iter().flatten().copied().collect();
                Tree { maybe: (!maybe.is_empty()).then(|| Arc::new(maybe)), ..Tree::default() }
            }
        };
        if let Some(made) = made.remove(&way).into_iter().flatten().min() {
            object.join(&Tree::thing(program, made));
        }
        match way {
            _ if object.is_plain() => {}
            (Holder::Named(holder), keys) => {
                Arc::make_mut(variables.entry(holder).or_default()).store(&keys, &Arc::new(object));
            }
            way => drop(hung.insert(way, Arc::new(object))),
        }
    }
    hung
}

/// The functions with the methods that they may run of what hangs on applications and requests.
pub(super) fn callers(program: &Program<'_>, shapes: &Shapes<'_, '_>) -> Vec<(FuncId, FuncId)> {
    if shapes.hung.is_empty() {
        return Vec::new();
    }
    let all: Vec<FuncId> = program.funcs().collect();
    let of = |id: &FuncId| {
        let (module, _, body) = program.func(*id);
        let at = Spot { program, id: program.module_of(*id), module, body, variables: &shapes.variables };
        let read: Vec<&Arc<Tree>> = if module.is_test { Vec::new() } else { at.all_read(&shapes.hung) };
        let called: FxHashSet<Symbol> =
            body.calls.iter().filter(|_| !read.is_empty()).map(|call| module.global(call.method)).collect();
        let methods = |class: ClassIx| {
            called.iter().flat_map(move |name| program.overrides(class, *name, MAX_OVERRIDES))
        };
        let mut found: Vec<FuncId> = read.iter().flat_map(|tree| tree.classes()).flat_map(methods).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|method| (*id, method)).collect::<Vec<_>>()
    };
    all.par_iter().flat_map_iter(of).collect()
}

impl Analyzer<'_, '_> {
    /// Makes what is read at `steps` what the program hangs there, where it does not tell itself.
    pub(super) fn as_hung(&self, root: Operand, steps: &[Step], tree: &mut Arc<Tree>) {
        let shapes = self.world.shapes;
        if shapes.hung.is_empty() {
            return;
        }
        let (program, module, body) = (self.world.program, self.module, self.body);
        let at = Spot { program, id: program.module_of(self.id), module, body, variables: &shapes.variables };
        if let Some(hung) = at.way(root, steps).and_then(|way| shapes.hung.get(&way)) {
            as_said(hung, tree);
        }
    }
}

/// A body in which places are looked at.
struct Spot<'s, 'a> {
    program: &'s Program<'a>,
    id: ModuleId,
    module: &'s Module<'a>,
    body: &'s Body,
    /// What is known of variables.
    variables: &'s FxHashMap<Symbol, Arc<Tree>>,
}

impl Spot<'_, '_> {
    /// What the body hangs somewhere.
    fn all_put(&self) -> Vec<(Way, Operand)> {
        let mut found = Vec::new();
        for inst in self.body.blocks.iter().flat_map(|block| &block.insts) {
            if let Op::Store(place, value) = inst.op
                && let steps = self.module.unit.paths.steps(place.path)
                && let Some(way) = self.named(place.base, &steps).or_else(|| self.way(place.base, &steps))
            {
                found.push((way, value));
            }
        }
        for call in self.body.calls.iter().filter(|call| !call.args.is_empty()) {
            found.extend(self.configured(call));
        }
        found
    }

    /// `app.config.update(CLIENT=Client())`
    fn configured(&self, call: &Call) -> Vec<(Way, Operand)> {
        let text = |symbol| self.module.unit.text(symbol);
        let steps = match text(call.method) {
            "update" | "from_mapping" => self.module.unit.paths.steps(call.callee.path),
            _ => return Vec::new(),
        };
        let [Step::Attr(config), Step::Attr(_)] = steps[..] else { return Vec::new() };
        if text(config) != "config" {
            return Vec::new();
        }
        let put = |arg: &crate::ir::Arg| {
            let ArgKind::Keyword(name) = arg.kind else { return None };
            let way = self.named(call.callee.base, &[steps[0], Step::Item(Const::Str(name))])?;
            Some((way, arg.value))
        };
        call.args.iter().filter_map(put).collect()
    }

    /// What the body reads that hangs somewhere.
    fn all_read<'h>(&self, hung: &'h Hung) -> Vec<&'h Arc<Tree>> {
        let loads = self.body.blocks.iter().flat_map(|block| &block.insts).filter_map(|inst| match inst.op {
            Op::Let(_, Rvalue::Load(place)) => Some(place),
            _ => None,
        });
        let places = loads.chain(self.body.calls.iter().map(|call| call.callee));
        let of = |place: Place| {
            let steps = self.module.unit.paths.steps(place.path);
            (1..=steps.len())
                .filter_map(|end| hung.get(&self.way(place.base, &steps[..end])?))
                .collect::<Vec<_>>()
        };
        places.flat_map(of).collect()
    }

    /// Where a place is on what a library offers under a name, if the program reads from that.
    fn named(&self, base: Operand, steps: &[Step]) -> Option<Way> {
        let value = match base {
            Operand::Local(local) => self.body.locals[local].value,
            Operand::Global(name) => Some(name),
            Operand::Const(_) => None,
        };
        let meaning = value.map_or(&Meaning::Unknown, |value| self.module.meaning(value));
        let holder = match meaning {
            Meaning::Outside(path) => match &**path {
                known @ ("flask.g" | "quart.g" | "flask.current_app" | "quart.current_app") => known,
                "flask.Flask()" => "flask.current_app",
                "quart.Quart()" => "quart.current_app",
                _ => return None,
            },
            // Extensions are handed their application: `app.extensions["mail"] = self`.
            Meaning::Unknown if self.is_named(steps.first(), &["extensions"]) => "flask.current_app",
            _ => return None,
        };
        let keys = self.keys(steps).filter(|keys| (1..=MAX_KEYS).contains(&keys.len()))?;
        Some((Holder::Named(self.program.symbol(holder)?), keys))
    }

    /// Where a place is on the application of a request, or on a request: `request.app.state.client`, `app["client"]`.
    fn way(&self, base: Operand, steps: &[Step]) -> Option<Way> {
        let last = |names: &[&str]| steps.iter().rposition(|step| self.is_named(Some(step), names));
        let (holder, rest) = match (last(&["app", "config_dict"]), last(&["request"])) {
            (Some(at), _) => (Holder::App, &steps[at + 1..]),
            (None, Some(at)) => (Holder::Request, &steps[at + 1..]),
            (None, None) => (self.holder(base)?, steps),
        };
        let is_part = match rest {
            [first, Step::Attr(_) | Step::Item(_)] => self.is_named(Some(first), &["state"]),
            [only] => !matches!(only, Step::Attr(_)),
            _ => false,
        };
        let keys = if is_part { self.keys(rest)? } else { return None };
        Some((holder, keys))
    }

    /// What a variable is by the value that it holds, or by the name that all call it.
    fn holder(&self, base: Operand) -> Option<Holder> {
        let (name, value) = match base {
            Operand::Local(local) => (self.body.locals[local].name, self.body.locals[local].value),
            Operand::Global(name) => (Some(name), Some(name)),
            Operand::Const(_) => return None,
        };
        if let Some(Meaning::Outside(path)) = value.map(|value| self.module.meaning(value))
            && APPS.contains(&&**path)
        {
            return Some(Holder::App);
        }
        let name = self.module.unit.text(name?);
        match name.rsplit('.').next()? {
            "app" => Some(Holder::App),
            "request" | "websocket" => Some(Holder::Request),
            _ => None,
        }
    }

    fn is_named(&self, step: Option<&Step>, names: &[&str]) -> bool {
        matches!(step, Some(Step::Attr(name)) if names.contains(&self.module.unit.text(*name)))
    }

    /// The way to a part; `None` where keys are not known.
    fn keys(&self, steps: &[Step]) -> Option<Vec<Key>> {
        let key = |step: &Step| match *step {
            Step::Attr(name) => Some(Key::Attr(self.module.global(name))),
            Step::Item(constant) => literal(self.module, constant).map(Key::Item),
            Step::Key(operand) => self.variable_key(operand),
            Step::Element => None,
        };
        steps.iter().map(key).collect()
    }

    /// The key that a variable of a module is: the constant that it holds, or its own name.
    fn variable_key(&self, operand: Operand) -> Option<Key> {
        let name = match operand {
            Operand::Local(local) if self.body.locals[local].name.is_none() => {
                self.body.locals[local].value?
            }
            Operand::Global(name) => name,
            Operand::Local(_) | Operand::Const(_) => return None,
        };
        let variable = self.program.variable(self.id, self.module.unit.text(name))?;
        let konst = self.variables.get(&variable).and_then(|tree| tree.konst.clone());
        Some(Key::Item(
            konst.unwrap_or_else(|| Konst::Str(format!("\0{}", self.program.text(variable)).into())),
        ))
    }
}
