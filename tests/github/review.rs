//! Reviews: what is posted, what is left, what goes, and what happens when GitHub does not play along.

use std::time::Duration;

use snakestone::github::client::Client;
use snakestone::github::event::Run;
use snakestone::github::failure::Failure;
use snakestone::github::findings::Scan;
use snakestone::github::pull::{self, NoPull, Pull};
use snakestone::github::review::{self, Done};

use crate::fake::pulls::{HEAD, LOGIN, repository};
use crate::fake::{Fake, Fault};
use crate::project::{Files, defects, findings, scan};

/// Reviews what `text` has in `a.py`, which the pull request adds.
fn reviewed(fake: &Fake, text: &str) -> Done {
    fake.state().pulls.file("a.py", "", text);
    review(fake, &findings(text))
}

fn review(fake: &Fake, scan: &Scan) -> Done {
    let mut client = fake.client();
    let pull = found(&mut client);
    review::run(&mut client, &pull, scan)
}

fn found(client: &mut Client) -> Pull {
    pull::with_head(client, &repository(), HEAD, None).unwrap().unwrap()
}

fn posts(fake: &Fake) -> usize {
    fake.state().count("POST", "/repos/o/r/pulls/7/reviews")
}

#[test]
fn one_post_holds_all_comments_on_the_head() {
    let fake = Fake::start();
    let done = reviewed(&fake, &defects(&["up", "down"]));
    assert_eq!((done.n_posted, &done.failure, posts(&fake)), (2, &None, 1));
    let state = fake.state();
    let post = state.seen.iter().find(|seen| seen.method == "POST").unwrap().json();
    assert_eq!((post["commit_id"].as_str(), post["event"].as_str()), (Some(HEAD), Some("COMMENT")));
    assert!(state.pulls.reviews[0].contains("2 suggestions"), "{}", state.pulls.reviews[0]);
    assert!(
        state.pulls.bodies().iter().all(|body| body.contains("```suggestion\n    except Exception:\n```"))
    );
}

#[test]
fn a_second_run_says_nothing_again() {
    let fake = Fake::start();
    let text = defects(&["up", "down"]);
    reviewed(&fake, &text);
    let again = reviewed(&fake, &text);
    assert_eq!((again.n_posted, again.n_standing, again.n_deleted, posts(&fake)), (0, 2, 0, 1));
    // Lines above move the code, and say nothing new.
    let moved = reviewed(&fake, &format!("import os\n\n\n{text}"));
    assert_eq!((moved.n_posted, moved.n_standing, fake.state().pulls.bodies().len()), (0, 2, 2));
}

#[test]
fn a_comment_goes_with_its_finding() {
    let fake = Fake::start();
    let text = defects(&["up", "down"]);
    reviewed(&fake, &text);
    let fixed = text.replacen("except:", "except OSError:", 1);
    let done = reviewed(&fake, &fixed);
    assert_eq!((done.n_posted, done.n_deleted), (0, 1));
    assert_eq!(fake.state().pulls.bodies().len(), 1);
    reviewed(&fake, &fixed.replace("except:", "except OSError:"));
    assert_eq!(fake.state().pulls.bodies(), [""; 0]);
}

#[test]
fn a_comment_with_a_reply_stays() {
    let fake = Fake::start();
    let text = defects(&["up", "down"]);
    reviewed(&fake, &text);
    let number = fake.state().pulls.comments[0].number;
    fake.state().pulls.comment("alice", "on purpose", Some(number));
    let done = reviewed(&fake, &text.replace("except:", "except OSError:"));
    assert_eq!(done.n_deleted, 1);
    let left: Vec<u64> = fake.state().pulls.comments.iter().map(|comment| comment.number).collect();
    assert_eq!(left, [number, number + 2]);
}

#[test]
fn an_outdated_comment_without_reply_is_written_anew() {
    let fake = Fake::start();
    let text = defects(&["up", "down"]);
    reviewed(&fake, &text);
    let number = fake.state().pulls.comments[0].number;
    fake.state().pulls.comment("alice", "on purpose", Some(number));
    fake.state().pulls.comments.iter_mut().for_each(|comment| comment.lines = None);
    let done = reviewed(&fake, &text);
    assert_eq!((done.n_posted, done.n_deleted, done.n_standing), (1, 1, 1));
}

#[test]
fn a_marker_counts_on_comments_by_our_own_login_alone() {
    let fake = Fake::start();
    let text = defects(&["up"]);
    reviewed(&fake, &text);
    let body = fake.state().pulls.bodies()[0].to_owned();
    fake.state().pulls.comments.clear();
    for login in ["mallory", "github-actions", "other[bot]"] {
        fake.state().pulls.comment(login, &body, None);
    }
    let done = reviewed(&fake, &text);
    assert_eq!((done.n_posted, done.n_standing), (1, 0));
    let gone = reviewed(&fake, "\n");
    assert_eq!((gone.n_deleted, fake.state().pulls.comments.len()), (1, 3));
}

#[test]
fn the_login_is_asked_of_either_interface() {
    for is_person in [false, true] {
        let fake = Fake::start();
        fake.state().pulls.is_person = is_person;
        let text = defects(&["up"]);
        reviewed(&fake, &text);
        reviewed(&fake, &text);
        assert_eq!(fake.state().pulls.bodies().len(), 1);
        assert_eq!(fake.state().count("POST", "/graphql"), usize::from(!is_person));
    }
    // Neither answers, as on a server of one's own: the workflow's login.
    let fake = Fake::start();
    fake.state().always.push(("POST /graphql", Fault::status(404)));
    let text = defects(&["up"]);
    reviewed(&fake, &text);
    assert_eq!(reviewed(&fake, &text).n_standing, 1);
}

#[test]
fn two_scans_of_one_pull_request_leave_each_other_alone() {
    let fake = Fake::start();
    let text = defects(&["up"]);
    fake.state().pulls.file("a.py", "", &text);
    let files = Files::from([("a.py".to_owned(), text)]);
    let other = Scan::read(&scan(&files).sarif("backend/", true)).unwrap();
    review(&fake, &other);
    let done = reviewed(&fake, "\n");
    assert_eq!((done.n_deleted, fake.state().pulls.bodies().len()), (0, 1));
}

#[test]
fn an_unsuccessful_scan_ends_no_comment() {
    let fake = Fake::start();
    reviewed(&fake, &defects(&["up"]));
    let empty = Files::from([("a.py".to_owned(), String::new())]);
    let done = review(&fake, &Scan::read(&scan(&empty).sarif("snakestone/", false)).unwrap());
    assert_eq!((done.n_deleted, fake.state().pulls.bodies().len()), (0, 1));
}

#[test]
fn one_422_never_costs_the_others() {
    let fake = Fake::start();
    fake.state().pulls.disliked = Some("device.f11");
    let names: Vec<String> = (0..20).map(|n| format!("f{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // The name of the function is in the message alone, so the edit has to show it.
    let text = defects(&names).replace("    except:\n        raise Fault('f11')", "    except: device.f11()");
    let done = reviewed(&fake, &text);
    assert_eq!((done.n_posted, done.failure, done.notices.len()), (19, None, 1));
    assert!(done.notices[0].starts_with("GitHub refuses the comment on a.py:"), "{:?}", done.notices);
    assert!(posts(&fake) <= 11, "{}", posts(&fake));
    let mut bodies: Vec<String> = fake.state().pulls.bodies().iter().map(|body| (*body).to_owned()).collect();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 19);
}

#[test]
fn a_head_that_moved_on_gets_no_review() {
    let fake = Fake::start();
    let text = defects(&["up", "down"]);
    fake.state().pulls.file("a.py", "", &text);
    let mut client = fake.client();
    let pull = found(&mut client);
    fake.state().pulls.head = "4".repeat(40);
    let done = review::run(&mut client, &pull, &findings(&text));
    assert_eq!((done.n_posted, done.failure, posts(&fake)), (0, None, 1));
    assert!(done.notices[0].contains("another head by now"), "{:?}", done.notices);
}

#[test]
fn the_pull_request_is_found_by_its_head() {
    let fake = Fake::start();
    let mut client = fake.client();
    assert_eq!(found(&mut client).number(), 7);
    assert!(!found(&mut client).is_from_fork());
    fake.state().pulls.from = "fork/r";
    assert!(found(&mut client).is_from_fork());
    // A pull request of a fork is looked for by its branch first, which a deleted fork does not tell.
    let mut run = Run {
        head_sha: HEAD.to_owned(),
        head_branch: "a/b".to_owned(),
        head_owner: Some("fork".to_owned()),
        is_of_pull: true,
    };
    for owner in [Some("fork".to_owned()), None] {
        run.head_owner = owner;
        let pull = pull::with_head(&mut client, &repository(), HEAD, Some(&run)).unwrap().unwrap();
        assert_eq!(pull.number(), 7);
    }
    let queries: Vec<String> =
        fake.state().seen.iter().rev().take(2).map(|seen| seen.query.clone()).collect();
    assert!(
        queries[0].starts_with("state=open&sort=") && queries[1].starts_with("state=open&head=fork:a%2Fb")
    );
    let none = pull::with_head(&mut client, &repository(), &"3".repeat(40), None).unwrap().unwrap_err();
    let none = none.to_string();
    assert!(none.starts_with("no open pull request of `o/r` has the head `333"), "{none}");
    assert_eq!(pull::with_number(&mut client, &repository(), 7, HEAD).unwrap().unwrap().head(), HEAD);
    let moved = pull::with_number(&mut client, &repository(), 7, &"3".repeat(40)).unwrap().unwrap_err();
    assert_eq!(moved, NoPull::Moved(7));
    fake.state().pulls.state = "closed";
    let closed = pull::with_number(&mut client, &repository(), 7, HEAD).unwrap().unwrap_err();
    assert_eq!(closed, NoPull::Closed(7));
}

#[test]
fn a_post_answered_by_an_error_is_looked_for_before_it_is_repeated() {
    for fault in [Fault::DoAndFail, Fault::LoseAnswer, Fault::DoAndGarble] {
        let fake = Fake::start();
        let text = defects(&["up", "down"]);
        fake.state().pulls.file("a.py", "", &text);
        let scan = findings(&text);
        let mut client = fake.client();
        let pull = found(&mut client);
        // Files and comments are read, then the post goes wrong.
        fake.befall([Fault::None, Fault::None, fault.clone()]);
        let done = review::run(&mut client, &pull, &scan);
        assert_eq!((done.failure, posts(&fake)), (None, 1), "{fault:?}");
        assert_eq!(fake.state().pulls.bodies().len(), 2, "{fault:?}");
    }
    let fake = Fake::start();
    let text = defects(&["up", "down"]);
    fake.state().pulls.file("a.py", "", &text);
    let mut client = fake.client();
    let pull = found(&mut client);
    fake.befall([Fault::None, Fault::None, Fault::status(502)]);
    review::run(&mut client, &pull, &findings(&text));
    assert_eq!((posts(&fake), fake.state().pulls.bodies().len()), (2, 2));
}

#[test]
fn a_read_only_token_is_told_of() {
    let fake = Fake::start();
    let said = "Resource not accessible by integration";
    fake.state().always.push(("POST /repos", Fault::Refuse(403, Vec::new(), said)));
    let done = reviewed(&fake, &defects(&["up"]));
    assert!(matches!(done.failure, Some(Failure::Denied { permission: "pull-requests: write", .. })));
    assert_eq!(posts(&fake), 1, "no second try");
}

#[test]
fn what_is_not_commented_on_is_told() {
    let fake = Fake::start();
    let text = defects(&["up"]);
    fake.state().pulls.file("a.py", "", &text);
    fake.state().pulls.files.get_mut("a.py").unwrap().is_large = true;
    let done = review(&fake, &findings(&text));
    assert_eq!(done.notices, ["1 finding got no comment: GitHub gives no diff of files this large"]);
    fake.state().pulls.file("a.py", "", &text.replace("except:", "except :"));
    let done = review(&fake, &findings(&text));
    assert!(done.notices[0].contains("other ones in the head"), "{:?}", done.notices);
    assert_eq!(posts(&fake), 0);
}

#[test]
fn a_file_that_was_only_renamed_has_no_lines_to_comment_on() {
    let fake = Fake::start();
    let text = defects(&["up"]);
    fake.state().pulls.file("a.py", &text, &text);
    let done = review(&fake, &findings(&text));
    assert_eq!((done.n_posted, done.notices), (0, Vec::new()));
}

#[test]
fn more_than_a_hundred_files_and_comments_are_read() {
    let fake = Fake::start();
    let text = defects(&["up"]);
    for n in 0..150 {
        fake.state().pulls.file(&format!("0/{n}.py"), "", "x = 1\n");
        fake.state().pulls.comment(LOGIN, "hello", None);
    }
    reviewed(&fake, &text);
    let again = reviewed(&fake, &text);
    assert_eq!((again.n_posted, again.n_standing), (0, 1));
}

#[test]
fn a_rate_limit_is_waited_for_within_the_budget() {
    let fake = Fake::start();
    let limit = Fault::Refuse(403, vec![("retry-after", "30".to_owned())], "secondary rate limit");
    let text = defects(&["up"]);
    fake.state().pulls.file("a.py", "", &text);
    let mut client = fake.client();
    let pull = found(&mut client);
    fake.befall([Fault::None, Fault::None, limit]);
    let done = review::run(&mut client, &pull, &findings(&text));
    assert_eq!((done.n_posted, posts(&fake)), (1, 2));
    assert!(fake.clock().passed() >= Duration::from_secs(30));
}
