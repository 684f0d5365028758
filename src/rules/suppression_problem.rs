//! The page of findings about markers, which `scan::settle` makes: only there is it known what a marker silenced.

use crate::rules::{Check, Rule};

pub(super) static RULE: Rule = Rule { page: include_str!("suppression_problem.md"), check: Check::None };
