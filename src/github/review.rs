//! A review of a pull request: a finished scan and the pull request's head come in, one review with suggestions goes
//! out, and comments of earlier reviews whose finding is gone are deleted.
//!
//! What stands there already is not said again; what people have answered is never deleted. Comments count as ours
//! by their author and marker together, since anybody can write a marker. GitHub refuses a review whole for one bad
//! comment and does not say which, so a refused one is halved. Nothing of this fails a run: what could not be done
//! is told.
//! Source: GitHub's documentation of pull request reviews and review comments.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};

use crate::github::client::{Call, Client, Repeat};
use crate::github::failure::Failure;
use crate::github::findings::Scan;
use crate::github::patch::Patch;
use crate::github::pull::{self, NoPull, Pull};
use crate::github::suggest::{self, Comment, Id, Proposal};
use crate::report::wording::counted;

/// What the token needs.
const PERMISSION: &str = "pull-requests: write";
/// Pages of files: GitHub lists no more than 3,000.
const MAX_FILE_PAGES: usize = 30;
/// Pages of comments that are read.
const MAX_COMMENT_PAGES: usize = 50;
/// Who writes with the token that a workflow is given.
const WORKFLOW_LOGIN: &str = "github-actions[bot]";

/// What a review came to.
#[derive(Debug, Default)]
pub struct Done {
    /// Comments written.
    pub n_posted: usize,
    /// Comments that an earlier review wrote and that still hold.
    pub n_standing: usize,
    /// Comments deleted, since their finding is gone.
    pub n_deleted: usize,
    /// What the reader has to know, a sentence without its stop each.
    pub notices: Vec<String>,
    /// What ended the review early.
    pub failure: Option<Failure>,
}

/// Reviews `pull` with what `scan` found in its head.
pub fn run(client: &mut Client, pull: &Pull, scan: &Scan) -> Done {
    let mut done = Done::default();
    let mut review = Review { client, pull, login: None };
    done.failure = review.run(scan, &mut done).err();
    done
}

/// A comment with a marker of ours, by us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Standing {
    number: u64,
    id: Id,
    /// Whether its lines are still in the diff.
    is_current: bool,
    has_replies: bool,
}

/// What to do about a pull request.
#[derive(PartialEq, Eq, Debug)]
struct Plan {
    post: Vec<Comment>,
    /// Numbers of comments.
    delete: Vec<u64>,
    n_standing: usize,
}

/// What to post of `wanted` and what to delete of `standing`. `alive` are the ids of all findings, or nothing if the
/// scan does not know them all: an unfinished one ends no comment.
fn plan(wanted: Vec<Comment>, alive: Option<&BTreeSet<Id>>, standing: &[Standing], scan: u64) -> Plan {
    let holds = |comment: &Standing| comment.is_current || comment.has_replies;
    let known: BTreeSet<Id> =
        standing.iter().filter(|comment| holds(comment)).map(|comment| comment.id).collect();
    let is_over = |comment: &Standing| {
        let is_gone = alive.is_some_and(|alive| !alive.contains(&comment.id));
        comment.id.scan == scan && !comment.has_replies && (is_gone || !comment.is_current)
    };
    let n_wanted = wanted.len();
    let post: Vec<Comment> = wanted.into_iter().filter(|comment| !known.contains(&comment.id)).collect();
    Plan {
        n_standing: n_wanted - post.len(),
        post,
        delete: standing.iter().filter(|comment| is_over(comment)).map(|comment| comment.number).collect(),
    }
}

struct Review<'a> {
    client: &'a mut Client,
    pull: &'a Pull,
    /// Who we are, once somebody had to know.
    login: Option<String>,
}

impl Review<'_> {
    fn run(&mut self, scan: &Scan, done: &mut Done) -> Result<(), Failure> {
        let alive = suggest::ids(scan);
        let proposal = self.propose(scan)?;
        tell_left_out(&proposal, done);
        let standing = standing(self.client, self.pull, &mut self.login)?;
        let alive = scan.is_whole.then_some(&alive);
        let plan = plan(proposal.comments.clone(), alive, &standing, suggest::scan_id(scan));
        done.n_standing = plan.n_standing;
        self.post(&proposal, &plan.post, done)?;
        for number in plan.delete {
            self.delete(number)?;
            done.n_deleted += 1;
        }
        Ok(())
    }

    fn propose(&mut self, scan: &Scan) -> Result<Proposal, Failure> {
        let wanted: BTreeSet<&str> = scan
            .findings
            .iter()
            .filter(|finding| finding.fix.is_some())
            .map(|finding| finding.path.as_str())
            .collect();
        if wanted.is_empty() {
            return Ok(Proposal::default());
        }
        let route = format!("{}/files", self.pull.route());
        let files = self.client.list(&route, PERMISSION, MAX_FILE_PAGES)?;
        let mut patches = BTreeMap::new();
        for file in &files {
            let path = file["filename"].as_str().ok_or(Failure::Garbled)?;
            if wanted.contains(path) {
                // A file that was only renamed has no diff either.
                let is_unchanged = file["changes"] == 0;
                let patch = file["patch"].as_str().map(Patch::parse);
                patches.insert(path.to_owned(), patch.or(is_unchanged.then(Patch::default)));
            }
        }
        Ok(suggest::propose(scan, &patches))
    }

    /// Posts `comments` in one review; if GitHub refuses it, in halves.
    fn post(&mut self, proposal: &Proposal, comments: &[Comment], done: &mut Done) -> Result<(), Failure> {
        let mut open = vec![comments];
        let mut has_moved = None;
        while let Some(comments) = open.pop() {
            if comments.is_empty() {
                continue;
            }
            match self.post_once(proposal, comments) {
                Ok(()) => done.n_posted += comments.len(),
                Err(Failure::Invalid { status: 422, said }) if !said.contains("too quickly") => {
                    // The commonest reason is no comment's: there is a new head, which has a review of its own.
                    if has_moved.is_none() {
                        has_moved = Some(self.moved()?);
                    }
                    if let Some(Some(why)) = &has_moved {
                        done.notices.push(format!("no review: {why}"));
                        return Ok(());
                    }
                    if let [comment] = comments {
                        done.notices
                            .push(format!("GitHub refuses the comment on {} ({said})", comment.place()));
                    } else {
                        let (front, back) = comments.split_at(comments.len() / 2);
                        open.extend([back, front]);
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// Why the pull request takes no review any more, if it does not.
    fn moved(&mut self) -> Result<Option<NoPull>, Failure> {
        let pull = self.pull;
        Ok(pull::with_number(self.client, pull.repository(), pull.number(), pull.head())?.err())
    }

    fn post_once(&mut self, proposal: &Proposal, comments: &[Comment]) -> Result<(), Failure> {
        let route = format!("{}/reviews", self.pull.route());
        let body = json!({
            "commit_id": self.pull.head(),
            "event": "COMMENT",
            "body": proposal.body(comments, self.pull.is_from_fork()),
            "comments": comments.iter().map(Comment::request).collect::<Vec<_>>(),
        });
        let (pull, login, first) = (self.pull, &mut self.login, comments[0].id);
        // A review is written whole or not at all, so that its first comment tells.
        let mut check = |client: &mut Client| {
            let is_there = standing(client, pull, login)?.iter().any(|it| it.id == first && it.is_current);
            Ok(is_there.then_some(Value::Null))
        };
        let call = Call { method: &Method::POST, route: &route, body: Some(&body), permission: PERMISSION };
        self.client.send(call, Repeat::After(&mut check)).map(drop)
    }

    fn delete(&mut self, number: u64) -> Result<(), Failure> {
        let route = format!("{}/pulls/comments/{number}", self.pull.repository().route());
        let call = Call { method: &Method::DELETE, route: &route, body: None, permission: PERMISSION };
        match self.client.send(call, Repeat::Freely) {
            // Somebody was faster, or the first of two tries was.
            Err(Failure::NotFound { .. }) => Ok(()),
            other => other.map(drop),
        }
    }
}

/// Tells of findings that have an edit and get no comment though their file is in the diff.
fn tell_left_out(proposal: &Proposal, done: &mut Done) {
    if proposal.n_differing > 0 {
        done.notices.push(format!(
            "{} got no comment: its lines are too long to compare, or are other ones in the head of the pull \
             request than were scanned; merge or rebase onto the base branch",
            counted(proposal.n_differing, "finding")
        ));
    }
    if proposal.n_without_patch > 0 {
        done.notices.push(format!(
            "{} got no comment: GitHub gives no diff of files this large",
            counted(proposal.n_without_patch, "finding")
        ));
    }
}

/// Our own comments with a marker.
fn standing(client: &mut Client, pull: &Pull, login: &mut Option<String>) -> Result<Vec<Standing>, Failure> {
    let comments = client.list(&format!("{}/comments", pull.route()), PERMISSION, MAX_COMMENT_PAGES)?;
    let replied: BTreeSet<u64> =
        comments.iter().filter_map(|comment| comment["in_reply_to_id"].as_u64()).collect();
    let mut all = Vec::new();
    for comment in &comments {
        let Some(id) = comment["body"].as_str().and_then(Id::read) else { continue };
        let Some(number) = comment["id"].as_u64() else { continue };
        let own = match &login {
            Some(login) => login,
            None => &*login.insert(whoami(client)?),
        };
        let user = &comment["user"];
        let is_app = user["type"] == "Bot" && user["login"].as_str() == Some(&format!("{own}[bot]"));
        if user["login"].as_str() == Some(own) || is_app {
            let (is_current, has_replies) = (!comment["line"].is_null(), replied.contains(&number));
            all.push(Standing { number, id, is_current, has_replies });
        }
    }
    Ok(all)
}

/// The login that the token writes as. Tokens of apps, as a workflow's, may not ask for their user; the other
/// interface tells them, but GitHub Enterprise Server has it elsewhere.
fn whoami(client: &mut Client) -> Result<String, Failure> {
    match client.get("/user", PERMISSION) {
        Ok(user) => return user["login"].as_str().map(str::to_owned).ok_or(Failure::Garbled),
        Err(Failure::Denied { .. } | Failure::NotFound { .. }) => {}
        Err(failure) => return Err(failure),
    }
    let query = json!({"query": "query { viewer { login } }"});
    let call = Call { method: &Method::POST, route: "/graphql", body: Some(&query), permission: PERMISSION };
    match client.send(call, Repeat::Freely) {
        Ok(answer) => Ok(answer["data"]["viewer"]["login"].as_str().unwrap_or(WORKFLOW_LOGIN).to_owned()),
        Err(Failure::Denied { .. } | Failure::NotFound { .. } | Failure::Invalid { .. }) => {
            Ok(WORKFLOW_LOGIN.to_owned())
        }
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Plan, Standing, plan};
    use crate::github::suggest::Id;

    const fn id(scan: u64, finding: u64) -> Id {
        Id { scan, finding }
    }

    fn comment(number: u64, id: Id, is_current: bool, has_replies: bool) -> Standing {
        Standing { number, id, is_current, has_replies }
    }

    fn deleted(standing: &[Standing], alive: Option<&[Id]>) -> Vec<u64> {
        let alive: Option<BTreeSet<Id>> = alive.map(|ids| ids.iter().copied().collect());
        let Plan { delete, .. } = plan(Vec::new(), alive.as_ref(), standing, 1);
        delete
    }

    #[test]
    fn comments_go_with_their_finding_unless_somebody_answered() {
        let standing = [
            comment(10, id(1, 1), true, false),
            comment(11, id(1, 2), true, false),
            comment(12, id(1, 3), true, true),
            comment(13, id(1, 1), false, false),
            comment(14, id(1, 1), false, true),
            comment(15, id(2, 9), true, false),
        ];
        assert_eq!(deleted(&standing, Some(&[id(1, 1)])), [11, 13], "15 is of another scan");
        assert_eq!(deleted(&standing, None), [13], "a scan that is not whole ends no comment");
    }
}
