//! Files that git tracks and the walk did not come by: an ignore file names them, or they are hidden.
//!
//! Git itself ignores only what it does not track, and a change must not hide a file by a line in `.gitignore`. What
//! the walk leaves out for another reason stays out: patterns, links, environments, code of others. The list may come
//! from a hostile repository, so that every folder on the way is looked at.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use ignore::gitignore::Gitignore;

use crate::discover::{Discovery, Entry, classify, relative};
use crate::templates::is_template;

/// Adds those of `tracked` that lie below `from`, a folder of `root`.
pub(super) fn add(
    (root, from): (&Path, &Path),
    tracked: &[PathBuf],
    (excluded, everything): (&Gitignore, bool),
    found: &mut Discovery,
) {
    let walked: HashSet<&Path> =
        found.files.iter().chain(&found.templates).map(|entry| entry.location.as_path()).collect();
    let is_new = |path: &&PathBuf| path.starts_with(from) && !walked.contains(path.as_path());
    let missing: Vec<PathBuf> = tracked.iter().filter(is_new).cloned().collect();
    let mut open = HashMap::from([(from.to_owned(), true)]);
    for location in missing {
        let is_found = location.components().all(|part| part != Component::ParentDir)
            && location.parent().is_some_and(|folder| is_open(folder, (excluded, everything), &mut open))
            && !excluded.matched(&location, false).is_ignore()
            && location.symlink_metadata().is_ok_and(|about| about.is_file());
        if !is_found {
            continue;
        }
        let path = relative(root, &location);
        if classify::is_python(&location) {
            found.files.push(Entry { path, location });
        } else if is_template(&path) {
            found.templates.push(Entry { path, location });
        }
    }
}

/// Whether the walk would go into `folder` but for ignore files; `known` holds what was found out before.
fn is_open(
    folder: &Path,
    (excluded, everything): (&Gitignore, bool),
    known: &mut HashMap<PathBuf, bool>,
) -> bool {
    if let Some(&known) = known.get(folder) {
        return known;
    }
    let is_open = folder.parent().is_some_and(|above| is_open(above, (excluded, everything), known))
        && folder.symlink_metadata().is_ok_and(|about| about.is_dir())
        && !excluded.matched(folder, true).is_ignore()
        && (everything || classify::left_out_folder(folder).is_none());
    known.insert(folder.to_owned(), is_open);
    is_open
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use crate::discover::{Selection, discover};

    /// What is found in `dir` where git tracks `tracked`, with the pattern `old/`.
    fn found(dir: &Path, tracked: &[&str]) -> Vec<String> {
        let dir = dir.canonicalize().unwrap();
        let tracked: Vec<PathBuf> = tracked.iter().map(|path| dir.join(path)).collect();
        let selection = Selection { exclude: vec!["old/".to_owned()], tracked, ..Selection::default() };
        let found = discover(&dir, std::slice::from_ref(&dir), &selection).unwrap();
        found.files.into_iter().chain(found.templates).map(|entry| entry.path).collect()
    }

    #[test]
    fn what_git_tracks_is_found_whatever_ignore_files_say() {
        let dir = tempfile::tempdir().unwrap();
        for path in [
            "gen/deep/a.py",
            "gen/b.py",
            "gen/c.html",
            "gen/old/d.py",
            "gen/vendor/e.py",
            ".venv/lib/f.py",
            ".ci/g.py",
            "h.py",
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        fs::write(dir.path().join(".gitignore"), "gen/\n").unwrap();
        assert_eq!(found(dir.path(), &[]), ["h.py"]);
        let tracked = [
            "gen/deep/a.py",
            "gen/c.html",
            "gen/old/d.py",
            "gen/vendor/e.py",
            ".venv/lib/f.py",
            ".ci/g.py",
            "h.py",
            "gone.py",
            "gen",
        ];
        assert_eq!(found(dir.path(), &tracked), [".ci/g.py", "gen/deep/a.py", "h.py", "gen/c.html"]);
    }

    #[cfg(unix)]
    #[test]
    fn no_list_leads_out_of_the_tree() {
        use std::os::unix::fs::symlink;
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.py"), "").unwrap();
        let dir = tempfile::tempdir().unwrap();
        symlink(outside.path(), dir.path().join("out")).unwrap();
        symlink(outside.path().join("secret.py"), dir.path().join("link.py")).unwrap();
        let up = format!("../{}/secret.py", outside.path().file_name().unwrap().to_str().unwrap());
        let absolute = outside.path().join("secret.py");
        let tracked = ["out/secret.py", "link.py", &up, absolute.to_str().unwrap()];
        assert_eq!(found(dir.path(), &tracked), [""; 0]);
    }
}
