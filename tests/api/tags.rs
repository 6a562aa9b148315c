//! Tags: what stories are about, in a shallow tree.

use crate::newsroom::{Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

fn newsroom_with(tags: &[Value]) -> (Newsroom, Person) {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for tag in tags {
        newsroom.post(&editor, "/v1/tags", tag).expect(201);
    }
    (newsroom, editor)
}

#[test]
fn a_tag_is_written_once_and_read_by_all() {
    let (newsroom, editor) = newsroom_with(&[]);
    let created = newsroom.post(&editor, "/v1/tags", &json!({ "name": "Drug trafficking", "description": "Routes." })).expect(201);
    assert_eq!(created.header("location"), "/v1/tags/drug-trafficking");
    let tag = newsroom.get("/v1/tags/drug-trafficking").expect(200).json();
    let expected = json!({
        "id": created.json()["id"], "slug": "drug-trafficking", "name": "Drug trafficking", "description": "Routes.", "parent": null,
        "visibility": "public", "article_count": 0,
    });
    assert_eq!(tag, expected);
    assert_eq!(newsroom.get("/v1/tags").expect(200).items(), [expected]);
    assert_eq!(newsroom.get("/v1/tags/nothing").expect(404).code(), "not_found");
    let refusal = newsroom.post(&editor, "/v1/tags", &json!({ "name": " ", "visibility": "secret", "color": "red" })).expect(422);
    let mut places = refusal.places();
    places.sort();
    assert_eq!(places, ["/color", "/name", "/visibility"]);
}

#[test]
fn a_tag_stands_below_another_but_never_below_itself() {
    let (newsroom, editor) = newsroom_with(&[json!({ "name": "World" }), json!({ "name": "Americas", "parent": "world" })]);
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Guatemala", "parent": "americas" })).expect(201);
    assert_eq!(newsroom.get("/v1/tags/guatemala").expect(200).json()["parent"], "americas");
    for (tag, parent) in [("world", "world"), ("world", "americas"), ("world", "guatemala"), ("americas", "guatemala")] {
        let refusal = newsroom.patch(&editor, &format!("/v1/tags/{tag}"), "*", &json!({ "parent": parent })).expect(422);
        assert_eq!(refusal.places(), ["/parent"], "{tag} below {parent}");
    }
    assert_eq!(newsroom.post(&editor, "/v1/tags", &json!({ "name": "X", "parent": "nothing" })).expect(422).places(), ["/parent"]);
    let free = newsroom.patch(&editor, "/v1/tags/americas", "*", &json!({ "parent": null })).expect(200).json();
    assert_eq!(free["parent"], Value::Null);
    newsroom.patch(&editor, "/v1/tags/world", "*", &json!({ "parent": "guatemala" })).expect(200);
}

#[test]
fn tags_nest_eight_deep_and_no_deeper_also_when_a_branch_moves() {
    let (newsroom, editor) = newsroom_with(&[json!({ "name": "T1" })]);
    for level in 2..=8 {
        let tag = json!({ "name": format!("T{level}"), "parent": format!("t{}", level - 1) });
        newsroom.post(&editor, "/v1/tags", &tag).expect(201);
    }
    assert_eq!(newsroom.post(&editor, "/v1/tags", &json!({ "name": "T9", "parent": "t8" })).expect(422).places(), ["/parent"]);
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Top" })).expect(201);
    let refusal = newsroom.patch(&editor, "/v1/tags/t1", "*", &json!({ "parent": "top" })).expect(422);
    assert_eq!(refusal.places(), ["/parent"]);
    newsroom.patch(&editor, "/v1/tags/t2", "*", &json!({ "parent": "top" })).expect(200);
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Leaf", "parent": "t1" })).expect(201);
    assert_eq!(newsroom.delete(&editor, "/v1/tags/t1?reassign_to=t8").expect(400).places(), ["reassign_to"]);
    newsroom.delete(&editor, "/v1/tags/leaf?reassign_to=t8").expect(204);
    newsroom.delete(&editor, "/v1/tags/t1?reassign_to=t7").expect(204);
}

#[test]
fn an_internal_tag_is_never_seen_in_the_live_view() {
    let (newsroom, editor) =
        newsroom_with(&[json!({ "name": "Desk", "visibility": "internal" }), json!({ "name": "Crime", "parent": "desk" })]);
    newsroom.publish(&editor, &json!({ "title": "Story", "tags": ["desk", "crime"] }));
    newsroom.publish(&editor, &json!({ "title": "Other", "tags": ["desk"] }));
    let id = newsroom.get_as(&editor, "/v1/tags/desk?view=working").expect(200).json()["id"].as_str().unwrap().to_owned();
    for path in ["/v1/tags/desk".to_owned(), format!("/v1/tags/{id}")] {
        assert_eq!(
            newsroom.get(&path).expect(404).text().replace(&path, ""),
            newsroom.get("/v1/tags/no").expect(404).text().replace("/v1/tags/no", "")
        );
        newsroom.get_as(&editor, &path).expect(404);
    }
    for path in ["/v1/tags", "/v1/tags/crime", "/v1/articles", "/v1/articles/story", "/v1/articles/other", "/v1/articles/story/related"] {
        let answer = newsroom.get(path).expect(200);
        let seen = format!("{}{}", answer.text(), answer.header("surrogate-key"));
        assert!(!seen.to_lowercase().contains("desk") && !seen.contains(&id), "{path}: {seen}");
    }
    assert_eq!(newsroom.get("/v1/tags?count=true").expect(200).json()["page"]["total"], 1);
    assert!(newsroom.get("/v1/articles?tag=desk").expect(200).items().is_empty());
    assert!(newsroom.get(&format!("/v1/articles?tag={id}")).expect(200).items().is_empty());
    assert_eq!(newsroom.get("/v1/articles?exclude_tag=desk").expect(200).items().len(), 2);
    let working = newsroom.get_as(&editor, "/v1/articles/story?view=working").expect(200).json();
    assert_eq!((&working["tags"][0]["slug"], &working["tags"][0]["visibility"]), (&json!("desk"), &json!("internal")));
    assert_eq!(newsroom.get_as(&editor, "/v1/tags?view=working").expect(200).items().len(), 2);
    assert_eq!(newsroom.get_as(&editor, "/v1/articles?view=working&tag=desk").expect(200).items().len(), 2);
    newsroom.patch(&editor, "/v1/tags/desk", "*", &json!({ "slug": "planning" })).expect(200);
    newsroom.get("/v1/tags/desk").expect(404);
    newsroom.patch(&editor, "/v1/tags/planning", "*", &json!({ "visibility": "public" })).expect(200);
    assert_eq!(newsroom.get("/v1/tags/desk").expect(308).header("location"), "/v1/tags/planning");
    assert_eq!(newsroom.get("/v1/articles?tag=planning").expect(200).items().len(), 2);
}

#[test]
fn an_internal_tag_does_not_draw_stories_together_in_public() {
    let (newsroom, editor) = newsroom_with(&[json!({ "name": "Desk", "visibility": "internal" })]);
    newsroom.publish(&editor, &json!({ "title": "One", "tags": ["desk"] }));
    newsroom.publish(&editor, &json!({ "title": "Two", "tags": ["desk"] }));
    newsroom.pass(60_000);
    newsroom.publish(&editor, &json!({ "title": "Three" }));
    assert!(newsroom.get("/v1/articles/one/related").expect(200).items().is_empty());
    let beside = newsroom.get("/v1/articles/three/adjacent?within=primary_tag").expect(200).json();
    let all = newsroom.get("/v1/articles/three/adjacent").expect(200).json();
    assert_eq!(beside, all);
}

#[test]
fn a_tag_in_use_stays_unless_another_takes_its_place() {
    let (newsroom, editor) =
        newsroom_with(&[json!({ "name": "Crime" }), json!({ "name": "Justice" }), json!({ "name": "Courts", "parent": "crime" })]);
    newsroom.publish(&editor, &json!({ "title": "Both", "tags": ["crime", "justice"] }));
    newsroom.draft(&editor, &json!({ "title": "Draft", "tags": ["crime"] }));
    let refusal = newsroom.delete(&editor, "/v1/tags/crime").expect(409);
    assert_eq!((refusal.code(), &refusal.json()["count"]), ("in_use".into(), &json!(3)));
    for bad in ["nothing", "crime", "courts"] {
        assert_eq!(newsroom.delete(&editor, &format!("/v1/tags/crime?reassign_to={bad}")).expect(400).places(), ["reassign_to"], "{bad}");
    }
    newsroom.delete(&editor, "/v1/tags/crime?reassign_to=justice").expect(204);
    newsroom.delete(&editor, "/v1/tags/crime").expect(404);
    assert_eq!(newsroom.get("/v1/tags/courts").expect(200).json()["parent"], "justice");
    for path in ["/v1/articles/both", "/v1/articles/both?view=working", "/v1/articles/draft?view=working"] {
        let tags = newsroom.get_as(&editor, path).expect(200).json()["tags"].clone();
        assert_eq!((tags.as_array().unwrap().len(), &tags[0]["slug"]), (1, &json!("justice")), "{path}");
    }
    assert_eq!(newsroom.get("/v1/tags/justice").expect(200).json()["article_count"], 1);
}

#[test]
fn a_tag_changed_by_another_is_not_overwritten_unseen() {
    let (newsroom, editor) = newsroom_with(&[]);
    let seen = newsroom.post(&editor, "/v1/tags", &json!({ "name": "Crime" })).expect(201).header("etag").to_owned();
    newsroom.patch(&editor, "/v1/tags/crime", &seen, &json!({ "description": "1" })).expect(200);
    assert_eq!(newsroom.patch(&editor, "/v1/tags/crime", &seen, &json!({ "description": "2" })).expect(412).code(), "stale");
    assert_eq!(newsroom.send("DELETE", "/v1/tags/crime", Some(&editor), &[("if-match", &seen)], None).expect(412).code(), "stale");
    let same = newsroom.patch(&editor, "/v1/tags/crime", "*", &json!({ "description": "1", "visibility": null })).expect(200);
    assert_eq!(same.json()["version"], 2);
}
