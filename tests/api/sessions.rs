//! Sessions: kept by refresh tokens that are good once, listed, ended, and ended by whoever brings back a spent one.

use crate::newsroom::{Answer, Newsroom, Person};
use copydesk::domain::user::Role;
use diesel::RunQueryDsl as _;
use serde_json::{Value, json};

const PASSWORD: &str = "a long enough phrase";
const SECOND: i64 = 1000;
const DAY: i64 = 24 * 3600 * SECOND;

/// What a sign-in or a refresh answered.
struct Tokens {
    access: Person,
    refresh: String,
}

fn post(newsroom: &Newsroom, path: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("user-agent", "Newsroom/1.0 (test)")];
    newsroom.send("POST", path, None, &headers, Some(body.to_string().as_bytes()))
}

fn tokens(answer: Answer) -> Tokens {
    let body = answer.expect(200).json();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    let access = Person { id: String::new(), email: String::new(), token: text("access_token") };
    Tokens { access, refresh: text("refresh_token") }
}

fn sign_in(newsroom: &Newsroom, person: &Person) -> Tokens {
    tokens(post(newsroom, "/v1/auth/login", &json!({ "email": person.email, "password": PASSWORD })))
}

fn refresh(newsroom: &Newsroom, token: &str) -> Answer {
    post(newsroom, "/v1/auth/refresh", &json!({ "refresh_token": token }))
}

fn newsroom_with(role: Role) -> (Newsroom, Person) {
    let newsroom = Newsroom::open();
    let person = newsroom.person_with(role, Some(PASSWORD));
    (newsroom, person)
}

fn me(newsroom: &Newsroom, tokens: &Tokens) -> u16 {
    newsroom.get_as(&tokens.access, "/v1/auth/me").status
}

#[test]
fn a_refresh_token_keeps_somebody_signed_in_and_is_good_once() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let mut now = sign_in(&newsroom, &editor);
    for _ in 0..3 {
        newsroom.pass(910 * SECOND);
        assert_eq!(me(&newsroom, &now), 401);
        let next = tokens(refresh(&newsroom, &now.refresh));
        assert_ne!(next.refresh, now.refresh);
        assert_eq!(me(&newsroom, &next), 200);
        now = next;
    }
}

#[test]
fn an_answer_that_was_lost_is_given_again_for_ten_seconds() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let first = sign_in(&newsroom, &editor);
    let second = tokens(refresh(&newsroom, &first.refresh));
    newsroom.pass(10 * SECOND);
    let again = tokens(refresh(&newsroom, &first.refresh));
    assert_eq!(again.refresh, second.refresh);
    assert_eq!((me(&newsroom, &second), me(&newsroom, &again)), (200, 200));
    tokens(refresh(&newsroom, &second.refresh));
}

#[test]
fn c13_a_spent_token_that_comes_back_ends_the_session_for_both() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let (other, first) = (sign_in(&newsroom, &editor), sign_in(&newsroom, &editor));
    let second = tokens(refresh(&newsroom, &first.refresh));
    newsroom.pass(11 * SECOND);
    let refusal = refresh(&newsroom, &first.refresh).expect(401);
    assert_eq!((refusal.code(), refusal.header("cache-control")), ("invalid_token".into(), "private, no-store"));
    refresh(&newsroom, &second.refresh).expect(401);
    assert_eq!((me(&newsroom, &first), me(&newsroom, &second), me(&newsroom, &other)), (401, 401, 200));
    // Within the grace, too, once the next one was used: its answer was not lost.
    let second = tokens(refresh(&newsroom, &other.refresh));
    let third = tokens(refresh(&newsroom, &second.refresh));
    refresh(&newsroom, &other.refresh).expect(401);
    refresh(&newsroom, &third.refresh).expect(401);
    assert_eq!(me(&newsroom, &third), 401);
}

#[test]
fn tabs_that_refresh_at_once_all_get_the_same_next_token() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let first = sign_in(&newsroom, &editor);
    let mut next: Vec<String> = std::thread::scope(|scope| {
        let tabs: Vec<_> = (0..8).map(|_| scope.spawn(|| tokens(refresh(&newsroom, &first.refresh)).refresh)).collect();
        tabs.into_iter().map(|tab| tab.join().unwrap()).collect()
    });
    next.dedup();
    assert_eq!(next.len(), 1);
    tokens(refresh(&newsroom, &next[0]));
}

#[test]
fn a_session_ends_after_14_days_of_silence_and_after_90_days_whatever_happens() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let silent = sign_in(&newsroom, &editor);
    newsroom.pass(14 * DAY);
    refresh(&newsroom, &silent.refresh).expect(401);
    let mut now = sign_in(&newsroom, &editor);
    for _ in 0..6 {
        newsroom.pass(13 * DAY);
        now = tokens(refresh(&newsroom, &now.refresh));
    }
    newsroom.pass(12 * DAY);
    refresh(&newsroom, &now.refresh).expect(401);
}

#[test]
fn c09_nothing_of_a_session_is_good_after_sign_out() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let (here, there, third) = (sign_in(&newsroom, &editor), sign_in(&newsroom, &editor), sign_in(&newsroom, &editor));
    newsroom.send("POST", "/v1/auth/logout", Some(&here.access), &[], None).expect(204);
    assert_eq!((me(&newsroom, &here), me(&newsroom, &there)), (401, 200));
    refresh(&newsroom, &here.refresh).expect(401);
    newsroom.post(&here.access, "/v1/articles", &json!({ "title": "x" })).expect(401);
    newsroom.post(&here.access, "/v1/auth/logout", &json!({})).expect(401);
    newsroom.post(&there.access, "/v1/auth/logout-all", &json!({})).expect(204);
    for one in [&there, &third] {
        assert_eq!(me(&newsroom, one), 401);
        refresh(&newsroom, &one.refresh).expect(401);
    }
    assert_eq!(me(&newsroom, &sign_in(&newsroom, &editor)), 200);
}

#[test]
fn sessions_are_listed_with_device_and_address_and_ended_one_by_one() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let stranger = newsroom.person_with(Role::Admin, Some(PASSWORD));
    let (here, there, theirs) = (sign_in(&newsroom, &editor), sign_in(&newsroom, &editor), sign_in(&newsroom, &stranger));
    newsroom.pass(60 * SECOND);
    let here = tokens(refresh(&newsroom, &here.refresh));
    let listed = newsroom.get_as(&here.access, "/v1/auth/sessions?count=true").expect(200);
    assert_eq!(listed.json()["page"]["total"], 2);
    let sessions = listed.items();
    let of = |current: bool| sessions.iter().find(|session| session["current"] == current).unwrap();
    assert_eq!((&of(true)["device"], &of(true)["address"]), (&json!("Newsroom/1.0 (test)"), &json!("127.0.0.1")));
    assert!(of(true)["last_seen_at"].as_str() > of(false)["last_seen_at"].as_str());
    let other = format!("/v1/auth/sessions/{}", of(false)["id"].as_str().unwrap());
    newsroom.delete(&theirs.access, &other).expect(404);
    assert_eq!(me(&newsroom, &there), 200);
    newsroom.delete(&here.access, &other).expect(204);
    newsroom.delete(&here.access, &other).expect(404);
    assert_eq!((me(&newsroom, &there), me(&newsroom, &here)), (401, 200));
    refresh(&newsroom, &there.refresh).expect(401);
    for page in ["?limit=1", "?limit=0", "?sort=id"] {
        let expected = if page == "?limit=1" { 200 } else { 400 };
        newsroom.get_as(&here.access, &format!("/v1/auth/sessions{page}")).expect(expected);
    }
}

#[test]
fn c25_a_password_is_changed_by_who_knows_it_and_every_other_session_ends() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let (here, there) = (sign_in(&newsroom, &editor), sign_in(&newsroom, &editor));
    let change = |current: Value, new: &str| {
        newsroom.post(&here.access, "/v1/auth/password", &json!({ "current_password": current, "new_password": new }))
    };
    let new = "another phrase for tomorrow";
    assert_eq!(change(json!("not my password"), new).expect(422).places(), ["/current_password"]);
    assert_eq!(
        newsroom.post(&here.access, "/v1/auth/password", &json!({ "new_password": new })).expect(422).places(),
        ["/current_password"]
    );
    for weak in ["short", "1234567890", "aaaaaaaaaaaa"] {
        assert_eq!(change(json!(PASSWORD), weak).expect(422).places(), ["/new_password"], "{weak}");
    }
    post(&newsroom, "/v1/auth/password", &json!({ "current_password": PASSWORD, "new_password": new })).expect(401);
    assert_eq!((me(&newsroom, &here), me(&newsroom, &there)), (200, 200));
    let now = tokens(change(json!(PASSWORD), new));
    assert_eq!((me(&newsroom, &now), me(&newsroom, &here), me(&newsroom, &there)), (200, 401, 401));
    for old in [&here, &there] {
        refresh(&newsroom, &old.refresh).expect(401);
    }
    tokens(refresh(&newsroom, &now.refresh));
    post(&newsroom, "/v1/auth/login", &json!({ "email": editor.email, "password": PASSWORD })).expect(401);
    tokens(post(&newsroom, "/v1/auth/login", &json!({ "email": editor.email, "password": new })));
}

#[test]
fn what_an_administrator_changes_holds_at_the_next_request_of_every_session() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let admin = newsroom.person(Role::Admin);
    let user = format!("/v1/users/{}", editor.id);
    let first = sign_in(&newsroom, &editor);
    newsroom.patch(&admin, &user, "*", &json!({ "role": "author" })).expect(200);
    assert_eq!(me(&newsroom, &first), 401);
    let second = tokens(refresh(&newsroom, &first.refresh));
    assert_eq!(newsroom.get_as(&second.access, "/v1/auth/me").expect(200).json()["role"], "author");
    newsroom.patch(&admin, &user, "*", &json!({ "disabled": true })).expect(200);
    assert_eq!(me(&newsroom, &second), 401);
    refresh(&newsroom, &second.refresh).expect(401);
    newsroom.patch(&admin, &user, "*", &json!({ "disabled": false })).expect(200);
    refresh(&newsroom, &second.refresh).expect(401);
    let third = sign_in(&newsroom, &editor);
    newsroom.patch(&admin, &user, "*", &json!({ "password": "another phrase for tomorrow" })).expect(200);
    assert_eq!(me(&newsroom, &third), 401);
    refresh(&newsroom, &third.refresh).expect(401);
    newsroom.delete(&admin, &user).expect(204);
    refresh(&newsroom, &third.refresh).expect(401);
}

#[test]
fn c06_c27_each_kind_of_token_opens_its_own_door_and_nothing_else_is_one() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let now = sign_in(&newsroom, &editor);
    let as_bearer = Person { token: now.refresh.clone(), ..now.access.clone() };
    assert_eq!(newsroom.get_as(&as_bearer, "/v1/auth/me").expect(401).code(), "invalid_token");
    let cut = &now.refresh[..now.refresh.len() - 1];
    for bad in [now.access.token.as_str(), "cdr_", "x", &format!("{}x", now.refresh), cut, &format!("cdr_{}", "A".repeat(43))] {
        let path = "/v1/auth/refresh";
        let body = json!({ "refresh_token": bad });
        let expected = if bad.len() > 200 { 422 } else { 401 };
        post(&newsroom, path, &body).expect(expected);
    }
    for wrong in [json!({ "$gt": "" }), json!(["a"]), json!(true), json!(0), json!(null), json!("")] {
        assert_eq!(post(&newsroom, "/v1/auth/refresh", &json!({ "refresh_token": wrong })).expect(422).places(), ["/refresh_token"]);
    }
    tokens(refresh(&newsroom, &now.refresh));
}

#[test]
fn a_new_secret_of_the_server_ends_every_session() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let now = sign_in(&newsroom, &editor);
    let node = newsroom.node_with_secret("Zk4nQ8vXy2LwT6mJ9rBd3HsGp5cFaE7uVi1oKxNzWqMtYhRj");
    refresh(&node, &now.refresh).expect(401);
    assert_eq!(me(&node, &now), 401);
    tokens(refresh(&newsroom, &now.refresh));
}

#[test]
fn c31_the_database_holds_no_refresh_token() {
    let (newsroom, editor) = newsroom_with(Role::Editor);
    let first = sign_in(&newsroom, &editor);
    let second = tokens(refresh(&newsroom, &first.refresh));
    let all = "SELECT id || ' ' || user_id || ' ' || coalesce(device, '') AS stored FROM sessions \
               UNION ALL SELECT hash || ' ' || session_id FROM refresh_tokens";
    let rows: Vec<Stored> = diesel::sql_query(all).load(&mut newsroom.conn()).unwrap();
    assert_eq!(rows.len(), 3);
    let dump: Vec<String> = rows.into_iter().map(|row| row.stored).collect();
    let dump = dump.join("\n");
    assert!(dump.contains("Newsroom/1.0"));
    let of_refresh = [&first.refresh, &second.refresh].map(|token| token.split_once('_').unwrap().1);
    let of_access = [&first.access.token, &second.access.token].map(|token| token.rsplit_once('.').unwrap().1);
    for secret in of_refresh.into_iter().chain(of_access) {
        assert!(!dump.contains(secret), "{dump}");
    }
    let listed = newsroom.get_as(&second.access, "/v1/auth/sessions").expect(200).text();
    assert!(!listed.contains("cdr_") && !listed.contains("hash"));
}

#[derive(diesel::QueryableByName)]
struct Stored {
    #[diesel(sql_type = diesel::sql_types::Text)]
    stored: String,
}
