//! Stories of 3 KB whose words follow Zipf's law, put straight into the published tables of a SQLite database, and a server on it.

use crate::clients::Client;
use copydesk::domain::article::Content;
use copydesk::domain::time::Moment;
use copydesk::store::search::{Beside, keep_author, keep_tag, publish};
use copydesk::store::{Conn, Error, in_write, migrate, open_sqlite};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use std::collections::HashSet;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const WORDS: usize = 30_000;
/// Words of a body: about 3 KB.
const LONG: usize = 430;
const AUTHORS: usize = 200;
const TAGS: usize = 100;
/// Stories a transaction.
const TOGETHER: usize = 2_000;
/// 2015-01-01T00:00:00Z, and a story each five minutes.
const START: i64 = 1_420_070_400_000;
const STEP: i64 = 300_000;

/// A reproducible sequence of numbers (xorshift).
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap_or(0)
    }

    pub fn between(&mut self, from: usize, to: usize) -> usize {
        from + self.roll(to - from)
    }
}

/// The words, the most frequent first, and how often each comes.
struct Language {
    words: Vec<String>,
    /// The sum of the weights up to each word.
    sums: Vec<usize>,
}

impl Language {
    fn new() -> Self {
        const BEGIN: [&str; 20] = ["b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z", "st", "br"];
        const MIDDLE: [&str; 6] = ["a", "e", "i", "o", "u", "ei"];
        let (mut dice, mut words, mut known) = (Dice::new(3), Vec::new(), HashSet::new());
        while words.len() < WORDS {
            let mut word = if dice.roll(6) == 0 { MIDDLE[dice.roll(6)].to_owned() } else { String::new() };
            for _ in 0..dice.between(2, 5) {
                word.push_str(BEGIN[dice.roll(20)]);
                word.push_str(MIDDLE[dice.roll(6)]);
            }
            if word.len() >= 4 && known.insert(word.clone()) {
                words.push(word);
            }
        }
        let mut sum = 0;
        let sums = (1..=WORDS).map(|rank| {
            sum += 10_000_000 / rank;
            sum
        });
        Self { sums: sums.collect(), words }
    }

    fn word(&self, dice: &mut Dice) -> &str {
        let at = dice.roll(*self.sums.last().unwrap_or(&1));
        &self.words[self.sums.partition_point(|sum| *sum <= at)]
    }

    fn text(&self, dice: &mut Dice, words: usize) -> String {
        (0..words).map(|_| self.word(dice)).collect::<Vec<_>>().join(" ")
    }
}

/// A corpus and a server on it.
pub struct Corpus {
    pub size: usize,
    language: Language,
    server: Server,
    path: PathBuf,
    _folder: Option<tempfile::TempDir>,
}

impl Corpus {
    /// Opens the corpus of that size, written if it is not there.
    pub fn open(size: usize, kept: Option<&Path>) -> Self {
        let kept = kept.map(|folder| folder.join(format!("search-{size}")));
        let temporary = kept.is_none().then(|| tempfile::tempdir().expect("a temporary folder"));
        let folder = kept.or_else(|| temporary.as_ref().map(|folder| folder.path().to_owned())).expect("a folder");
        let path = folder.join("copydesk.db");
        let language = Language::new();
        if !folder.join("written").is_file() {
            std::fs::create_dir_all(&folder).expect("a folder");
            let begun = Instant::now();
            fill(&path, size, &language).expect("the corpus");
            std::fs::write(folder.join("written"), "").expect("a file");
            eprintln!("{size} stories written in {:.0} s", begun.elapsed().as_secs_f64());
        }
        let server = Server::start(&folder);
        Self { size, language, server, path, _folder: temporary }
    }

    pub const fn port(&self) -> u16 {
        self.server.port
    }

    pub fn word(&self, rank: usize) -> &str {
        &self.language.words[rank]
    }

    /// The last pages of common words, of a hundred each.
    pub fn deep(&self, dice: &mut Dice) -> Vec<String> {
        let mut client = Client::new(self.port());
        let mut last = |path: String| {
            let mut pages = vec![path];
            while let Some(path) = pages.last() {
                let page: serde_json::Value = serde_json::from_slice(&client.get(path)).expect("JSON");
                let Some(cursor) = page["page"]["next_cursor"].as_str() else { break };
                pages.push(format!("{}&cursor={cursor}", pages[0]));
            }
            pages.pop().unwrap_or_default()
        };
        let ends: Vec<String> = (0..10).map(|rank| last(format!("/v1/search?limit=100&q={}", self.word(rank)))).collect();
        (0..300).map(|_| ends[dice.roll(ends.len())].clone()).collect()
    }

    /// How large the index is, and the text that it covers, in bytes.
    pub fn sizes(&self) -> String {
        let Ok(Conn::Sqlite(mut conn)) = open_sqlite(&self.path) else { return String::new() };
        let mut number = |sql: &str| -> i64 {
            #[derive(QueryableByName)]
            struct Row {
                #[diesel(sql_type = BigInt)]
                number: i64,
            }
            diesel::sql_query(sql).get_result::<Row>(&mut conn).map_or(0, |row| row.number)
        };
        let text = number("SELECT sum(length(CAST(text AS BLOB)) + length(CAST(document AS BLOB))) AS number FROM published_contents");
        let index = number("SELECT sum(length(block)) AS number FROM published_index_data");
        let beside = number("SELECT sum(length(sz) + 9) AS number FROM published_index_docsize")
            + number("SELECT sum(length(idx) + 12) AS number FROM (SELECT term AS idx FROM published_index_idx)");
        let terms = number("SELECT sum(length(terms) + 4) AS number FROM published_terms");
        let words = number("SELECT sum(length(word) * 3 + 12) AS number FROM published_words");
        let pages = number(
            "SELECT sum(pgsize) AS number FROM dbstat WHERE name LIKE 'published_index%' OR name LIKE 'published_terms%' OR name LIKE 'published_words%'",
        );
        let share = |bytes: i64| bytes * 1000 / text.max(1);
        format!(
            "text {text} bytes; per mille of it: index {}, beside it {}, terms {}, words {}; all of it on disk, where the database can tell: {}",
            share(index),
            share(beside),
            share(terms),
            share(words),
            share(pages)
        )
    }
}

fn fill(path: &Path, size: usize, language: &Language) -> Result<(), Error> {
    let mut conn = open_sqlite(path)?;
    migrate(&mut conn)?;
    conn.batch_execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; PRAGMA foreign_keys = OFF; INSERT INTO published_index (published_index, rank) VALUES ('hashsize', 33554432)")?;
    people(&mut conn)?;
    let mut dice = Dice::new(42);
    let mut written = 0;
    while written < size {
        let until = (written + TOGETHER).min(size);
        in_write(&mut conn, |conn| (written..until).try_for_each(|number| story(conn, number, &mut dice, language)))?;
        written = until;
        if written.is_multiple_of(100_000) {
            eprintln!("{written} stories…");
        }
    }
    Ok(conn.batch_execute(
        "INSERT INTO published_index (published_index, rank) VALUES ('hashsize', 1048576); PRAGMA wal_checkpoint(TRUNCATE)",
    )?)
}

fn id(kind: usize, number: usize) -> String {
    format!("0197b1e2-{kind:04x}-7000-8000-{number:012x}")
}

fn people(conn: &mut Conn) -> Result<(), Error> {
    for number in 0..AUTHORS {
        let (id, name) = (id(1, number), format!("Author Number{number}"));
        conn.batch_execute(&format!(
            "INSERT INTO authors (id, slug, name, document, bio_html, version, created_at, updated_at) VALUES ('{id}', 'author-{number}', '{name}', \
             '{{\"beat\":null,\"bio\":null,\"location\":null,\"website\":null,\"image\":null,\"links\":[]}}', '', 1, 1, 1); \
             INSERT INTO author_slugs VALUES ('author-{number}', '{id}')"
        ))?;
        keep_author(conn, &id, &name)?;
    }
    for number in 0..TAGS {
        let (id, name) = (id(2, number), format!("Tag Number{number}"));
        conn.batch_execute(&format!(
            "INSERT INTO tags (id, slug, name, visibility, version, created_at, updated_at) VALUES ('{id}', 'tag-{number}', '{name}', 'public', 1, 1, 1); \
             INSERT INTO tag_slugs VALUES ('tag-{number}', '{id}')"
        ))?;
        keep_tag(conn, &id, &name)?;
    }
    Ok(())
}

fn story(conn: &mut Conn, number: usize, dice: &mut Dice, language: &Language) -> Result<(), Error> {
    let mut skewed = |most: usize| {
        let one = dice.roll(most);
        dice.roll(one + 1)
    };
    let (author, tag) = (id(1, skewed(AUTHORS)), id(2, skewed(TAGS)));
    let words = |dice: &mut Dice, count| language.text(dice, count);
    let title = format!("{} {}", words(dice, 6), language.words[dice.between(50, 5_000)]);
    let lead = words(dice, 25);
    let text = format!("{}. case{number}. {}", words(dice, LONG / 2), words(dice, LONG / 2));
    let body = format!("## {}\n\n{text}", words(dice, 3));
    let damaged = |error: serde_json::Error| Error::Damaged(error.to_string());
    let value = serde_json::json!({
        "title": title, "subtitle": null, "dateline": null, "lead": lead, "body": "", "image": null,
        "language": if number.is_multiple_of(4) { "es" } else { "en" }, "canonical_url": null, "seo": null, "custom": {},
    });
    let document = value.to_string();
    let content: Content = serde_json::from_value(value).map_err(damaged)?;
    let (content, text) = (Content { body, ..content }, serde_json::to_string(&text).map_err(damaged)?);
    let markdown = serde_json::to_string(&content.body).map_err(damaged)?;
    let published_at = Moment::from_milliseconds(START + STEP * i64::try_from(number).unwrap_or(0));
    let (story, place) = (id(3, number), i64::try_from(number + 1).unwrap_or(0));
    let at = published_at.milliseconds();
    let summary = format!(
        "{{\"id\":\"{story}\",\"slug\":\"story-{number}\",\"title\":{},\"lead\":{},\u{1}\"language\":\"en\",\"word_count\":430,",
        serde_json::to_string(&content.title).map_err(damaged)?,
        serde_json::to_string(&content.lead).map_err(damaged)?
    );
    let Conn::Sqlite(sqlite) = conn else { return Err(Error::Damaged("no SQLite".into())) };
    diesel::sql_query(
        "INSERT INTO published_articles (place, article_id, slug, version, title, language, year, published_at, content_updated_at, author_ids, \
         tag_ids, summary, form, changed_at) VALUES (?, ?, ?, 2, ?, ?, ?, ?, ?, ?, ?, ?, 1, 1)",
    )
    .bind::<BigInt, _>(place)
    .bind::<Text, _>(&story)
    .bind::<Text, _>(format!("story-{number}"))
    .bind::<Text, _>(&content.title)
    .bind::<Text, _>(&content.language.0)
    .bind::<BigInt, _>(i64::from(published_at.year()))
    .bind::<BigInt, _>(at)
    .bind::<BigInt, _>(at)
    .bind::<Text, _>(&author)
    .bind::<Text, _>(&tag)
    .bind::<Text, _>(&summary)
    .execute(sqlite)?;
    diesel::sql_query(
        "INSERT INTO published_contents (place, html, markdown, text, blocks, document, word_count, reading_minutes, first_published_at) \
         VALUES (?, '\"\"', ?, ?, '[]', ?, 430, 2, ?)",
    )
    .bind::<BigInt, _>(place)
    .bind::<Text, _>(markdown)
    .bind::<Text, _>(&text)
    .bind::<Text, _>(document)
    .bind::<BigInt, _>(at)
    .execute(sqlite)?;
    for (table, column, other) in [("authors", "author_id", &author), ("tags", "tag_id", &tag)] {
        diesel::sql_query(format!(
            "INSERT INTO published_article_{table} (place, {column}, position, published_at, content_updated_at, title, article_id) VALUES (?, ?, 0, ?, ?, ?, ?)"
        ))
        .bind::<BigInt, _>(place)
        .bind::<Text, _>(other)
        .bind::<BigInt, _>(at)
        .bind::<BigInt, _>(at)
        .bind::<Text, _>(&content.title)
        .bind::<Text, _>(&story)
        .execute(sqlite)?;
    }
    let beside =
        Beside { authors: vec![&author], tags: vec![&tag], language: &content.language.0, year: Some(i64::from(published_at.year())) };
    publish(conn, place, &content, &text, &beside)
}

/// A running release binary.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a port").port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_copydesk"));
        command.env("COPYDESK_LISTEN", format!("127.0.0.1:{port}")).env("COPYDESK_DATA_DIR", folder).env("COPYDESK_CACHE_BYTES", "0");
        command.env("COPYDESK_LOG", "error");
        let log = std::fs::File::create(folder.join("log")).expect("a log");
        let child = command.current_dir(folder).stdout(Stdio::null()).stderr(log).spawn().expect("the server");
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "nobody listens on {port}");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { child, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
