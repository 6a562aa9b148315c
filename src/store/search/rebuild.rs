//! Indexes anew what older code has indexed, or nobody; rebuilds everything beside a running server; and compares the index with the stories.

use super::super::conn::Conn;
use super::super::error::Error;
use super::super::statement::{Statement, on_either};
use super::super::transaction::in_write;
use super::index::{self, Beside, Indexed};
use super::live::{matches, parsed};
use super::schema::published_terms;
use super::token::{self, Node};
use super::{FORM, names, working};
use crate::domain::search::facts::Known;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

/// How many stories, names or words go into one transaction: little enough that writers hardly wait.
const TOGETHER: i64 = 200;

/// Ids in their order, from one on.
const LIVE: [&str; 2] = ["SELECT article_id FROM published_articles WHERE article_id > ", " ORDER BY article_id LIMIT "];
const WORKING: [&str; 2] = ["SELECT id FROM articles WHERE id > ", " ORDER BY id LIMIT "];

/// What is rebuilt, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Names,
    Live,
    Working,
    /// Forgets words that no live story has any more.
    Words,
}

/// What has been done, and where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub step: Step,
    /// Behind this; `None` at the beginning.
    after: Option<String>,
    /// How many of this step are done.
    pub done: u64,
}

impl Progress {
    pub const fn begin() -> Self {
        Self { step: Step::Names, after: None, done: 0 }
    }

    fn on(self, keys: &[String]) -> Option<Self> {
        let done = self.done + u64::try_from(keys.len()).unwrap_or(0);
        if let Some(last) = keys.last() {
            return Some(Self { step: self.step, after: Some(last.clone()), done });
        }
        let step = match self.step {
            Step::Names => Step::Live,
            Step::Live => Step::Working,
            Step::Working => Step::Words,
            Step::Words => return None,
        };
        Some(Self { step, after: None, done: 0 })
    }
}

/// Does the next part of rebuilding everything, in a transaction of its own; `None` when nothing is left. What was there is found until what
/// comes in its place is, so a server may go on. Where it meets the server at the same story, nothing has happened, and it may be tried again.
pub fn rebuild(conn: &mut Conn, progress: Progress) -> Result<Option<Progress>, Error> {
    in_write(conn, |conn| {
        let after = progress.after.clone().unwrap_or_default();
        let keys = match progress.step {
            Step::Names => keep_names(conn, &after)?,
            Step::Live => {
                if progress.after.is_none() {
                    forget_strangers(conn)?;
                }
                let ids = stories(conn, LIVE, &after)?;
                index_live(conn, &ids)?
            }
            Step::Working => {
                let ids = stories(conn, WORKING, &after)?;
                index_working(conn, &ids)?
            }
            Step::Words => forget_words(conn, &after)?,
        };
        Ok(progress.on(&keys))
    })
}

/// Takes out of the index what belongs to no live story. On PostgreSQL index and story are rows that go together.
fn forget_strangers(conn: &mut Conn) -> Result<(), Error> {
    if let Conn::Sqlite(sqlite) = conn {
        diesel::sql_query(
            "DELETE FROM published_index WHERE rowid IN (SELECT id FROM published_index_docsize WHERE id NOT IN (SELECT place FROM published_terms))",
        )
        .execute(sqlite)?;
    }
    Ok(())
}

/// Indexes what older code has indexed, or none, and tells how many stories that were. May be interrupted and started again.
pub fn index_anew(conn: &mut Conn) -> Result<usize, Error> {
    if names_are_missing(conn)? {
        let mut after = String::new();
        while let Some(last) = in_write(conn, |conn| keep_names(conn, &after))?.pop() {
            after = last;
        }
    }
    let mut count = 0;
    for (stale, index) in [(stale_live as Find, index_live as Index), (stale_working, index_working)] {
        // Asked outside, so that a start that finds nothing waits for nobody; and again inside, since another process may have done it.
        while !stale(conn)?.is_empty() {
            count += in_write(conn, |conn| {
                let ids = stale(conn)?;
                index(conn, &ids)
            })?
            .len();
        }
    }
    Ok(count)
}

type Find = fn(&mut Conn) -> Result<Vec<String>, Error>;
type Index = fn(&mut Conn, &[String]) -> Result<Vec<String>, Error>;

fn stale_live(conn: &mut Conn) -> Result<Vec<String>, Error> {
    stale(conn, "SELECT a.article_id FROM published_terms t JOIN published_articles a ON a.place = t.place WHERE t.form < ")
}

fn stale_working(conn: &mut Conn) -> Result<Vec<String>, Error> {
    stale(conn, "SELECT t.article_id FROM article_terms t WHERE t.form < ")
}

/// Ids of some that are indexed in another form: two half-open ranges, so that the index of the database says at once when there is none.
fn stale(conn: &mut Conn, which: &'static str) -> Result<Vec<String>, Error> {
    let mut statement = Statement::default();
    statement.words(which).number(FORM).words(" OR t.form > ").number(FORM).words(" LIMIT ").number(TOGETHER);
    let rows = statement.rows::<Text>();
    Ok(on_either!(conn, conn => rows.load(conn)?))
}

/// Notes what came in without passing the desk, as an import does, rows of stories and nothing of the index: [`index_anew`] finds it.
pub fn note_imported(conn: &mut Conn) -> Result<(), Error> {
    let live = "FROM published_articles a WHERE NOT EXISTS (SELECT 1 FROM published_terms t WHERE t.place = a.place)";
    let working = "FROM articles a WHERE NOT EXISTS (SELECT 1 FROM article_terms t WHERE t.article_id = a.id)";
    // As the migration leaves what it finds: there, and indexed by none.
    let (columns, empty) = if matches!(conn, Conn::Sqlite(_)) { ("terms", "x''") } else { ("terms, words", "'', ''") };
    on_either!(conn, conn => {
        diesel::sql_query(format!("INSERT INTO published_terms (place, form, {columns}) SELECT a.place, 0, {empty} {live}")).execute(conn)?;
        diesel::sql_query(format!("INSERT INTO article_terms (article_id, form, {columns}) SELECT a.id, 0, {empty} {working}")).execute(conn)?
    });
    Ok(())
}

/// Whether an author or a tag is there, and none of their names: so it is after a migration, and only then.
fn names_are_missing(conn: &mut Conn) -> Result<bool, Error> {
    let mut statement = Statement::default();
    statement
        .words("SELECT count(*) FROM (SELECT a.id FROM authors a WHERE NOT EXISTS (SELECT 1 FROM author_words w WHERE w.author_id = a.id)");
    statement.words(" UNION ALL SELECT t.id FROM tags t WHERE NOT EXISTS (SELECT 1 FROM tag_words w WHERE w.tag_id = t.id)) missing");
    let rows = statement.rows::<BigInt>();
    let count: i64 = on_either!(conn, conn => rows.get_result(conn)?);
    Ok(count > 0)
}

fn stories(conn: &mut Conn, [from, order]: [&'static str; 2], after: &str) -> Result<Vec<String>, Error> {
    let mut statement = Statement::default();
    statement.words(from).text(after).words(order).number(TOGETHER);
    let rows = statement.rows::<Text>();
    Ok(on_either!(conn, conn => rows.load(conn)?))
}

/// Authors and tags in one row of ids.
fn keep_names(conn: &mut Conn, after: &str) -> Result<Vec<String>, Error> {
    let mut statement = Statement::default();
    statement.words("SELECT id, name, 1 FROM authors WHERE id > ").text(after);
    statement.words(" UNION ALL SELECT id, name, 0 FROM tags WHERE id > ").text(after).words(" ORDER BY 1, 3 LIMIT ").number(TOGETHER);
    let rows = statement.rows::<(Text, Text, diesel::sql_types::Integer)>();
    let rows: Vec<(String, String, i32)> = on_either!(conn, conn => rows.load(conn)?);
    for (id, name, is_author) in &rows {
        if *is_author == 1 { names::keep_author(conn, id, name)? } else { names::keep_tag(conn, id, name)? }
    }
    Ok(rows.into_iter().map(|(id, ..)| id).collect())
}

/// What is stored of a live copy.
struct Stored {
    id: String,
    place: i64,
    content: crate::domain::article::Content,
    /// As JSON.
    text: String,
    language: String,
    year: i64,
    author_ids: String,
    tag_ids: String,
    terms: Option<Vec<u8>>,
}

fn stored(conn: &mut Conn, ids: &[String]) -> Result<Vec<Stored>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement = Statement::default();
    statement.words("SELECT a.article_id, a.place, c.document, c.markdown, c.text, a.language, a.year, a.author_ids, a.tag_ids, t.terms");
    statement.words(" FROM published_articles a JOIN published_contents c ON c.place = a.place LEFT JOIN published_terms t ON t.place = a.place WHERE a.article_id IN ");
    statement.texts(ids.iter().map(String::as_str)).rare();
    type Row = (String, i64, String, String, String, String, i64, String, String, Option<Vec<u8>>);
    let rows = statement.rows::<(Text, BigInt, Text, Text, Text, Text, BigInt, Text, Text, Nullable<Binary>)>();
    let rows: Vec<Row> = on_either!(conn, conn => rows.load(conn)?);
    let stored = rows.into_iter().map(|(id, place, document, markdown, text, language, year, author_ids, tag_ids, terms)| {
        let (content, _) = parsed(&document, &markdown, &text)?;
        Ok(Stored { id, place, content, text, language, year, author_ids, tag_ids, terms })
    });
    stored.collect()
}

fn index_live(conn: &mut Conn, ids: &[String]) -> Result<Vec<String>, Error> {
    for Stored { place, content, text, language, year, author_ids, tag_ids, .. } in stored(conn, ids)? {
        diesel::delete(published_terms::table.find(place)).execute(conn)?;
        let beside = Beside {
            authors: author_ids.split_ascii_whitespace().collect(),
            tags: tag_ids.split_ascii_whitespace().collect(),
            language: &language,
            year: Some(year),
        };
        index::publish(conn, place, &content, &text, &beside)?;
    }
    Ok(ids.to_vec())
}

fn index_working(conn: &mut Conn, ids: &[String]) -> Result<Vec<String>, Error> {
    for copy in working::all(conn, ids)? {
        let content = copy.row.content()?;
        let authors: Vec<String> = copy.authors.into_iter().map(|author| author.id).collect();
        let tags: Vec<String> = copy.tags.into_iter().map(|tag| tag.id).collect();
        let beside = Beside::of_draft(&content.language.0, &authors, &tags);
        index::put_working(conn, &copy.row.id, &Indexed::of(&content), &beside)?;
    }
    Ok(ids.to_vec())
}

fn forget_words(conn: &mut Conn, after: &str) -> Result<Vec<String>, Error> {
    let mut statement = Statement::default();
    statement.words("SELECT word FROM published_words WHERE word > ").text(after).words(" ORDER BY word LIMIT ").number(TOGETHER);
    let rows = statement.rows::<Text>();
    let words: Vec<String> = on_either!(conn, conn => rows.load(conn)?);
    for word in &words {
        if matches(conn, &Node::Token(word.clone()), i64::MAX, 1)? == 0 {
            let gone = diesel::sql_query(if matches!(conn, Conn::Sqlite(_)) {
                "DELETE FROM published_words WHERE word = ?"
            } else {
                "DELETE FROM published_words WHERE word = $1"
            });
            let gone = gone.bind::<Text, _>(word);
            on_either!(conn, conn => gone.execute(conn)?);
        }
    }
    Ok(words)
}

/// Where the public's index and the live stories disagree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// How many live stories there are.
    pub live: u64,
    /// Ids of live stories that are not in the index, or not as they are.
    pub wrong: Vec<String>,
    /// How many entries of the index belong to no live story.
    pub extra: u64,
}

impl Difference {
    pub fn is_none(&self) -> bool {
        self.wrong.is_empty() && self.extra == 0
    }
}

/// Compares the public's index with all live stories, word by word. Takes as long as reading them all; `copydesk reindex` mends what it finds.
pub fn compare(conn: &mut Conn) -> Result<Difference, Error> {
    let mut difference = Difference::default();
    let mut after = String::new();
    loop {
        let ids = stories(conn, LIVE, &after)?;
        let Some(last) = ids.last() else { break };
        after.clone_from(last);
        difference.live += u64::try_from(ids.len()).unwrap_or(0);
        for story in stored(conn, &ids)? {
            if !is_right(conn, &story)? {
                difference.wrong.push(story.id);
            }
        }
    }
    let mut statement = Statement::default();
    statement.words(match conn {
        // The rows that FTS5 keeps beside each entry.
        Conn::Sqlite(_) => "SELECT count(*) FROM published_index_docsize WHERE id NOT IN (SELECT place FROM published_articles)",
        Conn::Postgres(_) => "SELECT count(*) FROM published_terms WHERE place NOT IN (SELECT place FROM published_articles)",
    });
    let rows = statement.rows::<BigInt>();
    let extra: i64 = on_either!(conn, conn => rows.get_result(conn)?);
    difference.extra = u64::try_from(extra).unwrap_or(0);
    Ok(difference)
}

/// Whether the index has the story under each of its words and links.
fn is_right(conn: &mut Conn, story: &Stored) -> Result<bool, Error> {
    let text = serde_json::from_str(&story.text).map_err(|error| Error::Damaged(error.to_string()))?;
    let known: Known = index::story(&story.content, text).known();
    if story.terms.as_ref() != Some(&known.packed()) {
        return Ok(false);
    }
    let words = known.words.keys().cloned().chain(known.title.iter().map(|word| token::of_title(word)));
    let beside = [token::of_language(&story.language), token::of_year(story.year)];
    let all: Vec<Node> = words.chain(beside).map(Node::Token).collect();
    for some in all.chunks(200) {
        let node = Node::All(some.to_vec());
        let mut statement = Statement::default();
        statement.words(match conn {
            Conn::Sqlite(_) => "SELECT count(*) FROM published_index WHERE published_index MATCH ",
            Conn::Postgres(_) => "SELECT count(*) FROM published_terms WHERE words @@ CAST(",
        });
        statement.text(node.written(conn)).words(match conn {
            Conn::Sqlite(_) => " AND rowid = ",
            Conn::Postgres(_) => " AS tsquery) AND place = ",
        });
        statement.number(story.place).rare();
        let rows = statement.rows::<BigInt>();
        let found: i64 = on_either!(conn, conn => rows.get_result(conn)?);
        if found != 1 {
            return Ok(false);
        }
    }
    Ok(true)
}
