//! Which live stories stand beside a live story: the ones before and after it, and those about the same.

use super::conn::Conn;
use super::error::Error;
use super::live::{self, Bodies, LiveFilter, LiveRow, Named};
use super::page::{Order, Slice};
use super::statement::{Statement, on_either};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use std::collections::HashMap;

/// How many of the newest stories of each tag and author are looked at for `related`.
const CANDIDATES: i64 = 100;
/// A shared tag counts twice as much as a shared author.
const TAG_POINTS: i64 = 2;
const AUTHOR_POINTS: i64 = 1;

/// The stories published just before and just after a story.
pub struct Adjacent {
    pub previous: Option<LiveRow>,
    pub next: Option<LiveRow>,
}

/// The neighbours of a story by date; among those under a tag if one is given.
pub fn adjacent(conn: &mut Conn, story: &LiveRow, under: Option<&str>) -> Result<Adjacent, Error> {
    let tags = under.map(|id| vec![Named { id: id.to_owned(), live_count: 0 }]);
    let filter = LiveFilter { tags, ..LiveFilter::default() };
    let position = live::position(story, Order::Publication);
    let mut beside = |newer: bool| -> Result<Option<LiveRow>, Error> {
        let slice = Slice { limit: 1, after: Some(position.clone()), backward: newer, count: false };
        Ok(live::list(conn, &filter, (Order::Publication, true), &slice, Bodies::NONE)?.items.pop())
    };
    Ok(Adjacent { previous: beside(false)?, next: beside(true)? })
}

/// The stories that share most with a story, at most `limit`; of equals the newest first.
/// Bounded: only the newest `CANDIDATES` of each tag and author are looked at.
pub fn related(conn: &mut Conn, story: &LiveRow, tags: &[String], authors: &[String], limit: usize) -> Result<Vec<LiveRow>, Error> {
    if tags.is_empty() && authors.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement = Statement::default();
    for tag in tags {
        newest(&mut statement, TAG_POINTS, " AS points, w.article_id, w.published_at FROM published_article_tags w WHERE w.tag_id = ", tag);
    }
    for author in authors {
        let words = " AS points, w.article_id, w.published_at FROM published_article_authors w WHERE w.author_id = ";
        newest(&mut statement, AUTHOR_POINTS, words, author);
    }
    let rows = statement.rows::<(BigInt, Text, BigInt)>();
    let rows: Vec<(i64, String, i64)> = on_either!(conn, conn => rows.load(conn)?);
    let mut points: HashMap<String, (i64, i64)> = HashMap::with_capacity(rows.len());
    for (worth, id, published_at) in rows {
        points.entry(id).or_insert((0, published_at)).0 += worth;
    }
    points.remove(&story.article_id);
    let mut ranked: Vec<(i64, i64, String)> = points.into_iter().map(|(id, (points, published_at))| (points, published_at, id)).collect();
    ranked.sort_unstable_by(|one, other| other.cmp(one));
    ranked.truncate(limit);
    let ids: Vec<String> = ranked.into_iter().map(|(.., id)| id).collect();
    live::by_ids(conn, &ids, Bodies::NONE)
}

/// The newest stories of one tag or author, as one more part of a union.
fn newest(statement: &mut Statement, points: i64, words: &'static str, id: &str) {
    let is_first = statement.is_empty();
    statement.words(if is_first { "SELECT * FROM (SELECT " } else { " UNION ALL SELECT * FROM (SELECT " });
    // A number that stands in a list of columns has to say its type to PostgreSQL.
    statement.words("CAST(").number(points).words(" AS BIGINT)").words(words).text(id);
    statement.words(" ORDER BY w.published_at DESC, w.article_id DESC LIMIT ").number(CANDIDATES).words(") newest");
}
