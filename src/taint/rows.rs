//! Rows of databases: what a look-up gives is what was stored, whatever it was looked up by.
//!
//! Of what statements put into tables from outside, those that read the same table get it back, for pages alone: it is
//! shown to others as somebody has sent it. Stores of objects (Django, SQLAlchemy) are not followed.

use std::sync::Arc;

use crate::ir::{Arg, ArgKind, Const, LocalId, Op, Operand, Place as IrPlace, Rvalue, Step};
use crate::models::{Kinds, Threat};
use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::state::State;
use crate::taint::statement::{Place, Statement, Table, statement};
use crate::taint::summary::{Cell, Port, SourceSite};
use crate::taint::value::{Callee, Hops, Key, Konst, Label, Tree, row_key};

/// Methods that ask a database, on whatever object.
const ASKING: &[&str] = &[
    "execute",
    "executemany",
    "fetchone",
    "fetchall",
    "fetchmany",
    "filter_by",
    "scalar",
    "scalars",
    "scalar_one",
    "scalar_one_or_none",
    "one_or_none",
];
/// Those that give a row which is found or else made, and whether it was made.
const FINDING_OR_MAKING: &[&str] =
    &["get_or_create", "update_or_create", "aget_or_create", "aupdate_or_create"];
/// Methods of a model's manager that make a row of what they are given.
const MAKING: &[&str] = &["create", "bulk_create", "get_or_create", "update_or_create", "build", "model"];

impl Analyzer<'_, '_> {
    /// What a call outside of the program looks up; `None` if it looks nothing up.
    pub(super) fn looked_up(&self, state: &mut State, site: &Site<'_>) -> Option<Arc<Tree>> {
        if let Some(rows) = self.asked(state, site) {
            return Some(rows);
        }
        if FINDING_OR_MAKING.contains(&site.method)
            && site.receiver.as_ref().is_some_and(|receiver| !receiver.is_tainted())
        {
            return Some(self.found_or_made(site));
        }
        if self.ends_query(site) {
            return Some(Arc::default());
        }
        let rows = site.receiver.as_ref().filter(|tree| is_rows(tree));
        match (rows, site.method) {
            (Some(rows), "fetchall" | "fetchmany" | "execute" | "executemany") => Some(Arc::clone(rows)),
            (Some(rows), "fetchone") => Some(self.any_part(rows)),
            _ => self.is_lookup(site).then(Arc::default),
        }
    }

    /// `Model.objects.get_or_create(name=name, defaults={"size": size})`: the row has the name, and the size where it was
    /// made of it; nothing else in it is from them.
    fn found_or_made(&self, site: &Site<'_>) -> Arc<Tree> {
        let mut row = Tree::default();
        let mut keep = |name: &str, tree: &Arc<Tree>| {
            if let Some(name) = self.world.program.symbol(name) {
                row.store(&[Key::Attr(name)], tree);
            }
        };
        for (arg, tree) in site.call.args.iter().zip(&site.args) {
            let ArgKind::Keyword(name) = arg.kind else { continue };
            match self.module.unit.text(name) {
                "defaults" | "create_defaults" => {
                    for (key, part) in &tree.fields {
                        if let Key::Item(Konst::Str(name)) = key {
                            keep(name, part);
                        }
                    }
                }
                // `name__iexact` looks up alone.
                name if !name.contains("__") => keep(name, tree),
                _ => {}
            }
        }
        Arc::new(Tree::list([Arc::new(row), Arc::default()]))
    }

    /// What a statement that is known takes out of a table; it is left in the cursor, too.
    fn asked(&self, state: &mut State, site: &Site<'_>) -> Option<Arc<Tree>> {
        if !matches!(site.method, "execute" | "executemany") || site.receiver.is_none() {
            return None;
        }
        let (text, _) = site.positional(0)?;
        match statement(text.beginning()?)? {
            Statement::Write(table, places) => {
                self.put_in(state, site, table, &places);
                Some(Arc::default())
            }
            Statement::Read(table, columns) => {
                let rows = self.rows(table, &columns);
                if let (true, Some(place)) = (rows.is_tainted(), self.receiver_place(site.call)) {
                    self.put(state, place, &rows, site.call.span);
                }
                Some(rows)
            }
        }
    }

    fn put_in(&self, state: &State, site: &Site<'_>, table: Table, places: &[(Place, String)]) {
        let hop = || self.hop(site.call.span, "it is put into a table here");
        let leave = |key: Key, tree: &Tree| {
            let kept = |label: &&Label| !self.is_stored(label) && !label.kinds.is_empty();
            let labels: Vec<Label> = tree.all().iter().filter(kept).map(|label| label.after(hop())).collect();
            if !labels.is_empty() {
                self.leave(state, Cell::Table(table), &[key], &Tree::labeled(labels));
            }
        };
        // What is written into the statement itself may stand in any column.
        if let Some((text, _)) = site.positional(0) {
            leave(Key::Any, text);
        }
        let Some((values, _)) = site.positional(1).filter(|(values, _)| values.is_tainted()) else { return };
        let values = if site.method == "executemany" { self.any_part(values) } else { Arc::clone(values) };
        for (place, column) in places {
            let key = match place {
                Place::Index(index) => Konst::Int(i64::try_from(*index).unwrap_or(i64::MAX)),
                Place::Name(name) => Konst::Str(name.as_str().into()),
            };
            leave(Key::Item(Konst::Str(column.as_str().into())), &self.part(&values, &Key::Item(key)));
        }
    }

    /// The rows of a table, as far as somebody else has put something into them.
    fn rows(&self, table: Table, columns: &[String]) -> Arc<Tree> {
        let cell = Cell::Table(table);
        self.out.borrow_mut().reads.push(cell);
        let mut row = Tree::default();
        for (path, site, kinds, via) in self.world.cells.get(&cell).into_iter().flatten() {
            let [key] = &path[..] else { continue };
            let kinds = kinds.and(Kinds::named("html").unwrap_or_default());
            if kinds.is_empty() {
                continue;
            }
            let site = SourceSite { threat: Threat::Stored, text: site.text.clone(), ..**site };
            let label = self.label(Port::Source(Arc::new(site)), via.clone());
            let part = Tree::labeled(vec![Label { kinds, ..label }]);
            let Key::Item(Konst::Str(name)) = key else {
                row.join_at(&[Key::Any], &part);
                continue;
            };
            let index = columns.iter().position(|column| **column == **name);
            if !columns.is_empty() && index.is_none() {
                continue;
            }
            row.join_at(std::slice::from_ref(key), &part);
            if let Some(index) = index.and_then(|index| i64::try_from(index).ok()) {
                row.join_at(&[Key::Item(Konst::Int(index))], &part);
            }
            if let Some(attr) = self.world.program.symbol(name) {
                row.join_at(&[Key::Attr(attr)], &part);
            }
        }
        if row.is_plain() {
            return Arc::default();
        }
        row.store(&[row_key()], &Arc::default());
        let mut rows = Tree::default();
        rows.store(&[Key::Any], &Arc::new(row));
        Arc::new(rows)
    }

    /// Whether a label came out of a table.
    fn is_stored(&self, label: &Label) -> bool {
        let origins = self.origins.borrow();
        matches!(&origins[label.origin as usize].port, Port::Source(site) if site.threat == Threat::Stored)
    }

    /// `Model.active.filter(models.Q(name=name))`
    fn is_by_criteria(&self, site: &Site<'_>) -> bool {
        let is_criterion = |arg: &Arg| {
            let Some(Op::Call(_, id)) = arg.value.local().and_then(|local| self.body.only_def(local)) else {
                return false;
            };
            self.file.slice(self.body.calls[*id].callee_span).split('.').any(|word| word == "Q")
        };
        !site.call.args.is_empty() && site.call.args.iter().all(is_criterion)
    }

    /// Whether a call takes the rows out of a query that was narrowed down right before:
    /// `query.filter(Model.name.like(name)).all()`.
    fn ends_query(&self, site: &Site<'_>) -> bool {
        const ENDS: &[&str] = &["all", "first", "one", "one_or_none", "count", "scalar"];
        const NARROWS: &[&str] =
            &["filter", "filter_by", "order_by", "where", "having", "limit", "offset", "options"];
        if !ENDS.contains(&site.method) || !site.call.args.is_empty() {
            return false;
        }
        let is_narrowed = |call: &crate::ir::Call| {
            Operand::Local(call.to) == site.call.callee.base
                && NARROWS.contains(&self.module.unit.text(call.method))
        };
        self.body.calls.iter().any(is_narrowed)
    }

    /// Whether a call outside of the program looks rows up.
    fn is_lookup(&self, site: &Site<'_>) -> bool {
        if site.receiver.as_ref().is_some_and(|receiver| receiver.is_tainted()) {
            return false;
        }
        if self.is_named_lookup(site) && self.is_used_as_object(site.call.to) {
            return true;
        }
        if site.receiver.is_none() {
            return false;
        }
        // `session.get(Model, key)`
        let is_model = |index: usize| {
            let found = site.args.get(index).and_then(|tree| tree.funcs.first());
            matches!(found.map(|func| &func.func), Some(Callee::Class(_)))
        };
        // `Model.active.filter(name=name)`, by a manager under a name of its own.
        let is_by_fields = || {
            let is_field = |arg: &Arg| matches!(arg.kind, ArgKind::Keyword(_) | ArgKind::DoubleStar);
            !site.call.args.is_empty() && site.call.args.iter().all(is_field)
        };
        ASKING.contains(&site.method)
            || is_search(site.method)
            || matches!(site.method, "filter" | "exclude") && (is_by_fields() || self.is_by_criteria(site))
            || matches!(site.method, "get" | "get_one" | "query") && is_model(0)
            || is_of_manager(site)
    }

    /// Whether a call of which packs know no harm is called as those are that find an object by a name, `get`, `get_spec`,
    /// and not given all that was sent.
    fn is_named_lookup(&self, site: &Site<'_>) -> bool {
        const WHOLE: &[&str] = &[
            "request", "req", "event", "form", "files", "data", "body", "payload", "json", "content", "text",
            "url", "POST", "GET", "args", "params", "environ",
        ];
        let verb = site.method.split('_').next().unwrap_or(site.method);
        let is_whole = |(arg, tree): (&Arg, &Arc<Tree>)| {
            let text = self.file.slice(arg.span).trim_end_matches(['(', ')']);
            let last = text.rsplit(['.', '=', ' ', '*', '_']).next().unwrap_or(text);
            tree.is_tainted() && WHOLE.contains(&last)
        };
        matches!(verb, "get" | "find" | "fetch" | "lookup" | "show" | "resolve")
            && !site.known.model.sinks.iter().any(|sink| self.fits(site, sink))
            && !site.call.args.iter().zip(&site.args).any(is_whole)
    }

    /// Whether an attribute or an entry with a name is read of what a call gives: a text has none.
    fn is_used_as_object(&self, given: LocalId) -> bool {
        let insts = || self.body.blocks.iter().flat_map(|block| &block.insts);
        let named = insts().find_map(|inst| match inst.op {
            Op::Let(to, Rvalue::Use(Operand::Local(from))) | Op::Await(to, Operand::Local(from)) => {
                (from == given).then_some(to)
            }
            _ => None,
        });
        let is_it = |base: Operand| base == Operand::Local(given) || named.map(Operand::Local) == Some(base);
        let unit = self.module.unit;
        let reads = |place: &IrPlace, most: usize| {
            let steps = unit.paths.steps(place.path);
            is_it(place.base)
                && steps.len() > most
                && matches!(steps.first(), Some(Step::Attr(_) | Step::Item(Const::Str(_))))
        };
        insts().any(|inst| matches!(&inst.op, Op::Let(_, Rvalue::Load(place)) if reads(place, 0)))
            || self.body.calls.iter().any(|call| reads(&call.callee, 1))
    }
}

/// Whether a method is called as those are that look something up: `list_ports`, `find_user_by_name`.
fn is_search(method: &str) -> bool {
    const FINDING: &[&str] = &["get_", "find_", "fetch_", "lookup_", "load_"];
    method.starts_with("list_")
        || method.contains("_by_") && FINDING.iter().any(|verb| method.starts_with(verb))
}

/// Whether a value is a list of rows.
fn is_rows(tree: &Tree) -> bool {
    tree.field(&Key::Any).is_some_and(|row| row.field(&row_key()).is_some())
}

/// `Model.objects.filter(…).first`, `cls.query.get`
fn is_of_manager(site: &Site<'_>) -> bool {
    let parts: Vec<&str> = site.path.split('.').map(|part| part.trim_end_matches("()")).collect();
    let manager =
        parts.iter().skip(1).position(|part| matches!(*part, "objects" | "query" | "_default_manager"));
    manager.is_some_and(|at| at + 2 < parts.len()) && !MAKING.contains(&site.method)
}

impl Label {
    /// It one hop further.
    pub(super) fn after(&self, hop: crate::taint::summary::Hop) -> Self {
        Self { via: Some(Hops::after(self.via.as_ref(), hop)), ..self.clone() }
    }
}
