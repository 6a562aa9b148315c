//! Class A and B: nothing is learned by filters, orders, members or guesses, and no text becomes a query.

use super::newsroom;
use crate::newsroom::{Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::json;

#[test]
fn a01_a_filter_on_a_member_that_is_no_parameter_is_refused_whatever_it_guesses() {
    let (newsroom, _) = newsroom();
    for (right, wrong) in [
        ("author.email=marcus@secret.example", "author.email=nobody@x.example"),
        ("filter[authors][password_hash][$startsWith]=$argon2", "filter[authors][password_hash][$startsWith]=zzzzzzz"),
        ("authors__email__startswith=m", "authors__email__startswith=z"),
        ("where[author][email]=m", "where[author][email]=z"),
        ("email=marcus@secret.example", "email=nobody@x.example"),
        ("user_id=1", "user_id=2"),
    ] {
        for path in ["/v1/articles", "/v1/authors", "/v1/tags"] {
            let (right, wrong) = (newsroom.get(&format!("{path}?{right}")), newsroom.get(&format!("{path}?{wrong}")));
            assert_eq!((right.status, right.code().as_str()), (400, "unknown_parameter"));
            assert_eq!(right.body, wrong.body);
        }
    }
}

#[test]
fn a03_a_list_is_sorted_by_a_closed_list_of_members() {
    let (newsroom, editor) = newsroom();
    for sort in
        ["password_hash", "-authors.email", "created_by", "-created_by", "id", "title,slug", "TITLE", "title;DROP%20TABLE%20articles"]
    {
        assert_eq!(newsroom.get(&format!("/v1/articles?sort={sort}")).expect(400).places(), ["sort"]);
        newsroom.get_as(&editor, &format!("/v1/articles?view=working&sort={sort}")).expect(400);
        newsroom.get(&format!("/v1/authors?sort={sort}")).expect(400);
    }
    assert_eq!(newsroom.get("/v1/articles?sort=created_at").expect(400).places(), ["sort"], "it would tell when a draft was begun");
}

#[test]
fn a05_no_public_answer_has_an_address_an_account_or_a_hash() {
    let (newsroom, editor) = newsroom();
    for fields in ["email,user_id,password_hash", "email", "user_id", "authors.email", "credentials", "-email"] {
        newsroom.get(&format!("/v1/authors?fields={fields}")).expect(400);
        newsroom.get(&format!("/v1/authors/marcus?fields={fields}")).expect(400);
        newsroom.get(&format!("/v1/articles?fields={fields}")).expect(400);
    }
    for path in ["/v1/authors", "/v1/authors/marcus", "/v1/articles", "/v1/articles/live", "/v1/articles/live/related"] {
        for answer in [newsroom.get(path).expect(200), newsroom.get_as(&editor, path).expect(200)] {
            for secret in ["secret.example", "user_id", "password", "created_by", "\"version\"", "hushed", "Hushed"] {
                assert!(!answer.text().contains(secret), "{path} tells {secret}: {}", answer.text());
            }
        }
    }
}

#[test]
fn a08_only_authors_and_tags_are_embedded() {
    let (newsroom, _) = newsroom();
    for include in ["authors.user", "created_by", "authors.sessions", "authors,created_by", "*", ""] {
        assert_eq!(newsroom.get(&format!("/v1/articles?include={include}")).expect(400).places(), ["include"]);
        newsroom.get(&format!("/v1/articles/live?include={include}")).expect(400);
    }
    newsroom.get("/v1/articles?include=authors,tags").expect(200);
}

#[test]
fn a14_an_empty_filter_never_means_all() {
    let (newsroom, _) = newsroom();
    let people: Vec<Person> = Role::ALL.into_iter().map(|role| newsroom.person(role)).collect();
    for query in ["tag=", "tag=,", "tag=migration,", "author=&status=", "author=,", "language=", "ids=", "ids=,", "year=", "exclude_tag="] {
        newsroom.get(&format!("/v1/articles?{query}")).expect(400);
        for person in &people {
            newsroom.get_as(person, &format!("/v1/articles?{query}")).expect(400);
            newsroom.get_as(person, &format!("/v1/articles?view=working&{query}")).expect(400);
        }
    }
    for query in ["tag=no-such-tag", "author=no-such-author", "tag=hushed", "ids=01890a5d-ac96-774b-bcce-b302099a8057", "language=xx"] {
        let list = newsroom.get(&format!("/v1/articles?{query}&count=true")).expect(200);
        assert_eq!((list.items().len(), list.json()["page"]["total"].as_i64()), (0, Some(0)), "{query}");
    }
}

#[test]
fn b01_no_text_becomes_a_query() {
    let (newsroom, editor) = newsroom();
    let before = newsroom.get_as(&editor, "/v1/articles?view=working&count=true").expect(200).json()["page"]["total"].clone();
    for text in
        ["a' OR '1'='1", "x');--", "1; DROP TABLE articles", "' UNION SELECT password_hash FROM credentials --", "%' ESCAPE '", "\\"]
    {
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        for parameter in ["tag", "author", "sort", "cursor", "language", "ids", "published_after", "fields", "exclude_tag"] {
            newsroom.get(&format!("/v1/articles?{parameter}={encoded}")).expect(400);
        }
        let path = encoded.replace('+', "%20");
        for collection in ["articles", "authors", "tags"] {
            newsroom.get(&format!("/v1/{collection}/{path}")).expect(404);
        }
        newsroom.delete(&editor, &format!("/v1/articles/{path}")).expect(404);
        let story = newsroom.draft(&editor, &json!({ "title": text, "custom": { "note": text } }));
        assert_eq!((&story["title"], &story["custom"]["note"]), (&json!(text), &json!(text)));
        newsroom.delete(&editor, &format!("/v1/articles/{}", story["id"].as_str().unwrap())).expect(204);
    }
    assert_eq!(newsroom.get_as(&editor, "/v1/articles?view=working&count=true").expect(200).json()["page"]["total"], before);
}

#[test]
fn k01_a_failure_of_ours_tells_nothing_of_our_insides() {
    let newsroom = Newsroom::open_with(|settings| settings.cache_bytes = 0);
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Live" }));
    let rename = "ALTER TABLE published_articles RENAME TO gone";
    crate::newsroom::execute(&mut newsroom.conn(), rename);
    let headers = [("content-type", "application/json"), ("if-match", "*")];
    let patch = newsroom.patch(&editor, "/v1/articles/live", "*", &json!({ "title": "Changed" })).expect(200);
    assert_eq!(patch.header("cache-control"), "private, no-store");
    let publish = newsroom.send("POST", "/v1/articles/live/publish", Some(&editor), &headers, Some(b"{}"));
    for answer in [newsroom.get("/v1/articles/live"), newsroom.get("/v1/articles"), publish] {
        assert_eq!((answer.status, answer.code().as_str()), (500, "internal"));
        assert!(!answer.header("request-id").is_empty());
        for inside in ["published", "table", "SELECT", "diesel", "src/", "sqlite", "relation", "panic", "gone"] {
            assert!(!answer.text().contains(inside), "{inside}: {}", answer.text());
        }
    }
    crate::newsroom::execute(&mut newsroom.conn(), "ALTER TABLE gone RENAME TO published_articles");
    assert_eq!(newsroom.get("/v1/articles/live").expect(200).json()["title"], "Live", "nothing was half-published");
}

#[test]
fn k04_there_is_nothing_beside_the_contract() {
    let (newsroom, editor) = newsroom();
    for path in [
        "/metrics",
        "/healthz",
        "/readyz",
        "/debug",
        "/admin",
        "/.env",
        "/.git/HEAD",
        "/target",
        "/media/",
        "/media",
        "/v1",
        "/v1/",
        "/v1/articles/",
        "/docs/../.env",
    ] {
        assert_eq!(newsroom.get(path).expect(404).code(), "not_found", "{path}");
        newsroom.get_as(&editor, path).expect(404);
    }
    for path in
        ["/media/../../etc/passwd", "/%2e%2e%2f%2e%2e%2fetc/passwd", "/docs/..%2f..%2fCargo.toml", "/docs/..%5c", "/docs/%252e%252e/x"]
    {
        assert!([400, 404].contains(&newsroom.get(path).status), "{path}");
    }
}
