//! Files that a configuration names: packs and pages of rules.
//!
//! The configuration is part of the scanned tree and may be hostile. Only plain files below its own folder are read, up to
//! a size, and none that a symbolic link leads to.

use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use crate::config::{ConfigError, ConfigFile};

/// Most files that one key names.
const MAX_FILES: usize = 100;
/// Largest model pack, in bytes.
pub const MAX_PACK: u64 = 1 << 20;
/// Largest page of a rule, in bytes.
const MAX_PAGE: u64 = 1 << 16;

/// A file that the configuration names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedFile {
    /// The path as the configuration gives it.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

impl ConfigFile {
    /// Whether it and the files that it names say the same, to the letter, as `other`, which may stand elsewhere.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let texts = |files: Result<Vec<NamedFile>, ConfigError>| {
            files.map(|files| files.into_iter().map(|file| (file.name, file.text)).collect::<Vec<_>>()).ok()
        };
        let all = |file: &Self| [file.models(), file.rules()].map(texts);
        self.text == other.text && all(self) == all(other)
    }

    /// The paths that it names, as it gives them: nothing is said of whether they are there and may be read.
    pub fn named(&self) -> impl Iterator<Item = &Path> {
        self.raw.models.iter().chain(&self.raw.rules).map(PathBuf::as_path)
    }

    /// The packs that `models` names.
    ///
    /// # Errors
    /// The first that may not be read or cannot be, at its mention in the configuration.
    pub fn models(&self) -> Result<Vec<NamedFile>, ConfigError> {
        self.named_files("models", &self.raw.models, MAX_PACK)
    }

    /// The pages that `rules` names.
    ///
    /// # Errors
    /// As [`ConfigFile::models`].
    pub fn rules(&self) -> Result<Vec<NamedFile>, ConfigError> {
        self.named_files("rules", &self.raw.rules, MAX_PAGE)
    }

    fn named_files(&self, key: &str, paths: &[PathBuf], max: u64) -> Result<Vec<NamedFile>, ConfigError> {
        let refuse = |word: &str, what: String| Err(self.refuse(word, format!("`{key}`: {what}")));
        if paths.len() > MAX_FILES {
            let n = paths.len();
            return refuse(key, format!("{n} files are named; expected at most {MAX_FILES}"));
        }
        let mut files: Vec<NamedFile> = Vec::new();
        let folder = self.path.parent().unwrap_or(Path::new(""));
        for path in paths {
            let name = path.display().to_string();
            if files.iter().any(|known| known.name == name) {
                return refuse(&name, format!("`{name}` is named twice"));
            }
            match read(folder, path, max) {
                Ok(text) => files.push(NamedFile { path: folder.join(path), text, name }),
                Err(what) => return refuse(&name, what),
            }
        }
        Ok(files)
    }
}

/// The text of the file at `path` below `folder`, or why it is not read, in words for the configuration's author.
fn read(folder: &Path, path: &Path, max: u64) -> Result<String, String> {
    let name = path.display();
    if name.to_string().contains(|c: char| c.is_control() || c == '`') {
        return Err("a path holds a control character or a backtick; rename the file".to_owned());
    }
    let cannot = |error: std::io::Error| {
        format!("`{name}` cannot be read: {error}; expected a file relative to the configuration")
    };
    let mut at = folder.to_owned();
    for part in path.components() {
        match part {
            Component::Normal(part) => at.push(part),
            Component::CurDir => continue,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(format!("`{name}` must lie below the folder of the configuration"));
            }
        }
        if at.symlink_metadata().map_err(cannot)?.is_symlink() {
            return Err(format!("`{name}` is or goes through a symbolic link; name the file itself"));
        }
    }
    // Reading a pipe would wait forever.
    if !at.is_file() {
        return Err(format!("`{name}` is no file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(&at).and_then(|file| file.take(max + 1).read_to_end(&mut bytes)).map_err(cannot)?;
    if bytes.len() as u64 > max {
        return Err(format!("`{name}` is larger than {} KiB", max >> 10));
    }
    String::from_utf8(bytes).map_err(|_| format!("`{name}` is not UTF-8; save it as that"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::read;

    #[test]
    fn only_plain_files_of_a_size_below_the_configuration_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("tree");
        fs::create_dir_all(folder.join("rules")).unwrap();
        fs::write(folder.join("rules/a.md"), "text").unwrap();
        fs::write(folder.join("rules/latin.md"), [0xe4]).unwrap();
        fs::write(dir.path().join("secret"), "secret").unwrap();
        let said = |path: &str| read(&folder, Path::new(path), 4).unwrap_or_else(|what| what);
        assert_eq!([said("rules/a.md"), said("./rules/a.md")], ["text", "text"]);
        assert_eq!(
            read(&folder, Path::new("rules/a.md"), 3),
            Err("`rules/a.md` is larger than 0 KiB".to_owned())
        );
        assert_eq!(said("../secret"), "`../secret` must lie below the folder of the configuration");
        assert_eq!(
            said("rules/../../secret"),
            "`rules/../../secret` must lie below the folder of the configuration"
        );
        assert_eq!(said("/etc/passwd"), "`/etc/passwd` must lie below the folder of the configuration");
        assert!(said("rules/b.md").starts_with("`rules/b.md` cannot be read: "), "{}", said("rules/b.md"));
        assert_eq!(said("rules"), "`rules` is no file");
        assert_eq!(said("rules/latin.md"), "`rules/latin.md` is not UTF-8; save it as that");
        assert!(said("rules/\u{1b}.md").starts_with("a path holds a control character"));
    }

    #[cfg(unix)]
    #[test]
    fn no_link_is_followed() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("tree");
        fs::create_dir_all(&folder).unwrap();
        fs::write(dir.path().join("secret"), "secret").unwrap();
        symlink(dir.path().join("secret"), folder.join("file")).unwrap();
        symlink(dir.path(), folder.join("folder")).unwrap();
        for path in ["file", "folder/secret"] {
            let what = read(&folder, Path::new(path), 9).unwrap_err();
            assert_eq!(what, format!("`{path}` is or goes through a symbolic link; name the file itself"));
        }
    }
}
