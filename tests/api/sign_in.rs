//! Sign-in: a password for a short-lived token, and what becomes of tokens.

use crate::newsroom::{Answer, Newsroom, Person};
use copydesk::auth::{SigningSecret, Subject, Tokens};
use copydesk::domain::user::Role;
use serde_json::json;

const PASSWORD: &str = "a long enough phrase";

fn sign_in(newsroom: &Newsroom, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password }).to_string();
    newsroom.send("POST", "/v1/auth/login", None, &[("content-type", "application/json")], Some(body.as_bytes()))
}

fn with_token(newsroom: &Newsroom, token: &str) -> Answer {
    newsroom.send("GET", "/v1/auth/me", None, &[("authorization", &format!("Bearer {token}"))], None)
}

#[test]
fn a_password_opens_a_session_that_tells_who_is_there() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person_with(Role::Editor, Some(PASSWORD));
    let session = sign_in(&newsroom, &editor.email.to_uppercase(), PASSWORD).expect(200);
    assert_eq!(session.header("cache-control"), "private, no-store");
    let session = session.json();
    assert_eq!((&session["token_type"], &session["expires_in"]), (&json!("Bearer"), &json!(900)));
    let me = with_token(&newsroom, session["access_token"].as_str().unwrap()).expect(200);
    assert_eq!((&me.json()["id"], &me.json()["email"], &me.json()["role"]), (&json!(editor.id), &json!(editor.email), &json!("editor")));
    assert!(!me.text().contains("password"));
}

#[test]
fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let newsroom = Newsroom::open();
    let known = newsroom.person_with(Role::Editor, Some(PASSWORD));
    let without = newsroom.person(Role::Editor);
    let wrong = sign_in(&newsroom, &known.email, "a wrong enough phrase").expect(401);
    assert_eq!((wrong.code(), wrong.header("www-authenticate")), ("invalid_credentials".into(), "Bearer"));
    for (email, password) in
        [("nobody@example.com", PASSWORD), (&without.email, PASSWORD), (&known.email, "A long enough phrase"), (&known.email, "x")]
    {
        assert_eq!(sign_in(&newsroom, email, password).expect(401).text(), wrong.text(), "{email}");
    }
    for (email, password, place) in
        [("nobody", PASSWORD, "/email"), (&known.email, "", "/password"), (&known.email, &"x".repeat(1025), "/password")]
    {
        assert_eq!(sign_in(&newsroom, email, password).expect(422).places(), [place]);
    }
}

#[test]
fn c20_after_ten_wrong_passwords_in_a_minute_there_is_a_wait_and_others_are_not_kept_out() {
    let newsroom = Newsroom::open_with(|settings| settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
    let editor = newsroom.person_with(Role::Editor, Some(PASSWORD));
    let from = |address: &str, email: &str, password: &str| {
        let body = json!({ "email": email, "password": password }).to_string();
        let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
        newsroom.send("POST", "/v1/auth/login", None, &headers, Some(body.as_bytes()))
    };
    for email in [&editor.email, "nobody@example.com"] {
        for _ in 0..10 {
            from("203.0.113.7", email, "not it").expect(401);
        }
        let wait = from("203.0.113.7", email, "not it").expect(429);
        assert_eq!((wait.code(), wait.header("retry-after")), ("too_many_attempts".into(), "60"));
    }
    from("203.0.113.7", &editor.email, PASSWORD).expect(429);
    from("198.51.100.4, 203.0.113.7", &editor.email, PASSWORD).expect(429);
    from("198.51.100.4", &editor.email, PASSWORD).expect(200);
    newsroom.pass(60_000);
    for _ in 0..9 {
        from("203.0.113.7", &editor.email, "not it").expect(401);
    }
    from("203.0.113.7", &editor.email, PASSWORD).expect(200);
    from("203.0.113.7", &editor.email, "not it").expect(401);
    from("203.0.113.7", &editor.email, PASSWORD).expect(200);
}

#[test]
fn c20_many_addresses_that_guess_at_an_account_lock_nobody_out_of_it() {
    let newsroom = Newsroom::open_with(|settings| settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
    let editor = newsroom.person_with(Role::Editor, Some(PASSWORD));
    let from = |address: &str, password: &str| {
        let body = json!({ "email": editor.email, "password": password }).to_string();
        let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
        newsroom.send("POST", "/v1/auth/login", None, &headers, Some(body.as_bytes()))
    };
    from("198.51.100.4", PASSWORD).expect(200);
    for n in 0..100 {
        from(&format!("203.0.113.{}", n / 5), "not it").expect(401);
    }
    // A stranger has one try a minute now; who has signed in from there, ten; and whoever has the password comes in from anywhere.
    from("192.0.2.1", "not it").expect(401);
    from("192.0.2.1", "not it").expect(429);
    from("198.51.100.4", "not it").expect(401);
    from("198.51.100.4", "not it").expect(401);
    from("198.51.100.4", PASSWORD).expect(200);
    from("192.0.2.2", PASSWORD).expect(200);
}

#[test]
fn c20_one_address_does_not_guess_at_account_after_account() {
    let newsroom = Newsroom::open();
    for n in 0..50 {
        sign_in(&newsroom, &format!("nobody-{n}@example.com"), "not it").expect(401);
    }
    sign_in(&newsroom, "nobody-50@example.com", "not it").expect(429);
}

#[test]
fn a_token_ends_with_its_time() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.get_as(&editor, "/v1/auth/me").expect(200);
    newsroom.pass(899_000);
    newsroom.get_as(&editor, "/v1/auth/me").expect(200);
    newsroom.pass(10_000);
    let refusal = newsroom.get_as(&editor, "/v1/auth/me").expect(401);
    assert_eq!(refusal.code(), "invalid_token");
    assert_eq!(refusal.header("www-authenticate"), "Bearer error=\"invalid_token\"");
}

#[test]
fn no_token_and_a_bad_token_are_told_apart() {
    let newsroom = Newsroom::open();
    let none = newsroom.get("/v1/auth/me").expect(401);
    assert_eq!((none.code(), none.header("www-authenticate")), ("unauthenticated".into(), "Bearer"));
    let editor = newsroom.person(Role::Editor);
    for value in ["Bearer", "Bearer ", "Basic YTpi", "bearer  x", &editor.token, &format!("Bearer {}x", editor.token), "Token abc", ""] {
        for path in ["/v1/auth/me", "/v1/articles", "/"] {
            let refusal = newsroom.send("GET", path, None, &[("authorization", value)], None).expect(401);
            assert_eq!((refusal.code(), refusal.header("cache-control")), ("invalid_token".into(), "private, no-store"), "{value} {path}");
        }
    }
    newsroom.send("GET", "/v1/auth/me", None, &[("authorization", &format!("bearer {}", editor.token))], None).expect(200);
}

#[test]
fn a_token_of_another_secret_issuer_audience_user_or_version_is_refused() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let now = newsroom.now().milliseconds();
    let token = |tokens: &Tokens, user: &str, ver: i64, at: i64| {
        tokens.issue(&Subject { user_id: user.to_owned(), ver, session: None }, at).unwrap().token
    };
    let ours = crate::signing::tokens_of(&newsroom, "copydesk", "copydesk");
    let other =
        Tokens::new(&SigningSecret::from_config("Zk7Qm2Xv9Lw4ZtRyY8uNf5HsJm3PcB6dGa1Ee0oIxWiVyTzM").unwrap(), "copydesk", "copydesk", 900);
    other.take_keys(vec![other.make_key(now).unwrap()]);
    with_token(&newsroom, &token(&ours, &editor.id, 1, now)).expect(200);
    for bad in [
        token(&other, &editor.id, 1, now),
        token(&crate::signing::tokens_of(&newsroom, "elsewhere", "copydesk"), &editor.id, 1, now),
        token(&crate::signing::tokens_of(&newsroom, "copydesk", "elsewhere"), &editor.id, 1, now),
        token(&ours, "00000000-0000-7000-8000-000000000000", 1, now),
        token(&ours, &editor.id, 2, now),
        token(&ours, &editor.id, 0, now),
        token(&ours, &editor.id, 1, now + 3_600_000),
        token(&ours, &editor.id, 1, now - 3_600_000),
    ] {
        assert_eq!(with_token(&newsroom, &bad).expect(401).code(), "invalid_token", "{bad}");
    }
}

#[test]
fn a_stranger_is_refused_before_the_body_is_waited_for() {
    let newsroom = Newsroom::open();
    let answer = newsroom.raw(b"POST /v1/articles HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("\"unauthenticated\""), "{answer}");
}

#[test]
fn a_token_never_goes_in_a_query() {
    let newsroom = Newsroom::open();
    let Person { token, .. } = newsroom.person(Role::Editor);
    for name in ["access_token", "token", "authorization"] {
        assert_eq!(newsroom.get(&format!("/v1/articles?view=working&{name}={token}")).expect(400).code(), "unknown_parameter");
    }
}
