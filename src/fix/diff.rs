//! What edits do to a file as a unified diff that `git apply` takes.

use similar::TextDiff;

/// Lines of context around a change, as git has them.
const CONTEXT: usize = 3;

/// The difference between two texts of the file at `path`, empty where there is none.
#[must_use]
pub fn unified(path: &str, old: &str, new: &str) -> String {
    // Lines end at line feeds alone, as they do for git.
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let diff = TextDiff::configure().newline_terminated(true).diff_slices(&old, &new);
    let (a, b) = (quoted("a/", path), quoted("b/", path));
    diff.unified_diff().context_radius(CONTEXT).header(&a, &b).to_string()
}

/// A name as git writes it: quoted where it has characters that end a line or a name, and closed by a tab where it has
/// a space.
fn quoted(side: &str, path: &str) -> String {
    let is_plain = |c: char| !c.is_control() && !matches!(c, '"' | '\\');
    if path.chars().all(is_plain) {
        let tab = if path.contains(' ') { "\t" } else { "" };
        return format!("{side}{path}{tab}");
    }
    let mut name = format!("\"{side}");
    for c in path.chars() {
        match c {
            '"' | '\\' => name.extend(['\\', c]),
            _ if c.is_control() => {
                let mut bytes = [0; 4];
                let escaped = c.encode_utf8(&mut bytes).bytes().map(|byte| format!("\\{byte:03o}"));
                name.extend(escaped);
            }
            _ => name.push(c),
        }
    }
    name + "\""
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn lines_and_a_missing_last_line_end_are_shown() {
        let diff = unified("pkg/a b.py", "x\ny\r\nz", "x\nw\r\nz");
        let want = "--- a/pkg/a b.py\t\n+++ b/pkg/a b.py\t\n@@ -1,3 +1,3 @@\n x\n-y\r\n+w\r\n z\n\\ No newline at end of file\n";
        assert_eq!(diff, want);
        assert_eq!(unified("a.py", "x\n", "x\n"), "");
    }

    #[test]
    fn names_are_quoted_as_git_does() {
        let diff = unified("a\"\n\\.py", "x\n", "y\n");
        assert!(diff.starts_with("--- \"a/a\\\"\\012\\\\.py\"\n+++ \"b/"), "{diff}");
    }
}
