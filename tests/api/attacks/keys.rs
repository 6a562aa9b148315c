//! Classes C and D again, by way of API keys: a key is a secret that programs keep badly.

use super::newsroom;
use crate::api_keys::key;
use crate::newsroom::{Newsroom, Person};
use copydesk::domain::user::Role;
use diesel::RunQueryDsl;
use serde_json::{Value, json};

fn as_key(newsroom: &Newsroom, text: &str) -> u16 {
    newsroom.send("GET", "/v1/articles", None, &[("authorization", &format!("Bearer {text}"))], None).status
}

#[test]
fn c01_a_key_that_was_not_made_here_is_refused() {
    let (newsroom, editor) = newsroom();
    let good = key(&newsroom, &editor, json!({ "scopes": ["content:read"] })).token;
    assert_eq!(as_key(&newsroom, &good), 200);
    let other = copydesk::auth::ApiKey::random().unwrap().reveal();
    let long = format!("cdk_{}", "A".repeat(6000));
    for bad in [&other, &good[..51], &format!("{good}A"), &good.to_lowercase(), "cdk_", "cdk_' OR '1'='1", &long, &good.replace("cdk_", "")]
    {
        let answer = newsroom.send("GET", "/v1/articles", None, &[("authorization", &format!("Bearer {bad}"))], None).expect(401);
        assert_eq!((answer.code(), answer.header("cache-control")), ("invalid_token".into(), "private, no-store"), "{bad}");
    }
    for digit in 4..good.len() {
        let mut typo = good.clone();
        typo.replace_range(digit..=digit, if &good[digit..=digit] == "x" { "y" } else { "x" });
        assert_eq!(as_key(&newsroom, &typo), 401, "{digit}");
    }
}

#[test]
fn c06_a_key_is_no_refresh_token_and_a_refresh_token_no_key() {
    let (newsroom, editor) = newsroom();
    let good = key(&newsroom, &editor, json!({ "scopes": ["admin"] })).token;
    let refresh = |token: &str| {
        let body = json!({ "refresh_token": token }).to_string();
        newsroom.send("POST", "/v1/auth/refresh", None, &[("content-type", "application/json")], Some(body.as_bytes()))
    };
    refresh(&good).expect(401);
    refresh(&good.replace("cdk_", "cdr_")).expect(401);
    assert_eq!(as_key(&newsroom, &good.replace("cdk_", "cdr_")), 401);
}

#[test]
fn c10_a_key_ends_with_its_owner_at_the_next_request() {
    let (newsroom, editor) = newsroom();
    let admin = newsroom.person(Role::Admin);
    let program = key(&newsroom, &editor, json!({ "scopes": ["drafts:read"] }));
    let user = format!("/v1/users/{}", editor.id);
    for _ in 0..3 {
        newsroom.get_as(&program, "/v1/articles?view=working").expect(200);
        newsroom.patch(&admin, &user, "*", &json!({ "disabled": true })).expect(200);
        newsroom.get_as(&program, "/v1/articles?view=working").expect(401);
        newsroom.patch(&admin, &user, "*", &json!({ "disabled": false })).expect(200);
    }
    newsroom.delete(&admin, &user).expect(204);
    newsroom.get_as(&program, "/v1/articles?view=working").expect(401);
}

#[test]
fn c15_who_is_demoted_publishes_nothing_with_the_old_token_or_key() {
    let newsroom = Newsroom::open();
    let (admin, editor) = (newsroom.person(Role::Admin), newsroom.person(Role::Editor));
    let program = key(&newsroom, &editor, json!({ "scopes": ["content:write", "content:publish"] }));
    newsroom.draft(&admin, &json!({ "title": "Not theirs" }));
    for by in [&editor, &program] {
        newsroom.patch(by, "/v1/articles/not-theirs", "*", &json!({ "lead": by.id })).expect(200);
    }
    newsroom.patch(&admin, &format!("/v1/users/{}", editor.id), "*", &json!({ "role": "author" })).expect(200);
    // The token ends with the role it was given for, and the next one has the new role; the key has it at once.
    newsroom.post(&editor, "/v1/articles/not-theirs/publish", &json!({})).expect(401);
    let again = Person { token: newsroom.token(&editor.id, 2), ..editor };
    for by in [&again, &program] {
        newsroom.post(by, "/v1/articles/not-theirs/publish", &json!({})).expect(403);
    }
    newsroom.get("/v1/articles/not-theirs").expect(404);
}

#[test]
fn c16_a_key_counts_in_its_header_alone() {
    let (newsroom, editor) = newsroom();
    let good = key(&newsroom, &editor, json!({ "scopes": ["drafts:read"] })).token;
    for parameter in ["key", "api_key", "access_token", "token"] {
        let answer = newsroom.get(&format!("/v1/articles/hidden/revisions?{parameter}={good}")).expect(401);
        assert!(!answer.text().contains(&good));
    }
    for (name, value) in [("x-api-key", good.clone()), ("cookie", format!("key={good}")), ("api-key", good.clone())] {
        newsroom.send("GET", "/v1/articles/hidden/revisions", None, &[(name, &value)], None).expect(401);
    }
    for value in [format!("Basic {good}"), good.clone(), format!("Key {good}"), format!("Bearer {good}, Bearer {good}")] {
        newsroom.send("GET", "/v1/articles/hidden/revisions", None, &[("authorization", &value)], None).expect(401);
    }
}

#[test]
fn c27_what_a_key_is_given_is_of_the_right_type() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    let good = json!({ "label": "x", "scopes": ["content:read"] });
    for member in ["label", "scopes", "expires_at", "owner", "tags", "authors", "languages", "addresses"] {
        for wrong in [json!({ "$gt": "" }), json!(true), json!(0), json!([["a"]]), json!([{ "a": 1 }])] {
            let mut body = good.clone();
            body[member] = wrong.clone();
            newsroom.post(&admin, "/v1/api-keys", &body).expect(422);
        }
    }
    newsroom.post(&admin, "/v1/api-keys", &json!([good])).expect(422);
}

#[test]
fn c31_the_database_holds_no_key_and_nothing_shows_one_again() {
    let (newsroom, editor) = newsroom();
    let admin = newsroom.person(Role::Admin);
    let secret = key(&newsroom, &editor, json!({ "scopes": ["content:read"] })).token;
    newsroom.send("GET", "/v1/articles", None, &[("authorization", &format!("Bearer {secret}"))], None).expect(200);
    let all = "SELECT id || ' ' || label || ' ' || hash || ' ' || prefix || ' ' || scopes || ' ' || addresses AS stored FROM api_keys";
    let rows: Vec<Stored> = diesel::sql_query(all).load(&mut newsroom.conn()).unwrap();
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].stored.contains(&secret[10..]) && rows[0].stored.contains(&secret[..10]), "{}", rows[0].stored);
    let shown = newsroom.get_as(&admin, "/v1/api-keys").expect(200).text();
    assert!(!shown.contains(&secret[10..]) && !shown.contains("hash"), "{shown}");
}

#[derive(diesel::QueryableByName)]
struct Stored {
    #[diesel(sql_type = diesel::sql_types::Text)]
    stored: String,
}

#[test]
fn d07_members_that_are_not_a_makers_are_each_named() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    let stolen = json!({ "id": "x", "key": "cdk_mine", "hash": "x", "prefix": "x", "created_by": "x", "created_at": "x", "last_used_at": null, "user_id": "x" });
    let mut wanted: Vec<String> = stolen.as_object().unwrap().keys().map(|name| format!("/{name}")).collect();
    wanted.sort();
    let mut body = stolen;
    body["label"] = "x".into();
    body["scopes"] = json!(["content:read"]);
    let mut places = newsroom.post(&admin, "/v1/api-keys", &body).expect(422).places();
    places.sort();
    assert_eq!(places, wanted);
}

#[test]
fn d12_people_and_keys_are_an_administrators_to_see() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    let made = key(&newsroom, &admin, json!({ "scopes": ["content:read", "drafts:read", "content:write", "content:publish"] }));
    let people = [Role::Contributor, Role::Author, Role::Editor].map(|role| newsroom.person(role));
    for caller in people.iter().chain([&made]) {
        for path in ["/v1/users".to_owned(), format!("/v1/users/{}", admin.id), "/v1/api-keys".into(), format!("/v1/api-keys/{}", made.id)]
        {
            let refusal = newsroom.get_as(caller, &path).expect(403).text();
            assert!(!refusal.contains(&admin.email) && !refusal.contains("cdk_"), "{refusal}");
        }
        newsroom.post(caller, "/v1/api-keys", &json!({ "label": "x", "scopes": ["content:read"] })).expect(403);
        newsroom.delete(caller, &format!("/v1/api-keys/{}", made.id)).expect(403);
    }
    for path in ["/v1/api-keys".to_owned(), format!("/v1/api-keys/{}", made.id)] {
        newsroom.get(&path).expect(401);
    }
    assert_eq!(newsroom.get_as(&admin, "/v1/api-keys?count=true").expect(200).json()["page"]["total"], Value::from(1));
}
