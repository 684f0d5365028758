//! What names from outside of a body hold: variables of modules, attributes of classes, variables of enclosing functions.

use std::sync::Arc;

use crate::base::Symbol;
use crate::ir::{Operand, Step};
use crate::program::{ClassIx, Meaning};
use crate::taint::body::Analyzer;
use crate::taint::state::{State, Var};
use crate::taint::summary::{Cell, Port};
use crate::taint::value::{Callee, FuncRef, Key, Konst, Label, Tree};
use crate::text::Span;

impl Analyzer<'_, '_> {
    /// A name from outside the body.
    pub(super) fn global(&self, state: &State, name: Symbol, span: Span) -> Arc<Tree> {
        let symbol = self.module.variable(name);
        if let Some(known) = self.set_here(state, symbol) {
            return known;
        }
        if let Some(func) = self.given_outer(symbol) {
            return func;
        }
        let text = self.module.unit.text(name);
        match self.module.meaning(name) {
            Meaning::Outside(path) => {
                if let Some(threat) = self.world.models.source(path) {
                    let span = self.written_at(text, span);
                    let last = text.rsplit('.').next().unwrap_or_default();
                    let spelled = self.spelled(span);
                    let text = if spelled.contains(&format!(".{last}")) { spelled } else { shown(text) };
                    let label = self.source(span, text, threat, "comes in here");
                    return Arc::new(Tree::labeled(vec![label]));
                }
                if self.world.models.has_call(path) {
                    return Arc::new(Tree::func(FuncRef::new(Callee::Outside(Arc::from(&**path)))));
                }
                if let Some(konst) = constant(path) {
                    return Arc::new(Tree::konst(konst));
                }
                self.module_variable(symbol)
            }
            Meaning::Function(func) | Meaning::Method(func, _) => {
                let mut tree = self.func_value(*func);
                for other in self.world.program.on_other_branches(*func) {
                    Arc::make_mut(&mut tree).funcs.push(FuncRef::new(Callee::Own(*other)));
                }
                tree
            }
            Meaning::Class(class) => {
                let mut tree = self.module_variable(self.world.program.classes[*class].name);
                Arc::make_mut(&mut tree).funcs.push(FuncRef::new(Callee::Class(*class)));
                tree
            }
            Meaning::Instance(_) | Meaning::Module(_) | Meaning::Unknown => {
                match self.outer_variable(symbol) {
                    Some((variable, path)) => {
                        let label = self.label(Port::Outer(variable, path), None);
                        Arc::new(Tree::labeled(vec![label]))
                    }
                    None => self.module_variable(symbol),
                }
            }
        }
    }

    /// Where a dotted name is written that is read in the expression at `span`, in its statement, or in this body: names
    /// from outside have no places of their own. The place of what is called, or subscripted, stays with it.
    fn written_at(&self, name: &str, span: Span) -> Span {
        let (last, end) = (name.rsplit('.').next().unwrap_or_default(), shown(name));
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let find = |within: Span| {
            let text = self.file.slice(within);
            let written = text.match_indices(last).filter_map(|(at, _)| {
                let before = &text[..at];
                let start = before.trim_end_matches(|c: char| is_name(c) || c == '.').len();
                let behind = at + last.len();
                let is_whole =
                    before.ends_with('.') && start + 1 < at && !text[behind..].starts_with(is_name);
                is_whole.then_some((start, behind))
            });
            // It may have been imported under another name.
            let (start, behind) =
                written.min_by_key(|(start, behind)| !text[*start..*behind].ends_with(&end))?;
            let offset = |at: usize| within.start + u32::try_from(at).unwrap_or(0);
            Some(Span::new(offset(start), offset(behind)))
        };
        if span.start == span.end {
            return find(self.body.span).unwrap_or(span);
        }
        // The span of `data = request.data` is that of the target.
        let behind = self.file.slice(Span::new(span.end, self.body.span.end.max(span.end)));
        let line = u32::try_from(behind.find('\n').unwrap_or(behind.len())).unwrap_or(0);
        let goes_on = |found: &Span| {
            let behind = self.file.slice(Span::new(found.end, span.end));
            found.start == span.start && behind.starts_with(['.', '[', '('])
        };
        if find(span).is_some_and(|found| goes_on(&found)) {
            return span;
        }
        find(span).or_else(|| find(Span::new(span.end, span.end + line))).unwrap_or(span)
    }

    /// What this body has put into a variable, or into that of which a dotted name is an attribute.
    fn set_here(&self, state: &State, symbol: Symbol) -> Option<Arc<Tree>> {
        if !state.has_globals() {
            return None;
        }
        if let Some(known) = state.get(Var::Global(symbol)) {
            return Some(Arc::clone(known));
        }
        let program = self.world.program;
        let mut path: Vec<Key> = Vec::new();
        let mut name = program.text(symbol);
        while let Some((outer, last)) = name.rsplit_once('.') {
            path.insert(0, Key::Attr(program.symbol(last)?));
            let known = program.symbol(outer).and_then(|outer| state.get(Var::Global(outer)));
            if let Some(known) = known {
                return known.field(&path[0]).map(|_| self.along(known, &path));
            }
            name = outer;
        }
        None
    }

    /// The variable of an enclosing function that a name is, or is an attribute of.
    fn outer_variable(&self, symbol: Symbol) -> Option<(Symbol, Vec<Key>)> {
        const MARK: &str = ".<locals>.";
        let program = self.world.program;
        let text = program.text(symbol);
        let start = text.rfind(MARK)? + MARK.len();
        let Some(dot) = text[start..].find('.') else { return Some((symbol, Vec::new())) };
        let (variable, attrs) = text.split_at(start + dot);
        let keys = attrs.split('.').skip(1).map(|attr| program.symbol(attr).map(Key::Attr));
        Some((program.symbol(variable)?, keys.collect::<Option<Vec<Key>>>()?))
    }

    /// What the base of a place holds, and how many of its steps name that: `mod.table` is one variable.
    pub(super) fn rooted(
        &self,
        state: &State,
        base: Operand,
        steps: &[Step],
        span: Span,
    ) -> (Arc<Tree>, usize) {
        let member = match steps {
            [Step::Attr(name), ..] => self.member_of_module(base, self.module.unit.text(*name)),
            _ => None,
        };
        match member {
            Some(symbol) => {
                let known = self.set_here(state, symbol);
                (known.unwrap_or_else(|| self.module_variable(symbol)), 1)
            }
            None => match self.of_class_block(state, base, steps) {
                Some(symbol) => (self.module_variable(symbol), 1),
                None => (self.value_at(state, base, span), 0),
            },
        }
    }

    /// The attribute that a place begins with which the block of a class gives a value: `Plugin.table["key"]`.
    fn of_class_block(&self, state: &State, base: Operand, steps: &[Step]) -> Option<Symbol> {
        let (Operand::Global(name), [Step::Attr(attr), ..]) = (base, steps) else { return None };
        let Meaning::Class(class) = self.module.meaning(name) else { return None };
        let program = self.world.program;
        let class = program.classes[*class].name;
        if state.get(Var::Global(class)).is_some() {
            return None;
        }
        let full = program.symbol(&format!("{}.{}", program.text(class), self.module.unit.text(*attr)))?;
        self.world.shapes.variables.contains_key(&full).then_some(full)
    }

    /// The variable of another module that a place begins with: `mod.table["key"]`.
    pub(super) fn member_of_module(&self, base: Operand, name: &str) -> Option<Symbol> {
        let Operand::Global(base) = base else { return None };
        self.world.program.member(self.module, base, name)
    }

    /// The variable that a place begins with, and the path from there.
    pub(super) fn located(&self, base: Operand, path: &[Key]) -> Option<(Var, Vec<Key>)> {
        if let [Key::Attr(name), rest @ ..] = path
            && let Some(symbol) = self.member_of_module(base, self.world.program.text(*name))
        {
            return Some((Var::Global(symbol), rest.to_vec()));
        }
        Some((self.local_of(base)?, path.to_vec()))
    }

    /// What earlier rounds left in a module's variable; a constant that it is assigned once.
    fn module_variable(&self, symbol: Symbol) -> Arc<Tree> {
        let mut tree =
            self.world.shapes.variables.get(&symbol).map_or_else(Tree::default, |tree| Tree::clone(tree));
        self.add_left(&mut tree, Cell::Global(symbol), &[]);
        self.out.borrow_mut().reads.push(Cell::Global(symbol));
        Arc::new(tree)
    }

    /// Adds the sources that were left in a cell at `within`.
    fn add_left(&self, tree: &mut Tree, cell: Cell, within: &[Key]) {
        for (path, site, kinds, via) in self.world.cells.get(&cell).into_iter().flatten() {
            let Some(rest) = path.strip_prefix(within) else { continue };
            if !self.world.program.are_together(site.file, self.module.file) {
                continue;
            }
            let label = self.label(Port::Source(Arc::clone(site)), via.clone());
            let part = Arc::new(Tree::labeled(vec![Label { kinds: *kinds, ..label }]));
            if rest.is_empty() {
                tree.join(&part);
            } else {
                tree.join_at(rest, &part);
            }
        }
    }

    /// Adds what is left in an attribute of a class, or of the nearest one above that has it.
    pub(super) fn add_cells(&self, tree: &mut Arc<Tree>, class: ClassIx, name: Symbol) {
        let program = self.world.program;
        let above = program.above(class);
        for (index, class) in above.iter().enumerate() {
            let cell = Cell::Global(program.classes[*class].name);
            self.out.borrow_mut().reads.push(cell);
            let has_own = |nearer: &ClassIx| self.world.shapes.has_attr(program, *nearer, name);
            if self.world.cells.contains_key(&cell) && !above[..index].iter().any(has_own) {
                self.add_left(Arc::make_mut(tree), cell, &[Key::Attr(name)]);
            }
        }
    }

    /// What earlier rounds left in attributes of instances, for methods that nobody in the program calls.
    pub(super) fn fill_self(&self, tree: &mut Tree) {
        let Some(class) = self.class else { return };
        let program = self.world.program;
        if !self.world.roots.contains(&self.id) {
            return;
        }
        let mut names: Vec<Symbol> = self.world.cell_names.iter().copied().collect();
        names.sort_unstable();
        for &class in program.above(class).iter().chain(program.below(class)) {
            self.out.borrow_mut().reads.push(Cell::Instance(class));
            for name in &names {
                let cell = Cell::Attr(class, *name);
                if self.world.cells.contains_key(&cell) {
                    let mut part = Tree::clone(&self.part(tree, &Key::Attr(*name)));
                    self.add_left(&mut part, cell, &[]);
                    tree.store(&[Key::Attr(*name)], &Arc::new(part));
                }
            }
        }
    }
}

/// What a module of Python holds that is a constant.
fn constant(path: &str) -> Option<Konst> {
    let text = match path {
        "os.sep" | "os.path.sep" => "/",
        "os.pardir" | "os.path.pardir" => "..",
        "os.curdir" | "os.path.curdir" => ".",
        "os.altsep" | "os.path.altsep" => return Some(Konst::None),
        "string.ascii_lowercase" => "abcdefghijklmnopqrstuvwxyz",
        "string.ascii_uppercase" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "string.ascii_letters" => "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "string.digits" => "0123456789",
        "string.hexdigits" => "0123456789abcdefABCDEF",
        "string.punctuation" => "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
        "string.whitespace" => " \t\n\r\x0b\x0c",
        _ => return path.strip_prefix("http.HTTPStatus.").and_then(status).map(Konst::Int),
    };
    Some(Konst::Str(text.into()))
}

/// The status of a reply by its name in `http.HTTPStatus`.
fn status(name: &str) -> Option<i64> {
    Some(match name {
        "OK" => 200,
        "CREATED" => 201,
        "NO_CONTENT" => 204,
        "BAD_REQUEST" => 400,
        "UNAUTHORIZED" => 401,
        "FORBIDDEN" => 403,
        "NOT_FOUND" => 404,
        "CONFLICT" => 409,
        "INTERNAL_SERVER_ERROR" => 500,
        "BAD_GATEWAY" => 502,
        "SERVICE_UNAVAILABLE" => 503,
        _ => return None,
    })
}

/// The end of a dotted name as its file knows it.
pub(super) fn shown(name: &str) -> String {
    let mut parts: Vec<&str> = name.rsplit('.').take(2).collect();
    parts.reverse();
    parts.join(".")
}
