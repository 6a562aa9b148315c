//! Locks: others see who is at a story; they bind nobody.

use crate::newsroom::{Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

const LOCK: &str = "/v1/articles/story/lock";

fn newsroom() -> (Newsroom, Person, Person) {
    let newsroom = Newsroom::open();
    let [one, other] = [Role::Editor, Role::Editor].map(|role| newsroom.person(role));
    newsroom.publish(&one, &json!({ "title": "Story" }));
    (newsroom, one, other)
}

fn shown(newsroom: &Newsroom, person: &Person) -> Value {
    let story = newsroom.get_as(person, "/v1/articles/story?view=working").expect(200).json();
    let list = newsroom.get_as(person, "/v1/articles?view=working").expect(200);
    assert_eq!(list.items()[0]["lock"], story["lock"]);
    story["lock"].clone()
}

#[test]
fn a_lock_tells_the_others_who_is_at_a_story_until_its_time_is_up() {
    let (newsroom, one, other) = newsroom();
    assert_eq!(shown(&newsroom, &other), Value::Null);
    let lock = newsroom.post(&one, LOCK, &json!({ "ttl_seconds": 60 })).expect(200).json();
    assert_eq!(lock, json!({ "user_id": one.id, "name": "editor", "until": "2025-06-27T14:31:00.000Z" }));
    assert_eq!(shown(&newsroom, &other), lock);
    let refusal = newsroom.post(&other, LOCK, &json!({})).expect(409);
    assert_eq!((refusal.code().as_str(), &refusal.json()["lock"]), ("locked", &lock));
    newsroom.pass(59_999);
    newsroom.post(&other, LOCK, &json!({})).expect(409);
    newsroom.pass(1);
    assert_eq!(shown(&newsroom, &other), Value::Null);
    newsroom.delete(&one, LOCK).expect(404);
    let next = newsroom.post(&other, LOCK, &json!({})).expect(200).json();
    assert_eq!((&next["user_id"], &next["until"]), (&json!(other.id), &json!("2025-06-27T14:36:00.000Z")));
}

#[test]
fn a_lock_is_renewed_taken_over_and_given_back() {
    let (newsroom, one, other) = newsroom();
    newsroom.post(&one, LOCK, &json!({ "ttl_seconds": 60 })).expect(200);
    newsroom.pass(30_000);
    assert_eq!(newsroom.post(&one, LOCK, &json!({ "ttl_seconds": 60 })).expect(200).json()["until"], "2025-06-27T14:31:30.000Z");
    newsroom.post(&other, LOCK, &json!({ "takeover": false })).expect(409);
    newsroom.delete(&other, LOCK).expect(409);
    assert_eq!(newsroom.post(&other, LOCK, &json!({ "takeover": true })).expect(200).json()["user_id"], other.id);
    assert_eq!(newsroom.delete(&one, LOCK).expect(409).code(), "locked");
    newsroom.delete(&other, LOCK).expect(204);
    newsroom.delete(&other, LOCK).expect(404);
    assert_eq!(shown(&newsroom, &one), Value::Null);
    for wrong in [json!({ "ttl_seconds": 0 }), json!({ "ttl_seconds": 86_401 }), json!({ "ttl_seconds": "60" }), json!({ "takeover": 1 })] {
        newsroom.post(&one, LOCK, &wrong).expect(422);
    }
}

#[test]
fn a_lock_binds_no_write_and_makes_no_version() {
    let (newsroom, one, other) = newsroom();
    let before = newsroom.get_as(&one, "/v1/articles/story?view=working").expect(200);
    newsroom.send("POST", LOCK, Some(&one), &[("content-type", "application/json")], Some(b"{}")).expect(200);
    assert!(!newsroom.get("/v1/articles/story").expect(200).text().contains("lock"));
    newsroom.patch(&other, "/v1/articles/story", before.header("etag"), &json!({ "lead": "More." })).expect(200);
    assert_eq!(newsroom.patch(&one, "/v1/articles/story", before.header("etag"), &json!({ "lead": "Mine." })).expect(412).code(), "stale");
    newsroom.send("DELETE", LOCK, Some(&one), &[], None).expect(204);
}

#[test]
fn who_may_not_edit_a_story_does_not_lock_it_and_an_account_takes_its_lock_along() {
    let (newsroom, one, other) = newsroom();
    let [author, contributor, admin] = [Role::Author, Role::Contributor, Role::Admin].map(|role| newsroom.person(role));
    for person in [&author, &contributor] {
        newsroom.post(person, LOCK, &json!({})).expect(403);
        newsroom.delete(person, LOCK).expect(403);
    }
    newsroom.draft(&contributor, &json!({ "title": "Own" }));
    newsroom.post(&contributor, "/v1/articles/own/lock", &json!({})).expect(200);
    newsroom.delete(&one, "/v1/articles/own").expect(204);
    newsroom.post(&other, LOCK, &json!({})).expect(200);
    newsroom.delete(&admin, &format!("/v1/users/{}", other.id)).expect(204);
    assert_eq!(shown(&newsroom, &one), Value::Null);
    newsroom.post(&one, "/v1/articles/nothing/lock", &json!({})).expect(404);
}
