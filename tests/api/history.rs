//! History: every write is kept with who, when and why, can be read, compared and restored.

use crate::contract::{document, operations};
use crate::newsroom::{Newsroom, Person};
use copydesk::domain::revision::Retention;
use copydesk::domain::user::Role;
use serde_json::{Value, json};

const STORY: &str = "/v1/articles/story";

/// A newsroom with one draft at `/v1/articles/story`.
fn newsroom_with(story: &Value) -> (Newsroom, Person) {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.draft(&editor, story);
    (newsroom, editor)
}

fn revision(newsroom: &Newsroom, person: &Person, number: i64) -> Value {
    newsroom.get_as(person, &format!("{STORY}/revisions/{number}")).expect(200).json()
}

fn patch_noted(newsroom: &Newsroom, person: &Person, note: &str, body: &Value) {
    let headers = [("content-type", "application/merge-patch+json"), ("if-match", "*"), ("revision-note", note)];
    newsroom.send("PATCH", STORY, Some(person), &headers, Some(body.to_string().as_bytes())).expect(200);
}

#[test]
fn every_write_is_listed_with_who_when_and_why_the_newest_first() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story" }));
    let colleague = newsroom.person(Role::Editor);
    newsroom.pass(60_000);
    patch_noted(&newsroom, &colleague, "The mayor called back", &json!({ "lead": "He did." }));
    patch_noted(&newsroom, &editor, "utf-8''Correcci%C3%B3n", &json!({ "lead": "He did not." }));
    newsroom.patch(&editor, STORY, "*", &json!({ "lead": "He did not." })).expect(200);
    newsroom.post(&editor, "/v1/articles/story/publish", &json!({})).expect(200);
    newsroom.post(&editor, "/v1/articles/story/unpublish", &json!({})).expect(200);
    newsroom.delete(&editor, STORY).expect(204);
    newsroom.post(&colleague, "/v1/articles/story/restore", &json!({ "note": "Too soon" })).expect(200);
    let list = newsroom.get_as(&editor, &format!("{STORY}/revisions?count=true")).expect(200);
    assert_eq!(list.json()["page"]["total"], 7);
    let told = |item: &Value| [&item["number"], &item["event"], &item["note"], &item["published"], &item["created_by"]].map(Value::clone);
    let listed: Vec<[Value; 5]> = list.items().iter().map(told).collect();
    let row = |number: i64, event: &str, note: Option<&str>, by: &Person| {
        [json!(number), json!(event), json!(note), json!(event == "publish"), json!(by.id)]
    };
    let expected = [
        row(7, "restore", Some("Too soon"), &colleague),
        row(6, "delete", None, &editor),
        row(5, "unpublish", None, &editor),
        row(4, "publish", None, &editor),
        row(3, "edit", Some("Corrección"), &editor),
        row(2, "edit", Some("The mayor called back"), &colleague),
        row(1, "create", None, &editor),
    ];
    assert_eq!(listed, expected);
    assert_eq!(list.items()[6]["created_at"], "2025-06-27T14:30:00.000Z");
    assert_eq!(list.items()[5]["created_at"], "2025-06-27T14:31:00.000Z");
}

#[test]
fn what_a_step_says_is_its_note_where_the_header_says_nothing() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story" }));
    let step = |name: &str, body: Value| drop(newsroom.post(&editor, &format!("{STORY}/{name}"), &body));
    step("submit", json!({ "comment": "Please look" }));
    step("return", json!({ "comment": "The lead is weak" }));
    step("publish", json!({ "note": "Agreed by phone" }));
    step("corrections", json!({ "kind": "update", "note": "It was a Friday." }));
    step("kill", json!({ "reason": "We were wrong." }));
    let headers = [("content-type", "application/json"), ("if-match", "*"), ("revision-note", "The lawyers called")];
    newsroom.send("POST", &format!("{STORY}/unkill"), Some(&editor), &headers, Some(b"{}")).expect(200);
    let headers = [("content-type", "application/json"), ("if-match", "*"), ("revision-note", "Of the header")];
    let body = br#"{"kind":"update","note":"It was a Saturday."}"#;
    newsroom.send("POST", &format!("{STORY}/corrections"), Some(&editor), &headers, Some(body)).expect(201);
    let items = newsroom.get_as(&editor, &format!("{STORY}/revisions")).expect(200).items();
    let told: Vec<(&str, &str)> =
        items.iter().rev().skip(1).map(|item| (item["event"].as_str().unwrap(), item["note"].as_str().unwrap_or("-"))).collect();
    let expected = [
        ("submit", "Please look"),
        ("return", "The lead is weak"),
        ("publish", "Agreed by phone"),
        ("correct", "It was a Friday."),
        ("kill", "We were wrong."),
        ("unkill", "The lawyers called"),
        ("correct", "Of the header"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn the_list_is_paged_by_keys_both_ways() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story" }));
    (1..=8).for_each(|n| drop(newsroom.patch(&editor, STORY, "*", &json!({ "lead": n.to_string() })).expect(200)));
    let numbers = |items: Vec<Value>| items.iter().map(|item| item["number"].as_i64().unwrap()).collect::<Vec<_>>();
    let first = newsroom.get_as(&editor, &format!("{STORY}/revisions?limit=4")).expect(200);
    newsroom.patch(&editor, STORY, "*", &json!({ "lead": "meanwhile" })).expect(200);
    let page =
        |cursor: &Value| newsroom.get_as(&editor, &format!("{STORY}/revisions?limit=4&cursor={}", cursor.as_str().unwrap())).expect(200);
    let second = page(&first.json()["page"]["next_cursor"]);
    let third = page(&second.json()["page"]["next_cursor"]);
    let back = page(&third.json()["page"]["prev_cursor"]);
    assert!(third.json()["page"].get("next_cursor").is_none());
    assert!(first.header("link").contains("rel=\"next\""));
    let read = [first, second, third, back].map(|page| numbers(page.items()));
    assert_eq!(read, [vec![9, 8, 7, 6], vec![5, 4, 3, 2], vec![1], vec![5, 4, 3, 2]]);
}

#[test]
fn a_revision_is_shown_as_editors_write_it_and_can_be_sent_as_it_is() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Other" }));
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana" })).expect(201);
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Crime" })).expect(201);
    let story = json!({
        "title": "Story", "slug": "story", "subtitle": "Sub", "lead": "Lead.", "body": "Body.\n\n<b>", "language": "es",
        "dateline": { "city": "Cobán" }, "image": { "url": "https://example.com/a.jpg", "alt": "A" }, "seo": { "title": "S" },
        "canonical_url": "https://example.com/", "custom": { "n": 1.5, "deep": [{ "a": null }] }, "authors": ["ana"], "tags": ["crime"],
    });
    newsroom.draft(&editor, &story);
    newsroom
        .patch(&editor, STORY, "*", &json!({ "title": "Changed", "authors": [], "tags": [], "custom": null, "body": "New." }))
        .expect(200);
    newsroom.patch(&editor, "/v1/authors/ana", "*", &json!({ "slug": "ana-lopez" })).expect(200);
    let mut first = revision(&newsroom, &editor, 1);
    assert_eq!((first["number"].clone(), first["event"].clone()), (json!(1), json!("create")));
    assert_eq!((first["authors"].clone(), first["tags"].clone()), (json!(["ana-lopez"]), json!(["crime"])));
    let members = first.as_object_mut().unwrap();
    for member in ["number", "event", "note", "published", "created_by", "created_at"] {
        assert!(members.remove(member).is_some(), "{member}");
    }
    let restored = newsroom.patch(&editor, STORY, "*", &first).expect(200).json();
    for member in ["title", "subtitle", "lead", "body", "language", "custom", "canonical_url", "slug"] {
        assert_eq!(restored[member], story[member], "{member}");
    }
    assert_eq!(revision(&newsroom, &editor, 3)["title"], "Story");
}

#[test]
fn revisions_that_do_not_exist_are_not_found_and_old_slugs_lead_on() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story" }));
    for path in [
        "revisions/0",
        "revisions/2",
        "revisions/x",
        "revisions/+1",
        "revisions/1/diff?from=7",
        "revisions/2/diff",
        "revisions/99999999999999999999",
    ] {
        assert_eq!(newsroom.get_as(&editor, &format!("{STORY}/{path}")).expect(404).code(), "not_found", "{path}");
    }
    assert_eq!(newsroom.get_as(&editor, &format!("{STORY}/revisions/1/diff?from=-1")).expect(400).places(), ["from"]);
    newsroom.post(&editor, &format!("{STORY}/revisions/2/restore"), &json!({})).expect(404);
    newsroom.get_as(&editor, "/v1/articles/nothing/revisions").expect(404);
    newsroom.patch(&editor, STORY, "*", &json!({ "slug": "renamed" })).expect(200);
    let moved = newsroom.get_as(&editor, &format!("{STORY}/revisions/2/diff?from=1")).expect(308);
    assert_eq!(moved.header("location"), "/v1/articles/renamed/revisions/2/diff?from=1");
}

#[test]
fn two_revisions_are_compared_member_by_member_and_texts_word_by_word() {
    let (newsroom, editor) =
        newsroom_with(&json!({ "title": "Night buses return", "slug": "story", "body": "They are back.\n\nSo it is said." }));
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Transport" })).expect(201);
    newsroom
        .patch(&editor, STORY, "*", &json!({ "title": "Night trains return", "subtitle": "At last", "tags": ["transport"] }))
        .expect(200);
    newsroom.patch(&editor, STORY, "*", &json!({ "body": "They are back, soon.\n\nSo it is said.", "subtitle": null })).expect(200);
    let diff = |path: &str| newsroom.get_as(&editor, &format!("{STORY}/revisions/{path}")).expect(200).json();
    let piece = |op: &str, text: &str| json!({ "op": op, "text": text });
    let title = json!({ "member": "title", "changes": [piece("equal", "Night "), piece("delete", "buses"), piece("insert", "trains"), piece("equal", " return")] });
    let subtitle = json!({ "member": "subtitle", "changes": [piece("insert", "At last")] });
    let tags = json!({ "member": "tags", "from": [], "to": ["transport"] });
    assert_eq!(diff("2/diff"), json!({ "from": 1, "to": 2, "members": [title, subtitle, tags] }));
    let body = json!({ "member": "body", "changes": [piece("equal", "They are back"), piece("insert", ", soon"), piece("equal", ".\n\nSo it is said.")] });
    assert_eq!(diff("3/diff?from=1")["members"], json!([title, body, tags]));
    assert_eq!(diff("3/diff?from=3")["members"], json!([]));
    let backward = diff("1/diff?from=2")["members"].clone();
    assert_eq!(backward[1], json!({ "member": "subtitle", "changes": [piece("delete", "At last")] }));
    let members: Vec<Value> = diff("1/diff")["members"].as_array().unwrap().iter().map(|member| member["member"].clone()).collect();
    assert_eq!((diff("1/diff")["from"].clone(), members.contains(&json!("title"))), (json!(0), true));
    assert_eq!(diff("1/diff"), diff("1/diff?from=0"));
}

#[test]
fn the_longest_texts_are_compared_while_others_are_served() {
    let words = |stem: &str| (0..70_000).map(|n| format!("{stem}{} ", n % 9_973)).collect::<String>();
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story", "body": words("a") }));
    newsroom.patch(&editor, STORY, "*", &json!({ "body": words("b") })).expect(200);
    let diff = newsroom.get_as(&editor, &format!("{STORY}/revisions/2/diff")).expect(200).json();
    let changes = diff["members"][0]["changes"].as_array().unwrap();
    let text = |op: &str| changes.iter().filter(|piece| piece["op"] != op).map(|piece| piece["text"].as_str().unwrap()).collect::<String>();
    assert_eq!((text("insert"), text("delete")), (words("a"), words("b")));
}

#[test]
fn a_restored_revision_is_a_new_one_and_the_live_view_stays() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story", "lead": "First." }));
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana" })).expect(201);
    newsroom.patch(&editor, STORY, "*", &json!({ "authors": ["ana"] })).expect(200);
    newsroom.patch(&editor, STORY, "*", &json!({ "lead": "Third.", "authors": [], "slug": "third" })).expect(200);
    let published = newsroom.post(&editor, "/v1/articles/third/publish", &json!({})).expect(200);
    let live = newsroom.get("/v1/articles/third").expect(200).text();
    let restore = |number: i64, etag: &str, body: &str| {
        let headers = [("content-type", "application/json"), ("if-match", etag)];
        newsroom.send("POST", &format!("/v1/articles/third/revisions/{number}/restore"), Some(&editor), &headers, Some(body.as_bytes()))
    };
    assert_eq!(restore(2, "\"3-0\"", "{}").expect(412).code(), "stale");
    let restored = restore(2, published.header("etag"), r#"{"note":"The first lead was right"}"#).expect(200);
    let story = restored.json();
    assert_eq!((story["version"].clone(), story["lead"].clone(), story["slug"].clone()), (json!(5), json!("First."), json!("story")));
    assert_eq!((story["authors"][0]["slug"].clone(), story["has_unpublished_changes"].clone()), (json!("ana"), json!(true)));
    assert!(restored.header("etag").starts_with("\"5-"));
    newsroom.forget();
    assert_eq!(newsroom.get("/v1/articles/third").expect(200).text(), live);
    let newest = newsroom.get_as(&editor, &format!("{STORY}/revisions?limit=1")).expect(200).items().remove(0);
    assert_eq!((newest["event"].clone(), newest["note"].clone()), (json!("restore_revision"), json!("The first lead was right")));
    assert_eq!(
        newsroom.post(&editor, &format!("{STORY}/revisions/2/restore"), &json!({})).expect(200).json()["version"],
        5,
        "it holds that already"
    );
    assert_eq!(revision(&newsroom, &editor, 3)["lead"], "Third.");
}

#[test]
fn a_revision_whose_authors_or_tags_are_gone_is_not_restored_but_told() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story" }));
    let ana = newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana" })).expect(201).json()["id"].clone();
    let crime = newsroom.post(&editor, "/v1/tags", &json!({ "name": "Crime" })).expect(201).json()["id"].clone();
    newsroom.patch(&editor, STORY, "*", &json!({ "authors": ["ana"], "tags": ["crime"] })).expect(200);
    newsroom.patch(&editor, STORY, "*", &json!({ "authors": [], "tags": [] })).expect(200);
    newsroom.delete(&editor, "/v1/authors/ana").expect(204);
    newsroom.delete(&editor, "/v1/tags/crime").expect(204);
    let refusal = newsroom.post(&editor, &format!("{STORY}/revisions/2/restore"), &json!({})).expect(409);
    assert_eq!((refusal.code().as_str(), refusal.places()), ("links_gone", vec!["/author_ids/0".to_owned(), "/tag_ids/0".to_owned()]));
    assert!([&ana, &crime].iter().all(|id| refusal.text().contains(id.as_str().unwrap())));
    assert_eq!(
        (revision(&newsroom, &editor, 2)["authors"].clone(), revision(&newsroom, &editor, 2)["tags"].clone()),
        (json!([ana]), json!([crime]))
    );
    assert_eq!(newsroom.get_as(&editor, &format!("{STORY}?view=working")).expect(200).json()["version"], 3);
    // One that was replaced is gone, too, though the story was not written meanwhile.
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Police" })).expect(201);
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Courts" })).expect(201);
    newsroom.patch(&editor, STORY, "*", &json!({ "tags": ["police"] })).expect(200);
    newsroom.delete(&editor, "/v1/tags/police?reassign_to=courts").expect(204);
    assert_eq!(newsroom.post(&editor, &format!("{STORY}/revisions/4/restore"), &json!({})).expect(409).places(), ["/tag_ids/0"]);
}

#[test]
fn every_write_to_a_story_reads_the_note_and_refuses_a_bad_one() {
    let (newsroom, editor) = newsroom_with(&json!({ "title": "Story" }));
    let contract = document();
    let long = "x".repeat(501);
    let mut doors = 0;
    let is_noted =
        |operation: &Value| operation["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["name"] == "Revision-Note");
    for (path, verb, _) in operations(&contract).into_iter().filter(|(_, _, operation)| is_noted(operation)) {
        for bad in [long.as_str(), "UTF-8''%1B", "UTF-8''%F3"] {
            let headers = [("content-type", "application/json"), ("if-match", "*"), ("revision-note", bad)];
            let path = path.replace("{article}", "story").replace("{number}", "1").replace("{correction}", &editor.id);
            let refusal = newsroom.send(&verb.to_ascii_uppercase(), &path, Some(&editor), &headers, Some(b"{}")).expect(400);
            assert_eq!(
                (refusal.code().as_str(), refusal.places()),
                ("malformed_request", vec!["Revision-Note".to_owned()]),
                "{verb} {path}"
            );
            doors += 1;
        }
    }
    assert!(doors >= 3 * 16, "{doors}");
    let twice = [("content-type", "application/json"), ("if-match", "*"), ("revision-note", "a"), ("revision-note", "b")];
    newsroom.send("PATCH", STORY, Some(&editor), &twice, Some(b"{\"lead\":\"x\"}")).expect(400);
    assert_eq!(newsroom.post(&editor, &format!("{STORY}/revisions/1/restore"), &json!({ "note": long })).expect(422).places(), ["/note"]);
    assert_eq!(newsroom.get_as(&editor, &format!("{STORY}/revisions")).expect(200).items().len(), 1);
}

#[test]
fn a_newsroom_that_keeps_few_revisions_keeps_those_the_public_has_seen() {
    let newsroom = Newsroom::open_with(|settings| settings.retention = Retention { newest: Some(3), days: None });
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Story", "lead": "0" }));
    (1..=9).for_each(|n| drop(newsroom.patch(&editor, STORY, "*", &json!({ "lead": n.to_string() })).expect(200)));
    let items = newsroom.get_as(&editor, &format!("{STORY}/revisions?count=true")).expect(200);
    let numbers: Vec<i64> = items.items().iter().map(|item| item["number"].as_i64().unwrap()).collect();
    assert_eq!((numbers, items.json()["page"]["total"].clone()), (vec![11, 10, 9, 2], json!(4)));
    let leads: Vec<Value> = [11, 10, 9, 2].iter().map(|number| revision(&newsroom, &editor, *number)["lead"].clone()).collect();
    assert_eq!(leads, ["9", "8", "7", "0"]);
    newsroom.get_as(&editor, &format!("{STORY}/revisions/8")).expect(404);
    assert_eq!(newsroom.get_as(&editor, &format!("{STORY}/revisions/9/diff")).expect(200).json()["from"], 2);
    let stale = newsroom.patch(&editor, STORY, "\"5-0\"", &json!({ "lead": "late" })).expect(412).json();
    assert_eq!((stale["current_version"].clone(), stale["differing_members"].clone()), (json!(11), json!([])));
}
