//! What a run of the action compares with: what its inputs name, else what its event tells.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::action::InputError;
use crate::cli::compare::{Base, Question, Scope, With};
use crate::cli::event::PullRequest;
use crate::github::analyses;
use crate::github::client::{Client, Options, Token};
use crate::github::event::Repository;
use crate::github::wait::SystemClock;

/// Longest time that is spent on asking GitHub for the base's findings.
const BUDGET: Duration = Duration::from_secs(60);
/// Variables that tell how GitHub is reached.
const SURROUNDINGS: &[&str] =
    &["GITHUB_API_URL", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];

/// What the action's inputs and event say of comparing.
#[derive(Debug, Default)]
pub(super) struct Comparing {
    question: Question,
    /// Whether findings that the base has too decide the exit code.
    pub(super) fails_on_existing: bool,
    repository: Option<Repository>,
    token: Option<Token>,
    surroundings: BTreeMap<String, String>,
}

impl Comparing {
    /// Reads the inputs, and, on pull requests and in merge queues, the event.
    pub(super) fn read(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, InputError> {
        let wrong = |name, message: String| InputError { name, message };
        let fails_on_existing = match get("INPUT_FAIL-ON-EXISTING").as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                return Err(wrong(
                    "fail-on-existing",
                    format!("unknown value `{other}`; known are true, false"),
                ));
            }
        };
        let event = || get("GITHUB_EVENT_PATH").and_then(|path| PullRequest::read(Path::new(&path)));
        let with = match (get("INPUT_SINCE"), get("INPUT_BASELINE")) {
            (Some(_), Some(_)) => {
                return Err(wrong("since", "a `baseline` is given too; leave one of them out".to_owned()));
            }
            (Some(none), None) if none == "none" => With::Nothing,
            (Some(revision), None) => With::Revision(revision),
            (None, Some(file)) => With::File(PathBuf::from(file)),
            (None, None) => event().map_or(With::Nothing, With::PullRequest),
        };
        let from_base = match get("INPUT_CONFIG-FROM").as_deref() {
            None | Some("head") => false,
            Some("base") => true,
            Some(other) => {
                return Err(wrong("config-from", format!("unknown value `{other}`; known are head, base")));
            }
        };
        // What was pushed is what the next pull request is compared with: its configuration is the base's.
        let config_from_base = from_base && matches!(with, With::Revision(_) | With::PullRequest(_));
        let named = |name: &&str| Some(((*name).to_owned(), get(name)?));
        Ok(Self {
            question: Question { with, config_from_base, config: get("INPUT_CONFIG").map(PathBuf::from) },
            fails_on_existing,
            repository: get("GITHUB_REPOSITORY").and_then(|name| Repository::parse(&name)),
            token: get("INPUT_TOKEN").and_then(|token| Token::new(&token)),
            surroundings: SURROUNDINGS.iter().filter_map(named).collect(),
        })
    }

    /// What the findings in `paths` of `root` are compared with, and a note where that is not what it should be.
    ///
    /// A pull request's base that is not in the clone is no error, since nobody asked for it: the findings of its
    /// branch's last analysis stand in, as far as GitHub gives them, and otherwise all findings count.
    pub(super) fn base(
        &self,
        root: &Path,
        paths: &[PathBuf],
        category: &str,
    ) -> anyhow::Result<(Base, Option<String>)> {
        let mut question = self.question.clone();
        question.config = question.config.map(|config| root.join(config));
        if let With::File(path) = &mut question.with {
            *path = root.join(&*path);
        }
        match (Base::open(root, paths, &question), &question.with) {
            (Err(missing), With::PullRequest(pull)) if !question.config_from_base => {
                let base = self.last_analysis(pull, category, Scope::new(root, paths));
                Ok(base.unwrap_or_else(|why| {
                    let why = why.map(|why| format!("; the last analysis of its branch is not had: {why}"));
                    let said = format!(
                        "all findings count, since the pull request's base is not here: {missing:#}{}",
                        why.unwrap_or_default()
                    );
                    (Base::Nothing, Some(said))
                }))
            }
            (base, _) => Ok((base?, None)),
        }
    }

    /// The findings that code scanning has of the base's branch; why not, where it was asked.
    fn last_analysis(
        &self,
        pull: &PullRequest,
        category: &str,
        scope: Scope,
    ) -> Result<(Base, Option<String>), Option<String>> {
        let (Some(repository), Some(token)) = (&self.repository, &self.token) else { return Err(None) };
        let options = Options { budget: BUDGET, ..Options::of(&self.surroundings) };
        let client = Client::new(&options, token, Box::new(SystemClock));
        let found = client
            .and_then(|mut client| analyses::latest(&mut client, repository, &pull.base_ref, category))
            .map_err(|failure| Some(failure.to_string()))?;
        let Some((log, commit)) = found else { return Err(Some("there is none".to_owned())) };
        let commit: String = commit.chars().filter(char::is_ascii_hexdigit).take(12).collect();
        let name = format!("the last analysis of `{}`, of commit {commit}", pull.base_ref);
        let base = Base::of_text(name, Path::new("analysis"), &log.to_string(), scope);
        base.map(|base| (base, None)).map_err(|error| Some(error.to_string()))
    }
}
