//! Class A and B in search: nothing is found that is not public, and no text becomes an expression of the database.

use super::newsroom;
use crate::search::{address, find};
use copydesk::domain::user::Role;
use serde_json::json;

#[test]
fn a06_what_is_not_public_is_found_no_more_than_nonsense() {
    let (newsroom, editor) = newsroom();
    let removed = newsroom.publish(&editor, &json!({ "title": "Taken back", "body": "Quagmire." }));
    newsroom.delete(&editor, &format!("/v1/articles/{}", removed["id"].as_str().unwrap())).expect(204);
    let killed = newsroom.publish(&editor, &json!({ "title": "Gone", "body": "Wolverine." }));
    newsroom.post(&editor, &format!("/v1/articles/{}/kill", killed["id"].as_str().unwrap()), &json!({ "reason": "Platypus." })).expect(200);
    newsroom.post(&editor, "/v1/articles/live/comments", &json!({ "comment": "Ocelot." })).expect(201);
    newsroom
        .patch(&editor, "/v1/articles/live", "*", &json!({ "custom": { "note": "Capybara" }, "seo": { "title": "Axolotl" } }))
        .expect(200);
    newsroom.post(&editor, "/v1/articles/live/publish", &json!({ "note": "Tapir." })).expect(200);
    newsroom.patch(&editor, "/v1/articles/live", "*", &json!({ "body": "Unpublished change: okapi." })).expect(200);
    newsroom.person_with(Role::Author, Some("correct horse battery staple"));
    let shape = |q: &str| {
        let answer = newsroom.get(&address(q, &[("count", "true"), ("facets", "tag,author,language,year")])).expect(200);
        (answer.json(), answer.header("cache-control").to_owned(), answer.header("surrogate-key").to_owned())
    };
    let nonsense = shape("qqqqqqq");
    assert_eq!(nonsense.0["items"], json!([]));
    let secrets = [
        "zanzibar",
        "zanziba*",
        "z* zanzibar",
        "hidden",
        "hushed",
        "hush*",
        "quagmire",
        "wolverine",
        "platypus",
        "ocelot",
        "capybara",
        "axolotl",
        "tapir",
        "okapi",
        "marcus@secret.example",
        "\"secret example\"",
        "$argon2id",
        "argon2id*",
        "zanzibar OR okapi",
        "created_by",
        &editor.email,
        &editor.id,
    ];
    for secret in secrets {
        assert_eq!(shape(secret), nonsense, "{secret}");
        let nearly = format!("{}q", secret.trim_matches(['*', '"']));
        assert_eq!(find(&newsroom, &nearly).json().get("did_you_mean"), None, "{nearly}");
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("q", secret).finish();
        assert_eq!(newsroom.get(&format!("/v1/search/suggest?{query}")).expect(200).items(), Vec::<serde_json::Value>::new(), "{secret}");
    }
    assert_eq!(find(&newsroom, "out marcus migration").items().len(), 1);
}

#[test]
fn b03_whatever_is_typed_is_literal_or_refused_with_the_place() {
    let (newsroom, editor) = newsroom();
    let operators = [
        "\"",
        "a NEAR/9999999 b",
        "title:*",
        "{a b}:c",
        "^a*",
        "a AND",
        "-",
        "🚲",
        "a NOT b",
        "NOT",
        "AND",
        "OR",
        "a OR",
        "OR a",
        "NEAR(a b, 5)",
        "words : a",
        "- words : a",
        "a + b",
        "a *",
        "*",
        "**",
        "a^b",
        "(a",
        "a)",
        "()",
        "((((((((((a",
        "{",
        "}",
        ":",
        "words:",
        "rowid:1",
        "published_index",
        "a | b",
        "a & b",
        "a <-> b",
        "a <2> b",
        "!a",
        "!!a",
        "a:*",
        "a:A",
        "a:*ABCD",
        "'a'",
        "''",
        "'",
        "\\",
        "\\'",
        "a\\",
        "$1",
        "$$",
        "?",
        "?1",
        ":a",
        "@a",
        "#a",
        "--",
        "/* a */",
        ";",
        "a; DROP TABLE articles",
        "' OR 1=1 --",
        "\" OR \"\"=\"",
        "%",
        "_",
        "a%b",
        "¶live",
        "§tlive",
        "§a",
        "§",
        "ª",
        "\u{e000}x",
        "\u{10ffff}",
        "\u{200b}",
        "\u{202e}a",
        "a\u{301}",
        "ﷺ",
        "İ",
        "ß",
        "𝒜",
        "１２",
        "一二",
        "🇬🇹",
        "a\u{fe0f}",
        "\u{feff}",
    ];
    let mut asked: Vec<String> = operators.iter().map(|text| (*text).to_owned()).collect();
    asked.extend(operators.iter().flat_map(|text| {
        [format!("live {text}"), format!("{text} live"), format!("\"{text}\""), format!("-{text} live"), format!("{text}*")]
    }));
    asked.extend([
        "a ".repeat(16),
        "\"".repeat(300),
        "-".repeat(300),
        "a".repeat(300),
        "é".repeat(300),
        "a OR ".repeat(15) + "b",
        "一".repeat(16),
        "*".repeat(300),
    ]);
    for q in asked {
        for view in [None, Some(&editor)] {
            let more: &[(&str, &str)] = if view.is_some() { &[("view", "working")] } else { &[] };
            let answer = newsroom.send("GET", &address(&q, more), view, &[], None);
            assert!([200, 422].contains(&answer.status), "{q:?}: {} {}", answer.status, answer.text());
            if answer.status == 422 {
                assert!(answer.json()["position"].as_u64().is_some_and(|position| position <= 300), "{q:?}");
            }
        }
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("q", &q).finish();
        newsroom.get(&format!("/v1/search/suggest?{query}")).expect(200);
    }
    assert_eq!(find(&newsroom, "a^live*").items().len(), 0);
    assert_eq!(find(&newsroom, "(live) & 'out'").items().len(), 1, "marks stand for nothing");
}
