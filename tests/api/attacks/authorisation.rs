//! Class D: nobody sees or does what is not theirs.

use super::newsroom;
use crate::newsroom::Newsroom;
use copydesk::domain::user::Role;
use serde_json::{Value, json};

#[test]
fn d01_a_stranger_cannot_tell_a_draft_from_nothing() {
    let (newsroom, editor) = newsroom();
    let id = newsroom.get_as(&editor, "/v1/articles/hidden?view=working").expect(200).json()["id"].as_str().unwrap().to_owned();
    let nothing = newsroom.get("/v1/articles/nothing").expect(404);
    for (key, missing) in [("hidden", "absent"), (id.as_str(), "01890a5d-ac96-774b-bcce-b302099a8057")] {
        for suffix in ["", "/adjacent", "/related"] {
            let draft = newsroom.get(&format!("/v1/articles/{key}{suffix}")).expect(404);
            let missing_answer = newsroom.get(&format!("/v1/articles/{missing}{suffix}")).expect(404);
            assert_eq!(draft.text().replace(key, ""), missing_answer.text().replace(missing, ""));
            assert_eq!(draft.headers.len(), nothing.headers.len());
        }
        let head = newsroom.send("HEAD", &format!("/v1/articles/{key}"), None, &[], None);
        assert_eq!((head.status, head.body.len()), (404, 0));
    }
    assert_eq!(newsroom.get("/v1/tags/hushed").expect(404).code(), "not_found");
}

#[test]
fn d02_a_stranger_cannot_ask_for_drafts_by_status_or_view() {
    let (newsroom, _) = newsroom();
    for query in ["status=draft", "status=published,draft", "status=DRAFT", "status=published", "assignee=me"] {
        newsroom.get(&format!("/v1/articles?{query}")).expect(400);
    }
    for path in
        ["/v1/articles?view=working", "/v1/articles?view=working&status=draft", "/v1/articles/hidden?view=working", "/v1/tags?view=working"]
    {
        newsroom.get(path).expect(401);
    }
    for view in ["Working", "draft", "all", "working,live", ""] {
        newsroom.get(&format!("/v1/articles?view={view}")).expect(400);
    }
}

#[test]
fn d03_an_author_changes_own_stories_only_and_a_contributor_publishes_nothing() {
    let newsroom = Newsroom::open();
    let [one, other, contributor] = [Role::Author, Role::Author, Role::Contributor].map(|role| newsroom.person(role));
    let story = newsroom.draft(&one, &json!({ "title": "Mine" }));
    for stranger in [&other, &contributor] {
        newsroom.patch(stranger, "/v1/articles/mine", "*", &json!({ "title": "Theirs" })).expect(403);
        newsroom.delete(stranger, "/v1/articles/mine").expect(403);
        newsroom.post(stranger, "/v1/articles/mine/publish", &json!({})).expect(403);
        newsroom.post(stranger, "/v1/articles/mine/unpublish", &json!({})).expect(403);
    }
    let after = newsroom.get_as(&one, "/v1/articles/mine?view=working").expect(200).json();
    assert_eq!((&after["title"], &after["version"]), (&story["title"], &story["version"]));
    newsroom.draft(&contributor, &json!({ "title": "Trainee" }));
    newsroom.patch(&contributor, "/v1/articles/trainee", "*", &json!({ "lead": "More" })).expect(200);
    newsroom.post(&contributor, "/v1/articles/trainee/publish", &json!({})).expect(403);
    newsroom.get("/v1/articles/trainee").expect(404);
}

#[test]
fn d07_members_that_are_not_a_writers_are_each_named() {
    let (newsroom, editor) = newsroom();
    let stolen = json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057", "version": 9, "status": "published", "published_at": "2020-01-01T00:00:00Z",
        "created_by": editor.id, "created_at": "2020-01-01T00:00:00Z", "html": "<script>", "url": "https://evil.example/",
    });
    let mut wanted: Vec<String> = stolen.as_object().unwrap().keys().map(|name| format!("/{name}")).collect();
    wanted.sort();
    let mut body = stolen.clone();
    body["title"] = "Stolen".into();
    let mut places = newsroom.post(&editor, "/v1/articles", &body).expect(422).places();
    places.sort();
    assert_eq!(places, wanted);
    let mut places = newsroom.patch(&editor, "/v1/articles/live", "*", &stolen).expect(422).places();
    places.sort();
    assert_eq!(places, wanted);
    let nulls: serde_json::Map<String, Value> = stolen.as_object().unwrap().keys().map(|name| (name.clone(), Value::Null)).collect();
    assert_eq!(newsroom.patch(&editor, "/v1/articles/live", "*", &Value::Object(nulls)).expect(422).places().len(), wanted.len());
}

#[test]
fn d09_nobody_raises_their_own_role() {
    let newsroom = Newsroom::open();
    for role in [Role::Contributor, Role::Author, Role::Editor] {
        let person = newsroom.person(role);
        newsroom.patch(&person, &format!("/v1/users/{}", person.id), "*", &json!({ "role": "admin" })).expect(403);
        newsroom.post(&person, "/v1/users", &json!({ "email": "new@example.com", "role": "admin" })).expect(403);
        for path in ["/v1/users", &format!("/v1/users/{}", person.id)] {
            newsroom.get_as(&person, path).expect(403);
        }
        assert_eq!(newsroom.get_as(&person, "/v1/auth/me").expect(200).json()["role"], role.name());
    }
}

#[test]
fn d16_what_others_stories_name_is_not_deleted_from_under_them() {
    let (newsroom, editor) = newsroom();
    for path in ["/v1/authors/marcus", "/v1/tags/migration", "/v1/tags/hushed"] {
        let refusal = newsroom.delete(&editor, path).expect(409);
        assert_eq!(refusal.code(), "in_use");
        assert!(refusal.json()["count"].as_i64().unwrap() >= 1);
    }
    let admin = newsroom.person(Role::Admin);
    let writer = newsroom.person(Role::Author);
    newsroom.publish(&writer, &json!({ "title": "Outlives its writer" }));
    newsroom.delete(&admin, &format!("/v1/users/{}", writer.id)).expect(204);
    newsroom.get("/v1/articles/outlives-its-writer").expect(200);
    assert_eq!(newsroom.delete(&admin, &format!("/v1/users/{}", admin.id)).expect(409).code(), "last_admin");
}

#[test]
fn d17_a_method_is_what_the_request_line_says() {
    let (newsroom, editor) = newsroom();
    for header in ["x-http-method-override", "x-http-method", "x-method-override"] {
        newsroom.send("GET", "/v1/articles/live", Some(&editor), &[(header, "DELETE"), ("if-match", "*")], None).expect(200);
        newsroom.send("POST", "/v1/articles/live", Some(&editor), &[(header, "DELETE"), ("if-match", "*")], None).expect(405);
    }
    newsroom.get_as(&editor, "/v1/articles/live?_method=DELETE").expect(400);
    newsroom.get("/v1/articles/live").expect(200);
}
