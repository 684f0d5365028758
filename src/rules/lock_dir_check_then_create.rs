//! Finds lock directories that are created after a check that they are missing.

use crate::base::words;
use crate::finding::{Edit, Safety};
use crate::flow::Point;
use crate::ir::{BlockId, Call, CallId, Const, Operand, RegionKind, Terminator, With};
use crate::rules::facts::conditions::{Test, always_raises, decisions};
use crate::rules::facts::edits;
use crate::rules::facts::locks::{is_lock_dir, is_own_temporary};
use crate::rules::facts::parts::{spelled, texts_of};
use crate::rules::facts::paths::{Target, path_argument};
use crate::rules::facts::verbs::has_word;
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule =
    Rule { page: include_str!("lock_dir_check_then_create.md"), check: Check::Body(run) };

/// Exceptions that include the one of a directory that exists already.
const EXISTS: &[&str] =
    &["FileExistsError", "OSError", "IOError", "EnvironmentError", "os.error", "Exception", "BaseException"];
/// Words of managers that let one in at a time.
const SERIAL: &[&str] =
    &["lock", "rlock", "mutex", "semaphore", "synchronized", "serialize", "flock", "locked"];

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let asks = |call: &Call| is_check(context, call);
    if !context.body.calls.iter().any(asks) {
        return;
    }
    for (id, call) in context.body.calls.pairs() {
        if matches!(context.method(call), "mkdir" | "makedirs") && context.is_reachable(id) {
            hits.extend(judge(context, id, call));
        }
    }
}

/// Whether `call` asks if a path or directory exists.
fn is_check(context: &Context<'_>, call: &Call) -> bool {
    matches!(context.method(call), "exists" | "isdir" | "is_dir" | "lexists" | "isfile" | "is_file")
}

fn judge(context: &Context<'_>, id: CallId, call: &Call) -> Option<Hit> {
    let target = path_argument(context, call)?;
    let tolerant = context
        .arg(call, Some(2), "exist_ok")
        .is_some_and(|arg| arg.value != Operand::Const(Const::Bool(false)));
    let at = context.point(id);
    if tolerant || call.has_spread() || is_handled(context, call) || is_serialized(context, call) {
        return None;
    }
    let check = missing_check(context, at, &target)?;
    let ways = texts_of(context, target.value, at);
    if is_own_temporary(context, &ways) || !is_lock_dir(context, target.value, target.source, at) {
        return None;
    }
    Some(hit(context, call, &context.body.calls[check], &target))
}

/// The check that `target` is missing, on which it depends whether control comes to `at`.
fn missing_check(context: &Context<'_>, at: Point, target: &Target<'_>) -> Option<CallId> {
    let own = spellings(context, target, at);
    decisions(context, at).into_iter().find_map(|decision| {
        let Test::Call(id) = decision.test else { return None };
        let call = &context.body.calls[id];
        if decision.holds || !is_check(context, call) || refuses(context, decision.otherwise) {
            return None;
        }
        let asked = path_argument(context, call)?;
        let same = asked.source == target.source
            || spellings(context, &asked, decision.at).iter().any(|asked| own.contains(asked));
        same.then_some(id)
    })
}

fn spellings(context: &Context<'_>, target: &Target<'_>, at: Point) -> Vec<String> {
    let ways = texts_of(context, target.value, at);
    ways.iter().map(|way| spelled(context, way)).filter(|text| !text.is_empty() && text != "{}").collect()
}

/// Whether an existing directory is the reason to give up: by raising, or by telling the caller so.
fn refuses(context: &Context<'_>, from: BlockId) -> bool {
    let tells = matches!(context.body.blocks[from].end, Terminator::Return(Operand::Const(Const::Bool(_))));
    tells || always_raises(context, from)
}

/// Whether the error of losing the race is caught around `call`.
fn is_handled(context: &Context<'_>, call: &Call) -> bool {
    let body = context.body;
    body.enclosing(body.blocks[call.block].region).any(|id| match &body.regions[id].kind {
        RegionKind::Try(of) => body.tries[*of].handlers.iter().any(|handler| {
            let RegionKind::Handler(handler) = &body.regions[*handler].kind else { return false };
            let catches = |name| {
                let name: &str = context.text(name);
                EXISTS.contains(&name) || name.contains("EEXIST")
            };
            handler.types.is_empty() || handler.types.iter().any(|name| catches(*name))
        }),
        RegionKind::With(with) => with.suppresses,
        _ => false,
    })
}

/// Whether a lock is held around `call`.
fn is_serialized(context: &Context<'_>, call: &Call) -> bool {
    let body = context.body;
    let serial = |name: &str| has_word(name, SERIAL) || words(name).iter().any(|word| word.ends_with("lock"));
    let holds = |with: &With| {
        let value = body.locals[with.manager].value.map_or("", |value| context.text(value));
        serial(value) || serial(context.source(with.item))
    };
    let by_with = body.enclosing(body.blocks[call.block].region).any(|id| match &body.regions[id].kind {
        RegionKind::With(with) => holds(with),
        _ => false,
    });
    by_with || body.decorators.iter().any(|decorator| serial(context.source(decorator.span)))
}

fn hit(context: &Context<'_>, call: &Call, check: &Call, target: &Target<'_>) -> Hit {
    let path = edits::brief(context, target.span, 60);
    let check_text = edits::brief(context, check.span, 60);
    let callee = edits::brief(context, call.callee_span, 60);
    let message = format!(
        "another process may create the lock directory `{path}` between `{check_text}` and `{callee}`; this one then \
         dies with `FileExistsError`"
    );
    let is_plain = context.name(call) == "os.mkdir";
    let instead = if is_plain {
        format!("`os.makedirs({path}, exist_ok=True)`")
    } else {
        format!("`{callee}(…, exist_ok=True)`")
    };
    let solution = format!(
        "create it without asking, by {instead}; to check, start the program twice at the same time with `{path}` \
         removed: both must come up"
    );
    let known = context.arg(call, None, "exist_ok").is_some();
    let edit = (!is_plain && !known).then(|| Edit {
        safety: Safety::Safe,
        title: "accept a directory that exists".to_owned(),
        changes: vec![edits::last_argument(context, call, "exist_ok=True")],
    });
    Hit::new(call.span, message, solution).edit(edit).related(check.span, "the check that may be outdated")
}
