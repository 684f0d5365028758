//! Every suggestion of a pull request, committed alone: it applies to the head's file, the file parses, the finding is
//! gone, nothing new is found, and no other line changes.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use similar::{ChangeTag, TextDiff};
use snakestone::github::findings::Scan;
use snakestone::github::{pull, review};

use crate::fake::Fake;
use crate::fake::pulls::{Comment, HEAD, repository};
use crate::project::{Files, Scanned, scan};

/// The Python files below `root`, which is named from the repository's root.
fn read(root: &str) -> Files {
    fn walk(root: &Path, dir: &Path, files: &mut Files) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, files);
            } else if path.extension().is_some_and(|suffix| suffix == "py") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut files = Files::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    walk(&root, &root, &mut files);
    files
}

/// What `text` may have been before the pull request: some lines missing, some others, some more.
fn base(text: &str, seed: usize) -> String {
    let line = |(i, line): (usize, &str)| match (i * 7 + seed * 5) % 11 {
        0 | 1 => String::new(),
        2 | 3 => format!("old {i}\n"),
        4 => format!("{line}\nold {i}\n"),
        _ => format!("{line}\n"),
    };
    text.lines().enumerate().map(line).collect()
}

/// The comments that a review of a pull request writes that turns `base` into `head`, whose scan is `scanned`.
fn comments(base: &Files, head: &Files, scanned: &Scanned) -> Vec<Comment> {
    let fake = Fake::start();
    for (path, new) in head {
        fake.state().pulls.file(path, base.get(path).map_or("", String::as_str), new);
    }
    let scan = Scan::read(&scanned.sarif("snakestone/", true)).unwrap();
    let mut client = fake.client();
    let pull = pull::with_head(&mut client, &repository(), HEAD, None).unwrap().unwrap();
    let done = review::run(&mut client, &pull, &scan);
    assert_eq!((done.failure, done.notices), (None, Vec::new()));
    let state = fake.state();
    assert!(
        state.count("POST", "/repos/o/r/pulls/7/reviews") <= 1,
        "no 422 from a fake that checks the diff"
    );
    state.pulls.comments.clone()
}

/// The lines that a comment suggests; `None` if it has its solution in words.
fn suggested(body: &str) -> Option<Vec<&str>> {
    let mut lines = body.lines().skip_while(|line| !line.ends_with("`suggestion"));
    let fence = lines.next()?.strip_suffix("suggestion")?;
    Some(lines.take_while(|line| *line != fence).collect())
}

/// `text` with the suggestion committed, as GitHub does it.
fn commit(text: &str, comment: &Comment, suggested: &[&str]) -> String {
    let (first, last) = comment.lines.unwrap();
    let (first, last) = (usize::try_from(first).unwrap(), usize::try_from(last).unwrap());
    let lines: Vec<&str> = text.lines().collect();
    let all = [&lines[..first - 1], suggested, &lines[last..]].concat();
    all.iter().map(|line| format!("{line}\n")).collect()
}

/// How often each rule reports in each file.
fn counts<'a>(places: &[(&'a str, &'a str, u32)]) -> BTreeMap<(&'a str, &'a str), usize> {
    let mut counts = BTreeMap::new();
    places.iter().for_each(|(rule, path, _)| *counts.entry((*rule, *path)).or_default() += 1);
    counts
}

/// Checks one comment on `head`, whose scan is `before`; returns whether it held a suggestion.
fn check(head: &Files, before: &Scanned, comment: &Comment) -> bool {
    let Some(lines) = suggested(&comment.body) else { return false };
    let old = &head[&comment.path];
    let new = commit(old, comment, &lines);
    assert_ne!(*old, new, "{}", comment.body);
    let rule = comment.body.split("<code>").nth(1).unwrap().split("</code>").next().unwrap();
    let mut after = head.clone();
    after.insert(comment.path.clone(), new.clone());
    let after = scan(&after);
    assert!(after.n_broken <= before.n_broken, "does not parse any more:\n{}", comment.body);
    let (before, after) = (before.places(), after.places());
    let (before, after) = (counts(&before), counts(&after));
    let of_rule = |counts: &BTreeMap<(&str, &str), usize>| {
        let own = counts.iter().filter(|((known, path), _)| *known == rule && *path == comment.path);
        own.map(|(_, n)| n).sum::<usize>()
    };
    assert!(of_rule(&after) < of_rule(&before), "the finding stays:\n{}", comment.body);
    for (key, n) in &after {
        assert!(n <= before.get(key).unwrap_or(&0), "a new finding, {key:?}:\n{}", comment.body);
    }
    let (first, last) = comment.lines.unwrap();
    let mut line = 1;
    for change in TextDiff::from_lines(old, &new).iter_all_changes() {
        let is_outside = line < first || line > last + 1;
        assert!(change.tag() == ChangeTag::Equal || !is_outside, "line {line} changes:\n{}", comment.body);
        line += u64::from(change.tag() != ChangeTag::Insert);
    }
    true
}

#[test]
fn all_suggestions_of_the_example_project_can_be_committed() {
    let mut n = 0;
    for root in ["examples/edge-router", "examples/shop"] {
        let head = read(root);
        let scanned = scan(&head);
        let comments = comments(&Files::new(), &head, &scanned);
        n += comments.iter().filter(|comment| check(&head, &scanned, comment)).count();
    }
    println!("{n} suggestions");
    assert!(n >= 8, "only {n} suggestions in the example projects");
}

#[test]
fn suggestions_fit_pull_requests_that_add_change_and_delete_lines() {
    let head = read("examples/edge-router");
    let scanned = scan(&head);
    let mut n = 0;
    for seed in 0..11 {
        let base = head.iter().map(|(path, text)| (path.clone(), base(text, seed))).collect();
        let comments = comments(&base, &head, &scanned);
        n += comments.iter().filter(|comment| suggested(&comment.body).is_some()).count();
        if seed < 2 {
            assert!(comments.iter().filter(|comment| check(&head, &scanned, comment)).count() > 0);
        }
    }
    println!("{n} suggestions");
    assert!(n >= 20, "only {n} suggestions");
}

/// `tests/github/packages.sh` names folders of real packages in `SNAKESTONE_PACKAGES`, and that there are twenty
/// suggestions at least.
#[test]
#[ignore = "needs packages; run by tests/github/packages.sh"]
fn suggestions_for_real_packages_can_be_committed() {
    let folders = env::var("SNAKESTONE_PACKAGES").expect("tests/github/packages.sh sets it");
    let (mut n, mut n_words) = (0, 0);
    for folder in env::split_paths(&folders) {
        let all = read(folder.to_str().unwrap());
        // Each file is a pull request, so that thirty comments a review leave no file out.
        for (path, text) in all {
            let head = Files::from([(path, text)]);
            let scanned = scan(&head);
            for (i, comment) in comments(&Files::new(), &head, &scanned).iter().enumerate() {
                match i < 4 {
                    true if check(&head, &scanned, comment) => n += 1,
                    true => n_words += 1,
                    false => {}
                }
            }
        }
    }
    println!("{n} suggestions apply, parse and silence their finding; {n_words} solutions in words");
    assert!(n >= 20, "only {n} suggestions");
}
