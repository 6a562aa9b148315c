//! Class G and B08: text is text, in every form in which it comes out.

use super::newsroom;
use crate::newsroom::Newsroom;
use copydesk::domain::user::Role;
use serde_json::json;

#[test]
fn b08_templates_in_text_come_out_as_they_went_in() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for (n, text) in ["{{7*7}}", "<%=7*7%>", "${7*7}", "#{7*7}", "%{7*7}", "{% raw %}", "%s%n%x"].into_iter().enumerate() {
        newsroom.post(&editor, "/v1/authors", &json!({ "name": text, "slug": format!("author-{n}"), "bio": text })).expect(201);
        newsroom.post(&editor, "/v1/tags", &json!({ "name": text, "slug": format!("tag-{n}") })).expect(201);
        let story = json!({ "title": text, "slug": format!("story-{n}"), "lead": text, "body": text, "authors": [format!("author-{n}")], "tags": [format!("tag-{n}")] });
        newsroom.publish(&editor, &story);
        let live = newsroom.get(&format!("/v1/articles/story-{n}?formats=html,markdown,text,blocks")).expect(200);
        for member in ["/title", "/lead", "/markdown", "/text", "/authors/0/name", "/authors/0/bio", "/tags/0/name"] {
            assert_eq!(live.json().pointer(member).unwrap(), text, "{member}");
        }
        assert!(!live.json()["html"].as_str().unwrap().contains("49"), "{}", live.text());
    }
}

#[test]
fn b09_line_breaks_and_escapes_make_no_header_and_no_log_line() {
    let (newsroom, editor) = newsroom();
    for id in ["a%0d%0aX: y", "\u{1b}[31m", "a b", "", &"x".repeat(129)] {
        let answer = newsroom.send("GET", "/v1/articles/live", None, &[("user-agent", "curl/8 [31m")], None).expect(200);
        assert_eq!(answer.header("x"), "");
        if id.chars().all(|c| !c.is_control()) {
            let answer = newsroom.send("GET", "/v1/articles/live", None, &[("request-id", id)], None).expect(200);
            assert_ne!(answer.header("request-id"), id);
            assert_eq!(answer.header("request-id").len(), 36);
        }
    }
    let kept = newsroom.send("GET", "/v1/articles/live", None, &[("request-id", "desk-42.a_b")], None).expect(200);
    assert_eq!(kept.header("request-id"), "desk-42.a_b");
    let split = newsroom.raw(b"GET /v1/articles HTTP/1.1\r\nhost: x\r\nRequest-Id: a\rX-Evil: y\r\nconnection: close\r\n\r\n");
    assert!(split.starts_with("HTTP/1.1 400"), "{split}");
    for title in ["line\r\nbreak", "\u{1b}[31mred", "nul\u{0}", "bell\u{7}", "c1\u{9b}"] {
        newsroom.post(&editor, "/v1/articles", &json!({ "title": title })).expect(422);
    }
    newsroom.post(&editor, "/v1/articles", &json!({ "title": "x", "slug": "a\r\nb" })).expect(422);
    assert!([400, 404].contains(&newsroom.get("/v1/articles/a%0d%0aX:%20y").status));
    assert!([400, 404].contains(&newsroom.get("/v1/articles/%00").status));
    newsroom.get("/v1/articles?tag=a%00b").expect(400);
    newsroom.get("/v1/articles?tag=%ff").expect(400);
    newsroom.get("/v1/articles?tag=%zz").expect(400);
}

#[test]
fn g01_markup_in_a_story_is_shown_and_does_nothing() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let attacks = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "\"><svg onload=alert(1)>",
        "<iframe src=//evil.example></iframe>",
        "<style>@import 'x'</style>",
        "<math><mtext></p><script>alert(1)</script>",
        "text <b onclick=alert(1)>bold</b>",
        "```html\n<script>alert(1)</script>\n```",
        "| <script> |\n|---|\n| <img onerror=x> |",
        "[^1]\n\n[^1]: <script>alert(1)</script>",
        "![<script>](x \"\\\" onload=alert(1)\")",
    ];
    for (n, attack) in attacks.into_iter().enumerate() {
        newsroom.publish(&editor, &json!({ "title": attack, "slug": format!("story-{n}"), "body": attack }));
        let html = newsroom.get(&format!("/v1/articles/story-{n}")).expect(200).json()["html"].as_str().unwrap().to_owned();
        for tag in ["<script", "<img src=x", "<svg", "<iframe", "<style", "<math", "<b "] {
            assert!(!html.contains(tag), "{html}");
        }
        let inside_tags: String = html.split('<').skip(1).filter_map(|rest| rest.split('>').next()).collect();
        let without_values: String = inside_tags.split('"').step_by(2).collect();
        for handler in ["onload", "onerror", "onclick"] {
            assert!(!without_values.contains(handler), "{html}");
        }
    }
}

#[test]
fn g02_addresses_that_run_code_or_leave_the_scheme_are_dropped_or_refused() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let attacks = [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//evil.example",
        "java&#9;script:alert(1)",
        "file:///etc/passwd",
    ];
    for (n, address) in attacks.into_iter().enumerate() {
        newsroom.publish(
            &editor,
            &json!({ "title": "x", "slug": format!("story-{n}"), "body": format!("[text]({address}) ![alt]({address}) <{address}>") }),
        );
        let live = newsroom.get(&format!("/v1/articles/story-{n}?formats=html,blocks")).expect(200).json();
        assert!(!live["html"].as_str().unwrap().contains("href=") && !live["html"].as_str().unwrap().contains("src="), "{live}");
        assert!(!live["blocks"].to_string().contains("\"url\""), "{live}");
        for member in ["canonical_url", "image", "seo"] {
            let value = match member {
                "image" => json!({ "url": address }),
                "seo" => json!({ "image_url": address }),
                _ => json!(address),
            };
            newsroom.post(&editor, "/v1/articles", &json!({ "title": "x", member: value })).expect(422);
        }
        newsroom.post(&editor, "/v1/authors", &json!({ "name": "x", "website": address })).expect(422);
        newsroom.post(&editor, "/v1/authors", &json!({ "name": "x", "links": [{ "label": "x", "url": address }] })).expect(422);
    }
    for user_information in
        ["https://user:password@example.com/", "http://example.com@evil.example/", "https://", "https://exa mple.com", "http://[::1"]
    {
        newsroom.post(&editor, "/v1/articles", &json!({ "title": "x", "canonical_url": user_information })).expect(422);
    }
}

#[test]
fn g04_markup_in_bylines_and_tags_is_inert_in_html() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let attack = "</script><img src=x onerror=alert(1)>";
    newsroom.post(&editor, "/v1/authors", &json!({ "name": attack, "slug": "author", "bio": attack, "beat": attack })).expect(201);
    let author = newsroom.get("/v1/authors/author").expect(200);
    assert_eq!((&author.json()["name"], &author.json()["beat"]), (&json!(attack), &json!(attack)));
    assert!(!author.json()["bio_html"].as_str().unwrap().contains("<img"));
    assert_eq!((author.header("content-type"), author.header("x-content-type-options")), ("application/json", "nosniff"));
}

#[test]
fn g09_nothing_is_reflected_as_html() {
    let (newsroom, _) = newsroom();
    let attack = "%3Csvg/onload=alert(1)%3E";
    for path in [
        format!("/v1/articles?limit={attack}"),
        format!("/v1/articles?{attack}=1"),
        format!("/v1/{attack}"),
        format!("/v1/articles/{attack}"),
        format!("/docs/{attack}"),
    ] {
        let answer = newsroom.send("GET", &path, None, &[("accept", "text/html")], None);
        assert!([400, 404].contains(&answer.status), "{path}");
        assert_eq!((answer.header("content-type"), answer.header("x-content-type-options")), ("application/problem+json", "nosniff"));
        assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    }
}
