//! The program, run in a folder.

use std::path::Path;

use assert_cmd::Command;

/// Exit code, standard output and standard error of `snakestone` with `args` in `dir`.
pub(crate) fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("snakestone").unwrap().current_dir(dir).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}
