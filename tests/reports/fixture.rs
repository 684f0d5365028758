//! A small scan made by hand: three files that are awkward to show, findings of every shape, and pages.

use std::time::Duration;

use snakestone::base::IdVec;
use snakestone::finding::{Change, Edit, Finding, Note, Safety, Severity, Suppression};
use snakestone::report::{Broken, Fingerprints, Report, Skipped, Summary};
use snakestone::rules::Page;
use snakestone::text::{FileId, FileKind, SourceFile, Span};

pub(crate) const DRIVER: &str = "import os\r\n\r\ndef plug(port):\r\n\ttry:\r\n\t\tos.system('ip link set \u{1f40d} ' + port)  # naïve\r\n\texcept:\r\n\t\tpass\r\n";
pub(crate) const AGENT: &str = "import subprocess\nimport logging\n\nLOG = logging.getLogger(__name__)\n\n\ndef read(request):\n    name = request.args['name']\n    token = request.args['token']\n    LOG.info('user %s token %s', name, token); LOG.info(token)\n    subprocess.run(['ip', name])\n    return None\n";
pub(crate) const TOOL: &str = "def stop(device):\n    device.unplug()\n";

const PAGES: [&str; 3] = [
    include_str!("pages/bare_except.md"),
    include_str!("pages/command_status_ignored.md"),
    include_str!("pages/secret_in_log.md"),
];

pub(crate) fn pages() -> Vec<Page> {
    PAGES.iter().map(|text| Page::parse(text).unwrap()).collect()
}

pub(crate) fn files() -> IdVec<FileId, SourceFile> {
    [("agent/l3 agent.py", AGENT), ("net/[drivers]/naïve#1.py", DRIVER), ("tests/tool.py", TOOL)]
        .map(|(path, text)| {
            SourceFile::new(path, FileKind::Module, path.starts_with("tests/"), text.to_owned())
        })
        .into_iter()
        .collect()
}

/// The span of the `nth` occurrence (from 0) of `text` in `file`.
pub(crate) fn span(file: &SourceFile, text: &str, nth: usize) -> Span {
    let (at, _) = file.text.match_indices(text).nth(nth).unwrap();
    Span::new(u32::try_from(at).unwrap(), u32::try_from(at + text.len()).unwrap())
}

pub(crate) fn finding(rule: &'static str, severity: Severity, file: FileId, span: Span) -> Finding {
    Finding {
        rule,
        severity,
        file,
        span,
        function: String::new(),
        message: "something is wrong".to_owned(),
        solution: "repair it".to_owned(),
        edit: None,
        related: Vec::new(),
        trace: Vec::new(),
        suppressed: None,
        foreign_marker: None,
    }
}

fn secrets(agent: FileId, file: &SourceFile) -> [Finding; 2] {
    let source = span(file, "request.args['token']", 0);
    let note = |span, caption: &str| Note { file: agent, span, caption: caption.to_owned() };
    let first = Finding {
        function: "agent.read".to_owned(),
        message: "`token` of the request reaches the log through `args[1]`".to_owned(),
        solution: "log `mask_password(token)`, or leave it out".to_owned(),
        related: vec![note(span(file, "LOG = logging.getLogger(__name__)", 0), "the logger `LOG`")],
        trace: vec![
            note(source, "`request.args['token']` comes from outside"),
            note(span(file, "token", 1), "assigned to `token`"),
            note(span(file, "token", 3), "logged here"),
        ],
        foreign_marker: Some("noqa: S106".to_owned()),
        ..finding("secret-in-log", Severity::High, agent, span(file, "token", 3))
    };
    let second = Finding {
        function: "agent.read".to_owned(),
        message: "`token` is logged whole".to_owned(),
        ..finding("secret-in-log", Severity::High, agent, span(file, "token", 4))
    };
    [first, second]
}

pub(crate) fn findings(files: &IdVec<FileId, SourceFile>) -> Vec<Finding> {
    let [agent, driver] = [FileId::new(0), FileId::new(1)];
    let mut all = Vec::from(secrets(agent, &files[agent]));
    all.push(Finding {
        function: "agent.read".to_owned(),
        message: "the exit status of `subprocess.run` is not read".to_owned(),
        solution: "pass `check=True`, or test `returncode`".to_owned(),
        edit: Some(Edit {
            safety: Safety::Suggest,
            title: "add `check=True`".to_owned(),
            changes: vec![Change {
                span: Span::empty(span(&files[agent], "name])", 0).end - 1),
                text: ", check=True".to_owned(),
            }],
        }),
        ..finding("command-status-ignored", Severity::Medium, agent, span(&files[agent], "subprocess.run", 0))
    });
    all.push(Finding {
        function: "drivers.plug".to_owned(),
        message: "`os.system` returns the status of `ip`, which is dropped".to_owned(),
        solution: "use `subprocess.run([…], check=True)`".to_owned(),
        related: vec![Note {
            file: agent,
            span: span(&files[agent], "subprocess.run", 0),
            caption: "a call [without](shell)".to_owned(),
        }],
        ..finding("command-status-ignored", Severity::Low, driver, span(&files[driver], "os.system", 0))
    });
    all.push(Finding {
        function: "drivers.plug".to_owned(),
        message: "`except:` also catches `KeyboardInterrupt`".to_owned(),
        solution: "write `except Exception:`".to_owned(),
        edit: Some(Edit {
            safety: Safety::Safe,
            title: "catch `Exception`".to_owned(),
            changes: vec![Change {
                span: span(&files[driver], "except", 0),
                text: "except Exception".to_owned(),
            }],
        }),
        ..finding("bare-except", Severity::Medium, driver, span(&files[driver], "except:", 0))
    });
    all
}

pub(crate) fn report<'a>(files: &'a IdVec<FileId, SourceFile>, rules: &'a [Page]) -> Report<'a> {
    let tool = FileId::new(2);
    let suppressed = Finding {
        suppressed: Some(Suppression { reason: "runs once".to_owned(), marker: "nosec B605".to_owned() }),
        ..finding("command-status-ignored", Severity::Medium, tool, span(&files[tool], "device.unplug", 0))
    };
    Report {
        files,
        rules,
        findings: findings(files),
        suppressed: vec![suppressed],
        summary: Summary {
            n_files: 2_080,
            n_lines: 410_322,
            n_test_files: 800,
            python2: vec!["old/py2.py".to_owned()],
            skipped: vec![
                Skipped { path: "build".to_owned(), reason: "a build folder".to_owned() },
                Skipped { path: "big.py".to_owned(), reason: "larger than 4 MB".to_owned() },
            ],
            broken: vec![Broken {
                path: "bad.py".to_owned(),
                line: 3,
                message: "expected an expression".to_owned(),
            }],
            hidden_in_tests: 4,
            notes: Vec::new(),
            limits: vec![("loop rounds".to_owned(), 2)],
            elapsed: Duration::from_millis(1_234),
        },
    }
}

pub(crate) fn hashes(report: &Report) -> Fingerprints {
    Fingerprints::of(report, |file| Some(file.text.clone().into_bytes()))
}
