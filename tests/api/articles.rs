//! Stories go in and come out.

use crate::newsroom::{Newsroom, seed_author, seed_story};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

#[test]
fn the_seed_story_goes_in_and_comes_out_with_its_byline_and_sections() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.post(&editor, "/v1/authors", &seed_author()).expect(201);
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Migration" })).expect(201);
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Drug trafficking" })).expect(201);
    let story = seed_story();
    let draft = newsroom.draft(&editor, &story);
    let path = format!("/v1/articles/{}", draft["slug"].as_str().unwrap());
    newsroom.get(&path).expect(404);
    newsroom.post(&editor, &format!("{path}/publish"), &json!({})).expect(200);
    let live = newsroom.get(&path).expect(200).json();
    assert_eq!(live["title"], story["title"]);
    assert_eq!(live["dateline"]["text"], "Guatemala City, Guatemala");
    assert_eq!(live["lead"], story["lead"]);
    assert_eq!(live["authors"][0]["beat"], "Focuses on crime, public safety, and regional events.");
    assert_eq!(live["tags"][1]["slug"], "drug-trafficking");
    assert_eq!(live["url"], "https://news.example/u-s-and-guatemala-address-migration-and-drug-trafficking");
    let html = live["html"].as_str().unwrap();
    assert_eq!(html.matches("<h2>").count(), 3);
    assert!(html.contains("“great partner”"));
    assert!(live.get("status").is_none());
}

#[test]
fn a_draft_is_seen_by_the_newsroom_and_by_nobody_else() {
    let newsroom = Newsroom::open();
    let author = newsroom.person(Role::Author);
    let draft = newsroom.post(&author, "/v1/articles", &json!({ "title": "Quiet" })).expect(201);
    assert_eq!(draft.header("location"), "/v1/articles/quiet");
    assert!(draft.header("etag").starts_with("\"1-"));
    let story = draft.json();
    assert_eq!((&story["status"], &story["version"], &story["has_unpublished_changes"]), (&json!("draft"), &json!(1), &json!(true)));
    assert_eq!((&story["created_by"], &story["updated_by"]), (&json!(author.id), &json!(author.id)));
    assert_eq!((&story["language"], &story["custom"], &story["body"]), (&json!("en"), &json!({}), &json!("")));
    assert_eq!((&story["published_at"], &story["publish_at"], &story["assignee"]), (&Value::Null, &Value::Null, &Value::Null));
    let id = story["id"].as_str().unwrap();
    for path in [format!("/v1/articles/{id}"), "/v1/articles/quiet".into()] {
        let missing = newsroom.get(&path).expect(404);
        assert_eq!(missing.code(), "not_found");
        assert_eq!(newsroom.get_as(&author, &path).expect(404).text(), missing.text());
        assert_eq!(newsroom.get_as(&author, &format!("{path}?view=working")).expect(200).json(), story);
        assert_eq!(newsroom.get(&format!("{path}?view=working")).expect(401).code(), "unauthenticated");
    }
    assert!(newsroom.get("/v1/articles").expect(200).items().is_empty());
}

#[test]
fn saving_never_changes_the_live_view_and_publishing_does() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "First", "slug": "story", "body": "One." }));
    let live = newsroom.get("/v1/articles/story").expect(200);
    let saved = newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "title": "Second", "body": "Two." })).expect(200).json();
    assert_eq!((&saved["status"], &saved["has_unpublished_changes"]), (&json!("published"), &json!(true)));
    assert_eq!(newsroom.get("/v1/articles/story").expect(200).text(), live.text());
    let published = newsroom.post(&editor, "/v1/articles/story/publish", &json!({})).expect(200);
    assert_eq!(published.json()["has_unpublished_changes"], false);
    assert!(published.header("etag").starts_with("\"4-"));
    let live = newsroom.get("/v1/articles/story").expect(200);
    assert_eq!((&live.json()["title"], &live.json()["html"]), (&json!("Second"), &json!("<p>Two.</p>\n")));
    assert!(live.header("etag").starts_with("\"4-"));
    newsroom.post(&editor, "/v1/articles/story/unpublish", &json!({})).expect(200);
    newsroom.get("/v1/articles/story").expect(404);
    newsroom.get_as(&editor, "/v1/articles/story?view=working").expect(200);
}

#[test]
fn a_story_in_the_trash_is_gone_from_every_view_and_keeps_its_slug() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let story = newsroom.publish(&editor, &json!({ "title": "Gone" }));
    newsroom.delete(&editor, "/v1/articles/gone").expect(204);
    for path in ["/v1/articles/gone".to_owned(), format!("/v1/articles/{}", story["id"].as_str().unwrap())] {
        newsroom.get(&path).expect(404);
        newsroom.get_as(&editor, &format!("{path}?view=working")).expect(404);
        newsroom.delete(&editor, &path).expect(404);
        newsroom.patch(&editor, &path, "*", &json!({ "title": "Back" })).expect(404);
        newsroom.post(&editor, &format!("{path}/publish"), &json!({})).expect(404);
    }
    assert!(newsroom.get_as(&editor, "/v1/articles?view=working").expect(200).items().is_empty());
    assert_eq!(newsroom.draft(&editor, &json!({ "title": "Gone" }))["slug"], "gone-2");
}

#[test]
fn a_step_that_the_state_does_not_allow_is_refused_with_those_it_does() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.draft(&editor, &json!({ "title": "Story" }));
    let refusal = newsroom.post(&editor, "/v1/articles/story/unpublish", &json!({})).expect(409);
    assert_eq!(refusal.code(), "invalid_transition");
    assert_eq!(
        (&refusal.json()["current_status"], &refusal.json()["allowed_transitions"]),
        (&json!("draft"), &json!(["publish", "schedule", "submit", "archive"]))
    );
    assert_eq!(newsroom.post(&editor, "/v1/articles/story/publish", &json!({ "when": "now" })).expect(422).places(), ["/when"]);
}

#[test]
fn publishing_what_is_live_and_unchanged_makes_no_version() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let first = newsroom.publish(&editor, &json!({ "title": "Story" }));
    newsroom.pass(1000);
    assert_eq!(newsroom.post(&editor, "/v1/articles/story/publish", &json!({})).expect(200).json(), first);
}

#[test]
fn the_dates_of_a_story_tell_its_first_day_its_last_coming_out_and_its_last_change() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Story" }));
    let dates = || {
        let live = newsroom.get("/v1/articles/story").expect(200);
        let json = live.json();
        (
            ["first_published_at", "published_at", "content_updated_at"].map(|name| json[name].clone()),
            live.header("last-modified").to_owned(),
        )
    };
    let day = |minute: u8| json!(format!("2025-06-27T14:3{minute}:00.000Z"));
    assert_eq!(dates(), ([day(0), day(0), day(0)], "Fri, 27 Jun 2025 14:30:00 GMT".into()));
    newsroom.pass(60_000);
    newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "lead": "New." })).expect(200);
    newsroom.post(&editor, "/v1/articles/story/publish", &json!({})).expect(200);
    assert_eq!(dates(), ([day(0), day(0), day(1)], "Fri, 27 Jun 2025 14:31:00 GMT".into()));
    newsroom.pass(60_000);
    newsroom.post(&editor, "/v1/articles/story/unpublish", &json!({})).expect(200);
    newsroom.post(&editor, "/v1/articles/story/publish", &json!({})).expect(200);
    assert_eq!(dates(), ([day(0), day(2), day(2)], "Fri, 27 Jun 2025 14:32:00 GMT".into()));
}

#[test]
fn authors_and_tags_stand_in_the_order_that_the_writer_chose() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let id = |path: &str, name: &str| newsroom.post(&editor, path, &json!({ "name": name })).expect(201).json()["id"].clone();
    let [ana, bo, cy] = ["Ana", "Bo", "Cy"].map(|name| id("/v1/authors", name));
    for name in ["x", "y"] {
        id("/v1/tags", name);
    }
    let slugs = |story: &Value, member: &str| -> Vec<String> {
        story[member].as_array().unwrap().iter().map(|one| one["slug"].as_str().unwrap().to_owned()).collect()
    };
    let story = newsroom.draft(&editor, &json!({ "title": "Story", "author_ids": [cy, ana, bo], "tags": ["y", "x"] }));
    assert_eq!(
        (slugs(&story, "authors"), slugs(&story, "tags")),
        (vec!["cy".into(), "ana".into(), "bo".into()], vec!["y".into(), "x".into()])
    );
    newsroom.post(&editor, "/v1/articles/story/publish", &json!({})).expect(200);
    let turned = newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "authors": ["bo", "cy"], "tags": [] })).expect(200).json();
    assert_eq!((slugs(&turned, "authors"), slugs(&turned, "tags")), (vec!["bo".into(), "cy".into()], vec![]));
    let live = newsroom.get("/v1/articles/story").expect(200).json();
    assert_eq!((slugs(&live, "authors"), slugs(&live, "tags")), (slugs(&story, "authors"), slugs(&story, "tags")));
    let without = newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "author_ids": null })).expect(200).json();
    assert_eq!(slugs(&without, "authors"), Vec::<String>::new());
}

#[test]
fn authors_and_tags_that_are_unknown_or_named_twice_are_all_pointed_at() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana" })).expect(201);
    let story = json!({ "title": "Story", "authors": ["ana", "nobody", "ana"], "tags": ["nothing"] });
    let refusal = newsroom.post(&editor, "/v1/articles", &story).expect(422);
    assert_eq!(refusal.code(), "invalid_body");
    assert_eq!(refusal.places(), ["/authors/1", "/authors/2", "/tags/0"]);
    let both = newsroom.post(&editor, "/v1/articles", &json!({ "title": "Story", "authors": [], "author_ids": [] })).expect(422);
    assert_eq!(both.places(), ["/authors"]);
    assert!(newsroom.get_as(&editor, "/v1/articles?view=working").expect(200).items().is_empty());
}

#[test]
fn the_body_comes_in_the_forms_that_are_asked_for() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Story", "body": "## Head\n\nSome *words* & <b>tags</b>." }));
    let all = newsroom.get("/v1/articles/story?formats=html,markdown,text,blocks").expect(200).json();
    assert_eq!(all["html"], "<h2>Head</h2>\n<p>Some <em>words</em> &amp; &lt;b&gt;tags&lt;/b&gt;.</p>\n");
    assert_eq!(all["markdown"], "## Head\n\nSome *words* & <b>tags</b>.");
    assert_eq!(all["text"], "Head\n\nSome words & <b>tags</b>.");
    assert_eq!((&all["blocks"][0]["type"], &all["blocks"][1]["type"]), (&json!("heading"), &json!("paragraph")));
    assert_eq!(all["reading_minutes"], 1);
    let one = newsroom.get("/v1/articles/story?formats=text").expect(200).json();
    assert!(one.get("html").is_none() && one.get("text").is_some());
    assert!(newsroom.get("/v1/articles").expect(200).items()[0].get("html").is_none());
    assert!(newsroom.get("/v1/articles?formats=html").expect(200).items()[0].get("html").is_some());
    assert_eq!(newsroom.get("/v1/articles/story?formats=pdf").expect(400).places(), ["formats"]);
}

#[test]
fn a_client_takes_only_the_members_it_wants() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana" })).expect(201);
    let id = newsroom.publish(&editor, &json!({ "title": "Story", "authors": ["ana"] }))["id"].clone();
    let sparse = newsroom.get("/v1/articles/story?fields=title,authors.name").expect(200).json();
    assert_eq!(sparse, json!({ "id": id, "title": "Story", "authors": [{ "name": "Ana" }] }));
    let without = newsroom.get("/v1/articles/story?fields=-html,-authors.bio").expect(200).json();
    assert!(without.get("html").is_none() && without["authors"][0].get("bio").is_none() && without["authors"][0].get("name").is_some());
    assert_eq!(newsroom.get("/v1/articles?fields=slug").expect(200).items(), [json!({ "id": id, "slug": "story" })]);
    for hidden in ["status", "body", "version", "authors.email", "created_by", "nothing", "title,-html"] {
        assert_eq!(newsroom.get(&format!("/v1/articles/story?fields={hidden}")).expect(400).places(), ["fields"], "{hidden}");
    }
    let working = newsroom.get_as(&editor, "/v1/articles/story?view=working&fields=status,version").expect(200).json();
    assert_eq!(working, json!({ "id": id, "status": "published", "version": 2 }));
}

#[test]
fn a_site_keeps_members_of_its_own_within_bounds() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let custom = json!({ "edition": 7, "badges": ["a", { "b": null }], "Ü": true });
    newsroom.publish(&editor, &json!({ "title": "Story", "custom": custom }));
    assert_eq!(newsroom.get("/v1/articles/story").expect(200).json()["custom"], custom);
    let deep = (0..8).fold(json!(1), |inner, _| json!({ "a": inner }));
    newsroom.draft(&editor, &json!({ "title": "Deep", "custom": deep }));
    for too_much in [json!({ "a": deep }), json!({ "a": "x".repeat(16 * 1024) })] {
        let refusal = newsroom.post(&editor, "/v1/articles", &json!({ "title": "Story", "custom": too_much })).expect(422);
        assert_eq!(refusal.places(), ["/custom"]);
    }
    assert_eq!(newsroom.post(&editor, "/v1/articles", &json!({ "title": "Story", "custom": [1] })).expect(422).places(), ["/custom"]);
}

#[test]
fn a_contributor_writes_drafts_and_an_author_brings_out_their_own() {
    let newsroom = Newsroom::open();
    let [contributor, author, editor] = [Role::Contributor, Role::Author, Role::Editor].map(|role| newsroom.person(role));
    newsroom.draft(&contributor, &json!({ "title": "Mine" }));
    newsroom.patch(&contributor, "/v1/articles/mine", "*", &json!({ "lead": "More." })).expect(200);
    assert_eq!(newsroom.post(&contributor, "/v1/articles/mine/publish", &json!({})).expect(403).code(), "forbidden");
    assert_eq!(newsroom.patch(&author, "/v1/articles/mine", "*", &json!({ "lead": "!" })).expect(403).code(), "forbidden");
    newsroom.post(&editor, "/v1/articles/mine/publish", &json!({})).expect(200);
    newsroom.patch(&contributor, "/v1/articles/mine", "*", &json!({ "lead": "Late." })).expect(403);
    newsroom.delete(&contributor, "/v1/articles/mine").expect(403);
    newsroom.publish(&author, &json!({ "title": "Own" }));
    let byline = json!({ "name": "Author", "user_id": author.id });
    newsroom.post(&editor, "/v1/authors", &byline).expect(201);
    newsroom.draft(&editor, &json!({ "title": "Ghostwritten", "authors": ["author"] }));
    newsroom.post(&author, "/v1/articles/ghostwritten/publish", &json!({})).expect(200);
}
