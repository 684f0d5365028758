//! What git tracks is scanned, in the change and in its base, whatever ignore files say.

use crate::matrix::{Pull, action, before, swallows};
use crate::repo::Repo;

#[test]
fn a_line_in_gitignore_hides_no_file_of_a_pull_request() {
    let hidden = swallows("hidden", "poll");
    for ignoring in ["late.py\n", "*.py\n", "/gen/\n", "*\n"] {
        let files = [
            ("late.py", hidden.clone()),
            ("gen/deep.py", swallows("deep", "poll")),
            (".gitignore", ignoring.to_owned()),
        ];
        let pull = Pull::new(&[("a.py", &before())], &files);
        let run = action(&pull.checkout("2"), Some(&pull.event), &[]);
        assert_eq!((run.code, run.counts), (1, (5, 2)), "{ignoring}: {}", run.log);
    }
}

#[test]
fn what_the_base_tracks_is_known_whatever_it_ignores() {
    let pull = Pull::new(
        &[("gen/a.py", &before()), (".gitignore", "gen/\n"), (".ci/b.py", &swallows("ci", "poll"))],
        &[("c.py", "y = 1\n".to_owned())],
    );
    let run = action(&pull.checkout("2"), Some(&pull.event), &[]);
    assert_eq!((run.code, run.counts), (0, (4, 0)), "{}", run.log);
}

#[test]
fn what_is_not_tracked_is_ignored_as_ever() {
    let repo = Repo::new(&[("a.py", &before()), (".gitignore", "gen/\n")]);
    repo.write("gen/b.py", &swallows("generated", "poll"));
    repo.write(".venv/c.py", &swallows("installed", "poll"));
    repo.write("new.py", &swallows("new", "poll"));
    repo.git(&["add", "-f", ".venv/c.py"]);
    let run = action(&repo.root, None, &[]);
    assert_eq!(run.counts, (3, 3), "{}", run.log);
    // A folder that is no repository, and one whose index says nothing.
    std::fs::write(repo.root.join(".git/index"), "no index").unwrap();
    assert_eq!(action(&repo.root, None, &[]).counts, (3, 3));
    std::fs::remove_dir_all(repo.root.join(".git")).unwrap();
    assert_eq!(action(&repo.root, None, &[]).counts, (3, 3));
}
