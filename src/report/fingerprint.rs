//! GitHub's line hash, `partialFingerprints.primaryLocationLineHash`.
//!
//! Text comes in, one hash a line goes out. The hash covers what follows the line as well, so that equal lines
//! in different surroundings differ, and leaves blanks out, so that moving and indenting keep it. It must
//! equal GitHub's own to the last bit, or every alert is closed and opened anew.
//! Source: `github/codeql-action`, `src/fingerprints.ts`.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::report::Report;
use crate::text::{FileId, FileKind, SourceFile};

/// Hash of one line, and which of the lines with that hash it is, from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint {
    hash: u64,
    occurrence: u32,
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}:{}", self.hash, self.occurrence)
    }
}

/// The line hashes of every file that a report names.
#[derive(Default)]
pub struct Fingerprints {
    lines: FxHashMap<FileId, Vec<Fingerprint>>,
    /// Width of each line on disk, in UTF-16 units; of notebooks only.
    widths: FxHashMap<FileId, Vec<u32>>,
}

impl Fingerprints {
    /// Hashes the files with findings. `read` gives a file's bytes as they are on disk, since GitHub hashes
    /// those: byte order mark, other encodings and the JSON of notebooks included. Where it gives none, the
    /// decoded text stands in.
    #[must_use]
    pub fn of(report: &Report, read: impl Fn(&SourceFile) -> Option<Vec<u8>>) -> Self {
        let mut out = Self::default();
        for finding in report.findings.iter().chain(&report.suppressed) {
            out.add(report, finding.file, &read);
            for note in finding.related.iter().chain(&finding.trace) {
                if report.files[note.file].kind == FileKind::Notebook {
                    out.add(report, note.file, &read);
                }
            }
        }
        out
    }

    fn add(&mut self, report: &Report, id: FileId, read: &impl Fn(&SourceFile) -> Option<Vec<u8>>) {
        if self.lines.contains_key(&id) {
            return;
        }
        let file = &report.files[id];
        let bytes = read(file);
        let text = bytes.as_deref().map_or(Cow::Borrowed(file.text.as_str()), String::from_utf8_lossy);
        self.lines.insert(id, hash_lines(&text));
        if file.kind == FileKind::Notebook {
            let width =
                |line: &str| u32::try_from(line.encode_utf16().count()).expect("a file is under 4 GiB");
            self.widths.insert(id, text.lines().map(width).collect());
        }
    }

    /// Width of `line` (from 1) of a notebook's file, in UTF-16 units.
    pub(super) fn width(&self, file: FileId, line: u32) -> Option<u32> {
        self.widths.get(&file)?.get((line as usize).checked_sub(1)?).copied()
    }

    /// The fingerprint of `line` (from 1) of `file`; `None` past the file's end, as when it has changed on
    /// disk since it was scanned.
    #[must_use]
    pub fn line(&self, file: FileId, line: u32) -> Option<Fingerprint> {
        self.lines.get(&file)?.get((line as usize).checked_sub(1)?).copied()
    }
}

/// Number of units a hash covers.
const WINDOW: usize = 100;
const BASE: u64 = 37;
const END: u16 = 65535;

/// The fingerprint of every line of `text`; a final line end begins one more, empty line.
#[must_use]
pub(super) fn hash_lines(text: &str) -> Vec<Fingerprint> {
    let mut rolling = Rolling::new();
    for unit in text.encode_utf16() {
        rolling.take(unit);
    }
    rolling.finish()
}

struct Rolling {
    hash: u64,
    /// `BASE` to the power of [`WINDOW`]: what the unit that leaves the window has grown to.
    leaving: u64,
    window: [u64; WINDOW],
    /// Whether a line began when this slot was last filled: its hash is due when the slot comes round again.
    begins_line: [bool; WINDOW],
    slot: usize,
    at_line_start: bool,
    after_cr: bool,
    seen: FxHashMap<u64, u32>,
    lines: Vec<Fingerprint>,
}

impl Rolling {
    fn new() -> Self {
        Self {
            hash: 0,
            leaving: (0..WINDOW).fold(1, |power: u64, _| power.wrapping_mul(BASE)),
            window: [0; WINDOW],
            begins_line: [false; WINDOW],
            slot: 0,
            at_line_start: true,
            after_cr: false,
            seen: FxHashMap::default(),
            lines: Vec::new(),
        }
    }

    fn take(&mut self, unit: u16) {
        const LF: u16 = b'\n' as u16;
        const CR: u16 = b'\r' as u16;
        if unit == u16::from(b' ') || unit == u16::from(b'\t') || (self.after_cr && unit == LF) {
            self.after_cr = false;
            return;
        }
        self.after_cr = unit == CR;
        let unit = if unit == CR { LF } else { unit };
        self.emit();
        self.begins_line[self.slot] = self.at_line_start;
        self.at_line_start = unit == LF;
        self.shift(unit);
    }

    /// Emits the hash of the line that began a window ago, if one did.
    fn emit(&mut self) {
        if std::mem::take(&mut self.begins_line[self.slot]) {
            let occurrence = self.seen.entry(self.hash).or_default();
            *occurrence += 1;
            self.lines.push(Fingerprint { hash: self.hash, occurrence: *occurrence });
        }
    }

    fn shift(&mut self, unit: u16) {
        let old = std::mem::replace(&mut self.window[self.slot], u64::from(unit));
        let grown = self.hash.wrapping_mul(BASE).wrapping_add(u64::from(unit));
        self.hash = grown.wrapping_sub(self.leaving.wrapping_mul(old));
        self.slot = (self.slot + 1) % WINDOW;
    }

    fn finish(mut self) -> Vec<Fingerprint> {
        self.take(END);
        for _ in 0..WINDOW {
            self.emit();
            self.shift(0);
        }
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::hash_lines;

    fn hashes(text: &str) -> Vec<String> {
        hash_lines(text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_empty_file_has_one_line() {
        assert_eq!(hashes(""), ["c129715d7a2bc9a3:1"]);
    }

    #[test]
    fn blanks_do_not_count() {
        let expected = ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"];
        assert_eq!(hashes(" a\nb\n  \t\tc\n d"), expected);
    }

    #[test]
    fn equal_lines_are_counted_and_the_end_of_the_file_tells_them_apart() {
        let expected: Vec<String> = (1..=6)
            .map(|n| format!("a7f2ff13bc495cf2:{n}"))
            .chain(
                [
                    "a7f2ff1481e87703:1",
                    "a9cf91f7bbf1862b:1",
                    "55ec222b86bcae53:1",
                    "cc97dc7b1d7d8f7b:1",
                    "c129715d7a2bc9a3:1",
                ]
                .map(str::to_owned),
            )
            .collect();
        assert_eq!(hashes(&"Lorem ipsum dolor sit amet.\n".repeat(10)), expected);
    }

    #[test]
    fn all_line_ends_agree() {
        let text = "import os\n\nclass A:\n    x = '\u{1f40d}'\n\n\n    y = 2\n";
        let expected = hashes(text);
        assert_eq!(expected.len(), 8);
        assert_eq!(hashes(&text.replace('\n', "\r")), expected);
        assert_eq!(hashes(&text.replace('\n', "\r\n")), expected);
    }

    #[test]
    fn moving_and_indenting_keep_a_hash_and_an_edit_close_behind_changes_it() {
        let body = "x = 1\n".repeat(30);
        let was = hashes(&format!("call()\n{body}"));
        assert_eq!(hashes(&format!("# new\n\n\tcall()\n{body}"))[2], was[0]);
        assert_ne!(hashes(&format!("call()\ny = 1\n{body}"))[0], was[0]);
    }
}
