//! Locks that are taken by name: `oslo_concurrency.lockutils` and its wrappers, tooz.

use crate::ir::{Arg, Call, Const, Operand};
use crate::rules::Context;

/// Who shares a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scope {
    /// The threads of one process.
    Process,
    /// The processes of one machine, by a file of that name.
    Machine,
    /// All members of a group, by a key of that name.
    Group,
}

/// A lock that is taken, or whose file is removed, by name.
pub(crate) struct NamedLock<'a> {
    /// The argument that is the name.
    pub(crate) name: &'a Arg,
    /// Who shares it.
    pub(crate) scope: Scope,
    /// The argument that is the prefix of the name.
    pub(crate) prefix: Option<&'a Arg>,
    /// The argument that is the directory of the file.
    pub(crate) dir: Option<&'a Arg>,
    /// Whether the function that is called has a prefix of its own.
    pub(crate) is_prefixed: bool,
    /// Whether the lock's file is only removed.
    pub(crate) removes: bool,
}

/// The lock that `call` takes or removes by name.
pub(crate) fn named_lock<'a>(context: &Context<'a>, call: &'a Call) -> Option<NamedLock<'a>> {
    let path = context.name(call);
    if context.method(call) == "get_lock" {
        let receiver = context.receiver(call).to_ascii_lowercase();
        let is_tooz = path.starts_with("tooz.") || receiver.ends_with("coordinator");
        let name = context.arg(call, Some(0), "name").filter(|_| is_tooz)?;
        let lock = NamedLock {
            name,
            scope: Scope::Group,
            prefix: None,
            dir: None,
            is_prefixed: false,
            removes: false,
        };
        return Some(lock);
    }
    let last = path.as_bytes().last().copied().unwrap_or_default();
    if !matches!(last, b'k' | b'd' | b'e' | b')') {
        return None;
    }
    let function = match path.rsplit_once("lockutils.") {
        Some((_, function)) => function,
        None if path.ends_with("utils.synchronized") => "synchronized_with_prefix()",
        None => return None,
    };
    let name = context.arg(call, Some(0), "name")?;
    let by_flag = |index| {
        let flag = context.arg(call, index, "external").map(|arg| arg.value);
        if flag == Some(Operand::Const(Const::Bool(true))) { Scope::Machine } else { Scope::Process }
    };
    let prefix = |index| context.arg(call, Some(index), "lock_file_prefix");
    let dir = |index| context.arg(call, index, "lock_path");
    let lock = |scope, prefix, dir, is_prefixed, removes| NamedLock {
        name,
        scope,
        prefix,
        dir,
        is_prefixed,
        removes,
    };
    Some(match function {
        "lock" | "synchronized" => lock(by_flag(Some(2)), prefix(1), dir(Some(3)), false, false),
        "internal_lock" | "internal_fair_lock" => lock(Scope::Process, None, None, false, false),
        "external_lock" => lock(Scope::Machine, prefix(1), dir(Some(2)), false, false),
        "remove_external_lock_file" => lock(Scope::Machine, prefix(1), dir(Some(2)), false, true),
        "lock_with_prefix()" => lock(by_flag(Some(1)), None, dir(Some(2)), true, false),
        "synchronized_with_prefix()" => lock(by_flag(None), None, dir(None), true, false),
        "remove_external_lock_file_with_prefix()" => lock(Scope::Machine, None, dir(Some(1)), true, true),
        _ => return None,
    })
}
