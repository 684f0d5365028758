//! What templates print unescaped of what they are filled in with: it does its harm where they are filled in.

use std::sync::Arc;

use crate::ir::{Arg, ArgKind, Const, Op, Operand, Rvalue};
use crate::models::{Argument, Kinds, Render};
use crate::program::{Meaning, Module, Program};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::sinks::Harm;
use crate::taint::state::State;
use crate::taint::summary::{Hop, Port, Printed, SourceSite};
use crate::taint::value::{Hops, Key, Konst, Label, Tree};
use crate::templates::{Raw, Step, Why};
use crate::text::Span;

impl Analyzer<'_, '_> {
    /// Reports what the template that a call fills in prints unescaped.
    pub(super) fn meet_template(&self, state: &State, site: &Site<'_>) {
        let Some(render) = site.known.model.render else { return };
        let is_given = |at: &Argument| self.given(site, at).is_some_and(|(tree, _)| tree.is_tainted());
        let keywords = render.context.contains(&Argument::Name("**".into()))
            && site.args.iter().any(|tree| tree.is_tainted());
        if !keywords && render.globals.is_empty() && !render.context.iter().any(is_given) {
            return;
        }
        let Some((name, span)) = self.template_name(site, render) else { return };
        let is_open = self.world.is_switched_off && site.path.starts_with("aiohttp_jinja2.");
        let is_escaped = |path: &str| {
            self.world.escapes_all
                || !is_open && render.escapes.iter().any(|end| end == "all" || path.ends_with(end.as_str()))
        };
        let html = Kinds::named("html").unwrap_or_default();
        for raw in self.world.templates.raw(&name, &self.file.path, &is_escaped) {
            let found = self.variable(site, render, &raw.root);
            let found = found.and_then(|(tree, span)| Some((self.printed(&tree, &raw.steps)?, span)));
            let (tree, span) = match found.or_else(|| Some((self.added(render, &raw)?, span))) {
                Some(found) => found,
                None => continue,
            };
            let callee = self.spelled(site.call.callee_span);
            let harm = Harm { printed: Some(self.print_of(&raw)), ..Harm::of(html, &callee) };
            self.reach_needing(state, &harm, &Arc::new(Tree::labeled(tree)), span);
        }
    }

    /// The name of the template, and the argument that is it: a constant, or the first of several.
    fn template_name(&self, site: &Site<'_>, render: &Render) -> Option<(Arc<str>, Span)> {
        render.template.iter().find_map(|at| {
            let (tree, span) = self.given(site, at)?;
            let first = tree.field(&Key::Item(Konst::Int(0))).map(|first| &first.konst);
            match (&tree.konst, first) {
                (Some(Konst::Str(name)), _) | (_, Some(Some(Konst::Str(name)))) => {
                    Some((Arc::clone(name), span))
                }
                _ => None,
            }
        })
    }

    fn given<'s>(&self, site: &'s Site<'_>, at: &Argument) -> Option<(&'s Arc<Tree>, Span)> {
        let found = match at {
            Argument::Index(index) => site.positional(*index),
            Argument::Name(name) => self.named(site, name),
        };
        found.map(|(tree, arg)| (tree, arg.span))
    }

    /// What the template is given as `root`.
    fn variable(&self, site: &Site<'_>, render: &Render, root: &str) -> Option<(Arc<Tree>, Span)> {
        render.context.iter().find_map(|at| {
            if *at == Argument::Name("**".into()) {
                return self
                    .given(site, &Argument::Name(root.to_owned()))
                    .map(|(tree, span)| (Arc::clone(tree), span));
            }
            let (tree, span) = self.given(site, at)?;
            let part = self.part(tree, &Key::Item(Konst::Str(root.into())));
            part.is_tainted().then_some((part, span))
        })
    }

    /// The labels of what is printed of `tree`.
    fn printed(&self, tree: &Arc<Tree>, steps: &[Step]) -> Option<Vec<Label>> {
        let mut at = Arc::clone(tree);
        for step in steps {
            at = match step {
                Step::Element => self.any_part(&at),
                Step::Name(name) => {
                    let attr = self.world.program.symbol(name).map(Key::Attr);
                    match attr.filter(|attr| at.field(attr).is_some()) {
                        Some(attr) => self.part(&at, &attr),
                        // What a field of a form prints is not what was typed into it.
                        None if self.is_of_library(&at) => return None,
                        None => self.part(&at, &Key::Item(Konst::Str((&**name).into()))),
                    }
                }
            };
        }
        let mut labels = at.all();
        // Nobody knows which part of it an unknown object shows.
        labels.retain(|label| steps.is_empty() || !label.kinds.has(Kinds::THROUGH_UNKNOWN));
        (!labels.is_empty()).then_some(labels)
    }

    fn is_of_library(&self, tree: &Tree) -> bool {
        let bases = tree.class.map(|class| self.world.program.outside_bases(class));
        bases.is_some_and(|bases| bases.iter().any(|base| base.contains('.')))
    }

    /// The source that a template reads itself, from what the engine adds: `{{ request.args.x|safe }}`.
    fn added(&self, render: &Render, raw: &Raw) -> Option<Vec<Label>> {
        let mut path = render.globals.get(&*raw.root)?.clone();
        for step in &raw.steps {
            match step {
                Step::Name(name) => path.extend([".", name]),
                Step::Element => path.push_str("[]"),
            }
        }
        let threat = self.world.models.source(&path)?;
        let text = self.print_text(raw);
        let caption = format!("`{text}` reads it from the request").into();
        let hop = Hop { file: raw.file, span: raw.span, caption, is_call: false, is_back: false };
        let site = SourceSite { file: raw.file, span: raw.span, text, threat };
        Some(vec![self.label(Port::Source(Arc::new(site)), Some(Hops::after(None, hop)))])
    }

    fn print_text(&self, raw: &Raw) -> String {
        let text = self.world.files[raw.file].slice(raw.span);
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(60).collect()
    }

    fn print_of(&self, raw: &Raw) -> (Printed, Hop) {
        let text = self.print_text(raw);
        let why = match raw.why {
            Why::Marked => "marks it as safe",
            Why::SwitchedOff => "prints it where escaping is switched off",
            Why::NotEscaped => "prints it in a file whose name is not one of those that are escaped",
            Why::Script => "prints it into a script without quotes, where escaping does not help",
            Why::Handler => "prints it into code of an attribute, where escaping does not help",
            Why::Unquoted => "prints it into a tag without quotes, where escaping does not help",
        };
        let caption = format!("`{text}` {why}").into();
        let path = self.world.files[raw.file].path.clone();
        let hop = Hop { file: raw.file, span: raw.span, caption, is_call: false, is_back: false };
        (Printed { text, path, why: raw.why }, hop)
    }
}

/// Whether the program has Flask's engine escape each template, whatever it is called:
/// `app.jinja_options = {"autoescape": True}`.
pub(super) fn escapes_all(program: &Program<'_>) -> bool {
    let all = program
        .modules
        .iter()
        .filter(|module| !module.is_test)
        .flat_map(|module| module.unit.bodies.iter().map(move |body| (module, body)));
    all.into_iter().any(|(module, body)| {
        let insts = || body.blocks.iter().flat_map(|block| &block.insts);
        let switches_on = |made: Operand| {
            insts().any(|inst| match &inst.op {
                Op::Let(to, Rvalue::Dict(entries)) if Operand::Local(*to) == made => entries.iter().any(|entry| {
                    matches!(entry, (Some(Operand::Const(Const::Str(key))), Operand::Const(Const::Bool(true)))
                        if module.unit.text(*key) == "autoescape")
                }),
                _ => false,
            })
        };
        insts().any(|inst| match inst.op {
            Op::Store(place, value) => {
                let steps = module.unit.paths.steps(place.path);
                matches!(steps.last(), Some(crate::ir::Step::Attr(name)) if module.unit.text(*name) == "jinja_options")
                    && switches_on(value)
            }
            _ => false,
        })
    })
}

/// Whether the program tells `aiohttp_jinja2` to escape nothing.
pub(super) fn is_switched_off(program: &Program<'_>) -> bool {
    let has_it = |module: &&Module<'_>| {
        let unit = module.unit;
        !module.is_test && unit.imports.iter().any(|(_, path)| unit.text(*path).starts_with("aiohttp_jinja2"))
    };
    program.modules.iter().filter(has_it).any(|module| {
        let text = |name| module.unit.text(name);
        let is_off = |arg: &Arg| {
            matches!(arg.kind, ArgKind::Keyword(name) if text(name) == "autoescape")
                && arg.value == Operand::Const(Const::Bool(false))
        };
        let is_setup = |path: &Meaning| matches!(path, Meaning::Outside(path) if path.as_ref() == "aiohttp_jinja2.setup");
        let calls = || module.unit.bodies.iter().flat_map(|body| body.calls.iter());
        calls().any(|call| {
            call.name.is_some_and(|name| is_setup(module.meaning(name))) && call.args.iter().any(is_off)
        })
    })
}
