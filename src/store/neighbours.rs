//! Which live stories stand beside a live story: the ones before and after it, and those about the same.

use super::conn::Conn;
use super::error::Error;
use super::live::{self, Bodies, LiveFilter, LiveRow, Named};
use super::page::{Order, Slice};
use super::statement::{Statement, on_either};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use std::cmp::Reverse;

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
/// Bounded: only the newest `CANDIDATES` of each tag and author are looked at, by their places alone; no more rows are read than are shown.
/// `Error::Raced` if one of them was published again in between.
pub fn related(conn: &mut Conn, story: &LiveRow, tags: &[String], authors: &[String], limit: usize) -> Result<Vec<LiveRow>, Error> {
    if tags.is_empty() && authors.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement = Statement::default();
    for tag in tags {
        newest(&mut statement, TAG_POINTS, " AS points, w.place, w.published_at FROM published_article_tags w WHERE w.tag_id = ", tag);
    }
    for author in authors {
        let words = " AS points, w.place, w.published_at FROM published_article_authors w WHERE w.author_id = ";
        newest(&mut statement, AUTHOR_POINTS, words, author);
    }
    let rows = statement.rows::<(BigInt, BigInt, BigInt)>();
    let shared: Vec<Shared> = on_either!(conn, conn => rows.load(conn)?);
    // One more than is shown, for the story has most in common with itself.
    let mut rows = live::by_places(conn, &ranked(shared, limit + 1))?;
    rows.retain(|row| row.article_id != story.article_id);
    rows.truncate(limit);
    Ok(rows)
}

/// A story that shares an author or a tag with another, and what that is worth.
#[derive(Debug, Queryable)]
struct Shared {
    points: i64,
    place: i64,
    published_at: i64,
}

/// The places of those that share most, at most `limit`; of equals the newest first.
fn ranked(mut shared: Vec<Shared>, limit: usize) -> Vec<i64> {
    shared.sort_unstable_by_key(|one| one.place);
    let mut sums: Vec<Shared> = Vec::with_capacity(shared.len());
    for one in shared {
        match sums.last_mut().filter(|last| last.place == one.place) {
            Some(last) => last.points += one.points,
            None => sums.push(one),
        }
    }
    sums.sort_unstable_by_key(|one| Reverse((one.points, one.published_at, one.place)));
    sums.truncate(limit);
    sums.into_iter().map(|one| one.place).collect()
}

/// The newest stories of one tag or author, as one more part of a union.
fn newest(statement: &mut Statement, points: i64, words: &'static str, id: &str) {
    let is_first = statement.is_empty();
    statement.words(if is_first { "SELECT * FROM (SELECT " } else { " UNION ALL SELECT * FROM (SELECT " });
    // A number that stands in a list of columns has to say its type to PostgreSQL.
    statement.words("CAST(").number(points).words(" AS BIGINT)").words(words).text(id);
    statement.words(" ORDER BY w.published_at DESC, w.article_id DESC LIMIT ").number(CANDIDATES).words(") newest");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(points: i64, place: i64, published_at: i64) -> Shared {
        Shared { points, place, published_at }
    }

    #[test]
    fn who_shares_more_comes_first_and_of_equals_the_newest() {
        let all = vec![shared(2, 7, 70), shared(1, 5, 90), shared(2, 6, 80), shared(1, 7, 70), shared(2, 4, 80)];
        assert_eq!(ranked(all, 3), [7, 6, 4]);
    }
}
