//! The trash: gone from every view, listed, brought back with its slug and history, or purged.

use crate::newsroom::{Newsroom, Person, execute};
use crate::program::Folder;
use copydesk::domain::time::Moment;
use copydesk::domain::user::Role;
use copydesk::store::open_sqlite;
use copydesk::store::page::Slice;
use copydesk::store::trash::{self, Shelf};
use serde_json::{Value, json};

const DAY: i64 = 24 * 60 * 60 * 1000;

fn titles(newsroom: &Newsroom, person: &Person) -> Vec<String> {
    let items = newsroom.get_as(person, "/v1/trash").expect(200).items();
    items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_deleted_story_is_in_the_trash_and_nowhere_else() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let story = newsroom.publish(&editor, &json!({ "title": "Story" }));
    newsroom.draft(&editor, &json!({ "title": "Other" }));
    newsroom.pass(1000);
    newsroom.delete(&editor, "/v1/articles/story").expect(204);
    for path in ["/v1/articles?view=working", "/v1/articles?view=working&status=draft,published,archived,in_review,scheduled"] {
        let shown: Vec<Value> = newsroom.get_as(&editor, path).expect(200).items().iter().map(|item| item["title"].clone()).collect();
        assert_eq!(shown, ["Other"], "{path}");
    }
    let id = story["id"].as_str().unwrap();
    for key in [id, "story"] {
        newsroom.get(&format!("/v1/articles/{key}")).expect(404);
        newsroom.get_as(&editor, &format!("/v1/articles/{key}?view=working")).expect(404);
        newsroom.get_as(&editor, &format!("/v1/articles/{key}/revisions")).expect(404);
        newsroom.get_as(&editor, &format!("/v1/articles/{key}/revisions/1")).expect(404);
    }
    let listed = newsroom.get_as(&editor, "/v1/trash?count=true").expect(200).json();
    assert_eq!(listed["page"]["total"], 1);
    let expected = json!({
        "id": id, "slug": "story", "title": "Story", "version": 3, "first_published_at": "2025-06-27T14:30:00.000Z",
        "created_by": editor.id, "created_at": "2025-06-27T14:30:00.000Z",
        "deleted_by": editor.id, "deleted_at": "2025-06-27T14:30:01.000Z", "purge_at": "2025-07-27T14:30:01.000Z",
    });
    assert_eq!(listed["items"], json!([expected]));
}

#[test]
fn a_story_comes_back_as_a_draft_with_its_slug_and_its_history() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Story", "lead": "Lead." }));
    newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "slug": "renamed" })).expect(200);
    newsroom.delete(&editor, "/v1/articles/renamed").expect(204);
    assert_eq!(newsroom.draft(&editor, &json!({ "title": "Renamed" }))["slug"], "renamed-2");
    newsroom.send("POST", "/v1/articles/renamed/restore", Some(&editor), &[("content-type", "application/json")], Some(b"{}")).expect(428);
    let headers = [("content-type", "application/json"), ("if-match", "\"3-0\"")];
    let stale = newsroom.send("POST", "/v1/articles/renamed/restore", Some(&editor), &headers, Some(b"{}")).expect(412).json();
    assert_eq!(stale["current_version"], 4);
    let headers = [("content-type", "application/json"), ("if-match", "\"4-0\"")];
    let back = newsroom.send("POST", "/v1/articles/story/restore", Some(&editor), &headers, Some(b"{}")).expect(200).json();
    assert_eq!((back["slug"].clone(), back["status"].clone(), back["version"].clone()), (json!("renamed"), json!("draft"), json!(5)));
    assert_eq!(back["first_published_at"], "2025-06-27T14:30:00.000Z");
    newsroom.get("/v1/articles/renamed").expect(404);
    assert_eq!(newsroom.get_as(&editor, "/v1/articles/renamed/revisions").expect(200).items().len(), 5);
    assert_eq!(newsroom.get_as(&editor, "/v1/articles/renamed/revisions/1").expect(200).json()["lead"], "Lead.");
    assert_eq!(
        newsroom.get_as(&editor, "/v1/articles/story?view=working").expect(308).header("location"),
        "/v1/articles/renamed?view=working"
    );
    assert_eq!(titles(&newsroom, &editor), [""; 0]);
    newsroom.post(&editor, "/v1/articles/renamed/publish", &json!({})).expect(200);
    newsroom.get("/v1/articles/renamed").expect(200);
    newsroom.get("/v1/articles/story").expect(308);
    for path in ["/v1/articles/renamed/restore", "/v1/articles/renamed-2/restore"] {
        assert_eq!(newsroom.post(&editor, path, &json!({})).expect(409).code(), "not_in_trash");
    }
    assert_eq!(newsroom.delete(&editor, "/v1/trash/renamed").expect(409).code(), "not_in_trash");
    newsroom.post(&editor, "/v1/articles/nothing/restore", &json!({})).expect(404);
}

#[test]
fn editors_see_all_of_the_trash_and_others_what_is_theirs() {
    let newsroom = Newsroom::open();
    let [contributor, author, editor] = [Role::Contributor, Role::Author, Role::Editor].map(|role| newsroom.person(role));
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana", "user_id": author.id })).expect(201);
    for (person, story) in [
        (&contributor, json!({ "title": "By the contributor" })),
        (&author, json!({ "title": "By the author" })),
        (&editor, json!({ "title": "Under the author's name", "authors": ["ana"] })),
        (&editor, json!({ "title": "By the editor" })),
    ] {
        let id = newsroom.draft(person, &story)["id"].clone();
        newsroom.pass(1000);
        newsroom.delete(&editor, &format!("/v1/articles/{}", id.as_str().unwrap())).expect(204);
    }
    assert_eq!(titles(&newsroom, &contributor), ["By the contributor"]);
    assert_eq!(titles(&newsroom, &author), ["Under the author's name", "By the author"]);
    assert_eq!(titles(&newsroom, &editor), ["By the editor", "Under the author's name", "By the author", "By the contributor"]);
    newsroom.get("/v1/trash").expect(401);
    let page = newsroom.get_as(&editor, "/v1/trash?limit=3").expect(200).json();
    let next = newsroom.get_as(&editor, &format!("/v1/trash?limit=3&cursor={}", page["page"]["next_cursor"].as_str().unwrap())).expect(200);
    assert_eq!(next.items().iter().map(|item| item["title"].clone()).collect::<Vec<_>>(), ["By the contributor"]);
    assert_eq!(next.json()["page"].get("next_cursor"), None);
    let theirs = page["page"]["next_cursor"].as_str().unwrap();
    assert_eq!(newsroom.get_as(&author, &format!("/v1/trash?cursor={theirs}")).expect(400).code(), "cursor_mismatch");
    newsroom.post(&contributor, "/v1/articles/by-the-contributor/restore", &json!({})).expect(200);
    newsroom.post(&author, "/v1/articles/under-the-author-s-name/restore", &json!({})).expect(200);
    newsroom.post(&author, "/v1/articles/by-the-editor/restore", &json!({})).expect(404);
    assert_eq!(titles(&newsroom, &editor), ["By the editor", "By the author"]);
}

#[test]
fn a_purged_story_is_gone_for_good_and_its_slugs_are_free() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana" })).expect(201);
    let id = newsroom.publish(&editor, &json!({ "title": "Story", "authors": ["ana"] }))["id"].as_str().unwrap().to_owned();
    newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "slug": "renamed" })).expect(200);
    assert_eq!(newsroom.delete(&editor, &format!("/v1/trash/{id}")).expect(409).code(), "not_in_trash");
    newsroom.delete(&editor, "/v1/articles/renamed").expect(204);
    newsroom.delete(&editor, "/v1/authors/ana").expect(409);
    assert_eq!(newsroom.send("DELETE", &format!("/v1/trash/{id}"), Some(&editor), &[], None).expect(428).code(), "precondition_required");
    newsroom.send("DELETE", &format!("/v1/trash/{id}"), Some(&editor), &[("if-match", "\"1-0\"")], None).expect(412);
    newsroom.delete(&editor, &format!("/v1/trash/{id}")).expect(204);
    newsroom.delete(&editor, &format!("/v1/trash/{id}")).expect(404);
    newsroom.post(&editor, &format!("/v1/articles/{id}/restore"), &json!({})).expect(404);
    assert_eq!(titles(&newsroom, &editor), [""; 0]);
    newsroom.delete(&editor, "/v1/authors/ana").expect(204);
    for slug in ["story", "renamed"] {
        newsroom.post(&editor, "/v1/articles", &json!({ "title": "Other", "slug": slug })).expect(201);
    }
}

#[test]
fn what_has_lain_its_time_is_gone_though_nothing_ran_in_between() {
    let newsroom = Newsroom::open_with(|settings| settings.trash_days = 7);
    let editor = newsroom.person(Role::Editor);
    for n in 0..25 {
        newsroom.draft(&editor, &json!({ "title": format!("Old {n}") }));
        newsroom.delete(&editor, &format!("/v1/articles/old-{n}")).expect(204);
    }
    // Tokens live a quarter of an hour.
    let signed_in = || Person { token: newsroom.token(&editor.id, 1), ..editor.clone() };
    newsroom.pass(5 * DAY);
    let editor = signed_in();
    newsroom.draft(&editor, &json!({ "title": "Young" }));
    newsroom.delete(&editor, "/v1/articles/young").expect(204);
    newsroom.pass(2 * DAY - 1);
    let editor = signed_in();
    assert_eq!(newsroom.get_as(&editor, "/v1/trash?count=true").expect(200).json()["page"]["total"], 26);
    newsroom.pass(1);
    newsroom.post(&editor, "/v1/articles/old-3/restore", &json!({})).expect(404);
    newsroom.delete(&editor, "/v1/trash/old-3").expect(404);
    // The first look purges twenty, the second the rest; neither shows one.
    for _ in 0..2 {
        assert_eq!(titles(&newsroom, &editor), ["Young"]);
    }
    let slugs = (0..25).map(|n| newsroom.draft(&editor, &json!({ "title": format!("Old {n}") }))["slug"].as_str().unwrap().to_owned());
    assert_eq!(slugs.collect::<Vec<_>>(), (0..25).map(|n| format!("old-{n}")).collect::<Vec<_>>());
}

#[test]
fn what_had_its_time_while_nothing_ran_is_purged_at_the_start() {
    let folder = Folder::new();
    assert!(folder.run(&["migrate"]).success);
    let mut conn = open_sqlite(&folder.path().join("data/copydesk.db")).unwrap();
    // A hundred stories from 1970, and one that is deleted only in the far future.
    let row = |n: i64, at: i64| format!("('story-{n}', 'story-{n}', 'draft', 1, 'S', 'en', '{{}}', 0, 0, 1, 1, 1, {at})");
    let rows: Vec<String> = (0..100).map(|n| row(n, n)).chain([row(100, 99_999_999_999_999)]).collect();
    let columns = "id, slug, status, version, title, language, document, word_count, reading_minutes, has_unpublished_changes, \
                   created_at, updated_at, deleted_at";
    execute(&mut conn, &format!("INSERT INTO articles ({columns}) VALUES {}", rows.join(", ")));
    let server = folder.serve(&[]);
    server.get("/v1/articles");
    let (ended_well, log) = server.terminate();
    assert!(ended_well && log.contains("purged 100 stories from the trash"), "{log}");
    let shelf = Shelf { owner: None, expired: Moment::from_milliseconds(-1) };
    let left = trash::list(&mut conn, &shelf, &Slice { limit: 100, after: None, backward: false, count: true }).unwrap();
    assert_eq!((left.total, left.items[0].id.as_str()), (Some(1), "story-100"));
}
