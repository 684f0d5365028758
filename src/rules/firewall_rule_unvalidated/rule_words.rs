//! The words of firewall rules that a function puts together, as texts or as lists.

use crate::flow::Point;
use crate::ir::{CallId, Inst, Op, Operand, Rvalue};
use crate::python::ast::Operator;
use crate::rules::Context;
use crate::rules::facts::net_commands::collect;
use crate::rules::facts::parts::{Part, Piece, Text, texts};
use crate::text::Span;

/// A piece of a word.
#[derive(Clone, Copy)]
pub(super) enum Bit<'a> {
    /// Constant text.
    Text(&'a str),
    /// A value.
    Value(Part<'a>),
}

/// A word of a rule.
pub(super) type Word<'a> = Vec<Bit<'a>>;

/// A rule, or a piece of one.
pub(super) struct Written<'a> {
    /// Its words; one that ends within a text goes on in the next.
    pub(super) words: Vec<Word<'a>>,
    /// The expression.
    pub(super) span: Span,
    /// Where it is made.
    pub(super) at: Point,
}

/// What options begin with that depend on others, and the protocol's.
const KEYWORDS: &[&str] =
    &["dport", "sport", "ation-port", "ource-port", "-type", "--tcp-flags", "--syn", "--comment"];

/// Whether the body may write such options. Cheap.
pub(super) fn may_write(context: &Context<'_>) -> bool {
    let source = context.source(context.body.span);
    KEYWORDS.iter().any(|keyword| source.contains(keyword))
}

/// The rules and pieces of rules that the body writes, outermost expressions only.
pub(super) fn written<'a>(context: &Context<'a>) -> Vec<Written<'a>> {
    let mut found: Vec<(Point, &Inst)> = context
        .insts()
        .filter(|(point, inst)| is_candidate(context, inst) && context.cfg().is_reachable(point.block))
        .collect();
    let spans: Vec<Span> = found.iter().map(|(_, inst)| inst.span).collect();
    found.retain(|(_, inst)| {
        let own = inst.span;
        !spans.iter().any(|span| *span != own && span.start <= own.start && own.end <= span.end)
    });
    found.dedup_by_key(|(_, inst)| inst.span);
    let ways = |(at, inst): &(Point, &'a Inst)| {
        let (at, span) = (*at, inst.span);
        of_inst(context, at, inst)
            .into_iter()
            .map(move |words| Written { words, span, at })
            .collect::<Vec<_>>()
    };
    found.iter().flat_map(ways).collect()
}

/// Whether an instruction makes a text or list in whose source an option stands.
fn is_candidate(context: &Context<'_>, inst: &Inst) -> bool {
    let makes = match &inst.op {
        Op::Let(_, Rvalue::Format(_) | Rvalue::List(_) | Rvalue::Tuple(_)) => true,
        Op::Let(_, Rvalue::Binary(Operator::Add | Operator::Mod, ..)) => true,
        Op::Call(_, id) => is_format(context, *id),
        _ => false,
    };
    let source = || context.source(inst.span);
    let has = |word: &str| source().contains(word);
    makes
        && (KEYWORDS.iter().any(|word| has(word))
            || has("-p ")
            || has("\"-p\"")
            || has("'-p'")
            || has("--proto"))
}

fn is_format(context: &Context<'_>, id: CallId) -> bool {
    let call = &context.body.calls[id];
    context.method(call) == "format" && matches!(call.callee.base, Operand::Const(_))
}

fn of_inst<'a>(context: &Context<'a>, at: Point, inst: &'a Inst) -> Vec<Vec<Word<'a>>> {
    let to = match &inst.op {
        Op::Let(to, Rvalue::List(_) | Rvalue::Tuple(_)) => return of_list(context, Operand::Local(*to), at),
        Op::Let(to, Rvalue::Binary(Operator::Add, left, right)) => {
            let is_list = [left, right]
                .into_iter()
                .any(|side| matches!(context.value(*side, at), Some(Rvalue::List(_) | Rvalue::Tuple(_))));
            if is_list {
                return of_list(context, Operand::Local(*to), at);
            }
            *to
        }
        Op::Let(to, _) => *to,
        Op::Call(to, _) => *to,
        _ => return Vec::new(),
    };
    let ways = texts(context, Operand::Local(to), at.next());
    ways.iter().map(|way| split(way)).collect()
}

fn of_list<'a>(context: &Context<'a>, list: Operand, at: Point) -> Vec<Vec<Word<'a>>> {
    let mut items = Vec::new();
    collect(context, (list, at.next()), Span::empty(0), 4, &mut items);
    let mut words = Vec::new();
    for item in items {
        match texts(context, item.value, item.at).first() {
            Some(way) => words.extend(split(way)),
            None => words.push(Vec::new()),
        }
    }
    vec![words]
}

/// The words of a text.
fn split<'a>(way: &Text<'a>) -> Vec<Word<'a>> {
    let mut words: Vec<Word<'a>> = Vec::new();
    let mut open = false;
    for part in way {
        let Piece::Text(text) = part.piece else {
            if !open {
                words.push(Vec::new());
            }
            words.last_mut().into_iter().for_each(|word| word.push(Bit::Value(*part)));
            open = true;
            continue;
        };
        open &= !text.starts_with(char::is_whitespace);
        for word in text.split_whitespace() {
            if !std::mem::replace(&mut open, false) {
                words.push(Vec::new());
            }
            words.last_mut().into_iter().for_each(|last| last.push(Bit::Text(word)));
        }
        open = !text.ends_with(char::is_whitespace) && !text.is_empty();
    }
    words
}
