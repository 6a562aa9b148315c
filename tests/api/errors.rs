//! Errors and edges: what every address answers when a request is not what it should be.

use crate::contract::{document, operations};
use crate::newsroom::{Answer, Newsroom, Person, execute};
use copydesk::domain::user::Role;
use copydesk::store::Conn;
use serde_json::{Value, json};

/// Insists that an answer is a problem as RFC 9457 has it, with the headers of every answer.
#[track_caller]
fn problem(answer: &Answer, status: u16, code: &str, instance: &str) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.code(), code);
    let problem = answer.json();
    assert_eq!(problem["type"], format!("/docs/problems#{code}"));
    assert_eq!((&problem["status"], &problem["instance"]), (&json!(status), &json!(instance)));
    assert!(problem["title"].is_string() && problem["detail"].is_string());
    assert_eq!(answer.header("cache-control"), "private, no-store");
    common_headers(answer);
    problem
}

#[track_caller]
fn common_headers(answer: &Answer) {
    assert!(!answer.header("request-id").is_empty());
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
    assert_eq!(answer.header("server"), "");
}

fn newsroom_with_editor() -> (Newsroom, Person) {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    (newsroom, editor)
}

/// A POST of these very bytes.
fn post(newsroom: &Newsroom, editor: &Person, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    newsroom.send("POST", "/v1/articles", Some(editor), headers, Some(body))
}

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[test]
fn an_unknown_address_is_a_problem_like_any_other() {
    let newsroom = Newsroom::open();
    for path in ["/nothing", "/v1", "/v1/", "/v2/articles", "/v1/articles/", "/v1/Articles", "//v1/articles", "/v1/articles/a/b/c"] {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            problem(&newsroom.send(method, path, None, &[], None), 404, "not_found", path);
        }
    }
}

#[test]
fn a_wrong_verb_is_told_the_right_ones_at_every_address_of_the_contract() {
    let newsroom = Newsroom::open();
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        let mut allowed: Vec<String> = item.as_object().unwrap().keys().map(|verb| verb.to_uppercase()).collect();
        if allowed.contains(&"GET".to_owned()) {
            allowed.push("HEAD".into());
        }
        allowed.push("OPTIONS".into());
        allowed.sort();
        let path = path.replace(['{', '}'], "");
        let options = newsroom.send("OPTIONS", &path, None, &[], None).expect(204);
        assert_eq!((options.header("allow"), options.body.len()), (allowed.join(", ").as_str(), 0), "{path}");
        common_headers(&options);
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"].iter().filter(|method| !allowed.contains(&(**method).to_owned())) {
            let refusal = newsroom.send(method, &path, None, &[], None);
            problem(&refusal, 405, "method_not_allowed", &path);
            assert_eq!(refusal.header("allow"), allowed.join(", "), "{method} {path}");
        }
    }
    assert!(operations(&document).len() > 20);
}

#[test]
fn head_is_get_without_the_body() {
    let (newsroom, editor) = newsroom_with_editor();
    newsroom.publish(&editor, &json!({ "title": "Story" }));
    for path in ["/", "/v1/articles", "/v1/articles/story", "/v1/authors", "/v1/tags", "/openapi.json", "/v1/articles/nothing", "/nothing"]
    {
        let (get, head) = (newsroom.get(path), newsroom.send("HEAD", path, None, &[], None));
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        for name in ["content-type", "etag", "cache-control", "last-modified", "surrogate-key", "content-length"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
}

#[test]
fn what_is_not_json_is_refused() {
    let (newsroom, editor) = newsroom_with_editor();
    for broken in [
        &b""[..],
        b"{",
        b"{\"title\":}",
        b"{'title':'x'}",
        b"{\"title\":\"x\"} {}",
        b"\xff\xfe",
        b"{\"title\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
        b"{\"title\":\"a\nb\"}",
    ] {
        problem(&post(&newsroom, &editor, &JSON, broken), 400, "malformed_json", "/v1/articles");
    }
    let deep = format!("{{\"custom\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    problem(&post(&newsroom, &editor, &JSON, deep.as_bytes()), 400, "malformed_json", "/v1/articles");
}

#[test]
fn what_is_json_but_no_object_is_refused() {
    let (newsroom, editor) = newsroom_with_editor();
    for value in ["[]", "[{\"title\":\"x\"}]", "\"x\"", "1", "null", "true"] {
        problem(&post(&newsroom, &editor, &JSON, value.as_bytes()), 422, "invalid_body", "/v1/articles");
    }
    for (body, place) in [
        (json!({ "title": ["x"] }), "/title"),
        (json!({ "title": "x", "dateline": [] }), "/dateline"),
        (json!({ "title": "x", "authors": "ana" }), "/authors"),
        (json!({ "title": "x", "seo": { "nonsense": 1 } }), "/seo/nonsense"),
        (json!({ "title": "x", "a/b~c": 1 }), "/a~1b~0c"),
        (json!({ "title": "x\u{0}" }), "/title"),
        (json!({ "title": "x", "body": "a\u{7f}b" }), "/body"),
        (json!({ "title": "x", "custom": { "a": ["\u{1b}[0m"] } }), "/custom/a/0"),
        (json!({ "title": "x", "image": { "url": "javascript:alert(1)" } }), "/image/url"),
        (json!({ "title": "x", "image": { "url": "https://a.example/", "width": 1.5 } }), "/image/width"),
    ] {
        let refusal = post(&newsroom, &editor, &JSON, body.to_string().as_bytes());
        problem(&refusal, 422, "invalid_body", "/v1/articles");
        assert_eq!(refusal.places(), [place]);
    }
}

#[test]
fn only_json_in_utf_8_and_as_it_is_is_read() {
    let (newsroom, editor) = newsroom_with_editor();
    let body = br#"{"title":"x"}"#;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/merge-patch+json",
        "application/json; charset=latin1",
        "json",
        "*/*",
        "application/jsonx",
    ] {
        problem(&post(&newsroom, &editor, &[("content-type", kind)], body), 415, "unsupported_media_type", "/v1/articles");
    }
    problem(&post(&newsroom, &editor, &[], body), 415, "unsupported_media_type", "/v1/articles");
    for coding in ["gzip", "br", "x", "gzip, identity"] {
        let headers = [JSON[0], ("content-encoding", coding)];
        problem(&post(&newsroom, &editor, &headers, body), 415, "unsupported_content_encoding", "/v1/articles");
    }
    post(&newsroom, &editor, &[("content-type", "Application/JSON; charset=\"UTF-8\""), ("content-encoding", "identity")], body)
        .expect(201);
}

#[test]
fn a_body_over_the_limit_is_refused_announced_or_not() {
    let newsroom = Newsroom::open_with(|settings| settings.body_limit = 1000);
    let editor = newsroom.person(Role::Editor);
    let body = json!({ "title": "x", "body": "x".repeat(2000) }).to_string();
    let refusal = post(&newsroom, &editor, &JSON, body.as_bytes());
    assert_eq!(problem(&refusal, 413, "body_too_large", "/v1/articles")["limit_bytes"], 1000);
    let head =
        format!("POST /v1/articles HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n", editor.token);
    let chunked = newsroom.raw(format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).as_bytes());
    assert!(chunked.starts_with("HTTP/1.1 413") && chunked.contains("\"body_too_large\""), "{chunked}");
    post(&newsroom, &editor, &JSON, br#"{"title":"x"}"#).expect(201);
}

#[test]
fn a_body_that_does_not_arrive_in_time_or_is_cut_is_refused() {
    let newsroom = Newsroom::open_with(|settings| settings.body_timeout = std::time::Duration::from_millis(200));
    let editor = newsroom.person(Role::Editor);
    let head =
        format!("POST /v1/articles HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n", editor.token);
    let slow = newsroom.raw(format!("{head}Content-Length: 100\r\n\r\n{{\"title\"").as_bytes());
    assert!(slow.starts_with("HTTP/1.1 408") && slow.contains("\"request_timeout\""), "{slow}");
    // Signing in waits for no guard: on PostgreSQL a guard is still asking when the damage arrives, and then the line just closes.
    let head = "POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    let cut = newsroom.raw(format!("{head}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n").as_bytes());
    assert!(cut.starts_with("HTTP/1.1 400") && cut.contains("\"malformed_request\""), "{cut}");
}

#[test]
fn a_redirect_tells_its_new_address_and_is_no_problem() {
    let (newsroom, editor) = newsroom_with_editor();
    newsroom.publish(&editor, &json!({ "title": "Old" }));
    newsroom.patch(&editor, "/v1/articles/old", "*", &json!({ "slug": "new" })).expect(200);
    newsroom.post(&editor, "/v1/articles/new/publish", &json!({})).expect(200);
    let moved = newsroom.get("/v1/articles/old").expect(308);
    assert_eq!((moved.header("content-type"), moved.body.len()), ("", 0));
    // What is a code inside the server is a redirect outside, and stands in no table of problems.
    assert!(!newsroom.get("/docs/problems").expect(200).text().contains("\"moved\""));
    common_headers(&moved);
}

#[test]
fn a_failure_of_ours_shows_one_sentence_and_no_cause() {
    let (newsroom, editor) = newsroom_with_editor();
    newsroom.publish(&editor, &json!({ "title": "Story" }));
    execute(&mut newsroom.conn(), "UPDATE published_articles SET author_ids = 'damaged'");
    let failure = newsroom.get("/v1/articles/story");
    let problem = problem(&failure, 500, "internal", "/v1/articles/story");
    assert_eq!(problem["detail"], "The cause is in the server's log, under the Request-Id of this answer.");
    assert!(!failure.text().contains("damaged") && !failure.text().contains("expected value"));
    newsroom.get("/v1/authors").expect(200);
}

#[test]
fn a_database_that_cannot_be_written_is_told_as_such_and_a_later_try_goes_well() {
    let (newsroom, editor) = newsroom_with_editor();
    let mut conn = newsroom.conn();
    // Longer than anybody waits for a lock: whoever writes meanwhile is told to come back.
    match conn {
        Conn::Sqlite(_) => execute(&mut conn, "BEGIN IMMEDIATE"),
        Conn::Postgres(_) => execute(
            &mut conn,
            "UPDATE pg_database SET datallowconn = false WHERE datname = current_database(); \
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        ),
    }
    let refusal = newsroom.post(&editor, "/v1/articles", &json!({ "title": "Story" }));
    problem(&refusal, 503, "unavailable", "/v1/articles");
    assert_eq!(refusal.header("retry-after"), "1");
    match conn {
        Conn::Sqlite(_) => execute(&mut conn, "ROLLBACK"),
        Conn::Postgres(_) => execute(&mut conn, "UPDATE pg_database SET datallowconn = true WHERE datname = current_database()"),
    }
    newsroom.post(&editor, "/v1/articles", &json!({ "title": "Story" })).expect(201);
}

#[test]
fn a_request_id_is_kept_if_it_is_sane_and_made_anew_if_not() {
    let newsroom = Newsroom::open();
    let id = |given: &str| newsroom.send("GET", "/v1/articles", None, &[("request-id", given)], None).header("request-id").to_owned();
    assert_eq!(id("desk-7.a_b"), "desk-7.a_b");
    for insane in ["a b", &"x".repeat(129), "a\tb", "<b>", ""] {
        assert_eq!(id(insane).len(), 36, "{insane:?}");
    }
}

#[test]
fn any_page_reads_and_known_origins_write() {
    let newsroom = Newsroom::open();
    let ask = |method: &str, origin: &str| newsroom.send(method, "/v1/articles", None, &[("origin", origin)], None);
    for origin in ["https://desk.example", "https://evil.example", "null"] {
        let read = ask("GET", origin);
        assert_eq!((read.header("access-control-allow-origin"), read.header("access-control-allow-credentials")), ("*", ""));
    }
    let known = ask("OPTIONS", "https://desk.example").expect(204);
    assert_eq!(known.header("access-control-allow-origin"), "https://desk.example");
    assert!(known.header("access-control-allow-methods").contains("POST") && known.header("vary").contains("Origin"));
    for origin in ["https://evil.example", "https://desk.example.evil", "http://desk.example", "null"] {
        let unknown = ask("OPTIONS", origin).expect(204);
        assert!(!unknown.header("access-control-allow-methods").contains("POST"), "{origin}");
        assert_eq!(ask("POST", origin).expect(401).header("access-control-allow-origin"), "", "{origin}");
    }
    assert_eq!(ask("POST", "https://desk.example").expect(401).header("access-control-allow-origin"), "https://desk.example");
}
