//! `event.json`: what the kinds of event say of a change, checked.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::github::event::{Change, EventError, Pull, Run, is_commit, is_reference};

/// Largest event that is read; GitHub sends none over 25 MB.
const MAX_EVENT: u64 = 32 << 20;

/// The event.
pub(super) struct Payload {
    event: String,
    value: Value,
}

impl Payload {
    pub(super) fn read(event: &str, variables: &BTreeMap<String, String>) -> Result<Self, EventError> {
        let path = PathBuf::from(variables.get("GITHUB_EVENT_PATH").map_or("", String::as_str));
        let fails = |why: String| EventError::File { path: path.clone(), why };
        let text = read(&path).map_err(|error| fails(error.to_string()))?;
        let value = serde_json::from_slice(&text).map_err(|error| fails(error.to_string()))?;
        Ok(Self { event: event.to_owned(), value })
    }

    fn lacks(&self, key: &'static str) -> EventError {
        EventError::Lacks { event: self.event.clone(), key }
    }

    fn text(&self, key: &'static str) -> Result<&str, EventError> {
        self.value.pointer(key).and_then(Value::as_str).ok_or_else(|| self.lacks(key))
    }

    fn commit(&self, key: &'static str) -> Result<String, EventError> {
        let text = self.text(key)?;
        if is_commit(text) { Ok(text.to_lowercase()) } else { Err(self.lacks(key)) }
    }

    fn branch(&self, key: &'static str) -> Result<String, EventError> {
        let text = self.text(key)?;
        if is_reference(&format!("refs/heads/{text}")) { Ok(text.to_owned()) } else { Err(self.lacks(key)) }
    }

    pub(super) fn pull(&self) -> Result<Pull, EventError> {
        let number = "/pull_request/number";
        let number = self.value.pointer(number).and_then(Value::as_u64).ok_or_else(|| self.lacks(number))?;
        let base = self.text("/pull_request/base/repo/full_name")?;
        // Null if the fork has been deleted.
        let head = self.value.pointer("/pull_request/head/repo/full_name").and_then(Value::as_str);
        Ok(Pull {
            number,
            head_sha: self.commit("/pull_request/head/sha")?,
            base_sha: self.commit("/pull_request/base/sha")?,
            base_ref: self.branch("/pull_request/base/ref")?,
            is_fork: !head.is_some_and(|head| head.eq_ignore_ascii_case(base)),
        })
    }

    pub(super) fn group(&self) -> Result<Change, EventError> {
        let base_ref = self.text("/merge_group/base_ref")?;
        let base_ref = is_reference(base_ref).then(|| base_ref.to_owned());
        Ok(Change {
            head: self.commit("/merge_group/head_sha")?,
            base: self.commit("/merge_group/base_sha")?,
            base_ref: base_ref.ok_or_else(|| self.lacks("/merge_group/base_ref"))?,
        })
    }

    pub(super) fn run(&self) -> Result<Run, EventError> {
        let event = self.text("/workflow_run/event")?;
        let owner = self.value.pointer("/workflow_run/head_repository/owner/login").and_then(Value::as_str);
        Ok(Run {
            head_sha: self.commit("/workflow_run/head_sha")?,
            head_branch: self.branch("/workflow_run/head_branch")?,
            head_owner: owner.map(str::to_owned),
            is_of_pull: event == "pull_request",
        })
    }
}

/// The bytes of an event.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let about = std::fs::symlink_metadata(path)?;
    if !about.is_file() || about.len() > MAX_EVENT {
        return Err(std::io::Error::other(format!("it is no file of at most {} MiB", MAX_EVENT >> 20)));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_EVENT).read_to_end(&mut bytes)?;
    Ok(bytes)
}
