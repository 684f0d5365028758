//! Which files are part of a package that others install and import.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;

use crate::base::IdVec;
use crate::discover::is_test;
use crate::text::{FileId, SourceFile};

/// Largest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 1 << 20;
/// Folders beside a package that are not shipped with it.
const NOT_SHIPPED: &[&str] = &[
    "docs",
    "doc",
    "examples",
    "example",
    "samples",
    "benchmarks",
    "benches",
    "scripts",
    "tools",
    "tasks",
    "ci",
];
/// Files beside a package that are not shipped with it.
const TOOLS: &[&str] = &[
    "setup.py",
    "noxfile.py",
    "fabfile.py",
    "tasks.py",
    "dodo.py",
    "manage.py",
    "hatch_build.py",
    "conf.py",
];

/// Sets [`SourceFile::is_exported`] in the files that a package in `root` ships.
pub fn mark_exported(root: &Path, files: &mut IdVec<FileId, SourceFile>) {
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let folders: BTreeSet<&str> = paths.iter().flat_map(|path| folders(path)).collect();
    let installable: Vec<&str> =
        folders.into_iter().filter(|folder| is_installable(&root.join(folder))).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    for (file, is_exported) in files.iter_mut().zip(exported(&installable, &paths)) {
        file.is_exported = is_exported;
    }
}

/// The folders around a file, relative and `/`-separated; the root is empty.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    std::iter::once("").chain(path.match_indices('/').map(|(at, _)| &path[..at]))
}

/// Whether a folder has what installers read.
///
/// Source: PEP 518 and 621 (`pyproject.toml`), setuptools' manual (`setup.py`, `setup.cfg`).
fn is_installable(folder: &Path) -> bool {
    let read = |name: &str| {
        let path = folder.join(name);
        let is_plain = path.symlink_metadata().is_ok_and(|about| about.is_file());
        let mut text = String::new();
        let file = is_plain.then(|| fs::File::open(path).ok()).flatten()?;
        file.take(MAX_MANIFEST).read_to_string(&mut text).ok()?;
        Some(text)
    };
    let is_project = |text: String| {
        let table: toml::Table = text.parse().unwrap_or_default();
        let tool = table.get("tool").and_then(|tool| tool.get("poetry"));
        table.contains_key("project") || table.contains_key("build-system") || tool.is_some()
    };
    let is_setup =
        |text: String| text.lines().any(|line| matches!(line.trim_end(), "[metadata]" | "[options]"));
    read("pyproject.toml").is_some_and(is_project)
        || read("setup.cfg").is_some_and(is_setup)
        || read("setup.py").is_some()
}

/// Whether each of `paths` can be imported by who installs one of the folders `installable`; all relative to one root.
///
/// What is below `src/` is shipped; without it, the packages at the top, or, where there are none, those in folders that
/// are none themselves (PEP 420); where there are no packages at all, the modules at the top. Names that begin with `_`
/// are private.
#[must_use]
pub fn exported(installable: &[&str], paths: &[&str]) -> Vec<bool> {
    let packages: BTreeSet<&str> =
        paths.iter().filter_map(|path| path.strip_suffix("/__init__.py")).collect();
    // Whether there are packages in a folder, and whether some of them stand where they are looked for first.
    let mut has_package: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for folder in installable {
        let inner = packages.iter().filter_map(|package| below(folder, package));
        let mut inner = inner.filter(|rest| !is_left_out(rest)).peekable();
        let has_any = inner.peek().is_some();
        let has_first = inner.any(|rest| !rest.contains('/') || rest.starts_with("src/"));
        has_package.insert(folder, (has_any, has_first));
    }
    let is_in_package =
        |folder: &str, path: &str| folders(path).any(|at| at.len() > folder.len() && packages.contains(at));
    let one = |path: &&str| {
        let folder =
            installable.iter().filter(|folder| below(folder, path).is_some()).max_by_key(|it| it.len());
        let Some((folder, rest)) = folder.and_then(|folder| Some((*folder, below(folder, path)?))) else {
            return false;
        };
        let inner = rest.strip_prefix("src/");
        let is_open = |part: &str| !part.starts_with('_') || part == "__init__.py";
        let is_shipped = match rest.split_once('/') {
            _ if inner.is_some() => true,
            None => !has_package[folder].0 && !TOOLS.contains(&rest),
            Some(_) if is_left_out(rest) => false,
            Some(_) if !has_package[folder].1 => is_in_package(folder, path),
            Some((first, _)) => packages.contains(&path[..path.len() - rest.len() + first.len()]),
        };
        is_shipped && path.ends_with(".py") && !is_test(path) && inner.unwrap_or(rest).split('/').all(is_open)
    };
    paths.iter().map(one).collect()
}

/// What of `path` is below `folder`.
fn below<'p>(folder: &str, path: &'p str) -> Option<&'p str> {
    if folder.is_empty() { Some(path) } else { path.strip_prefix(folder)?.strip_prefix('/') }
}

fn is_left_out(rest: &str) -> bool {
    let first = rest.split('/').next().unwrap_or(rest);
    NOT_SHIPPED.contains(&first) || is_test(&format!("{first}/a.py"))
}

#[cfg(test)]
mod tests {
    use super::{exported, is_installable};

    #[test]
    fn what_is_shipped_can_be_imported() {
        let shipped = |installable: &[&str], paths: &[&'static str]| -> Vec<&'static str> {
            let told = exported(installable, paths);
            paths.iter().zip(told).filter(|(_, is)| *is).map(|(path, _)| *path).collect()
        };
        let flat = [
            "docs/conf.py",
            "docs/ext/__init__.py",
            "pkg/__init__.py",
            "pkg/_impl.py",
            "pkg/_in/a.py",
            "pkg/a.py",
            "pkg/sub/b.py",
            "pkg/tests/test_a.py",
            "setup.py",
            "tests/__init__.py",
            "tests/a.py",
            "tool.py",
            "loose/a.py",
            "pkg/__main__.py",
        ];
        assert_eq!(shipped(&[""], &flat), ["pkg/__init__.py", "pkg/a.py", "pkg/sub/b.py"]);
        assert_eq!(shipped(&[], &flat), [""; 0]);
        let src = ["src/one.py", "src/ns/pkg/a.py", "src/pkg/_a.py", "pkg.py"];
        assert_eq!(shipped(&[""], &src), ["src/one.py", "src/ns/pkg/a.py", "pkg.py"]);
        assert_eq!(shipped(&[""], &["one.py", "setup.py", "_two.py", "conftest.py"]), ["one.py"]);
        let spaces = [
            "setup.py",
            "wide/one/__init__.py",
            "wide/one/deep/a.py",
            "wide/loose.py",
            "loose/a.py",
            "docs/ext/__init__.py",
            "tests/unit/__init__.py",
        ];
        assert_eq!(shipped(&[""], &spaces), ["wide/one/__init__.py", "wide/one/deep/a.py"]);
        let beside = ["pkg/__init__.py", "deploy/roles/__init__.py"];
        assert_eq!(shipped(&[""], &beside), ["pkg/__init__.py"]);
        let below_src = ["src/wide/one/__init__.py", "deploy/roles/__init__.py"];
        assert_eq!(shipped(&[""], &below_src), ["src/wide/one/__init__.py"]);
        let nested = ["a/wide/one/__init__.py", "a/wide/one/m.py", "a/__init__.py"];
        assert_eq!(shipped(&["a"], &nested), ["a/wide/one/__init__.py", "a/wide/one/m.py"]);
        let many = ["a/pkg/__init__.py", "a/pkg/m.py", "b/pkg/__init__.py"];
        assert_eq!(shipped(&["a"], &many), ["a/pkg/__init__.py", "a/pkg/m.py"]);
    }

    #[test]
    fn a_folder_is_installable_by_its_manifest() {
        for (name, text, is) in [
            ("pyproject.toml", "[project]\nname = 'a'\n", true),
            ("pyproject.toml", "[build-system]\nrequires = []\n", true),
            ("pyproject.toml", "[tool.ruff]\n", false),
            ("pyproject.toml", "[broken", false),
            ("setup.cfg", "[metadata]\nname = a\n", true),
            ("setup.cfg", "[flake8]\n", false),
            ("setup.py", "", true),
            ("other.py", "", false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(name), text).unwrap();
            assert_eq!(is_installable(dir.path()), is, "{name}: {text}");
        }
    }
}
