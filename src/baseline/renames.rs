//! Which files of the base have another name now: those that went and those that came, matched by their lines.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::text::SourceFile;

/// Most pairs of files that are compared line by line; beyond it only those whose names end alike are.
const MAX_PAIRS: usize = 20_000;

/// Old names to new ones. Half of the longer file's lines at least are in both; each file is matched once.
#[must_use]
pub fn renames<'a>(
    earlier: impl Iterator<Item = &'a SourceFile>,
    later: impl Iterator<Item = &'a SourceFile>,
) -> BTreeMap<String, String> {
    let by_path = |files: &mut dyn Iterator<Item = &'a SourceFile>| -> BTreeMap<&'a str, &'a SourceFile> {
        files.map(|file| (file.path.as_str(), file)).collect()
    };
    let (mut earlier, mut later) = (earlier, later);
    let (all_earlier, all_later) = (by_path(&mut earlier), by_path(&mut later));
    let only = |these: &BTreeMap<&'a str, &'a SourceFile>, others: &BTreeMap<&'a str, &'a SourceFile>| {
        let here = these.iter().filter(|(path, file)| !others.contains_key(*path) && !file.text.is_empty());
        here.map(|(_, file)| (*file, lines(file))).collect::<Vec<_>>()
    };
    let (gone, come) = (only(&all_earlier, &all_later), only(&all_later, &all_earlier));
    let is_many = gone.len() * come.len() > MAX_PAIRS;
    let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
    for (from, (old, old_lines)) in gone.iter().enumerate() {
        for (to, (new, new_lines)) in come.iter().enumerate() {
            let longer = old_lines.values().sum::<usize>().max(new_lines.values().sum());
            if is_many && name(&old.path) != name(&new.path) {
                continue;
            }
            let shared: usize =
                old_lines.iter().map(|(line, n)| n.min(new_lines.get(line).unwrap_or(&0))).sum();
            if shared * 2 >= longer {
                // In parts of a thousand, so that the better pair is taken first.
                pairs.push((1000 - shared * 1000 / longer.max(1), from, to));
            }
        }
    }
    pairs.sort_unstable();
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut taken = vec![false; come.len()];
    for (_, from, to) in pairs {
        let old = &gone[from].0.path;
        if !taken[to] && !found.contains_key(old) {
            taken[to] = true;
            found.insert(old.clone(), come[to].0.path.clone());
        }
    }
    found
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// How often each line occurs, by a hash of it without its indentation.
fn lines(file: &SourceFile) -> FxHashMap<u64, usize> {
    let mut counts = FxHashMap::default();
    for line in file.text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut hasher = FxBuildHasher.build_hasher();
        hasher.write(line.as_bytes());
        *counts.entry(hasher.finish()).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::renames;
    use crate::text::{FileKind, SourceFile};

    #[test]
    fn files_are_known_by_their_lines() {
        let file = |path: &str, text: &str| SourceFile::new(path, FileKind::Module, false, text.to_owned());
        let (one, two) = ("a = 1\nb = 2\nc = 3\n", "x = 1\ny = 2\nz = 3\n");
        let earlier = [file("a.py", one), file("b.py", two), file("same.py", one), file("empty.py", "")];
        let later = [
            file("c.py", "x = 1\ny = 2\nw = 4\n"),
            file("d/a.py", one),
            file("same.py", two),
            file("e.py", ""),
        ];
        let found = renames(earlier.iter(), later.iter());
        let found: Vec<(&str, &str)> = found.iter().map(|(old, new)| (old.as_str(), new.as_str())).collect();
        assert_eq!(found, [("a.py", "d/a.py"), ("b.py", "c.py")]);
    }
}
