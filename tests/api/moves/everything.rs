//! A newsroom in which everything has happened, and everything that it answers.

use crate::contract::{document, operations};
use crate::newsroom::{Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Texts that look like what they are not.
const TRICKY: [&str; 6] =
    ["007", "true", r#"{"end":{"rows":0}}"#, r"a\u0001b \x00 'q' \", "Ñandú 🗞 שלום e\u{301}", "two  spaces, NULL, --"];

/// Makes stories go through all that stories go through. Answers an administrator.
pub fn happen(newsroom: &Newsroom) -> Person {
    let admin = newsroom.person_with(Role::Admin, Some("nine-lamps-on-the-quay"));
    let writer = newsroom.person(Role::Author);
    let post = |path: &str, body: Value| newsroom.post(&admin, path, &body);
    for name in ["Ana", "Bo", "Cleo", "Nobody Any More"] {
        post("/v1/authors", json!({ "name": name, "bio": "*Writes.*", "links": [{ "label": "x", "url": "https://example.com" }] }))
            .expect(201);
    }
    for name in ["Child", "Crime", "Parent", "Old", "Secret"] {
        post("/v1/tags", json!({ "name": name, "visibility": if name == "Secret" { "internal" } else { "public" } })).expect(201);
    }
    // A parent whose id comes after its child's.
    newsroom.patch(&admin, "/v1/tags/child", "*", &json!({ "parent": "parent", "description": TRICKY[3] })).expect(200);
    for (number, title) in TRICKY.iter().enumerate() {
        newsroom.pass(1234);
        let story = json!({
            "title": title, "slug": format!("tricky-{number}"), "lead": TRICKY[(number + 1) % 6], "body": format!("# {title}\n\n> {number}\n\n{}", "word ".repeat(99)),
            "authors": ["bo", "ana"], "tags": ["crime", "child", "secret"], "language": if number % 2 == 0 { "en" } else { "es" },
            "custom": { "number": number, "deep": [1.5, null, { "a": title }] },
        });
        newsroom.publish(&admin, &story);
    }
    let step = |story: &str, name: &str, body: Value| {
        newsroom.pass(1);
        post(&format!("/v1/articles/{story}/{name}"), body).expect(if matches!(name, "corrections" | "comments" | "preview-tokens") {
            201
        } else {
            200
        })
    };
    let id = newsroom.get("/v1/articles/tricky-0").expect(200).json()["id"].as_str().unwrap().to_owned();
    for number in 0..12 {
        let edit = json!({ "lead": format!("Edit {number}."), "slug": format!("tricky-0-{number}") });
        newsroom.patch(&admin, &format!("/v1/articles/{id}"), "*", &edit).expect(200);
    }
    step(&id, "publish", json!({ "note": "at last" }));
    newsroom.patch(&admin, "/v1/articles/tricky-1", "*", &json!({ "title": "Not out yet", "authors": ["cleo"] })).expect(200);
    step("tricky-1", "corrections", json!({ "kind": "correction", "note": TRICKY[4] }));
    step("tricky-2", "kill", json!({ "reason": "It was not so." }));
    step("tricky-3", "unpublish", json!({}));
    step("tricky-3", "comments", json!({ "comment": TRICKY[5] }));
    step("tricky-4", "schedule", json!({ "unpublish_at": "2026-01-01T00:00:00Z" }));
    step("tricky-4", "preview-tokens", json!({ "expires_in": 86400 }));
    newsroom.delete(&admin, "/v1/articles/tricky-5").expect(204);
    newsroom.draft(&writer, &json!({ "title": "A draft", "tags": ["old"], "authors": ["nobody-any-more"] }));
    step("a-draft", "lock", json!({ "ttl_seconds": 600 }));
    newsroom.draft(&writer, &json!({ "title": "Comes later" }));
    step("comes-later", "schedule", json!({ "publish_at": "2025-12-24T18:00:00-06:00", "embargo_until": "2025-12-24T18:00:00-06:00" }));
    newsroom.draft(&writer, &json!({ "title": "In review" }));
    newsroom.post(&writer, "/v1/articles/in-review/submit", &json!({ "comment": "Please", "assignee": admin.id })).expect(200);
    post("/v1/tags/old/merge", json!({ "into": "crime" })).expect(200);
    post("/v1/authors/nobody-any-more/merge", json!({ "into": "ana" })).expect(200);
    newsroom.patch(&admin, "/v1/authors/bo", "*", &json!({ "slug": "bob" })).expect(200);
    newsroom.patch(&admin, &format!("/v1/users/{}", writer.id), "*", &json!({ "disabled": true })).expect(200);
    admin
}

/// Every answer to every GET of the contract, in both views, with everything that can stand in an address, to a stranger and to an
/// administrator: status, tags and body.
pub fn answers(newsroom: &Newsroom, admin: &Person) -> BTreeMap<String, String> {
    let ids = |path: &str| -> Vec<String> {
        let items = newsroom.get_as(admin, path).expect(200).items();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let stories = [ids("/v1/articles?view=working&limit=100"), ids("/v1/trash")].concat();
    let old_names = ["tricky-0", "tricky-0-5", "tricky-2", "old", "bo", "nobody-any-more"].map(str::to_owned).to_vec();
    let authors = [ids("/v1/authors"), old_names.clone()].concat();
    let tags = [ids("/v1/tags?view=working"), old_names.clone()].concat();
    let stories = [stories, old_names].concat();
    let numbers: Vec<String> = (1..=14).map(|number| number.to_string()).collect();
    let document = document();
    let mut answers = BTreeMap::new();
    for (path, _, operation) in operations(&document).into_iter().filter(|(_, verb, _)| *verb == "get") {
        let mut addresses = vec![path.to_owned()];
        for (name, values) in
            [("{article}", &stories), ("{author}", &authors), ("{tag}", &tags), ("{user}", &ids("/v1/users")), ("{number}", &numbers)]
        {
            addresses = addresses
                .iter()
                .flat_map(|address| {
                    if address.contains(name) {
                        values.iter().map(|value| address.replace(name, value)).collect()
                    } else {
                        vec![address.clone()]
                    }
                })
                .collect();
        }
        let has = |name: &str| operation["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == name));
        let mut queries = vec![""];
        queries.extend(has("view").then_some("view=working"));
        queries.extend(has("formats").then_some("formats=html,markdown,text,blocks"));
        queries.extend(has("sort").then_some("sort=title"));
        queries.extend((has("tag") && has("author")).then_some("tag=child&author=bob"));
        for address in addresses.iter().filter(|address| !address.contains('{')) {
            for query in &queries {
                let address = if query.is_empty() { address.clone() } else { format!("{address}?{query}") };
                for by in [None, Some(admin)] {
                    let answer = newsroom.send("GET", &address, by, &[], None);
                    let tags: Vec<&str> = ["etag", "location", "link", "surrogate-key"].map(|name| answer.header(name)).to_vec();
                    // A list's own date is when it was put together, and a problem tells the number of its request.
                    let told = format!("{} {tags:?} {}", answer.status, answer.text().replace(answer.header("request-id"), "…"));
                    answers.insert(format!("{address} by {}", if by.is_some() { "admin" } else { "nobody" }), told);
                }
            }
        }
    }
    answers
}
