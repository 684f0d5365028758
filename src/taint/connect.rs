//! Sessions that look at the address when they connect: `ClientSession(connector=…)`, `Client(transport=…)`,
//! `session.mount(prefix, adapter)` with a class of the program that raises for addresses within.
//!
//! Whether its test is right is not judged, nor that a proxy connects elsewhere.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::ir::{Body, Op, Operand, Rvalue, Step, Terminator, operands};
use crate::program::{ClassIx, FuncId, Meaning, Module};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::value::{Key, Konst, Tree};

/// What a session is given that connects for it.
pub(super) const CONNECTORS: &[&str] = &["connector", "transport", "adapter"];
/// What `ipaddress` says of an address.
const SAYS: &[&str] = &["is_global", "is_private", "is_loopback", "is_link_local"];
/// Most functions that are looked at.
const MAX_FUNCS: usize = 200;

/// Where a session keeps what connects for it.
pub(super) fn connector_key(name: &str) -> Key {
    Key::Item(Konst::Str(name.into()))
}

impl Analyzer<'_, '_> {
    /// Whether the object that a request is made by refuses addresses within.
    pub(super) fn is_guarded(&self, site: &Site<'_>) -> bool {
        let Some(receiver) = &site.receiver else { return false };
        let mut held = CONNECTORS.iter().filter_map(|name| receiver.field(&connector_key(name))?.class);
        held.any(|class| self.refuses_inner(class))
    }

    /// Keeps the adapter that is mounted on a session; `None` if it is none of the program's.
    pub(super) fn mounted(&self, site: &Site<'_>) -> Option<Arc<Tree>> {
        let class = site.positional(1)?.0.class?;
        Some(Arc::new(Tree { class: Some(class), ..Tree::default() }))
    }

    /// Whether a class, or what it hands its work to, asks what kind an address is and raises.
    fn refuses_inner(&self, class: ClassIx) -> bool {
        let program = self.world.program;
        let mut found: Vec<FuncId> = Vec::new();
        let mut seen: FxHashSet<FuncId> = FxHashSet::default();
        for above in program.above(class) {
            self.of_class(*above, &mut found);
        }
        let (mut asks, mut raises, mut n) = (false, false, 0);
        while let Some(func) = found.pop() {
            if !seen.insert(func) || n >= MAX_FUNCS {
                continue;
            }
            n += 1;
            let (module, _, body) = program.func(func);
            asks |= asks_for_kind(module, body);
            raises |= body
                .blocks
                .iter()
                .any(|block| matches!(block.end, Terminator::Raise { exception: Some(_), .. }));
            if asks && raises {
                return true;
            }
            found.extend(&self.world.graph.callees[func]);
            self.mentioned(module, body, &mut found);
        }
        false
    }

    /// The methods of a class and its block.
    fn of_class(&self, class: ClassIx, found: &mut Vec<FuncId>) {
        let program = self.world.program;
        let info = &program.classes[class];
        let module = &program.modules[info.module];
        let own = module.unit.classes.iter().find(|own| module.global(own.name) == info.name);
        found.extend(own.map(|own| program.of(module, own.body)));
        let mut methods: Vec<FuncId> = info.methods.values().copied().collect();
        methods.sort_unstable();
        found.extend(methods);
    }

    /// The functions and classes that a body names.
    fn mentioned(&self, module: &Module<'_>, body: &Body, found: &mut Vec<FuncId>) {
        let insts = body.blocks.iter().flat_map(|block| &block.insts);
        for operand in insts.flat_map(|inst| operands(body, inst)) {
            let Operand::Global(name) = operand else { continue };
            match module.meaning(name) {
                Meaning::Function(func) | Meaning::Method(func, _) => found.push(*func),
                Meaning::Class(class) => self.of_class(*class, found),
                Meaning::Instance(_) | Meaning::Module(_) | Meaning::Outside(_) | Meaning::Unknown => {}
            }
        }
    }
}

/// `address.is_global`
fn asks_for_kind(module: &Module<'_>, body: &Body) -> bool {
    body.blocks.iter().flat_map(|block| &block.insts).any(|inst| {
        let Op::Let(_, Rvalue::Load(place)) = inst.op else { return false };
        let steps = module.unit.paths.steps(place.path);
        matches!(steps.last(), Some(Step::Attr(name)) if SAYS.contains(&module.unit.text(*name)))
    })
}
