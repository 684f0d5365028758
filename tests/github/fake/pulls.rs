//! Pull requests: their files, reviews and comments, with the rules by which GitHub refuses a review.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use similar::TextDiff;
use snakestone::github::event::Repository;

use super::{Reply, Seen, State};
pub(crate) use crate::event::HEAD;

/// Whom the token writes as.
pub(crate) const LOGIN: &str = "github-actions[bot]";
/// Longest body.
const MAX_BODY: usize = 65_536;

/// The repository that the fake has.
pub(crate) fn repository() -> Repository {
    Repository::parse("o/r").unwrap()
}

/// A file of the pull request.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// As it is in the base.
    pub(crate) old: String,
    /// As it is in the head.
    pub(crate) new: String,
    /// Whether the diff is left out, as of large files.
    pub(crate) is_large: bool,
}

/// A comment on a line of the diff.
#[derive(Clone, Debug)]
pub(crate) struct Comment {
    pub(crate) number: u64,
    pub(crate) path: String,
    /// First and last line; no line any more where the diff has moved on.
    pub(crate) lines: Option<(u64, u64)>,
    pub(crate) body: String,
    pub(crate) login: &'static str,
    pub(crate) reply_to: Option<u64>,
}

/// What the fake knows of pull request 7.
pub(crate) struct Pulls {
    pub(crate) files: BTreeMap<String, File>,
    pub(crate) comments: Vec<Comment>,
    /// Bodies of the reviews.
    pub(crate) reviews: Vec<String>,
    /// Other open pull requests, whatever branch is asked for.
    pub(crate) open: Vec<Value>,
    /// Its head; [`HEAD`] until somebody pushes.
    pub(crate) head: String,
    pub(crate) state: &'static str,
    /// Where the head lies.
    pub(crate) from: &'static str,
    /// Whether `/user` answers, as to a person's token, and `/graphql`.
    pub(crate) is_person: bool,
    /// Text that no comment may hold, by a rule that nobody knows.
    pub(crate) disliked: Option<&'static str>,
    /// How many comments there have been.
    last_number: u64,
}

impl Default for Pulls {
    fn default() -> Self {
        Self {
            files: BTreeMap::new(),
            comments: Vec::new(),
            reviews: Vec::new(),
            open: Vec::new(),
            head: HEAD.to_owned(),
            state: "open",
            from: "o/r",
            is_person: false,
            disliked: None,
            last_number: 100,
        }
    }
}

impl Pulls {
    /// Puts a file into the pull request.
    pub(crate) fn file(&mut self, path: &str, old: &str, new: &str) {
        let file = File { old: old.to_owned(), new: new.to_owned(), is_large: false };
        self.files.insert(path.to_owned(), file);
    }

    /// A comment by somebody, as `LOGIN` or another.
    pub(crate) fn comment(&mut self, login: &'static str, body: &str, reply_to: Option<u64>) -> u64 {
        self.last_number += 1;
        self.comments.push(Comment {
            number: self.last_number,
            path: "a.py".to_owned(),
            lines: Some((1, 1)),
            body: body.to_owned(),
            login,
            reply_to,
        });
        self.last_number
    }

    /// Bodies of our comments.
    pub(crate) fn bodies(&self) -> Vec<&str> {
        let ours =
            self.comments.iter().filter(|comment| comment.login == LOGIN && comment.reply_to.is_none());
        ours.map(|comment| comment.body.as_str()).collect()
    }
}

/// The diff that GitHub shows of a file: without the lines that name it.
fn patch(file: &File) -> String {
    let diff = TextDiff::from_lines(&file.old, &file.new);
    let text = diff.unified_diff().context_radius(3).missing_newline_hint(true).to_string();
    text.trim_end_matches('\n').to_owned()
}

/// Hunk by hunk the lines of the head that a patch shows, read in another way than by the module under test.
fn shown(patch: &str) -> Vec<Vec<u64>> {
    let mut hunks: Vec<Vec<u64>> = Vec::new();
    let mut next = 0;
    for line in patch.lines() {
        match line.chars().next() {
            Some('@') => {
                let right = line.split('+').nth(1).unwrap();
                next = right.split([',', ' ']).next().unwrap().parse().unwrap();
                hunks.push(Vec::new());
            }
            Some(' ' | '+') => {
                hunks.last_mut().unwrap().push(next);
                next += 1;
            }
            _ => {}
        }
    }
    hunks
}

impl State {
    /// Routes under `/repos/o/r/pulls`.
    pub(super) fn pulls_route(&mut self, seen: &Seen, path: &[&str]) -> Reply {
        match (seen.method.as_str(), path) {
            ("GET", []) => {
                let own = (self.pulls.state == "open").then(|| self.pull());
                let all: Vec<Value> = self.pulls.open.iter().cloned().chain(own).collect();
                Reply::json(200, &seen.page_of(&all))
            }
            ("GET", ["7"]) => Reply::json(200, &self.pull()),
            ("GET", ["7", "files"]) => Reply::json(200, &seen.page_of(&self.pull_files())),
            ("GET", ["7", "comments"]) => Reply::json(200, &seen.page_of(&self.pull_comments())),
            ("POST", ["7", "reviews"]) => self.post_review(&seen.json()),
            ("DELETE", ["comments", number]) => {
                let before = self.pulls.comments.len();
                self.pulls.comments.retain(|comment| comment.number.to_string() != **number);
                Reply::empty(if self.pulls.comments.len() < before { 204 } else { 404 })
            }
            _ => Reply::json(404, &json!({"message": "Not Found"})),
        }
    }

    /// `/user`.
    pub(super) fn user(&self) -> Reply {
        if self.pulls.is_person {
            return Reply::json(200, &json!({"login": LOGIN}));
        }
        Reply::json(403, &json!({"message": "Resource not accessible by integration"}))
    }

    fn pull(&self) -> Value {
        let head = json!({"sha": self.pulls.head, "repo": {"full_name": self.pulls.from}});
        json!({"number": 7, "state": self.pulls.state, "head": head})
    }

    fn pull_files(&self) -> Vec<Value> {
        let entry = |(path, file): (&String, &File)| {
            let patch = patch(file);
            let n_changes = patch.lines().filter(|line| line.starts_with(['+', '-'])).count();
            let mut entry = json!({"filename": path, "status": "modified", "changes": n_changes});
            if !file.is_large && n_changes > 0 {
                entry["patch"] = patch.into();
            }
            entry
        };
        self.pulls.files.iter().map(entry).collect()
    }

    fn pull_comments(&self) -> Vec<Value> {
        let entry = |comment: &Comment| {
            let mut entry = json!({
                "id": comment.number,
                "path": comment.path,
                "body": comment.body,
                "line": comment.lines.map(|lines| lines.1),
                "user": {"login": comment.login, "type": if comment.login.ends_with("[bot]") { "Bot" } else { "User" }},
            });
            if let Some(number) = comment.reply_to {
                entry["in_reply_to_id"] = number.into();
            }
            entry
        };
        self.pulls.comments.iter().map(entry).collect()
    }

    fn post_review(&mut self, body: &Value) -> Reply {
        match self.accept(body) {
            Err(why) => Reply::json(422, &json!({"message": "Unprocessable Entity", "errors": [why]})),
            Ok(comments) => {
                self.pulls.reviews.push(body["body"].as_str().unwrap().to_owned());
                self.pulls.comments.extend(comments);
                Reply::json(200, &json!({"id": self.pulls.reviews.len(), "user": {"login": LOGIN}}))
            }
        }
    }

    /// The comments of a review, or why it is refused whole; the reason names no comment.
    fn accept(&mut self, body: &Value) -> Result<Vec<Comment>, &'static str> {
        let known = ["commit_id", "event", "body", "comments"];
        if body.as_object().is_none_or(|body| body.keys().any(|key| !known.contains(&key.as_str()))) {
            return Err("extra key");
        }
        let is_fine = |text: &Value| {
            text.as_str().is_some_and(|text| !text.trim().is_empty() && text.chars().count() <= MAX_BODY)
        };
        if body["event"] != "COMMENT" || !is_fine(&body["body"]) {
            return Err("Body is too long or missing");
        }
        if body["commit_id"] != *self.pulls.head {
            return Err("Commit is not part of the pull request");
        }
        let mut comments = Vec::new();
        for comment in body["comments"].as_array().ok_or("no comments")? {
            if !is_fine(&comment["body"]) {
                return Err("Body is too long or missing");
            }
            comments.push(self.accept_comment(comment)?);
        }
        Ok(comments)
    }

    fn accept_comment(&mut self, comment: &Value) -> Result<Comment, &'static str> {
        const NOT_SHOWN: &str = "Pull request review thread line must be part of the diff";
        let known = ["path", "body", "line", "side", "start_line", "start_side"];
        if comment.as_object().is_none_or(|comment| comment.keys().any(|key| !known.contains(&key.as_str())))
        {
            return Err("extra key");
        }
        let path = comment["path"].as_str().ok_or("Path is missing")?;
        let last = comment["line"].as_u64().ok_or(NOT_SHOWN)?;
        let first = match comment.get("start_line") {
            None => last,
            Some(first) => {
                first.as_u64().filter(|&first| first < last).ok_or("start_line must precede line")?
            }
        };
        if comment["side"] != "RIGHT" || comment.get("start_side").is_some_and(|side| side != "RIGHT") {
            return Err("Side is invalid");
        }
        let file = self.pulls.files.get(path).filter(|file| !file.is_large).ok_or(NOT_SHOWN)?;
        let hunks = shown(&patch(file));
        if !hunks.iter().any(|hunk| hunk.contains(&first) && hunk.contains(&last)) {
            return Err(NOT_SHOWN);
        }
        let body = comment["body"].as_str().unwrap();
        if self.pulls.disliked.is_some_and(|disliked| body.contains(disliked)) {
            return Err("Something is wrong");
        }
        self.pulls.last_number += 1;
        Ok(Comment {
            number: self.pulls.last_number,
            path: path.to_owned(),
            lines: Some((first, last)),
            body: body.to_owned(),
            login: LOGIN,
            reply_to: None,
        })
    }
}
