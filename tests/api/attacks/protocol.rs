//! Class I: odd numbers, slow clients, large and deep bodies, wrong verbs.

use super::newsroom;
use crate::newsroom::Newsroom;
use copydesk::domain::user::Role;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn i01_a_limit_is_a_plain_number_from_1_to_100() {
    let (newsroom, editor) = newsroom();
    for limit in ["0", "-1", "101", "1000000000", "9223372036854775808", "NaN", "", "%2B5", "%205", "5%20", "1.0", "1e1", "0x5", "%D9%A5"] {
        for path in ["/v1/articles", "/v1/authors", "/v1/tags"] {
            assert_eq!(newsroom.get(&format!("{path}?limit={limit}")).expect(400).places(), ["limit"], "{limit}");
        }
        newsroom.get_as(&editor, &format!("/v1/articles?view=working&limit={limit}")).expect(400);
    }
    for limit in ["1", "100"] {
        newsroom.get(&format!("/v1/articles?limit={limit}")).expect(200);
    }
    assert_eq!(newsroom.get("/v1/articles?limit=5&limit=5").expect(400).code(), "repeated_parameter");
}

/// Opens a connection that announces a long body and sends none of it.
fn slow(newsroom: &Newsroom, token: Option<&str>) -> TcpStream {
    let mut stream = TcpStream::connect(newsroom.address).unwrap();
    let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head =
        format!("POST /v1/articles HTTP/1.1\r\nhost: x\r\n{authorization}content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Reads until the server closes, and tells how long that took and what came.
fn until_closed(mut stream: TcpStream) -> (Duration, String) {
    let started = Instant::now();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is a close, too.
    let _reset = stream.read_to_end(&mut answer);
    (started.elapsed(), String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn i02_slow_bodies_hold_no_connection() {
    let newsroom = Newsroom::open_with(|settings| settings.body_timeout = Duration::from_secs(1));
    let editor = newsroom.person(Role::Editor);
    let strangers: Vec<TcpStream> = (0..50).map(|_| slow(&newsroom, None)).collect();
    for stream in strangers {
        let (took, answer) = until_closed(stream);
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(took < Duration::from_secs(4), "a stranger held a connection for {took:?}");
    }
    let editors: Vec<TcpStream> = (0..20).map(|_| slow(&newsroom, Some(&editor.token))).collect();
    for stream in editors {
        let (took, answer) = until_closed(stream);
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(took < Duration::from_secs(6), "a slow editor held a connection for {took:?}");
    }
    newsroom.get("/v1/articles").expect(200);
}

#[test]
fn i02_what_follows_a_refused_body_is_never_a_request() {
    let newsroom = Newsroom::open();
    let smuggled = "DELETE /v1/articles/x HTTP/1.1\r\nhost: x\r\n\r\n";
    let head =
        format!("POST /v1/articles HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", smuggled.len());
    let answer = newsroom.raw(format!("{head}{smuggled}").as_bytes());
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(answer.starts_with("HTTP/1.1 401"));
}

#[test]
fn i02_a_chunked_body_that_never_ends_holds_no_connection() {
    let (newsroom, editor) = newsroom();
    let authorization = format!("authorization: Bearer {}\r\n", editor.token);
    let json = format!("{authorization}content-type: application/json\r\n");
    let text = format!("{authorization}content-type: text/plain\r\n");
    let requests = [
        ("POST /v1/articles", "content-type: application/json\r\n", 401),
        ("POST /v1/nothing", "", 404),
        ("PUT /v1/articles", "", 405),
        ("GET /v1/articles", "", 200),
        ("HEAD /v1/articles", "", 200),
        ("OPTIONS /v1/articles", "", 204),
        ("GET /v1/articles/live", "if-none-match: *\r\n", 304),
        ("GET /docs/", "", 200),
        ("POST /v1/articles", &text, 415),
        ("DELETE /v1/articles/nothing", &format!("{json}if-match: *\r\n"), 404),
        ("POST /v1/articles", &json, 408),
        ("POST /v1/auth/login", "content-type: application/json\r\n", 408),
    ];
    let open = |request: &str, headers: &str, begun: &str| {
        let mut stream = TcpStream::connect(newsroom.address).unwrap();
        let head = format!("{request} HTTP/1.1\r\nhost: x\r\n{headers}transfer-encoding: chunked\r\n\r\n{begun}");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let begun = ["", "5\r\nhe"];
    let streams: Vec<_> = requests
        .into_iter()
        .flat_map(|(request, headers, status)| begun.map(|begun| (request, status, open(request, headers, begun))))
        .collect();
    for (request, status, stream) in streams {
        let (took, answer) = until_closed(stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        assert!(took < Duration::from_secs(8), "{request} held a connection for {took:?}");
    }
}

#[test]
fn i02_what_stands_in_unread_chunks_is_never_a_request() {
    let newsroom = Newsroom::open();
    let smuggled = "GET /v1/tags HTTP/1.1\r\nhost: x\r\n\r\n";
    for (request, status) in [("POST /v1/articles", 401), ("POST /v1/nothing", 404), ("PUT /v1/articles", 405), ("GET /v1/articles", 200)] {
        let head = format!("{request} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n");
        let whole = format!("{head}{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
        let cut = format!("{head}{:x}\r\n{smuggled}", smuggled.len() + 100);
        for body in [whole, cut] {
            let answer = newsroom.raw(body.as_bytes());
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        }
    }
}

#[test]
fn i02_a_chunked_body_is_read_like_any_other() {
    let (newsroom, editor) = newsroom();
    let head = format!(
        "POST /v1/tags HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        editor.token
    );
    let next = "GET /v1/tags/piecewise HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answers = newsroom.raw(format!("{head}8\r\n{{\"name\":\r\nc\r\n\"Piecewise\"}}\r\n0\r\n\r\n{next}").as_bytes());
    assert!(answers.starts_with("HTTP/1.1 201"), "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 1, "the connection lives on: {answers}");
}

#[test]
fn i02_headers_in_drips_hold_no_connection() {
    let newsroom = Newsroom::open();
    let mut streams: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = TcpStream::connect(newsroom.address).unwrap();
            stream.write_all(b"GET /v1/articles HTTP/1.1\r\nhost: x\r\n").unwrap();
            stream
        })
        .collect();
    let started = Instant::now();
    while let Some(mut stream) = streams.pop() {
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        // One that sends a header now and then is served no longer than one that is silent.
        while stream.write_all(b"x: y\r\n").is_ok() && stream.read(&mut [0; 1024]).is_err() {
            assert!(started.elapsed() < Duration::from_secs(20), "headers in drips hold a connection");
        }
    }
    newsroom.get("/v1/articles").expect(200);
}

#[test]
fn i03_an_encoded_body_is_refused_unread() {
    let (newsroom, editor) = newsroom();
    for coding in ["gzip", "br", "zstd", "deflate", "gzip, gzip", "compress"] {
        let headers = [("content-type", "application/json"), ("content-encoding", coding)];
        let answer = newsroom.send("POST", "/v1/articles", Some(&editor), &headers, Some(&[0x1f; 4096]));
        assert_eq!((answer.status, answer.code().as_str()), (415, "unsupported_content_encoding"));
    }
}

#[test]
fn i06_depth_is_refused_before_it_hurts() {
    let (newsroom, editor) = newsroom();
    let headers = [("content-type", "application/json"), ("if-match", "*")];
    for opening in ["[", "{\"a\":"] {
        let deep = opening.repeat(100_000);
        for member in ["title", "custom", "body", "dateline", "authors", "unknown"] {
            let body = format!("{{\"{member}\":{deep}");
            for (method, path) in [("POST", "/v1/articles"), ("PATCH", "/v1/articles/live"), ("POST", "/v1/articles/live/publish")] {
                assert_eq!(
                    newsroom.send(method, path, Some(&editor), &headers, Some(body.as_bytes())).expect(400).code(),
                    "malformed_json"
                );
            }
        }
    }
    let nested = (0..60).fold(json!(1), |inner, _| json!({ "a": inner }));
    assert_eq!(newsroom.post(&editor, "/v1/articles", &json!({ "title": "x", "custom": nested })).expect(422).places(), ["/custom"]);
    let cursor: String = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, "[".repeat(2900));
    assert_eq!(newsroom.get(&format!("/v1/articles?cursor={cursor}")).expect(400).code(), "invalid_cursor");
}

#[test]
fn i07_size_is_refused_by_count_and_length() {
    let (newsroom, editor) = newsroom();
    let many: Vec<String> = (0..2000).map(|n| format!("author-{n}")).collect();
    assert_eq!(newsroom.post(&editor, "/v1/articles", &json!({ "title": "x", "author_ids": many })).expect(422).places(), ["/author_ids"]);
    for body in ["\n\n> ".repeat(250_000), "w".repeat(1_000_000), "- \n".repeat(300_000)] {
        assert_eq!(newsroom.post(&editor, "/v1/articles", &json!({ "title": "x", "body": body })).expect(422).places(), ["/body"]);
    }
    let blocks = "a\n\n".repeat(30_000);
    assert_eq!(newsroom.post(&editor, "/v1/articles", &json!({ "title": "x", "body": blocks })).expect(422).places(), ["/body"]);
    newsroom.post(&editor, "/v1/articles", &json!({ "title": "t".repeat(301) })).expect(422);
    newsroom.post(&editor, "/v1/articles", &json!({ "title": "x", "custom": { "a": "x".repeat(17_000) } })).expect(422);
    let huge = json!({ "title": "x", "body": "x".repeat(2 * 1024 * 1024) }).to_string();
    let answer = newsroom.send("POST", "/v1/articles", Some(&editor), &[("content-type", "application/json")], Some(huge.as_bytes()));
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
}

#[test]
fn i07_a_refusal_does_not_grow_with_what_it_refuses() {
    let (newsroom, editor) = newsroom();
    let members: serde_json::Map<String, serde_json::Value> = (0..100_000).map(|n| (format!("{n:x}"), json!(1))).collect();
    let unknown = serde_json::Value::Object(members.clone()).to_string();
    let texts: serde_json::Map<String, serde_json::Value> = members.into_iter().map(|(name, _)| (name, json!("\u{1}"))).collect();
    let json_kind = [("content-type", "application/json")];
    for answer in [
        newsroom.send("POST", "/v1/auth/login", None, &json_kind, Some(unknown.as_bytes())).expect(422),
        newsroom.post(&editor, "/v1/articles", &json!({ "title": "x", "custom": texts })).expect(422),
        newsroom.post(&editor, "/v1/articles", &json!({ "title": "x", "custom": { "a": vec!["\u{1}"; 100_000] } })).expect(422),
        newsroom.get(&format!("/v1/articles?{}", "a&".repeat(20_000))).expect(400),
        newsroom.get(&format!("/v1/articles?{}", "limit=x&".repeat(7_000))).expect(400),
    ] {
        assert!((1..=103).contains(&answer.places().len()), "{}", answer.places().len());
        assert!(answer.body.len() < 64 * 1024, "{} bytes", answer.body.len());
    }
}

#[test]
fn i07_chunks_beyond_the_limit_are_refused() {
    let (newsroom, editor) = newsroom();
    let head = format!(
        "POST /v1/articles HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        editor.token
    );
    let mut stream = TcpStream::connect(newsroom.address).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b'a'; 0x10000], b"\r\n"].concat();
    for _ in 0..48 {
        // The server may close before all is sent: that is the point.
        if stream.write_all(&chunk).is_err() {
            break;
        }
    }
    let (_, answer) = until_closed(stream);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    newsroom.get("/v1/articles").expect(200);
}

#[test]
fn i09_every_address_answers_every_verb_properly() {
    let (newsroom, _) = newsroom();
    let reads = [
        "/",
        "/v1/articles",
        "/v1/articles/live",
        "/v1/authors",
        "/v1/authors/marcus",
        "/v1/tags",
        "/v1/tags/migration",
        "/openapi.json",
        "/docs/",
        "/docs/problems",
    ];
    for path in reads {
        let (get, head) = (newsroom.get(path).expect(200), newsroom.send("HEAD", path, None, &[], None).expect(200));
        assert_eq!((head.body.len(), head.header("content-length")), (0, get.header("content-length")), "{path}");
        assert_eq!(head.header("etag"), get.header("etag"));
        let options = newsroom.send("OPTIONS", path, None, &[], None).expect(204);
        assert!(options.header("allow").contains("GET") && options.body.is_empty());
        for verb in ["PUT", "TRACE"] {
            let answer = newsroom.send(verb, path, None, &[], None);
            assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"), "{verb} {path}");
            assert_eq!(answer.header("allow"), options.header("allow"));
        }
    }
    let unheard_of = newsroom.raw(b"FOO /v1/articles HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(unheard_of.starts_with("HTTP/1.1 405") && unheard_of.contains("method_not_allowed"), "{unheard_of}");
    for path in ["/v1/auth/login", "/v1/articles/live/publish"] {
        let answer = newsroom.get(path).expect(405);
        assert_eq!(answer.header("allow"), "OPTIONS, POST");
    }
    for verb in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
        newsroom.send(verb, "/v1/nothing", None, &[], None).expect(404);
    }
}

#[test]
fn i18_numbers_as_text_and_text_as_numbers_are_refused() {
    let (newsroom, editor) = newsroom();
    for body in [
        json!({ "title": 7 }),
        json!({ "title": "x", "lead": 7 }),
        json!({ "title": "x", "image": { "url": "https://example.com/", "width": "7" } }),
        json!({ "title": "x", "custom": "7" }),
        json!({ "title": "x", "authors": "marcus" }),
        json!({ "title": "x", "authors": [7] }),
        json!({ "title": true }),
    ] {
        newsroom.post(&editor, "/v1/articles", &body).expect(422);
    }
    for query in [
        "count=1",
        "count=yes",
        "count=TRUE",
        "limit=ten",
        "year=two",
        "year=20.25",
        "published_after=7",
        "published_after=yesterday",
        "ids=7",
    ] {
        newsroom.get(&format!("/v1/articles?{query}")).expect(400);
    }
    newsroom.get("/v1/articles/live").expect(200);
}
