//! The command line, as clap reads it. One definition feeds parsing, help and completions.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::cli::compare::{Question, With};
use crate::config::{OtherMarkers, Overrides, Tests};
use crate::finding::Severity;

/// Finds security defects in Python code and says with each what to do.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 clean, 1 findings at or above --fail-on, 2 usage or configuration, \
                          3 analysis failed. Reports are written before the code is decided.";

const REVIEW_HELP: &str = "The token is read from GITHUB_TOKEN and needs `pull-requests: write`, with --check-run \
                           `checks: write` too. Exit codes: 0 even where GitHub refuses a comment, 2 usage.";

const FIX_CODES: &str = "Exit codes: 0 nothing at or above fail-on is left, 1 findings are left, 2 usage or \
                         configuration, 3 the analysis failed or a file could not be written.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Scans files and folders
    #[command(after_help = EXIT_CODES)]
    Scan(Box<ScanArgs>),
    /// Uploads a SARIF file to GitHub's code scanning
    #[command(after_help = UPLOAD_HELP)]
    Upload(UploadArgs),
    /// Reviews a pull request on GitHub: suggests the edits of an earlier scan on the lines that it changes
    #[command(after_help = REVIEW_HELP)]
    Review(ReviewArgs),
    /// Applies proven edits: those that keep behavior, unless told otherwise
    #[command(after_help = FIX_CODES)]
    Fix(FixArgs),
    /// Writes known findings to a file, for `scan --baseline`
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// Shows a rule's page: what it finds, why it matters, what to do
    Explain(ExplainArgs),
    /// Lists the rules
    Rules {
        /// Reads this configuration, which may name rules, instead of looking for one
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Prints completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

const UPLOAD_HELP: &str = "The token is read from GITHUB_TOKEN; it needs `security-events: write`. In GitHub Actions \
                           the run's event says where the file belongs; elsewhere --repository, --ref and --sha \
                           do. GITHUB_API_URL names another host than api.github.com.\n\n\
                           Exit codes: 0 uploaded, or nothing to do for this event, 2 usage, 3 the upload failed.";

/// Options of `upload`.
#[derive(Debug, Args)]
pub(super) struct UploadArgs {
    /// The SARIF file
    pub(super) file: PathBuf,
    /// The repository [default: that of the run]
    #[arg(long, value_name = "OWNER/NAME")]
    pub(super) repository: Option<String>,
    /// The ref that was scanned, as refs/heads/main [default: that of the run's event]
    #[arg(long = "ref", value_name = "REF", requires = "sha")]
    pub(super) git_ref: Option<String>,
    /// The commit that was scanned [default: that of the run's event]
    #[arg(long, value_name = "SHA", requires = "git_ref")]
    pub(super) sha: Option<String>,
    /// Replaces the file's category, which tells scans of the same commit apart
    #[arg(long, value_name = "CATEGORY")]
    pub(super) category: Option<String>,
}

/// What to do with a baseline.
#[derive(Debug, Subcommand)]
pub(super) enum BaselineCommand {
    /// Scans, and writes all findings to FILE: one a line, sorted, without line numbers
    Write(BaselineArgs),
    /// Scans, and drops from FILE what is fixed; findings that moved are followed, new ones are not added
    Prune(BaselineArgs),
}

/// Options of `baseline`.
#[derive(Debug, Args)]
pub(super) struct BaselineArgs {
    /// The baseline
    pub(super) file: PathBuf,
    /// Files and folders to scan
    #[arg(default_value = ".")]
    pub(super) paths: Vec<PathBuf>,
    /// Reads this configuration instead of looking for one
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// Options of `explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The rule's id, as findings show it
    pub(super) rule: String,
    /// Runs the examples of the page instead, and says which lines are not as their marks (`# find`, `# ok`) tell
    #[arg(long)]
    pub(super) check: bool,
    /// Reads this configuration, which may name rules, instead of looking for one
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// Options of `review`.
#[derive(Debug, Args)]
pub(super) struct ReviewArgs {
    /// The SARIF file that `snakestone scan -o sarif=FILE` wrote
    pub(super) file: PathBuf,
    /// The repository that the pull request is to be merged into [default: GITHUB_REPOSITORY]
    #[arg(long, value_name = "OWNER/NAME")]
    pub(super) repository: Option<String>,
    /// The commit that was scanned, the head of the pull request [default: that of the event]
    #[arg(long, value_name = "SHA")]
    pub(super) sha: Option<String>,
    /// The pull request [default: the open one with that head]
    #[arg(long, value_name = "NUMBER")]
    pub(super) pull_request: Option<u64>,
    /// Writes a check run with all findings as annotations too
    #[arg(long)]
    pub(super) check_run: bool,
}

/// Options of `fix`.
#[derive(Debug, Args)]
pub(super) struct FixArgs {
    /// Files and folders to scan and edit
    #[arg(default_value = ".")]
    pub(super) paths: Vec<PathBuf>,
    /// Applies suggested edits too, which change behavior: review them
    #[arg(long = "unsafe")]
    pub(super) with_suggested: bool,
    /// Applies edits of these rules alone
    #[arg(long = "rule", value_name = "RULE", value_delimiter = ',')]
    pub(super) rules: Vec<String>,
    /// Writes nothing, and prints what would change as a diff for `git apply`
    #[arg(long)]
    pub(super) diff: bool,
    /// Shows each finding and asks before its edit is applied
    #[arg(long)]
    pub(super) interactive: bool,
    /// Changes nothing where a file to be changed has changes that git does not have committed
    #[arg(long, conflicts_with = "diff")]
    pub(super) require_clean: bool,
    /// Reads this configuration instead of looking for one
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Leaves out paths that match a pattern of gitignore syntax
    #[arg(long, value_name = "PATTERN")]
    pub(super) exclude: Vec<String>,
    /// Worker threads; 0 for one a core [default: 0]
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
}

/// Options of `scan`.
#[derive(Debug, Args)]
pub(super) struct ScanArgs {
    /// Files and folders to scan
    #[arg(default_value = ".")]
    pub(super) paths: Vec<PathBuf>,
    /// Writes a report: FORMAT=FILE, or FORMAT for standard output; may be given several times.
    /// Formats: terminal, sarif, sarif-full, jsonl, markdown, github
    #[arg(short, long = "output", value_name = "FORMAT[=FILE]")]
    pub(super) outputs: Vec<Output>,
    /// Reads this configuration instead of looking for one
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Prints every setting and where it came from, and scans nothing
    #[arg(long)]
    pub(super) show_config: bool,
    /// Tells on standard error how fast the scan was and how many calls it could resolve
    #[arg(long)]
    pub(super) stats: bool,
    /// Leaves out paths that match a pattern of gitignore syntax
    #[arg(long, value_name = "PATTERN")]
    pub(super) exclude: Vec<String>,
    /// Runs only these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(super) select: Vec<String>,
    /// Does not run these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(super) disable: Vec<String>,
    /// Lowest severity at which the exit code is 1 [default: medium]
    #[arg(long, value_name = "SEVERITY")]
    pub(super) fail_on: Option<Threshold>,
    /// Lowest severity that is reported [default: low]
    #[arg(long, value_name = "SEVERITY")]
    pub(super) minimum_severity: Option<Level>,
    /// Which findings in test code are reported [default: high]
    #[arg(long, value_name = "WHICH")]
    pub(super) tests: Option<TestsArg>,
    /// Which markers of other tools (nosec, noqa, nosemgrep) are honored [default: mild]
    #[arg(long, value_name = "WHICH")]
    pub(super) other_markers: Option<MarkersArg>,
    /// Worker threads; 0 for one a core [default: 0]
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
    /// Tells this scan from others of the same commit in SARIF
    #[arg(long, default_value = "snakestone/")]
    pub(super) category: String,
    /// Compares with the commit where HEAD and this revision part, and reports what is new; it alone decides the exit code
    #[arg(long, value_name = "REVISION", conflicts_with = "baseline", help_heading = "Comparison")]
    pub(super) since: Option<String>,
    /// Compares with the findings in this file, of `snakestone baseline write` or SARIF of Snakestone, likewise
    #[arg(long, value_name = "FILE", help_heading = "Comparison")]
    pub(super) baseline: Option<PathBuf>,
    /// Lets findings that the base has too decide the exit code as well
    #[arg(long, help_heading = "Comparison")]
    pub(super) fail_on_existing: bool,
    /// Whose configuration, packs and pages count: those of the files here, or those of the commit that `--since` tells
    /// [default: head]
    #[arg(long, value_name = "WHICH", help_heading = "Comparison")]
    pub(super) config_from: Option<ConfigFrom>,
    /// When to color
    #[arg(long, default_value = "auto", value_name = "WHEN")]
    pub(super) color: ColorArg,
}

/// A severity, or none.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Threshold {
    /// Never fail.
    None,
    /// From low on.
    Low,
    /// From medium on.
    Medium,
    /// From high on.
    High,
    /// Critical alone.
    Critical,
}

/// A severity.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Level {
    /// Remarks too.
    Low,
    /// Defects.
    Medium,
    /// What an outsider can exploit.
    High,
    /// What gives the machine away.
    Critical,
}

/// Findings in test code.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum TestsArg {
    /// Those of high severity.
    High,
    /// All.
    All,
    /// None.
    None,
}

/// Markers of other tools.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum MarkersArg {
    /// On findings below high severity.
    Mild,
    /// All.
    All,
    /// None.
    None,
}

/// Whose configuration counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum ConfigFrom {
    /// That of the files which are scanned.
    Head,
    /// That of the commit they are compared with.
    Base,
}

/// When to color.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum ColorArg {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A report's format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    /// Snippets and a summary, for people.
    Terminal,
    /// SARIF for code scanning: no suppressed results.
    Sarif,
    /// SARIF with suppressed results, marked.
    SarifFull,
    /// One JSON object a line.
    Jsonl,
    /// A summary with a conclusion.
    Markdown,
    /// Workflow commands of GitHub Actions.
    Github,
}

/// A report and where it goes; `None` is standard output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Output {
    /// Its format.
    pub(super) format: Format,
    /// Its file.
    pub(super) file: Option<PathBuf>,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = text.split_once('=').map_or((text, None), |(name, file)| (name, Some(file)));
        let format = match name {
            "terminal" => Format::Terminal,
            "sarif" => Format::Sarif,
            "sarif-full" => Format::SarifFull,
            "jsonl" => Format::Jsonl,
            "markdown" => Format::Markdown,
            "github" => Format::Github,
            _ => {
                return Err(format!(
                    "unknown format `{name}`; known are terminal, sarif, sarif-full, jsonl, markdown, github"
                ));
            }
        };
        if file == Some("") {
            return Err(format!("`{name}=` names no file"));
        }
        Ok(Self { format, file: file.filter(|file| *file != "-").map(PathBuf::from) })
    }
}

impl ScanArgs {
    /// What the findings are to be compared with.
    #[must_use]
    pub(super) fn question(&self) -> Question {
        let with = match (&self.since, &self.baseline) {
            (Some(revision), _) => With::Revision(revision.clone()),
            (None, Some(file)) => With::File(file.clone()),
            (None, None) => With::Nothing,
        };
        let config_from_base = self.config_from == Some(ConfigFrom::Base);
        Question { with, config_from_base, config: self.config.clone(), folder: None }
    }

    /// What these options say of the settings.
    #[must_use]
    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            exclude: self.exclude.clone(),
            select: (!self.select.is_empty()).then(|| self.select.clone()),
            disable: self.disable.clone(),
            fail_on: self.fail_on.map(|threshold| match threshold {
                Threshold::None => None,
                Threshold::Low => Some(Severity::Low),
                Threshold::Medium => Some(Severity::Medium),
                Threshold::High => Some(Severity::High),
                Threshold::Critical => Some(Severity::Critical),
            }),
            minimum_severity: self.minimum_severity.map(|level| match level {
                Level::Low => Severity::Low,
                Level::Medium => Severity::Medium,
                Level::High => Severity::High,
                Level::Critical => Severity::Critical,
            }),
            tests: self.tests.map(|which| match which {
                TestsArg::High => Tests::High,
                TestsArg::All => Tests::All,
                TestsArg::None => Tests::None,
            }),
            other_markers: self.other_markers.map(|which| match which {
                MarkersArg::Mild => OtherMarkers::Mild,
                MarkersArg::All => OtherMarkers::All,
                MarkersArg::None => OtherMarkers::None,
            }),
            threads: self.threads,
        }
    }
}
