//! Puts stories into the index and takes them out, in the transaction of whatever brings that about. Triggers take out what goes with its row.

use super::super::articles::WorkingCopy;
use super::super::conn::Conn;
use super::super::error::Error;
use super::schema::{article_entries, article_terms, published_entries, published_terms};
use super::{FORM, token};
use crate::domain::article::Content;
use crate::domain::search::facts::{Known, Story};
use crate::domain::time::Moment;
use diesel::connection::SimpleConnection;
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Text};
use diesel::sqlite::SqliteConnection;

/// How a story is found, beside its words.
#[derive(Clone, Debug)]
pub struct Beside<'a> {
    /// Their ids.
    pub authors: Vec<&'a str>,
    /// Their ids, internal ones included.
    pub tags: Vec<&'a str>,
    pub language: &'a str,
    pub year: Option<i64>,
}

/// What the index keeps of the words of a story.
#[derive(Clone, Debug)]
pub struct Indexed {
    /// See `Known::packed`.
    terms: Vec<u8>,
    /// Each once, then those of the title, a space between.
    words: String,
}

impl Indexed {
    /// Of a working copy: its body is found as it is written.
    pub fn of(content: &Content) -> Self {
        Self::knowing(&story(content, content.body.clone()).known())
    }

    fn knowing(known: &Known) -> Self {
        let words = known.words.keys().cloned().chain(known.title.iter().map(|word| token::of_title(word)));
        Self { terms: known.packed(), words: words.collect::<Vec<_>>().join(" ") }
    }
}

impl<'a> Beside<'a> {
    /// Of a working copy that stays one.
    pub fn of_draft(language: &'a str, author_ids: &'a [String], tag_ids: &'a [String]) -> Self {
        let ids = |ids: &'a [String]| ids.iter().map(String::as_str).collect();
        Self { authors: ids(author_ids), tags: ids(tag_ids), language, year: None }
    }

    /// All entries of a story, a space between.
    fn with(&self, words: &str) -> String {
        let Self { authors, tags, language, year } = self;
        let links = authors.iter().map(|id| token::of_author(id)).chain(tags.iter().map(|id| token::of_tag(id)));
        let beside = links.chain([token::of_language(language)]).chain(year.map(token::of_year));
        let words = Some(words).filter(|words| !words.is_empty()).map(str::to_owned);
        words.into_iter().chain(beside).collect::<Vec<_>>().join(" ")
    }

    /// Of a working copy that is about to be live.
    pub fn of(copy: &'a WorkingCopy, content: &'a Content, published_at: Moment) -> Self {
        Self {
            authors: copy.authors.iter().map(|author| author.id.as_str()).collect(),
            tags: copy.tags.iter().map(|tag| tag.id.as_str()).collect(),
            language: &content.language.0,
            year: Some(i64::from(published_at.year())),
        }
    }
}

/// Makes the place, on a connection of SQLite that is going to write, where entries wait for the end of their transaction. Each time that the
/// index is written it makes a part of its own, and at each savepoint it is written: a part for each transaction is far cheaper.
pub fn prepare(conn: &mut SqliteConnection) -> QueryResult<()> {
    conn.batch_execute(
        "PRAGMA temp_store = MEMORY; \
         CREATE TEMP TABLE published_entries (place INTEGER NOT NULL PRIMARY KEY, words TEXT NOT NULL) STRICT; \
         CREATE TEMP TABLE article_entries (place INTEGER NOT NULL PRIMARY KEY, words TEXT NOT NULL) STRICT;",
    )
}

/// Puts the entries that wait into the index: at the end of every transaction that writes. What is gone again meanwhile is left out.
pub fn settle(conn: &mut Conn) -> Result<(), Error> {
    let Conn::Sqlite(sqlite) = conn else { return Ok(()) };
    if diesel::select(exists(published_entries::table.select(published_entries::place))).get_result(sqlite)? {
        sqlite.batch_execute(
            "INSERT INTO published_index (rowid, words) SELECT place, words FROM published_entries JOIN published_terms USING (place) ORDER BY place; \
             DELETE FROM published_entries",
        )?;
    }
    if diesel::select(exists(article_entries::table.select(article_entries::place))).get_result(sqlite)? {
        sqlite.batch_execute(
            "INSERT INTO article_index (rowid, words) SELECT place, words FROM article_entries JOIN article_terms USING (place) ORDER BY place; \
             DELETE FROM article_entries",
        )?;
    }
    Ok(())
}

/// Puts a live copy into the public's index. `text` is its body as readers see it, finished (a JSON string).
pub fn publish(conn: &mut Conn, place: i64, content: &Content, text: &str, beside: &Beside<'_>) -> Result<(), Error> {
    let text: String = serde_json::from_str(text).map_err(|error| Error::Damaged(format!("the text of a live story: {error}")))?;
    let known = story(content, text).known();
    let Indexed { terms, words } = Indexed::knowing(&known);
    let entries = beside.with(&words);
    match conn {
        Conn::Sqlite(sqlite) => {
            diesel::insert_into(published_terms::table)
                .values((published_terms::place.eq(place), published_terms::form.eq(FORM), published_terms::terms.eq(&terms)))
                .execute(sqlite)?;
            diesel::replace_into(published_entries::table)
                .values((published_entries::place.eq(place), published_entries::words.eq(entries)))
                .execute(sqlite)?;
        }
        Conn::Postgres(postgres) => {
            diesel::sql_query("INSERT INTO published_terms (place, form, terms, words) VALUES ($1, $2, $3, CAST($4 AS tsvector))")
                .bind::<BigInt, _>(place)
                .bind::<BigInt, _>(FORM)
                .bind::<Binary, _>(&terms)
                .bind::<Text, _>(quoted(&entries))
                .execute(postgres)?;
        }
    }
    keep_words(conn, &known)
}

/// Puts a working copy into the newsroom's index, in the place of what was there of it.
pub fn put_working(conn: &mut Conn, id: &str, indexed: &Indexed, beside: &Beside<'_>) -> Result<(), Error> {
    delete_working(conn, id)?;
    add_working(conn, id, indexed, beside)
}

/// Puts a working copy into the newsroom's index that is not in it.
pub fn add_working(conn: &mut Conn, id: &str, indexed: &Indexed, beside: &Beside<'_>) -> Result<(), Error> {
    let (terms, entries) = (&indexed.terms, beside.with(&indexed.words));
    match conn {
        Conn::Sqlite(sqlite) => {
            let (place,): (i64,) = diesel::insert_into(article_terms::table)
                .values((article_terms::article_id.eq(id), article_terms::form.eq(FORM), article_terms::terms.eq(terms)))
                .returning((article_terms::place,))
                .get_result(sqlite)?;
            diesel::replace_into(article_entries::table)
                .values((article_entries::place.eq(place), article_entries::words.eq(entries)))
                .execute(sqlite)?;
        }
        Conn::Postgres(postgres) => {
            diesel::sql_query("INSERT INTO article_terms (article_id, form, terms, words) VALUES ($1, $2, $3, CAST($4 AS tsvector))")
                .bind::<Text, _>(id)
                .bind::<BigInt, _>(FORM)
                .bind::<Binary, _>(terms)
                .bind::<Text, _>(quoted(&entries))
                .execute(postgres)?;
        }
    }
    Ok(())
}

/// Takes a working copy out of the newsroom's index.
fn delete_working(conn: &mut Conn, id: &str) -> Result<(), Error> {
    diesel::delete(article_terms::table.filter(article_terms::article_id.eq(id))).execute(conn)?;
    Ok(())
}

/// What search reads of a story. Its `custom` members and what it tells search engines are not for readers, and not found.
pub(super) fn story(content: &Content, text: String) -> Story {
    let image = content.image.as_ref();
    let beside = [
        content.dateline.as_ref().and_then(|dateline| dateline.text.clone()),
        image.and_then(|image| image.caption.clone()),
        image.and_then(|image| image.alt.clone()),
        image.and_then(|image| image.credit.clone()),
    ];
    Story {
        title: content.title.clone(),
        lead: [&content.subtitle, &content.lead].into_iter().flatten().cloned().collect(),
        headings: Story::headings_of(&content.body),
        body: std::iter::once(text).chain(beside.into_iter().flatten()).collect(),
    }
}

/// A tsvector as text. Folded words hold neither quotes nor backslashes.
fn quoted(entries: &str) -> String {
    entries.split(' ').map(|entry| format!("'{entry}'")).collect::<Vec<_>>().join(" ")
}

/// Notes words that live stories have, in order: of two stories that bring the same new word, one waits for the other and not the other for it.
fn keep_words(conn: &mut Conn, known: &Known) -> Result<(), Error> {
    let words: Vec<&str> = known.words.keys().map(String::as_str).collect();
    let backwards: Vec<String> = words.iter().map(|word| word.chars().rev().collect()).collect();
    match conn {
        Conn::Sqlite(sqlite) => {
            let pairs: Vec<(&str, String)> = words.into_iter().zip(backwards).collect();
            let pairs = serde_json::to_string(&pairs).map_err(|error| Error::Damaged(error.to_string()))?;
            diesel::sql_query("INSERT OR IGNORE INTO published_words SELECT value ->> 0, value ->> 1 FROM json_each(?)")
                .bind::<Text, _>(pairs)
                .execute(sqlite)?;
        }
        Conn::Postgres(postgres) => {
            diesel::sql_query(
                "INSERT INTO published_words SELECT * FROM unnest($1, $2) AS new (word, backwards) \
                 WHERE NOT EXISTS (SELECT 1 FROM published_words known WHERE known.word = new.word) ON CONFLICT DO NOTHING",
            )
            .bind::<Array<Text>, _>(words)
            .bind::<Array<Text>, _>(backwards)
            .execute(postgres)?;
        }
    }
    Ok(())
}
