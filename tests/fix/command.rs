//! `snakestone fix` from the command line to the bytes on disk.

use std::fs;
use std::process::Command;

use crate::program::{read, run};
use crate::tree::tree;

const BARE: &[u8] = b"def f(step):\n    try:\n        step()\n    except:\n        print('failed')\n";
const BARE_FIXED: &[u8] =
    b"def f(step):\n    try:\n        step()\n    except Exception:\n        print('failed')\n";
const STATUS: &[u8] =
    b"import subprocess\n\n\ndef f():\n    subprocess.run(['ip', 'link', 'set', 'a', 'up'])\n";

#[test]
fn safe_edits_are_applied_and_a_second_run_changes_nothing() {
    let dir = tree(&[("a.py", BARE), ("b.py", STATUS), ("c.py", &b"x = 1\n"[..])]);
    let (code, out, err) = run(dir.path(), &["fix"]);
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("a.py:4: ") && out.contains("(bare-except)"), "{out}{err}");
    assert!(out.contains("1 edit applied in 1 file") && out.contains("1 suggested edit left"), "{out}");
    assert_eq!(code, 1, "a suggested edit is left");
    assert_eq!(read(dir.path(), "a.py"), BARE_FIXED);
    assert_eq!(read(dir.path(), "b.py"), STATUS);
    let (_, out, _) = run(dir.path(), &["fix"]);
    assert!(String::from_utf8(out).unwrap().contains("0 edits applied"));
    assert_eq!(read(dir.path(), "a.py"), BARE_FIXED);
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "no draft is left: {names:?}");
}

#[test]
fn suggested_edits_need_to_be_asked_for_and_rules_can_be_chosen() {
    let dir = tree(&[("a.py", BARE), ("b.py", STATUS)]);
    let (code, _, _) = run(dir.path(), &["fix", "--unsafe", "--rule", "command-status-ignored"]);
    assert_eq!(code, 1, "the other finding is left");
    assert_eq!(read(dir.path(), "a.py"), BARE);
    assert!(String::from_utf8(read(dir.path(), "b.py")).unwrap().contains("check=True"));
    assert_eq!(run(dir.path(), &["fix"]).0, 0);
    let (code, _, err) = run(dir.path(), &["fix", "--rule", "bare-excpt"]);
    assert_eq!(
        (code, err.as_str()),
        (2, "error: --rule: no rule is called `bare-excpt`; did you mean `bare-except`?\n")
    );
}

#[test]
fn a_diff_is_what_git_applies() {
    let latin = b"# coding: latin-1\ns = '\xe9'\ntry:\n    s()\nexcept:\n    print('\xe9')";
    let marked = [b"\xef\xbb\xbf", BARE].concat();
    let crlf = String::from_utf8(BARE.to_vec()).unwrap().replace('\n', "\r\n").into_bytes();
    let files: [(&str, &[u8]); 4] =
        [("a b/a.py", BARE), ("latin.py", latin), ("marked.py", &marked), ("crlf.py", &crlf)];
    let dir = tree(&files);
    let (_, diff, summary) = run(dir.path(), &["fix", "--diff"]);
    assert!(summary.contains("4 edits would be applied in 4 files"), "{summary}");
    for (path, bytes) in files {
        assert_eq!(read(dir.path(), path), bytes, "nothing is written");
    }
    let by_git = tree(&files);
    fs::write(by_git.path().join("x.diff"), &diff).unwrap();
    let git = Command::new("git").current_dir(by_git.path()).args(["apply", "x.diff"]).output().unwrap();
    assert!(
        git.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&git.stderr),
        String::from_utf8_lossy(&diff)
    );
    run(dir.path(), &["fix"]);
    for (path, bytes) in files {
        let new = read(dir.path(), path);
        assert_ne!(new, bytes, "{path}");
        assert_eq!(new, read(by_git.path(), path), "{path}: encoding, mark and line ends are kept");
    }
}

#[test]
fn what_cannot_be_written_back_is_left_and_said() {
    let dir = tree(&[("a.py", b"try:\n    x()\nexcept:\n    print('\xe9')\n")]);
    let (code, out, _) = run(dir.path(), &["fix"]);
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("left as it is: a.py: not all of it is UTF-8"), "{out}");
    assert!(out.contains("0 edits applied"), "{out}");
    assert_eq!(code, 3);
}

#[test]
fn notebooks_are_left_to_their_editors() {
    let cell = "\"try:\\n    x()\\nexcept:\\n    print('failed')\\n\"";
    let notebook = format!("{{\"cells\":[{{\"cell_type\":\"code\",\"source\":{cell}}}],\"metadata\":{{}}}}");
    let dir = tree(&[("a.ipynb", notebook.as_bytes())]);
    let (_, out, _) = run(dir.path(), &["fix"]);
    assert!(String::from_utf8(out).unwrap().contains("1 edit in notebooks left"));
    assert_eq!(read(dir.path(), "a.ipynb"), notebook.as_bytes());
}

#[cfg(unix)]
#[test]
fn modes_stay_and_links_are_not_written_through() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tree(&[("tool.py", BARE), ("real/a.py", BARE)]);
    let tool = dir.path().join("tool.py");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o751)).unwrap();
    let outside = tree(&[("b.py", BARE)]);
    symlink(outside.path().join("b.py"), dir.path().join("b.py")).unwrap();
    symlink(outside.path(), dir.path().join("folder")).unwrap();
    run(dir.path(), &["fix"]);
    assert_eq!(read(dir.path(), "tool.py"), BARE_FIXED);
    assert_eq!(fs::metadata(&tool).unwrap().permissions().mode() & 0o7777, 0o751);
    assert_eq!(read(outside.path(), "b.py"), BARE);
}

#[test]
fn asking_needs_a_terminal() {
    let dir = tree(&[("a.py", BARE)]);
    let (code, _, err) = run(dir.path(), &["fix", "--interactive"]);
    assert_eq!(code, 2);
    assert!(err.contains("--interactive: standard input is no terminal"), "{err}");
    assert_eq!(read(dir.path(), "a.py"), BARE);
}

/// Runs git in `dir`, without the settings of whoever runs the tests.
fn git(dir: &std::path::Path, args: &[&str]) {
    let mut git = Command::new("git");
    git.current_dir(dir).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let done = git.args(["-c", "user.name=T", "-c", "user.email=t@example.org"]).args(args).output().unwrap();
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn files_with_work_that_is_not_committed_are_left_on_demand() {
    let dir = tree(&[("a.py", BARE), ("b.py", BARE), ("c.py", &b"x = 1\n"[..])]);
    git(dir.path(), &["init", "--quiet"]);
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "--quiet", "-m", "first"]);
    let changed = [BARE, b"\n\nx = 1\n"].concat();
    fs::write(dir.path().join("b.py"), &changed).unwrap();
    fs::write(dir.path().join("c.py"), b"x = 2\n").unwrap();
    let (code, out, err) = run(dir.path(), &["fix", "--require-clean"]);
    let want = "error: nothing was changed: `b.py` has changes that are not committed; commit or stash them, or leave out `--require-clean`\n";
    assert_eq!((code, out.as_slice(), err.as_str()), (2, &b""[..], want));
    assert_eq!((read(dir.path(), "a.py"), read(dir.path(), "b.py")), (BARE.to_vec(), changed));
    // What is staged is not committed, and a file that needs no edit may be as it is.
    git(dir.path(), &["add", "b.py"]);
    assert_eq!(run(dir.path(), &["fix", "--require-clean"]).0, 2);
    git(dir.path(), &["commit", "--quiet", "-m", "second"]);
    assert_eq!(run(dir.path(), &["fix", "--require-clean"]).0, 0);
    assert_eq!(read(dir.path(), "a.py"), BARE_FIXED);
    let (code, _, err) = run(dir.path(), &["fix", "--require-clean", "--diff"]);
    assert!(code == 2 && err.contains("'--require-clean' cannot be used with '--diff'"), "{err}");
}

#[test]
fn committed_work_needs_a_repository() {
    let dir = tree(&[("a.py", BARE)]);
    let (code, _, err) = run(dir.path(), &["fix", "--require-clean"]);
    assert!(code == 2 && err.contains("is in no git repository"), "{err}");
    assert_eq!(read(dir.path(), "a.py"), BARE);
}
