//! `Idempotency-Key`: a POST that is sent again does nothing again, and gets its first answer.

use crate::contract::{document, operations};
use crate::newsroom::{Answer, Newsroom, Person, execute};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

const DAY: i64 = 24 * 60 * 60 * 1000;

fn post(newsroom: &Newsroom, by: &Person, path: &str, key: &str, etag: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("idempotency-key", key), ("if-match", etag)];
    newsroom.send("POST", path, Some(by), &headers, Some(body.to_string().as_bytes()))
}

/// What each POST of the contract needs to succeed once: what was done before, where it goes, and its body.
pub fn tried(newsroom: &Newsroom, by: &Person, operation: &str) -> (String, Value) {
    let live = || newsroom.publish(by, &json!({ "title": "Story", "lead": "First." }));
    let draft = || newsroom.draft(by, &json!({ "title": "Story" }));
    let step = |step: &str| newsroom.post(by, &format!("/v1/articles/story/{step}"), &json!({}));
    let edit = || newsroom.patch(by, "/v1/articles/story", "*", &json!({ "lead": "Second." })).expect(200);
    let (path, body) = match operation {
        "create_article" => return ("/v1/articles".into(), json!({ "title": "Story" })),
        "batch_articles" => {
            return ("/v1/articles/batch".into(), json!({ "operations": [{ "op": "create", "body": { "title": "Story" } }] }));
        }
        "create_author" => return ("/v1/authors".into(), json!({ "name": "Marcus" })),
        "create_tag" => return ("/v1/tags".into(), json!({ "name": "Migration" })),
        "create_user" => return ("/v1/users".into(), json!({ "email": "new@example.com", "role": "author" })),
        "create_key" => return ("/v1/api-keys".into(), json!({ "label": "A program", "scopes": ["content:read"] })),
        "create_invitation" => return ("/v1/invitations".into(), json!({ "email": "new@example.com", "role": "author" })),
        "create_reset" => return (format!("/v1/users/{}/password-reset", newsroom.person(Role::Author).id), json!({})),
        "merge_author" | "merge_tag" => {
            let kind = if operation == "merge_author" { "authors" } else { "tags" };
            for name in ["One", "Other"] {
                newsroom.post(by, &format!("/v1/{kind}"), &json!({ "name": name })).expect(201);
            }
            return (format!("/v1/{kind}/one/merge"), json!({ "into": "other" }));
        }
        "publish_article" => (draft(), ("publish", json!({}))).1,
        "unpublish_article" => (live(), ("unpublish", json!({}))).1,
        "discard_article" => (live(), edit(), ("discard", json!({}))).2,
        "schedule_article" => (draft(), ("schedule", json!({ "publish_at": "2097-11-01T09:00:00Z" }))).1,
        "unschedule_article" => {
            draft();
            newsroom.post(by, "/v1/articles/story/schedule", &json!({ "publish_at": "2097-11-01T09:00:00Z" })).expect(200);
            ("unschedule", json!({}))
        }
        "submit_article" => (draft(), ("submit", json!({ "comment": "Done." }))).1,
        "return_article" => (draft(), step("submit"), ("return", json!({}))).2,
        "archive_article" => (live(), ("archive", json!({}))).1,
        "unarchive_article" => (live(), step("archive"), ("unarchive", json!({}))).2,
        "kill_article" => (live(), ("kill", json!({ "reason": "Not true." }))).1,
        "unkill_article" => {
            live();
            newsroom.post(by, "/v1/articles/story/kill", &json!({ "reason": "Not true." })).expect(200);
            ("unkill", json!({}))
        }
        "create_correction" => (live(), ("corrections", json!({ "kind": "correction", "note": "It was Tuesday." }))).1,
        "create_comment" => (draft(), ("comments", json!({ "comment": "Who says so?" }))).1,
        "create_lock" => (draft(), ("lock", json!({}))).1,
        "create_preview" => (draft(), ("preview-tokens", json!({ "expires_in": 60 }))).1,
        "restore_revision" => (live(), edit(), ("revisions/1/restore", json!({}))).2,
        "restore_article" => (live(), newsroom.delete(by, "/v1/articles/story").expect(204), ("restore", json!({}))).2,
        other => panic!("say here how {other} can be tried"),
    };
    (format!("/v1/articles/story/{path}"), body)
}

/// What would change if the write happened again.
fn seen(newsroom: &Newsroom, by: &Person) -> Vec<Value> {
    let lists = [
        "users?count=true",
        "invitations",
        "articles?view=working&count=true",
        "articles?count=true",
        "authors?count=true",
        "tags?count=true",
        "trash",
        "schedule",
    ];
    let mut seen: Vec<Value> = lists.iter().map(|list| newsroom.get_as(by, &format!("/v1/{list}")).expect(200).json()).collect();
    let parts = ["comments", "preview-tokens", "revisions"];
    seen.extend(parts.iter().map(|part| newsroom.get_as(by, &format!("/v1/articles/story/{part}?limit=100")).json()));
    seen
}

#[test]
fn every_post_of_the_contract_happens_once_however_often_it_is_sent() {
    let document = document();
    let mut tries = 0;
    for (path, _, operation) in operations(&document).into_iter().filter(|(_, verb, _)| *verb == "post") {
        let id = operation["operationId"].as_str().unwrap();
        let named = operation["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["name"] == "Idempotency-Key");
        // Sign-in makes tokens, and no two callers share one: there is nobody yet whose key it could be.
        assert_eq!(named, !path.starts_with("/v1/auth/"), "{id}");
        if !named {
            continue;
        }
        let newsroom = Newsroom::open();
        let admin = newsroom.person(Role::Admin);
        let (path, body) = tried(&newsroom, &admin, id);
        let etag = newsroom.get_as(&admin, "/v1/articles/story?view=working").header("etag").to_owned();
        let etag = if etag.is_empty() { "*" } else { &etag };
        let first = post(&newsroom, &admin, &path, "8e03978e-40d5", etag, &body);
        assert!((200..300).contains(&first.status), "{id}: {}", first.text());
        assert_eq!(first.header("idempotency-replayed"), "", "{id}");
        let after = seen(&newsroom, &admin);
        newsroom.pass(1000);
        let second = post(&newsroom, &admin, &path, "\"8e03978e-40d5\"", etag, &body);
        assert_eq!((second.status, second.text()), (first.status, first.text()), "{id}");
        for header in ["etag", "location", "content-type", "cache-control"] {
            assert_eq!(second.header(header), first.header(header), "{id}: {header}");
        }
        assert_eq!(second.header("idempotency-replayed"), "true", "{id}");
        assert_eq!(seen(&newsroom, &admin), after, "{id} happened again");
        tries += 1;
    }
    assert!(tries >= 20, "{tries}");
}

#[test]
fn e03_fifty_parallel_posts_with_one_key_make_one_story() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let story = json!({ "title": "Same", "body": "One and the same." });
    let mut answers: Vec<(u16, String, String)> = std::thread::scope(|scope| {
        let send = || {
            let answer = post(&newsroom, &editor, "/v1/articles", "same", "*", &story);
            (answer.status, answer.text(), answer.header("idempotency-replayed").to_owned())
        };
        let posts: Vec<_> = (0..50).map(|_| scope.spawn(send)).collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    answers.sort();
    assert!(answers.iter().all(|(status, body, _)| (*status, body) == (201, &answers[0].1)));
    assert_eq!(answers.iter().filter(|(.., replayed)| replayed.is_empty()).count(), 1);
    assert_eq!(newsroom.get_as(&editor, "/v1/articles?view=working&count=true").json()["page"]["total"], 1);
}

#[test]
fn a_key_belongs_to_one_request_of_one_person_for_a_day() {
    let newsroom = Newsroom::open();
    let [one, other] = [Role::Editor, Role::Editor].map(|role| newsroom.person(role));
    let (story, another) = (json!({ "title": "Story" }), json!({ "title": "Another" }));
    let send = |by: &Person, path: &str, body: &Value| {
        let signed_in_now = Person { token: newsroom.token(&by.id, 1), ..by.clone() };
        post(&newsroom, &signed_in_now, path, "key", "*", body)
    };
    let first = send(&one, "/v1/articles", &story).expect(201).json();
    let refusal = send(&one, "/v1/articles", &another).expect(422);
    assert_eq!(refusal.code(), "idempotency_key_reused");
    assert_eq!(send(&one, "/v1/articles/story/publish", &json!({})).expect(422).code(), "idempotency_key_reused");
    assert_ne!(send(&other, "/v1/articles", &story).expect(201).json()["id"], first["id"]);
    newsroom.pass(DAY - 1);
    assert_eq!(send(&one, "/v1/articles", &story).header("idempotency-replayed"), "true");
    newsroom.pass(1);
    assert_ne!(send(&one, "/v1/articles", &story).expect(201).json()["id"], first["id"]);
}

#[test]
fn a_refused_post_leaves_its_key_free() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.draft(&editor, &json!({ "title": "Taken", "slug": "taken" }));
    let story = json!({ "title": "Story", "slug": "taken" });
    assert_eq!(post(&newsroom, &editor, "/v1/articles", "key", "*", &story).expect(409).code(), "slug_taken");
    newsroom.delete(&editor, "/v1/articles/taken").expect(204);
    newsroom.delete(&editor, "/v1/trash/taken");
    let id = newsroom.get_as(&editor, "/v1/trash").items().first().map(|item| item["id"].as_str().unwrap().to_owned());
    id.into_iter().for_each(|id| drop(newsroom.delete(&editor, &format!("/v1/trash/{id}")).expect(204)));
    let made = post(&newsroom, &editor, "/v1/articles", "key", "*", &story).expect(201);
    assert_eq!(made.header("idempotency-replayed"), "");
}

#[test]
fn i06_a_key_that_is_no_key_is_refused_by_name() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for bad in ["", "\"\"", &"[".repeat(256), &"{\"a\":".repeat(1000)] {
        let refusal = post(&newsroom, &editor, "/v1/articles", bad, "*", &json!({ "title": "Story" })).expect(400);
        assert_eq!((refusal.code().as_str(), refusal.places()), ("malformed_request", vec!["Idempotency-Key".to_owned()]));
    }
    let headers = [("content-type", "application/json"), ("idempotency-key", "a"), ("idempotency-key", "b")];
    newsroom.send("POST", "/v1/articles", Some(&editor), &headers, Some(b"{\"title\":\"Story\"}")).expect(400);
    assert_eq!(newsroom.get_as(&editor, "/v1/articles?view=working&count=true").json()["page"]["total"], 0);
}

#[derive(diesel::QueryableByName)]
struct Kept {
    #[diesel(sql_type = diesel::sql_types::Binary)]
    answer: Vec<u8>,
}

#[test]
fn who_has_the_database_alone_reads_no_token_in_a_kept_answer() {
    use diesel::RunQueryDsl;
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.draft(&editor, &json!({ "title": "Story" }));
    let path = "/v1/articles/story/preview-tokens";
    let token = post(&newsroom, &editor, path, "key", "*", &json!({ "expires_in": 60 })).expect(201).json()["token"].clone();
    let mut conn = newsroom.conn();
    let Kept { answer: kept } = diesel::sql_query("SELECT answer FROM idempotency_keys").get_result(&mut conn).unwrap();
    assert!(kept.len() > 100);
    assert!(!String::from_utf8_lossy(&kept).contains(token.as_str().unwrap().split('.').next().unwrap()));
    // An answer that cannot be opened is not made anew: the write has happened.
    let nothing = if newsroom.database_url().starts_with("postgres") { "''::bytea" } else { "x''" };
    execute(&mut conn, &format!("UPDATE idempotency_keys SET answer = {nothing}"));
    assert_eq!(post(&newsroom, &editor, path, "key", "*", &json!({ "expires_in": 60 })).expect(422).code(), "idempotency_key_reused");
}
