//! Which files are scanned, and reading them. Nothing outside of the root is ever opened.
//!
//! In: a root, paths in it, patterns. Out: files in path order, and what was left out with the reason.

mod classify;
mod exported;
mod load;
mod package;
mod tracked;

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{DirEntry, WalkBuilder};

use crate::templates::is_template;
use crate::text::FileKind;

pub use classify::{is_test, may_be_python};
pub use exported::{exported, mark_exported};
pub use load::{MAX_SIZE, load, load_template};
pub use package::mark_package;

/// A file to scan.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Entry {
    /// Path relative to the root, `/`-separated.
    pub path: String,
    /// Where to read it.
    pub location: PathBuf,
}

/// Something that is not scanned.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Skipped {
    /// Path relative to the root, `/`-separated; folders end in `/`.
    pub path: String,
    /// Why, in words that follow the path.
    pub reason: String,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Discovery {
    /// Files to scan, in path order.
    pub files: Vec<Entry>,
    /// Files that programs may fill in and send, in path order; links are left out in silence.
    pub templates: Vec<Entry>,
    /// What was left out, in path order. What `.gitignore` names, and hidden files, are left out in silence unless
    /// git tracks them.
    pub skipped: Vec<Skipped>,
}

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Patterns of gitignore syntax, relative to the root; they hold for named files too.
    pub exclude: Vec<String>,
    /// Whether virtual environments, vendored code and build output are scanned like the rest.
    pub everything: bool,
    /// Files that git tracks, by their absolute paths: they are scanned even if an ignore file names them.
    pub tracked: Vec<PathBuf>,
}

/// Why there is nothing to walk.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// A path does not exist or cannot be read.
    #[error("cannot scan `{}`: {error}", path.display())]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A named path lies outside of the root.
    #[error("cannot scan `{}`: it is outside of `{}`; run from a folder that holds both", path.display(), root.display())]
    Outside {
        /// The path as given.
        path: PathBuf,
        /// The root.
        root: PathBuf,
    },
    /// A pattern is malformed.
    #[error("exclude pattern `{pattern}`: {error}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        error: ignore::Error,
    },
}

/// Finds the files below `paths`, which lie in `root`.
///
/// # Errors
/// When a path does not exist, lies outside of the root, or a pattern is malformed.
pub fn discover(root: &Path, paths: &[PathBuf], selection: &Selection) -> Result<Discovery, DiscoverError> {
    let unreadable = |path: &Path, error| DiscoverError::Unreadable { path: path.to_owned(), error };
    let real_root = root.canonicalize().map_err(|error| unreadable(root, error))?;
    let excluded = patterns(&real_root, &selection.exclude)?;
    let mut found = Discovery::default();
    for path in paths {
        let real = path.canonicalize().map_err(|error| unreadable(path, error))?;
        if !real.starts_with(&real_root) {
            return Err(DiscoverError::Outside { path: path.clone(), root: root.to_owned() });
        }
        if real.is_file() {
            named_file(&real_root, real, &excluded, &mut found);
        } else {
            walk(&real_root, &real, &excluded, selection.everything, &mut found);
            let how = (&excluded, selection.everything);
            tracked::add((&real_root, &real), &selection.tracked, how, &mut found);
        }
    }
    found.files.sort();
    found.files.dedup();
    found.templates.sort();
    found.templates.dedup();
    found.skipped.sort();
    found.skipped.dedup();
    Ok(found)
}

fn patterns(root: &Path, exclude: &[String]) -> Result<Gitignore, DiscoverError> {
    let mut builder = GitignoreBuilder::new(root);
    for pattern in exclude {
        let refused = |error| DiscoverError::Pattern { pattern: pattern.clone(), error };
        builder.add_line(None, pattern).map_err(refused)?;
    }
    builder.build().map_err(|error| DiscoverError::Pattern { pattern: exclude.join(", "), error })
}

/// A file named on the command line is scanned whatever its name, unless it is excluded.
fn named_file(root: &Path, location: PathBuf, excluded: &Gitignore, found: &mut Discovery) {
    let path = relative(root, &location);
    if excluded.matched_path_or_any_parents(&location, false).is_ignore() {
        found.skipped.push(Skipped { path, reason: "excluded by a pattern".to_owned() });
    } else {
        found.files.push(Entry { path, location });
    }
}

fn walk(root: &Path, from: &Path, excluded: &Gitignore, everything: bool, found: &mut Discovery) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let filter = {
        let (root, from, excluded) = (root.to_owned(), from.to_owned(), excluded.clone());
        move |entry: &DirEntry| -> bool {
            let reason = left_out(&from, entry, &excluded, everything);
            let Some(reason) = reason else { return true };
            let folder = if entry.file_type().is_some_and(|kind| kind.is_dir()) { "/" } else { "" };
            let path = relative(&root, entry.path()) + folder;
            // The receiver lives as long as the walk.
            let _ = sender.send(Skipped { path, reason: reason.to_owned() });
            false
        }
    };
    let is_plain = !classify::has_linked_ignore_file(from);
    let walker = WalkBuilder::new(from)
        .git_ignore(is_plain)
        .ignore(is_plain)
        .parents(!from.ancestors().skip(1).any(classify::has_linked_ignore_file))
        .require_git(false)
        .git_global(false)
        .follow_links(false)
        .filter_entry(filter)
        .build();
    for entry in walker {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                let path = relative(root, entry.path());
                if classify::is_python(entry.path()) {
                    found.files.push(Entry { path, location: entry.into_path() });
                } else if is_template(&path) {
                    found.templates.push(Entry { path, location: entry.into_path() });
                }
            }
            Ok(_) => {}
            Err(error) => found.skipped.push(walk_error(root, &error)),
        }
    }
    found.skipped.extend(receiver.try_iter());
}

/// Why `entry` is left out, if it is.
fn left_out(from: &Path, entry: &DirEntry, excluded: &Gitignore, everything: bool) -> Option<&'static str> {
    let kind = entry.file_type()?;
    if entry.path_is_symlink() {
        let wanted = classify::has_suffix(entry.path()) || entry.path().is_dir();
        return Some(if wanted { "a symbolic link, not followed" } else { return None });
    }
    if excluded.matched(entry.path(), kind.is_dir()).is_ignore() {
        return Some("excluded by a pattern");
    }
    if !kind.is_dir() || entry.path() == from {
        return None;
    }
    if classify::has_linked_ignore_file(entry.path()) {
        return Some("its ignore file is a symbolic link, not followed; files that git tracks are scanned");
    }
    if everything { None } else { classify::left_out_folder(entry.path()) }
}

fn walk_error(root: &Path, error: &ignore::Error) -> Skipped {
    let path = match error {
        ignore::Error::WithPath { path, .. } => relative(root, path),
        ignore::Error::WithDepth { err, .. } => return walk_error(root, err),
        ignore::Error::Loop { child, .. } => relative(root, child),
        _ => String::new(),
    };
    let reason = error
        .io_error()
        .map_or_else(|| error.to_string(), |io| format!("cannot be read: {}", load::words(io)));
    Skipped { path, reason }
}

/// `path` from `root` on, `/`-separated; names that are no UTF-8 with U+FFFD.
fn relative(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// What the file at `path` (relative) is; scripts without suffix are modules.
#[must_use]
pub fn kind(path: &str) -> FileKind {
    match path.rsplit_once('.').map(|(_, suffix)| suffix) {
        Some("pyi") => FileKind::Stub,
        Some("ipynb") => FileKind::Notebook,
        _ => FileKind::Module,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Discovery, Selection, discover};

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    fn paths(found: &Discovery) -> Vec<&str> {
        found.files.iter().map(|entry| entry.path.as_str()).collect()
    }

    fn all(root: &Path, exclude: &[&str]) -> Discovery {
        let exclude = exclude.iter().map(|&pattern| pattern.to_owned()).collect();
        discover(root, &[root.to_owned()], &Selection { exclude, ..Selection::default() }).unwrap()
    }

    #[test]
    fn python_is_found_by_suffix_and_shebang() {
        let dir = tree(&[
            ("a.py", ""),
            ("b.pyi", ""),
            ("c.ipynb", ""),
            ("bin/tool", "#!/usr/bin/env python3\n"),
            ("bin/other", "#!/bin/sh\n"),
            ("d.txt", ""),
        ]);
        assert_eq!(paths(&all(dir.path(), &[])), ["a.py", "b.pyi", "bin/tool", "c.ipynb"]);
    }

    #[test]
    fn templates_are_listed_apart() {
        let dir = tree(&[
            ("a.py", ""),
            ("shop/templates/a.html", ""),
            ("shop/templates/b.txt", ""),
            ("shop/c.txt", ""),
            ("node_modules/d.html", ""),
        ]);
        let found = all(dir.path(), &[]);
        assert_eq!(paths(&found), ["a.py"]);
        let templates: Vec<&str> = found.templates.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(templates, ["shop/templates/a.html", "shop/templates/b.txt"]);
        assert_eq!(super::load_template(&found.templates[0]).map(|file| file.text), Some(String::new()));
        let size = usize::try_from(super::load::MAX_TEMPLATE).unwrap() + 1;
        fs::write(&found.templates[0].location, " ".repeat(size)).unwrap();
        assert!(super::load_template(&found.templates[0]).is_none());
    }

    #[test]
    fn ignored_and_excluded_files_stay_out_even_when_named() {
        let dir = tree(&[(".gitignore", "gen/\n"), ("gen/a.py", ""), ("old/b.py", ""), ("c.py", "")]);
        let found = all(dir.path(), &["old/"]);
        assert_eq!(paths(&found), ["c.py"]);
        let named = dir.path().join("old/b.py");
        let selection = Selection { exclude: vec!["old/".to_owned()], ..Selection::default() };
        let found = discover(dir.path(), &[named], &selection).unwrap();
        assert!(found.files.is_empty());
        assert_eq!(found.skipped[0].reason, "excluded by a pattern");
    }

    #[test]
    fn foreign_and_built_code_is_left_out_and_said_so() {
        let dir = tree(&[
            ("venv39/pyvenv.cfg", ""),
            ("venv39/lib/a.py", ""),
            ("pkg/_vendor/b.py", ""),
            ("build/lib/c.py", ""),
            ("pkg/d.py", ""),
        ]);
        let found = all(dir.path(), &[]);
        assert_eq!(paths(&found), ["pkg/d.py"]);
        let said: Vec<String> =
            found.skipped.iter().map(|skip| format!("{} {}", skip.path, skip.reason)).collect();
        assert_eq!(
            said,
            ["build/ build output", "pkg/_vendor/ vendored code", "venv39/ a virtual environment"]
        );
        let build = dir.path().join("build");
        let found = discover(&build, std::slice::from_ref(&build), &Selection::default()).unwrap();
        assert_eq!(paths(&found), ["lib/c.py"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_never_followed() {
        let outside = tree(&[("secret.py", "")]);
        let dir = tree(&[("a.py", "")]);
        std::os::unix::fs::symlink(outside.path(), dir.path().join("out")).unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("loop")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret.py"), dir.path().join("b.py")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret.py"), dir.path().join("c.html")).unwrap();
        let found = all(dir.path(), &[]);
        assert_eq!(paths(&found), ["a.py"]);
        assert!(found.templates.is_empty());
        assert_eq!(found.skipped.len(), 3);
        // Ignore files that are links are read neither in the root nor below: a device has no end.
        fs::create_dir(dir.path().join("pkg")).unwrap();
        fs::write(dir.path().join("pkg/d.py"), "").unwrap();
        for (link, files) in [("pkg/.gitignore", vec!["a.py"]), (".ignore", vec!["a.py"])] {
            std::os::unix::fs::symlink("/dev/zero", dir.path().join(link)).unwrap();
            let found = all(dir.path(), &[]);
            assert_eq!(paths(&found), files, "{link}");
            assert!(
                found.skipped.iter().any(|skip| skip.path == "pkg/" && skip.reason.starts_with("its ignore"))
            );
        }
        let below = dir.path().join("pkg");
        assert_eq!(paths(&discover(dir.path(), &[below], &Selection::default()).unwrap()), ["pkg/d.py"]);
        let tracked = vec![dir.path().canonicalize().unwrap().join("pkg/d.py")];
        let selection = Selection { tracked, ..Selection::default() };
        let found = discover(dir.path(), &[dir.path().to_owned()], &selection).unwrap();
        assert_eq!(paths(&found), ["a.py", "pkg/d.py"]);
        let error = discover(dir.path(), &[dir.path().join("b.py")], &Selection::default()).unwrap_err();
        assert!(error.to_string().contains("outside of"));
    }
}
