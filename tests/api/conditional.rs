//! Conditional reads: a client that has the answer already is told so, and never wrongly.

use crate::newsroom::{Answer, Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

/// A newsroom with one live story by Ana about crime, and an author and a tag that nothing names.
fn newsroom_with_a_story() -> (Newsroom, Person) {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for name in ["Ana", "Bo"] {
        newsroom.post(&editor, "/v1/authors", &json!({ "name": name })).expect(201);
    }
    for name in ["Crime", "Trade"] {
        newsroom.post(&editor, "/v1/tags", &json!({ "name": name })).expect(201);
    }
    newsroom.publish(&editor, &json!({ "title": "Story", "authors": ["ana"], "tags": ["crime"] }));
    (newsroom, editor)
}

const STORY: &str = "/v1/articles/story";

fn read(newsroom: &Newsroom, path: &str, headers: &[(&str, &str)]) -> Answer {
    newsroom.send("GET", path, None, headers, None)
}

#[test]
fn a_client_that_has_the_answer_gets_304_and_no_body() {
    let (newsroom, _) = newsroom_with_a_story();
    for path in ["/", STORY, "/v1/articles", "/v1/authors/ana", "/v1/authors", "/v1/tags/crime", "/v1/tags", "/v1/articles/story/related"] {
        let first = newsroom.get(path).expect(200);
        let tag = first.header("etag");
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{path}: a strong tag, not {tag}");
        for known in [tag.to_owned(), format!("W/{tag}"), "*".into(), format!("\"x\", {tag}"), format!("\"x\" ,W/{tag}")] {
            let again = read(&newsroom, path, &[("if-none-match", &known)]).expect(304);
            assert_eq!((again.body.len(), again.header("content-type")), (0, ""), "{path} {known}");
            for name in ["etag", "cache-control", "vary", "surrogate-key", "last-modified"] {
                assert_eq!(again.header(name), first.header(name), "{name} of {path}");
                assert!(!first.header(name).is_empty(), "{name} of {path}");
            }
            newsroom.send("HEAD", path, None, &[("if-none-match", &known)], None).expect(304);
        }
        for other in ["\"x\"", "W/\"x\"", tag.trim_matches('"'), "", ","] {
            read(&newsroom, path, &[("if-none-match", other)]).expect(200);
        }
    }
}

#[test]
fn a_tag_of_yesterday_gets_the_answer_of_today() {
    let (newsroom, editor) = newsroom_with_a_story();
    for (path, change, patch) in [
        (STORY, "/v1/authors/ana", json!({ "beat": "Courts" })),
        ("/v1/articles", "/v1/tags/crime", json!({ "name": "Justice" })),
        ("/v1/authors", "/v1/authors/ana", json!({ "beat": "Crime" })),
        ("/v1/tags/crime", "/v1/tags/crime", json!({ "description": "Courts and police." })),
    ] {
        let tag = newsroom.get(path).expect(200).header("etag").to_owned();
        newsroom.patch(&editor, change, "*", &patch).expect(200);
        read(&newsroom, path, &[("if-none-match", &tag)]).expect(200);
    }
}

#[test]
fn a_date_counts_where_no_tag_is_sent() {
    let (newsroom, _) = newsroom_with_a_story();
    let date = newsroom.get(STORY).expect(200).header("last-modified").to_owned();
    assert_eq!(date, "Fri, 27 Jun 2025 14:30:00 GMT");
    for (since, status) in [
        (date.as_str(), 304),
        ("Fri, 27 Jun 2025 14:30:01 GMT", 304),
        ("Fri, 27 Jun 2025 14:29:59 GMT", 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
        ("yesterday", 200),
        ("", 200),
    ] {
        read(&newsroom, STORY, &[("if-modified-since", since)]).expect(status);
    }
    // A tag is the better witness (RFC 9110 §13.2.2).
    read(&newsroom, STORY, &[("if-modified-since", &date), ("if-none-match", "\"x\"")]).expect(200);
}

#[test]
fn the_date_of_a_story_moves_with_all_that_it_shows() {
    let (newsroom, editor) = newsroom_with_a_story();
    let changes: [(&str, &str, Option<Value>); 6] = [
        ("an author's name", "/v1/authors/ana", Some(json!({ "name": "Ana López" }))),
        ("a tag's name", "/v1/tags/crime", Some(json!({ "name": "Justice" }))),
        ("a tag that goes out of sight", "/v1/tags/crime", Some(json!({ "visibility": "internal" }))),
        ("a tag that comes back", "/v1/tags/crime", Some(json!({ "visibility": "public" }))),
        ("another author in place of one", "/v1/authors/ana?reassign_to=bo", None),
        ("another tag in place of one", "/v1/tags/crime?reassign_to=trade", None),
    ];
    for (what, path, patch) in changes {
        let before = newsroom.get(STORY).expect(200);
        newsroom.pass(60_000);
        match patch {
            Some(patch) => newsroom.patch(&editor, path, "*", &patch).expect(200),
            None => newsroom.delete(&editor, path).expect(204),
        };
        let after = read(&newsroom, STORY, &[("if-modified-since", before.header("last-modified"))]);
        assert_eq!(after.status, 200, "{what} is hidden behind a 304");
        assert_ne!(after.body, before.body, "{what}");
    }
}

#[test]
fn what_is_private_or_refused_is_never_304() {
    let (newsroom, editor) = newsroom_with_a_story();
    for (path, status) in [("/v1/articles/nothing", 404), ("/v1/articles?limit=0", 400), ("/v1/articles?view=working", 401)] {
        read(&newsroom, path, &[("if-none-match", "*")]).expect(status);
    }
    let working = newsroom.send("GET", "/v1/articles/story?view=working", Some(&editor), &[("if-none-match", "*")], None);
    assert_eq!((working.status, working.header("cache-control")), (200, "private, no-store"));
}
