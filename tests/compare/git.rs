//! Reading repositories: merge bases, shallow clones, files of a commit, what is not committed.

use std::fs;
use std::path::{Path, PathBuf};

use snakestone::git::{Repository, Wanted, dirty, head, tracked};

use crate::repo::{Repo, git};

struct Everything;

impl Wanted for Everything {
    fn folder(&self, _: &str) -> bool {
        true
    }
    fn file(&self, _: &str) -> bool {
        true
    }
    fn content(&self, _: &str, _: &[u8]) -> bool {
        true
    }
    fn max_size(&self) -> u64 {
        1 << 20
    }
}

fn open(folder: &Path) -> Repository {
    Repository::find(folder).unwrap()
}

fn base(folder: &Path, revision: &str) -> String {
    open(folder).merge_base(revision).map_or_else(|error| error.to_string(), |commit| commit.to_string())
}

/// All files below `root`, relative, in order.
fn listed(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn head_is_the_commit_that_is_checked_out() {
    let repo = Repo::new(&[("pkg/a.py", "a = 1\n")]);
    let commit = repo.git(&["rev-parse", "HEAD"]);
    let is_head = || head(&repo.root).as_ref() == Some(&commit);
    assert!(is_head());
    repo.git(&["pack-refs", "--all"]);
    assert!(is_head());
    repo.git(&["checkout", "-q", "--detach"]);
    assert!(is_head() && head(&repo.root.join("pkg")).as_ref() == Some(&commit));
    for hostile in ["ref: ../../../etc/passwd", "ref: refs/../../x", "no commit", "ref: refs/heads", ""] {
        fs::write(repo.root.join(".git/HEAD"), hostile).unwrap();
        assert_eq!(head(&repo.root), None, "{hostile}");
    }
    assert_eq!(head(repo.root.parent().unwrap()), None);
}

#[test]
fn tracked_files_are_those_of_the_index() {
    let repo = Repo::new(&[("pkg/a.py", ""), ("pkg/b.txt", ""), ("c.py", ""), (".gitignore", "c.py\n")]);
    repo.write("new.py", "");
    let names = |folder: &str| {
        let found = tracked(&repo.root.join(folder), |name| name.ends_with(".py"));
        let inside = |path: &PathBuf| path.strip_prefix(&repo.root).unwrap().to_str().unwrap().to_owned();
        found.iter().map(inside).collect::<Vec<_>>()
    };
    assert_eq!(names(""), ["c.py", "pkg/a.py"]);
    assert_eq!(names("pkg"), ["pkg/a.py"]);
    assert!(tracked(repo.root.parent().unwrap(), |_| true).is_empty());
}

#[test]
fn the_base_is_where_histories_part() {
    let repo = Repo::new(&[("a.py", "a = 1\n")]);
    let fork = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["checkout", "-q", "-b", "topic"]);
    repo.commit(&[("b.py", "b = 1\n")]);
    repo.git(&["checkout", "-q", "main"]);
    repo.commit(&[("c.py", "c = 1\n")]);
    repo.git(&["tag", "-a", "v1", "-m", "one"]);
    repo.git(&["checkout", "-q", "topic"]);
    for revision in ["main", "v1", "HEAD~1", &fork, "refs/heads/main"] {
        assert_eq!(base(&repo.root, revision), fork[..12], "{revision}");
    }
    repo.git(&["gc", "-q"]);
    assert_eq!(base(&repo.root, "main"), fork[..12], "from a pack");
    let worktree = repo.beside("linked");
    repo.git(&["worktree", "add", "-q", worktree.to_str().unwrap(), "-b", "other", "main"]);
    assert_eq!(base(&worktree, "topic"), fork[..12], "in a linked worktree, where `.git` is a file");
    repo.write("sub/d.py", "");
    assert_eq!(base(&repo.root.join("sub"), "main"), fork[..12], "from a folder in it");
}

#[test]
fn the_newer_hash_is_read_too() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "--object-format=sha256"]);
    fs::write(dir.path().join("a.py"), "a = 1\n").unwrap();
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-q", "-m", "one"]);
    let head = git(dir.path(), &["rev-parse", "HEAD"]);
    git(dir.path(), &["commit", "-q", "--allow-empty", "-m", "two"]);
    assert_eq!(base(dir.path(), "HEAD~1"), head[..12]);
    let opened = open(dir.path());
    let place = tempfile::tempdir().unwrap();
    let checkout = opened.checkout(opened.commit(&head).unwrap(), &Everything, place.path()).unwrap();
    assert_eq!(listed(checkout.root()), ["a.py"]);
    assert!(dirty(dir.path(), &[PathBuf::from("a.py")]).unwrap().is_empty());
}

#[test]
fn what_is_not_there_is_told_with_a_remedy() {
    let repo = Repo::new(&[("a.py", "a = 1\n")]);
    assert!(base(&repo.root, "nowhere").contains("name a branch, tag or hash that was fetched"));
    repo.git(&["checkout", "-q", "--orphan", "apart"]);
    repo.commit(&[("z.py", "")]);
    assert!(
        base(&repo.root, "main").contains("have no common ancestor: name a revision of the same history")
    );
    let outside = tempfile::tempdir().unwrap();
    let error = Repository::find(outside.path()).err().unwrap().to_string();
    assert!(error.contains("is in no git repository"), "{error}");
}

/// A clone of depth `depth` of what `repo`'s `reference` names, checked out, as actions/checkout makes it.
fn shallow(repo: &Repo, name: &str, reference: &str, depth: &str) -> PathBuf {
    let to = repo.beside(name);
    fs::create_dir(&to).unwrap();
    git(&to, &["init", "-q"]);
    let url = format!("file://{}", repo.root.display());
    git(&to, &["fetch", "-q", "--no-tags", "--depth", depth, &url, reference]);
    git(&to, &["checkout", "-q", "--detach", "FETCH_HEAD"]);
    to
}

#[test]
fn a_pull_requests_merge_is_compared_with_its_first_parent() {
    let repo = Repo::new(&[("a.py", "a = 1\n")]);
    let sent = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["checkout", "-q", "-b", "topic"]);
    let head = repo.commit(&[("b.py", "b = 1\n")]);
    repo.git(&["checkout", "-q", "main"]);
    let target = repo.commit(&[("c.py", "c = 1\n")]);
    repo.git(&["checkout", "-q", "--detach", "main"]);
    repo.git(&["merge", "-q", "--no-ff", "-m", "merge", &head]);
    repo.git(&["update-ref", "refs/pull/1/merge", "HEAD"]);
    let compared = |folder: &Path| {
        let base = open(folder).pull_request_base(&head, &sent);
        base.map_or_else(|error| error.to_string(), |commit| commit.to_string())
    };
    assert_eq!(compared(&repo.root), target[..12]);
    assert_eq!(compared(&shallow(&repo, "two", "refs/pull/1/merge", "2")), target[..12]);
    let error = compared(&shallow(&repo, "one", "refs/pull/1/merge", "1"));
    assert!(error.contains("this clone is shallow") && error.contains("fetch-depth: 0"), "{error}");
    let error = compared(&shallow(&repo, "head", "topic", "1"));
    assert!(error.contains("this clone is shallow"), "{error}");
    repo.git(&["checkout", "-q", "topic"]);
    assert_eq!(compared(&repo.root), sent[..12], "the branch itself is checked out");
}

#[test]
fn files_of_a_commit_are_taken_out_and_nothing_else() {
    let repo = Repo::new(&[("a.py", "a = 1\n"), ("pkg/b.py", "b = 1\n"), ("big.txt", &"x".repeat(2 << 20))]);
    let inner = Repo::new(&[("s.py", "")]);
    let url = inner.root.to_str().unwrap().to_owned();
    repo.git(&["submodule", "--quiet", "add", &url, "libs/sub"]);
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc", repo.root.join("out")).unwrap();
    repo.commit(&[]);
    let opened = open(&repo.root);
    let commit = opened.commit("HEAD").unwrap();
    let place = tempfile::tempdir().unwrap();
    let checkout = opened.checkout(commit, &Everything, place.path()).unwrap();
    assert_eq!(listed(checkout.root()), [".gitmodules", "a.py", "pkg/b.py"]);
    assert_eq!(checkout.submodules, ["libs/sub"]);
    assert_eq!(fs::read_to_string(checkout.root().join("a.py")).unwrap(), "a = 1\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(checkout.root()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
    let root = checkout.root().to_owned();
    drop(checkout);
    assert!(!root.exists());
}

/// A tree that no honest git writes: names that lead out of the folder.
#[test]
fn hostile_names_are_left_out() {
    let repo = Repo::new(&[("a.py", "a = 1\n")]);
    let blob = repo.git(&["hash-object", "-w", "a.py"]);
    let raw: Vec<u8> = (0..20).map(|at| u8::from_str_radix(&blob[at * 2..at * 2 + 2], 16).unwrap()).collect();
    let mut tree = Vec::new();
    for name in ["../up.py", "..", ".git", "/root.py", "good.py"] {
        tree.extend(format!("100644 {name}\0").into_bytes());
        tree.extend(&raw);
    }
    repo.write("tree", "");
    fs::write(repo.root.join("tree"), tree).unwrap();
    let tree = repo.git(&["hash-object", "-w", "-t", "tree", "--literally", "tree"]);
    let commit = repo.git(&["commit-tree", "-m", "x", &tree]);
    let opened = open(&repo.root);
    let place = tempfile::tempdir().unwrap();
    let checkout = opened.checkout(opened.commit(&commit).unwrap(), &Everything, place.path()).unwrap();
    assert_eq!(listed(place.path()).len(), 1);
    assert_eq!(listed(checkout.root()), ["good.py"]);
}

#[test]
fn a_clone_without_blobs_is_explained() {
    let repo = Repo::new(&[("a.py", "a = 1\n")]);
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    repo.commit(&[("a.py", "a = 2\n")]);
    let to = repo.beside("partial");
    let url = format!("file://{}", repo.root.display());
    git(repo.root.parent().unwrap(), &["clone", "-q", "--filter=blob:none", &url, to.to_str().unwrap()]);
    let opened = open(&to);
    let commit = opened.commit("HEAD~1").unwrap();
    let place = tempfile::tempdir().unwrap();
    let error = opened.checkout(commit, &Everything, place.path()).err().unwrap().to_string();
    assert!(error.contains("`a.py` of commit") && error.contains("--filter=blob:none"), "{error}");
}

#[test]
fn uncommitted_work_is_seen() {
    let names = ["same.py", "changed.py", "staged.py", "lines.py", "sub/same.py"];
    let files: Vec<(&str, &str)> = names.iter().map(|name| (*name, "a = 1\nb = 2\n")).collect();
    let repo = Repo::new(&files);
    repo.write("changed.py", "a = 2\nb = 2\n");
    repo.write("staged.py", "a = 2\nb = 2\n");
    repo.git(&["add", "staged.py"]);
    repo.write("staged.py", "a = 1\nb = 2\n");
    repo.write("lines.py", "a = 1\r\nb = 2\r\n");
    repo.write("new.py", "");
    repo.write("sub/same.py", "a = 1\nb = 2\n");
    let paths: Vec<PathBuf> = names.iter().chain(&["new.py", "gone.py"]).map(PathBuf::from).collect();
    let told = dirty(&repo.root, &paths).unwrap();
    assert_eq!(told, ["changed.py", "staged.py", "new.py", "gone.py"].map(PathBuf::from));
    let inside = dirty(&repo.root.join("sub"), &[PathBuf::from("same.py")]).unwrap();
    assert!(inside.is_empty());
}
