//! What a file or folder is, by its name and first bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Suffixes of Python files.
const SUFFIXES: &[&str] = &["py", "pyi", "ipynb", "pyw"];
/// Folders of code that somebody else maintains.
const VENDORED: &[&str] =
    &["_vendor", "vendor", "vendored", "third_party", "thirdparty", "node_modules", "site-packages"];
/// Folders that builds write.
const BUILT: &[&str] = &["build", "dist", ".eggs", "__pycache__", "__pypackages__"];
/// Folders that hold virtual environments by convention.
const ENVIRONMENTS: &[&str] = &["venv", ".venv", "env", ".env", ".tox", ".nox"];

/// Whether the suffix is one of Python's.
pub(super) fn has_suffix(path: &Path) -> bool {
    path.extension().is_some_and(|suffix| SUFFIXES.iter().any(|known| suffix == *known))
}

/// Whether the file at `path` can be Python: its suffix is one of Python's, or it has none.
#[must_use]
pub fn may_be_python(path: &str) -> bool {
    let path = Path::new(path);
    path.extension().is_none() || has_suffix(path)
}

/// Whether the file is Python: by its suffix, or, without one, by its `#!` line.
pub(super) fn is_python(path: &Path) -> bool {
    if path.extension().is_some() {
        return has_suffix(path);
    }
    let mut start = [0; 64];
    let Ok(n) = File::open(path).and_then(|mut file| file.read(&mut start)) else { return false };
    let line = start[..n].split(|b| *b == b'\n').next().unwrap_or_default();
    line.starts_with(b"#!") && memchr::memmem::find(line, b"python").is_some()
}

/// Whether an ignore file of the folder is a symbolic link, which the walk would follow anywhere; git does not.
pub(super) fn has_linked_ignore_file(folder: &Path) -> bool {
    [".gitignore", ".ignore"].iter().any(|name| folder.join(name).is_symlink())
}

/// Why a folder is left out by default, if it is.
pub(super) fn left_out_folder(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy();
    let is = |names: &[&str]| names.contains(&name.as_ref());
    if is(ENVIRONMENTS) || path.join("pyvenv.cfg").exists() {
        // A package may be called `env`: only one with an interpreter in it is an environment.
        let plain = matches!(name.as_ref(), "env" | "venv") && path.join("__init__.py").exists();
        return (!plain).then_some("a virtual environment");
    }
    if is(VENDORED) {
        return Some("vendored code");
    }
    let is_package = path.join("__init__.py").exists();
    (is(BUILT) && !is_package || name.ends_with(".egg-info") || name.ends_with(".dist-info"))
        .then_some("build output")
}

/// Whether the file at `path` (relative, `/`-separated) is test code.
#[must_use]
pub fn is_test(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let in_folder =
        folders.split('/').any(|part| matches!(part, "tests" | "test" | "testing" | "functionaltests"));
    in_folder
        || name.starts_with("test_")
        || name.ends_with("_test.py")
        || name.ends_with("_tests.py")
        || name == "conftest.py"
}

#[cfg(test)]
mod tests {
    use super::is_test;

    #[test]
    fn test_code_is_told_by_its_path() {
        for path in ["tests/a.py", "pkg/tests/unit/a.py", "test_a.py", "pkg/a_test.py", "pkg/conftest.py"] {
            assert!(is_test(path), "{path}");
        }
        for path in ["pkg/a.py", "pkg/contest.py", "latest/a.py", "pkg/testimony.py"] {
            assert!(!is_test(path), "{path}");
        }
    }
}
