//! What a run of the action compares with: what its inputs name, else what its event tells.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::compare::{Base, Question, QuestionError, Scope, With};
use crate::cli::inputs::InputError;
use crate::cli::job::Job;
use crate::github::analyses;
use crate::github::event::Change;
use crate::github::pull::Subject;

/// Longest time for all questions about the base, so that the upload has enough left.
const MOST: Duration = Duration::from_secs(60);

/// What the action's inputs say of comparing.
#[derive(Debug, Default)]
pub(super) struct Comparing {
    /// With what, where an input says it; else the event tells.
    with: Option<With>,
    config_from_base: bool,
    config: Option<PathBuf>,
    /// Whether findings that the base has too decide the exit code.
    pub(super) fails_on_existing: bool,
}

impl Comparing {
    /// Reads the inputs.
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
        let with = match (get("INPUT_SINCE"), get("INPUT_BASELINE")) {
            (Some(_), Some(_)) => {
                return Err(wrong("since", "a `baseline` is given too; leave one of them out".to_owned()));
            }
            (Some(none), None) if none == "none" => Some(With::Nothing),
            (Some(revision), None) => Some(With::Revision(revision)),
            (None, Some(file)) => Some(With::File(PathBuf::from(file))),
            (None, None) => None,
        };
        let config_from_base = match get("INPUT_CONFIG-FROM").as_deref() {
            None | Some("head") => false,
            Some("base") => true,
            Some(other) => {
                return Err(wrong("config-from", format!("unknown value `{other}`; known are head, base")));
            }
        };
        let config = get("INPUT_CONFIG").map(PathBuf::from);
        Ok(Self { with, config_from_base, config, fails_on_existing })
    }

    /// What the findings in `paths` are compared with, and a note where that is not what it should be.
    ///
    /// A pull request's base that is not in the clone is no error, since nobody asked for it: the findings of its
    /// branch's last analysis stand in, as far as GitHub gives them, and otherwise all findings count.
    pub(super) fn base(
        &self,
        job: &mut Job,
        paths: &[PathBuf],
        category: &str,
    ) -> anyhow::Result<(Base, Option<String>)> {
        let with = match &self.with {
            Some(With::File(path)) => With::File(job.root.join(path)),
            Some(with) => with.clone(),
            None => match change(job) {
                Ok(change) => change.map_or(With::Nothing, With::Change),
                // A configuration that is meant to be the base's must not be that of the change.
                Err(why) if self.config_from_base => return Err(QuestionError::UnknownBase(why).into()),
                Err(why) => return Ok((Base::Nothing, Some(format!("all findings count, since {why}")))),
            },
        };
        // What was pushed is what the next pull request is compared with: its configuration is the base's.
        let config_from_base = self.config_from_base && matches!(with, With::Revision(_) | With::Change(_));
        let config = self.config.as_ref().map(|config| job.root.join(config));
        let question = Question { with, config_from_base, config, folder: paths.first().cloned() };
        match (Base::open(&job.root, paths, &question), &question.with) {
            (Err(missing), With::Change(change)) if !config_from_base => {
                match last_analysis(job, change, category, Scope::new(&job.root, paths)) {
                    Ok(base) => Ok((base, None)),
                    Err(why) => {
                        let why =
                            why.map(|why| format!("; the last analysis of its branch is not had: {why}"));
                        let said = format!(
                            "all findings count, since the pull request's base is not here: {missing:#}{}",
                            why.unwrap_or_default()
                        );
                        Ok((Base::Nothing, Some(said)))
                    }
                }
            }
            (base, _) => Ok((base?, None)),
        }
    }
}

/// The change that the job is about, if it is about one; or why that cannot be told.
fn change(job: &mut Job) -> Result<Option<Change>, String> {
    let event = match &job.event {
        Ok(Some(event)) => event,
        Ok(None) => return Ok(None),
        Err(error) => return Err(format!("the event is not understood: {error}")),
    };
    // After another workflow only GitHub knows the pull request, and only if its head is scanned is it one's subject.
    let Some(subject @ Subject::Of(_)) = Subject::of(event, job.analyzed()) else {
        return Ok(event.change());
    };
    let client = job.requests.client();
    let found =
        client.and_then(|client| client.within(MOST, |client| subject.find(client, &event.repository)));
    let unknown = |why: &dyn std::fmt::Display| format!("the pull request of this run is not known: {why}");
    let pull = found.map_err(|failure| unknown(&failure))?.map_err(|why| unknown(&why))?;
    pull.change().map(Some).ok_or_else(|| unknown(&"GitHub does not tell its base"))
}

/// The findings that code scanning has of the base's branch; why not, where it was asked.
fn last_analysis(
    job: &mut Job,
    change: &Change,
    category: &str,
    scope: Scope,
) -> Result<Base, Option<String>> {
    let Ok(Some(event)) = &job.event else { return Err(None) };
    // Without a token nothing is asked, as nothing was asked for.
    let Ok(client) = job.requests.client() else { return Err(None) };
    let found = client
        .within(MOST, |client| analyses::latest(client, &event.repository, &change.base_ref, category))
        .map_err(|failure| Some(failure.to_string()))?;
    let Some((log, commit)) = found else { return Err(Some("there is none".to_owned())) };
    let commit: String = commit.chars().filter(char::is_ascii_hexdigit).take(12).collect();
    let name = format!("the last analysis of `{}`, of commit {commit}", change.base_ref);
    let base = Base::of_text(name, Path::new("analysis"), &log.to_string(), scope);
    base.map_err(|error| Some(error.to_string()))
}
