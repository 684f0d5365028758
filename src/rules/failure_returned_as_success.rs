//! Finds broad handlers that return what success returns as well.

use rustc_hash::FxHashSet;

use crate::finding::{Edit, Safety, Severity};
use crate::flow::{Def, Point, definitions};
use crate::ir::{BlockId, BodyKind, Const, LocalId, Op, Operand, Rvalue, Stmt, StmtKind, Terminator};
use crate::rules::facts::handlers::{Clause, clauses};
use crate::rules::facts::logging::{self, LogLevel};
use crate::rules::facts::response::Response;
use crate::rules::facts::{asking, attempts, edits, verbs};
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule =
    Rule { page: include_str!("failure_returned_as_success.md"), check: Check::Body(run) };

/// Most kinds of values that one return is seen to give.
const MAX_SHAPES: usize = 64;
/// First words of names of functions that answer a question, or promise an answer in any case.
#[rustfmt::skip]
const PREDICATES: &[&str] = &[
    "are", "can", "check", "contains", "does", "exists", "has", "is", "looks", "maybe", "need", "needs",
    "safe", "should", "supports", "try", "valid", "was",
];
/// Words of names of functions that decide about access.
#[rustfmt::skip]
const ACCESS: &[&str] = &[
    "access", "allow", "allowed", "auth", "authenticate", "authenticated", "authorize", "authorized",
    "grant", "granted", "permission", "permissions", "permitted", "trust", "trusted", "valid", "validate",
    "verified", "verify",
];

/// What kind of value is returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    True,
    None,
    List { empty: bool },
    Dict { empty: bool },
    Text { empty: bool },
    Tuple { empty: bool },
    Call,
    Other,
}

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let is_plain = matches!(context.body.kind, BodyKind::Function { is_generator: false, .. });
    if !is_plain || context.file.is_test {
        return;
    }
    let mut normal: Option<Vec<BlockId>> = None;
    for clause in clauses(context).filter(Clause::is_broad) {
        let normal = normal.get_or_insert_with(|| ways(context, context.body.entry()));
        hits.extend(judge(&clause, normal));
    }
}

/// The returns that ordinary control can reach from `from`, exceptions aside.
fn ways(context: &Context<'_>, from: BlockId) -> Vec<BlockId> {
    let mut seen: FxHashSet<BlockId> = [from].into_iter().collect();
    let mut todo = vec![from];
    let mut returns = Vec::new();
    while let Some(block) = todo.pop() {
        if matches!(context.body.blocks[block].end, Terminator::Return(_)) {
            returns.push(block);
        }
        let next = context.cfg().succs(block).iter().filter(|edge| !edge.unwind).map(|edge| edge.block);
        todo.extend(next.filter(|block| seen.insert(*block)));
    }
    returns.sort_unstable();
    returns
}

fn judge(clause: &Clause<'_, '_>, normal: &[BlockId]) -> Option<Hit> {
    let context = clause.context;
    let [block] = ways(context, clause.region.entry)[..] else { return None };
    if normal.contains(&block) || attempts::imports(clause) {
        return None;
    }
    let Terminator::Return(value) = context.body.blocks[block].end else { return None };
    let stmt = return_stmt(context, block)?;
    let decides = verbs::has_word(context.function_name(), ACCESS);
    let shapes = shapes(context, value, block);
    let [shape] = shapes[..] else { return None };
    let others: Vec<BlockId> =
        normal.iter().copied().filter(|other| !follows_error_log(context, *other)).collect();
    let is_predicate = verbs::starts_with_word(context.function_name(), PREDICATES) || promises(context);
    let fooled = if is_predicate || decides {
        decides && shape == Shape::True
    } else {
        is_given_by(context, &others, shape, value)
    };
    if !fooled {
        return None;
    }
    let response = Response::new(clause);
    if response.raises || response.keeps || response.acts || response.announces {
        return None;
    }
    let is_minor = shape == Shape::None
        || shape != Shape::True
            && (is_logged(clause, &response) || only_computes(clause) || is_promised(context, stmt))
        || is_rest(clause)
        || attempts::has_reason(clause);
    let hit = hit(clause, stmt, shape);
    Some(if is_minor { hit.severity(Severity::Low) } else { hit })
}

fn promises(context: &Context<'_>) -> bool {
    let name = context.function_name();
    name.ends_with("or_none")
        || name.ends_with("or_default")
        || verbs::has_word(name, &["safe", "safely", "try", "maybe"])
}

/// The `return value` statement that ends `block`.
fn return_stmt<'a>(context: &Context<'a>, block: BlockId) -> Option<&'a Stmt> {
    let region = context.body.blocks[block].region;
    let stmt = context.body.stmts_in(region).find(|(_, stmt)| stmt.kind == StmtKind::Return)?.1;
    (context.source(stmt.span).trim() != "return").then_some(stmt)
}

/// Whether a failure is logged right before the return that ends `block`.
fn follows_error_log(context: &Context<'_>, block: BlockId) -> bool {
    context.body.blocks[block].insts.iter().any(|inst| match &inst.op {
        Op::Call(_, call) => logging::log(context, &context.body.calls[*call])
            .is_some_and(|log| log.level >= LogLevel::Warning),
        _ => false,
    })
}

/// Whether success gives a value of `shape` too, so that the caller cannot tell.
fn is_given_by(context: &Context<'_>, normal: &[BlockId], shape: Shape, value: Operand) -> bool {
    let given: Vec<(Operand, BlockId)> = normal
        .iter()
        .filter_map(|block| match context.body.blocks[*block].end {
            Terminator::Return(value) => Some((value, *block)),
            _ => None,
        })
        .collect();
    let all = || given.iter().flat_map(|(value, block)| shapes(context, *value, *block));
    match shape {
        Shape::True => given.iter().any(|(value, _)| *value == Operand::Const(Const::Bool(true))),
        Shape::None => all().any(|other| other == Shape::None) && all().any(|other| other != Shape::None),
        Shape::List { empty: true } => all().any(|other| matches!(other, Shape::List { .. } | Shape::Call)),
        Shape::Dict { empty: true } => all().any(|other| matches!(other, Shape::Dict { .. } | Shape::Call)),
        Shape::Text { empty: true } => all().any(|other| matches!(other, Shape::Text { .. })),
        Shape::Tuple { empty: true } => all().any(|other| matches!(other, Shape::Tuple { .. })),
        Shape::List { .. } | Shape::Dict { .. } => {
            let local = value.local().filter(|local| begins_empty(context, *local));
            local.is_some() && given.iter().any(|(other, _)| other.local() == local)
        }
        Shape::Text { .. } | Shape::Tuple { .. } | Shape::Call | Shape::Other => false,
    }
}

/// Whether a variable is first given an empty list or dict, which is then filled.
fn begins_empty(context: &Context<'_>, local: LocalId) -> bool {
    let name = context.local_name(local);
    !name.is_empty() && context.body.param(local).is_none()
}

/// What `value` may be at the end of `block`.
fn shapes(context: &Context<'_>, value: Operand, block: BlockId) -> Vec<Shape> {
    let end = Point { block, index: context.body.blocks[block].insts.len() };
    let mut shapes = Vec::new();
    collect(context, value, end, 0, &mut shapes);
    if shapes.len() >= MAX_SHAPES {
        shapes.push(Shape::Other);
    }
    shapes.sort_by_key(|shape| format!("{shape:?}"));
    shapes.dedup();
    shapes
}

fn collect(context: &Context<'_>, value: Operand, at: Point, depth: u32, shapes: &mut Vec<Shape>) {
    if shapes.len() >= MAX_SHAPES {
        return;
    }
    let local = match value {
        Operand::Const(constant) => {
            shapes.push(match constant {
                Const::Bool(true) => Shape::True,
                Const::None => Shape::None,
                Const::Str(text) if context.text(text).is_empty() => Shape::Text { empty: true },
                _ => Shape::Other,
            });
            return;
        }
        Operand::Local(local) if depth < 6 => local,
        Operand::Local(_) | Operand::Global(_) => return shapes.push(Shape::Other),
    };
    // What fills a variable does not change its kind, but it is no longer certainly empty.
    let is_variable = !context.local_name(local).is_empty();
    for def in definitions(context.body, context.cfg(), at, local) {
        let Def::At(point) = def else {
            shapes.push(Shape::Other);
            continue;
        };
        let Some(inst) = context.inst(point) else { continue };
        let shape = match &inst.op {
            Op::Let(_, Rvalue::Use(next)) => {
                collect(context, *next, point, depth + 1, shapes);
                continue;
            }
            Op::Await(_, next) => {
                collect(context, *next, point, depth + 1, shapes);
                continue;
            }
            // A display with items is never empty, unless a variable lets them be taken out.
            Op::Let(_, Rvalue::List(items)) if items.is_empty() || is_variable => {
                Shape::List { empty: !is_variable }
            }
            Op::Let(_, Rvalue::Dict(items)) if items.is_empty() || is_variable => {
                Shape::Dict { empty: !is_variable }
            }
            Op::Let(_, Rvalue::Tuple(items)) if items.is_empty() => Shape::Tuple { empty: true },
            Op::Call(_, call) => made(context, &context.body.calls[*call]),
            _ => Shape::Other,
        };
        shapes.push(shape);
    }
}

fn made(context: &Context<'_>, call: &crate::ir::Call) -> Shape {
    let empty = call.args.is_empty();
    match context.name(call) {
        "list" | "sorted" => Shape::List { empty },
        "dict" => Shape::Dict { empty },
        "tuple" => Shape::Tuple { empty },
        "str" => Shape::Text { empty },
        _ if matches!(
            context.method(call),
            "strip"
                | "rstrip"
                | "lstrip"
                | "format"
                | "join"
                | "decode"
                | "lower"
                | "upper"
                | "replace"
                | "hexdigest"
        ) =>
        {
            Shape::Text { empty: false }
        }
        _ => Shape::Call,
    }
}

/// Whether the failure is on record, at warning or above or with its traceback.
fn is_logged(clause: &Clause<'_, '_>, response: &Response) -> bool {
    let traceback = |(_, call): (_, &crate::ir::Call)| {
        logging::log(clause.context, call).is_some_and(|log| log.traceback)
    };
    response.logs.iter().any(|(_, level)| *level >= LogLevel::Warning) || clause.calls().any(traceback)
}

/// Whether the function's documentation names the value: callers know what it stands for.
fn is_promised(context: &Context<'_>, stmt: &Stmt) -> bool {
    let value = context.source(stmt.span).trim_start_matches("return").trim();
    context.body.docstring.is_some_and(|span| context.source(span).contains(value))
}

/// Whether an earlier clause of the same `try` raises what it catches: somebody chose what is left.
fn is_rest(clause: &Clause<'_, '_>) -> bool {
    clauses(clause.context).any(|other| {
        other.handler.of == clause.handler.of
            && other.region.span.start < clause.region.span.start
            && other.always_raises()
    })
}

/// Whether the guarded code asks nobody: it converts, parses, looks into what it has.
fn only_computes(clause: &Clause<'_, '_>) -> bool {
    clause.guarded_calls().all(|(_, call)| asking::computes(clause.context, call))
}

fn hit(clause: &Clause<'_, '_>, stmt: &Stmt, shape: Shape) -> Hit {
    let context = clause.context;
    let value = context.source(stmt.span).trim_start_matches("return").trim();
    let tried = attempts::tried(context, clause.of.body);
    let tried = if tried.is_empty() { "the guarded code".to_owned() } else { tried };
    let function = context.function_name();
    let message = match shape {
        Shape::True => format!(
            "`{function}` returns `{value}` also when {tried} fails, so the caller takes the failure for success"
        ),
        _ => format!(
            "`{function}` returns `{value}` when {tried} fails, as it does on success: the caller cannot tell the two apart"
        ),
    };
    let solution = format!(
        "let the exception go (`raise`), or return a value that success never returns; \
         to check, let {tried} raise in a test: the caller must do something else than with `{value}`"
    );
    Hit::new(stmt.span, message, solution)
        .related(clause.region.head, "the broad handler")
        .edit(edit(clause, stmt))
}

/// `raise` in place of the `return`, or of the `pass` before it.
fn edit(clause: &Clause<'_, '_>, stmt: &Stmt) -> Option<Edit> {
    let context = clause.context;
    let block = clause.region.block;
    let span = if clause.region.span.contains(stmt.span) {
        stmt.span
    } else if context.source(block).trim() == "pass" {
        block
    } else {
        return None;
    };
    Some(edits::replace(Safety::Suggest, "let the exception go", span, "raise"))
}
