//! Killed stories: a notice in their place, nothing anywhere else, and the very copy back when the kill is undone.

use crate::newsroom::{Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

/// A newsroom with two live stories that share author and tag; `story` was `first` before.
fn newsroom() -> (Newsroom, Person, String) {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana" })).expect(201);
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Crime" })).expect(201);
    let story = |title: &str| json!({ "title": title, "lead": "Lead.", "body": "Text.", "authors": ["ana"], "tags": ["crime"] });
    let id = newsroom.publish(&editor, &story("First"))["id"].as_str().unwrap().to_owned();
    newsroom.pass(1000);
    newsroom.publish(&editor, &story("Beside"));
    newsroom.pass(1000);
    newsroom.patch(&editor, "/v1/articles/first", "*", &json!({ "slug": "story", "title": "Story" })).expect(200);
    newsroom.post(&editor, "/v1/articles/story/publish", &json!({})).expect(200);
    (newsroom, editor, id)
}

const REASON: &str = "Withdrawn: the figures came from a forged report.";

fn kill(newsroom: &Newsroom, editor: &Person) -> Value {
    newsroom.post(editor, "/v1/articles/story/kill", &json!({ "reason": REASON })).expect(200).json()
}

/// All that the public can see of the newsroom, but for the addresses of the story itself.
fn public(newsroom: &Newsroom) -> Vec<String> {
    let paths = [
        "/v1/articles?count=true",
        "/v1/articles?tag=crime&count=true",
        "/v1/articles?author=ana&count=true",
        "/v1/articles?sort=title",
        "/v1/articles/beside/adjacent",
        "/v1/articles/beside/related",
        "/v1/authors/ana",
        "/v1/tags/crime",
        "/v1/authors",
        "/v1/tags",
    ];
    paths.map(|path| newsroom.get(path).expect(200).text()).into()
}

#[test]
fn a_killed_story_answers_410_at_all_of_its_addresses_and_is_gone_from_everywhere_else() {
    let (newsroom, editor, id) = newsroom();
    public(&newsroom);
    newsroom.get("/v1/articles/first").expect(308);
    newsroom.pass(1000);
    let killed = kill(&newsroom, &editor);
    assert_eq!(
        (&killed["status"], &killed["killed"]),
        (&json!("published"), &json!({ "reason": REASON, "killed_at": "2025-06-27T14:30:03.000Z" }))
    );
    for key in [id.as_str(), "story", "first"] {
        for more in ["", "?fields=title", "/adjacent", "/related"] {
            let gone = newsroom.get(&format!("/v1/articles/{key}{more}")).expect(410);
            assert_eq!((gone.code().as_str(), &gone.json()["reason"]), ("gone", &json!(REASON)));
            assert_eq!(gone.header("cache-control"), "private, no-store");
        }
        assert_eq!(newsroom.send("HEAD", &format!("/v1/articles/{key}"), None, &[], None).status, 410);
        newsroom.get_as(&editor, &format!("/v1/articles/{key}")).expect(410);
    }
    for answer in public(&newsroom) {
        assert!(!answer.contains(&id) && !answer.contains("Story"), "{answer}");
        assert!(!answer.contains("\"total\":2") && !answer.contains("\"article_count\":2"), "{answer}");
    }
    newsroom.get_as(&editor, "/v1/articles/story?view=working").expect(200);
    assert_eq!(newsroom.get_as(&editor, "/v1/articles?view=working&status=published").expect(200).items().len(), 2);
}

#[test]
fn a_kill_is_undone_with_the_very_copy_that_was_live_and_its_dates() {
    let (newsroom, editor, id) = newsroom();
    newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "lead": "Not out yet.", "authors": [] })).expect(200);
    newsroom.post(&editor, "/v1/articles/story/corrections", &json!({ "kind": "correction", "note": "It was Friday." })).expect(201);
    let read = || newsroom.get("/v1/articles/story?formats=html,markdown,text,blocks").expect(200).json();
    let (before, around) = (read(), public(&newsroom));
    newsroom.pass(60_000);
    kill(&newsroom, &editor);
    newsroom.patch(&editor, &format!("/v1/articles/{id}"), "*", &json!({ "title": "Mended", "slug": "mended" })).expect(200);
    let refusal = newsroom.post(&editor, &format!("/v1/articles/{id}/publish"), &json!({})).expect(409);
    assert_eq!((refusal.code().as_str(), &refusal.json()["allowed_transitions"]), ("invalid_transition", &json!(["unkill", "unpublish"])));
    newsroom.get("/v1/articles/mended").expect(404);
    newsroom.pass(60_000);
    let back = newsroom.post(&editor, &format!("/v1/articles/{id}/unkill"), &json!({})).expect(200).json();
    assert_eq!((&back["killed"], &back["title"], &back["has_unpublished_changes"]), (&Value::Null, &json!("Mended"), &json!(true)));
    assert_eq!(read(), before);
    assert_eq!(public(&newsroom), around);
    assert_eq!(newsroom.get("/v1/articles/first").expect(308).header("location"), "/v1/articles/story");
    let revived = newsroom.post(&editor, "/v1/articles/mended/publish", &json!({})).expect(200).json();
    assert_eq!(revived["first_published_at"], before["first_published_at"]);
    assert_eq!(newsroom.get("/v1/articles/mended").expect(200).json()["title"], "Mended");
}

#[test]
fn an_editor_takes_the_notice_away_and_the_mended_story_comes_out_anew() {
    let (newsroom, editor, _) = newsroom();
    kill(&newsroom, &editor);
    newsroom.post(&editor, "/v1/articles/story/unpublish", &json!({})).expect(200);
    newsroom.get("/v1/articles/story").expect(404);
    newsroom.get("/v1/articles/first").expect(404);
    newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "lead": "True now." })).expect(200);
    let live = newsroom.post(&editor, "/v1/articles/story/publish", &json!({})).expect(200).json();
    assert_eq!(live["first_published_at"], "2025-06-27T14:30:00.000Z");
    assert_eq!(newsroom.get("/v1/articles/story").expect(200).json()["lead"], "True now.");
    kill(&newsroom, &editor);
    newsroom.delete(&editor, "/v1/articles/story").expect(204);
    newsroom.get("/v1/articles/story").expect(404);
}

#[test]
fn an_author_neither_kills_nor_lifts_a_kill() {
    let newsroom = Newsroom::open();
    let [author, editor] = [Role::Author, Role::Editor].map(|role| newsroom.person(role));
    newsroom.publish(&author, &json!({ "title": "Story" }));
    newsroom.post(&author, "/v1/articles/story/kill", &json!({ "reason": "No." })).expect(403);
    kill(&newsroom, &editor);
    for step in ["unkill", "unpublish"] {
        newsroom.post(&author, &format!("/v1/articles/story/{step}"), &json!({})).expect(403);
    }
    newsroom.delete(&author, "/v1/articles/story").expect(403);
    newsroom.post(&author, "/v1/articles/story/publish", &json!({})).expect(409);
    newsroom.patch(&author, "/v1/articles/story", "*", &json!({ "lead": "True now." })).expect(200);
    newsroom.get("/v1/articles/story").expect(410);
}

#[test]
fn what_a_killed_story_comes_back_with_is_in_use_and_follows_a_merger() {
    let (newsroom, editor, id) = newsroom();
    kill(&newsroom, &editor);
    newsroom.patch(&editor, &format!("/v1/articles/{id}"), "*", &json!({ "authors": [], "tags": [] })).expect(200);
    newsroom.patch(&editor, "/v1/articles/beside", "*", &json!({ "authors": [], "tags": [] })).expect(200);
    newsroom.post(&editor, "/v1/articles/beside/publish", &json!({})).expect(200);
    for (kind, old, new) in [("authors", "ana", "Bo"), ("tags", "crime", "Courts")] {
        assert_eq!(newsroom.get(&format!("/v1/{kind}/{old}")).expect(200).json()["article_count"], 0);
        assert_eq!(newsroom.delete(&editor, &format!("/v1/{kind}/{old}")).expect(409).json()["count"], 1);
        newsroom.post(&editor, &format!("/v1/{kind}"), &json!({ "name": new })).expect(201);
        newsroom.delete(&editor, &format!("/v1/{kind}/{old}?reassign_to={}", new.to_lowercase())).expect(204);
    }
    newsroom.post(&editor, &format!("/v1/articles/{id}/unkill"), &json!({})).expect(200);
    let live = newsroom.get("/v1/articles/story").expect(200).json();
    assert_eq!((&live["authors"][0]["slug"], &live["tags"][0]["slug"]), (&json!("bo"), &json!("courts")));
}

#[test]
fn a_reason_is_told_as_it_stands_and_is_never_empty() {
    let (newsroom, editor, _) = newsroom();
    for reason in [json!({}), json!({ "reason": "" }), json!({ "reason": " \t\n" }), json!({ "reason": "a\u{0}b" }), json!({ "reason": 1 })]
    {
        newsroom.post(&editor, "/v1/articles/story/kill", &reason).expect(422);
    }
    newsroom.get("/v1/articles/story").expect(200);
    let reason = "{{7*7}} <script>alert(1)</script>\nÜber \"alles\"";
    newsroom.post(&editor, "/v1/articles/story/kill", &json!({ "reason": reason })).expect(200);
    assert_eq!(newsroom.get("/v1/articles/story").expect(410).json()["reason"], reason);
}
