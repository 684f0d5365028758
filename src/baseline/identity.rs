//! Identities: digests of what stays of a finding while the code around it moves.

use std::collections::BTreeMap;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::base::IdVec;
use crate::baseline::code::Code;
use crate::finding::{Finding, Identity};
use crate::text::{FileId, SourceFile, Span};

/// Fills in [`Finding::identity`]. Files with findings are parsed again, in parallel.
///
/// Neither lines nor columns count, nor what the rule says. Where data flows to the finding, it has an identity for
/// each place the data comes from: a new source makes an old sink a new finding.
pub fn identify(findings: &mut [Finding], files: &IdVec<FileId, SourceFile>) {
    let mut by_file: BTreeMap<FileId, Vec<&mut Finding>> = BTreeMap::new();
    for finding in findings {
        by_file.entry(finding.file).or_default().push(finding);
    }
    by_file.into_par_iter().for_each(|(id, findings)| {
        let code = Code::of(&files[id]);
        for finding in findings {
            finding.identity = of(finding, &code, files);
        }
    });
}

fn of(finding: &Finding, code: &Code, files: &IdVec<FileId, SourceFile>) -> Vec<Identity> {
    let statement = code.statement(finding.span);
    let beside = code.surroundings(finding.span);
    let one = |source: &str, path: &str| {
        let near = beside.iter().map(String::as_str).chain([source]);
        let here = digest([finding.function.as_str(), &statement, source, path].into_iter());
        Identity { here, near: digest(near) }
    };
    let begin = finding.trace.first().map(std::slice::from_ref).unwrap_or_default();
    let sources = if finding.sources.is_empty() { begin } else { &finding.sources };
    if sources.is_empty() {
        return vec![one("", "")];
    }
    let of_source = |file: FileId, span: Span| {
        let text: String = files[file].slice(span).split_whitespace().collect();
        // The path of the finding's own file changes with it.
        let path = if file == finding.file { "" } else { files[file].path.as_str() };
        one(&text, path)
    };
    sources.iter().map(|note| of_source(note.file, note.span)).collect()
}

/// A digest of `parts` that nobody can aim at: code is written by those whom the comparison judges.
fn digest<'a>(parts: impl Iterator<Item = &'a str>) -> u64 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let bytes = hasher.finalize();
    u64::from_be_bytes(bytes[..8].try_into().expect("a digest has 32 bytes"))
}
