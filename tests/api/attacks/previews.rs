//! Classes C and D: a preview token opens one story on one route, and nothing that was not published shows by any other way.

use super::newsroom;
use crate::contract::{document, example, operations};
use crate::newsroom::{Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::json;

fn holder(newsroom: &Newsroom, editor: &Person, slug: &str) -> Person {
    let made = newsroom.post(editor, &format!("/v1/articles/{slug}/preview-tokens"), &json!({ "expires_in": 3600 })).expect(201).json();
    Person { id: String::new(), email: String::new(), token: made["token"].as_str().unwrap().to_owned() }
}

#[test]
fn c06_a_preview_token_opens_no_other_route_and_no_other_story() {
    let (newsroom, editor) = newsroom();
    let holder = holder(&newsroom, &editor, "hidden");
    newsroom.get_as(&holder, "/v1/articles/hidden").expect(200);
    let document = document();
    for (path, verb, operation) in operations(&document) {
        let is_its_own = operation["operationId"] == "get_article";
        let story = if is_its_own { "live" } else { "hidden" };
        let address = path.replace("{article}", story).replace("{author}", "marcus").replace("{tag}", "migration").replace("{number}", "1");
        let address = address.replace("{user}", &editor.id).replace("{correction}", &editor.id).replace("{token}", &editor.id);
        let content = operation["requestBody"]["content"].as_object().and_then(|content| content.values().next());
        let body = content.and_then(|media| media["schema"]["$ref"].as_str()?.rsplit('/').next()).map(|schema| example(schema).to_string());
        let mut headers = vec![("if-match", "*")];
        headers.extend(body.as_ref().map(|_| ("content-type", "application/json")));
        let answer = newsroom.send(&verb.to_ascii_uppercase(), &address, Some(&holder), &headers, body.as_ref().map(String::as_bytes));
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_token"), "{verb} {address}");
    }
    for path in ["/v1/articles?view=working", "/v1/articles/nothing", "/v1/articles/live?view=live", "/v1/articles/HIDDEN"] {
        newsroom.get_as(&holder, path).expect(401);
    }
    let hidden = newsroom.get_as(&editor, "/v1/articles/hidden?view=working").expect(200).json();
    assert_eq!((&hidden["version"], &hidden["status"]), (&json!(1), &json!("draft")));
}

#[test]
fn c06_an_access_token_shows_what_its_bearer_may_see_and_is_no_preview() {
    let (newsroom, editor) = newsroom();
    let contributor = newsroom.person(Role::Contributor);
    for person in [&editor, &contributor] {
        newsroom.get_as(person, "/v1/articles/hidden").expect(404);
        newsroom.get_as(person, "/v1/articles/hidden?view=working").expect(200);
    }
    let made = holder(&newsroom, &editor, "hidden");
    for broken in [format!("{}x", made.token), made.token.replacen('.', "..", 1), made.token[..made.token.len() - 2].to_owned()] {
        newsroom.get_as(&Person { token: broken, ..made.clone() }, "/v1/articles/hidden").expect(401);
    }
    let twice = format!("Bearer {}", made.token);
    newsroom.send("GET", "/v1/articles/hidden", Some(&made), &[("authorization", &twice)], None).expect(401);
    newsroom.get(&format!("/v1/articles/hidden?token={}", made.token)).expect(400);
}

#[test]
fn d02_a_preview_brings_a_draft_into_no_list_and_no_cache() {
    let (newsroom, editor) = newsroom();
    let holder = holder(&newsroom, &editor, "hidden");
    let public = [
        "/v1/articles?count=true",
        "/v1/articles?tag=migration&count=true",
        "/v1/articles?author=marcus&count=true",
        "/v1/articles/live/related",
        "/v1/articles/live/adjacent",
    ];
    let before = public.map(|path| newsroom.get(path).expect(200).body);
    for _ in 0..2 {
        newsroom.get_as(&holder, "/v1/articles/hidden").expect(200);
        newsroom.get("/v1/articles/hidden").expect(404);
    }
    assert_eq!(public.map(|path| newsroom.get(path).expect(200).body), before);
    for status in ["draft", "published,draft", "DRAFT"] {
        let answer = newsroom.get(&format!("/v1/articles?status={status}"));
        assert!([400, 401].contains(&answer.status), "{}", answer.text());
        newsroom.get_as(&holder, &format!("/v1/articles?status={status}&view=working")).expect(401);
    }
}
