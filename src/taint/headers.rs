//! Media types of replies that are not made but written to: `self.set_header("Content-Type", "text/plain")` before
//! `self.write(text)`, `response.content_type = "text/plain"` before a return.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::base::Symbol;
use crate::ir::{Body, Call, Const, Op, Operand, Place, Step};
use crate::program::{Meaning, Module};
use crate::taint::body::Analyzer;
use crate::taint::media::{ATTRIBUTES, HEADER, is_inert};
use crate::taint::sinks::entry_of;
use crate::taint::value::{Konst, Tree};

/// Methods that set a header by its name.
const SETTERS: &[&str] = &["set_header", "send_header", "add_header", "append_header", "setHeader", "header"];
/// The method of a class that sets the headers of all its replies.
const DEFAULTS: &str = "set_default_headers";

/// A body, in which media types are set for what is meant.
struct Setting<'s, 'a> {
    module: &'s Module<'a>,
    variables: &'s FxHashMap<Symbol, Arc<Tree>>,
    body: &'s Body,
    is_meant: &'s dyn Fn(Operand) -> bool,
}

impl Setting<'_, '_> {
    /// The media types that the body sets; an empty one where it is not known which.
    fn types(&self) -> Vec<String> {
        let insts = self.body.blocks.iter().flat_map(|block| &block.insts);
        let set = insts.filter_map(|inst| match &inst.op {
            Op::Store(place, value) => self.stored(*place).then_some(*value),
            Op::Call(_, id) => self.called(&self.body.calls[*id]),
            _ => None,
        });
        set.map(|value| self.text(value)).collect()
    }

    fn stored(&self, place: Place) -> bool {
        let unit = self.module.unit;
        (self.is_meant)(place.base)
            && match self.module.unit.paths.steps(place.path).last() {
                Some(Step::Attr(name)) => ATTRIBUTES.contains(&unit.text(*name)),
                Some(Step::Item(Const::Str(key))) => unit.text(*key).eq_ignore_ascii_case(HEADER),
                _ => false,
            }
    }

    fn called(&self, call: &Call) -> Option<Operand> {
        let unit = self.module.unit;
        let name = call.positional(0)?.value;
        let is_type = matches!(
            name,
            Operand::Const(Const::Str(name) | Const::Bytes(name)) if unit.text(name).eq_ignore_ascii_case(HEADER)
        );
        let is_set =
            is_type && (self.is_meant)(call.callee.base) && SETTERS.contains(&unit.text(call.method));
        is_set.then(|| call.positional(1)).flatten().map(|arg| arg.value)
    }

    /// A constant text, what holds one, or the name of that: `falcon.MEDIA_HTML`.
    fn text(&self, value: Operand) -> String {
        let name = match value {
            Operand::Const(Const::Str(text) | Const::Bytes(text)) => {
                return self.module.unit.text(text).to_owned();
            }
            Operand::Const(_) => None,
            Operand::Global(name) => Some(name),
            Operand::Local(local) => self.body.locals[local].value,
        };
        let held = name.and_then(|name| self.variables.get(&self.module.variable(name)));
        if let Some(Konst::Str(text)) = held.and_then(|held| held.konst.as_ref()) {
            return text.to_string();
        }
        match name.map(|name| self.module.meaning(name)) {
            Some(Meaning::Outside(path)) => path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase(),
            _ => String::new(),
        }
    }
}

impl Analyzer<'_, '_> {
    /// The media types that are set for the object that `base` is, here or for all replies of its class.
    fn set_types(&self, base: Operand) -> Vec<String> {
        let variables = &self.world.shapes.variables;
        let is_meant = |other: Operand| other == base;
        let own = Setting { module: self.module, variables, body: self.body, is_meant: &is_meant }.types();
        let is_self = base.local().is_some_and(|local| self.is_self(local));
        let class = self.class.filter(|_| own.is_empty() && is_self);
        let program = self.world.program;
        let Some(func) =
            class.zip(program.symbol(DEFAULTS)).and_then(|(class, name)| program.method(class, name))
        else {
            return own;
        };
        let (module, _, body) = program.func(func);
        let me = body.params.first().map(|param| Operand::Local(param.local));
        Setting { module, variables, body, is_meant: &|other| Some(other) == me }.types()
    }

    /// Whether what a method writes goes into a reply that is told to be no HTML.
    pub(super) fn writes_inert(&self, call: &Call) -> bool {
        if !matches!(self.steps(call.callee).last(), Some(Step::Attr(_))) {
            return false;
        }
        let types = self.set_types(call.callee.base);
        !types.is_empty() && types.iter().all(|text| is_inert(text))
    }

    /// Whether the reply that `base` is was told to be what browsers run scripts in.
    pub(super) fn is_told_page(&self, base: Operand) -> bool {
        self.set_types(base).iter().any(|text| !text.is_empty() && !is_inert(text))
    }

    /// Whether what is returned is told to be no HTML: by the headers beside it, or by the reply that a framework keeps
    /// for the request, which code knows by its name.
    pub(super) fn returns_inert(&self, beside: &[&Tree]) -> bool {
        let told = beside.iter().find_map(|tree| entry_of(tree, HEADER)).map(|tree| &tree.konst);
        if let Some(Some(Konst::Str(text))) = told {
            return is_inert(text);
        }
        let is_meant = |base: Operand| {
            let Operand::Global(name) = base else { return false };
            matches!(self.module.meaning(name), Meaning::Outside(path) if path.ends_with(".response"))
        };
        let variables = &self.world.shapes.variables;
        let types = Setting { module: self.module, variables, body: self.body, is_meant: &is_meant }.types();
        !types.is_empty() && types.iter().all(|text| is_inert(text))
    }
}
