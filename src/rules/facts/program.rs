//! Whether code runs as a program of its own.

use crate::rules::Context;

/// Whether the file is a program: what it leaves open or changed ends with its process.
pub(crate) fn is_script(context: &Context<'_>) -> bool {
    context
        .file
        .text
        .lines()
        .any(|line| line.strip_prefix("if __name__ ==").is_some_and(|rest| rest.contains("__main__")))
}
