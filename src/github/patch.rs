//! The `patch` of a file in a pull request, as hunks of lines on the right-hand side.
//!
//! Text that GitHub made of a stranger's files comes in; nothing of it is trusted. A hunk that is not what its header
//! says is left out, since a comment on one of its lines could stand anywhere. The left-hand side is not kept:
//! where lines were deleted is all that a suggestion has to know of it.
//! Source: unified format of `diff` and `git diff`.

/// The hunks of one file, in the order of the patch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Patch<'a> {
    hunks: Vec<Vec<Line<'a>>>,
}

/// One line of the head's side that the diff shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Line<'a> {
    /// Its number in the head's file, from 1.
    pub(super) number: u32,
    /// Its text without its line end.
    pub(super) text: &'a str,
    /// Whether the pull request added it; else it is context.
    pub(super) is_added: bool,
    /// Whether deleted lines stand between the line before it and this one.
    pub(super) follows_deletion: bool,
}

impl<'a> Patch<'a> {
    /// Reads `text`.
    pub(super) fn parse(text: &'a str) -> Self {
        let mut hunks = Vec::new();
        let mut open: Option<Hunk<'a>> = None;
        for line in text.split('\n') {
            if line.starts_with("@@") {
                hunks.extend(open.take().and_then(Hunk::close));
                open = Hunk::open(line);
            } else if let Some(hunk) = open.take() {
                open = hunk.take(line);
            }
        }
        hunks.extend(open.and_then(Hunk::close));
        Self { hunks }
    }

    /// The lines `first` to `last`, if one hunk shows them all.
    pub(super) fn lines(&self, first: u32, last: u32) -> Option<&[Line<'a>]> {
        let n = (last.checked_sub(first)? as usize).checked_add(1)?;
        let hunk =
            self.hunks.iter().find(|hunk| hunk[0].number <= first && first - hunk[0].number < len(hunk))?;
        let begin = (first - hunk[0].number) as usize;
        hunk.get(begin..begin.checked_add(n)?)
    }

    /// Line `number`, if a hunk shows it.
    pub(super) fn line(&self, number: u32) -> Option<Line<'a>> {
        self.lines(number, number).map(|lines| lines[0])
    }
}

fn len(lines: &[Line]) -> u32 {
    u32::try_from(lines.len()).unwrap_or(u32::MAX)
}

/// A hunk while it is read.
struct Hunk<'a> {
    /// Number of the next line on the right.
    next: u32,
    n_left: u32,
    n_right: u32,
    deleted: bool,
    lines: Vec<Line<'a>>,
}

impl<'a> Hunk<'a> {
    /// `@@ -1,7 +1,6 @@`; a count that is left out is 1.
    fn open(header: &str) -> Option<Self> {
        let (left, right) = header.strip_prefix("@@ -")?.split_once(" @@")?.0.split_once(" +")?;
        let range = |text: &str| -> Option<(u32, u32)> {
            let (start, n) = text.split_once(',').unwrap_or((text, "1"));
            let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            (is_number(start) && is_number(n)).then_some(())?;
            let (start, n): (u32, u32) = (start.parse().ok()?, n.parse().ok()?);
            start.checked_add(n)?;
            Some((start, n))
        };
        let ((_, n_left), (next, n_right)) = (range(left)?, range(right)?);
        (next > 0 || n_right == 0).then_some(Self {
            next,
            n_left,
            n_right,
            deleted: false,
            lines: Vec::new(),
        })
    }

    /// The hunk with `line`; `None` if it cannot be a line of it.
    fn take(mut self, line: &'a str) -> Option<Self> {
        let (is_added, text) = match line.as_bytes().first() {
            Some(b'-') => {
                self.n_left = self.n_left.checked_sub(1)?;
                self.deleted = true;
                return Some(self);
            }
            // "\ No newline at end of file"; and what follows the last line feed.
            Some(b'\\') => return Some(self),
            None if self.n_left == 0 && self.n_right == 0 => return Some(self),
            Some(b'+') => (true, &line[1..]),
            Some(b' ') => (false, &line[1..]),
            // Context without text, its blank stripped on the way.
            None => (false, line),
            Some(_) => return None,
        };
        self.n_right = self.n_right.checked_sub(1)?;
        if !is_added {
            self.n_left = self.n_left.checked_sub(1)?;
        }
        self.lines.push(Line {
            number: self.next,
            text: text.strip_suffix('\r').unwrap_or(text),
            is_added,
            follows_deletion: std::mem::take(&mut self.deleted),
        });
        self.next += 1;
        Some(self)
    }

    /// Its lines, if there are as many as the header says, and any.
    fn close(self) -> Option<Vec<Line<'a>>> {
        (self.n_left == 0 && self.n_right == 0 && !self.lines.is_empty()).then_some(self.lines)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use similar::TextDiff;

    use super::{Line, Patch};

    const PATCH: &str = "@@ -1,4 +1,4 @@ def f():\n a\n-b\n+B\n c\n d\n@@ -10,2 +10,3 @@\n x\r\n+y\r\n z\n\\ No newline at end of file";

    fn numbers(lines: Option<&[Line]>) -> Vec<u32> {
        lines.unwrap_or_default().iter().map(|line| line.number).collect()
    }

    #[test]
    fn hunks_number_the_lines_of_the_right_hand_side() {
        let patch = Patch::parse(PATCH);
        let line =
            |number, text, is_added, follows_deletion| Line { number, text, is_added, follows_deletion };
        assert_eq!(patch.line(1), Some(line(1, "a", false, false)));
        assert_eq!(patch.line(2), Some(line(2, "B", true, true)));
        assert_eq!(patch.line(3), Some(line(3, "c", false, false)));
        assert_eq!(patch.line(11), Some(line(11, "y", true, false)));
        assert_eq!(patch.line(5), None);
        assert_eq!(patch.line(0), None);
        assert_eq!(numbers(patch.lines(2, 4)), [2, 3, 4]);
    }

    #[test]
    fn lines_of_two_hunks_are_no_range() {
        let patch = Patch::parse("@@ -1 +1 @@\n a\n@@ -2 +2 @@\n b");
        assert_eq!(patch.lines(1, 2), None);
        assert_eq!(patch.lines(2, 1), None);
    }

    #[test]
    fn a_hunk_that_is_not_what_its_header_says_is_left_out() {
        for bad in [
            "@@ -1,2 +1,2 @@\n a",
            "@@ -1 +1 @@\n a\n b",
            "@@ -1 +1 @@\n-a\n-b\n+c",
            "@@ -1 +1 @@\n?a",
            "@@ -1 +99999999999 @@\n a",
            "@@ -1 +4294967295,2 @@\n+a\n b",
            "@@ -1 +0 @@\n a",
            "@@ -1 ++1 @@\n a",
            "@@ 1 1 @@\n a",
            " a\n+b",
        ] {
            assert_eq!(Patch::parse(bad), Patch::default(), "{bad}");
        }
        assert_eq!(numbers(Patch::parse("@@ -9 +9 @@\n?\n@@ -1 +1 @@\n a\n").lines(1, 1)), [1]);
    }

    #[test]
    fn a_patch_that_only_deletes_shows_no_line() {
        assert_eq!(Patch::parse("@@ -1,2 +0,0 @@\n-a\n-b"), Patch::default());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([@ +\\-\\\\,0-9a\r\n]|@@ -1,2 \\+1,2 @@\n){0,60}") {
            let patch = Patch::parse(&text);
            for number in 0..20 {
                prop_assert!(patch.line(number).is_none_or(|line| line.number == number));
            }
        }

        #[test]
        fn what_a_diff_shows_is_what_the_new_file_holds(
            old in prop::collection::vec("[ab]?", 0..12),
            new in prop::collection::vec("[ab]?", 0..12),
        ) {
            let (old, new) = (old.join("\n"), new.join("\n"));
            let diff = TextDiff::from_lines(&old, &new);
            let patch = diff.unified_diff().context_radius(1).missing_newline_hint(true).to_string();
            let patch = Patch::parse(&patch);
            let mut n_added = 0;
            for (number, text) in (1..).zip(new.lines()) {
                if let Some(line) = patch.line(number) {
                    prop_assert_eq!(line.text, text);
                    n_added += usize::from(line.is_added);
                }
            }
            let inserted = diff.iter_all_changes().filter(|change| change.tag() == similar::ChangeTag::Insert);
            prop_assert_eq!(n_added, inserted.count());
        }
    }
}
