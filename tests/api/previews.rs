//! Previews: a token shows one story to who has it, until its time is up, it is revoked, or its maker may no more.

use crate::newsroom::{Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

fn newsroom() -> (Newsroom, Person) {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.draft(&editor, &json!({ "title": "Story", "body": "First words." }));
    (newsroom, editor)
}

/// Makes a preview token: what the answer says, and who holds it.
fn preview(newsroom: &Newsroom, person: &Person, slug: &str, wish: &Value) -> (Value, Person) {
    let made = newsroom.post(person, &format!("/v1/articles/{slug}/preview-tokens"), wish).expect(201).json();
    let token = made["token"].as_str().unwrap().to_owned();
    (made, Person { id: String::new(), email: String::new(), token })
}

#[test]
fn a_preview_shows_a_draft_as_it_is_whenever_it_is_read_and_to_nobody_else() {
    let (newsroom, editor) = newsroom();
    let answer = newsroom.post(&editor, "/v1/articles/story/preview-tokens", &json!({ "expires_in": 3600 })).expect(201);
    let made = answer.json();
    let story = newsroom.get_as(&editor, "/v1/articles/story?view=working").expect(200).json();
    let address = format!("/v1/articles/{}", story["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), format!("{address}/preview-tokens/{}", made["id"].as_str().unwrap()));
    assert_eq!(answer.header("cache-control"), "private, no-store");
    assert_eq!(made["url"], format!("https://api.news.example{address}"));
    assert_eq!((&made["expires_at"], &made["revision"]), (&json!("2025-06-27T15:30:00.000Z"), &Value::Null));
    let holder = Person { id: String::new(), email: String::new(), token: made["token"].as_str().unwrap().into() };
    for path in ["/v1/articles/story", "/v1/articles/story?view=working", &address] {
        let shown = newsroom.get_as(&holder, path).expect(200);
        assert_eq!(shown.json(), story);
        assert_eq!((shown.header("cache-control"), shown.header("surrogate-key")), ("private, no-store", ""));
        newsroom.send("HEAD", path, Some(&holder), &[], None).expect(200);
        newsroom.get(path).expect(if path.contains("working") { 401 } else { 404 });
    }
    newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "body": "Second words." })).expect(200);
    assert!(newsroom.get_as(&holder, "/v1/articles/story").expect(200).text().contains("Second words."));
    let sparse = newsroom.get_as(&holder, "/v1/articles/story?fields=status,body").expect(200).json();
    assert_eq!((&sparse["status"], &sparse["body"]), (&json!("draft"), &json!("Second words.")));
    newsroom.get_as(&holder, "/v1/articles/story?view=live").expect(404);
    assert_eq!(newsroom.get("/v1/articles?count=true").expect(200).json()["page"]["total"], 0);
}

#[test]
fn a_preview_of_a_revision_shows_that_one_though_others_follow() {
    let (newsroom, editor) = newsroom();
    newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "body": "Second words.", "slug": "renamed" })).expect(200);
    let (made, holder) = preview(&newsroom, &editor, "renamed", &json!({ "expires_in": 60, "revision": 1 }));
    assert_eq!(made["revision"], 1);
    let shown = newsroom.get_as(&holder, "/v1/articles/renamed").expect(200).json();
    assert_eq!((&shown["body"], &shown["slug"], &shown["version"]), (&json!("First words."), &json!("story"), &json!(1)));
    assert_eq!((&shown["html"], &shown["word_count"]), (&json!("<p>First words.</p>\n"), &json!(2)));
    let moved = newsroom.get_as(&holder, "/v1/articles/story").expect(308);
    assert_eq!(moved.header("location"), "/v1/articles/renamed");
    let unknown = newsroom.post(&editor, "/v1/articles/renamed/preview-tokens", &json!({ "expires_in": 60, "revision": 3 })).expect(422);
    assert_eq!(unknown.places(), ["/revision"]);
    let wrong = [
        json!({}),
        json!({ "expires_in": 0 }),
        json!({ "expires_in": 2_592_001 }),
        json!({ "expires_in": "60" }),
        json!({ "expires_in": 60, "revision": 0 }),
    ];
    for wrong in wrong {
        newsroom.post(&editor, "/v1/articles/renamed/preview-tokens", &wrong).expect(422);
    }
}

#[test]
fn a_preview_ends_with_its_time_or_when_it_is_revoked_and_is_listed_until_then() {
    let (newsroom, editor) = newsroom();
    let (short, first) = preview(&newsroom, &editor, "story", &json!({ "expires_in": 60 }));
    newsroom.pass(1);
    let (long, second) = preview(&newsroom, &editor, "story", &json!({ "expires_in": 3600, "revision": 1 }));
    let list = || newsroom.get_as(&editor, "/v1/articles/story/preview-tokens?count=true").expect(200);
    let ids = |list: &crate::newsroom::Answer| list.items().iter().map(|item| item["id"].clone()).collect::<Vec<_>>();
    assert_eq!((ids(&list()), &list().json()["page"]["total"]), (vec![long["id"].clone(), short["id"].clone()], &json!(2)));
    assert_eq!((&list().items()[0]["name"], &list().items()[0]["revision"]), (&json!("editor"), &json!(1)));
    assert!(!list().text().contains("eyJ"), "the token is shown once");
    let page = newsroom.get_as(&editor, "/v1/articles/story/preview-tokens?limit=1").expect(200).json();
    let next = format!("/v1/articles/story/preview-tokens?limit=1&cursor={}", page["page"]["next_cursor"].as_str().unwrap());
    assert_eq!(ids(&newsroom.get_as(&editor, &next).expect(200)), [short["id"].clone()]);
    newsroom.pass(59_998);
    newsroom.get_as(&first, "/v1/articles/story").expect(200);
    newsroom.pass(1);
    assert_eq!(newsroom.get_as(&first, "/v1/articles/story").expect(401).code(), "invalid_token");
    assert_eq!(ids(&list()), [long["id"].clone()]);
    let path = |made: &Value| format!("/v1/articles/story/preview-tokens/{}", made["id"].as_str().unwrap());
    newsroom.delete(&editor, &path(&short)).expect(404);
    newsroom.get_as(&second, "/v1/articles/story").expect(200);
    newsroom.send("DELETE", &path(&long), Some(&editor), &[], None).expect(204);
    newsroom.get_as(&second, "/v1/articles/story").expect(401);
    newsroom.delete(&editor, &path(&long)).expect(404);
    assert_eq!(list().items(), [Value::Null; 0]);
}

#[test]
fn a_preview_ends_when_its_maker_may_no_longer_edit_the_story() {
    let (newsroom, _) = newsroom();
    let admin = newsroom.person(Role::Admin);
    for change in [json!({ "disabled": true }), json!({ "role": "author" }), json!({ "password": "a long and good password" }), Value::Null]
    {
        let maker = newsroom.person(Role::Editor);
        let (_, holder) = preview(&newsroom, &maker, "story", &json!({ "expires_in": 3600 }));
        newsroom.get_as(&holder, "/v1/articles/story").expect(200);
        let account = format!("/v1/users/{}", maker.id);
        if change.is_null() {
            newsroom.delete(&admin, &account).expect(204);
            newsroom.get_as(&holder, "/v1/articles/story").expect(401);
            continue;
        }
        newsroom.patch(&admin, &account, "*", &change).expect(200);
        newsroom.get_as(&holder, "/v1/articles/story").expect(401);
        // It does not come back with the right.
        newsroom.patch(&admin, &account, "*", &json!({ "disabled": false, "role": "editor" })).expect(200);
        newsroom.get_as(&holder, "/v1/articles/story").expect(401);
    }
    let maker = newsroom.person(Role::Author);
    newsroom.draft(&maker, &json!({ "title": "Own" }));
    let (_, holder) = preview(&newsroom, &maker, "own", &json!({ "expires_in": 3600 }));
    newsroom.patch(&admin, &format!("/v1/users/{}", maker.id), "*", &json!({ "role": "editor", "name": "Ana" })).expect(200);
    newsroom.get_as(&holder, "/v1/articles/own").expect(200);
}

#[test]
fn a_contributors_preview_rests_while_the_story_is_the_editors() {
    let (newsroom, editor) = newsroom();
    let contributor = newsroom.person(Role::Contributor);
    newsroom.draft(&contributor, &json!({ "title": "Own" }));
    let (_, holder) = preview(&newsroom, &contributor, "own", &json!({ "expires_in": 3600 }));
    newsroom.get_as(&holder, "/v1/articles/own").expect(200);
    newsroom.post(&contributor, "/v1/articles/own/submit", &json!({})).expect(200);
    newsroom.get_as(&holder, "/v1/articles/own").expect(401);
    newsroom.post(&contributor, "/v1/articles/own/preview-tokens", &json!({ "expires_in": 60 })).expect(403);
    newsroom.post(&editor, "/v1/articles/own/return", &json!({})).expect(200);
    newsroom.get_as(&holder, "/v1/articles/own").expect(200);
    newsroom.delete(&editor, "/v1/articles/own").expect(204);
    newsroom.get_as(&holder, "/v1/articles/own").expect(401);
}

#[test]
fn a_preview_of_a_live_story_shows_what_is_not_public_yet_and_not_who_is_at_it() {
    let (newsroom, editor) = newsroom();
    newsroom.post(&editor, "/v1/articles/story/publish", &json!({})).expect(200);
    newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "body": "Coming words." })).expect(200);
    newsroom.post(&editor, "/v1/articles/story/lock", &json!({})).expect(200);
    let (_, holder) = preview(&newsroom, &editor, "story", &json!({ "expires_in": 3600 }));
    let shown = newsroom.get_as(&holder, "/v1/articles/story").expect(200).json();
    assert_eq!((&shown["body"], &shown["has_unpublished_changes"], &shown["lock"]), (&json!("Coming words."), &json!(true), &Value::Null));
    for _ in 0..2 {
        assert!(newsroom.get("/v1/articles/story").expect(200).text().contains("First words."));
        assert!(newsroom.get_as(&holder, "/v1/articles/story?view=live").expect(200).text().contains("First words."));
    }
}
