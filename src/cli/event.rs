//! What a GitHub event says of the change that is scanned: where it ends, and where its target was.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

/// Largest event that is read, in bytes. GitHub caps payloads at 25 MB.
const MAX_SIZE: u64 = 32 << 20;

/// A pull request, or a group of a merge queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct PullRequest {
    /// The last commit of its branch.
    pub(super) head: String,
    /// Where the branch it goes into was.
    pub(super) base: String,
    /// That branch, as `refs/heads/main`.
    pub(super) base_ref: String,
}

#[derive(Deserialize)]
struct Event {
    pull_request: Option<Ends>,
    merge_group: Option<Group>,
}

#[derive(Deserialize)]
struct Ends {
    head: Tip,
    base: Tip,
}

#[derive(Deserialize)]
struct Tip {
    sha: String,
    #[serde(default, rename = "ref")]
    branch: String,
}

#[derive(Deserialize)]
struct Group {
    head_sha: String,
    base_sha: String,
    #[serde(default)]
    base_ref: String,
}

impl PullRequest {
    /// Reads the event in the file at `path`; nothing for events of other kinds, and for what is no event.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let mut text = String::new();
        File::open(path).ok()?.take(MAX_SIZE).read_to_string(&mut text).ok()?;
        Self::of(&text)
    }

    fn of(text: &str) -> Option<Self> {
        let event: Event = serde_json::from_str(text).ok()?;
        let (head, base, base_ref) = match (event.pull_request, event.merge_group) {
            (Some(ends), _) => (ends.head.sha, ends.base.sha, format!("refs/heads/{}", ends.base.branch)),
            (None, Some(group)) => (group.head_sha, group.base_sha, group.base_ref),
            (None, None) => return None,
        };
        // A revision could be more than a hash.
        let is_hash =
            |text: &str| matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
        (is_hash(&head) && is_hash(&base)).then_some(Self { head, base, base_ref })
    }
}

#[cfg(test)]
mod tests {
    use super::PullRequest;

    #[test]
    fn only_hashes_are_taken_from_events() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let pull = format!(
            "{{\"pull_request\": {{\"head\": {{\"sha\": \"{a}\"}}, \"base\": {{\"sha\": \"{b}\", \"ref\": \"main\"}}}}}}"
        );
        let read = PullRequest::of;
        let expected =
            PullRequest { head: a.clone(), base: b.clone(), base_ref: "refs/heads/main".to_owned() };
        assert_eq!(read(&pull), Some(expected.clone()));
        let queue = format!(
            "{{\"merge_group\": {{\"head_sha\": \"{a}\", \"base_sha\": \"{b}\", \"base_ref\": \"refs/heads/main\"}}}}"
        );
        assert_eq!(read(&queue), Some(expected));
        assert_eq!(read("{\"ref\": \"refs/heads/main\"}"), None);
        assert_eq!(read(&pull.replace("bbbbb", "HEAD~")), None);
        assert_eq!(read("{"), None);
    }
}
