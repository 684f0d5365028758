//! Dominance, reaching definitions and liveness on made-up programs, against their definitions by brute force.

use proptest::prelude::*;
use rustc_hash::FxHashSet;
use snakestone::flow::{Cfg, Def, Point, defined, definitions, dominators, is_read_after, post_dominators};
use snakestone::ir::{BlockId, Body, LocalId, Op, Operand, Terminator, Unit, operands};
use snakestone::scan;
use snakestone::text::{FileKind, SourceFile};

/// A block of statements in the middle of a function; `depth` bounds nesting.
fn block(depth: u32) -> BoxedStrategy<Vec<String>> {
    let simple = prop_oneof![
        Just(vec!["x = f(y)".to_owned()]),
        Just(vec!["y = x".to_owned()]),
        Just(vec!["del z".to_owned(), "z = g()".to_owned()]),
        Just(vec!["return x".to_owned()]),
        Just(vec!["raise ValueError(x)".to_owned()]),
        Just(vec!["if x and y: break".to_owned()]),
        Just(vec!["if not z: continue".to_owned()]),
        Just(vec!["yield z".to_owned()]),
        Just(vec!["pass".to_owned()]),
    ];
    if depth == 0 {
        return prop::collection::vec(simple, 1..3).prop_map(|all| all.concat()).boxed();
    }
    let inner = || block(depth - 1);
    let indent = |block: &[String]| block.iter().map(|line| format!("    {line}")).collect::<Vec<_>>();
    let with = move |head: &str, block: &[String]| [vec![head.to_owned()], indent(block)].concat();
    let compound = prop_oneof![
        (inner(), inner()).prop_map(move |(a, b)| [with("if x:", &a), with("else:", &b)].concat()),
        (inner(), inner()).prop_map(move |(a, b)| [with("for z in x:", &a), with("else:", &b)].concat()),
        inner().prop_map(move |a| with("while y:", &a)),
        inner().prop_map(move |a| with("with f(x) as y:", &a)),
        (inner(), inner(), inner()).prop_map(move |(a, b, c)| {
            [with("try:", &a), with("except KeyError as z:", &b), with("finally:", &c)].concat()
        }),
        (inner(), inner(), inner()).prop_map(move |(a, b, c)| {
            [with("try:", &a), with("except Exception:", &b), with("else:", &c)].concat()
        }),
        (inner(), inner()).prop_map(move |(a, b)| {
            [
                vec!["match x:".to_owned()],
                with("    case [z, *_]:", &indent(&a)),
                with("    case _:", &indent(&b)),
            ]
            .concat()
        }),
    ];
    prop::collection::vec(prop_oneof![simple, compound], 1..4).prop_map(|all| all.concat()).boxed()
}

fn unit(lines: &[String]) -> Unit {
    // The outer loop gives every `break` and `continue` a home.
    let text: String = lines.iter().map(|line| format!("        {line}\n")).collect();
    let code = format!("def f(x, y, z):\n    while g():\n{text}");
    let file = SourceFile::new("m.py".to_owned(), FileKind::Module, false, code.clone());
    let front = scan::front(&file);
    // Deep nests of `finally` reach the limit of copies, which is told; the graph is whole all the same.
    let is_told = front.errors.iter().all(|error| error.message.starts_with("too many ways out"));
    assert!(is_told && front.failure.is_none(), "{:?}\n{code}", front.errors);
    front.unit.unwrap()
}

/// What can be reached from `from` over edges for which `admits` holds.
fn reach(cfg: &Cfg, from: &[BlockId], admits: impl Fn(BlockId, BlockId) -> bool) -> FxHashSet<BlockId> {
    let mut seen: FxHashSet<BlockId> = from.iter().copied().collect();
    let mut todo = from.to_vec();
    while let Some(block) = todo.pop() {
        for edge in cfg.succs(block) {
            if admits(block, edge.block) && seen.insert(edge.block) {
                todo.push(edge.block);
            }
        }
    }
    seen
}

/// Whether control can leave the body from `block`: by returning, or by an exception that nothing in it takes.
fn leaves(body: &Body, block: BlockId) -> bool {
    let data = &body.blocks[block];
    let raises = match data.end {
        Terminator::Return(_) => return true,
        Terminator::Raise { .. } | Terminator::Iterate { .. } => true,
        Terminator::Dispatch { catches_all, .. } => !catches_all,
        _ => false,
    };
    data.unwind.is_none() && (raises || data.insts.iter().any(snakestone::flow::may_raise))
}

/// Definitions of `local` that reach `at`, by walking instruction by instruction from each of them.
fn reaching(body: &Body, cfg: &Cfg, at: Point, local: LocalId) -> Vec<Def> {
    let all = body.blocks.pairs().filter(|(block, _)| cfg.is_reachable(*block)).flat_map(|(block, data)| {
        let defs = data.insts.iter().enumerate().filter(|(_, inst)| defined(inst) == Some(local));
        defs.map(move |(index, _)| Point { block, index }).collect::<Vec<_>>()
    });
    let mut found: Vec<Def> =
        all.filter(|def| meets(body, cfg, def.next(), at, local, true)).map(Def::At).collect();
    if meets(body, cfg, Point::start(body.entry()), at, local, false) {
        found.push(Def::Entry);
    }
    found.sort_unstable();
    found
}

/// Whether a path from `from` comes to `at` without another definition of `local`.
fn meets(body: &Body, cfg: &Cfg, from: Point, at: Point, local: LocalId, is_def: bool) -> bool {
    let mut seen: FxHashSet<Point> = FxHashSet::default();
    let mut todo = vec![from];
    // A defining instruction may raise after it took effect, as the graph sees it.
    let unwinds = |block: BlockId| {
        cfg.succs(block).iter().filter(|edge| edge.unwind).map(|edge| Point::start(edge.block))
    };
    if is_def {
        todo.extend(unwinds(from.block));
    }
    while let Some(point) = todo.pop() {
        if !seen.insert(point) {
            continue;
        }
        if point == at {
            return true;
        }
        match body.blocks[point.block].insts.get(point.index) {
            Some(inst) => {
                todo.extend(unwinds(point.block));
                if defined(inst) != Some(local) {
                    todo.push(point.next());
                }
            }
            None => todo.extend(cfg.succs(point.block).iter().map(|edge| Point::start(edge.block))),
        }
    }
    false
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// `a` dominates `b` when without `a` nothing comes to `b`; post-dominance likewise towards the ways out.
    #[test]
    fn dominance_is_what_its_definition_says(lines in block(2)) {
        let unit = unit(&lines);
        let body = unit.bodies.iter().nth(1).unwrap();
        let cfg = Cfg::new(body);
        let (before, behind) = (dominators(body, &cfg), post_dominators(body, &cfg, false));
        prop_assume!(body.blocks.len() < 120);
        let exits: Vec<BlockId> =
            body.blocks.ids().filter(|block| cfg.is_reachable(*block) && leaves(body, *block)).collect();
        let gets_out = |b: &BlockId| {
            let ahead = reach(&cfg, &[*b], |_, _| true);
            exits.iter().any(|exit| ahead.contains(exit))
        };
        let live: FxHashSet<BlockId> = cfg.order().iter().copied().filter(gets_out).collect();
        for a in cfg.order().iter().copied() {
            let without = reach(&cfg, &[body.entry()], |from, to| from != a && to != a);
            for b in cfg.order().iter().copied() {
                let expected = a == b || a == body.entry() || !without.contains(&b);
                prop_assert_eq!(before.dominates(a, b), expected, "{:?} dominates {:?}", a, b);
                if live.contains(&b) {
                    let ahead = reach(&cfg, &[b], |from, to| from != a && to != a);
                    let expected = a == b || !exits.iter().any(|exit| *exit != a && ahead.contains(exit));
                    prop_assert_eq!(behind.dominates(a, b), expected, "{:?} post-dominates {:?}", a, b);
                }
            }
        }
    }

    /// The definitions that reach each read, and whether a definition is read, found by walking single instructions.
    #[test]
    fn definitions_reach_what_paths_reach(lines in block(2)) {
        let unit = unit(&lines);
        let body = unit.bodies.iter().nth(1).unwrap();
        let cfg = Cfg::new(body);
        prop_assume!(body.blocks.len() < 60);
        for block in cfg.order().iter().copied() {
            for (index, inst) in body.blocks[block].insts.iter().enumerate() {
                let at = Point { block, index };
                for local in operands(body, inst).filter_map(Operand::local) {
                    prop_assert_eq!(definitions(body, &cfg, at, local), reaching(body, &cfg, at, local));
                }
                let Some(local) = defined(inst) else { continue };
                if matches!(inst.op, Op::Delete(_)) {
                    continue;
                }
                let read = cfg.order().iter().any(|&other| {
                    let data = &body.blocks[other];
                    let reads = data.insts.iter().enumerate().any(|(i, inst)| {
                        operands(body, inst).contains(Operand::Local(local))
                            && meets(body, &cfg, at.next(), Point { block: other, index: i }, local, false)
                    });
                    let end = Point { block: other, index: data.insts.len() };
                    reads || snakestone::flow::end_reads(&data.end).any(|read| read == local)
                        && meets(body, &cfg, at.next(), end, local, false)
                });
                prop_assert_eq!(is_read_after(body, &cfg, at.next(), local), read);
            }
        }
    }
}
