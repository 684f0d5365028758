//! What a scan is compared with: an earlier commit, whose files are scanned as well, or a file of known findings.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::baseline::{self, BaselineError, Entry};
use crate::cli::project::Project;
use crate::cli::scan::{self, How, Outcome};
use crate::config::{self, ConfigError, ConfigFile, MAX_PACK, NAMES, Settings};
use crate::discover::{self, MAX_SIZE};
use crate::finding::{Finding, Identity};
use crate::git::{Checkout, Repository, Wanted};
use crate::github::event::Change;
use crate::models::PackError;
use crate::report::Comparison;
use crate::templates::is_template;

/// Files beside Python's that decide what is scanned and how. Sources: git's and ripgrep's ignore files, installers.
const DECIDING: &[&str] = &[".gitignore", ".ignore", "pyvenv.cfg", "setup.cfg"];
/// Largest baseline, in bytes.
const MAX_BASELINE: u64 = 256 << 20;

/// What findings are to be compared with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) enum With {
    /// Nothing.
    #[default]
    Nothing,
    /// The commit where the histories of `HEAD` and this revision part.
    Revision(String),
    /// What a pull request or a merge queue starts from.
    Change(Change),
    /// A file of known findings.
    File(PathBuf),
}

/// How findings are to be compared.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Question {
    /// With what.
    pub(super) with: With,
    /// Whether the configuration of the base counts.
    pub(super) config_from_base: bool,
    /// The configuration file, where one is named.
    pub(super) config: Option<PathBuf>,
    /// From where upward a configuration is looked for, if not from the scan's root.
    pub(super) folder: Option<PathBuf>,
}

/// A question that cannot be answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum QuestionError {
    #[error(
        "the configuration can come from a base only where a commit is compared with: give `--since REVISION`"
    )]
    NoBase,
    #[error("the configuration is to come from the base, but {0}")]
    UnknownBase(String),
    #[error("{0}")]
    Configuration(String),
}

/// What findings are compared with, read.
pub(super) enum Base {
    Nothing,
    File { name: String, entries: Vec<Entry>, scope: Scope },
    Commit(Box<Tree>),
}

/// A commit's files, and where in them the scan looks.
pub(super) struct Tree {
    repository: Repository,
    checkout: Checkout,
    /// The scan's root and paths, relative to the repository's root.
    root: PathBuf,
    paths: Vec<PathBuf>,
    config: Option<PathBuf>,
    /// From where upward a configuration is looked for, relative to the repository's root.
    folder: PathBuf,
    config_from_base: bool,
}

/// Which files a scan looks at.
pub(super) struct Scope {
    root: PathBuf,
    paths: Vec<PathBuf>,
}

impl Scope {
    /// That of a scan of `paths` in `root`.
    pub(super) fn new(root: &Path, paths: &[PathBuf]) -> Self {
        let paths = paths.iter().filter_map(|path| path.canonicalize().ok()).collect();
        Self { root: root.to_owned(), paths }
    }

    /// Whether the scan would have found what `entry` says: its rule runs, and its file, which may be gone, is looked at.
    pub(super) fn has(&self, entry: &Entry, settings: &Settings) -> bool {
        let path = self.root.join(&entry.path);
        settings.runs(&entry.rule) && self.paths.iter().any(|scanned| path.starts_with(scanned))
    }
}

impl Base {
    /// Reads what `question` asks for; `paths` in `root` are to be scanned.
    pub(super) fn open(root: &Path, paths: &[PathBuf], question: &Question) -> anyhow::Result<Self> {
        let is_commit = matches!(question.with, With::Revision(_) | With::Change(_));
        if question.config_from_base && !is_commit {
            return Err(QuestionError::NoBase.into());
        }
        let repository = || Repository::find(root);
        let (repository, commit) = match &question.with {
            With::Nothing => return Ok(Self::Nothing),
            With::File(path) => {
                let name = format!("`{}`", path.strip_prefix(root).unwrap_or(path).display());
                if config::leads_out(root, path) {
                    let error = "it is a symbolic link that leads out of the repository".to_owned();
                    return Err(BaselineError::Unreadable { path: path.clone(), error }.into());
                }
                return Ok(Self::of_text(name, path, &text(path)?, Scope::new(root, paths))?);
            }
            With::Revision(revision) => {
                let repository = repository()?;
                let commit = repository.merge_base(revision)?;
                (repository, commit)
            }
            With::Change(Change { head, base, .. }) => {
                let repository = repository()?;
                let commit = repository.pull_request_base(head, base)?;
                (repository, commit)
            }
        };
        let relative = |path: &Path| {
            let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            path.strip_prefix(repository.root()).map(Path::to_owned).unwrap_or_default()
        };
        let folder = question.folder.as_deref().unwrap_or(root);
        let folder = relative(if folder.is_file() { folder.parent().unwrap_or(root) } else { folder });
        let (root, paths) = (relative(root), paths.iter().map(|path| relative(path)).collect::<Vec<_>>());
        let scanned = paths.iter().map(|path| slashed(path)).collect();
        let place = std::env::var_os("RUNNER_TEMP").map(PathBuf::from).filter(|folder| folder.is_dir());
        let place = place.unwrap_or_else(std::env::temp_dir);
        let checkout = repository.checkout(commit, &Needed { scanned }, &place)?;
        let (config, config_from_base) = (question.config.clone(), question.config_from_base);
        Ok(Self::Commit(Box::new(Tree {
            repository,
            checkout,
            root,
            paths,
            config,
            folder,
            config_from_base,
        })))
    }

    /// The findings in `text`, which is called `name` in reports and stands at `path`.
    pub(super) fn of_text(
        name: String,
        path: &Path,
        text: &str,
        scope: Scope,
    ) -> Result<Self, BaselineError> {
        Ok(Self::File { name, entries: baseline::read(path, text)?, scope })
    }

    /// The configuration that counts: that of `root`, or, where it was asked for, that of the base.
    pub(super) fn project(&self, root: &Path, config: Option<&Path>) -> anyhow::Result<Project> {
        match self {
            Self::Commit(tree) if tree.config_from_base => {
                tree.configuration().and_then(Project::of).map_err(|error| {
                    if error.is::<ConfigError>() || error.is::<PackError>() {
                        QuestionError::Configuration(self.shown(&format!("{error:#}"))).into()
                    } else {
                        error.context(format!("configuration of commit {}", tree.checkout.commit()))
                    }
                })
            }
            _ => Project::read(root, config),
        }
    }

    /// `text` with the base's files named as such.
    pub(super) fn shown(&self, text: &str) -> String {
        match self {
            Self::Commit(tree) => {
                let folder = format!("{}/", tree.checkout.root().display());
                text.replace(&folder, &format!("commit {}: ", tree.checkout.commit()))
            }
            _ => text.to_owned(),
        }
    }

    /// Marks the findings of `outcome` as new or not.
    pub(super) fn judge(self, outcome: &mut Outcome, project: &Project) -> anyhow::Result<()> {
        let mut scope = None;
        let (with, known, silenced) = match self {
            Self::Nothing => return Ok(()),
            Self::File { name, entries, scope: of_scan } => {
                scope = Some(of_scan);
                (name, entries, None)
            }
            Self::Commit(tree) => {
                let with = format!("commit {}", tree.checkout.commit());
                outcome.summary.notes.extend(tree.note_on_configuration(project));
                let mut base = tree.scan(outcome, project)?;
                base.identify();
                outcome.summary.elapsed += base.summary.elapsed;
                let renamed = baseline::renames(base.files.iter(), outcome.files.iter());
                let entries = |findings: &[Finding]| {
                    let mut entries = baseline::entries(findings, &base.files);
                    for entry in &mut entries {
                        if let Some(path) = renamed.get(&entry.path) {
                            entry.path.clone_from(path);
                        }
                    }
                    entries
                };
                (with, entries(&base.findings), Some(entries(&base.suppressed)))
            }
        };
        outcome.identify();
        let compared = baseline::compare(&known, &baseline::entries(&outcome.findings, &outcome.files));
        for (finding, new) in outcome.findings.iter_mut().zip(&compared.new) {
            finding.is_new = Some(!new.is_empty());
            name_new_sources(finding, new);
        }
        let gone = compared.gone.into_iter().map(|at| known[at].clone());
        let is_seen = |entry: &Entry| scope.as_ref().is_none_or(|scope| scope.has(entry, &outcome.settings));
        let gone = gone.filter(is_seen).collect();
        let silenced = silenced.map(|known| silenced_anew(&known, outcome));
        outcome.comparison = Some(Comparison { with, gone, silenced });
        Ok(())
    }
}

/// Of an old sink, says which of the sources that reach it is the new one.
fn name_new_sources(finding: &mut Finding, new: &[Identity]) {
    if new.is_empty() || new.len() == finding.identity.len() {
        return;
    }
    for (source, identity) in finding.sources.iter().zip(&finding.identity) {
        let same =
            finding.related.iter_mut().find(|note| (note.file, note.span) == (source.file, source.span));
        if let Some(note) = same.filter(|_| new.contains(identity)) {
            note.caption.push_str(", and did not before");
        }
    }
}

/// Findings that markers silence and the base's markers do not, by rule.
fn silenced_anew(known: &[Entry], outcome: &Outcome) -> BTreeMap<&'static str, usize> {
    let compared = baseline::compare(known, &baseline::entries(&outcome.suppressed, &outcome.files));
    let mut silenced = BTreeMap::new();
    for (finding, new) in outcome.suppressed.iter().zip(compared.new) {
        if !new.is_empty() {
            *silenced.entry(finding.rule).or_default() += 1;
        }
    }
    silenced
}

impl Tree {
    /// The base's configuration; the files that it names stand beside it.
    fn configuration(&self) -> anyhow::Result<Option<ConfigFile>> {
        let place = self.checkout.root();
        let named = match &self.config {
            None => None,
            Some(config) => {
                let real = config.canonicalize().unwrap_or_else(|_| config.clone());
                match real.strip_prefix(self.repository.root()) {
                    Ok(inside) => {
                        self.repository.add(&slashed(inside), MAX_PACK, &self.checkout)?;
                        Some(place.join(inside))
                    }
                    // What stands outside of the repository is no part of the change.
                    Err(_) => Some(config.clone()),
                }
            }
        };
        let folder = place.join(&self.folder);
        fs::create_dir_all(&folder)?;
        let file = config::load(&folder, named.as_deref())?;
        let folder = file.as_ref().and_then(|file| file.path.parent()?.strip_prefix(place).ok());
        for path in file.iter().flat_map(ConfigFile::named) {
            let path = slashed(&folder.unwrap_or(Path::new("")).join(path));
            self.repository.add(&path, MAX_PACK, &self.checkout)?;
        }
        Ok(file)
    }

    /// What the reader must know where the change brings another configuration, and that counts.
    fn note_on_configuration(&self, project: &Project) -> Option<String> {
        if self.config_from_base {
            return None;
        }
        let base = self.configuration().ok().flatten();
        let is_same = match (&base, &project.file) {
            (Some(base), Some(head)) => base.says_the_same(head),
            (None, None) => true,
            _ => false,
        };
        (!is_same).then(|| {
            let commit = self.checkout.commit();
            format!(
                "the configuration is not that of commit {commit}; with `--config-from base` that one counts"
            )
        })
    }

    /// Scans the base as `outcome` was scanned.
    fn scan(&self, outcome: &Outcome, project: &Project) -> anyhow::Result<Outcome> {
        let begun = Instant::now();
        let place = self.checkout.root();
        let root = place.join(&self.root);
        fs::create_dir_all(&root)?;
        let paths: Vec<PathBuf> =
            self.paths.iter().map(|path| place.join(path)).filter(|path| path.exists()).collect();
        // All that stands in the commit is tracked.
        let selection = scan::selection(&outcome.settings, self.checkout.files.clone());
        let mut found = discover::discover(&root, &paths, &selection)?;
        // Submodules are other repositories: their files are not the base's, and stand on both sides as they are here.
        let inside = |path: &&String| {
            let path = Path::new(path.as_str());
            self.paths.iter().any(|scanned| path.starts_with(scanned))
        };
        let submodules = self.checkout.submodules.iter().filter(inside);
        let submodules: Vec<PathBuf> = submodules.map(|path| self.repository.root().join(path)).collect();
        let here = submodules.into_iter().filter(|path| path.is_dir() && path.starts_with(&outcome.root));
        let submodules = discover::discover(&outcome.root, &here.collect::<Vec<_>>(), &selection)?;
        found.files.extend(submodules.files);
        found.templates.extend(submodules.templates);
        found.files.sort();
        found.templates.sort();
        let how = How { begun, wants_stats: false, proves_edits: false };
        scan::outcome_of(root, found, (project, outcome.settings.clone()), &how)
    }
}

/// What of a commit a scan of some paths needs.
struct Needed {
    /// The paths, relative to the repository's root; it is empty itself.
    scanned: Vec<String>,
}

impl Needed {
    fn is_scanned(&self, path: &str) -> bool {
        self.scanned.iter().any(|scanned| is_in(path, scanned))
    }
}

impl Wanted for Needed {
    fn folder(&self, folder: &str) -> bool {
        self.is_scanned(folder) || self.scanned.iter().any(|scanned| is_in(scanned, folder))
    }

    fn file(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        DECIDING.contains(&name)
            || NAMES.contains(&name)
            || (self.is_scanned(path) && (discover::may_be_python(path) || is_template(path)))
            || self.scanned.iter().any(|scanned| scanned == path)
    }

    fn content(&self, path: &str, bytes: &[u8]) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.contains('.') || self.scanned.iter().any(|scanned| scanned == path) || bytes.starts_with(b"#!")
    }

    fn max_size(&self) -> u64 {
        MAX_SIZE
    }
}

/// Whether `path` is `folder` or below it.
fn is_in(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A relative path, `/`-separated.
fn slashed(path: &Path) -> String {
    let parts = path.components().filter(|part| *part != std::path::Component::CurDir);
    parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The text of a baseline.
pub(super) fn text(path: &Path) -> Result<String, BaselineError> {
    let refuse = |error: String| BaselineError::Unreadable { path: path.to_owned(), error };
    let size = fs::metadata(path).map_err(|error| refuse(error.to_string()))?;
    if !size.is_file() || size.len() > MAX_BASELINE {
        return Err(refuse(format!("expected a file of at most {} MiB", MAX_BASELINE >> 20)));
    }
    fs::read_to_string(path).map_err(|error| refuse(error.to_string()))
}
