//! Packs are well formed, and what is wrong with one is told.

use super::{Kinds, Models, Pack, Vocabulary};

#[test]
fn packs_are_well_formed() {
    let models = Models::built_in();
    assert!(models.is_ok(), "{}", models.err().map_or_else(String::new, |error| error.to_string()));
}

#[test]
fn no_entry_is_under_a_name_that_stands_for_another() {
    let models = Models::built_in().unwrap();
    let calls = models.sinks.keys().chain(models.sanitizers.keys()).chain(models.guards.keys());
    let others = models.sources.keys().chain(&models.clean).chain(&models.decoders).chain(&models.same);
    let beside = models.chains.keys().chain(models.partial.keys()).chain(models.checks.keys());
    let others = others.chain(beside).chain(models.entries.by_call.keys());
    let dead: Vec<&String> =
        calls.chain(others).filter(|path| models.types.canonical(path).is_some()).collect();
    assert!(dead.is_empty(), "nothing is ever called {dead:?}");
}

#[test]
fn an_unknown_kind_is_told_with_its_line() {
    let error = Pack::parse("a.yaml", "sinks:\n  - { call: f, in: [0], kind: sqli }\n").unwrap_err();
    assert!(
        error.to_string().starts_with("a.yaml:2: unknown kind `sqli`; known kinds are command"),
        "{error}"
    );
    let error = Pack::parse("a.yaml", "sinks:\n  - { call: f, in: [], kind: sql }\n").unwrap_err();
    assert!(error.to_string().contains("names no argument"), "{error}");
    let error =
        Pack::parse("a.yaml", "sinks:\n  - { call: f, in: [0], kind: sql, at-most: grave }\n").unwrap_err();
    assert!(error.to_string().starts_with("a.yaml:2: unknown severity `grave`; known are low"), "{error}");
    let error = Pack::parse("a.yaml", "entries:\n  - { call: f, kind: remote }\n").unwrap_err();
    assert!(error.to_string().contains("names no argument"), "{error}");
    let error = Pack::parse("a.yaml", "sink: []\n").unwrap_err();
    assert!(error.to_string().starts_with("a.yaml:1: "), "{error}");
}

#[test]
fn a_pack_declares_kinds_and_is_told_which_it_cannot() {
    let sinks = "sinks:\n  - { call: pay.charge, in: [0], kind: price }\n";
    let pack = Pack::parse("a.yaml", &format!("kinds: [price]\n{sinks}")).unwrap();
    assert!(!pack.sinks[0].kinds.is_empty() && Kinds::ALL.has(pack.sinks[0].kinds));
    let said = |kinds: &str| Pack::parse("a.yaml", &format!("{kinds}\n{sinks}")).unwrap_err().to_string();
    assert!(said("kinds: [prize]").starts_with("a.yaml:3: unknown kind `price`; known kinds are command"));
    assert!(said("kinds: [prize]").ends_with(", prize"));
    assert_eq!(
        said("kinds:\n  - price\n  - sql"),
        "a.yaml:3: the kind `sql` is built in; use it without declaring it"
    );
    assert_eq!(
        said("kinds: [Price]"),
        "a.yaml:1: the kind `Price` is no name; expected kebab-case, as `price`"
    );
    let many: Vec<String> = (0..=Vocabulary::MAX_DECLARED).map(|n| format!("k{n}")).collect();
    let full = said(&format!("kinds: [price, {}]", many.join(", ")));
    assert!(full.starts_with("a.yaml:1: no room for the kind `k21`: 22 are declared"), "{full}");
}
