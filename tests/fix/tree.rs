//! Files in a folder of their own, and the program run there.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

/// A temporary folder with these files.
pub(crate) fn tree(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    dir
}

/// Exit code, standard output and standard error of `snakestone` with `args` in `dir`.
pub(crate) fn run(dir: &Path, args: &[&str]) -> (i32, Vec<u8>, String) {
    let output = Command::cargo_bin("snakestone").unwrap().current_dir(dir).args(args).output().unwrap();
    (output.status.code().unwrap(), output.stdout, String::from_utf8(output.stderr).unwrap())
}

/// The bytes of a file.
pub(crate) fn read(dir: &Path, path: &str) -> Vec<u8> {
    fs::read(dir.join(path)).unwrap()
}
