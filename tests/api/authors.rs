//! Authors: bylines with their beat and bio.

use crate::newsroom::{Newsroom, seed_author};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

#[test]
fn an_author_is_written_once_and_read_by_all() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let created = newsroom.post(&editor, "/v1/authors", &seed_author()).expect(201);
    assert_eq!(created.header("location"), "/v1/authors/marcus");
    assert!(created.header("etag").starts_with("\"1-"));
    let author = newsroom.get("/v1/authors/marcus").expect(200);
    let json = author.json();
    assert_eq!(json["bio_html"], format!("<p>{}</p>\n", json["bio"].as_str().unwrap()));
    assert_eq!((&json["beat"], &json["article_count"]), (&seed_author()["beat"], &json!(0)));
    assert_eq!(newsroom.get(&format!("/v1/authors/{}", json["id"].as_str().unwrap())).expect(200).text(), author.text());
    assert_eq!(newsroom.get("/v1/authors").expect(200).items(), [json]);
    assert_eq!(newsroom.get("/v1/authors/nobody").expect(404).code(), "not_found");
}

#[test]
fn a_bio_may_be_long_and_has_no_trap() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let bio = "A sentence of the bio. ".repeat(4000);
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Long", "bio": bio })).expect(201);
    assert_eq!(newsroom.get("/v1/authors/long").expect(200).json()["bio"], bio);
    let too_long = newsroom.post(&editor, "/v1/authors", &json!({ "name": "Longer", "bio": "x".repeat(200_001) })).expect(422);
    assert_eq!(too_long.places(), ["/bio"]);
}

#[test]
fn an_address_and_an_account_stay_in_the_newsroom() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let author = json!({ "name": "Ana", "email": "ana@example.com", "user_id": editor.id });
    newsroom.post(&editor, "/v1/authors", &author).expect(201);
    newsroom.publish(&editor, &json!({ "title": "Story", "authors": ["ana"] }));
    for path in ["/v1/authors/ana", "/v1/authors", "/v1/articles/story", "/v1/articles", "/v1/articles/story/related"] {
        for answer in [newsroom.get(path).expect(200), newsroom.get_as(&editor, path).expect(200)] {
            let text = answer.text();
            assert!(!text.contains("ana@example.com") && !text.contains("\"user_id\"") && !text.contains(&editor.id), "{path}: {text}");
        }
    }
    for field in ["email", "user_id", "version"] {
        assert_eq!(newsroom.get(&format!("/v1/authors/ana?fields={field}")).expect(400).places(), ["fields"]);
    }
    let working = newsroom.get_as(&editor, "/v1/authors/ana?view=working").expect(200).json();
    assert_eq!((&working["email"], &working["user_id"], &working["version"]), (&json!("ana@example.com"), &json!(editor.id), &json!(1)));
    assert_eq!(newsroom.get("/v1/authors/ana?view=working").expect(401).code(), "unauthenticated");
    let unknown = json!({ "name": "Bo", "user_id": "00000000-0000-7000-8000-000000000000" });
    assert_eq!(newsroom.post(&editor, "/v1/authors", &unknown).expect(422).places(), ["/user_id"]);
}

#[test]
fn a_change_of_an_author_shows_in_every_story_at_once() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom
        .post(&editor, "/v1/authors", &json!({ "name": "Ana", "links": [{ "label": "Blog", "url": "https://a.example/" }] }))
        .expect(201);
    newsroom.publish(&editor, &json!({ "title": "Story", "authors": ["ana"] }));
    let patch = json!({ "beat": "Courts", "links": null, "image": { "url": "https://a.example/a.png", "alt": "Ana" } });
    let author = newsroom.patch(&editor, "/v1/authors/ana", "*", &patch).expect(200).json();
    assert_eq!((&author["links"], &author["version"], &author["article_count"]), (&json!([]), &json!(2), &json!(1)));
    let byline = newsroom.get("/v1/articles/story").expect(200).json()["authors"][0].clone();
    assert_eq!((&byline["beat"], &byline["image"]["alt"]), (&json!("Courts"), &json!("Ana")));
    let cleared = newsroom.patch(&editor, "/v1/authors/ana", "*", &json!({ "image": null, "beat": null })).expect(200).json();
    assert_eq!((&cleared["image"], &cleared["beat"]), (&Value::Null, &Value::Null));
}

#[test]
fn an_author_changed_by_another_is_not_overwritten_unseen() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let seen = newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana" })).expect(201).header("etag").to_owned();
    newsroom.patch(&editor, "/v1/authors/ana", &seen, &json!({ "beat": "Courts" })).expect(200);
    let refusal = newsroom.patch(&editor, "/v1/authors/ana", &seen, &json!({ "beat": "Crime" })).expect(412);
    assert_eq!((refusal.code(), &refusal.json()["current_version"]), ("stale".into(), &json!(2)));
    assert_eq!(refusal.json()["changed_by"], json!(editor.id));
    let headers = [("if-match", seen.as_str())];
    assert_eq!(newsroom.send("DELETE", "/v1/authors/ana", Some(&editor), &headers, None).expect(412).code(), "stale");
    assert_eq!(newsroom.send("DELETE", "/v1/authors/ana", Some(&editor), &[], None).expect(428).code(), "precondition_required");
    let unchanged = newsroom.patch(&editor, "/v1/authors/ana", "*", &json!({ "beat": "Courts", "slug": null, "links": [] })).expect(200);
    assert_eq!(unchanged.json()["version"], 2);
}

#[test]
fn an_author_in_use_stays_unless_another_takes_the_byline() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for name in ["Ana", "Bo"] {
        newsroom.post(&editor, "/v1/authors", &json!({ "name": name })).expect(201);
    }
    newsroom.publish(&editor, &json!({ "title": "Both", "authors": ["ana", "bo"] }));
    newsroom.publish(&editor, &json!({ "title": "Hers", "authors": ["ana"] }));
    newsroom.draft(&editor, &json!({ "title": "Draft", "authors": ["ana"] }));
    let refusal = newsroom.delete(&editor, "/v1/authors/ana").expect(409);
    assert_eq!((refusal.code(), &refusal.json()["count"]), ("in_use".into(), &json!(3)));
    for bad in ["nobody", "ana"] {
        assert_eq!(newsroom.delete(&editor, &format!("/v1/authors/ana?reassign_to={bad}")).expect(400).places(), ["reassign_to"]);
    }
    newsroom.delete(&editor, "/v1/authors/ana?reassign_to=bo").expect(204);
    newsroom.get("/v1/authors/ana").expect(404);
    newsroom.delete(&editor, "/v1/authors/ana").expect(404);
    let bylines = |path: &str| -> Vec<Value> {
        let story = newsroom.get_as(&editor, path).expect(200).json();
        story["authors"].as_array().unwrap().iter().map(|author| author["slug"].clone()).collect()
    };
    for path in ["/v1/articles/both", "/v1/articles/hers", "/v1/articles/both?view=working", "/v1/articles/draft?view=working"] {
        assert_eq!(bylines(path), ["bo"], "{path}");
    }
    assert_eq!(newsroom.get("/v1/authors/bo").expect(200).json()["article_count"], 2);
    assert_eq!(newsroom.get("/v1/articles?author=bo").expect(200).items().len(), 2);
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana", "slug": "ana" })).expect(201);
}

#[test]
fn a_story_in_the_trash_still_holds_its_author() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana" })).expect(201);
    newsroom.draft(&editor, &json!({ "title": "Story", "authors": ["ana"] }));
    newsroom.delete(&editor, "/v1/articles/story").expect(204);
    assert_eq!(newsroom.delete(&editor, "/v1/authors/ana").expect(409).code(), "in_use");
}

#[test]
fn only_live_stories_are_counted() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana" })).expect(201);
    let count = || newsroom.get("/v1/authors/ana").expect(200).json()["article_count"].clone();
    newsroom.draft(&editor, &json!({ "title": "Story", "authors": ["ana"] }));
    assert_eq!(count(), 0);
    newsroom.post(&editor, "/v1/articles/story/publish", &json!({})).expect(200);
    assert_eq!(count(), 1);
    newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "authors": [] })).expect(200);
    assert_eq!(count(), 1);
    newsroom.post(&editor, "/v1/articles/story/publish", &json!({})).expect(200);
    assert_eq!(count(), 0);
}

#[test]
fn authors_are_listed_by_name_or_age_both_ways() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for name in ["Cy", "Ana", "Bo"] {
        newsroom.pass(1);
        newsroom.post(&editor, "/v1/authors", &json!({ "name": name })).expect(201);
    }
    for (sort, expected) in [("name", "AnaBoCy"), ("-name", "CyBoAna"), ("created_at", "CyAnaBo"), ("-created_at", "BoAnaCy")] {
        let mut names = String::new();
        let mut path = format!("/v1/authors?sort={sort}&limit=1&fields=name");
        while !path.is_empty() {
            let page = newsroom.get(&path).expect(200);
            names.push_str(page.items()[0]["name"].as_str().unwrap());
            let cursor = page.json()["page"]["next_cursor"].clone();
            path = cursor.as_str().map(|cursor| format!("/v1/authors?sort={sort}&limit=1&cursor={cursor}")).unwrap_or_default();
        }
        assert_eq!(names, expected, "{sort}");
    }
    assert_eq!(newsroom.get("/v1/authors?sort=email").expect(400).places(), ["sort"]);
}
