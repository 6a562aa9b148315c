//! Edits: merge patches, and nobody overwrites what they have not seen.

use crate::newsroom::{Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

/// A newsroom with one draft at `/v1/articles/story`.
fn newsroom_with(story: &Value) -> (Newsroom, Person) {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.draft(&editor, story);
    (newsroom, editor)
}

const STORY: &str = "/v1/articles/story";

#[test]
fn a_patch_changes_what_it_names_and_clears_what_it_nulls() {
    let dateline = json!({ "text": "Guatemala City, Guatemala", "city": "Guatemala City", "country_code": "GT" });
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story", "lead": "Lead.", "body": "Body.", "dateline": dateline }));
    let patch = json!({ "lead": null, "subtitle": "More", "dateline": { "city": null, "region": "Guatemala" } });
    let story = newsroom.patch(&editor, STORY, "*", &patch).expect(200).json();
    assert_eq!((&story["lead"], &story["subtitle"], &story["body"]), (&Value::Null, &json!("More"), &json!("Body.")));
    let expected =
        json!({ "text": "Guatemala City, Guatemala", "city": null, "region": "Guatemala", "country": null, "country_code": "GT" });
    assert_eq!(story["dateline"], expected);
    assert_eq!(newsroom.patch(&editor, STORY, "*", &json!({ "dateline": null })).expect(200).json()["dateline"], Value::Null);
}

#[test]
fn members_inside_custom_are_merged_and_arrays_replace_whole() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story", "custom": { "a": { "x": 1, "y": 2 }, "list": [1, 2, 3] } }));
    let story = newsroom.patch(&editor, STORY, "*", &json!({ "custom": { "a": { "x": null, "z": 3 }, "list": [4] } })).expect(200);
    assert_eq!(story.json()["custom"], json!({ "a": { "y": 2, "z": 3 }, "list": [4] }));
    assert_eq!(newsroom.patch(&editor, STORY, "*", &json!({ "custom": null })).expect(200).json()["custom"], json!({}));
}

#[test]
fn a_patch_that_breaks_rules_stores_nothing_and_names_all_of_them() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story" }));
    let before = newsroom.get_as(&editor, "/v1/articles/story?view=working").expect(200).text();
    let patch = json!({ "title": null, "lead": "x".repeat(5001), "language": "English", "nonsense": 1, "status": "published" });
    let mut places = newsroom.patch(&editor, STORY, "*", &patch).expect(422).places();
    places.sort();
    assert_eq!(places, ["/language", "/lead", "/nonsense", "/status", "/title"]);
    assert_eq!(newsroom.patch(&editor, STORY, "*", &json!({ "title": null })).expect(422).places(), ["/title"]);
    assert_eq!(newsroom.get_as(&editor, "/v1/articles/story?view=working").expect(200).text(), before);
}

#[test]
fn a_patch_that_changes_nothing_makes_no_version() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story", "lead": "Lead.", "custom": { "a": 1 } }));
    let ana = newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana" })).expect(201).json()["id"].clone();
    newsroom.patch(&editor, STORY, "*", &json!({ "authors": ["ana"] })).expect(200);
    let before = newsroom.get_as(&editor, "/v1/articles/story?view=working").expect(200);
    newsroom.pass(1000);
    for patch in [
        json!({}),
        json!({ "title": "Story", "subtitle": null, "custom": { "a": 1 } }),
        json!({ "slug": null, "tags": [] }),
        json!({ "tags": null, "language": null }),
        json!({ "authors": ["ana"] }),
        json!({ "author_ids": [ana] }),
    ] {
        let after = newsroom.patch(&editor, STORY, "*", &patch).expect(200);
        assert_eq!((after.text(), after.header("etag")), (before.text(), before.header("etag")), "{patch}");
    }
}

#[test]
fn a_patch_is_read_as_a_merge_patch_and_as_plain_json() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story" }));
    for (kind, status) in [
        ("application/merge-patch+json", 200),
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("application/json-patch+json", 415),
        ("text/plain", 415),
    ] {
        newsroom.send("PATCH", STORY, Some(&editor), &[("content-type", kind), ("if-match", "*")], Some(br#"{"lead":"!"}"#)).expect(status);
    }
}

#[test]
fn a_change_without_the_version_that_was_seen_is_refused() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story" }));
    let json = [("content-type", "application/json")];
    for (method, path, body) in [
        ("PATCH", STORY.to_owned(), Some(&b"{}"[..])),
        ("DELETE", STORY.to_owned(), None),
        ("POST", format!("{STORY}/publish"), Some(b"{}")),
    ] {
        let refusal = newsroom.send(method, &path, Some(&editor), &json, body).expect(428);
        assert_eq!(refusal.code(), "precondition_required", "{method} {path}");
    }
}

#[test]
fn a_change_for_an_older_version_is_told_who_changed_what_and_when() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story", "lead": "Old." }));
    let colleague = newsroom.person(Role::Editor);
    let seen = newsroom.get_as(&editor, "/v1/articles/story?view=working").expect(200).header("etag").to_owned();
    newsroom.pass(60_000);
    newsroom.patch(&colleague, STORY, &seen, &json!({ "lead": "New.", "dateline": { "city": "Cobán" } })).expect(200);
    let refusal = newsroom.patch(&editor, STORY, &seen, &json!({ "title": "Mine" })).expect(412);
    assert_eq!(refusal.code(), "stale");
    let problem = refusal.json();
    assert_eq!((&problem["current_version"], &problem["changed_by"]), (&json!(2), &json!(colleague.id)));
    assert_eq!(problem["changed_at"], "2025-06-27T14:31:00.000Z");
    let mut differing: Vec<&str> = problem["differing_members"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    differing.sort_unstable();
    assert_eq!(differing, ["dateline", "lead"]);
    assert_eq!(problem["conflicting_members"], json!([]));
    let stale = |change: Value| newsroom.patch(&editor, STORY, &seen, &change).expect(412).json()["conflicting_members"].clone();
    assert_eq!(stale(json!({ "title": "Mine", "lead": "Mine." })), json!(["lead"]));
    assert_eq!(stale(json!({ "lead": "Old." })), json!([]), "who sends what they have seen changes nothing");
    for (method, path) in [("DELETE", STORY.to_owned()), ("POST", format!("{STORY}/publish"))] {
        let headers = [("if-match", seen.as_str()), ("content-type", "application/json")];
        assert_eq!(newsroom.send(method, &path, Some(&editor), &headers, Some(b"{}")).expect(412).code(), "stale");
    }
    newsroom.patch(&editor, STORY, "*", &json!({ "title": "Mine" })).expect(200);
}

#[test]
fn the_version_counts_in_the_tag_of_any_answer_and_a_tag_of_nobody_matches_nothing() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story" }));
    let published = newsroom.post(&editor, "/v1/articles/story/publish", &json!({})).expect(200).header("etag").to_owned();
    let live = newsroom.get(STORY).expect(200).header("etag").to_owned();
    assert_ne!(published, live);
    let changed = newsroom.patch(&editor, STORY, &live, &json!({ "lead": "1" })).expect(200).header("etag").to_owned();
    newsroom.patch(&editor, STORY, &format!("\"1-0\", W/{changed}"), &json!({ "lead": "2" })).expect(200);
    for nobodys in ["\"x\"", "4", "\"-4-a\"", "\"99999999999999999999-a\"", "W/", ","] {
        assert_eq!(newsroom.patch(&editor, STORY, nobodys, &json!({ "lead": "3" })).expect(412).code(), "stale", "{nobodys}");
    }
}

#[test]
fn of_two_who_saw_the_same_version_one_is_refused() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story" }));
    let seen = newsroom.get_as(&editor, "/v1/articles/story?view=working").expect(200).header("etag").to_owned();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let save = |lead: usize| {
            let (newsroom, editor, seen) = (&newsroom, &editor, &seen);
            scope.spawn(move || newsroom.patch(editor, STORY, seen, &json!({ "lead": lead.to_string() })).status)
        };
        let saves: Vec<_> = (0..8).map(save).collect();
        saves.into_iter().map(|save| save.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 412].contains(status)), "{statuses:?}");
    let knowing: Vec<u16> = std::thread::scope(|scope| {
        let save = |lead: usize| {
            let (newsroom, editor) = (&newsroom, &editor);
            scope.spawn(move || newsroom.patch(editor, STORY, "*", &json!({ "subtitle": lead.to_string() })).status)
        };
        let saves: Vec<_> = (0..8).map(save).collect();
        saves.into_iter().map(|save| save.join().unwrap()).collect()
    });
    assert_eq!(knowing, [200; 8]);
    assert_eq!(newsroom.get_as(&editor, "/v1/articles/story?view=working").expect(200).json()["version"], 10);
}
