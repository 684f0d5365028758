//! What a proof refuses. The edits are made here as no rule should make them.

use snakestone::base::IdVec;
use snakestone::finding::{Change, Edit, Finding, Safety};
use snakestone::fix::{Prover, Refusal};
use snakestone::rules;
use snakestone::scan;
use snakestone::text::{FileId, FileKind, SourceFile, Span};

const TEXT: &str = "def f(step, log):\n    try:\n        step()  # may fail\n    except:\n        log.error('failed')\n    return 1\n";

/// What becomes of an edit for the bare `except` of [`TEXT`] that replaces these texts.
fn refused(changes: &[(&str, &str)]) -> Option<Refusal> {
    let file = SourceFile::new("a.py", FileKind::Module, false, TEXT.to_owned());
    let files: IdVec<FileId, SourceFile> = [file].into_iter().collect();
    let judge = rules::judge(|_| true);
    let found = scan::scan(&files, &judge, &|| ());
    let mut finding: Finding =
        found.findings.iter().find(|finding| finding.rule == "bare-except").unwrap().clone();
    let change = |(old, new): &(&str, &str)| {
        let at = u32::try_from(TEXT.find(old).unwrap()).unwrap();
        Change { span: Span::new(at, at + u32::try_from(old.len()).unwrap()), text: (*new).to_owned() }
    };
    let changes = changes.iter().map(change).collect();
    finding.edit = Some(Edit { safety: Safety::Safe, title: "edit".to_owned(), changes });
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
    let file = |path: &str, text: &str| SourceFile::new(path, FileKind::Module, false, text.to_owned());
    let unrelated = file("other.py", "x = 1\n");
    let files: IdVec<FileId, SourceFile> =
        [unrelated, file("ping.py", sink), file("views.py", views)].into_iter().collect();
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
        let at = u32::try_from(sink.find(old).unwrap()).unwrap();
        let span = Span::new(at, at + u32::try_from(old.len()).unwrap());
        let changes = vec![Change { span, text: new.to_owned() }];
        findings[0].edit = Some(Edit { safety: Safety::Suggest, title: "edit".to_owned(), changes });
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
