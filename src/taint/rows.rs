//! Rows of databases: what a look-up gives is what was stored, whatever it was looked up by.

use crate::taint::body::Analyzer;
use crate::taint::calls::Site;
use crate::taint::value::Callee;

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
/// Methods of a model's manager that make a row of what they are given.
const MAKING: &[&str] = &["create", "bulk_create", "get_or_create", "update_or_create", "build", "model"];

impl Analyzer<'_, '_> {
    /// Whether a call outside of the program looks rows up.
    pub(super) fn is_lookup(&self, site: &Site<'_>) -> bool {
        if site.receiver.as_ref().is_none_or(|receiver| receiver.is_tainted()) {
            return false;
        }
        // `session.get(Model, key)`
        let is_model = |index: usize| {
            let found = site.args.get(index).and_then(|tree| tree.funcs.first());
            matches!(found.map(|func| &func.func), Some(Callee::Class(_)))
        };
        ASKING.contains(&site.method)
            || matches!(site.method, "get" | "get_one" | "query") && is_model(0)
            || is_of_manager(site)
    }
}

/// `Model.objects.filter(…).first`, `cls.query.get`
fn is_of_manager(site: &Site<'_>) -> bool {
    let parts: Vec<&str> = site.path.split('.').map(|part| part.trim_end_matches("()")).collect();
    let manager =
        parts.iter().skip(1).position(|part| matches!(*part, "objects" | "query" | "_default_manager"));
    manager.is_some_and(|at| at + 2 < parts.len()) && !MAKING.contains(&site.method)
}
