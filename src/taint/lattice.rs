//! What the design claims of joins, tried on random values and states: nothing is lost, the order does not matter, and
//! joining the same again changes nothing, so that the solver comes to an end.
//!
//! Below the limits on labels and fields, where a join has to give up what it tells apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use rustc_hash::FxHashMap;

use crate::base::Symbol;
use crate::ir::LocalId;
use crate::models::Kinds;
use crate::program::ClassIx;
use crate::taint::state::{State, Var};
use crate::taint::value::{Key, Konst, Label, Tree};

fn kinds() -> impl Strategy<Value = Kinds> {
    let named = |name| Kinds::named(name).unwrap();
    prop_oneof![
        Just(Kinds::NONE),
        Just(named("sql")),
        Just(named("path")),
        Just(named("sql").with(Kinds::THROUGH_UNKNOWN)),
        Just(Kinds::ALL),
    ]
}

fn konst() -> impl Strategy<Value = Konst> {
    prop_oneof![
        Just(Konst::None),
        any::<bool>().prop_map(Konst::Bool),
        (0..3_i64).prop_map(Konst::Int),
        "(ab|a|b|abc)".prop_map(|text| Konst::Str(text.into())),
    ]
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        (0..2_usize).prop_map(|n| Key::Attr(Symbol::new(n))),
        (0..2_i64).prop_map(|n| Key::Item(Konst::Int(n))),
        Just(Key::Any),
    ]
}

fn labels() -> impl Strategy<Value = Vec<Label>> {
    let one = (0..4_u32, kinds());
    proptest::collection::btree_map(0..4_u32, one, 0..3).prop_map(|all| {
        let mut tree = Tree::default();
        for (origin, kinds) in all.into_values() {
            tree.add(&Label { origin, kinds, via: None });
        }
        tree.labels
    })
}

/// A value: what is known of its text as a whole, or how it begins and ends.
fn leaf() -> impl Strategy<Value = Tree> {
    let text = prop_oneof![
        konst().prop_map(|konst| (Some(konst), None, None)),
        (proptest::option::of("(a|ab)"), proptest::option::of("(c|bc)")).prop_map(|(begins, ends)| (
            None,
            begins.map(Arc::from),
            ends.map(Arc::from)
        )),
    ];
    let class = proptest::option::of((0..2_usize).prop_map(ClassIx::new));
    (labels(), text, class).prop_map(|(labels, (konst, prefix, ending), class)| {
        let class = class.filter(|_| konst.is_none());
        Tree { labels, konst, prefix, ending, class, ..Tree::default() }
    })
}

fn tree() -> impl Strategy<Value = Tree> {
    leaf().prop_recursive(2, 8, 3, |inner| {
        (labels(), proptest::collection::btree_map(key(), inner, 0..3)).prop_map(|(labels, fields)| {
            let fields = fields.into_iter().map(|(key, part)| (key, Arc::new(part))).collect();
            Tree { labels, fields, ..Tree::default() }
        })
    })
}

fn state() -> impl Strategy<Value = State> {
    let vars = proptest::collection::btree_map(0..3_usize, tree(), 0..4);
    let cleared = proptest::collection::btree_map(0..4_u32, kinds(), 0..3);
    (vars, cleared).prop_map(|(vars, cleared)| {
        let mut state = State::default();
        vars.into_iter().for_each(|(var, tree)| state.set(Var::Local(LocalId::new(var)), Arc::new(tree)));
        cleared
            .into_iter()
            .filter(|(_, kinds)| !kinds.is_empty())
            .for_each(|(origin, kinds)| state.clear(origin, kinds.and(Kinds::ALL)));
        state
    })
}

/// A value as those who read it see it, whatever the order of its labels.
fn seen(tree: &Tree) -> String {
    let labels: BTreeMap<u32, Kinds> = tree.labels.iter().map(|label| (label.origin, label.kinds)).collect();
    let begins = tree.beginning();
    let fields: Vec<(&Key, String)> = tree.fields.iter().map(|(key, part)| (key, seen(part))).collect();
    let mut maybe: Vec<ClassIx> = tree.maybe.iter().flat_map(|maybe| maybe.iter().copied()).collect();
    maybe.sort_unstable();
    format!(
        "{labels:?} {:?} {:?} {begins:?} {:?} {:?} {maybe:?} {} {fields:?}",
        tree.konst, tree.may, tree.ending, tree.class, tree.ragged
    )
}

fn joined(a: &Tree, b: &Tree) -> Tree {
    let mut sum = a.clone();
    sum.join(b);
    sum
}

/// Whether all that may be in `part` may be in `whole`, and all that `whole` is certain of is so in `part`.
fn is_within(part: &Tree, whole: &Tree) -> bool {
    let has = |labels: &[Label], label: &Label| {
        labels.iter().any(|known| known.origin == label.origin && known.kinds.has(label.kinds))
    };
    let begins = |text: &str| part.beginning().is_some_and(|known| known.starts_with(text));
    let is_none = part.konst == Some(Konst::None);
    part.labels.iter().all(|label| has(&whole.labels, label))
        && (whole.konst.is_none() || whole.konst == part.konst)
        && whole.beginning().is_none_or(begins)
        && (whole.ending.is_none() || whole.ending == part.ending)
        && (whole.class.is_none() || whole.class == part.class || is_none)
        && (whole.ragged || !part.ragged)
        && part.fields.iter().all(|(key, inner)| {
            whole.field(key).is_some_and(|known| is_within(inner, known))
        })
        // A part that only the whole tells apart has the taint of what it was a part of; of what stands under any key the
        // whole itself tells, to whoever reads it.
        && whole.fields.iter().all(|(key, known)| {
            part.field(key).is_some() || {
                let forgets = known.konst.is_none() && known.prefix.is_none() && known.ending.is_none();
                forgets && (*key == Key::Any || part.labels.iter().all(|label| has(&known.labels, label)))
            }
        })
}

fn joined_states(a: &State, b: &State, wholes: &FxHashMap<u32, u32>) -> State {
    let mut sum = a.clone();
    sum.join(b, wholes);
    sum
}

fn seen_state(state: &State) -> String {
    let var = |var| state.get(Var::Local(LocalId::new(var))).filter(|tree| !tree.is_plain());
    let vars = (0..3).map(|at| var(at).map(|tree| seen(tree)));
    let cleared = (0..4).map(|origin| state.cleared(origin));
    format!("{:?} {:?}", vars.collect::<Vec<_>>(), cleared.collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn a_value_joined_with_itself_stays(a in tree()) {
        let mut sum = a.clone();
        prop_assert!(!sum.join(&a));
        prop_assert_eq!(seen(&sum), seen(&a));
    }

    #[test]
    fn the_order_of_values_does_not_matter(a in tree(), b in tree()) {
        prop_assert_eq!(seen(&joined(&a, &b)), seen(&joined(&b, &a)));
    }

    #[test]
    fn nothing_of_either_value_is_lost(a in tree(), b in tree()) {
        let sum = joined(&a, &b);
        prop_assert!(is_within(&a, &sum) && is_within(&b, &sum), "{}\n{}\n{}", seen(&a), seen(&b), seen(&sum));
    }

    #[test]
    fn a_value_that_was_joined_in_changes_nothing_again(a in tree(), b in tree()) {
        let mut sum = joined(&a, &b);
        let before = seen(&sum);
        let grew = sum.join(&b);
        prop_assert_eq!(seen(&sum), before);
        prop_assert!(!grew);
    }

    #[test]
    fn shared_values_join_as_others_do(a in tree(), b in tree()) {
        let mut sum = Arc::new(a.clone());
        let grew = Tree::join_shared(&mut sum, &Arc::new(b.clone()));
        prop_assert_eq!(seen(&sum), seen(&joined(&a, &b)));
        prop_assert_eq!(grew, a.clone().join(&b));
    }

    #[test]
    fn a_join_tells_whether_anything_grew(a in tree(), b in tree()) {
        let mut sum = a.clone();
        let grew = sum.join(&b);
        prop_assert_eq!(grew, seen(&sum) != seen(&a));
    }

    #[test]
    fn states_join_as_values_do(a in state(), b in state()) {
        let wholes = FxHashMap::default();
        let sum = joined_states(&a, &b, &wholes);
        let mut same = a.clone();
        prop_assert!(!same.join(&a, &wholes));
        prop_assert_eq!(seen_state(&same), seen_state(&a));
        prop_assert_eq!(seen_state(&sum), seen_state(&joined_states(&b, &a, &wholes)));
    }

    #[test]
    fn what_a_variable_may_hold_on_one_way_it_may_behind_both(a in state(), b in state()) {
        let sum = joined_states(&a, &b, &FxHashMap::default());
        for way in [&a, &b] {
            for var in (0..3).map(|var| Var::Local(LocalId::new(var))) {
                let (before, after) = (way.get(var).cloned().unwrap_or_default(), sum.get(var).cloned().unwrap_or_default());
                for label in &before.labels {
                    let open = label.kinds.without(way.cleared(label.origin));
                    let behind = after.labels.iter().find(|known| known.origin == label.origin);
                    let behind = behind.map_or(Kinds::NONE, |known| known.kinds.without(sum.cleared(label.origin)));
                    prop_assert!(behind.has(open), "{}\n{}\n{}", seen_state(&a), seen_state(&b), seen_state(&sum));
                }
            }
        }
    }
}
