//! The way of a story: to a reviewer and back, into the archive, out with a minor change, and back to what is live.

use crate::newsroom::{Answer, Newsroom, Person};
use copydesk::domain::gate::Rule;
use copydesk::domain::user::Role;
use serde_json::{Value, json};

fn step(newsroom: &Newsroom, person: &Person, step: &str, body: &Value) -> Answer {
    newsroom.post(person, &format!("/v1/articles/story/{step}"), body)
}

fn working(newsroom: &Newsroom, person: &Person) -> Value {
    newsroom.get_as(person, "/v1/articles/story?view=working").expect(200).json()
}

#[test]
fn a_draft_goes_to_a_reviewer_and_comes_back_with_a_comment() {
    let newsroom = Newsroom::open();
    let [contributor, editor, other] = [Role::Contributor, Role::Editor, Role::Editor].map(|role| newsroom.person(role));
    newsroom.draft(&contributor, &json!({ "title": "Story" }));
    newsroom.pass(1000);
    let submitted = json!({ "comment": "The second quote is new.", "assignee": editor.id });
    let story = step(&newsroom, &contributor, "submit", &submitted).expect(200);
    assert!(story.header("etag").starts_with("\"2-"));
    assert_eq!((&story.json()["status"], &story.json()["assignee"]), (&json!("in_review"), &json!(editor.id)));
    let queue = "/v1/articles?view=working&status=in_review&assignee=me&count=true";
    assert_eq!(newsroom.get_as(&editor, queue).expect(200).items()[0]["slug"], "story");
    assert_eq!(newsroom.get_as(&other, queue).expect(200).json()["page"]["total"], 0);
    // What is in review is the reviewer's: its contributor neither edits nor recalls it.
    newsroom.patch(&contributor, "/v1/articles/story", "*", &json!({ "lead": "More." })).expect(403);
    step(&newsroom, &contributor, "return", &json!({})).expect(403);
    newsroom.pass(1000);
    let story = step(&newsroom, &editor, "return", &json!({ "comment": "Who says so?" })).expect(200).json();
    assert_eq!((&story["status"], &story["assignee"]), (&json!("draft"), &Value::Null));
    newsroom.patch(&contributor, "/v1/articles/story", "*", &json!({ "lead": "The mayor says so." })).expect(200);
    newsroom.pass(1000);
    newsroom.post(&other, "/v1/articles/story/comments", &json!({ "comment": "Good now." })).expect(201);
    let comments = newsroom.get_as(&contributor, "/v1/articles/story/comments?count=true").expect(200);
    let told: Vec<Value> =
        comments.items().iter().map(|one| json!([one["event"], one["comment"], one["version"], one["created_by"], one["name"]])).collect();
    let expected = [
        json!(["submit", "The second quote is new.", 2, contributor.id, "contributor"]),
        json!(["return", "Who says so?", 3, editor.id, "editor"]),
        json!(["comment", "Good now.", 4, other.id, "editor"]),
    ];
    assert_eq!(told, expected);
    assert_eq!((&comments.json()["page"]["total"], &comments.items()[2]["created_at"]), (&json!(3), &json!("2025-06-27T14:30:03.000Z")));
    assert_eq!(working(&newsroom, &editor)["version"], 4);
}

#[test]
fn comments_are_walked_in_pages_and_are_the_newsrooms_alone() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Story" }));
    newsroom.publish(&editor, &json!({ "title": "Other" }));
    for number in 1..=5 {
        newsroom.post(&editor, "/v1/articles/story/comments", &json!({ "comment": format!("Secret {number}") })).expect(201);
    }
    let page = newsroom.get_as(&editor, "/v1/articles/story/comments?limit=2").expect(200).json();
    let cursor = page["page"]["next_cursor"].as_str().unwrap();
    let next = newsroom.get_as(&editor, &format!("/v1/articles/story/comments?limit=2&cursor={cursor}")).expect(200);
    assert_eq!(next.items()[0]["comment"], "Secret 3");
    assert_eq!(newsroom.get_as(&editor, &format!("/v1/articles/other/comments?cursor={cursor}")).expect(400).code(), "cursor_mismatch");
    assert_eq!(newsroom.get("/v1/articles/story/comments").expect(401).code(), "unauthenticated");
    assert!(!newsroom.get("/v1/articles/story").expect(200).text().contains("Secret"));
    for comment in [json!({}), json!({ "comment": " \n" }), json!({ "comment": "x".repeat(2001) })] {
        let refusal = newsroom.post(&editor, "/v1/articles/story/comments", &comment).expect(422);
        assert!(["", "/comment"].contains(&refusal.places()[0].as_str()), "{:?}", refusal.places());
    }
    newsroom.post(&editor, "/v1/articles/nothing/comments", &json!({ "comment": "Hello?" })).expect(404);
}

#[test]
fn an_assignee_is_somebody_who_can_sign_in() {
    let newsroom = Newsroom::open();
    let [author, gone, admin] = [Role::Author, Role::Editor, Role::Admin].map(|role| newsroom.person(role));
    newsroom.draft(&author, &json!({ "title": "Story" }));
    newsroom.patch(&admin, &format!("/v1/users/{}", gone.id), "*", &json!({ "disabled": true })).expect(200);
    for assignee in [gone.id.as_str(), "01890a5d-ac96-774b-bcce-b302099a8057"] {
        let refusal = step(&newsroom, &author, "submit", &json!({ "assignee": assignee })).expect(422);
        assert_eq!((refusal.code().as_str(), refusal.places()), ("invalid_body", vec!["/assignee".to_owned()]));
    }
    assert_eq!(step(&newsroom, &author, "submit", &json!({ "assignee": "me" })).expect(422).places(), ["/assignee"]);
    assert_eq!(working(&newsroom, &author)["status"], "draft");
}

#[test]
fn every_state_names_the_steps_that_it_allows() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.draft(&editor, &json!({ "title": "Story" }));
    let all = ["publish", "unpublish", "discard", "submit", "return", "archive", "unarchive", "kill", "unkill", "corrections"];
    let body = |name: &str| match name {
        "kill" => json!({ "reason": "Wrong." }),
        "corrections" => json!({ "kind": "update", "note": "More." }),
        _ => json!({}),
    };
    let refused = |allowed: &[&str]| {
        for name in all.iter().filter(|name| !allowed.contains(name)) {
            let before = working(&newsroom, &editor);
            let refusal = step(&newsroom, &editor, name, &body(name)).expect(409);
            assert_eq!(
                (refusal.code().as_str(), &refusal.json()["allowed_transitions"]),
                ("invalid_transition", &json!(allowed)),
                "{name}"
            );
            assert_eq!(refusal.json()["current_status"], before["status"]);
            assert_eq!(working(&newsroom, &editor), before);
        }
    };
    refused(&["publish", "schedule", "submit", "archive"]);
    step(&newsroom, &editor, "submit", &json!({})).expect(200);
    refused(&["publish", "schedule", "return"]);
    step(&newsroom, &editor, "publish", &json!({})).expect(200);
    refused(&["publish", "schedule", "unschedule", "discard", "corrections", "unpublish", "archive", "kill"]);
    step(&newsroom, &editor, "kill", &body("kill")).expect(200);
    refused(&["unkill", "unpublish"]);
    step(&newsroom, &editor, "unpublish", &json!({})).expect(200);
    step(&newsroom, &editor, "archive", &json!({})).expect(200);
    refused(&["unarchive"]);
    assert_eq!(step(&newsroom, &editor, "unarchive", &json!({})).expect(200).json()["status"], "draft");
}

#[test]
fn a_step_needs_the_version_that_was_seen() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Story" }));
    newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "lead": "More." })).expect(200);
    for (name, body) in [
        ("discard", json!({})),
        ("archive", json!({})),
        ("kill", json!({ "reason": "Wrong." })),
        ("corrections", json!({ "kind": "update", "note": "More." })),
    ] {
        let path = format!("/v1/articles/story/{name}");
        let send = |more: &[(&str, &str)]| {
            let headers: Vec<(&str, &str)> = [("content-type", "application/json")].into_iter().chain(more.iter().copied()).collect();
            newsroom.send("POST", &path, Some(&editor), &headers, Some(body.to_string().as_bytes()))
        };
        assert_eq!(send(&[]).expect(428).code(), "precondition_required");
        let stale = send(&[("if-match", "\"2-0\"")]).expect(412);
        assert_eq!((stale.code().as_str(), &stale.json()["current_version"]), ("stale", &json!(3)));
    }
    assert_eq!(working(&newsroom, &editor)["version"], 3);
}

#[test]
fn discarding_brings_the_working_copy_back_to_what_is_live() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for (path, name) in [("/v1/authors", "Ana"), ("/v1/authors", "Bo"), ("/v1/tags", "Crime")] {
        newsroom.post(&editor, path, &json!({ "name": name })).expect(201);
    }
    let story = json!({
        "title": "First", "slug": "story", "lead": "Lead.", "body": "## One\n\nText.", "authors": ["bo", "ana"], "tags": ["crime"],
        "dateline": { "city": "Here" }, "custom": { "a": 1 }, "image": { "url": "https://a.example/", "alt": "A bridge" },
    });
    let first = newsroom.publish(&editor, &story);
    let id = first["id"].as_str().unwrap();
    let live = newsroom.get("/v1/articles/story").expect(200).text();
    newsroom.pass(1000);
    assert_eq!(step(&newsroom, &editor, "discard", &json!({})).expect(200).json(), first);
    let change =
        json!({ "title": "Second", "slug": "moved", "body": "Two.", "authors": ["ana"], "tags": [], "custom": null, "image": null });
    newsroom.patch(&editor, "/v1/articles/story", "*", &change).expect(200);
    // Whoever was merged into another meanwhile is that other in both copies.
    newsroom.delete(&editor, "/v1/authors/bo?reassign_to=ana").expect(204);
    let live_now = newsroom.get("/v1/articles/story").expect(200);
    let back = newsroom.post(&editor, &format!("/v1/articles/{id}/discard"), &json!({})).expect(200).json();
    assert_eq!((&back["version"], &back["has_unpublished_changes"], &back["status"]), (&json!(4), &json!(false), &json!("published")));
    for name in
        ["title", "slug", "lead", "body", "html", "custom", "image", "dateline", "tags", "word_count", "published_at", "content_updated_at"]
    {
        assert_eq!(back[name], first[name], "{name}");
    }
    assert_eq!(back["authors"], live_now.json()["authors"]);
    assert!(live.contains("First") && newsroom.get("/v1/articles/story").expect(200).text() == live_now.text());
    assert_eq!(newsroom.post(&editor, "/v1/articles/story/publish", &json!({})).expect(200).json()["version"], 4);
}

#[test]
fn a_minor_change_comes_out_without_moving_the_date_of_the_content() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Story", "lead": "Teh lead." }));
    let seen = newsroom.get("/v1/articles/story").expect(200);
    newsroom.pass(60_000);
    newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "lead": "The lead." })).expect(200);
    step(&newsroom, &editor, "publish", &json!({ "minor": true, "note": "A typo." })).expect(200);
    let live = newsroom.get("/v1/articles/story").expect(200);
    let dates = |answer: &Answer| ["first_published_at", "published_at", "content_updated_at"].map(|name| answer.json()[name].clone());
    assert_eq!((&live.json()["lead"], dates(&live)), (&json!("The lead."), dates(&seen)));
    // Who asks whether the answer has changed since is told so all the same.
    let since = [("if-modified-since", seen.header("last-modified"))];
    newsroom.send("GET", "/v1/articles/story", None, &since, None).expect(200);
    let history = newsroom.get_as(&editor, "/v1/articles/story/revisions?limit=1").expect(200).items();
    assert_eq!((&history[0]["event"], &history[0]["note"]), (&json!("publish"), &json!("A typo.")));
    newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "lead": "Another lead." })).expect(200);
    step(&newsroom, &editor, "publish", &json!({ "minor": false })).expect(200);
    assert_eq!(newsroom.get("/v1/articles/story").expect(200).json()["content_updated_at"], "2025-06-27T14:31:00.000Z");
    assert_eq!(step(&newsroom, &editor, "publish", &json!({ "minor": "yes" })).expect(422).places(), ["/minor"]);
}

#[test]
fn the_archive_takes_a_story_down_and_gives_it_back_as_a_draft_with_its_dates() {
    let newsroom = Newsroom::open();
    let author = newsroom.person(Role::Author);
    let live = newsroom.publish(&author, &json!({ "title": "Story" }));
    newsroom.pass(1000);
    assert_eq!(step(&newsroom, &author, "archive", &json!({})).expect(200).json()["status"], "archived");
    newsroom.get("/v1/articles/story").expect(404);
    assert!(newsroom.get("/v1/articles").expect(200).items().is_empty());
    assert_eq!(newsroom.get_as(&author, "/v1/articles?view=working&status=archived").expect(200).items().len(), 1);
    step(&newsroom, &author, "unarchive", &json!({})).expect(200);
    newsroom.get("/v1/articles/story").expect(404);
    newsroom.pass(1000);
    let back = step(&newsroom, &author, "publish", &json!({})).expect(200).json();
    assert_eq!(back["first_published_at"], live["first_published_at"]);
    assert_ne!(back["published_at"], live["published_at"]);
}

#[test]
fn a_gate_names_all_that_a_story_lacks_at_once() {
    let newsroom = Newsroom::open_with(|settings| settings.gate = Rule::ALL.to_vec());
    let [author, editor] = [Role::Author, Role::Editor].map(|role| newsroom.person(role));
    newsroom.draft(&author, &json!({ "title": "Story", "image": { "url": "https://a.example/" } }));
    let refusal = step(&newsroom, &author, "publish", &json!({})).expect(422);
    assert_eq!(refusal.code(), "not_ready");
    assert_eq!(refusal.places(), ["/lead", "/tags", "/authors", "/image/alt", "/edited_by"]);
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana" })).expect(201);
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Crime" })).expect(201);
    let whole =
        json!({ "lead": "Lead.", "authors": ["ana"], "tags": ["crime"], "image": { "url": "https://a.example/", "alt": "A bridge" } });
    newsroom.patch(&author, "/v1/articles/story", "*", &whole).expect(200);
    assert_eq!(step(&newsroom, &author, "publish", &json!({})).expect(422).places(), ["/edited_by"]);
    // A step is no edit: who handed the story over may still not publish it, and who took it may.
    step(&newsroom, &author, "submit", &json!({})).expect(200);
    step(&newsroom, &author, "publish", &json!({})).expect(422);
    step(&newsroom, &editor, "publish", &json!({})).expect(200);
    let live = newsroom.get("/v1/articles/story").expect(200).json();
    assert!(["assignee", "edited_by", "lock", "killed", "status"].iter().all(|name| live.get(name).is_none()));
    assert_eq!(step(&newsroom, &author, "publish", &json!({})).expect(200).json()["version"], 4);
}
