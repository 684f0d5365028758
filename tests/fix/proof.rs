//! What a proof refuses. The edits are made here as no rule should make them.

use snakestone::base::IdVec;
use snakestone::finding::{Change, Edit, Finding, Safety};
use snakestone::fix::{Prover, Refusal};
use snakestone::rules::{self, Judge};
use snakestone::scan;
use snakestone::text::{FileId, FileKind, SourceFile, Span};

const TEXT: &str = "def f(step, log):\n    try:\n        step()  # may fail\n    except:\n        log.error('failed')\n    return 1\n";

fn module(path: &str, text: &str) -> SourceFile {
    SourceFile::new(path, FileKind::Module, false, text.to_owned())
}

/// An edit that replaces these texts, which stand once in `text`.
fn edit(text: &str, changes: &[(&str, &str)]) -> Edit {
    let change = |(old, new): &(&str, &str)| {
        let at = u32::try_from(text.find(old).unwrap()).unwrap();
        Change { span: Span::new(at, at + u32::try_from(old.len()).unwrap()), text: (*new).to_owned() }
    };
    let changes = changes.iter().map(change).collect();
    Edit { safety: Safety::Safe, title: "edit".to_owned(), changes }
}

/// What becomes of an edit for the bare `except` of [`TEXT`] that replaces these texts.
fn refused(changes: &[(&str, &str)]) -> Option<Refusal> {
    refused_in(TEXT, &[], changes)
}

/// The same for the one in `text`, beside `others` in the program.
fn refused_in(text: &str, others: &[(&str, &str)], changes: &[(&str, &str)]) -> Option<Refusal> {
    let others = others.iter().map(|(path, text)| module(path, text));
    let files: IdVec<FileId, SourceFile> = [module("a.py", text)].into_iter().chain(others).collect();
    let judge = rules::judge(|_| true);
    let found = scan::scan(&files, &judge, &|| ());
    let mut finding: Finding =
        found.findings.iter().find(|finding| finding.rule == "bare-except").unwrap().clone();
    finding.edit = Some(edit(text, changes));
    let mut findings = [finding];
    let proofs = Prover { files: &files, fronts: &found.fronts, judge: &judge }.prove(&mut findings);
    assert_eq!(proofs.tried, 1);
    let refusal = proofs.refused.keys().next().copied();
    assert_eq!(refusal.is_none(), findings[0].edit.is_some());
    refusal
}

#[test]
fn an_edit_that_solves_the_finding_holds() {
    assert_eq!(refused(&[("except:", "except Exception:")]), None);
    assert_eq!(refused(&[("def f", "import os\n\n\ndef f"), ("except:", "except os.error:")]), None);
    assert_eq!(refused(&[("except:", "except (e := Exception):")]), None);
}

#[test]
fn an_edit_that_does_not_is_refused_with_its_reason() {
    assert_eq!(refused(&[("except:", "except Exception")]), Some(Refusal::Syntax));
    assert_eq!(refused(&[("failed", "it failed")]), Some(Refusal::Stays));
    assert_eq!(refused(&[("except:", "except:  # all")]), Some(Refusal::Stays));
    assert_eq!(refused(&[("  # may fail", ""), ("except:", "except Exception:")]), Some(Refusal::Comment));
    assert_eq!(refused(&[("except:", "except os.error:")]), Some(Refusal::Unbound));
    assert_eq!(
        refused(&[("except:", "except error:"), ("return 1", "error = OSError")]),
        Some(Refusal::Unbound)
    );
    let swallows = [("except:", "except Exception:"), ("log.error('failed')", "pass")];
    assert_eq!(refused(&swallows), Some(Refusal::Another));
    assert_eq!(refused(&[("except:", "except Exception:"), ("step()", "x()")]), Some(Refusal::Overlap));
}

/// What becomes of the finding in the second file, which data from outside reaches by way of the first, when its edit is
/// replaced by that of `old` to `new`; without one its own edit is tried.
fn flow(other: Option<(&str, &str)>) -> Option<Refusal> {
    let views = "from flask import Flask, request\n\nimport ping\n\napp = Flask(__name__)\n\n\n@app.route(\"/\")\ndef index():\n    return ping.run(request.args[\"host\"])\n";
    let sink = "import os\n\n\ndef run(host):\n    return str(os.system(\"ping -c 1 \" + host))\n";
    let unrelated = module("other.py", "x = 1\n");
    let files: IdVec<FileId, SourceFile> =
        [unrelated, module("ping.py", sink), module("views.py", views)].into_iter().collect();
    let judge = rules::judge(|_| true);
    let found = scan::scan(&files, &judge, &|| ());
    let mut findings: Vec<Finding> =
        found.findings.iter().filter(|finding| finding.rule == "command-injection").cloned().collect();
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].trace.iter().any(|note| note.file != findings[0].file),
        "the way leads through both files"
    );
    if let Some((old, new)) = other {
        findings[0].edit = Some(edit(sink, &[(old, new)]));
    }
    let proofs = Prover { files: &files, fronts: &found.fronts, judge: &judge }.prove(&mut findings);
    assert_eq!(proofs.tried, 1);
    proofs.refused.keys().next().copied()
}

#[test]
fn a_flow_through_files_must_end_and_none_may_begin() {
    assert_eq!(flow(None), None, "the rule's own edit quotes the host");
    assert_eq!(flow(Some(("+ host", "+ str(int(host))"))), None);
    assert_eq!(flow(Some(("+ host", "+ str(host)"))), Some(Refusal::Stays));
    assert_eq!(flow(Some(("os.system(\"ping -c 1 \" + host)", "eval(host)"))), Some(Refusal::Another));
}

#[test]
fn a_name_is_bound_on_every_way_or_not_at_all() {
    let rest = "    try:\n        step()\n    except:\n        log.error('failed')\n";
    let named = |before: &str| refused_in(&format!("{before}{rest}"), &[], &[("except:", "except error:")]);
    let head = "def f(step, log, fast):\n    if fast:\n        error = OSError\n";
    assert_eq!(named(head), Some(Refusal::Unbound));
    assert_eq!(named(&format!("{head}    else:\n        error = KeyError\n")), None);
    let import = "try:\n    from errors import error\nexcept ImportError:\n";
    assert_eq!(named(&format!("{import}    pass\n\n\ndef f(step, log):\n")), Some(Refusal::Unbound));
    assert_eq!(named(&format!("{import}    error = OSError\n\n\ndef f(step, log):\n")), None);
    assert_eq!(named("def f(step, log, error):\n"), None);
}

#[test]
fn a_module_of_the_program_has_what_is_taken_from_it() {
    let text = format!("import os\n\nfrom shop import errors\n\n\n{TEXT}");
    let named = |shop: &str, name: &str| {
        let others = [("shop/__init__.py", ""), ("shop/errors.py", shop)];
        refused_in(&text, &others, &[("except:", &format!("except {name}:"))])
    };
    let shop = "from os import error as Failed\n\n\nclass Known(Exception):\n    pass\n\n\nAlso = Known\n";
    for name in ["errors.Known", "errors.Also", "errors.Failed", "os.error"] {
        assert_eq!(named(shop, name), None, "{name}");
    }
    assert_eq!(named(shop, "errors.Unknown"), Some(Refusal::Unbound));
    assert_eq!(named("from os import *\n", "errors.Unknown"), None, "what a star brings is not known");
}

/// A bare `except` in each of `n` functions; the edits of those at `bad` leave it as it is.
fn many(n: usize, bad: &[usize]) -> (IdVec<FileId, SourceFile>, Vec<Finding>, Judge) {
    let function = |i: usize| {
        format!(
            "def f{i}(step, log):\n    try:\n        step({i})\n    except:\n        log.error('failed {i}')\n\n\n"
        )
    };
    let text: String = (0..n).map(function).collect();
    let files: IdVec<FileId, SourceFile> = [module("a.py", &text)].into_iter().collect();
    let judge = rules::judge(|_| true);
    let found = scan::scan(&files, &judge, &|| ());
    let mut findings: Vec<Finding> =
        found.findings.into_iter().filter(|finding| finding.rule == "bare-except").collect();
    assert_eq!(findings.len(), n);
    for &at in bad {
        findings[at].edit = Some(edit(&text, &[(&format!("'failed {at}'"), "'it failed'")]));
    }
    (files, findings, judge)
}

#[test]
fn edits_that_are_proven_together_are_those_that_hold_alone() {
    for bad in [&[][..], &[3], &[0, 1, 2, 19], &[5, 6, 7, 8, 9]] {
        let (files, mut findings, judge) = many(20, bad);
        let fronts: IdVec<FileId, scan::Front> = files.iter().map(scan::front).collect();
        let prover = Prover { files: &files, fronts: &fronts, judge: &judge };
        let mut alone = findings.clone();
        alone.iter_mut().for_each(|finding| {
            prover.prove(std::slice::from_mut(finding));
        });
        let proofs = prover.prove(&mut findings);
        assert_eq!(findings, alone);
        let refused: Vec<usize> = (0..20).filter(|at| findings[*at].edit.is_none()).collect();
        assert_eq!(refused, bad);
        assert_eq!(proofs.refused.get(&Refusal::Stays).copied().unwrap_or_default(), bad.len());
    }
}

#[test]
fn a_file_of_edits_that_fail_is_given_up() {
    let all: Vec<usize> = (0..160).collect();
    let (files, mut findings, judge) = many(160, &all);
    let fronts: IdVec<FileId, scan::Front> = files.iter().map(scan::front).collect();
    let proofs = Prover { files: &files, fronts: &fronts, judge: &judge }.prove(&mut findings);
    assert!(proofs.refused[&Refusal::Limit] > 0, "{:?}", proofs.refused);
    assert!(findings.iter().all(|finding| finding.edit.is_none()));
}
