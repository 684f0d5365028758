//! The program run in a folder, its output as bytes: diffs are in the encodings of their files.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

/// Exit code, standard output and standard error of `snakestone` with `args` in `dir`.
pub(crate) fn run(dir: &Path, args: &[&str]) -> (i32, Vec<u8>, String) {
    let output = Command::cargo_bin("snakestone").unwrap().current_dir(dir).args(args).output().unwrap();
    (output.status.code().unwrap(), output.stdout, String::from_utf8(output.stderr).unwrap())
}

/// The bytes of a file.
pub(crate) fn read(dir: &Path, path: &str) -> Vec<u8> {
    fs::read(dir.join(path)).unwrap()
}
