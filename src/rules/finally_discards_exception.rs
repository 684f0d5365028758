//! Finds jumps out of `finally` blocks, which end the exception that is on its way.

use crate::ir::{RegionKind, Stmt, StmtKind};
use crate::rules::{Check, Context, Hit, Rule};
use crate::text::Span;

pub(super) static RULE: Rule =
    Rule { page: include_str!("finally_discards_exception.md"), check: Check::Body(run) };

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    if context.body.tries.iter().all(|of| of.finally.is_none()) {
        return;
    }
    for stmt in &context.body.stmts {
        let keyword = match stmt.kind {
            StmtKind::Return => "return",
            StmtKind::Break => "break",
            StmtKind::Continue => "continue",
            _ => continue,
        };
        if let Some(finally) = left_block(context, stmt, keyword) {
            hits.push(hit(stmt, keyword, finally));
        }
    }
}

/// The `finally` block that the jump leaves, innermost first.
fn left_block(context: &Context<'_>, stmt: &Stmt, keyword: &str) -> Option<Span> {
    for id in context.body.enclosing(stmt.region) {
        let region = &context.body.regions[id];
        match region.kind {
            RegionKind::Finally(_) => return Some(region.block),
            RegionKind::Loop { .. } if keyword != "return" => return None,
            _ => {}
        }
    }
    None
}

fn hit(stmt: &Stmt, keyword: &str, finally: Span) -> Hit {
    let length = u32::try_from(keyword.len()).expect("a keyword is short");
    let message = format!(
        "`{keyword}` in `finally` discards whatever exception is on its way, `KeyboardInterrupt` and `SystemExit` included"
    );
    let solution = if keyword == "return" {
        "compute the result before, keep only the clean-up in `finally`, and `return` after it".to_owned()
    } else {
        format!("keep only the clean-up in `finally`, and `{keyword}` after the `try` statement")
    };
    let solution =
        format!("{solution}; to check, let the `try` block raise in a test: the exception must arrive");
    let keyword = Span::new(stmt.span.start, stmt.span.start + length);
    Hit::new(keyword, message, solution).related(finally, "the `finally` block that is left")
}
