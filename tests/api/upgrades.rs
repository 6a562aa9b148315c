//! Databases that older programs have made: what was live in them stays live, word for word.

use crate::newsroom::{Database, Newsroom, execute};
use copydesk::http::finish_anew;
use copydesk::store::search::index_anew;
use copydesk::store::{Conn, migrate};
use serde_json::json;

/// Applies one migration as the program that knew no later one did.
fn apply(conn: &mut Conn, name: &str) {
    let folder = if matches!(conn, Conn::Sqlite(_)) { "sqlite" } else { "postgres" };
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder).join(name).join("up.sql");
    execute(conn, &std::fs::read_to_string(path).unwrap());
    execute(
        conn,
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)",
    );
    let version = name.split('_').next().unwrap();
    execute(conn, &format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')"));
}

/// A live story by two authors under a public and an internal tag, as the first schema kept it.
const FIRST: &str = r#"
INSERT INTO authors (id, slug, name, document, bio_html, version, created_at, updated_at) VALUES
    ('01890a5d-ac96-7000-8000-00000000000a', 'ana', 'Ana', '{"beat":"Courts","bio":null,"location":null,"website":null,"image":null,"links":[]}', '', 1, 1, 1),
    ('01890a5d-ac96-7000-8000-00000000000b', 'bo', 'Bo', '{"beat":null,"bio":null,"location":null,"website":null,"image":null,"links":[]}', '', 1, 1, 1);
INSERT INTO author_slugs VALUES ('ana', '01890a5d-ac96-7000-8000-00000000000a'), ('bo', '01890a5d-ac96-7000-8000-00000000000b');
INSERT INTO tags (id, slug, name, visibility, version, created_at, updated_at) VALUES
    ('01890a5d-ac96-7000-8000-00000000000c', 'crime', 'Crime', 'public', 1, 1, 1),
    ('01890a5d-ac96-7000-8000-00000000000d', 'legal', 'Legal', 'internal', 1, 1, 1);
INSERT INTO tag_slugs VALUES ('crime', '01890a5d-ac96-7000-8000-00000000000c'), ('legal', '01890a5d-ac96-7000-8000-00000000000d');
INSERT INTO articles (id, slug, status, version, title, language, document, html, text, blocks, word_count, reading_minutes,
    has_unpublished_changes, first_published_at, published_at, content_updated_at, created_at, updated_at) VALUES
    ('01890a5d-ac96-7000-8000-000000000001', 'old', 'published', 2, 'Old "news"', 'en',
    '{"title":"Old \"news\"","subtitle":null,"dateline":null,"lead":"A lead.","body":"A *word*.","image":null,"language":"en","canonical_url":null,"seo":null,"custom":{"tags":[]}}',
    '<p>A <em>word</em>.</p>', 'A word.', '[]', 2, 1, FALSE, 1735689600000, 1735689600000, 1735689601000, 1, 1);
INSERT INTO article_slugs (slug, article_id, was_live) VALUES ('old', '01890a5d-ac96-7000-8000-000000000001', TRUE), ('older', '01890a5d-ac96-7000-8000-000000000001', TRUE);
INSERT INTO article_authors (article_id, position, author_id) VALUES
    ('01890a5d-ac96-7000-8000-000000000001', 0, '01890a5d-ac96-7000-8000-00000000000b'), ('01890a5d-ac96-7000-8000-000000000001', 1, '01890a5d-ac96-7000-8000-00000000000a');
INSERT INTO published_articles (article_id, slug, version, title, language, document, html, markdown, text, blocks, word_count, reading_minutes,
    first_published_at, published_at, content_updated_at) VALUES
    ('01890a5d-ac96-7000-8000-000000000001', 'old', 2, 'Old "news"', 'en',
    '{"title":"Old \"news\"","subtitle":null,"dateline":null,"lead":"A lead.","body":"","image":null,"language":"en","canonical_url":null,"seo":null,"custom":{"tags":[]}}',
    '<p>A <em>word</em>.</p>', 'A *word*.', 'A word.', '[]', 2, 1, 1735689600000, 1735689600000, 1735689601000);
INSERT INTO published_slugs VALUES ('old', '01890a5d-ac96-7000-8000-000000000001'), ('older', '01890a5d-ac96-7000-8000-000000000001');
INSERT INTO published_article_authors (article_id, position, author_id, published_at) VALUES
    ('01890a5d-ac96-7000-8000-000000000001', 0, '01890a5d-ac96-7000-8000-00000000000b', 1735689600000),
    ('01890a5d-ac96-7000-8000-000000000001', 1, '01890a5d-ac96-7000-8000-00000000000a', 1735689600000);
INSERT INTO published_article_tags (article_id, position, tag_id, published_at) VALUES
    ('01890a5d-ac96-7000-8000-000000000001', 0, '01890a5d-ac96-7000-8000-00000000000d', 1735689600000),
    ('01890a5d-ac96-7000-8000-000000000001', 1, '01890a5d-ac96-7000-8000-00000000000c', 1735689600000);
"#;

#[test]
fn a_story_that_was_live_under_the_first_schema_is_live_under_this_one() {
    let database = Database::new();
    let mut conn = database.conn();
    apply(&mut conn, "0001_newsroom");
    execute(&mut conn, FIRST);
    let applied = migrate(&mut conn).unwrap();
    assert!(applied.iter().any(|name| name == "0002_finished"), "{applied:?}");
    assert_eq!((finish_anew(&mut conn).unwrap(), finish_anew(&mut conn).unwrap()), (1, 0));
    assert_eq!((index_anew(&mut conn).unwrap(), index_anew(&mut conn).unwrap()), (2, 0));
    drop(conn);
    let newsroom = Newsroom::open_on(database, |_| {});
    let story = newsroom.get("/v1/articles/old?formats=html,markdown,text,blocks").expect(200).json();
    assert_eq!(newsroom.get("/v1/search?q=%22old%20news%22%20word%20ana%20crime").expect(200).items().len(), 1);
    for (member, value) in [
        ("title", json!("Old \"news\"")),
        ("lead", json!("A lead.")),
        ("html", json!("<p>A <em>word</em>.</p>")),
        ("markdown", json!("A *word*.")),
        ("text", json!("A word.")),
        ("blocks", json!([])),
        ("custom", json!({ "tags": [] })),
        ("word_count", json!(2)),
        ("published_at", json!("2025-01-01T00:00:00.000Z")),
        ("content_updated_at", json!("2025-01-01T00:00:01.000Z")),
        ("url", json!("https://news.example/old")),
    ] {
        assert_eq!(story[member], value, "{member}");
    }
    let names = |things: &str| story[things].as_array().unwrap().iter().map(|one| one["slug"].clone()).collect::<Vec<_>>();
    assert_eq!((names("authors"), names("tags")), (vec![json!("bo"), json!("ana")], vec![json!("crime")]));
    assert_eq!(newsroom.get("/v1/articles/older").expect(308).header("location"), "/v1/articles/old");
    for query in ["tag=crime&sort=title", "author=bo&sort=-updated_at", "year=2025", "language=en&count=true"] {
        assert_eq!(newsroom.get(&format!("/v1/articles?{query}")).expect(200).items().len(), 1, "{query}");
    }
    assert_eq!(newsroom.get("/v1/tags/crime").expect(200).json()["article_count"], 1);
    assert_eq!(newsroom.get("/v1/authors/ana").expect(200).json()["article_count"], 1);
}
