//! Corrections: public at once, in order, whatever else is being edited.

use crate::newsroom::{Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

fn newsroom() -> (Newsroom, Person) {
    let newsroom = Newsroom::open();
    let author = newsroom.person(Role::Author);
    newsroom.publish(&author, &json!({ "title": "Story", "lead": "Lead." }));
    (newsroom, author)
}

fn correct(newsroom: &Newsroom, person: &Person, kind: &str, note: &str) -> Value {
    newsroom.post(person, "/v1/articles/story/corrections", &json!({ "kind": kind, "note": note })).expect(201).json()
}

fn live(newsroom: &Newsroom) -> Value {
    newsroom.get("/v1/articles/story").expect(200).json()
}

#[test]
fn corrections_are_public_at_once_in_order_and_publish_nothing_else() {
    let (newsroom, author) = newsroom();
    assert_eq!(live(&newsroom)["corrections"], json!([]));
    newsroom.patch(&author, "/v1/articles/story", "*", &json!({ "lead": "Not out yet." })).expect(200);
    let made: Vec<Value> = [("correction", "It was Friday."), ("clarification", "In Quetzaltenango."), ("update", "He resigned.")]
        .map(|(kind, note)| correct(&newsroom, &author, kind, note))
        .into();
    let story = live(&newsroom);
    assert_eq!((&story["corrections"], &story["lead"]), (&json!(made), &json!("Lead.")));
    assert_eq!(
        made[0],
        json!({ "id": made[0]["id"], "kind": "correction", "note": "It was Friday.", "created_at": "2025-06-27T14:30:00.000Z" })
    );
    assert_eq!(
        newsroom.get("/v1/articles/story?fields=corrections.note").expect(200).json()["corrections"][1],
        json!({ "note": "In Quetzaltenango." })
    );
    assert!(newsroom.get("/v1/articles").expect(200).items()[0].get("corrections").is_none());
    let working = newsroom.get_as(&author, "/v1/articles/story?view=working").expect(200).json();
    assert_eq!(
        (&working["corrections"], &working["version"], &working["has_unpublished_changes"]),
        (&json!(made), &json!(6), &json!(true))
    );
    newsroom.post(&author, "/v1/articles/story/publish", &json!({})).expect(200);
    assert_eq!((&live(&newsroom)["corrections"], &live(&newsroom)["lead"]), (&json!(made), &json!("Not out yet.")));
}

#[test]
fn a_correction_changes_what_caches_have_seen_and_no_date_of_the_story() {
    let (newsroom, author) = newsroom();
    let seen = newsroom.get("/v1/articles/story").expect(200);
    newsroom.pass(60_000);
    let answer = newsroom.post(&author, "/v1/articles/story/corrections", &json!({ "kind": "update", "note": "More." })).expect(201);
    assert!(answer.header("etag").starts_with("\"3-"));
    for (name, value) in [("if-none-match", seen.header("etag")), ("if-modified-since", seen.header("last-modified"))] {
        newsroom.send("GET", "/v1/articles/story", None, &[(name, value)], None).expect(200);
    }
    let dates = |story: &Value| ["first_published_at", "published_at", "content_updated_at"].map(|name| story[name].clone());
    assert_eq!(dates(&live(&newsroom)), dates(&seen.json()));
    let again = [("if-match", answer.header("etag")), ("content-type", "application/json")];
    newsroom.send("POST", "/v1/articles/story/unpublish", Some(&author), &again, Some(b"{}")).expect(200);
}

#[test]
fn an_editor_retracts_a_correction_and_nobody_else_does() {
    let (newsroom, author) = newsroom();
    let editor = newsroom.person(Role::Editor);
    let [one, two] = ["One.", "Two."].map(|note| correct(&newsroom, &author, "correction", note));
    let answer = newsroom.post(&editor, "/v1/articles/story/corrections", &json!({ "kind": "update", "note": "Three." })).expect(201);
    let address = format!("/v1/articles/story/corrections/{}", two["id"].as_str().unwrap());
    assert!(answer.header("location").ends_with(answer.json()["id"].as_str().unwrap()));
    newsroom.delete(&author, &address).expect(403);
    newsroom.send("DELETE", &address, Some(&editor), &[], None).expect(428);
    newsroom.delete(&editor, &address).expect(204);
    newsroom.delete(&editor, &address).expect(404);
    newsroom.delete(&editor, "/v1/articles/story/corrections/two").expect(404);
    assert_eq!(live(&newsroom)["corrections"], json!([one, answer.json()]));
    newsroom.publish(&editor, &json!({ "title": "Other" }));
    newsroom.delete(&editor, &format!("/v1/articles/other/corrections/{}", one["id"].as_str().unwrap())).expect(404);
    // One more comes last, whatever was taken back.
    newsroom.delete(&editor, answer.header("location")).expect(204);
    let four = correct(&newsroom, &author, "correction", "Four.");
    assert_eq!(live(&newsroom)["corrections"], json!([one, four]));
}

#[test]
fn only_a_live_story_is_corrected_and_corrections_outlast_its_absence() {
    let (newsroom, author) = newsroom();
    let other = newsroom.person(Role::Author);
    let note = json!({ "kind": "correction", "note": "It was Friday." });
    newsroom.post(&other, "/v1/articles/story/corrections", &note).expect(403);
    newsroom.post(&author, "/v1/articles/story/corrections", &note).expect(201);
    newsroom.post(&author, "/v1/articles/story/unpublish", &json!({})).expect(200);
    let refusal = newsroom.post(&author, "/v1/articles/story/corrections", &note).expect(409);
    assert_eq!(refusal.code(), "invalid_transition");
    newsroom.get("/v1/articles/story").expect(404);
    newsroom.post(&author, "/v1/articles/story/publish", &json!({})).expect(200);
    assert_eq!(live(&newsroom)["corrections"].as_array().unwrap().len(), 1);
    let wrong =
        newsroom.post(&author, "/v1/articles/story/corrections", &json!({ "kind": "erratum", "note": " ", "by": "me" })).expect(422);
    let mut places = wrong.places();
    places.sort();
    assert_eq!(places, ["/by", "/kind", "/note"]);
}

#[test]
fn a_story_has_a_hundred_corrections_at_most() {
    let (newsroom, author) = newsroom();
    let editor = newsroom.person(Role::Editor);
    let made: Vec<Value> = (1..=100).map(|n| correct(&newsroom, &author, "update", &n.to_string())).collect();
    let one_more = json!({ "kind": "update", "note": "101" });
    assert_eq!(newsroom.post(&author, "/v1/articles/story/corrections", &one_more).expect(422).places(), ["/note"]);
    newsroom.delete(&editor, &format!("/v1/articles/story/corrections/{}", made[99]["id"].as_str().unwrap())).expect(204);
    newsroom.post(&author, "/v1/articles/story/corrections", &one_more).expect(201);
    assert_eq!(live(&newsroom)["corrections"].as_array().unwrap().len(), 100);
}
