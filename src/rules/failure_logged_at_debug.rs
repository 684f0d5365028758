//! Finds broad handlers whose only trace of a failed step is a log at debug level.

use crate::finding::Safety;
use crate::rules::facts::handlers::{Clause, clauses};
use crate::rules::facts::logging::LogLevel;
use crate::rules::facts::response::Response;
use crate::rules::facts::{asking, attempts, edits};
use crate::rules::{Check, Context, Hit, Rule};

pub(super) static RULE: Rule =
    Rule { page: include_str!("failure_logged_at_debug.md"), check: Check::Body(run) };

fn run(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let mut broad = clauses(context).filter(Clause::is_broad).peekable();
    if broad.peek().is_some() && context.function_name() != "__del__" && !asking::is_ending(context) {
        hits.extend(broad.filter_map(|clause| judge(&clause)));
    }
}

fn judge(clause: &Clause<'_, '_>) -> Option<Hit> {
    let context = clause.context;
    let response = Response::new(clause);
    let (first, _) = *response.logs.first()?;
    let is_audible = response.logs.iter().any(|(_, level)| *level > LogLevel::Debug);
    let responds = response.raises
        || response.announces
        || response.keeps
        || response.acts
        || response.gives
        || !response.emptied.is_empty();
    if is_audible || responds || attempts::imports(clause) || !attempts::success_goes_on(clause) {
        return None;
    }
    let acting = attempts::acts(context, clause.of.body);
    if acting.is_empty()
        || attempts::is_one_ending(context, clause.of.body)
        || attempts::ends_with_flag(clause)
    {
        return None;
    }
    let call = &context.body.calls[first];
    let receiver = context.receiver(call);
    let tried = attempts::tried(context, clause.of.body);
    let message =
        format!("a debug log is the only trace of a failure of {tried}; production systems do not keep it");
    let solution = format!(
        "write `{receiver}.warning(…)` and keep the exception in it, or catch only the exception that is expected; \
         to check, let {tried} raise in a test with the log at its usual level, and look for the message"
    );
    let span = edits::method_span(context, call);
    let edit = matches!(context.method(call), "debug" | "trace")
        .then(|| edits::replace(Safety::Suggest, "log at warning level", span, "warning"));
    Some(Hit::new(span, message, solution).related(clause.region.head, "the broad handler").edit(edit))
}
