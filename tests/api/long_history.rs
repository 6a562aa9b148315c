//! Stories with long histories: small on disk, any revision near, and whole after pruning.

use crate::newsroom::{Database, Newsroom, execute, seed_story};
use copydesk::domain::article::{Content, State};
use copydesk::domain::audit::Occasion;
use copydesk::domain::id;
use copydesk::domain::revision::Retention;
use copydesk::domain::text::LanguageTag;
use copydesk::domain::time::Moment;
use copydesk::domain::user::Role;
use copydesk::store::articles::{self, Draft, Stamp};
use copydesk::store::manuscript::Manuscript;
use copydesk::store::page::Slice;
use copydesk::store::slugs::Wish;
use copydesk::store::{Conn, Error, Write, history, migrate, write_on};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::json;

/// Numbers that look random and are the same at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

/// What an editor does to a text at one sitting: a word is replaced, a sentence comes or goes, or a paragraph is moved.
fn edited(body: &str, dice: &mut Dice, original: &str) -> String {
    let sentences = |text: &str| text.split_inclusive(". ").map(str::to_owned).collect::<Vec<_>>();
    let (mut now, source) = (sentences(body), sentences(original));
    let at = dice.below(now.len());
    match dice.below(10) {
        0 if now.len() > 10 => drop(now.remove(at)),
        1 | 2 if now.len() < 60 => now.insert(at, source[dice.below(source.len())].clone()),
        3 => now.swap(at, 0),
        _ => {
            let mut words: Vec<&str> = now[at].split(' ').collect();
            let others: Vec<&str> = original.split_whitespace().collect();
            let word = dice.below(words.len());
            words[word] = others[dice.below(others.len())];
            now[at] = words.join(" ");
        }
    }
    now.concat()
}

fn draft(body: &str) -> Draft {
    let content = Content {
        title: "Night buses".into(),
        subtitle: None,
        dateline: None,
        lead: Some("The lead.".into()),
        body: body.into(),
        image: None,
        language: LanguageTag("en".into()),
        canonical_url: None,
        seo: None,
        custom: serde_json::Map::new(),
    };
    let manuscript = Manuscript::of(content, 0, 0).unwrap();
    Draft { slug: Wish::Made("night-buses".into()), manuscript, author_ids: vec![], tag_ids: vec![] }
}

fn number(conn: &mut Conn, sql: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Number {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    diesel::sql_query(sql).get_result::<Number>(conn).unwrap().number
}

fn bodies_of(conn: &mut Conn, id: &str, numbers: impl IntoIterator<Item = i64>) -> Vec<String> {
    numbers.into_iter().map(|number| history::find(conn, id, number).unwrap().1.content.body).collect()
}

/// Puts a body into a story that has been seen at that version.
fn update(conn: &mut Conn, story: &str, seen: i64, body: &str, stamp: &Stamp) {
    let work = |write: &mut Write<'_>| articles::update(write, story, seen, draft(body), State::NEW, stamp);
    write_on(conn, Occasion::of_system("test", stamp.now), work).unwrap();
}

/// Writes a story with so many revisions in one transaction; `mark` says of a number whether the public has seen it. Answers the bodies.
fn written(conn: &mut Conn, story: &str, stamp: &Stamp, edits: i64, published: impl Fn(i64) -> bool) -> Vec<String> {
    let original = seed_story()["body"].as_str().unwrap().to_owned();
    let mut dice = Dice(1);
    let mut bodies = vec![original.clone()];
    write_on(conn, Occasion::of_system("test", stamp.now), |write| -> Result<(), Error> {
        articles::insert(write, story, draft(&original), stamp)?;
        for version in 1..edits {
            if published(version) {
                history::mark_published(write, story, version)?;
            }
            let body = edited(bodies.last().unwrap(), &mut dice, &original);
            articles::update(write, story, version, draft(&body), State::NEW, stamp)?;
            bodies.push(body);
        }
        Ok(())
    })
    .unwrap();
    bodies
}

/// On PostgreSQL each statement is a round trip, and a tenth tells as much.
fn many(conn: &Conn) -> i64 {
    if matches!(conn, Conn::Sqlite(_)) { 10_000 } else { 1_000 }
}

#[test]
fn a_story_edited_ten_thousand_times_is_smaller_than_two_hundred_copies_and_any_revision_is_a_few_steps_away() {
    let newsroom = Newsroom::open();
    let mut conn = newsroom.conn();
    let (story, stamp) = (id::new(newsroom.now()), Stamp::new(id::new(newsroom.now()), newsroom.now()));
    let edits = many(&conn);
    let bodies = written(&mut conn, &story, &stamp, edits, |_| false);
    assert_eq!(bodies_of(&mut conn, &story, 1..=edits), bodies);

    let contents = number(&mut conn, "SELECT CAST(sum(length(content)) AS BIGINT) AS number FROM revisions");
    let on_disk = if matches!(conn, Conn::Sqlite(_)) {
        number(&mut conn, "SELECT CAST(sum(pgsize) AS BIGINT) AS number FROM dbstat WHERE name = 'revisions'")
    } else {
        number(&mut conn, "SELECT pg_total_relation_size('revisions') AS number")
    };
    let copies: usize = (1..=100).map(|part| history::content(&mut conn, &story, part * edits / 100).unwrap().unwrap().len()).sum();
    let copies = i64::try_from(copies).unwrap();
    println!("{edits} revisions: {contents} bytes of content, {on_disk} on disk with all that is known of them; 100 full copies: {copies}");
    assert!(contents < copies / 2, "{contents} bytes of content, 100 copies take {copies}");
    assert!(on_disk < 2 * copies, "{on_disk} bytes on disk, 100 copies take {copies}");
    // A step is one look-up and one decompression, microseconds each; so 29 of them stay far below 20 ms.
    assert!(number(&mut conn, "SELECT max(steps) AS number FROM revisions") <= 29);
    assert_eq!(number(&mut conn, "SELECT count(*) AS number FROM revisions WHERE base IS NULL"), 1);
}

#[test]
fn what_changes_nothing_takes_next_to_nothing() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let slug =
        newsroom.draft(&editor, &json!({ "title": "Up and down", "body": seed_story()["body"] }))["slug"].as_str().unwrap().to_owned();
    let mut conn = newsroom.conn();
    let whole = number(&mut conn, "SELECT CAST(sum(length(content)) AS BIGINT) AS number FROM revisions");
    for step in ["publish", "unpublish"].repeat(20) {
        newsroom.post(&editor, &format!("/v1/articles/{slug}/{step}"), &json!({})).expect(200);
    }
    assert_eq!(number(&mut conn, "SELECT CAST(sum(length(content)) AS BIGINT) AS number FROM revisions"), whole);
    let body = newsroom.get_as(&editor, &format!("/v1/articles/{slug}/revisions/41")).expect(200).json()["body"].clone();
    assert_eq!(body, seed_story()["body"]);
}

#[test]
fn pruning_keeps_what_the_public_has_seen_and_what_is_left_can_be_read() {
    let newsroom = Newsroom::open();
    let mut conn = newsroom.conn();
    let story = id::new(newsroom.now());
    let retention = Retention { newest: Some(70), days: None };
    let stamp = Stamp { retention, ..Stamp::new(id::new(newsroom.now()), newsroom.now()) };
    let seen = |number: i64| number % 97 == 3 || (200..230).contains(&number);
    let bodies = written(&mut conn, &story, &stamp, 700, seen);
    let left: Vec<i64> = (1..=700).filter(|number| seen(*number) || *number > 630).collect();
    let slice = Slice { limit: 1000, after: None, backward: true, count: true };
    let page = history::list(&mut conn, &story, &slice).unwrap();
    let mut numbers: Vec<i64> = page.items.iter().map(|row| row.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, left);
    let expected: Vec<&String> = left.iter().map(|number| &bodies[usize::try_from(*number).unwrap() - 1]).collect();
    assert_eq!(bodies_of(&mut conn, &story, left).iter().collect::<Vec<_>>(), expected);
    assert!(number(&mut conn, "SELECT max(steps) AS number FROM revisions") <= 64);
    assert!(number(&mut conn, "SELECT count(*) AS number FROM revisions WHERE base IS NULL") < 12);
}

#[test]
fn a_retention_that_comes_late_catches_up_a_few_revisions_with_each_write() {
    let newsroom = Newsroom::open();
    let mut conn = newsroom.conn();
    let story = id::new(newsroom.now());
    let stamp = Stamp::new(id::new(newsroom.now()), newsroom.now());
    let bodies = written(&mut conn, &story, &stamp, 100, |_| false);
    let mut left = vec![];
    for version in 100..110 {
        newsroom.pass(86_400_000);
        let retention = Retention { newest: Some(5), days: Some(3) };
        let stamp = Stamp { retention, now: newsroom.now(), ..stamp.clone() };
        update(&mut conn, &story, version, &bodies[0], &stamp);
        left.push(number(&mut conn, "SELECT count(*) AS number FROM revisions"));
    }
    // For two days nothing is old enough; then sixteen go for each that comes; at last the newest five stay.
    assert_eq!(left, [101, 102, 87, 72, 57, 42, 27, 12, 5, 5]);
}

/// A migration by its file, for the database at hand.
fn migration(conn: &Conn, file: &str) -> String {
    let folder = if matches!(conn, Conn::Sqlite(_)) { "sqlite" } else { "postgres" };
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder).join(file)).unwrap()
}

/// A database of the time when each revision was a whole copy, as text, with a story of two revisions.
fn database_with_whole_copies() -> Database {
    let database = Database::new();
    let mut conn = database.conn();
    for (file, version) in [("0001_newsroom/up.sql", "0001"), ("0002_finished/up.sql", "0002")] {
        let sql = migration(&conn, file);
        execute(&mut conn, &sql);
        execute(
            &mut conn,
            &format!(
                "CREATE TABLE IF NOT EXISTS __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
                 run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP); \
                 INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')"
            ),
        );
    }
    let (document, links) =
        (r#""title":"Old","body":"Ñandú.","language":"en","custom":{}"#, r#""slug":"old","author_ids":[],"tag_ids":[]"#);
    execute(
        &mut conn,
        &format!(
            "INSERT INTO articles (id, slug, status, version, title, language, document, word_count, reading_minutes, has_unpublished_changes, \
             created_at, updated_at) VALUES ('one', 'old', 'draft', 2, 'Old', 'en', '{{{document}}}', 1, 1, '1', 1, 1); \
             INSERT INTO revisions (article_id, number, event, snapshot, created_by, created_at) VALUES \
             ('one', 1, 'create', '{{{document},{links}}}', 'ana', 1), ('one', 2, 'publish', '{{{document},{links}}}', 'ana', 2)"
        ),
    );
    database
}

fn check_whole_copies(conn: &mut Conn) {
    let (row, snapshot) = history::find(conn, "one", 2).unwrap();
    assert_eq!((row.event.as_str(), row.published, row.created_at, snapshot.content.body.as_str()), ("publish", true, 2, "Ñandú."));
    assert!(!history::find(conn, "one", 1).unwrap().0.published);
}

#[test]
fn revisions_that_an_older_program_kept_whole_can_still_be_read() {
    let database = database_with_whole_copies();
    let mut conn = database.conn();
    migrate(&mut conn).unwrap();
    check_whole_copies(&mut conn);
    // What is written now is told by what was kept then.
    update(&mut conn, "one", 2, "Ñandú, again.", &Stamp::new("ana", Moment::from_milliseconds(3)));
    assert_eq!(history::find(&mut conn, "one", 3).unwrap().1.content.body, "Ñandú, again.");
    check_whole_copies(&mut conn);
}

#[test]
fn the_migration_of_history_can_be_taken_back_and_leaves_what_sql_can_read() {
    let database = database_with_whole_copies();
    let mut conn = database.conn();
    let [up, down] = ["0003_history/up.sql", "0003_history/down.sql"].map(|file| migration(&conn, file));
    execute(&mut conn, &up);
    let packed = if matches!(conn, Conn::Sqlite(_)) { "X'28'" } else { "'\\x28'" };
    execute(
        &mut conn,
        &format!(
            "INSERT INTO revisions (article_id, number, event, published, created_at, base, steps, content) VALUES \
             ('one', 3, 'edit', '0', 3, 2, 1, {packed}), ('one', 4, 'edit', '0', 3, NULL, 0, {packed})"
        ),
    );
    execute(&mut conn, &down);
    execute(&mut conn, &up);
    check_whole_copies(&mut conn);
    assert_eq!(history::nearest(&mut conn, "one", 9).unwrap(), Some(2));
}
