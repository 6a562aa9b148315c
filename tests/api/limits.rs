//! Limits: nobody asks more than their share, and what costs nothing is not counted.

use crate::api_keys::key;
use crate::newsroom::{Answer, Newsroom, Person};
use copydesk::domain::allowance::Allowance;
use copydesk::domain::user::Role;
use copydesk::http::RateLimit;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;

fn limited(requests: u32) -> Newsroom {
    Newsroom::open_with(|settings| {
        settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        settings.rate_limit = RateLimit::Everybody(Allowance::each_minute(requests).unwrap());
    })
}

fn from(newsroom: &Newsroom, address: &str, by: Option<&Person>, path: &str) -> Answer {
    newsroom.send("GET", path, by, &[("x-forwarded-for", address)], None)
}

fn told(answer: &Answer) -> (&str, &str) {
    (answer.header("ratelimit-policy"), answer.header("ratelimit"))
}

#[test]
fn an_address_asks_its_share_and_is_told_what_is_left_and_how_long_to_wait() {
    let newsroom = limited(3);
    let ask = |address: &str| from(&newsroom, address, None, "/v1/articles/nothing");
    assert_eq!(told(&ask("203.0.113.7").expect(404)), ("\"address\";q=3;w=60", "\"address\";r=2;t=20"));
    ask("203.0.113.7").expect(404);
    assert_eq!(told(&ask("203.0.113.7").expect(404)).1, "\"address\";r=0;t=60");
    let refusal = ask("203.0.113.7").expect(429);
    assert_eq!((refusal.code(), refusal.header("retry-after")), ("too_many_requests".into(), "20"));
    assert_eq!(told(&refusal), ("\"address\";q=3;w=60", "\"address\";r=0;t=20"));
    assert_eq!(refusal.header("cache-control"), "private, no-store");
    // What the client made up itself is not believed, and others go on.
    ask("198.51.100.9, 203.0.113.7").expect(429);
    ask("198.51.100.9").expect(404);
    newsroom.pass(20_000);
    ask("203.0.113.7").expect(404);
    ask("203.0.113.7").expect(429);
    newsroom.pass(60_000);
    for _ in 0..3 {
        ask("203.0.113.7").expect(404);
    }
}

#[test]
fn neighbours_in_an_ipv6_network_have_one_share() {
    let newsroom = limited(2);
    let ask = |address: &str| from(&newsroom, address, None, "/v1/articles/nothing");
    ask("2001:db8::1").expect(404);
    ask("2001:db8::2").expect(404);
    ask("2001:db8::3").expect(429);
    ask("2001:db8:0:1::3").expect(404);
}

#[test]
fn a_live_answer_from_memory_is_not_counted() {
    let newsroom = limited(30);
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Out" }));
    let is_counted = |answer: &Answer| answer.headers.iter().any(|(name, _)| name == "ratelimit");
    let answers: Vec<Answer> = (0..100).map(|_| from(&newsroom, "203.0.113.7", None, "/v1/articles/out").expect(200)).collect();
    // The first one is made, and perhaps another: on PostgreSQL the news of the publishing come back to who published.
    let counted = answers.iter().filter(|answer| is_counted(answer)).count();
    assert!(is_counted(&answers[0]) && counted <= 5, "{counted}");
    let with_nothing_left = || {
        while from(&newsroom, "203.0.113.7", None, "/v1/articles/nothing").status != 429 {}
        from(&newsroom, "203.0.113.7", None, "/v1/articles/out")
    };
    let mut answer = with_nothing_left();
    for _ in 0..5 {
        if answer.status == 200 {
            break;
        }
        // The news came back just now, and the answer has to be made once more.
        newsroom.pass(60_000);
        from(&newsroom, "203.0.113.7", None, "/v1/articles/out").expect(200);
        answer = with_nothing_left();
    }
    assert!(!is_counted(&answer.expect(200)));
}

#[test]
fn a_key_and_an_account_have_shares_of_their_own_from_wherever_they_come() {
    let newsroom = limited(5);
    let editor = newsroom.person(Role::Editor);
    let admin = newsroom.person(Role::Admin);
    let make = || {
        let body = json!({ "label": "x", "scopes": ["content:read"], "owner": editor.id }).to_string();
        let headers = [("content-type", "application/json"), ("x-forwarded-for", "192.0.2.1")];
        let made = newsroom.send("POST", "/v1/api-keys", Some(&admin), &headers, Some(body.as_bytes())).expect(201).json();
        Person { token: made["key"].as_str().unwrap().to_owned(), ..editor.clone() }
    };
    let (one, other) = (make(), make());
    // Whoever is not known yet is counted by address; from then on as who they are.
    assert!(told(&from(&newsroom, "203.0.113.7", Some(&one), "/v1/articles").expect(200)).1.starts_with("\"address\";r=4"));
    for n in (0..5).rev() {
        let answer = from(&newsroom, &format!("203.0.113.{n}"), Some(&one), "/v1/articles").expect(200);
        assert!(told(&answer).1.starts_with(&format!("\"key\";r={n};")), "{:?}", told(&answer));
    }
    from(&newsroom, "198.51.100.1", Some(&one), "/v1/articles").expect(429);
    from(&newsroom, "203.0.113.7", Some(&other), "/v1/articles").expect(200);
    from(&newsroom, "203.0.113.7", Some(&editor), "/v1/auth/me").expect(200);
    let answer = from(&newsroom, "203.0.113.7", Some(&editor), "/v1/auth/me").expect(200);
    assert_eq!(told(&answer).0, "\"account\";q=5;w=60");
    // Guesses at keys are an address's own.
    for status in [401, 401, 429] {
        let guess = Person { token: format!("cdk_{}", "A".repeat(48)), ..editor.clone() };
        from(&newsroom, "203.0.113.7", Some(&guess), "/v1/articles").expect(status);
    }
}

#[test]
fn of_very_many_who_sign_in_at_once_the_last_are_told_to_come_back() {
    let newsroom = Newsroom::open();
    let body = json!({ "email": "nobody@example.com", "password": "not it" }).to_string();
    let head = "POST /v1/auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let mut streams: Vec<TcpStream> = (0..400).map(|_| TcpStream::connect(newsroom.address).unwrap()).collect();
    streams.iter_mut().for_each(|stream| stream.write_all(request.as_bytes()).unwrap());
    let answers = streams.into_iter().map(|mut stream| {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answers: Vec<String> = answers.collect();
    let of = |status: &str| answers.iter().filter(|answer| answer.starts_with(&format!("HTTP/1.1 {status}"))).collect::<Vec<_>>();
    let busy = of("503");
    assert_eq!(of("401").len() + of("429").len() + busy.len(), 400);
    // On PostgreSQL they come in one after the other, as their accounts are looked up: the queue may not fill.
    assert!(!busy.is_empty() || newsroom.database_url().starts_with("postgres"));
    assert!(busy.iter().all(|answer| answer.contains("\"code\":\"busy\"") && answer.contains("retry-after: 3")), "{busy:?}");
    // No more guesses were heard than an account bears.
    assert_eq!(of("401").len(), 10);
}

#[test]
fn without_a_limit_nothing_is_counted_and_nothing_told() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let program = key(&newsroom, &editor, json!({ "scopes": ["content:read"] }));
    for by in [None, Some(&editor), Some(&program)] {
        for _ in 0..50 {
            let answer = newsroom.send("GET", "/v1/articles/nothing", by, &[], None).expect(404);
            assert!(answer.headers.iter().all(|(name, _)| !name.starts_with("ratelimit")));
        }
    }
}
