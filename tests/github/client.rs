//! The client: rate limits (`after_*`), repeats, redirects, and the token.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use snakestone::github::client::{Call, Client, Options, Repeat, Token};
use snakestone::github::failure::Failure;
use snakestone::github::wait::Clock;

use crate::fake::{Fake, FakeClock, Fault, TOKEN};

fn post(client: &mut Client, repeat: Repeat) -> Result<Value, Failure> {
    let body = json!({"a": 1});
    client.send(
        Call { method: &Method::POST, route: "/things", body: Some(&body), permission: "x: write" },
        repeat,
    )
}

fn limited(status: u16, headers: &[(&'static str, &str)]) -> Fault {
    let headers = headers.iter().map(|&(name, value)| (name, value.to_owned())).collect();
    Fault::Refuse(status, headers, "You have exceeded a secondary rate limit")
}

#[test]
fn after_retry_after_the_request_is_sent_again() {
    let fake = Fake::start();
    fake.befall([limited(429, &[("retry-after", "7")]), limited(403, &[("retry-after", "9")])]);
    assert_eq!(fake.client().get("/zen", "").unwrap(), "keep it simple");
    assert_eq!(fake.clock().sleeps(), [7, 9]);
}

#[test]
fn after_the_last_request_of_the_hour_the_reset_is_awaited() {
    let fake = Fake::start();
    let reset = (FakeClock::START.as_secs() + 100).to_string();
    fake.befall([limited(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &reset)])]);
    fake.client().get("/zen", "").unwrap();
    assert_eq!(fake.clock().sleeps(), [101]);
}

#[test]
fn after_a_limit_that_tells_no_time_a_minute_passes_and_then_more() {
    let fake = Fake::start();
    fake.befall([limited(403, &[]), limited(403, &[]), limited(429, &[])]);
    fake.client().get("/zen", "").unwrap();
    assert_eq!(fake.clock().sleeps(), [60, 120, 240]);
}

#[test]
fn a_reset_an_hour_away_is_not_awaited() {
    let fake = Fake::start();
    let reset = (FakeClock::START.as_secs() + 3_600).to_string();
    fake.befall([limited(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &reset)])]);
    assert!(matches!(fake.client().get("/zen", ""), Err(Failure::RateLimited { .. })));
    assert_eq!(fake.clock().sleeps(), [0_u64; 0]);
}

#[test]
fn the_client_gives_up_after_five_tries() {
    let fake = Fake::start();
    fake.befall(vec![Fault::status(503); 9]);
    assert_eq!(fake.client().get("/zen", ""), Err(Failure::Server { status: 503 }));
    assert_eq!(fake.state().count("GET", "/zen"), 5);
    assert_eq!(fake.clock().sleeps(), [2, 4, 8, 16]);
}

#[test]
fn reading_survives_cut_slow_and_wrong_answers() {
    let fake = Fake::start();
    fake.befall([Fault::Cut, Fault::LoseAnswer, Fault::Hang, Fault::DoAndGarble]);
    assert_eq!(fake.client().get("/zen", "").unwrap(), "keep it simple");
    assert_eq!(fake.clock().sleeps(), [2, 4, 8, 16]);
}

#[test]
fn writes_are_a_second_apart() {
    let fake = Fake::start();
    let mut client = fake.client();
    for _ in 0..3 {
        post(&mut client, Repeat::Never).unwrap();
    }
    let at: Vec<Duration> = fake.state().seen.iter().map(|seen| seen.at - FakeClock::START).collect();
    assert_eq!(at, [0, 1, 2].map(Duration::from_secs));
}

#[test]
fn a_post_is_never_repeated_blindly() {
    for fault in
        [Fault::status(502), Fault::Cut, Fault::LoseAnswer, Fault::DoAndFail, Fault::DoAndGarble, Fault::Hang]
    {
        let fake = Fake::start();
        fake.befall([fault.clone()]);
        post(&mut fake.client(), Repeat::Never).unwrap_err();
        assert_eq!(fake.log(), "POST /things\n", "{fault:?}");

        let fake = Fake::start();
        fake.befall([fault.clone()]);
        let done = post(&mut fake.client(), Repeat::After(&mut |client| client.get("/zen", "").map(Some)));
        assert_eq!(done.unwrap(), "keep it simple");
        assert_eq!(fake.log(), "POST /things\nGET /zen\n", "{fault:?}");

        let fake = Fake::start();
        fake.befall([fault.clone()]);
        let again =
            post(&mut fake.client(), Repeat::After(&mut |client| client.get("/zen", "").map(|_| None)));
        assert_eq!(again.unwrap(), json!({"n": 2}));
        assert_eq!(fake.log(), "POST /things\nGET /zen\nPOST /things\n", "{fault:?}");
    }
}

#[test]
fn a_post_that_github_refused_for_its_rate_limit_is_repeated() {
    let fake = Fake::start();
    fake.befall([limited(403, &[("retry-after", "3")])]);
    post(&mut fake.client(), Repeat::Never).unwrap();
    assert_eq!(fake.log(), "POST /things\nPOST /things\n");
    assert_eq!(fake.clock().sleeps(), [3]);
}

#[test]
fn where_looking_fails_too_a_post_is_not_repeated() {
    let fake = Fake::start();
    fake.befall([Fault::Cut]);
    let failed = post(&mut fake.client(), Repeat::After(&mut |client| client.get("/none", "").map(Some)));
    assert!(matches!(failed, Err(Failure::Network { was_sent: true, .. })), "{failed:?}");
    assert_eq!(fake.log(), "POST /things\nGET /none\n");
}

#[test]
fn a_host_that_is_not_there_was_sent_nothing() {
    let fake = Fake::start();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = Options { api_url: format!("http://127.0.0.1:{port}"), ..fake.options() };
    let mut client = Client::new(&options, &Token::new(TOKEN).unwrap(), Box::new(fake.clock())).unwrap();
    let failed = post(&mut client, Repeat::Never);
    assert!(matches!(failed, Err(Failure::Network { was_sent: false, .. })), "{failed:?}");
    assert_eq!(fake.clock().sleeps(), [2, 4, 8, 16], "what was never sent may be sent again");
}

#[test]
fn redirects_are_followed_on_the_same_host_alone() {
    let fake = Fake::start();
    let mut client = fake.client();
    assert_eq!(client.get("/moved", "").unwrap(), json!({"moved": true}));
    let away = client.get("/moved-away", "");
    assert_eq!(away, Err(Failure::Moved { host: "https://elsewhere.example".to_owned() }));
    assert_eq!(client.get("/moved-forever", ""), Err(Failure::Garbled));
}

#[test]
fn lists_are_read_page_by_page() {
    let fake = Fake::start();
    let mut client = fake.client();
    assert_eq!(client.list("/numbers", "", 30).unwrap().len(), 250);
    assert_eq!(client.list("/numbers?x=1", "", 2).unwrap().len(), 200);
    assert_eq!(client.list("/zen", "", 30), Err(Failure::Garbled));
}

#[test]
fn failures_do_not_show_the_token() {
    let fake = Fake::start();
    let mut client = fake.client();
    let faults = [Fault::Cut, Fault::Hang, Fault::status(401), Fault::status(422), Fault::DoAndGarble];
    for fault in faults {
        fake.befall([fault]);
        let failure = post(&mut client, Repeat::Never).unwrap_err();
        let shown = format!("{failure} {failure:?} {}", failure.remedy());
        assert!(!shown.contains("SECRET"), "{shown}");
    }
    for text in ["bad\ntoken SECRET", "bad\u{e9}SECRET\u{7f}"] {
        let made = Client::new(&fake.options(), &Token::new(text).unwrap(), Box::new(fake.clock()));
        let failure = made.err().map(|failure| format!("{failure} {failure:?}")).unwrap_or_default();
        assert!(!failure.contains("SECRET"), "{failure}");
    }
}

#[test]
fn a_wrong_token_is_told() {
    let fake = Fake::start();
    let mut client =
        Client::new(&fake.options(), &Token::new("no").unwrap(), Box::new(fake.clock())).unwrap();
    assert_eq!(client.get("/zen", ""), Err(Failure::BadToken));
}

#[test]
fn all_waiting_stays_within_the_budget() {
    let fake = Fake::start();
    fake.befall(vec![limited(403, &[]); 9]);
    assert!(matches!(fake.client().get("/zen", ""), Err(Failure::RateLimited { .. })));
    assert_eq!(
        fake.clock().sleeps(),
        [60, 120, 240],
        "the next pause would be 480 s of the 180 that are left"
    );
    assert!(fake.clock().passed() < fake.options().budget);
}

#[test]
fn the_budget_is_for_requests_and_waiting_and_a_part_of_it_for_what_is_less_needed() {
    let fake = Fake::start();
    let mut client = fake.client();
    let limit = || limited(403, &[("retry-after", "100")]);
    fake.befall([limit()]);
    let minute = Duration::from_secs(60);
    let less_needed = client.within(minute, |client| client.get("/zen", ""));
    assert!(matches!(less_needed, Err(Failure::RateLimited { .. })));
    assert_eq!(fake.clock().sleeps(), [0_u64; 0], "the pause would be more than the part");
    // A scan takes what it takes.
    Clock::sleep(&fake.clock(), Duration::from_secs(10_000));
    fake.befall([limit(), limit(), limit(), limit(), limit()]);
    assert!(client.get("/zen", "").is_err());
    assert_eq!(fake.clock().sleeps(), [10_000, 100, 100, 100, 100]);
    fake.befall([limit(), limit(), limit()]);
    assert!(client.get("/zen", "").is_err());
    assert_eq!(
        fake.clock().passed(),
        Duration::from_secs(10_500),
        "one more pause, and 100 of 100 s are left"
    );
}

#[test]
fn an_empty_answer_is_null() {
    let call = Call { method: &Method::DELETE, route: "/things", body: None, permission: "" };
    assert_eq!(Fake::start().client().send(call, Repeat::Freely), Ok(Value::Null));
}
