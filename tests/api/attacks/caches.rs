//! Class J: shared caches and other origins.

use super::{SHARED, newsroom};
use crate::newsroom::Person;
use serde_json::json;

#[test]
fn j01_only_the_answer_to_a_stranger_may_be_shared() {
    let (newsroom, editor) = newsroom();
    for path in [
        "/v1/articles",
        "/v1/articles/live",
        "/v1/authors",
        "/v1/authors/marcus",
        "/v1/tags",
        "/v1/tags/migration",
        "/v1/articles/live/related",
    ] {
        let public = newsroom.get(path).expect(200);
        assert_eq!(public.header("cache-control"), SHARED, "{path}");
        let mine = newsroom.get_as(&editor, path).expect(200);
        assert_eq!((mine.header("cache-control"), mine.header("surrogate-key")), ("private, no-store", ""));
        assert_eq!(mine.body, public.body, "a plain read shows the same to all");
        let junk = newsroom.get_as(&Person { token: "junk".into(), ..editor.clone() }, path).expect(401);
        assert_eq!(junk.header("cache-control"), "private, no-store");
    }
    for path in ["/v1/articles/hidden", "/v1/nothing", "/v1/articles?limit=0"] {
        assert_eq!(newsroom.get(path).header("cache-control"), "private, no-store");
    }
}

#[test]
fn j04_a_foreign_origin_may_read_and_nothing_else() {
    let (newsroom, editor) = newsroom();
    let origins = [
        "https://evil.example",
        "null",
        "https://desk.example.evil.com",
        "http://desk.example",
        "https://desk.example:444",
        "https://DESK.example",
    ];
    for origin in origins {
        let read = newsroom.send("GET", "/v1/articles", None, &[("origin", origin)], None).expect(200);
        assert_eq!((read.header("access-control-allow-origin"), read.header("access-control-allow-credentials")), ("*", ""));
        let wish = [("origin", origin), ("access-control-request-method", "POST"), ("access-control-request-headers", "authorization")];
        let preflight = newsroom.send("OPTIONS", "/v1/articles", None, &wish, None).expect(204);
        assert_ne!(preflight.header("access-control-allow-origin"), origin);
        assert!(!preflight.header("access-control-allow-methods").contains("POST"));
        assert_eq!(preflight.header("access-control-allow-credentials"), "");
        let write = newsroom.send(
            "POST",
            "/v1/tags",
            Some(&editor),
            &[("origin", origin), ("content-type", "application/json")],
            Some(b"{\"name\":\"x\"}"),
        );
        assert_eq!((write.status, write.header("access-control-allow-origin")), (201, ""));
    }
    let wish = [("origin", "https://desk.example"), ("access-control-request-method", "PATCH")];
    let preflight = newsroom.send("OPTIONS", "/v1/articles/live", None, &wish, None).expect(204);
    assert_eq!(preflight.header("access-control-allow-origin"), "https://desk.example");
    assert!(preflight.header("access-control-allow-methods").contains("PATCH"));
    assert!(preflight.header("access-control-allow-headers").contains("If-Match"));
}

#[test]
fn j05_one_address_has_one_vary() {
    let (newsroom, editor) = newsroom();
    for path in ["/v1/articles", "/v1/articles/live", "/v1/articles/nothing", "/", "/docs/", "/openapi.json"] {
        let variants: [&[(&str, &str)]; 4] =
            [&[], &[("origin", "https://desk.example")], &[("accept-encoding", "gzip, br")], &[("accept", "text/html"), ("cookie", "a=b")]];
        let mut seen: Vec<String> =
            variants.iter().map(|headers| newsroom.send("GET", path, None, headers, None).header("vary").to_owned()).collect();
        seen.push(newsroom.get_as(&editor, path).header("vary").to_owned());
        seen.push(newsroom.send("HEAD", path, None, &[], None).header("vary").to_owned());
        assert!(seen.iter().all(|vary| vary == "Accept-Encoding"), "{path}: {seen:?}");
    }
}

#[test]
fn j10_a_form_of_another_site_writes_nothing() {
    let (newsroom, editor) = newsroom();
    let body = json!({ "title": "Forged" }).to_string();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "text/json",
        "",
    ] {
        let headers: Vec<(&str, &str)> = if kind.is_empty() { vec![] } else { vec![("content-type", kind)] };
        let answer = newsroom.send("POST", "/v1/articles", Some(&editor), &headers, Some(body.as_bytes()));
        assert_eq!((answer.status, answer.code().as_str()), (415, "unsupported_media_type"), "{kind}");
        newsroom.send("POST", "/v1/articles", None, &headers, Some(body.as_bytes())).expect(401);
    }
    let answer =
        newsroom.send("POST", "/v1/articles", Some(&editor), &[("content-type", "application/json")], Some(body.as_bytes())).expect(201);
    assert_eq!(answer.header("set-cookie"), "");
}

#[test]
fn j11_the_pages_load_nothing_from_elsewhere_and_stand_in_no_frame() {
    let (newsroom, _) = newsroom();
    for path in ["/docs/", "/docs/problems", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"] {
        let page = newsroom.get(path).expect(200);
        let policy = page.header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe-eval") && !policy.contains("http"), "{policy}");
        assert_eq!((page.header("cross-origin-opener-policy"), page.header("x-content-type-options")), ("same-origin", "nosniff"));
    }
    let html = newsroom.get("/docs/").expect(200).text();
    assert!(!html.contains("http://") && !html.contains("https://"), "{html}");
}
