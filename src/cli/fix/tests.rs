//! Questions and their answers, which the command itself takes from a terminal alone.

use std::fs;
use std::path::Path;

use clap::Parser;

use super::{Asker, run_with};
use crate::cli::Code;
use crate::cli::args::{Cli, Command};

const BARE: &str = "def f(step):\n    try:\n        step()\n    except:\n        print('failed')\n";
const STATUS: &str =
    "import subprocess\n\n\ndef f():\n    subprocess.run(['ip', 'link', 'set', 'a', 'up'])\n";

#[test]
fn answers_are_taken_one_by_one_until_one_is_for_all() {
    let mut asker = Asker::new(&b"y\nwhat\nN\na\n"[..]);
    let answers: Vec<bool> = (0..3).map(|_| asker.ask(&mut Vec::new())).collect();
    assert_eq!((answers, asker.all), (vec![true, false, true], Some(true)));
    let mut asker = Asker::new(&b"y\n"[..]);
    assert!(asker.ask(&mut Vec::new()));
    assert!(!asker.ask(&mut Vec::new()), "the end of input is no consent");
    assert_eq!(asker.all, Some(false));
}

/// Which of four files are edited when `answers` are given to `fix --interactive` with `options`.
fn edited(options: &[&str], answers: &str) -> (Code, Vec<&'static str>) {
    let files = [("a.py", BARE), ("b.py", BARE), ("c.py", STATUS), ("d.py", BARE)];
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let path = dir.path().to_str().unwrap();
    let line = [&["snakestone", "fix", "--interactive", path], options].concat();
    let Command::Fix(args) = Cli::parse_from(line).command else { panic!("it is `fix`") };
    let code = run_with(&args, answers.as_bytes()).unwrap();
    let is_edited = |name: &str, text: &str| fs::read_to_string(Path::new(path).join(name)).unwrap() != text;
    (code, files.into_iter().filter(|(name, text)| is_edited(name, text)).map(|(name, _)| name).collect())
}

#[test]
fn what_is_answered_is_done_and_nothing_else() {
    let unsafe_too = &["--unsafe"][..];
    assert_eq!(edited(unsafe_too, "y\nn\ny\nn\n"), (Code::Findings, vec!["a.py", "c.py"]));
    assert_eq!(edited(unsafe_too, "n\na\n"), (Code::Findings, vec!["b.py", "c.py", "d.py"]));
    assert_eq!(edited(unsafe_too, "y\nq\n"), (Code::Findings, vec!["a.py"]));
    assert_eq!(edited(unsafe_too, "a\n"), (Code::Clean, vec!["a.py", "b.py", "c.py", "d.py"]));
    assert_eq!(edited(unsafe_too, ""), (Code::Findings, vec![]));
    assert_eq!(
        edited(&[], "a\n"),
        (Code::Findings, vec!["a.py", "b.py", "d.py"]),
        "suggested edits are not asked for"
    );
}
