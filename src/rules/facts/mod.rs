//! What several rules need to know of Python's world: logging, handlers, verbs, edits. Facts, no judgments.

#![allow(dead_code, reason = "rules that use the rest are being written")]

pub(crate) mod address_checks;
pub(crate) mod asking;
pub(crate) mod attempts;
pub(crate) mod callers;
pub(crate) mod cause;
pub(crate) mod checks;
pub(crate) mod chosen;
pub(crate) mod commands;
pub(crate) mod conditions;
pub(crate) mod declared;
pub(crate) mod edits;
pub(crate) mod environment;
pub(crate) mod escape;
pub(crate) mod guards;
pub(crate) mod handlers;
pub(crate) mod harmless;
pub(crate) mod lock_files;
pub(crate) mod lock_names;
pub(crate) mod locks;
pub(crate) mod logging;
pub(crate) mod modes;
pub(crate) mod net_commands;
pub(crate) mod net_files;
pub(crate) mod options;
pub(crate) mod outside;
pub(crate) mod parts;
pub(crate) mod paths;
pub(crate) mod program;
pub(crate) mod regexes;
pub(crate) mod resources;
pub(crate) mod response;
pub(crate) mod results;
pub(crate) mod scope;
pub(crate) mod separators;
pub(crate) mod sources;
pub(crate) mod steps;
pub(crate) mod teardown;
pub(crate) mod templates;
pub(crate) mod unchecked;
pub(crate) mod verbs;
pub(crate) mod web;
pub(crate) mod wrap;
