//! What is a defect. Every rule is a page (`<id>.md`: metadata, manual, tests) and, where the page alone does not
//! say it, code (`<id>.rs`).
//!
//! In: lowered files. Out: findings. Rules see no reports, no configuration and no other rule.

mod catalog;
mod context;
mod facts;
mod flows;
mod judge;
mod page;
mod remedies;

mod address_option_untyped;
mod address_unvalidated;
mod autoescape_disabled;
mod bare_except;
mod cleanup_loop_aborts;
mod cleanup_masks_exception;
mod cleanup_step_skips_rest;
mod command_status_ignored;
mod error_detail_exposed;
mod exception_logged_without_cause;
mod failure_logged_at_debug;
mod failure_returned_as_success;
mod finally_discards_exception;
mod firewall_rule_unvalidated;
mod lock_dir_check_then_create;
mod lock_dir_world_writable;
mod lock_file_follows_symlink;
mod lock_file_predictable;
mod lock_name_from_path;
mod lock_name_unvalidated;
mod lock_path_traversal;
mod log_without_context;
mod module_rc_ignored;
mod net_config_injection;
mod process_status_ignored;
mod release_not_in_finally;
mod remote_command_status_ignored;
mod resource_leak_on_exception;
mod resource_not_closed;
mod rollback_unprotected;
mod secret_in_log;
mod secret_option_not_marked;
mod status_return_ignored;
mod suppression_problem;
mod swallowed_exception;
mod temporary_file_predictable;
mod tls_verification_disabled;
mod yaml_loader_unsafe;

pub use catalog::Catalog;
pub use context::Context;
pub use judge::{Hit, Judge};
pub use page::{Case, EditKind, Expectation, FlowSpec, Page, PageError, plain};

use std::sync::OnceLock;

use crate::finding::Severity;
use crate::ir::CallId;
use crate::taint::Meeting;

/// A rule.
pub struct Rule {
    /// Its page, as it stands in the repository.
    pub page: &'static str,
    /// How it looks.
    pub check: Check,
}

/// How grave a meeting is in the function of its sink, by the page's severity; `None` if it is no defect.
pub type Review = fn(&Context<'_>, &Meeting, Severity) -> Option<Severity>;

/// Where a rule looks.
pub enum Check {
    /// Once per call whose callee resolves to one of `names`.
    Call {
        /// Value paths of callees: `os.system`, `subprocess.Popen().wait`.
        names: &'static [&'static str],
        /// Judges one such call.
        run: fn(&Context<'_>, CallId) -> Option<Hit>,
    },
    /// Once per function, class block and module body.
    Body(fn(&Context<'_>, &mut Vec<Hit>)),
    /// Where what the engine follows reaches a sink of the page's kind; what the page does not say of that.
    Flow(Option<Review>),
    /// Elsewhere: markers are judged when findings are settled.
    None,
}

/// A rule that is its page alone.
const fn flow(page: &'static str) -> Rule {
    Rule { page, check: Check::Flow(None) }
}

/// All rules, by id.
pub static RULES: &[&Rule] = &[
    &address_option_untyped::RULE,
    &address_unvalidated::RULE,
    &flow(include_str!("argument_injection.md")),
    &autoescape_disabled::RULE,
    &bare_except::RULE,
    &cleanup_loop_aborts::RULE,
    &cleanup_masks_exception::RULE,
    &cleanup_step_skips_rest::RULE,
    &flow(include_str!("code_injection.md")),
    &flow(include_str!("command_injection.md")),
    &command_status_ignored::RULE,
    &flow(include_str!("cross_site_scripting.md")),
    &error_detail_exposed::RULE,
    &exception_logged_without_cause::RULE,
    &failure_logged_at_debug::RULE,
    &failure_returned_as_success::RULE,
    &finally_discards_exception::RULE,
    &firewall_rule_unvalidated::RULE,
    &flow(include_str!("header_injection.md")),
    &flow(include_str!("ldap_injection.md")),
    &lock_dir_check_then_create::RULE,
    &lock_dir_world_writable::RULE,
    &lock_file_follows_symlink::RULE,
    &lock_file_predictable::RULE,
    &lock_name_from_path::RULE,
    &lock_name_unvalidated::RULE,
    &lock_path_traversal::RULE,
    &flow(include_str!("log_injection.md")),
    &log_without_context::RULE,
    &module_rc_ignored::RULE,
    &net_config_injection::RULE,
    &flow(include_str!("nosql_injection.md")),
    &flow(include_str!("open_redirect.md")),
    &flow(include_str!("path_traversal.md")),
    &process_status_ignored::RULE,
    &release_not_in_finally::RULE,
    &remote_command_status_ignored::RULE,
    &resource_leak_on_exception::RULE,
    &resource_not_closed::RULE,
    &rollback_unprotected::RULE,
    &secret_in_log::RULE,
    &secret_option_not_marked::RULE,
    &flow(include_str!("server_side_request_forgery.md")),
    &flow(include_str!("sql_injection.md")),
    &status_return_ignored::RULE,
    &suppression_problem::RULE,
    &swallowed_exception::RULE,
    &flow(include_str!("template_injection.md")),
    &temporary_file_predictable::RULE,
    &tls_verification_disabled::RULE,
    &flow(include_str!("trust_boundary_violation.md")),
    &flow(include_str!("unsafe_deserialization.md")),
    &flow(include_str!("xml_external_entities.md")),
    &flow(include_str!("xpath_injection.md")),
    &yaml_loader_unsafe::RULE,
];

/// The pages of [`RULES`], in the same order.
///
/// # Panics
/// When a page is malformed, which `tests/rules.rs` keeps from happening.
pub fn pages() -> &'static [Page] {
    static PAGES: OnceLock<Vec<Page>> = OnceLock::new();
    PAGES.get_or_init(|| {
        let parse = |rule: &&Rule| {
            Page::parse(rule.page).unwrap_or_else(|error| panic!("a rule page is malformed: {error}"))
        };
        RULES.iter().map(parse).collect()
    })
}

/// A judge for all rules that `wanted` admits by id.
#[must_use]
pub fn judge(wanted: impl Fn(&str) -> bool) -> Judge {
    let all = RULES.iter().zip(pages()).filter(|(_, page)| wanted(page.id));
    Judge::new(all.map(|(rule, page)| (*rule, page.id, page.severity)).collect())
}
